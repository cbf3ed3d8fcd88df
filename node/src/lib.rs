//! The Hutong engine, a library: ingest, features, store, network, search.

#[cfg(feature = "runtime")]
pub mod blob;
#[cfg(feature = "runtime")]
pub mod net;
pub mod store;
