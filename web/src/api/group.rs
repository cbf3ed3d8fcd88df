//! Groups: what they are, and how one comes in and goes.

use std::collections::BTreeSet;

use axum::{extract::State, http::StatusCode};
use hutong_node::{engine::Cx, group};
use hutong_protocol::{AccountId, GroupId, link::Target};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blob,
    common::{BlobHash, Id, Ms, Party, present},
    group_view::{Followers, shape},
    link,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// Questions and members of one request at most: more is a mistake.
const ACCOUNTS_MAX: usize = hutong_protocol::limits::PRIVATE_GROUP_MEMBERS_MAX;

/// What somebody may do in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupRole)]
pub enum Role {
    /// Speaks.
    #[default]
    Member,
    /// Also lets in, puts out, pins, mutes, changes what the group says of itself.
    Admin,
    /// Also makes admins. There is one.
    Owner,
}

/// Who may come into a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupDoor)]
pub enum Door {
    /// Whoever has the link. In a private group: an invitation.
    #[default]
    Open,
    /// Whoever is let in.
    Ask,
}

/// What holds in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSettings {
    /// Who may come in.
    pub door: Door,
    /// Whether members, too, may let others in; otherwise only admins.
    pub members_invite: bool,
    /// Whether newcomers get what was said before (private groups; what is said in a public one anybody may read).
    pub history: bool,
    /// A member says one thing in so many seconds, at most a day; 0: as much as they like.
    #[schema(maximum = 86_400)]
    pub slow_seconds: u32,
    /// What is asked of those who want to come in, at most five lines.
    #[schema(max_items = 5)]
    pub questions: Vec<String>,
}

/// Why I am not in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupOut {
    /// I left.
    Left,
    /// An admin put me out.
    Removed,
    /// Whoever I asked said no, or my invitation is not valid any more.
    Refused,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GroupMember)]
pub struct Member {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// What they may do.
    pub role: Role,
    /// Until when they may not speak, if they are muted now.
    #[schema(required)]
    pub muted_until: Option<Ms>,
}

/// A message on top of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupPin {
    /// Which.
    pub message: Id,
    /// When it was said.
    pub at: Ms,
    /// Who said it; `null` until it is here.
    #[schema(required)]
    pub author: Option<Party>,
    /// The beginning of its text.
    pub text: String,
}

/// Founds a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct GroupCreate {
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub about: String,
    /// Its picture.
    #[serde(default)]
    pub picture: Option<BlobHash>,
    /// Whether only its members know what is said in it. That never changes.
    #[serde(default)]
    pub private: bool,
    /// What holds in it; the defaults if absent.
    #[serde(default)]
    pub settings: Option<GroupSettings>,
    /// Contacts who are in from the beginning (private groups).
    #[serde(default)]
    pub members: Vec<Id>,
}

/// Joins a group by its link.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct GroupJoin {
    /// A `hutong:group/…` link.
    pub uri: String,
    /// A sentence to whoever lets in.
    #[serde(default)]
    pub text: String,
    /// Answers to the group's questions, in their order.
    #[serde(default)]
    pub answers: Vec<String>,
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
    /// What holds in it, all of it.
    #[serde(default)]
    pub settings: Option<GroupSettings>,
}

/// A group.
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
    /// Whether only its members know what is said in it. Otherwise anybody who has the link can read it.
    pub private: bool,
    /// Its owner; `null` until the group's log is here.
    #[schema(required)]
    pub owner: Option<Id>,
    /// Whether I am.
    pub mine: bool,
    /// Whether I am in it.
    pub joined: bool,
    /// What I may do in it; `null` if I am not in it.
    #[schema(required)]
    pub my_role: Option<Role>,
    /// Whether I may invite others.
    pub may_invite: bool,
    /// Since when I wait to be let in.
    #[schema(required)]
    pub asked_at: Option<Ms>,
    /// Why I am not in it, or not any more.
    #[schema(required)]
    pub out: Option<GroupOut>,
    /// Until when I may not speak, if I am muted now.
    #[schema(required)]
    pub muted_until: Option<Ms>,
    /// What holds in it.
    pub settings: GroupSettings,
    /// Members known.
    pub member_count: u32,
    /// The first of them, at most 200: the owner, admins, me, my contacts, then others by name.
    pub members: Vec<Member>,
    /// Messages on top, the newest pin first.
    pub pins: Vec<GroupPin>,
    /// How many wait for me to let them in.
    pub requests: u32,
    /// A link by which others can join, or ask to. It carries no invitation.
    pub uri: String,
    /// Connected peers that follow it (public groups).
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

async fn followers(state: &AppState) -> ApiResult<Followers> {
    Ok(state.node().network().await?.topics.into_iter().collect())
}

