//! `/hutong/sync/1`: reconciles the set of a topic with a peer, and fetches replaceable slots.
//!
//! Of two nodes that follow a topic, the one with the smaller device id begins as soon as both know it; the other only
//! at the periodic round, in case the first never did. A session is a task: query, answer, fetch what we lack, push what
//! the peer lacks, next query. It holds one batch in memory and waits until the engine has committed it, so the slowest
//! part (the disk) sets the pace.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use hutong_protocol::{AccountId, DeviceId, Kind, RecordId, Topic};
use libp2p::{PeerId, request_response};
use serde_bytes::ByteBuf;
use tokio::sync::oneshot;

use super::{
    calls::CallError,
    event::{NetEvent, SyncAck},
    score::Fault,
    swarm::{Internal, Loop, Shared},
    wire::{Frame, RECORDS_BYTES_MAX, SLOTS_MAX, SyncRequest, SyncResponse},
};
use crate::engine::sync::{self as pure, SyncError, TopicSet};

/// Records in one [`NetEvent::Synced`]: one signature batch and one group commit of the engine.
pub const SYNC_BATCH_RECORDS_MAX: usize = hutong_protocol::limits::VERIFY_BATCH_MAX;
/// Sessions of ours at a time, each with another peer. Together with the set's size this bounds the memory.
const SESSIONS_MAX: usize = 8;
/// Sessions that wait. Beyond, the periodic round finds what was missed.
const QUEUE_MAX: usize = 4_096;
/// Query rounds in one session: a node that has nothing gets 16 k ids a round, so this is 65 M records.
const ROUNDS_MAX: usize = 4_096;
/// Sets kept loaded. A set takes 40 bytes a record.
const SETS_MAX: usize = 32;
/// How often a session that the peer was too busy for is tried again before the periodic round.
const RETRIES_MAX: u32 = 5;
/// How long after a refusal it is tried again: the peer's commit of "I follow this" is on its way.
const RETRY_MS: u64 = 1_000;
/// Peers asked for slots when nobody in particular is named.
const SLOT_PEERS_MAX: usize = 4;

/// Loaded sets by topic key, shared by all sessions and answers. An entry is dropped when its topic changes.
#[derive(Debug, Clone, Default)]
pub(super) struct SetCache(Arc<Mutex<Sets>>);

#[derive(Debug, Default)]
struct Sets {
    loaded: BTreeMap<[u8; 16], Arc<TopicSet>>,
    /// Counts changes, so that a set that was being read while its topic changed is not kept.
    changes: u64,
}

impl SetCache {
    pub(super) fn changed(&self, topic: &Topic) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.changes = sets.changes.wrapping_add(1);
        sets.loaded.remove(&topic.key());
    }

    /// The set, from memory or the store. Blocks on the disk.
    fn load(&self, shared: &Shared, topic: &Topic) -> Result<Arc<TopicSet>, SyncError> {
        let key = topic.key();
        let changes = {
            let sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(set) = sets.loaded.get(&key) {
                return Ok(Arc::clone(set));
            }
            sets.changes
        };
        let set = Arc::new(TopicSet::load(&*shared.store, topic)?);
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.changes == changes {
            if sets.loaded.len() >= SETS_MAX {
                sets.loaded.pop_first();
            }
            sets.loaded.insert(key, Arc::clone(&set));
        }
        Ok(set)
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).loaded.clear();
    }
}

/// Which sessions run, wait, and are to be tried again.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    running: BTreeMap<PeerId, Topic>,
    queue: VecDeque<(PeerId, Topic, u32)>,
    queued: BTreeSet<(PeerId, Topic)>,
    later: Vec<(u64, PeerId, Topic, u32)>,
}

impl Sessions {
    fn push(&mut self, peer: PeerId, topic: Topic, tries: u32) {
        if self.queue.len() < QUEUE_MAX && self.queued.insert((peer, topic.clone())) {
            self.queue.push_back((peer, topic, tries));
        }
    }

