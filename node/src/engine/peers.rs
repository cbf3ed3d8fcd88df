//! Whom this node is connected to, and how to reach an account again.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{
    AccountId, Certificate, DeviceId, RecordId, TimestampMs,
    account::{Device, SealKeys},
    codec,
    mailbox::Mailbox,
};
use serde::{Deserialize, Serialize};

use super::{
    cx::{Cx, get_value},
    error::EngineError,
    event::{Effect, Event},
    keys, outbox,
};
use crate::{
    presence,
    seal::{Introduction, Recipient},
    store::{Direction, KeyRange, KeyReader, Read},
};

/// Devices remembered for one account. A person has a handful; more is somebody filling our store.
const DEVICES_MAX: usize = 16;
/// Addresses remembered for one device.
const ADDRESSES_MAX: usize = 8;
/// First pause between two attempts to reach an account; doubles each time.
const RETRY_MS_MIN: u64 = 1_000;
/// Longest pause: five minutes keeps idle traffic low, and a person who comes online dials us anyway.
const RETRY_MS_MAX: u64 = 5 * 60 * 1_000;
/// Strangers' devices that introduced themselves, remembered until they turn out to be welcome.
const INTRODUCED_MAX: usize = 1_024;
/// Accounts dialled in one tick, so that a start with hundreds of contacts does not storm.
const DIALS_A_TICK: usize = 8;

/// How to reach one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Why it may speak for the account.
    pub certificate: Certificate,
    /// Multiaddresses, newest first.
    pub addresses: Vec<String>,
    /// When it was last connected; 0: never.
    pub last_seen: TimestampMs,
    /// The keys to seal for it with, once they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealKeys>,
    /// Whether it offers to be a mailbox.
    #[serde(default)]
    pub mailbox: bool,
    /// Where a stranger may leave a request for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<Mailbox>,
    /// The version of the device record that said so.
    #[serde(default)]
    pub version: u64,
}

/// What a node without an account shows, to be made a device of one.
#[derive(Clone)]
pub struct Pairing {
    /// Proves that whoever answers has seen it.
    pub secret: [u8; 16],
    /// Until when it is valid.
    pub until: TimestampMs,
    /// What the device is then called.
    pub name: String,
}

/// What is known only while the process runs.
#[derive(Default)]
pub(super) struct Session {
    connected: BTreeMap<DeviceId, Option<AccountId>>,
    pub(super) addresses: Vec<String>,
    /// Records handed to the network and not yet answered, by recipient.
    pub(super) in_flight: BTreeMap<DeviceId, BTreeMap<RecordId, TimestampMs>>,
    /// The account that what is on its way to a device is for: a device may not have said yet whose it is.
    pub(super) flight_to: BTreeMap<DeviceId, AccountId>,
    /// What this node, still without an account, shows to be made a device of one.
    pub(super) pairing: Option<Pairing>,
    /// What the group feature misses.
    pub(super) lacking: crate::group::Lacking,
    /// What the mailbox feature knows while the process runs.
    pub(super) mailboxes: crate::mailbox::client::Session,
    /// Requests whose postage is being worked for.
    pub(super) stamping: BTreeSet<AccountId>,
    /// Who is here and writing, as they say.
    pub(super) presence: crate::presence::Session,
    /// What the attachment feature knows while the process runs.
    pub(super) attachments: crate::attachment::Session,
    /// Devices of strangers that introduced themselves with what they sent.
    introduced: BTreeMap<DeviceId, Introduction>,
    /// Recipients whose outbox should be looked at in this step.
    pub(super) to_flush: BTreeSet<AccountId>,
    /// When to try to reach an account next, and the pause after that.
    attempts: BTreeMap<AccountId, (TimestampMs, u64)>,
    /// Until then nobody has to be dialled, unless somebody else is wanted or a connection is lost.
    rest_until: TimestampMs,
}

impl Session {
    /// A connected device of the account.
    pub(super) fn device_of(&self, account: &AccountId) -> Option<DeviceId> {
        self.connected.iter().find(|(_, other)| **other == Some(*account)).map(|(device, _)| *device)
    }

    /// Whether a device is connected.
    pub(super) fn is_connected(&self, device: &DeviceId) -> bool {
        self.connected.contains_key(device)
    }

    /// Connected devices whose account is known.
    pub(super) fn connected_accounts(&self) -> Vec<(DeviceId, AccountId)> {
        self.connected.iter().filter_map(|(device, account)| Some((*device, (*account)?))).collect()
    }

