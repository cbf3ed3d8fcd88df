//! My store: its page, its catalogue, its import.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    common::{BlobHash, Money},
    market::{
        Condition, ListingImage, ListingKind, ListingOption, ListingStatus, PaymentMethod, PickupPlace, ReturnPolicy,
        ShippingOption, Store,
    },
};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    MyStore,
    StoreUpdate,
    ListingUpdate,
    VariantUpdate,
    ImportFiles,
    ImportFormat,
    ImportReport,
    ImportIssue,
    ImportPreview
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// My store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyStore {
    /// As others see it.
    #[serde(flatten)]
    pub store: Store,
    /// Orders where it is my turn.
    pub orders_waiting: u32,
    /// Listings that cannot be bought now.
    pub out_of_stock: u32,
    /// Whether this node quotes by itself.
    pub auto_quote: bool,
}

/// Opens my store or changes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoreUpdate {
    /// Its name.
    pub name: String,
    /// What it says about itself.
    pub about: String,
    /// Its sign.
    #[serde(default)]
    pub logo: Option<BlobHash>,
    /// A wide picture.
    #[serde(default)]
    pub banner: Option<BlobHash>,
    /// The currency of all its prices, ISO 4217.
    pub currency: String,
    /// Languages it serves in, BCP 47.
    #[serde(default)]
    pub languages: Vec<String>,
    /// When it is open.
    #[serde(default)]
    pub opening_hours: String,
    /// How else to reach it.
    #[serde(default)]
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
    #[serde(default)]
    pub policies: String,
    /// Whether it takes no orders for now.
    #[serde(default)]
    pub vacation: bool,
    /// Whether this node quotes by itself; yes if absent.
    #[serde(default)]
    pub auto_quote: Option<bool>,
}

/// Writes a listing of mine.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListingUpdate {
    /// Its title.
    pub title: String,
    /// The description, as text.
    pub description: String,
    /// The brand.
    #[serde(default)]
    pub brand: String,
    /// Its category.
    #[serde(default)]
    pub category: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The state of the goods; new if absent.
    #[serde(default)]
    pub condition: Option<Condition>,
    /// What is sold; a thing if absent.
    #[serde(default)]
    pub kind: Option<ListingKind>,
    /// Whether it is for sale; yes if absent.
    #[serde(default)]
    pub status: Option<ListingStatus>,
    /// Pictures that were uploaded before.
    pub images: Vec<ListingImage>,
    /// Choices.
    pub options: Vec<ListingOption>,
    /// What can be bought.
    pub variants: Vec<VariantUpdate>,
}

/// Writes one thing that can be bought.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VariantUpdate {
    /// Its name within the listing.
    pub sku: String,
    /// Values, parallel to the listing's `options`.
    pub options: Vec<String>,
    /// The price.
    pub price: Money,
    /// A price before.
    #[serde(default)]
    pub compare_at: Option<Money>,
    /// How many there are; `null` if not counted.
    #[schema(required)]
    pub stock: Option<i64>,
    /// Whether it can be ordered when there are none.
    #[serde(default)]
    pub allow_backorder: bool,
    /// Weight in grams.
    #[serde(default)]
    pub weight_g: Option<u32>,
    /// Its own picture.
    #[serde(default)]
    pub image: Option<BlobHash>,
    /// GTIN (EAN, UPC, ISBN).
    #[serde(default)]
    pub gtin: Option<String>,
}

/// Which of my listings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MyListingsQuery {
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// How many, at most 200; 48 if absent.
    pub limit: Option<u32>,
    /// Only of this status.
    pub status: Option<ListingStatus>,
    /// Only with this in the title or a SKU.
    pub q: Option<String>,
}

/// How to import.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// The files of an import.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes a multipart body that is read as a stream")]
pub struct ImportFiles {
    /// One CSV file in Shopify's product format.
    #[schema(format = Binary, content_media_type = "text/csv")]
    csv: String,
    /// Pictures that the CSV names by file name.
    #[schema(format = Binary)]
    pictures: Vec<String>,
}

/// Which header row a CSV file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// Shopify's current product format.
    ShopifyCurrent,
    /// Shopify's product format until 2024.
    ShopifyLegacy,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether this was only a trial.
    pub dry_run: bool,
    /// Which format the file has.
    pub format: ImportFormat,
    /// Whether anything was changed; an error in any row means that nothing is.
    pub applied: bool,
    /// Products read.
    pub products: u32,
    /// Variants read.
    pub variants: u32,
    /// New listings.
    pub created: u32,
    /// Changed listings.
    pub updated: u32,
    /// Listings as they were.
    pub unchanged: u32,
    /// Pictures found.
    pub pictures: u32,
    /// What must be mended first.
    pub errors: Vec<ImportIssue>,
    /// What was left out or guessed.
    pub warnings: Vec<ImportIssue>,
    /// The first 20 products.
    pub preview: Vec<ImportPreview>,
}

/// Something wrong in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportIssue {
    /// The row; 1 is the header.
    pub row: u32,
    /// The column's name.
    #[schema(required)]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// One product as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportPreview {
    /// The listing's name.
    pub listing: String,
    /// Its title.
    pub title: String,
    /// Its price or range of prices, as text.
    pub price: String,
    /// How many variants.
    pub variants: u32,
    /// How many there are; `null` if not counted.
    #[schema(required)]
    pub stock: Option<i64>,
    /// How many pictures.
    pub pictures: u32,
}
