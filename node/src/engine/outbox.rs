//! The one way out for private records: a row for each record and device of its recipient, from the transaction that made
//! it until that device's signed receipt. A transport's word moves a row on, but only the receipt removes it.
//!
//! ```text
//! Queued ──sent, peer stored it──► Handed ──receipt──► (gone)
//!   ▲ └────peer: not now──► Later ─┘   ├─ no receipt in a minute ─► sent again
//!   │                         ▲        └─ "could not open it" ────► Later
//!   ├─ left in two mailboxes ─► Left (sent again when the device is here)
//!   └ Refused: kept and shown, tried again only when asked
//! ```
//! A record is sealed each time it is sent, never before: no sealed copy waits here, and no key is used twice. While no
//! device of the recipient is known, its row names none.
//!
//! Receipts themselves have nobody to vouch for them: they leave when the transport says "stored", and are made anew when
//! the record they confirm comes again.

use std::collections::BTreeSet;

use hutong_protocol::{AccountId, DeviceId, GroupId, Header, Kind, RecordId, TimestampMs, Topic, Verified, codec};
use serde::{Deserialize, Serialize};

use super::{
    cx::{Cx, get_value},
    error::EngineError,
    event::{DomainEvent, Effect, Outcome},
    ingest, keys, peers,
};
use crate::{
    mailbox,
    seal::{Plain, Recipient},
    store::{Direction, KeyRange, KeyReader, Read},
};

/// Records on their way to one device at a time: one group commit there.
const WINDOW: usize = 256;
/// While so many are on their way nothing follows until they are answered. What overtakes more than 40 others makes
/// Olm's recipient forget the keys of those; what is not answered is sent again, in its order.
const FOLLOW_MAX: usize = 32;
/// Rows looked at in one pass: refused and waiting ones must not hide the rest.
pub(super) const LOOK_MAX: usize = 4 * WINDOW;
/// How long a receipt may take before the record is sent again.
const RECEIPT_MS: u64 = 60_000;
/// First pause after "not now"; doubles with each try.
const LATER_MS_MIN: u64 = 2_000;
/// Longest pause after "not now": half an hour.
const LATER_MS_MAX: u64 = 30 * 60 * 1_000;
/// What was left in mailboxes is left again after two weeks: they drop it after three.
const LEFT_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// After so many times "not now" the session may be what is wrong: it is begun anew.
const LATER_RENEW: u32 = 4;
/// Stands for a device that is not known yet.
const ANY: DeviceId = DeviceId([0; 32]);

/// How far a waiting record came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// The device refused it.
    Refused,
    /// The device said "not now".
    Later,
    /// Not handed to anybody.
    Queued,
    /// Mailboxes of the device keep it.
    Left,
    /// The device stored it; its receipt is awaited.
    Handed,
}

/// One waiting record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboxRow {
    /// How far it came.
    pub state: OutboxState,
    /// Since when.
    pub since: TimestampMs,
    /// Tries that ended in "not now".
    #[serde(default)]
    pub tries: u32,
    /// The mailboxes that keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_in: Vec<DeviceId>,
    /// The private group that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The envelope, where the record is not kept in its topic's set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<serde_bytes::ByteBuf>,
}

impl OutboxRow {
    pub(super) fn is_due(&self, now: TimestampMs) -> bool {
        match self.state {
            OutboxState::Queued | OutboxState::Left => true,
            OutboxState::Handed => now.since_ms(self.since) >= RECEIPT_MS,
            OutboxState::Later => {
                let pause = LATER_MS_MIN.saturating_mul(1 << self.tries.min(16)).min(LATER_MS_MAX);
                now.since_ms(self.since) >= pause
            }
            OutboxState::Refused => false,
        }
    }

    /// The mailboxes that still keep it: none after two weeks without a receipt.
    pub(super) fn kept_in(&self, now: TimestampMs) -> &[DeviceId] {
        let lapsed = self.state == OutboxState::Left && now.since_ms(self.since) >= LEFT_MS;
        if lapsed { &[] } else { &self.left_in }
    }
}

