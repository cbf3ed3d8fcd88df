//! Stores and their goods, as a buyer sees them.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    engine,
    market::{self, view},
};
use hutong_protocol::{AccountId, link::Target};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use super::listing_kind::{Condition, ListingKind, ListingStatus};
use super::{
    common::{BlobHash, Id, Money, Ms, Party},
    link, market_view,
    trust::Rating,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path, Query},
    state::AppState,
};

/// Listings on a page, if the question does not say.
pub(crate) const PAGE: u32 = 48;
/// How long following a store that is not known yet waits for its record.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// A store in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreSummary {
    /// Its account.
    pub store: Id,
    /// Its name.
    pub name: String,
    /// What it says about itself.
    pub about: String,
    /// Its sign.
    #[schema(required)]
    pub logo: Option<BlobHash>,
    /// Whether this node follows it.
    pub followed: bool,
    /// Whether its node is connected now.
    pub online: bool,
    /// When it last was.
    #[schema(required)]
    pub last_seen: Option<Ms>,
    /// Goods known.
    pub listing_count: u32,
    /// What buyers gave.
    pub rating: Rating,
    /// Whether it takes no orders for now.
    pub vacation: bool,
}

/// A store in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Store {
    /// In short.
    #[serde(flatten)]
    pub summary: StoreSummary,
    /// A wide picture.
    #[schema(required)]
    pub banner: Option<BlobHash>,
    /// The currency of all its prices, ISO 4217.
    pub currency: String,
    /// Languages it serves in, BCP 47.
    pub languages: Vec<String>,
    /// When it is open.
    pub opening_hours: String,
    /// How else to reach it.
    pub contact: String,
    /// How it takes payment.
    pub payment_methods: Vec<PaymentMethod>,
    /// How it sends.
    pub shipping: Vec<ShippingOption>,
    /// Where goods can be fetched.
    pub pickup: Vec<PickupPlace>,
    /// How goods can be given back.
    pub returns: ReturnPolicy,
    /// Its other rules.
    pub policies: String,
    /// Its link.
    pub uri: String,
    /// Whether it is mine.
    pub mine: bool,
}

/// Follows a store; by its link if this node does not know it yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreFollow {
    /// A `hutong:store/…` link with addresses.
    #[serde(default)]
    pub uri: Option<String>,
}

/// How an order can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethodKind {
    /// To whoever hands it over.
    PayOnDelivery,
    /// By bank, claimed with a reference.
    BankTransfer,
}

/// A way to pay, with what the buyer needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentMethod {
    /// Which.
    pub kind: PaymentMethodKind,
    /// A bank account, or "cash or card at the door".
    pub instructions: String,
}

/// A way to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingOption {
    /// Its name within the store.
    pub id: String,
    /// "Courier".
    pub name: String,
    /// ISO 3166-1 or 3166-2 codes; `*` is everywhere.
    pub zones: Vec<String>,
    /// The price for the first item.
    pub rate: Money,
    /// The price for each further item.
    #[schema(required)]
    pub additional_item: Option<Money>,
    /// From this subtotal on it is free.
    #[schema(required)]
    pub free_from: Option<Money>,
    /// Days at least.
    pub days_min: u16,
    /// Days at most.
    pub days_max: u16,
}

/// A place where goods can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PickupPlace {
    /// Its name within the store.
    pub id: String,
    /// "At the counter".
    pub name: String,
    /// Where.
    pub address: String,
    /// When.
    pub hours: String,
}

/// How goods can be given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReturnPolicy {
    /// Days after delivery; 0 is never.
    pub days: u16,
    /// Who pays the way back.
    pub who_pays: ReturnPayer,
    /// Restocking fee in hundredths of a percent.
    pub fee_basis_points: u16,
    /// In words.
    pub text: String,
}

/// Who pays the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPayer {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
}

/// A listing in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingSummary {
    /// Whose.
    pub store: Party,
    /// Its name within the store.
    pub listing: String,
    /// Its title.
    pub title: String,
    /// The lowest price.
    pub price_min: Money,
    /// The highest price.
    pub price_max: Money,
    /// A price before.
    #[schema(required)]
    pub compare_at: Option<Money>,
    /// Its first picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Whether it can be bought now.
    pub available: bool,
    /// Its category.
    pub category: String,
    /// What buyers gave.
    pub rating: Rating,
    /// Names of my contacts who recommend it.
    pub recommended_by: Vec<String>,
    /// What a whole unit costs.
    #[schema(required)]
    pub unit_price: Option<UnitPrice>,
}

