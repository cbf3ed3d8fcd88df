//! Bodies of an account's own records: profile, device, revocation.

use serde::{Deserialize, Serialize};

use crate::{
    certificate::RevocationStatement,
    ids::{AccountId, BlobHash},
    limits::{ABOUT_BYTES_MAX, NAME_BYTES_MAX, POSTAGE_BITS_MAX},
    mailbox::{Mailbox, check_mailboxes},
    record::RecordError,
    text::{check_line, check_text},
};

/// Slot of the one profile.
pub const PROFILE_SLOT: &str = "profile";

/// Body of [`Kind::Profile`](crate::Kind::Profile), slot `profile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name (schema.org `name`).
    pub name: String,
    /// A few words (schema.org `description`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// A picture (schema.org `image`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
    /// The postage that a stranger's request costs, in bits; absent: the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postage: Option<u8>,
}

impl Profile {
    /// # Errors
    /// [`RecordError::Field`] if a text is too long or has control characters, or the postage is too high.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.about, ABOUT_BYTES_MAX)?;
        if self.postage.is_none_or(|bits| bits <= POSTAGE_BITS_MAX) {
            Ok(())
        } else {
            Err(RecordError::Field("postage: 0 to 28 bits"))
        }
    }
}

/// Body of [`Kind::Device`](crate::Kind::Device), slot = the device id in text form. That the device belongs to the
/// account is said by the certificate in the envelope; this adds a name for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// "Mei's laptop".
    pub name: String,
    /// The keys with which others seal what is for this device: its prekey bundle, signed by being in this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealKeys>,
    /// Whether this node keeps sealed items for the contacts of its account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mailbox: bool,
    /// Where a stranger's request may be left for this device while it is away. The write keys are public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<Mailbox>,
}

/// The public keys with which something is sealed to one device, each an X25519 key of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealKeys {
    /// Hides the author of what is sealed from whoever carries it.
    #[serde(with = "serde_bytes")]
    pub envelope: [u8; 32],
    /// Olm's identity key. Never changes: a device that loses it becomes another device.
    #[serde(with = "serde_bytes")]
    pub identity: [u8; 32],
    /// Olm's fallback key, new every week: begins a session with a device that is not there to be asked.
    #[serde(with = "serde_bytes")]
    pub fallback: [u8; 32],
}

impl Device {
    /// # Errors
    /// [`RecordError::Field`] if the name is too long or has control characters, or too many mailboxes are named.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_mailboxes(&self.strangers)
    }
}

/// Sixty digits out of two accounts, the same from both sides: who reads the same number talks to the same account, whatever
/// devices it has. Five thousand rounds of hashing make one that looks alike dear to find.
#[must_use]
pub fn safety_number(one: &AccountId, other: &AccountId) -> String {
    let (low, high) = (one.min(other), one.max(other));
    let mut seed = blake3::derive_key("hutong v1 safety number", &[low.0, high.0].concat());
    for _ in 0..5_000 {
        seed = *blake3::hash(&seed).as_bytes();
    }
    let mut bytes = [0; 5 * 12];
    blake3::Hasher::new_keyed(&seed).finalize_xof().fill(&mut bytes);
    let group = |chunk: &[u8]| chunk.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte)) % 100_000;
    bytes.chunks(5).map(|chunk| format!("{:05}", group(chunk))).collect()
}

/// Body of [`Kind::Revocation`](crate::Kind::Revocation). Any device may carry it; only the account's own signature
/// inside makes it valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// What the account says.
    pub statement: RevocationStatement,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_is_the_same_from_both_sides_and_of_no_other_two() {
        let (mei, tom, eve) = (AccountId([1; 32]), AccountId([2; 32]), AccountId([3; 32]));
        let number = safety_number(&mei, &tom);
        assert_eq!(number, safety_number(&tom, &mei));
        assert!(number.len() == 60 && number.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(number, safety_number(&mei, &eve));
        assert_ne!(number, safety_number(&tom, &eve));
    }
}
