//! Conditions of the transition table that are more than a state and a party. Each is one sentence and one check.

use super::{
    entry::{Entry, Role},
    pin_hash,
    state::{LineState, Order},
    terms::{Quote, RefundFor, Split},
};
use crate::{ids::RecordId, limits::PIN_TRIES_MAX, market::PaymentMethodKind, money::Money, time::TimestampMs};

/// What is to be checked: an entry, or (with `entry` none) whether a party could write one of this kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) role: Role,
    pub(super) at: TimestampMs,
    pub(super) entry: Option<&'a Entry>,
}

macro_rules! guards {
    ($($name:ident = $text:literal,)*) => {
        /// A condition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guard { $(#[doc = $text] $name,)* }

        impl Guard {
            /// The condition in words; completes "only if …".
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

guards! {
    Bound = "there is a contract",
    RequestRuns = "the request has not expired",
    RequestEnded = "the request's signed expiry has passed",
    QuoteFits = "the quote offers the requested lines in order, adds up, and names no arbiter but an offered one",
    QuoteNamed = "it names the quote that stands",
    QuoteRuns = "the quote has not expired",
    QuoteEnded = "the quote's signed expiry has passed",
    NothingDelivered = "nothing was delivered yet (then it is a return)",
    ByTheOther = "it comes from the one who did not ask",
    FeeAgreed = "the fee is at most what the terms say, of what was received",
    AmountPositive = "the amount is above 0 and in the order's currency",
    ReachesTotal = "with this amount the total is reached",
    BelowTotal = "with this amount the total is not reached",
    NothingReceived = "nothing was received before",
    SomethingReceived = "something was received before",
    PaidOrOnDelivery = "the total was received, or the terms are pay on delivery",
    PinAsRequested = "the PIN's hash is the request's",
    Tracked = "the lines travel with a carrier and a tracking number",
    PinTriesLeft = "fewer than three wrong PINs were entered",
    PinRight = "the PIN is right",
    PinWrong = "the PIN is wrong",
    AllDelivered = "every line is delivered, or failed and refunded in full",
    TimerEnded = "the completion timer has run out, open cases not counted",
    WithinReceived = "all refunds together are at most what was received, of the line and of shipping too",
    LeavesSome = "some of what was received stays",
    LeavesNothing = "nothing of what was received stays",
    SomethingDelivered = "the lines were delivered",
    SplitFits = "the two parts are what was received",
    OthersProposal = "it names the other's newest proposal",
    RulingRuns = "the time for a ruling has not passed",
    RulingEnded = "the contract names an arbiter and the time for a ruling has passed",
    Executed = "the buyer says so, or the seller has refunded the buyer's part",
}

impl Guard {
    /// Whether the condition holds. Without an entry: whether it could hold for some entry.
    pub(super) fn holds(self, order: &Order, step: Step<'_>) -> bool {
        self.check(order, step).unwrap_or(false)
    }

    fn check(self, order: &Order, step: Step<'_>) -> Option<bool> {
        let quote = order.quote.as_ref();
        Some(match self {
            Self::Bound => order.contract.is_some(),
            Self::RequestRuns => step.at <= order.request.expires,
            Self::RequestEnded => step.at > order.request.expires,
            Self::QuoteRuns => step.at <= quote?.valid_until,
            Self::QuoteEnded => step.at > quote?.valid_until,
            Self::QuoteFits => entry(step, |entry| match entry {
                Entry::Quote { quote } => quote_fits(order, quote, step.at),
                _ => None,
            })?,
            Self::QuoteNamed => entry(step, |entry| match entry {
                Entry::Accept { quote } => Some(order.quote_id == Some(*quote)),
                _ => None,
            })?,
            Self::NothingDelivered => !order.lines.iter().any(|line| line.state == LineState::Delivered),
            Self::ByTheOther => order.cancel?.by != step.role,
            Self::FeeAgreed => entry(step, |entry| fee_agreed(order, entry))?,
            Self::PaidOrOnDelivery => is_funded(order)? || quote?.payment_method == PaymentMethodKind::PayOnDelivery,
            Self::PinAsRequested => entry(step, |entry| match entry {
                Entry::Ready { pin_hash, .. } | Entry::HandOver { pin_hash, .. } => {
                    Some(pin_hash.is_none() || *pin_hash == order.request.pin_hash)
                }
                _ => None,
            })?,
            Self::PinTriesLeft => order.pin_tries < PIN_TRIES_MAX,
            Self::PinRight => entry(step, |entry| pin_is_right(order, entry))? && order.request.pin_hash.is_some(),
            Self::PinWrong => {
                order.request.pin_hash.is_some() && entry(step, |e| pin_is_right(order, e).map(|is| !is))?
            }
            Self::Tracked => lines_are(order, step, |line| !line.tracking.is_empty()),
            Self::SomethingDelivered => lines_are(order, step, |line| line.state == LineState::Delivered),
            Self::AllDelivered => all_delivered(order)?,
            Self::TimerEnded => step.at >= order.completes_at()?,
            Self::RulingRuns => step.at <= ruling_deadline(order)?,
            Self::RulingEnded => step.at > ruling_deadline(order)?,
            Self::OthersProposal => {
                let (proposal, _) = order.dispute.as_ref()?.proposals.get(&step.role.other())?;
                entry(step, |entry| names_proposal(entry, proposal))?
            }
            Self::Executed => step.role == Role::Buyer || seller_executed(order)?,
            _ => self.check_money(order, step)?,
        })
    }

    fn check_money(self, order: &Order, step: Step<'_>) -> Option<bool> {
        let received = order.received();
        let with_amount = |check: &dyn Fn(Money) -> Option<bool>| entry(step, |entry| check(amount_of(entry)?));
        match self {
            Self::AmountPositive => with_amount(&|amount| {
                Some(amount.currency == order.currency() && amount.is_price() && amount.minor > 0)
            }),
            Self::ReachesTotal => {
                with_amount(&|amount| Some(received.plus(amount).ok()?.compare(order.total()?).ok()?.is_ge()))
            }
            Self::BelowTotal => {
                with_amount(&|amount| Some(received.plus(amount).ok()?.compare(order.total()?).ok()?.is_lt()))
            }
            Self::NothingReceived => Some(received.minor == 0),
            Self::SomethingReceived => Some(received.minor > 0),
            Self::WithinReceived if step.entry.is_none() => Some(received.minor > order.refunded.minor),
            Self::WithinReceived => within_received(order, step.entry?),
            Self::LeavesSome => with_amount(&|amount| Some(order.refunded.plus(amount).ok()?.minor < received.minor)),
            Self::LeavesNothing => {
                with_amount(&|amount| Some(order.refunded.plus(amount).ok()?.minor == received.minor))
            }
            Self::SplitFits => entry(step, |entry| match entry {
                Entry::ProposeSettlement { split, .. } | Entry::Rule { split, .. } => {
                    Some(split_fits(*split, received))
                }
                _ => None,
            }),
            _ => None,
        }
    }
}

/// Checks the entry; true if there is none, since one could be written that holds.
fn entry(step: Step<'_>, check: impl FnOnce(&Entry) -> Option<bool>) -> Option<bool> {
    step.entry.map_or(Some(true), check)
}

/// The sum that an entry moves or claims.
pub(super) const fn amount_of(entry: &Entry) -> Option<Money> {
    match entry {
        Entry::ClaimPayment { amount, .. }
        | Entry::AcceptPayment { amount }
        | Entry::HoldPayment { amount, .. }
        | Entry::Refund { amount, .. } => Some(*amount),
        Entry::Quote { quote } => Some(quote.total),
        Entry::ApproveCancel { fee } => Some(*fee),
        Entry::ProposeSettlement { split, .. } | Entry::Rule { split, .. } => Some(split.to_buyer),
        _ => None,
    }
}

/// The lines that an entry names.
pub(super) fn lines_of(entry: &Entry) -> Option<&[u16]> {
    match entry {
        Entry::Ready { lines, .. }
        | Entry::HandOver { lines, .. }
        | Entry::ConfirmDelivery { lines }
        | Entry::CarrierDelivered { lines, .. }
        | Entry::FailDelivery { lines, .. }
        | Entry::EnterPin { lines, .. }
        | Entry::RequestReturn { lines, .. } => Some(lines),
        _ => None,
    }
}

/// Whether all named lines are so; if none is named, whether any is.
fn lines_are(order: &Order, step: Step<'_>, is: impl Fn(&super::state::Line) -> bool) -> bool {
    match step.entry.and_then(lines_of) {
        Some(named) if !named.is_empty() => {
            named.iter().all(|index| order.lines.get(usize::from(*index)).is_some_and(&is))
        }
        _ => order.lines.iter().any(is),
    }
}

fn quote_fits(order: &Order, quote: &Quote, at: TimestampMs) -> Option<bool> {
    let request = &order.request;
    let same_lines = quote.lines.len() == request.lines.len()
        && quote.lines.iter().zip(&request.lines).all(|(offered, wanted)| {
            (&offered.listing, &offered.sku, offered.quantity) == (&wanted.listing, &wanted.sku, wanted.quantity)
        });
    let lines_add_up = quote.lines.iter().all(|line| line.price.times(line.quantity) == Ok(line.total));
    let items = Money::sum(order.currency(), quote.lines.iter().map(|line| line.total)).ok()?;
    let total = items.plus(quote.shipping).ok()?.plus(quote.tax).ok()?.minus(quote.discount).ok()?;
    let adds_up = lines_add_up && (items, total) == (quote.items, quote.total) && total.is_price();
    let in_time = at <= quote.valid_until && quote.valid_until <= quote.lease_until;
    let arbiter = quote.ruling.is_none_or(|ruling| {
        request.arbiters.contains(&ruling.arbiter) && ![order.buyer, order.seller].contains(&ruling.arbiter)
    });
    Some(same_lines && adds_up && in_time && arbiter && quote.payment_method == request.payment_method)
}

fn fee_agreed(order: &Order, entry: &Entry) -> Option<bool> {
    let Entry::ApproveCancel { fee } = entry else { return None };
    let most = order.received().portion(order.quote.as_ref()?.cancellation_fee).ok()?;
    Some(fee.is_price() && fee.compare(most).ok()?.is_le())
}

/// Whether the whole total was received at some time.
fn is_funded(order: &Order) -> Option<bool> {
    Some(order.received().compare(order.total()?).ok()?.is_ge())
}

fn pin_is_right(order: &Order, entry: &Entry) -> Option<bool> {
    let Entry::EnterPin { pin, .. } = entry else { return None };
    Some(order.request.pin_hash == Some(pin_hash(&order.request.review_key, pin)))
}

fn all_delivered(order: &Order) -> Option<bool> {
    let unpaid = order.received().minor == 0;
    let quote = order.quote.as_ref()?;
    let closed = order.lines.iter().zip(&quote.lines).all(|(line, quoted)| match line.state {
        LineState::Delivered => true,
        LineState::Failed => unpaid || line.refunded == quoted.total,
        _ => false,
    });
    Some(closed && order.lines.iter().any(|line| line.state == LineState::Delivered))
}

fn within_received(order: &Order, entry: &Entry) -> Option<bool> {
    let Entry::Refund { amount, of, .. } = entry else { return None };
    let all = order.refunded.plus(*amount).ok()?;
    let quote = order.quote.as_ref()?;
    let part = match of {
        RefundFor::Order => true,
        RefundFor::Shipping => order.shipping_refunded.plus(*amount).ok()?.minor <= quote.shipping.minor,
        RefundFor::Line(index) => {
            let line = order.lines.get(usize::from(*index))?;
            line.refunded.plus(*amount).ok()?.minor <= quote.lines.get(usize::from(*index))?.total.minor
        }
    };
    Some(part && all.minor <= order.received().minor)
}

fn split_fits(split: Split, received: Money) -> bool {
    split.to_buyer.is_price() && split.to_seller.is_price() && split.to_buyer.plus(split.to_seller) == Ok(received)
}

fn names_proposal(entry: &Entry, wanted: &RecordId) -> Option<bool> {
    let Entry::AcceptSettlement { proposal } = entry else { return None };
    Some(proposal == wanted)
}

fn ruling_deadline(order: &Order) -> Option<TimestampMs> {
    let ruling = order.quote.as_ref()?.ruling?;
    Some(order.dispute.as_ref()?.opened_at.plus_ms(ruling.deadline_ms))
}

fn seller_executed(order: &Order) -> Option<bool> {
    Some(order.refunded.minor >= order.dispute.as_ref()?.split?.to_buyer.minor)
}
