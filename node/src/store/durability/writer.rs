//! The child: commits facts for as long as it lives.

use std::{
    io::{Read as _, Write as _, stdout},
    path::PathBuf,
};

use super::{Batch, SledOptions, SledStore, Store, fact, newest};

/// Where to write; also tells the child that it is one.
pub(super) const DIRECTORY: &str = "HUTONG_STORE_WRITER";
/// What to do wrong: nothing, `split` or `without-fsync`.
pub(super) const FAULT: &str = "HUTONG_STORE_FAULT";

#[test]
#[ignore = "the other tests run it as their child process"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let fault = std::env::var(FAULT).unwrap();
    let options = SledOptions { without_fsync: fault == "without-fsync", ..SledOptions::default() };
    let store = SledStore::open(&PathBuf::from(directory), options).unwrap();
    let first = newest(&store).unwrap() + 1;
    say(&format!("opened {first}"));
    for number in first.. {
        let committed = match fault.as_str() {
            "split" => commit_in_two(&store, fact(number), number),
            _ => store.commit(fact(number)),
        };
        match committed {
            Ok(()) => say(&format!("committed {number}")),
            Err(e) => return say(&format!("failed: {e}")),
        }
    }
}

/// One line at once: the parent must know of it even if this process ends in the next instruction.
fn say(line: &str) {
    let mut out = stdout().lock();
    // The parent may have gone; then nobody is listening, and that is fine.
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap_or_default();
}

/// What must never be done: a fact in two batches. Pauses between them, for the parent to strike.
fn commit_in_two(store: &dyn Store, batch: Batch, number: u64) -> Result<(), super::StoreError> {
    let mut halves = [Batch::new(), Batch::new()];
    for (i, (key, value)) in batch.iter().enumerate() {
        match value {
            Some(value) => halves[i % 2].put(key, value.clone()),
            None => halves[i % 2].delete(key),
        }
    }
    let [first, second] = halves;
    store.commit(first)?;
    if number == 10 {
        say("half a fact");
        std::io::stdin().read_exact(&mut [0]).unwrap_or_default();
    }
    store.commit(second)
}
