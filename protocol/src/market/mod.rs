//! Bodies of a store and its listings. Field names are schema.org's where it has one (Store, ProductGroup, Offer).
//!
//! Prices inside a listing are minor units of its one `priceCurrency`: a listing with two currencies cannot be written.

mod listing;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::listing::{
    Condition, Image, ItemKind, Listing, ListingStatus, Measure, MeasureUnit, Stock, Variant, VariantOption,
};
use crate::{
    ids::{AccountId, BlobHash},
    limits::{
        ABOUT_BYTES_MAX, LABEL_BYTES_MAX, LANGUAGES_MAX, NAME_BYTES_MAX, ORDER_NOTE_BYTES_MAX, PAYMENT_METHODS_MAX,
        PICKUP_PLACES_MAX, POLICY_BYTES_MAX, SHIPPING_OPTIONS_MAX, SLOT_BYTES_MAX, ZONES_MAX,
    },
    money::{BasisPoints, Currency, Money},
    record::RecordError,
    text::{check_line, check_text},
};

/// Slot of the one store record of an account.
pub const STORE_SLOT: &str = "store";

/// How one can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentMethodKind {
    /// To whoever hands the goods over.
    PayOnDelivery,
    /// To a bank account, before the goods move; claimed by the buyer, confirmed by the seller.
    BankTransfer,
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// A way to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethod {
    /// Which.
    pub kind: PaymentMethodKind,
    /// What the buyer has to know: the bank account, "cash or card".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
}

/// A way to ship, with its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingOption {
    /// Names it in orders; unique in the store.
    pub id: String,
    /// "Courier, next day".
    pub name: String,
    /// Where to: ISO 3166-1 alpha-2 (`CN`), ISO 3166-2 (`CN-33`), or `*` for everywhere.
    pub zones: Vec<String>,
    /// Price of the first piece.
    pub rate: Money,
    /// Price of each further piece; none: they travel along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_item: Option<Money>,
    /// Free from this sum of goods on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_from: Option<Money>,
    /// Days from payment to the door, at least.
    pub days_min: u16,
    /// Days from payment to the door, at most.
    pub days_max: u16,
}

impl ShippingOption {
    /// Whether it reaches an address. `region` may be `33`, `CN-33` or anything else (then only whole countries match).
    #[must_use]
    pub fn ships_to(&self, country: &str, region: &str) -> bool {
        self.zones.iter().any(|zone| match zone.split_once('-') {
            Some((of, part)) => of == country && (region == part || region == zone),
            None => zone == "*" || zone == country,
        })
    }

    /// # Errors
    /// [`RecordError::Field`] if a field breaks a rule or the currency is not `currency`.
    pub fn validate(&self, currency: Currency) -> Result<(), RecordError> {
        check_line(&self.id, LABEL_BYTES_MAX)?;
        check_line(&self.name, NAME_BYTES_MAX)?;
        if self.zones.is_empty() || self.zones.len() > ZONES_MAX || !self.zones.iter().all(|zone| is_zone(zone)) {
            return Err(RecordError::Field("shipping zones: ISO 3166 codes such as CN or CN-33, or *"));
        }
        let amounts = [Some(self.rate), self.additional_item, self.free_from];
        if amounts.into_iter().flatten().any(|money| money.currency != currency || !money.is_price()) {
            return Err(RecordError::Field("shipping prices are in the store's currency and not negative"));
        }
        if self.days_min > self.days_max {
            return Err(RecordError::Field("shipping takes at least as long as its shortest time"));
        }
        Ok(())
    }
}

fn is_zone(zone: &str) -> bool {
    let country = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let part = |text: &str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    zone == "*" || zone.split_once('-').map_or_else(|| country(zone), |(of, rest)| country(of) && part(rest))
}

/// A place where goods are picked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupPlace {
    /// Names it in orders; unique in the store.
    pub id: String,
    /// "At the stall".
    pub name: String,
    /// Where.
    pub address: String,
    /// When.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hours: String,
}

impl PickupPlace {
    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.id, LABEL_BYTES_MAX)?;
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.address, ORDER_NOTE_BYTES_MAX)?;
        check_text(&self.hours, ORDER_NOTE_BYTES_MAX)
    }
}

/// One of the two parties who pays for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// The buyer.
    #[default]
    Buyer,
    /// The seller.
    Seller,
}

