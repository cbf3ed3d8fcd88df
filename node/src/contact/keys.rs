//! Rows of the contact feature.

use hutong_protocol::AccountId;

use crate::store::Key;

/// All contacts: a prefix.
pub(super) fn contacts() -> Key {
    Key::new(b'c').u8(b'c')
}

/// One contact.
pub(super) fn contact(account: &AccountId) -> Key {
    contacts().array(&account.0)
}
