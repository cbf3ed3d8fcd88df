//! What a store on disk asks of the file system, beyond the standard library.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::StoreError;

/// Makes `directory` and what is missing above it, and syncs their names to disk.
pub(super) fn create_directory(directory: &Path) -> Result<(), StoreError> {
    let missing: Vec<PathBuf> = directory.ancestors().take_while(|path| !path.exists()).map(Into::into).collect();
    fs::create_dir_all(directory).map_err(|e| StoreError::io("create its directory", e))?;
    // A directory is on disk only when its parent is synced.
    for created in missing {
        match created.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync(Path::new("."))?,
            Some(parent) => sync(parent)?,
            None => {}
        }
    }
    Ok(())
}

/// Takes the directory for this process. Held for as long as the file is open.
pub(super) fn lock(directory: &Path) -> Result<File, StoreError> {
    let file = File::create(directory.join("lock")).map_err(|e| StoreError::io("create its lock file", e))?;
    #[cfg(unix)]
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|e| match e {
        rustix::io::Errno::WOULDBLOCK => StoreError::Locked { directory: directory.display().to_string() },
        e => StoreError::io("lock its directory", e.into()),
    })?;
    Ok(file)
}

/// Syncs a file, or the names in a directory (which only Unix can).
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    if cfg!(not(unix)) && path.is_dir() {
        return Ok(());
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| StoreError::io("sync its files", e))
}

/// Bytes that may still be written to the disk of `file`; `None` where nobody can be asked.
pub(super) fn free_bytes(file: &File) -> Result<Option<u64>, StoreError> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::fstatvfs(file).map_err(|e| StoreError::io("ask for free space", e.into()))?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(None)
    }
}

/// Keeps about `bytes` of disk behind the end of `file` for it alone. Best effort: Linux only, and not on every file
/// system; where there is no room left, none is kept.
pub(super) fn reserve(file: &File, bytes: u64) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;

        let Ok(metadata) = file.metadata() else { return };
        // Half of it may be used up before it is worth the file system's while to ask again.
        if metadata.blocks().saturating_mul(512) < metadata.len().saturating_add(bytes / 2) {
            let keep_size = rustix::fs::FallocateFlags::KEEP_SIZE;
            if let Err(e) = rustix::fs::fallocate(file, keep_size, metadata.len(), bytes) {
                tracing::debug!(error = %e, "no space could be reserved");
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, bytes);
}