/// Whether and how goods can be sent back (schema.org MerchantReturnPolicy).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnPolicy {
    /// Days after delivery; 0: no returns.
    pub days: u16,
    /// Who pays for sending back.
    pub who_pays: Payer,
    /// Part of the price that the seller keeps.
    #[serde(default, rename = "fee_bp")]
    pub fee: BasisPoints,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl ReturnPolicy {
    /// # Errors
    /// [`RecordError::Field`] if a field breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        if self.fee > BasisPoints::WHOLE {
            return Err(RecordError::Field("a return fee is at most the whole price"));
        }
        check_text(&self.text, POLICY_BYTES_MAX)
    }
}

/// Body of [`Kind::Store`](crate::Kind::Store), slot [`STORE_SLOT`], topic `store/<account>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The name.
    pub name: String,
    /// A few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<BlobHash>,
    /// A wide picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<BlobHash>,
    /// What its prices are in.
    pub currency: Currency,
    /// What it speaks (BCP 47).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// When it is open, in words.
    #[serde(default, rename = "openingHours", skip_serializing_if = "String::is_empty")]
    pub opening_hours: String,
    /// Other ways to reach it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// How one can pay.
    pub payment_methods: Vec<PaymentMethod>,
    /// How it ships.
    #[serde(default, rename = "shippingDetails", skip_serializing_if = "Vec::is_empty")]
    pub shipping: Vec<ShippingOption>,
    /// Where one can pick up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pickup: Vec<PickupPlace>,
    /// Returns.
    #[serde(default, rename = "hasMerchantReturnPolicy")]
    pub returns: ReturnPolicy,
    /// Other terms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policies: String,
    /// Part of the total that the seller keeps if a paid order is cancelled by agreement.
    #[serde(default, rename = "cancellation_fee_bp")]
    pub cancellation_fee: BasisPoints,
    /// Arbiters it accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arbiters: Vec<AccountId>,
    /// Takes no orders for now.
    #[serde(default)]
    pub vacation: bool,
}

impl Store {
    /// # Errors
    /// [`RecordError::Field`] with the rule that a field breaks.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, NAME_BYTES_MAX)?;
        check_text(&self.about, ABOUT_BYTES_MAX)?;
        check_text(&self.opening_hours, ORDER_NOTE_BYTES_MAX)?;
        check_text(&self.contact, ORDER_NOTE_BYTES_MAX)?;
        check_text(&self.policies, POLICY_BYTES_MAX)?;
        if self.languages.len() > LANGUAGES_MAX || !self.languages.iter().all(|tag| is_language(tag)) {
            return Err(RecordError::Field("languages: at most 16 tags such as en or zh-Hans"));
        }
        if self.payment_methods.is_empty() || self.payment_methods.len() > PAYMENT_METHODS_MAX {
            return Err(RecordError::Field("a store offers 1 to 8 ways to pay"));
        }
        self.payment_methods.iter().try_for_each(|method| check_text(&method.instructions, ORDER_NOTE_BYTES_MAX))?;
        if self.shipping.len() > SHIPPING_OPTIONS_MAX || self.pickup.len() > PICKUP_PLACES_MAX {
            return Err(RecordError::Field("a store has at most 20 shipping options and 20 pickup places"));
        }
        self.shipping.iter().try_for_each(|option| option.validate(self.currency))?;
        self.pickup.iter().try_for_each(PickupPlace::validate)?;
        if has_twice(self.shipping.iter().map(|option| &option.id))
            || has_twice(self.pickup.iter().map(|place| &place.id))
        {
            return Err(RecordError::Field("shipping options and pickup places have ids of their own"));
        }
        if self.cancellation_fee > BasisPoints::WHOLE || self.arbiters.len() > crate::limits::ARBITERS_MAX {
            return Err(RecordError::Field("a cancellation fee is at most the whole, arbiters at most 8"));
        }
        self.returns.validate()
    }
}

fn is_language(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn has_twice<'a, T: Ord + 'a>(items: impl Iterator<Item = &'a T>) -> bool {
    let mut seen = BTreeSet::new();
    !items.into_iter().all(|item| seen.insert(item))
}

/// Whether a text can name a listing: 1 to 128 bytes on one line.
///
/// # Errors
/// [`RecordError::Field`] with the rule.
pub fn check_handle(handle: &str) -> Result<(), RecordError> {
    check_line(handle, SLOT_BYTES_MAX)
}
