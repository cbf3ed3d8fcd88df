//! Keys whose byte order is the order of what they mean, and ranges over them.

use std::{borrow::Cow, fmt, ops::Deref};

/// First byte of the store's own keys (schema version). Features choose theirs from 1 up.
pub const STORE_PREFIX: u8 = 0;

/// Ends an escaped string. Sorts before every continuation, so `"a" < "a\0" < "ab"` as for the strings themselves.
const STRING_END: [u8; 2] = [0x00, 0x00];
/// Stands for a zero byte inside a string.
const STRING_ZERO: [u8; 2] = [0x00, 0xff];

/// Builds a key part by part: `Key::new(b'S').array(&topic).u64(at).array(&id)`.
///
/// Numbers are big-endian and strings are escaped and ended, so that keys sort part by part and no part can run into
/// the next. An unfinished key is also a prefix to scan: `KeyRange::prefix(&key)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// Starts a key with its feature's prefix byte.
    pub fn new(prefix: u8) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(prefix);
        Self(bytes)
    }

    /// Appends one byte.
    #[must_use]
    pub fn u8(mut self, part: u8) -> Self {
        self.0.push(part);
        self
    }

    /// Appends a number, big-endian.
    #[must_use]
    pub fn u32(self, part: u32) -> Self {
        self.tail(&part.to_be_bytes())
    }

    /// Appends a number, big-endian.
    #[must_use]
    pub fn u64(self, part: u64) -> Self {
        self.tail(&part.to_be_bytes())
    }

    /// Appends bytes of a length fixed by their type: an id, a hash.
    #[must_use]
    pub fn array<const N: usize>(self, part: &[u8; N]) -> Self {
        self.tail(part)
    }

    /// Appends a string of any length and content, so that the next part cannot be mistaken for more of it.
    #[must_use]
    pub fn str(mut self, part: &str) -> Self {
        for byte in part.bytes() {
            match byte {
                0 => self.0.extend_from_slice(&STRING_ZERO),
                byte => self.0.push(byte),
            }
        }
        self.tail(&STRING_END)
    }

    /// Appends raw bytes. Only as the last part, or with a length known from elsewhere; otherwise keys could collide.
    #[must_use]
    pub fn tail(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// The finished bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// Takes a key apart again, in the order it was built. Each step is `None` if the key is too short or malformed.
#[derive(Debug, Clone, Copy)]
pub struct KeyReader<'k>(&'k [u8]);

impl<'k> KeyReader<'k> {
    /// Reads from the first byte (the prefix included).
    pub fn new(key: &'k [u8]) -> Self {
        Self(key)
    }

    /// Takes one byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes a big-endian number.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes a big-endian number.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Takes `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (part, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*part)
    }

    /// Takes a string written by [`Key::str`].
    pub fn str(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut rest = self.0;
        loop {
            rest = match rest {
                [0x00, 0x00, after @ ..] => {
                    self.0 = after;
                    return String::from_utf8(bytes).ok();
                }
                [0x00, 0xff, after @ ..] => {
                    bytes.push(0);
                    after
                }
                [0x00, ..] | [] => return None,
                [byte, after @ ..] => {
                    bytes.push(*byte);
                    after
                }
            };
        }
    }

    /// Everything that was not read yet.
    pub fn rest(self) -> &'k [u8] {
        self.0
    }
}

/// A half-open range of keys: `from` is in it, `to` is not. An empty or upside-down range holds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange<'k> {
    from: Cow<'k, [u8]>,
    /// `None`: up to the last key.
    to: Option<Cow<'k, [u8]>>,
}