    /// The next session whose peer is not busy with us.
    fn next(&mut self) -> Option<(PeerId, Topic, u32)> {
        if self.running.len() >= SESSIONS_MAX {
            return None;
        }
        let index = self.queue.iter().position(|(peer, ..)| !self.running.contains_key(peer))?;
        let (peer, topic, tries) = self.queue.remove(index)?;
        self.queued.remove(&(peer, topic.clone()));
        self.running.insert(peer, topic.clone());
        Some((peer, topic, tries))
    }

    pub(super) fn forget_topic(&mut self, gone: &Topic) {
        self.queue.retain(|(_, topic, _)| topic != gone);
        self.queued.retain(|(_, topic)| topic != gone);
        self.later.retain(|(_, _, topic, _)| topic != gone);
    }

    pub(super) fn forget_peer(&mut self, gone: &PeerId) {
        self.queue.retain(|(peer, ..)| peer != gone);
        self.queued.retain(|(peer, _)| peer != gone);
        self.later.retain(|(_, peer, ..)| peer != gone);
    }
}

impl Loop {
    /// A peer and we both follow a topic now.
    pub(super) fn sync_on_meeting(&mut self, peer: PeerId, topic: Topic) {
        let ours = self.shared.device;
        if self.peers.get(&peer).is_some_and(|theirs| ours < theirs.device) {
            self.sessions.push(peer, topic, 0);
            self.run_sessions();
        }
    }

    /// Reconciles with all peers that follow a topic, whoever should begin.
    pub(super) fn sync_now(&mut self, topic: &Topic) {
        for peer in self.followers(&super::gossip::gossip_topic(topic).hash()) {
            self.sessions.push(peer, topic.clone(), 0);
        }
        self.run_sessions();
    }

    /// The periodic round: each topic with one of the peers that follow it.
    pub(super) fn resync(&mut self) {
        // Whatever slipped past `changed` is read again at least this often.
        self.shared.sets.clear();
        let topics: Vec<_> = self.topics.iter().map(|(hash, topic)| (hash.clone(), topic.clone())).collect();
        for (hash, topic) in topics {
            let followers = self.followers(&hash);
            let lot = self.book.jitter().below(followers.len() as u64);
            if let Some(peer) = usize::try_from(lot).ok().and_then(|lot| followers.get(lot)) {
                self.sessions.push(*peer, topic, 0);
            }
        }
        self.run_sessions();
    }

    pub(super) fn retry_sessions(&mut self, now_ms: u64) {
        let (due, later) = std::mem::take(&mut self.sessions.later).into_iter().partition(|(at, ..)| *at <= now_ms);
        self.sessions.later = later;
        for (_, peer, topic, tries) in due {
            self.sessions.push(peer, topic, tries);
        }
        self.run_sessions();
    }

    pub(super) fn run_sessions(&mut self) {
        while let Some((peer, topic, tries)) = self.sessions.next() {
            let Some(device) = self.peers.get(&peer).map(|peer| peer.device) else {
                self.sessions.running.remove(&peer);
                continue;
            };
            let shared = self.shared.clone();
            self.tasks.spawn(async move {
                let over = session(&shared, peer, device, &topic).await;
                shared.tell(Internal::SessionOver { peer, topic, tries, over }).await;
            });
        }
    }

    pub(super) fn handle_session_over(
        &mut self,
        peer: PeerId,
        topic: Topic,
        tries: u32,
        over: Result<(), SessionError>,
    ) {
        self.sessions.running.remove(&peer);
        match over {
            Ok(()) => {}
            Err(SessionError::NotNow) if tries < RETRIES_MAX && self.sessions.later.len() < QUEUE_MAX => {
                let wait_ms = RETRY_MS.saturating_add(self.book.jitter().below(RETRY_MS));
                let at = self.now_ms().saturating_add(wait_ms << tries);
                self.sessions.later.push((at, peer, topic, tries.saturating_add(1)));
            }
            Err(error) => {
                tracing::debug!(%peer, %topic, %error, "a reconciliation ended early");
                if let (SessionError::Fault(fault), Some(peer)) = (error, self.peers.get(&peer)) {
                    self.punish(peer.device, fault);
                }
            }
        }
        self.run_sessions();
    }

