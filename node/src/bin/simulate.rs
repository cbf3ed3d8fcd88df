//! Runs the simulator over many seeds and says which properties hold.
//!
//! ```text
//! simulate --scenario chat --nodes 50 --seeds 200 --loss 30 --days 2      seeds 1 to 200
//! simulate --scenario chat --nodes 50 --seed 17 --loss 30 --days 2        replays seed 17 exactly
//! ```

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use clap::Parser;
use hutong_node::sim::{self, Options, Report};

/// Simulates a neighbourhood of real engines on a faulty network.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// What they do: chat, group or order.
    #[arg(long)]
    scenario: String,
    /// How many nodes.
    #[arg(long, default_value_t = 50)]
    nodes: usize,
    /// How many seeds to try, from 1.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Replay only this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Messages lost, in percent.
    #[arg(long, default_value_t = 30)]
    loss: u64,
    /// Virtual days with faults.
    #[arg(long, default_value_t = 2)]
    days: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options { nodes: arguments.nodes, loss: arguments.loss, days: arguments.days };
    let (first, last) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, seed));
    let Some(reports) = run_all(&arguments.scenario, first, last, options) else {
        eprintln!("there is no scenario {:?}: try chat, group or order", arguments.scenario);
        return ExitCode::from(2);
    };
    let failed = summarise(&reports);
    for (seed, report) in reports.iter().filter(|(_, report)| !report.holds()) {
        for property in report.properties.iter().filter(|property| !property.broken.is_empty() || property.cases == 0) {
            println!("seed {seed}: {}: {:?} ({} cases)", property.claim, property.broken, property.cases);
        }
        println!("replay it with --seed {seed} and the same options");
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the seeds on all processors; `None` if there is no such scenario.
fn run_all(scenario: &str, first: u64, last: u64, options: Options) -> Option<Vec<(u64, Report)>> {
    let (next, reports) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last {
                        return;
                    }
                    let report = sim::run(scenario, seed, options);
                    if let Ok(mut reports) = reports.lock() {
                        reports.push((seed, report));
                    }
                }
            });
        }
    });
    let mut reports = reports.into_inner().ok()?;
    reports.sort_by_key(|(seed, _)| *seed);
    reports.into_iter().map(|(seed, report)| Some((seed, report?))).collect()
}

/// A line per property over all seeds. Returns the number of seeds that failed.
fn summarise(reports: &[(u64, Report)]) -> usize {
    let Some((_, sample)) = reports.first() else { return 1 };
    for (index, property) in sample.properties.iter().enumerate() {
        let all = || reports.iter().filter_map(|(_, report)| report.properties.get(index));
        let cases: u64 = all().map(|property| property.cases).sum();
        let broken = all().filter(|property| !property.broken.is_empty() || property.cases == 0).count();
        let word = if broken == 0 { "holds " } else { "BROKEN" };
        println!("{word}  {}  ({cases} cases, {broken} seeds broken)", property.claim);
    }
    let sum = |count: fn(&Report) -> u64| reports.iter().map(|(_, report)| count(report)).sum::<u64>();
    let (steps, crashes, lost) = (sum(|r| r.steps), sum(|r| r.crashes), sum(|r| r.lost));
    let failed = reports.iter().filter(|(_, report)| !report.holds()).count();
    println!("{} seeds, {failed} failed; {steps} steps, {crashes} crashes, {lost} messages lost", reports.len());
    failed
}
