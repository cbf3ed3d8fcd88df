//! Header rows: which column is what, in Shopify's current and legacy product formats.

use std::collections::BTreeMap;

use super::report::{Format, Issue};

/// What a column holds, whichever way its header says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // They are the columns' own names.
pub(super) enum Column {
    Title,
    Handle,
    Description,
    Vendor,
    Category,
    Type,
    Tags,
    Published,
    Status,
    Sku,
    Barcode,
    OptionName(u8),
    OptionValue(u8),
    Price,
    CompareAt,
    Tracker,
    Quantity,
    Policy,
    Weight,
    RequiresShipping,
    Measure,
    MeasureUnit,
    Image,
    ImagePosition,
    ImageAlt,
    VariantImage,
    Condition,
    Kind,
    Language,
    Shipping,
    Currency,
}

/// Column, its header in the current format, and in the legacy one ("" if it has none).
const HEADERS: [(Column, &str, &str); 37] = [
    (Column::Title, "title", "title"),
    (Column::Handle, "url handle", "handle"),
    (Column::Description, "description", "body (html)"),
    (Column::Vendor, "vendor", "vendor"),
    (Column::Category, "product category", "product category"),
    (Column::Type, "type", "type"),
    (Column::Tags, "tags", "tags"),
    (Column::Published, "published on online store", "published"),
    (Column::Status, "status", "status"),
    (Column::Sku, "sku", "variant sku"),
    (Column::Barcode, "barcode", "variant barcode"),
    (Column::OptionName(0), "option1 name", "option1 name"),
    (Column::OptionValue(0), "option1 value", "option1 value"),
    (Column::OptionName(1), "option2 name", "option2 name"),
    (Column::OptionValue(1), "option2 value", "option2 value"),
    (Column::OptionName(2), "option3 name", "option3 name"),
    (Column::OptionValue(2), "option3 value", "option3 value"),
    (Column::OptionName(3), "option4 name", "option4 name"),
    (Column::OptionValue(3), "option4 value", "option4 value"),
    (Column::Price, "price", "variant price"),
    (Column::CompareAt, "compare-at price", "variant compare at price"),
    (Column::Tracker, "inventory tracker", "variant inventory tracker"),
    (Column::Quantity, "inventory quantity", "variant inventory qty"),
    (Column::Policy, "continue selling when out of stock", "variant inventory policy"),
    (Column::Weight, "weight value (grams)", "variant grams"),
    (Column::RequiresShipping, "requires shipping", "variant requires shipping"),
    (Column::Measure, "unit price total measure", ""),
    (Column::MeasureUnit, "unit price total measure unit", ""),
    (Column::Image, "product image url", "image src"),
    (Column::ImagePosition, "image position", "image position"),
    (Column::ImageAlt, "image alt text", "image alt text"),
    (Column::VariantImage, "variant image url", "variant image"),
    (Column::Condition, "google shopping / condition", "google shopping / condition"),
    (Column::Kind, "kind (product.metafields.hutong.kind)", ""),
    (Column::Language, "language (product.metafields.hutong.language)", ""),
    (Column::Shipping, "shipping (product.metafields.hutong.shipping)", ""),
    (Column::Currency, "currency (product.metafields.hutong.currency)", ""),
];

/// Which column stands where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) format: Format,
    /// Place and header of each.
    places: BTreeMap<Column, (usize, String)>,
    /// How many columns a row has.
    pub(super) width: usize,
}

impl Columns {
    /// Reads a header row.
    pub(super) fn read(header: &csv::StringRecord) -> Result<Self, Issue> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        let has = |name: &str| names.iter().any(|known| known == name);
        let format = if has("url handle") || (has("title") && !has("handle") && (has("sku") || has("price"))) {
            Format::ShopifyCurrent
        } else if has("handle") {
            Format::ShopifyLegacy
        } else {
            let message = "this is not a product file in Shopify's format: the first row must name the columns, \
                among them \"Title\" and \"URL handle\" (or \"Handle\")";
            return Err(Issue::header(message));
        };
        if !has("title") {
            return Err(Issue::header("the column \"Title\" is missing"));
        }
        let mut places = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            let known = HEADERS.iter().find(|(_, current, legacy)| match format {
                Format::ShopifyCurrent => name == current,
                // Our own extra columns have one name in both.
                Format::ShopifyLegacy => name == legacy || (legacy.is_empty() && name == current),
            });
            let Some((column, _, _)) = known.filter(|_| !name.is_empty()) else { continue };
            let shown = header.get(index).unwrap_or_default().trim().to_owned();
            if places.contains_key(column) {
                return Err(Issue::header(&format!("the column \"{shown}\" is there twice")));
            }
            places.insert(*column, (index, shown));
        }
        Ok(Self { format, places, width: header.len() })
    }

    /// Whether the file has this column.
    pub(super) fn has(&self, column: Column) -> bool {
        self.places.contains_key(&column)
    }

    /// The header as the file writes it.
    pub(super) fn name(&self, column: Column) -> Option<String> {
        self.places.get(&column).map(|(_, name)| name.clone())
    }

    /// The trimmed field of a row; empty if the file has no such column.
    pub(super) fn get<'a>(&self, row: &'a csv::StringRecord, column: Column) -> &'a str {
        self.places.get(&column).and_then(|(index, _)| row.get(*index)).unwrap_or_default().trim()
    }
}
