//! Sealing: what one device says to another is readable by that device alone, and nobody who carries it learns whose it is.
//!
//! ```text
//! signed record ──Olm session of the two devices──► text ──┐
//! who sealed it, which record ─────────────────────────────┴─ envelope key of the recipient ──► item (1, 4, 16, 64 KiB)
//! ```
//! Inside is an ordinary signed record: the seal hides, the signature proves. A session that came apart (a lost key, an
//! old copy of the store) is begun anew by whoever notices; the sender keeps everything until the signed receipt, so
//! nothing is lost by it.
//!
//! Sessions advance inside the engine's transaction and are committed before anything leaves: no key is used twice. All
//! else is pure, but for Olm's own ratchet keys, which `vodozemac` draws from the system.

mod envelope;
mod group;
mod keys;
mod session;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use hutong_protocol::{
    AccountId, Certificate, DeviceId, GroupId, Kind, RecordId, TimestampMs, Unverified,
    account::{Device, SealKeys},
    record::verify_all,
    seal::Letter,
};
use serde_bytes::ByteBuf;
use vodozemac::olm::{self, OlmMessage};
use zeroize::Zeroizing;

use self::{envelope::Envelopes, group::GroupKeys, session::Sessions};
use crate::{
    engine::{EngineError, Random},
    store::{Direction, KeyRange, Read, Txn},
};

/// Items remembered so that a repetition is told from damage. About 16 bytes each; an hour of lively traffic.
const RECENT_MAX: usize = 8_192;
/// How often a new fallback key is made.
const FALLBACK_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// How often at most a session with one device is begun anew because something could not be opened.
const RENEW_MS: u64 = 60 * 1_000;

/// A device to seal for.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// Which.
    pub device: DeviceId,
    /// Its keys, from its own signed record.
    pub keys: SealKeys,
}

/// What is to be sealed.
pub struct Plain<'a> {
    /// The record.
    pub id: RecordId,
    /// Whether it is a receipt.
    pub receipt: bool,
    /// Its signed envelope.
    pub bytes: &'a [u8],
    /// The private group that it is for, and that the recipient is in.
    pub group: Option<GroupId>,
}

/// Who seals.
pub struct Sender<'a> {
    /// This device's certificate.
    pub certificate: &'a Certificate,
    /// Gives this device's own signed device record, if it has one. Asked only where a session begins.
    pub introduction: Introduce<'a>,
}

/// A device that introduced itself: its certificate, its keys, and the version of the record that says so.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// Why it may speak for its account.
    pub certificate: Certificate,
    /// Its keys.
    pub keys: SealKeys,
    /// Whether it offers to be a mailbox.
    pub mailbox: bool,
    /// The version of its device record.
    pub version: u64,
}

/// Looks up the keys of a device, if they are known.
pub type KeysOf<'a> = &'a dyn Fn(&AccountId, &DeviceId) -> Result<Option<SealKeys>, EngineError>;
/// Whether a key of a private group is taken from somebody.
pub type IsGroup<'a> = &'a dyn Fn(&GroupId, &AccountId) -> Result<bool, EngineError>;
/// This device's own signed device record, if it has one.
pub type Introduce<'a> = &'a dyn Fn(&dyn Read) -> Result<Option<Arc<[u8]>>, EngineError>;

/// What [`Seal::open`] asks of those who know more.
pub struct Known<'a> {
    /// The keys of a device.
    pub keys_of: KeysOf<'a>,
    /// Whose keys of private groups are taken.
    pub is_group: IsGroup<'a>,
}

/// What was in an item.
#[derive(Debug)]
pub enum Opened {
    /// A record, not looked at yet.
    Record {
        /// The account of the device that sealed it, as Olm proves.
        account: AccountId,
        /// The device that sealed it.
        device: DeviceId,
        /// Its signed envelope.
        bytes: Arc<[u8]>,
        /// If the device was not known.
        introduction: Option<Box<Introduction>>,
    },
    /// A record that is here already, and the account that its letter names.
    Known(AccountId, RecordId),
    /// This very item was seen before.
    Repeated,
    /// The envelope opened, the text did not.
    Unreadable {
        /// The account that it claims to be from.
        account: AccountId,
        /// The device that it claims to be from.
        device: DeviceId,
        /// The record that it claims to hold.
        id: RecordId,
    },
    /// Not for this device, or changed on its way.
    Garbage,
}

