//! The doctor: is what is on disk what was written?
//!
//! ```text
//! examine ─► findings (a line each) and faults ─► repair, if asked: one commit
//! ```
//! It reads a store that may be in use: a fault is looked at again before it is reported, since what was replaced
//! meanwhile is no fault. It repairs only what is of no use as it is, or can be had again from others.

use std::{collections::HashMap, ops::ControlFlow, path::Path};

use hutong_protocol::{
    BlobHash, Certificate, DeviceId, RecordId, TimestampMs, Unverified,
    limits::{CLOCK_SKEW_MS_MAX, VERIFY_BATCH_MAX},
    record::verify_all,
};

use crate::{
    blob::{BlobError, BlobStore},
    engine::{
        identity,
        keys::{self, Place},
    },
    store::{Direction, FREE_BYTES_MIN, Key, KeyRange, KeyReader, Read, SCHEMA_VERSION, Store, StoreError, Txn},
};

/// Faults remembered of each sort. Beyond that a backup is the better cure, and the count is still told.
const FAULTS_MAX: usize = 10_000;
/// Certificates remembered as valid, as the engine does.
const CERTIFICATES_MAX: usize = 8_192;
/// Free bytes below which it is time to tidy up (1 GiB).
const FREE_BYTES_COMFORTABLE: u64 = 1 << 30;
/// Before this program existed (1 January 2025): a clock that says so was never set.
const EARLIEST: TimestampMs = TimestampMs(1_735_689_600_000);

/// Why the doctor could not look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth knowing.
    Warning,
    /// Broken.
    Bad,
}

/// One line of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `records`, `files`, …
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// A sentence, which says what to do if it is not good.
    pub detail: String,
}

impl Finding {
    /// A finding.
    pub fn new(check: &'static str, health: Health, detail: impl Into<String>) -> Self {
        Self { check, health, detail: detail.into() }
    }
}

/// What is wrong in the store and among the files, so that it can be repaired.
#[derive(Debug, Default)]
pub struct Faults {
    /// Keys of records that do not verify, or are not where they belong.
    records: Vec<Box<[u8]>>,
    /// Records that cannot be found by their id: the index rows that are missing.
    unindexed: Vec<Place>,
    /// Index rows of records that are not here.
    dangling_index: Vec<Box<[u8]>>,
    /// Slot rows of records that are not here.
    dangling_slots: Vec<Box<[u8]>>,
    /// Files that are not what their name says.
    blobs: Vec<BlobHash>,
    /// Faults of all sorts, those beyond [`FAULTS_MAX`] too.
    count: u64,
}

impl Faults {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    fn add<T>(list: &mut Vec<T>, count: &mut u64, fault: T) {
        *count = count.saturating_add(1);
        if list.len() < FAULTS_MAX {
            list.push(fault);
        }
    }
}

/// Looks at everything. `progress` hears how many records and files were looked at. Blocks: call it off the async
/// threads.
///
/// # Errors
/// [`DoctorError`] if something cannot be read at all.
pub fn examine(
    store: &dyn Store,
    blobs: &BlobStore,
    data_dir: &Path,
    now: TimestampMs,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<Finding>, Faults), DoctorError> {
    let mut faults = Faults::default();
    let mut findings =
        vec![Finding::new("store", Health::Good, format!("opens; its schema is version {SCHEMA_VERSION}"))];
    let newest_own = records(store, &mut faults, &mut findings, progress)?;
    index(store, &mut faults, &mut findings)?;
    files(blobs, &mut faults, &mut findings, progress)?;
    findings.push(disk(data_dir));
    findings.push(clock(now, newest_own));
    Ok((findings, faults))
}

/// The pass over the records.
struct Pass<'a> {
    store: &'a dyn Store,
    batch: Vec<(Place, Unverified)>,
    certificates: HashMap<DeviceId, Certificate>,
    device: Option<DeviceId>,
    newest_own: TimestampMs,
    seen: u64,
    faults: &'a mut Faults,
}

