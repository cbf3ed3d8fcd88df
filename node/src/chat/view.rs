//! What others may read of conversations.

use hutong_protocol::{
    AccountId, Kind, RecordId, TimestampMs, Topic,
    chat::{Content, Message, ReceiptStatus},
    group::GroupMessage,
    record::Stored,
};
use serde::{Deserialize, Serialize};

use super::{fold, keys, place::place};
pub use super::{fold::How, place::Place};
use crate::{
    account, contact,
    engine::{
        ChatId, EngineError, get_record, get_value, identity,
        keys::{self as rows, Place as InSet},
        outbox::{self, OutboxState},
    },
    group,
    store::{Direction, KeyRange, Read},
};

/// Records looked at for one page: a direct topic also holds orders and requests.
const LOOK_FACTOR: usize = 8;

/// The summary of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRow {
    /// When something last happened.
    pub at: TimestampMs,
    /// The newest message.
    #[serde(default)]
    pub last: Option<RecordId>,
    /// Messages of others that were not read here.
    #[serde(default)]
    pub unread: u32,
    /// Everything up to this time was read here.
    #[serde(default)]
    pub read_to: TimestampMs,
    /// No notifications.
    #[serde(default)]
    pub muted: bool,
    /// On top of the list.
    #[serde(default)]
    pub pinned: bool,
    /// Among the unread ones, those that name this account.
    #[serde(default)]
    pub mentions: u32,
    /// Marked as unread by hand.
    #[serde(default)]
    pub marked: bool,
    /// Out of sight until somebody writes.
    #[serde(default)]
    pub archived: bool,
}

/// What was begun and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftRow {
    /// The text so far.
    pub text: String,
    /// What it answers.
    #[serde(default)]
    pub reply_to: Option<RecordId>,
    /// When it was kept.
    pub at: TimestampMs,
}

/// After how long messages disappear: the newest word of either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Milliseconds; 0: never.
    pub ms: u64,
    /// When that was said.
    pub at: TimestampMs,
    /// In which message.
    pub id: Option<RecordId>,
}

/// When the recipient had a message, as their receipts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// It was stored.
    pub delivered: Option<TimestampMs>,
    /// It was shown to a person.
    pub read: Option<TimestampMs>,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageState {
    /// Somebody else's.
    Received,
    /// In the outbox.
    Queued,
    /// Mailboxes of the recipient keep it.
    AtMailbox,
    /// A device of the recipient (for a group: at least one member) has it.
    Sent,
    /// The recipient's signed word is here.
    Delivered,
    /// The recipient says it was shown to a person.
    Read,
}

/// One message.
#[derive(Clone, Debug)]
pub struct MessageView {
    /// The record.
    pub id: RecordId,
    /// Where.
    pub chat: ChatId,
    /// Who.
    pub author: AccountId,
    /// Whether this account wrote it.
    pub mine: bool,
    /// When (hybrid logical clock).
    pub at: TimestampMs,
    /// What.
    pub content: Content,
    /// How far it came.
    pub state: MessageState,
    /// Why it has not come further, if it is this node's own and waits.
    pub waiting: Option<Waiting>,
    /// Emoji under it, in the order in which they first came.
    pub reactions: Vec<Reaction>,
    /// When its author changed its words.
    pub edited: Option<TimestampMs>,
    /// Its author took it back: then there is no content.
    pub gone: Option<How>,
    /// When it disappears.
    pub expires: Option<TimestampMs>,
    /// Where its author, or something, is; the newest word if it is told live.
    pub place: Option<Place>,
}

/// One emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Which.
    pub emoji: String,
    /// Whose, the earliest first.
    pub accounts: Vec<AccountId>,
}

/// Why an own message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// No device of the recipient can be reached.
    Offline,
    /// The recipient's node will not take it yet (not a contact yet).
    NotYet,
    /// The recipient's node refused it.
    Refused,
    /// No member of the group can be reached.
    NoPeers,
}

/// Why the user cannot write in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotWrite {
    /// The other has not accepted yet.
    NotAccepted,
    /// Not (or no longer) a contact.
    NotContact,
    /// The user blocked the other.
    Blocked,
    /// Not a member of the group.
    NotMember,
    /// Waits to be let into the group.
    Asked,
    /// Was put out of the group.
    Removed,
    /// May not speak in the group until then.
    Muted(TimestampMs),
}

/// A conversation's summary; the default if nothing happened in it.
///
/// # Errors
/// The store's, or damage.
pub fn row(read: &dyn Read, chat: &ChatId) -> Result<ChatRow, EngineError> {
    Ok(get_value(read, keys::chat(chat))?.unwrap_or_default())
}

