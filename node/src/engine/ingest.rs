//! The one way in: bytes → capped decode → `Unverified` → signatures, batched → `Verified` → the feature's rules → the
//! step's one transaction.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, Header, Kind, RecordId, TimestampMs, Topic, Unverified, Verified,
    limits::{CLOCK_SKEW_MS_MAX, FUTURE_WAIT_MS_MAX},
    record::Stored,
};

use super::{
    Keep,
    cx::Cx,
    error::{EngineError, Reject},
    event::{Effect, Source},
    keys::{self, Place},
};
use crate::store::{Direction, KeyRange, KeyReader, Read};

/// Records from the future that wait. They are small in number or somebody's clock is broken.
const HELD_MAX: usize = 4_096;
/// Held records let in by one tick.
const HELD_A_TICK: usize = 256;

/// Who holds a replaceable slot.
pub(super) struct SlotHolder {
    pub(super) place: Place,
    pub(super) version: u64,
}

pub(super) fn slot_holder(
    read: &dyn Read,
    account: &AccountId,
    kind: &Kind,
    slot: &str,
) -> Result<Option<SlotHolder>, EngineError> {
    let Some(value) = read.get(&keys::slot(account, kind, slot))? else { return Ok(None) };
    let mut reader = KeyReader::new(&value);
    let holder = (|| {
        let place = Place { topic: reader.array()?, at: TimestampMs(reader.u64()?), id: RecordId(reader.array()?) };
        Some(SlotHolder { place, version: reader.u64()? })
    })();
    holder.map(Some).ok_or_else(|| EngineError::Damaged("a slot row".into()))
}

/// Where records belong. Remembers the last topic's key, which is a hash: what comes together is often of one topic.
#[derive(Default)]
pub(super) struct Places(Option<(Topic, [u8; 16])>);

impl Places {
    pub(super) fn of(&mut self, header: &Header, id: RecordId) -> Place {
        let topic = match &self.0 {
            Some((topic, key)) if *topic == header.topic => *key,
            _ => self.0.insert((header.topic.clone(), header.topic.key())).1,
        };
        Place { topic, at: header.at, id }
    }
}

/// Where a record is, if it is here.
pub(super) fn place_of(read: &dyn Read, id: &RecordId) -> Result<Option<Place>, EngineError> {
    let Some(value) = read.get(&keys::index(id))? else { return Ok(None) };
    let mut reader = KeyReader::new(&value);
    let place = (|| Some(Place { topic: reader.array()?, at: TimestampMs(reader.u64()?), id: *id }))();
    place.map(Some).ok_or_else(|| EngineError::Damaged("an index row".into()))
}

/// The envelope of a stored record.
pub(super) fn bytes_of(read: &dyn Read, id: &RecordId, at: TimestampMs) -> Result<Option<Arc<[u8]>>, EngineError> {
    let Some(place) = place_of(read, id)? else { return Ok(None) };
    debug_assert_eq!(place.at, at, "the outbox and the index agree on a record's time");
    Ok(read.get(&place.key())?)
}

/// Applies a verified record: time, slot, the features' rules; then stores it. Returns whether it was kept in the set.
///
/// The caller has a savepoint and rolls back on an error. `place`: where it belongs, if the store was seen not to have it.
pub(super) fn take_in(
    cx: &mut Cx<'_>,
    record: &Verified,
    source: Source,
    place: Option<Place>,
) -> Result<bool, Reject> {
    let header = record.header();
    if source != Source::Own {
        if is_held(cx.now, header) {
            return hold(cx, record);
        }
        if header.topic.is_public() && !cx.txn.contains(&keys::follow(&header.topic))? {
            return Err(Reject::Unwanted("this node does not follow that topic"));
        }
    }
    for feature in cx.registry {
        feature.admit(cx.read(), record)?;
    }
    let holder = match (&header.slot, header.version) {
        (Some(slot), Some(version)) => {
            let holder = slot_holder(&cx.txn, &header.account, &header.kind, slot)?;
            if holder.as_ref().is_some_and(|holder| (holder.version, holder.place.id) >= (version, record.id())) {
                return Err(Reject::Unwanted("a newer version is here"));
            }
            holder
        }
        _ => None,
    };
    let feature = cx.registry.iter().find(|feature| feature.kinds().contains(&header.kind));
    let keep = match feature {
        Some(feature) => feature.accept(cx, record, source)?,
        // A kind of a later version: kept for those who know it.
        None => Keep::Store,
    };
    if keep == Keep::Drop {
        return Ok(false);
    }
    store(cx, record, holder, place);
    feature.map_or(Ok(()), |feature| feature.applied(cx, record))?;
    Ok(true)
}

