//! Rows to products: several rows with one handle are one product, its variants and its pictures.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;
use hutong_protocol::{
    limits::{ALT_BYTES_MAX, LABEL_BYTES_MAX, SLOT_BYTES_MAX, TAGS_MAX},
    market::{Condition, ItemKind, ListingStatus, Measure, Stock},
    money::Currency,
    text::clean_line,
};

use super::{
    columns::{Column, Columns},
    fields, html,
    picture::Picture,
    report::Issues,
};

/// Options of one product that a file can hold.
const OPTIONS: std::ops::Range<u8> = 0..4;

/// A product as the file has it; what the file says nothing about is `None`.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// Its first row.
    pub(super) row: usize,
    pub(super) handle: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) brand: String,
    pub(super) category: String,
    pub(super) tags: Vec<String>,
    pub(super) status: ListingStatus,
    pub(super) condition: Option<Condition>,
    pub(super) kind: Option<ItemKind>,
    pub(super) language: Option<String>,
    pub(super) shipping: Option<Vec<String>>,
    pub(super) currency: Currency,
    /// Names of the options.
    pub(super) options: Vec<String>,
    pub(super) variants: Vec<ProductVariant>,
    pub(super) pictures: Vec<ProductPicture>,
}

/// A variant as the file has it.
#[derive(Clone, Debug)]
pub(super) struct ProductVariant {
    pub(super) row: usize,
    /// `None`: the file names none, so one is made from the handle and the options.
    pub(super) sku: Option<String>,
    pub(super) options: Vec<String>,
    pub(super) price: Option<i64>,
    pub(super) compare_at: Option<i64>,
    pub(super) stock: Option<Stock>,
    pub(super) weight_g: Option<u32>,
    pub(super) gtin: Option<String>,
    pub(super) measure: Option<Measure>,
    pub(super) picture: Option<Picture>,
}

/// A picture as the file has it.
#[derive(Clone, Debug)]
pub(super) struct ProductPicture {
    pub(super) row: usize,
    pub(super) position: u32,
    pub(super) source: Picture,
    pub(super) alt: String,
}

/// Collects products row by row.
pub(super) struct Reader<'a> {
    columns: &'a Columns,
    currency: Currency,
    products: Vec<Product>,
    by_handle: BTreeMap<String, usize>,
    pub(super) errors: Issues,
    pub(super) warnings: Issues,
}

/// A row with its number.
struct Row<'a> {
    number: usize,
    record: &'a StringRecord,
}

impl<'a> Reader<'a> {
    pub(super) fn new(columns: &'a Columns, currency: Currency) -> Self {
        Self {
            columns,
            currency,
            products: Vec::new(),
            by_handle: BTreeMap::new(),
            errors: Issues::default(),
            warnings: Issues::default(),
        }
    }

    pub(super) fn finish(mut self) -> (Vec<Product>, Issues, Issues) {
        for product in &mut self.products {
            product.pictures.sort_by_key(|picture| picture.position);
        }
        (self.products, self.errors, self.warnings)
    }

