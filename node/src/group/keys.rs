//! Rows of the group feature.

use hutong_protocol::{AccountId, GroupId, RecordId};

use crate::store::Key;

const PREFIX: u8 = b'g';

/// All groups: a prefix.
pub(super) fn groups() -> Key {
    Key::new(PREFIX).u8(b'g')
}

/// One group.
pub(super) fn group(group: &GroupId) -> Key {
    groups().array(&group.0)
}

/// A group's members: a prefix.
pub(super) fn members(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'm').array(&group.0)
}

/// One member.
pub(super) fn member(group: &GroupId, account: &AccountId) -> Key {
    members(group).array(&account.0)
}

/// When this node last looked for a group's members (8 bytes).
pub(super) fn looked(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'l').array(&group.0)
}

/// The entries of a group's log: a prefix.
pub(super) fn entries(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'e').array(&group.0)
}

/// One entry.
pub(super) fn entry(group: &GroupId, id: &RecordId) -> Key {
    entries(group).array(&id.0)
}

/// What the log amounts to.
pub(super) fn state(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b's').array(&group.0)
}

/// What one account may say in a group.
pub(super) fn right(group: &GroupId, account: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'r').array(&group.0).array(&account.0)
}

/// Those who want to come in: a prefix.
pub(super) fn knocks(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'k').array(&group.0)
}

/// One of them.
pub(super) fn knock(group: &GroupId, account: &AccountId) -> Key {
    knocks(group).array(&account.0)
}

/// The tickets that this node made: a prefix.
pub(super) fn tickets(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b't').array(&group.0)
}

/// One of them, by its public key.
pub(super) fn ticket(group: &GroupId, ticket: &AccountId) -> Key {
    tickets(group).array(&ticket.0)
}

/// Those in a small private group with this account: a prefix.
pub(super) fn all_mates() -> Key {
    Key::new(PREFIX).u8(b'w')
}

/// The small private groups that an account is in with this one: a prefix.
pub(super) fn mates(account: &AccountId) -> Key {
    all_mates().array(&account.0)
}

/// One of them.
pub(super) fn mate(account: &AccountId, group: &GroupId) -> Key {
    mates(account).array(&group.0)
}

/// What was said for the case that a public group asks.
pub(super) fn wish(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'v').array(&group.0)
}
