//! Rows of the seals.
//!
//! | key | value |
//! |---|---|
//! | `Z` `a` | this device's Olm account: when its fallback key was made (8), pickle as JSON |
//! | `Z` `b` | the same before the newest fallback key was made |
//! | `Z` `s` device (32), session id | when it was last of use (8), pickle as JSON |
//! | `Z` `r` device (32) | when a session with it was last begun anew because something could not be opened (8) |

use hutong_protocol::{DeviceId, GroupId};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b'Z';

pub(super) fn all() -> Key {
    Key::new(PREFIX)
}

pub(super) fn account() -> Key {
    Key::new(PREFIX).u8(b'a')
}

pub(super) fn previous_account() -> Key {
    Key::new(PREFIX).u8(b'b')
}

/// The sessions with all devices: a prefix.
pub(super) fn all_sessions() -> Key {
    Key::new(PREFIX).u8(b's')
}

/// The device of a key made by [`session`].
pub(super) fn parse_session(key: &[u8]) -> Option<DeviceId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    Some(DeviceId(reader.array()?))
}

pub(super) fn sessions(device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b's').array(&device.0)
}

pub(super) fn session(device: &DeviceId, id: &str) -> Key {
    sessions(device).str(id)
}

pub(super) fn renewed(device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b'r').array(&device.0)
}

/// What this device seals a group's records with.
pub(super) fn outbound(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'g').array(&group.0)
}

/// The devices that have this device's key of a group.
pub(super) fn given_all(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'h').array(&group.0)
}

/// One of them.
pub(super) fn given(group: &GroupId, device: &DeviceId) -> Key {
    given_all(group).array(&device.0)
}

/// The keys of a group that all others gave.
pub(super) fn inbound_all(group: &GroupId) -> Key {
    Key::new(PREFIX).u8(b'i').array(&group.0)
}

/// The keys of a group that one device gave.
pub(super) fn inbound_of(group: &GroupId, device: &DeviceId) -> Key {
    inbound_all(group).array(&device.0)
}

/// One key.
pub(super) fn inbound(group: &GroupId, device: &DeviceId, session: &[u8; 32]) -> Key {
    inbound_of(group, device).array(session)
}
