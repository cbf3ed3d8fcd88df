//! Rows of the account feature.

use hutong_protocol::{AccountId, DeviceId};

use crate::store::Key;

const PREFIX: u8 = b'a';

/// A profile seen with something else, for accounts whose own record is not here.
pub(super) fn seen(account: &AccountId) -> Key {
    Key::new(PREFIX).u8(b's').array(&account.0)
}

/// A revoked device → its `not_after` (8 bytes).
pub(super) fn revoked(account: &AccountId, device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b'r').array(&account.0).array(&device.0)
}

/// Whether a device of this account was added without history (one byte).
pub(super) fn without_history(device: &DeviceId) -> Key {
    Key::new(PREFIX).u8(b'h').array(&device.0)
}

/// The device that the restored backup was made on, until it is revoked.
pub(super) fn replaced() -> Key {
    Key::new(PREFIX).u8(b'o')
}

/// Present once the recovery phrase was confirmed.
pub(super) fn confirmed() -> Key {
    Key::new(PREFIX).u8(b'c')
}

/// The user's settings.
pub(super) fn settings() -> Key {
    Key::new(PREFIX).u8(b't')
}

/// The user's postal addresses.
pub(super) fn addresses() -> Key {
    Key::new(PREFIX).u8(b'p')
}
