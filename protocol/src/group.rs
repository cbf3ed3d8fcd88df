//! Bodies of public groups: the group itself, membership, messages, what is done with them.

use serde::{Deserialize, Serialize};

use crate::{
    chat::{Action, Content},
    ids::{AccountId, BlobHash, GroupId, RecordId},
    limits::{ABOUT_BYTES_MAX, NAME_BYTES_MAX},
    record::RecordError,
    text::{check_line, check_text},
    time::TimestampMs,
};

/// Body of [`Kind::Group`](crate::Kind::Group), in topic `group/<id>`, slot = the group's id in text form. Valid only from the account and
/// nonce that the group's id was derived from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The nonce of [`GroupId::derive`].
    #[serde(with = "serde_bytes")]
    pub nonce: [u8; 16],
    /// The name.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

impl Group {
    /// # Errors
    /// [`RecordError::Field`] if `author` did not found `group`, or a text breaks a limit.
    pub fn validate(&self, group: &GroupId, author: &AccountId) -> Result<(), RecordError> {
        if GroupId::derive(author, &self.nonce) != *group {
            return Err(RecordError::Field("only a group's founder may describe it"));
        }
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.about, ABOUT_BYTES_MAX)
    }
}

/// Body of [`Kind::GroupMember`](crate::Kind::GroupMember), in topic `group/<id>`, slot = the group's id
/// in text form.
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

/// Body of [`Kind::GroupMessage`](crate::Kind::GroupMessage).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMessage {
    /// What is said.
    pub content: Content,
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
