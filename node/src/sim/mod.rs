//! The simulator: real engines on memory stores, a virtual clock, a faulty network, one seed.
//!
//! A run is a function of its seed and options alone. When a property fails, `simulate --seed N` with the same options
//! replays it exactly, step for step.

// A simulation is a test harness: an index out of range or a broken assumption should stop it loudly.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod chat;
mod group;
mod links;
mod order;
mod rng;
mod town;
mod world;

pub use self::{
    rng::Rng,
    world::{Faults, World},
};

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Engines.
    pub nodes: usize,
    /// Messages lost, in percent.
    pub loss: u64,
    /// Virtual days with faults; then calm until everything has settled.
    pub days: u64,
}

/// One property of a finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// What is claimed.
    pub claim: &'static str,
    /// How many cases were looked at: a property over nothing proves nothing.
    pub cases: u64,
    /// The first few cases that break it.
    pub broken: Vec<String>,
}

impl Property {
    pub(crate) const fn new(claim: &'static str) -> Self {
        Self { claim, cases: 0, broken: Vec::new() }
    }

    pub(crate) fn check(&mut self, holds: bool, case: impl FnOnce() -> String) {
        self.cases += 1;
        if !holds && self.broken.len() < 5 {
            self.broken.push(case());
        }
    }
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The properties.
    pub properties: Vec<Property>,
    /// Engine steps.
    pub steps: u64,
    /// Crashes.
    pub crashes: u64,
    /// Messages lost.
    pub lost: u64,
}

impl Report {
    /// Whether every property holds, over at least one case each.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.properties.iter().all(|property| property.broken.is_empty() && property.cases > 0)
    }
}

/// Runs a scenario by name (`chat`, `group`, `order`); `None` if there is none of that name.
#[must_use]
pub fn run(scenario: &str, seed: u64, options: Options) -> Option<Report> {
    match scenario {
        "chat" => Some(chat::run(seed, options)),
        "order" => Some(order::run(seed, options)),
        "group" => Some(group::run(seed, options)),
        _ => None,
    }
}

pub(crate) fn faults(options: Options) -> Faults {
    Faults { loss: options.loss, duplicate: 10, crash_permille: 1, delay_ms: 5_000, skew_ms: 4 * 60_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Options = Options { nodes: 6, loss: 30, days: 1 };
    const TINY: Options = Options { nodes: 3, loss: 30, days: 1 };

    #[test]
    fn the_chat_scenario_holds_on_a_few_seeds() {
        for seed in 1..=2 {
            let report = run("chat", seed, SMALL).unwrap();
            assert!(report.holds(), "seed {seed}: {report:#?}");
            assert!(report.lost > 0, "seed {seed}: a network without faults proves nothing");
        }
    }

    #[test]
    fn the_group_scenario_holds() {
        let report = run("group", 1, Options { nodes: 10, loss: 30, days: 1 }).unwrap();
        assert!(report.holds(), "seed 1: {report:#?}");
    }

    #[test]
    fn the_order_scenario_holds_on_a_few_seeds() {
        for seed in 1..=2 {
            let report = run("order", seed, SMALL).unwrap();
            assert!(report.holds(), "seed {seed}: {report:#?}");
        }
    }

    #[test]
    fn the_same_seed_replays_exactly() {
        assert_eq!(run("chat", 7, TINY), run("chat", 7, TINY));
        assert_ne!(run("chat", 7, TINY), run("chat", 8, TINY));
    }
}
