//! How others come into a group: invitations and requests. And what is on top of it.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    chat,
    engine::{ChatId, CommandError, Cx, EngineError},
    group::{self, act, knock},
};
use hutong_protocol::{
    AccountId, GroupId, RecordId,
    group::TicketSecret,
    link::{Link, Target},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::common::{Id, Ms, Party};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path},
    state::{AppState, now_ms},
    views::Views,
};

/// Days for which an invitation is valid unless the request says otherwise.
const DAYS_DEFAULT: u32 = 28;
/// Days for which an invitation is valid at most.
const DAYS_MAX: u32 = 365;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// An invitation to make.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct GroupInvite {
    /// For how many days it is valid, at most 365; 28 if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365)]
    pub days: Option<u32>,
    /// For this account alone.
    #[serde(default)]
    pub account: Option<Id>,
}

/// An invitation that this node made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupInvitation {
    /// Its name.
    pub ticket: Id,
    /// When it was made.
    pub created_at: Ms,
    /// Until when it is valid.
    pub until: Ms,
    /// For whom alone; `null`: for whoever has it.
    #[schema(required)]
    pub account: Option<Party>,
    /// The link that carries it. Who has it comes in.
    pub uri: String,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupAnswer {
    /// The question; empty if it is not asked any more.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// Somebody who wants to come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupRequest {
    /// Who.
    pub party: Party,
    /// Their sentence.
    pub text: String,
    /// What they answered.
    pub answers: Vec<GroupAnswer>,
    /// When they asked.
    pub at: Ms,
}

/// Yes or no.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupDecision {
    /// Whether they are let in.
    pub accept: bool,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(invitations, invite))
        .routes(routes!(revoke))
        .routes(routes!(requests))
        .routes(routes!(decide))
        .routes(routes!(pin, unpin))
}

fn uri(views: &Views<'_>, group: GroupId, name: &str, ticket: TicketSecret) -> String {
    let link = Link::new(Target::Group(group), Some(name.to_owned()), views.node.addresses());
    Link { host: views.me, ticket: Some(ticket), ..link }.to_string()
}

fn own(views: &Views<'_>, group: GroupId) -> Result<Option<Vec<GroupInvitation>>, EngineError> {
    let Some(state) = group::view::state(views.read, &group)? else { return Ok(None) };
    let mut invitations = Vec::new();
    for (ticket, row) in group::view::tickets(views.read, &group)? {
        // Another admin may have revoked it.
        if row.until.0 <= now_ms() || !state.tickets.contains_key(&ticket) {
            continue;
        }
        invitations.push(GroupInvitation {
            ticket: ticket.into(),
            created_at: row.at.into(),
            until: row.until.into(),
            account: row.account.map(|account| views.party(&account)).transpose()?,
            uri: uri(views, group, &state.details.name, row.secret),
        });
    }
    invitations.sort_by_key(|invitation| std::cmp::Reverse((invitation.created_at, invitation.ticket)));
    Ok(Some(invitations))
}

fn unknown() -> ApiError {
    ApiError::not_found("This group is not known here. Open its link first.")
}

/// The invitations that this node made and that are valid, the newest first.
#[utoipa::path(get, path = "/api/groups/{group}/invitations", tag = "groups", params(("group" = Id, Path)),
    responses((status = 200, body = Vec<GroupInvitation>), (status = 404, body = Problem)))]
async fn invitations(
    State(state): State<AppState>,
    _: Auth,
    Path(group): Path<Id>,
) -> ApiResult<Json<Vec<GroupInvitation>>> {
    state.view(move |views| own(views, group.into())).await?.map(Json).ok_or_else(unknown)
}

/// Makes an invitation.
#[utoipa::path(post, path = "/api/groups/{group}/invitations", tag = "groups", params(("group" = Id, Path)),
    request_body = GroupInvite, responses(
        (status = 201, body = GroupInvitation),
        (status = 403, body = Problem, description = "My role does not allow it"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "There are too many"),
        (status = 422, body = Problem),
    ))]
async fn invite(
    State(state): State<AppState>,
    _: Auth,
    Path(group): Path<Id>,
    Json(order): Json<GroupInvite>,
) -> ApiResult<(StatusCode, Json<GroupInvitation>)> {
    let days = order.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ApiError::invalid("days", "An invitation is valid for 1 to 365 days."));
    }
    let (group, account) = (GroupId::from(group), order.account.map(AccountId::from));
    let for_ms = u64::from(days).saturating_mul(DAY_MS);
    let invite = move |cx: &mut Cx<'_>| {
        if group::view::state(cx.read(), &group)?.is_none() {
            return Err(CommandError::NotFound("this group"));
        }
        Ok(knock::invite(cx, group, account, for_ms)?.key().id())
    };
    let ticket = Id::from(state.node().call(invite).await?);
    let made = state.view(move |views| own(views, group)).await?.unwrap_or_default();
    let made = made.into_iter().find(|invitation| invitation.ticket == ticket);
    Ok((StatusCode::CREATED, Json(made.ok_or_else(|| ApiError::internal("an invitation vanished"))?)))
}

