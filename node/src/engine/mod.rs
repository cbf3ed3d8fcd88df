//! The engine: the one way in and the one way out, and nothing that could block, wait or guess.
//!
//! ```text
//! inputs ──► step(inputs, now, seed) ──► one transaction, one commit ──► effects
//! ```
//!
//! The shell (`runtime.rs`), or the simulator, gathers what arrived since the last step, calls [`Engine::step`], and then
//! does what the effects say. Everything that a step changes is in one batch; effects are returned only after that batch
//! is on disk (**commit, then act**). Gossip verdicts alone go out earlier, through a callback: gossip forgets a message
//! that waits, and relaying is no acknowledgement.

pub mod cx;
pub mod error;
pub mod event;
pub mod identity;
pub mod indexing;
mod ingest;
pub mod keys;
pub(crate) mod left;
mod once;
pub mod outbox;
pub mod peers;
mod publish;
mod receive;
mod step;
pub mod sync;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use hutong_protocol::{AccountId, Certificate, DeviceId, DeviceKey, Kind, Topic, Verified};

use self::peers::Session;
pub use self::{
    cx::{Cx, Identity, Random, get_record, get_slot, get_value},
    error::{CommandError, EngineError, Reject, Verdict},
    event::{
        Answer, Call, Carried, ChatId, DomainEvent, Effect, Event, FetchEnd, Indexed, Input, Outcome, Said, Source,
        Token,
    },
    once::ONCE_KEY_BYTES_MAX,
    peers::Pairing,
};
use crate::{
    seal::Seal,
    store::{Direction, KeyRange, KeyReader, Read, Store, Txn},
};

/// Certificates remembered as valid. About 300 bytes each; when full, the memory starts anew.
const CERTIFICATES_MAX: usize = 8_192;

/// What becomes of an accepted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Kept in its topic's set.
    Store,
    /// Its content is in the feature's state; the record itself is not kept.
    Drop,
}

/// A room of the house. One value each, without state of its own: what it knows is in the store.
pub trait Feature: Sync {
    /// Its name, the same on every floor.
    fn name(&self) -> &'static str;

    /// The kinds of records it judges and applies.
    fn kinds(&self) -> &'static [Kind];

    /// A say over every record, whatever its kind (a revoked device, a blocked author).
    ///
    /// # Errors
    /// Why the record is not to be taken in.
    fn admit(&self, read: &dyn Read, record: &Verified) -> Result<(), Reject> {
        let _ = (read, record);
        Ok(())
    }

    /// Judges a record of one of its kinds and applies it.
    ///
    /// # Errors
    /// Why not; then everything it wrote is undone.
    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, source: Source) -> Result<Keep, Reject>;

    /// A record of one of its kinds is in the set now: what follows from it. Whatever is published here is later than the
    /// record, on the hybrid logical clock too.
    ///
    /// # Errors
    /// Why the record is not to be taken in after all; then everything is undone.
    fn applied(&self, cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
        let _ = (cx, record);
        Ok(())
    }

    /// Hears what another feature tells.
    ///
    /// # Errors
    /// Our own failures only.
    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        let _ = (cx, event);
        Ok(())
    }

    /// Time passed: deadlines, expiries.
    ///
    /// # Errors
    /// Our own failures only.
    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        let _ = cx;
        Ok(())
    }

    /// Accounts this node should try to stay connected to.
    ///
    /// # Errors
    /// Our own failures only.
    fn wanted(&self, read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
        let _ = read;
        Ok(Vec::new())
    }

    /// Whether `account` is among [`Feature::wanted`].
    ///
    /// # Errors
    /// Our own failures only.
    fn wants(&self, read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
        Ok(self.wanted(read)?.contains(account))
    }
}

/// The features, in the order in which they hear.
pub type Registry = &'static [&'static dyn Feature];

/// The engine of one node.
pub struct Engine {
    store: Arc<dyn Store>,
    registry: Registry,
    device_key: Arc<DeviceKey>,
    identity: Option<Identity>,
    session: Session,
    seal: Seal,
    certificates: HashMap<DeviceId, Certificate>,
}

impl Engine {
    /// Opens a node's state. `fresh` becomes the device key's seed if the store is new.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn open(store: Arc<dyn Store>, registry: Registry, fresh: &[u8; 32]) -> Result<Self, EngineError> {
        let mut txn = Txn::new(&*store);
        let device_key = identity::device_key(&mut txn, fresh)?;
        let identity = identity::load(&txn, &device_key)?;
        let seed = identity::device_seed(&txn)?;
        let seal = Seal::load(&mut txn, &seed)?;
        if !txn.is_empty() {
            let batch = txn.into_batch();
            store.commit(batch)?;
        }
        let certificates = HashMap::new();
        Ok(Self { store, registry, device_key, identity, session: Session::default(), seal, certificates })
    }

    /// The device's key, which is also the libp2p key.
    #[must_use]
    pub fn device_key(&self) -> &Arc<DeviceKey> {
        &self.device_key
    }

    /// The device's certificate, once there is an account.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.identity.as_ref().map(|identity| &identity.certificate)
    }

    /// The store, for views.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The topics this node follows, for the shell's start.
    ///
    /// # Errors
    /// The store's.
    pub fn followed(&self) -> Result<Vec<Topic>, EngineError> {
        followed(&*self.store)
    }
}

/// Whether a record is here.
///
/// # Errors
/// The store's.
pub fn is_here(read: &dyn Read, id: &hutong_protocol::RecordId) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::index(id))?)
}

/// The topics a node follows.
///
/// # Errors
/// The store's.
pub fn followed(read: &dyn Read) -> Result<Vec<Topic>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&[keys::FOLLOW]), Direction::Ascending, usize::MAX)?;
    let topic = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        reader.u8()?;
        reader.str()?.parse().ok()
    };
    Ok(rows.iter().filter_map(|(key, _)| topic(key)).collect())
}
