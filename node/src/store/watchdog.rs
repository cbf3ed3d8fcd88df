//! Notices work that does not end, and gives it a push.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How often it looks. Work that is still the same at two looks is stuck.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A thread that calls `nudge` when the watched work takes longer than [`LOOK_EVERY`].
///
/// For sled 0.34, which can set an error without waking who waits for the flush; a second flush that meets the error
/// wakes everybody.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Odd while work runs.
    turns: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub(super) fn start(nudge: impl Fn() + Send + 'static) -> io::Result<Self> {
        let turns = Arc::new(AtomicU64::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (seen, stop) = (Arc::clone(&turns), Arc::clone(&stopping));
        let run = move || {
            let mut last = 0;
            while !stop.load(Ordering::SeqCst) {
                std::thread::park_timeout(LOOK_EVERY);
                let now = seen.load(Ordering::SeqCst);
                if now == last && now % 2 == 1 {
                    tracing::warn!("writing to the disk takes long");
                    nudge();
                }
                last = now;
            }
        };
        let thread = std::thread::Builder::new().name("store-watchdog".into()).spawn(run)?;
        Ok(Self { turns, stopping, thread: Some(thread) })
    }

    /// Does `work`, watched. One at a time.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        self.turns.fetch_add(1, Ordering::SeqCst);
        let done = work();
        self.turns.fetch_add(1, Ordering::SeqCst);
        done
    }

    /// Ends the thread and drops what `nudge` holds.
    pub(super) fn stop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::warn!("the store's watchdog had panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn work_that_waits_for_a_nudge_gets_one() {
        let (nudge, nudged) = sync_channel(1);
        let mut watchdog = Watchdog::start(move || nudge.send(()).unwrap_or_default()).unwrap();
        watchdog.watch(|| nudged.recv()).unwrap();
        watchdog.stop();
        assert!(nudged.recv().is_err(), "stopping drops what the nudge held");
    }
}
