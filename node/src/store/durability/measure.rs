//! How soon a store of 100,000 records is open, and how much memory it holds.

use std::{process::Command, time::Instant};

use super::{Batch, Direction, KeyRange, Read, SledOptions, SledStore, Store, this_binary};
use crate::store::Key;

const RECORDS: u64 = 100_000;
const DIRECTORY: &str = "HUTONG_STORE_MEASURE";

/// About as the engine keeps them: the record in its topic's order, and where it is by its id.
fn put(batch: &mut Batch, number: u64) {
    let id = *blake3::hash(&number.to_be_bytes()).as_bytes();
    let topic = [(number % 50) as u8; 16];
    let record: Vec<u8> = id.iter().copied().cycle().take(500).collect();
    batch.put(Key::new(b'S').array(&topic).u64(number).array(&id), record.as_slice());
    batch.put(Key::new(b'I').array(&id), Key::new(0).array(&topic).u64(number).into_bytes());
}

/// `HUTONG_CACHE` sets the cache in MiB.
fn options() -> SledOptions {
    let mut options = SledOptions::default();
    if let Ok(mebibytes) = std::env::var("HUTONG_CACHE") {
        options.cache_bytes = mebibytes.parse::<u64>().unwrap() << 20;
    }
    options
}

/// Memory of this process in bytes, now and at most.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
    };
    (line("VmRSS:"), line("VmHWM:"))
}

/// `cargo nextest run -p hutong-node --run-ignored only measure_100_000 --no-capture`
#[test]
#[ignore = "a measurement"]
fn measure_100_000_records() {
    let directory = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let store = SledStore::open(directory.path(), options()).unwrap();
    for group in (0..RECORDS).collect::<Vec<_>>().chunks(100) {
        let mut batch = Batch::new();
        group.iter().for_each(|number| put(&mut batch, *number));
        store.commit(batch).unwrap();
    }
    let (now, most) = memory();
    eprintln!(
        "wrote {RECORDS} records in {:?}: {} MB on disk, {} MB RSS (most {})",
        started.elapsed(),
        store.size_on_disk().unwrap() >> 20,
        now >> 20,
        most >> 20
    );
    drop(store);
    for _ in 0..2 {
        let command = this_binary("measure::child");
        let status = Command::new(&command[0]).args(&command[1..]).env(DIRECTORY, directory.path()).status();
        assert!(status.unwrap().success());
    }
}

#[test]
#[ignore = "run by the measurement"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let report = |what: &str, since: Instant| {
        let (now, most) = memory();
        eprintln!("{what}: {:?}, {} MB RSS (most {})", since.elapsed(), now >> 20, most >> 20);
    };
    let start = Instant::now();
    report("before opening", start);
    let store = SledStore::open(directory.as_ref(), options()).unwrap();
    report("opened", start);
    let start = Instant::now();
    store.collect(KeyRange::prefix(b"S"), Direction::Descending, 50).unwrap();
    report("newest 50", start);
    let start = Instant::now();
    for number in (0..RECORDS).step_by(100) {
        let id = *blake3::hash(&number.to_be_bytes()).as_bytes();
        assert!(store.contains(&Key::new(b'I').array(&id)).unwrap());
    }
    report("1,000 lookups", start);
    let start = Instant::now();
    assert_eq!(store.count(KeyRange::all(), usize::MAX).unwrap() as u64, 2 * RECORDS);
    report("read everything", start);
    for group in (RECORDS..RECORDS + 2_000).collect::<Vec<_>>().chunks(20) {
        let mut batch = Batch::new();
        group.iter().for_each(|number| put(&mut batch, *number));
        group.iter().for_each(|number| {
            let id = *blake3::hash(&number.to_be_bytes()).as_bytes();
            batch.delete(Key::new(b'I').array(&id));
            batch.delete(Key::new(b'S').array(&[(number % 50) as u8; 16]).u64(*number).array(&id));
        });
        store.commit(batch).unwrap();
    }
    report("100 commits", start);
    let start = Instant::now();
    let before = store.size_on_disk().unwrap() >> 20;
    for round in 0..3_000u64 {
        let mut batch = Batch::new();
        for number in 0..20 {
            batch.put(Key::new(b'R').u64(round * 7919 % 1_000 + number), [round as u8; 500].as_slice());
        }
        store.commit(batch).unwrap();
    }
    report("3,000 commits over the same 1,000 keys", start);
    eprintln!("on disk: {before} MB before them, {} MB after", store.size_on_disk().unwrap() >> 20);
}
