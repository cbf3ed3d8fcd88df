//! Mailboxes: which nodes keep this device's mail while it is away, and what this node keeps for others.

use axum::extract::State;
use hutong_node::{account, engine::EngineError, mailbox};
use hutong_protocol::DeviceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::common::{BlobHash, Id};
use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::Json,
    state::AppState,
    views::Views,
};

/// A node that keeps mail for this device, or offers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailboxNode {
    /// Whose node it is.
    pub account: Id,
    /// Their name.
    pub name: String,
    /// Their picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Which device of theirs.
    pub device: Id,
    /// Whether it is another device of this account.
    pub own: bool,
    /// Whether it is a store's node: those are there more often.
    pub is_store: bool,
    /// Whether it is connected now.
    pub online: bool,
    /// Whether this device uses it.
    pub chosen: bool,
}

/// What this node keeps for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailboxKept {
    /// For so many people or stores.
    pub owners: u32,
    /// Sealed items.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes it would keep for one of them at most.
    pub bytes_per_owner_max: u64,
}

/// Mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mailboxes {
    /// Those in use first, then those that offer it.
    pub nodes: Vec<MailboxNode>,
    /// How many are used at most.
    pub wanted: u32,
    /// What this node keeps for others.
    pub kept: MailboxKept,
}

/// Uses these nodes and no others.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MailboxesUpdate {
    /// Their devices.
    pub devices: Vec<Id>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, put))
}

fn shape(views: &Views<'_>) -> Result<Mailboxes, EngineError> {
    let chosen = mailbox::chosen(views.read)?;
    let offered = mailbox::candidates(views.read)?.into_iter().filter(|node| !chosen.contains(node));
    let mut nodes = Vec::new();
    for (node, is_chosen) in chosen.iter().cloned().map(|node| (node, true)).chain(offered.map(|node| (node, false))) {
        let party = account::view::party(views.read, &node.account)?;
        nodes.push(MailboxNode {
            account: node.account.into(),
            name: party.name,
            picture: party.picture.map(Into::into),
            device: node.device.into(),
            own: views.me == Some(node.account),
            is_store: account::view::is_store(views.read, &node.account)?,
            online: views.node.connected_devices(&node.account).contains(&node.device),
            chosen: is_chosen,
        });
    }
    let kept = mailbox::kept(views.read)?;
    let kept = MailboxKept {
        owners: u32::try_from(kept.owners).unwrap_or(u32::MAX),
        items: kept.items,
        bytes: kept.bytes,
        bytes_per_owner_max: mailbox::OWNER_BYTES_MAX,
    };
    Ok(Mailboxes { nodes, wanted: u32::try_from(mailbox::WANTED).unwrap_or(u32::MAX), kept })
}

/// Which nodes keep this device's mail while it is away.
#[utoipa::path(get, path = "/api/mailboxes", tag = "network", responses((status = 200, body = Mailboxes)))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Mailboxes>> {
    state.view(shape).await.map(Json)
}

/// Chooses them.
#[utoipa::path(put, path = "/api/mailboxes", tag = "network", request_body = MailboxesUpdate, responses(
    (status = 200, body = Mailboxes),
    (status = 409, body = Problem, description = "One of them does not offer it, or there are too many"),
    (status = 422, body = Problem),
))]
async fn put(
    State(state): State<AppState>,
    _: Auth,
    Json(update): Json<MailboxesUpdate>,
) -> ApiResult<Json<Mailboxes>> {
    let devices: Vec<DeviceId> = update.devices.into_iter().map(DeviceId::from).collect();
    state.node().call(move |cx| mailbox::set(cx, &devices)).await?;
    state.view(shape).await.map(Json)
}
