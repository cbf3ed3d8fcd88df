//! Bodies of a store and its listings. Field names are schema.org's where it has one (Store, ProductGroup, Offer).
//!
//! Prices inside a listing are minor units of its one `priceCurrency`: a listing with two currencies cannot be written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, BlobHash},
    limits::{
        ABOUT_BYTES_MAX, ALT_BYTES_MAX, DESCRIPTION_BYTES_MAX, IMAGES_MAX, LABEL_BYTES_MAX, LANGUAGES_MAX,
        LISTING_NAME_BYTES_MAX, MONEY_MINOR_MAX, NAME_BYTES_MAX, OPTIONS_MAX, ORDER_NOTE_BYTES_MAX,
        PAYMENT_METHODS_MAX, PICKUP_PLACES_MAX, POLICY_BYTES_MAX, QUANTITY_MAX, SHIPPING_OPTIONS_MAX, SLOT_BYTES_MAX,
        TAGS_MAX, VARIANTS_MAX, WEIGHT_G_MAX, ZONES_MAX,
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

/// New or not (schema.org OfferItemCondition).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// New.
    #[default]
    New,
    /// Used.
    Used,
    /// Repaired and checked.
    Refurbished,
}

/// What sort of thing is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ItemKind {
    /// Something that is shipped or picked up.
    #[default]
    Physical,
    /// Something that is downloaded.
    Digital,
    /// Something that is done.
    Service,
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// Whether it can be bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListingStatus {
    /// Yes.
    #[default]
    Active,
    /// No longer; kept so that old orders and links still show it.
    Archived,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The content.
    pub hash: BlobHash,
    /// What it shows, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

/// Something that variants differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantOption {
    /// "Size".
    pub name: String,
    /// "500 g", "1 kg", in the order they are shown.
    pub values: Vec<String>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Whether the number counts; if not, there are always enough.
    pub tracked: bool,
    /// Pieces that can be sold now (those leased to open orders are not in it).
    pub qty: u32,
    /// May be ordered when there are none.
    #[serde(default)]
    pub allow_backorder: bool,
}

impl Stock {
    /// Whether `quantity` can be ordered.
    #[must_use]
    pub const fn has(&self, quantity: u32) -> bool {
        !self.tracked || self.allow_backorder || self.qty >= quantity
    }
}

/// What a unit price is per (Google's `unit_pricing_measure`): so much of a unit is in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// How much.
    pub quantity: u32,
    /// Of what.
    pub unit: MeasureUnit,
}

/// Units that unit prices are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureUnit {
    /// Grams; the unit price is per kilogram.
    G,
    /// Millilitres; the unit price is per litre.
    Ml,
    /// Millimetres; the unit price is per metre.
    Mm,
    /// Pieces; the unit price is per piece.
    Piece,
}

/// One thing that can be put in a cart (schema.org Product with its Offer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Names it; unique in the listing.
    pub sku: String,
    /// Its value of each option, in the order of `variesBy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Minor units of the listing's currency.
    pub price: i64,
    /// The former price, to be shown struck through.
    #[serde(default, rename = "compareAt", skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<i64>,
    /// How many there are.
    pub stock: Stock,
    /// Grams, packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// What it looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<BlobHash>,
    /// The number under the bars: 8, 12, 13 or 14 digits; leading zeros count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// For the unit price.
    #[serde(default, rename = "unit_pricing_measure", skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
}

/// Body of [`Kind::Listing`](crate::Kind::Listing), slot = its handle, topic `store/<account>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The name.
    pub name: String,
    /// What it is: plain text, line breaks kept. Never markup: it is shown as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The language of its texts (BCP 47).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Pictures, the first one first.
    #[serde(default, rename = "image", skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// The brand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand: String,
    /// The category.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// New or not.
    #[serde(default)]
    pub condition: Condition,
    /// What sort of thing.
    #[serde(default)]
    pub kind: ItemKind,
    /// Whether it can be bought.
    #[serde(default)]
    pub status: ListingStatus,
    /// What the prices are in.
    #[serde(rename = "priceCurrency")]
    pub currency: Currency,
    /// What variants differ in; none for a listing with one variant.
    #[serde(default, rename = "variesBy", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<VariantOption>,
    /// The variants, at least one.
    #[serde(rename = "hasVariant")]
    pub variants: Vec<Variant>,
    /// Ids of the store's shipping options that apply; none: all do.
    #[serde(default, rename = "shippingDetails", skip_serializing_if = "Vec::is_empty")]
    pub shipping: Vec<String>,
}

