//! What a feature may touch: the transaction, the time, its identity, and the lists of what to tell and do.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, Certificate, DeviceId, DeviceKey, GroupId, Kind, RecordId, TimestampMs, Topic,
    mailbox::{MailboxRequest, QueueId},
    record::Stored,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Registry,
    error::{CommandError, EngineError},
    event::{DomainEvent, Effect, Event, Indexed},
    ingest, keys, outbox,
    peers::{Pairing, Session},
};
use crate::{
    attachment,
    group::Lacking,
    mailbox, presence,
    seal::Seal,
    store::{Read, Txn},
};

/// How deep one feature's event may cause another's. Three is the deepest in use; more is a loop.
const HEAR_DEPTH_MAX: usize = 8;

/// Queues whose readers a mailbox remembers. About 100 bytes each; a reader that is forgotten fetches by itself.
const READERS_MAX: usize = 16_384;

/// Who this node is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The device's certificate.
    pub certificate: Certificate,
    /// The device's key.
    pub key: Arc<DeviceKey>,
}

/// Random bytes out of one seed a step, so that a step can be replayed.
pub struct Random(blake3::OutputReader);

impl Random {
    /// From the shell's 32 fresh bytes, or the simulator's seed.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_derive_key("hutong v1 engine random").update(seed).finalize_xof())
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// The context of one step.
pub struct Cx<'a> {
    pub(super) txn: Txn<'a>,
    pub(super) registry: Registry,
    pub(super) now: TimestampMs,
    pub(super) random: &'a mut Random,
    pub(super) identity: &'a mut Option<Identity>,
    pub(super) device_key: &'a Arc<DeviceKey>,
    pub(super) session: &'a mut Session,
    pub(super) seal: &'a mut Seal,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) depth: usize,
}

