//! What a person does with an order: an action and a few words become an entry.

use hutong_protocol::{
    RecordId,
    limits::ORDER_NOTE_BYTES_MAX,
    money::Money,
    order::{Action, DeclineReason, Entry, Order, RefundFor, Role, Split},
    text::{clean_line, clean_text},
};

use super::{seller, view, write};
use crate::engine::{CommandError, Cx};

/// What a person wants, with what the action needs.
#[derive(Clone, Debug, Default)]
pub struct Act {
    /// Why, in words.
    pub reason: String,
    /// How much, where an amount is asked for; none: all that is open.
    pub amount: Option<Money>,
    /// How a payment is found.
    pub reference: String,
    /// With whom a parcel travels.
    pub carrier: String,
    /// Under which number.
    pub tracking: String,
    /// The PIN that the buyer shows.
    pub pin: String,
    /// More words.
    pub text: String,
}

impl Act {
    /// The words, wherever they were typed.
    fn words(&self) -> Result<String, CommandError> {
        let words = clean_text(if self.text.trim().is_empty() { &self.reason } else { &self.text });
        if words.len() > ORDER_NOTE_BYTES_MAX {
            let message = "this text is over 6 KiB: write the rest in the chat";
            return Err(CommandError::refused("text_too_long", message));
        }
        Ok(words)
    }
}

/// Does it: writes the entry and sends it to the other party.
///
/// # Errors
/// Refused with what stands in the way; then nothing is written.
pub fn act(cx: &mut Cx<'_>, id: &RecordId, action: Action, with: &Act) -> Result<RecordId, CommandError> {
    let order = view::fold(cx.read(), id)?.ok_or(CommandError::NotFound("this order"))?;
    let me = cx.me()?;
    let role = order.role_of(&me).ok_or(CommandError::NotFound("this order"))?;
    let entry = entry(cx, &order, role, action, with)?;
    write(cx, &order, role, entry)
}

fn entry(cx: &mut Cx<'_>, order: &Order, role: Role, action: Action, with: &Act) -> Result<Entry, CommandError> {
    let words = with.words()?;
    let pin_hash = order.request.pin_hash;
    let lines = Vec::new();
    let line = |text: &str| clean_line(text, ORDER_NOTE_BYTES_MAX);
    Ok(match action {
        Action::AcceptQuote => Entry::Accept { quote: order.quote_id.ok_or_else(|| missing("a quote"))? },
        Action::Quote => {
            super::check_can(order, role, action, cx.now())?;
            seller::quote(cx, order, words)?
        }
        Action::Decline => Entry::Decline { reason: DeclineReason::Other, text: words },
        Action::ClaimPayment => Entry::ClaimPayment {
            amount: with.amount.or_else(|| order.shortfall()).ok_or_else(|| missing("an amount"))?,
            method: order.request.payment_method,
            reference: line(&with.reference),
        },
        Action::AcceptPayment => Entry::AcceptPayment {
            amount: with.amount.or_else(|| order.shortfall()).ok_or_else(|| missing("an amount"))?,
        },
        Action::RejectPayment => Entry::RejectPayment { reason: words },
        Action::Start => Entry::Start,
        Action::Ready => Entry::Ready { lines, pin_hash },
        Action::HandOver => Entry::HandOver {
            lines,
            carrier: line(&with.carrier),
            tracking: line(&with.tracking),
            pin_hash,
            content: None,
        },
        Action::EnterPin => {
            Entry::EnterPin { lines, pin: with.pin.chars().filter(|c| !c.is_whitespace()).take(64).collect() }
        }
        Action::ConfirmDelivery if role == Role::Seller => Entry::CarrierDelivered { lines, event: words },
        Action::ConfirmDelivery => Entry::ConfirmDelivery { lines },
        Action::FailDelivery => Entry::FailDelivery { lines, reason: words },
        Action::Complete => Entry::Complete,
        Action::Refund => Entry::Refund {
            amount: with.amount.map_or_else(|| open_amount(order), Ok)?,
            of: RefundFor::Order,
            reason: words,
        },
        Action::Cancel => Entry::Cancel { reason: words },
        Action::ApproveCancel => {
            Entry::ApproveCancel { fee: with.amount.unwrap_or_else(|| Money::zero(order.currency())) }
        }
        Action::RefuseCancel => Entry::RefuseCancel { reason: words },
        Action::RequestReturn => Entry::RequestReturn { lines, reason: words },
        Action::AuthoriseReturn => Entry::AuthoriseReturn { text: words },
        Action::DeclineReturn => Entry::DeclineReturn { reason: words },
        Action::ReturnSent => Entry::ReturnSent { carrier: line(&with.carrier), tracking: line(&with.tracking) },
        Action::ReturnReceived => Entry::ReturnReceived,
        Action::OpenCase if words.is_empty() => return Err(missing("what is wrong, in words")),
        Action::OpenCase => Entry::OpenCase { claim: words, outcome: String::new(), evidence: Vec::new() },
        Action::ProposeSettlement => Entry::ProposeSettlement { split: split(order, with)?, text: words },
        Action::AcceptSettlement => {
            let proposals = order.dispute.as_ref().map(|dispute| &dispute.proposals);
            let (proposal, _) = proposals
                .and_then(|proposals| proposals.get(&role.other()))
                .ok_or_else(|| missing("a proposal of the other side"))?;
            Entry::AcceptSettlement { proposal: *proposal }
        }
        Action::Review => return Err(CommandError::refused("use_review", "write the review of a listing instead")),
    })
}

fn missing(what: &str) -> CommandError {
    CommandError::refused("missing", format!("{what} is missing"))
}

/// All that was received and did not go back yet.
fn open_amount(order: &Order) -> Result<Money, CommandError> {
    order.received().minus(order.refunded).map_err(|error| CommandError::refused("price", error.to_string()))
}

/// The buyer's part is the amount given; the seller keeps the rest.
fn split(order: &Order, with: &Act) -> Result<Split, CommandError> {
    let to_buyer = with.amount.ok_or_else(|| missing("what the buyer gets back"))?;
    let to_seller = order.received().minus(to_buyer);
    Ok(Split { to_buyer, to_seller: to_seller.map_err(|error| CommandError::refused("price", error.to_string()))? })
}
