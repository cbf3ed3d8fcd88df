//! The account of this node, its recovery phrase and its devices.
//!
//! Shapes that hold words of the phrase have no `Debug`, so that no log can ever print them.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    account, contact,
    engine::{CommandError, Cx, EngineError},
    mailbox,
};
use hutong_protocol::{
    AccountId, DeviceId,
    link::{Link, Target},
    own::{DeviceLink, ParseDeviceLinkError},
    phrase::Phrase,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blob,
    common::{BlobHash, Id, Ms, present},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem, sentence},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// Founds an account on this node, or brings one back by its recovery phrase.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountCreated {
    /// The account.
    pub account: Account,
    /// The twelve words, to be written down.
    pub words: Vec<String>,
    /// Two 0-based places in `words` to ask for.
    pub confirm: Vec<u8>,
}

/// The recovery phrase.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PhraseWords {
    /// The twelve words.
    pub words: Vec<String>,
}

/// Shows that the phrase was written down.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PhraseConfirm {
    /// The words that were asked for.
    pub words: Vec<PhraseWord>,
}

/// One word of the phrase and its place.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
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
    /// What a stranger's request costs, in bits: each doubles the work.
    pub postage: u8,
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
    /// What a stranger's request costs, in bits: 0 to 28.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 28)]
    pub postage: Option<u8>,
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

/// What a node without an account shows to be made a device of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCode {
    /// To be shown as a QR code, or copied: a `hutong:device/…` link. Secret until it is used; valid for 15 minutes.
    pub code: String,
}

/// Makes the node that showed a code a device of this account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceAdd {
    /// The code.
    pub code: String,
    /// Whether it gets messages and orders from before.
    pub history: bool,
    /// The recovery phrase, where this node does not keep it.
    #[serde(default)]
    pub phrase: Option<String>,
}

/// Takes a device its right to speak for the account.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct DeviceRevoke {
    /// The recovery phrase, where this node does not keep it.
    #[serde(default)]
    pub phrase: Option<String>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, get))
        .routes(routes!(update_profile))
        .routes(routes!(phrase))
        .routes(routes!(confirm_phrase))
        .routes(routes!(show_code))
        .routes(routes!(devices, add_device))
        .routes(routes!(revoke))
}

/// Founds an account on this node, or brings one back by its phrase.
#[utoipa::path(post, path = "/api/account", tag = "account", request_body = AccountCreate, responses(
    (status = 201, body = AccountCreated),
    (status = 409, body = Problem, description = "There is one already"),
    (status = 422, body = Problem),
))]
async fn create(
    State(state): State<AppState>,
    _: Auth,
    Json(order): Json<AccountCreate>,
) -> ApiResult<(StatusCode, Json<AccountCreated>)> {
    let restored = order.phrase.is_some();
    let phrase = match &order.phrase {
        Some(text) => Phrase::parse(text).map_err(|error| ApiError::invalid("phrase", sentence(&error.to_string())))?,
        None => fresh_phrase()?,
    };
    blob::require(&state, order.picture, "picture").await?;
    let entropy: [u8; 16] =
        phrase.to_entropy().as_slice().try_into().map_err(|_| ApiError::internal("a phrase of the wrong length"))?;
    let words: Vec<String> = phrase.words().into_iter().map(str::to_owned).collect();
    let proof: Vec<(usize, String)> = words.iter().cloned().enumerate().collect();
    let found = move |cx: &mut Cx<'_>| {
        let picture = order.picture.map(Into::into);
        account::create(cx, &entropy, &order.name, picture, device_name())?;
        // Whoever typed the phrase has it written down.
        if restored { account::confirm_phrase(cx, &proof) } else { Ok(()) }
    };
    state.node().call(found).await?;
    let account = own(&state).await?;
    Ok((StatusCode::CREATED, Json(AccountCreated { account, words, confirm: two_places()? })))
}

