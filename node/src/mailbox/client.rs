//! Fetching one's own mail, and leaving it for others who are away.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{
    AccountId, DeviceId, RecordId, TimestampMs,
    circle::CircleSecret,
    limits::{LINK_ADDRESSES_MAX, QUEUES_FETCHED_MAX},
    mailbox::{Mailbox, MailboxAnswer, MailboxRequest, QueueId, ReadKey},
};
use zeroize::Zeroizing;

use super::{Chosen, chosen, route, strangers};
use crate::{
    contact,
    engine::{Cx, Effect, EngineError, identity, left, peers},
    seal::Recipient,
    store::Read,
};

/// Mailboxes that an item is left in, of those that its recipient named.
pub(super) const COPIES: usize = 2;
/// Items left in one request. A queue holds 128.
const DEPOSIT_ITEMS_MAX: usize = 64;
/// Bytes left in one request: one frame with room for the rest.
const DEPOSIT_BYTES_MAX: usize = 768 * 1024;
/// After nothing could be left for a device: when to look again.
const REST_MS: u64 = 60_000;
/// After a mailbox was full or refused: when to ask it again.
const REFUSED_MS: u64 = 10 * 60_000;
/// How often mailboxes are asked although they did not ring.
const POLL_MS: u64 = 30 * 60_000;
/// A request that was not answered in this time is forgotten.
const ANSWER_MS: u64 = 60_000;

/// What waits for a mailbox's answer.
pub(super) enum Asked {
    Fetch(Vec<ReadKey>),
    Deposit { account: AccountId, device: DeviceId, ids: Vec<RecordId> },
    Ask { account: AccountId, device: DeviceId, id: RecordId },
}

/// What is known only while the process runs.
#[derive(Default)]
pub(crate) struct Session {
    next: u64,
    asked: BTreeMap<u64, (DeviceId, TimestampMs, Asked)>,
    /// When mailboxes were last asked for mail.
    fetched: BTreeMap<DeviceId, TimestampMs>,
    /// Until when it is no use to leave something for a device.
    rest: BTreeMap<DeviceId, TimestampMs>,
    /// Until when a mailbox is not asked to keep something for a device.
    refused: BTreeMap<(DeviceId, DeviceId), TimestampMs>,
    /// For whom something is to be left in a mailbox as soon as it is here.
    awaited: BTreeMap<DeviceId, BTreeSet<AccountId>>,
    /// The circle secrets of contacts, once they were read out of the store.
    pub(crate) circles: Option<std::sync::Arc<[(AccountId, CircleSecret)]>>,
    /// When mailboxes for strangers were last looked for.
    pub(super) looked_for_strangers: Option<TimestampMs>,
    /// When old items were last looked for.
    expired: Option<TimestampMs>,
    /// When more mailboxes were last looked for.
    looked: Option<TimestampMs>,
    /// As a mailbox: which device reads a queue.
    pub(crate) readers: BTreeMap<QueueId, DeviceId>,
}

impl Session {
    /// Something new waits for a device.
    pub(crate) fn wake(&mut self, device: &DeviceId) {
        self.rest.remove(device);
    }

    pub(super) fn ask(&mut self, to: DeviceId, now: TimestampMs, what: Asked) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.asked.insert(self.next, (to, now, what));
        self.next
    }

    fn is_asked(&self, device: &DeviceId) -> bool {
        self.asked.values().any(|(_, _, asked)| {
            matches!(asked, Asked::Deposit { device: to, .. } | Asked::Ask { device: to, .. } if to == device)
        })
    }
}

/// Whether old items are to be looked for again.
pub(super) fn is_time_to_expire(cx: &mut Cx<'_>, every_ms: u64) -> bool {
    let now = cx.now();
    is_time(&mut cx.mailboxes().expired, now, every_ms)
}

/// Whether more mailboxes are to be looked for again.
pub(super) fn is_time_to_choose(cx: &mut Cx<'_>, every_ms: u64) -> bool {
    let now = cx.now();
    is_time(&mut cx.mailboxes().looked, now, every_ms)
}

pub(super) fn is_time(last: &mut Option<TimestampMs>, now: TimestampMs, every_ms: u64) -> bool {
    let is_time = last.is_none_or(|last| now.since_ms(last) >= every_ms);
    if is_time {
        *last = Some(now);
    }
    is_time
}

/// The key of the queue that anybody writes to at one mailbox.
pub(super) fn strangers_key(read: &dyn Read, mailbox: &DeviceId) -> Result<ReadKey, EngineError> {
    let seed = identity::device_seed(read)?;
    let root = Zeroizing::new(blake3::derive_key("hutong v1 mailbox read strangers", &*seed));
    Ok(ReadKey(*blake3::keyed_hash(&root, &mailbox.0).as_bytes()))
}

