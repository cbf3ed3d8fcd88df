//! A shop's catalogue from a CSV file in Shopify's product format, and back.
//!
//! ```text
//! bytes ─ read ─► Catalogue ─ pictures() ─► the caller fetches and stores what it can
//!                     └────── plan(existing, pictures) ─► ImportReport + changed listings, all or nothing
//! listings ─ export ─► CSV that imports again unchanged
//! ```
//!
//! Pure: reading a file, fetching a picture and storing a listing are the caller's. What the format cannot express
//! stays as it was in a listing that exists.

mod columns;
mod encoding;
mod export;
mod fields;
mod html;
mod picture;
mod plan;
mod report;
mod rows;
mod shopify;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{market::Listing, money::Currency};

use self::{
    columns::Columns,
    plan::Planner,
    rows::{FILE_BYTES_MAX, ROWS_MAX, layout},
    shopify::{Product, Reader},
};
pub use self::{
    export::export,
    picture::Picture,
    plan::Pictures,
    report::{Format, ImportReport, Issue, Issues, Preview},
};

/// A catalogue file that was read, with what is wrong in it.
#[derive(Debug)]
pub struct Catalogue {
    encoding: &'static str,
    columns: Option<Columns>,
    products: Vec<Product>,
    handles: BTreeSet<String>,
    errors: Issues,
    warnings: Issues,
}

/// What an import comes to.
#[derive(Debug)]
pub struct Import {
    /// For the person.
    pub report: ImportReport,
    /// Listings to write, by slot; none if there is any error.
    pub changes: Vec<(String, Listing)>,
}

impl Catalogue {
    /// Reads a file. Whatever is wrong with it is in the report that [`Catalogue::plan`] makes; nothing is guessed.
    ///
    /// `currency` is the store's: the format has none.
    #[must_use]
    pub fn read(bytes: &[u8], currency: Currency) -> Self {
        let mut catalogue = Self {
            encoding: "",
            columns: None,
            products: Vec::new(),
            handles: BTreeSet::new(),
            errors: Issues::default(),
            warnings: Issues::default(),
        };
        if let Err(issue) = catalogue.fill(bytes, currency) {
            catalogue.errors.push(issue);
        }
        catalogue
    }

    fn fill(&mut self, bytes: &[u8], currency: Currency) -> Result<(), Issue> {
        if bytes.len() > FILE_BYTES_MAX {
            let megabytes = FILE_BYTES_MAX / (1024 * 1024);
            return Err(Issue::file(&format!("the file is larger than {megabytes} MiB: split it into several")));
        }
        let (text, encoding) = encoding::decode(bytes).map_err(|error| Issue::file(&error.to_string()))?;
        self.encoding = encoding;
        let layout = layout(&text)?;
        let rows = layout.numbers.len().saturating_sub(1);
        if rows > ROWS_MAX {
            return Err(Issue::file(&format!(
                "the file has {rows} rows; at most {ROWS_MAX} go in one import: split it"
            )));
        }
        let mut reader =
            csv::ReaderBuilder::new().delimiter(layout.delimiter).flexible(true).from_reader(text.as_bytes());
        let broken = |error: csv::Error| Issue::file(&format!("the file cannot be read: {error}"));
        let columns = Columns::read(reader.headers().map_err(broken)?)?;
        let mut products = Reader::new(&columns, currency);
        let mut record = csv::StringRecord::new();
        let mut numbers = layout.numbers.iter().skip(1);
        while reader.read_record(&mut record).map_err(broken)? {
            products.row(numbers.next().copied().unwrap_or_default(), &record);
        }
        (self.products, self.errors, self.warnings) = products.finish();
        self.handles = self.products.iter().map(|product| product.handle.clone()).collect();
        self.columns = Some(columns);
        if self.products.is_empty() && self.errors.is_empty() {
            return Err(Issue::file("the file has no products"));
        }
        Ok(())
    }

    /// Every picture the products name, each once: fetch what you can and hand the results to [`Catalogue::plan`].
    #[must_use]
    pub fn pictures(&self) -> BTreeSet<Picture> {
        let products = self.products.iter();
        products
            .flat_map(|product| {
                let own = product.pictures.iter().map(|picture| &picture.source);
                own.chain(product.variants.iter().filter_map(|variant| variant.picture.as_ref()))
            })
            .cloned()
            .collect()
    }

    /// Whether the file has errors that keep it from being applied, whatever the pictures.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Compares with the store's listings (by slot) and says what is new, changed and the same.
    ///
    /// A picture that is missing in `pictures`, or could not be fetched, is a warning; in a `dry_run` it is only counted.
    #[must_use]
    pub fn plan(&self, existing: &BTreeMap<String, Listing>, pictures: &Pictures, dry_run: bool) -> Import {
        Planner::new(self, existing, pictures, dry_run).run()
    }
}
