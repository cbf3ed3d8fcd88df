//! A question and its answer.

use std::collections::BTreeMap;

use super::{
    document::{Document, Kind},
    highlight::Span,
};

/// Longest query in bytes; the rest is ignored. Longer than any title, short enough that it is answered at once.
pub const QUERY_BYTES_MAX: usize = 256;

/// What contacts did with listings, computed locally: names of contacts by listing id (`<store>/<slot>`).
#[derive(Clone, Debug, Default)]
pub struct SocialContext {
    /// Contacts who bought it (and said so in a review).
    pub bought_by: BTreeMap<String, Vec<String>>,
    /// Contacts who recommend it.
    pub recommended_by: BTreeMap<String, Vec<String>>,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// What was typed.
    pub text: &'a str,
    /// Which kinds to look for; empty means all.
    pub kinds: &'a [Kind],
    /// Most hits of one kind.
    pub limit: usize,
    /// Whether the last word may be unfinished.
    pub typing: bool,
    /// What contacts did.
    pub social: &'a SocialContext,
}

/// Why a hit stands where it stands: shown to the person who searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It can be had now.
    InStock,
    /// A contact bought it.
    BoughtBy(String),
    /// A contact recommends it.
    RecommendedBy(String),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InStock => f.write_str("in_stock"),
            Self::BoughtBy(name) => write!(f, "bought_by:{name}"),
            Self::RecommendedBy(name) => write!(f, "recommended_by:{name}"),
        }
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// What was found.
    pub document: Document,
    /// A piece of its description around the match.
    pub snippet: String,
    /// What of its title matched, in UTF-16 code units.
    pub highlights: Vec<Span>,
    /// Why it stands here.
    pub why: Vec<Why>,
    /// The score it was ranked by; comparable only within one answer.
    pub score: f32,
}

/// The hits of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The kind.
    pub kind: Kind,
    /// How many match in all.
    pub total: usize,
    /// The best of them, best first.
    pub hits: Vec<Hit>,
}

/// An answer: a section for each kind that has hits, in the order of [`Kind::ALL`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// The sections.
    pub sections: Vec<Section>,
}

impl Results {
    /// The hits of one kind.
    #[must_use]
    pub fn hits(&self, kind: Kind) -> &[Hit] {
        self.sections.iter().find(|section| section.kind == kind).map_or(&[], |section| section.hits.as_slice())
    }
}
