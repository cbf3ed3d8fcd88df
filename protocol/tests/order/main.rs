//! The order machine: every row of the table by its number, what is refused, and properties over random logs.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod log;
mod properties;
mod refused;
mod rows;
mod table;
