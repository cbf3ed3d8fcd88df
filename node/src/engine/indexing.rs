//! What the search index has yet to look at: a numbered row per commit, written in that very commit. So an index that was
//! killed between the commit and its own catches up from the last number it has on disk, and never needs a full rebuild
//! for it.

use std::collections::BTreeSet;

use hutong_protocol::codec;

use super::{
    cx::Cx,
    error::EngineError,
    event::{Effect, Indexed},
    keys::INDEXING,
};
use crate::store::{Direction, Key, KeyRange, KeyReader, Read};

/// Rows read back at a time.
const ROWS_AT_A_TIME: usize = 1_024;

fn key(sequence: u64) -> Key {
    Key::new(INDEXING).u64(sequence)
}

fn sequence_of(key: &[u8]) -> Option<u64> {
    let mut reader = KeyReader::new(key);
    reader.u8()?;
    reader.u64()
}

/// The newest number; 0 if nothing was ever indexed.
///
/// # Errors
/// The store's.
pub fn newest(read: &dyn Read) -> Result<u64, EngineError> {
    let row = read.first(KeyRange::prefix(&[INDEXING]), Direction::Descending)?;
    Ok(row.and_then(|(key, _)| sequence_of(&key)).unwrap_or(0))
}

/// The oldest number whose row is still here; 0 if there is none.
///
/// # Errors
/// The store's.
pub fn oldest(read: &dyn Read) -> Result<u64, EngineError> {
    let row = read.first(KeyRange::prefix(&[INDEXING]), Direction::Ascending)?;
    Ok(row.and_then(|(key, _)| sequence_of(&key)).unwrap_or(0))
}

/// The next rows after a number, oldest first; empty when all were seen.
///
/// # Errors
/// The store's, or damage.
pub fn after(read: &dyn Read, sequence: u64) -> Result<Vec<(u64, Vec<Indexed>)>, EngineError> {
    let cursor = key(sequence);
    let rows = read.collect(KeyRange::prefix(&[INDEXING]).after(&cursor), Direction::Ascending, ROWS_AT_A_TIME)?;
    rows.into_iter()
        .map(|(key, value)| {
            let sequence = sequence_of(&key).ok_or_else(|| EngineError::Damaged("an indexing row".into()))?;
            Ok((sequence, codec::decode_checked(&value)?))
        })
        .collect()
}

/// Gathers what this step touched into one row.
pub(super) fn note(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let touched: BTreeSet<Indexed> = cx
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Index(what) => Some(what.clone()),
            _ => None,
        })
        .collect();
    if touched.is_empty() {
        return Ok(());
    }
    cx.effects.retain(|effect| !matches!(effect, Effect::Index(_)));
    let sequence = newest(&cx.txn)?.saturating_add(1);
    let touched: Vec<Indexed> = touched.into_iter().collect();
    cx.put_value(key(sequence), &touched)?;
    cx.effects.push(Effect::Reindex(sequence, touched));
    Ok(())
}

/// The index has everything up to `sequence` on disk: older rows are not needed. The newest row stays, as the counter.
pub(super) fn done(cx: &mut Cx<'_>, sequence: u64) -> Result<(), EngineError> {
    let end = key(sequence.min(newest(&cx.txn)?));
    let rows = cx.txn.collect(KeyRange::between(&[INDEXING], &end), Direction::Ascending, ROWS_AT_A_TIME)?;
    for (key, _) in rows {
        cx.txn.delete(&key);
    }
    Ok(())
}
