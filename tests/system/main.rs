//! Whole-system tests: real `hutong` processes that talk real libp2p on loopback, seen through their API only.
//!
//! | module | what it holds the product to |
//! |---|---|
//! | `attachment` | a file of 20 MiB arrives whole though its receiver is killed in the middle |
//! | `chat` | two people become contacts and talk; states are true; a stopped node gets everything once, in order |
//! | `group` | a public group by link; a late member gets the history |
//! | `market` | a catalogue from CSV with pictures; cards; listings and pictures on another node |
//! | `order` | whole orders: pay on delivery, bank transfer, pickup with a PIN; the review at a neighbour's node |
//! | `race` | two buyers, one piece |
//! | `crash` | `kill -9` of either side after every step of an order |
//! | `search` | goods, stores, people, groups and messages, in English and Chinese |
//! | `defence` | what the local server refuses |
//! | `hostile` | peers that send garbage, flood, or never answer |
//! | `sealed` | two who are never there together, and what their mailbox sees of it: nothing |
//! | `strangers` | a first request: its postage, whom both know, and how it reaches who is away |
//! | `full_disk` | a disk without room |
//! | `reach` | NATs and a relay, a LAN without internet, a changed address, a laptop that slept (network namespaces) |
//!
//! The harness is the library of this crate.

#![allow(clippy::unwrap_used, reason = "tests")]

mod attachment;
mod chat;
mod crash;
mod defence;
mod full_disk;
mod group;
mod hostile;
mod market;
mod order;
mod race;
#[cfg(target_os = "linux")]
mod reach;
#[cfg(target_os = "linux")]
mod sealed;
mod search;
mod strangers;
