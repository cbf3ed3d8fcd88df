//! What may be done with a message after it was said. An action is a record of its own, so it verifies alone and may even
//! come before the message it is about.

use serde::{Deserialize, Serialize};

use super::{Mention, Position, check_mentions, emoji::is_emoji};
use crate::{
    ids::{AccountId, RecordId},
    limits::{EMOJI_BYTES_MAX, LIVE_LOCATION_MS_MAX, MESSAGE_TEXT_BYTES_MAX, RECALL_MS_MAX},
    record::{Header, RecordError},
    text::check_text,
    time::TimestampMs,
};

/// What is done with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// An emoji under it, or no longer. Anybody who may write there; of one account and emoji the highest `(at, id)`
    /// counts.
    React {
        /// One emoji.
        emoji: String,
        /// Put, or taken away.
        on: bool,
    },
    /// Other words. Only its author; the highest `(at, id)` counts.
    Edit {
        /// All of the new text.
        text: String,
        /// Who is named in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<Mention>,
    },
    /// Taken back within two minutes. Only its author.
    Recall,
    /// Deleted for everyone. Only its author; the lowest `(at, id)` of recalls and deletions counts.
    Delete,
    /// Where its author is now, of a message that tells it live. Only its author; the highest `(at, id)` counts, and only
    /// if it was said while the message was live.
    Move {
        /// Latitude in ten-millionths of a degree.
        lat_e7: i32,
        /// Longitude in ten-millionths of a degree.
        lon_e7: i32,
        /// How far off it may be, in metres.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accuracy_m: Option<u32>,
        /// It is told no longer: this was the last place.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ended: bool,
    },
    /// One of a later version: kept, and without effect here.
    #[serde(other)]
    Unknown,
}

impl Action {
    /// Checks what the record alone can show. That only the author edits, recalls and deletes is judged where the message
    /// is.
    ///
    /// # Errors
    /// [`RecordError::Field`] with the reason.
    pub fn validate(&self, header: &Header, target_at: TimestampMs) -> Result<(), RecordError> {
        match self {
            Self::React { emoji, .. } if emoji.len() > EMOJI_BYTES_MAX || !is_emoji(emoji) => {
                Err(RecordError::Field("a reaction is one emoji"))
            }
            Self::Edit { text, .. } if text.trim().is_empty() => {
                Err(RecordError::Field("an edited message has a text"))
            }
            Self::Edit { text, mentions } => {
                check_mentions(mentions)?;
                check_text(text, MESSAGE_TEXT_BYTES_MAX)
            }
            Self::Recall if header.at > target_at.plus_ms(RECALL_MS_MAX) => {
                Err(RecordError::Field("a message is recalled within two minutes"))
            }
            Self::Move { .. } if header.at > target_at.plus_ms(LIVE_LOCATION_MS_MAX) => {
                Err(RecordError::Field("a place is told live for at most eight hours"))
            }
            Self::Move { lat_e7, lon_e7, accuracy_m, .. } => {
                Position { lat_e7: *lat_e7, lon_e7: *lon_e7, accuracy_m: *accuracy_m }.validate()
            }
            _ => Ok(()),
        }
    }
}

/// Body of [`Kind::MessageAction`](crate::Kind::MessageAction): something is done with a direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAction {
    /// The other of the two.
    pub to: AccountId,
    /// Which message.
    pub target: RecordId,
    /// The message's time: with it a node that never had the message knows where it stood.
    pub target_at: TimestampMs,
    /// What.
    pub action: Action,
}
