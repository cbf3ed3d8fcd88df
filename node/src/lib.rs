//! The Hutong engine, a library: ingest, features, store, network, search.

pub mod store;
