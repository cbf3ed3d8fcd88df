//! The store on disk. The only file that names sled, and the place where its weak spots are contained.
//!
//! What sled promises is not enough for us, so [`SledStore`] adds:
//!
//! | weak spot | containment |
//! |---|---|
//! | `flush()` does not sync file metadata: a power cut can make the database unopenable | `fsync` of the database file after each flush, before a commit returns; of file and directories around opening |
//! | a half-written snapshot, left by a crash or a full disk while opening, is read as a damaged one | such leftovers are removed before opening, under a lock of our own |
//! | several batches for one fact tear | one tree, one `apply_batch` a commit |
//! | a page over a quarter segment goes to a file of its own, which is never synced | values are cut into [`CHUNK_BYTES`], keys are limited to [`KEY_BYTES_MAX`], so no page grows that large |
//! | after a failed write nothing can be written, and many a read wants to write (it splits a page) | a commit that could fill the disk is refused before sled sees it, and reads go on, on [`RESERVED_BYTES`] |
//! | after a failed write, memory is ahead of the disk | the failed batch is masked, so that a read shows the last commit or an error; commits are refused until a restart |
//! | a start reads the whole log since the last snapshot | after much was written, closing opens once more, which takes a snapshot |
//! | a closed database stays locked until its last write is done | opening waits for it |
//! | one error path in a rolled-over buffer forgets to wake the flushing thread | a watchdog flushes again, which wakes it |
//!
//! Inside the tree: `0 | key` → `0 | value`, or `1 | length (4)` with the value at `1 | key | chunk number (4)`.

use std::{
    fs::{self, File},
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ::sled::{Db, IVec};

use super::{
    Batch, Direction, KeyRange, Read, Store, StoreError, Txn, Value, Visit, files,
    txn::{KEY_BYTES_MAX, Writes},
    watchdog::Watchdog,
};

/// Page cache by default. A node with 100,000 records must idle below 120 MB in all; see ADR 2 for what was measured.
pub const CACHE_BYTES_DEFAULT: u64 = 32 << 20;

/// Longest piece of a value in one entry. sled merges and splits leaves by number of entries (at most 16 + 4), and a
/// page over a quarter of the 512 KiB segment would leave the log: 24 × (4,096 + 384) bytes stay below.
const CHUNK_BYTES: usize = 4096;
const _: () = assert!(24 * (CHUNK_BYTES + KEY_BYTES_MAX + 16) < SEGMENT_BYTES / 4, "a leaf must fit in the log");
const _: () = assert!(320 * (KEY_BYTES_MAX + 16) < SEGMENT_BYTES / 4, "an index page must fit in the log");

/// sled's own default, named because [`CHUNK_BYTES`] depends on it. Cannot change for an existing database.
const SEGMENT_BYTES: usize = 512 << 10;

/// Space that a commit leaves free on the disk, so that there is room to recover in, and for what else the machine does.
pub const FREE_BYTES_MIN: u64 = 32 << 20;

/// Space kept for the database file alone, behind its end. Reads split at most the pages of the last commits.
const RESERVED_BYTES: u64 = 8 << 20;

/// How much a commit may write for each byte in it: twice the amplification measured (ADR 2).
const AMPLIFICATION: u64 = 16;

/// After this much a snapshot pays: reading its log takes about a tenth of a second, and so does taking it.
const SNAPSHOT_AFTER_BYTES: u64 = 8 << 20;

const HEADS: u8 = 0;
const CHUNKS: u8 = 1;
const INLINE: u8 = 0;
const CHUNKED: u8 = 1;

/// How to open a [`SledStore`].
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// Bytes of pages kept in memory.
    pub cache_bytes: u64,
    /// Leaves out the fsync, to prove that the power-cut test can fail.
    #[cfg(test)]
    pub(super) without_fsync: bool,
    /// Looks at no free space and keeps none, to see what happens when the disk fills up under a commit.
    #[cfg(test)]
    pub(super) without_foresight: bool,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES_DEFAULT,
            #[cfg(test)]
            without_fsync: false,
            #[cfg(test)]
            without_foresight: false,
        }
    }
}