    fn get<'r>(&self, row: &Row<'r>, column: Column) -> &'r str {
        self.columns.get(row.record, column)
    }

    fn error(&mut self, row: &Row<'_>, column: Column, message: impl Into<String>) {
        self.errors.add(row.number, self.columns.name(column), message);
    }

    fn warn(&mut self, row: &Row<'_>, column: Column, message: impl Into<String>) {
        self.warnings.add(row.number, self.columns.name(column), message);
    }

    /// The field read by `read` if it is not empty; an error is noted and counts as empty.
    fn read<T>(&mut self, row: &Row<'_>, column: Column, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.get(row, column);
        if text.is_empty() {
            return None;
        }
        read(text).map_err(|message| self.error(row, column, message)).ok()
    }

    /// Takes one row below the header.
    pub(super) fn row(&mut self, number: usize, record: &StringRecord) {
        if record.iter().all(|field| field.trim().is_empty()) {
            return;
        }
        if record.len() != self.columns.width {
            let (has, wants) = (record.len(), self.columns.width);
            let message = format!(
                "the row has {has} fields where the header has {wants}: a comma or a quotation mark \
                is missing or too many"
            );
            self.errors.add(number, None, message);
            return;
        }
        let row = Row { number, record };
        let Some((index, is_first)) = self.product(&row) else { return };
        self.variant(&row, index, is_first);
        self.picture(&row, index);
    }

    /// Which product the row belongs to, made if it is the first of its handle.
    fn product(&mut self, row: &Row<'_>) -> Option<(usize, bool)> {
        let title = self.get(row, Column::Title);
        let given = self.get(row, Column::Handle);
        if given.is_empty() && title.is_empty() {
            self.error(row, Column::Handle, "which product is this? Neither a handle nor a title is given");
            return None;
        }
        let handle = if given.is_empty() { slug(title) } else { given.to_owned() };
        if let Some(index) = self.by_handle.get(&handle).copied() {
            let other = self.products.get(index).map(|product| product.title.clone()).unwrap_or_default();
            if given.is_empty() || (!title.is_empty() && clean_line(title, usize::MAX) != other) {
                let message =
                    format!("the handle \"{handle}\" belongs to \"{other}\" already: give each product its own");
                self.error(row, Column::Handle, message);
                return None;
            }
            return Some((index, false));
        }
        let refused = |c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%');
        if handle.is_empty() || handle.len() > SLOT_BYTES_MAX || handle.contains(refused) {
            let message = "a handle has 1 to 128 bytes and none of / \\ ? # %";
            self.error(row, Column::Handle, message);
            return None;
        }
        if title.is_empty() {
            self.error(row, Column::Title, "the first row of a product needs its title");
        }
        let product = self.first_row(row, handle.clone());
        self.by_handle.insert(handle, self.products.len());
        self.products.push(product);
        Some((self.products.len() - 1, true))
    }

    fn first_row(&mut self, row: &Row<'_>, handle: String) -> Product {
        let kind = if self.columns.has(Column::Kind) {
            self.read(row, Column::Kind, kind)
        } else {
            self.read(row, Column::RequiresShipping, fields::yes)
                .map(|ships| if ships { ItemKind::Physical } else { ItemKind::Digital })
        };
        let own = self.get(row, Column::Type);
        let category = if own.is_empty() { self.get(row, Column::Category) } else { own };
        let mut options = Vec::new();
        for number in OPTIONS {
            let name = clean_line(self.get(row, Column::OptionName(number)), LABEL_BYTES_MAX);
            let value = self.get(row, Column::OptionValue(number));
            let placeholder = number == 0 && name == "Title" && matches!(value, "Default Title" | "");
            if !name.is_empty() && !placeholder {
                options.push(name);
            } else if !value.is_empty() && !placeholder {
                self.error(row, Column::OptionValue(number), "this value belongs to an option that has no name");
            }
        }
        Product {
            row: row.number,
            handle,
            title: clean_line(self.get(row, Column::Title), usize::MAX),
            description: html::to_text(self.get(row, Column::Description)),
            brand: clean_line(self.get(row, Column::Vendor), LABEL_BYTES_MAX),
            category: clean_line(shorter(category), LABEL_BYTES_MAX),
            tags: self.tags(row),
            status: self.status(row),
            condition: self.read(row, Column::Condition, condition),
            kind,
            language: self.columns.has(Column::Language).then(|| self.get(row, Column::Language).to_owned()),
            shipping: self.columns.has(Column::Shipping).then(|| list(self.get(row, Column::Shipping))),
            currency: self
                .read(row, Column::Currency, |text| text.parse().map_err(|error| format!("{error}")))
                .unwrap_or(self.currency),
            options,
            variants: Vec::new(),
            pictures: Vec::new(),
        }
    }

    fn tags(&mut self, row: &Row<'_>) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut tags = list(self.get(row, Column::Tags));
        tags.retain(|tag| seen.insert(tag.clone()));
        if tags.len() > TAGS_MAX {
            self.warn(row, Column::Tags, format!("only the first {TAGS_MAX} tags are kept"));
            tags.truncate(TAGS_MAX);
        }
        tags
    }

    /// On sale or not: the status if there is one, otherwise whether it was published.
    fn status(&mut self, row: &Row<'_>) -> ListingStatus {
        let on_sale = |yes: bool| if yes { ListingStatus::Active } else { ListingStatus::Archived };
        let status = self.read(row, Column::Status, |text| match text.to_ascii_lowercase().as_str() {
            "active" => Ok(true),
            "draft" | "archived" | "unlisted" => Ok(false),
            _ => Err(format!("\"{text}\" is none of active, draft, archived")),
        });
        let published = self.read(row, Column::Published, fields::yes);
        on_sale(status.or(published).unwrap_or(true))
    }

    /// The row's variant. The first row of a product always is one; a further row is if it has a variant's fields.
    fn variant(&mut self, row: &Row<'_>, index: usize, is_first: bool) {
        let fields = [Column::Sku, Column::Price, Column::Barcode].into_iter().chain(OPTIONS.map(Column::OptionValue));
        if !is_first && fields.into_iter().all(|column| self.get(row, column).is_empty()) {
            return;
        }
        let Some(product) = self.products.get(index) else { return };
        let (names, currency) = (product.options.clone(), product.currency);
        let has_twin = !is_first && names.is_empty();
        let mut options = Vec::with_capacity(names.len());
        for (number, name) in OPTIONS.zip(&names) {
            let value = clean_line(self.get(row, Column::OptionValue(number)), LABEL_BYTES_MAX);
            if value.is_empty() {
                self.error(row, Column::OptionValue(number), format!("the variant needs a value for \"{name}\""));
            }
            options.push(value);
        }
        if has_twin {
            self.error(row, Column::Handle, "a product with several variants needs an option, such as \"Size\"");
        }
        let twin = self
            .products
            .get(index)
            .is_some_and(|product| !has_twin && product.variants.iter().any(|variant| variant.options == options));
        if twin {
            self.error(row, Column::OptionValue(0), "another variant of the product has the same options");
        }
        let price = self.read(row, Column::Price, |text| fields::price(text, currency));
        if self.columns.has(Column::Price) && self.get(row, Column::Price).is_empty() {
            self.error(row, Column::Price, "the price is missing");
        }
        let variant = ProductVariant {
            row: row.number,
            sku: Some(clean_line(fields::unprotected(self.get(row, Column::Sku)), LABEL_BYTES_MAX))
                .filter(|sku| !sku.is_empty()),
            options,
            price,
            compare_at: self.read(row, Column::CompareAt, |text| fields::price(text, currency)),
            stock: self.stock(row),
            weight_g: self.read(row, Column::Weight, fields::grams).flatten(),
            gtin: self.gtin(row),
            measure: self.measure(row),
            picture: self.read(row, Column::VariantImage, Picture::parse),
        };
        if let Some(product) = self.products.get_mut(index) {
            product.variants.push(variant);
        }
    }

    /// Stock as Shopify means it: counted only if something counts it. A file without that column counts what it names.
    fn stock(&mut self, row: &Row<'_>) -> Option<Stock> {
        if !self.columns.has(Column::Tracker) && !self.columns.has(Column::Quantity) {
            return None;
        }
        let qty = self.read(row, Column::Quantity, fields::quantity);
        let tracked =
            if self.columns.has(Column::Tracker) { !self.get(row, Column::Tracker).is_empty() } else { qty.is_some() };
        let policy = self.read(row, Column::Policy, |text| match text.to_ascii_lowercase().as_str() {
            "continue" => Ok(true),
            "deny" => Ok(false),
            other => fields::yes(other),
        });
        Some(Stock { tracked, qty: qty.unwrap_or(0), allow_backorder: policy.unwrap_or(false) })
    }

    /// A barcode that is no GTIN is often the shop's own: it is left out, and the import goes on.
    fn gtin(&mut self, row: &Row<'_>) -> Option<String> {
        let text = self.get(row, Column::Barcode);
        if text.is_empty() {
            return None;
        }
        fields::gtin(text).map_err(|message| self.warn(row, Column::Barcode, message)).ok()
    }

    fn measure(&mut self, row: &Row<'_>) -> Option<Measure> {
        let (quantity, unit) = (self.get(row, Column::Measure), self.get(row, Column::MeasureUnit));
        if quantity.is_empty() || unit.is_empty() {
            return None;
        }
        fields::measure(quantity, unit).map_err(|message| self.warn(row, Column::Measure, message)).ok()
    }

    fn picture(&mut self, row: &Row<'_>, index: usize) {
        let Some(source) = self.read(row, Column::Image, Picture::parse) else { return };
        let position = self.get(row, Column::ImagePosition).parse().unwrap_or(u32::MAX);
        let alt = clean_line(self.get(row, Column::ImageAlt), ALT_BYTES_MAX);
        if let Some(product) = self.products.get_mut(index)
            && !product.pictures.iter().any(|picture| picture.source == source)
        {
            product.pictures.push(ProductPicture { row: row.number, position, source, alt });
        }
    }
}

