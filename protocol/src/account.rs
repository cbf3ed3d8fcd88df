//! Bodies of an account's own records: profile, device, revocation.

use serde::{Deserialize, Serialize};

use crate::{
    certificate::RevocationStatement,
    ids::BlobHash,
    limits::{ABOUT_BYTES_MAX, NAME_BYTES_MAX},
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
}

impl Profile {
    /// # Errors
    /// [`RecordError::Field`] if a text is too long or has control characters.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.about, ABOUT_BYTES_MAX)
    }
}

/// Body of [`Kind::Device`](crate::Kind::Device), slot = the device id in text form. That the device belongs to the
/// account is said by the certificate in the envelope; this adds a name for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// "Mei's laptop".
    pub name: String,
    /// The keys with which others seal what is for this device: its prekey bundle, signed by being in this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealKeys>,
    /// Whether this node keeps sealed items for the contacts of its account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mailbox: bool,
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
    /// [`RecordError::Field`] if the name is too long or has control characters.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)
    }
}

/// Body of [`Kind::Revocation`](crate::Kind::Revocation). Any device may carry it; only the account's own signature
/// inside makes it valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// What the account says.
    pub statement: RevocationStatement,
}