/// An ordered store in a directory of its own, locked against other processes while it is open.
#[derive(Debug)]
pub struct SledStore {
    db: Db,
    snapshot: Snapshot,
    /// The database file, for fsync only: sled keeps its own handle private.
    file: File,
    /// Locked for as long as it is open.
    _lock: File,
    /// Held by the one commit that runs.
    writer: Mutex<()>,
    /// Set by the first commit that failed, for good.
    frozen: OnceLock<Frozen>,
    watchdog: Watchdog,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by tests only"))]
    options: SledOptions,
}

/// What remains after a failed commit: why, and what its keys held before it.
#[derive(Debug)]
struct Frozen {
    cause: StoreError,
    before: Writes,
}

impl SledStore {
    /// Opens the database in `directory`, creating both if need be. Recovers what was committed.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Corrupt`], [`StoreError::Full`] or [`StoreError::Io`].
    pub fn open(directory: &Path, options: SledOptions) -> Result<Self, StoreError> {
        files::create_directory(directory)?;
        let lock = files::lock(directory)?;
        remove_unfinished_snapshots(directory)?;
        // What the last process wrote may still be in the kernel only, and recovery is about to build on it.
        match File::open(directory.join("db")) {
            Ok(file) => file.sync_all().map_err(|e| StoreError::io("sync its database file", e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(StoreError::io("open its database file", e)),
        }
        let config = ::sled::Config::new()
            .path(directory)
            .cache_capacity(options.cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(None);
        let db = open_when_released(&config).map_err(|e| match e {
            e if is_locked(&e) => StoreError::Locked { directory: directory.display().to_string() },
            e => store_error("open its database", e),
        })?;
        db.flush().map_err(|e| store_error("flush after opening", e))?;
        // Writable, because only then may space be reserved for it.
        let file = File::options().write(true).open(directory.join("db"));
        let file = file.map_err(|e| StoreError::io("open its database file", e))?;
        for path in [directory.join("db"), directory.join("conf"), directory.join("blobs"), directory.into()] {
            files::sync(&path)?;
        }
        let nudged = db.clone();
        let nudge = move || {
            if let Err(e) = nudged.flush() {
                tracing::warn!(error = %e, "the second flush failed");
            }
        };
        let watchdog = Watchdog::start(nudge).map_err(|e| StoreError::io("start its watchdog", e))?;
        let snapshot = Snapshot { config, written: AtomicU64::new(0) };
        Ok(Self { db, snapshot, file, _lock: lock, writer: Mutex::new(()), frozen: OnceLock::new(), watchdog, options })
    }

    /// The error that stopped the store, if one did.
    fn refusal(&self) -> Option<StoreError> {
        self.frozen.get().map(|frozen| match &frozen.cause {
            StoreError::Full => StoreError::Full,
            cause => StoreError::Stopped { cause: cause.to_string() },
        })
    }

    /// Refuses a commit of `bytes` that the disk might not hold, and keeps some space for reads.
    fn foresee(&self, bytes: u64) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.options.without_foresight {
            return Ok(());
        }
        files::reserve(&self.file, RESERVED_BYTES);
        let needed = FREE_BYTES_MIN.saturating_add(bytes.saturating_mul(AMPLIFICATION));
        match files::free_bytes(&self.file)? {
            Some(free) if free < needed => Err(StoreError::Full),
            _ => Ok(()),
        }
    }

    /// Applies, flushes and syncs; on return the writes are on disk or an error says that they may not be.
    fn write(&self, batch: ::sled::Batch) -> Result<(), StoreError> {
        self.db.apply_batch(batch).map_err(|e| store_error("write", e))?;
        self.watchdog.watch(|| self.db.flush()).map_err(|e| store_error("flush what it wrote", e))?;
        #[cfg(test)]
        if self.options.without_fsync {
            return Ok(());
        }
        self.file.sync_all().map_err(|e| {
            // Closing sled would sync once more and panic on the error; the process is about to be restarted anyway.
            std::mem::forget(self.db.clone());
            StoreError::io("sync what it wrote", e)
        })
    }

    /// Turns a batch into sled's, and notes what each of its entries holds now.
    fn prepare(&self, batch: Batch) -> Result<(::sled::Batch, Before), StoreError> {
        let mut writes = ::sled::Batch::default();
        let mut before = Before::with_capacity(batch.len());
        let look = |key: &IVec| self.db.get(key).map_err(|e| store_error("read", e));
        for (key, value, absent) in batch.into_writes() {
            let head = IVec::from(raw_key(HEADS, &key));
            let old = if absent { None } else { look(&head)? };
            debug_assert!(!absent || look(&head)?.is_none(), "a key that was seen to be absent is there");
            // A piece that is both dropped and written is written: what comes later counts.
            for number in 0..chunk_count(old.as_deref())? {
                let piece = IVec::from(chunk_key(&key, number));
                before.push((piece.clone(), look(&piece)?));
                writes.remove(piece);
            }
            before.push((head.clone(), old));
            match value {
                None => writes.remove(head),
                Some(value) if value.len() <= CHUNK_BYTES => writes.insert(head, [&[INLINE], value.as_ref()].concat()),
                Some(value) => {
                    let length = u32::try_from(value.len()).unwrap_or(u32::MAX); // limited by Batch::check
                    writes.insert(head, [&[CHUNKED][..], &length.to_be_bytes()].concat());
                    for (number, chunk) in (0u32..).zip(value.chunks(CHUNK_BYTES)) {
                        let piece = IVec::from(chunk_key(&key, number));
                        before.push((piece.clone(), look(&piece)?));
                        writes.insert(piece, chunk);
                    }
                }
            }
        }
        Ok((writes, before))
    }

    /// Shows `then` the entry as sled holds it, or as it was before the commit that failed.
    fn raw_get<T>(&self, key: &[u8], then: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        let masked = self.frozen.get().and_then(|frozen| frozen.before.get(key));
        if let Some(before) = masked {
            return Ok(before.as_deref().map(then));
        }
        Ok(self.db.get(key).map_err(|e| store_error("read", e))?.map(|value| then(&value)))
    }

    /// The user's value behind a head entry.
    fn value(&self, key: &[u8], head: &[u8]) -> Result<Value, StoreError> {
        if let Some((&INLINE, value)) = head.split_first() {
            return Ok(value.into());
        }
        let mut value = Vec::new();
        for number in 0..chunk_count(Some(head))? {
            let found = self.raw_get(&chunk_key(key, number), |chunk| value.extend_from_slice(chunk))?;
            found.ok_or_else(|| StoreError::corrupt("a piece of a long value is missing"))?;
        }
        if head.get(1..) != Some(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes()[..]) {
            return Err(StoreError::corrupt("a long value has another length than was written"));
        }
        Ok(value.into())
    }
}

impl Read for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.raw_get(&raw_key(HEADS, key), |head| self.value(key, head))?.transpose()
    }

