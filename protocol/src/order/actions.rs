//! What a person may do now, asked of the table.

use super::{
    entry::{Entry, EntryKind, Role},
    guard::Step,
    state::{CaseState, Ignored, LineState, Order, OrderState, PaymentState, ReturnState},
    terms::Fulfilment,
};
use crate::{market::PaymentMethodKind, time::TimestampMs};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal: $($kind:ident by $role:ident),+;)*) => {
        /// Something that a person can do with an order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All of them, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// From text.
            #[must_use]
            pub fn from_name(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }

            /// The kind of entry that does it, for a party.
            #[must_use]
            pub fn entry(self, by: Role) -> Option<EntryKind> {
                let kinds: &[(EntryKind, Role)] =
                    match self { $(Self::$name => &[$((EntryKind::$kind, Role::$role)),+],)* };
                kinds.iter().find(|(_, role)| *role == by).map(|(kind, _)| *kind)
            }
        }
    };
}

actions! {
    /// Take the seller's offer.
    AcceptQuote = "accept_quote": Accept by Buyer;
    /// Make an offer.
    Quote = "quote": Quote by Seller;
    /// Say no.
    Decline = "decline": Decline by Seller;
    /// Say that one has paid.
    ClaimPayment = "claim_payment": ClaimPayment by Buyer;
    /// Say that money has arrived.
    AcceptPayment = "accept_payment": AcceptPayment by Seller;
    /// Say that none has.
    RejectPayment = "reject_payment": RejectPayment by Seller;
    /// Begin.
    Start = "start": Start by Seller;
    /// Packed, or to be picked up.
    Ready = "ready": Ready by Seller;
    /// Give to a carrier.
    HandOver = "hand_over": HandOver by Seller;
    /// Type the PIN that the buyer shows.
    EnterPin = "enter_pin": EnterPin by Seller;
    /// It is here; for the seller: the carrier says so.
    ConfirmDelivery = "confirm_delivery": ConfirmDelivery by Buyer, CarrierDelivered by Seller;
    /// It did not arrive.
    FailDelivery = "fail_delivery": FailDelivery by Buyer, FailDelivery by Seller;
    /// All done.
    Complete = "complete": Complete by Buyer, Complete by Seller;
    /// Tell others.
    Review = "review": Review by Buyer;
    /// Call it off, or ask to.
    Cancel = "cancel": Cancel by Buyer, Cancel by Seller;
    /// Agree to call it off.
    ApproveCancel = "approve_cancel": ApproveCancel by Buyer, ApproveCancel by Seller;
    /// Do not, or take back one's own wish.
    RefuseCancel = "refuse_cancel": RefuseCancel by Buyer, RefuseCancel by Seller;
    /// Give money back.
    Refund = "refund": Refund by Seller;
    /// Ask to send back.
    RequestReturn = "request_return": RequestReturn by Buyer;
    /// Agree.
    AuthoriseReturn = "authorise_return": AuthoriseReturn by Seller;
    /// Do not.
    DeclineReturn = "decline_return": DeclineReturn by Seller;
    /// Sent back.
    ReturnSent = "return_sent": ReturnSent by Buyer;
    /// Is back.
    ReturnReceived = "return_received": ReturnReceived by Seller;
    /// Open a dispute.
    OpenCase = "open_case": OpenCase by Buyer, OpenCase by Seller;
    /// Offer a split.
    ProposeSettlement = "propose_settlement": ProposeSettlement by Buyer, ProposeSettlement by Seller;
    /// Take the other's.
    AcceptSettlement = "accept_settlement": AcceptSettlement by Buyer, AcceptSettlement by Seller;
}

impl Order {
    /// Whether an entry of `role`, who has seen everything, would have an effect at `at`.
    ///
    /// # Errors
    /// Why not.
    pub fn would_take(&self, role: Role, entry: &Entry, at: TimestampMs) -> Result<(), Ignored> {
        self.find(entry.kind(), Step { role, at, entry: Some(entry) }).map(drop)
    }
}

/// What `role` may do at `now`.
#[must_use]
pub fn allowed_actions(order: &Order, role: Role, now: TimestampMs) -> Vec<Action> {
    // An entry counts only if it is later than what it names, so that is when it could be written.
    let at = now.max(order.updated_at.plus_ms(1));
    let step = Step { role, at, entry: None };
    let fits = |action: &Action| match action {
        // A review needs the seller's word that there was an order.
        Action::Review => order.countersigned.is_some(),
        _ => true,
    };
    Action::ALL
        .iter()
        .copied()
        .filter(|action| action.entry(role).is_some_and(|kind| order.find(kind, step).is_ok()) && fits(action))
        .collect()
}

/// On whom the order waits; nobody when it is over.
#[must_use]
pub fn next_actor(order: &Order) -> Option<Role> {
    if order.case == CaseState::Open {
        let dispute = order.dispute.as_ref()?;
        let proposed = |role: Role| dispute.proposals.contains_key(&role);
        return Some(if proposed(Role::Buyer) && !proposed(Role::Seller) {
            Role::Seller
        } else if proposed(Role::Seller) && !proposed(Role::Buyer) {
            Role::Buyer
        } else {
            dispute.by.other()
        });
    }
    match order.returns {
        ReturnState::Requested | ReturnState::Sent => return Some(Role::Seller),
        ReturnState::Authorised => return Some(Role::Buyer),
        _ => {}
    }
    match order.state {
        OrderState::Requested => Some(Role::Seller),
        OrderState::Quoted => Some(Role::Buyer),
        OrderState::CancelRequested => order.cancel.map(|cancel| cancel.by.other()),
        OrderState::Accepted => Some(accepted_actor(order)),
        OrderState::InProgress => Some(progress_actor(order)),
        OrderState::Cancelled => (order.received().minor > order.refunded.minor).then_some(Role::Seller),
        OrderState::Declined | OrderState::Expired | OrderState::Completed => None,
    }
}

fn accepted_actor(order: &Order) -> Role {
    let on_delivery = order.request.payment_method == PaymentMethodKind::PayOnDelivery;
    match order.payment {
        PaymentState::Unpaid | PaymentState::PartPaid | PaymentState::Rejected if !on_delivery => Role::Buyer,
        _ => Role::Seller,
    }
}

fn progress_actor(order: &Order) -> Role {
    let any = |state: LineState| order.lines.iter().any(|line| line.state == state);
    let pickup = matches!(order.request.fulfilment, Fulfilment::Pickup { .. });
    if any(LineState::Pending) || any(LineState::Failed) || (any(LineState::Ready) && !pickup) {
        Role::Seller
    } else {
        Role::Buyer
    }
}
