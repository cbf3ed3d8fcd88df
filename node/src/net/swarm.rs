//! The loop: one task that owns the swarm, and everything that is known about connected peers.
//!
//! Each arm of the `select!` makes one `handle_*` call and waits for nothing. What has to wait (a disk, a peer, the
//! engine) is a task of its own that speaks to the loop over a bounded channel; the loop always drains that channel, and
//! only stops reading from the network while the runtime does not read its events. So nobody waits in a circle.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use hutong_protocol::{BlobHash, Certificate, DeviceId, TimestampMs, Topic};
use libp2p::{
    Multiaddr, PeerId, Swarm,
    request_response::ResponseChannel,
    swarm::{ConnectionId, SwarmEvent},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::MissedTickBehavior,
};

use super::{
    BlobFetchError, NetError, NetLimits, address,
    alive::{Doubts, Wakefulness},
    behaviour::{Behaviour, BehaviourEvent},
    blob::{Fetches, Returning},
    book::Book,
    calls::{CallError, Calls},
    discovery::Discovery,
    event::{Direction, NetEvent, Traffic},
    gossip::Topics,
    handle::{Command, Judgement},
    mail::Mail,
    rate::Bucket,
    reach::Reach,
    relay::Relays,
    score::{Fault, Scores},
    sync::{SessionError, Sessions, SetCache},
    transport::ByteCount,
    wire::{BlobProtocol, BlobRequest, BlobResponse, Frame, MailResponse, SyncProtocol, SyncRequest, SyncResponse},
};
use crate::{blob::BlobStore, store::Store};

/// Events that wait for the runtime in the loop. Beyond, the loop no longer reads from the network.
const WAITING_MAX: usize = 2 * super::gossip::WAITING_MAX;
/// What tasks tell the loop and it has not heard yet.
pub(super) const INTERNAL_MAX: usize = 256;
/// Questions and deliveries of peers that are being answered. Each holds at most one frame of 1 MiB.
const ANSWERING_MAX: usize = 64;
/// How often the loop looks at its clocks.
const TICK_MS: u64 = 1_000;

/// What every task of the network shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) device: DeviceId,
    pub(super) limits: NetLimits,
    pub(super) store: Arc<dyn Store>,
    pub(super) blobs: Arc<BlobStore>,
    pub(super) sets: SetCache,
    pub(super) events: mpsc::Sender<NetEvent>,
    pub(super) internal: mpsc::Sender<Internal>,
    pub(super) answering: Arc<Semaphore>,
    pub(super) serving: Arc<Semaphore>,
    pub(super) transfers: Arc<Semaphore>,
    received: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

/// What tasks tell the loop.
#[derive(Debug)]
pub(super) enum Internal {
    SyncCall(PeerId, SyncRequest, oneshot::Sender<Result<SyncResponse, CallError>>),
    SyncAnswer(ResponseChannel<Frame<SyncResponse>>, SyncResponse),
    SessionOver { peer: PeerId, topic: Topic, tries: u32, over: Result<(), SessionError> },
    MailAnswer(PeerId, ResponseChannel<Frame<MailResponse>>, MailResponse),
    BlobCall(PeerId, BlobRequest, oneshot::Sender<Result<BlobResponse, CallError>>),
    BlobAnswer(ResponseChannel<Frame<BlobResponse>>, BlobResponse),
    FetchOver(BlobHash, Result<u64, BlobFetchError>),
    FetchProgress(BlobHash),
    AwaitBack(BTreeSet<PeerId>, oneshot::Sender<PeerId>),
    FindHolders(BlobHash, oneshot::Sender<Vec<PeerId>>),
    Punish(DeviceId, Fault),
}

