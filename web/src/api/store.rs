//! My store: its page and its catalogue.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hutong_node::{
    chat,
    engine::{ChatId, EngineError},
    market::{
        import,
        own::{self, Publication},
        view,
    },
    order,
};
use hutong_protocol::{limits::QUANTITY_MAX, market as protocol, money};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    blob,
    chat::Chat,
    chat_view,
    common::{BlobHash, Money},
    market::{
        Condition, Listing, ListingImage, ListingKind, ListingOption, ListingPage, ListingStatus, PAGE, PaymentMethod,
        PickupPlace, ReturnPolicy, ShippingOption, Store,
    },
    market_view,
    order::read_money,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path, Query},
    state::AppState,
    views::Views,
};

/// My store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyStore {
    /// As others see it.
    #[serde(flatten)]
    pub store: Store,
    /// Orders where it is my turn.
    pub orders_waiting: u32,
    /// Listings that cannot be bought now.
    pub out_of_stock: u32,
    /// Whether this node quotes by itself.
    pub auto_quote: bool,
}

/// Opens my store or changes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoreUpdate {
    /// Its name.
    pub name: String,
    /// What it says about itself.
    pub about: String,
    /// Its sign.
    #[serde(default)]
    pub logo: Option<BlobHash>,
    /// A wide picture.
    #[serde(default)]
    pub banner: Option<BlobHash>,
    /// The currency of all its prices, ISO 4217.
    pub currency: String,
    /// Languages it serves in, BCP 47.
    #[serde(default)]
    pub languages: Vec<String>,
    /// When it is open.
    #[serde(default)]
    pub opening_hours: String,
    /// How else to reach it.
    #[serde(default)]
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
    #[serde(default)]
    pub policies: String,
    /// Whether it takes no orders for now.
    #[serde(default)]
    pub vacation: bool,
    /// Whether this node quotes by itself; yes if absent.
    #[serde(default)]
    pub auto_quote: Option<bool>,
}

/// Writes a listing of mine.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListingUpdate {
    /// Its title.
    pub title: String,
    /// The description, as text.
    pub description: String,
    /// The brand.
    #[serde(default)]
    pub brand: String,
    /// Its category.
    #[serde(default)]
    pub category: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The state of the goods; new if absent.
    #[serde(default)]
    pub condition: Option<Condition>,
    /// What is sold; a thing if absent.
    #[serde(default)]
    pub kind: Option<ListingKind>,
    /// Whether it is for sale; yes if absent.
    #[serde(default)]
    pub status: Option<ListingStatus>,
    /// Pictures that were uploaded before.
    pub images: Vec<ListingImage>,
    /// Choices.
    pub options: Vec<ListingOption>,
    /// What can be bought.
    pub variants: Vec<VariantUpdate>,
}

/// Writes one thing that can be bought.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VariantUpdate {
    /// Its name within the listing.
    pub sku: String,
    /// Values, parallel to the listing's `options`.
    pub options: Vec<String>,
    /// The price.
    pub price: Money,
    /// A price before.
    #[serde(default)]
    pub compare_at: Option<Money>,
    /// How many there are; `null` if not counted.
    #[schema(required)]
    pub stock: Option<i64>,
    /// Whether it can be ordered when there are none.
    #[serde(default)]
    pub allow_backorder: bool,
    /// Weight in grams.
    #[serde(default)]
    pub weight_g: Option<u32>,
    /// Its own picture.
    #[serde(default)]
    pub image: Option<BlobHash>,
    /// GTIN (EAN, UPC, ISBN).
    #[serde(default)]
    pub gtin: Option<String>,
}

/// Which of my listings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MyListingsQuery {
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// How many, at most 200; 48 if absent.
    pub limit: Option<u32>,
    /// Only of this status.
    pub status: Option<ListingStatus>,
    /// Only with this in the title or a SKU.
    pub q: Option<String>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get, put))
        .routes(routes!(listings))
        .routes(routes!(listing, put_listing, delete_listing))
        .routes(routes!(export))
        .routes(routes!(questions))
}

