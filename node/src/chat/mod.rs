//! Conversations: direct messages, receipts, and the list of all chats (groups' messages arrive here as events).

pub mod act;
mod compose;
pub mod find;
mod fold;
mod keys;
mod place;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    AccountId, Draft, Kind, RecordId, TimestampMs, Topic, Verified,
    chat::{Content, Message, Receipt, ReceiptStatus},
    limits::{DISAPPEAR_MS_MAX, MESSAGE_TEXT_BYTES_MAX, RECEIPT_IDS_MAX},
    own::Own,
};

pub use self::compose::{content, contents};
use self::view::{CannotWrite, ChatRow, DraftRow, Timer};
use crate::{
    account, attachment,
    contact::{self, addressed},
    engine::{
        ChatId, CommandError, Cx, DomainEvent, EngineError, Event, Feature, Indexed, Keep, Outcome, Reject, Said,
        Source, get_record,
        keys::{self as rows, Place},
    },
    store::{Direction, KeyRange},
};

/// Messages that disappear in one tick.
const DUE_MAX: usize = 1_024;
/// Messages marked as read in one go; a person who opens a chat with more has not read them.
const READ_MAX: usize = 4 * RECEIPT_IDS_MAX;

/// The feature.
pub struct Chat;

impl Feature for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Message, Kind::MessageAction, Kind::Receipt, Kind::GroupAction]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        if record.header().kind == Kind::GroupAction {
            return act::in_group(cx, record);
        }
        let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
        if record.header().kind == Kind::MessageAction {
            return act::between_two(cx, record, &me);
        }
        if record.header().kind == Kind::Receipt {
            let body: Receipt = record.body()?;
            body.validate()?;
            addressed(record, &body.to, &me)?;
            if record.header().device != cx.device() {
                receipt_arrived(cx, record, &body)?;
            }
            return Ok(Keep::Drop);
        }
        let body: Message = record.body()?;
        body.content.validate()?;
        addressed(record, &body.to, &me)?;
        let author = record.author();
        let other = if author == me { body.to } else { author };
        may_come(cx, &me, &author)?;
        said(cx, ChatId::Direct(other), record, body.content)
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        let (from, to) = (keys::due(), keys::due().u64(cx.now().0.saturating_add(1)));
        let due = cx.read().collect(KeyRange::between(&from, &to), Direction::Ascending, DUE_MAX)?;
        for (key, _) in due {
            cx.delete(&key);
            if let Some((chat, id)) = keys::parse_due(&key) {
                fold::expire(cx, &chat, &id)?;
            }
        }
        Ok(())
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::MessageArrived { chat, id, at, author, said, .. } => {
                if let Some(expires) = said.expires {
                    cx.put(keys::due_at(expires, chat, id), Vec::new());
                }
                if let (ChatId::Direct(other), Some(ms)) = (chat, said.disappear_ms) {
                    timer_said(cx, other, Timer { ms, at: *at, id: Some(*id) })?;
                }
                let named = cx.account().is_some_and(|me| said.mentions.contains(&me));
                arrived(cx, chat, id, *at, author, named)?;
                if let (true, ChatId::Group(group)) = (said.here, chat)
                    && !view::is_known_gone(cx.read(), &Topic::of_group(*group), id)?
                {
                    cx.put(keys::unsent(group, id), Vec::new());
                }
                Ok(())
            }
            DomainEvent::ContactAccepted(account) => opened(cx, ChatId::Direct(*account)),
            DomainEvent::GroupJoined(group) => opened(cx, ChatId::Group(*group)),
            DomainEvent::GroupLeft(group) => {
                cx.delete(keys::chat(&ChatId::Group(*group)));
                cx.notify(Event::Chat(ChatId::Group(*group)));
                Ok(())
            }
            DomainEvent::ContactGone(account) => {
                cx.notify(Event::Chat(ChatId::Direct(*account)));
                Ok(())
            }
            DomainEvent::Published(id, peers) if *peers > 0 => sent_to_group(cx, id),
            DomainEvent::Reconciled(Topic::Group(group)) => {
                let unsent =
                    cx.read().collect(KeyRange::prefix(&keys::unsent_in(group)), Direction::Ascending, READ_MAX)?;
                let ids = unsent.iter().filter_map(|(key, _)| RecordId::from_slice(key.get(34..)?)).collect::<Vec<_>>();
                ids.iter().try_for_each(|id| sent_to_group(cx, id))
            }
            DomainEvent::Left(account, id) => {
                sent_to_group(cx, id)?;
                let chat = ChatId::Direct(*account);
                if view::message(cx.read(), &chat, id)?.is_some() {
                    cx.notify(Event::Message { chat, id: *id });
                }
                Ok(())
            }
            DomainEvent::OwnDeviceAdded(_) => {
                view::list(cx.read())?.into_iter().try_for_each(|(chat, row)| tell(cx, &chat, &row))
            }
            DomainEvent::Own(Own::Chat { chat, read_to, muted, pinned }) => match chat.parse() {
                Ok(chat) => kept_elsewhere(cx, chat, *read_to, *muted, *pinned),
                Err(_) => Ok(()),
            },
            DomainEvent::Handed(account, id, Outcome::Stored) => {
                sent_to_group(cx, id)?;
                let chat = ChatId::Direct(*account);
                if view::message(cx.read(), &chat, id)?.is_some() {
                    cx.notify(Event::MessageState { chat, ids: vec![*id], status: None });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Tells the other devices of this account how far a conversation was read here, and how it is kept.
fn tell(cx: &mut Cx<'_>, chat: &ChatId, row: &ChatRow) -> Result<(), EngineError> {
    let (chat, read_to) = (chat.to_string(), row.read_to);
    cx.publish_own(&Own::Chat { chat, read_to, muted: row.muted, pinned: row.pinned })
}

/// The same, from another device.
fn kept_elsewhere(
    cx: &mut Cx<'_>,
    chat: ChatId,
    read_to: TimestampMs,
    muted: bool,
    pinned: bool,
) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let row = view::row(cx.read(), &chat)?;
    let read_to = row.read_to.max(read_to);
    let topic = view::topic(&me, &chat);
    let from = Place { topic: topic.key(), at: read_to.plus_ms(1), id: RecordId([0; 32]) }.key();
    let end = rows::set(&topic).tail(&[0xff; 41]);
    let unread = u32::try_from(unread_between(cx, &me, &from, &end)?.len()).unwrap_or(u32::MAX);
    let mentions = if unread == 0 { 0 } else { row.mentions };
    cx.put_value(keys::chat(&chat), &ChatRow { read_to, unread, mentions, marked: false, muted, pinned, ..row })?;
    cx.notify(Event::Chat(chat));
    Ok(())
}

/// A group's log takes a message away, or (`on` false) what took it away is undone.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn removed_by_admin(
    cx: &mut Cx<'_>,
    chat: ChatId,
    by: (RecordId, AccountId),
    message: (RecordId, TimestampMs),
    on: bool,
) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    fold::remove(cx, &chat, &view::topic(&me, &chat), by, message, on)
}