fn store(cx: &mut Cx<'_>, record: &Verified, replaced: Option<SlotHolder>, unseen: Option<Place>) {
    let header = record.header();
    let place = unseen.unwrap_or_else(|| Places::default().of(header, record.id()));
    if let Some(old) = replaced {
        cx.txn.delete(old.place.key());
        cx.txn.delete(keys::index(&old.place.id));
    }
    if let (Some(slot), Some(version)) = (&header.slot, header.version) {
        let mut value = [place.topic.as_slice(), &place.at.0.to_be_bytes(), &place.id.0].concat();
        value.extend_from_slice(&version.to_be_bytes());
        cx.txn.put(keys::slot(&header.account, &header.kind, slot), value);
    }
    let index = [place.topic.as_slice(), &place.at.0.to_be_bytes()].concat();
    if unseen.is_some() {
        cx.txn.put_absent(keys::index(&place.id), index);
        cx.txn.put_absent(place.key(), record.signed_bytes().clone());
    } else {
        cx.txn.put(keys::index(&place.id), index);
        cx.txn.put(place.key(), record.signed_bytes().clone());
    }
    if header.topic.is_public() {
        changed(cx, &header.topic);
    }
}

/// Says once that a topic's set is different.
fn changed(cx: &mut Cx<'_>, topic: &Topic) {
    // Records of one topic come together; the effects of one record are few.
    let said = cx.effects.iter().rev().take(8).any(|effect| matches!(effect, Effect::Changed(other) if other == topic));
    if !said {
        cx.effects.push(Effect::Changed(topic.clone()));
    }
}

/// Drops records of a topic, and the slots they hold.
pub(super) fn forget(cx: &mut Cx<'_>, topic: &Topic, unwanted: impl Fn(&Header) -> bool) -> Result<(), EngineError> {
    let prefix = keys::set(topic);
    for (key, bytes) in cx.txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
        let header = Stored::decode(bytes)?.header;
        let Some(place) = Place::parse(&key).filter(|_| unwanted(&header)) else { continue };
        if let Some(slot) = &header.slot
            && slot_holder(&cx.txn, &header.account, &header.kind, slot)?.is_some_and(|holder| holder.place == place)
        {
            cx.txn.delete(keys::slot(&header.account, &header.kind, slot));
        }
        cx.txn.delete(&key);
        cx.txn.delete(keys::index(&place.id));
    }
    if topic.is_public() {
        cx.effects.push(Effect::Changed(topic.clone()));
    }
    Ok(())
}

/// Whether a record is so far from the future that it waits for its time.
pub(super) fn is_held(now: TimestampMs, header: &Header) -> bool {
    header.at > now.plus_ms(CLOCK_SKEW_MS_MAX)
}

/// Keeps a record from the future until its time; refuses one from too far ahead.
fn hold(cx: &mut Cx<'_>, record: &Verified) -> Result<bool, Reject> {
    let due = TimestampMs(record.header().at.0.saturating_sub(CLOCK_SKEW_MS_MAX));
    if due > cx.now.plus_ms(FUTURE_WAIT_MS_MAX) {
        return Err(Reject::Rule("the record is more than a day from the future: the author's clock is wrong"));
    }
    if cx.txn.count(KeyRange::prefix(&[keys::HELD]), HELD_MAX)? >= HELD_MAX {
        return Err(Reject::Later("too many records from the future wait already"));
    }
    cx.txn.put(keys::held(due, &record.id()), record.signed_bytes().clone());
    Err(Reject::Later("the record is from the future and waits for its time"))
}

/// Takes out the held records whose time has come.
pub(super) fn due(cx: &mut Cx<'_>) -> Result<Vec<Unverified>, EngineError> {
    let end = keys::held(cx.now.plus_ms(1), &RecordId([0; 32]));
    let rows = cx.txn.collect(KeyRange::between(&[keys::HELD], &end), Direction::Ascending, HELD_A_TICK)?;
    let mut records = Vec::with_capacity(rows.len());
    for (key, bytes) in rows {
        cx.txn.delete(&key);
        records.push(Unverified::decode(bytes)?);
    }
    Ok(records)
}
