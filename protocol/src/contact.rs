//! Bodies of contact requests and answers.

use serde::{Deserialize, Serialize};

use crate::{
    account::Profile,
    circle::check_tags,
    ids::AccountId,
    limits::REQUEST_TEXT_BYTES_MAX,
    mailbox::{Mailbox, check_mailboxes},
    postage::Stamp,
    record::RecordError,
    text::check_text,
};

/// Body of [`Kind::ContactRequest`](crate::Kind::ContactRequest). Carries the asker's profile, so that a stranger has a
/// face before anything else is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRequest {
    /// Who is asked.
    pub to: AccountId,
    /// The asker's profile.
    pub profile: Profile,
    /// A sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Where the asker can be reached: libp2p multiaddresses ending in `/p2p/<peer>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Where what is for the asking device may be left, so that an answer reaches it while it is away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailboxes: Vec<Mailbox>,
    /// Postage. Those with a contact in common need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// Tags of the asker's contacts, one behind the other: see [`circle`](crate::circle).
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub tags: Vec<u8>,
}

impl ContactRequest {
    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        self.profile.validate()?;
        check_text(&self.text, REQUEST_TEXT_BYTES_MAX)?;
        check_tags(&self.tags)?;
        check_mailboxes(&self.mailboxes)?;
        check_addresses(&self.addresses)
    }
}

/// Body of [`Kind::ContactAnswer`](crate::Kind::ContactAnswer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAnswer {
    /// Who asked.
    pub to: AccountId,
    /// Yes or no.
    pub accepted: bool,
    /// The answerer's profile, if accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Where the answerer can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

impl ContactAnswer {
    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        self.profile.as_ref().map_or(Ok(()), Profile::validate)?;
        check_addresses(&self.addresses)
    }
}

pub(crate) fn check_addresses(addresses: &[String]) -> Result<(), RecordError> {
    let fits =
        addresses.len() <= 16 && addresses.iter().all(|address| address.len() <= 256 && address.starts_with('/'));
    if fits { Ok(()) } else { Err(RecordError::Field("addresses: at most 16 multiaddresses of 256 bytes")) }
}