fn shape(views: &Views<'_>) -> Result<Option<MyStore>, EngineError> {
    let Some(me) = views.me else { return Ok(None) };
    let Some(store) = view::store(views.read, &me)? else { return Ok(None) };
    Ok(Some(MyStore {
        store: market_view::store(views, &store)?,
        orders_waiting: order::view::waiting_for_seller(views.read)?,
        out_of_stock: view::out_of_stock(views.read)?,
        auto_quote: view::auto_quote(views.read)?,
    }))
}

/// My store.
#[utoipa::path(get, path = "/api/store", tag = "store", responses(
    (status = 200, body = MyStore),
    (status = 404, body = Problem, description = "I have none"),
))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<MyStore>> {
    state.view(shape).await?.map(Json).ok_or_else(|| ApiError::not_found("You have no store yet."))
}

/// Opens my store, or changes it.
#[utoipa::path(put, path = "/api/store", tag = "store", request_body = StoreUpdate, responses(
    (status = 200, body = MyStore),
    (status = 409, body = Problem),
    (status = 422, body = Problem),
))]
async fn put(State(state): State<AppState>, auth: Auth, Json(update): Json<StoreUpdate>) -> ApiResult<Json<MyStore>> {
    blob::require(&state, update.logo, "logo").await?;
    blob::require(&state, update.banner, "banner").await?;
    let auto_quote = update.auto_quote;
    let store = read_store(update)?;
    let write = move |cx: &mut hutong_node::engine::Cx<'_>| {
        // What this API does not show stays as it is.
        let me = cx.me()?;
        let before = view::store(cx.read(), &me)?.map(|view| view.store);
        let kept = before.map(|before| (before.cancellation_fee, before.arbiters));
        let (cancellation_fee, arbiters) = kept.unwrap_or_default();
        own::put_store(cx, &protocol::Store { cancellation_fee, arbiters, ..store })?;
        if let Some(auto_quote) = auto_quote {
            own::set_auto_quote(cx, auto_quote);
        }
        Ok(())
    };
    state.node().call(write).await?;
    get(State(state), auth).await
}

fn read_store(update: StoreUpdate) -> ApiResult<protocol::Store> {
    let unknown = || ApiError::invalid("currency", "This is not a currency: use a code such as CNY or EUR.");
    let currency: money::Currency = update.currency.parse().map_err(|_| unknown())?;
    let shipping = update.shipping.iter().map(read_shipping).collect::<ApiResult<_>>()?;
    Ok(protocol::Store {
        name: update.name.trim().to_owned(),
        about: update.about,
        logo: update.logo.map(Into::into),
        banner: update.banner.map(Into::into),
        currency,
        languages: update.languages,
        opening_hours: update.opening_hours,
        contact: update.contact,
        payment_methods: update
            .payment_methods
            .into_iter()
            .map(|method| protocol::PaymentMethod { kind: method.kind.into(), instructions: method.instructions })
            .collect(),
        shipping,
        pickup: update.pickup.into_iter().map(Into::into).collect(),
        returns: update.returns.into(),
        policies: update.policies,
        cancellation_fee: money::BasisPoints::default(),
        arbiters: Vec::new(),
        vacation: update.vacation,
    })
}

fn read_shipping(option: &ShippingOption) -> ApiResult<protocol::ShippingOption> {
    let read = |money: &Money| read_money(money, "shipping");
    Ok(protocol::ShippingOption {
        id: option.id.clone(),
        name: option.name.trim().to_owned(),
        zones: option.zones.clone(),
        rate: read(&option.rate)?,
        additional_item: option.additional_item.as_ref().map(read).transpose()?,
        free_from: option.free_from.as_ref().map(read).transpose()?,
        days_min: option.days_min,
        days_max: option.days_max,
    })
}

