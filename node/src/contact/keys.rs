//! Rows of the contact feature.
//!
//! | key | value |
//! |---|---|
//! | `c` `c` account (32) | [`Contact`](super::view::Contact) |
//! | `c` `s` | this account's circle secret, and since when |
//! | `c` `w` account (32) | a request whose postage is being worked for |

use hutong_protocol::AccountId;

use crate::store::{Key, KeyReader};

/// All contacts: a prefix.
pub(super) fn contacts() -> Key {
    Key::new(b'c').u8(b'c')
}

/// One contact.
pub(super) fn contact(account: &AccountId) -> Key {
    contacts().array(&account.0)
}

/// The circle secret.
pub(super) fn circle() -> Key {
    Key::new(b'c').u8(b's')
}

/// All requests that wait for their postage: a prefix.
pub(super) fn wishes() -> Key {
    Key::new(b'c').u8(b'w')
}

/// One of them.
pub(super) fn wish(account: &AccountId) -> Key {
    wishes().array(&account.0)
}

/// The account of a key made by [`wish`].
pub(super) fn parse_wish(key: &[u8]) -> Option<AccountId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    Some(AccountId(reader.array()?))
}
