//! The store: an ordered key-value door with an atomic, durable batch, and nothing more.
//!
//! ```text
//! Txn ── reads through ──► Read ◄── Store::commit(Batch): atomic, on disk when it returns
//!  └── into_batch ──► Batch
//! ```
//!
//! The engine reads through a [`Txn`], which shows its own writes, turns it into one [`Batch`] and commits that. Only
//! after [`Store::commit`] has returned `Ok` is anything sent, shown or acknowledged.
//!
//! **Invariant:** what one engine cannot do does not come through this door. No iterators that outlive a call, no
//! secondary indexes, no merge operators, no backend types: an embedded log-structured engine or a server behind the
//! PostgreSQL protocol must be able to stand behind it, and the one conformance suite runs on each.

#[cfg(test)]
mod conformance;
#[cfg(test)]
#[cfg(all(feature = "runtime", unix))]
mod durability;
mod error;
#[cfg(feature = "runtime")]
mod files;
mod key;
mod memory;
mod migrate;
#[cfg(feature = "runtime")]
mod sled;
mod txn;
#[cfg(feature = "runtime")]
mod watchdog;

use std::{ops::ControlFlow, sync::Arc};

#[cfg(feature = "runtime")]
pub use self::sled::{CACHE_BYTES_DEFAULT, FREE_BYTES_MIN, SledOptions, SledStore};
pub use self::{
    error::StoreError,
    key::{Key, KeyRange, KeyReader, STORE_PREFIX},
    memory::MemoryStore,
    migrate::{SCHEMA_VERSION, migrate},
    txn::{Batch, KEY_BYTES_MAX, Savepoint, Txn, VALUE_BYTES_MAX},
};

/// A stored value: shared bytes, cheap to clone.
pub type Value = Arc<[u8]>;

/// A key and its value, copied out of a scan.
pub type Entry = (Box<[u8]>, Value);

/// What a scan shows each key and value to; it says whether to go on.
pub type Visit<'v> = &'v mut (dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v);

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Greatest key first.
    Descending,
}

/// Reading in key order.
pub trait Read {
    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::Corrupt`] if the backend could not read.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError>;

    /// Shows `visit` each entry of `range` in `direction` until it breaks. `visit` may read the same store.
    ///
    /// A commit made by another thread meanwhile may or may not be seen; one writer that scans between its own commits
    /// (as the engine does) sees exactly what it committed.
    ///
    /// # Errors
    /// As [`Read::get`]; entries before the fault have been visited.
    fn scan(&self, range: KeyRange<'_>, direction: Direction, visit: Visit<'_>) -> Result<(), StoreError>;

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`Read::get`].
    fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.get(key)?.is_some())
    }

    /// The first `limit` entries of `range` in `direction`.
    ///
    /// # Errors
    /// As [`Read::scan`].
    fn collect(&self, range: KeyRange<'_>, direction: Direction, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        if limit == 0 {
            return Ok(entries);
        }
        self.scan(range, direction, &mut |key, value| {
            entries.push((key.into(), value.into()));
            if entries.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(entries)
    }

    /// The first entry of `range` in `direction`: the oldest or the newest.
    ///
    /// # Errors
    /// As [`Read::scan`].
    fn first(&self, range: KeyRange<'_>, direction: Direction) -> Result<Option<Entry>, StoreError> {
        Ok(self.collect(range, direction, 1)?.pop())
    }

    /// Number of entries in `range`, counted one by one but not further than `limit`.
    ///
    /// # Errors
    /// As [`Read::scan`].
    fn count(&self, range: KeyRange<'_>, limit: usize) -> Result<usize, StoreError> {
        let mut found = 0usize;
        if limit == 0 {
            return Ok(found);
        }
        self.scan(range, Direction::Ascending, &mut |_, _| {
            found = found.saturating_add(1);
            if found < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }
}

/// A place that keeps what is committed.
pub trait Store: Read + Send + Sync {
    /// Writes all of `batch` or nothing of it. When it returns `Ok`, the batch survives a crash of the process and a
    /// loss of power. Blocks on the disk: call it off the async threads.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]: nothing was tried. [`StoreError::Full`] if the disk is full, else [`StoreError::Io`]:
    /// after either, reads show what was committed before, a backend may refuse every further commit
    /// ([`StoreError::Full`] again, or [`StoreError::Stopped`]), and the batch may or may not be found on the next start
    /// (whole, if at all).
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// Bytes the store takes on disk (0 in memory).
    ///
    /// # Errors
    /// [`StoreError::Io`] if the files could not be looked at.
    fn size_on_disk(&self) -> Result<u64, StoreError>;
}
