//! What is acknowledged stays: killed processes, power cuts, full disks.
//!
//! A child process (this test binary again, see [`writer`]) commits one fact after another and says so on its standard
//! output after each; the parent ends it, or its disk, at an unforeseen moment and then holds the store against what
//! was acknowledged. Facts are a function of their number, so the whole content after `n` facts is known, and anything
//! lost, torn or left over shows as a difference.
//!
//! | test | ends | ordinary run | full run |
//! |---|---|---|---|
//! | [`kill`] | the process, by SIGKILL | 20 rounds | `HUTONG_ROUNDS=200` |
//! | [`power_cut`] | the disk, by ext4's shutdown without a log flush; needs root | 6 rounds | `HUTONG_ROUNDS=60` |
//! | [`full_disk`] | the space on it; needs root | 2 file systems | |
//!
//! `HUTONG_SEED` changes the moments. Each suite has a control that must fail: facts in two batches, no fsync.

mod full_disk;
mod kill;
mod measure;
mod power_cut;
mod writer;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::Duration,
};

use super::{Batch, Direction, KeyRange, Read, SledOptions, SledStore, Store, StoreError};

/// How many facts stay; each new one deletes the one this far behind, so that space is freed and used again.
const KEPT: u64 = 40;
/// Lines of a child that were not read yet. Beyond that it waits.
const LINES_MAX: usize = 1_024;

/// Small and repeatable (splitmix64); the tests need no better.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

/// Key of the newest fact's number.
const HEAD: &[u8] = b"head";

/// The entries of fact `number` that stay until it is deleted.
fn parts(number: u64) -> Content {
    let mut dice = Dice(number);
    let (count, longest) = match dice.roll(25) {
        0 => (300, 6_000),    // more than a segment in one commit
        1..=3 => (3, 40_000), // long values, cut into pieces
        _ => (1 + dice.roll(12), 1_500),
    };
    let part = |i: u64| {
        let length = usize::try_from(dice.roll(longest)).unwrap();
        let bytes = (0..length).map(|at| (number as usize + at) as u8).collect();
        ([b"fact".as_slice(), &number.to_be_bytes(), &i.to_be_bytes()].concat(), bytes)
    };
    (0..count).map(part).collect()
}

/// The entry that fact `number` replaces.
fn slot(number: u64) -> (Vec<u8>, Vec<u8>) {
    (vec![b's', (number % 7) as u8], number.to_be_bytes().repeat(20))
}

/// Everything a store holds after `count` facts.
fn content(count: u64) -> Content {
    let mut content = Content::new();
    if count > 0 {
        content.insert(HEAD.to_vec(), count.to_be_bytes().to_vec());
    }
    for number in (1..=count).rev().take(KEPT as usize) {
        content.extend(parts(number));
    }
    // Oldest first, so that the newest wins.
    content.extend((count.saturating_sub(6).max(1)..=count).map(slot));
    content
}

/// What fact `number` writes, in one batch.
fn fact(number: u64) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in parts(number).into_iter().chain([slot(number), (HEAD.to_vec(), number.to_be_bytes().to_vec())])
    {
        batch.put(key, value.as_slice());
    }
    if let Some(old) = number.checked_sub(KEPT).filter(|old| *old > 0) {
        parts(old).keys().for_each(|key| batch.delete(key));
    }
    batch
}

/// Number of the newest fact in a store.
fn newest(store: &dyn Read) -> Result<u64, StoreError> {
    let head = store.get(HEAD)?;
    Ok(head.map_or(0, |head| u64::from_be_bytes(head.as_ref().try_into().unwrap())))
}

/// What the parent finds after the end.
#[derive(Debug, PartialEq)]
enum Found {
    /// Exactly what this many facts leave, and all that were acknowledged.
    Whole(u64),
    Lost {
        acknowledged: u64,
        found: u64,
    },
    Torn {
        found: u64,
        first_difference: String,
    },
    Unreadable(String),
}

/// Holds `store` against the newest acknowledged fact; one more may have been under way.
fn compare(store: &dyn Read, acknowledged: u64) -> Result<Found, StoreError> {
    let found = newest(store)?;
    let entries = store.collect(KeyRange::all(), Direction::Ascending, usize::MAX)?;
    let entries: Content = entries.into_iter().map(|(key, value)| (key.into_vec(), value.to_vec())).collect();
    let want = content(found);
    let differs = |key: &&Vec<u8>| entries.get(*key) != want.get(*key);
    if let Some(key) = entries.keys().chain(want.keys()).find(differs) {
        return Ok(Found::Torn { found, first_difference: key.escape_ascii().to_string() });
    }
    Ok(match found {
        _ if found < acknowledged => Found::Lost { acknowledged, found },
        _ if found > acknowledged + 1 => panic!("fact {found} was never begun: {acknowledged} were acknowledged"),
        _ => Found::Whole(found),
    })
}

