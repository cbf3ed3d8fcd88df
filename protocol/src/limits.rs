//! Every bound two nodes must agree on, each with its reason. A record over a limit is refused by every node, so a limit
//! may only grow with a version of the wire format.

/// Largest encoded record in bytes. One gossip frame (128 KiB) carries a record, its envelope and a frame header.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Largest signed envelope: a record plus signature (64), certificate (≈ 200) and CBOR keys.
pub const SIGNED_BYTES_MAX: usize = RECORD_BYTES_MAX + 1024;
/// Text of one message in UTF-8 bytes: a long letter, a quarter of a record.
pub const MESSAGE_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Accounts named in one message.
pub const MENTIONS_MAX: usize = 32;
/// Longest time after which a message may disappear (one year): longer is for ever.
pub const DISAPPEAR_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;
/// One emoji in UTF-8 bytes: the longest in use, two people with skin tones, has 35.
pub const EMOJI_BYTES_MAX: usize = 48;
/// Different emoji of one account under one message. The newest count.
pub const REACTIONS_PER_ACCOUNT_MAX: usize = 20;
/// Accounts whose reactions to one message a node keeps: more than can be read. Of more, those with the smallest ids, so
/// that every node keeps the same ones.
pub const REACTORS_MAX: usize = 1_000;
/// How long after a message's time it can be recalled (2 minutes), both as its author claims.
pub const RECALL_MS_MAX: u64 = 2 * 60 * 1000;
/// A name that a person or store chose, in UTF-8 bytes (about 40 Chinese characters).
pub const NAME_BYTES_MAX: usize = 128;
/// "About" texts, in UTF-8 bytes.
pub const ABOUT_BYTES_MAX: usize = 2 * 1024;
/// The sentence of a contact request: a stranger's first message stays small.
pub const REQUEST_TEXT_BYTES_MAX: usize = 1024;
/// Contacts in common that a request can prove: 8 bytes each. Somebody with more has one among the newest of these.
pub const CIRCLE_TAGS_MAX: usize = 200;
/// Largest body of a contact request that is made, so that it fits a queue for strangers when it is sealed. Tags of contacts
/// in common are left out where there is no room.
pub const REQUEST_BODY_BYTES_MAX: usize = 1_664;
/// Most postage that may be asked for, in bits: minutes of work on one core. More would be a wall and no stamp.
pub const POSTAGE_BITS_MAX: u8 = 28;
/// Days after which a stamp is no longer taken by a mailbox, which must remember it so long.
pub const STAMP_DAYS_MAX: u32 = 3;
/// Largest item in a mailbox's queue for strangers: the second of the sizes of items.
pub const STRANGER_ITEM_BYTES_MAX: usize = 4 * 1024;
/// Items that wait in a queue for strangers (256 KiB).
pub const STRANGER_ITEMS_MAX: usize = 64;
/// Stamps that a mailbox remembers for one queue for strangers. At the usual postage, making so many costs a quarter of an
/// hour of one core.
pub const STAMPS_REMEMBERED_MAX: usize = 512;
/// Mailboxes where one device takes what strangers ask.
pub const STRANGER_MAILBOXES_MAX: usize = 2;
/// Addresses of each of them: they are in a public record and in each first message.
pub const STRANGER_ADDRESSES_MAX: usize = 2;
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
/// Mailboxes of one device: three are used; the rest is room for those being left and those being moved to.
pub const MAILBOXES_MAX: usize = 8;
/// Items that wait in one queue of a mailbox: a week of a lively contact.
pub const QUEUE_ITEMS_MAX: usize = 128;
/// Bytes that wait in one queue of a mailbox (16 MiB).
pub const QUEUE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a mailbox keeps an item (21 days).
pub const QUEUE_MS_MAX: u64 = 21 * 24 * 60 * 60 * 1000;
/// Queues asked for in one fetch: a person's contacts. 32 bytes each.
pub const QUEUES_FETCHED_MAX: usize = 2_048;
/// Largest blob in bytes (1 GiB).
pub const BLOB_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Files of one message: a page of pictures.
pub const ATTACHMENTS_MAX: usize = 10;
/// A file's name in UTF-8 bytes: what file systems allow.
pub const ATTACHMENT_NAME_BYTES_MAX: usize = 255;
/// A media type in bytes. The longest in use have about 80.
pub const MEDIA_TYPE_BYTES_MAX: usize = 128;
/// How loud a voice note is along the way: as many bars as a bubble on a phone is wide.
pub const WAVEFORM_VALUES_MAX: usize = 64;
/// The small picture of a file in bytes (8 KiB): it comes with the message, before the file does.
pub const THUMBNAIL_BYTES_MAX: usize = 8 * 1024;
/// All small pictures of one message in bytes (32 KiB): with the longest text the record stays under 64 KiB.
pub const THUMBNAILS_BYTES_MAX: usize = 32 * 1024;
/// The longest side of a small picture in pixels: 1 MiB decoded at most.
pub const THUMBNAIL_SIDE_MAX: u32 = 512;
/// How long a place is told live (8 hours): a shift, and no more than a forgotten one may last.
pub const LIVE_LOCATION_MS_MAX: u64 = 8 * 60 * 60 * 1000;
/// Addresses named in one link: enough for TCP and QUIC on a few interfaces, small enough for a QR code.
pub const LINK_ADDRESSES_MAX: usize = 6;
/// Members of a public group whose membership a node keeps.
pub const GROUP_MEMBERS_MAX: usize = 10_000;
/// Members of a private group: every message is brought to every device of each.
pub const PRIVATE_GROUP_MEMBERS_MAX: usize = 1_000;
/// People let into a group by one entry: with a device record each it is half a record.
pub const GROUP_NEWCOMERS_MAX: usize = 48;
/// Device records beside one entry of a group's log: one for each newcomer, and a few more.
pub const GROUP_DEVICES_MAX: usize = 64;
/// Invitations of one group that are worth something at a time.
pub const GROUP_TICKETS_MAX: usize = 256;
/// Messages on top of one group.
pub const GROUP_PINS_MAX: usize = 16;
/// Questions to those who want to come into a group.
pub const GROUP_QUESTIONS_MAX: usize = 5;
/// Entries of one group's log: every member came and went three times.
pub const GROUP_ENTRIES_MAX: usize = 4_096;
/// Longest time for which somebody is muted (one year): longer is a ban.
pub const MUTE_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;
/// Longest pause of slow mode (one day).
pub const SLOW_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Earlier messages that one in a private group names, so that what is missing is noticed.
pub const GROUP_AFTER_MAX: usize = 4;
/// Largest amount in minor units: 2^53 - 1, the largest integer a browser holds exactly.
pub const MONEY_MINOR_MAX: u64 = (1 << 53) - 1;
/// Name of a unit of one's own (`x-<name>.<exponent>`) in bytes.
pub const OWN_UNIT_NAME_BYTES_MAX: usize = 16;
/// A listing's name in UTF-8 bytes (Shopify allows 255 characters; most are under 80).
pub const LISTING_NAME_BYTES_MAX: usize = 255;
/// A listing's description in UTF-8 bytes: a quarter of a record, so that 100 variants still fit beside it.
pub const DESCRIPTION_BYTES_MAX: usize = 16 * 1024;
/// Variants of one listing: what a record of 64 KiB holds with full names beside the longest description.
pub const VARIANTS_MAX: usize = 100;
/// Options (size, colour, …) of one listing. Shopify has 3.
pub const OPTIONS_MAX: usize = 4;
/// Names of options and their values, brands, categories, tags, skus in UTF-8 bytes.
pub const LABEL_BYTES_MAX: usize = 128;
/// Tags of one listing.
pub const TAGS_MAX: usize = 32;
/// Pictures of one listing.
pub const IMAGES_MAX: usize = 20;
/// The words that describe a picture to those who cannot see it, in UTF-8 bytes.
pub const ALT_BYTES_MAX: usize = 256;
/// Units in stock, ordered, or weighed out at most: a bound that keeps every product of price and quantity small.
pub const QUANTITY_MAX: u32 = 1_000_000;
/// Heaviest piece in grams (1,000 t).
pub const WEIGHT_G_MAX: u32 = 1_000_000_000;
/// Shipping options of one store.
pub const SHIPPING_OPTIONS_MAX: usize = 20;
/// Zones of one shipping option: all countries there are.
pub const ZONES_MAX: usize = 260;
/// Pickup places of one store.
pub const PICKUP_PLACES_MAX: usize = 20;
/// Ways to pay that one store offers.
pub const PAYMENT_METHODS_MAX: usize = 8;
/// Languages of one store.
pub const LANGUAGES_MAX: usize = 16;
/// Terms and policies of a store, in UTF-8 bytes.
pub const POLICY_BYTES_MAX: usize = 8 * 1024;
/// Text of a review in UTF-8 bytes.
pub const REVIEW_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Photos of a review.
pub const REVIEW_PHOTOS_MAX: usize = 8;
/// Lines of one order. With 50 full lines a quote still fits a record.
pub const ORDER_LINES_MAX: usize = 50;
/// A note or reason in an order, in UTF-8 bytes: 2,000 Chinese characters.
pub const ORDER_NOTE_BYTES_MAX: usize = 6 * 1024;
/// Blobs named as evidence in a case.
pub const EVIDENCE_MAX: usize = 16;
/// Arbiters a buyer offers.
pub const ARBITERS_MAX: usize = 8;
/// Tries for a pickup PIN: with 6 digits, a guess succeeds once in 300,000 orders.
pub const PIN_TRIES_MAX: u8 = 3;
/// Entries of one order that a node keeps. The longest honest order has under 60; more is a fight or a flood.
pub const ORDER_ENTRIES_MAX: usize = 512;
