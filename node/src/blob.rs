//! Blobs.

use std::path::Path;

/// Why the blob store refused.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Larger than allowed.
    #[error("too large")]
    TooLarge,
}

/// Blobs on disk.
#[derive(Debug)]
pub struct BlobStore {}

impl BlobStore {
    /// Opens the store in `directory` with room for `quota_bytes`.
    ///
    /// # Errors
    /// [`BlobError`].
    pub fn open(directory: &Path, quota_bytes: u64) -> Result<Self, BlobError> {
        tracing::debug!(directory = %directory.display(), quota_bytes, "blobs");
        Ok(Self {})
    }
}
