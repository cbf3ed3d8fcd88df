//! `hutong bench`: what this machine and this build can do, each figure with its baseline from the same run.

mod blob;
mod latency;
mod start;

use std::path::Path;

use hutong_node::bench::{group, ingest, seal};
use serde::Serialize;

use super::blocking;
use crate::{
    cli::{BenchArgs, Benchmark},
    config::Settings,
    failure::Failure,
    output::Output,
};

/// One figure.
#[derive(Debug, Serialize)]
struct Figure {
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// What it should be at most (at least, for a ratio); none for a baseline.
    goal: Option<f64>,
}

impl Figure {
    const fn new(what: &'static str, value: f64, unit: &'static str, goal: Option<f64>) -> Self {
        Self { what, value, unit, goal }
    }

    /// Whether it is as good as it should be.
    fn reached(&self) -> Option<bool> {
        let better_if_more = self.unit == RATIO;
        self.goal.map(|goal| if better_if_more { self.value >= goal } else { self.value <= goal })
    }

    fn tell(&self, output: Output) {
        output.value(self);
        let relation = if self.unit == RATIO { "≥" } else { "≤" };
        let goal = match (self.goal, self.reached()) {
            (Some(goal), Some(true)) => format!("  goal {relation} {goal}"),
            (Some(goal), _) => format!("  goal {relation} {goal}: MISSED"),
            (None, _) => String::new(),
        };
        output.say(&format!("  {:<52} {:>10.2} {}{goal}", self.what, self.value, self.unit));
    }
}

/// Messages sealed and opened: a second or two of work.
const SEALED: usize = 40_960;

/// Seals and opens, against Olm alone.
async fn sealing() -> Result<Vec<Figure>, Failure> {
    let report = blocking(|| Ok(seal::run(SEALED)?)).await?;
    let rate = |cost: hutong_node::bench::Cost| cost.per_cpu_second(report.messages) as f64;
    let (olm, sealed) = (rate(report.olm), rate(report.seal));
    Ok(vec![
        Figure::new("baseline: Olm alone, encrypt and decrypt", olm, "/CPU s", None),
        Figure::new("sealed and opened", sealed, "/CPU s", None),
        Figure::new("sealed against Olm alone", sealed / olm.max(1.0), RATIO, Some(0.6)),
        Figure::new("sealed against 20,000 a second", sealed / 20_000.0, RATIO, Some(1.0)),
    ])
}

/// Members of the group that is founded, its founder among them.
const MEMBERS: usize = 500;
/// Messages that a member missed.
const MISSED: usize = 10_000;

/// A large private group, and a member that was away.
async fn groups(directory: &Path) -> Result<Vec<Figure>, Failure> {
    let directory = directory.join("group");
    let (founded, caught_up) =
        blocking(move || Ok((group::found(MEMBERS - 1)?, group::catch_up(&directory, MISSED)?))).await?;
    let cpu = |cost: hutong_node::bench::Cost| cost.cpu_us as f64 / 1_000_000.0;
    let wall = |cost: hutong_node::bench::Cost| cost.wall_us as f64 / 1_000_000.0;
    Ok(vec![
        Figure::new("baseline: vodozemac alone, a key for everybody", cpu(founded.bare), "CPU s", None),
        Figure::new("founded, all let in, the log sealed for each", cpu(founded.founding), "CPU s", Some(3.0)),
        Figure::new("the first message: a key for everybody", cpu(founded.first), "CPU s", None),
        Figure::new("a removal, and a message with a new key", cpu(founded.removal), "CPU s", Some(1.0)),
        Figure::new("10,000 messages from a member, both on disk", wall(caught_up.cost), "s", Some(5.0)),
        Figure::new("10,000 messages from a member, both nodes", cpu(caught_up.cost), "CPU s", None),
    ])
}

const RATIO: &str = "×";

/// Measures, in temporary directories: nothing of the user's own is touched.
///
/// # Errors
/// If a node does not start or a disk refuses.
pub(super) async fn run(args: BenchArgs, settings: Settings, output: Output) -> Result<(), Failure> {
    drop(settings);
    let home = tempfile::Builder::new()
        .prefix("hutong-bench-")
        .tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary directory: {error}")))?;
    let wanted = |what| args.what.is_empty() || args.what.contains(&what);
    if cfg!(debug_assertions) {
        output.say("This is a build without optimisation: measure with `cargo run --release -- bench`.");
    }
    if wanted(Benchmark::Blob) {
        output.say(&format!("A file of {} MiB between two nodes:", blob::BYTES / (1024 * 1024)));
        tell(blob::measure(home.path()).await?, output);
    }
    if wanted(Benchmark::Latency) {
        output.say(&format!("One node's API call to the other node's event, {} messages:", args.messages));
        tell(latency::measure(home.path(), args.messages).await?, output);
    }
    if wanted(Benchmark::Seal) {
        output.say(&format!("Sealing and opening {SEALED} messages in one session:"));
        tell(sealing().await?, output);
    }
    if wanted(Benchmark::Group) {
        output.say(&format!("A private group of {MEMBERS}, and a member that missed {MISSED} messages:"));
        tell(groups(home.path()).await?, output);
    }
    if wanted(Benchmark::Ingest) || wanted(Benchmark::Start) {
        let records = args.records as usize;
        let figures = ingest(&home.path().join(start::FULL), records).await?;
        if wanted(Benchmark::Ingest) {
            output.say(&format!("Messages coming in, {records} of them:"));
            tell(figures, output);
        }
        if wanted(Benchmark::Start) {
            output.say(&format!("A node with {records} records:"));
            tell(start::measure(home.path()).await?, output);
        }
    }
    home.close().map_err(|error| Failure::failed(format!("cannot remove the temporary directory: {error}")))
}

fn tell(figures: Vec<Figure>, output: Output) {
    for figure in figures {
        figure.tell(output);
    }
}

/// Takes messages in, and leaves a data directory full of them.
async fn ingest(directory: &Path, records: usize) -> Result<Vec<Figure>, Failure> {
    let directory = directory.to_owned();
    let report = blocking(move || Ok(ingest::run(&directory, records)?)).await?;
    let rate = |cost: hutong_node::bench::Cost| cost.per_cpu_second(records) as f64;
    let (validate, stored) = (rate(report.validate), rate(report.ingest));
    Ok(vec![
        Figure::new("baseline: validated", validate, "/CPU s", None),
        Figure::new("validated and durably stored", stored, "/CPU s", None),
        Figure::new("durably stored, on the clock", report.ingest.per_second(records) as f64, "/s", None),
        Figure::new("stored against validated", stored / validate.max(1.0), RATIO, Some(0.3)),
    ])
}
