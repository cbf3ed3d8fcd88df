//! The server as a client meets it: real sockets, and raw HTTP where a client library would be too polite.

mod account;
mod blobs;
mod chats;
mod events;
mod security;
mod session;
mod support;
