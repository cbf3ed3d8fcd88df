//! Rows of the order feature.
//!
//! | key | value |
//! |---|---|
//! | `o r` order | [`OrderRow`](super::view::OrderRow) |
//! | `o e` order, record id | nothing: the entries of an order; the records are in the engine's set |
//! | `o t` due (8), order | nothing: when time itself may change an order |
//! | `o q` buyer, order | nothing: requests of a buyer that the seller's node has to answer or has quoted |
//! | `o s` order | [`Secrets`](super::view::Secrets) of a buyer |

use hutong_protocol::{AccountId, RecordId, TimestampMs};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b'o';

/// All orders: a prefix.
pub(super) fn orders() -> Key {
    Key::new(PREFIX).u8(b'r')
}

/// One order.
pub(super) fn order(id: &RecordId) -> Key {
    orders().array(&id.0)
}

/// The entries of an order: a prefix.
pub(super) fn entries(order: &RecordId) -> Key {
    Key::new(PREFIX).u8(b'e').array(&order.0)
}

/// One entry.
pub(super) fn entry(order: &RecordId, id: &RecordId) -> Key {
    entries(order).array(&id.0)
}

/// All timers, the first due first: a prefix.
pub(super) fn timers() -> Key {
    Key::new(PREFIX).u8(b't')
}

/// One timer.
pub(super) fn timer(due: TimestampMs, order: &RecordId) -> Key {
    timers().u64(due.0).array(&order.0)
}

/// The order in a key made by [`timer`].
pub(super) fn parse_timer(key: &[u8]) -> Option<RecordId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, u64) = (reader.u8()?, reader.u8()?, reader.u64()?);
    reader.array().map(RecordId)
}

/// Open requests of a buyer: a prefix.
pub(super) fn requests_of(buyer: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'q').array(&buyer.0)
}

/// One of them.
pub(super) fn request_of(buyer: &AccountId, order: &RecordId) -> Key {
    requests_of(buyer).array(&order.0)
}

/// A buyer's secrets of an order.
pub(super) fn secrets(order: &RecordId) -> Key {
    Key::new(PREFIX).u8(b's').array(&order.0)
}
