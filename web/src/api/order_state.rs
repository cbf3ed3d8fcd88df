//! States, sides and actions of an order: the API's words for the order machine's.

use hutong_node::order::view::{Delivery, MoneyWith};
use hutong_protocol::order as protocol;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Whom both named for disputes.
    Arbiter,
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
    /// Nobody for certain: on its way, as the buyer says.
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

/// The same names on both sides.
macro_rules! mirror {
    ($($name:ident { $($variant:ident)+ })+) => {
        $(impl From<protocol::$name> for $name {
            fn from(state: protocol::$name) -> Self {
                match state { $(protocol::$name::$variant => Self::$variant,)+ }
            }
        })+
    };
}

mirror! {
    OrderState { Requested Quoted Accepted InProgress Declined Expired CancelRequested Cancelled Completed }
    PaymentState { Unpaid Claimed PartPaid Paid Rejected Held PartRefunded Refunded }
    LineState { Pending Ready HandedOver Delivered Failed }
    CaseState { None Open Ruled Settled }
    ReturnState { None Requested Authorised Declined Sent Received }
}

macro_rules! actions {
    ($($variant:ident)+) => {
        impl From<protocol::Action> for OrderActionKind {
            fn from(action: protocol::Action) -> Self {
                match action { $(protocol::Action::$variant => Self::$variant,)+ }
            }
        }

        impl From<OrderActionKind> for protocol::Action {
            fn from(action: OrderActionKind) -> Self {
                match action { $(OrderActionKind::$variant => Self::$variant,)+ }
            }
        }
    };
}

actions! {
    AcceptQuote Cancel ApproveCancel RefuseCancel ClaimPayment AcceptPayment RejectPayment Quote Decline Start Ready
    HandOver ConfirmDelivery FailDelivery EnterPin Complete Refund RequestReturn AuthoriseReturn DeclineReturn
    ReturnSent ReturnReceived OpenCase ProposeSettlement AcceptSettlement Review
}

impl From<protocol::Role> for OrderRole {
    fn from(role: protocol::Role) -> Self {
        match role {
            protocol::Role::Buyer => Self::Buyer,
            protocol::Role::Seller => Self::Seller,
            protocol::Role::Arbiter => Self::Arbiter,
        }
    }
}

impl From<Option<protocol::Role>> for NextActor {
    fn from(role: Option<protocol::Role>) -> Self {
        match role {
            Some(protocol::Role::Buyer) => Self::Buyer,
            Some(protocol::Role::Seller) => Self::Seller,
            Some(protocol::Role::Arbiter) | None => Self::Nobody,
        }
    }
}

impl From<MoneyWith> for MoneyHolder {
    fn from(with: MoneyWith) -> Self {
        match with {
            MoneyWith::Buyer => Self::Buyer,
            MoneyWith::Seller => Self::Seller,
            MoneyWith::Escrow => Self::Escrow,
            MoneyWith::Nobody => Self::Nobody,
        }
    }
}

impl From<Delivery> for DeliveryState {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Queued => Self::Queued,
            Delivery::Sent => Self::Sent,
            Delivery::Delivered => Self::Delivered,
        }
    }
}
