//! Files that go with messages: what was added and not sent yet, what is to be fetched, and what may go from the disk.
//!
//! ```text
//! bytes ──cipher──► blob, upload ──message──► named by it ──gone──► to be dropped ──shell──► removed
//!                                  others' ──► queue ──effect──► the shell fetches ──input──► here
//! ```
//! Bytes never come this way: the shell encrypts, keeps, fetches and removes them. What is wanted and what is to go is in
//! the store, so a restart goes on with it. A blob is counted by the messages that name it; the last one takes it along.

pub mod cipher;
mod fetch;
mod keys;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    BlobHash, Kind, RecordId, Verified,
    chat::{Attachment, AttachmentKind, attachment::clean_file_name},
    limits::{ATTACHMENTS_MAX, WAVEFORM_VALUES_MAX},
};
use serde_bytes::ByteBuf;

pub use self::fetch::{Session, connected, fetch, fetched, pause};
use self::view::{MessageRow, UploadRow};
use crate::{
    chat,
    engine::{
        Carried, ChatId, CommandError, Cx, DomainEvent, Effect, EngineError, Event, Feature, Keep, Reject, Source,
        get_value,
    },
    store::{Direction, KeyRange, Read},
};

/// Files that were added and not sent: a few messages full, in a few browsers.
pub const UPLOADS_MAX: usize = 64;
/// How long a file that was added waits to be sent (a day): a draft may, for ever it may not.
const UPLOAD_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// How often is looked for files that wait too long, and for what is still to be removed (1 minute).
const TIDY_MS: u64 = 60 * 1_000;
/// Files removed in one go.
const DROPS_MAX: usize = 256;
/// Messages looked at to find who has a blob, and whom to tell of it; a file that went round is named by many.
const REFERENCES_LOOK_MAX: usize = 32;

/// The feature.
pub struct Attachments;

impl Feature for Attachments {
    fn name(&self) -> &'static str {
        "attachment"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[]
    }

    fn accept(&self, _: &mut Cx<'_>, _: &Verified, _: Source) -> Result<Keep, Reject> {
        Err(Reject::Rule("files come with messages"))
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::MessageArrived { chat, id, at, author, said, .. } if !said.files.is_empty() => {
                let Some(me) = cx.account() else { return Ok(()) };
                if chat::view::is_gone(cx.read(), &chat::view::topic(&me, chat), id)? {
                    return Ok(());
                }
                let blobs = said.files.iter().map(|file| file.blob).collect();
                cx.put_value(keys::message(id), &MessageRow { chat: chat.to_string(), author: *author, blobs })?;
                for file in &said.files {
                    cx.put(keys::named_by(&file.blob, id), Vec::new());
                    cx.delete(keys::dropped(&file.blob));
                    fetch::arrived(cx, file, *at, *author == me)?;
                }
                Ok(())
            }
            DomainEvent::MessageGone(id) => released(cx, id),
            _ => Ok(()),
        }
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        if cx.attachments().is_time_to_tidy(TIDY_MS) {
            tidy(cx)?;
        }
        fetch::launch(cx)
    }

    fn wanted(&self, read: &dyn Read) -> Result<Vec<hutong_protocol::AccountId>, EngineError> {
        fetch::wanted(read)
    }
}

/// A message is gone: what only it named goes too.
fn released(cx: &mut Cx<'_>, id: &RecordId) -> Result<(), EngineError> {
    let Some(row) = get_value::<MessageRow>(cx.read(), keys::message(id))? else { return Ok(()) };
    cx.delete(keys::message(id));
    for blob in row.blobs {
        cx.delete(keys::named_by(&blob, id));
        drop_unless_named(cx, &blob)?;
    }
    Ok(())
}

fn drop_unless_named(cx: &mut Cx<'_>, blob: &BlobHash) -> Result<(), EngineError> {
    if view::is_named(cx.read(), blob)? {
        return Ok(());
    }
    let queued = view::queued(cx.read(), blob)?.is_some();
    cx.delete(keys::queued(blob));
    if queued || view::is_kept_for_messages(cx.read(), blob)? {
        cx.put(keys::dropped(blob), Vec::new());
        cx.effect(Effect::DropBlob(*blob));
    }
    Ok(())
}

/// The shell removed a blob that nobody names.
///
/// # Errors
/// The store's.
pub fn dropped(cx: &mut Cx<'_>, blob: &BlobHash) -> Result<(), CommandError> {
    if view::is_to_drop(cx.read(), blob)? {
        cx.delete(keys::dropped(blob));
        cx.delete(keys::kept(blob));
    }
    Ok(())
}

/// The user keeps a blob for something else than messages: it stays when they go.
///
/// # Errors
/// The store's.
pub fn keep(cx: &mut Cx<'_>, blob: &BlobHash) -> Result<(), CommandError> {
    cx.delete(keys::kept(blob));
    cx.delete(keys::dropped(blob));
    Ok(())
}

fn tidy(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let uploads = cx.read().collect(KeyRange::prefix(&keys::uploads()), Direction::Ascending, UPLOADS_MAX)?;
    for (key, value) in uploads {
        let row: UploadRow = hutong_protocol::codec::decode_checked(&value)?;
        if cx.now().since_ms(row.at) >= UPLOAD_MS_MAX {
            cx.delete(&key);
            forget_blob(cx, &row)?;
        }
    }
    let drops = cx.read().collect(KeyRange::prefix(&keys::drops()), Direction::Ascending, DROPS_MAX)?;
    for blob in drops.iter().filter_map(|(key, _)| keys::parse_blob(key)) {
        cx.effect(Effect::DropBlob(blob));
    }
    Ok(())
}

