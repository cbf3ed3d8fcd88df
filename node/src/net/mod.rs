//! The network: libp2p with TCP, QUIC, Noise, Yamux, gossipsub, Kademlia, identify, mDNS, relays, hole punching, AutoNAT,
//! UPnP, and three protocols of our own over request-response.
//!
//! ```text
//!  runtime ── NetHandle (bounded commands) ──► loop (swarm.rs) ──► libp2p
//!     ▲                                          │    ▲
//!     └────────── NetEvent (bounded) ────────────┘    └── tasks: one per sync session, blob transfer, answer
//! ```
//! Nothing here decides whether a record is good: bytes go to the engine, and its verdict comes back.
//!
//! | file | does |
//! |---|---|
//! | `behaviour.rs`, `transport.rs`, `subnet.rs` | what runs on a connection, and who gets one |
//! | `wire.rs`, `address.rs` | our messages; what an address says |
//! | `swarm.rs`, `peers.rs`, `calls.rs` | the loop, one `handle_*` call per arm; connections, commands, faults; requests |
//! | `gossip.rs` | topics, message ids, parameters of the mesh and its scoring |
//! | `sync.rs` | `/hutong/sync/1`: reconciles a topic's set, fetches slots |
//! | `mail.rs` | `/hutong/mail/1`: who is there, and direct delivery |
//! | `blob.rs` | `/hutong/blob/1`: verified ranges from several holders |
//! | `discovery.rs`, `book.rs` | Kademlia, identify, mDNS; the peers we knew |
//! | `reach.rs`, `relay.rs` | how we are reached: AutoNAT, UPnP, hole punching; relays and their quotas |
//! | `alive.rs` | sleep, a change of address, peers that do not answer any more |
//! | `score.rs`, `rate.rs` | what faults and floods cost |

mod address;
mod alive;
mod behaviour;
mod blob;
mod book;
mod calls;
mod discovery;
mod event;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gossip;
mod handle;
mod mail;
mod peers;
mod rate;
mod reach;
mod relay;
mod score;
mod subnet;
mod swarm;
mod sync;
mod transport;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use hutong_protocol::{Certificate, DeviceId, DeviceKey};
pub use libp2p::Multiaddr;
use libp2p::{PeerId, Swarm, identity};
use tokio::{sync::mpsc, task::JoinSet};

use self::swarm::{Inbox, Loop, Shared};

pub use self::{
    event::{
        Direction, GossipToken, MailOutcome, MailReply, MailboxReply, NetEvent, NetworkStatus, PeerStatus,
        Reachability, RelayStatus, RelayingStatus, SendOutcome, SyncAck, Traffic, Transport, Verdict,
    },
    handle::{NetHandle, Wanted},
    score::{BAN_POINTS, Fault, Severity},
    sync::SYNC_BATCH_RECORDS_MAX,
};
use crate::{blob::BlobStore, store::Store};

/// Events that the runtime has not read yet: two group commits.
const EVENTS_MAX: usize = 512;
/// Commands that the loop has not read yet.
const COMMANDS_MAX: usize = 256;
/// Verdicts that the loop has not read yet: one for each message that may wait, so none is lost in practice.
const JUDGEMENTS_MAX: usize = 2 * gossip::WAITING_MAX + EVENTS_MAX;

/// Bounds that differ between a person's node, a store's node and tests. The defaults are the design's.
#[derive(Debug, Clone)]
pub struct NetLimits {
    /// Connections at the same time, all together.
    pub connections_max: u32,
    /// Inbound connections from one IPv4 /24 or IPv6 /64. Loopback is exempt.
    pub inbound_per_subnet_max: usize,
    /// How long a request to a peer may take, in milliseconds: dialling, sending, its disk, the answer.
    pub request_timeout_ms: u64,
    /// A connection that nothing uses is closed after this many milliseconds. Long, because a neighbour who is there
    /// costs little, and one who has to be dialled again costs a handshake and looks absent meanwhile.
    pub idle_ms: u64,
    /// How often a topic is reconciled again with a connected peer, in milliseconds. Gossip and the reconciliation on
    /// meeting do the work; this mends what slipped through, at 500 bytes a topic.
    pub resync_ms: u64,
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            connections_max: 200,
            inbound_per_subnet_max: 64,
            request_timeout_ms: 15_000,
            idle_ms: 60 * 60_000,
            resync_ms: 30 * 60_000,
        }
    }
}