impl Shared {
    pub(super) fn new(
        device: DeviceId,
        limits: NetLimits,
        store: Arc<dyn Store>,
        blobs: Arc<BlobStore>,
        events: mpsc::Sender<NetEvent>,
        internal: mpsc::Sender<Internal>,
    ) -> Self {
        Self {
            device,
            limits,
            store,
            blobs,
            sets: SetCache::default(),
            events,
            internal,
            answering: Arc::new(Semaphore::new(ANSWERING_MAX)),
            serving: Arc::new(Semaphore::new(super::blob::SERVED_MAX)),
            transfers: Arc::new(Semaphore::new(super::blob::TRANSFERS_MAX)),
            received: Arc::default(),
            sent: Arc::default(),
        }
    }

    /// Tells the loop; does nothing if it has ended.
    pub(super) async fn tell(&self, what: Internal) {
        if self.internal.send(what).await.is_err() {
            tracing::trace!("the network loop has ended");
        }
    }

    pub(super) async fn call_sync(&self, peer: PeerId, request: SyncRequest) -> Result<SyncResponse, CallError> {
        let (answer, answered) = oneshot::channel();
        self.tell(Internal::SyncCall(peer, request, answer)).await;
        answered.await.unwrap_or(Err(CallError::Stopped))
    }

    pub(super) async fn call_blob(&self, peer: PeerId, request: BlobRequest) -> Result<BlobResponse, CallError> {
        let (answer, answered) = oneshot::channel();
        self.tell(Internal::BlobCall(peer, request, answer)).await;
        answered.await.unwrap_or(Err(CallError::Stopped))
    }

    pub(super) fn count_received(&self, records: usize) {
        self.received.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, records: usize) {
        self.sent.fetch_add(records as u64, Ordering::Relaxed);
    }
}

/// One connection of a peer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: Multiaddr,
    pub(super) direction: Direction,
    pub(super) opened_ms: u64,
    /// We opened it only to tell the peer that it can be reached.
    pub(super) dial_back: bool,
    /// The address of this machine that it hangs on, if that is known.
    pub(super) local: Option<IpAddr>,
}

/// A connected peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) device: DeviceId,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    /// It offers to relay, and everybody can dial it at this address.
    pub(super) relay: Option<Multiaddr>,
    pub(super) certificate: Option<Certificate>,
    /// It said hello, so it is one of ours.
    pub(super) greeted: bool,
    /// Which start of its process it said it is; 0: not known.
    pub(super) run: u64,
    /// A delivery of it waits for the engine.
    pub(super) delivering: bool,
    pub(super) rtt_ms: Option<u64>,
    pub(super) since: TimestampMs,
    pub(super) gossip_rate: Bucket,
    pub(super) request_rate: Bucket,
}

impl Peer {
    /// The address of its newest connection, a direct one if there is any.
    pub(super) fn address(&self) -> Option<&Multiaddr> {
        self.connection().map(|connection| &connection.address)
    }

    /// Its newest connection, a direct one if there is any.
    pub(super) fn connection(&self) -> Option<&Connection> {
        let newest = || self.connections.values().rev();
        newest().find(|it| !address::is_relayed(&it.address)).or_else(|| newest().next())
    }
}

/// Everything the loop knows.
pub(super) struct Loop {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) shared: Shared,
    pub(super) certificate: Option<Certificate>,
    /// Which start of this process it is: a random number.
    pub(super) run: u64,
    pub(super) peers: BTreeMap<PeerId, Peer>,
    pub(super) topics: Topics,
    pub(super) sessions: Sessions,
    pub(super) mail: Mail,
    pub(super) discovery: Discovery,
    pub(super) book: Book,
    pub(super) scores: Scores,
    pub(super) fetches: Fetches,
    pub(super) returning: Returning,
    pub(super) sync_calls: Calls<SyncProtocol>,
    pub(super) blob_calls: Calls<BlobProtocol>,
    /// Dials that somebody waits to hear about.
    pub(super) asked_dials: BTreeSet<ConnectionId>,
    pub(super) reach: Reach,
    pub(super) relays: Relays,
    /// Whether to relay for others; `None`: if the account has a store.
    pub(super) relay_wanted: Option<bool>,
    pub(super) wakefulness: Wakefulness,
    pub(super) doubts: Doubts,
    pub(super) traffic: Traffic,
    pub(super) bytes: Arc<ByteCount>,
    pub(super) waiting: VecDeque<NetEvent>,
    pub(super) tasks: JoinSet<()>,
    pub(super) started: Instant,
    pub(super) next_resync_ms: u64,
    /// How fast we gossip records of our own.
    pub(super) publish_rate: Bucket,
    /// Topics of records that came too fast for gossip.
    pub(super) unpublished: BTreeSet<Topic>,
}