/// The sealing keys of one device, and its sessions.
pub struct Seal {
    envelopes: Envelopes,
    account: olm::Account,
    previous: Option<olm::Account>,
    made_at: TimestampMs,
    sessions: Sessions,
    groups: GroupKeys,
    recent: HashSet<[u8; 16]>,
    recent_order: VecDeque<[u8; 16]>,
}

impl Seal {
    /// Loads this device's keys, or makes them.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn load(txn: &mut Txn<'_>, device_seed: &[u8; 32]) -> Result<Self, EngineError> {
        let envelopes = Envelopes::new(device_seed);
        let previous = session::account(txn, keys::previous_account())?.map(|(_, account)| account);
        let (made_at, account) = match session::account(txn, keys::account())? {
            Some(stored) => stored,
            None => {
                let mut account = olm::Account::new();
                account.generate_fallback_key();
                // As old as can be: its age is counted from the first tick, which knows the time.
                session::put_account(txn, keys::account(), TimestampMs(0), &account)?;
                (TimestampMs(0), account)
            }
        };
        let sessions = Sessions::default();
        Ok(Self {
            envelopes,
            account,
            previous,
            made_at,
            sessions,
            groups: GroupKeys::default(),
            recent: HashSet::new(),
            recent_order: VecDeque::new(),
        })
    }

    /// The public keys, to be published in the device's record.
    ///
    /// # Errors
    /// Damage: an account without a fallback key.
    pub fn public(&self) -> Result<SealKeys, EngineError> {
        // Never marked as published, so that the account still tells it.
        let fallback = self.account.fallback_key().into_values().next();
        let fallback = fallback.ok_or_else(|| EngineError::Damaged("the seal has no fallback key".into()))?;
        let identity = self.account.curve25519_key().to_bytes();
        Ok(SealKeys { envelope: self.envelopes.public(), identity, fallback: fallback.to_bytes() })
    }

    /// Makes a new fallback key when the newest is a week old. The two before it still open what was sealed with them.
    ///
    /// # Errors
    /// The store's.
    pub fn tick(&mut self, txn: &mut Txn<'_>, now: TimestampMs) -> Result<(), EngineError> {
        if self.made_at != TimestampMs(0) {
            if now.since_ms(self.made_at) < FALLBACK_MS {
                return Ok(());
            }
            session::put_account(txn, keys::previous_account(), self.made_at, &self.account)?;
            self.previous = session::account(txn, keys::previous_account())?.map(|(_, account)| account);
            self.account.generate_fallback_key();
        }
        self.made_at = now;
        session::put_account(txn, keys::account(), now, &self.account)
    }

    /// Seals a record for one device. `None`: its keys are no keys, or the record is too large.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn seal(
        &mut self,
        txn: &mut Txn<'_>,
        random: &mut Random,
        now: TimestampMs,
        from: &Sender<'_>,
        to: &Recipient,
        plain: &Plain<'_>,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let record = (plain.id, plain.bytes);
        let sealed = match &plain.group {
            Some(group) => self.groups.seal(txn, now, group, &to.device, record)?,
            None => None,
        };
        let mut letter = Letter {
            account: from.certificate.account,
            device: from.certificate.device,
            id: plain.id,
            receipt: plain.receipt,
            first: false,
            text: ByteBuf::new(),
            keyed: false,
            group: None,
            introduction: None,
        };
        if let Some((key, text)) = sealed {
            letter = Letter { group: Some(key), text: ByteBuf::from(text), ..letter };
        } else {
            let keyed = match &plain.group {
                Some(group) => Some(Zeroizing::new(self.groups.offer(txn, now, group, &to.device, record)?)),
                None => None,
            };
            let text = keyed.as_ref().map_or(plain.bytes, |keyed| keyed);
            let Some(message) = self.sessions.encrypt(txn, &self.account, now, to, text)? else { return Ok(None) };
            let first = matches!(message, OlmMessage::PreKey(_));
            let introduction = if first { (from.introduction)(txn)? } else { None };
            let introduction = introduction.map(|bytes| ByteBuf::from(bytes.to_vec()));
            let text = ByteBuf::from(message.to_parts().1);
            letter = Letter { first, text, keyed: keyed.is_some(), introduction, ..letter };
        }
        Ok(self.envelopes.close(random, now, &to.device, &to.keys.envelope, &letter))
    }

    /// Opens an item.
    ///
    /// # Errors
    /// The store's, or damage; never the item's fault.
    pub fn open(
        &mut self,
        txn: &mut Txn<'_>,
        now: TimestampMs,
        item: &[u8],
        known: &Known<'_>,
    ) -> Result<Opened, EngineError> {
        let mut digest = [0; 16];
        digest.copy_from_slice(blake3::hash(item).as_bytes().get(..16).unwrap_or(&[0; 16]));
        if self.recent.contains(&digest) {
            return Ok(Opened::Repeated);
        }
        let Some(letter) = self.envelopes.open(item) else { return Ok(Opened::Garbage) };
        if !letter.receipt && crate::engine::is_here(txn, &letter.id)? {
            return Ok(Opened::Known(letter.account, letter.id));
        }
        let unreadable = Opened::Unreadable { account: letter.account, device: letter.device, id: letter.id };
        self.remember(digest);
        let (account, device) = (letter.account, letter.device);
        if let Some(key) = &letter.group {
            let text = self.groups.open(txn, key, &device, &letter.text)?;
            return Ok(match text {
                Some(text) => Opened::Record { account, device, bytes: text.into(), introduction: None },
                None => unreadable,
            });
        }
        let Ok(message) = OlmMessage::from_parts(usize::from(!letter.first), &letter.text) else {
            return Ok(unreadable);
        };
        let (identity, introduction) = match (known.keys_of)(&letter.account, &letter.device)? {
            Some(keys) => (Some(keys.identity), None),
            None => {
                let introduction = introduction_in(&letter);
                (introduction.as_ref().map(|introduction| introduction.keys.identity), introduction)
            }
        };
        let accounts = std::iter::once(&mut self.account).chain(&mut self.previous);
        let text = self.sessions.decrypt(txn, accounts, now, &letter.device, identity, &message)?;
        let Some(text) = text else { return Ok(unreadable) };
        let text = if letter.keyed {
            self.groups.take(txn, now, &device, &text, &|group| (known.is_group)(group, &account))?
        } else {
            Some(text)
        };
        let Some(text) = text else { return Ok(Opened::Garbage) };
        Ok(Opened::Record { account, device, bytes: text.into(), introduction: introduction.map(Box::new) })
    }

    /// Closes a letter whose text is not of a session: for what is not worth one. `None`: the recipient's keys are none.
    pub fn whisper(
        &mut self,
        random: &mut Random,
        now: TimestampMs,
        to: &Recipient,
        letter: &Letter,
    ) -> Option<Vec<u8>> {
        self.envelopes.close(random, now, &to.device, &to.keys.envelope, letter)
    }

    /// Opens what [`Seal::whisper`] closed for this device. Who closed it is not proved by it.
    pub fn open_whisper(&mut self, item: &[u8]) -> Option<Letter> {
        self.envelopes.open(item)
    }

    fn remember(&mut self, digest: [u8; 16]) {
        if self.recent_order.len() >= RECENT_MAX
            && let Some(oldest) = self.recent_order.pop_front()
        {
            self.recent.remove(&oldest);
        }
        self.recent.insert(digest);
        self.recent_order.push_back(digest);
    }

    /// Begins a new session with a device with the next item, unless that was done a moment ago. Returns whether.
    ///
    /// # Errors
    /// The store's.
    pub fn renew(&mut self, txn: &mut Txn<'_>, now: TimestampMs, device: &DeviceId) -> Result<bool, EngineError> {
        let key = keys::renewed(device);
        let last = txn.get(&key)?.and_then(|value| Some(u64::from_be_bytes((*value).try_into().ok()?)));
        // A clock that was set back must not stop it.
        if last.is_some_and(|last| last <= now.0 && now.since_ms(TimestampMs(last)) < RENEW_MS) {
            return Ok(false);
        }
        txn.put(key, now.0.to_be_bytes().to_vec());
        self.sessions.renew(*device);
        Ok(true)
    }

    /// Forgets all sessions with a device: it was revoked.
    ///
    /// # Errors
    /// The store's.
    pub fn forget(&mut self, txn: &mut Txn<'_>, device: &DeviceId) -> Result<(), EngineError> {
        txn.delete(keys::renewed(device));
        self.sessions.forget(txn, device)
    }

    /// A device has these records, and so the keys that came with them.
    pub fn arrived(&mut self, txn: &mut Txn<'_>, device: &DeviceId, ids: &[RecordId]) {
        self.groups.arrived(txn, device, ids);
    }

    /// A device lacks this device's key of a group.
    pub fn lacks(&mut self, txn: &mut Txn<'_>, group: &GroupId, device: &DeviceId) {
        self.groups.lacks(txn, group, device);
    }

    /// From the next record on a group's records are sealed with another key.
    ///
    /// # Errors
    /// The store's.
    pub fn renew_group(&mut self, txn: &mut Txn<'_>, group: &GroupId) -> Result<(), EngineError> {
        self.groups.renew(txn, group)
    }

    /// Forgets the keys of a group.
    ///
    /// # Errors
    /// The store's.
    pub fn forget_group(&mut self, txn: &mut Txn<'_>, group: &GroupId) -> Result<(), EngineError> {
        self.groups.forget(txn, group)
    }

    /// Whether it is time for [`Seal::sweep`].
    pub fn is_time_to_sweep(&mut self) -> bool {
        self.sessions.is_time_to_sweep()
    }

    /// Forgets the oldest sessions of devices that are not known, if there are too many of those: strangers must not fill
    /// the store.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn sweep(&mut self, txn: &mut Txn<'_>, is_known: impl Fn(&DeviceId) -> bool) -> Result<(), EngineError> {
        for device in self.sessions.sweep(txn, is_known)? {
            txn.delete(keys::renewed(&device));
        }
        Ok(())
    }

    /// Writes the sessions that moved, to be committed before anything is sent.
    ///
    /// # Errors
    /// Never in practice: a pickle that is no JSON.
    pub fn write(&mut self, txn: &mut Txn<'_>) -> Result<(), EngineError> {
        self.groups.write(txn)?;
        self.sessions.write(txn)
    }
}

/// Drops everything of the seals: a restored backup must not go on with old sessions.
///
/// # Errors
/// The store's.
pub(crate) fn forget_all(txn: &mut Txn<'_>) -> Result<(), EngineError> {
    for (key, _) in txn.collect(KeyRange::prefix(&keys::all()), Direction::Ascending, usize::MAX)? {
        txn.delete(key);
    }
    Ok(())
}

/// The introduction in a letter, if it is true: signed by the very device that sealed the letter.
fn introduction_in(letter: &Letter) -> Option<Introduction> {
    let record = Unverified::decode(letter.introduction.as_ref()?.to_vec()).ok()?;
    let record = verify_all(vec![record], |_| false).pop()?.ok()?;
    let header = record.header();
    if header.kind != Kind::Device || header.device != letter.device || header.account != letter.account {
        return None;
    }
    let Device { seal, mailbox, .. } = record.body().ok()?;
    Some(Introduction { certificate: record.certificate().clone(), keys: seal?, mailbox, version: header.version? })
}
