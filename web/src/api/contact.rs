//! Contacts and contact requests.

use axum::{extract::State, http::StatusCode};
use hutong_node::contact::view::ContactState as Known;
use hutong_node::{
    account, contact,
    engine::{CommandError, Cx, EngineError},
};
use hutong_protocol::{AccountId, account::safety_number, link::Target};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{BlobHash, Id, Ms, present},
    link,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// Asks somebody to be in touch: by their link, or by their account if this node knows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ContactAdd {
    /// A `hutong:contact/…` link.
    #[serde(default)]
    pub uri: Option<String>,
    /// An account.
    #[serde(default)]
    pub account: Option<Id>,
    /// A sentence that they see with the request.
    #[serde(default)]
    pub text: Option<String>,
}

/// Changes what only this node keeps about a contact; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ContactUpdate {
    /// My own name for them; `null` or empty removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub alias: Option<Option<String>>,
    /// Whether nothing of theirs is taken any more.
    #[serde(default)]
    pub blocked: Option<bool>,
}

/// How far two people are in touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// I asked, no answer yet.
    Outgoing,
    /// They asked, I have not answered.
    Incoming,
    /// In touch.
    Accepted,
    /// One of us said no.
    Declined,
    /// I block them.
    Blocked,
    /// Never asked.
    None,
}

/// Somebody, and how far we are in touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Who.
    pub account: Id,
    /// Their own name.
    pub name: String,
    /// My name for them.
    #[schema(required)]
    pub alias: Option<String>,
    /// Their few words.
    pub about: String,
    /// Their picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// How far we are in touch.
    pub state: ContactState,
    /// The sentence of the request.
    #[schema(required)]
    pub text: Option<String>,
    /// When the state last changed.
    pub since: Ms,
    /// Whether one of their devices is connected now.
    pub online: bool,
    /// When one last was.
    #[schema(required)]
    pub last_seen: Option<Ms>,
    /// Whether they run a store.
    pub is_store: bool,
}

/// What shows that nobody is in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Safety {
    /// Sixty digits that are the same on both sides if nobody is in between: to be read out, or compared.
    pub number: String,
    /// Their devices, oldest first. A new one that they know nothing of is somebody else's.
    pub devices: Vec<ContactDevice>,
}

/// A device of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactDevice {
    /// Which.
    pub device: Id,
    /// What they call it.
    pub name: String,
    /// When it first said so.
    pub added_at: Ms,
    /// Whether it no longer speaks for them.
    pub revoked: bool,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, update, remove))
        .routes(routes!(safety))
        .routes(routes!(accept))
        .routes(routes!(decline))
}

/// Somebody, and how far we are in touch.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn shape(views: &Views<'_>, account: &AccountId) -> Result<Contact, EngineError> {
    let row = contact::view::get(views.read, account)?;
    let shown = account::view::party(views.read, account)?;
    let profile = account::view::profile(views.read, account)?;
    let state = match row.state {
        _ if row.blocked => ContactState::Blocked,
        Known::None => ContactState::None,
        Known::Outgoing => ContactState::Outgoing,
        Known::Incoming => ContactState::Incoming,
        Known::Accepted => ContactState::Accepted,
        Known::Declined => ContactState::Declined,
    };
    Ok(Contact {
        account: (*account).into(),
        name: shown.name,
        alias: row.alias,
        about: profile.map(|profile| profile.about).unwrap_or_default(),
        picture: shown.picture.map(Into::into),
        state,
        text: Some(row.text).filter(|text| !text.is_empty()),
        since: row.since.into(),
        online: views.is_online(account),
        last_seen: views.last_seen(account)?.map(Into::into),
        is_store: account::view::is_store(views.read, account)?,
    })
}

/// What shows that nobody is in between: a number to compare, and their devices.
#[utoipa::path(get, path = "/api/contacts/{account}/safety", tag = "contacts", params(("account" = Id, Path)), responses(
    (status = 200, body = Safety),
))]
async fn safety(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<Json<Safety>> {
    let account = AccountId::from(account);
    let safety = move |views: &Views<'_>| {
        let number = views.me.map(|me| safety_number(&me, &account)).unwrap_or_default();
        let devices = account::view::devices(views.read, &account)?.into_iter().map(device).collect();
        Ok(Safety { number, devices })
    };
    state.view(safety).await.map(Json)
}