/// How to start the network.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// The device's key, which becomes the libp2p key.
    pub device_key: DeviceKey,
    /// For whom the device speaks, if it has an account already.
    pub certificate: Option<Certificate>,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Whether to look for peers on the local network and to be found there.
    pub mdns: bool,
    /// Whether to ask the router to open our ports (UPnP), unless we listen on loopback only.
    pub upnp: bool,
    /// Whether to relay for others; `None`: if the account has a store.
    pub relay: Option<bool>,
    /// Seeds the jitter of retries. Random in real life, fixed in tests.
    pub seed: [u8; 32],
    /// Bounds.
    pub limits: NetLimits,
}

impl NetConfig {
    /// Listens on free ports of loopback only, TCP and QUIC; no mDNS, no UPnP; a random seed is for the caller to set.
    #[must_use]
    pub fn new(device_key: DeviceKey) -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        Self {
            device_key,
            certificate: None,
            listen: listen.iter().filter_map(|address| address.parse().ok()).collect(),
            mdns: false,
            upnp: false,
            relay: None,
            seed: [0; 32],
            limits: NetLimits::default(),
        }
    }
}

/// Why the network did not start or do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {reason}; choose another address or port, or stop what is using it")]
    Listen {
        /// The address as configured.
        address: Multiaddr,
        /// The transport's words.
        reason: String,
    },
    /// The device's key is not usable as a network key.
    #[error("the device key cannot be used for the network; restore the data directory from a backup")]
    Key,
    /// A part of the network could not be set up.
    #[error("the network could not be set up: {0}; this is a fault of the program or the system, please report it")]
    Setup(String),
    /// A private topic was given to gossip.
    #[error("this topic is private and is never gossiped; deliver its records to the recipient's devices instead")]
    Private,
    /// The peer book could not be read.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The network was shut down.
    #[error("the network has been shut down; start the node again")]
    Stopped,
}

/// Why a blob did not come.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BlobFetchError {
    /// Nobody who is connected, hinted or listed has it.
    #[error("nobody who can be reached has this file now; it will be asked for again when somebody connects")]
    NoHolder,
    /// It is larger than a blob may be, or than there is room for.
    #[error("the file does not fit: {0}")]
    Store(#[from] crate::blob::BlobError),
    /// It has another size than whoever named it said.
    #[error("the file has {size} bytes, which is not what was named: ask for it to be sent again")]
    WrongSize {
        /// Its proven size in bytes.
        size: u64,
    },
    /// It was stopped, as asked.
    #[error("the file is not fetched any further, as you said")]
    Cancelled,
    /// Too many transfers run or wait already.
    #[error("too many files are being fetched; try again in a moment")]
    Busy,
    /// The network was shut down.
    #[error("the network has been shut down; start the node again")]
    Stopped,
}

