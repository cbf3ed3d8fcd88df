//! One box that finds all that this node knows.

use std::collections::BTreeSet;

use axum::extract::State;
use hutong_node::{
    contact,
    search::{Hit, Kind, Query as Question, Section},
};
use hutong_protocol::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{BlobHash, Money, Ms},
    trust,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Query},
    state::AppState,
};

/// Hits per kind unless the request says otherwise: what fits below the box.
const HITS_DEFAULT: u32 = 8;
/// Hits per kind at most: a page of goods.
const HITS_MAX: u32 = 50;

/// What to look for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// What was typed so far; nothing finds nothing.
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

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Finds goods, stores, people, groups and messages, as one types.
#[utoipa::path(get, path = "/api/search", tag = "search", params(SearchQuery), responses(
    (status = 200, body = SearchResults),
    (status = 422, body = Problem),
))]
async fn search(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<SearchQuery>,
) -> ApiResult<Json<SearchResults>> {
    let kinds = parse_kinds(query.kinds.as_deref().unwrap_or_default())?;
    let limit = usize::try_from(query.limit.unwrap_or(HITS_DEFAULT).clamp(1, HITS_MAX)).unwrap_or(1);
    let index = state.node().search().clone();
    let social = state.view(trust::social_context).await?;
    let blocked = state.view(|views| contact::view::blocked(views.read)).await?;
    let find = move || {
        // Wall-clock time as an answer to the person, not as an input of anything.
        let started = std::time::Instant::now();
        let question = Question { text: &query.q, kinds: &kinds, limit, typing: true, social: &social };
        let results = index.search(&question)?;
        let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let sections = results.sections.into_iter().map(|section| shown(section, &blocked)).collect();
        Ok::<_, hutong_node::search::SearchError>(SearchResults { query: query.q, sections, took_us })
    };
    let found = tokio::task::spawn_blocking(find).await.map_err(ApiError::internal)?;
    found.map(Json).map_err(ApiError::internal)
}

fn parse_kinds(text: &str) -> ApiResult<Vec<Kind>> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let kinds = names.map(|name| {
        let message = "Kinds are listing, store, person, group and message, separated by commas.";
        Kind::from_name(name).ok_or_else(|| ApiError::invalid("kinds", message))
    });
    kinds.collect()
}

const fn kind(kind: Kind) -> SearchKind {
    match kind {
        Kind::Listing => SearchKind::Listing,
        Kind::Store => SearchKind::Store,
        Kind::Person => SearchKind::Person,
        Kind::Group => SearchKind::Group,
        Kind::Message => SearchKind::Message,
    }
}

/// A section without what is of blocked accounts: it is found, and not shown.
fn shown(mut section: Section, blocked: &BTreeSet<AccountId>) -> SearchSection {
    let before = section.hits.len();
    // A group is more than who founded it.
    section.hits.retain(|hit| hit.document.key.kind() == Kind::Group || !blocked.contains(&hit.document.account));
    let total = section.total.saturating_sub(before.saturating_sub(section.hits.len()));
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    SearchSection { kind: kind(section.kind), total, hits: section.hits.into_iter().map(hit).collect() }
}

fn hit(hit: Hit) -> SearchHit {
    let document = hit.document;
    SearchHit {
        kind: kind(document.key.kind()),
        id: document.key.id().to_owned(),
        title: document.title,
        snippet: hit.snippet,
        highlights: hit.highlights,
        picture: document.picture.map(Into::into),
        price: document.price.map(Into::into),
        why: hit.why.iter().map(ToString::to_string).collect(),
        at: Some(document.at.into()).filter(|at| *at != Ms(0)),
        available: document.in_stock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_names() {
        assert_eq!(parse_kinds(""), Ok(Vec::new()));
        assert_eq!(parse_kinds("listing, person"), Ok(vec![Kind::Listing, Kind::Person]));
        assert_eq!(parse_kinds("listing,ghost").unwrap_err().status(), 422);
    }
}