    /// Asks devices for slots.
    pub(super) fn get_slots(&mut self, from: Vec<DeviceId>, slots: Vec<(AccountId, Kind, String)>) {
        let mut peers: Vec<_> = from.iter().filter_map(|device| super::peer_of(device).ok()).collect();
        if peers.is_empty() {
            let greeted = self.peers.iter().filter(|(_, peer)| peer.greeted);
            peers = greeted.map(|(id, _)| *id).take(SLOT_PEERS_MAX).collect();
        }
        for peer in peers {
            let Some(device) = super::device_of(&peer).filter(|device| *device != self.shared.device) else { continue };
            self.know_addresses(peer);
            let (shared, slots) = (self.shared.clone(), slots.clone());
            self.tasks.spawn(async move {
                if let Err(error) = fetch_slots(&shared, peer, device, slots).await {
                    tracing::debug!(%peer, %error, "slots could not be fetched");
                }
            });
        }
    }

    pub(super) fn handle_sync_request(
        &mut self,
        peer: PeerId,
        request: SyncRequest,
        channel: request_response::ResponseChannel<Frame<SyncResponse>>,
    ) {
        let Some(device) = self.admit_request(&peer) else { return };
        let Ok(permit) = Arc::clone(&self.shared.answering).try_acquire_owned() else {
            return self.answer_sync(channel, SyncResponse::Busy);
        };
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let answer = match answer(&shared, device, request).await {
                Ok(answer) => answer,
                Err(SessionError::Fault(fault)) => {
                    shared.tell(Internal::Punish(device, fault)).await;
                    SyncResponse::Busy
                }
                Err(error) => {
                    tracing::warn!(%error, "a peer's question could not be answered");
                    SyncResponse::Busy
                }
            };
            shared.tell(Internal::SyncAnswer(channel, answer)).await;
            drop(permit);
        });
    }

    pub(super) fn answer_sync(
        &mut self,
        channel: request_response::ResponseChannel<Frame<SyncResponse>>,
        response: SyncResponse,
    ) {
        if let SyncResponse::Records { records, .. } = &response {
            self.traffic.records_out = self.traffic.records_out.saturating_add(records.len() as u64);
        }
        if self.swarm.behaviour_mut().sync.send_response(channel, Frame::Whole(response)).is_err() {
            tracing::debug!("a peer left before it was answered");
        }
    }
}

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The peer is busy, or does not follow the topic (yet).
    #[error("the peer does not reconcile this now")]
    NotNow,
    /// The peer did what no honest node does.
    #[error("the peer broke the protocol: {0:?}")]
    Fault(Fault),
    /// The peer is gone or silent.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Our own store.
    #[error(transparent)]
    Own(SyncError),
    /// The node stops.
    #[error("the network is shutting down")]
    Stopped,
}

impl From<SyncError> for SessionError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Message(_) => Self::Fault(Fault::Protocol),
            own => Self::Own(own),
        }
    }
}

/// Runs what reads the store off the async threads.
async fn blocking<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&Shared) -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SessionError> {
    let shared = shared.clone();
    let done = tokio::task::spawn_blocking(move || work(&shared)).await;
    Ok(done.map_err(|_| SessionError::Stopped)??)
}

