//! What every scenario begins with: a world whose nodes have accounts.

use hutong_protocol::AccountId;

use super::{Options, Report, World, faults};
use crate::{
    account,
    engine::{CommandError, Cx},
};

/// Virtual milliseconds in an hour.
pub(super) const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Calm hours after the faults: several of the longest pause between two attempts.
const CALM_HOURS: u64 = 6;

/// A world and its people.
pub(super) struct Town {
    pub(super) world: World,
    pub(super) accounts: Vec<AccountId>,
}

impl Town {
    pub(super) fn open(seed: u64, options: Options) -> Self {
        let world = World::new(seed, options.nodes, faults(options));
        let world = world.unwrap_or_else(|error| unreachable!("a memory store does not fail: {error}"));
        let mut town = Self { world, accounts: Vec::new() };
        for node in 0..options.nodes {
            let account = town.insist(node, |cx| {
                let entropy = cx.random::<16>();
                account::create(cx, &entropy, &format!("node {}", cx.device()), None, "simulated")
            });
            // An account that was made just before a crash is there, though nobody was told.
            town.accounts.extend(account.or_else(|| town.world.account(node)));
        }
        town
    }

    /// Runs a command until the node is up to answer; `None` if it answered no.
    pub(super) fn insist<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl Fn(&mut Cx<'_>) -> Result<T, CommandError> + Clone + Send + 'static,
    ) -> Option<T> {
        loop {
            if let Some(answer) = self.world.call(node, order.clone()) {
                return answer.ok();
            }
            self.world.run(60_000);
        }
    }

    /// No more faults; everything that waits gets its time.
    pub(super) fn settle(&mut self) {
        self.world.calm();
        self.world.run(CALM_HOURS * HOUR_MS);
    }

    /// A short split, twice a day.
    pub(super) fn trouble(&mut self, hour: u64) {
        if hour % 12 == 5 {
            let length = (1 + self.world.rng().below(6)) * HOUR_MS;
            self.world.split(length);
        }
        // Laptops are closed, some of them for longer than their owners' friends are awake.
        for _ in 0..self.accounts.len().div_ceil(20) {
            if self.world.rng().chance(30) {
                let (node, hours) = (self.any_node(), 1 + self.world.rng().below(10));
                self.world.sleep(node, hours * HOUR_MS);
            }
        }
    }

    pub(super) fn any_node(&mut self) -> usize {
        let count = u64::try_from(self.accounts.len()).unwrap_or(u64::MAX);
        usize::try_from(self.world.rng().below(count)).unwrap_or(0)
    }

    pub(super) fn report(self, properties: Vec<super::Property>) -> Report {
        let World { steps, crashes, lost, .. } = self.world;
        Report { properties, steps, crashes, lost }
    }
}
