//! Reconciling a topic's set between two nodes, without a network: the shell and the simulator carry the messages.
//!
//! ```text
//! initiator                                  responder
//! initiate(set) ──────── query ────────────► respond(set)
//! advance(set) ◄──────── answer ────────────
//!   need: fetch from it (records)   have: it lacks these   next: another query, or none: done
//! ```
//! Range-based set reconciliation (negentropy, protocol version 1): equal sets cost one small message each way, whatever
//! their size. The set is a snapshot; what is committed meanwhile is found the next time.

use std::ops::ControlFlow;

use hutong_protocol::{AccountId, Kind, RecordId, Topic, record::Stored};
use negentropy::{Id, Negentropy, NegentropyStorageBase as _, NegentropyStorageVector};

use super::keys::{self, Place};
use crate::store::{Direction, KeyRange, KeyReader, Read, StoreError, Value};

/// Largest reconciliation message in bytes: 16 k ids, so that a node that has nothing catches up on a million in about
/// 60 round trips, and a message stays within one frame of the sync protocol.
pub const SYNC_MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// Why a reconciliation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The other side's message is not one.
    #[error("the peer's reconciliation message is not valid: {0}")]
    Message(negentropy::Error),
    /// A row of ours is malformed.
    #[error("a row of the record index is malformed; run `hutong doctor`")]
    Row,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ids of a topic's records at one moment, ready to be compared.
#[derive(Debug, Clone)]
pub struct TopicSet(NegentropyStorageVector);

impl TopicSet {
    /// Reads the set of a topic. Costs a scan of its records; keep the result until the topic changes.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub fn load(read: &dyn Read, topic: &Topic) -> Result<Self, SyncError> {
        let mut set = NegentropyStorageVector::new();
        let mut failed = None;
        let prefix = keys::set(topic);
        read.scan(KeyRange::prefix(&prefix), Direction::Ascending, &mut |key, _| {
            let added = Place::parse(key).ok_or(SyncError::Row).and_then(|place| {
                // Seconds: neighbours in time share them, and messages carry differences of them.
                set.insert(place.at.0 / 1000, Id::from_byte_array(place.id.0)).map_err(|_| SyncError::Row)
            });
            match added {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => {
                set.seal().map_err(|_| SyncError::Row)?;
                Ok(Self(set))
            }
        }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.size().unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn session(&self) -> Result<Negentropy<'_, NegentropyStorageVector>, SyncError> {
        // Each step is a session of its own: the protocol keeps no state between messages but who began.
        Negentropy::borrowed(&self.0, SYNC_MESSAGE_BYTES_MAX as u64).map_err(SyncError::Message)
    }
}

/// What one answer told the initiator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The responder has these and we lack them.
    pub need: Vec<RecordId>,
    /// We have these and the responder lacks them.
    pub have: Vec<RecordId>,
    /// The next query; `None` when everything has been compared.
    pub next: Option<Vec<u8>>,
}

/// The first query.
///
/// # Errors
/// Never in practice; [`SyncError::Message`] if the library refuses.
pub fn initiate(set: &TopicSet) -> Result<Vec<u8>, SyncError> {
    set.session()?.initiate().map_err(SyncError::Message)
}

/// The responder's answer to any query.
///
/// # Errors
/// [`SyncError::Message`] if the query is no valid message: a fault of the initiator.
pub fn respond(set: &TopicSet, query: &[u8]) -> Result<Vec<u8>, SyncError> {
    set.session()?.reconcile(query).map_err(SyncError::Message)
}

/// What the initiator learns from an answer. `set` is the one it initiated with.
///
/// # Errors
/// [`SyncError::Message`] if the answer is no valid message: a fault of the responder.
pub fn advance(set: &TopicSet, answer: &[u8]) -> Result<Differences, SyncError> {
    let mut session = set.session()?;
    session.set_initiator();
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let next = session.reconcile_with_ids(answer, &mut have, &mut need).map_err(SyncError::Message)?;
    let ids = |ids: Vec<Id>| {
        let mut ids: Vec<_> = ids.into_iter().map(|id| RecordId(id.to_bytes())).collect();
        ids.sort_unstable(); // The library collects some of them in a hash set.
        ids
    };
    Ok(Differences { need: ids(need), have: ids(have), next })
}

/// Whether this node follows a topic that may be reconciled with anybody who follows it too.
///
/// # Errors
/// [`SyncError::Store`].
pub fn follows(read: &dyn Read, topic: &Topic) -> Result<bool, SyncError> {
    Ok(topic.is_public() && read.contains(&keys::follow(topic))?)
}

