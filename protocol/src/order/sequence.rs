//! In which order entries count: the same on every node that has the same entries, however they came.
//!
//! 1. An entry counts once everything it names is there; until then it waits.
//! 2. The seller's entries are the sequence. Before each of them come the entries of others that it names, directly or
//!    through others, and that did not come before.
//! 3. Entries that no seller's entry names yet come last. Their place, and so their effect, is provisional.
//! 4. Where causal links leave a choice: the earlier `at` first, then the smaller id.
//!
//! So if a cancellation and a start cross, whichever the seller's chain has first wins, and the other is applied to the
//! state it then finds.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::LogEntry;
use crate::ids::{AccountId, RecordId};

/// The result: ids in the order in which they count.
pub(super) struct Sequence {
    /// Those that count.
    pub(super) order: Vec<RecordId>,
    /// Those that wait for something they name.
    pub(super) waiting: Vec<RecordId>,
    /// Everything that an entry names, directly or through others.
    seen: BTreeMap<RecordId, BTreeSet<RecordId>>,
}

impl Sequence {
    /// Whether the author of `entry` had seen `other`.
    pub(super) fn had_seen(&self, entry: &RecordId, other: &RecordId) -> bool {
        self.seen.get(entry).is_some_and(|seen| seen.contains(other))
    }

    /// Sequences `entries`, of which `root` is the first.
    pub(super) fn of(entries: &BTreeMap<RecordId, LogEntry>, root: RecordId, seller: &AccountId) -> Self {
        let causal = causal_order(entries, root);
        let place: BTreeMap<RecordId, usize> = causal.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let mut seen: BTreeMap<RecordId, BTreeSet<RecordId>> = BTreeMap::new();
        for id in &causal {
            let mut all = BTreeSet::new();
            for prev in entries.get(id).map(|entry| entry.prev.as_slice()).unwrap_or_default() {
                all.insert(*prev);
                all.extend(seen.get(prev).into_iter().flatten().copied());
            }
            seen.insert(*id, all);
        }
        let mut order = Vec::with_capacity(causal.len());
        let mut done = BTreeSet::new();
        let is_sellers = |id: &RecordId| entries.get(id).is_some_and(|entry| entry.author == *seller);
        for id in causal.iter().filter(|id| is_sellers(id)) {
            let mut before: Vec<RecordId> =
                seen.get(id).into_iter().flatten().filter(|other| !done.contains(*other)).copied().collect();
            before.sort_by_key(|other| place.get(other).copied());
            before.push(*id);
            done.extend(before.iter().copied());
            order.extend(before);
        }
        order.extend(causal.iter().filter(|id| !done.contains(*id)));
        let waiting = entries.keys().filter(|id| !place.contains_key(*id)).copied().collect();
        Self { order, waiting, seen }
    }
}

/// Everything that can be reached from `root` with nothing missing, causes first; among equals the earlier `at`, then
/// the smaller id.
fn causal_order(entries: &BTreeMap<RecordId, LogEntry>, root: RecordId) -> Vec<RecordId> {
    let mut missing: BTreeMap<RecordId, usize> = BTreeMap::new();
    let mut followers: BTreeMap<RecordId, Vec<&LogEntry>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for entry in entries.values() {
        let prev: BTreeSet<_> = entry.prev.iter().copied().collect();
        missing.insert(entry.id, prev.len());
        for id in prev {
            followers.entry(id).or_default().push(entry);
        }
        if entry.id == root {
            ready.insert((entry.at, entry.id));
        }
    }
    let mut order = Vec::with_capacity(entries.len());
    while let Some((_, id)) = ready.pop_first() {
        order.push(id);
        for follower in followers.get(&id).into_iter().flatten() {
            if let Some(count) = missing.get_mut(&follower.id) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert((follower.at, follower.id));
                }
            }
        }
    }
    order
}
