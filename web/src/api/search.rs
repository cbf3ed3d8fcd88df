//! One box that finds all that this node knows.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Money, Ms};
use crate::state::AppState;

/// What to look for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// What was typed so far.
    #[serde(default)]
    pub q: String,
    /// Kinds to look for, separated by commas; all if absent.
    pub kinds: Option<String>,
    /// Hits per kind, at most 50; 8 if absent.
    pub limit: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchResults {
    /// What was looked for.
    pub query: String,
    /// By kind, best kind first.
    pub sections: Vec<SearchSection>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

/// The hits of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchSection {
    /// Which kind.
    pub kind: SearchKind,
    /// How many there are in all.
    pub total: u32,
    /// The best of them.
    pub hits: Vec<SearchHit>,
}

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    /// Goods.
    Listing,
    /// Stores.
    Store,
    /// People.
    Person,
    /// Groups.
    Group,
    /// Messages.
    Message,
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// Which kind.
    pub kind: SearchKind,
    /// An id; of a listing `<store>/<listing>`, of a message `<chat>/<id>`.
    pub id: String,
    /// The title.
    pub title: String,
    /// Text around the hit.
    pub snippet: String,
    /// What matched in the title: start and end in UTF-16 units.
    pub highlights: Vec<(u32, u32)>,
    /// A picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// The lowest price.
    #[schema(required)]
    pub price: Option<Money>,
    /// Why it is shown here: `in_stock`, `bought_by:Mei`, `recommended_by:Li`.
    pub why: Vec<String>,
    /// When it was written.
    #[schema(required)]
    pub at: Option<Ms>,
    /// Whether it can be bought now.
    #[schema(required)]
    pub available: Option<bool>,
}

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(SearchResults)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}
