//! Orders, for both sides.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    order::{self, Act, PlaceOrder, view},
    trust,
};
use hutong_protocol::{RecordId, TimestampMs, money};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use super::order_state::*;
pub(crate) use super::order_view::{card, card_of, summary};
use super::{
    address::Address,
    blob,
    common::{BlobHash, Id, Money, Ms, Party},
    market::{PaymentMethodKind, PickupPlace},
    order_view,
    trust::{Review, ReviewWrite},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{IdempotencyKey, Json, Path, Query},
    state::{AppState, now_ms},
};

/// An order to place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderPlace {
    /// The store's account.
    pub store: Id,
    /// What.
    pub lines: Vec<OrderPlaceLine>,
    /// How it reaches me.
    pub fulfilment: Fulfilment,
    /// How I pay.
    pub payment_method: PaymentMethodKind,
    /// A word to the store.
    #[serde(default)]
    pub note: Option<String>,
    /// Accept the quote by itself if it asks exactly what the cart said.
    #[serde(default)]
    pub auto_accept: Option<bool>,
}

/// One line of an order to place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderPlaceLine {
    /// The listing's name within the store.
    pub listing: String,
    /// The variant.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// How an order reaches the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fulfilment {
    /// Sent.
    Shipping {
        /// Which of the store's ways to send.
        option: String,
        /// Where to.
        address: Address,
    },
    /// Fetched.
    Pickup {
        /// Which of the store's places.
        place: String,
    },
}

/// Which orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrdersQuery {
    /// Only where I am this side.
    pub role: Option<OrderRole>,
    /// Only where it is my turn.
    #[serde(default)]
    pub waiting: bool,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSummary {
    /// The id of its first entry.
    pub order: Id,
    /// My side.
    pub role: OrderRole,
    /// The other side.
    pub other: Party,
    /// Where it is.
    pub state: OrderState,
    /// Where the money is.
    pub payment: PaymentState,
    /// Its first line.
    pub title: String,
    /// Its first picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Items in all.
    pub items: u32,
    /// The total, once quoted.
    #[schema(required)]
    pub total: Option<Money>,
    /// When it was placed.
    pub placed_at: Ms,
    /// When it last changed.
    pub updated_at: Ms,
    /// Whose turn it is.
    pub next_actor: NextActor,
    /// Sent or fetched.
    pub fulfilment: FulfilmentKind,
}

/// An order in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// In short.
    #[serde(flatten)]
    pub summary: OrderSummary,
    /// What.
    pub lines: Vec<OrderLine>,
    /// The store's answer.
    #[schema(required)]
    pub quote: Option<Quote>,
    /// Where it goes, if sent.
    #[schema(required)]
    pub address: Option<Address>,
    /// Where it is fetched, if fetched.
    #[schema(required)]
    pub pickup: Option<PickupPlace>,
    /// How it is paid.
    pub payment_method: PaymentMethodKind,
    /// What the buyer needs to know to pay.
    pub payment_instructions: String,
    /// What the store got.
    #[schema(required)]
    pub paid: Option<Money>,
    /// What went back.
    #[schema(required)]
    pub refunded: Option<Money>,
    /// What is missing.
    #[schema(required)]
    pub shortfall: Option<Money>,
    /// Who holds the money now.
    pub money_with: MoneyHolder,
    /// How to follow the parcel.
    #[schema(required)]
    pub tracking: Option<Tracking>,
    /// What the buyer says when fetching; only the buyer sees it.
    #[schema(required)]
    pub pickup_pin: Option<String>,
    /// The buyer's word to the store.
    pub note: String,
    /// Whether the two disagree.
    pub case: CaseState,
    /// Whether goods go back.
    pub returns: ReturnState,
    /// Everything that happened, oldest first.
    pub timeline: Vec<OrderEvent>,
    /// What I may do now.
    pub actions: Vec<OrderActionKind>,
    /// When it lapses if nobody acts.
    #[schema(required)]
    pub expires_at: Option<Ms>,
    /// My review.
    #[schema(required)]
    pub review: Option<Review>,
    /// How far my newest entry came.
    pub delivery: DeliveryState,
    /// The conversation of the two.
    pub chat: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// The listing's name within the store.
    pub listing: String,
    /// The variant.
    pub sku: String,
    /// The title when it was ordered.
    pub title: String,
    /// The variant's option values.
    pub options: Vec<String>,
    /// A picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// How many.
    pub quantity: u32,
    /// The price of one.
    pub price: Money,
    /// The price of all.
    pub total: Money,
    /// Where the goods are.
    pub state: LineState,
}

