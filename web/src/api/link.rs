//! What a pasted or scanned `hutong:` link is, before anything is done with it.

use axum::extract::State;
use hutong_node::{
    account, contact,
    engine::{EngineError, get_slot},
    group,
};
use hutong_protocol::{AccountId, Kind, link::Target, market};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use hutong_protocol::link::Link;

use super::{
    common::{BlobHash, Id, Party},
    group::{Door, GroupSettings},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem, sentence},
    extract::Json,
    state::AppState,
    views::Views,
};

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
    /// A group.
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
    /// More of a group.
    #[schema(required)]
    pub group: Option<LinkGroup>,
}

/// What a link says of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkGroup {
    /// Whether only its members know what is said in it.
    pub private: bool,
    /// Who lets in.
    #[schema(required)]
    pub host: Option<Party>,
    /// Whether the link carries an invitation.
    pub invitation: bool,
    /// Who may come in; `null` as long as this node does not know the group.
    #[schema(required)]
    pub door: Option<Door>,
    /// What it asks of those who want to come in, as far as is known.
    pub questions: Vec<String>,
    /// Members known.
    pub member_count: u32,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// Reads a link from a request's field.
///
/// # Errors
/// 422 naming the field, if it is none.
pub(crate) fn parse(uri: &str) -> ApiResult<Link> {
    uri.parse()
        .map_err(|error: hutong_protocol::link::ParseLinkError| ApiError::invalid("uri", sentence(&error.to_string())))
}

/// Says what a link leads to. Nothing is done yet, and nobody hears of it.
#[utoipa::path(post, path = "/api/links", tag = "links", request_body = LinkOpen, responses(
    (status = 200, body = LinkPreview),
    (status = 422, body = Problem, description = "It is no such link"),
))]
async fn preview(State(state): State<AppState>, _: Auth, Json(open): Json<LinkOpen>) -> ApiResult<Json<LinkPreview>> {
    let link = parse(&open.uri)?;
    state.view(move |views| shape(views, link)).await.map(Json)
}

fn shape(views: &Views<'_>, link: Link) -> Result<LinkPreview, EngineError> {
    let blank =
        |kind, id| LinkPreview { kind, id, listing: None, name: None, picture: None, known: false, group: None };
    let preview = match link.target {
        Target::Contact(account) => person(views, account, blank(LinkKind::Contact, account.into()))?,
        Target::Store(account) => {
            let blank = blank(LinkKind::Store, account.into());
            match views.store(&account)? {
                Some(store) => {
                    LinkPreview { name: Some(store.name), picture: store.logo.map(Into::into), known: true, ..blank }
                }
                None => blank,
            }
        }
        Target::Group(group) => {
            let known = group::view::state(views.read, &group)?;
            let settings: Option<GroupSettings> = known.map(|state| state.settings.into());
            let about = LinkGroup {
                private: group.is_private(),
                host: link.host.map(|host| views.party(&host)).transpose()?,
                invitation: link.ticket.is_some(),
                door: settings.as_ref().map(|settings| settings.door),
                questions: settings.map(|settings| settings.questions).unwrap_or_default(),
                member_count: group::view::get(views.read, &group)?.unwrap_or_default().member_count,
            };
            let blank = LinkPreview { group: Some(about), ..blank(LinkKind::Group, group.into()) };
            match group::view::get(views.read, &group)? {
                Some(row) => LinkPreview {
                    name: Some(row.name).filter(|name| !name.is_empty()),
                    picture: row.picture.map(Into::into),
                    known: row.joined,
                    ..blank
                },
                None => blank,
            }
        }
        Target::Listing(account, listing) => {
            let blank = LinkPreview { listing: Some(listing.clone()), ..blank(LinkKind::Listing, account.into()) };
            match get_slot(views.read, &account, &Kind::Listing, &listing)? {
                Some((_, record)) => {
                    let body: market::Listing = record.body()?;
                    let picture = body.picture(None).map(Into::into);
                    LinkPreview { name: Some(body.name), picture, known: true, ..blank }
                }
                None => blank,
            }
        }
    };
    Ok(LinkPreview { name: preview.name.or(link.name), ..preview })
}

fn person(views: &Views<'_>, account: AccountId, blank: LinkPreview) -> Result<LinkPreview, EngineError> {
    let known = contact::view::get(views.read, &account)?.state != contact::view::ContactState::None;
    Ok(match account::view::profile(views.read, &account)? {
        Some(profile) => {
            LinkPreview { name: Some(profile.name), picture: profile.picture.map(Into::into), known, ..blank }
        }
        None => LinkPreview { known, ..blank },
    })
}