/// What a whole unit of goods costs, so that packs of any size compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitPrice {
    /// For one unit.
    pub price: Money,
    /// `kg`, `l`, `m` or `pc` (a piece).
    pub unit: String,
}

/// A page of listings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingPage {
    /// The listings.
    pub listings: Vec<ListingSummary>,
    /// Pass as `after` for the next page; `null` at the end.
    #[schema(required)]
    pub after: Option<String>,
    /// How many there are in all.
    pub total: u32,
}

/// Which listings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListingsQuery {
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// How many, at most 200; 48 if absent.
    pub limit: Option<u32>,
    /// Only of this category.
    pub category: Option<String>,
}

/// A picture of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingImage {
    /// The picture.
    pub hash: BlobHash,
    /// What it shows, in words.
    pub alt: String,
}

/// A choice the buyer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingOption {
    /// "Size".
    pub name: String,
    /// "S", "M", "L".
    pub values: Vec<String>,
}

/// A listing in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing {
    /// In short.
    #[serde(flatten)]
    pub summary: ListingSummary,
    /// The record; `null` for a draft that was never published.
    #[schema(required)]
    pub record: Option<Id>,
    /// Its version.
    pub version: u64,
    /// The description, as text.
    pub description: String,
    /// The brand.
    pub brand: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The state of the goods.
    pub condition: Condition,
    /// What is sold.
    pub kind: ListingKind,
    /// Pictures.
    pub images: Vec<ListingImage>,
    /// Choices.
    pub options: Vec<ListingOption>,
    /// What can be bought.
    pub variants: Vec<Variant>,
    /// How it can be sent.
    pub shipping: Vec<ShippingOption>,
    /// Where it can be fetched.
    pub pickup: Vec<PickupPlace>,
    /// How it can be given back.
    pub returns: ReturnPolicy,
    /// How it can be paid.
    pub payment_methods: Vec<PaymentMethod>,
    /// Whether the store's node is connected now.
    pub store_online: bool,
    /// When it last was.
    #[schema(required)]
    pub store_last_seen: Option<Ms>,
    /// When it last changed.
    pub updated_at: Ms,
    /// Its link.
    pub uri: String,
    /// Whether it is mine.
    pub mine: bool,
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// Whether I recommend it.
    pub recommended: bool,
}

/// One thing that can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// Its name within the listing.
    pub sku: String,
    /// Values, parallel to the listing's `options`.
    pub options: Vec<String>,
    /// The price.
    pub price: Money,
    /// A price before.
    #[schema(required)]
    pub compare_at: Option<Money>,
    /// How many there are; `null` if the store does not count.
    #[schema(required)]
    pub stock: Option<i64>,
    /// Whether it can be ordered when there are none.
    pub allow_backorder: bool,
    /// Weight in grams.
    #[schema(required)]
    pub weight_g: Option<u32>,
    /// Its own picture.
    #[schema(required)]
    pub image: Option<BlobHash>,
    /// GTIN (EAN, UPC, ISBN).
    #[schema(required)]
    pub gtin: Option<String>,
    /// Whether it can be bought now.
    pub available: bool,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(stores))
        .routes(routes!(store))
        .routes(routes!(follow, unfollow))
        .routes(routes!(listings))
        .routes(routes!(all))
        .routes(routes!(listing))
}

/// The stores this node knows, those followed first.
#[utoipa::path(get, path = "/api/stores", tag = "market", responses((status = 200, body = Vec<StoreSummary>)))]
async fn stores(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<StoreSummary>>> {
    let shaped = state.view(|views| {
        let others = view::stores(views.read)?.into_iter().filter(|store| views.me != Some(store.account));
        others.map(|store| market_view::store_summary(views, &store)).collect()
    });
    shaped.await.map(Json)
}

async fn known(state: &AppState, account: AccountId) -> ApiResult<Option<Store>> {
    let look = move |views: &crate::views::Views<'_>| {
        view::store(views.read, &account)?.map(|store| market_view::store(views, &store)).transpose()
    };
    state.view(look).await
}

