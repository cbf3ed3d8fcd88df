//! Public groups.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Id, Party, present};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(GroupCreate, GroupJoin, GroupUpdate, Group)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// Founds a public group.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupCreate {
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub about: String,
    /// Its picture.
    #[serde(default)]
    pub picture: Option<BlobHash>,
}

/// Joins a group by its link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupJoin {
    /// A `hutong:group/…` link.
    pub uri: String,
}

/// Changes a group of mine; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct GroupUpdate {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub about: Option<String>,
    /// Its picture; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BlobHash>)]
    pub picture: Option<Option<BlobHash>>,
}

/// A public group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Which.
    pub group: Id,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// Its picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Who founded it.
    pub owner: Id,
    /// Whether I did.
    pub mine: bool,
    /// Whether I am in it.
    pub joined: bool,
    /// Members known.
    pub member_count: u32,
    /// The first of them.
    pub members: Vec<Party>,
    /// A link by which others can join.
    pub uri: String,
    /// Connected peers that follow it.
    pub peers: u32,
    /// Its conversation.
    pub chat: String,
}
