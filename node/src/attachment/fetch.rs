//! What is to be fetched, from whom, and when again.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{AccountId, BlobHash, DeviceId, RecordId, TimestampMs, chat::Attachment};

use super::{
    changed, keys,
    view::{self, Naming, QueueRow, Wish},
};
use crate::{
    account, chat, contact,
    engine::{Carried, ChatId, CommandError, Cx, Effect, EngineError, FetchEnd},
    group,
    store::{Direction, KeyRange, Read},
};

/// Blobs that wait to be fetched by themselves. More is somebody filling our disk; the rest is fetched when it is asked
/// for.
const QUEUE_MAX: usize = 1_024;
/// Only what was said within this time is fetched by itself (7 days): a group's long past is fetched when it is looked at.
const AUTO_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Transfers that the network has at a time. It runs four of them; the rest is next.
const RUNNING_MAX: usize = 8;
/// Devices asked for one blob.
const HOLDERS_MAX: usize = 16;
/// Authors that this node tries to reach for what it wants of them.
const WANTED_MAX: usize = 32;
/// Sizes that messages claim for one blob: one is true, so more than a few are lies.
const SIZES_MAX: usize = 4;
/// First pause after nobody had a blob; doubles each time. Whoever connects ends it.
const RETRY_MS_MIN: u64 = 5_000;
/// Longest pause (5 minutes).
const RETRY_MS_MAX: u64 = 5 * 60 * 1_000;

/// What is known only while the process runs.
#[derive(Default)]
pub struct Session {
    running: BTreeSet<BlobHash>,
    /// When to try again, and the pause after that.
    pauses: BTreeMap<BlobHash, (TimestampMs, u64)>,
    /// Until then there is nothing to do.
    rest_until: TimestampMs,
    tidy_after: u64,
}

impl Session {
    /// Whether files that nobody wants are to be looked for; counts ticks, which come every second.
    pub(super) const fn is_time_to_tidy(&mut self, every_ms: u64) -> bool {
        let now = self.tidy_after == 0;
        self.tidy_after = if now { every_ms / 1_000 } else { self.tidy_after.saturating_sub(1) };
        now
    }

    const fn look_again(&mut self) {
        self.rest_until = TimestampMs(0);
    }
}

/// A message names a file: it is fetched by itself if it is small enough, new enough, and not this device's own.
pub(super) fn arrived(cx: &mut Cx<'_>, file: &Carried, at: TimestampMs, mine: bool) -> Result<(), EngineError> {
    let before = view::queued(cx.read(), &file.blob)?;
    if mine && view::is_kept_for_messages(cx.read(), &file.blob)? {
        return Ok(());
    }
    let small = file.size <= account::view::settings(cx.read())?.auto_fetch_bytes;
    let auto = small
        && cx.now().since_ms(at) <= AUTO_AGE_MS
        && cx.read().count(KeyRange::prefix(&keys::queue()), QUEUE_MAX)? < QUEUE_MAX;
    if before.is_some() || auto { enqueue(cx, file, false) } else { Ok(()) }
}

fn enqueue(cx: &mut Cx<'_>, file: &Carried, asked: bool) -> Result<(), EngineError> {
    let before = view::queued(cx.read(), &file.blob)?;
    let mut row =
        before.unwrap_or(QueueRow { wish: Wish::Wanted, sizes: Vec::new(), private: file.private, asked: false });
    if !row.sizes.contains(&file.size) {
        row.sizes.push(file.size);
        let first = row.sizes.len().saturating_sub(SIZES_MAX);
        row.sizes.drain(..first);
        row.wish = if row.wish == Wish::Lying { Wish::Wanted } else { row.wish };
    }
    // Who may read along in one place may in all.
    row.private &= file.private;
    if asked {
        (row.asked, row.wish) = (true, Wish::Wanted);
    }
    cx.put_value(keys::queued(&file.blob), &row)?;
    let session = cx.attachments();
    session.pauses.remove(&file.blob);
    session.look_again();
    cx.wanted_changed();
    changed(cx, &file.blob);
    Ok(())
}

/// The file of a message.
fn file_of(cx: &Cx<'_>, chat: &ChatId, id: &RecordId, index: usize) -> Result<Attachment, CommandError> {
    let message = chat::view::message(cx.read(), chat, id)?.ok_or(CommandError::NotFound("this message"))?;
    message.content.attachments.into_iter().nth(index).ok_or(CommandError::NotFound("this file"))
}

/// Fetches a file, or goes on with it.
///
/// # Errors
/// `NotFound` if the message has no such file.
pub fn fetch(cx: &mut Cx<'_>, chat: &ChatId, id: &RecordId, index: usize) -> Result<(), CommandError> {
    let file = file_of(cx, chat, id, index)?;
    enqueue(cx, &super::carried(&file), true)?;
    Ok(launch(cx)?)
}

/// Fetches a file no further for now. What came of it stays.
///
/// # Errors
/// `NotFound` if the message has no such file.
pub fn pause(cx: &mut Cx<'_>, chat: &ChatId, id: &RecordId, index: usize) -> Result<(), CommandError> {
    let blob = file_of(cx, chat, id, index)?.blob;
    if let Some(row) = view::queued(cx.read(), &blob)? {
        cx.put_value(keys::queued(&blob), &QueueRow { wish: Wish::Paused, ..row })?;
        cx.effect(Effect::StopFetch(blob));
        changed(cx, &blob);
    }
    Ok(())
}

