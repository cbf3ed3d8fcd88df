//! Stores and their goods, as a buyer sees them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    common::{BlobHash, Id, Money, Ms, Party},
    trust::Rating,
};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    StoreSummary,
    Store,
    StoreFollow,
    PaymentMethodKind,
    PaymentMethod,
    ShippingOption,
    PickupPlace,
    ReturnPolicy,
    ReturnPayer,
    ListingSummary,
    ListingPage,
    Condition,
    ListingKind,
    ListingStatus,
    ListingImage,
    ListingOption,
    Listing,
    Variant
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// A store in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreSummary {
    /// Its account.
    pub store: Id,
    /// Its name.
    pub name: String,
    /// What it says about itself.
    pub about: String,
    /// Its sign.
    #[schema(required)]
    pub logo: Option<BlobHash>,
    /// Whether this node follows it.
    pub followed: bool,
    /// Whether its node is connected now.
    pub online: bool,
    /// When it last was.
    #[schema(required)]
    pub last_seen: Option<Ms>,
    /// Goods known.
    pub listing_count: u32,
    /// What buyers gave.
    pub rating: Rating,
    /// Whether it takes no orders for now.
    pub vacation: bool,
}

/// A store in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Store {
    /// In short.
    #[serde(flatten)]
    pub summary: StoreSummary,
    /// A wide picture.
    #[schema(required)]
    pub banner: Option<BlobHash>,
    /// The currency of all its prices, ISO 4217.
    pub currency: String,
    /// Languages it serves in, BCP 47.
    pub languages: Vec<String>,
    /// When it is open.
    pub opening_hours: String,
    /// How else to reach it.
    pub contact: String,
    /// How it takes payment.
    pub payment_methods: Vec<PaymentMethod>,
    /// How it sends.
    pub shipping: Vec<ShippingOption>,
    /// Where goods can be fetched.
    pub pickup: Vec<PickupPlace>,
    /// How goods can be given back.
    pub returns: ReturnPolicy,
    /// Its other rules.
    pub policies: String,
    /// Its link.
    pub uri: String,
    /// Whether it is mine.
    pub mine: bool,
}

/// Follows a store; by its link if this node does not know it yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreFollow {
    /// A `hutong:store/…` link with addresses.
    #[serde(default)]
    pub uri: Option<String>,
}

/// How an order can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethodKind {
    /// To whoever hands it over.
    PayOnDelivery,
    /// By bank, claimed with a reference.
    BankTransfer,
}

/// A way to pay, with what the buyer needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentMethod {
    /// Which.
    pub kind: PaymentMethodKind,
    /// A bank account, or "cash or card at the door".
    pub instructions: String,
}

/// A way to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingOption {
    /// Its name within the store.
    pub id: String,
    /// "Courier".
    pub name: String,
    /// ISO 3166-1 or 3166-2 codes; `*` is everywhere.
    pub zones: Vec<String>,
    /// The price for the first item.
    pub rate: Money,
    /// The price for each further item.
    #[schema(required)]
    pub additional_item: Option<Money>,
    /// From this subtotal on it is free.
    #[schema(required)]
    pub free_from: Option<Money>,
    /// Days at least.
    pub days_min: u16,
    /// Days at most.
    pub days_max: u16,
}

/// A place where goods can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PickupPlace {
    /// Its name within the store.
    pub id: String,
    /// "At the counter".
    pub name: String,
    /// Where.
    pub address: String,
    /// When.
    pub hours: String,
}

/// How goods can be given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReturnPolicy {
    /// Days after delivery; 0 is never.
    pub days: u16,
    /// Who pays the way back.
    pub who_pays: ReturnPayer,
    /// Restocking fee in hundredths of a percent.
    pub fee_basis_points: u16,
    /// In words.
    pub text: String,
}

/// Who pays the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPayer {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
}