    /// Remembers a stranger's device.
    pub(super) fn introduce(&mut self, introduction: Introduction) {
        if self.introduced.len() >= INTRODUCED_MAX {
            self.introduced.clear();
        }
        self.introduced.insert(introduction.certificate.device, introduction);
    }

    /// The account of a connected device.
    pub(super) fn account_of(&self, device: &DeviceId) -> Option<AccountId> {
        self.connected.get(device).copied().flatten()
    }

    /// Who is wanted, or connected, may be different from what it was.
    pub(super) fn wanted_changed(&mut self) {
        self.rest_until = TimestampMs(0);
    }

    pub(super) fn retry(&mut self, account: &AccountId) {
        self.wanted_changed();
        self.attempts.remove(account);
        let devices = self.connected.iter().filter(|(_, other)| **other == Some(*account));
        for device in devices.map(|(device, _)| *device).collect::<Vec<_>>() {
            self.in_flight.remove(&device);
        }
        self.to_flush.insert(*account);
    }
}

/// The devices of an account that this node knows, last seen first.
///
/// # Errors
/// The store's, or damage.
pub fn devices(read: &dyn Read, account: &AccountId) -> Result<Vec<(DeviceId, DeviceRow)>, EngineError> {
    let prefix = crate::store::Key::new(keys::DEVICE).array(&account.0);
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, DEVICES_MAX)?;
    let mut devices = Vec::with_capacity(rows.len());
    for (key, value) in rows {
        let mut reader = KeyReader::new(&key);
        let _: (Option<u8>, Option<[u8; 32]>) = (reader.u8(), reader.array());
        let device = DeviceId(reader.array().ok_or_else(|| EngineError::Damaged("a device key".into()))?);
        devices.push((device, codec::decode_checked::<DeviceRow>(&value)?));
    }
    devices.sort_by_key(|(_, row)| std::cmp::Reverse(row.last_seen));
    Ok(devices)
}

/// The devices of all accounts that this node remembers.
fn all_devices(read: &dyn Read) -> Result<BTreeSet<DeviceId>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&[keys::DEVICE]), Direction::Ascending, usize::MAX)?;
    let parse = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        let _: (u8, [u8; 32]) = (reader.u8()?, reader.array()?);
        Some(DeviceId(reader.array()?))
    };
    Ok(rows.iter().filter_map(|(key, _)| parse(key)).collect())
}

/// When a device of the account was last connected; `None`: never.
///
/// # Errors
/// The store's, or damage.
pub fn last_seen(read: &dyn Read, account: &AccountId) -> Result<Option<TimestampMs>, EngineError> {
    let newest = devices(read, account)?.first().map(|(_, row)| row.last_seen);
    Ok(newest.filter(|at| *at > TimestampMs(0)))
}

/// Remembers a device and merges its addresses in, newest first.
pub(super) fn remember(cx: &mut Cx<'_>, certificate: &Certificate, addresses: &[String]) -> Result<(), EngineError> {
    let key = keys::device(&certificate.account, &certificate.device);
    let before: Option<DeviceRow> = get_value(&cx.txn, &key)?;
    if before.is_none() && devices(&cx.txn, &certificate.account)?.len() >= DEVICES_MAX {
        return Ok(());
    }
    let last_seen = before.as_ref().map_or(TimestampMs(0), |row| row.last_seen);
    let introduced = cx.session.introduced.remove(&certificate.device);
    let introduced = introduced.filter(|introduced| introduced.certificate.account == certificate.account);
    let is_target = before.as_ref().is_some_and(|row| row.seal.is_some());
    let (seal, mailbox, version) = match (&before, &introduced) {
        (Some(row), _) if row.seal.is_some() => (row.seal, row.mailbox, row.version),
        (_, Some(introduced)) => (Some(introduced.keys), introduced.mailbox, introduced.version),
        _ => (None, false, 0),
    };
    let strangers = before.as_ref().map(|row| row.strangers.clone()).unwrap_or_default();
    let mut merged = addresses.to_vec();
    merged.extend(before.iter().flat_map(|row| row.addresses.clone()).filter(|old| !addresses.contains(old)));
    merged.truncate(ADDRESSES_MAX);
    let same = |row: &DeviceRow| row.addresses == merged && row.certificate == *certificate && row.seal == seal;
    if before.as_ref().is_some_and(same) {
        return Ok(());
    }
    let certificate = certificate.clone();
    let row = DeviceRow { certificate, addresses: merged, last_seen, seal, mailbox, strangers, version };
    cx.put_value(key, &row)?;
    let certificate = row.certificate;
    if seal.is_some() && !is_target {
        became_recipient(cx, &certificate)?;
    }
    Ok(())
}

