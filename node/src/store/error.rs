//! What can go wrong below the store's door, and what a person can do about it.

use std::{io, sync::Arc};

/// Every failure of a [`Store`](super::Store). The message is meant to be shown as it is.
///
/// Cheap to clone, because one failed group commit is the answer to many waiting writers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused a read or a write.
    #[error(
        "the store could not {doing}: {source}; check the disk and the data directory's permissions, then start again"
    )]
    Io {
        /// What was being done, to follow "could not".
        doing: &'static str,
        /// The operating system's own words.
        source: Arc<io::Error>,
    },
    /// What is stored is not what was written.
    #[error("the store is damaged ({what}); keep a copy of the data directory, then restore the newest backup")]
    Corrupt {
        /// What was found, for a report.
        what: String,
    },
    /// The disk (or quota) is full. Nothing acknowledged is lost; reads go on, commits are refused until a restart.
    #[error("the disk is full: free some space and start again; nothing that was acknowledged is lost")]
    Full,
    /// An earlier commit failed half way, so the process no longer knows what would be on disk after the next one.
    #[error("the store stopped writing after an earlier failure ({cause}); it can be read; start again to write")]
    Stopped {
        /// The message of the failure that stopped it.
        cause: String,
    },
    /// The database was written by a newer program.
    #[error(
        "the database has schema version {found} and this program knows versions up to {supported}; \
         install the newer program, or use another data directory"
    )]
    NewerSchema {
        /// Version found in the database.
        found: u32,
        /// Newest version this program knows.
        supported: u32,
    },
    /// A key or value over its limit. Nothing of the batch was written; the store goes on.
    #[error("a {what} of {bytes} bytes is over the store's limit of {limit}; keep large content in a blob")]
    TooLarge {
        /// "key" or "value".
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// Another process has the directory open.
    #[error("another process is using {directory}; stop it, or give this one another data directory")]
    Locked {
        /// The directory, as given.
        directory: String,
    },
}

impl StoreError {
    /// Wraps an I/O error, telling a full disk from everything else.
    pub fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { doing, source: Arc::new(source) },
        }
    }

    /// Says that stored bytes could not be understood; `what` names them.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}
