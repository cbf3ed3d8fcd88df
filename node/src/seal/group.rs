//! Sender keys of private groups (Megolm): a record is encrypted once for all, and each device gets the key in an Olm
//! message together with the first record that it is to read with it.
//!
//! ```text
//! no key yet ──Olm(key, record)──► offered ──receipt──► given ──Megolm(record)──► …
//!                  ▲                                      │
//!                  └── "could not open it", a new key ────┘
//! ```
//! A key is offered with every record until a receipt says that one of them arrived: nothing is lost with a lost item, and
//! no key travels without a record. A device that lacks it asks the one sender, by the same word as for any other seal.

use std::collections::{BTreeMap, VecDeque};

use hutong_protocol::{
    DeviceId, GroupId, RecordId, TimestampMs, codec,
    seal::{GroupKeyId, Keyed},
};
use serde_bytes::ByteBuf;
use vodozemac::{
    Ed25519PublicKey,
    megolm::{GroupSession, InboundGroupSession, MegolmMessage, SessionConfig, SessionKey},
};
use zeroize::Zeroizing;

use super::{
    keys,
    session::{damaged, pickle, unpickle},
};
use crate::{
    engine::EngineError,
    store::{Direction, KeyRange, Read, Txn},
};

/// Records sealed with one key.
const RECORDS_MAX: u32 = 100;
/// How long one key serves.
const SERVES_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Keys kept of one device in one group: the present one, and those of what is still on its way.
const KEYS_OF_DEVICE_MAX: usize = 4;
/// Sealed texts kept, so that a record is encrypted once for all devices of a group.
const TEXTS_MAX: usize = 64;
/// Offers remembered; what is forgotten is offered again.
const OFFERS_MAX: usize = 65_536;
/// Keys kept in memory.
const LIVE_MAX: usize = 1_024;

/// This device's key of one group.
struct Outbound {
    session: GroupSession,
    id: [u8; 32],
    since: TimestampMs,
    moved: bool,
}

/// All sender keys.
#[derive(Default)]
pub(super) struct GroupKeys {
    outbound: BTreeMap<GroupId, Outbound>,
    inbound: BTreeMap<(GroupKeyId, DeviceId), InboundGroupSession>,
    texts: VecDeque<(GroupKeyId, RecordId, Vec<u8>)>,
    /// With which record which key went to a device.
    offers: BTreeMap<(DeviceId, RecordId), GroupKeyId>,
}

fn id_of(session: &str) -> Result<[u8; 32], EngineError> {
    let key = Ed25519PublicKey::from_base64(session).map_err(|_| damaged("group key's name"))?;
    Ok(*key.as_bytes())
}

impl GroupKeys {
    /// The key to seal with now: the present one, or a new one in place of one that is old or worn.
    fn present(&mut self, txn: &mut Txn<'_>, group: &GroupId, now: TimestampMs) -> Result<&mut Outbound, EngineError> {
        if !self.outbound.contains_key(group)
            && let Some(value) = txn.get(&keys::outbound(group))?
        {
            let (since, pickle) = unpickle(&value, "group key")?;
            let session = GroupSession::from_pickle(pickle);
            let id = id_of(&session.session_id())?;
            self.outbound.insert(*group, Outbound { session, id, since, moved: false });
        }
        let serves = |key: &Outbound| key.session.message_index() < RECORDS_MAX && now.since_ms(key.since) < SERVES_MS;
        if !self.outbound.get(group).is_some_and(serves) {
            self.renew(txn, group)?;
            let session = GroupSession::new(SessionConfig::version_1());
            let id = id_of(&session.session_id())?;
            self.outbound.insert(*group, Outbound { session, id, since: now, moved: true });
        }
        self.outbound.get_mut(group).ok_or_else(|| damaged("group key"))
    }

    /// Seals with another key from the next record on, which only those get who are then in the group.
    pub(super) fn renew(&mut self, txn: &mut Txn<'_>, group: &GroupId) -> Result<(), EngineError> {
        self.outbound.remove(group);
        txn.delete(keys::outbound(group));
        for (key, _) in txn.collect(KeyRange::prefix(&keys::given_all(group)), Direction::Ascending, usize::MAX)? {
            txn.delete(key);
        }
        Ok(())
    }

    /// The text for a device that has the key; `None`: it has not.
    pub(super) fn seal(
        &mut self,
        txn: &mut Txn<'_>,
        now: TimestampMs,
        group: &GroupId,
        to: &DeviceId,
        (id, bytes): (RecordId, &[u8]),
    ) -> Result<Option<(GroupKeyId, Vec<u8>)>, EngineError> {
        let session = self.present(txn, group, now)?.id;
        let key = GroupKeyId { group: *group, session };
        if txn.get(&keys::given(group, to))?.is_none_or(|given| *given != session) {
            return Ok(None);
        }
        if let Some((_, _, text)) = self.texts.iter().find(|(by, of, _)| *by == key && *of == id) {
            return Ok(Some((key, text.clone())));
        }
        let outbound = self.present(txn, group, now)?;
        outbound.moved = true;
        let text = outbound.session.encrypt(bytes).to_bytes();
        if self.texts.len() >= TEXTS_MAX {
            self.texts.pop_front();
        }
        self.texts.push_back((key, id, text.clone()));
        Ok(Some((key, text)))
    }

