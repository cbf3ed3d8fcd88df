//! Olm sessions: a few for each device, in memory while they are in use, in the store always.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{DeviceId, TimestampMs};
use serde::Serialize;
use vodozemac::{
    Curve25519PublicKey,
    olm::{self, OlmMessage, SessionConfig},
};

use super::{Recipient, keys};
use crate::{
    engine::EngineError,
    store::{Direction, Key, KeyRange, Read, Txn},
};

/// Sessions kept with one device. Two who begin at the same moment have two; the rest is for what is still on its way.
const SESSIONS_MAX: usize = 4;
/// Devices whose sessions stay in memory. About 10 kB each.
const DEVICES_MAX: usize = 1_024;

/// Strangers' devices whose sessions are kept. Whoever began one and is answered becomes known; the others are a flood.
pub(super) const STRANGERS_MAX: usize = 1_024;
/// After so many sessions that others began it is looked whether there are too many: looking reads all of them.
const SWEEP_AFTER: usize = 256;

pub(super) fn damaged(what: &str) -> EngineError {
    EngineError::Damaged(format!("the seal's {what}"))
}

pub(super) fn pickle(at: TimestampMs, pickle: &impl Serialize) -> Result<Vec<u8>, EngineError> {
    let mut value = at.0.to_be_bytes().to_vec();
    serde_json::to_writer(&mut value, pickle).map_err(|_| damaged("pickle"))?;
    Ok(value)
}

pub(super) fn unpickle<T: serde::de::DeserializeOwned>(
    value: &[u8],
    what: &str,
) -> Result<(TimestampMs, T), EngineError> {
    let (at, json) = value.split_first_chunk::<8>().ok_or_else(|| damaged(what))?;
    let pickle = serde_json::from_slice(json).map_err(|_| damaged(what))?;
    Ok((TimestampMs(u64::from_be_bytes(*at)), pickle))
}

pub(super) fn account(read: &dyn Read, key: Key) -> Result<Option<(TimestampMs, olm::Account)>, EngineError> {
    let Some(value) = read.get(&key)? else { return Ok(None) };
    let (at, pickle) = unpickle(&value, "account")?;
    Ok(Some((at, olm::Account::from_pickle(pickle))))
}

pub(super) fn put_account(
    txn: &mut Txn<'_>,
    key: Key,
    at: TimestampMs,
    account: &olm::Account,
) -> Result<(), EngineError> {
    txn.put(key, pickle(at, &account.pickle())?);
    Ok(())
}

/// One session in memory.
struct Live {
    id: String,
    session: olm::Session,
    /// When it last received something, or was begun: the newest is the one to answer with.
    used: TimestampMs,
    moved: bool,
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
    live: BTreeMap<DeviceId, Vec<Live>>,
    /// With the next item a new one begins.
    anew: BTreeSet<DeviceId>,
    /// Sessions that others began since it was last looked whether there are too many.
    begun: usize,
}

impl Sessions {
    fn with(&mut self, read: &dyn Read, device: &DeviceId) -> Result<&mut Vec<Live>, EngineError> {
        if !self.live.contains_key(device) {
            let prefix = keys::sessions(device);
            let mut sessions = Vec::new();
            for (_, value) in read.collect(KeyRange::prefix(&prefix), Direction::Ascending, SESSIONS_MAX)? {
                let (used, pickle) = unpickle(&value, "session")?;
                let session = olm::Session::from_pickle(pickle);
                sessions.push(Live { id: session.session_id(), session, used, moved: false });
            }
            self.live.insert(*device, sessions);
        }
        self.live.get_mut(device).ok_or_else(|| damaged("sessions"))
    }

    /// Encrypts with the session that was last of use, or a new one. `None`: the recipient's keys are no keys.
    pub(super) fn encrypt(
        &mut self,
        read: &dyn Read,
        account: &olm::Account,
        now: TimestampMs,
        to: &Recipient,
        text: &[u8],
    ) -> Result<Option<OlmMessage>, EngineError> {
        let anew = self.anew.remove(&to.device);
        let sessions = self.with(read, &to.device)?;
        if anew || sessions.is_empty() {
            let (identity, fallback) = (to.keys.identity.into(), to.keys.fallback.into());
            let Ok(session) = account.create_outbound_session(SessionConfig::version_1(), identity, fallback) else {
                return Ok(None);
            };
            add(sessions, session, now);
        }
        let newest = sessions.iter_mut().max_by(|a, b| (a.used, &a.id).cmp(&(b.used, &b.id)));
        let Some(live) = newest else { return Ok(None) };
        live.moved = true;
        Ok(live.session.encrypt(text).ok())
    }

