//! One box that finds goods, stores, people, groups and messages, offline, in English and Chinese.
//!
//! ```text
//! engine ── Vec<Change>, after the commit ──► SearchIndex::apply ──► two writer threads ──► public │ private index
//! UI ──── Query ──► SearchIndex::search: plan → one pass per index → sections with snippets and reasons
//! ```
//!
//! The index is derived data: everything in it is in the store, it remembers the sequence number it has applied, and a
//! damaged or outdated one is thrown away and rebuilt.
//!
//! **Invariant:** private text (messages, what contacts told only us) lives in an index of its own, and
//! [`SearchIndex::search_public`], the only door that may ever answer somebody else, has no way to reach it.
//!
//! Documents, tokens, highlights and queries are pure and compile without the runtime; only what touches tantivy needs
//! it.

mod document;
mod fold;
mod highlight;
pub mod project;
mod query;
mod tokenizer;

#[cfg(feature = "runtime")]
mod collect;
#[cfg(feature = "runtime")]
mod expand;
#[cfg(feature = "runtime")]
mod index;
#[cfg(feature = "runtime")]
mod plan;
#[cfg(feature = "runtime")]
mod schema;
#[cfg(feature = "runtime")]
mod units;
#[cfg(feature = "runtime")]
mod writer;

#[cfg(all(test, feature = "runtime"))]
mod evaluation;
#[cfg(all(test, feature = "runtime"))]
mod tests;

#[cfg(feature = "runtime")]
pub use self::index::{SearchError, SearchIndex};
pub use self::{
    document::{Change, Document, DocumentKey, Kind},
    fold::fold,
    highlight::{Highlighter, Span},
    query::{Hit, QUERY_BYTES_MAX, Query, Results, Section, SocialContext, Why},
    tokenizer::{Token, tokens, unigrams, words},
};
