//! The server as a client meets it: real sockets, and raw HTTP where a client library would be too polite.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails there")]

mod account;
mod attachments;
mod blobs;
mod chats;
mod events;
mod groups;
mod messages;
mod neighbours;
mod security;
mod session;
mod shop;
mod support;
