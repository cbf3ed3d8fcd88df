//! **The** transition table. The fold obeys it, the UI asks it what may be done, and `docs/order-machine.md` is made from
//! it; nothing else says what an order can do. The numbers are the rows of the commerce reference.

use super::{
    entry::EntryKind as E,
    guard::Guard as G,
    state::{CaseState as C, LineState as L, OrderState as O, PaymentState as P, ReturnState as R},
};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
    /// Buyer or seller.
    Either,
    /// The arbiter whom the quote names.
    Arbiter,
}

/// What changes. `from` lists the states in which the transition is possible.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The order axis: from the row's order states.
    Order(O),
    /// The order axis, back to where it was before somebody asked to cancel.
    OrderBack,
    /// The payment axis.
    Payment(&'static [P], P),
    /// The named lines.
    Line(&'static [L], L),
    /// The case axis.
    Case(&'static [C], C),
    /// The return axis.
    Return(&'static [R], R),
    /// No axis; something is noted.
    Nothing,
}

/// One way in which an entry has an effect. Of several for one kind of entry, the first that fits counts.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// The row of the commerce reference.
    pub row: u8,
    /// The entry that does it.
    pub entry: E,
    /// Who may write it.
    pub actor: Actor,
    /// The order states in which it is possible.
    pub order: &'static [O],
    /// The payment states in which it is possible; empty: any.
    pub payment: &'static [P],
    /// What changes.
    pub change: Change,
    /// Further conditions.
    pub guards: &'static [G],
    /// What the entry carries.
    pub carries: &'static str,
}

const fn row(row: u8, entry: E, actor: Actor, order: &'static [O], change: Change) -> Transition {
    Transition { row, entry, actor, order, payment: &[], change, guards: &[], carries: "" }
}

impl Transition {
    const fn when(mut self, guards: &'static [G]) -> Self {
        self.guards = guards;
        self
    }

    const fn if_payment(mut self, payment: &'static [P]) -> Self {
        self.payment = payment;
        self
    }

    const fn with(mut self, carries: &'static str) -> Self {
        self.carries = carries;
        self
    }
}

/// Order states with a contract.
const BOUND: &[O] = &[O::Accepted, O::InProgress, O::CancelRequested, O::Cancelled, O::Completed];
/// Payment states in which the seller or the escrow has something.
const FUNDED: &[P] = &[P::PartPaid, P::Paid, P::Held, P::PartRefunded];

/// The table.
pub const TABLE: &[Transition] = &[
    row(1, E::Request, Actor::Buyer, &[], Change::Order(O::Requested)).with(
        "lines (listing, record, version, sku, quantity), fulfilment with address or place, payment method, largest \
         total, expiry, review key, PIN hash, acceptable arbiters",
    ),
    row(2, E::Quote, Actor::Seller, &[O::Requested], Change::Order(O::Quoted))
        .when(&[G::RequestRuns, G::QuoteFits])
        .with("itemised sums, time limit, lease and its end, payment, cancellation, return and ruling terms"),
    row(3, E::Accept, Actor::Buyer, &[O::Quoted], Change::Order(O::Accepted))
        .when(&[G::QuoteNamed, G::QuoteRuns])
        .with("the quote's id; with it there is a contract"),
    row(3, E::Countersign, Actor::Seller, BOUND, Change::Nothing)
        .when(&[G::Bound])
        .with("the seller's signatures over the review key, one for each listing"),
    row(4, E::Decline, Actor::Seller, &[O::Requested], Change::Order(O::Declined)).with("reason code, text"),
    row(5, E::Expire, Actor::Either, &[O::Requested], Change::Order(O::Expired)).when(&[G::RequestEnded]),
    row(5, E::Expire, Actor::Either, &[O::Quoted], Change::Order(O::Expired))
        .when(&[G::QuoteEnded])
        .with("frees the lease"),
    row(6, E::Cancel, Actor::Either, &[O::Requested, O::Quoted, O::Accepted], Change::Order(O::Cancelled))
        .if_payment(&[P::Unpaid, P::Rejected])
        .with("reason"),
    row(7, E::Cancel, Actor::Either, &[O::Accepted, O::InProgress, O::CancelRequested], Change::Order(O::Cancelled))
        .if_payment(&[P::Refunded])
        .when(&[G::NothingDelivered])
        .with("reason"),
    row(7, E::Cancel, Actor::Either, &[O::Accepted, O::InProgress], Change::Order(O::CancelRequested))
        .when(&[G::NothingDelivered])
        .with("reason"),
    row(7, E::ApproveCancel, Actor::Either, &[O::CancelRequested], Change::Order(O::Cancelled))
        .when(&[G::ByTheOther, G::FeeAgreed])
        .with("the fee that the seller keeps; refunds follow (row 14)"),
    row(7, E::RefuseCancel, Actor::Either, &[O::CancelRequested], Change::OrderBack)
        .with("reason; the asker takes it back in the same way"),
    row(8, E::ClaimPayment, Actor::Buyer, BOUND, Change::Payment(&[P::Unpaid, P::PartPaid, P::Rejected], P::Claimed))
        .when(&[G::Bound, G::AmountPositive])
        .with("method, amount, reference"),
    row(9, E::AcceptPayment, Actor::Seller, BOUND, Change::Payment(UNSETTLED, P::Paid))
        .when(&[G::Bound, G::AmountPositive, G::ReachesTotal])
        .with("the amount received; amounts add up"),
    row(9, E::AcceptPayment, Actor::Seller, BOUND, Change::Payment(UNSETTLED, P::PartPaid))
        .when(&[G::Bound, G::AmountPositive, G::BelowTotal])
        .with("the amount received; the shortfall is shown"),
    row(9, E::RejectPayment, Actor::Seller, BOUND, Change::Payment(&[P::Claimed], P::Rejected))
        .when(&[G::NothingReceived])
        .with("reason"),
    row(9, E::RejectPayment, Actor::Seller, BOUND, Change::Payment(&[P::Claimed], P::PartPaid))
        .when(&[G::SomethingReceived])
        .with("reason"),
    row(9, E::HoldPayment, Actor::Seller, BOUND, Change::Payment(&[P::Unpaid, P::Claimed, P::Rejected], P::Held))
        .when(&[G::Bound, G::AmountPositive, G::ReachesTotal])
        .with("the amount in escrow and the hash of its proof"),
    row(9, E::ReleasePayment, Actor::Buyer, BOUND, Change::Payment(&[P::Held], P::Paid)),
    row(10, E::Start, Actor::Seller, &[O::Accepted], Change::Order(O::InProgress)).when(&[G::PaidOrOnDelivery]),
    row(11, E::Ready, Actor::Seller, &[O::InProgress], Change::Line(&[L::Pending, L::Failed], L::Ready))
        .when(&[G::PinAsRequested])
        .with("lines, PIN hash"),
    row(
        11,
        E::HandOver,
        Actor::Seller,
        &[O::InProgress],
        Change::Line(&[L::Pending, L::Ready, L::Failed], L::HandedOver),
    )
    .when(&[G::PinAsRequested])
    .with("lines, carrier and tracking number, PIN hash, or digital content hash"),
    row(
        12,
        E::ConfirmDelivery,
        Actor::Buyer,
        &[O::InProgress],
        Change::Line(&[L::Ready, L::HandedOver, L::Failed], L::Delivered),
    )
    .with("lines; the buyer's signature is the record's"),
    row(12, E::CarrierDelivered, Actor::Seller, &[O::InProgress], Change::Line(&[L::HandedOver], L::Delivered))
        .when(&[G::Tracked])
        .with("lines, what the carrier says"),
    row(12, E::EnterPin, Actor::Seller, &[O::InProgress], Change::Line(&[L::Ready, L::HandedOver], L::Delivered))
        .when(&[G::PinTriesLeft, G::PinRight])
        .with("lines, the PIN that the buyer showed"),
    row(12, E::EnterPin, Actor::Seller, &[O::InProgress], Change::Nothing)
        .when(&[G::PinTriesLeft, G::PinWrong])
        .with("a wrong PIN, which is counted"),
    row(12, E::FailDelivery, Actor::Either, &[O::InProgress], Change::Line(&[L::Ready, L::HandedOver], L::Failed))
        .with("lines, reason"),
    row(13, E::Complete, Actor::Buyer, &[O::InProgress], Change::Order(O::Completed)).when(&[G::AllDelivered]),
    row(13, E::Complete, Actor::Either, &[O::InProgress], Change::Order(O::Completed))
        .when(&[G::AllDelivered, G::TimerEnded]),
    row(14, E::Refund, Actor::Seller, BOUND, Change::Payment(FUNDED, P::PartRefunded))
        .when(&[G::AmountPositive, G::WithinReceived, G::LeavesSome])
        .with("amount, for the order, shipping or a line; reason"),
    row(14, E::Refund, Actor::Seller, BOUND, Change::Payment(FUNDED, P::Refunded))
        .when(&[G::AmountPositive, G::WithinReceived, G::LeavesNothing])
        .with("amount, for the order, shipping or a line; reason"),
    row(15, E::RequestReturn, Actor::Buyer, HANDED, Change::Return(&[R::None, R::Declined], R::Requested))
        .when(&[G::SomethingDelivered])
        .with("lines, reason"),
    row(15, E::AuthoriseReturn, Actor::Seller, HANDED, Change::Return(&[R::Requested], R::Authorised)).with("where to"),
    row(15, E::DeclineReturn, Actor::Seller, HANDED, Change::Return(&[R::Requested], R::Declined)).with("reason"),
    row(15, E::ReturnSent, Actor::Buyer, HANDED, Change::Return(&[R::Authorised], R::Sent))
        .with("carrier, tracking number"),
    row(15, E::ReturnReceived, Actor::Seller, HANDED, Change::Return(&[R::Sent], R::Received))
        .with("a refund follows (row 14)"),
    row(16, E::OpenCase, Actor::Either, BOUND, Change::Case(&[C::None], C::Open))
        .when(&[G::Bound])
        .with("claim, outcome wanted, evidence hashes"),
    row(17, E::ProposeSettlement, Actor::Either, BOUND, Change::Case(&[C::Open], C::Open))
        .when(&[G::SplitFits])
        .with("a split of what was received"),
    row(17, E::AcceptSettlement, Actor::Either, BOUND, Change::Case(&[C::Open], C::Settled))
        .when(&[G::OthersProposal])
        .with("the proposal's id; no arbiter is needed"),
    row(18, E::Rule, Actor::Arbiter, BOUND, Change::Case(&[C::Open], C::Ruled))
        .when(&[G::RulingRuns, G::SplitFits])
        .with("split, reason code, text"),
    row(18, E::FallBack, Actor::Either, BOUND, Change::Case(&[C::Open], C::Ruled))
        .when(&[G::RulingEnded])
        .with("the contract's fallback holds"),
    row(19, E::Execute, Actor::Either, BOUND, Change::Case(&[C::Ruled], C::Settled))
        .when(&[G::Executed])
        .with("receipt of execution"),
    row(20, E::Review, Actor::Either, &[O::Cancelled, O::Completed], Change::Nothing)
        .when(&[G::Bound])
        .with("the public review's id; the review itself carries review key and countersignature"),
];

/// Payment states in which money is still expected.
const UNSETTLED: &[P] = &[P::Unpaid, P::Claimed, P::PartPaid, P::Rejected];
/// Order states in which goods may have arrived.
const HANDED: &[O] = &[O::InProgress, O::Completed];

/// The table as Markdown: the body of `docs/order-machine.md`.
#[must_use]
pub fn to_markdown() -> String {
    let mut text =
        String::from("| # | entry | who | order is | changes | only if | carries |\n|---|---|---|---|---|---|---|\n");
    for transition in TABLE {
        let actor = match transition.actor {
            Actor::Buyer => "buyer",
            Actor::Seller => "seller",
            Actor::Either => "buyer or seller",
            Actor::Arbiter => "arbiter",
        };
        let mut order = join(transition.order.iter().map(|state| state.as_str()));
        if order.is_empty() {
            order = "–".into();
        }
        let mut conditions: Vec<String> = Vec::new();
        if !transition.payment.is_empty() {
            conditions.push(format!("payment is {}", join(transition.payment.iter().map(|state| state.as_str()))));
        }
        conditions.extend(transition.guards.iter().map(|guard| guard.text().to_owned()));
        text += &format!(
            "| {} | `{}` | {actor} | {order} | {} | {} | {} |\n",
            transition.row,
            transition.entry.as_str(),
            describe(&transition.change),
            conditions.join("; "),
            transition.carries,
        );
    }
    text
}

fn describe(change: &Change) -> String {
    let arrow = |axis: &str, from: String, to: &str| format!("{axis}: {from} → **{to}**");
    match change {
        Change::Order(to) => format!("order → **{to}**"),
        Change::OrderBack => "order → what it was before".into(),
        Change::Payment(from, to) => arrow("payment", join(from.iter().map(|state| state.as_str())), to.as_str()),
        Change::Line(from, to) => arrow("line", join(from.iter().map(|state| state.as_str())), to.as_str()),
        Change::Case(from, to) => arrow("case", join(from.iter().map(|state| state.as_str())), to.as_str()),
        Change::Return(from, to) => arrow("return", join(from.iter().map(|state| state.as_str())), to.as_str()),
        Change::Nothing => "noted".into(),
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