impl<'k> KeyRange<'k> {
    /// Every key.
    pub const fn all() -> KeyRange<'static> {
        KeyRange { from: Cow::Borrowed(&[]), to: None }
    }

    /// `from ≤ key < to`.
    pub fn between(from: &'k [u8], to: &'k [u8]) -> Self {
        Self { from: Cow::Borrowed(from), to: Some(Cow::Borrowed(to)) }
    }

    /// Every key that starts with `prefix` (the key `prefix` itself included).
    pub fn prefix(prefix: &'k [u8]) -> Self {
        Self { from: Cow::Borrowed(prefix), to: successor(prefix).map(Cow::Owned) }
    }

    /// Keeps only the keys after `cursor`: the next page of an ascending scan.
    #[must_use]
    pub fn after(mut self, cursor: &[u8]) -> Self {
        // The smallest key greater than `cursor` is `cursor` with a zero byte behind it.
        let next = [cursor, &[0]].concat();
        if next.as_slice() > self.from.as_ref() {
            self.from = Cow::Owned(next);
        }
        self
    }

    /// Keeps only `cursor` and the keys after it.
    #[must_use]
    pub fn starting_at(mut self, cursor: &'k [u8]) -> Self {
        if cursor > self.from.as_ref() {
            self.from = Cow::Borrowed(cursor);
        }
        self
    }

    /// Keeps only the keys before `cursor`: the next page of a descending scan.
    #[must_use]
    pub fn before(mut self, cursor: &'k [u8]) -> Self {
        if self.to.as_deref().is_none_or(|to| cursor < to) {
            self.to = Some(Cow::Borrowed(cursor));
        }
        self
    }

    /// The first key that could be in it.
    pub fn from(&self) -> &[u8] {
        &self.from
    }

    /// The first key beyond it; `None` if it has no upper end.
    pub fn to(&self) -> Option<&[u8]> {
        self.to.as_deref()
    }

    /// Whether no key at all can be in it. Backends ask first, since some panic on an upside-down range.
    pub fn is_empty(&self) -> bool {
        self.to.as_deref().is_some_and(|to| to <= self.from.as_ref())
    }

    /// Whether `key` lies in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_ref() && self.to.as_deref().is_none_or(|to| key < to)
    }
}

/// The first key behind everything that starts with `prefix`; `None` if there is no such key (all bytes 0xff, or empty).
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if let Some(bumped) = last.checked_add(1) {
            next.push(bumped);
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_range_ends_before_the_next_prefix() {
        for (prefix, to) in [
            (&b"a"[..], Some(&b"b"[..])),
            (b"a\xff", Some(b"b")), // carries
            (b"\xff\xff", None),    // nothing comes after
            (b"", None),            // everything
        ] {
            assert_eq!(KeyRange::prefix(prefix).to(), to, "prefix {prefix:?}");
        }
    }

    #[test]
    fn cursors_only_narrow_a_range() {
        let range = KeyRange::between(b"c", b"g");
        assert_eq!(range.clone().after(b"a"), range);
        assert_eq!(range.clone().before(b"z"), range);
        assert_eq!(range.clone().starting_at(b"b"), range);
        assert!(!range.clone().after(b"d").contains(b"d"));
        assert!(range.clone().after(b"d").contains(b"d\0"));
        assert!(range.clone().starting_at(b"d").contains(b"d"));
        assert!(!range.clone().before(b"e").contains(b"e"));
        assert!(range.before(b"c").is_empty());
    }

    proptest! {
        /// What goes into a key comes out again, and nothing is left over.
        #[test]
        fn a_key_reads_back(text in any::<String>(), number in any::<u64>(), small in any::<u32>(), id in any::<[u8; 32]>()) {
            let key = Key::new(7).str(&text).u64(number).u32(small).array(&id).str("");
            let mut reader = KeyReader::new(&key);
            prop_assert_eq!(reader.u8(), Some(7));
            prop_assert_eq!(reader.str(), Some(text));
            prop_assert_eq!(reader.u64(), Some(number));
            prop_assert_eq!(reader.u32(), Some(small));
            prop_assert_eq!(reader.array::<32>(), Some(id));
            prop_assert_eq!(reader.str(), Some(String::new()));
            prop_assert!(reader.rest().is_empty());
        }

        /// Keys sort as their parts do, whatever the strings hold.
        #[test]
        fn keys_sort_by_their_parts(a in ("[\\x00-\\x03a]{0,4}", any::<u64>()), b in ("[\\x00-\\x03a]{0,4}", any::<u64>())) {
            let key = |(text, number): &(String, u64)| Key::new(1).str(text).u64(*number);
            prop_assert_eq!(key(&a).cmp(&key(&b)), (a.0.as_bytes(), a.1).cmp(&(b.0.as_bytes(), b.1)));
        }

        /// Garbage is refused, never a panic.
        #[test]
        fn reading_garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = KeyReader::new(&bytes);
            while reader.str().is_some() || reader.u64().is_some() {}
        }
    }
}
