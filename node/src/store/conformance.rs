//! One suite for every backend: what the door promises, whoever stands behind it.
//!
//! A new backend implements [`Backend`] and adds one `conformance!` line.

use std::{collections::BTreeMap, ops::ControlFlow};

use proptest::prelude::*;

use super::{
    Batch, Direction, Direction::*, KEY_BYTES_MAX, KeyRange, MemoryStore, Read, Store, StoreError, Txn, VALUE_BYTES_MAX,
};

/// A store under test, with what it needs to live and to start again.
trait Backend: Sized {
    fn create() -> Self;
    fn store(&self) -> &dyn Store;
    /// Ends the process, as far as the store can tell, and starts the next.
    fn reopen(self) -> Self;
}

impl Backend for MemoryStore {
    fn create() -> Self {
        Self::new()
    }
    fn store(&self) -> &dyn Store {
        self
    }
    fn reopen(self) -> Self {
        self.after_crash()
    }
}

#[cfg(feature = "runtime")]
struct OnDisk {
    store: Option<super::SledStore>,
    directory: tempfile::TempDir,
}

#[cfg(feature = "runtime")]
impl Backend for OnDisk {
    fn create() -> Self {
        Self { store: None, directory: tempfile::tempdir().unwrap() }.reopen()
    }
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }
    fn reopen(mut self) -> Self {
        drop(self.store.take());
        let options = super::SledOptions { cache_bytes: 1 << 20, ..Default::default() };
        self.store = Some(super::SledStore::open(self.directory.path(), options).unwrap());
        self
    }
}

macro_rules! conformance {
    ($($name:ident: $backend:ty),*; $suite:tt) => { $(conformance!(@one $name: $backend; $suite);)* };
    (@one $name:ident: $backend:ty; { $($case:ident)* }) => {
        mod $name { use super::*; $(#[test] fn $case() { super::$case::<$backend>(); })* }
    };
}

macro_rules! suite {
    ($($name:ident: $backend:ty),* $(,)?) => {
        conformance!($($name: $backend),*; {
            what_is_put_is_got_and_what_is_deleted_is_gone
            a_scan_goes_both_ways_and_keeps_to_its_bounds
            a_scan_stops_when_told_and_its_visitor_may_read
            a_batch_is_all_or_nothing_over_its_limits
            what_was_committed_is_there_after_reopening
            long_values_come_back_whole_and_leave_nothing_behind
            many_keys_stay_in_order
            a_transaction_shows_its_own_writes_over_the_store
            a_rollback_takes_back_what_came_after_its_savepoint
            a_key_seen_to_be_absent_is_written_like_any_other
            any_script_gives_what_a_sorted_map_gives
        });
    };
}

suite!(memory: MemoryStore);
#[cfg(feature = "runtime")]
suite!(sled: OnDisk);

fn commit(store: &dyn Store, writes: &[(&[u8], Option<&[u8]>)]) {
    let mut batch = Batch::new();
    for (key, value) in writes {
        match value {
            Some(value) => batch.put(key, *value),
            None => batch.delete(key),
        }
    }
    store.commit(batch).unwrap();
}

fn keys(read: &dyn Read, range: KeyRange<'_>, direction: Direction) -> Vec<String> {
    let entries = read.collect(range, direction, usize::MAX).unwrap();
    entries.into_iter().map(|(key, _)| String::from_utf8_lossy(&key).into_owned()).collect()
}

fn what_is_put_is_got_and_what_is_deleted_is_gone<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    assert_eq!(store.get(b"a").unwrap(), None);
    commit(store, &[(b"a", Some(b"1")), (b"", Some(b"")), (b"b", None)]);
    assert_eq!(store.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get(b"").unwrap().as_deref(), Some(&b""[..]), "an empty key holds an empty value");
    assert!(!store.contains(b"b").unwrap());
    commit(store, &[(b"a", None), (b"b", Some(b"2"))]);
    assert!(!store.contains(b"a").unwrap());
    assert!(store.contains(b"b").unwrap());
    store.commit(Batch::new()).unwrap();
}

fn a_scan_goes_both_ways_and_keeps_to_its_bounds<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    let all: [&[u8]; 7] = [b"a", b"a\0", b"ab", b"b", b"b\xff", b"c", b"\xff\xff"];
    commit(store, &all.map(|key| (key, Some(key))));
    for (range, want) in [
        (KeyRange::all(), &all[..]),
        (KeyRange::between(b"ab", b"c"), &all[2..5]), // from is in, to is not
        (KeyRange::between(b"aa", b"bz"), &all[2..4]), // bounds that are no keys
        (KeyRange::between(b"c", b"a"), &[]),         // upside down
        (KeyRange::between(b"c", b"c"), &[]),         // empty
        (KeyRange::prefix(b"a"), &all[0..3]),
        (KeyRange::prefix(b"b\xff"), &all[4..5]), // the end carries
        (KeyRange::prefix(b"\xff"), &all[6..7]),  // there is no key after
        (KeyRange::prefix(b"x"), &[]),
        (KeyRange::all().after(b"b"), &all[4..]),
        (KeyRange::prefix(b"a").after(b"a"), &all[1..3]), // a second page
        (KeyRange::all().before(b"b"), &all[..3]),
    ] {
        let found = |direction| -> Vec<Box<[u8]>> {
            let entries = store.collect(range.clone(), direction, usize::MAX).unwrap();
            entries
                .into_iter()
                .map(|(key, value)| {
                    assert_eq!(*key, *value);
                    key
                })
                .collect()
        };
        let mut want: Vec<Box<[u8]>> = want.iter().map(|key| (*key).into()).collect();
        assert_eq!(found(Ascending), want, "{range:?}");
        want.reverse();
        assert_eq!(found(Descending), want, "{range:?}");
    }
}