/// All conversations, pinned first, then newest first.
///
/// # Errors
/// The store's, or damage.
pub fn list(read: &dyn Read) -> Result<Vec<(ChatId, ChatRow)>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::chats()), Direction::Ascending, usize::MAX)?;
    let mut chats = Vec::with_capacity(rows.len());
    for (key, value) in rows {
        let chat = keys::parse_chat(&key).ok_or_else(|| EngineError::Damaged("a chat row".into()))?;
        chats.push((chat, hutong_protocol::codec::decode_checked::<ChatRow>(&value)?));
    }
    chats.sort_by_key(|(chat, row)| (std::cmp::Reverse((row.pinned, row.at)), *chat));
    Ok(chats)
}

/// The topic that holds a conversation, as seen by `me`.
#[must_use]
pub fn topic(me: &AccountId, chat: &ChatId) -> Topic {
    match chat {
        ChatId::Direct(other) => Topic::direct(me, other),
        ChatId::Group(group) => Topic::of_group(*group),
    }
}

/// The newest messages of a topic, at most `limit`, newest first.
///
/// # Errors
/// The store's, or damage.
pub fn newest(read: &dyn Read, topic: &Topic, limit: usize) -> Result<Vec<RecordId>, EngineError> {
    let look = limit.saturating_mul(LOOK_FACTOR);
    let mut newest = Vec::new();
    for (key, bytes) in read.collect(KeyRange::prefix(&rows::set(topic)), Direction::Descending, look)? {
        if newest.len() < limit && Stored::decode(bytes)?.header.kind == Kind::GroupMessage {
            newest.extend(InSet::parse(&key).map(|place| place.id));
        }
    }
    Ok(newest)
}

/// Whether a message is known here, though it is not here any more: it was taken back, or hidden.
///
/// # Errors
/// The store's, or damage.
pub fn is_known_gone(read: &dyn Read, topic: &Topic, id: &RecordId) -> Result<bool, EngineError> {
    Ok(is_gone(read, topic, id)? || is_hidden(read, topic, id)?)
}

/// The newest `limit` messages before `before` (a message's time and id), oldest first, and whether there are older ones.
///
/// # Errors
/// The store's, or damage.
pub fn page(
    read: &dyn Read,
    chat: &ChatId,
    before: Option<(TimestampMs, RecordId)>,
    limit: usize,
) -> Result<(Vec<MessageView>, bool), EngineError> {
    let Some(me) = identity::account(read)? else { return Ok((Vec::new(), false)) };
    let topic = topic(&me, chat);
    // One more than asked for, of each, says whether there are older ones.
    let wanted = limit.saturating_add(1);
    let mut messages = kept(read, &me, chat, &topic, before, wanted)?;
    messages.extend(taken_back(read, &me, chat, &topic, before, wanted)?);
    messages.sort_by_key(|message| (message.at, message.id));
    let more = messages.len() > limit;
    messages.drain(..messages.len().saturating_sub(limit));
    Ok((messages, more))
}

fn kept(
    read: &dyn Read,
    me: &AccountId,
    chat: &ChatId,
    topic: &Topic,
    before: Option<(TimestampMs, RecordId)>,
    limit: usize,
) -> Result<Vec<MessageView>, EngineError> {
    let prefix = rows::set(topic);
    let mut cursor = before.map(|(at, id)| InSet { topic: topic.key(), at, id }.key().into_bytes());
    let mut messages = Vec::new();
    loop {
        let mut range = KeyRange::prefix(&prefix);
        if let Some(cursor) = &cursor {
            range = range.before(cursor);
        }
        let look = limit.saturating_mul(LOOK_FACTOR);
        let entries = read.collect(range, Direction::Descending, look)?;
        let exhausted = entries.len() < look;
        for (key, bytes) in entries {
            let record = Stored::decode(bytes)?;
            if matches!(record.header.kind, Kind::Message | Kind::GroupMessage) {
                let id = InSet::parse(&key).map_or_else(|| record.id(), |place| place.id);
                messages.extend(message_of(read, me, chat, id, &record)?);
                if messages.len() == limit {
                    return Ok(messages);
                }
            }
            cursor = Some(key.into_vec());
        }
        if exhausted {
            return Ok(messages);
        }
    }
}

