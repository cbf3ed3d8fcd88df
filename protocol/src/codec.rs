//! Canonical DAG-CBOR, with a cap on everything before anything is built.
//!
//! [`check`] walks the bytes once, without allocating, and accepts exactly the canonical form: definite lengths,
//! shortest integers, map keys that are text and sorted (shorter first, then bytewise) without duplicates, no floats,
//! no tags. Only then is a typed value decoded, so a hostile frame costs its own length and no more.
//!
//! Source: the IPLD DAG-CBOR specification, strictness section; floats and links are left out because no record needs
//! them and each is one more way for two nodes to disagree.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::limits::{CBOR_DEPTH_MAX, CBOR_ITEMS_MAX};

/// Why bytes are not canonical DAG-CBOR of the expected shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More bytes than the limit for this message.
    #[error("{got} bytes, but at most {max} are allowed")]
    TooLarge {
        /// Bytes received.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes end in the middle of an item.
    #[error("the bytes end in the middle of an item")]
    Truncated,
    /// Valid CBOR, but not in the one canonical form.
    #[error("not canonical DAG-CBOR: {0}")]
    NotCanonical(&'static str),
    /// Nested too deeply or too many items.
    #[error("too deeply nested or too many items")]
    TooComplex,
    /// Canonical, but not the fields that are expected.
    #[error("unexpected fields: {0}")]
    Shape(String),
    /// A value that cannot be encoded (a float or a non-text map key).
    #[error("cannot be encoded: {0}")]
    Encode(String),
}

/// Encodes a value canonically.
///
/// # Errors
/// [`CodecError::Encode`] for a value DAG-CBOR cannot hold.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    serde_ipld_dagcbor::to_vec(value).map_err(|error| CodecError::Encode(error.to_string()))
}

/// Decodes canonical bytes of at most `max` bytes.
///
/// # Errors
/// Any [`CodecError`] but `Encode`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, CodecError> {
    check(bytes, max)?;
    decode_checked(bytes)
}

/// Decodes bytes that already passed [`check`].
///
/// # Errors
/// [`CodecError::Shape`] if the fields are not those of `T`.
pub fn decode_checked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CodecError> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|error| CodecError::Shape(error.to_string()))
}

/// Accepts exactly one canonical DAG-CBOR item of at most `max` bytes.
///
/// # Errors
/// Says what is wrong; never panics, whatever the bytes.
pub fn check(bytes: &[u8], max: usize) -> Result<(), CodecError> {
    if bytes.len() > max {
        return Err(CodecError::TooLarge { got: bytes.len(), max });
    }
    let mut walker = Walker { rest: bytes, items: 0 };
    walker.item(0)?;
    if walker.rest.is_empty() { Ok(()) } else { Err(CodecError::NotCanonical("bytes after the item")) }
}

