//! What is agreed on in an order: the request, the quote, and the small types in them.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, BlobHash, RecordId},
    limits::{
        ARBITERS_MAX, LABEL_BYTES_MAX, LISTING_NAME_BYTES_MAX, NAME_BYTES_MAX, OPTIONS_MAX, ORDER_LINES_MAX,
        ORDER_NOTE_BYTES_MAX, POLICY_BYTES_MAX, QUANTITY_MAX,
    },
    market::{PaymentMethodKind, PickupPlace, ReturnPolicy, check_handle},
    money::{BasisPoints, Money},
    record::RecordError,
    text::{check_line, check_text},
    time::TimestampMs,
    trust::ReviewKeyId,
};

/// Where to ship.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives.
    pub name: String,
    /// Whom the courier calls.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Province or state.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// City.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub city: String,
    /// Street, house, door.
    pub street: String,
    /// Postal code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub postal_code: String,
}

impl Address {
    /// # Errors
    /// [`RecordError::Field`] if name, country or street is missing or a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_line(&self.street, ORDER_NOTE_BYTES_MAX)?;
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(RecordError::Field("a country is two capital letters such as CN (ISO 3166-1)"));
        }
        [&self.phone, &self.region, &self.city, &self.postal_code]
            .into_iter()
            .try_for_each(|text| check_text(text, LABEL_BYTES_MAX))
    }
}

/// How the goods reach the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Fulfilment {
    /// They are brought.
    Shipping {
        /// The store's shipping option.
        option: String,
        /// Where to.
        address: Address,
    },
    /// They are picked up.
    Pickup {
        /// The store's pickup place.
        place: String,
    },
}

/// One line as the buyer asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    /// The listing's handle.
    pub listing: String,
    /// The listing record that the buyer saw.
    pub record: RecordId,
    /// Its version.
    pub version: u64,
    /// Which variant.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// The listing's name then.
    pub title: String,
    /// The variant's options then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The price then.
    pub price: Money,
    /// The picture then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

/// Row 1: what the buyer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What.
    pub lines: Vec<RequestLine>,
    /// How it gets there.
    pub fulfilment: Fulfilment,
    /// How it is paid.
    pub payment_method: PaymentMethodKind,
    /// Up to this total the buyer's node accepts by itself.
    pub max_total: Money,
    /// Without a quote by then, the request expires.
    pub expires: TimestampMs,
    /// A key made for this order, for its reviews.
    pub review_key: ReviewKeyId,
    /// The PIN that proves delivery, see [`super::pin_hash`].
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub pin_hash: Option<[u8; 32]>,
    /// Arbiters that the buyer would accept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arbiters: Vec<AccountId>,
    /// A word to the seller.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One line as the seller offers it, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// The listing's handle.
    pub listing: String,
    /// The listing record that the quote is made from.
    pub record: RecordId,
    /// Its version.
    pub version: u64,
    /// Which variant.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// The listing's name.
    pub title: String,
    /// The variant's options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The price of one.
    pub price: Money,
    /// The price of the line.
    pub total: Money,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

/// How a sum is shared when a case ends. Together they are what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// What the buyer gets back.
    pub to_buyer: Money,
    /// What the seller keeps.
    pub to_seller: Money,
}

/// Who rules if a case is opened, until when, and what holds if nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulingTerms {
    /// One of those that the buyer would accept.
    pub arbiter: AccountId,
    /// Time for a ruling, from the opening of the case.
    pub deadline_ms: u64,
    /// Part of what was received that goes back to the buyer if there is no ruling in time.
    #[serde(rename = "fallback_bp")]
    pub fallback_to_buyer: BasisPoints,
}