/// The gaps that messages left which were taken back.
fn taken_back(
    read: &dyn Read,
    me: &AccountId,
    chat: &ChatId,
    topic: &Topic,
    before: Option<(TimestampMs, RecordId)>,
    limit: usize,
) -> Result<Vec<MessageView>, EngineError> {
    let prefix = keys::gaps(topic);
    let cursor = before.map(|(at, id)| keys::gaps(topic).u64(at.0).array(&id.0));
    let mut range = KeyRange::prefix(&prefix);
    if let Some(cursor) = &cursor {
        range = range.before(cursor);
    }
    let mut gaps = Vec::new();
    for (key, _) in read.collect(range, Direction::Descending, limit)? {
        let (_, id, author) = keys::parse_gap(&key).ok_or_else(|| EngineError::Damaged("a gap".into()))?;
        if contact::view::is_blocked(read, &author)? {
            continue;
        }
        if let Some((by, at)) = fold::removed(read, topic, &id)? {
            gaps.push(removed_gap(me, chat, id, by, at));
            continue;
        }
        let row = get_value::<fold::GoneRow>(read, keys::gone(topic, &id, &author))?;
        gaps.extend(row.map(|row| gap_of(me, chat, id, author, &row)));
    }
    Ok(gaps)
}

/// What remains of a message that an admin took away: who did so.
fn removed_gap(me: &AccountId, chat: &ChatId, id: RecordId, by: AccountId, at: TimestampMs) -> MessageView {
    let row = fold::GoneRow { at, id, how: How::Removed, target_at: at, confirmed: true };
    gap_of(me, chat, id, by, &row)
}

fn gap_of(me: &AccountId, chat: &ChatId, id: RecordId, author: AccountId, row: &fold::GoneRow) -> MessageView {
    let mine = author == *me;
    MessageView {
        id,
        chat: *chat,
        author,
        mine,
        at: row.target_at,
        content: Content::default(),
        state: if mine { MessageState::Sent } else { MessageState::Received },
        waiting: None,
        reactions: Vec::new(),
        edited: None,
        gone: Some(row.how),
        expires: None,
        place: None,
    }
}

/// One message of a conversation.
///
/// # Errors
/// The store's, or damage.
pub fn message(read: &dyn Read, chat: &ChatId, id: &RecordId) -> Result<Option<MessageView>, EngineError> {
    let Some(me) = identity::account(read)? else { return Ok(None) };
    let topic = topic(&me, chat);
    let Some(record) = get_record(read, id)? else {
        if let Some((by, at)) = fold::removed(read, &topic, id)? {
            return Ok(Some(removed_gap(&me, chat, *id, by, at)));
        }
        let gone = fold::gone_by(read, &topic, id)?;
        let gone = gone.iter().find(|(_, row)| row.confirmed).or(gone.first());
        if let Some((author, _)) = gone
            && contact::view::is_blocked(read, author)?
        {
            return Ok(None);
        }
        return Ok(gone.map(|(author, row)| gap_of(&me, chat, *id, *author, row)));
    };
    let right = matches!(record.header.kind, Kind::Message | Kind::GroupMessage) && record.header.topic == topic;
    if right { message_of(read, &me, chat, *id, &record) } else { Ok(None) }
}

/// Whether a message was here and its author took it back: it is not to be kept when it comes again.
///
/// # Errors
/// The store's, or damage.
pub fn is_gone(read: &dyn Read, topic: &Topic, id: &RecordId) -> Result<bool, EngineError> {
    Ok(fold::removed(read, topic, id)?.is_some() || fold::confirmed(read, topic, id)?.is_some())
}

/// Whether the user deleted a message for themselves.
///
/// # Errors
/// The store's.
pub(super) fn is_hidden(read: &dyn Read, topic: &Topic, id: &RecordId) -> Result<bool, EngineError> {
    let Some(me) = identity::account(read)? else { return Ok(false) };
    Ok(read.contains(&keys::hidden(topic, id, &me))?)
}

/// What was begun in a conversation and not sent.
///
/// # Errors
/// The store's, or damage.
pub fn draft(read: &dyn Read, chat: &ChatId) -> Result<Option<DraftRow>, EngineError> {
    get_value(read, keys::draft(chat))
}

/// After how long messages of a conversation disappear. In groups they do not.
///
/// # Errors
/// The store's, or damage.
pub fn timer(read: &dyn Read, chat: &ChatId) -> Result<Timer, EngineError> {
    let ChatId::Direct(account) = chat else { return Ok(Timer::default()) };
    Ok(get_value(read, keys::timer(account))?.unwrap_or_default())
}

/// When the recipient had an own message.
///
/// # Errors
/// The store's.
pub fn times(read: &dyn Read, id: &RecordId) -> Result<Times, EngineError> {
    let Some(value) = read.get(&keys::state(id))? else { return Ok(Times::default()) };
    let time = |from: usize| {
        let bytes = value.get(from..from.checked_add(8)?)?.try_into().ok()?;
        Some(TimestampMs(u64::from_be_bytes(bytes))).filter(|at| at.0 > 0)
    };
    Ok(Times { delivered: time(1), read: time(9) })
}