const fn publication(status: ListingStatus) -> Publication {
    match status {
        ListingStatus::Active => Publication::Active,
        ListingStatus::Draft => Publication::Draft,
        ListingStatus::Archived => Publication::Archived,
    }
}

/// My listings, by name.
#[utoipa::path(get, path = "/api/store/listings", tag = "store", params(MyListingsQuery),
    responses((status = 200, body = ListingPage)))]
async fn listings(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<MyListingsQuery>,
) -> ApiResult<Json<ListingPage>> {
    let look = move |views: &Views<'_>| {
        let wanted_status = query.status.map(publication);
        let words = query.q.unwrap_or_default().to_lowercase();
        let matches = |handle: &str, own: &view::OwnListing| {
            let listing = &own.listing;
            let status = wanted_status.is_none_or(|status| status == Publication::of(own.draft, listing.status));
            let has = |text: &str| text.to_lowercase().contains(&words);
            let found = words.is_empty()
                || has(&listing.name)
                || has(handle)
                || listing.variants.iter().any(|variant| has(&variant.sku));
            status && found
        };
        let limit = usize::try_from(query.limit.unwrap_or(PAGE)).unwrap_or(view::PAGE_MAX);
        market_view::page(views, view::own_listings(views.read, matches, query.after.as_deref(), limit)?)
    };
    state.view(look).await.map(Json)
}

/// A listing of mine, also one that nobody else sees.
#[utoipa::path(get, path = "/api/store/listings/{listing}", tag = "store", params(("listing" = String, Path)),
    responses((status = 200, body = Listing), (status = 404, body = Problem)))]
async fn listing(State(state): State<AppState>, _: Auth, Path(handle): Path<String>) -> ApiResult<Json<Listing>> {
    let look = move |views: &Views<'_>| {
        view::own_listing(views.read, &handle)?.map(|found| market_view::listing(views, &found)).transpose()
    };
    state.view(look).await?.map(Json).ok_or_else(|| ApiError::not_found("You have no such listing."))
}

/// Writes a listing of mine.
#[utoipa::path(put, path = "/api/store/listings/{listing}", tag = "store", params(("listing" = String, Path)),
    request_body = ListingUpdate, responses(
        (status = 200, body = Listing),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn put_listing(
    State(state): State<AppState>,
    auth: Auth,
    Path(handle): Path<String>,
    Json(update): Json<ListingUpdate>,
) -> ApiResult<Json<Listing>> {
    let images = update.images.iter().map(|image| image.hash);
    for hash in images.chain(update.variants.iter().filter_map(|variant| variant.image)) {
        blob::require(&state, Some(hash), "images").await?;
    }
    let status = publication(update.status.unwrap_or(ListingStatus::Active));
    let listing = read_listing(update)?;
    let name = handle.clone();
    let write = move |cx: &mut hutong_node::engine::Cx<'_>| {
        let listing = match view::own_row(cx.read(), &name)? {
            Some(before) => keep_unshown(listing, &before.listing),
            None => listing,
        };
        own::put_listing(cx, &name, listing, status).map(drop)
    };
    state.node().call(write).await?;
    self::listing(State(state), auth, Path(handle)).await
}

/// What this API does not show stays as it is.
fn keep_unshown(mut listing: protocol::Listing, before: &protocol::Listing) -> protocol::Listing {
    listing.language.clone_from(&before.language);
    listing.shipping.clone_from(&before.shipping);
    for variant in &mut listing.variants {
        variant.measure = before.variant(&variant.sku).and_then(|before| before.measure);
    }
    listing
}

