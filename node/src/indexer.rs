//! Keeps the search index beside the store: a thread that reads what each commit touched and tells the index.

use std::{
    sync::{Arc, Weak},
    thread,
};

use tokio::sync::mpsc;

use crate::{
    engine::{EngineError, Indexed, Input, indexing},
    handle::{Inner, NodeError},
    runtime::Job,
    search::{SearchError, SearchIndex, project},
    store::Read,
};

/// Commits waiting to be indexed. When it is full, the thread reads the rest from the store.
pub(crate) const WAITING_MAX: usize = 1_024;
/// How many commits may pass before the engine is told that their rows are not needed any more.
const TELL_EVERY: u64 = 256;

/// Why indexing ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexerError {
    /// The store.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The index.
    #[error(transparent)]
    Search(#[from] SearchError),
}

pub(crate) fn spawn(inner: &Arc<Inner>, waiting: mpsc::Receiver<(u64, Vec<Indexed>)>) -> Result<(), NodeError> {
    let (weak, store, search) = (Arc::downgrade(inner), Arc::clone(&inner.store), Arc::clone(&inner.search));
    let spawned = thread::Builder::new().name("hutong-indexer".into()).spawn(move || {
        if let Err(error) = run(&weak, &*store, &search, waiting) {
            tracing::error!(%error, "search no longer follows; `hutong reindex` makes the index anew");
        }
    });
    spawned.map(|_| ()).map_err(|error| NodeError::Stopped(format!("no thread for the index: {error}")))
}

fn run(
    inner: &Weak<Inner>,
    store: &dyn Read,
    search: &SearchIndex,
    mut waiting: mpsc::Receiver<(u64, Vec<Indexed>)>,
) -> Result<(), IndexerError> {
    let mut applied = catch_up(store, search)?;
    let mut told = 0;
    while let Some((sequence, touched)) = waiting.blocking_recv() {
        if sequence <= applied {
            continue;
        }
        if sequence == applied.saturating_add(1) {
            apply(store, search, sequence, &touched)?;
            applied = sequence;
        } else {
            applied = follow(store, search, applied)?;
        }
        let on_disk = search.applied().unwrap_or(0);
        if on_disk >= told + TELL_EVERY
            && let Some(inner) = inner.upgrade()
        {
            told = on_disk;
            // Full: it is told the next time.
            inner.jobs.try_send(Job::from(Input::IndexedTo(on_disk))).ok();
        }
    }
    Ok(())
}

fn apply(store: &dyn Read, search: &SearchIndex, sequence: u64, touched: &[Indexed]) -> Result<(), IndexerError> {
    let changes: Result<Vec<_>, EngineError> = touched.iter().map(|what| project::change(store, what)).collect();
    Ok(search.apply(changes?, sequence)?)
}

/// Applies every row after `applied`; returns the last one.
fn follow(store: &dyn Read, search: &SearchIndex, mut applied: u64) -> Result<u64, IndexerError> {
    loop {
        let rows = indexing::after(store, applied)?;
        let Some((last, _)) = rows.last() else { return Ok(applied) };
        let last = *last;
        for (sequence, touched) in rows {
            apply(store, search, sequence, &touched)?;
        }
        applied = last;
    }
}

/// After a start: from where the index stopped, or from nothing if it is new, damaged, or too far behind.
fn catch_up(store: &dyn Read, search: &SearchIndex) -> Result<u64, IndexerError> {
    let (oldest, newest) = (indexing::oldest(store)?, indexing::newest(store)?);
    match search.applied() {
        Some(applied) if applied >= newest => Ok(newest),
        Some(applied) if applied > 0 && applied.saturating_add(1) >= oldest => follow(store, search, applied),
        _ => {
            rebuild(store, search, |_, _| ())?;
            follow(store, search, newest)
        }
    }
}

/// Makes the index anew from the store. `progress` hears how many of how many things are done.
pub(crate) fn rebuild(
    store: &dyn Read,
    search: &SearchIndex,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), IndexerError> {
    let newest = indexing::newest(store)?;
    let all = project::everything(store)?;
    let total = all.len();
    let mut failed = None;
    let documents = all.iter().filter_map(|what| match project::change(store, what) {
        Ok(crate::search::Change::Put(document)) => Some(*document),
        Ok(crate::search::Change::Remove(_)) => None,
        Err(error) => {
            failed.get_or_insert(error);
            None
        }
    });
    search.rebuild(documents, newest, |done| progress(done, total))?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