/// Somebody is here who may have what is wanted.
pub fn connected(cx: &mut Cx<'_>) {
    let session = cx.attachments();
    session.pauses.clear();
    session.look_again();
}

/// Asks the shell for what is wanted: what the user asked for first, then the smallest.
pub(super) fn launch(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let now = cx.now();
    if now < cx.attachments().rest_until {
        return Ok(());
    }
    let mut waiting = Vec::new();
    let mut rest_until = TimestampMs(u64::MAX);
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::queue()), Direction::Ascending, usize::MAX)? {
        let blob = keys::parse_blob(&key).ok_or_else(|| EngineError::Damaged("what is to be fetched".into()))?;
        let row: QueueRow = hutong_protocol::codec::decode_checked(&value)?;
        if row.wish != Wish::Wanted || cx.attachments().running.contains(&blob) {
            continue;
        }
        match cx.attachments().pauses.get(&blob) {
            Some((due, _)) if *due > now => rest_until = rest_until.min(*due),
            _ => waiting.push((!row.asked, row.sizes.iter().min().copied(), blob, row)),
        }
    }
    waiting.sort_unstable_by_key(|(later, size, blob, _)| (*later, *size, *blob));
    for (_, _, blob, row) in waiting {
        if cx.attachments().running.len() >= RUNNING_MAX {
            break;
        }
        let named = view::named_by(cx.read(), &blob)?;
        if is_barred(cx, &named)? {
            cx.delete(keys::queued(&blob));
            continue;
        }
        let from = holders(cx, &named)?;
        // Nobody of the conversation is here: whoever comes ends the rest.
        if from.is_empty() && row.private {
            continue;
        }
        cx.attachments().running.insert(blob);
        cx.effect(Effect::FetchBlob { blob, sizes: row.sizes, private: row.private, from });
        changed(cx, &blob);
    }
    cx.attachments().rest_until = rest_until;
    Ok(())
}

/// Whether only people name it whom the user blocked since.
fn is_barred(cx: &Cx<'_>, named: &[Naming]) -> Result<bool, EngineError> {
    for naming in named {
        if !contact::view::get(cx.read(), &naming.author)?.blocked {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Connected devices that should have it: those of its author first, then of others in the conversation.
fn holders(cx: &Cx<'_>, named: &[Naming]) -> Result<Vec<DeviceId>, EngineError> {
    let me = cx.account();
    let authors: BTreeSet<_> = named.iter().map(|naming| naming.author).collect();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (device, account) in cx.connected_accounts() {
        if contact::view::get(cx.read(), &account)?.blocked {
            continue;
        }
        if authors.contains(&account) {
            first.push(device);
        } else if me == Some(account) || is_in_one(cx.read(), named, &account)? {
            others.push(device);
        }
    }
    first.extend(others);
    first.truncate(HOLDERS_MAX);
    Ok(first)
}

fn is_in_one(read: &dyn Read, named: &[Naming], account: &AccountId) -> Result<bool, EngineError> {
    for naming in named {
        let is_in = match naming.chat {
            ChatId::Direct(other) => other == *account,
            ChatId::Group(group) => group::view::is_member(read, &group, account)?,
        };
        if is_in {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whose nodes should be reached, for what is wanted of them.
pub(super) fn wanted(read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::queue()), Direction::Ascending, WANTED_MAX)?;
    let mut authors = BTreeSet::new();
    for (key, value) in rows {
        let row: QueueRow = hutong_protocol::codec::decode_checked(&value)?;
        let Some(blob) = keys::parse_blob(&key).filter(|_| row.wish == Wish::Wanted) else { continue };
        for naming in view::named_by(read, &blob)? {
            if !contact::view::get(read, &naming.author)?.blocked {
                authors.insert(naming.author);
            }
        }
    }
    Ok(authors.into_iter().take(WANTED_MAX).collect())
}

/// A transfer ended.
///
/// # Errors
/// The store's, or damage.
pub fn fetched(cx: &mut Cx<'_>, blob: &BlobHash, end: FetchEnd) -> Result<(), EngineError> {
    cx.attachments().running.remove(blob);
    cx.attachments().look_again();
    let row = view::queued(cx.read(), blob)?;
    match (end, row) {
        (FetchEnd::Here { fresh }, row) => {
            cx.attachments().pauses.remove(blob);
            cx.delete(keys::queued(blob));
            if fresh || row.is_none_or(|row| row.private) {
                cx.put(keys::kept(blob), Vec::new());
            }
            // Its message may have gone while it came.
            super::drop_unless_named(cx, blob)?;
        }
        (FetchEnd::WrongSize, Some(row)) => {
            cx.put_value(keys::queued(blob), &QueueRow { wish: Wish::Lying, ..row })?;
        }
        (FetchEnd::Full, Some(row)) => cx.put_value(keys::queued(blob), &QueueRow { wish: Wish::Full, ..row })?,
        (FetchEnd::NotNow, Some(_)) => {
            let now = cx.now();
            let pauses = &mut cx.attachments().pauses;
            let pause = pauses.get(blob).map_or(RETRY_MS_MIN, |(_, pause)| *pause);
            pauses.insert(*blob, (now.plus_ms(pause), pause.saturating_mul(2).min(RETRY_MS_MAX)));
        }
        (FetchEnd::Stopped, _) | (_, None) => {}
    }
    changed(cx, blob);
    Ok(())
}