/// A store.
#[utoipa::path(get, path = "/api/stores/{account}", tag = "market", params(("account" = Id, Path)), responses(
    (status = 200, body = Store),
    (status = 404, body = Problem),
))]
async fn store(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<Json<Store>> {
    let found = known(&state, account.into()).await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("This store is not known here. Open its link first."))
}

/// Follows a store: its catalogue stays up to date. By its link, if this node does not know it yet.
#[utoipa::path(post, path = "/api/stores/{account}/follow", tag = "market", params(("account" = Id, Path)),
    request_body = StoreFollow, responses(
        (status = 200, body = Store),
        (status = 422, body = Problem),
        (status = 504, body = Problem, description = "Followed; its page comes as soon as its node answers"),
    ))]
async fn follow(
    State(state): State<AppState>,
    _: Auth,
    Path(account): Path<Id>,
    Json(follow): Json<StoreFollow>,
) -> ApiResult<Json<Store>> {
    let account = AccountId::from(account);
    let link = follow.uri.as_deref().map(link::parse).transpose()?;
    let addresses = match link {
        None => Vec::new(),
        Some(link) => match link.target {
            Target::Store(of) | Target::Listing(of, _) if of == account => link.addresses,
            _ => return Err(ApiError::invalid("uri", "This is the link of something else.")),
        },
    };
    let mut events = state.node().subscribe();
    state.node().call(move |cx| market::set_followed(cx, account, true, &addresses)).await?;
    let wait = async {
        loop {
            if let Some(store) = known(&state, account).await? {
                return Ok(store);
            }
            // Woken by anything that happens; missed events only mean another look.
            while !matches!(events.recv().await, Ok(engine::Event::Store(of)) if of == account) {}
        }
    };
    tokio::time::timeout(STORE_WITHIN, wait)
        .await
        .unwrap_or_else(|_| {
            let message = "The store's node does not answer yet. Its page will be here as soon as it does.";
            Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "on_its_way", message))
        })
        .map(Json)
}

/// No longer follows a store. What is known of it stays for a while.
#[utoipa::path(delete, path = "/api/stores/{account}/follow", tag = "market", params(("account" = Id, Path)),
    responses((status = 204)))]
async fn unfollow(State(state): State<AppState>, _: Auth, Path(account): Path<Id>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| market::set_followed(cx, account.into(), false, &[])).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn limit(query: Option<u32>) -> usize {
    usize::try_from(query.unwrap_or(PAGE)).unwrap_or(view::PAGE_MAX)
}

/// A store's goods, newest first.
#[utoipa::path(get, path = "/api/stores/{account}/listings", tag = "market", params(("account" = Id, Path), ListingsQuery),
    responses((status = 200, body = ListingPage)))]
async fn listings(
    State(state): State<AppState>,
    _: Auth,
    Path(account): Path<Id>,
    Query(query): Query<ListingsQuery>,
) -> ApiResult<Json<ListingPage>> {
    let look = move |views: &crate::views::Views<'_>| {
        let category = query.category.as_deref().filter(|category| !category.is_empty());
        let page = view::shelf(views.read, &account.into(), category, query.after.as_deref(), limit(query.limit))?;
        market_view::page(views, page)
    };
    state.view(look).await.map(Json)
}

/// All goods this node knows, newest first.
#[utoipa::path(get, path = "/api/market", tag = "market", params(ListingsQuery),
    responses((status = 200, body = ListingPage)))]
async fn all(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<ListingsQuery>,
) -> ApiResult<Json<ListingPage>> {
    let look = move |views: &crate::views::Views<'_>| {
        market_view::page(views, view::market(views.read, query.after.as_deref(), limit(query.limit))?)
    };
    state.view(look).await.map(Json)
}

/// A listing.
#[utoipa::path(get, path = "/api/stores/{account}/listings/{listing}", tag = "market",
    params(("account" = Id, Path), ("listing" = String, Path)), responses(
        (status = 200, body = Listing),
        (status = 404, body = Problem),
    ))]
async fn listing(
    State(state): State<AppState>,
    _: Auth,
    Path((account, handle)): Path<(Id, String)>,
) -> ApiResult<Json<Listing>> {
    let look = move |views: &crate::views::Views<'_>| {
        let found = view::listing(views.read, &account.into(), &handle)?;
        found.map(|listing| market_view::listing(views, &listing)).transpose()
    };
    state.view(look).await?.map(Json).ok_or_else(|| ApiError::not_found("This is not known here."))
}
