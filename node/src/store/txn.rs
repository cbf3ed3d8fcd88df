//! Writes that are not committed yet: the batch, and the transaction that collects it.

use std::{collections::BTreeMap, ops::Bound, ops::ControlFlow, sync::Arc};

use super::{Direction, KeyRange, Read, StoreError, Value, Visit};

/// Longest key. A backend's index pages hold hundreds of keys each; ours are an id or two and a short name.
pub const KEY_BYTES_MAX: usize = 384;

/// Longest value: 64 records. Content beyond that is a blob, which lives in files.
pub const VALUE_BYTES_MAX: usize = 4 << 20;

/// A map of writes; `None` deletes. Keys and values are shared, so undo entries and batches copy no bytes.
pub(super) type Writes = BTreeMap<Arc<[u8]>, Option<Value>>;

/// A set of writes that a store commits all or not at all. At most one write per key: the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    writes: Writes,
    /// Of these, what the store was seen not to have.
    absent: Vec<Arc<[u8]>>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        self.writes.insert(key.as_ref().into(), Some(value.into()));
    }

    /// Removes `key`; no error if it is absent.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) {
        self.writes.insert(key.as_ref().into(), None);
    }

    /// Number of keys written.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The writes in key order; `None` deletes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&Value>)> {
        self.writes.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|(key, value)| (key.len() + value.map_or(0, |value| value.len())) as u64).sum()
    }

    /// Whether every key and value is within its limit; each backend asks before it writes anything.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (key, value) in self.iter() {
            let value_bytes = value.map_or(0, |value| value.len());
            for (what, bytes, limit) in [("key", key.len(), KEY_BYTES_MAX), ("value", value_bytes, VALUE_BYTES_MAX)] {
                if bytes > limit {
                    return Err(StoreError::TooLarge { what, bytes, limit });
                }
            }
        }
        Ok(())
    }

    /// The writes in key order, owned, each with whether the store was seen not to have the key.
    pub(super) fn into_writes(mut self) -> impl Iterator<Item = (Arc<[u8]>, Option<Value>, bool)> {
        self.absent.sort_unstable();
        let absent = self.absent;
        self.writes.into_iter().map(move |(key, value)| {
            let is_absent = absent.binary_search(&key).is_ok();
            (key, value, is_absent)
        })
    }
}

/// A place to return to; see [`Txn::savepoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(usize);

/// A key and what was written to it before, if anything was.
type Undo = (Arc<[u8]>, Option<Option<Value>>);

/// A view of a store with writes laid over it. Reads see the writes; the store does not, until [`Txn::into_batch`] is
/// committed. Dropping it forgets them.
pub struct Txn<'s> {
    store: &'s dyn Read,
    writes: Writes,
    absent: Vec<Arc<[u8]>>,
    /// What each write since the first savepoint replaced in `writes`, oldest first.
    undo: Vec<Undo>,
    /// Whether a savepoint exists, so that a transaction without one keeps no undo log.
    undoable: bool,
}

impl<'s> Txn<'s> {
    /// Starts with nothing written.
    pub fn new(store: &'s dyn Read) -> Self {
        Self { store, writes: Writes::new(), absent: Vec::new(), undo: Vec::new(), undoable: false }
    }

    /// Starts with these writes.
    #[cfg(feature = "runtime")]
    pub(super) fn with_writes(store: &'s dyn Read, writes: Writes) -> Self {
        Self { writes, ..Self::new(store) }
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        self.write(key.as_ref().into(), Some(value.into()));
    }

    /// Sets a key that the store was seen not to have, so that the commit need not look for what it replaces. Nobody else
    /// may write it meanwhile.
    pub fn put_absent(&mut self, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        let key: Arc<[u8]> = key.as_ref().into();
        // It remains true of the store if this write is rolled back.
        self.absent.push(Arc::clone(&key));
        self.write(key, Some(value.into()));
    }

    /// Removes `key`; no error if it is absent.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) {
        self.write(key.as_ref().into(), None);
    }

    /// Whether this transaction sets `key`.
    pub fn has_put(&self, key: impl AsRef<[u8]>) -> bool {
        self.writes.get(key.as_ref()).is_some_and(Option::is_some)
    }

    fn write(&mut self, key: Arc<[u8]>, value: Option<Value>) {
        if self.undoable {
            let before = self.writes.insert(Arc::clone(&key), value);
            self.undo.push((key, before));
        } else {
            self.writes.insert(key, value);
        }
    }

    /// Marks this moment. Savepoints nest; each costs nothing but the writes that follow it.
    pub fn savepoint(&mut self) -> Savepoint {
        self.undoable = true;
        Savepoint(self.undo.len())
    }

    /// Takes back every write since `to`, which stays usable. A later savepoint than `to` is void afterwards.
    pub fn rollback(&mut self, to: Savepoint) {
        while self.undo.len() > to.0 {
            match self.undo.pop() {
                Some((key, Some(before))) => self.writes.insert(key, before),
                Some((key, None)) => self.writes.remove(&key),
                None => break,
            };
        }
    }

    /// Number of keys written so far.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The writes, to be given to [`Store::commit`](super::Store::commit).
    pub fn into_batch(self) -> Batch {
        Batch { writes: self.writes, absent: self.absent }
    }
}

impl std::fmt::Debug for Txn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Txn").field("writes", &self.writes.len()).finish_non_exhaustive()
    }
}

impl Read for Txn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.store.get(key),
        }
    }

    fn scan(&self, range: KeyRange<'_>, direction: Direction, visit: Visit<'_>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let upper = range.to().map_or(Bound::Unbounded, Bound::Excluded);
        let mut written = self.writes.range::<[u8], _>((Bound::Included(range.from()), upper)).peekable();
        match direction {
            Direction::Ascending if written.peek().is_none() => self.store.scan(range.clone(), direction, visit),
            Direction::Ascending => merge(self.store, range.clone(), direction, &mut written, visit),
            Direction::Descending => merge(self.store, range.clone(), direction, &mut written.rev(), visit),
        }
    }
}

/// Visits the store's entries and the written ones in one order; where both have a key, the written one counts.
fn merge<'w>(
    store: &dyn Read,
    range: KeyRange<'_>,
    direction: Direction,
    written: &mut dyn Iterator<Item = (&'w Arc<[u8]>, &'w Option<Value>)>,
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    let mut next = written.next();
    let mut stopped = false;
    store.scan(range, direction, &mut |stored_key, stored_value| {
        let mut shadowed = false;
        while let Some((key, value)) = next {
            let order = match direction {
                Direction::Ascending => key.as_ref().cmp(stored_key),
                Direction::Descending => stored_key.cmp(key.as_ref()),
            };
            if order.is_gt() {
                break;
            }
            shadowed = order.is_eq();
            next = written.next();
            if let Some(value) = value
                && visit(key, value).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
        }
        if !shadowed && visit(stored_key, stored_value).is_break() {
            stopped = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    while let (false, Some((key, value))) = (stopped, next) {
        next = written.next();
        stopped = value.as_ref().is_some_and(|value| visit(key, value).is_break());
    }
    Ok(())
}
