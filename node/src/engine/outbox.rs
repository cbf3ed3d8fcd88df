//! The one way out for private records: a row a record, from the transaction that made it until the recipient's signed
//! receipt. A transport's word moves a row on, but only the receipt removes it.
//!
//! ```text
//! Queued ──sent, peer stored it──► Handed ──receipt──► (gone)
//!   ▲ └────peer: not now──► Later ─┘   └─ no receipt in a minute ─► sent again
//!   └ Refused: kept and shown, tried again only when asked
//! ```
//! Receipts themselves have nobody to vouch for them: they leave when the transport says "stored", and are made anew when
//! the record they confirm comes again.

use std::collections::BTreeSet;

use hutong_protocol::{AccountId, Kind, RecordId, TimestampMs, Verified, codec};
use serde::{Deserialize, Serialize};

use super::{
    cx::{Cx, get_value},
    error::EngineError,
    event::{DomainEvent, Effect, Outcome},
    ingest, keys,
};
use crate::store::{Direction, KeyRange, KeyReader, Read};

/// Records on their way to one recipient at a time: one group commit there.
const WINDOW: usize = 256;
/// Rows looked at in one pass: refused and waiting ones must not hide the rest.
const LOOK_MAX: usize = 4 * WINDOW;
/// How long a receipt may take before the record is sent again.
const RECEIPT_MS: u64 = 60_000;
/// First pause after "not now"; doubles with each try.
const LATER_MS_MIN: u64 = 2_000;
/// Longest pause after "not now": half an hour.
const LATER_MS_MAX: u64 = 30 * 60 * 1_000;

/// How far a waiting record came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Not handed to anybody.
    Queued,
    /// A device of the recipient stored it; its receipt is awaited.
    Handed,
    /// A device of the recipient said "not now".
    Later,
    /// A device of the recipient refused it.
    Refused,
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
    /// The envelope, where the record is not kept in its topic's set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<serde_bytes::ByteBuf>,
}

impl OutboxRow {
    fn is_due(&self, now: TimestampMs) -> bool {
        match self.state {
            OutboxState::Queued => true,
            OutboxState::Handed => now.since_ms(self.since) >= RECEIPT_MS,
            OutboxState::Later => {
                let pause = LATER_MS_MIN.saturating_mul(1 << self.tries.min(16)).min(LATER_MS_MAX);
                now.since_ms(self.since) >= pause
            }
            OutboxState::Refused => false,
        }
    }
}

/// Queues a private record for an account.
pub(super) fn put(cx: &mut Cx<'_>, to: &AccountId, record: &Verified, stored: bool) -> Result<(), EngineError> {
    let bytes = (!stored).then(|| serde_bytes::ByteBuf::from(record.signed_bytes().to_vec()));
    let row = OutboxRow { state: OutboxState::Queued, since: cx.now, tries: 0, bytes };
    cx.put_value(keys::outbox(to, record.header().at, &record.id()), &row)?;
    cx.session.to_flush.insert(*to);
    cx.session.wanted_changed();
    Ok(())
}

/// The row of a record that waits for an account.
///
/// # Errors
/// The store's, or damage.
pub fn row(read: &dyn Read, to: &AccountId, at: TimestampMs, id: &RecordId) -> Result<Option<OutboxRow>, EngineError> {
    get_value(read, keys::outbox(to, at, id))
}

/// Number of records waiting (not above `limit`) and since when the oldest does.
///
/// # Errors
/// The store's, or damage.
pub fn summary(read: &dyn Read, limit: usize) -> Result<(usize, Option<TimestampMs>), EngineError> {
    let (mut count, mut oldest) = (0usize, None::<TimestampMs>);
    for (_, value) in read.collect(KeyRange::prefix(&[keys::OUTBOX]), Direction::Ascending, limit)? {
        let row: OutboxRow = codec::decode_checked(&value)?;
        count = count.saturating_add(1);
        oldest = Some(oldest.map_or(row.since, |oldest| oldest.min(row.since)));
    }
    Ok((count, oldest))
}

pub(super) fn is_empty(read: &dyn Read, to: &AccountId) -> Result<bool, EngineError> {
    Ok(read.first(KeyRange::prefix(&keys::outbox_of(to)), Direction::Ascending)?.is_none())
}

/// Everybody somebody waits for: one look a recipient, whatever the queue's length.
pub(super) fn recipients(read: &dyn Read) -> Result<BTreeSet<AccountId>, EngineError> {
    let mut recipients = BTreeSet::new();
    let mut last: Option<AccountId> = None;
    loop {
        let cursor = last.map(|account| keys::outbox_of(&account).tail(&[0xff; 41]));
        let prefix = [keys::OUTBOX];
        let mut range = KeyRange::prefix(&prefix);
        if let Some(cursor) = &cursor {
            range = range.after(cursor);
        }
        let Some((key, _)) = read.first(range, Direction::Ascending)? else { return Ok(recipients) };
        let Some(account) = parse(&key).map(|(account, ..)| account) else { return Ok(recipients) };
        recipients.insert(account);
        last = Some(account);
    }
}

