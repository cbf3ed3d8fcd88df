//! What an order is at a moment: the fold's result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    entry::{Entry, EntryKind, ListingSignature, LogEntry, OrderEntry, Role},
    guard::Guard,
    terms::{Quote, Request, Split},
};
use crate::{
    certificate::Certificate,
    ids::{AccountId, BlobHash, RecordId},
    limits::REFS_MAX,
    money::{Currency, Money},
    time::TimestampMs,
    trust::{ContractHash, Countersignature},
};

macro_rules! states {
    ($(#[$outer:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $enum { $($(#[$doc])* $name,)* }

        impl $enum {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

states! {
    /// The order axis.
    OrderState {
        /// The buyer asked.
        Requested = "requested",
        /// The seller made an offer.
        Quoted = "quoted",
        /// The buyer took it: there is a contract.
        Accepted = "accepted",
        /// The seller works on it.
        InProgress = "in_progress",
        /// The seller said no.
        Declined = "declined",
        /// Nobody said anything in time.
        Expired = "expired",
        /// One of the two wants out.
        CancelRequested = "cancel_requested",
        /// Over, without delivery.
        Cancelled = "cancelled",
        /// Over, delivered.
        Completed = "completed",
    }
}
states! {
    /// The payment axis.
    PaymentState {
        /// Nothing yet.
        Unpaid = "unpaid",
        /// The buyer says so.
        Claimed = "claimed",
        /// Less than the total has arrived.
        PartPaid = "part_paid",
        /// The total has arrived.
        Paid = "paid",
        /// What was claimed has not arrived.
        Rejected = "rejected",
        /// Locked in escrow.
        Held = "held",
        /// Some went back.
        PartRefunded = "part_refunded",
        /// All went back.
        Refunded = "refunded",
    }
}
states! {
    /// The fulfilment axis, of each line.
    LineState {
        /// Not touched yet.
        Pending = "pending",
        /// Packed, or to be picked up.
        Ready = "ready",
        /// With a carrier.
        HandedOver = "handed_over",
        /// With the buyer.
        Delivered = "delivered",
        /// Did not arrive.
        Failed = "failed",
    }
}
states! {
    /// The case axis: a dispute.
    CaseState {
        /// None.
        None = "none",
        /// Open.
        Open = "open",
        /// The arbiter, or the fallback, has spoken.
        Ruled = "ruled",
        /// Over.
        Settled = "settled",
    }
}
states! {
    /// The return axis.
    ReturnState {
        /// None.
        None = "none",
        /// The buyer asks.
        Requested = "requested",
        /// The seller agrees.
        Authorised = "authorised",
        /// The seller does not.
        Declined = "declined",
        /// On its way.
        Sent = "sent",
        /// Back.
        Received = "received",
    }
}

impl OrderState {
    /// Whether the order axis moves no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Declined | Self::Expired | Self::Cancelled | Self::Completed)
    }
}

/// A line's fulfilment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub state: LineState,
    /// When it was delivered.
    pub delivered_at: Option<TimestampMs>,
    /// With whom it travels.
    pub carrier: String,
    /// Under which number.
    pub tracking: String,
    /// The content of something digital.
    pub content: Option<BlobHash>,
    /// What went back of its price.
    pub refunded: Money,
}

/// Somebody wants out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Who.
    pub by: Role,
    /// Where the order goes on if the other does not agree.
    pub back_to: OrderState,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Who opened it.
    pub by: Role,
    /// When.
    pub opened_at: TimestampMs,
    /// What is wrong.
    pub claim: String,
    /// What is wanted.
    pub outcome: String,
    /// Evidence.
    pub evidence: Vec<BlobHash>,
    /// The newest proposal of each party.
    pub proposals: BTreeMap<Role, (RecordId, Split)>,
    /// What was agreed or ruled.
    pub split: Option<Split>,
}

/// Why an entry changed nothing. It is kept all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The author is not the party that the entry claims to be.
    WrongParty,
    /// This party may not do this.
    WrongRole,
    /// Not possible in the state that the order was in.
    WrongState,
    /// It names another contract, or none though its author had seen the acceptance.
    WrongContract,
    /// It claims to be older than what it answers.
    ClockBackwards,
    /// Of a later version.
    Unknown,
    /// A condition is not met.
    Guard(Guard),
}

impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::WrongParty => "the author is not this party of the order",
            Self::WrongRole => "this party may not do this",
            Self::WrongState => "not possible in the state the order was in",
            Self::WrongContract => "it belongs to another contract",
            Self::ClockBackwards => "it claims to be older than what it answers",
            Self::Unknown => "written by a newer version",
            Self::Guard(guard) => return write!(f, "only if {}", guard.text()),
        })
    }
}

/// One entry in the order in which entries count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The record.
    pub id: RecordId,
    /// When, as its author says.
    pub at: TimestampMs,
    /// Who.
    pub role: Role,
    /// What was written.
    pub kind: EntryKind,
    /// What happened: `quoted`, `cancel_requested`, ….
    pub fact: &'static str,
    /// The sum it is about.
    pub amount: Option<Money>,
    /// The words in it.
    pub note: String,
    /// The table's row, or why it had no effect.
    pub outcome: Result<u8, Ignored>,
}