/// Row 2: what the seller offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The lines, in the order of the request.
    pub lines: Vec<QuoteLine>,
    /// Sum of the lines.
    pub items: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax.
    pub tax: Money,
    /// Discount, 0 or more; taken off.
    pub discount: Money,
    /// items + shipping + tax - discount.
    pub total: Money,
    /// Can be accepted until then.
    pub valid_until: TimestampMs,
    /// The lease on the stock.
    #[serde(with = "serde_bytes")]
    pub lease_id: [u8; 16],
    /// Until when the stock is kept for an order that is not paid.
    pub lease_until: TimestampMs,
    /// How it is paid: as requested.
    pub payment_method: PaymentMethodKind,
    /// Where to pay.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payment_instructions: String,
    /// What the seller may keep of a paid order that is cancelled by agreement.
    #[serde(default, rename = "cancellation_fee_bp")]
    pub cancellation_fee: BasisPoints,
    /// Returns.
    #[serde(default)]
    pub returns: ReturnPolicy,
    /// Where to pick up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup: Option<PickupPlace>,
    /// Time from delivery to completion if nobody says anything.
    pub completion_ms: u64,
    /// Disputes; none: only the two can settle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<RulingTerms>,
    /// Other terms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub terms: String,
}

/// Why a seller declines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeclineReason {
    /// Not enough left.
    OutOfStock,
    /// Not for sale any more.
    NotForSale,
    /// The price has changed.
    PriceChanged,
    /// Not to that address.
    CannotShip,
    /// Not paid in that way.
    PaymentMethod,
    /// Closed for now.
    OnVacation,
    /// Something else; see the text.
    #[serde(other)]
    Other,
}

impl DeclineReason {
    /// As text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::NotForSale => "not_for_sale",
            Self::PriceChanged => "price_changed",
            Self::CannotShip => "cannot_ship",
            Self::PaymentMethod => "payment_method",
            Self::OnVacation => "on_vacation",
            Self::Other => "other",
        }
    }
}

/// What a refund is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundFor {
    /// The order as a whole.
    Order,
    /// Shipping.
    Shipping,
    /// A line, counted from 0.
    Line(u16),
}

impl Request {
    /// # Errors
    /// [`RecordError::Field`] if a field breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.lines.is_empty() || self.lines.len() > ORDER_LINES_MAX {
            return Err(RecordError::Field("an order has 1 to 50 lines"));
        }
        for line in &self.lines {
            check_handle(&line.listing)?;
            check_line(&line.sku, LABEL_BYTES_MAX)?;
            check_line(&line.title, LISTING_NAME_BYTES_MAX)?;
            if line.quantity == 0 || line.quantity > QUANTITY_MAX || !line.price.is_price() {
                return Err(RecordError::Field("a line has 1 to 1,000,000 pieces at a price of 0 or more"));
            }
            if line.options.len() > OPTIONS_MAX || line.price.currency != self.max_total.currency {
                return Err(RecordError::Field("all lines of an order are in one currency, with at most 4 options"));
            }
            line.options.iter().try_for_each(|option| check_line(option, LABEL_BYTES_MAX))?;
        }
        match &self.fulfilment {
            Fulfilment::Shipping { option, address } => {
                check_line(option, LABEL_BYTES_MAX)?;
                address.validate()?;
            }
            Fulfilment::Pickup { place } => check_line(place, LABEL_BYTES_MAX)?,
        }
        if self.arbiters.len() > ARBITERS_MAX || !self.max_total.is_price() {
            return Err(RecordError::Field("at most 8 arbiters, and a largest total of 0 or more"));
        }
        check_text(&self.note, ORDER_NOTE_BYTES_MAX)
    }
}

impl Quote {
    /// # Errors
    /// [`RecordError::Field`] if a field breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.lines.is_empty() || self.lines.len() > ORDER_LINES_MAX {
            return Err(RecordError::Field("an order has 1 to 50 lines"));
        }
        let amounts = [self.items, self.shipping, self.tax, self.discount, self.total];
        if !amounts.iter().all(Money::is_price) || self.cancellation_fee > BasisPoints::WHOLE {
            return Err(RecordError::Field("amounts are 0 or more, fees at most the whole"));
        }
        self.pickup.as_ref().map_or(Ok(()), PickupPlace::validate)?;
        self.returns.validate()?;
        check_text(&self.payment_instructions, ORDER_NOTE_BYTES_MAX)?;
        check_text(&self.terms, POLICY_BYTES_MAX)
    }
}
