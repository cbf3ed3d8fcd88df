//! What a pasted or scanned `hutong:` link is, before anything is done with it.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Id};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(LinkOpen, LinkKind, LinkPreview)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// A link to look at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LinkOpen {
    /// A `hutong:` link.
    pub uri: String,
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A person.
    Contact,
    /// A public group.
    Group,
    /// A store.
    Store,
    /// One listing of a store.
    Listing,
}

/// What a link says, and what this node knows about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkPreview {
    /// What it leads to.
    pub kind: LinkKind,
    /// The account or group.
    pub id: Id,
    /// The listing, if it leads to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
    /// The name: this node's knowledge first, else the link's claim.
    #[schema(required)]
    pub name: Option<String>,
    /// The picture, if known.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Whether this node knows it already.
    pub known: bool,
}
