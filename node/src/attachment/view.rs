//! What others may read of attachments. Whether a blob is on this disk is not known here: the shell looks.

use hutong_protocol::{
    AccountId, BlobHash, RecordId, TimestampMs,
    chat::{AttachmentKind, FileKey},
};
use serde::{Deserialize, Serialize};

use super::{REFERENCES_LOOK_MAX, keys};
use crate::{
    engine::{ChatId, EngineError, get_value},
    store::{Direction, KeyRange, Read},
};

/// A file that was added and not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// When.
    pub at: TimestampMs,
    /// The bytes as they are kept.
    pub blob: BlobHash,
    /// Their key, unless everybody may read along.
    #[serde(default)]
    pub key: Option<FileKey>,
    /// Length in bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
    /// How it is shown.
    pub kind: AttachmentKind,
    /// Its name, cleaned.
    pub name: String,
    /// Width and height in pixels, if it is a picture.
    #[serde(default)]
    pub pixels: Option<(u32, u32)>,
    /// Whether the blob was not here before.
    pub fresh: bool,
}

/// The files that a message names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The text form of the conversation.
    pub chat: String,
    /// Who wrote it.
    pub author: AccountId,
    /// The blobs, in order.
    pub blobs: Vec<BlobHash>,
}

/// What becomes of a blob that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It is to be fetched.
    Wanted,
    /// The user said: not now.
    Paused,
    /// It is not of the size that its message says.
    Lying,
    /// There was no room for it.
    Full,
}

/// A blob that is to be fetched, or was to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    /// What is to become of it.
    pub wish: Wish,
    /// The sizes that messages claim it has.
    pub sizes: Vec<u64>,
    /// Only devices of the conversation may be asked.
    pub private: bool,
    /// The user asked for it.
    pub asked: bool,
}

/// A file that was added and not sent yet.
///
/// # Errors
/// The store's, or damage.
pub fn upload(read: &dyn Read, id: &[u8; 16]) -> Result<Option<UploadRow>, EngineError> {
    get_value(read, keys::upload(id))
}

/// What is to become of a blob that is not here; `None`: nobody asked for it.
///
/// # Errors
/// The store's, or damage.
pub fn queued(read: &dyn Read, blob: &BlobHash) -> Result<Option<QueueRow>, EngineError> {
    get_value(read, keys::queued(blob))
}

/// Whether a message names the blob.
///
/// # Errors
/// The store's.
pub fn is_named(read: &dyn Read, blob: &BlobHash) -> Result<bool, EngineError> {
    Ok(read.first(KeyRange::prefix(&keys::named(blob)), Direction::Ascending)?.is_some())
}

/// Whether the blob is to be removed from the disk.
///
/// # Errors
/// The store's.
pub fn is_to_drop(read: &dyn Read, blob: &BlobHash) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::dropped(blob))?)
}

/// Whether the blob is here for messages alone.
///
/// # Errors
/// The store's.
pub fn is_kept_for_messages(read: &dyn Read, blob: &BlobHash) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::kept(blob))?)
}

/// A message that names a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The conversation.
    pub chat: ChatId,
    /// The message.
    pub id: RecordId,
    /// Who wrote it.
    pub author: AccountId,
    /// Which of its files it is.
    pub index: usize,
}

/// Messages that name a blob; of very many, some.
///
/// # Errors
/// The store's, or damage.
pub fn named_by(read: &dyn Read, blob: &BlobHash) -> Result<Vec<Naming>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::named(blob)), Direction::Ascending, REFERENCES_LOOK_MAX)?;
    let mut found = Vec::new();
    for (key, _) in rows {
        let id = keys::parse_named(&key).ok_or_else(|| EngineError::Damaged("who names a file".into()))?;
        let Some(row) = get_value::<MessageRow>(read, keys::message(&id))? else { continue };
        let chat = row.chat.parse().map_err(|_| EngineError::Damaged("a message with files".into()))?;
        let places = row.blobs.iter().enumerate().filter(|(_, named)| *named == blob);
        found.extend(places.map(|(index, _)| Naming { chat, id, author: row.author, index }));
    }
    Ok(found)
}