/// Those of `ids` that are not in the store (any more, or yet).
///
/// # Errors
/// [`SyncError::Store`].
pub fn missing(read: &dyn Read, ids: &[RecordId]) -> Result<Vec<RecordId>, SyncError> {
    let mut missing = Vec::new();
    for id in ids {
        if !read.contains(&keys::index(id))? {
            missing.push(*id);
        }
    }
    Ok(missing)
}

/// The envelopes of `ids` that belong to `topic`, in the order asked, up to `bytes_max` bytes (but at least one), and
/// how many ids were dealt with. Ids that are not there, or belong to another topic, are passed over.
///
/// # Errors
/// [`SyncError::Store`]; [`SyncError::Row`].
pub fn records(
    read: &dyn Read,
    topic: &Topic,
    ids: &[RecordId],
    bytes_max: usize,
) -> Result<(Vec<Value>, usize), SyncError> {
    let (mut found, mut bytes, mut handled) = (Vec::new(), 0usize, 0usize);
    for id in ids {
        if let Some(place) = place_of(read, id)?
            && place.topic == topic.key()
            && let Some(envelope) = read.get(&place.key())?
        {
            bytes = bytes.saturating_add(envelope.len());
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(envelope);
        }
        handled = handled.saturating_add(1);
    }
    Ok((found, handled))
}

fn place_of(read: &dyn Read, id: &RecordId) -> Result<Option<Place>, SyncError> {
    let Some(row) = read.get(&keys::index(id))? else { return Ok(None) };
    let mut reader = KeyReader::new(&row);
    let (topic, at) = reader.array().zip(reader.u64()).ok_or(SyncError::Row)?;
    Ok(Some(Place { topic, at: hutong_protocol::TimestampMs(at), id: *id }))
}