/// The key of the queue that one contact writes to at one mailbox. Derived, so that it survives whatever the store does.
fn read_key(read: &dyn Read, mailbox: &DeviceId, contact: &AccountId) -> Result<ReadKey, EngineError> {
    let seed = identity::device_seed(read)?;
    let root = Zeroizing::new(blake3::derive_key("hutong v1 mailbox read", &*seed));
    let mut hasher = blake3::Hasher::new_keyed(&root);
    hasher.update(&mailbox.0).update(&contact.0);
    Ok(ReadKey(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
pub(super) fn read_key_for_tests(read: &dyn Read, mailbox: &DeviceId, contact: &AccountId) -> ReadKey {
    read_key(read, mailbox, contact).unwrap_or_else(|error| unreachable!("a memory store does not fail: {error}"))
}

/// The mailboxes as one contact is told of them. A contact's own node is no place to leave its mail to us.
pub(super) fn named_to(cx: &Cx<'_>, to: &AccountId, mailboxes: &[Chosen]) -> Result<Vec<Mailbox>, EngineError> {
    let mut named = Vec::new();
    for Chosen { account, device } in mailboxes.iter().filter(|mailbox| mailbox.account != *to) {
        let known = peers::devices(cx.read(), account)?.into_iter().find(|(other, _)| other == device);
        let mut addresses = known.map(|(_, row)| row.addresses).unwrap_or_default();
        addresses.truncate(LINK_ADDRESSES_MAX);
        let write = read_key(cx.read(), device, to)?.write_key();
        named.push(Mailbox { device: *device, addresses, write });
    }
    Ok(named)
}

/// A contact named other mailboxes.
pub(crate) fn route_changed(cx: &mut Cx<'_>, account: &AccountId, device: &DeviceId) {
    cx.mailboxes().wake(device);
    cx.look_at(account);
}

/// A connection to a device stands: perhaps it is a mailbox, of ours or of somebody we have something for.
pub(crate) fn connected(cx: &mut Cx<'_>, device: DeviceId) -> Result<(), EngineError> {
    for account in cx.mailboxes().awaited.remove(&device).unwrap_or_default() {
        for recipient in peers::devices(cx.read(), &account)? {
            cx.mailboxes().wake(&recipient.0);
        }
        cx.look_at(&account);
    }
    if is_used(cx, &device)? { fetch(cx, device) } else { Ok(()) }
}

/// Every mailbox that this device fetches from.
fn used(cx: &Cx<'_>) -> Result<BTreeSet<DeviceId>, EngineError> {
    let all = chosen(cx.read())?.into_iter().chain(strangers::chosen(cx.read())?);
    Ok(all.map(|mailbox| mailbox.device).collect())
}

fn is_used(cx: &Cx<'_>, device: &DeviceId) -> Result<bool, EngineError> {
    Ok(used(cx)?.contains(device))
}

/// Asks every mailbox that is connected.
pub(crate) fn fetch_all(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    for mailbox in used(cx)? {
        if cx.is_connected(&mailbox) {
            fetch(cx, mailbox)?;
        }
    }
    Ok(())
}

fn fetch(cx: &mut Cx<'_>, mailbox: DeviceId) -> Result<(), EngineError> {
    let mut reads = Vec::new();
    if chosen(cx.read())?.iter().any(|chosen| chosen.device == mailbox) {
        let mut told = super::told(cx.read())?;
        // Whom this account asked may answer there too.
        let asked = contact::view::list(cx.read())?.into_iter().filter(|(_, contact)| contact.is_asked());
        told.extend(asked.map(|(account, _)| account));
        for account in told.into_iter().take(QUEUES_FETCHED_MAX) {
            reads.push(read_key(cx.read(), &mailbox, &account)?);
        }
    }
    let strangers = strangers::queue(cx, &mailbox)?;
    let now = cx.now();
    let asked = reads.iter().copied().chain(strangers.map(|queue| queue.read)).collect();
    let number = cx.mailboxes().ask(mailbox, now, Asked::Fetch(asked));
    cx.mailboxes().fetched.insert(mailbox, now);
    cx.effect(Effect::Mailbox { to: mailbox, number, request: MailboxRequest::Fetch { reads, strangers } });
    Ok(())
}

/// A mailbox says that something came. Only one's own may.
pub(crate) fn rung(cx: &mut Cx<'_>, by: DeviceId) -> Result<(), EngineError> {
    if is_used(cx, &by)? { fetch(cx, by) } else { Ok(()) }
}

pub(super) fn tick(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let now = cx.now();
    let session = cx.mailboxes();
    session.asked.retain(|_, (_, at, _)| now.since_ms(*at) < ANSWER_MS);
    session.rest.retain(|_, until| *until > now);
    session.refused.retain(|_, until| *until > now);
    for mailbox in used(cx)? {
        let last = cx.mailboxes().fetched.get(&mailbox).copied();
        if cx.is_connected(&mailbox) && last.is_none_or(|last| now.since_ms(last) >= POLL_MS) {
            fetch(cx, mailbox)?;
        }
    }
    Ok(())
}

/// Leaves what waits for a device that is away in two of the mailboxes that it named.
pub(crate) fn leave(cx: &mut Cx<'_>, account: &AccountId, to: &Recipient) -> Result<(), EngineError> {
    let (now, session) = (cx.now(), cx.mailboxes());
    if session.rest.get(&to.device).is_some_and(|until| *until > now) || session.is_asked(&to.device) {
        return Ok(());
    }
    session.rest.insert(to.device, now.plus_ms(REST_MS));
    let route = route(cx.read(), account, &to.device)?;
    if route.is_empty() {
        return strangers::leave(cx, account, to);
    }
    let copies = COPIES.min(route.len());
    if !left::is_to_be_left(cx, account, &to.device, copies)? {
        return Ok(());
    }
    let here = at_hand(cx, account, &to.device, route, copies);
    let devices: Vec<_> = here.iter().map(|mailbox| mailbox.device).collect();
    let items = left::to_be_left(cx, account, to, &devices, copies, (DEPOSIT_ITEMS_MAX, DEPOSIT_BYTES_MAX))?;
    for mailbox in here {
        let new = items.iter().filter(|item| !item.left_in.contains(&mailbox.device));
        let (ids, items): (Vec<_>, Vec<_>) = new.map(|item| (item.id, item.bytes.clone())).unzip();
        if ids.is_empty() {
            continue;
        }
        let asked = Asked::Deposit { account: *account, device: to.device, ids };
        let number = cx.mailboxes().ask(mailbox.device, now, asked);
        let request = MailboxRequest::Deposit { write: mailbox.write, items };
        cx.effect(Effect::Mailbox { to: mailbox.device, number, request });
    }
    Ok(())
}

/// Those of a device's mailboxes that are connected and may take something. If they are too few the others are called, and
/// get their copies when they come.
pub(super) fn at_hand(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    mailboxes: Vec<Mailbox>,
    copies: usize,
) -> Vec<Mailbox> {
    let (mut here, mut away) = (Vec::new(), Vec::new());
    for mailbox in mailboxes {
        if mailbox.device != cx.device() && !cx.mailboxes().refused.contains_key(&(mailbox.device, *device)) {
            if cx.is_connected(&mailbox.device) { &mut here } else { &mut away }.push(mailbox);
        }
    }
    here.truncate(COPIES);
    for mailbox in away.into_iter().filter(|_| here.len() < copies) {
        cx.mailboxes().awaited.entry(mailbox.device).or_default().insert(*account);
        cx.effect(Effect::Connect {
            account: None,
            devices: vec![(mailbox.device, mailbox.addresses)],
            addresses: Vec::new(),
        });
    }
    here
}

/// A mailbox answered. What it gave was opened and taken in before; now it may forget it.
pub(crate) fn answered(
    cx: &mut Cx<'_>,
    from: DeviceId,
    number: u64,
    answer: Option<MailboxAnswer>,
) -> Result<(), EngineError> {
    let now = cx.now();
    let Some((_, _, asked)) = cx.mailboxes().asked.remove(&number).filter(|(to, _, _)| *to == from) else {
        return Ok(());
    };
    match (asked, answer) {
        (Asked::Fetch(reads), Some(MailboxAnswer::Fetched { queues, more })) => {
            for fetched in &queues {
                let read = usize::try_from(fetched.queue).ok().and_then(|place| reads.get(place));
                let last = fetched.items.iter().map(|item| item.number).max();
                if let Some((read, up_to)) = read.zip(last) {
                    let request = MailboxRequest::Acknowledge { read: *read, up_to };
                    cx.effect(Effect::Mailbox { to: from, number: 0, request });
                }
            }
            if more && !queues.is_empty() {
                fetch(cx, from)?;
            }
        }
        (Asked::Deposit { account, device, ids }, Some(MailboxAnswer::Deposited { stored, full })) => {
            let copies = COPIES.min(route(cx.read(), &account, &device)?.len());
            let stored = usize::try_from(stored).unwrap_or(usize::MAX).min(ids.len());
            left::left(cx, &account, &device, &from, ids.get(..stored).unwrap_or_default(), copies)?;
            if full {
                cx.mailboxes().refused.insert((from, device), now.plus_ms(REFUSED_MS));
            }
            cx.mailboxes().wake(&device);
            cx.look_at(&account);
        }
        (Asked::Deposit { account, device, .. }, Some(MailboxAnswer::Refused)) => {
            cx.mailboxes().refused.insert((from, device), now.plus_ms(REFUSED_MS));
            cx.mailboxes().wake(&device);
            cx.look_at(&account);
        }
        (Asked::Ask { account, device, id }, Some(MailboxAnswer::Deposited { stored: 1.., .. })) => {
            let copies = COPIES.min(strangers::of(cx.read(), &account, &device)?.len());
            left::left(cx, &account, &device, &from, &[id], copies)?;
            cx.mailboxes().wake(&device);
            cx.look_at(&account);
        }
        (Asked::Ask { account, device, .. }, Some(MailboxAnswer::Postage { bits })) => {
            cx.mailboxes().refused.insert((from, device), now.plus_ms(REFUSED_MS));
            contact::ask::short(cx, &account, bits)?;
        }
        (Asked::Ask { device, .. }, Some(_)) => {
            cx.mailboxes().refused.insert((from, device), now.plus_ms(REFUSED_MS));
        }
        _ => {}
    }
    Ok(())
}
