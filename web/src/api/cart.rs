//! The cart, kept on this node.

use axum::extract::State;
use hutong_node::{
    engine::EngineError,
    market::cart::{self, Problem as Why},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    common::{BlobHash, Id, Money},
    market::{PaymentMethod, PickupPlace, ReturnPolicy, ShippingOption, StoreSummary},
    market_view,
};
use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::Json,
    state::AppState,
    views::Views,
};

/// Sets how many of a variant are in the cart.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CartSet {
    /// The store's account.
    pub store: Id,
    /// The listing's name within the store.
    pub listing: String,
    /// The variant.
    pub sku: String,
    /// How many; 0 removes the line.
    pub quantity: u32,
}

/// The cart, by store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cart {
    /// What is bought where.
    pub stores: Vec<CartStore>,
    /// Items in all.
    pub count: u32,
}

/// What is bought in one store: one order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CartStore {
    /// The store.
    pub store: StoreSummary,
    /// The lines.
    pub lines: Vec<CartLine>,
    /// Their sum.
    pub subtotal: Money,
    /// How it can be sent.
    pub shipping: Vec<ShippingOption>,
    /// Where it can be fetched.
    pub pickup: Vec<PickupPlace>,
    /// How it can be paid.
    pub payment_methods: Vec<PaymentMethod>,
    /// How it can be given back.
    pub returns: ReturnPolicy,
}

/// One variant in the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLine {
    /// The listing's name within the store.
    pub listing: String,
    /// The variant.
    pub sku: String,
    /// The listing's title.
    pub title: String,
    /// The variant's option values.
    pub options: Vec<String>,
    /// A picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// How many.
    pub quantity: u32,
    /// The price of one, now.
    pub price: Money,
    /// The price of all.
    pub total: Money,
    /// How many there are; `null` if the store does not count.
    #[schema(required)]
    pub stock: Option<i64>,
    /// Why it cannot be ordered as it is.
    #[schema(required)]
    pub problem: Option<CartProblem>,
}

/// Why a line cannot be ordered as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartProblem {
    /// It is no longer for sale.
    Gone,
    /// None are left.
    SoldOut,
    /// Fewer are left than are wanted.
    NotEnough,
    /// It costs something else now; it can be ordered at that.
    PriceChanged,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, clear)).routes(routes!(set))
}

/// Items in the cart.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn count(views: &Views<'_>) -> Result<u32, EngineError> {
    cart::count(views.read)
}

fn shape(views: &Views<'_>) -> Result<Cart, EngineError> {
    let stores =
        cart::cart(views.read)?.into_iter().map(|store| store_shape(views, store)).collect::<Result<_, _>>()?;
    Ok(Cart { stores, count: count(views)? })
}

fn store_shape(views: &Views<'_>, store: cart::CartStore) -> Result<CartStore, EngineError> {
    let summary = match &store.store {
        Some(view) => market_view::store_summary(views, view)?,
        None => market_view::unknown_store(views, &store.account)?,
    };
    // Only what applies to everything in the cart.
    let restricted: Vec<&Vec<String>> = store
        .lines
        .iter()
        .filter_map(|line| line.listing.as_ref().map(|listing| &listing.shipping))
        .filter(|ids| !ids.is_empty())
        .collect();
    let body = store.store.map(|view| view.store);
    let lines = store.lines.iter().map(line_shape).collect();
    let options = body.iter().flat_map(|store| store.shipping.iter());
    let shipping = options.filter(|option| restricted.iter().all(|ids| ids.contains(&option.id)));
    Ok(CartStore {
        store: summary,
        shipping: shipping.cloned().map(Into::into).collect(),
        lines,
        subtotal: store.subtotal.into(),
        pickup: body.iter().flat_map(|store| store.pickup.iter()).cloned().map(Into::into).collect(),
        payment_methods: body.as_ref().map(market_view::payment_methods).unwrap_or_default(),
        returns: body.map(|store| store.returns).unwrap_or_default().into(),
    })
}

fn line_shape(line: &cart::CartLine) -> CartLine {
    let variant = line.listing.as_ref().and_then(|listing| listing.variant(&line.sku));
    let total = line.price.times(line.quantity).unwrap_or(line.price);
    CartLine {
        listing: line.handle.clone(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        options: variant.map(|variant| variant.options.clone()).unwrap_or_default(),
        picture: line.listing.as_ref().and_then(|listing| listing.picture(variant)).map(Into::into),
        quantity: line.quantity,
        price: line.price.into(),
        total: total.into(),
        stock: variant.and_then(market_view::stock),
        problem: line.problem.map(|why| match why {
            Why::Gone => CartProblem::Gone,
            Why::SoldOut => CartProblem::SoldOut,
            Why::NotEnough => CartProblem::NotEnough,
            Why::PriceChanged => CartProblem::PriceChanged,
        }),
    }
}

/// The cart, store by store.
#[utoipa::path(get, path = "/api/cart", tag = "cart", responses((status = 200, body = Cart)))]
async fn get(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Cart>> {
    state.view(shape).await.map(Json)
}

/// Sets how many of a variant are in the cart; 0 removes it.
#[utoipa::path(put, path = "/api/cart/lines", tag = "cart", request_body = CartSet, responses(
    (status = 200, body = Cart),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "Not for sale, or the cart is full"),
))]
async fn set(State(state): State<AppState>, _: Auth, Json(line): Json<CartSet>) -> ApiResult<Json<Cart>> {
    let CartSet { store, listing, sku, quantity } = line;
    state.node().call(move |cx| cart::set(cx, store.into(), &listing, &sku, quantity)).await?;
    state.view(shape).await.map(Json)
}

/// Empties the cart.
#[utoipa::path(delete, path = "/api/cart", tag = "cart", responses((status = 200, body = Cart)))]
async fn clear(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Cart>> {
    state.node().call(|cx| Ok(cart::clear(cx, None)?)).await?;
    state.view(shape).await.map(Json)
}
