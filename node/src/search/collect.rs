//! One pass over all matches: the best of each kind, with stock and friends in the score.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
};

use tantivy::{
    DocAddress, DocId, DocSet as _, Score, SegmentOrdinal, SegmentReader, TERMINATED, Term,
    collector::{Collector, SegmentCollector},
    columnar::ColumnValues,
    schema::IndexRecordOption,
};

use super::{
    document::{DocumentKey, Kind},
    query::SocialContext,
    schema::{Fields, SOLD_OUT},
};

/// What being sold out leaves of a score: below every equally good match that can be had.
const SOLD_OUT_FACTOR: f32 = 0.7;
/// What each contact who recommends a listing adds to its score, as a part of it.
const RECOMMENDED_GAIN: f32 = 0.15;
/// What each contact who bought it adds.
const BOUGHT_GAIN: f32 = 0.1;
/// Contacts that count: text stays first, and a crowd of friends says no more than three.
const CONTACTS_COUNTED_MAX: usize = 3;

/// A match, ordered by score, then newest, then by address so that the order is total.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) score: Score,
    pub(super) at: u64,
    pub(super) address: DocAddress,
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score).then(self.at.cmp(&other.at));
        by_score.then_with(|| other.address.cmp(&self.address))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Found {}

/// The best matches of one kind, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Best {
    pub(super) total: usize,
    heap: BinaryHeap<Reverse<Found>>,
}

impl Best {
    fn keep(&mut self, found: Found, limit: usize) {
        if self.heap.len() < limit {
            self.heap.push(Reverse(found));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && worst.0 < found
        {
            *worst = Reverse(found);
        }
    }

    /// Best first.
    pub(super) fn into_sorted(self) -> Vec<Found> {
        self.heap.into_sorted_vec().into_iter().map(|found| found.0).collect()
    }
}

/// Collects the best `limit` of each kind.
pub(super) struct BestOfEachKind {
    fields: Fields,
    limit: usize,
    /// What friends do to a listing's score, by its key.
    gains: BTreeMap<DocumentKey, f32>,
}

impl BestOfEachKind {
    pub(super) fn new(fields: Fields, limit: usize, social: &SocialContext) -> Self {
        let mut gains: BTreeMap<DocumentKey, f32> = BTreeMap::new();
        for (contacts, gain) in [(&social.recommended_by, RECOMMENDED_GAIN), (&social.bought_by, BOUGHT_GAIN)] {
            for (listing, names) in contacts {
                let counted = names.len().min(CONTACTS_COUNTED_MAX) as f32;
                if let Some(key) = DocumentKey::of_listing_id(listing) {
                    *gains.entry(key).or_insert(1.0) += gain * counted;
                }
            }
        }
        Self { fields, limit, gains }
    }
}

pub(super) struct SegmentBest {
    segment: SegmentOrdinal,
    limit: usize,
    kind: Arc<dyn ColumnValues<u64>>,
    in_stock: Arc<dyn ColumnValues<u64>>,
    at: Arc<dyn ColumnValues<u64>>,
    gains: BTreeMap<DocId, f32>,
    best: BTreeMap<Kind, Best>,
}

impl SegmentCollector for SegmentBest {
    type Fruit = BTreeMap<Kind, Best>;

    fn collect(&mut self, doc: DocId, score: Score) {
        let Some(kind) = Kind::from_code(self.kind.get_val(doc)) else { return };
        let mut score = score;
        if self.in_stock.get_val(doc) == SOLD_OUT {
            score *= SOLD_OUT_FACTOR;
        }
        if !self.gains.is_empty() {
            score *= self.gains.get(&doc).copied().unwrap_or(1.0);
        }
        let best = self.best.entry(kind).or_default();
        best.total += 1;
        let found = Found { score, at: self.at.get_val(doc), address: DocAddress::new(self.segment, doc) };
        best.keep(found, self.limit);
    }

    fn harvest(self) -> Self::Fruit {
        self.best
    }
}

impl Collector for BestOfEachKind {
    type Fruit = BTreeMap<Kind, Best>;
    type Child = SegmentBest;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentBest> {
        let columns = reader.fast_fields();
        let mut gains = BTreeMap::new();
        if !self.gains.is_empty() {
            let index = reader.inverted_index(self.fields.key)?;
            for (key, gain) in &self.gains {
                let term = Term::from_field_text(self.fields.key, key.as_str());
                // More than one only between a replacement and the next merge; the dead ones are never collected.
                if let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? {
                    let mut doc = postings.doc();
                    while doc != TERMINATED {
                        gains.insert(doc, *gain);
                        doc = postings.advance();
                    }
                }
            }
        }
        Ok(SegmentBest {
            segment,
            limit: self.limit,
            kind: columns.column_first_or_default("kind")?,
            in_stock: columns.column_first_or_default("in_stock")?,
            at: columns.column_first_or_default("at")?,
            gains,
            best: BTreeMap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<BTreeMap<Kind, Best>>) -> tantivy::Result<Self::Fruit> {
        let mut merged: BTreeMap<Kind, Best> = BTreeMap::new();
        for (kind, best) in segments.into_iter().flatten() {
            let into = merged.entry(kind).or_default();
            into.total += best.total;
            for found in best.heap {
                into.keep(found.0, self.limit);
            }
        }
        Ok(merged)
    }
}