    fn scan(&self, range: KeyRange<'_>, direction: Direction, visit: Visit<'_>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let from = raw_key(HEADS, range.from());
        let to = range.to().map_or_else(|| vec![CHUNKS], |to| raw_key(HEADS, to));
        let mut outcome = Ok(());
        let mut show = |raw: &[u8], head: &[u8]| {
            let key = raw.get(1..).unwrap_or_default();
            if let Some((&INLINE, value)) = head.split_first() {
                return visit(key, value);
            }
            match self.value(key, head) {
                Ok(value) => visit(key, &value),
                Err(e) => {
                    outcome = Err(e);
                    ControlFlow::Break(())
                }
            }
        };
        let raw = Raw(&self.db);
        let range = KeyRange::between(&from, &to);
        match self.frozen.get() {
            None => raw.scan(range, direction, &mut show)?,
            Some(frozen) => Txn::with_writes(&raw, frozen.before.clone()).scan(range, direction, &mut show)?,
        }
        outcome
    }
}

impl Store for SledStore {
    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        batch.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        let bytes = batch.bytes();
        self.foresee(bytes)?;
        let (writes, before) = self.prepare(batch)?;
        self.write(writes).inspect_err(|cause| {
            let shared = |bytes: IVec| -> Arc<[u8]> { bytes.as_ref().into() };
            let before = before.into_iter().map(|(key, value)| (shared(key), value.map(shared)));
            let frozen = Frozen { cause: cause.clone(), before: before.collect() };
            tracing::error!(%cause, "the store refuses further commits");
            // Cannot be set already: the lock is held and it was empty above.
            self.frozen.get_or_init(|| frozen);
            self.snapshot.written.store(0, Ordering::SeqCst);
        })?;
        self.snapshot.written.fetch_add(bytes, Ordering::SeqCst);
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|e| store_error("measure its files", e))
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        // Its thread holds the database open.
        self.watchdog.stop();
    }
}

