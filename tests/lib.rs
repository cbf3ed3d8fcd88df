//! The harness of the whole-system tests: real `hutong run` processes on loopback, their API, their live events.
//!
//! ```text
//! Person / Shop (what people do) ─► Node (one process, its data directory) ─► Client (API), Live (events)
//! ```
//! Nothing here sleeps to "let something happen": a process is ready when it says so, and a state is waited for by
//! reading it again after each live event. Every wait has an end, [`PATIENCE`], and says what it waited for.
//!
//! The binary comes from `HUTONG_BIN`, else from beside the test's own (`target/<profile>/hutong`); `tests/run` builds it.

#![allow(clippy::unwrap_used, reason = "a harness of tests fails by panicking where it stands")]

mod client;
mod live;
mod node;
mod person;
mod shop;
#[cfg(target_os = "linux")]
pub mod world;

use std::time::Duration;

pub use client::{Client, Refusal};
pub use live::Live;
pub use node::{Node, Options, binary};
pub use person::{Person, befriend};
pub use shop::{CATALOGUE, Shop, address, picture};

/// How long a test waits for one thing: long, for a loaded machine with unoptimised nodes; bounded, so that a failure
/// is a message and not a hang.
pub const PATIENCE: Duration = Duration::from_secs(90);
