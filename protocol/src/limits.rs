//! Every bound two nodes must agree on, each with its reason. A record over a limit is refused by every node, so a limit
//! may only grow with a version of the wire format.

/// Largest encoded record in bytes. One gossip frame (128 KiB) carries a record, its envelope and a frame header.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Largest signed envelope: a record plus signature (64), certificate (≈ 200) and CBOR keys.
pub const SIGNED_BYTES_MAX: usize = RECORD_BYTES_MAX + 1024;
/// Text of one message in UTF-8 bytes: a long letter, a quarter of a record.
pub const MESSAGE_TEXT_BYTES_MAX: usize = 16 * 1024;
/// A name that a person or store chose, in UTF-8 bytes (about 40 Chinese characters).
pub const NAME_BYTES_MAX: usize = 128;
/// "About" texts, in UTF-8 bytes.
pub const ABOUT_BYTES_MAX: usize = 2 * 1024;
/// The sentence of a contact request: a stranger's first message stays small.
pub const REQUEST_TEXT_BYTES_MAX: usize = 1024;
/// Causal links of one record. Eight covers every concurrent head seen in practice; a DAG needs few.
pub const REFS_MAX: usize = 8;
/// A slot name in bytes: a listing's handle fits.
pub const SLOT_BYTES_MAX: usize = 128;
/// A topic's text in bytes.
pub const TOPIC_BYTES_MAX: usize = 128;
/// A kind's name in bytes.
pub const KIND_BYTES_MAX: usize = 32;
/// Ids named by one receipt: one group commit of the receiver.
pub const RECEIPT_IDS_MAX: usize = 256;
/// How deep CBOR may nest. Our own records need 8; the rest is room for kinds to come.
pub const CBOR_DEPTH_MAX: usize = 24;
/// How many CBOR items one record may hold: bounds the work a 64 KiB record can cause.
pub const CBOR_ITEMS_MAX: usize = 8 * 1024;
/// A record from further ahead than this waits until its time has come (10 minutes).
pub const CLOCK_SKEW_MS_MAX: u64 = 10 * 60 * 1000;
/// A record from further ahead than this is refused instead of kept waiting (1 day): the waiting room is bounded.
pub const FUTURE_WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Records verified in one batch. Above this the gain per signature is under 2 %.
pub const VERIFY_BATCH_MAX: usize = 256;
/// Largest blob in bytes (1 GiB).
pub const BLOB_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Addresses named in one link: enough for TCP and QUIC on a few interfaces, small enough for a QR code.
pub const LINK_ADDRESSES_MAX: usize = 6;
/// Members of a public group whose membership a node keeps.
pub const GROUP_MEMBERS_MAX: usize = 10_000;
