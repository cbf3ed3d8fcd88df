//! From the node's views to the API's shapes: what several features need.
//!
//! A [`Views`] is one look at the store, so that everything in one answer belongs together.

use hutong_node::{
    account, contact,
    engine::{EngineError, get_slot, identity, peers},
    handle::Node,
    store::Read,
};
use hutong_protocol::{AccountId, Kind, TimestampMs, market};

use crate::{
    api::common::{Money, Party},
    error::ApiResult,
    state::AppState,
};

/// One look at the store, and at who is connected now.
pub(crate) struct Views<'a> {
    /// The store.
    pub(crate) read: &'a dyn Read,
    /// The node, for what only it knows: who is connected.
    pub(crate) node: &'a Node,
    /// This node's account, if it has one.
    pub(crate) me: Option<AccountId>,
}

impl<'a> Views<'a> {
    fn new(read: &'a dyn Read, node: &'a Node) -> Result<Self, EngineError> {
        Ok(Self { read, node, me: identity::account(read)? })
    }

    /// Somebody, as shown beside what they wrote or sell: my own name for them first.
    pub(crate) fn party(&self, account: &AccountId) -> Result<Party, EngineError> {
        let contact = contact::view::get(self.read, account)?;
        let is_contact = contact.is_contact();
        let (name, picture) = self.face(account)?;
        Ok(Party {
            account: (*account).into(),
            name: contact.alias.unwrap_or(name),
            picture: picture.map(Into::into),
            is_contact,
            is_store: account::view::is_store(self.read, account)?,
        })
    }

    /// The name and picture somebody goes by: a store's are those of the store.
    fn face(&self, account: &AccountId) -> Result<(String, Option<hutong_protocol::BlobHash>), EngineError> {
        if let Some(store) = self.store(account)? {
            return Ok((store.name, store.logo));
        }
        let party = account::view::party(self.read, account)?;
        Ok((party.name, party.picture))
    }

    /// The store of an account, as its newest record here says.
    pub(crate) fn store(&self, account: &AccountId) -> Result<Option<market::Store>, EngineError> {
        let slot = get_slot(self.read, account, &Kind::Store, market::STORE_SLOT)?;
        slot.map(|(_, record)| Ok(record.body()?)).transpose()
    }

    /// Whether a device of the account is connected now: for stores, which say so to everybody.
    pub(crate) fn is_online(&self, account: &AccountId) -> bool {
        self.me == Some(*account) || self.node.is_online(account)
    }

    /// Whether a person is seen to be here: only if both share it. A store is seen whenever it is connected.
    pub(crate) fn is_seen(&self, account: &AccountId) -> Result<bool, EngineError> {
        let store = self.node.is_online(account) && account::view::is_store(self.read, account)?;
        Ok(store || self.me == Some(*account) || self.node.shows_online(account))
    }

    /// Whether this account shares that it is here, and so sees it of others.
    pub(crate) fn shares_presence(&self) -> Result<bool, EngineError> {
        Ok(account::view::settings(self.read)?.share_presence)
    }

    /// When a device of the account was last connected.
    pub(crate) fn last_seen(&self, account: &AccountId) -> Result<Option<TimestampMs>, EngineError> {
        peers::last_seen(self.read, account)
    }
}

impl From<hutong_protocol::money::Money> for Money {
    fn from(money: hutong_protocol::money::Money) -> Self {
        let currency = money.currency;
        Self { minor: money.minor, currency: currency.as_str().to_owned(), exponent: currency.exponent() }
    }
}

impl AppState {
    /// Takes one look at the store, off the async threads.
    ///
    /// # Errors
    /// The store's, as a 500 without internals.
    pub(crate) async fn view<T, F>(&self, look: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Views<'_>) -> Result<T, EngineError> + Send + 'static,
    {
        let node = self.node().clone();
        Ok(self.node().read(move |read| look(&Views::new(read, &node)?)).await?)
    }
}