/// A message has come into its conversation: tells the features. Whether its record is kept.
///
/// # Errors
/// Those of the features.
pub(crate) fn said(cx: &mut Cx<'_>, chat: ChatId, record: &Verified, content: Content) -> Result<Keep, Reject> {
    let (id, header) = (record.id(), record.header());
    if content.disappear_ms.is_some() && matches!(chat, ChatId::Group(_)) {
        return Err(Reject::Rule("messages of a group do not disappear"));
    }
    if let Some(location) = &content.location {
        location.check_live(header.at)?;
    }
    let over = header.expires.is_some_and(|expires| expires <= cx.now());
    if over || view::is_hidden(cx.read(), &header.topic, &id)? {
        return Ok(Keep::Drop);
    }
    let said = Box::new(Said {
        here: header.device == cx.device(),
        mentions: content.mentions.into_iter().map(|mention| mention.account).collect(),
        expires: header.expires,
        disappear_ms: content.disappear_ms,
        files: content.attachments.iter().map(attachment::carried).collect(),
    });
    let (at, author, card) = (header.at, header.account, content.card);
    cx.emit(&DomainEvent::MessageArrived { chat, id, at, author, card, said })?;
    Ok(if view::is_gone(cx.read(), &header.topic, &id)? { Keep::Drop } else { Keep::Store })
}

