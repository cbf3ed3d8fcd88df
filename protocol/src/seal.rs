//! The outside of what is sealed to one device: what a carrier sees of it.
//!
//! ```text
//! item   = 0x01 ‖ ephemeral X25519 key (32) ‖ nonce (24) ‖ XChaCha20-Poly1305(key, nonce, padded; ad = 0x01 ‖ ephemeral)
//! key    = BLAKE3-derive-key("hutong v1 seal envelope", X25519(ephemeral, envelope key) ‖ ephemeral ‖ envelope key)
//! padded = length (4, big-endian) ‖ Letter as DAG-CBOR ‖ zeros
//! ```
//! An item has one of five sizes, whatever is in it. Who wrote it, what about, and whether two items are of one author
//! can be told only with the recipient's envelope key.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ids::{AccountId, DeviceId, GroupId, RecordId};

/// First byte of an item: the suite (Olm inside, X25519 and XChaCha20-Poly1305 outside). Leaves room for others.
pub const SUITE: u8 = 1;
/// Bytes of an item before the ciphertext: suite, ephemeral key, nonce.
pub const HEAD_BYTES: usize = 1 + 32 + 24;
/// Bytes of an item that are no padded text: the head and the authentication tag.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + 16;
/// The sizes of items in bytes: 1, 4, 16 and 64 KiB, and one for a record at its own limit of 64 KiB.
pub const ITEM_BYTES: [usize; 5] = [1024, 4 * 1024, 16 * 1024, 64 * 1024, 72 * 1024];
/// The largest item in bytes.
pub const ITEM_BYTES_MAX: usize = 72 * 1024;

/// What the envelope hides: who sealed, and the sealed text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Whose device sealed it.
    pub account: AccountId,
    /// Which.
    pub device: DeviceId,
    /// The record inside, so that what came by another way need not be opened.
    pub id: RecordId,
    /// A receipt is inside: nothing is lost if it cannot be opened, for it is made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipt: bool,
    /// Whether `text` begins a session (Olm's pre-key message) or goes on with one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// The Olm message. Inside is the signed envelope of the record; if `keyed`, a [`Keyed`]; if `group`, it is a Megolm
    /// message with the envelope inside.
    pub text: ByteBuf,
    /// The key of a group comes along with the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
    /// The text is a Megolm message: of which group, with which of the sealing device's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupKeyId>,
    /// With the first: the sealing device's own signed device record, so that a stranger can be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduction: Option<ByteBuf>,
}

/// Names a sender key of a private group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupKeyId {
    /// The group.
    pub group: GroupId,
    /// The Megolm session, by its public key.
    #[serde(with = "serde_bytes")]
    pub session: [u8; 32],
}

/// A record of a private group, together with the key that the sealing device uses in it from this record on. Only ever
/// inside an Olm message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    /// The group.
    pub group: GroupId,
    /// Megolm's session key, in its own form.
    pub key: ByteBuf,
    /// The record's signed envelope.
    pub record: ByteBuf,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyed({})", self.group)
    }
}

/// The size of an item that holds a letter of `bytes` bytes; `None` if none is large enough.
#[must_use]
pub fn item_bytes(bytes: usize) -> Option<usize> {
    let needed = bytes.checked_add(OVERHEAD_BYTES + 4)?;
    ITEM_BYTES.into_iter().find(|size| *size >= needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SIGNED_BYTES_MAX;

    #[test]
    fn an_item_has_one_of_five_sizes() {
        let room = 1024 - OVERHEAD_BYTES - 4;
        assert_eq!(item_bytes(0), Some(1024));
        assert_eq!(item_bytes(room), Some(1024));
        assert_eq!(item_bytes(room + 1), Some(4096));
        assert_eq!(item_bytes(ITEM_BYTES_MAX), None);
        assert_eq!(item_bytes(usize::MAX), None);
    }

    #[test]
    fn the_largest_record_fits() {
        // Olm pads to 16 and adds under 200 bytes; the letter's fields and an introduction are under 2 KiB.
        assert!(item_bytes(SIGNED_BYTES_MAX + 216 + 2048).is_some());
    }
}