fn message_of(
    read: &dyn Read,
    me: &AccountId,
    chat: &ChatId,
    id: RecordId,
    record: &Stored,
) -> Result<Option<MessageView>, EngineError> {
    let mut content = match record.header.kind {
        Kind::Message => record.body::<Message>()?.content,
        _ => record.body::<GroupMessage>()?.content,
    };
    let (author, at) = (record.header.account, record.header.at);
    let mine = author == *me;
    if !mine && contact::view::is_blocked(read, &author)? {
        return Ok(None);
    }
    let (state, waiting) = if mine { own_state(read, chat, at, &id)? } else { (MessageState::Received, None) };
    let acts = fold::done_with(read, &record.header.topic, &id, &author)?;
    if acts.hidden {
        return Ok(None);
    }
    let edited = acts.edit.as_ref().map(|edit| edit.at);
    if let Some(edit) = acts.edit {
        (content.text, content.mentions) = (edit.text, edit.mentions);
    }
    let reactions = acts.reactions;
    let place = content.location.clone().map(|location| place(location, at, acts.moved));
    let (gone, expires) = (None, record.header.expires);
    let chat = *chat;
    Ok(Some(MessageView {
        id,
        chat,
        author,
        mine,
        at,
        content,
        state,
        waiting,
        reactions,
        edited,
        gone,
        expires,
        place,
    }))
}

fn own_state(
    read: &dyn Read,
    chat: &ChatId,
    at: TimestampMs,
    id: &RecordId,
) -> Result<(MessageState, Option<Waiting>), EngineError> {
    if let Some(state) = recorded_state(read, id)? {
        let state = if state == ReceiptStatus::Read { MessageState::Read } else { MessageState::Delivered };
        return Ok((state, None));
    }
    match chat {
        ChatId::Group(group) => {
            let unsent = read.contains(&keys::unsent(group, id))?;
            let queued = (MessageState::Queued, Some(Waiting::NoPeers));
            Ok(if unsent { queued } else { (MessageState::Sent, None) })
        }
        ChatId::Direct(other) => Ok(match outbox::row(read, other, at, id)?.map(|row| row.state) {
            Some(OutboxState::Queued) => (MessageState::Queued, Some(Waiting::Offline)),
            Some(OutboxState::Later) => (MessageState::Queued, Some(Waiting::NotYet)),
            Some(OutboxState::Refused) => (MessageState::Queued, Some(Waiting::Refused)),
            Some(OutboxState::Left) => (MessageState::AtMailbox, None),
            Some(OutboxState::Handed) | None => (MessageState::Sent, None),
        }),
    }
}

pub(super) fn recorded_state(read: &dyn Read, id: &RecordId) -> Result<Option<ReceiptStatus>, EngineError> {
    Ok(read.get(&keys::state(id))?.map(|value| match value.first() {
        Some(2) => ReceiptStatus::Read,
        _ => ReceiptStatus::Delivered,
    }))
}

/// Whether everybody can read what is said there.
#[must_use]
pub const fn is_public(chat: &ChatId) -> bool {
    matches!(chat, ChatId::Group(group) if !group.is_private())
}

/// Why the user cannot write in a conversation; `None`: they can.
///
/// # Errors
/// The store's, or damage.
pub fn cannot_write(read: &dyn Read, chat: &ChatId, now: TimestampMs) -> Result<Option<CannotWrite>, EngineError> {
    match chat {
        ChatId::Group(group) => {
            let row = group::view::get(read, group)?.unwrap_or_default();
            if !row.joined {
                return Ok(Some(match row.out {
                    _ if row.asked.is_some() => CannotWrite::Asked,
                    Some(group::view::Out::Removed) => CannotWrite::Removed,
                    _ => CannotWrite::NotMember,
                }));
            }
            let Some(me) = identity::account(read)? else { return Ok(None) };
            Ok(group::muted_until(read, group, &me, now)?.map(CannotWrite::Muted))
        }
        ChatId::Direct(other) => {
            let contact = contact::view::get(read, other)?;
            Ok(if contact.blocked {
                Some(CannotWrite::Blocked)
            } else if contact.is_contact() || contact.dealing || account::view::is_store(read, other)? {
                None
            } else if contact.state == contact::view::ContactState::Outgoing {
                Some(CannotWrite::NotAccepted)
            } else {
                Some(CannotWrite::NotContact)
            })
        }
    }
}
