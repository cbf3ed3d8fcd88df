//! Bodies of messages and receipts, the cards a message may carry, and what may be done with a message afterwards.

mod action;
pub mod attachment;
mod emoji;

use serde::{Deserialize, Serialize};

use crate::{
    group::TicketSecret,
    ids::{AccountId, BlobHash, GroupId, RecordId},
    limits::{DISAPPEAR_MS_MAX, MENTIONS_MAX, MESSAGE_TEXT_BYTES_MAX, NAME_BYTES_MAX, RECEIPT_IDS_MAX, SLOT_BYTES_MAX},
    record::RecordError,
    text::{check_line, check_text},
};

pub use self::{
    action::{Action, MessageAction},
    attachment::{Attachment, AttachmentKind, FileKey, Location, Position},
    emoji::is_emoji,
};

/// Something shown as a card in a conversation. The snapshot (title, price text parts, picture) is the author's claim;
/// opening the card shows the signed record itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "card", rename_all = "snake_case")]
pub enum Card {
    /// A listing of a store.
    Listing {
        /// The store's account.
        store: AccountId,
        /// The listing's slot name.
        listing: String,
        /// Its title when it was posted.
        title: String,
        /// Its lowest price when it was posted: minor units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price_minor: Option<i64>,
        /// The currency of that price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
        /// Its first picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<BlobHash>,
        /// Where the store can be reached.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<String>,
    },
    /// Somebody's contact card.
    Contact {
        /// Whose.
        account: AccountId,
        /// Their name.
        name: String,
        /// Where they can be reached.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<String>,
    },
    /// An invitation to a group.
    Group {
        /// Which.
        group: GroupId,
        /// Its name.
        name: String,
        /// Who lets in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<AccountId>,
        /// The secret of an invitation, for the reader alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketSecret>,
        /// Where members can be reached.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<String>,
    },
    /// An order between the two (direct conversations only).
    Order {
        /// The id of its first entry.
        order: RecordId,
        /// Its title.
        title: String,
    },
}

impl Card {
    /// # Errors
    /// [`RecordError::Field`] if a text or list breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        let (title, addresses): (&str, &[String]) = match self {
            Self::Listing { title, addresses, listing, .. } => {
                if listing.is_empty() || listing.len() > SLOT_BYTES_MAX {
                    return Err(RecordError::Field("a card's listing has 1 to 128 bytes"));
                }
                (title, addresses)
            }
            Self::Contact { name, addresses, .. } | Self::Group { name, addresses, .. } => (name, addresses),
            Self::Order { title, .. } => (title, &[]),
        };
        check_line(title, NAME_BYTES_MAX.saturating_mul(2))?;
        if addresses.len() > 16 || addresses.iter().any(|address| address.len() > 256) {
            return Err(RecordError::Field("a card has at most 16 addresses"));
        }
        Ok(())
    }
}

/// Somebody named in a text: `@` and this name stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Who.
    pub account: AccountId,
    /// The name as it stands in the text, without the `@`.
    pub name: String,
}

/// Checks who is named in a text.
///
/// # Errors
/// [`RecordError::Field`] if they are too many, or a name breaks a limit.
pub(crate) fn check_mentions(mentions: &[Mention]) -> Result<(), RecordError> {
    if mentions.len() > MENTIONS_MAX {
        return Err(RecordError::Field("a message names at most 32 accounts"));
    }
    mentions.iter().try_for_each(|mention| check_line(&mention.name, NAME_BYTES_MAX))
}

/// What is said: the shared part of direct and group messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<RecordId>,
    /// A card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// Who is named in the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    /// It was said elsewhere before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<bool>,
    /// From now on messages disappear after so many milliseconds; 0: no longer. Only in direct messages, and alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disappear_ms: Option<u64>,
    /// Files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Where somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Content {
    /// # Errors
    /// [`RecordError::Field`] if it is empty or breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        let shows = self.card.is_some() || self.location.is_some() || !self.attachments.is_empty();
        if self.text.trim().is_empty() && !shows && self.disappear_ms.is_none() {
            return Err(RecordError::Field("a message has a text, a card, a file or a place"));
        }
        attachment::check_attachments(&self.attachments)?;
        self.location.as_ref().map_or(Ok(()), Location::validate)?;
        if self.disappear_ms.is_some_and(|ms| ms > DISAPPEAR_MS_MAX) {
            return Err(RecordError::Field("messages disappear within a year"));
        }
        check_mentions(&self.mentions)?;
        check_text(&self.text, MESSAGE_TEXT_BYTES_MAX)?;
        self.card.as_ref().map_or(Ok(()), Card::validate)
    }
}

/// Body of [`Kind::Message`](crate::Kind::Message).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// To whom.
    pub to: AccountId,
    /// What.
    pub content: Content,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// It came, but the device could not open its seal: it is to be sealed anew. Says nothing to a person.
    Unreadable,
    /// Stored, flushed and fsynced by a device of the recipient.
    Delivered,
    /// Shown to a person.
    Read,
}

/// Body of [`Kind::Receipt`](crate::Kind::Receipt): the end-to-end word of the recipient's device. Only this, never a
/// transport's word, empties the sender's outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The author of the records.
    pub to: AccountId,
    /// How far they came.
    pub status: ReceiptStatus,
    /// Which records.
    pub ids: Vec<RecordId>,
}

impl Receipt {
    /// # Errors
    /// [`RecordError::Field`] if it names none or more than [`RECEIPT_IDS_MAX`].
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.ids.is_empty() || self.ids.len() > RECEIPT_IDS_MAX {
            return Err(RecordError::Field("a receipt names 1 to 256 records"));
        }
        Ok(())
    }
}