fn fresh_phrase() -> ApiResult<Phrase> {
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(ApiError::internal)?;
    Phrase::from_entropy(&entropy).ok_or_else(|| ApiError::internal("no phrase for 16 bytes"))
}

/// Two different places of a phrase to ask for.
fn two_places() -> ApiResult<Vec<u8>> {
    let mut random = [0; 2];
    getrandom::fill(&mut random).map_err(ApiError::internal)?;
    let [first, second] = random;
    let first = first % 12;
    let second = (first + 1 + second % 11) % 12;
    Ok(vec![first.min(second), first.max(second)])
}

/// What the device is called. Only the sort of machine: the profile is public, and a host name may say too much.
fn device_name() -> &'static str {
    match std::env::consts::OS {
        "macos" => "Mac",
        "windows" => "Windows PC",
        "linux" => "Linux computer",
        "android" => "Android device",
        _ => "Computer",
    }
}

/// The account of this node.
#[utoipa::path(get, path = "/api/account", tag = "account", responses(
    (status = 200, body = Account),
    (status = 404, body = Problem, description = "None was founded yet"),
))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Account>> {
    own(&state).await.map(Json)
}

async fn own(state: &AppState) -> ApiResult<Account> {
    let account = state.view(|views| views.me.map(|me| shape(views, me)).transpose()).await?;
    account.ok_or_else(|| ApiError::not_found("This node has no account yet. Create or restore one."))
}

fn shape(views: &Views<'_>, me: AccountId) -> Result<Account, EngineError> {
    let profile = account::view::profile(views.read, &me)?.unwrap_or_default();
    let postage = contact::strangers::wanted(views.read, &me)?;
    let name = Some(profile.name.clone()).filter(|name| !name.is_empty());
    let mut link = Link::new(Target::Contact(me), name, views.node.addresses());
    link.mailboxes = mailbox::strangers::in_link(views.read)?;
    link.postage = Some(postage);
    Ok(Account {
        account: me.into(),
        device: views.node.device().into(),
        name: profile.name,
        about: profile.about,
        picture: profile.picture.map(Into::into),
        postage,
        phrase_confirmed: account::view::phrase_confirmed(views.read)?,
        is_store: account::view::is_store(views.read, &me)?,
        invite: link.to_string(),
    })
}

/// Changes the public profile.
#[utoipa::path(patch, path = "/api/account/profile", tag = "account", request_body = ProfileUpdate, responses(
    (status = 200, body = Account),
    (status = 409, body = Problem),
    (status = 422, body = Problem),
))]
async fn update_profile(
    State(state): State<AppState>,
    _: Auth,
    Json(order): Json<ProfileUpdate>,
) -> ApiResult<Json<Account>> {
    blob::require(&state, order.picture.flatten(), "picture").await?;
    let update = move |cx: &mut Cx<'_>| {
        let picture = order.picture.map(|picture| picture.map(Into::into));
        account::update_profile(cx, order.name.as_deref(), order.about.as_deref(), picture, order.postage)
    };
    state.node().call(update).await?;
    own(&state).await.map(Json)
}

/// The recovery phrase, to be written down.
#[utoipa::path(get, path = "/api/account/phrase", tag = "account", responses(
    (status = 200, body = PhraseWords),
    (status = 409, body = Problem),
))]
async fn phrase(State(state): State<AppState>, _: Auth) -> ApiResult<Json<PhraseWords>> {
    let words = state.node().call(|cx| Ok(cx.phrase()?.words())).await?;
    Ok(Json(PhraseWords { words: words.into_iter().map(str::to_owned).collect() }))
}

