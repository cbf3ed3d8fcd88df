//! An import on its way: hashed as it comes, and seen by nobody before all of it is on the disk.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::PathBuf,
};

use hutong_protocol::{BlobHash, limits::BLOB_BYTES_MAX};

use super::{BlobError, BlobStore, failed, remove_if_there};

/// An import that is fed piece by piece. Dropping it throws it away.
#[derive(Debug)]
pub struct BlobImport<'s> {
    store: &'s BlobStore,
    path: PathBuf,
    file: File,
    size: u64,
    hasher: blake3::Hasher,
}

impl<'s> BlobImport<'s> {
    pub(super) fn new(store: &'s BlobStore, path: PathBuf, file: File) -> Self {
        Self { store, path, file, size: 0, hasher: blake3::Hasher::new() }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Full`], [`BlobError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let more = bytes.len() as u64;
        if self.size.saturating_add(more) > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { size: self.size.saturating_add(more) });
        }
        self.store.reserve(more)?;
        self.size = self.size.saturating_add(more);
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(failed("write a file"))
    }

    /// The hash of what was written so far.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        BlobHash(*self.hasher.finalize().as_bytes())
    }

    /// Stores what was written and says its hash. When it returns, the blob survives a loss of power.
    ///
    /// # Errors
    /// [`BlobError::Io`], [`BlobError::Full`].
    pub fn finish(mut self) -> Result<BlobHash, BlobError> {
        let hash = self.hash();
        self.file.rewind().and_then(|()| self.file.sync_all()).map_err(failed("write a file to the disk"))?;
        self.store.shelve(&self.path, &hash, self.size)?;
        self.size = 0; // The room belongs to the blob now.
        Ok(hash)
    }
}

impl Drop for BlobImport<'_> {
    fn drop(&mut self) {
        self.store.release(self.size);
        if let Err(error) = remove_if_there(&self.path) {
            tracing::warn!(%error, "an unfinished import stays until the next start");
        }
    }
}
