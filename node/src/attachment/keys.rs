//! Rows of the attachment feature.
//!
//! | key | value |
//! |---|---|
//! | `u`, upload (16) | [`UploadRow`](super::UploadRow): a file that was added and not sent yet |
//! | `m`, message (32) | [`MessageRow`](super::view::MessageRow): the files that a message names |
//! | `r`, blob (32), message (32) | empty: who names a blob |
//! | `q`, blob (32) | [`QueueRow`](super::view::QueueRow): a blob that is to be fetched, or was to be |
//! | `k`, blob (32) | empty: it is here for messages alone, and goes with the last of them |
//! | `d`, blob (32) | empty: nobody names it any more, and it is to be removed from the disk |

use hutong_protocol::{BlobHash, RecordId};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b'f';

/// Files that were added and not sent yet: a prefix.
pub(super) fn uploads() -> Key {
    Key::new(PREFIX).u8(b'u')
}

/// One of them.
pub(super) fn upload(id: &[u8; 16]) -> Key {
    uploads().array(id)
}

/// The files of a message.
pub(super) fn message(id: &RecordId) -> Key {
    Key::new(PREFIX).u8(b'm').array(&id.0)
}

/// The messages that name a blob: a prefix.
pub(super) fn named(blob: &BlobHash) -> Key {
    Key::new(PREFIX).u8(b'r').array(&blob.0)
}

/// One of them.
pub(super) fn named_by(blob: &BlobHash, id: &RecordId) -> Key {
    named(blob).array(&id.0)
}

/// The message of a key made by [`named_by`].
pub(super) fn parse_named(key: &[u8]) -> Option<RecordId> {
    KeyReader::new(key.get(2 + 32..)?).array().map(RecordId)
}

/// What is to be fetched: a prefix.
pub(super) fn queue() -> Key {
    Key::new(PREFIX).u8(b'q')
}

/// One blob of it.
pub(super) fn queued(blob: &BlobHash) -> Key {
    queue().array(&blob.0)
}

/// The blob of a key made by [`queued`] or [`dropped`].
pub(super) fn parse_blob(key: &[u8]) -> Option<BlobHash> {
    KeyReader::new(key.get(2..)?).array().map(BlobHash)
}

/// That a blob is here for messages alone.
pub(super) fn kept(blob: &BlobHash) -> Key {
    Key::new(PREFIX).u8(b'k').array(&blob.0)
}

/// What is to be removed from the disk: a prefix.
pub(super) fn drops() -> Key {
    Key::new(PREFIX).u8(b'd')
}

/// One blob of it.
pub(super) fn dropped(blob: &BlobHash) -> Key {
    drops().array(&blob.0)
}
