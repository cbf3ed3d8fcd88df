//! An order: an append-only log of signed entries, folded into a state.
//!
//! ```text
//! entries (a set) ──sequence──► one order of them ──table + guards──► Order { order, payment, lines, case, returns }
//! ```
//!
//! The fold is pure and looks at nothing but the entries, so two nodes with the same entries have the same state,
//! however these came, how often and in which order. An entry that may not do what it says is kept and changes nothing;
//! the timeline says why. What may be done is in one place, [`table::TABLE`].
//!
//! **Timers** are entries too: "expired" and "completed" may be written by either party, and count only if their signed
//! time is past the end that both have signed.

mod actions;
mod entry;
mod fold;
mod guard;
mod price;
mod sequence;
mod state;
pub mod table;
mod terms;

pub use self::{
    actions::{Action, allowed_actions, next_actor},
    entry::{Entry, EntryKind, Lines, ListingSignature, LogEntry, OrderEntry, Role},
    fold::FoldError,
    guard::Guard,
    price::{Price, price},
    state::{
        CancelRequest, CaseState, Dispute, Event, Ignored, Line, LineState, Order, OrderState, PaymentState,
        ReturnState,
    },
    terms::{
        Address, DeclineReason, Fulfilment, Quote, QuoteLine, RefundFor, Request, RequestLine, RulingTerms, Split,
    },
};
use crate::{market::ItemKind, trust::ReviewKeyId};

/// Digits of a pickup PIN: short enough to say, and three tries hit it once in 300,000 orders.
pub const PIN_DIGITS: usize = 6;

/// What a request says about its PIN: BLAKE3 keyed with the order's review key, over the digits.
///
/// The buyer makes the PIN, so nobody at the counter knows it before the buyer shows it. It is short, so a seller's
/// changed node could find it by trying: it keeps honest people honest, and what counts against a thief is the buyer's
/// own signature.
#[must_use]
pub fn pin_hash(key: &ReviewKeyId, pin: &str) -> [u8; 32] {
    *blake3::keyed_hash(&key.0, pin.as_bytes()).as_bytes()
}

/// Time from delivery until an order completes by itself: two weeks for what must be unpacked and tried, three days for
/// a file, one week for a service.
#[must_use]
pub const fn completion_ms(kind: ItemKind) -> u64 {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    match kind {
        ItemKind::Physical | ItemKind::Unknown => 14 * DAY_MS,
        ItemKind::Digital => 3 * DAY_MS,
        ItemKind::Service => 7 * DAY_MS,
    }
}
