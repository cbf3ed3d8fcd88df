//! Peers, addresses and traffic.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    engine::{EngineError, keys as rows, outbox},
    group,
    net::{self, Multiaddr, NetworkStatus, PeerStatus, RelayStatus},
    store::KeyRange,
};
use hutong_protocol::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{Id, Ms},
    group_view::title,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::Json,
    state::AppState,
    views::Views,
};

/// Records counted at most, of a topic, of the outbox and in all: the page says "more than" beyond it.
const COUNTED_MAX: usize = 1_000_000;

/// The network as this node sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// This device.
    pub device: Id,
    /// Addresses listened on.
    pub listen: Vec<String>,
    /// Addresses others say they see.
    pub external: Vec<String>,
    /// How others reach this node.
    pub reachability: Reachability,
    /// Relays through which others can reach this node.
    pub relays: Vec<NetworkRelay>,
    /// What this node carries for others; `null`: it does not relay.
    #[schema(required)]
    pub relaying: Option<Relaying>,
    /// Who is connected.
    pub peers: Vec<NetworkPeer>,
    /// What went in and out since the start.
    pub traffic: Traffic,
    /// What this node follows.
    pub topics: Vec<NetworkTopic>,
    /// What waits to be delivered.
    pub outbox: OutboxState,
    /// What is stored.
    pub store: StoreState,
}

/// How others reach this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// Not yet known.
    Unknown,
    /// Only from this machine or network.
    LocalOnly,
    /// Nobody outside can call it; it can call others.
    OutgoingOnly,
    /// Through a relay, and directly where a hole can be punched.
    Relayed,
    /// At a port that the router opened for it.
    Mapped,
    /// From anywhere, directly.
    Public,
}

/// A relay through which others can reach this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkRelay {
    /// Its device.
    pub device: Id,
    /// Its account, once known.
    #[schema(required)]
    pub account: Option<Id>,
    /// Its account's name, once known.
    #[schema(required)]
    pub name: Option<String>,
}

/// What this node carries for others, and the most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relaying {
    /// Nodes that can be reached through this one.
    pub reservations: u32,
    /// The most of them.
    pub reservations_max: u32,
    /// Circuits carried now.
    pub circuits: u32,
    /// The most of them.
    pub circuits_max: u32,
    /// Bytes that one circuit carries at most.
    pub circuit_bytes_max: u64,
    /// Milliseconds that one circuit lasts at most.
    pub circuit_ms_max: u64,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NetworkPeer {
    /// Its device.
    pub device: Id,
    /// Its account, once known.
    #[schema(required)]
    pub account: Option<Id>,
    /// Its account's name, once known.
    #[schema(required)]
    pub name: Option<String>,
    /// Its address.
    pub address: String,
    /// How it is connected.
    pub transport: Transport,
    /// Who called whom.
    pub direction: Direction,
    /// Round-trip time in milliseconds.
    #[schema(required)]
    pub rtt_ms: Option<u32>,
    /// Penalty points: 0 is clean, 1000 is banned.
    pub score: i32,
    /// Topics that both follow.
    pub topics: u32,
    /// Since when.
    pub since: Ms,
}

/// How a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP with Noise and Yamux.
    Tcp,
    /// QUIC.
    Quic,
    /// A circuit through a relay.
    Relay,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The peer called.
    In,
    /// This node called.
    Out,
}

/// What went in and out since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Records received and new.
    pub records_in: u64,
    /// Records sent.
    pub records_out: u64,
    /// Records received again.
    pub duplicates: u64,
    /// Records refused.
    pub rejected: u64,
}

/// A topic that this node follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkTopic {
    /// Its text.
    pub topic: String,
    /// Its first word.
    pub kind: String,
    /// Whose it is, in plain words.
    #[schema(required)]
    pub name: Option<String>,
    /// Records kept.
    pub records: u64,
    /// Connected peers that follow it too.
    pub peers: u32,
}

/// What waits to be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutboxState {
    /// Records.
    pub queued: u64,
    /// When the oldest was written.
    #[schema(required)]
    pub oldest_at: Option<Ms>,
}

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreState {
    /// Records.
    pub records: u64,
    /// Bytes of the database.
    pub bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of blobs.
    pub blob_bytes: u64,
}

/// A peer to call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Dial {
    /// A multiaddress, best with `/p2p/<peer>` at its end.
    pub address: String,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(dial))
}

/// The network as this node sees it.
#[utoipa::path(get, path = "/api/network", tag = "network", responses(
    (status = 200, body = Network),
    (status = 503, body = Problem),
))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Network>> {
    let status = state.node().network().await?;
    let size = state.node().store().clone();
    let bytes = tokio::task::spawn_blocking(move || size.size_on_disk()).await.map_err(ApiError::internal)?;
    let bytes = bytes.map_err(ApiError::internal)?;
    state.view(move |views| shape(views, status, bytes)).await.map(Json)
}