fn a_scan_stops_when_told_and_its_visitor_may_read<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    commit(store, &[(b"a", Some(b"b")), (b"b", Some(b"c")), (b"c", Some(b""))]);
    let mut seen = Vec::new();
    store
        .scan(KeyRange::all(), Ascending, &mut |_, value| {
            seen.push(store.get(value).unwrap());
            if seen.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .unwrap();
    assert_eq!(seen.iter().map(|value| value.as_deref()).collect::<Vec<_>>(), [Some(&b"c"[..]), Some(b"")]);
    assert_eq!(store.collect(KeyRange::all(), Ascending, 2).unwrap().len(), 2);
    assert_eq!(store.collect(KeyRange::all(), Ascending, 0).unwrap().len(), 0);
    assert_eq!(store.count(KeyRange::all(), 9).unwrap(), 3);
    assert_eq!(store.count(KeyRange::all(), 2).unwrap(), 2, "counting stops at the limit");
    assert_eq!(store.count(KeyRange::all(), 0).unwrap(), 0);
    assert_eq!(&*store.first(KeyRange::all(), Descending).unwrap().unwrap().0, b"c");
}

fn a_batch_is_all_or_nothing_over_its_limits<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    let at_limit = (vec![b'k'; KEY_BYTES_MAX], vec![7; VALUE_BYTES_MAX]);
    for (key, value, what_is_over) in [
        (&at_limit.0, &at_limit.1, None),
        (&vec![b'k'; KEY_BYTES_MAX + 1], &vec![], Some("key")),
        (&vec![b'x'], &vec![7; VALUE_BYTES_MAX + 1], Some("value")),
    ] {
        let mut batch = Batch::new();
        batch.put(b"beside", b"it".as_slice());
        batch.put(key, value.as_slice());
        match (store.commit(batch), what_is_over) {
            (Ok(()), None) => {
                assert_eq!(store.get(key).unwrap().as_deref(), Some(&value[..]));
                commit(store, &[(key, None), (b"beside", None)]);
            }
            (Err(StoreError::TooLarge { what, .. }), Some(over)) => assert_eq!(what, over),
            (result, _) => panic!("{result:?} for {what_is_over:?}"),
        }
        assert_eq!(store.count(KeyRange::all(), 9).unwrap(), 0);
    }
    commit(store, &[(b"still", Some(b"works"))]);
}

fn what_was_committed_is_there_after_reopening<B: Backend>() {
    let mut backend = B::create();
    for round in 0..5u8 {
        commit(backend.store(), &[(&[b'k', round], Some(&[round])), (b"last", Some(&[round]))]);
        backend = backend.reopen();
        let store = backend.store();
        assert_eq!(store.get(b"last").unwrap().as_deref(), Some(&[round][..]));
        assert_eq!(store.count(KeyRange::prefix(b"k"), 9).unwrap(), usize::from(round) + 1);
    }
}

fn long_values_come_back_whole_and_leave_nothing_behind<B: Backend>() {
    let mut backend = B::create();
    let value = |length: usize| -> Vec<u8> { (0..length).map(|i| (i % 251) as u8).collect() };
    // Around where a backend might cut, up and down over each other, next to a neighbour that must not be touched.
    for length in [0, 1, 4095, 4096, 4097, 8192, 65_536, 1 << 20, 4097, 100_000, 3] {
        commit(backend.store(), &[(b"long", Some(&value(length))), (b"long\0", Some(b"neighbour"))]);
        backend = backend.reopen();
        let store = backend.store();
        assert_eq!(store.get(b"long").unwrap().as_deref(), Some(&value(length)[..]), "{length}");
        let entries = store.collect(KeyRange::all(), Descending, 9).unwrap();
        let lengths: Vec<usize> = entries.iter().map(|(_, value)| value.len()).collect();
        assert_eq!(lengths, [9, length]);
    }
    commit(backend.store(), &[(b"long", None), (b"long\0", None)]);
    assert_eq!(backend.reopen().store().count(KeyRange::all(), 9).unwrap(), 0);
}

