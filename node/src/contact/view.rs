//! What others may read of contacts.

use hutong_protocol::{AccountId, RecordId, TimestampMs, postage::Stamp};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    engine::{EngineError, get_value},
    store::{Direction, KeyRange, Read},
};

/// How far two accounts are in touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// Not at all.
    #[default]
    None,
    /// This node asked.
    Outgoing,
    /// The other asked.
    Incoming,
    /// Both want it.
    Accepted,
    /// One of them said no.
    Declined,
}

/// A request of this node's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The newest record of it.
    pub request: RecordId,
    /// Its postage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// How much that was to be, in bits.
    pub bits: u8,
    /// Their node refused it.
    #[serde(default)]
    pub refused: bool,
}

/// One account, as seen from this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// How far.
    pub state: ContactState,
    /// Since when.
    pub since: TimestampMs,
    /// Nothing of theirs is taken in.
    #[serde(default)]
    pub blocked: bool,
    /// There is business between the two (an order, a question): they may write without being contacts.
    #[serde(default)]
    pub dealing: bool,
    /// What this user calls them.
    #[serde(default)]
    pub alias: Option<String>,
    /// The sentence of the request.
    #[serde(default)]
    pub text: String,
    /// Contacts in common that a request of theirs proved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<AccountId>,
    /// The postage of a request of theirs, in bits.
    #[serde(default)]
    pub bits: u8,
    /// What this node asked them, until they answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

impl Contact {
    /// Whether records from them are expected, and this node should stay connected to them.
    #[must_use]
    pub const fn may_write(&self) -> bool {
        !self.blocked && (self.dealing || matches!(self.state, ContactState::Accepted | ContactState::Outgoing))
    }

    /// Whether this user asked them and waits for their answer.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        !self.blocked && matches!(self.state, ContactState::Outgoing)
    }

    /// Whether this user counts them among their own.
    #[must_use]
    pub const fn is_contact(&self) -> bool {
        !self.blocked && matches!(self.state, ContactState::Accepted)
    }
}

/// One account; the default if nothing is known of it.
///
/// # Errors
/// The store's, or damage.
pub fn get(read: &dyn Read, account: &AccountId) -> Result<Contact, EngineError> {
    Ok(get_value(read, keys::contact(account))?.unwrap_or_default())
}

/// Whether the user counts an account among their own.
///
/// # Errors
/// The store's, or damage.
pub fn is_contact(read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
    Ok(get(read, account)?.is_contact())
}

/// Whether the user blocked an account: nothing of it is taken in or shown.
///
/// # Errors
/// The store's, or damage.
pub fn is_blocked(read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
    Ok(get(read, account)?.blocked)
}

/// Everybody the user blocked.
///
/// # Errors
/// The store's, or damage.
pub fn blocked(read: &dyn Read) -> Result<std::collections::BTreeSet<AccountId>, EngineError> {
    Ok(list(read)?.into_iter().filter(|(_, contact)| contact.blocked).map(|(account, _)| account).collect())
}

/// All accounts with a row, in the order of their keys.
///
/// # Errors
/// The store's, or damage.
pub fn list(read: &dyn Read) -> Result<Vec<(AccountId, Contact)>, EngineError> {
    let prefix = keys::contacts();
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)?;
    rows.into_iter()
        .map(|(key, value)| {
            let account = key.get(prefix.len()..).and_then(AccountId::from_slice);
            let account = account.ok_or_else(|| EngineError::Damaged("a contact row".into()))?;
            Ok((account, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}