    /// A record for a device that lacks the key, with the key beside it.
    pub(super) fn offer(
        &mut self,
        txn: &mut Txn<'_>,
        now: TimestampMs,
        group: &GroupId,
        to: &DeviceId,
        (id, bytes): (RecordId, &[u8]),
    ) -> Result<Vec<u8>, EngineError> {
        let outbound = self.present(txn, group, now)?;
        let key = ByteBuf::from(outbound.session.session_key().to_bytes());
        let name = GroupKeyId { group: *group, session: outbound.id };
        if self.offers.len() >= OFFERS_MAX {
            self.offers.clear();
        }
        self.offers.insert((*to, id), name);
        Ok(codec::encode(&Keyed { group: *group, key, record: ByteBuf::from(bytes.to_vec()) })?)
    }

    /// A device said that it has these records: and so the keys that came with them.
    pub(super) fn arrived(&mut self, txn: &mut Txn<'_>, device: &DeviceId, ids: &[RecordId]) {
        for id in ids {
            if let Some(key) = self.offers.remove(&(*device, *id))
                && self.outbound.get(&key.group).is_some_and(|outbound| outbound.id == key.session)
            {
                txn.put(keys::given(&key.group, device), key.session.to_vec());
            }
        }
    }

    /// A device said that it could not open something of a group: it lacks the key.
    pub(super) fn lacks(&mut self, txn: &mut Txn<'_>, group: &GroupId, device: &DeviceId) {
        txn.delete(keys::given(group, device));
    }

    /// Keeps the key that a device gave, and returns the record beside it. `None`: it is none.
    pub(super) fn take(
        &mut self,
        txn: &mut Txn<'_>,
        now: TimestampMs,
        device: &DeviceId,
        text: &[u8],
        is_expected: &dyn Fn(&GroupId) -> Result<bool, EngineError>,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let text = Zeroizing::new(text.to_vec());
        let Ok(keyed) = codec::decode::<Keyed>(&text, text.len()) else { return Ok(None) };
        let Ok(key) = SessionKey::from_bytes(&keyed.key) else { return Ok(None) };
        // Of a group that this node knows nothing of no key is kept; the record says what is to become of it.
        if is_expected(&keyed.group)? {
            let session = InboundGroupSession::new(&key, SessionConfig::version_1());
            self.keep(txn, now, &keyed.group, device, session)?;
        }
        Ok(Some(keyed.record.into_vec()))
    }

    fn keep(
        &mut self,
        txn: &mut Txn<'_>,
        now: TimestampMs,
        group: &GroupId,
        device: &DeviceId,
        session: InboundGroupSession,
    ) -> Result<(), EngineError> {
        let id = id_of(&session.session_id())?;
        let row = keys::inbound(group, device, &id);
        let live = (GroupKeyId { group: *group, session: id }, *device);
        if let Some(known) = txn.get(&row)? {
            // The same key from a later record on opens less: the one that is here stays.
            let (_, pickle) = unpickle(&known, "group key")?;
            let known = InboundGroupSession::from_pickle(pickle);
            if known.first_known_index() <= session.first_known_index() {
                return Ok(());
            }
        } else {
            let prefix = keys::inbound_of(group, device);
            let mut rows = txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)?;
            // The oldest goes; a row begins with its time.
            rows.sort_by(|(_, a), (_, b)| a.get(..8).cmp(&b.get(..8)));
            let many = rows.len().saturating_add(1).saturating_sub(KEYS_OF_DEVICE_MAX);
            for (key, _) in rows.into_iter().take(many) {
                txn.delete(&key);
            }
        }
        txn.put(row, pickle(now, &session.pickle())?);
        self.remember(live, session);
        Ok(())
    }

    fn remember(&mut self, key: (GroupKeyId, DeviceId), session: InboundGroupSession) {
        if self.inbound.len() >= LIVE_MAX {
            self.inbound.clear();
        }
        self.inbound.insert(key, session);
    }

    /// Opens a Megolm message of a device. `None`: its key is not here, or it is no message.
    ///
    /// That one is played back does no harm: inside is a signed record, and a record is taken in once.
    pub(super) fn open(
        &mut self,
        read: &dyn Read,
        key: &GroupKeyId,
        device: &DeviceId,
        text: &[u8],
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let Ok(message) = MegolmMessage::from_bytes(text) else { return Ok(None) };
        let live = (*key, *device);
        if !self.inbound.contains_key(&live) {
            let Some(value) = read.get(&keys::inbound(&key.group, device, &key.session))? else { return Ok(None) };
            let (_, pickle) = unpickle(&value, "group key")?;
            self.remember(live, InboundGroupSession::from_pickle(pickle));
        }
        let opened = self.inbound.get_mut(&live).and_then(|session| session.decrypt(&message).ok());
        Ok(opened.map(|opened| opened.plaintext))
    }

    /// The group was left: its keys are forgotten.
    pub(super) fn forget(&mut self, txn: &mut Txn<'_>, group: &GroupId) -> Result<(), EngineError> {
        self.renew(txn, group)?;
        self.inbound.retain(|(key, _), _| key.group != *group);
        for (key, _) in txn.collect(KeyRange::prefix(&keys::inbound_all(group)), Direction::Ascending, usize::MAX)? {
            txn.delete(key);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, txn: &mut Txn<'_>) -> Result<(), EngineError> {
        for (group, outbound) in self.outbound.iter_mut().filter(|(_, outbound)| outbound.moved) {
            txn.put(keys::outbound(group), pickle(outbound.since, &outbound.session.pickle())?);
            outbound.moved = false;
        }
        Ok(())
    }
}