impl Pass<'_> {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.seen = self.seen.saturating_add(1);
        let decoded = Place::parse(key).zip(Unverified::decode(value).ok());
        match decoded.filter(|(place, record)| belongs(place, record)) {
            Some(pair) => self.batch.push(pair),
            None => Faults::add(&mut self.faults.records, &mut self.faults.count, key.into()),
        }
        if self.batch.len() >= VERIFY_BATCH_MAX { self.verify() } else { Ok(()) }
    }

    fn verify(&mut self) -> Result<(), StoreError> {
        let (places, batch): (Vec<Place>, Vec<Unverified>) = std::mem::take(&mut self.batch).into_iter().unzip();
        let known = std::mem::take(&mut self.certificates);
        let results = verify_all(batch, |certificate| known.get(&certificate.device) == Some(certificate));
        self.certificates = if known.len() < CERTIFICATES_MAX { known } else { HashMap::new() };
        for (place, result) in places.into_iter().zip(results) {
            let Ok(record) = result else {
                Faults::add(&mut self.faults.records, &mut self.faults.count, (*place.key()).into());
                continue;
            };
            if Some(record.header().device) == self.device {
                self.newest_own = self.newest_own.max(record.header().at);
            }
            self.certificates.insert(record.certificate().device, record.certificate().clone());
            let found = self.store.get(&keys::index(&place.id))?;
            if found.as_deref() != Some(index_value(&place).as_slice()) && self.store.contains(&place.key())? {
                Faults::add(&mut self.faults.unindexed, &mut self.faults.count, place);
            }
        }
        Ok(())
    }
}

fn belongs(place: &Place, record: &Unverified) -> bool {
    let header = record.header();
    place.id == record.id() && place.at == header.at && place.topic == header.topic.key()
}

fn index_value(place: &Place) -> Vec<u8> {
    [place.topic.as_slice(), &place.at.0.to_be_bytes()].concat()
}