/// Queues a private record for every device of an account but this one. Nothing is queued for an account of one's own
/// that has no other device.
pub(super) fn put(cx: &mut Cx<'_>, to: &AccountId, record: &Verified, stored: bool) -> Result<(), EngineError> {
    let bytes = (!stored).then(|| serde_bytes::ByteBuf::from(record.signed_bytes().to_vec()));
    let mut devices: Vec<_> = peers::recipients(cx, to)?.into_iter().map(|recipient| recipient.device).collect();
    if devices.is_empty() && cx.account() != Some(*to) {
        devices.push(ANY);
    }
    let (place, group) = ((record.header().at, record.id()), private_group(&record.header().topic));
    devices.iter().try_for_each(|device| put_row(cx, (to, device), place, group, bytes.clone()))
}

/// The private group whose topic it is.
fn private_group(topic: &Topic) -> Option<GroupId> {
    topic.group().filter(GroupId::is_private)
}

/// Queues a private record for one device alone.
pub(super) fn put_for(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    record: &Verified,
    stored: bool,
) -> Result<(), EngineError> {
    let bytes = (!stored).then(|| serde_bytes::ByteBuf::from(record.signed_bytes().to_vec()));
    put_row(cx, (account, device), (record.header().at, record.id()), None, bytes)
}

fn put_row(
    cx: &mut Cx<'_>,
    (account, device): (&AccountId, &DeviceId),
    (at, id): (TimestampMs, RecordId),
    group: Option<GroupId>,
    bytes: Option<serde_bytes::ByteBuf>,
) -> Result<(), EngineError> {
    let row = OutboxRow { state: OutboxState::Queued, since: cx.now, tries: 0, left_in: Vec::new(), group, bytes };
    cx.put_value(keys::outbox(account, device, at, &id), &row)?;
    cx.session.mailboxes.wake(device);
    cx.session.to_flush.insert(*account);
    cx.session.wanted_changed();
    Ok(())
}

/// Hands on to a device what is here of a private topic.
pub(super) fn hand_on(
    cx: &mut Cx<'_>,
    topic: &Topic,
    (account, device): (&AccountId, &DeviceId),
    wanted: impl Fn(&Kind) -> bool,
) -> Result<(), EngineError> {
    let group = private_group(topic);
    for (key, bytes) in cx.txn.collect(KeyRange::prefix(&keys::set(topic)), Direction::Ascending, usize::MAX)? {
        let header = hutong_protocol::record::Stored::decode(bytes)?.header;
        if let Some(place) = keys::Place::parse(&key).filter(|_| wanted(&header.kind) && header.device != *device) {
            put_row(cx, (account, device), (place.at, place.id), group, None)?;
        }
    }
    Ok(())
}

/// Hands on to all devices of an account what is here of a private group.
pub(super) fn hand_to(
    cx: &mut Cx<'_>,
    topic: &Topic,
    account: &AccountId,
    wanted: impl Fn(&Kind, TimestampMs) -> bool,
) -> Result<(), EngineError> {
    let mut ids = Vec::new();
    for (key, bytes) in cx.txn.collect(KeyRange::prefix(&keys::set(topic)), Direction::Ascending, usize::MAX)? {
        let header = hutong_protocol::record::Stored::decode(bytes)?.header;
        ids.extend(keys::Place::parse(&key).filter(|_| wanted(&header.kind, header.at)).map(|place| place.id));
    }
    hand_over(cx, topic, account, &ids)
}

/// Hands on these records of a private group to all devices of an account.
pub(super) fn hand_over(
    cx: &mut Cx<'_>,
    topic: &Topic,
    account: &AccountId,
    ids: &[RecordId],
) -> Result<(), EngineError> {
    let mut devices: Vec<_> = peers::recipients(cx, account)?.into_iter().map(|recipient| recipient.device).collect();
    if devices.is_empty() {
        devices.push(ANY);
    }
    let group = private_group(topic);
    for id in ids {
        let Some(place) = ingest::place_of(&cx.txn, id)?.filter(|place| place.topic == topic.key()) else { continue };
        for device in &devices {
            if !cx.txn.contains(&keys::outbox(account, device, place.at, id))? {
                put_row(cx, (account, device), (place.at, *id), group, None)?;
            }
        }
    }
    Ok(())
}

