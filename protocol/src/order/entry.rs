//! What the parties of an order write: the body of [`Kind::Order`](crate::Kind::Order) and its entries.

use serde::{Deserialize, Serialize};

use super::terms::{DeclineReason, Quote, RefundFor, Request, Split};
use crate::{
    certificate::Certificate,
    ids::{AccountId, BlobHash, RecordId},
    limits::{EVIDENCE_MAX, ORDER_LINES_MAX, ORDER_NOTE_BYTES_MAX},
    market::PaymentMethodKind,
    money::Money,
    record::{Header, RecordError},
    signature::Signature,
    text::check_text,
    time::TimestampMs,
    trust::ContractHash,
};

/// In which capacity somebody writes. The fold checks it against the author of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who wrote the first entry.
    Buyer,
    /// To whom the first entry was written.
    Seller,
    /// Whom the quote names for disputes.
    Arbiter,
}

impl Role {
    /// As text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Arbiter => "arbiter",
        }
    }

    /// The other of buyer and seller.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Buyer => Self::Seller,
            Self::Seller | Self::Arbiter => Self::Buyer,
        }
    }
}

/// Body of [`Kind::Order`](crate::Kind::Order). The record's `refs` are the heads of the order's log that the author had
/// seen (its `prev`): none in the first entry, at least one in every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEntry {
    /// To whom.
    pub to: AccountId,
    /// The id of the order's first entry; none in that entry itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<RecordId>,
    /// In which capacity.
    pub role: Role,
    /// The contract, in every entry whose author had seen the acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractHash>,
    /// What is said.
    pub entry: Entry,
}

/// An order entry as the fold takes it: body, and what it needs of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The record's id.
    pub id: RecordId,
    /// The account that signed it.
    pub author: AccountId,
    /// When, as the author says.
    pub at: TimestampMs,
    /// What the author had seen of this order.
    pub prev: Vec<RecordId>,
    /// The body.
    pub body: OrderEntry,
}

impl LogEntry {
    /// From a record's id, header and body.
    #[must_use]
    pub fn new(id: RecordId, header: &Header, body: OrderEntry) -> Self {
        Self { id, author: header.account, at: header.at, prev: header.refs.clone(), body }
    }
}

/// Lines, counted from 0; none named: all that can.
pub type Lines = Vec<u16>;