/// The newest word on the timer counts, whatever comes first.
fn timer_said(cx: &mut Cx<'_>, other: &AccountId, timer: Timer) -> Result<(), EngineError> {
    let before = view::timer(cx.read(), &ChatId::Direct(*other))?;
    if (before.at, before.id) < (timer.at, timer.id) {
        cx.put_value(keys::timer(other), &timer)?;
    }
    Ok(())
}

/// Whether somebody may write to this account.
fn may_come(cx: &mut Cx<'_>, me: &AccountId, author: &AccountId) -> Result<(), Reject> {
    if author != me && !contact::view::get(cx.read(), author)?.may_write() {
        if !is_own_store(cx)? {
            return Err(Reject::Later("not a contact"));
        }
        // Anybody may ask a store, and who asked may be answered.
        cx.emit(&DomainEvent::Dealing(*author))?;
    }
    Ok(())
}

fn is_own_store(cx: &Cx<'_>) -> Result<bool, EngineError> {
    cx.account().map_or(Ok(false), |me| account::view::is_store(cx.read(), &me))
}

fn arrived(
    cx: &mut Cx<'_>,
    chat: &ChatId,
    id: &RecordId,
    at: TimestampMs,
    author: &AccountId,
    named: bool,
) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let taken_back = fold::arrived(cx, &view::topic(&me, chat), id, author, at)?;
    let mut row = view::row(cx.read(), chat)?;
    let mine = me == *author;
    if row.last.is_none_or(|last| (row.at, last) < (at, *id)) {
        (row.at, row.last) = (at, Some(*id));
    }
    if mine {
        // Who writes has seen what is above.
        (row.unread, row.mentions, row.marked, row.read_to) = (0, 0, false, row.read_to.max(at));
    } else if at > row.read_to && !taken_back {
        row.unread = row.unread.saturating_add(1);
        row.mentions = row.mentions.saturating_add(u32::from(named));
        // Who is not silenced brings the conversation back.
        row.archived &= row.muted;
    }
    cx.put_value(keys::chat(chat), &row)?;
    cx.notify(Event::Message { chat: *chat, id: *id });
    cx.index(Indexed::Message(*chat, *id));
    Ok(())
}

fn opened(cx: &mut Cx<'_>, chat: ChatId) -> Result<(), EngineError> {
    let row = view::row(cx.read(), &chat)?;
    if row.at == TimestampMs(0) {
        let now = cx.now();
        cx.put_value(keys::chat(&chat), &ChatRow { at: now, read_to: TimestampMs(0), ..row })?;
    }
    cx.notify(Event::Chat(chat));
    Ok(())
}

fn sent_to_group(cx: &mut Cx<'_>, id: &RecordId) -> Result<(), EngineError> {
    let Some(record) = get_record(cx.read(), id)? else { return Ok(()) };
    let (Some(group), Kind::GroupMessage) = (record.header.topic.group(), record.header.kind) else { return Ok(()) };
    let key = keys::unsent(&group, id);
    if cx.read().contains(&key)? {
        cx.delete(key);
        cx.notify(Event::MessageState { chat: ChatId::Group(group), ids: vec![*id], status: None });
    }
    Ok(())
}

/// The recipient's own word. Only records that were addressed to them count; a receipt may come twice or in any order.
fn receipt_arrived(cx: &mut Cx<'_>, record: &Verified, receipt: &Receipt) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let (from, device) = (record.author(), record.header().device);
    if receipt.status == ReceiptStatus::Unreadable {
        return cx.unreadable(&from, &device, &receipt.ids);
    }
    cx.acknowledged(&from, &device, &receipt.ids)?;
    if from == me {
        return Ok(());
    }
    let (topic, at) = (Topic::direct(&me, &from), record.header().at);
    let mut moved = Vec::new();
    for id in &receipt.ids {
        let Some(record) = get_record(cx.read(), id)? else { continue };
        if record.header.topic != topic || record.header.account != me {
            continue;
        }
        if view::recorded_state(cx.read(), id)?.is_none_or(|before| before < receipt.status) {
            moved.push(*id);
        }
        note_receipt(cx, id, at, receipt.status)?;
    }
    if !moved.is_empty() {
        cx.emit(&DomainEvent::Receipt { from, status: receipt.status, ids: moved.clone() })?;
        let status = Some(receipt.status);
        cx.notify(Event::MessageState { chat: ChatId::Direct(from), ids: moved, status });
    }
    Ok(())
}

