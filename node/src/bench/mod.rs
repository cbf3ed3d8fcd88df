//! Measurements of the engine, each with its baseline in the same run: absolute numbers change with the machine, ratios
//! much less. `hutong bench` prints them.

pub mod blob;
pub mod group;
pub mod ingest;
pub mod seal;

use std::time::Instant;

/// What a piece of work cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Processor time of the whole process, background threads included, in microseconds.
    pub cpu_us: u64,
    /// Time on the wall, in microseconds.
    pub wall_us: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.cpu_us = self.cpu_us.saturating_add(other.cpu_us);
        self.wall_us = self.wall_us.saturating_add(other.wall_us);
    }
}

impl Cost {
    /// Units of work per second of processor time.
    #[must_use]
    pub fn per_cpu_second(&self, units: usize) -> u64 {
        rate(units, self.cpu_us)
    }

    /// Units of work per second on the wall.
    #[must_use]
    pub fn per_second(&self, units: usize) -> u64 {
        rate(units, self.wall_us)
    }
}

fn rate(units: usize, us: u64) -> u64 {
    u64::try_from(units).unwrap_or(u64::MAX).saturating_mul(1_000_000).checked_div(us).unwrap_or(0)
}

fn cpu_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000)
}

/// Does some work and says what it cost.
pub fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (cpu, wall) = (cpu_us(), Instant::now());
    let result = work();
    let wall_us = u64::try_from(wall.elapsed().as_micros()).unwrap_or(u64::MAX);
    (result, Cost { cpu_us: cpu_us().saturating_sub(cpu), wall_us })
}
