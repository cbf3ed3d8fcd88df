//! The work for postage, off the engine's thread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hutong_protocol::{AccountId, postage::Work};
use tokio::sync::mpsc;

use crate::{engine::Input, runtime::Job};

/// Nonces tried before it is asked whether the result is still wanted: under ten milliseconds.
const ROUND: u64 = 65_536;
/// Works at one time. The engine asks for one; more can only be some that have not noticed yet that they are stopped.
const WORKS_MAX: usize = 4;

/// What is being worked on.
#[derive(Default)]
pub(crate) struct Stamps {
    works: Mutex<BTreeMap<AccountId, Arc<AtomicBool>>>,
}

impl Stamps {
    fn works(&self) -> MutexGuard<'_, BTreeMap<AccountId, Arc<AtomicBool>>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins. The engine hears of the result; of nothing if it was stopped.
    pub(crate) fn begin(&self, to: AccountId, work: Work, (bits, from): (u8, u64), jobs: mpsc::Sender<Job>) {
        self.stop(&to);
        let stopped = Arc::new(AtomicBool::new(false));
        let mut works = self.works();
        works.retain(|_, other| Arc::strong_count(other) > 1);
        if works.len() >= WORKS_MAX {
            // Cannot be while the engine asks for one at a time; it asks again after the next start.
            tracing::warn!("too much postage at one time");
            return;
        }
        works.insert(to, Arc::clone(&stopped));
        drop(works);
        tokio::task::spawn_blocking(move || {
            let mut from = from;
            while !stopped.load(Ordering::Relaxed) && !jobs.is_closed() {
                if let Some(nonce) = work.search(bits, from, ROUND) {
                    // The engine is gone: so is whoever waits.
                    jobs.blocking_send(Job::from(Input::Stamped { to, nonce })).ok();
                    return;
                }
                from = from.wrapping_add(ROUND);
            }
        });
    }

    /// The result is not wanted any more.
    pub(crate) fn stop(&self, to: &AccountId) {
        if let Some(stopped) = self.works().remove(to) {
            stopped.store(true, Ordering::Relaxed);
        }
    }
}