/// Starts the network: listens, redials known peers, and serves until [`NetHandle::shutdown`] is called or the event
/// receiver is dropped.
///
/// # Errors
/// [`NetError::Listen`] if not even one of the addresses can be listened on; [`NetError::Setup`].
pub async fn start(
    config: NetConfig,
    store: Arc<dyn Store>,
    blobs: Arc<BlobStore>,
) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NetError> {
    let mut seed = config.device_key.to_seed();
    let key = identity::Keypair::ed25519_from_bytes(&mut seed).map_err(|_| NetError::Key)?;
    let bytes = Arc::default();
    let (circuits, relayed) = libp2p::relay::client::new(key.public().to_peer_id());
    let transport = transport::build(&key, &bytes, circuits)?;
    let behaviour = behaviour::Behaviour::new(&key, &config, relayed)?;
    let settings = libp2p::swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_millis(config.limits.idle_ms));
    let mut swarm = Swarm::new(transport, behaviour, key.public().to_peer_id(), settings);
    swarm::listen(&mut swarm, config.listen)?;

    let (events, events_out) = mpsc::channel(EVENTS_MAX);
    let (commands, commands_in) = mpsc::channel(COMMANDS_MAX);
    let (judgements, judgements_in) = mpsc::channel(JUDGEMENTS_MAX);
    let (internal, internal_in) = mpsc::channel(swarm::INTERNAL_MAX);
    let device = config.device_key.id();
    let book = load_book(&store, config.seed).await?;
    let shared = Shared::new(device, config.limits, store, blobs, events, internal);
    let handle = NetHandle { commands, judgements, sets: shared.sets.clone(), device };
    let mut net = Loop {
        swarm,
        shared,
        certificate: None,
        run: run_of(&config.seed),
        peers: BTreeMap::new(),
        topics: HashMap::new(),
        sessions: sync::Sessions::default(),
        mail: mail::Mail::default(),
        discovery: discovery::Discovery::default(),
        book,
        scores: score::Scores::default(),
        fetches: BTreeMap::new(),
        returning: Vec::new(),
        sync_calls: HashMap::new(),
        blob_calls: HashMap::new(),
        asked_dials: BTreeSet::new(),
        reach: reach::Reach::default(),
        relays: relay::Relays::default(),
        relay_wanted: config.relay,
        wakefulness: alive::Wakefulness::new(crate::clock::now()),
        doubts: BTreeMap::new(),
        traffic: Traffic::default(),
        bytes,
        waiting: VecDeque::new(),
        tasks: JoinSet::new(),
        started: Instant::now(),
        next_resync_ms: 0,
        publish_rate: gossip::publish_rate(),
        unpublished: BTreeSet::new(),
    };
    if let Some(certificate) = config.certificate {
        net.set_identity(certificate);
    }
    tokio::spawn(net.run(Inbox { commands: commands_in, judgements: judgements_in, internal: internal_in }));
    Ok((handle, events_out))
}

/// The number of this start, from its seed.
fn run_of(seed: &[u8; 32]) -> u64 {
    let hash = blake3::derive_key("hutong v1 run", seed);
    u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

async fn load_book(store: &Arc<dyn Store>, seed: [u8; 32]) -> Result<book::Book, NetError> {
    let store = Arc::clone(store);
    let load = move || book::Book::load(&*store, seed, crate::clock::now());
    let loaded = tokio::task::spawn_blocking(load).await.map_err(|_| NetError::Stopped)?;
    Ok(loaded?)
}

/// The libp2p name of a device: the same Ed25519 key.
///
/// # Errors
/// [`NetError::Key`] if the 32 bytes are not a point on the curve, so no device can have them as its key.
pub fn peer_of(device: &DeviceId) -> Result<PeerId, NetError> {
    let key = identity::ed25519::PublicKey::try_from_bytes(&device.0).map_err(|_| NetError::Key)?;
    Ok(identity::PublicKey::from(key).to_peer_id())
}

/// The device behind a libp2p name; `None` if its key is not Ed25519 (a foreign node, never one of ours).
#[must_use]
pub fn device_of(peer: &PeerId) -> Option<DeviceId> {
    // A short key is inlined into the peer id by the identity hash (code 0): protobuf tag, length, key.
    let multihash = peer.as_ref();
    let key = (multihash.code() == 0).then(|| identity::PublicKey::try_decode_protobuf(multihash.digest()).ok())??;
    key.try_into_ed25519().ok().map(|key| DeviceId(key.to_bytes()))
}

#[cfg(test)]
mod tests;