/// An order, folded from its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The first entry's record.
    pub id: RecordId,
    /// Who buys.
    pub buyer: AccountId,
    /// Who sells.
    pub seller: AccountId,
    /// What was asked for.
    pub request: Request,
    /// When.
    pub requested_at: TimestampMs,
    /// What was offered.
    pub quote: Option<Quote>,
    /// In which record.
    pub quote_id: Option<RecordId>,
    /// What holds.
    pub contract: Option<ContractHash>,
    /// Since which record.
    pub acceptance: Option<RecordId>,
    /// Since when.
    pub accepted_at: Option<TimestampMs>,
    /// The order axis.
    pub state: OrderState,
    /// The payment axis.
    pub payment: PaymentState,
    /// The fulfilment axis, one for each line of the request.
    pub lines: Vec<Line>,
    /// The case axis.
    pub case: CaseState,
    /// The return axis.
    pub returns: ReturnState,
    /// What has arrived at the seller.
    pub paid: Money,
    /// What is locked in escrow.
    pub held: Money,
    /// What went back, of all that.
    pub refunded: Money,
    /// What went back of shipping.
    pub shipping_refunded: Money,
    /// Who wants out.
    pub cancel: Option<CancelRequest>,
    /// Wrong PINs so far.
    pub pin_tries: u8,
    /// The dispute.
    pub dispute: Option<Dispute>,
    /// How long cases have stopped the completion timer.
    pub paused_ms: u64,
    /// The seller's signatures over the review key.
    pub countersigned: Option<(Certificate, Vec<ListingSignature>)>,
    /// The newest public review of each party.
    pub reviews: BTreeMap<Role, RecordId>,
    /// All entries that count, in the order in which they do.
    pub timeline: Vec<Event>,
    /// Entries that came before something they name.
    pub waiting: Vec<RecordId>,
    /// What the next entry names as seen, oldest first.
    pub heads: Vec<RecordId>,
    /// The newest claim of time among the entries that count.
    pub updated_at: TimestampMs,
}

impl Order {
    /// An order right after its first entry.
    pub(super) fn requested(first: &LogEntry, request: Request) -> Self {
        let zero = Money::zero(request.max_total.currency);
        let line = Line {
            state: LineState::Pending,
            delivered_at: None,
            carrier: String::new(),
            tracking: String::new(),
            content: None,
            refunded: zero,
        };
        Self {
            id: first.id,
            buyer: first.author,
            seller: first.body.to,
            requested_at: first.at,
            quote: None,
            quote_id: None,
            contract: None,
            acceptance: None,
            accepted_at: None,
            state: OrderState::Requested,
            payment: PaymentState::Unpaid,
            lines: vec![line; request.lines.len()],
            case: CaseState::None,
            returns: ReturnState::None,
            paid: zero,
            held: zero,
            refunded: zero,
            shipping_refunded: zero,
            cancel: None,
            pin_tries: 0,
            dispute: None,
            paused_ms: 0,
            countersigned: None,
            reviews: BTreeMap::new(),
            timeline: Vec::new(),
            waiting: Vec::new(),
            heads: Vec::new(),
            updated_at: first.at,
            request,
        }
    }

    /// The unit of all its sums.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.request.max_total.currency
    }

    /// The total, once there is a quote.
    #[must_use]
    pub fn total(&self) -> Option<Money> {
        self.quote.as_ref().map(|quote| quote.total)
    }

    /// What the seller or the escrow has of the buyer's money, refunds not taken off.
    #[must_use]
    pub fn received(&self) -> Money {
        Money::new(self.paid.minor.saturating_add(self.held.minor), self.currency())
    }

    /// What is still to be paid; none if nothing is.
    #[must_use]
    pub fn shortfall(&self) -> Option<Money> {
        let missing = self.total()?.minus(self.received()).ok()?;
        (missing.minor > 0 && self.contract.is_some()).then_some(missing)
    }

    /// When the order completes by itself if nobody objects. None while something is not delivered, or a case is open.
    #[must_use]
    pub fn completes_at(&self) -> Option<TimestampMs> {
        let settled = matches!(self.case, CaseState::None | CaseState::Settled);
        let delivered = self.lines.iter().filter_map(|line| line.delivered_at).max()?;
        let wait_ms = self.quote.as_ref()?.completion_ms.saturating_add(self.paused_ms);
        (settled && self.state == OrderState::InProgress).then(|| delivered.plus_ms(wait_ms))
    }

    /// Which party an account is.
    #[must_use]
    pub fn role_of(&self, account: &AccountId) -> Option<Role> {
        let arbiter = || self.quote.as_ref()?.ruling.map(|ruling| ruling.arbiter);
        if *account == self.buyer {
            Some(Role::Buyer)
        } else if *account == self.seller {
            Some(Role::Seller)
        } else {
            (Some(*account) == arbiter()).then_some(Role::Arbiter)
        }
    }

    /// The seller's word that the buyer bought this listing, once it is there.
    #[must_use]
    pub fn countersignature(&self, listing: &str) -> Option<Countersignature> {
        let (certificate, signatures) = self.countersigned.as_ref()?;
        let found = signatures.iter().find(|signed| signed.listing == listing)?;
        Some(Countersignature { signature: found.signature, certificate: certificate.clone() })
    }

    /// The next entry of one party, and the causal links of its record.
    #[must_use]
    pub fn next_entry(&self, role: Role, entry: Entry) -> (OrderEntry, Vec<RecordId>) {
        let to = if role == Role::Seller { self.buyer } else { self.seller };
        let body = OrderEntry { to, order: Some(self.id), role, contract: self.contract, entry };
        let skip = self.heads.len().saturating_sub(REFS_MAX);
        (body, self.heads.iter().skip(skip).copied().collect())
    }
}
