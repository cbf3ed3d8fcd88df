//! The local HTTP API and web UI of a Hutong node.
//!
//! The browser is a guest: the server listens on loopback only, checks who asks before anything else
//! ([`security`]), and hands out sessions only for a one-time token ([`session`]). Handlers convert between JSON and the
//! node's views; they hold no state and no rules of their own.
//!
//! Architecture invariant: this crate never touches the store, the network or a key. It asks the node.

pub mod api;
pub mod auth;
pub mod error;
pub mod extract;
mod fetch;
mod media;
mod metadata;
mod picture;
mod pump;
mod secret_file;
pub mod security;
pub mod server;
pub mod session;
mod state;
mod ui;
mod views;

pub use server::{Server, WebConfig, WebError, serve, token_path};