/// How to follow a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tracking {
    /// Who carries it.
    pub carrier: String,
    /// Its number there.
    pub number: String,
}

/// The store's answer: what it asks, and until when it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// The lines.
    pub lines: Money,
    /// The way.
    pub shipping: Money,
    /// Tax.
    pub tax: Money,
    /// Discount.
    pub discount: Money,
    /// All together.
    pub total: Money,
    /// Until when it can be accepted.
    pub valid_until: Ms,
    /// Until when the goods are set aside.
    pub lease_until: Ms,
    /// The store's terms.
    pub terms: String,
}

/// Something that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderEvent {
    /// The record.
    pub id: Id,
    /// The author's claim of when.
    pub at: Ms,
    /// Who did it.
    pub actor: OrderRole,
    /// What: `requested`, `quoted`, `payment_claimed`, `handed_over`, …
    pub kind: String,
    /// In words.
    pub note: String,
    /// The sum it is about.
    #[schema(required)]
    pub amount: Option<Money>,
    /// Why it had no effect: `wrong_party`, `wrong_role`, `wrong_state`, `wrong_contract`, `clock_backwards`, `unknown`
    /// or `condition`.
    #[schema(required)]
    pub ignored: Option<String>,
}

/// Something to do to an order; which of the other fields are needed depends on the action.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderAction {
    /// What.
    pub action: OrderActionKind,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// How much.
    #[serde(default)]
    pub amount: Option<Money>,
    /// The reference of a payment.
    #[serde(default)]
    pub reference: Option<String>,
    /// Who carries it.
    #[serde(default)]
    pub carrier: Option<String>,
    /// The parcel's number.
    #[serde(default)]
    pub tracking: Option<String>,
    /// What the buyer said when fetching.
    #[serde(default)]
    pub pin: Option<String>,
    /// More words.
    #[serde(default)]
    pub text: Option<String>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, place)).routes(routes!(get)).routes(routes!(act)).routes(routes!(review))
}

async fn one(state: &AppState, id: RecordId) -> ApiResult<Order> {
    let now = TimestampMs(now_ms());
    let found = state
        .view(move |views| view::order(views.read, &id, now)?.map(|order| order_view::shape(views, order)).transpose());
    found.await?.ok_or_else(|| ApiError::not_found("This order is not known here."))
}

/// Orders, the last changed first.
#[utoipa::path(get, path = "/api/orders", tag = "orders", params(OrdersQuery),
    responses((status = 200, body = Vec<OrderSummary>)))]
async fn list(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<OrdersQuery>,
) -> ApiResult<Json<Vec<OrderSummary>>> {
    let role = query.role.map(Into::into);
    let look = move |views: &crate::views::Views<'_>| {
        let orders = view::list(views.read, role, query.waiting)?;
        orders.into_iter().map(|(id, row)| order_view::row(views, id, row)).collect()
    };
    state.view(look).await.map(Json)
}