/// What waits for an account in a private group is not sent any more; but the log until then, without which they would not
/// understand that they are out.
pub(super) fn withdraw(cx: &mut Cx<'_>, account: &AccountId, group: &GroupId) -> Result<(), EngineError> {
    let rows = cx.txn.collect(KeyRange::prefix(&keys::outbox_of(account)), Direction::Ascending, usize::MAX)?;
    for (key, value) in rows {
        let of_group = codec::decode_checked::<OutboxRow>(&value)?.group == Some(*group);
        let Some(Waiting { id, .. }) = parse(&key).filter(|_| of_group) else { continue };
        if super::get_record(&cx.txn, &id)?.is_none_or(|record| record.header.kind != Kind::GroupEntry) {
            cx.txn.delete(&key);
        }
    }
    Ok(())
}

/// The private group with whose keys a row is sealed: its own, if the recipient is in it.
pub(super) fn sealed_among(cx: &Cx<'_>, account: &AccountId, row: &OutboxRow) -> Result<Option<GroupId>, EngineError> {
    let Some(group) = row.group else { return Ok(None) };
    let is_in = cx.account() == Some(*account) || crate::group::view::is_member(&cx.txn, &group, account)?;
    Ok(is_in.then_some(group))
}

/// A device of an account can be sealed for from now on: what waits for the account waits for it too.
pub(super) fn add_device(cx: &mut Cx<'_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let rows = cx.txn.collect(KeyRange::prefix(&keys::outbox_of(account)), Direction::Ascending, usize::MAX)?;
    for (key, value) in rows {
        let Some(Waiting { device: other, at, id, .. }) = parse(&key) else { continue };
        let own = keys::outbox(account, device, at, &id);
        if !cx.txn.contains(&own)? {
            let row: OutboxRow = codec::decode_checked(&value)?;
            let left_in = Vec::new();
            cx.put_value(own, &OutboxRow { state: OutboxState::Queued, since: cx.now, tries: 0, left_in, ..row })?;
        }
        if other == ANY {
            cx.txn.delete(&key);
        }
    }
    cx.session.to_flush.insert(*account);
    Ok(())
}

/// Nothing is sealed for a device any more. What waited for it alone waits for whichever comes next.
pub(super) fn remove_device(cx: &mut Cx<'_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let others = peers::recipients(cx, account)?.iter().any(|recipient| recipient.device != *device);
    let rows =
        cx.txn.collect(KeyRange::prefix(&keys::outbox_for(account, device)), Direction::Ascending, usize::MAX)?;
    for (key, value) in rows {
        cx.txn.delete(&key);
        if let Some(Waiting { at, id, .. }) = parse(&key).filter(|_| !others && cx.account() != Some(*account)) {
            let row: OutboxRow = codec::decode_checked(&value)?;
            cx.put_value(keys::outbox(account, &ANY, at, &id), &OutboxRow { state: OutboxState::Queued, ..row })?;
        }
    }
    cx.session.in_flight.remove(device);
    Ok(())
}

/// How far a record that waits for an account came: with the device of it that is furthest.
///
/// # Errors
/// The store's, or damage.
pub fn row(read: &dyn Read, to: &AccountId, at: TimestampMs, id: &RecordId) -> Result<Option<OutboxRow>, EngineError> {
    let mut furthest: Option<OutboxRow> = None;
    let devices = peers::devices(read, to)?.into_iter().map(|(device, _)| device);
    for device in devices.chain([ANY]) {
        let row: Option<OutboxRow> = get_value(read, keys::outbox(to, &device, at, id))?;
        furthest = furthest.into_iter().chain(row).max_by_key(|row| row.state);
    }
    Ok(furthest)
}

/// Number of records waiting (not above `limit`) and since when the oldest does.
///
/// # Errors
/// The store's, or damage.
pub fn summary(read: &dyn Read, limit: usize) -> Result<(usize, Option<TimestampMs>), EngineError> {
    let (mut ids, mut oldest) = (BTreeSet::new(), None::<TimestampMs>);
    for (key, value) in read.collect(KeyRange::prefix(&[keys::OUTBOX]), Direction::Ascending, limit)? {
        let row: OutboxRow = codec::decode_checked(&value)?;
        ids.extend(parse(&key).map(|waiting| (waiting.account, waiting.id)));
        oldest = Some(oldest.map_or(row.since, |oldest| oldest.min(row.since)));
    }
    Ok((ids.len(), oldest))
}

