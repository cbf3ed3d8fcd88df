//! Rows of the chat feature.

use hutong_protocol::{AccountId, GroupId, RecordId, TimestampMs, Topic};

use crate::{
    engine::ChatId,
    store::{Key, KeyReader},
};

const PREFIX: u8 = b'h';

/// All conversations: a prefix.
pub(super) fn chats() -> Key {
    Key::new(PREFIX).u8(b'c')
}

/// A conversation's summary.
pub(super) fn chat(chat: &ChatId) -> Key {
    match chat {
        ChatId::Direct(account) => chats().u8(b'd').array(&account.0),
        ChatId::Group(group) => chats().u8(b'g').array(&group.0),
    }
}

/// The conversation of a key made by [`chat`].
pub(super) fn parse_chat(key: &[u8]) -> Option<ChatId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    match reader.u8()? {
        b'd' => Some(ChatId::Direct(AccountId(reader.array()?))),
        b'g' => Some(ChatId::Group(GroupId(reader.array()?))),
        _ => None,
    }
}

/// How far an own message came: one byte.
pub(super) fn state(id: &RecordId) -> Key {
    Key::new(PREFIX).u8(b's').array(&id.0)
}

/// Own group messages that no peer has seen yet: a prefix.
pub(super) fn unsent_in(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'q').array(&group.0)
}

/// One of them.
pub(super) fn unsent(group: &GroupId, id: &RecordId) -> Key {
    unsent_in(group).array(&id.0)
}

/// What was done with a message: a prefix. By topic, so that what is said in one conversation does nothing in another.
pub(super) fn acts(topic: &Topic, target: &RecordId) -> Key {
    Key::new(PREFIX).u8(b'a').array(&topic.key()).array(&target.0)
}

/// What is behind [`acts`] in a key: `r` (reactions), `e` (edit), `l` (place), `d` (gone) or `h` (hidden), and by whom.
pub(super) fn parse_act(key: &[u8]) -> Option<(u8, AccountId)> {
    let mut reader = KeyReader::new(key.get(2 + 16 + 32..)?);
    Some((reader.u8()?, AccountId(reader.array()?)))
}

/// Reactions to a message: a prefix.
pub(super) fn reactions(topic: &Topic, target: &RecordId) -> Key {
    acts(topic, target).u8(b'r')
}

/// Reactions of one account to a message.
pub(super) fn reaction(topic: &Topic, target: &RecordId, account: &AccountId) -> Key {
    reactions(topic, target).array(&account.0)
}

/// The newest edit of a message by an account.
pub(super) fn edit(topic: &Topic, target: &RecordId, account: &AccountId) -> Key {
    acts(topic, target).u8(b'e').array(&account.0)
}

/// The newest place of a message that tells it live.
pub(super) fn place(topic: &Topic, target: &RecordId, account: &AccountId) -> Key {
    acts(topic, target).u8(b'l').array(&account.0)
}

/// That an account took a message back.
pub(super) fn gone(topic: &Topic, target: &RecordId, account: &AccountId) -> Key {
    acts(topic, target).u8(b'd').array(&account.0)
}

/// That admins of a group took a message away.
pub(super) fn removed(topic: &Topic, target: &RecordId) -> Key {
    acts(topic, target).u8(b'z').array(&[0; 32])
}

/// Where the messages stood that were taken back: a prefix.
pub(super) fn gaps(topic: &Topic) -> Key {
    Key::new(PREFIX).u8(b't').array(&topic.key())
}

/// One of them: an empty row in the order of the conversation.
pub(super) fn gap(topic: &Topic, at: TimestampMs, target: &RecordId, account: &AccountId) -> Key {
    gaps(topic).u64(at.0).array(&target.0).array(&account.0)
}

/// The time, message and account of a key made by [`gap`].
pub(super) fn parse_gap(key: &[u8]) -> Option<(TimestampMs, RecordId, AccountId)> {
    let mut reader = KeyReader::new(key.get(2 + 16..)?);
    Some((TimestampMs(reader.u64()?), RecordId(reader.array()?), AccountId(reader.array()?)))
}

/// That the user deleted a message for themselves.
pub(super) fn hidden(topic: &Topic, target: &RecordId, me: &AccountId) -> Key {
    acts(topic, target).u8(b'h').array(&me.0)
}

/// Messages that disappear, by when: a prefix.
pub(super) fn due() -> Key {
    Key::new(PREFIX).u8(b'x')
}

/// A message that disappears.
pub(super) fn due_at(expires: TimestampMs, chat: &ChatId, target: &RecordId) -> Key {
    let key = due().u64(expires.0).array(&target.0);
    match chat {
        ChatId::Direct(account) => key.u8(b'd').array(&account.0),
        ChatId::Group(group) => key.u8(b'g').array(&group.0),
    }
}

/// The conversation and message of a key made by [`due_at`].
pub(super) fn parse_due(key: &[u8]) -> Option<(ChatId, RecordId)> {
    let mut reader = KeyReader::new(key.get(2 + 8..)?);
    let target = RecordId(reader.array()?);
    let chat = match reader.u8()? {
        b'd' => ChatId::Direct(AccountId(reader.array()?)),
        b'g' => ChatId::Group(GroupId(reader.array()?)),
        _ => return None,
    };
    Some((chat, target))
}

/// After how long messages of a conversation with an account disappear.
pub(super) fn timer(account: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'm').array(&account.0)
}

/// What was begun in a conversation and not sent.
pub(super) fn draft(chat: &ChatId) -> Key {
    let key = Key::new(PREFIX).u8(b'w');
    match chat {
        ChatId::Direct(account) => key.u8(b'd').array(&account.0),
        ChatId::Group(group) => key.u8(b'g').array(&group.0),
    }
}