/// Parts of a comma-separated list, cleaned.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| clean_line(part, LABEL_BYTES_MAX)).filter(|part| !part.is_empty()).collect()
}

/// A taxonomy path too long for a label is cut to its last part, which says most.
fn shorter(category: &str) -> &str {
    if category.len() <= LABEL_BYTES_MAX { category } else { category.rsplit('>').next().unwrap_or(category).trim() }
}

fn condition(text: &str) -> Result<Condition, String> {
    match text.to_ascii_lowercase().as_str() {
        "new" => Ok(Condition::New),
        "used" => Ok(Condition::Used),
        "refurbished" => Ok(Condition::Refurbished),
        _ => Err(format!("\"{text}\" is none of new, used, refurbished")),
    }
}

fn kind(text: &str) -> Result<ItemKind, String> {
    match text {
        "physical" => Ok(ItemKind::Physical),
        "digital" => Ok(ItemKind::Digital),
        "service" => Ok(ItemKind::Service),
        _ => Err(format!("\"{text}\" is none of physical, digital, service")),
    }
}

/// A handle from a title: letters and digits of any script in lower case, joined by hyphens.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    hutong_protocol::text::truncate(&mut slug, SLOT_BYTES_MAX);
    slug.trim_end_matches('-').to_owned()
}