pub(super) fn is_empty(read: &dyn Read, to: &AccountId) -> Result<bool, EngineError> {
    Ok(read.first(KeyRange::prefix(&keys::outbox_of(to)), Direction::Ascending)?.is_none())
}

/// Everybody somebody waits for: one look a recipient, whatever the queue's length.
pub(super) fn recipients(read: &dyn Read) -> Result<BTreeSet<AccountId>, EngineError> {
    let mut recipients = BTreeSet::new();
    let mut last: Option<AccountId> = None;
    loop {
        let cursor = last.map(|account| keys::outbox_of(&account).tail(&[0xff; 73]));
        let prefix = [keys::OUTBOX];
        let mut range = KeyRange::prefix(&prefix);
        if let Some(cursor) = &cursor {
            range = range.after(cursor);
        }
        let Some((key, _)) = read.first(range, Direction::Ascending)? else { return Ok(recipients) };
        let Some(account) = parse(&key).map(|waiting| waiting.account) else { return Ok(recipients) };
        recipients.insert(account);
        last = Some(account);
    }
}

/// What a row's key says.
pub(super) struct Waiting {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) at: TimestampMs,
    pub(super) id: RecordId,
}

pub(super) fn parse(key: &[u8]) -> Option<Waiting> {
    let mut reader = KeyReader::new(key);
    reader.u8()?;
    let (account, device) = (AccountId(reader.array()?), DeviceId(reader.array()?));
    Some(Waiting { account, device, at: TimestampMs(reader.u64()?), id: RecordId(reader.array()?) })
}

/// Looks at the outboxes that changed in this step and sends what is due to whoever is connected.
pub(super) fn flush(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    for account in std::mem::take(&mut cx.session.to_flush) {
        for recipient in peers::recipients(cx, &account)? {
            if cx.session.is_connected(&recipient.device) {
                flush_to(cx, &account, &recipient)?;
            } else {
                mailbox::client::leave(cx, &account, &recipient)?;
            }
        }
    }
    Ok(())
}

fn flush_to(cx: &mut Cx<'_>, account: &AccountId, to: &Recipient) -> Result<(), EngineError> {
    cx.session.flight_to.insert(to.device, *account);
    if cx.session.in_flight.get(&to.device).is_some_and(|flights| flights.len() >= FOLLOW_MAX) {
        return Ok(());
    }
    let prefix = keys::outbox_for(account, &to.device);
    let mut items = Vec::new();
    for (key, value) in cx.txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, LOOK_MAX)? {
        let Some(Waiting { at, id, .. }) = parse(&key) else { continue };
        let in_flight = cx.session.in_flight.entry(to.device).or_default();
        if in_flight.len() >= WINDOW {
            break;
        }
        let row: OutboxRow = codec::decode_checked(&value)?;
        if in_flight.contains_key(&id) || !row.is_due(cx.now) {
            continue;
        }
        in_flight.insert(id, cx.now);
        let Some((receipt, bytes)) = envelope(cx, &row, &id, at)? else {
            // Its record was dropped: nothing is left to deliver.
            cx.txn.delete(&key);
            continue;
        };
        let group = sealed_among(cx, account, &row)?;
        match cx.seal(to, &Plain { id, receipt, bytes: &bytes, group })? {
            Some(item) => items.push((id, item.into())),
            None => {
                tracing::warn!(device = %to.device, record = %id, "cannot be sealed for this device");
                cx.put_value(&key, &OutboxRow { state: OutboxState::Refused, since: cx.now, ..row })?;
            }
        }
    }
    if !items.is_empty() {
        cx.effects.push(Effect::Send { to: to.device, records: items });
    }
    Ok(())
}

/// Whether it is a receipt, and its bytes.
pub(super) type Enveloped = (bool, std::sync::Arc<[u8]>);

/// What a row is about: whether it is a receipt, and the envelope. `None`: its record was dropped.
pub(super) fn envelope(
    cx: &Cx<'_>,
    row: &OutboxRow,
    id: &RecordId,
    at: TimestampMs,
) -> Result<Option<Enveloped>, EngineError> {
    Ok(match &row.bytes {
        Some(bytes) => Some((true, bytes.to_vec().into())),
        None => ingest::bytes_of(&cx.txn, id, at)?.map(|bytes| (false, bytes)),
    })
}

