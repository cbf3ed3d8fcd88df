//! The process ends in the middle of anything.

use std::time::Duration;

use super::{Dice, Found, Writer, examine, rounds, seed};

/// How long a database lives before the next starts afresh: young and grown ones behave differently.
const ROUNDS_PER_DATABASE: u64 = 20;

#[test]
fn nothing_acknowledged_is_lost_and_no_fact_torn_by_sigkill() {
    let rounds = rounds(20);
    let mut dice = Dice(seed());
    let mut directory = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut total) = (0, 0);
    for round in 0..rounds {
        if round % ROUNDS_PER_DATABASE == 0 {
            directory = tempfile::tempdir().unwrap();
            acknowledged = 0;
        }
        let mut writer = Writer::start(directory.path(), "", acknowledged);
        // One in eight dies while it starts or recovers; the others in or between commits.
        let lines = if dice.roll(8) == 0 { 0 } else { 3 + dice.roll(40) };
        writer.listen(lines, Duration::from_micros(dice.roll(6_000)));
        let (heard, said) = writer.kill();
        assert!(!said.starts_with("failed"), "round {round}: {said}");
        match examine(directory.path(), heard) {
            Found::Whole(found) => {
                total += found - acknowledged;
                acknowledged = found;
            }
            found => panic!("round {round}, kept in {}: {found:?}", directory.keep().display()),
        }
    }
    eprintln!("SIGKILL: {rounds} rounds, {total} facts, nothing acknowledged lost, none torn");
}

/// The control: were a fact two batches, this suite would say so.
#[test]
fn a_fact_in_two_batches_is_found_torn() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(directory.path(), "split", 0);
    writer.listen_for("half a fact");
    let (acknowledged, _) = writer.kill();
    assert_eq!(acknowledged, 9);
    let found = examine(directory.path(), acknowledged);
    assert!(matches!(found, Found::Torn { .. }), "{found:?}");
}
