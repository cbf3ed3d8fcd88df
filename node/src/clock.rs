//! The one place that reads the wall clock. The engine and the simulator are given the time.

use std::time::{SystemTime, UNIX_EPOCH};

use hutong_protocol::TimestampMs;

/// The time of day, for what is written and shown. Never for the order of things: that is the engine's.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub fn now() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
