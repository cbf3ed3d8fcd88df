//! Everything that runs on a connection, put together.

use std::{iter, time::Duration};

use libp2p::{
    StreamProtocol, allow_block_list, connection_limits, dcutr, gossipsub, identify, identity, kad, mdns,
    memory_connection_limits, ping, relay,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    upnp,
};

use super::{
    NetConfig, NetError, NetLimits, discovery, gossip,
    reach::{self, Probe},
    subnet::SubnetLimit,
    wire::{BlobProtocol, Codec, MailProtocol, Protocol, SyncProtocol},
};

/// What identify says about us, so that foreign libp2p nodes can tell.
const IDENTIFY_PROTOCOL: &str = "/hutong/1";
/// Who we are in identify.
const AGENT: &str = concat!("hutong/", env!("CARGO_PKG_VERSION"));
/// Connections whose handshake is under way, each way. A reconnect storm of everybody we know fits.
const PENDING_CONNECTIONS_MAX: u32 = 64;
/// TCP and QUIC each way, when two nodes dial each other at the same moment.
const CONNECTIONS_PER_PEER_MAX: u32 = 4;
/// No new connections above this much memory of the process (2 GiB): ten times what a busy node takes.
const MEMORY_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// How often a connection is probed: 64 bytes each time, so that 50 quiet contacts cost 100 KB in 90 minutes (the whole
/// budget is 200), and a closed laptop shows as gone after three minutes.
const PING_INTERVAL_MS: u64 = 180_000;
/// How often a peer is asked again what it speaks and where it listens. Changes are pushed anyway.
const IDENTIFY_INTERVAL_MS: u64 = 60 * 60_000;
/// A peer that does not answer a probe so long is gone.
const PING_TIMEOUT_MS: u64 = 20_000;
/// Streams of one of our protocols at a time on one connection, both ways together. More are refused, not queued.
const STREAMS_MAX: usize = 32;

/// A request-response behaviour for one of our protocols.
pub(super) type Rpc<P> = request_response::Behaviour<Codec<P>>;

/// What runs on each connection. The order counts: those that refuse connections come first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) connections: connection_limits::Behaviour,
    pub(super) subnets: SubnetLimit,
    pub(super) memory: memory_connection_limits::Behaviour,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) kad: kad::Behaviour<kad::store::MemoryStore>,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
    /// Relays for others.
    pub(super) relay: relay::Behaviour,
    /// Is relayed by others.
    pub(super) circuits: relay::client::Behaviour,
    pub(super) dcutr: Toggle<dcutr::Behaviour>,
    pub(super) autonat: Toggle<Probe>,
    pub(super) upnp: Toggle<upnp::tokio::Behaviour>,
    pub(super) gossip: gossip::Gossip,
    pub(super) sync: Rpc<SyncProtocol>,
    pub(super) mail: Rpc<MailProtocol>,
    pub(super) blob: Rpc<BlobProtocol>,
}

impl Behaviour {
    pub(super) fn new(
        key: &identity::Keypair,
        config: &NetConfig,
        circuits: relay::client::Behaviour,
    ) -> Result<Self, NetError> {
        let wide = reach::beyond_this_machine(&config.listen);
        let peer = key.public().to_peer_id();
        let identify = identify::Config::new(IDENTIFY_PROTOCOL.into(), key.public())
            .with_agent_version(AGENT.into())
            .with_interval(Duration::from_millis(IDENTIFY_INTERVAL_MS))
            .with_push_listen_addr_updates(true);
        let ping = ping::Config::new()
            .with_interval(Duration::from_millis(PING_INTERVAL_MS))
            .with_timeout(Duration::from_millis(PING_TIMEOUT_MS));
        let mdns = match config.mdns {
            true => Some(mdns(peer)?),
            false => None,
        };
        Ok(Self {
            blocked: allow_block_list::Behaviour::default(),
            connections: connection_limits::Behaviour::new(connection_limits(&config.limits)),
            subnets: SubnetLimit::new(config.limits.inbound_per_subnet_max),
            memory: memory_connection_limits::Behaviour::with_max_bytes(MEMORY_BYTES_MAX),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            kad: discovery::kademlia(peer),
            mdns: Toggle::from(mdns),
            relay: super::relay::server(peer),
            circuits,
            dcutr: Toggle::from(wide.then(|| dcutr::Behaviour::new(peer))),
            autonat: Toggle::from(wide.then(|| Probe::new(peer))),
            upnp: Toggle::from((wide && config.upnp).then(upnp::tokio::Behaviour::default)),
            gossip: gossip::behaviour()?,
            sync: rpc::<SyncProtocol>(&config.limits),
            mail: rpc::<MailProtocol>(&config.limits),
            blob: rpc::<BlobProtocol>(&config.limits),
        })
    }
}

fn mdns(peer: libp2p::PeerId) -> Result<mdns::tokio::Behaviour, NetError> {
    mdns::tokio::Behaviour::new(mdns::Config::default(), peer)
        .map_err(|error| NetError::Setup(format!("looking around the local network failed: {error}")))
}

fn connection_limits(limits: &NetLimits) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_CONNECTIONS_MAX))
        .with_max_pending_outgoing(Some(PENDING_CONNECTIONS_MAX))
        // A quarter stays for those we dial, so that inbound connections alone cannot surround a node.
        .with_max_established_incoming(Some(limits.connections_max.saturating_sub(limits.connections_max / 4)))
        .with_max_established(Some(limits.connections_max))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX))
}

fn rpc<P: Protocol>(limits: &NetLimits) -> Rpc<P> {
    let config = request_response::Config::default()
        .with_request_timeout(Duration::from_millis(limits.request_timeout_ms))
        .with_max_concurrent_streams(STREAMS_MAX);
    let protocol = (StreamProtocol::new(P::NAME), ProtocolSupport::Full);
    request_response::Behaviour::with_codec(Codec::default(), iter::once(protocol), config)
}

/// The gossip behaviour's event, named once.
pub(super) type GossipEvent = gossipsub::Event;