/// Places an order: its request is signed, and waits for the store's node.
#[utoipa::path(post, path = "/api/orders", tag = "orders", params(IdempotencyKey), request_body = OrderPlace, responses(
    (status = 201, body = Order),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "The store does not offer this (any more)"),
    (status = 422, body = Problem),
))]
async fn place(
    State(state): State<AppState>,
    _: Auth,
    key: IdempotencyKey,
    Json(order): Json<OrderPlace>,
) -> ApiResult<(StatusCode, Json<Order>)> {
    let order = PlaceOrder {
        store: order.store.into(),
        lines: order.lines.into_iter().map(|line| (line.listing, line.sku, line.quantity)).collect(),
        fulfilment: order.fulfilment.into(),
        payment_method: order.payment_method.into(),
        note: order.note.unwrap_or_default(),
        auto_accept: order.auto_accept.unwrap_or(false),
    };
    let id = state.node().call(move |cx| cx.once("order", key.get(), |cx| order::place(cx, order))).await?;
    Ok((StatusCode::CREATED, Json(one(&state, id).await?)))
}

/// An order.
#[utoipa::path(get, path = "/api/orders/{order}", tag = "orders", params(("order" = Id, Path)), responses(
    (status = 200, body = Order),
    (status = 404, body = Problem),
))]
async fn get(State(state): State<AppState>, _: Auth, Path(id): Path<Id>) -> ApiResult<Json<Order>> {
    one(&state, id.into()).await.map(Json)
}

/// Does something to an order: one of its `actions`.
#[utoipa::path(post, path = "/api/orders/{order}/actions", tag = "orders", params(("order" = Id, Path)),
    request_body = OrderAction, responses(
        (status = 200, body = Order),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Not possible in the state the order is in"),
        (status = 422, body = Problem),
    ))]
async fn act(
    State(state): State<AppState>,
    _: Auth,
    Path(id): Path<Id>,
    Json(action): Json<OrderAction>,
) -> ApiResult<Json<Order>> {
    let id = RecordId::from(id);
    let kind = action.action.into();
    let with = Act {
        reason: action.reason.unwrap_or_default(),
        amount: action.amount.map(|amount| read_money(&amount, "amount")).transpose()?,
        reference: action.reference.unwrap_or_default(),
        carrier: action.carrier.unwrap_or_default(),
        tracking: action.tracking.unwrap_or_default(),
        pin: action.pin.unwrap_or_default(),
        text: action.text.unwrap_or_default(),
    };
    state.node().call(move |cx| order::act(cx, &id, kind, &with)).await?;
    one(&state, id).await.map(Json)
}

/// Writes the review of a listing in an order, or changes it.
#[utoipa::path(post, path = "/api/orders/{order}/review", tag = "orders", params(("order" = Id, Path)),
    request_body = ReviewWrite, responses(
        (status = 200, body = Order),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn review(
    State(state): State<AppState>,
    _: Auth,
    Path(id): Path<Id>,
    Json(review): Json<ReviewWrite>,
) -> ApiResult<Json<Order>> {
    let id = RecordId::from(id);
    for photo in &review.photos {
        blob::require(&state, Some(*photo), "photos").await?;
    }
    let photos = review.photos.into_iter().map(Into::into).collect();
    let (listing, overall, text) = (review.listing, review.overall, review.text);
    let write =
        move |cx: &mut hutong_node::engine::Cx<'_>| trust::write_review(cx, &id, &listing, overall, &text, photos);
    state.node().call(write).await?;
    one(&state, id).await.map(Json)
}

/// Reads a sum from a request.
///
/// # Errors
/// 422 naming the field, for an unknown currency, another exponent than the currency's, or an amount too large.
pub(crate) fn read_money(money: &Money, field: &'static str) -> ApiResult<money::Money> {
    let invalid = |message: &str| ApiError::invalid(field, message);
    let currency: money::Currency = money.currency.parse().map_err(|_| invalid("This is not a currency."))?;
    if currency.exponent() != money.exponent {
        return Err(invalid("The exponent is not that of the currency."));
    }
    let read = money::Money::new(money.minor, currency);
    if read.is_price() { Ok(read) } else { Err(invalid("An amount is 0 or more, and not that large.")) }
}
