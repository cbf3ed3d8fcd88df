//! Rows of the group feature.

use hutong_protocol::{AccountId, GroupId};

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
