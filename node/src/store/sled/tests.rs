//! What the containment in `sled.rs` promises beyond the conformance suite.

use super::*;

/// One snapshot on opening, another after closing.
#[test]
fn closing_after_much_was_written_takes_a_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let snapshots = || {
        let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("snap.")).collect::<Vec<_>>()
    };
    let store = SledStore::open(directory.path(), SledOptions::default()).unwrap();
    let before = snapshots();
    for number in 0..=SNAPSHOT_AFTER_BYTES >> 20 {
        put(&store, &number.to_be_bytes(), &vec![7; 1 << 20]);
    }
    assert_eq!(snapshots(), before);
    drop(store);
    assert_ne!(snapshots(), before);
    let store = SledStore::open(directory.path(), SledOptions::default()).unwrap();
    assert_eq!(store.count(KeyRange::all(), 99).unwrap() as u64, (SNAPSHOT_AFTER_BYTES >> 20) + 1);
}

fn put(store: &SledStore, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(key, value);
    store.commit(batch).unwrap();
}

#[test]
fn a_second_opener_is_told_that_the_directory_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let first = SledStore::open(directory.path(), SledOptions::default()).unwrap();
    let error = SledStore::open(directory.path(), SledOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
    drop(first);
    SledStore::open(directory.path(), SledOptions::default()).unwrap();
}

#[test]
fn a_snapshot_left_half_written_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    put(&SledStore::open(directory.path(), SledOptions::default()).unwrap(), b"key", b"value");
    for half in [&b""[..], b"garbage that is long enough to be parsed"] {
        fs::write(directory.path().join("snap.7FFFFFFFFFFFFFFF.generating"), half).unwrap();
        let store = SledStore::open(directory.path(), SledOptions::default()).unwrap();
        assert_eq!(store.get(b"key").unwrap().as_deref(), Some(&b"value"[..]));
    }
}

#[test]
fn nothing_ever_leaves_the_log_for_a_file_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path(), SledOptions::default()).unwrap();
    let value = |number: u8| vec![number; CHUNK_BYTES];
    for number in 0..=255 {
        // The longest keys and the longest pieces side by side make the largest pages there can be.
        let key = [&[number; KEY_BYTES_MAX - 1][..], b"k"].concat();
        let mut batch = Batch::new();
        batch.put(&key, value(number));
        batch.put(b"long", vec![number; 300_000]);
        store.commit(batch).unwrap();
    }
    assert_eq!(fs::read_dir(directory.path().join("blobs")).unwrap().count(), 0);
    assert_eq!(store.count(KeyRange::all(), usize::MAX).unwrap(), 257);
}

#[test]
fn a_missing_directory_is_made_and_an_impossible_one_explained() {
    let directory = tempfile::tempdir().unwrap();
    put(&SledStore::open(&directory.path().join("a/b/c"), SledOptions::default()).unwrap(), b"k", b"v");
    fs::write(directory.path().join("file"), b"").unwrap();
    let error = SledStore::open(&directory.path().join("file/store"), SledOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}

#[test]
fn damage_is_reported_and_never_read_as_data() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path(), SledOptions::default()).unwrap();
    put(&store, b"key", &[7; 3000]);
    store.db.insert(raw_key(HEADS, b"odd"), b"\x09what is this").unwrap();
    store.db.insert(raw_key(HEADS, b"torn"), [&[CHUNKED][..], &9_000u32.to_be_bytes()].concat()).unwrap();
    assert!(matches!(store.get(b"odd"), Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.get(b"torn"), Err(StoreError::Corrupt { .. })));
    let scanned = store.collect(KeyRange::all(), Direction::Ascending, 9);
    assert!(matches!(scanned, Err(StoreError::Corrupt { .. })));
    assert_eq!(store.get(b"key").unwrap().as_deref(), Some(&[7; 3000][..]));
}
