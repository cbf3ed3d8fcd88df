//! Reviews and recommendations.

use axum::{extract::State, http::StatusCode};
use hutong_node::{contact, engine::EngineError, search::SocialContext, trust};
use hutong_protocol::{
    AccountId,
    order::{Order, Role},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{BlobHash, Id, Ms, Party},
    market_view,
};
use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
    views::Views,
};

/// What buyers gave, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rating {
    /// The mean in tenths: 47 is 4.7; `null` without reviews.
    #[schema(required)]
    pub average_tenths: Option<u8>,
    /// Reviews.
    pub count: u32,
    /// Distinct buyers.
    pub buyers: u32,
    /// Of these, my contacts.
    pub contacts: u32,
}

/// The reviews of a listing, those of my contacts first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reviews {
    /// In short.
    pub rating: Rating,
    /// In full.
    pub reviews: Vec<Review>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The record.
    pub id: Id,
    /// Who wrote it.
    pub author: Party,
    /// Whether the author is my contact.
    pub from_contact: bool,
    /// 1 to 5.
    pub overall: u8,
    /// The text.
    pub text: String,
    /// Pictures.
    pub photos: Vec<BlobHash>,
    /// The author's claim of when.
    pub at: Ms,
    /// Whether the seller countersigned it for a real order.
    pub verified: bool,
    /// Whether I wrote it.
    pub mine: bool,
}

/// A review to write.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewWrite {
    /// Which listing of the order.
    pub listing: String,
    /// 1 to 5.
    pub overall: u8,
    /// The text.
    pub text: String,
    /// Pictures that were uploaded before.
    #[serde(default)]
    pub photos: Vec<BlobHash>,
}

/// "I recommend this", to my contacts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Recommend {
    /// Why; may be empty.
    pub text: String,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(reviews)).routes(routes!(recommend, do_not_recommend))
}

/// A review as it is shown.
fn shape(views: &Views<'_>, view: trust::view::ReviewView) -> Result<Review, EngineError> {
    Ok(Review {
        id: view.id.into(),
        author: views.party(&view.author)?,
        from_contact: view.from_contact,
        overall: view.overall,
        text: view.text,
        photos: view.photos.into_iter().map(Into::into).collect(),
        at: view.at.into(),
        // Others are not taken in at all.
        verified: true,
        mine: views.me == Some(view.author),
    })
}

/// The buyer's newest review that came out of an order, if it is here.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn of_order(views: &Views<'_>, order: &Order) -> Result<Option<Review>, EngineError> {
    let Some(id) = order.reviews.get(&Role::Buyer) else { return Ok(None) };
    trust::view::review(views.read, id)?.map(|view| shape(views, view)).transpose()
}

/// What my contacts bought and recommend, for the order of search results.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn social_context(views: &Views<'_>) -> Result<SocialContext, EngineError> {
    let mut social = SocialContext::default();
    for (account, contact) in contact::view::list(views.read)? {
        if !contact.is_contact() {
            continue;
        }
        let (bought, recommends) = trust::view::of_account(views.read, &account)?;
        if bought.is_empty() && recommends.is_empty() {
            continue;
        }
        let name = views.party(&account)?.name;
        for (listings, by) in [(bought, &mut social.bought_by), (recommends, &mut social.recommended_by)] {
            for (store, handle) in listings {
                by.entry(format!("{store}/{handle}")).or_default().push(name.clone());
            }
        }
    }
    Ok(social)
}

/// What buyers say of a listing: my contacts first, then the newest.
#[utoipa::path(get, path = "/api/stores/{account}/listings/{listing}/reviews", tag = "trust",
    params(("account" = Id, Path), ("listing" = String, Path)), responses((status = 200, body = Reviews)))]
async fn reviews(
    State(state): State<AppState>,
    _: Auth,
    Path((account, handle)): Path<(Id, String)>,
) -> ApiResult<Json<Reviews>> {
    let look = move |views: &Views<'_>| {
        let account: AccountId = account.into();
        let reviews = trust::view::reviews(views.read, &account, &handle)?;
        let rating = market_view::rating(trust::view::rating(views.read, &account, &handle)?);
        let reviews = reviews.into_iter().map(|review| shape(views, review)).collect::<Result<_, _>>()?;
        Ok(Reviews { rating, reviews })
    };
    state.view(look).await.map(Json)
}

/// Recommends a listing to my contacts.
#[utoipa::path(post, path = "/api/stores/{account}/listings/{listing}/recommend", tag = "trust",
    params(("account" = Id, Path), ("listing" = String, Path)), request_body = Recommend, responses(
        (status = 204),
        (status = 404, body = Problem),
    ))]
async fn recommend(
    State(state): State<AppState>,
    _: Auth,
    Path((account, handle)): Path<(Id, String)>,
    Json(words): Json<Recommend>,
) -> ApiResult<StatusCode> {
    state.node().call(move |cx| trust::recommend(cx, account.into(), &handle, Some(&words.text))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// No longer recommends it.
#[utoipa::path(delete, path = "/api/stores/{account}/listings/{listing}/recommend", tag = "trust",
    params(("account" = Id, Path), ("listing" = String, Path)), responses((status = 204)))]
async fn do_not_recommend(
    State(state): State<AppState>,
    _: Auth,
    Path((account, handle)): Path<(Id, String)>,
) -> ApiResult<StatusCode> {
    state.node().call(move |cx| trust::recommend(cx, account.into(), &handle, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}