pub(super) async fn one(state: &AppState, group: GroupId) -> ApiResult<Group> {
    let followers = followers(state).await?;
    let found = state.view(move |views| shape(views, &group, &followers)).await?;
    found.ok_or_else(|| ApiError::not_found("This group is not known here. Open its link first."))
}

/// The groups I am in, and those that I wait to be let into, by name.
#[utoipa::path(get, path = "/api/groups", tag = "groups", responses((status = 200, body = Vec<Group>)))]
async fn list(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Group>>> {
    let followers = followers(&state).await?;
    let list = move |views: &Views<'_>| {
        let mut groups = Vec::new();
        for (group, row) in group::view::list(views.read)? {
            if row.joined || row.asked.is_some() {
                groups.extend(shape(views, &group, &followers)?);
            }
        }
        groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.group));
        Ok(groups)
    };
    state.view(list).await.map(Json)
}

/// Founds a group and joins it.
#[utoipa::path(post, path = "/api/groups", tag = "groups", request_body = GroupCreate, responses(
    (status = 201, body = Group),
    (status = 422, body = Problem, description = "A text is missing or too long, or a member is no contact"),
))]
async fn create(
    State(state): State<AppState>,
    _: Auth,
    Json(order): Json<GroupCreate>,
) -> ApiResult<(StatusCode, Json<Group>)> {
    blob::require(&state, order.picture, "picture").await?;
    if !order.private && !order.members.is_empty() {
        let message = "Nobody is put into a public group: found it, then send them its link.";
        return Err(ApiError::invalid("members", message));
    }
    let members = accounts(&order.members, "members")?;
    let (picture, settings) = (order.picture.map(Into::into), order.settings.unwrap_or_default().into());
    let new = group::New { name: order.name, about: order.about, picture, private: order.private, settings };
    let found = move |cx: &mut Cx<'_>| {
        let group = group::create(cx, new)?;
        group::act::add(cx, group, &members)?;
        Ok(group)
    };
    let group = state.node().call(found).await?;
    Ok((StatusCode::CREATED, Json(one(&state, group).await?)))
}

/// Accounts of a request, each once.
pub(super) fn accounts(ids: &[Id], field: &'static str) -> ApiResult<Vec<AccountId>> {
    if ids.len() > ACCOUNTS_MAX {
        return Err(ApiError::invalid(field, "These are more than a group holds."));
    }
    let distinct: BTreeSet<AccountId> = ids.iter().map(|id| AccountId::from(*id)).collect();
    Ok(distinct.into_iter().collect())
}

/// Joins a group by its link: at once where the door is open or an invitation lets in, otherwise by asking; then
/// `asked_at` is set.
#[utoipa::path(post, path = "/api/groups/join", tag = "groups", request_body = GroupJoin, responses(
    (status = 200, body = Group),
    (status = 403, body = Problem, description = "I was put out for good"),
    (status = 409, body = Problem, description = "The group is private and the link names nobody to ask"),
    (status = 422, body = Problem),
))]
async fn join(State(state): State<AppState>, _: Auth, Json(order): Json<GroupJoin>) -> ApiResult<Json<Group>> {
    let link = link::parse(&order.uri)?;
    let Target::Group(group) = link.target else {
        return Err(ApiError::invalid("uri", "This link leads to no group. Paste a group's link."));
    };
    let come = move |cx: &mut Cx<'_>| {
        let (name, addresses) = (link.name, link.addresses);
        let invitation = group::Invitation { name, host: link.host, ticket: link.ticket, addresses };
        group::come(cx, group, invitation, &order.text, &order.answers)
    };
    state.node().call(come).await?;
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

/// Changes what a group says of itself, and what holds in it.
#[utoipa::path(patch, path = "/api/groups/{group}", tag = "groups", params(("group" = Id, Path)),
    request_body = GroupUpdate, responses(
        (status = 200, body = Group),
        (status = 403, body = Problem, description = "My role does not allow it"),
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
        let (name, about) = (order.name.as_deref(), order.about.as_deref());
        let picture = order.picture.map(|picture| picture.map(Into::into));
        if name.is_some() || about.is_some() || picture.is_some() {
            group::update(cx, group.into(), name, about, picture)?;
        }
        order.settings.map_or(Ok(()), |settings| group::act::set(cx, group.into(), settings.into()))
    };
    state.node().call(update).await?;
    one(&state, group.into()).await.map(Json)
}

/// Leaves a group, gives up waiting to be let in, or puts away one that I was put out of.
#[utoipa::path(post, path = "/api/groups/{group}/leave", tag = "groups", params(("group" = Id, Path)), responses(
    (status = 204, description = "Left"),
    (status = 404, body = Problem),
))]
async fn leave(State(state): State<AppState>, _: Auth, Path(group): Path<Id>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| group::leave(cx, group.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}
