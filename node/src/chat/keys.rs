//! Rows of the chat feature.

use hutong_protocol::{AccountId, GroupId, RecordId};

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
