//! The engine's own rows: the set of records, and what it needs to send them.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `S` | topic key (16), at (8), record id (32) | signed envelope: a topic's records in causal order |
//! | `I` | record id (32) | topic key (16), at (8): where the record is in `S` |
//! | `L` | account (32), kind, slot | topic key (16), at (8), id (32), version (8): who holds a replaceable slot |
//! | `F` | topic text | topics this node follows |
//! | `O` | account (32), device (32; 0: any), at (8), record id (32) | [`OutboxRow`](super::outbox::OutboxRow) |
//! | `H` | due (8), record id (32) | envelope of a record from the future |
//! | `D` | account (32), device (32) | [`DeviceRow`](super::peers::DeviceRow): how to reach an account |
//! | `V` | account (32), device (32) | present: the device was revoked, nothing is sealed for it |
//! | `A` | account (32) | addresses from a link, for an account whose devices were never met |
//! | `X` | number (8) | what a commit touched, for the search index |
//! | `1` | `k`, scope and key | record id (32): what was made when this was asked for the first time |
//! | `1` | `p`, place (8) | scope and key that have this place in the ring of those remembered |
//! | `1` | `n` | how many there have been |
//! | `K` | name | this node's own keys |

use hutong_protocol::{AccountId, DeviceId, Kind, RecordId, TimestampMs, Topic};

use crate::store::{Key, KeyReader};

/// Records by topic, time, id.
pub const SET: u8 = b'S';
/// Record id → place in the set.
pub const INDEX: u8 = b'I';
/// Replaceable slots.
pub const SLOT: u8 = b'L';
/// Followed topics.
pub const FOLLOW: u8 = b'F';
/// What waits to be delivered.
pub const OUTBOX: u8 = b'O';
/// What waits for its time.
pub const HELD: u8 = b'H';
/// Devices of accounts.
pub const DEVICE: u8 = b'D';
/// Devices that nothing is sealed for any more.
pub const REVOKED: u8 = b'V';
/// What the search index has yet to look at.
pub const INDEXING: u8 = b'X';
/// Where an account was said to be reached.
pub const HINT: u8 = b'A';
/// Commands that are done once.
pub const ONCE: u8 = b'1';
/// This node's keys.
pub const SECRET: u8 = b'K';

/// Where a record is in its topic's set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// [`Topic::key`].
    pub topic: [u8; 16],
    /// The record's `at`.
    pub at: TimestampMs,
    /// The record.
    pub id: RecordId,
}

impl Place {
    /// The key in the set.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(SET).array(&self.topic).u64(self.at.0).array(&self.id.0)
    }

    /// From a key in the set.
    #[must_use]
    pub fn parse(key: &[u8]) -> Option<Self> {
        let mut reader = KeyReader::new(key);
        (reader.u8()? == SET).then_some(())?;
        Some(Self { topic: reader.array()?, at: TimestampMs(reader.u64()?), id: RecordId(reader.array()?) })
    }
}

/// All records of a topic: a prefix.
#[must_use]
pub fn set(topic: &Topic) -> Key {
    Key::new(SET).array(&topic.key())
}

/// Where a record is.
#[must_use]
pub fn index(id: &RecordId) -> Key {
    Key::new(INDEX).array(&id.0)
}

/// Who holds a slot.
#[must_use]
pub fn slot(account: &AccountId, kind: &Kind, slot: &str) -> Key {
    Key::new(SLOT).array(&account.0).str(kind.as_str()).str(slot)
}

/// A followed topic.
#[must_use]
pub fn follow(topic: &Topic) -> Key {
    Key::new(FOLLOW).str(&topic.to_string())
}

/// What waits for one account: a prefix.
#[must_use]
pub fn outbox_of(account: &AccountId) -> Key {
    Key::new(OUTBOX).array(&account.0)
}

/// What waits for one device of an account: a prefix.
#[must_use]
pub fn outbox_for(account: &AccountId, device: &DeviceId) -> Key {
    outbox_of(account).array(&device.0)
}

/// One waiting record.
#[must_use]
pub fn outbox(account: &AccountId, device: &DeviceId, at: TimestampMs, id: &RecordId) -> Key {
    outbox_for(account, device).u64(at.0).array(&id.0)
}

/// A revoked device.
#[must_use]
pub fn revoked(account: &AccountId, device: &DeviceId) -> Key {
    Key::new(REVOKED).array(&account.0).array(&device.0)
}

/// A record from the future.
#[must_use]
pub fn held(due: TimestampMs, id: &RecordId) -> Key {
    Key::new(HELD).u64(due.0).array(&id.0)
}

/// Addresses from a link.
#[must_use]
pub fn hint(account: &AccountId) -> Key {
    Key::new(HINT).array(&account.0)
}

/// A device of an account.
#[must_use]
pub fn device(account: &AccountId, device: &DeviceId) -> Key {
    Key::new(DEVICE).array(&account.0).array(&device.0)
}

/// What was made with a key.
pub(super) fn once(key: &str) -> Key {
    Key::new(ONCE).u8(b'k').tail(key.as_bytes())
}

/// The ring of the keys remembered.
pub(super) fn once_place(place: u64) -> Key {
    Key::new(ONCE).u8(b'p').u64(place)
}

/// How many keys there have been.
pub(super) fn once_count() -> Key {
    Key::new(ONCE).u8(b'n')
}
