//! Orders, for both sides.

use hutong_node::engine::{ChatId, CommandError, Cx, EngineError};
use hutong_protocol::{RecordId, chat as protocol};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    address::Address,
    chat::Card,
    common::{BlobHash, Id, Money, Ms, Party},
    market::{PaymentMethodKind, PickupPlace},
    trust::Review,
};
use crate::{state::AppState, views::Views};

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    OrderPlace,
    OrderPlaceLine,
    Fulfilment,
    FulfilmentKind,
    OrderState,
    PaymentState,
    LineState,
    CaseState,
    ReturnState,
    OrderRole,
    NextActor,
    MoneyHolder,
    DeliveryState,
    OrderSummary,
    Order,
    OrderLine,
    Tracking,
    Quote,
    OrderEvent,
    OrderActionKind,
    OrderAction
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

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

/// Sent or fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentKind {
    /// Sent.
    Shipping,
    /// Fetched.
    Pickup,
}

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// The buyer asked.
    Requested,
    /// The store answered with a total.
    Quoted,
    /// The buyer agreed.
    Accepted,
    /// The store works on it.
    InProgress,
    /// The store said no.
    Declined,
    /// Nobody acted in time.
    Expired,
    /// The buyer wants out, the store has not answered.
    CancelRequested,
    /// It is off.
    Cancelled,
    /// Done.
    Completed,
}

/// Where the money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing paid.
    Unpaid,
    /// The buyer says it is paid.
    Claimed,
    /// The store got a part.
    PartPaid,
    /// The store got all.
    Paid,
    /// The store did not get what was claimed.
    Rejected,
    /// In escrow.
    Held,
    /// A part went back.
    PartRefunded,
    /// All went back.
    Refunded,
}

/// Where the goods of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// Not yet ready.
    Pending,
    /// Packed.
    Ready,
    /// On the way.
    HandedOver,
    /// With the buyer.
    Delivered,
    /// Did not arrive.
    Failed,
}

/// Whether the two disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// No.
    None,
    /// Yes.
    Open,
    /// An arbiter ruled.
    Ruled,
    /// They agreed.
    Settled,
}

/// Whether goods go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnState {
    /// No.
    None,
    /// The buyer asked.
    Requested,
    /// The store agreed.
    Authorised,
    /// The store said no.
    Declined,
    /// On the way back.
    Sent,
    /// Back.
    Received,
}

/// A side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderRole {
    /// Who buys.
    Buyer,
    /// Who sells.
    Seller,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextActor {
    /// The buyer's.
    Buyer,
    /// The seller's.
    Seller,
    /// Nobody's.
    Nobody,
}

/// Who holds the money now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MoneyHolder {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
    /// An escrow.
    Escrow,
    /// Nothing is due.
    Nobody,
}

/// How far my newest entry came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Kept here, waiting for the other's node.
    Queued,
    /// Handed to the network.
    Sent,
    /// Stored by the other's node.
    Delivered,
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
    /// Its first line, and how many more.
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
    /// Why it had no effect.
    #[schema(required)]
    pub ignored: Option<String>,
}

/// What can be done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of the order machine, described in the docs of the protocol")]
pub enum OrderActionKind {
    AcceptQuote,
    Cancel,
    ApproveCancel,
    RefuseCancel,
    ClaimPayment,
    AcceptPayment,
    RejectPayment,
    Quote,
    Decline,
    Start,
    Ready,
    HandOver,
    ConfirmDelivery,
    FailDelivery,
    EnterPin,
    Complete,
    Refund,
    RequestReturn,
    AuthoriseReturn,
    DeclineReturn,
    ReturnSent,
    ReturnReceived,
    OpenCase,
    ProposeSettlement,
    AcceptSettlement,
    Review,
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

/// An order in a list; `None` if it is not here.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn summary(_: &Views<'_>, _: RecordId) -> Result<Option<OrderSummary>, EngineError> {
    Ok(None)
}

/// An order's card in a conversation; `title` is what the card's author claimed.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn card(views: &Views<'_>, order: RecordId, title: String) -> Result<Card, EngineError> {
    let known = summary(views, order)?;
    let (state, total) = known.map_or((OrderState::Requested, None), |order| (order.state, order.total));
    Ok(Card::Order { order: order.into(), title, state, total })
}

/// The card to send for an order: only in the conversation of its two sides.
///
/// # Errors
/// `NotFound` if it is not here or not of this conversation.
pub(crate) fn card_of(_: &Cx<'_>, _: &ChatId, _: RecordId) -> Result<protocol::Card, CommandError> {
    Err(CommandError::NotFound("this order"))
}
