//! Groups: the log that says who is in and what holds, messages, what is done with them.

mod entry;
mod log;
mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    chat::{Action, Content},
    contact::check_addresses,
    ids::{AccountId, BlobHash, GroupId, RecordId},
    limits::{GROUP_AFTER_MAX, GROUP_QUESTIONS_MAX, NAME_BYTES_MAX, RECEIPT_IDS_MAX, REQUEST_TEXT_BYTES_MAX},
    record::RecordError,
    signature::Signature,
    text::{check_line, check_text},
    time::TimestampMs,
};

pub use self::{
    entry::{Details, Door, GroupEntry, Newcomer, Op, Role, Settings, TicketSecret, is_ticket_proof, ticket_proof},
    log::{Log, LogEntry, NotTaken},
    state::{Member, Muted, Place, Refused, Right, Rule, Span, Standing, State, Ticket},
};

/// Body of [`Kind::GroupMember`](crate::Kind::GroupMember), in the topic of a public group, slot = the group's id in text
/// form. In a private group the log says who is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// In, or out.
    pub joined: bool,
    /// The member's name, so that a group reads well before every profile is fetched.
    pub name: String,
    /// The member's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

impl GroupMember {
    /// # Errors
    /// [`RecordError::Field`] if the name breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)
    }
}

/// Body of [`Kind::GroupMessage`](crate::Kind::GroupMessage). In a private group the record's `refs` are the entries of
/// the log that its author had seen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMessage {
    /// What is said.
    pub content: Content,
    /// In a private group: the last messages that its author knew, so that others notice what they miss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<RecordId>,
}

impl GroupMessage {
    /// # Errors
    /// [`RecordError::Field`] if the content breaks a limit, or it names too many others.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.after.len() > GROUP_AFTER_MAX {
            return Err(RecordError::Field("a message names at most four others that came before it"));
        }
        self.content.validate()
    }
}

/// Body of [`Kind::GroupAction`](crate::Kind::GroupAction): something is done with a message of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAction {
    /// Which message.
    pub target: RecordId,
    /// The message's time.
    pub target_at: TimestampMs,
    /// What.
    pub action: Action,
}

/// Body of [`Kind::GroupKnock`](crate::Kind::GroupKnock): somebody wants to come into a group. To a member who can let
/// them in: with a ticket any member, without one an admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKnock {
    /// Who is asked.
    pub to: AccountId,
    /// Which group.
    pub group: GroupId,
    /// The asker's name and picture.
    pub newcomer: Newcomer,
    /// The public key of the ticket they have, and their proof of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<(AccountId, Signature)>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The answers to the group's questions, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// The asker's signed device records, for a private group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<ByteBuf>,
}

impl GroupKnock {
    /// # Errors
    /// [`RecordError::Field`] if a text or list breaks a limit, or somebody asks for somebody else.
    pub fn validate(&self, author: &AccountId) -> Result<(), RecordError> {
        if self.newcomer.account != *author {
            return Err(RecordError::Field("everybody asks for themselves"));
        }
        if self.answers.len() > GROUP_QUESTIONS_MAX || self.devices.len() > DEVICES_OF_ONE_MAX {
            return Err(RecordError::Field("more answers or devices than can be"));
        }
        self.newcomer.validate()?;
        let texts = self.answers.iter().chain([&self.text]);
        texts.into_iter().try_for_each(|text| check_text(text, REQUEST_TEXT_BYTES_MAX))
    }
}

/// Devices of one account that a knock names.
const DEVICES_OF_ONE_MAX: usize = 16;

/// Body of [`Kind::GroupWelcome`](crate::Kind::GroupWelcome): somebody was let into a group, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupWelcome {
    /// Who.
    pub to: AccountId,
    /// Which group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// Whether they were let in.
    pub accepted: bool,
    /// Where members can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

impl GroupWelcome {
    /// # Errors
    /// [`RecordError::Field`] if a text or list breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_addresses(&self.addresses)
    }
}

/// Body of [`Kind::GroupAsk`](crate::Kind::GroupAsk): a member lacks what another's record of a private group refers to,
/// and asks that one other for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAsk {
    /// Who is asked.
    pub to: AccountId,
    /// Which group.
    pub group: GroupId,
    /// Records that are missing.
    pub ids: Vec<RecordId>,
}

impl GroupAsk {
    /// # Errors
    /// [`RecordError::Field`] if it names none or more than [`RECEIPT_IDS_MAX`].
    pub fn validate(&self) -> Result<(), RecordError> {
        let fits = !self.ids.is_empty() && self.ids.len() <= RECEIPT_IDS_MAX;
        if fits { Ok(()) } else { Err(RecordError::Field("1 to 256 records are asked for")) }
    }
}
