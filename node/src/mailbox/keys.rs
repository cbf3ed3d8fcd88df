//! Rows of the mailbox feature.
//!
//! | key | value |
//! |---|---|
//! | `b` `c` | the mailboxes that this device chose |
//! | `b` `s` | the mailboxes where it takes what strangers ask |
//! | `b` `x` | devices that the user does not want as mailboxes |
//! | `b` `d` | present: contacts are to be told where mail may be left |
//! | `b` `r` account (32), device (32) | where mail for that device may be left |
//! | `b` `q` queue (32) | a queue kept for somebody |
//! | `b` `i` queue (32), number (8) | when it came (8), a sealed item |
//! | `b` `h` queue (32), hash (16) | its number (8), so that nothing is kept twice |
//! | `b` `o` owner (16) | bytes kept for one owner (8) |
//! | `b` `n` owner (16) | queues of one owner (8) |
//! | `b` `u` queue (32), commitment (32) | the day (4) of a stamp that was used there |

use hutong_protocol::{AccountId, DeviceId, mailbox::QueueId};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b'b';

pub(super) fn all() -> Key {
    Key::new(PREFIX)
}

pub(super) fn chosen() -> Key {
    Key::new(PREFIX).u8(b'c')
}

pub(super) fn strangers() -> Key {
    Key::new(PREFIX).u8(b's')
}

pub(super) fn unwanted() -> Key {
    Key::new(PREFIX).u8(b'x')
}

pub(super) fn due() -> Key {
    Key::new(PREFIX).u8(b'd')
}

pub(super) fn routes() -> Key {
    Key::new(PREFIX).u8(b'r')
}

/// The account of a key made by [`route`].
pub(super) fn parse_route(key: &[u8]) -> Option<AccountId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    Some(AccountId(reader.array()?))
}

pub(super) fn routes_of(account: &AccountId) -> Key {
    routes().array(&account.0)
}

pub(super) fn route(account: &AccountId, device: &DeviceId) -> Key {
    routes_of(account).array(&device.0)
}

pub(super) fn queues() -> Key {
    Key::new(PREFIX).u8(b'q')
}

pub(super) fn queue(queue: &QueueId) -> Key {
    queues().array(&queue.0)
}

/// The queue of a key made by [`queue`].
pub(super) fn parse_queue(key: &[u8]) -> Option<QueueId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    Some(QueueId(reader.array()?))
}

pub(super) fn items(queue: &QueueId) -> Key {
    Key::new(PREFIX).u8(b'i').array(&queue.0)
}

pub(super) fn item(queue: &QueueId, number: u64) -> Key {
    items(queue).u64(number)
}

/// The number of a key made by [`item`].
pub(super) fn parse_item(key: &[u8]) -> Option<u64> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, [u8; 32]) = (reader.u8()?, reader.u8()?, reader.array()?);
    reader.u64()
}

pub(super) fn hash(queue: &QueueId, item: &[u8]) -> Key {
    let hash = blake3::hash(item);
    Key::new(PREFIX).u8(b'h').array(&queue.0).tail(hash.as_bytes().get(..16).unwrap_or_default())
}

pub(super) fn owner(owner: &[u8; 16]) -> Key {
    Key::new(PREFIX).u8(b'o').array(owner)
}

pub(super) fn queue_count(owner: &[u8; 16]) -> Key {
    Key::new(PREFIX).u8(b'n').array(owner)
}

/// The stamps that were used in a queue: a prefix.
pub(super) fn stamps(queue: &QueueId) -> Key {
    Key::new(PREFIX).u8(b'u').array(&queue.0)
}

pub(super) fn stamp(queue: &QueueId, commitment: &[u8; 32]) -> Key {
    stamps(queue).array(commitment)
}
