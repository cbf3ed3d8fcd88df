//! Public groups.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    engine::{ChatId, Cx, EngineError},
    group,
};
use hutong_protocol::{
    GroupId, Topic,
    ids::to_base32,
    link::{Link, Target},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blob, chat_view,
    common::{BlobHash, Id, Party, present},
    link,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// Members named in a group's page. A page that lists ten thousand is of use to nobody.
const MEMBERS_SHOWN: usize = 200;

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
    /// Who founded it; `null` until the founder's record is here.
    #[schema(required)]
    pub owner: Option<Id>,
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

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(join))
        .routes(routes!(get, update))
        .routes(routes!(leave))
}

/// Connected peers by topic.
type Followers = BTreeMap<Topic, usize>;

async fn followers(state: &AppState) -> ApiResult<Followers> {
    Ok(state.node().network().await?.topics.into_iter().collect())
}

/// The name to show for a group: its own, or a short form of its id until the founder's record is here.
pub(crate) fn title(group: &GroupId, row: &group::view::GroupRow) -> String {
    if row.name.is_empty() { to_base32(group.0.get(..5).unwrap_or_default()) } else { row.name.clone() }
}

/// A link by which others can join.
pub(crate) fn uri(views: &Views<'_>, group: GroupId, name: &str) -> String {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Link::new(Target::Group(group), name, views.node.addresses()).to_string()
}

fn shape(views: &Views<'_>, group: &GroupId, followers: &Followers) -> Result<Option<Group>, EngineError> {
    let Some(row) = group::view::get(views.read, group)? else { return Ok(None) };
    let mut members = Vec::new();
    for (account, member) in group::view::members(views.read, group, MEMBERS_SHOWN)? {
        let party = views.party(&account)?;
        members.push(Party { picture: party.picture.or(member.picture.map(Into::into)), ..party });
    }
    let me = views.me.map(Id::from);
    let owner = row.owner.map(Id::from);
    // Those one looks for first: the founder, oneself, one's contacts.
    members.sort_by_cached_key(|party| {
        let rank = (Some(party.account) != owner, Some(party.account) != me, !party.is_contact);
        (rank, party.name.to_lowercase(), party.account)
    });
    let peers = followers.get(&Topic::of_group(*group)).copied().unwrap_or_default();
    Ok(Some(Group {
        group: (*group).into(),
        uri: uri(views, *group, &row.name),
        name: title(group, &row),
        about: row.about,
        picture: row.picture.map(Into::into),
        owner,
        mine: owner.is_some() && owner == me,
        joined: row.joined,
        member_count: row.member_count,
        members,
        peers: u32::try_from(peers).unwrap_or(u32::MAX),
        chat: chat_view::name(&ChatId::Group(*group)),
    }))
}

async fn one(state: &AppState, group: GroupId) -> ApiResult<Group> {
    let followers = followers(state).await?;
    let found = state.view(move |views| shape(views, &group, &followers)).await?;
    found.ok_or_else(|| ApiError::not_found("This group is not known here. Open its link first."))
}

/// The groups I am in, by name.
#[utoipa::path(get, path = "/api/groups", tag = "groups", responses((status = 200, body = Vec<Group>)))]
async fn list(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Group>>> {
    let followers = followers(&state).await?;
    let list = move |views: &Views<'_>| {
        let mut groups = Vec::new();
        for (group, row) in group::view::list(views.read)? {
            if row.joined {
                groups.extend(shape(views, &group, &followers)?);
            }
        }
        groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.group));
        Ok(groups)
    };
    state.view(list).await.map(Json)
}

/// Founds a public group and joins it.
#[utoipa::path(post, path = "/api/groups", tag = "groups", request_body = GroupCreate, responses(
    (status = 201, body = Group),
    (status = 422, body = Problem),
))]
async fn create(
    State(state): State<AppState>,
    _: Auth,
    Json(order): Json<GroupCreate>,
) -> ApiResult<(StatusCode, Json<Group>)> {
    blob::require(&state, order.picture, "picture").await?;
    let picture = order.picture.map(Into::into);
    let (name, about) = (order.name, order.about);
    let new = group::New { name, about, picture, ..group::New::default() };
    let group = state.node().call(move |cx| group::create(cx, new)).await?;
    Ok((StatusCode::CREATED, Json(one(&state, group).await?)))
}

/// Joins a group by its link.
#[utoipa::path(post, path = "/api/groups/join", tag = "groups", request_body = GroupJoin, responses(
    (status = 200, body = Group),
    (status = 422, body = Problem),
))]
async fn join(State(state): State<AppState>, _: Auth, Json(order): Json<GroupJoin>) -> ApiResult<Json<Group>> {
    let link = link::parse(&order.uri)?;
    let Target::Group(group) = link.target else {
        return Err(ApiError::invalid("uri", "This link leads to no group. Paste a group's link."));
    };
    state.node().call(move |cx| group::join(cx, group, link.name, link.addresses)).await?;
    one(&state, group).await.map(Json)
}

/// A group.
#[utoipa::path(get, path = "/api/groups/{group}", tag = "groups", params(("group" = Id, Path)), responses(
    (status = 200, body = Group),
    (status = 404, body = Problem),
))]
async fn get(State(state): State<AppState>, _: Auth, Path(group): Path<Id>) -> ApiResult<Json<Group>> {
    one(&state, group.into()).await.map(Json)
}

/// Changes a group of mine.
#[utoipa::path(patch, path = "/api/groups/{group}", tag = "groups", params(("group" = Id, Path)),
    request_body = GroupUpdate, responses(
        (status = 200, body = Group),
        (status = 403, body = Problem, description = "Somebody else founded it"),
        (status = 422, body = Problem),
    ))]
async fn update(
    State(state): State<AppState>,
    _: Auth,
    Path(group): Path<Id>,
    Json(order): Json<GroupUpdate>,
) -> ApiResult<Json<Group>> {
    blob::require(&state, order.picture.flatten(), "picture").await?;
    let update = move |cx: &mut Cx<'_>| {
        let picture = order.picture.map(|picture| picture.map(Into::into));
        group::update(cx, group.into(), order.name.as_deref(), order.about.as_deref(), picture)
    };
    state.node().call(update).await?;
    one(&state, group.into()).await.map(Json)
}

/// Leaves a group.
#[utoipa::path(post, path = "/api/groups/{group}/leave", tag = "groups", params(("group" = Id, Path)), responses(
    (status = 204, description = "Left"),
    (status = 404, body = Problem),
))]
async fn leave(State(state): State<AppState>, _: Auth, Path(group): Path<Id>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| group::leave(cx, group.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}