/// Makes an invitation worthless. Who came in with it stays.
#[utoipa::path(delete, path = "/api/groups/{group}/invitations/{ticket}", tag = "groups",
    params(("group" = Id, Path), ("ticket" = Id, Path)), responses(
        (status = 204, description = "It is worth nothing"),
        (status = 403, body = Problem, description = "Another made it, and I am no admin"),
        (status = 404, body = Problem),
    ))]
async fn revoke(
    State(state): State<AppState>,
    _: Auth,
    Path((group, ticket)): Path<(Id, Id)>,
) -> ApiResult<StatusCode> {
    let (group, ticket) = (GroupId::from(group), AccountId::from(ticket));
    let revoke = move |cx: &mut Cx<'_>| {
        if !group::view::state(cx.read(), &group)?.is_some_and(|state| state.tickets.contains_key(&ticket)) {
            return Err(CommandError::NotFound("this invitation"));
        }
        knock::revoke(cx, group, ticket)
    };
    state.node().call(revoke).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Those who want to come in and asked this node, the earliest first.
#[utoipa::path(get, path = "/api/groups/{group}/requests", tag = "groups", params(("group" = Id, Path)),
    responses((status = 200, body = Vec<GroupRequest>), (status = 404, body = Problem)))]
async fn requests(State(state): State<AppState>, _: Auth, Path(group): Path<Id>) -> ApiResult<Json<Vec<GroupRequest>>> {
    let group = GroupId::from(group);
    let look = move |views: &Views<'_>| {
        let Some(state) = group::view::state(views.read, &group)? else { return Ok(None) };
        let mut requests = Vec::new();
        for (account, asked) in group::view::knocks(views.read, &group)? {
            let party = views.party(&account)?;
            let claimed = asked.knock.newcomer;
            // Of a stranger only what they say of themselves is known.
            let known = party.is_contact || hutong_node::account::view::profile(views.read, &account)?.is_some();
            let party = if known {
                party
            } else {
                Party { name: claimed.name, picture: claimed.picture.map(Into::into), ..party }
            };
            let questions = state.settings.questions.iter().cloned().chain(std::iter::repeat(String::new()));
            let answers = asked.knock.answers.into_iter().zip(questions);
            let answers = answers.map(|(answer, question)| GroupAnswer { question, answer }).collect();
            requests.push(GroupRequest { party, text: asked.knock.text, answers, at: asked.at.into() });
        }
        requests.sort_by_key(|request| (request.at, request.party.account));
        Ok(Some(requests))
    };
    state.view(look).await?.map(Json).ok_or_else(unknown)
}

/// Lets somebody in who asked, or says no.
#[utoipa::path(post, path = "/api/groups/{group}/requests/{account}", tag = "groups",
    params(("group" = Id, Path), ("account" = Id, Path)), request_body = GroupDecision, responses(
        (status = 204, description = "They are told"),
        (status = 403, body = Problem, description = "My role does not allow it"),
        (status = 404, body = Problem, description = "They did not ask"),
        (status = 409, body = Problem, description = "The group is full"),
    ))]
async fn decide(
    State(state): State<AppState>,
    _: Auth,
    Path((group, account)): Path<(Id, Id)>,
    Json(order): Json<GroupDecision>,
) -> ApiResult<StatusCode> {
    state.node().call(move |cx| knock::decide(cx, group.into(), account.into(), order.accept)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_pin(state: &AppState, (group, message): (Id, Id), pinned: bool) -> ApiResult<StatusCode> {
    let (group, message) = (GroupId::from(group), RecordId::from(message));
    let pin = move |cx: &mut Cx<'_>| {
        let known = group::view::state(cx.read(), &group)?.unwrap_or_default().pins;
        let known = known.into_iter().find(|(id, _)| *id == message).map(|(_, at)| at);
        if known.is_some() == pinned {
            return Ok(());
        }
        let said = chat::view::message(cx.read(), &ChatId::Group(group), &message)?;
        let said = said.filter(|said| said.gone.is_none()).map(|said| said.at);
        let at = known.or(said).ok_or(CommandError::NotFound("this message"))?;
        act::pin(cx, group, (message, at), pinned)
    };
    state.node().call(pin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a message on top of a group, at most 16: the oldest pin makes room.
#[utoipa::path(put, path = "/api/groups/{group}/pins/{message}", tag = "groups",
    params(("group" = Id, Path), ("message" = Id, Path)), responses(
        (status = 204, description = "It is on top"),
        (status = 403, body = Problem, description = "My role does not allow it"),
        (status = 404, body = Problem),
    ))]
async fn pin(State(state): State<AppState>, _: Auth, Path(path): Path<(Id, Id)>) -> ApiResult<StatusCode> {
    set_pin(&state, path, true).await
}

/// Takes a message down from the top.
#[utoipa::path(delete, path = "/api/groups/{group}/pins/{message}", tag = "groups",
    params(("group" = Id, Path), ("message" = Id, Path)), responses(
        (status = 204, description = "It is not on top"),
        (status = 403, body = Problem, description = "My role does not allow it"),
    ))]
async fn unpin(State(state): State<AppState>, _: Auth, Path(path): Path<(Id, Id)>) -> ApiResult<StatusCode> {
    set_pin(&state, path, false).await
}
