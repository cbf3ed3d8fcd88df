//! Listings: what is for sale, and in which variants.

use serde::{Deserialize, Serialize};

use super::{has_twice, is_language};
use crate::{
    ids::BlobHash,
    limits::{
        ALT_BYTES_MAX, DESCRIPTION_BYTES_MAX, IMAGES_MAX, LABEL_BYTES_MAX, LISTING_NAME_BYTES_MAX, MONEY_MINOR_MAX,
        OPTIONS_MAX, QUANTITY_MAX, SHIPPING_OPTIONS_MAX, TAGS_MAX, VARIANTS_MAX, WEIGHT_G_MAX,
    },
    money::{Currency, Money},
    record::RecordError,
    text::{check_line, check_text},
};

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

impl Measure {
    /// What a whole unit costs, and its name (`kg`, `l`, `m`, `pc`), if one piece costs `price`.
    #[must_use]
    pub fn unit_price(&self, price: Money) -> Option<(Money, &'static str)> {
        let (pieces, unit) = match self.unit {
            MeasureUnit::G => (1_000, "kg"),
            MeasureUnit::Ml => (1_000, "l"),
            MeasureUnit::Mm => (1_000, "m"),
            MeasureUnit::Piece => (1, "pc"),
        };
        Some((price.scaled(pieces, self.quantity).ok()?, unit))
    }
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