/// The channels that end at the loop.
pub(super) struct Inbox {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) judgements: mpsc::Receiver<Judgement>,
    pub(super) internal: mpsc::Receiver<Internal>,
}

impl Loop {
    /// Serves until it is told to stop or nobody reads its events any more.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.shared.events.clone();
        let stopped = loop {
            tokio::select! {
                // What is here before what comes: verdicts first, since gossip forgets a message that waits.
                biased;
                Some(judgement) = inbox.judgements.recv() => self.handle_judgement(judgement),
                room = events.reserve(), if !self.waiting.is_empty() => match room {
                    Ok(room) => self.handle_room(room),
                    Err(_) => break None,
                },
                Some(told) = inbox.internal.recv() => self.handle_internal(told),
                command = inbox.commands.recv() => match command {
                    Some(Command::Shutdown(done)) => break Some(done),
                    Some(command) => self.handle_command(command),
                    None => break None,
                },
                _ = tick.tick() => self.handle_tick(),
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
                event = self.swarm.select_next_some(), if self.waiting.len() < WAITING_MAX => self.handle_swarm(event),
            }
        };
        self.tasks.shutdown().await;
        drop(self.swarm);
        if let Some(done) = stopped
            && done.send(()).is_err()
        {
            tracing::debug!("nobody waits for the shutdown");
        }
    }

    /// Local monotonic time since the start.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Queues an event for the runtime.
    pub(super) fn emit(&mut self, event: NetEvent) {
        self.waiting.push_back(event);
    }

    fn handle_room(&mut self, room: mpsc::Permit<'_, NetEvent>) {
        if let Some(event) = self.waiting.pop_front() {
            room.send(event);
        }
    }

    fn handle_internal(&mut self, told: Internal) {
        match told {
            Internal::SyncCall(peer, request, answer) => {
                let id = self.swarm.behaviour_mut().sync.send_request(&peer, Frame::Whole(request));
                self.sync_calls.insert(id, answer);
            }
            Internal::BlobCall(peer, request, answer) => {
                let id = self.swarm.behaviour_mut().blob.send_request(&peer, Frame::Whole(request));
                self.blob_calls.insert(id, answer);
            }
            Internal::SyncAnswer(channel, response) => self.answer_sync(channel, response),
            Internal::MailAnswer(peer, channel, response) => {
                let is_delivery = !matches!(response, MailResponse::Mailbox(_));
                if let Some(peer) = self.peers.get_mut(&peer).filter(|_| is_delivery) {
                    peer.delivering = false;
                }
                self.answer_mail(channel, response);
            }
            Internal::BlobAnswer(channel, response) => self.answer_blob(channel, response),
            Internal::SessionOver { peer, topic, tries, over } => self.handle_session_over(peer, topic, tries, over),
            Internal::FetchOver(hash, over) => self.handle_fetch_over(hash, &over),
            Internal::FetchProgress(hash) => self.emit(NetEvent::BlobProgress { hash }),
            Internal::AwaitBack(peers, back) => self.await_back(peers, back),
            Internal::FindHolders(hash, answer) => self.find_holders(&hash, answer),
            Internal::Punish(device, fault) => self.punish(device, fault),
        }
    }

    fn handle_judgement(&mut self, judgement: Judgement) {
        match judgement {
            Judgement::Gossip(token, verdict) => self.handle_verdict(&token, verdict),
            Judgement::Fault(device, fault) => self.punish(device, fault),
        }
    }

    fn handle_tick(&mut self) {
        let now_ms = self.now_ms();
        for device in self.scores.tidy(now_ms) {
            if let Ok(peer) = super::peer_of(&device) {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
        }
        self.look_alive(now_ms);
        self.close_redundant(now_ms);
        self.look_for_router();
        self.tend_relays(now_ms);
        self.announce();
        self.redial(now_ms);
        self.make_room();
        self.sync_unpublished(now_ms);
        self.retry_sessions(now_ms);
        if now_ms >= self.next_resync_ms {
            let resync_ms = self.shared.limits.resync_ms;
            let jitter_ms = self.book.jitter().below(resync_ms / 4);
            self.next_resync_ms = now_ms.saturating_add(resync_ms).saturating_add(jitter_ms);
            if now_ms >= resync_ms {
                self.resync();
            }
        }
    }

    fn handle_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.handle_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.handle_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.handle_closed(peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error } => {
                self.handle_dial_failed(peer_id, connection_id, &error);
            }
            SwarmEvent::NewListenAddr { address, listener_id } if !address::is_relayed(&address) => {
                let addr = address::with_peer(&address, *self.swarm.local_peer_id());
                self.emit(NetEvent::Listening { addr });
                self.handle_address_new(listener_id, address);
            }
            SwarmEvent::ExpiredListenAddr { address, .. } if !address::is_relayed(&address) => {
                self.handle_address_gone(&address);
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                tracing::debug!(?reason, "a listener ended");
                self.handle_place_lost(listener_id, reason.is_err());
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tracing::debug!(%error, "an inbound connection failed")
            }
            _ => {}
        }
    }

    fn handle_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(event) => self.handle_gossip(event),
            BehaviourEvent::Sync(event) => self.handle_sync(event),
            BehaviourEvent::Mail(event) => self.handle_mail(event),
            BehaviourEvent::Blob(event) => self.handle_blob(event),
            BehaviourEvent::Kad(event) => self.handle_kad(event),
            BehaviourEvent::Identify(event) => self.handle_identify(event),
            BehaviourEvent::Mdns(event) => self.handle_mdns(event),
            BehaviourEvent::Ping(event) => self.handle_ping(event),
            BehaviourEvent::Relay(event) => self.handle_relay(event),
            BehaviourEvent::Circuits(event) => self.handle_circuits(event),
            BehaviourEvent::Dcutr(event) => self.handle_dcutr(&event),
            BehaviourEvent::Autonat(event) => self.handle_autonat(event),
            BehaviourEvent::Upnp(event) => self.handle_upnp(event),
            BehaviourEvent::Blocked(never) | BehaviourEvent::Connections(never) => match never {},
            BehaviourEvent::Subnets(never) | BehaviourEvent::Memory(never) => match never {},
        }
    }

    /// The counters, with those that tasks and connections keep.
    pub(super) fn counted(&self) -> Traffic {
        let add = |count: u64, more: &AtomicU64| count.saturating_add(more.load(Ordering::Relaxed));
        Traffic {
            bytes_in: self.bytes.received.load(Ordering::Relaxed),
            bytes_out: self.bytes.sent.load(Ordering::Relaxed),
            records_in: add(self.traffic.records_in, &self.shared.received),
            records_out: add(self.traffic.records_out, &self.shared.sent),
            ..self.traffic
        }
    }
}

/// Listens on all addresses; an error only if none of them works.
pub(super) fn listen(swarm: &mut Swarm<Behaviour>, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
    let (mut works, mut refused) = (addresses.is_empty(), None);
    for address in addresses {
        match swarm.listen_on(address.clone()) {
            Ok(_) => works = true,
            Err(error) => {
                tracing::warn!(%address, %error, "cannot listen on this address");
                refused = Some(NetError::Listen { address, reason: error.to_string() });
            }
        }
    }
    match refused {
        Some(error) if !works => Err(error),
        _ => Ok(()),
    }
}