impl Cx<'_> {
    /// Milliseconds since 1970, by this node's clock (or the simulator's).
    #[must_use]
    pub const fn now(&self) -> TimestampMs {
        self.now
    }

    /// For views.
    #[must_use]
    pub fn read(&self) -> &dyn Read {
        &self.txn
    }

    /// This node's account.
    ///
    /// # Errors
    /// Refused with `no_account` before onboarding.
    pub fn me(&self) -> Result<AccountId, CommandError> {
        self.account().ok_or_else(|| CommandError::refused("no_account", "create or restore an account first"))
    }

    /// This node's account, if it has one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.identity.as_ref().map(|identity| identity.certificate.account)
    }

    /// This node's device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device_key.id()
    }

    /// Fresh random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        self.random.bytes()
    }

    /// Whether a device of the account is connected.
    #[must_use]
    pub fn is_online(&self, account: &AccountId) -> bool {
        self.session.device_of(account).is_some()
    }

    /// Whether a device is connected.
    #[must_use]
    pub fn is_connected(&self, device: &DeviceId) -> bool {
        self.session.is_connected(device)
    }

    /// What the mailbox feature knows while the process runs.
    pub(crate) const fn mailboxes(&mut self) -> &mut mailbox::client::Session {
        &mut self.session.mailboxes
    }

    /// What the group feature misses.
    pub(crate) const fn lacking(&mut self) -> &mut Lacking {
        &mut self.session.lacking
    }

    /// These records of a private group are missing, and `from` must have them. Kept also if what referred to them is
    /// refused for now.
    pub(crate) fn lacks(&mut self, group: GroupId, ids: &[RecordId], from: AccountId) {
        self.session.lacking.note(group, ids, from, self.now);
    }

    /// The time that the next record of a topic gets.
    ///
    /// # Errors
    /// The store's.
    pub fn time_in(&self, topic: &Topic) -> Result<TimestampMs, EngineError> {
        self.next_at(topic)
    }

    /// What the attachment feature knows while the process runs.
    pub(crate) const fn attachments(&mut self) -> &mut attachment::Session {
        &mut self.session.attachments
    }

    /// Who is here and writing, as they say.
    pub(crate) const fn presence(&mut self) -> &mut presence::Session {
        &mut self.session.presence
    }

    /// Seals a letter, without a session, for the connected devices of an account (or `only` one of them), and sends it
    /// now or never. Nothing of it is kept.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn whisper(
        &mut self,
        to: &AccountId,
        only: Option<&DeviceId>,
        letter: &hutong_protocol::seal::Letter,
    ) -> Result<(), EngineError> {
        for recipient in super::peers::recipients(self, to)? {
            let device = recipient.device;
            if !self.is_connected(&device) || only.is_some_and(|only| *only != device) {
                continue;
            }
            if let Some(item) = self.seal.whisper(self.random, self.now, &recipient, letter) {
                let request = MailboxRequest::Live { item: item.into() };
                self.effects.push(Effect::Mailbox { to: device, number: 0, request });
            }
        }
        Ok(())
    }

    /// What was whispered to this device; `None` if it is for another, or was changed on its way.
    pub(crate) fn open_whisper(&mut self, item: &[u8]) -> Option<hutong_protocol::seal::Letter> {
        self.seal.open_whisper(item)
    }

    /// Connected devices whose account is known.
    #[must_use]
    pub fn connected_accounts(&self) -> Vec<(DeviceId, AccountId)> {
        self.session.connected_accounts()
    }

    /// Looks at what waits for an account at the end of this step.
    pub(crate) fn look_at(&mut self, account: &AccountId) {
        self.session.to_flush.insert(*account);
    }

    /// As a mailbox: a device reads a queue.
    pub(crate) fn reads(&mut self, queue: QueueId, device: DeviceId) {
        if self.session.mailboxes.readers.len() >= READERS_MAX {
            self.session.mailboxes.readers.clear();
        }
        self.session.mailboxes.readers.insert(queue, device);
    }

    /// As a mailbox: something came into a queue; its reader is told, if it is here.
    pub(crate) fn ring(&mut self, queue: &QueueId) {
        if let Some(to) = self.session.mailboxes.readers.get(queue).copied().filter(|to| self.is_connected(to)) {
            self.effects.push(Effect::Mailbox { to, number: 0, request: MailboxRequest::Ring });
        }
    }

    /// Where this node can be reached: multiaddresses ending in `/p2p/<peer>`.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.session.addresses.clone()
    }

    /// Writes a row of the feature's own.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Arc<[u8]>>) {
        self.txn.put(key, value);
    }

    /// Writes a row of the feature's own, as DAG-CBOR.
    ///
    /// # Errors
    /// Only for a value that DAG-CBOR cannot hold.
    pub fn put_value<T: Serialize>(&mut self, key: impl AsRef<[u8]>, value: &T) -> Result<(), EngineError> {
        self.txn.put(key, hutong_protocol::codec::encode(value)?);
        Ok(())
    }

    /// Deletes a row of the feature's own.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) {
        self.txn.delete(key);
    }

    /// Remembers how to reach a device of an account.
    ///
    /// # Errors
    /// The store's.
    pub fn remember(&mut self, certificate: &Certificate, addresses: &[String]) -> Result<(), EngineError> {
        super::peers::remember(self, certificate, addresses)
    }

    /// A device of the recipient has these private records: they no longer wait for it. Returns those that did.
    ///
    /// # Errors
    /// The store's.
    pub fn acknowledged(
        &mut self,
        account: &AccountId,
        device: &DeviceId,
        ids: &[RecordId],
    ) -> Result<Vec<RecordId>, EngineError> {
        outbox::acknowledged(self, account, device, ids)
    }

    /// A device of the recipient could not open these private records: they are sealed anew.
    ///
    /// # Errors
    /// The store's.
    pub fn unreadable(&mut self, account: &AccountId, device: &DeviceId, ids: &[RecordId]) -> Result<(), EngineError> {
        outbox::unreadable(self, account, device, ids)
    }

    /// This device's public sealing keys.
    ///
    /// # Errors
    /// Damage.
    pub fn seal_keys(&self) -> Result<hutong_protocol::account::SealKeys, EngineError> {
        self.seal.public()
    }

    /// A device's own record named its sealing keys. Returns whether it is new among the devices that are sealed for.
    ///
    /// # Errors
    /// The store's.
    pub fn learn(
        &mut self,
        certificate: &Certificate,
        said: &hutong_protocol::account::Device,
        version: u64,
    ) -> Result<bool, EngineError> {
        super::peers::learn(self, certificate, said, version)
    }

    /// Forgets how to reach an account, its sessions, and what waits for it: a stranger's request made room for others.
    ///
    /// # Errors
    /// The store's.
    pub fn forget_account(&mut self, account: &AccountId) -> Result<(), EngineError> {
        super::peers::forget(self, account)
    }

    /// A private record is not to be delivered to an account any more: it is dropped, and so is what waits of it.
    ///
    /// # Errors
    /// The store's.
    pub fn take_back(&mut self, topic: &Topic, to: &AccountId, id: &RecordId) -> Result<(), EngineError> {
        super::left::take_back(self, to, id)?;
        self.drop_record(topic, id)
    }

    /// Requests whose postage is being worked for.
    pub(crate) const fn stamping(&mut self) -> &mut std::collections::BTreeSet<AccountId> {
        &mut self.session.stamping
    }

    /// From now on nothing is sealed for a device.
    ///
    /// # Errors
    /// The store's.
    pub fn revoke(&mut self, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
        super::peers::revoke(self, account, device)
    }

    /// Sends what waits for an account again, now.
    pub fn retry(&mut self, account: &AccountId) {
        self.session.retry(account);
    }

    /// Follows a topic from now on, across restarts. Returns whether that is new.
    ///
    /// # Errors
    /// The store's.
    pub fn follow(&mut self, topic: &Topic) -> Result<bool, EngineError> {
        let key = keys::follow(topic);
        if self.txn.contains(key.as_ref())? {
            return Ok(false);
        }
        self.txn.put(key, Vec::new());
        self.effects.push(Effect::Follow(topic.clone()));
        Ok(true)
    }

    /// Drops the records of a followed public topic that `unwanted` names: their device was revoked.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn forget(
        &mut self,
        topic: &Topic,
        unwanted: impl Fn(&hutong_protocol::Header) -> bool,
    ) -> Result<(), EngineError> {
        ingest::forget(self, topic, unwanted)
    }

    /// Drops one record of a topic: its author took it back, its time is over, or a later one replaced it. Whoever drops a
    /// record of a public topic must refuse it when it is offered again.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn drop_record(&mut self, topic: &Topic, id: &RecordId) -> Result<(), EngineError> {
        let Some(place) = ingest::place_of(&self.txn, id)?.filter(|place| place.topic == topic.key()) else {
            return Ok(());
        };
        self.txn.delete(place.key());
        self.txn.delete(keys::index(id));
        if topic.is_public() {
            self.effects.push(Effect::Changed(topic.clone()));
        }
        Ok(())
    }

    /// The public topics this node follows.
    ///
    /// # Errors
    /// The store's.
    pub fn followed(&self) -> Result<Vec<Topic>, EngineError> {
        super::followed(&self.txn)
    }

    /// Stops following a topic. What is stored stays.
    ///
    /// # Errors
    /// The store's.
    pub fn unfollow(&mut self, topic: &Topic) -> Result<(), EngineError> {
        self.txn.delete(keys::follow(topic));
        self.effects.push(Effect::Unfollow(topic.clone()));
        Ok(())
    }

    /// Tells the other features.
    ///
    /// # Errors
    /// Theirs.
    pub fn emit(&mut self, event: &DomainEvent) -> Result<(), EngineError> {
        if self.depth >= HEAR_DEPTH_MAX {
            return Err(EngineError::Damaged(format!("an endless chain of events at {event:?}")));
        }
        self.depth += 1;
        let result = self.registry.iter().try_for_each(|feature| feature.hear(self, event));
        self.depth -= 1;
        result
    }

    /// To be called where [`Feature::wanted`](super::Feature::wanted) may have a new answer: it is asked again at once.
    pub fn wanted_changed(&mut self) {
        self.session.wanted_changed();
    }

    /// Tells the shell to do something after the commit.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Tells the screen.
    pub fn notify(&mut self, event: Event) {
        self.effects.push(Effect::Notify(event));
    }

    /// Tells the search index to look at something again.
    pub fn index(&mut self, what: Indexed) {
        self.effects.push(Effect::Index(what));
    }

    /// Tries to reach an account at what is known of it, and at these addresses.
    ///
    /// # Errors
    /// The store's.
    pub fn connect(&mut self, account: &AccountId, addresses: Vec<String>) -> Result<(), EngineError> {
        if self.is_online(account) || self.account() == Some(*account) {
            return Ok(());
        }
        super::peers::hint(self, account, &addresses)?;
        let devices = super::peers::devices(&self.txn, account)?;
        let devices = devices.into_iter().map(|(device, row)| (device, row.addresses)).collect();
        self.effects.push(Effect::Connect { account: Some(*account), devices, addresses });
        Ok(())
    }

    /// Gives this node its account: keeps the recovery phrase's entropy, certifies this device.
    ///
    /// # Errors
    /// Refused with `account_exists` if it has one, and the store's.
    pub fn adopt(&mut self, entropy: &[u8; 16]) -> Result<AccountId, CommandError> {
        if self.identity.is_some() {
            return Err(CommandError::refused("account_exists", "this node has an account already"));
        }
        let identity = super::identity::adopt(&mut self.txn, self.device_key, entropy, self.now)?;
        let account = identity.certificate.account;
        self.effects.push(Effect::Identity(identity.certificate.clone()));
        *self.identity = Some(identity);
        Ok(account)
    }

    /// Makes this node a device of an account that certified it.
    ///
    /// # Errors
    /// The store's.
    pub fn join(&mut self, certificate: Certificate) -> Result<(), EngineError> {
        let identity = super::identity::join(&mut self.txn, self.device_key, certificate)?;
        self.effects.push(Effect::Identity(identity.certificate.clone()));
        *self.identity = Some(identity);
        self.session.pairing = None;
        Ok(())
    }

    /// What this node, without an account, shows to be made a device of one.
    pub const fn pairing(&mut self) -> &mut Option<Pairing> {
        &mut self.session.pairing
    }

    /// This device's certificate and key, for signatures inside a body.
    ///
    /// # Errors
    /// Refused with `no_account` before onboarding.
    pub fn signer(&self) -> Result<(Certificate, Arc<DeviceKey>), CommandError> {
        let identity = self.identity.as_ref();
        let signer = identity.map(|identity| (identity.certificate.clone(), Arc::clone(&identity.key)));
        signer.ok_or_else(|| CommandError::refused("no_account", "create or restore an account first"))
    }

    /// The account's own key, for certificates and revocations.
    ///
    /// # Errors
    /// Refused with `no_account`, and the store's.
    pub fn phrase(&self) -> Result<hutong_protocol::phrase::Phrase, CommandError> {
        super::identity::phrase(&self.txn)?.ok_or_else(|| {
            CommandError::refused(
                "no_account",
                "this node keeps no recovery phrase: create or restore an account first",
            )
        })
    }
}