/// A device's own record named its keys. Returns whether the device is new among those that are sealed for.
pub(super) fn learn(
    cx: &mut Cx<'_>,
    certificate: &Certificate,
    said: &Device,
    version: u64,
) -> Result<bool, EngineError> {
    let Some(keys) = said.seal else { return Ok(false) };
    remember(cx, certificate, &[])?;
    let key = keys::device(&certificate.account, &certificate.device);
    let Some(row) = get_value::<DeviceRow>(&cx.txn, &key)? else { return Ok(false) };
    if row.seal.is_some() && row.version >= version && version > 0 {
        return Ok(false);
    }
    // Version 0 is what a link showed; the device itself has said nothing yet.
    let (is_recipient, is_new) = (row.seal.is_some(), row.seal.is_none() || row.version == 0);
    let moved = row.strangers != said.strangers;
    let (mailbox, strangers) = (said.mailbox, said.strangers.clone());
    cx.put_value(key, &DeviceRow { seal: Some(keys), mailbox, strangers, version, ..row })?;
    if moved {
        crate::mailbox::client::route_changed(cx, &certificate.account, &certificate.device);
    }
    if !is_recipient {
        became_recipient(cx, certificate)?;
    }
    Ok(is_new && version > 0)
}

fn became_recipient(cx: &mut Cx<'_>, certificate: &Certificate) -> Result<(), EngineError> {
    let (account, device) = (certificate.account, certificate.device);
    if device == cx.device() || is_revoked(&cx.txn, &account, &device)? {
        return Ok(());
    }
    cx.wanted_changed();
    outbox::add_device(cx, &account, &device)
}

/// Whether nothing may be sealed for a device any more.
///
/// # Errors
/// The store's.
pub fn is_revoked(read: &dyn Read, account: &AccountId, device: &DeviceId) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::revoked(account, device))?)
}

/// From now on nothing is sealed for a device.
pub(super) fn revoke(cx: &mut Cx<'_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    cx.txn.put(keys::revoked(account, device), Vec::new());
    cx.session.introduced.remove(device);
    cx.seal.forget(&mut cx.txn, device)?;
    outbox::remove_device(cx, account, device)
}

/// Forgets the devices of an account that is no concern of ours, and what waited for them.
pub(super) fn forget(cx: &mut Cx<'_>, account: &AccountId) -> Result<(), EngineError> {
    for (device, _) in devices(&cx.txn, account)? {
        cx.seal.forget(&mut cx.txn, &device)?;
        cx.txn.delete(keys::device(account, &device));
    }
    cx.session.introduced.retain(|_, introduced| introduced.certificate.account != *account);
    cx.txn.delete(keys::hint(account));
    for (key, _) in cx.txn.collect(KeyRange::prefix(&keys::outbox_of(account)), Direction::Ascending, usize::MAX)? {
        cx.txn.delete(&key);
    }
    Ok(())
}

/// The devices of an account that records are sealed for: all but this one and the revoked.
pub(super) fn recipients(cx: &Cx<'_>, account: &AccountId) -> Result<Vec<Recipient>, EngineError> {
    let mut recipients = Vec::new();
    let known = devices(&cx.txn, account)?.into_iter().filter_map(|(device, row)| Some((device, row.seal?)));
    let introduced = cx.session.introduced.iter().filter(|(_, other)| other.certificate.account == *account);
    for (device, keys) in known.chain(introduced.map(|(device, other)| (*device, other.keys))) {
        if device != cx.device() && !is_revoked(&cx.txn, account, &device)? {
            recipients.push(Recipient { device, keys });
        }
    }
    recipients.sort_by_key(|recipient| recipient.device);
    recipients.dedup_by_key(|recipient| recipient.device);
    Ok(recipients)
}

/// The sealing keys of a device, if they are known.
pub(super) fn seal_keys(
    read: &dyn Read,
    session: &Session,
    account: &AccountId,
    device: &DeviceId,
) -> Result<Option<SealKeys>, EngineError> {
    let row: Option<DeviceRow> = get_value(read, keys::device(account, device))?;
    let introduced = || session.introduced.get(device).filter(|other| other.certificate.account == *account);
    Ok(row.and_then(|row| row.seal).or_else(|| introduced().map(|other| other.keys)))
}

/// Remembers where somebody is said to be reached, until a device of theirs was met.
pub(super) fn hint(cx: &mut Cx<'_>, account: &AccountId, addresses: &[String]) -> Result<(), EngineError> {
    let mut kept = addresses.to_vec();
    kept.truncate(ADDRESSES_MAX);
    if !kept.is_empty() && get_value::<Vec<String>>(&cx.txn, keys::hint(account))?.as_ref() != Some(&kept) {
        cx.put_value(keys::hint(account), &kept)?;
    }
    Ok(())
}

