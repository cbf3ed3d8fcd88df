//! Contacts and contact requests.

use axum::{extract::State, http::StatusCode};
use hutong_node::contact::{ask::Invite, view::ContactState as Known};
use hutong_node::{
    account, contact,
    engine::{CommandError, Cx, EngineError},
};
use hutong_protocol::{AccountId, account::safety_number, link::Target};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{BlobHash, Id, Ms, Party, present},
    link,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// Contacts in common that are named with a request.
const COMMON_SHOWN: usize = 8;

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

/// How far a request of mine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskingState {
    /// Its postage is being worked for: seconds, or minutes if they want much.
    Paying,
    /// It is on its way, or waits for their answer.
    Sent,
    /// Their node refused it, and does not say that more postage would help.
    Refused,
}

/// A request of mine that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asking {
    /// How far it is.
    pub state: AskingState,
    /// Its postage in bits: each doubles the work.
    pub bits: u8,
    /// It was sent with less before: their node asks for more.
    pub again: bool,
}

/// Requests to me.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactRequests {
    /// Of those with whom I have contacts in common; most in common first.
    pub known: Vec<Contact>,
    /// Of all others; most postage first.
    pub others: Vec<Contact>,
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
    /// With a request of theirs: how many contacts it proves that we have in common.
    pub common: u32,
    /// Some of those, at most eight.
    pub common_contacts: Vec<Party>,
    /// A request of mine that waits.
    #[schema(required)]
    pub asking: Option<Asking>,
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
        .routes(routes!(requests))
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
    let is_store = account::view::is_store(views.read, account)?;
    let state = match row.state {
        _ if row.blocked => ContactState::Blocked,
        Known::None => ContactState::None,
        Known::Outgoing => ContactState::Outgoing,
        Known::Incoming => ContactState::Incoming,
        Known::Accepted => ContactState::Accepted,
        Known::Declined => ContactState::Declined,
    };
    let asking = asking(views, account, &row)?;
    let common = if row.state == Known::Incoming { row.common } else { Vec::new() };
    let common_contacts = common.iter().take(COMMON_SHOWN).map(|common| views.party(common));
    Ok(Contact {
        account: (*account).into(),
        name: shown.name,
        alias: row.alias,
        about: profile.map(|profile| profile.about).unwrap_or_default(),
        picture: shown.picture.map(Into::into),
        state,
        text: Some(row.text).filter(|text| !text.is_empty()),
        common: u32::try_from(common.len()).unwrap_or(u32::MAX),
        common_contacts: common_contacts.collect::<Result<_, _>>()?,
        asking,
        since: row.since.into(),
        online: views.is_seen(account)?,
        last_seen: if views.shares_presence()? || is_store { views.last_seen(account)?.map(Into::into) } else { None },
        is_store,
    })
}

fn asking(views: &Views<'_>, account: &AccountId, row: &contact::view::Contact) -> Result<Option<Asking>, EngineError> {
    if row.state != Known::Outgoing {
        return Ok(None);
    }
    let sent = row.asked.as_ref();
    if let Some(bits) = contact::ask::working(views.read, account)? {
        return Ok(Some(Asking { state: AskingState::Paying, bits, again: sent.is_some() }));
    }
    let refused = sent.is_some_and(|sent| sent.refused);
    let state = if refused { AskingState::Refused } else { AskingState::Sent };
    Ok(Some(Asking { state, bits: sent.map_or(0, |sent| sent.bits), again: false }))
}

/// Requests to me: of friends of friends, and of strangers.
#[utoipa::path(get, path = "/api/contacts/requests", tag = "contacts", responses((status = 200, body = ContactRequests)))]
async fn requests(State(state): State<AppState>, _: Auth) -> ApiResult<Json<ContactRequests>> {
    let requests = |views: &Views<'_>| {
        let mut rows = contact::view::list(views.read)?;
        rows.retain(|(_, row)| row.state == Known::Incoming && !row.blocked);
        rows.sort_by_key(|(_, row)| std::cmp::Reverse((row.common.len(), row.bits, row.since)));
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for (account, row) in rows {
            if row.common.is_empty() { &mut others } else { &mut known }.push(shape(views, &account)?);
        }
        Ok(ContactRequests { known, others })
    };
    state.view(requests).await.map(Json)
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
    let invite = match (order.uri.as_deref(), order.account) {
        (Some(uri), _) => {
            let link::Link { target, addresses, mailboxes, postage, .. } = link::parse(uri)?;
            match target {
                Target::Contact(account) | Target::Store(account) => Invite { account, addresses, mailboxes, postage },
                Target::Group(_) | Target::Listing(..) => {
                    return Err(ApiError::invalid("uri", "This link leads to no person. Paste an invite link."));
                }
            }
        }
        (None, Some(account)) => {
            Invite { account: account.into(), addresses: Vec::new(), mailboxes: Vec::new(), postage: None }
        }
        (None, None) => return Err(ApiError::invalid("uri", "Paste an invite link, or name an account.")),
    };
    let (account, text) = (invite.account, order.text.unwrap_or_default());
    state.node().call(move |cx| contact::ask::ask(cx, invite, &text)).await?;
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

/// Removes a contact from this node, or takes back a request that was not answered.
#[utoipa::path(delete, path = "/api/contacts/{account}", tag = "contacts", params(("account" = Id, Path)),
    responses((status = 204, description = "Removed")))]
async fn remove(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| contact::remove(cx, account.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}