/// The blob of an upload that is not sent.
fn forget_blob(cx: &mut Cx<'_>, row: &UploadRow) -> Result<(), EngineError> {
    let others = cx.read().collect(KeyRange::prefix(&keys::uploads()), Direction::Ascending, UPLOADS_MAX)?;
    for (_, value) in others {
        if hutong_protocol::codec::decode_checked::<UploadRow>(&value)?.blob == row.blob {
            return Ok(());
        }
    }
    drop_unless_named(cx, &row.blob)
}

/// Notes a file that is about to be in the blob store, and names it. The blob's own bytes follow; should they not, the
/// row goes after a day.
///
/// # Errors
/// Refused with `too_many_uploads` if there are too many that were not sent.
pub fn uploaded(cx: &mut Cx<'_>, row: UploadRow) -> Result<[u8; 16], CommandError> {
    cx.me()?;
    if cx.read().count(KeyRange::prefix(&keys::uploads()), UPLOADS_MAX).map_err(EngineError::from)? >= UPLOADS_MAX {
        return Err(CommandError::refused(
            "too_many_uploads",
            "too many files were added and not sent: send some, or take them out",
        ));
    }
    let (id, at) = (cx.random::<16>(), cx.now());
    if row.fresh {
        cx.put(keys::kept(&row.blob), Vec::new());
        cx.delete(keys::dropped(&row.blob));
    }
    cx.put_value(keys::upload(&id), &UploadRow { at, ..row })?;
    Ok(id)
}

/// Forgets a file that was added and not sent. Twice is as good as once.
///
/// # Errors
/// The store's.
pub fn forget(cx: &mut Cx<'_>, id: &[u8; 16]) -> Result<(), CommandError> {
    if let Some(row) = view::upload(cx.read(), id)? {
        cx.delete(keys::upload(id));
        forget_blob(cx, &row)?;
    }
    Ok(())
}

/// A file that the user picked for a message.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// As it was named when it was added.
    pub upload: [u8; 16],
    /// Another name.
    pub name: Option<String>,
    /// Width and height in pixels, of a film.
    pub pixels: Option<(u32, u32)>,
    /// How long it plays.
    pub duration_ms: Option<u64>,
    /// How loud it is along the way: then it is a voice note.
    pub waveform: Option<Vec<u8>>,
    /// A small picture of it.
    pub thumbnail: Option<Vec<u8>>,
}

fn invalid(message: &str) -> CommandError {
    CommandError::refused("invalid_attachments", message)
}

/// Makes what goes into a message of what was picked. Each file can be sent once.
///
/// # Errors
/// Refused with `invalid_attachments` for what cannot go with a message, saying why.
pub fn take(cx: &mut Cx<'_>, chat: &ChatId, picked: Vec<Picked>) -> Result<Vec<Attachment>, CommandError> {
    if picked.len() > ATTACHMENTS_MAX {
        return Err(invalid("a message has at most 10 files: send them in parts"));
    }
    let mut attachments = Vec::with_capacity(picked.len());
    for one in picked {
        let row = view::upload(cx.read(), &one.upload)?
            .ok_or_else(|| invalid("a file was sent already, or waited for more than a day: add it again"))?;
        if row.key.is_none() && !chat::view::is_public(chat) {
            return Err(invalid("a file was added for a public group and is not encrypted: add it again here"));
        }
        cx.delete(keys::upload(&one.upload));
        attachments.push(attachment(row, one)?);
    }
    Ok(attachments)
}

fn attachment(row: UploadRow, picked: Picked) -> Result<Attachment, CommandError> {
    let kind = match (&picked.waveform, row.kind) {
        (Some(_), AttachmentKind::Audio) => AttachmentKind::Voice,
        (Some(_), _) => return Err(invalid("only sound has a waveform")),
        (None, kind) => kind,
    };
    if picked.waveform.as_ref().is_some_and(|values| values.len() > WAVEFORM_VALUES_MAX) {
        return Err(invalid("a waveform has at most 64 values"));
    }
    let name = picked.name.as_deref().map(clean_file_name).filter(|name| !name.is_empty()).unwrap_or(row.name);
    let (width, height) = row.pixels.or(picked.pixels).unzip();
    let made = Attachment {
        blob: row.blob,
        key: row.key,
        size: row.size,
        media_type: row.media_type,
        name,
        kind,
        width,
        height,
        duration_ms: picked.duration_ms,
        waveform: picked.waveform.map(ByteBuf::from),
        thumbnail: picked.thumbnail.map(ByteBuf::from),
    };
    made.validate().map_err(|error| invalid(&error.to_string()))?;
    Ok(made)
}

/// A file that a message carries, for the features.
#[must_use]
pub fn carried(attachment: &Attachment) -> Carried {
    Carried { blob: attachment.blob, size: attachment.size, private: attachment.key.is_some() }
}

/// Tells the screen that something is different about a blob.
fn changed(cx: &mut Cx<'_>, blob: &BlobHash) {
    cx.notify(Event::Attachment(*blob));
}
