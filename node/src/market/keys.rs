//! Rows of the market feature.
//!
//! | key | value |
//! |---|---|
//! | `m s` store | [`StoreRow`](super::view::StoreRow): a store this node follows or has visited |
//! | `m i` store, handle | [`ListingRow`](super::view::ListingRow) |
//! | `m n` newest first, store, handle | nothing: all goods for sale |
//! | `m a` store, newest first, handle | nothing: a store's goods for sale |
//! | `m o` handle | [`OwnListing`](super::view::OwnListing): this node's own goods, with the stock as it is now |
//! | `m d` handle | nothing: own goods whose published stock is out of date |
//! | `m l` lease | [`Lease`](super::stock::Lease) |
//! | `m c` store, handle, sku | [`CartRow`](super::cart::CartRow) |
//! | `m q` | one byte: whether orders are quoted without asking |

use hutong_protocol::{AccountId, TimestampMs};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b'm';

/// All stores: a prefix.
pub(super) fn stores() -> Key {
    Key::new(PREFIX).u8(b's')
}

/// One store.
pub(super) fn store(account: &AccountId) -> Key {
    stores().array(&account.0)
}

/// All listings of a store: a prefix.
pub(super) fn listings(store: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'i').array(&store.0)
}

/// One listing.
pub(super) fn listing(store: &AccountId, handle: &str) -> Key {
    listings(store).str(handle)
}

/// The handle in a key made by [`listing`].
pub(super) fn parse_listing(key: &[u8]) -> Option<String> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, [u8; 32]) = (reader.u8()?, reader.u8()?, reader.array()?);
    reader.str()
}

/// All goods for sale: a prefix.
pub(super) fn newest() -> Key {
    Key::new(PREFIX).u8(b'n')
}

/// One of them.
pub(super) fn newest_of(created: TimestampMs, store: &AccountId, handle: &str) -> Key {
    newest().u64(newest_first(created)).array(&store.0).str(handle)
}

/// Store and handle in a key made by [`newest_of`].
pub(super) fn parse_newest(key: &[u8]) -> Option<(AccountId, String)> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, u64) = (reader.u8()?, reader.u8()?, reader.u64()?);
    Some((AccountId(reader.array()?), reader.str()?))
}

/// A store's goods for sale: a prefix.
pub(super) fn shelf(store: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'a').array(&store.0)
}

/// One of them.
pub(super) fn on_shelf(store: &AccountId, created: TimestampMs, handle: &str) -> Key {
    shelf(store).u64(newest_first(created)).str(handle)
}

/// The handle in a key made by [`on_shelf`].
pub(super) fn parse_shelf(key: &[u8]) -> Option<String> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, [u8; 32], u64) = (reader.u8()?, reader.u8()?, reader.array()?, reader.u64()?);
    reader.str()
}

const fn newest_first(at: TimestampMs) -> u64 {
    u64::MAX - at.0
}

/// All own goods: a prefix.
pub(super) fn own_listings() -> Key {
    Key::new(PREFIX).u8(b'o')
}

/// One of them.
pub(super) fn own_listing(handle: &str) -> Key {
    own_listings().str(handle)
}

/// The handle in a key made by [`own_listing`] or [`dirty`].
pub(super) fn parse_own(key: &[u8]) -> Option<String> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    reader.str()
}

/// Own goods to be published again: a prefix.
pub(super) fn all_dirty() -> Key {
    Key::new(PREFIX).u8(b'd')
}

/// One of them.
pub(super) fn dirty(handle: &str) -> Key {
    all_dirty().str(handle)
}

/// A lease on stock.
pub(super) fn lease(id: &[u8; 16]) -> Key {
    Key::new(PREFIX).u8(b'l').array(id)
}

/// The cart: a prefix.
pub(super) fn cart() -> Key {
    Key::new(PREFIX).u8(b'c')
}

/// What of one store is in the cart: a prefix.
pub(super) fn cart_of(store: &AccountId) -> Key {
    cart().array(&store.0)
}

/// One line of it.
pub(super) fn cart_line(store: &AccountId, handle: &str, sku: &str) -> Key {
    cart_of(store).str(handle).str(sku)
}

/// Store, handle and sku in a key made by [`cart_line`].
pub(super) fn parse_cart(key: &[u8]) -> Option<(AccountId, String, String)> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8) = (reader.u8()?, reader.u8()?);
    Some((AccountId(reader.array()?), reader.str()?, reader.str()?))
}

/// Whether orders are quoted without asking.
pub(super) fn auto_quote() -> Key {
    Key::new(PREFIX).u8(b'q')
}