/// Shows that the phrase was written down.
#[utoipa::path(post, path = "/api/account/phrase/confirm", tag = "account", request_body = PhraseConfirm, responses(
    (status = 204, description = "Right"),
    (status = 422, body = Problem, description = "A word is wrong"),
))]
async fn confirm_phrase(
    State(state): State<AppState>,
    _: Auth,
    Json(order): Json<PhraseConfirm>,
) -> ApiResult<StatusCode> {
    let words: Vec<_> = order.words.into_iter().map(|word| (usize::from(word.index), word.word)).collect();
    state.node().call(move |cx| account::confirm_phrase(cx, &words)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The devices of this account.
#[utoipa::path(get, path = "/api/devices", tag = "account", responses((status = 200, body = Vec<Device>)))]
async fn devices(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Device>>> {
    let list = |views: &Views<'_>| {
        let Some(me) = views.me else { return Ok(Vec::new()) };
        let connected = views.node.connected_devices(&me);
        let this = views.node.device();
        let shape = |device: account::view::DeviceView| Device {
            device: device.device.into(),
            name: device.name,
            added_at: device.added_at.into(),
            this_device: device.device == this,
            revoked: device.revoked,
            online: device.device == this || connected.contains(&device.device),
        };
        Ok(account::view::devices(views.read, &me)?.into_iter().map(shape).collect())
    };
    state.view(list).await.map(Json)
}

fn typed_phrase(text: Option<&String>) -> ApiResult<Option<Phrase>> {
    let text = text.map(String::as_str).filter(|text| !text.trim().is_empty());
    let parse = |text| Phrase::parse(text).map_err(|error| ApiError::invalid("phrase", sentence(&error.to_string())));
    text.map(parse).transpose()
}

/// Shows a code, so that a device of an account can make this node one of its own.
#[utoipa::path(post, path = "/api/account/code", tag = "account", responses(
    (status = 200, body = DeviceCode),
    (status = 409, body = Problem, description = "This node has an account already"),
))]
async fn show_code(State(state): State<AppState>, _: Auth) -> ApiResult<Json<DeviceCode>> {
    let code = state.node().call(|cx| account::link::show(cx, device_name())).await?;
    Ok(Json(DeviceCode { code: code.to_string() }))
}

/// Makes the node that showed a code a device of this account.
#[utoipa::path(post, path = "/api/devices", tag = "account", request_body = DeviceAdd, responses(
    (status = 202, description = "It is told as soon as it can be reached"),
    (status = 409, body = Problem),
    (status = 422, body = Problem, description = "No code of a device, or no phrase of this account"),
))]
async fn add_device(State(state): State<AppState>, _: Auth, Json(order): Json<DeviceAdd>) -> ApiResult<StatusCode> {
    let phrase = typed_phrase(order.phrase.as_ref())?;
    let link: DeviceLink = order
        .code
        .parse()
        .map_err(|error: ParseDeviceLinkError| ApiError::invalid("code", sentence(&error.to_string())))?;
    state.node().call(move |cx| account::link::add(cx, &link, order.history, phrase)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Takes another device of this account its right to speak for it.
#[utoipa::path(post, path = "/api/devices/{device}/revoke", tag = "account", params(("device" = Id, Path)),
    request_body = DeviceRevoke, responses(
    (status = 204, description = "Revoked"),
    (status = 404, body = Problem),
    (status = 409, body = Problem),
))]
async fn revoke(
    State(state): State<AppState>,
    _: Auth,
    Path(device): Path<Id>,
    Json(order): Json<DeviceRevoke>,
) -> ApiResult<StatusCode> {
    let phrase = typed_phrase(order.phrase.as_ref())?;
    let device = DeviceId::from(device);
    let revoke = move |cx: &mut Cx<'_>| {
        let me = cx.me()?;
        let known = account::view::devices(cx.read(), &me)?.iter().any(|known| known.device == device);
        if known { account::revoke(cx, device, phrase) } else { Err(CommandError::NotFound("this device")) }
    };
    state.node().call(revoke).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_different_words_are_asked_for() {
        for _ in 0..1_000 {
            let places = super::two_places().unwrap();
            assert!(places[0] < places[1] && places[1] < 12, "{places:?}");
        }
    }
}