struct Walker<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Walker<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Major type and argument of the next item, the argument in its shortest form.
    fn head(&mut self) -> Result<(u8, u64), CodecError> {
        let first = *self.take(1)?.first().ok_or(CodecError::Truncated)?;
        let (major, info) = (first >> 5, first & 0x1f);
        let width = match info {
            0..=23 => return Ok((major, u64::from(info))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(CodecError::NotCanonical("indefinite length")),
        };
        let argument = self.take(width)?.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let shortest = match width {
            1 => argument >= 24,
            2 => argument > u64::from(u8::MAX),
            4 => argument > u64::from(u16::MAX),
            _ => argument > u64::from(u32::MAX),
        };
        if major != 7 && !shortest {
            return Err(CodecError::NotCanonical("an integer longer than needed"));
        }
        if major == 7 {
            return Err(CodecError::NotCanonical("a float or an unknown simple value"));
        }
        Ok((major, argument))
    }

    fn string(&mut self, major: u8, length: u64) -> Result<&'a [u8], CodecError> {
        let bytes = self.take(usize::try_from(length).map_err(|_| CodecError::Truncated)?)?;
        if major == 3 && std::str::from_utf8(bytes).is_err() {
            return Err(CodecError::NotCanonical("text that is not UTF-8"));
        }
        Ok(bytes)
    }

    fn item(&mut self, depth: usize) -> Result<(), CodecError> {
        self.items += 1;
        if depth > CBOR_DEPTH_MAX || self.items > CBOR_ITEMS_MAX {
            return Err(CodecError::TooComplex);
        }
        let (major, argument) = self.head()?;
        match major {
            0 | 1 => Ok(()),
            2 | 3 => self.string(major, argument).map(|_| ()),
            4 => (0..argument).try_for_each(|_| self.item(depth + 1)),
            5 => self.map(argument, depth),
            6 => Err(CodecError::NotCanonical("a tag")),
            // false, true, null; everything else of major type 7 is refused.
            _ if (20..=22).contains(&argument) => Ok(()),
            _ => Err(CodecError::NotCanonical("a float or an unknown simple value")),
        }
    }

    fn map(&mut self, entries: u64, depth: usize) -> Result<(), CodecError> {
        let mut before: Option<&[u8]> = None;
        for _ in 0..entries {
            let (major, length) = self.head()?;
            if major != 3 {
                return Err(CodecError::NotCanonical("a map key that is not text"));
            }
            let key = self.string(major, length)?;
            if before.is_some_and(|before| (before.len(), before) >= (key.len(), key)) {
                return Err(CodecError::NotCanonical("map keys out of order or twice"));
            }
            before = Some(key);
            self.item(depth + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn accepts_the_canonical_form_and_nothing_else() {
        for (bytes, want, why) in [
            ("a26161016162f6", true, "a map in order"),
            ("a26162016161f6", false, "keys out of order"),
            ("a2616101616102", false, "a key twice"),
            ("a262616101616202", false, "the longer key first"),
            ("a1616118ff", true, "255 in one byte"),
            ("a1616117", true, "23 inline"),
            ("a161611817", false, "23 in two bytes"),
            ("a16161190017", false, "23 in three bytes"),
            ("bf616101ff", false, "indefinite map"),
            ("a16161fb3ff0000000000000", false, "a float"),
            ("a16161f97c00", false, "infinity"),
            ("a16161d82a4100", false, "a tag"),
            ("a16161f7", false, "undefined"),
            ("a10101", false, "an integer key"),
            ("a1616161ff", false, "text that is not UTF-8"),
            ("a16161", false, "truncated"),
            ("a1616101ff", false, "bytes after the end"),
            ("", false, "nothing"),
        ] {
            assert_eq!(check(&hex(bytes), 64).is_ok(), want, "{why}");
        }
    }

    #[test]
    fn limits_hold_at_their_edges() {
        let deep = |depth: usize| [vec![0x81; depth], vec![0x00]].concat();
        assert_eq!(check(&deep(CBOR_DEPTH_MAX), 1000), Ok(()));
        assert_eq!(check(&deep(CBOR_DEPTH_MAX + 1), 1000), Err(CodecError::TooComplex));
        let wide = |items: usize| [vec![0x99], (items as u16).to_be_bytes().to_vec(), vec![0x00; items]].concat();
        assert_eq!(check(&wide(CBOR_ITEMS_MAX - 1), 100_000), Ok(()));
        assert_eq!(check(&wide(CBOR_ITEMS_MAX), 100_000), Err(CodecError::TooComplex));
        assert_eq!(check(&deep(3), 4), Ok(()));
        assert_eq!(check(&deep(3), 3), Err(CodecError::TooLarge { got: 4, max: 3 }));
        // A length of 2^64 - 1 must not allocate or overflow.
        assert_eq!(check(&hex("5bffffffffffffffff"), 64), Err(CodecError::Truncated));
        assert!(check(&hex("9bffffffffffffffff"), 64).is_err());
    }

    proptest! {
        /// Garbage never panics, and what the checker accepts re-encodes to the very same bytes.
        #[test]
        fn accepted_bytes_are_their_own_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if check(&bytes, 64).is_ok() && let Ok(value) = decode_checked::<ipld_core::ipld::Ipld>(&bytes) {
                prop_assert_eq!(encode(&value).unwrap(), bytes);
            }
        }

        #[test]
        fn every_encoding_is_accepted(map in proptest::collection::btree_map("[a-z]{0,12}", any::<i64>(), 0..20)) {
            let bytes = encode(&map).unwrap();
            prop_assert_eq!(decode::<BTreeMap<String, i64>>(&bytes, 4096).unwrap(), map);
        }
    }
}