/// What sled's entries held before a commit.
type Before = Vec<(IVec, Option<IVec>)>;

/// sled's tree, entry by entry.
struct Raw<'d>(&'d Db);

impl Read for Raw<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.0.get(key).map_err(|e| store_error("read", e))?.map(|value| value.as_ref().into()))
    }

    fn scan(&self, range: KeyRange<'_>, direction: Direction, visit: Visit<'_>) -> Result<(), StoreError> {
        let mut entries = match range.to() {
            Some(to) => self.0.range(range.from()..to),
            None => self.0.range(range.from()..),
        };
        while let Some(entry) = match direction {
            Direction::Ascending => entries.next(),
            Direction::Descending => entries.next_back(),
        } {
            let (key, value) = entry.map_err(|e| store_error("read", e))?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Opens the database once more after it was closed, if much was written, because only opening writes the snapshot that
/// the next start reads instead of the log. Declared behind `db`, so that it is dropped after it.
#[derive(Debug)]
struct Snapshot {
    config: ::sled::Config,
    /// Bytes committed since the last one; 0 after a failure, when it is better not to touch anything.
    written: AtomicU64,
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.written.load(Ordering::SeqCst) < SNAPSHOT_AFTER_BYTES {
            return;
        }
        if let Err(e) = open_when_released(&self.config) {
            tracing::warn!(error = %e, "no snapshot was taken; the next start reads the log instead");
        }
    }
}

/// How long to wait for sled's threads to let go of a database that was closed.
const RELEASE_WAIT: Duration = Duration::from_secs(5);

/// Opens the database. Whoever calls this holds our own lock, so a locked one is held only by threads of a database
/// that was just closed in this process: sled's last write may still be on its way when `Db` is dropped.
fn open_when_released(config: &::sled::Config) -> ::sled::Result<Db> {
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(e) if is_locked(&e) && begun.elapsed() < RELEASE_WAIT => thread::sleep(Duration::from_millis(5)),
            opened => return opened,
        }
    }
}

fn is_locked(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(e) if e.to_string().starts_with("could not acquire lock"))
}

fn raw_key(space: u8, key: &[u8]) -> Vec<u8> {
    [&[space], key].concat()
}

/// Two of these are equal only if key and number are: the number's length is fixed.
fn chunk_key(key: &[u8], number: u32) -> Vec<u8> {
    [&[CHUNKS], key, &number.to_be_bytes()].concat()
}

/// Number of chunks that belong to a head entry.
fn chunk_count(head: Option<&[u8]>) -> Result<u32, StoreError> {
    match head.map(|head| head.split_first()) {
        None | Some(Some((&INLINE, _))) => Ok(0),
        Some(Some((&CHUNKED, length))) if length.len() == 4 => {
            let length = length.iter().fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
            Ok(length.div_ceil(CHUNK_BYTES as u32))
        }
        Some(_) => Err(StoreError::corrupt("an entry is neither a value nor the head of a long one")),
    }
}

/// sled 0.34 takes `snap.*.generating` for a finished snapshot. Without one it replays the log, which is all there.
fn remove_unfinished_snapshots(directory: &Path) -> Result<(), StoreError> {
    let doing = "remove an unfinished snapshot";
    for entry in fs::read_dir(directory).map_err(|e| StoreError::io(doing, e))? {
        let path = entry.map_err(|e| StoreError::io(doing, e))?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            tracing::info!(path = %path.display(), "removing a snapshot that was not finished");
            fs::remove_file(&path).map_err(|e| StoreError::io(doing, e))?;
        }
    }
    Ok(())
}

fn store_error(doing: &'static str, error: ::sled::Error) -> StoreError {
    match error {
        ::sled::Error::Io(e) => StoreError::io(doing, e),
        ::sled::Error::Corruption { .. } => StoreError::corrupt("a page does not match its checksum"),
        other => StoreError::corrupt(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