/// A listing in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingSummary {
    /// Whose.
    pub store: Party,
    /// Its name within the store.
    pub listing: String,
    /// Its title.
    pub title: String,
    /// The lowest price.
    pub price_min: Money,
    /// The highest price.
    pub price_max: Money,
    /// A price before.
    #[schema(required)]
    pub compare_at: Option<Money>,
    /// Its first picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Whether it can be bought now.
    pub available: bool,
    /// Its category.
    pub category: String,
    /// What buyers gave.
    pub rating: Rating,
    /// Names of my contacts who recommend it.
    pub recommended_by: Vec<String>,
    /// "¥ 3.20 / 100 g".
    #[schema(required)]
    pub unit_price: Option<String>,
}

/// A page of listings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingPage {
    /// The listings.
    pub listings: Vec<ListingSummary>,
    /// Pass as `after` for the next page; `null` at the end.
    #[schema(required)]
    pub after: Option<String>,
    /// How many there are in all.
    pub total: u32,
}

/// Which listings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListingsQuery {
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// How many, at most 200; 48 if absent.
    pub limit: Option<u32>,
    /// Only of this category.
    pub category: Option<String>,
}

/// The state of the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// New.
    New,
    /// Used.
    Used,
    /// Refurbished.
    Refurbished,
}

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListingKind {
    /// A thing.
    Physical,
    /// A file or code.
    Digital,
    /// Work.
    Service,
}

/// Whether a listing is for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListingStatus {
    /// For sale.
    Active,
    /// Not yet; kept on the store's node.
    Draft,
    /// No more.
    Archived,
}

/// A picture of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingImage {
    /// The picture.
    pub hash: BlobHash,
    /// What it shows, in words.
    pub alt: String,
}

/// A choice the buyer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingOption {
    /// "Size".
    pub name: String,
    /// "S", "M", "L".
    pub values: Vec<String>,
}

/// A listing in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listing {
    /// In short.
    #[serde(flatten)]
    pub summary: ListingSummary,
    /// The record.
    pub record: Id,
    /// Its version.
    pub version: u64,
    /// The description, as text.
    pub description: String,
    /// The brand.
    pub brand: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The state of the goods.
    pub condition: Condition,
    /// What is sold.
    pub kind: ListingKind,
    /// Pictures.
    pub images: Vec<ListingImage>,
    /// Choices.
    pub options: Vec<ListingOption>,
    /// What can be bought.
    pub variants: Vec<Variant>,
    /// How it can be sent.
    pub shipping: Vec<ShippingOption>,
    /// Where it can be fetched.
    pub pickup: Vec<PickupPlace>,
    /// How it can be given back.
    pub returns: ReturnPolicy,
    /// How it can be paid.
    pub payment_methods: Vec<PaymentMethod>,
    /// Whether the store's node is connected now.
    pub store_online: bool,
    /// When it last was.
    #[schema(required)]
    pub store_last_seen: Option<Ms>,
    /// When it last changed.
    pub updated_at: Ms,
    /// Its link.
    pub uri: String,
    /// Whether it is mine.
    pub mine: bool,
    /// Whether it is for sale.
    pub status: ListingStatus,
}

/// One thing that can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// Its name within the listing.
    pub sku: String,
    /// Values, parallel to the listing's `options`.
    pub options: Vec<String>,
    /// The price.
    pub price: Money,
    /// A price before.
    #[schema(required)]
    pub compare_at: Option<Money>,
    /// How many there are; `null` if the store does not count.
    #[schema(required)]
    pub stock: Option<i64>,
    /// Whether it can be ordered when there are none.
    pub allow_backorder: bool,
    /// Weight in grams.
    #[schema(required)]
    pub weight_g: Option<u32>,
    /// Its own picture.
    #[schema(required)]
    pub image: Option<BlobHash>,
    /// GTIN (EAN, UPC, ISBN).
    #[schema(required)]
    pub gtin: Option<String>,
    /// Whether it can be bought now.
    pub available: bool,
}