/// Opens the store in `directory` and compares. sled may panic on what it reads.
fn examine(directory: &Path, acknowledged: u64) -> Found {
    let look = || compare(&SledStore::open(directory, SledOptions::default())?, acknowledged);
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(Ok(found)) => found,
        Ok(Err(e)) => Found::Unreadable(e.to_string()),
        Err(_) => Found::Unreadable("it panicked".into()),
    }
}

/// The number of rounds: `HUTONG_ROUNDS`, or what an ordinary run can afford.
fn rounds(ordinary: u64) -> u64 {
    std::env::var("HUTONG_ROUNDS").ok().map_or(ordinary, |rounds| rounds.parse().unwrap())
}

fn seed() -> u64 {
    std::env::var("HUTONG_SEED").ok().map_or(0, |seed| seed.parse().unwrap())
}

/// One test of this binary, to be run as a child process.
fn this_binary(test: &str) -> Vec<String> {
    let path = std::env::current_exe().unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    let test = format!("{module}::{test}");
    [path.to_str().unwrap(), &test, "--exact", "--ignored", "--nocapture", "--test-threads=1"].map(Into::into).into()
}

/// A child that commits facts, seen from outside.
struct Writer {
    child: Child,
    lines: Receiver<String>,
    /// The newest fact it said it had committed.
    acknowledged: u64,
    /// The last line that was no acknowledgement.
    said: String,
}

impl Writer {
    /// Starts one on `directory`, which holds `acknowledged` facts.
    fn start(directory: &Path, fault: &str, acknowledged: u64) -> Self {
        let command = this_binary("writer::child");
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .env(writer::DIRECTORY, directory)
            .env(writer::FAULT, fault)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = sync_channel(LINES_MAX);
        // Ends at the end of the child's output. What the child wrote before its end is all read, so nothing
        // acknowledged is overlooked.
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, acknowledged, said: String::new() }
    }

    fn hear(&mut self, line: String) {
        match line.strip_prefix("committed ") {
            Some(number) => self.acknowledged = number.parse().unwrap(),
            None => self.said = line,
        }
    }

    /// Listens to `count` lines, and then for the next, but only so long. False if the child ended.
    fn listen(&mut self, count: u64, then: Duration) -> bool {
        for _ in 0..count {
            let Ok(line) = self.lines.recv() else { return false };
            self.hear(line);
        }
        match self.lines.recv_timeout(then) {
            Ok(line) => self.hear(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    /// Listens until the child says `what`.
    fn listen_for(&mut self, what: &str) {
        while !self.said.starts_with(what) {
            let line = self.lines.recv().unwrap_or_else(|_| panic!("it ended before {what:?}, after {:?}", self.said));
            self.hear(line);
        }
    }

    /// Kills it and returns the newest fact that it acknowledged, and its last other words.
    fn kill(mut self) -> (u64, String) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while let Ok(line) = self.lines.recv() {
            self.hear(line);
        }
        (self.acknowledged, self.said)
    }
}

/// Runs one test of this binary as root of a mount namespace of its own. Says why if that is not possible here.
fn in_own_mounts(test: &str) {
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--"])
        .args(this_binary(test))
        .env(MOUNTS, "1")
        .status();
    let allowed = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) if allowed.is_ok_and(|allowed| allowed.success()) => panic!("{test}: {status}"),
        _ => eprintln!("SKIPPED {test}: needs root and mount namespaces (unshare --mount)"),
    }
}

/// Set for a test that runs in its own mount namespace.
const MOUNTS: &str = "HUTONG_STORE_MOUNTS";

/// Runs a tool to its end; its complaint if it failed.
fn tool(command: &[&str]) -> Result<(), String> {
    let output = Command::new(command[0]).args(&command[1..]).output().map_err(|e| format!("{}: {e}", command[0]))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[test]
fn the_content_is_what_the_facts_leave() {
    let store = super::MemoryStore::new();
    for number in 1..=3 * KEPT {
        store.commit(fact(number)).unwrap();
        assert_eq!(compare(&store, number).unwrap(), Found::Whole(number));
    }
    let mut batch = Batch::new();
    batch.delete(slot(1).0);
    store.commit(batch).unwrap();
    assert!(matches!(compare(&store, 3 * KEPT).unwrap(), Found::Torn { .. }));
}
