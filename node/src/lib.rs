//! The Hutong engine, a library: ingest, features, store, network, search.

pub mod account;
#[cfg(feature = "runtime")]
pub mod blob;
pub mod contact;
pub mod engine;
#[cfg(feature = "runtime")]
pub mod net;
pub mod store;
