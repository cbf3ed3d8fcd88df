//! Rows of the seals.
//!
//! | key | value |
//! |---|---|
//! | `Z` `a` | this device's Olm account: when its fallback key was made (8), pickle as JSON |
//! | `Z` `b` | the same before the newest fallback key was made |
//! | `Z` `s` device (32), session id | when it was last of use (8), pickle as JSON |
//! | `Z` `r` device (32) | when a session with it was last begun anew because something could not be opened (8) |

use hutong_protocol::DeviceId;

use crate::store::Key;

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

pub(super) fn sessions(device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b's').array(&device.0)
}

pub(super) fn session(device: &DeviceId, id: &str) -> Key {
    sessions(device).str(id)
}

pub(super) fn renewed(device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b'r').array(&device.0)
}