/// Hands a batch to the engine and waits until it is done with it.
async fn hand_over(
    shared: &Shared,
    from: DeviceId,
    topic: Option<Topic>,
    records: Vec<ByteBuf>,
    done: bool,
) -> Result<(), SessionError> {
    let (ack, acknowledged) = oneshot::channel();
    let records: Vec<_> = records.into_iter().map(ByteBuf::into_vec).collect();
    shared.count_received(records.len());
    let touched = topic.clone().filter(|_| !records.is_empty());
    let event = NetEvent::Synced { from, topic, records, done, ack: SyncAck(Some(ack)) };
    shared.events.send(event).await.map_err(|_| SessionError::Stopped)?;
    // Either way it is over: acknowledging is dropping.
    drop(acknowledged.await);
    if let Some(topic) = touched {
        shared.sets.changed(&topic);
    }
    Ok(())
}

async fn session(shared: &Shared, peer: PeerId, device: DeviceId, topic: &Topic) -> Result<(), SessionError> {
    let of = topic.clone();
    let (set, mut query) = blocking(shared, move |shared| {
        let set = shared.sets.load(shared, &of)?;
        let query = pure::initiate(&set)?;
        Ok((set, query))
    })
    .await?;
    for _ in 0..ROUNDS_MAX {
        let request = SyncRequest::Reconcile { topic: topic.clone(), message: ByteBuf::from(query) };
        let message = match shared.call_sync(peer, request).await? {
            SyncResponse::Reconcile { message } => message,
            SyncResponse::NotFollowed | SyncResponse::Busy => return Err(SessionError::NotNow),
            _ => return Err(SessionError::Fault(Fault::Protocol)),
        };
        let compared = Arc::clone(&set);
        let differences = blocking(shared, move |_| pure::advance(&compared, &message)).await?;
        fetch(shared, peer, device, topic, differences.need).await?;
        push(shared, peer, topic, differences.have, differences.next.is_none()).await?;
        match differences.next {
            Some(next) => query = next,
            None => return hand_over(shared, device, Some(topic.clone()), Vec::new(), true).await,
        }
    }
    Err(SessionError::Fault(Fault::Protocol))
}

/// Fetches records that the peer said it has.
async fn fetch(
    shared: &Shared,
    peer: PeerId,
    device: DeviceId,
    topic: &Topic,
    need: Vec<RecordId>,
) -> Result<(), SessionError> {
    for batch in need.chunks(SYNC_BATCH_RECORDS_MAX) {
        let ids = batch.to_vec();
        // Gossip may have been faster.
        let mut ids = blocking(shared, move |shared| pure::missing(&*shared.store, &ids)).await?;
        while !ids.is_empty() {
            let packed: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
            let request = SyncRequest::Get { topic: topic.clone(), ids: ByteBuf::from(packed) };
            let (records, handled) = match shared.call_sync(peer, request).await? {
                SyncResponse::Records { records, handled } => (records, handled as usize),
                SyncResponse::NotFollowed | SyncResponse::Busy => return Err(SessionError::NotNow),
                _ => return Err(SessionError::Fault(Fault::Protocol)),
            };
            if handled == 0 || handled > ids.len() || records.len() > handled {
                return Err(SessionError::Fault(Fault::Protocol));
            }
            ids.drain(..handled);
            if !records.is_empty() {
                hand_over(shared, device, Some(topic.clone()), records, false).await?;
            }
        }
    }
    Ok(())
}

/// Gives the peer what it lacks. A peer that has no time for it will ask in a session of its own.
async fn push(
    shared: &Shared,
    peer: PeerId,
    topic: &Topic,
    have: Vec<RecordId>,
    last_round: bool,
) -> Result<(), SessionError> {
    let mut rest = have;
    while !rest.is_empty() {
        let (of, batch) = (topic.clone(), rest.iter().take(SYNC_BATCH_RECORDS_MAX).copied().collect::<Vec<_>>());
        let (records, handled) =
            blocking(shared, move |shared| pure::records(&*shared.store, &of, &batch, RECORDS_BYTES_MAX)).await?;
        rest.drain(..handled.clamp(1, rest.len()));
        if records.is_empty() {
            continue;
        }
        shared.count_sent(records.len());
        let records = records.iter().map(|record| ByteBuf::from(record.to_vec())).collect();
        let request = SyncRequest::Put { topic: topic.clone(), records, last: last_round && rest.is_empty() };
        match shared.call_sync(peer, request).await? {
            SyncResponse::Taken => {}
            SyncResponse::NotFollowed | SyncResponse::Busy => return Err(SessionError::NotNow),
            _ => return Err(SessionError::Fault(Fault::Protocol)),
        }
    }
    Ok(())
}

