//! The people in a group: who they are, what they may do, who is let in and put out by an admin.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    chat,
    engine::{ChatId, CommandError, Cx},
    group::{self, act},
};
use hutong_protocol::{AccountId, GroupId, TimestampMs, limits::GROUP_MEMBERS_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{Id, Ms, Party},
    group::{Member, Role, accounts},
    group_view::{card, member},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path, Query},
    state::AppState,
    views::Views,
};

/// Members in a page unless the request says otherwise.
const PAGE_DEFAULT: u32 = 100;
/// Members in a page at most.
const PAGE_MAX: u32 = 200;

/// Which members.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// The account at the end of an earlier page.
    pub after: Option<Id>,
    /// How many, at most 200; 100 if absent.
    pub limit: Option<u32>,
    /// What stands in their names.
    #[serde(default)]
    pub q: String,
}

/// A page of members, in the order of their accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMemberPage {
    /// The members.
    pub members: Vec<Member>,
    /// Pass as `after` for the next page; `null` at the end.
    #[schema(required)]
    pub after: Option<Id>,
}

/// Who shall be in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupMembersAdd {
    /// Contacts of mine.
    pub accounts: Vec<Id>,
}

/// How somebody is put out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RemoveQuery {
    /// Whether they may not come back. Who is in an open public group can only be put out for good.
    #[serde(default)]
    pub ban: bool,
    /// What they said since then goes, too.
    pub since_ms: Option<u64>,
}

/// What somebody may do from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupRoleChange {
    /// `owner` hands the group over: I become an admin.
    pub role: Role,
}

/// Until when somebody may not speak.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupMute {
    /// At most a year from now; `null`: they may speak again.
    #[schema(required)]
    pub until: Option<Ms>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(remove))
        .routes(routes!(role))
        .routes(routes!(mute))
        .routes(routes!(banned))
        .routes(routes!(pardon))
}

/// The members of a group, page by page.
#[utoipa::path(get, path = "/api/groups/{group}/members", tag = "groups", params(("group" = Id, Path), MembersQuery),
    responses((status = 200, body = GroupMemberPage), (status = 404, body = Problem)))]
async fn list(
    State(state): State<AppState>,
    _: Auth,
    Path(group): Path<Id>,
    Query(query): Query<MembersQuery>,
) -> ApiResult<Json<GroupMemberPage>> {
    let (group, after) = (GroupId::from(group), query.after.map(AccountId::from));
    let limit = usize::try_from(query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)).unwrap_or(1);
    let words = query.q.trim().to_lowercase();
    let look = move |views: &Views<'_>| {
        if group::view::get(views.read, &group)?.is_none() {
            return Ok(None);
        }
        // Without words one more than asked for says whether there are more.
        let look_at = if words.is_empty() { limit.saturating_add(1) } else { GROUP_MEMBERS_MAX };
        let mut members = Vec::new();
        for (account, row) in group::view::members_after(views.read, &group, after.as_ref(), look_at)? {
            if members.len() > limit {
                break;
            }
            let found = words.is_empty()
                || row.name.to_lowercase().contains(&words)
                || views.party(&account)?.name.to_lowercase().contains(&words);
            if found {
                members.push(member(views, &group, &account, &row)?);
            }
        }
        let more = members.len() > limit;
        members.truncate(limit);
        let after = members.last().filter(|_| more).map(|last| last.party.account);
        Ok(Some(GroupMemberPage { members, after }))
    };
    state.view(look).await?.map(Json).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("This group is not known here. Open its link first.")
}

/// Lets contacts in. Into a private group they come at once; for a public one that asks they get a card, by which they
/// come in without being asked.
#[utoipa::path(post, path = "/api/groups/{group}/members", tag = "groups", params(("group" = Id, Path)),
    request_body = GroupMembersAdd, responses(
        (status = 204, description = "They are let in"),
        (status = 403, body = Problem, description = "My role does not allow it, or one of them was put out for good"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The group is full, or open to all"),
        (status = 422, body = Problem, description = "One of them is no contact"),
    ))]