/// How far a message came, and when it was first said to have come there: state (1), delivered (8), read (8).
fn note_receipt(cx: &mut Cx<'_>, id: &RecordId, at: TimestampMs, status: ReceiptStatus) -> Result<(), EngineError> {
    let before = view::times(cx.read(), id)?;
    let first = |before: Option<TimestampMs>, wanted: ReceiptStatus| {
        let now = Some(at).filter(|_| status == wanted);
        before.into_iter().chain(now).min().unwrap_or_default().0.to_be_bytes()
    };
    let furthest = view::recorded_state(cx.read(), id)?.map_or(status, |before| before.max(status));
    let state: u8 = if furthest == ReceiptStatus::Read { 2 } else { 1 };
    let (delivered, read) =
        (first(before.delivered, ReceiptStatus::Delivered), first(before.read, ReceiptStatus::Read));
    cx.put(keys::state(id), [[state].as_slice(), &delivered, &read].concat());
    Ok(())
}

/// Writes into a conversation.
///
/// # Errors
/// Refused where the user may not write.
pub fn send(cx: &mut Cx<'_>, chat: ChatId, content: Content) -> Result<RecordId, CommandError> {
    let me = cx.me()?;
    writable(cx, &chat)?;
    match chat {
        ChatId::Group(group) => crate::group::post(cx, group, content),
        ChatId::Direct(to) => {
            if !contact::view::get(cx.read(), &to)?.may_write() {
                cx.emit(&DomainEvent::Dealing(to))?;
            }
            let timer = view::timer(cx.read(), &chat)?.ms;
            // That the timer was changed is said for good.
            let expires = (timer > 0 && content.disappear_ms.is_none()).then(|| cx.now().plus_ms(timer));
            let draft = Draft::new(Topic::direct(&me, &to), Kind::Message, &Message { to, content })?;
            Ok(cx.publish(Draft { expires, ..draft }, Some(to))?)
        }
    }
}

/// Whether the user may write there.
fn writable(cx: &Cx<'_>, chat: &ChatId) -> Result<(), CommandError> {
    let Some(why) = view::cannot_write(cx.read(), chat, cx.now())? else { return Ok(()) };
    let message = match why {
        CannotWrite::NotAccepted => "they have not accepted your request yet",
        CannotWrite::NotContact => "add them as a contact first",
        CannotWrite::Blocked => "you blocked this account: unblock it first",
        CannotWrite::NotMember => "join the group first",
        CannotWrite::Asked => "wait until you are let into the group",
        CannotWrite::Removed => "you were put out of this group",
        CannotWrite::Muted(until) => {
            let seconds = until.since_ms(cx.now()).div_ceil(1_000);
            let message = format!("an admin muted you in this group: wait {seconds} seconds");
            return Err(CommandError::Wait { code: "muted", message, seconds });
        }
    };
    Err(CommandError::refused("cannot_write", message))
}

/// Marks a conversation as read up to a message, and tells the author of direct ones if the user's settings allow.
///
/// # Errors
/// `NotFound` if the message is not in the conversation.
pub fn mark_read(cx: &mut Cx<'_>, chat: ChatId, up_to: RecordId) -> Result<(), CommandError> {
    let me = cx.me()?;
    let message = view::message(cx.read(), &chat, &up_to)?.ok_or(CommandError::NotFound("this message"))?;
    let row = view::row(cx.read(), &chat)?;
    if message.at <= row.read_to && row.unread == 0 && !row.marked {
        return Ok(());
    }
    let topic = view::topic(&me, &chat);
    let key = |at: TimestampMs| Place { topic: topic.key(), at, id: RecordId([0; 32]) }.key();
    let (from, to) = (key(row.read_to.plus_ms(1)), key(message.at.plus_ms(1)));
    let newly = unread_between(cx, &me, &from, &to)?;
    let end = rows::set(&topic).tail(&[0xff; 41]);
    let left = unread_between(cx, &me, &to, &end)?.len();
    let unread = u32::try_from(left).unwrap_or(u32::MAX);
    // Named further down: it still says so, until all is read.
    let mentions = if unread == 0 { 0 } else { row.mentions };
    let read_to = row.read_to.max(message.at);
    let row = ChatRow { unread, mentions, marked: false, read_to, ..row };
    cx.put_value(keys::chat(&chat), &row)?;
    tell(cx, &chat, &row)?;
    cx.notify(Event::Chat(chat));
    if let ChatId::Direct(other) = chat
        && account::view::settings(cx.read())?.read_receipts
    {
        for ids in newly.chunks(RECEIPT_IDS_MAX) {
            let body = Receipt { to: other, status: ReceiptStatus::Read, ids: ids.to_vec() };
            cx.publish(Draft::new(Topic::direct(&me, &other), Kind::Receipt, &body)?, Some(other))?;
        }
    }
    Ok(())
}