fn read_listing(update: ListingUpdate) -> ApiResult<protocol::Listing> {
    let first = update.variants.first().map(|variant| read_money(&variant.price, "variants")).transpose()?;
    let currency = first.ok_or_else(|| ApiError::invalid("variants", "A listing has at least one variant."))?.currency;
    let variants =
        update.variants.into_iter().map(|variant| read_variant(variant, currency)).collect::<ApiResult<_>>()?;
    Ok(protocol::Listing {
        name: update.title.trim().to_owned(),
        description: hutong_protocol::text::clean_text(&update.description),
        language: String::new(),
        images: update
            .images
            .into_iter()
            .map(|image| protocol::Image { hash: image.hash.into(), alt: image.alt })
            .collect(),
        brand: update.brand.trim().to_owned(),
        category: update.category.trim().to_owned(),
        tags: update.tags.into_iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect(),
        condition: update.condition.unwrap_or(Condition::New).into(),
        kind: update.kind.unwrap_or(ListingKind::Physical).into(),
        status: protocol::ListingStatus::Active,
        currency,
        options: update
            .options
            .into_iter()
            .map(|option| protocol::VariantOption { name: option.name, values: option.values })
            .collect(),
        variants,
        shipping: Vec::new(),
    })
}

fn read_variant(variant: VariantUpdate, currency: money::Currency) -> ApiResult<protocol::Variant> {
    let minor = |money: &Money| -> ApiResult<i64> {
        let money = read_money(money, "variants")?;
        let mixed = || ApiError::invalid("variants", "All prices of a listing are in one currency.");
        if money.currency == currency { Ok(money.minor) } else { Err(mixed()) }
    };
    let too_many = |_| ApiError::invalid("variants", "Stock is a number from 0 to 1,000,000.");
    let qty = variant.stock.map(u32::try_from).transpose().map_err(too_many)?;
    if qty.is_some_and(|qty| qty > QUANTITY_MAX) {
        return Err(ApiError::invalid("variants", "Stock is a number from 0 to 1,000,000."));
    }
    Ok(protocol::Variant {
        sku: variant.sku.trim().to_owned(),
        options: variant.options,
        price: minor(&variant.price)?,
        compare_at: variant.compare_at.as_ref().map(minor).transpose()?,
        stock: protocol::Stock {
            tracked: qty.is_some(),
            qty: qty.unwrap_or(0),
            allow_backorder: variant.allow_backorder,
        },
        weight_g: variant.weight_g,
        image: variant.image.map(Into::into),
        gtin: variant.gtin.filter(|gtin| !gtin.is_empty()),
        measure: None,
    })
}

/// Deletes a listing of mine. Others keep it as no longer for sale.
#[utoipa::path(delete, path = "/api/store/listings/{listing}", tag = "store", params(("listing" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete_listing(State(state): State<AppState>, _: Auth, Path(handle): Path<String>) -> ApiResult<StatusCode> {
    state.node().call(move |cx| own::delete_listing(cx, &handle)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// My catalogue as a CSV file in Shopify's current product format. Importing it again changes nothing.
#[utoipa::path(get, path = "/api/store/export", tag = "store",
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn export(State(state): State<AppState>, _: Auth) -> ApiResult<impl IntoResponse> {
    let csv = state.view(|views| {
        let own = view::all_own(views.read)?;
        Ok(import::export(own.iter().map(|(handle, own)| (handle.as_str(), &own.listing))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"catalogue.csv\""),
    ];
    Ok((headers, csv.await?))
}

/// Conversations with customers: those who ordered or asked, and are no contacts of mine.
#[utoipa::path(get, path = "/api/store/questions", tag = "store", responses((status = 200, body = Vec<Chat>)))]
async fn questions(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Chat>>> {
    let look = |views: &Views<'_>| {
        let buyers: std::collections::BTreeSet<_> =
            order::view::list(views.read, Some(hutong_protocol::order::Role::Seller), false)?
                .into_iter()
                .map(|(_, row)| row.buyer)
                .collect();
        let mut chats = Vec::new();
        for (id, row) in chat::view::list(views.read)? {
            let ChatId::Direct(other) = id else { continue };
            let contact = hutong_node::contact::view::get(views.read, &other)?;
            if !contact.blocked && row.last.is_some() && (buyers.contains(&other) || !contact.is_contact()) {
                chats.push(chat_view::shape(views, &id, row)?);
            }
        }
        Ok(chats)
    };
    state.view(look).await.map(Json)
}