/// A device answered.
pub(super) fn sent(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    outcomes: &[(RecordId, Outcome)],
) -> Result<(), EngineError> {
    let (mut answered, mut stuck) = (false, false);
    for (id, outcome) in outcomes {
        if cx.session.in_flight.entry(*device).or_default().remove(id).is_none() {
            continue;
        }
        if *outcome == Outcome::Undelivered {
            // It stays as it is; the next tick or connection tries again.
            continue;
        }
        answered = true;
        let Some((key, mut row)) = find(cx, account, device, id)? else { continue };
        if row.bytes.is_some() && *outcome != Outcome::Later {
            // A receipt: delivered, or not wanted.
            cx.txn.delete(&key);
            continue;
        }
        row.tries = if *outcome == Outcome::Later { row.tries.saturating_add(1) } else { 0 };
        stuck |= row.tries > 0 && row.tries.is_multiple_of(LATER_RENEW);
        row.since = cx.now;
        row.state = match outcome {
            Outcome::Stored => OutboxState::Handed,
            Outcome::Later | Outcome::Undelivered => OutboxState::Later,
            Outcome::Refused => OutboxState::Refused,
        };
        cx.put_value(key, &row)?;
        cx.emit(&DomainEvent::Handed(*account, *id, *outcome))?;
    }
    if stuck {
        cx.seal.renew(&mut cx.txn, cx.now, device)?;
    }
    if answered {
        cx.session.to_flush.insert(*account);
    }
    Ok(())
}

/// Everything that waits is looked at again: receipts that did not come, pauses that ended.
pub(super) fn tick(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let waiting = recipients(&cx.txn)?;
    let now = cx.now;
    for flights in cx.session.in_flight.values_mut() {
        flights.retain(|_, since| now.since_ms(*since) < RECEIPT_MS);
    }
    cx.session.to_flush.extend(waiting);
    Ok(())
}

/// A device has these records. Returns those that waited for it.
pub(super) fn acknowledged(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    ids: &[RecordId],
) -> Result<Vec<RecordId>, EngineError> {
    let mut found = Vec::new();
    cx.seal.arrived(&mut cx.txn, device, ids);
    for id in ids {
        if let Some((key, _)) = find(cx, account, device, id)? {
            cx.txn.delete(&key);
            found.push(*id);
        }
        if let Some(flights) = cx.session.in_flight.get_mut(device) {
            flights.remove(id);
        }
    }
    cx.session.to_flush.insert(*account);
    Ok(found)
}

/// A device could not open these: they are sealed anew, with the session that this word came by.
pub(super) fn unreadable(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    ids: &[RecordId],
) -> Result<(), EngineError> {
    for id in ids {
        if let Some((key, row)) = find(cx, account, device, id)? {
            if let Some(group) = &row.group {
                cx.seal.lacks(&mut cx.txn, group, device);
            }
            let tries = row.tries.saturating_add(1);
            let left_in = Vec::new();
            cx.put_value(&key, &OutboxRow { state: OutboxState::Later, since: cx.now, tries, left_in, ..row })?;
        }
        if let Some(flights) = cx.session.in_flight.get_mut(device) {
            flights.remove(id);
        }
    }
    Ok(())
}

/// A row and its key.
pub(super) type Found = (Box<[u8]>, OutboxRow);

/// A row by record id: through the record's place, or, for what is kept only here, by looking.
pub(super) fn find(
    cx: &Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    id: &RecordId,
) -> Result<Option<Found>, EngineError> {
    if let Some(place) = ingest::place_of(&cx.txn, id)? {
        let key = keys::outbox(account, device, place.at, id);
        let row = get_value(&cx.txn, &key)?;
        return Ok(row.map(|row| (key.into_bytes().into(), row)));
    }
    let rows = cx.txn.collect(KeyRange::prefix(&keys::outbox_for(account, device)), Direction::Ascending, LOOK_MAX)?;
    for (key, value) in rows {
        if parse(&key).is_some_and(|waiting| waiting.id == *id) {
            return Ok(Some((key, codec::decode_checked(&value)?)));
        }
    }
    Ok(None)
}

/// Receipts are not kept as records, so nothing confirms them in turn.
pub(super) fn needs_receipt(header: &Header) -> bool {
    !header.topic.is_public() && header.kind != Kind::Receipt
}