/// The envelopes that hold these replaceable slots now, as far as they are public and here, up to `bytes_max` bytes.
///
/// # Errors
/// [`SyncError::Store`]; [`SyncError::Row`].
pub fn slots(read: &dyn Read, slots: &[(AccountId, Kind, String)], bytes_max: usize) -> Result<Vec<Value>, SyncError> {
    let (mut found, mut bytes) = (Vec::new(), 0usize);
    for (account, kind, name) in slots {
        let Some(row) = read.get(&keys::slot(account, kind, name))? else { continue };
        let mut reader = KeyReader::new(&row);
        let place = reader.array().zip(reader.u64()).zip(reader.array()).ok_or(SyncError::Row)?;
        let ((topic, at), id) = place;
        let place = Place { topic, at: hutong_protocol::TimestampMs(at), id: RecordId(id) };
        let Some(envelope) = read.get(&place.key())? else { continue };
        // The row names the topic only by its hash; what is private must not leave, so the record itself is asked.
        let public = Stored::decode(envelope.clone()).is_ok_and(|stored| stored.header.topic.is_public());
        bytes = bytes.saturating_add(envelope.len());
        if bytes > bytes_max {
            break;
        }
        if public {
            found.push(envelope);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hutong_protocol::TimestampMs;
    use proptest::prelude::*;

    use super::*;
    use crate::store::{Batch, MemoryStore, Store as _};

    fn topic() -> Topic {
        Topic::Other("tag/test".into())
    }

    fn id(number: u32) -> RecordId {
        RecordId::of(&number.to_be_bytes())
    }

    fn put(batch: &mut Batch, topic: &Topic, number: u32, value: &[u8]) {
        let place = Place { topic: topic.key(), at: TimestampMs(u64::from(number) * 700), id: id(number) };
        batch.put(place.key(), value);
        batch.put(keys::index(&place.id), [&place.topic[..], &place.at.0.to_be_bytes()].concat());
    }

    fn store_of(numbers: impl IntoIterator<Item = u32>) -> MemoryStore {
        let (store, mut batch) = (MemoryStore::new(), Batch::new());
        for number in numbers {
            put(&mut batch, &topic(), number, &number.to_be_bytes());
        }
        put(&mut batch, &Topic::Other("tag/other".into()), u32::MAX, b"other");
        store.commit(batch).unwrap();
        store
    }

    /// Runs a session to its end; returns what was needed, what was had, and the number of round trips.
    fn reconcile(ours: &TopicSet, theirs: &TopicSet) -> (BTreeSet<RecordId>, BTreeSet<RecordId>, usize) {
        let (mut need, mut have, mut rounds) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut query = Some(initiate(ours).unwrap());
        while let Some(message) = query.take() {
            assert!(message.len() <= SYNC_MESSAGE_BYTES_MAX);
            let answer = respond(theirs, &message).unwrap();
            assert!(answer.len() <= SYNC_MESSAGE_BYTES_MAX);
            let differences = advance(ours, &answer).unwrap();
            need.extend(differences.need);
            have.extend(differences.have);
            query = differences.next;
            rounds += 1;
        }
        (need, have, rounds)
    }

    fn set_of(numbers: impl IntoIterator<Item = u32>) -> TopicSet {
        TopicSet::load(&store_of(numbers), &topic()).unwrap()
    }

    #[test]
    fn an_empty_node_learns_of_everything_within_the_frame_limit() {
        let everything = set_of(0..40_000);
        let (need, have, rounds) = reconcile(&set_of([]), &everything);
        assert_eq!((need.len(), have.len()), (40_000, 0));
        assert!(rounds <= 4, "{rounds} round trips");
        let (need, have, _) = reconcile(&everything, &set_of([]));
        assert_eq!((need.len(), have.len()), (0, 40_000));
    }

    #[test]
    fn equal_sets_cost_one_small_round_trip() {
        let set = set_of(0..5_000);
        assert_eq!(set.len(), 5_000, "the other topic's record is not in it");
        let query = initiate(&set).unwrap();
        let answer = respond(&set, &query).unwrap();
        assert!(query.len() < 400 && answer.len() < 32, "{} and {} bytes", query.len(), answer.len());
        assert_eq!(advance(&set, &answer).unwrap(), Differences::default());
    }

    #[test]
    fn records_come_in_order_within_the_bytes_asked_and_only_of_the_topic() {
        let store = store_of(0..10);
        let ids: Vec<_> = [3, 99, u32::MAX, 1, 2].map(id).to_vec();
        let get = |bytes_max| {
            let (records, handled) = records(&store, &topic(), &ids, bytes_max).unwrap();
            (records.iter().map(|record| record.to_vec()).collect::<Vec<_>>(), handled)
        };
        let record = |number: u32| number.to_be_bytes().to_vec();
        assert_eq!(get(1000), (vec![record(3), record(1), record(2)], 5));
        assert_eq!(get(8), (vec![record(3), record(1)], 4));
        assert_eq!(get(0), (vec![record(3)], 3), "at least one, or nobody would get on");
        assert_eq!(missing(&store, &ids).unwrap(), [id(99)]);
    }

    #[test]
    fn only_followed_public_topics_are_reconciled() {
        let (store, mut batch) = (MemoryStore::new(), Batch::new());
        let private = Topic::direct(&AccountId([1; 32]), &AccountId([2; 32]));
        batch.put(keys::follow(&topic()), *b"");
        batch.put(keys::follow(&private), *b"");
        store.commit(batch).unwrap();
        assert!(follows(&store, &topic()).unwrap());
        assert!(!follows(&store, &private).unwrap());
        assert!(!follows(&store, &Topic::Other("tag/other".into())).unwrap());
    }

    #[test]
    fn garbage_is_an_error_and_nothing_worse() {
        let set = set_of(0..100);
        // The third claims 2^34 ids and holds none.
        for bytes in [&[][..], &[0x50], &[0x61, 0, 0, 2, 0xc0, 0x80, 0x80, 0x80, 0], &[0xff; 100]] {
            assert!(matches!(respond(&set, bytes), Err(SyncError::Message(_))), "{bytes:?}");
        }
        assert!(advance(&set, b"garbage").is_err());
    }

    proptest! {
        /// Whatever two nodes have, the session finds exactly the differences.
        #[test]
        fn finds_exactly_the_differences(
            ours in proptest::collection::btree_set(0u32..600, 0..300),
            theirs in proptest::collection::btree_set(0u32..600, 0..300),
        ) {
            let (need, have, _) = reconcile(&set_of(ours.clone()), &set_of(theirs.clone()));
            prop_assert_eq!(need, theirs.difference(&ours).map(|number| id(*number)).collect());
            prop_assert_eq!(have, ours.difference(&theirs).map(|number| id(*number)).collect());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let set = set_of(0..50);
            let with_version = [&[0x61][..], &bytes].concat();
            let _ = (respond(&set, &bytes).is_ok(), respond(&set, &with_version).is_ok(), advance(&set, &with_version).is_ok());
        }
    }
}
