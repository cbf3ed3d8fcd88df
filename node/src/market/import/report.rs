//! What an import tells the person who runs it.

use std::fmt;

/// Most issues that are listed; the rest are counted. A page that a person can still read.
const ISSUES_MAX: usize = 200;
/// Products shown as a preview.
pub(super) const PREVIEW_MAX: usize = 20;

/// Which file format it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Shopify's product format as it is now.
    ShopifyCurrent,
    /// Shopify's product format as it was until 2024.
    ShopifyLegacy,
}

impl Format {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShopifyCurrent => "shopify_current",
            Self::ShopifyLegacy => "shopify_legacy",
        }
    }
}

/// Something wrong in one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The row, counting the header as 1; 0 for the file as a whole.
    pub row: usize,
    /// The column's header, if it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Issue {
    /// About the header row.
    pub(super) fn header(message: &str) -> Self {
        Self { row: 1, column: None, message: message.to_owned() }
    }

    /// About the file as a whole.
    pub(super) fn file(message: &str) -> Self {
        Self { row: 0, column: None, message: message.to_owned() }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.row, &self.column) {
            (0, _) => f.write_str(&self.message),
            (row, None) => write!(f, "row {row}: {}", self.message),
            (row, Some(column)) => write!(f, "row {row}, {column}: {}", self.message),
        }
    }
}

/// Issues, of which only the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues {
    list: Vec<Issue>,
    count: usize,
}

impl Issues {
    /// Adds one.
    pub(super) fn add(&mut self, row: usize, column: Option<String>, message: impl Into<String>) {
        self.push(Issue { row, column, message: message.into() });
    }

    pub(super) fn push(&mut self, issue: Issue) {
        self.count += 1;
        if self.list.len() < ISSUES_MAX {
            self.list.push(issue);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are, kept or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first of them in the order of rows, and a last one that counts the rest.
    #[must_use]
    pub fn list(&self) -> Vec<Issue> {
        let mut list = self.list.clone();
        list.sort_by_key(|issue| issue.row);
        let more = self.count - self.list.len();
        if more > 0 {
            list.push(Issue::file(&format!("and {more} more")));
        }
        list
    }
}

/// One product as the import understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The listing's slot.
    pub listing: String,
    /// Its title.
    pub title: String,
    /// Its lowest price with the currency.
    pub price: String,
    /// How many variants.
    pub variants: usize,
    /// Pieces in stock, if they are counted.
    pub stock: Option<u64>,
    /// How many pictures.
    pub pictures: usize,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// Which format the file has; `None` if it could not be told.
    pub format: Option<Format>,
    /// The file's encoding.
    pub encoding: &'static str,
    /// Products in the file.
    pub products: usize,
    /// Variants in the file.
    pub variants: usize,
    /// Listings that are new.
    pub created: usize,
    /// Listings that change.
    pub updated: usize,
    /// Listings that stay as they are.
    pub unchanged: usize,
    /// Pictures found (in a dry run: named).
    pub pictures: usize,
    /// What keeps the import from being applied.
    pub errors: Issues,
    /// What it goes on in spite of.
    pub warnings: Issues,
    /// The first products.
    pub preview: Vec<Preview>,
}

impl ImportReport {
    /// A report on a file that could not be read at all.
    pub(super) fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            format: None,
            encoding: "",
            products: 0,
            variants: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            pictures: 0,
            errors: Issues::default(),
            warnings: Issues::default(),
            preview: Vec::new(),
        }
    }
}
