//! The account of this node, its recovery phrase and its devices.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::common::{BlobHash, Id, Ms, present};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    AccountCreate,
    AccountCreated,
    PhraseWords,
    PhraseConfirm,
    PhraseWord,
    Account,
    ProfileUpdate,
    Device
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// Founds an account on this node, or brings one back by its recovery phrase.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountCreate {
    /// The name others will see.
    pub name: String,
    /// A picture that was uploaded before.
    #[serde(default)]
    pub picture: Option<BlobHash>,
    /// The twelve words of an existing account; without it a new one is founded.
    #[serde(default)]
    pub phrase: Option<String>,
}

/// A founded account and the words that bring it back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountCreated {
    /// The account.
    pub account: Account,
    /// The twelve words, to be written down.
    pub words: Vec<String>,
    /// Two 0-based places in `words` to ask for.
    pub confirm: Vec<u8>,
}

/// The recovery phrase.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhraseWords {
    /// The twelve words.
    pub words: Vec<String>,
}

/// Shows that the phrase was written down.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhraseConfirm {
    /// The words that were asked for.
    pub words: Vec<PhraseWord>,
}

/// One word of the phrase and its place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhraseWord {
    /// 0-based place.
    pub index: u8,
    /// The word.
    pub word: String,
}

/// The account of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// The account.
    pub account: Id,
    /// This device.
    pub device: Id,
    /// The name others see.
    pub name: String,
    /// A few words.
    pub about: String,
    /// The picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Whether the owner has shown that the recovery phrase was written down.
    pub phrase_confirmed: bool,
    /// Whether this account runs a store.
    pub is_store: bool,
    /// A `hutong:` link by which others can add this account.
    pub invite: String,
}

/// Changes the public profile; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ProfileUpdate {
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// A few words.
    #[serde(default)]
    pub about: Option<String>,
    /// The picture; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BlobHash>)]
    pub picture: Option<Option<BlobHash>>,
}

/// A device of this account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// The device.
    pub device: Id,
    /// "Mei's laptop".
    pub name: String,
    /// Since when it speaks for the account.
    pub added_at: Ms,
    /// Whether it is the one that answers now.
    pub this_device: bool,
    /// Whether it may no longer speak for the account.
    pub revoked: bool,
    /// Whether it is connected now.
    pub online: bool,
}
