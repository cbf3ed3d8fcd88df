//! Peers, addresses and traffic.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{Id, Ms};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Network,
    Reachability,
    NetworkPeer,
    Transport,
    Direction,
    Traffic,
    NetworkTopic,
    OutboxState,
    StoreState,
    Dial
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// The network as this node sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// This device.
    pub device: Id,
    /// Addresses listened on.
    pub listen: Vec<String>,
    /// Addresses others say they see.
    pub external: Vec<String>,
    /// Whether others can reach this node.
    pub reachability: Reachability,
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

/// Whether others can reach this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// Not yet known.
    Unknown,
    /// Only from this machine or network.
    LocalOnly,
    /// From anywhere.
    Public,
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