fn unread_between(cx: &Cx<'_>, me: &AccountId, from: &[u8], to: &[u8]) -> Result<Vec<RecordId>, EngineError> {
    let entries = cx.read().collect(KeyRange::between(from, to), Direction::Descending, READ_MAX)?;
    let mut ids = Vec::new();
    for (key, bytes) in entries {
        let header = hutong_protocol::record::Stored::decode(bytes)?.header;
        if header.account != *me && matches!(header.kind, Kind::Message | Kind::GroupMessage) {
            ids.extend(Place::parse(&key).map(|place| place.id));
        }
    }
    Ok(ids)
}

/// How this node treats a conversation; what is absent stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// No notifications.
    pub muted: Option<bool>,
    /// On top of the list.
    pub pinned: Option<bool>,
    /// Out of sight until somebody writes.
    pub archived: Option<bool>,
    /// Marked as unread by hand.
    pub marked: Option<bool>,
}

/// Mutes, pins, archives a conversation, or marks it as unread.
///
/// # Errors
/// The store's.
pub fn set_flags(cx: &mut Cx<'_>, chat: ChatId, flags: Flags) -> Result<(), CommandError> {
    let mut row = view::row(cx.read(), &chat)?;
    row.muted = flags.muted.unwrap_or(row.muted);
    row.pinned = flags.pinned.unwrap_or(row.pinned);
    row.archived = flags.archived.unwrap_or(row.archived);
    row.marked = flags.marked.unwrap_or(row.marked);
    cx.put_value(keys::chat(&chat), &row)?;
    tell(cx, &chat, &row)?;
    cx.notify(Event::Chat(chat));
    Ok(())
}

/// Keeps what was begun in a conversation, so that every browser of this node shows it. An empty text forgets it.
///
/// # Errors
/// Refused if it is longer than a message may be.
pub fn set_draft(cx: &mut Cx<'_>, chat: ChatId, text: &str, reply_to: Option<RecordId>) -> Result<(), CommandError> {
    if text.len() > MESSAGE_TEXT_BYTES_MAX {
        return Err(CommandError::refused(
            "message_too_long",
            "a message has at most 16 KiB of text: send it in parts",
        ));
    }
    let before = view::draft(cx.read(), &chat)?;
    if text.is_empty() {
        if before.is_none() {
            return Ok(());
        }
        cx.delete(keys::draft(&chat));
    } else {
        let at = cx.now();
        cx.put_value(keys::draft(&chat), &DraftRow { text: text.to_owned(), reply_to, at })?;
    }
    cx.notify(Event::Chat(chat));
    Ok(())
}

/// Says after how long messages between the two disappear from now on; 0: no longer.
///
/// # Errors
/// Refused in a group, or if it is more than a year.
pub fn set_timer(cx: &mut Cx<'_>, chat: ChatId, ms: u64) -> Result<(), CommandError> {
    if matches!(chat, ChatId::Group(_)) {
        return Err(CommandError::refused("no_timer", "messages of a group do not disappear"));
    }
    if ms > DISAPPEAR_MS_MAX {
        return Err(CommandError::refused("invalid_timer", "messages disappear within a year"));
    }
    if view::timer(cx.read(), &chat)?.ms != ms {
        send(cx, chat, Content { disappear_ms: Some(ms), ..Content::default() })?;
    }
    Ok(())
}