impl Listing {
    /// The variant with this sku.
    #[must_use]
    pub fn variant(&self, sku: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.sku == sku)
    }

    /// An amount in the listing's currency.
    #[must_use]
    pub const fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    /// The lowest and the highest price.
    #[must_use]
    pub fn price_range(&self) -> (Money, Money) {
        let prices = || self.variants.iter().map(|variant| variant.price);
        (self.money(prices().min().unwrap_or(0)), self.money(prices().max().unwrap_or(0)))
    }

    /// The picture of a variant: its own, else the listing's first.
    #[must_use]
    pub fn picture(&self, variant: Option<&Variant>) -> Option<BlobHash> {
        variant.and_then(|variant| variant.image).or_else(|| self.images.first().map(|image| image.hash))
    }

    /// Whether anything of it can be ordered.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == ListingStatus::Active && self.variants.iter().any(|variant| variant.stock.has(1))
    }

    /// # Errors
    /// [`RecordError::Field`] with the rule that a field breaks.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_line(&self.name, LISTING_NAME_BYTES_MAX)?;
        check_text(&self.description, DESCRIPTION_BYTES_MAX)?;
        if !self.language.is_empty() && !is_language(&self.language) {
            return Err(RecordError::Field("a language is a tag such as en or zh-Hans"));
        }
        if self.images.len() > IMAGES_MAX {
            return Err(RecordError::Field("a listing has at most 20 pictures"));
        }
        self.images.iter().try_for_each(|image| check_text(&image.alt, ALT_BYTES_MAX))?;
        for label in [&self.brand, &self.category].into_iter().filter(|label| !label.is_empty()) {
            check_line(label, LABEL_BYTES_MAX)?;
        }
        if self.tags.len() > TAGS_MAX || self.shipping.len() > SHIPPING_OPTIONS_MAX {
            return Err(RecordError::Field("a listing has at most 32 tags and 20 shipping options"));
        }
        self.tags.iter().chain(&self.shipping).try_for_each(|label| check_line(label, LABEL_BYTES_MAX))?;
        self.validate_options()?;
        self.validate_variants()
    }

    fn validate_options(&self) -> Result<(), RecordError> {
        if self.options.len() > OPTIONS_MAX || has_twice(self.options.iter().map(|option| &option.name)) {
            return Err(RecordError::Field("a listing has at most 4 options, each with a name of its own"));
        }
        for option in &self.options {
            check_line(&option.name, LABEL_BYTES_MAX)?;
            if option.values.is_empty() || option.values.len() > VARIANTS_MAX || has_twice(option.values.iter()) {
                return Err(RecordError::Field("an option has 1 to 100 values, all different"));
            }
            option.values.iter().try_for_each(|value| check_line(value, LABEL_BYTES_MAX))?;
        }
        Ok(())
    }

    fn validate_variants(&self) -> Result<(), RecordError> {
        if self.variants.is_empty() || self.variants.len() > VARIANTS_MAX {
            return Err(RecordError::Field("a listing has 1 to 100 variants"));
        }
        if has_twice(self.variants.iter().map(|variant| &variant.sku)) {
            return Err(RecordError::Field("two variants have the same sku"));
        }
        if self.variants.len() > 1 && has_twice(self.variants.iter().map(|variant| &variant.options)) {
            return Err(RecordError::Field("two variants have the same options"));
        }
        self.variants.iter().try_for_each(|variant| self.validate_variant(variant))
    }

    fn validate_variant(&self, variant: &Variant) -> Result<(), RecordError> {
        check_line(&variant.sku, LABEL_BYTES_MAX)?;
        let listed = variant.options.iter().zip(&self.options).all(|(value, option)| option.values.contains(value));
        if variant.options.len() != self.options.len() || !listed {
            return Err(RecordError::Field("a variant has one of the listed values for each option"));
        }
        let is_price = |minor: i64| minor >= 0 && minor.unsigned_abs() <= MONEY_MINOR_MAX;
        if !is_price(variant.price) || !variant.compare_at.is_none_or(is_price) {
            return Err(RecordError::Field("a price is 0 or more"));
        }
        if variant.stock.qty > QUANTITY_MAX || variant.weight_g.is_some_and(|grams| grams > WEIGHT_G_MAX) {
            return Err(RecordError::Field("at most 1,000,000 pieces of at most 1,000 tonnes"));
        }
        let is_gtin =
            |code: &String| matches!(code.len(), 8 | 12 | 13 | 14) && code.bytes().all(|byte| byte.is_ascii_digit());
        if !variant.gtin.as_ref().is_none_or(is_gtin) {
            return Err(RecordError::Field("a GTIN has 8, 12, 13 or 14 digits"));
        }
        if variant.measure.is_some_and(|measure| measure.quantity == 0 || measure.quantity > WEIGHT_G_MAX) {
            return Err(RecordError::Field("a measure is more than nothing"));
        }
        Ok(())
    }
}

/// Whether a text can name a listing: 1 to 128 bytes on one line.
///
/// # Errors
/// [`RecordError::Field`] with the rule.
pub fn check_handle(handle: &str) -> Result<(), RecordError> {
    check_line(handle, SLOT_BYTES_MAX)
}
