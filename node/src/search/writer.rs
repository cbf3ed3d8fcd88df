//! One thread per index that writes it.
//!
//! Changes are applied as they come and become visible together: at once if nothing was written lately, otherwise every
//! [`COMMIT_EVERY`]. After a quiet while the writer lets go of its buffers and merges what there is to merge, so an idle
//! node keeps no memory for it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use tantivy::{Index, IndexReader, IndexWriter, Term, indexer::IndexWriterOptions};

use super::{document::Change, schema::Fields};

/// How often changes become visible under load (measured: 1,000 updates a second are visible after 278 ms at the median
/// for a quarter of a core).
const COMMIT_EVERY: Duration = Duration::from_millis(250);
/// How long a change after a quiet time waits for others of the same burst.
const GATHER: Duration = Duration::from_millis(15);
/// Quiet time after which the writer's memory is given back.
const IDLE_AFTER: Duration = Duration::from_secs(20);
/// Memory of a writer in bytes: the least that tantivy accepts. More only makes larger first segments.
const HEAP_BYTES: usize = 15_000_000;
/// Batches that may wait for the writer; then `apply` waits, which slows a flood down instead of filling memory.
pub(super) const JOBS_MAX: usize = 64;

/// What the writer is asked.
pub(super) enum Job {
    /// Apply these changes, which complete everything up to this sequence number.
    Apply(Vec<Change>, u64),
    /// Forget everything and hold commits back until [`Job::Rebuilt`].
    Rebuild,
    /// The rebuild is complete up to this sequence number.
    Rebuilt(u64),
    /// Make everything so far visible and durable, then answer.
    Flush(SyncSender<()>),
}

/// What the writer tells the rest of the index.
#[derive(Debug)]
pub(super) struct Status {
    /// The sequence number that is committed.
    pub(super) committed: AtomicU64,
    /// Why the index has not everything, if it has not: it must be rebuilt.
    fault: Mutex<Option<String>>,
}

impl Status {
    /// From the note of the last commit; without one the index was never complete.
    pub(super) fn from_note(note: Option<&str>) -> Self {
        let committed: Option<u64> = note.and_then(|note| note.parse().ok());
        let fault = committed.is_none().then(|| "it was never built completely".to_owned());
        Self { committed: AtomicU64::new(committed.unwrap_or(0)), fault: Mutex::new(fault) }
    }

    /// Why the index has not everything, if it has not.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().map_or_else(|_| Some("its writer panicked".to_owned()), |fault| fault.clone())
    }

    fn fail(&self, error: &tantivy::TantivyError) {
        tracing::error!(%error, "the search index could not be written; it will be rebuilt");
        if let Ok(mut fault) = self.fault.lock() {
            *fault = Some(error.to_string());
        }
    }

    fn recover(&self) {
        if let Ok(mut fault) = self.fault.lock() {
            *fault = None;
        }
    }
}

/// The thread's state.
pub(super) struct WriterLoop {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    status: Arc<Status>,
    writer: Option<IndexWriter>,
    /// Applied, perhaps not yet committed.
    sequence: u64,
    /// When the first uncommitted change must be visible.
    due: Option<Instant>,
    last_commit: Option<Instant>,
    rebuilding: bool,
}

impl WriterLoop {
    pub(super) fn new(index: Index, reader: IndexReader, fields: Fields, status: Arc<Status>) -> Self {
        let sequence = status.committed.load(Ordering::Acquire);
        Self { index, reader, fields, status, writer: None, sequence, due: None, last_commit: None, rebuilding: false }
    }