fn shape(views: &Views<'_>, status: NetworkStatus, bytes: u64) -> Result<Network, EngineError> {
    let peers = status.peers.iter().map(|status| peer(views, status)).collect::<Result<_, _>>()?;
    let topics = status.topics.iter().map(|(name, peers)| topic(views, name, *peers)).collect::<Result<_, _>>()?;
    let (queued, oldest_at) = outbox::summary(views.read, COUNTED_MAX)?;
    let records = views.read.count(KeyRange::prefix(&[rows::INDEX]), COUNTED_MAX)?;
    let blobs = views.node.blobs().stats();
    Ok(Network {
        device: views.node.device().into(),
        listen: status.listen.iter().map(ToString::to_string).collect(),
        external: status.external.iter().map(ToString::to_string).collect(),
        reachability: reachability(status.reachability),
        relays: status.relays.iter().map(|status| relay(views, status)).collect::<Result<_, _>>()?,
        relaying: status.relaying.map(|relaying| Relaying {
            reservations: narrow(relaying.reservations),
            reservations_max: narrow(relaying.reservations_max),
            circuits: narrow(relaying.circuits),
            circuits_max: narrow(relaying.circuits_max),
            circuit_bytes_max: relaying.circuit_bytes_max,
            circuit_ms_max: relaying.circuit_ms_max,
        }),
        peers,
        traffic: Traffic {
            bytes_in: status.traffic.bytes_in,
            bytes_out: status.traffic.bytes_out,
            records_in: status.traffic.records_in,
            records_out: status.traffic.records_out,
            duplicates: status.traffic.duplicates,
            rejected: status.traffic.rejected,
        },
        topics,
        outbox: OutboxState { queued: wide(queued), oldest_at: oldest_at.map(Into::into) },
        store: StoreState { records: wide(records), bytes, blobs: blobs.count, blob_bytes: blobs.bytes },
    })
}

const fn reachability(reachability: net::Reachability) -> Reachability {
    match reachability {
        net::Reachability::Unknown => Reachability::Unknown,
        net::Reachability::LocalOnly => Reachability::LocalOnly,
        net::Reachability::OutgoingOnly => Reachability::OutgoingOnly,
        net::Reachability::Relayed => Reachability::Relayed,
        net::Reachability::Mapped => Reachability::Mapped,
        net::Reachability::Public => Reachability::Public,
    }
}

fn relay(views: &Views<'_>, relay: &RelayStatus) -> Result<NetworkRelay, EngineError> {
    let name = relay.account.map(|account| views.party(&account)).transpose()?.map(|party| party.name);
    Ok(NetworkRelay { device: relay.device.into(), account: relay.account.map(Into::into), name })
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn peer(views: &Views<'_>, peer: &PeerStatus) -> Result<NetworkPeer, EngineError> {
    Ok(NetworkPeer {
        device: peer.device.into(),
        account: peer.account.map(Into::into),
        name: peer.account.map(|account| views.party(&account)).transpose()?.map(|party| party.name),
        address: peer.address.to_string(),
        transport: match peer.transport {
            net::Transport::Tcp => Transport::Tcp,
            net::Transport::Quic => Transport::Quic,
            net::Transport::Relay => Transport::Relay,
        },
        direction: match peer.direction {
            net::Direction::In => Direction::In,
            net::Direction::Out => Direction::Out,
        },
        rtt_ms: peer.rtt_ms.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
        score: i32::try_from(peer.score).unwrap_or(i32::MAX),
        topics: narrow(peer.topics),
        since: peer.since.into(),
    })
}

fn topic(views: &Views<'_>, topic: &Topic, peers: usize) -> Result<NetworkTopic, EngineError> {
    let text = topic.to_string();
    let name = match topic {
        Topic::Profile(account) | Topic::Store(account) => Some(views.party(account)?.name),
        Topic::Group(group) | Topic::Private(group) => {
            group::view::get(views.read, group)?.map(|row| title(group, &row))
        }
        Topic::Direct(_) | Topic::Other(_) => None,
    };
    let records = views.read.count(KeyRange::prefix(&rows::set(topic)), COUNTED_MAX)?;
    let kind = text.split('/').next().unwrap_or_default().to_owned();
    Ok(NetworkTopic { topic: text, kind, name, records: wide(records), peers: narrow(peers) })
}

/// Calls a peer. Whether it answers shows in the list of peers.
#[utoipa::path(post, path = "/api/network/dial", tag = "network", request_body = Dial, responses(
    (status = 204, description = "Calling"),
    (status = 422, body = Problem),
))]
async fn dial(State(state): State<AppState>, _: Auth, Json(order): Json<Dial>) -> ApiResult<StatusCode> {
    let address: Multiaddr = order.address.trim().parse().map_err(|_| {
        ApiError::invalid(
            "address",
            "This is no address. One looks like /ip4/192.0.2.1/tcp/4001, best with /p2p/ and the peer at its end.",
        )
    })?;
    state.node().dial(address).await?;
    Ok(StatusCode::NO_CONTENT)
}
