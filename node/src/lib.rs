//! The Hutong engine, a library: ingest, features, store, network, search.

pub mod account;
pub mod attachment;
#[cfg(feature = "runtime")]
pub mod backup;
#[cfg(feature = "runtime")]
pub mod bench;
#[cfg(feature = "runtime")]
pub mod blob;
pub mod chat;
#[cfg(feature = "runtime")]
pub mod clock;
pub mod contact;
#[cfg(feature = "runtime")]
pub mod doctor;
pub mod engine;
pub mod group;
#[cfg(feature = "runtime")]
pub mod handle;
#[cfg(feature = "runtime")]
mod indexer;
pub mod mailbox;
pub mod market;
#[cfg(feature = "runtime")]
pub mod net;
pub mod order;
pub mod presence;
#[cfg(feature = "runtime")]
mod runtime;
pub mod seal;
pub mod search;
pub mod sim;
#[cfg(feature = "runtime")]
mod stamps;
pub mod store;
#[cfg(test)]
mod testing;
#[cfg(feature = "runtime")]
mod transfer;
pub mod trust;

/// Every room of the house, in the order in which they hear of each other's events. A new feature is one line here.
pub const FEATURES: engine::Registry = &[
    &account::Account,
    &contact::Contacts,
    &mailbox::Mailboxes,
    &chat::Chat,
    &attachment::Attachments,
    &group::Groups,
    &market::Market,
    &order::Orders,
    &trust::Trust,
];
