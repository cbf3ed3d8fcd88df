//! Products against what the store has: new, changed or the same.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{
    BlobHash, codec,
    limits::{IMAGES_MAX, LABEL_BYTES_MAX, RECORD_BYTES_MAX},
    market::{Condition, Image, ItemKind, Listing, ListingStatus, Variant, VariantOption},
    money::Money,
    text::truncate,
};

use super::{
    Catalogue, Import,
    columns::Column,
    picture::Picture,
    report::{ImportReport, Issue, PREVIEW_MAX, Preview},
    shopify::{Product, ProductVariant},
};
use crate::market::LISTINGS_OF_A_STORE_MAX;

/// What the record around a listing needs: account, topic, slot, signature's header.
const RECORD_ROOM_BYTES: usize = 1024;

/// Pictures by where they come from: what was found, or why not.
pub type Pictures = BTreeMap<Picture, Result<BlobHash, String>>;

/// Compares and reports.
pub(super) struct Planner<'a> {
    catalogue: &'a Catalogue,
    existing: &'a BTreeMap<String, Listing>,
    pictures: &'a Pictures,
    by_sku: BTreeMap<&'a str, Vec<&'a str>>,
    taken: BTreeMap<String, usize>,
    report: ImportReport,
    changes: Vec<(String, Listing)>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        catalogue: &'a Catalogue,
        existing: &'a BTreeMap<String, Listing>,
        pictures: &'a Pictures,
        dry_run: bool,
    ) -> Self {
        let mut by_sku: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (slot, listing) in existing {
            for variant in &listing.variants {
                by_sku.entry(variant.sku.as_str()).or_default().push(slot);
            }
        }
        let mut report = ImportReport::new(dry_run);
        report.format = catalogue.columns.as_ref().map(|columns| columns.format);
        report.encoding = catalogue.encoding;
        report.errors = catalogue.errors.clone();
        report.warnings = catalogue.warnings.clone();
        Self { catalogue, existing, pictures, by_sku, taken: BTreeMap::new(), report, changes: Vec::new() }
    }

    pub(super) fn run(mut self) -> Import {
        let mut skus: BTreeMap<&str, &str> = BTreeMap::new();
        for product in &self.catalogue.products {
            for (variant, sku) in product.variants.iter().filter_map(|variant| Some((variant, variant.sku.as_deref()?)))
            {
                let other = skus.insert(sku, product.handle.as_str());
                if let Some(other) = other.filter(|other| *other != product.handle) {
                    let message = format!("the SKU \"{sku}\" is also used by \"{other}\"");
                    self.report.warnings.add(variant.row, self.column(Column::Sku), message);
                }
            }
        }
        for product in &self.catalogue.products {
            self.product(product);
        }
        let after = self.existing.len() + self.report.created;
        if self.report.created > 0 && after > LISTINGS_OF_A_STORE_MAX as usize {
            let message = format!(
                "the store would have {after} products; it can have {LISTINGS_OF_A_STORE_MAX}: leave some out, or put \
                 variants of one product together"
            );
            self.report.errors.push(Issue::file(&message));
        }
        // All or nothing: with one error, nothing of the file is applied.
        if !self.report.errors.is_empty() {
            self.changes.clear();
        }
        Import { report: self.report, changes: self.changes }
    }

    fn column(&self, column: Column) -> Option<String> {
        self.catalogue.columns.as_ref().and_then(|columns| columns.name(column))
    }

    fn has(&self, column: Column) -> bool {
        self.catalogue.columns.as_ref().is_some_and(|columns| columns.has(column))
    }

    fn product(&mut self, product: &Product) {
        self.report.products += 1;
        self.report.variants += product.variants.len();
        let Some(slot) = self.slot(product) else { return };
        let before = self.existing.get(&slot);
        let listing = self.listing(product, before);
        if self.report.preview.len() < PREVIEW_MAX {
            self.report.preview.push(preview(&slot, &listing, product.pictures.len()));
        }
        if let Err(error) = listing.validate() {
            self.report.errors.add(product.row, None, format!("\"{}\": {error}", product.title));
            return;
        }
        let size = codec::encode(&listing).map_or(usize::MAX, |bytes| bytes.len());
        if size > RECORD_BYTES_MAX - RECORD_ROOM_BYTES {
            let message = format!(
                "\"{}\" is too large for one listing: shorten its description or split its variants",
                product.title
            );
            self.report.errors.add(product.row, None, message);
            return;
        }
        match before {
            None => self.report.created += 1,
            Some(before) if *before == listing => {
                self.report.unchanged += 1;
                return;
            }
            Some(_) => self.report.updated += 1,
        }
        self.changes.push((slot, listing));
    }

    /// Which listing it is: the one with its handle, else the one that has its SKUs, else a new one.
    fn slot(&mut self, product: &Product) -> Option<String> {
        let mut slot = product.handle.clone();
        if !self.existing.contains_key(&slot) {
            let skus = product.variants.iter().filter_map(|variant| variant.sku.as_deref());
            let owners: BTreeSet<&str> = skus.filter_map(|sku| self.by_sku.get(sku)).flatten().copied().collect();
            // A listing whose own handle is in the file as well is that product, not this one.
            let free = |owner: &&str| !self.catalogue.handles.contains(*owner);
            let owners: Vec<&str> = owners.into_iter().filter(free).collect();
            match owners.as_slice() {
                [] => {}
                [one] => slot = (*one).to_owned(),
                [one, two, ..] => {
                    let message =
                        format!("its SKUs belong to two listings, \"{one}\" and \"{two}\": use their handles");
                    self.report.errors.add(product.row, self.column(Column::Sku), message);
                    return None;
                }
            }
        }
        if let Some(other) = self.taken.insert(slot.clone(), product.row) {
            let message = format!("this is the same listing (\"{slot}\") as in row {other}");
            self.report.errors.add(product.row, self.column(Column::Handle), message);
            return None;
        }
        Some(slot)
    }

    /// The listing as it will be. What the file cannot say (a column it lacks) stays as it was.
    fn listing(&mut self, product: &Product, before: Option<&Listing>) -> Listing {
        let keep = |column: Column| before.filter(|_| !self.has(column));
        let unpriced = !self.has(Column::Price) && before.is_none();
        let listing = Listing {
            name: product.title.clone(),
            description: keep(Column::Description)
                .map_or_else(|| product.description.clone(), |b| b.description.clone()),
            language: product
                .language
                .clone()
                .unwrap_or_else(|| before.map(|b| b.language.clone()).unwrap_or_default()),
            images: Vec::new(),
            brand: keep(Column::Vendor).map_or_else(|| product.brand.clone(), |b| b.brand.clone()),
            category: before
                .filter(|_| !self.has(Column::Type) && !self.has(Column::Category))
                .map_or_else(|| product.category.clone(), |b| b.category.clone()),
            tags: keep(Column::Tags).map_or_else(|| product.tags.clone(), |b| b.tags.clone()),
            condition: product.condition.or(before.map(|b| b.condition)).unwrap_or(Condition::New),
            kind: self.kind(product, before),
            status: match keep(Column::Status).filter(|_| !self.has(Column::Published)) {
                Some(before) => before.status,
                None if unpriced => ListingStatus::Archived,
                None => product.status,
            },
            currency: product.currency,
            options: options(product, before),
            variants: Vec::new(),
            shipping: product
                .shipping
                .clone()
                .unwrap_or_else(|| before.map(|b| b.shipping.clone()).unwrap_or_default()),
        };
        if unpriced {
            let message = "the file has no prices: the product is taken in but not put on sale until it has one";
            self.report.warnings.add(product.row, None, message);
        }
        let variants = self.variants(product, before);
        let images = self.images(product, before);
        Listing { variants, images, ..listing }
    }

    /// "Requires shipping" cannot tell a service from a download: what is known better stays.
    fn kind(&self, product: &Product, before: Option<&Listing>) -> ItemKind {
        match (product.kind, before.map(|before| before.kind)) {
            (Some(ItemKind::Digital), Some(ItemKind::Service)) if !self.has(Column::Kind) => ItemKind::Service,
            (kind, before) => kind.or(before).unwrap_or(ItemKind::Physical),
        }
    }

    fn variants(&mut self, product: &Product, before: Option<&Listing>) -> Vec<Variant> {
        let mut variants: Vec<Variant> = Vec::with_capacity(product.variants.len());
        for variant in &product.variants {
            let sku = variant.sku.clone().unwrap_or_else(|| made_sku(product, variant));
            if variants.iter().any(|other| other.sku == sku) {
                let message = format!("two variants have the SKU \"{sku}\"");
                self.report.errors.add(variant.row, self.column(Column::Sku), message);
            }
            let old = before.and_then(|before| before.variant(&sku));
            let same_money = before.is_some_and(|before| before.currency == product.currency);
            let keep = |column: Column| old.filter(|_| !self.has(column));
            let keep_price = |column: Column| keep(column).filter(|_| same_money);
            variants.push(Variant {
                options: variant.options.clone(),
                price: variant.price.or(keep_price(Column::Price).map(|old| old.price)).unwrap_or(0),
                compare_at: variant.compare_at.or(keep_price(Column::CompareAt).and_then(|old| old.compare_at)),
                stock: variant.stock.or(old.map(|old| old.stock)).unwrap_or_default(),
                weight_g: variant.weight_g.or(keep(Column::Weight).and_then(|old| old.weight_g)),
                gtin: variant.gtin.clone().or_else(|| keep(Column::Barcode).and_then(|old| old.gtin.clone())),
                measure: variant.measure.or(keep(Column::Measure).and_then(|old| old.measure)),
                image: self.variant_image(variant, old),
                sku,
            });
        }
        variants
    }

    fn variant_image(&mut self, variant: &ProductVariant, old: Option<&Variant>) -> Option<BlobHash> {
        let kept = old.and_then(|old| old.image);
        match &variant.picture {
            None if self.has(Column::VariantImage) => None,
            None => kept,
            Some(picture) => self.resolve(picture, variant.row, Column::VariantImage).or(kept),
        }
    }

    /// The pictures that were found. If one was not, those the listing has stay: a shop without internet for a moment
    /// must not lose its pictures.
    fn images(&mut self, product: &Product, before: Option<&Listing>) -> Vec<Image> {
        let old = before.map(|before| before.images.clone()).unwrap_or_default();
        if !self.has(Column::Image) {
            return old;
        }
        let mut images: Vec<Image> = Vec::new();
        let mut missing = false;
        for picture in &product.pictures {
            match self.resolve(&picture.source, picture.row, Column::Image) {
                Some(hash) if images.iter().any(|image| image.hash == hash) => {}
                Some(hash) => images.push(Image { hash, alt: picture.alt.clone() }),
                None => missing = true,
            }
        }
        if images.len() > IMAGES_MAX {
            let message = format!("only the first {IMAGES_MAX} pictures are kept");
            self.report.warnings.add(product.row, self.column(Column::Image), message);
            images.truncate(IMAGES_MAX);
        }
        if missing && !old.is_empty() { old } else { images }
    }

    fn resolve(&mut self, picture: &Picture, row: usize, column: Column) -> Option<BlobHash> {
        let found = match (picture, self.pictures.get(picture)) {
            (Picture::Blob(hash), None) => Ok(*hash),
            (_, Some(found)) => found.clone(),
            // Nothing is fetched for a trial; it counts what it would look for.
            (_, None) if self.report.dry_run => {
                self.report.pictures += 1;
                return None;
            }
            (_, None) => Err("it was not looked for".to_owned()),
        };
        match found {
            Ok(hash) => {
                self.report.pictures += 1;
                Some(hash)
            }
            Err(reason) => {
                let message = format!("the picture {picture} is left out: {reason}");
                self.report.warnings.add(row, self.column(column), message);
                None
            }
        }
    }
}