/// Every record verifies again, is where it belongs and can be found by its id. Returns the time of this device's own
/// newest record.
fn records(
    store: &dyn Store,
    faults: &mut Faults,
    findings: &mut Vec<Finding>,
    progress: &mut dyn FnMut(u64),
) -> Result<TimestampMs, DoctorError> {
    let device = identity::certificate(store).ok().flatten().map(|certificate| certificate.device);
    let before = faults.count;
    let mut pass = Pass {
        store,
        batch: Vec::with_capacity(VERIFY_BATCH_MAX),
        certificates: HashMap::new(),
        device,
        newest_own: TimestampMs(0),
        seen: 0,
        faults,
    };
    let mut failed = None;
    store.scan(
        KeyRange::prefix(&[keys::SET]),
        Direction::Ascending,
        &mut |key, value| match pass.take(key, value) {
            Ok(()) => {
                progress(pass.seen);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    pass.verify()?;
    let (seen, newest_own) = (pass.seen, pass.newest_own);
    findings.push(match faults.count.saturating_sub(before) {
        0 => Finding::new("records", Health::Good, format!("all {seen} verify and can be found")),
        bad => Finding::new(
            "records",
            Health::Bad,
            format!(
                "{bad} of {seen} are damaged or cannot be found: keep a copy of the data directory, then use --fix"
            ),
        ),
    });
    Ok(newest_own)
}

/// Index and slot rows lead to records that are here.
fn index(store: &dyn Store, faults: &mut Faults, findings: &mut Vec<Finding>) -> Result<(), DoctorError> {
    let before = faults.count;
    let (mut rows, mut failed) = (0u64, None);
    for prefix in [keys::INDEX, keys::SLOT] {
        store.scan(KeyRange::prefix(&[prefix]), Direction::Ascending, &mut |key, value| {
            rows = rows.saturating_add(1);
            let place = if prefix == keys::INDEX { place_of_index(key, value) } else { place_of_slot(value) };
            let leads = place.map_or(Ok(false), |place| store.contains(&place.key()));
            // Replaced since the scan came by? Then it is no fault.
            let fault = leads.and_then(|leads| Ok(!leads && store.get(key)?.as_deref() == Some(value)));
            match fault {
                Ok(true) if prefix == keys::INDEX => {
                    Faults::add(&mut faults.dangling_index, &mut faults.count, key.into());
                }
                Ok(true) => Faults::add(&mut faults.dangling_slots, &mut faults.count, key.into()),
                Ok(false) => {}
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    findings.push(match faults.count.saturating_sub(before) {
        0 => Finding::new("index", Health::Good, format!("all {rows} entries lead to a record")),
        bad => Finding::new("index", Health::Bad, format!("{bad} of {rows} entries lead nowhere: use --fix")),
    });
    Ok(())
}

fn place_of_index(key: &[u8], value: &[u8]) -> Option<Place> {
    let id = RecordId::from_slice(key.get(1..)?)?;
    let mut reader = KeyReader::new(value);
    Some(Place { topic: reader.array()?, at: TimestampMs(reader.u64()?), id })
}

fn place_of_slot(value: &[u8]) -> Option<Place> {
    let mut reader = KeyReader::new(value);
    Some(Place { topic: reader.array()?, at: TimestampMs(reader.u64()?), id: RecordId(reader.array()?) })
}

/// Every file is what its name says.
fn files(
    blobs: &BlobStore,
    faults: &mut Faults,
    findings: &mut Vec<Finding>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DoctorError> {
    let before = faults.count;
    let hashes = blobs.list()?;
    for (done, hash) in (1..).zip(&hashes) {
        match blobs.is_intact(hash) {
            // Removed since the list was made: no fault.
            Ok(true) | Err(BlobError::Absent) => {}
            Ok(false) => Faults::add(&mut faults.blobs, &mut faults.count, *hash),
            Err(error) => return Err(error.into()),
        }
        progress(done);
    }
    let count = hashes.len();
    findings.push(match faults.count.saturating_sub(before) {
        0 => Finding::new("files", Health::Good, format!("all {count} match their hash")),
        bad => {
            let detail =
                format!("{bad} of {count} are damaged: with --fix they are removed, and fetched again when needed");
            Finding::new("files", Health::Bad, detail)
        }
    });
    Ok(())
}

fn disk(data_dir: &Path) -> Finding {
    match free_bytes(data_dir) {
        None => Finding::new("disk", Health::Warning, "its free space could not be asked for"),
        Some(free) => {
            let detail = format!("{} MiB are free", free >> 20);
            match free {
                free if free < FREE_BYTES_MIN => Finding::new(
                    "disk",
                    Health::Bad,
                    format!("{detail}: nothing can be stored until some space is freed"),
                ),
                free if free < FREE_BYTES_COMFORTABLE => {
                    Finding::new("disk", Health::Warning, format!("{detail}: free some space soon"))
                }
                _ => Finding::new("disk", Health::Good, detail),
            }
        }
    }
}

#[cfg(unix)]
fn free_bytes(data_dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(data_dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

fn clock(now: TimestampMs, newest_own: TimestampMs) -> Finding {
    if now < EARLIEST {
        return Finding::new("clock", Health::Bad, "it was never set: set this machine's date and time");
    }
    let ahead = newest_own.0.saturating_sub(now.0);
    if ahead > CLOCK_SKEW_MS_MAX {
        let detail = format!(
            "this node's newest record is {} minutes from the future: check this machine's clock",
            ahead / 60_000
        );
        return Finding::new("clock", Health::Warning, detail);
    }
    Finding::new("clock", Health::Good, "later than everything written here")
}

/// Removes what is of no use and adds what is missing, in one commit. The store must not be in use by an engine.
///
/// # Errors
/// The store's or the file system's.
pub fn repair(store: &dyn Store, blobs: &BlobStore, faults: &Faults) -> Result<(), DoctorError> {
    let mut txn = Txn::new(store);
    for key in &faults.records {
        txn.delete(key);
        if let Some(place) = Place::parse(key) {
            remove_if_it_leads_to(&mut txn, keys::index(&place.id), &place)?;
        }
    }
    for key in faults.dangling_index.iter().chain(&faults.dangling_slots) {
        txn.delete(key);
    }
    for place in &faults.unindexed {
        txn.put(keys::index(&place.id), index_value(place));
    }
    store.commit(txn.into_batch())?;
    for hash in &faults.blobs {
        blobs.remove(hash)?;
    }
    Ok(())
}

fn remove_if_it_leads_to(txn: &mut Txn<'_>, key: Key, place: &Place) -> Result<(), StoreError> {
    if txn.get(&key)?.as_deref() == Some(index_value(place).as_slice()) {
        txn.delete(&key);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