    /// Works until the last sender is gone, then commits and gives everything back.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let wait = match self.due {
                Some(due) if !self.rebuilding => due.saturating_duration_since(Instant::now()),
                _ if self.writer.is_some() || self.is_behind() => IDLE_AFTER,
                _ => Duration::MAX,
            };
            let job = match jobs.recv_timeout(wait) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let done = match job {
                Some(job) => self.handle(job),
                None if self.due.is_some() && !self.rebuilding => self.commit(),
                None => self.rest(),
            };
            self.settle(done);
        }
        let done = self.rest();
        self.settle(done);
    }

    /// After an error nothing of this writer can be trusted: it goes, and the index counts as incomplete.
    fn settle(&mut self, done: tantivy::Result<()>) {
        if let Err(error) = done {
            self.status.fail(&error);
            self.writer = None;
            self.due = None;
            self.rebuilding = false;
        }
    }

    fn handle(&mut self, job: Job) -> tantivy::Result<()> {
        match job {
            Job::Apply(changes, sequence) => {
                self.sequence = self.sequence.max(sequence);
                if !changes.is_empty() {
                    self.apply(&changes)?;
                }
                // Under a flood the next job is always there before the time is up.
                if self.due.is_some_and(|due| due <= Instant::now()) && !self.rebuilding {
                    self.commit()?;
                }
            }
            Job::Rebuild => {
                self.rebuilding = true;
                self.sequence = 0;
                self.writer()?.delete_all_documents()?;
                self.due = Some(Instant::now());
            }
            Job::Rebuilt(sequence) => {
                if self.rebuilding {
                    self.rebuilding = false;
                    self.sequence = sequence;
                    self.status.recover();
                    self.commit()?;
                }
            }
            Job::Flush(answer) => {
                let pending = (self.due.is_some() || self.is_behind()) && !self.rebuilding;
                let done = if pending { self.commit() } else { Ok(()) };
                // Whoever asked may have gone.
                answer.try_send(()).ok();
                done?;
            }
        }
        Ok(())
    }

    fn writer(&mut self) -> tantivy::Result<&mut IndexWriter> {
        if self.writer.is_none() {
            // One thread each for writing and merging: more of them only keep more memory once they have worked.
            let options = IndexWriterOptions::builder()
                .num_worker_threads(1)
                .num_merge_threads(1)
                .memory_budget_per_thread(HEAP_BYTES)
                .build();
            self.writer = Some(self.index.writer_with_options(options)?);
        }
        self.writer.as_mut().ok_or_else(|| tantivy::TantivyError::SystemError("no writer".to_owned()))
    }

    fn apply(&mut self, changes: &[Change]) -> tantivy::Result<()> {
        let fields = self.fields;
        let writer = self.writer()?;
        for change in changes {
            writer.delete_term(Term::from_field_text(fields.key, change.key().as_str()));
            if let Change::Put(document) = change
                && let Some(indexed) = fields.to_index(document)
            {
                writer.add_document(indexed)?;
            }
        }
        if self.due.is_none() {
            let now = Instant::now();
            let spaced = self.last_commit.map_or(now, |last| last + COMMIT_EVERY);
            self.due = Some(spaced.max(now + GATHER));
        }
        Ok(())
    }

    /// Whether the sequence number on disk is older than what was applied.
    fn is_behind(&self) -> bool {
        self.sequence != self.status.committed.load(Ordering::Acquire)
    }

    fn commit(&mut self) -> tantivy::Result<()> {
        let sequence = self.sequence;
        // An incomplete index must still be known as one after a restart.
        let note = if self.status.fault().is_none() { sequence.to_string() } else { String::new() };
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&note);
        prepared.commit()?;
        self.reader.reload()?;
        self.status.committed.store(sequence, Ordering::Release);
        self.due = None;
        self.last_commit = Some(Instant::now());
        Ok(())
    }

    /// Nothing to do for a while: note how far we are, finish merging, give the memory back.
    fn rest(&mut self) -> tantivy::Result<()> {
        if self.rebuilding {
            return Ok(()); // Half a rebuild is worth nothing: it starts again.
        }
        if self.due.is_some() || self.is_behind() {
            self.commit()?;
        }
        if let Some(writer) = self.writer.take() {
            writer.wait_merging_threads()?;
            self.reader.reload()?;
        }
        Ok(())
    }
}