    /// Decrypts with any session that fits, or begins the one that a first message proposes. `None`: none fits.
    pub(super) fn decrypt<'a>(
        &mut self,
        read: &dyn Read,
        accounts: impl Iterator<Item = &'a mut olm::Account>,
        now: TimestampMs,
        device: &DeviceId,
        identity: Option<[u8; 32]>,
        message: &OlmMessage,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let sessions = self.with(read, device)?;
        sessions.sort_by_key(|live| std::cmp::Reverse(live.used));
        let proposed = match message {
            OlmMessage::PreKey(first) => Some(first.session_id()),
            OlmMessage::Normal(_) => None,
        };
        for live in sessions.iter_mut().filter(|live| proposed.as_ref().is_none_or(|id| *id == live.id)) {
            if let Ok(text) = live.session.decrypt(message) {
                (live.used, live.moved) = (live.used.max(now), true);
                return Ok(Some(text));
            }
        }
        // Beginning a session again would undo what it has moved since.
        let is_here = proposed.is_some_and(|id| sessions.iter().any(|live| live.id == id));
        let (OlmMessage::PreKey(first), Some(identity), false) = (message, identity, is_here) else { return Ok(None) };
        // An Olm key that the device itself did not name would let somebody else read what is answered.
        let identity = Curve25519PublicKey::from_bytes(identity);
        for account in accounts {
            if let Ok(created) = account.create_inbound_session(SessionConfig::version_1(), identity, first) {
                add(sessions, created.session, now);
                self.begun = self.begun.saturating_add(1);
                return Ok(Some(created.plaintext));
            }
        }
        Ok(None)
    }

    pub(super) fn renew(&mut self, device: DeviceId) {
        self.anew.insert(device);
    }

    /// Whether others began so many that it is to be looked whether there are too many.
    pub(super) fn is_time_to_sweep(&mut self) -> bool {
        let is_time = self.begun >= SWEEP_AFTER;
        if is_time {
            self.begun = 0;
        }
        is_time
    }

    /// Forgets the oldest sessions of devices that are not known, if there are too many of those.
    pub(super) fn sweep(
        &mut self,
        txn: &mut Txn<'_>,
        is_known: impl Fn(&DeviceId) -> bool,
    ) -> Result<Vec<DeviceId>, EngineError> {
        let mut strangers = BTreeMap::<DeviceId, u64>::new();
        for (key, value) in txn.collect(KeyRange::prefix(&keys::all_sessions()), Direction::Ascending, usize::MAX)? {
            let device = keys::parse_session(&key).ok_or_else(|| damaged("session key"))?;
            if !is_known(&device) {
                let used = value.first_chunk::<8>().map_or(0, |used| u64::from_be_bytes(*used));
                let newest = strangers.entry(device).or_default();
                *newest = used.max(*newest);
            }
        }
        let mut oldest: Vec<_> = strangers.into_iter().map(|(device, used)| (used, device)).collect();
        oldest.sort_unstable();
        oldest.truncate(oldest.len().saturating_sub(STRANGERS_MAX));
        let gone: Vec<_> = oldest.into_iter().map(|(_, device)| device).collect();
        gone.iter().try_for_each(|device| self.forget(txn, device))?;
        Ok(gone)
    }

    pub(super) fn forget(&mut self, txn: &mut Txn<'_>, device: &DeviceId) -> Result<(), EngineError> {
        self.anew.remove(device);
        self.live.remove(device);
        let prefix = keys::sessions(device);
        for (key, _) in txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
            txn.delete(key);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, txn: &mut Txn<'_>) -> Result<(), EngineError> {
        for (device, sessions) in &mut self.live {
            if sessions.iter().all(|live| !live.moved) {
                continue;
            }
            sessions.sort_by(|a, b| (b.used, &b.id).cmp(&(a.used, &a.id)));
            for gone in sessions.drain(SESSIONS_MAX.min(sessions.len())..) {
                txn.delete(keys::session(device, &gone.id));
            }
            for live in sessions.iter_mut().filter(|live| live.moved) {
                txn.put(keys::session(device, &live.id), pickle(live.used, &live.session.pickle())?);
                live.moved = false;
            }
        }
        if self.live.len() > DEVICES_MAX {
            self.live.clear();
        }
        Ok(())
    }
}

fn add(sessions: &mut Vec<Live>, session: olm::Session, now: TimestampMs) {
    // The one that was begun last is to be used, also by a clock that stands still or was set back.
    let newest = sessions.iter().map(|live| live.used).max().map_or(TimestampMs(0), |used| used.plus_ms(1));
    sessions.push(Live { id: session.session_id(), session, used: now.max(newest), moved: true });
}