/// Reads a row that a feature wrote with [`Cx::put_value`].
///
/// # Errors
/// The store's, or damage.
pub fn get_value<T: DeserializeOwned>(read: &dyn Read, key: impl AsRef<[u8]>) -> Result<Option<T>, EngineError> {
    read.get(key.as_ref())?.map(|bytes| Ok(hutong_protocol::codec::decode_checked(&bytes)?)).transpose()
}

/// Reads a stored record by id.
///
/// # Errors
/// The store's, or damage.
pub fn get_record(read: &dyn Read, id: &RecordId) -> Result<Option<Stored>, EngineError> {
    let Some(place) = ingest::place_of(read, id)? else { return Ok(None) };
    let Some(bytes) = read.get(place.key().as_ref())? else { return Ok(None) };
    Ok(Some(Stored::decode(bytes)?))
}

/// Reads the record that holds a replaceable slot.
///
/// # Errors
/// The store's, or damage.
pub fn get_slot(
    read: &dyn Read,
    account: &AccountId,
    kind: &Kind,
    slot: &str,
) -> Result<Option<(RecordId, Stored)>, EngineError> {
    let Some(holder) = ingest::slot_holder(read, account, kind, slot)? else { return Ok(None) };
    let Some(bytes) = read.get(holder.place.key().as_ref())? else { return Ok(None) };
    Ok(Some((holder.place.id, Stored::decode(bytes)?)))
}
