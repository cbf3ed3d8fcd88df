//! Contacts and contact requests.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Id, Ms, present};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(ContactAdd, ContactUpdate, ContactState, Contact)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

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