async fn add(
    State(state): State<AppState>,
    _: Auth,
    Path(group): Path<Id>,
    Json(order): Json<GroupMembersAdd>,
) -> ApiResult<StatusCode> {
    let (group, accounts) = (GroupId::from(group), accounts(&order.accounts, "accounts")?);
    if accounts.is_empty() {
        return Err(ApiError::invalid("accounts", "Name at least one contact."));
    }
    let add = move |cx: &mut Cx<'_>| {
        let state = group::view::state(cx.read(), &group)?.ok_or(CommandError::NotFound("this group"))?;
        if !group.is_private() && state.settings.door == hutong_protocol::group::Door::Open {
            return Err(CommandError::refused("group_open", "anybody with the link comes in: send it to them"));
        }
        act::add(cx, group, &accounts)?;
        for account in accounts.iter().filter(|_| !group.is_private()) {
            let chat = ChatId::Direct(*account);
            let card = card(cx, &chat, group)?;
            chat::send(cx, chat, chat::content("", None, Some(card))?)?;
        }
        Ok(())
    };
    state.node().call(add).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts somebody out.
#[utoipa::path(delete, path = "/api/groups/{group}/members/{account}", tag = "groups",
    params(("group" = Id, Path), ("account" = Id, Path), RemoveQuery), responses(
        (status = 204, description = "They are out"),
        (status = 403, body = Problem, description = "I do not stand above them, or they are not in the group"),
        (status = 409, body = Problem, description = "It is myself: leave instead"),
    ))]
async fn remove(
    State(state): State<AppState>,
    _: Auth,
    Path((group, account)): Path<(Id, Id)>,
    Query(query): Query<RemoveQuery>,
) -> ApiResult<StatusCode> {
    let since = query.since_ms.map(TimestampMs);
    state.node().call(move |cx| act::remove(cx, group.into(), account.into(), query.ban, since)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives somebody another role. Only the owner does that.
#[utoipa::path(put, path = "/api/groups/{group}/members/{account}/role", tag = "groups",
    params(("group" = Id, Path), ("account" = Id, Path)), request_body = GroupRoleChange, responses(
        (status = 204, description = "They have it"),
        (status = 403, body = Problem, description = "I am not the owner, or they are not in the group"),
    ))]
async fn role(
    State(state): State<AppState>,
    _: Auth,
    Path((group, account)): Path<(Id, Id)>,
    Json(order): Json<GroupRoleChange>,
) -> ApiResult<StatusCode> {
    state.node().call(move |cx| act::appoint(cx, group.into(), account.into(), order.role.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mutes somebody for a time, or lets them speak again.
#[utoipa::path(put, path = "/api/groups/{group}/members/{account}/mute", tag = "groups",
    params(("group" = Id, Path), ("account" = Id, Path)), request_body = GroupMute, responses(
        (status = 204, description = "It holds"),
        (status = 403, body = Problem, description = "I do not stand above them"),
        (status = 422, body = Problem, description = "It is more than a year"),
    ))]
async fn mute(
    State(state): State<AppState>,
    _: Auth,
    Path((group, account)): Path<(Id, Id)>,
    Json(order): Json<GroupMute>,
) -> ApiResult<StatusCode> {
    let until = order.until.map_or(TimestampMs(0), Into::into);
    state.node().call(move |cx| act::mute(cx, group.into(), account.into(), until)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who may not come back into a group.
#[utoipa::path(get, path = "/api/groups/{group}/banned", tag = "groups", params(("group" = Id, Path)),
    responses((status = 200, body = Vec<Party>), (status = 404, body = Problem)))]
async fn banned(State(state): State<AppState>, _: Auth, Path(group): Path<Id>) -> ApiResult<Json<Vec<Party>>> {
    let look = move |views: &Views<'_>| {
        let Some(state) = group::view::state(views.read, &group.into())? else { return Ok(None) };
        state.banned.keys().map(|account| views.party(account)).collect::<Result<Vec<_>, _>>().map(Some)
    };
    state.view(look).await?.map(Json).ok_or_else(unknown)
}

/// Lets somebody come back who was put out for good.
#[utoipa::path(delete, path = "/api/groups/{group}/banned/{account}", tag = "groups",
    params(("group" = Id, Path), ("account" = Id, Path)), responses(
        (status = 204, description = "They may come back"),
        (status = 403, body = Problem, description = "My role does not allow it"),
    ))]
async fn pardon(
    State(state): State<AppState>,
    _: Auth,
    Path((group, account)): Path<(Id, Id)>,
) -> ApiResult<StatusCode> {
    state.node().call(move |cx| act::pardon(cx, group.into(), account.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}
