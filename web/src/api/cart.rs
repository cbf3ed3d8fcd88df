//! The cart, kept on this node.

use hutong_node::engine::EngineError;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    common::{BlobHash, Id, Money},
    market::{PaymentMethod, PickupPlace, ReturnPolicy, ShippingOption, StoreSummary},
};
use crate::{state::AppState, views::Views};

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(CartSet, Cart, CartStore, CartLine)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

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
    /// Sold out, price changed, gone: in plain words.
    #[schema(required)]
    pub problem: Option<String>,
}

/// Items in the cart.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn count(_: &Views<'_>) -> Result<u32, EngineError> {
    Ok(0)
}