/// A signature of the seller over the review key, for one listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingSignature {
    /// The listing's handle.
    pub listing: String,
    /// Over [`crate::trust::countersigned_message`].
    pub signature: Signature,
}

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident = $text:literal / $fact:literal $({ $($(#[$field:meta])* $arg:ident: $type:ty,)* })?,)*) => {
        /// What is said. On the wire a map with `type` and the fields.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum Entry {
            $($(#[$doc])* $name $({ $($(#[$field])* $arg: $type,)* })?,)*
            /// Of a later version: kept, and without effect here.
            #[serde(other)]
            Unknown,
        }

        /// An entry without its content.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EntryKind {
            $($(#[$doc])* $name,)*
            /// Of a later version.
            Unknown,
        }

        impl EntryKind {
            /// All kinds of this version.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// What has happened when it had an effect: the name of the event in a timeline.
            #[must_use]
            pub const fn fact(self) -> &'static str {
                match self { $(Self::$name => $fact,)* Self::Unknown => "unknown" }
            }
        }

        impl Entry {
            /// Without the content.
            #[must_use]
            pub const fn kind(&self) -> EntryKind {
                match self { $(Self::$name { .. } => EntryKind::$name,)* Self::Unknown => EntryKind::Unknown }
            }
        }
    };
}

entries! {
    /// Row 1, buyer.
    Request = "request" / "requested" {
        /// What is asked for.
        request: Request,
    },
    /// Row 2, seller.
    Quote = "quote" / "quoted" {
        /// What is offered.
        quote: Quote,
    },
    /// Row 3, buyer.
    Accept = "accept" / "accepted" {
        /// The quote's record.
        quote: RecordId,
    },
    /// Row 3, seller.
    Countersign = "countersign" / "review_key_signed" {
        /// Of the seller's device that signs them.
        certificate: Certificate,
        /// One for each listing.
        signatures: Vec<ListingSignature>,
    },
    /// Row 4, seller.
    Decline = "decline" / "declined" {
        /// Why.
        reason: DeclineReason,
        /// In words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Row 5, either, when the signed time has passed.
    Expire = "expire" / "expired",
    /// Rows 6 and 7, either.
    Cancel = "cancel" / "cancelled" {
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 7, the other one.
    ApproveCancel = "approve_cancel" / "cancel_approved" {
        /// What the seller keeps.
        fee: Money,
    },
    /// Row 7: the other one refuses, or the asker takes it back.
    RefuseCancel = "refuse_cancel" / "cancel_refused" {
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 8, buyer.
    ClaimPayment = "claim_payment" / "payment_claimed" {
        /// How much.
        amount: Money,
        /// How.
        method: PaymentMethodKind,
        /// How the seller finds it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reference: String,
    },
    /// Row 9, seller: so much has arrived. Adds up.
    AcceptPayment = "accept_payment" / "payment_accepted" {
        /// How much.
        amount: Money,
    },
    /// Row 9, seller: nothing of what was claimed has arrived.
    RejectPayment = "reject_payment" / "payment_rejected" {
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 9, seller: so much is locked in escrow.
    HoldPayment = "hold_payment" / "payment_held" {
        /// How much.
        amount: Money,
        /// Hash of the escrow's proof.
        #[serde(with = "serde_bytes")]
        proof: [u8; 32],
    },
    /// Row 9, buyer: the escrow goes to the seller.
    ReleasePayment = "release_payment" / "payment_released",
    /// Row 10, seller.
    Start = "start" / "in_progress",
    /// Row 11, seller: packed, or ready to be picked up.
    Ready = "ready" / "ready" {
        /// Which lines.
        lines: Lines,
        /// The request's, so that whoever hands over knows that there is one.
        #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
        pin_hash: Option<[u8; 32]>,
    },
    /// Row 11, seller: given to a carrier, or sent as a file.
    HandOver = "hand_over" / "handed_over" {
        /// Which lines.
        lines: Lines,
        /// Which carrier.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        carrier: String,
        /// Its number.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        tracking: String,
        /// As in `ready`.
        #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
        pin_hash: Option<[u8; 32]>,
        /// The content of something digital.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<BlobHash>,
    },
    /// Row 12, buyer: it is here.
    ConfirmDelivery = "confirm_delivery" / "delivered" {
        /// Which lines.
        lines: Lines,
    },
    /// Row 12, seller: the carrier says that it was delivered.
    CarrierDelivered = "carrier_delivered" / "carrier_delivered" {
        /// Which lines.
        lines: Lines,
        /// What the carrier says.
        event: String,
    },
    /// Row 12, seller: the buyer has shown this PIN.
    EnterPin = "enter_pin" / "delivered" {
        /// Which lines.
        lines: Lines,
        /// The digits.
        pin: String,
    },
    /// Row 12, either.
    FailDelivery = "fail_delivery" / "delivery_failed" {
        /// Which lines.
        lines: Lines,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 13, buyer, or either when the signed time has passed.
    Complete = "complete" / "completed",
    /// Row 14, seller.
    Refund = "refund" / "refunded" {
        /// How much.
        amount: Money,
        /// What for.
        of: RefundFor,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 15, buyer.
    RequestReturn = "request_return" / "return_requested" {
        /// Which lines.
        lines: Lines,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 15, seller.
    AuthoriseReturn = "authorise_return" / "return_authorised" {
        /// Where to send it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Row 15, seller.
    DeclineReturn = "decline_return" / "return_declined" {
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Row 15, buyer.
    ReturnSent = "return_sent" / "return_sent" {
        /// Which carrier.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        carrier: String,
        /// Its number.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        tracking: String,
    },
    /// Row 15, seller.
    ReturnReceived = "return_received" / "return_received",
    /// Row 16, either.
    OpenCase = "open_case" / "case_opened" {
        /// What is wrong.
        claim: String,
        /// What is wanted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        outcome: String,
        /// Evidence.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<BlobHash>,
    },
    /// Row 17, either.
    ProposeSettlement = "propose_settlement" / "settlement_proposed" {
        /// How.
        split: Split,
        /// In words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Row 17, the other one.
    AcceptSettlement = "accept_settlement" / "settlement_accepted" {
        /// The proposal's record.
        proposal: RecordId,
    },
    /// Row 18, arbiter.
    Rule = "rule" / "ruled" {
        /// How.
        split: Split,
        /// Why, in one word.
        code: String,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Row 18, either: nobody ruled in time, so the contract's fallback holds.
    FallBack = "fall_back" / "ruled_by_fallback",
    /// Row 19: the ruling was carried out.
    Execute = "execute" / "settled" {
        /// How that can be seen.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        receipt: String,
    },
    /// Row 20, either.
    Review = "review" / "reviewed" {
        /// The public review.
        review: RecordId,
    },
}

impl OrderEntry {
    /// Checks what can be checked without the rest of the order: limits, and that only the first entry requests.
    ///
    /// # Errors
    /// [`RecordError::Field`] with the rule that is broken: a provable fault of the author.
    pub fn validate(&self, header: &Header) -> Result<(), RecordError> {
        let first = self.order.is_none();
        if first != matches!(self.entry, Entry::Request { .. }) || first != header.refs.is_empty() {
            return Err(RecordError::Field("an order's first entry, and no other, is a request without causal links"));
        }
        if header.slot.is_some() {
            return Err(RecordError::Field("an order entry is never replaced"));
        }
        if self.to == header.account {
            return Err(RecordError::Field("nobody orders from himself"));
        }
        self.entry.validate()
    }
}

impl Entry {
    /// # Errors
    /// [`RecordError::Field`] if a field breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        let lines_max = |lines: &Lines| {
            let fits = lines.len() <= ORDER_LINES_MAX && lines.windows(2).all(|pair| pair.first() < pair.last());
            if fits { Ok(()) } else { Err(RecordError::Field("lines are named in order, each once")) }
        };
        match self {
            Self::Request { request } => return request.validate(),
            Self::Quote { quote } => return quote.validate(),
            Self::Ready { lines, .. }
            | Self::HandOver { lines, .. }
            | Self::ConfirmDelivery { lines }
            | Self::CarrierDelivered { lines, .. }
            | Self::FailDelivery { lines, .. }
            | Self::EnterPin { lines, .. }
            | Self::RequestReturn { lines, .. } => lines_max(lines)?,
            Self::Countersign { signatures, .. } if signatures.len() > ORDER_LINES_MAX => {
                return Err(RecordError::Field("at most 50 countersignatures"));
            }
            Self::OpenCase { claim, evidence, .. } if claim.trim().is_empty() || evidence.len() > EVIDENCE_MAX => {
                return Err(RecordError::Field("a case says what is wrong, with at most 16 pieces of evidence"));
            }
            _ => {}
        }
        self.texts().into_iter().try_for_each(|text| check_text(text, ORDER_NOTE_BYTES_MAX))
    }

    /// The texts in it that people see, the most telling first.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Request { request } => vec![&request.note],
            Self::Quote { quote } => vec![&quote.terms],
            Self::Decline { text, .. } | Self::AuthoriseReturn { text } | Self::ProposeSettlement { text, .. } => {
                vec![text]
            }
            Self::Cancel { reason }
            | Self::RefuseCancel { reason }
            | Self::RejectPayment { reason }
            | Self::FailDelivery { reason, .. }
            | Self::Refund { reason, .. }
            | Self::RequestReturn { reason, .. }
            | Self::DeclineReturn { reason } => vec![reason],
            Self::ClaimPayment { reference, .. } => vec![reference],
            Self::HandOver { carrier, tracking, .. } | Self::ReturnSent { carrier, tracking } => {
                vec![carrier, tracking]
            }
            Self::CarrierDelivered { event, .. } => vec![event],
            Self::EnterPin { pin, .. } => vec![pin],
            Self::OpenCase { claim, outcome, .. } => vec![claim, outcome],
            Self::Rule { text, code, .. } => vec![text, code],
            Self::Execute { receipt } => vec![receipt],
            _ => Vec::new(),
        }
    }
}