fn many_keys_stay_in_order<B: Backend>() {
    const KEYS: u64 = 20_000;
    let backend = B::create();
    // A multiplier coprime to the modulus visits every number once, far from sorted.
    let numbers: Vec<u64> = (0..KEYS).map(|i| i * 7_919 % KEYS).collect();
    for group in numbers.chunks(2_000) {
        let mut batch = Batch::new();
        for number in group {
            batch.put(number.to_be_bytes(), number.to_le_bytes());
        }
        backend.store().commit(batch).unwrap();
    }
    let backend = backend.reopen();
    let store = backend.store();
    let entries = store.collect(KeyRange::all(), Ascending, usize::MAX).unwrap();
    assert!(
        entries.iter().map(|(key, _)| key.as_ref()).eq((0..KEYS)
            .map(u64::to_be_bytes)
            .collect::<Vec<_>>()
            .iter()
            .map(|key| &key[..]))
    );
    let newest = store.collect(KeyRange::all(), Descending, 3).unwrap();
    assert_eq!(*newest[2].1, (KEYS - 3).to_le_bytes());
}

fn a_transaction_shows_its_own_writes_over_the_store<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    commit(store, &[(b"b", Some(b"0")), (b"d", Some(b"0")), (b"f", Some(b"0"))]);
    let mut txn = Txn::new(store);
    txn.put(b"a", b"1".as_slice()); // before everything
    txn.put(b"d", b"1".as_slice()); // over one
    txn.delete(b"b");
    txn.put(b"e", b"1".as_slice());
    txn.delete(b"e"); // only ever in the transaction
    txn.put(b"g", b"1".as_slice()); // after everything
    assert_eq!(keys(&txn, KeyRange::all(), Ascending), ["a", "d", "f", "g"]);
    assert_eq!(keys(&txn, KeyRange::all(), Descending), ["g", "f", "d", "a"]);
    assert_eq!(keys(&txn, KeyRange::between(b"b", b"g"), Descending), ["f", "d"]);
    assert_eq!(txn.first(KeyRange::all().after(b"a"), Ascending).unwrap().unwrap().1.as_ref(), b"1");
    for limit in 0..6 {
        assert_eq!(txn.collect(KeyRange::all(), Ascending, limit).unwrap().len(), limit.min(4), "stops at {limit}");
    }
    assert_eq!(txn.get(b"b").unwrap(), None);
    assert_eq!(keys(store, KeyRange::all(), Ascending), ["b", "d", "f"], "the store does not see it yet");
    store.commit(txn.into_batch()).unwrap();
    assert_eq!(keys(store, KeyRange::all(), Ascending), ["a", "d", "f", "g"]);
}

fn a_rollback_takes_back_what_came_after_its_savepoint<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    commit(store, &[(b"stored", Some(b"0"))]);
    let mut txn = Txn::new(store);
    txn.put(b"a", b"1".as_slice());
    let outer = txn.savepoint();
    txn.put(b"a", b"2".as_slice());
    txn.delete(b"stored");
    let inner = txn.savepoint();
    txn.put(b"b", b"3".as_slice());
    txn.put(b"a", b"3".as_slice());
    txn.rollback(inner);
    assert_eq!(keys(&txn, KeyRange::all(), Ascending), ["a"]);
    assert_eq!(txn.get(b"a").unwrap().as_deref(), Some(&b"2"[..]));
    txn.rollback(outer);
    assert_eq!(keys(&txn, KeyRange::all(), Ascending), ["a", "stored"]);
    txn.put(b"c", b"4".as_slice());
    txn.rollback(outer); // it can be used again
    assert_eq!((txn.get(b"a").unwrap().as_deref(), txn.len()), (Some(&b"1"[..]), 1));
    store.commit(txn.into_batch()).unwrap();
    assert_eq!(keys(store, KeyRange::all(), Ascending), ["a", "stored"]);
}

fn a_key_seen_to_be_absent_is_written_like_any_other<B: Backend>() {
    let backend = B::create();
    let store = backend.store();
    commit(store, &[(b"old", Some(b"0"))]);
    let long = vec![7; 20_000];
    let mut txn = Txn::new(store);
    txn.put_absent(b"new", long.clone());
    txn.put_absent(b"twice", b"1".as_slice());
    txn.put(b"twice", b"2".as_slice());
    txn.put_absent(b"gone", long.clone());
    txn.delete(b"gone");
    let savepoint = txn.savepoint();
    txn.put_absent(b"taken back", b"1".as_slice());
    txn.rollback(savepoint);
    assert!(txn.has_put(b"new") && !txn.has_put(b"gone") && !txn.has_put(b"taken back") && !txn.has_put(b"old"));
    store.commit(txn.into_batch()).unwrap();
    assert_eq!(keys(store, KeyRange::all(), Ascending), ["new", "old", "twice"]);
    assert_eq!(store.get(b"new").unwrap().as_deref(), Some(&long[..]));
    assert_eq!(store.get(b"twice").unwrap().as_deref(), Some(&b"2"[..]));
    commit(store, &[(b"new", Some(b"short"))]);
    let backend = backend.reopen();
    assert_eq!(keys(backend.store(), KeyRange::all(), Ascending), ["new", "old", "twice"]);
}

