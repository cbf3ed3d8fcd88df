//! What Hutong nodes must agree on: records, ids, signatures, codec, limits and state machines.
//!
//! Nothing here does I/O, reads a clock or draws a random number: time and entropy come in as arguments. That is what
//! lets one seed replay a thousand nodes, and what lets a node in another language be written from
//! `docs/wire-format.md` alone.

pub mod account;
pub mod certificate;
pub mod chat;
pub mod circle;
pub mod codec;
pub mod contact;
pub mod group;
pub mod ids;
pub mod kind;
pub mod limits;
pub mod link;
pub mod mailbox;
pub mod market;
pub mod money;
pub mod order;
pub mod own;
pub mod phrase;
pub mod picture;
pub mod postage;
pub mod presence;
pub mod record;
pub mod seal;
pub mod signature;
pub mod text;
pub mod time;
pub mod tombstone;
pub mod topic;
pub mod trust;

pub use certificate::{Certificate, RevocationStatement};
pub use ids::{AccountId, BlobHash, DeviceId, GroupId, RecordId};
pub use kind::Kind;
pub use record::{Draft, Header, Signed, Unverified, Verified};
pub use signature::{AccountKey, DeviceKey, Signature};
pub use time::TimestampMs;
pub use topic::Topic;