/// A connection stands.
pub(super) fn up(
    cx: &mut Cx<'_>,
    device: DeviceId,
    certificate: Option<&Certificate>,
    addresses: &[String],
) -> Result<(), EngineError> {
    let account = certificate.map(|certificate| certificate.account);
    cx.session.connected.insert(device, account);
    let (Some(certificate), Some(account)) = (certificate, account) else { return Ok(()) };
    cx.session.retry(&account);
    if cx.account() == Some(account) || is_wanted(cx, &account)? {
        remember(cx, certificate, addresses)?;
        seen(cx, &account, &device)?;
        cx.notify(Event::Peers(account));
    }
    Ok(())
}

/// The last connection is gone.
pub(super) fn down(cx: &mut Cx<'_>, device: DeviceId) -> Result<(), EngineError> {
    let Some(Some(account)) = cx.session.connected.remove(&device) else { return Ok(()) };
    cx.session.wanted_changed();
    seen(cx, &account, &device)?;
    cx.session.in_flight.remove(&device);
    cx.notify(Event::Peers(account));
    presence::gone(cx, &device, &account)
}

fn seen(cx: &mut Cx<'_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let key = keys::device(account, device);
    let Some(mut row) = get_value::<DeviceRow>(&cx.txn, &key)? else { return Ok(()) };
    row.last_seen = cx.now;
    cx.put_value(key, &row)
}

/// Whether nobody of an account is missing: every device that is sealed for is connected, or any while none is known.
fn is_complete(cx: &Cx<'_>, account: &AccountId) -> Result<bool, EngineError> {
    let devices = recipients(cx, account)?;
    if devices.is_empty() {
        return Ok(cx.is_online(account) || cx.account() == Some(*account));
    }
    Ok(devices.iter().all(|recipient| cx.session.is_connected(&recipient.device)))
}

fn is_wanted(cx: &Cx<'_>, account: &AccountId) -> Result<bool, EngineError> {
    for feature in cx.registry {
        if feature.wants(&cx.txn, account)? {
            return Ok(true);
        }
    }
    Ok(!outbox::is_empty(&cx.txn, account)?)
}

/// Whether this node is a mailbox for an account: its own, and those that it wants to stay connected to anyway.
pub(super) fn serves(cx: &Cx<'_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(cx.account() == Some(*account) || is_wanted(cx, account)?)
}

/// Tries to reach those who are wanted and not connected, each with its own growing pause. Looks through them only when
/// one of them is due or something changed: an idle node with a thousand contacts is idle.
pub(super) fn tick(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    if cx.seal.is_time_to_sweep() {
        let known = all_devices(&cx.txn)?;
        cx.seal.sweep(&mut cx.txn, |device| known.contains(device))?;
    }
    if cx.now < cx.session.rest_until {
        return Ok(());
    }
    let mut wanted: BTreeSet<AccountId> = outbox::recipients(&cx.txn)?;
    wanted.extend(cx.account());
    for feature in cx.registry {
        wanted.extend(feature.wanted(&cx.txn)?);
    }
    cx.session.attempts.retain(|account, _| wanted.contains(account));
    let mut dials = 0;
    let mut rest_until = cx.now.plus_ms(RETRY_MS_MAX);
    for account in wanted {
        let (due, pause) = cx.session.attempts.get(&account).copied().unwrap_or((TimestampMs(0), RETRY_MS_MIN));
        if is_complete(cx, &account)? {
            continue;
        }
        if due > cx.now || dials >= DIALS_A_TICK {
            rest_until = rest_until.min(due);
            continue;
        }
        dials += 1;
        // Up to a quarter of jitter, so that two nodes that lost each other do not stay in step.
        let jitter = u64::from(cx.random::<1>()[0]).saturating_mul(pause) / 1024;
        let next = (cx.now.plus_ms(pause.saturating_add(jitter)), pause.saturating_mul(2).min(RETRY_MS_MAX));
        cx.session.attempts.insert(account, next);
        rest_until = rest_until.min(next.0);
        let devices = devices(&cx.txn, &account)?.into_iter().map(|(device, row)| (device, row.addresses)).collect();
        let addresses = get_value(&cx.txn, keys::hint(&account))?.unwrap_or_default();
        cx.effects.push(Effect::Connect { account: Some(account), devices, addresses });
    }
    cx.session.rest_until = rest_until;
    Ok(())
}
