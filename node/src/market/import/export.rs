//! Listings as a CSV file in Shopify's current product format.

use std::collections::BTreeMap;

use hutong_protocol::{
    BlobHash,
    market::{Condition, ItemKind, Listing, ListingStatus, MeasureUnit, Variant},
};

use super::{fields::protected, html, picture::Picture};

/// The columns, in Shopify's order; the last ones are this program's own, named as Shopify names a shop's own fields.
const HEADER: [&str; 40] = [
    "Title",
    "URL handle",
    "Description",
    "Vendor",
    "Product category",
    "Type",
    "Tags",
    "Published on online store",
    "Status",
    "SKU",
    "Barcode",
    "Option1 name",
    "Option1 value",
    "Option2 name",
    "Option2 value",
    "Option3 name",
    "Option3 value",
    "Option4 name",
    "Option4 value",
    "Price",
    "Compare-at price",
    "Unit price total measure",
    "Unit price total measure unit",
    "Inventory tracker",
    "Inventory quantity",
    "Continue selling when out of stock",
    "Weight value (grams)",
    "Weight unit for display",
    "Requires shipping",
    "Fulfillment service",
    "Product image URL",
    "Image position",
    "Image alt text",
    "Variant image URL",
    "Gift card",
    "Google Shopping / Condition",
    "Kind (product.metafields.hutong.kind)",
    "Language (product.metafields.hutong.language)",
    "Shipping (product.metafields.hutong.shipping)",
    "Currency (product.metafields.hutong.currency)",
];

/// One row, field by field under its header.
#[derive(Default)]
struct Row(BTreeMap<&'static str, String>);

impl Row {
    fn set(&mut self, header: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.insert(header, value);
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        HEADER.iter().map(|header| self.0.get(header).map_or("", String::as_str))
    }
}

/// The listings (slot and body) as UTF-8 text with a byte order mark, which spreadsheets need to see that it is UTF-8.
///
/// Importing it into the same store changes nothing. Pictures are named by their hash; only a node that has them can
/// take those in again.
#[must_use]
pub fn export<'a>(listings: impl IntoIterator<Item = (&'a str, &'a Listing)>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    // Writing to memory cannot fail, and every row has the header's length.
    let mut write = |row: &mut dyn Iterator<Item = &str>| drop(writer.write_record(row));
    write(&mut HEADER.iter().copied());
    for (slot, listing) in listings {
        for row in rows(slot, listing) {
            write(&mut row.fields());
        }
    }
    writer.into_inner().unwrap_or_default()
}

/// Rows of one listing: as many as it has variants or pictures, whichever are more.
fn rows(slot: &str, listing: &Listing) -> Vec<Row> {
    let count = listing.variants.len().max(listing.images.len()).max(1);
    (0..count)
        .map(|index| {
            let mut row = Row::default();
            row.set("URL handle", slot);
            if index == 0 {
                first_row(&mut row, listing);
            }
            if let Some(variant) = listing.variants.get(index) {
                variant_fields(&mut row, listing, variant);
            }
            if let Some(image) = listing.images.get(index) {
                row.set("Product image URL", Picture::Blob(image.hash).to_string());
                row.set("Image position", (index + 1).to_string());
                row.set("Image alt text", image.alt.clone());
            }
            row
        })
        .collect()
}

fn first_row(row: &mut Row, listing: &Listing) {
    let active = listing.status == ListingStatus::Active;
    row.set("Title", listing.name.clone());
    row.set("Description", html::from_text(&listing.description));
    row.set("Vendor", listing.brand.clone());
    row.set("Type", listing.category.clone());
    row.set("Tags", listing.tags.join(", "));
    row.set("Published on online store", if active { "TRUE" } else { "FALSE" });
    row.set("Status", if active { "active" } else { "archived" });
    let names = ["Option1 name", "Option2 name", "Option3 name", "Option4 name"];
    for (header, option) in names.into_iter().zip(&listing.options) {
        row.set(header, option.name.clone());
    }
    if listing.options.is_empty() {
        row.set("Option1 name", "Title");
        row.set("Option1 value", "Default Title");
    }
    row.set("Gift card", "FALSE");
    let condition = match listing.condition {
        Condition::New => "new",
        Condition::Used => "used",
        Condition::Refurbished => "refurbished",
    };
    row.set("Google Shopping / Condition", condition);
    let kind = match listing.kind {
        ItemKind::Digital => "digital",
        ItemKind::Service => "service",
        _ => "physical",
    };
    row.set("Kind (product.metafields.hutong.kind)", kind);
    row.set("Language (product.metafields.hutong.language)", listing.language.clone());
    row.set("Shipping (product.metafields.hutong.shipping)", listing.shipping.join(", "));
    row.set("Currency (product.metafields.hutong.currency)", listing.currency.as_str());
}

fn variant_fields(row: &mut Row, listing: &Listing, variant: &Variant) {
    let yes_no = |yes: bool| if yes { "TRUE" } else { "FALSE" };
    row.set("SKU", protected(&variant.sku));
    row.set("Barcode", variant.gtin.clone().unwrap_or_default());
    let values = ["Option1 value", "Option2 value", "Option3 value", "Option4 value"];
    for (header, value) in values.into_iter().zip(&variant.options) {
        row.set(header, value.clone());
    }
    row.set("Price", listing.money(variant.price).to_decimal());
    row.set("Compare-at price", variant.compare_at.map(|minor| listing.money(minor).to_decimal()).unwrap_or_default());
    if let Some(measure) = variant.measure {
        row.set("Unit price total measure", measure.quantity.to_string());
        let unit = match measure.unit {
            MeasureUnit::G => "g",
            MeasureUnit::Ml => "ml",
            MeasureUnit::Mm => "mm",
            MeasureUnit::Piece => "ct",
        };
        row.set("Unit price total measure unit", unit);
    }
    row.set("Inventory tracker", if variant.stock.tracked { "shopify" } else { "" });
    row.set("Inventory quantity", variant.stock.qty.to_string());
    row.set("Continue selling when out of stock", yes_no(variant.stock.allow_backorder));
    row.set("Weight value (grams)", variant.weight_g.map(|grams| grams.to_string()).unwrap_or_default());
    row.set("Weight unit for display", "g");
    row.set("Requires shipping", yes_no(listing.kind == ItemKind::Physical));
    row.set("Fulfillment service", "manual");
    row.set(
        "Variant image URL",
        variant.image.map(|hash: BlobHash| Picture::Blob(hash).to_string()).unwrap_or_default(),
    );
}