fn device(device: account::view::DeviceView) -> ContactDevice {
    let account::view::DeviceView { device, name, added_at, revoked } = device;
    ContactDevice { device: device.into(), name, added_at: added_at.into(), revoked }
}

async fn one(state: &AppState, account: AccountId) -> ApiResult<Json<Contact>> {
    state.view(move |views| shape(views, &account)).await.map(Json)
}

/// Everybody I am in touch with, was, or was asked by; by name.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts", responses((status = 200, body = Vec<Contact>)))]
async fn list(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Contact>>> {
    let list = |views: &Views<'_>| {
        let mut contacts = Vec::new();
        for (account, row) in contact::view::list(views.read)? {
            // A row may only say that there is business between the two; that is no contact.
            if row.blocked || row.state != Known::None {
                contacts.push(shape(views, &account)?);
            }
        }
        contacts.sort_by_cached_key(|contact| {
            (contact.alias.as_ref().unwrap_or(&contact.name).to_lowercase(), contact.account)
        });
        Ok(contacts)
    };
    state.view(list).await.map(Json)
}

/// Asks somebody to be in touch; says yes if they asked first.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", request_body = ContactAdd, responses(
    (status = 200, body = Contact),
    (status = 409, body = Problem),
    (status = 422, body = Problem),
))]
async fn add(State(state): State<AppState>, _: Auth, Json(order): Json<ContactAdd>) -> ApiResult<Json<Contact>> {
    let (account, addresses) = match (order.uri.as_deref(), order.account) {
        (Some(uri), _) => {
            let link = link::parse(uri)?;
            match link.target {
                Target::Contact(account) | Target::Store(account) => (account, link.addresses),
                Target::Group(_) | Target::Listing(..) => {
                    return Err(ApiError::invalid("uri", "This link leads to no person. Paste an invite link."));
                }
            }
        }
        (None, Some(account)) => (account.into(), Vec::new()),
        (None, None) => return Err(ApiError::invalid("uri", "Paste an invite link, or name an account.")),
    };
    let text = order.text.unwrap_or_default();
    state.node().call(move |cx| contact::add(cx, account, addresses, &text)).await?;
    one(&state, account).await
}

/// Somebody, whether in touch or not.
#[utoipa::path(get, path = "/api/contacts/{account}", tag = "contacts", params(("account" = Id, Path)), responses(
    (status = 200, body = Contact),
    (status = 404, body = Problem),
))]
async fn get(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<Json<Contact>> {
    one(&state, account.into()).await
}

/// Says yes to a request.
#[utoipa::path(post, path = "/api/contacts/{account}/accept", tag = "contacts", params(("account" = Id, Path)),
    responses((status = 200, body = Contact), (status = 409, body = Problem)))]
async fn accept(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<Json<Contact>> {
    state.node().call(move |cx| contact::accept(cx, account.into())).await?;
    one(&state, account.into()).await
}

/// Says no to a request.
#[utoipa::path(post, path = "/api/contacts/{account}/decline", tag = "contacts", params(("account" = Id, Path)),
    responses((status = 200, body = Contact), (status = 409, body = Problem)))]
async fn decline(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<Json<Contact>> {
    state.node().call(move |cx| contact::decline(cx, account.into())).await?;
    one(&state, account.into()).await
}

/// Names or blocks somebody, on this node only.
#[utoipa::path(patch, path = "/api/contacts/{account}", tag = "contacts", params(("account" = Id, Path)),
    request_body = ContactUpdate, responses((status = 200, body = Contact), (status = 409, body = Problem)))]
async fn update(
    State(state): State<AppState>,
    _: Auth,
    Path(account): Path<Id>,
    Json(order): Json<ContactUpdate>,
) -> ApiResult<Json<Contact>> {
    let account = AccountId::from(account);
    let update = move |cx: &mut Cx<'_>| {
        if cx.me()? == account {
            return Err(CommandError::refused("self", "this is you: change your own profile instead"));
        }
        if let Some(alias) = order.alias {
            contact::set_alias(cx, account, alias.as_deref().unwrap_or_default())?;
        }
        order.blocked.map_or(Ok(()), |blocked| contact::set_blocked(cx, account, blocked))
    };
    state.node().call(update).await?;
    one(&state, account).await
}

/// Removes a contact from this node.
#[utoipa::path(delete, path = "/api/contacts/{account}", tag = "contacts", params(("account" = Id, Path)),
    responses((status = 204, description = "Removed")))]
async fn remove(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| contact::remove(cx, account.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}