fn parse(key: &[u8]) -> Option<(AccountId, TimestampMs, RecordId)> {
    let mut reader = KeyReader::new(key);
    reader.u8()?;
    Some((AccountId(reader.array()?), TimestampMs(reader.u64()?), RecordId(reader.array()?)))
}

/// Looks at the outboxes that changed in this step and sends what is due to whoever is connected.
pub(super) fn flush(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    for account in std::mem::take(&mut cx.session.to_flush) {
        let Some(device) = cx.session.device_of(&account) else { continue };
        let rows = cx.txn.collect(KeyRange::prefix(&keys::outbox_of(&account)), Direction::Ascending, LOOK_MAX)?;
        let mut records = Vec::new();
        for (key, value) in rows {
            let Some((_, at, id)) = parse(&key) else { continue };
            let in_flight = cx.session.in_flight.entry(account).or_default();
            if in_flight.len() >= WINDOW {
                break;
            }
            let row: OutboxRow = codec::decode_checked(&value)?;
            if in_flight.contains_key(&id) || !row.is_due(cx.now) {
                continue;
            }
            let bytes = match row.bytes {
                Some(bytes) => Some(bytes.into_vec().into()),
                None => ingest::bytes_of(&cx.txn, &id, at)?,
            };
            match bytes {
                Some(bytes) => {
                    in_flight.insert(id, cx.now);
                    records.push((id, bytes));
                }
                // Its record was dropped: nothing is left to deliver.
                None => cx.txn.delete(&key),
            }
        }
        if !records.is_empty() {
            cx.effects.push(Effect::Send { to: device, records });
        }
    }
    Ok(())
}

/// A device answered.
pub(super) fn sent(cx: &mut Cx<'_>, account: &AccountId, outcomes: &[(RecordId, Outcome)]) -> Result<(), EngineError> {
    let mut answered = false;
    for (id, outcome) in outcomes {
        if cx.session.in_flight.entry(*account).or_default().remove(id).is_none() {
            continue;
        }
        if *outcome == Outcome::Undelivered {
            // It stays as it is; the next tick or connection tries again.
            continue;
        }
        answered = true;
        let Some((key, mut row)) = find(cx, account, id)? else { continue };
        if row.bytes.is_some() && *outcome != Outcome::Later {
            // A receipt: delivered, or not wanted.
            cx.txn.delete(&key);
            continue;
        }
        row.tries = if *outcome == Outcome::Later { row.tries.saturating_add(1) } else { 0 };
        row.since = cx.now;
        row.state = match outcome {
            Outcome::Stored => OutboxState::Handed,
            Outcome::Later | Outcome::Undelivered => OutboxState::Later,
            Outcome::Refused => OutboxState::Refused,
        };
        cx.put_value(key, &row)?;
        cx.emit(&DomainEvent::Handed(*account, *id, *outcome))?;
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

pub(super) fn acknowledged(cx: &mut Cx<'_>, by: &AccountId, ids: &[RecordId]) -> Result<Vec<RecordId>, EngineError> {
    let mut found = Vec::new();
    for id in ids {
        if let Some((key, _)) = find(cx, by, id)? {
            cx.txn.delete(&key);
            found.push(*id);
        }
        if let Some(flights) = cx.session.in_flight.get_mut(by) {
            flights.remove(id);
        }
    }
    cx.session.to_flush.insert(*by);
    Ok(found)
}

/// A row and its key.
type Found = (Box<[u8]>, OutboxRow);

/// A row by record id: through the record's place, or, for what is kept only here, by looking.
fn find(cx: &Cx<'_>, account: &AccountId, id: &RecordId) -> Result<Option<Found>, EngineError> {
    if let Some(place) = ingest::place_of(&cx.txn, id)? {
        let key = keys::outbox(account, place.at, id);
        let row = get_value(&cx.txn, &key)?;
        return Ok(row.map(|row| (key.into_bytes().into(), row)));
    }
    let rows = cx.txn.collect(KeyRange::prefix(&keys::outbox_of(account)), Direction::Ascending, LOOK_MAX)?;
    for (key, value) in rows {
        if parse(&key).is_some_and(|(_, _, other)| other == *id) {
            return Ok(Some((key, codec::decode_checked(&value)?)));
        }
    }
    Ok(None)
}

/// Receipts are not kept as records, so nothing confirms them in turn.
pub(super) fn needs_receipt(kind: &Kind) -> bool {
    kind.is_private() && *kind != Kind::Receipt
}