/// The options with their values: in the order the listing had them, new ones as they first appear.
fn options(product: &Product, before: Option<&Listing>) -> Vec<VariantOption> {
    let option = |(index, name): (usize, &String)| {
        let used: Vec<&String> = product.variants.iter().filter_map(|variant| variant.options.get(index)).collect();
        let old_index = before.and_then(|before| before.options.iter().position(|option| option.name == *name));
        let mut values: Vec<String> = Vec::new();
        if let (Some(before), Some(old)) = (before, old_index) {
            // A value that no variant had was there for a reason the file does not know.
            let was_used =
                |value: &String| before.variants.iter().any(|variant| variant.options.get(old) == Some(value));
            let old_values = before.options.get(old).map(|option| option.values.as_slice()).unwrap_or_default();
            values.extend(old_values.iter().filter(|value| used.contains(value) || !was_used(value)).cloned());
        }
        for value in used {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        VariantOption { name: name.clone(), values }
    };
    product.options.iter().enumerate().map(option).collect()
}

/// A SKU for a variant that has none: the handle and the options, so that it is the same at the next import.
fn made_sku(product: &Product, variant: &ProductVariant) -> String {
    let mut parts = vec![product.handle.clone()];
    parts.extend(variant.options.iter().cloned());
    let full = parts.join("/");
    if full.len() <= LABEL_BYTES_MAX {
        return full;
    }
    let mark = hutong_protocol::ids::to_base32(blake3::hash(full.as_bytes()).as_bytes());
    let mut short = full;
    truncate(&mut short, LABEL_BYTES_MAX - 17);
    format!("{}~{}", short.trim_end(), mark.get(..16).unwrap_or_default())
}

fn preview(slot: &str, listing: &Listing, pictures: usize) -> Preview {
    let tracked = listing.variants.iter().filter(|variant| variant.stock.tracked);
    let counted = listing.variants.iter().any(|variant| variant.stock.tracked);
    let lowest = listing.variants.iter().map(|variant| variant.price).min().unwrap_or(0);
    Preview {
        listing: slot.to_owned(),
        title: listing.name.clone(),
        price: Money::new(lowest, listing.currency).to_string(),
        variants: listing.variants.len(),
        stock: counted.then(|| tracked.map(|variant| u64::from(variant.stock.qty)).sum()),
        pictures,
    }
}
