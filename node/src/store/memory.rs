//! A store in memory: for tests and for the simulator, with the faults that they need.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{Batch, Direction, KeyRange, Read, Store, StoreError, Value, Visit};

/// Shared with running scans, and copied only if a commit comes while one of them runs.
type Entries = Arc<BTreeMap<Arc<[u8]>, Value>>;

/// Keeps everything in a sorted map. A scan sees the moment it began, so a visitor may read the same store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: RwLock<Entries>,
    failing: AtomicU32,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next `count` commits fail with an I/O error and change nothing.
    pub fn fail_next_commits(&self, count: u32) {
        self.failing.store(count, Ordering::SeqCst);
    }

    /// What a new process would find after a crash at this moment: everything committed, nothing else.
    pub fn after_crash(&self) -> Self {
        Self { entries: RwLock::new(self.entries()), failing: AtomicU32::new(0) }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    // A poisoned lock is safe to use: a commit changes the map only through infallible inserts and removes.
    fn entries(&self) -> Entries {
        Arc::clone(&self.entries.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, range: KeyRange<'_>, direction: Direction, visit: Visit<'_>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let entries = self.entries();
        let upper = range.to().map_or(Bound::Unbounded, Bound::Excluded);
        let mut inside = entries.range::<[u8], _>((Bound::Included(range.from()), upper));
        while let Some((key, value)) = match direction {
            Direction::Ascending => inside.next(),
            Direction::Descending => inside.next_back(),
        } {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let failed = self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if failed.is_ok() {
            return Err(StoreError::io("commit", io::Error::other("a failure was asked for")));
        }
        batch.check()?;
        let mut guard = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entries = Arc::make_mut(&mut guard);
        for (key, value, _) in batch.into_writes() {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(key: &[u8], value: &[u8]) -> Batch {
        let mut batch = Batch::new();
        batch.put(key, value);
        batch
    }

    #[test]
    fn a_failed_commit_changes_nothing_and_the_next_one_works() {
        let store = MemoryStore::new();
        store.fail_next_commits(1);
        assert!(matches!(store.commit(batch(b"a", b"1")), Err(StoreError::Io { .. })));
        assert!(store.is_empty());
        store.commit(batch(b"a", b"2")).unwrap();
        assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"2"[..]));
    }

    #[test]
    fn a_crash_keeps_what_was_committed_and_parts_from_the_old_process() {
        let store = MemoryStore::new();
        store.commit(batch(b"a", b"1")).unwrap();
        let restarted = store.after_crash();
        store.commit(batch(b"b", b"2")).unwrap();
        assert_eq!(restarted.len(), 1);
    }
}