async fn fetch_slots(
    shared: &Shared,
    peer: PeerId,
    device: DeviceId,
    slots: Vec<(AccountId, Kind, String)>,
) -> Result<(), SessionError> {
    for batch in slots.chunks(SLOTS_MAX) {
        match shared.call_sync(peer, SyncRequest::Slots { slots: batch.to_vec() }).await? {
            SyncResponse::Records { records, .. } if records.len() <= batch.len() => {
                hand_over(shared, device, None, records, false).await?;
            }
            SyncResponse::Busy => return Err(SessionError::NotNow),
            _ => {
                shared.tell(Internal::Punish(device, Fault::Protocol)).await;
                return Err(SessionError::Fault(Fault::Protocol));
            }
        }
    }
    hand_over(shared, device, None, Vec::new(), true).await
}

/// The other side of all of it.
async fn answer(shared: &Shared, from: DeviceId, request: SyncRequest) -> Result<SyncResponse, SessionError> {
    match request {
        SyncRequest::Put { topic, records, last } => {
            if records.is_empty() || records.len() > SYNC_BATCH_RECORDS_MAX {
                return Err(SessionError::Fault(Fault::Protocol));
            }
            let of = topic.clone();
            if !blocking(shared, move |shared| pure::follows(&*shared.store, &of)).await? {
                return Ok(SyncResponse::NotFollowed);
            }
            hand_over(shared, from, Some(topic), records, last).await?;
            Ok(SyncResponse::Taken)
        }
        SyncRequest::Get { ids, .. } if ids.len() > SYNC_BATCH_RECORDS_MAX * 32 || ids.len() % 32 != 0 => {
            Err(SessionError::Fault(Fault::Protocol))
        }
        SyncRequest::Slots { slots } if slots.len() > SLOTS_MAX => Err(SessionError::Fault(Fault::Protocol)),
        other => blocking(shared, move |shared| look_up(shared, other)).await,
    }
}

fn look_up(shared: &Shared, request: SyncRequest) -> Result<SyncResponse, SyncError> {
    let read = &*shared.store;
    let wrap = |records: Vec<crate::store::Value>, handled: usize| SyncResponse::Records {
        records: records.iter().map(|record| ByteBuf::from(record.to_vec())).collect(),
        handled: u32::try_from(handled).unwrap_or(u32::MAX),
    };
    match request {
        SyncRequest::Slots { slots } => Ok(wrap(pure::slots(read, &slots, RECORDS_BYTES_MAX)?, 0)),
        SyncRequest::Reconcile { topic, .. } | SyncRequest::Get { topic, .. } | SyncRequest::Put { topic, .. }
            if !pure::follows(read, &topic)? =>
        {
            Ok(SyncResponse::NotFollowed)
        }
        SyncRequest::Reconcile { topic, message } => {
            let set = shared.sets.load(shared, &topic)?;
            Ok(SyncResponse::Reconcile { message: ByteBuf::from(pure::respond(&set, &message)?) })
        }
        SyncRequest::Get { topic, ids } => {
            let ids: Vec<_> = ids.chunks_exact(32).filter_map(RecordId::from_slice).collect();
            let (records, handled) = pure::records(read, &topic, &ids, RECORDS_BYTES_MAX)?;
            Ok(wrap(records, handled))
        }
        SyncRequest::Put { .. } => Ok(SyncResponse::Taken), // Answered before it gets here.
    }
}