/// What a script can do. Keys come from a small alphabet so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>, usize),
    Delete(Vec<u8>),
    Savepoint,
    Rollback,
    Commit,
    Abandon,
    Reopen,
    Look { from: Vec<u8>, to: Vec<u8>, descending: bool, limit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let key = || proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(0xff)], 0..4);
    prop_oneof![
        8 => (key(), prop_oneof![8 => 0usize..40, 1 => 4_000usize..13_000]).prop_map(|(key, length)| Step::Put(key, length)),
        4 => key().prop_map(Step::Delete),
        2 => Just(Step::Savepoint),
        2 => Just(Step::Rollback),
        3 => Just(Step::Commit),
        1 => Just(Step::Abandon),
        1 => Just(Step::Reopen),
        4 => (key(), key(), any::<bool>(), 0usize..20)
            .prop_map(|(from, to, descending, limit)| Step::Look { from, to, descending, limit }),
    ]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn any_script_gives_what_a_sorted_map_gives<B: Backend>() {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(script in proptest::collection::vec(step(), 1..80))| {
        let mut script = script.into_iter().enumerate();
        let mut backend = B::create();
        let mut committed = Model::new();
        // Each turn of this loop is one transaction.
        loop {
            let (end, seen) = play(backend.store(), &committed, &mut script)?;
            if matches!(end, Some(Step::Commit)) {
                committed = seen;
            }
            look(backend.store(), &committed, &KeyRange::all(), false, usize::MAX)?;
            match end {
                None => break,
                Some(Step::Reopen) => backend = backend.reopen(),
                Some(_) => {}
            }
        }
        look(backend.reopen().store(), &committed, &KeyRange::all(), true, usize::MAX)?;
    });
}

/// Plays one transaction, up to the step that ends it, and returns that with what the transaction held.
fn play(
    store: &dyn Store,
    committed: &Model,
    script: &mut dyn Iterator<Item = (usize, Step)>,
) -> Result<(Option<Step>, Model), TestCaseError> {
    let mut txn = Txn::new(store);
    let mut seen = committed.clone();
    let mut savepoints = Vec::new();
    for (number, step) in script {
        match step {
            Step::Put(key, length) => {
                let value = vec![number as u8; length];
                txn.put(&key, value.as_slice());
                seen.insert(key, value);
            }
            Step::Delete(key) => {
                txn.delete(&key);
                seen.remove(&key);
            }
            Step::Savepoint => savepoints.push((txn.savepoint(), seen.clone())),
            Step::Rollback => {
                if let Some((savepoint, then)) = savepoints.pop() {
                    txn.rollback(savepoint);
                    seen = then;
                }
            }
            Step::Look { from, to, descending, limit } => {
                let got = txn.get(&from).unwrap();
                prop_assert_eq!(got.as_deref(), seen.get(&from).map(|value| &value[..]));
                look(&txn, &seen, &KeyRange::between(&from, &to), descending, limit)?;
                look(&txn, &seen, &KeyRange::prefix(&from).after(&to), descending, limit)?;
                look(store, committed, &KeyRange::all().starting_at(&from).before(&to), descending, limit)?;
            }
            Step::Commit => {
                store.commit(txn.into_batch()).unwrap();
                return Ok((Some(Step::Commit), seen));
            }
            end @ (Step::Abandon | Step::Reopen) => return Ok((Some(end), seen)),
        }
    }
    Ok((None, seen))
}

fn look(
    read: &dyn Read,
    model: &Model,
    range: &KeyRange<'_>,
    descending: bool,
    limit: usize,
) -> Result<(), TestCaseError> {
    let direction = if descending { Descending } else { Ascending };
    let found = read.collect(range.clone(), direction, limit).unwrap();
    let mut want: Vec<_> = model.iter().filter(|(key, _)| range.contains(key)).collect();
    if descending {
        want.reverse();
    }
    want.truncate(limit);
    prop_assert_eq!(found.len(), want.len(), "{:?}", range);
    for ((key, value), (want_key, want_value)) in found.iter().zip(want) {
        prop_assert_eq!((key.as_ref(), value.as_ref()), (&want_key[..], &want_value[..]));
    }
    Ok(())
}
