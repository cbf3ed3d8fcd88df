//! Stores and what they sell.

pub mod import;
