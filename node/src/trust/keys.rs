//! Rows of the trust feature.
//!
//! | key | value |
//! |---|---|
//! | `t v` store, handle, author, review key | [`ReviewRow`](super::view::ReviewRow) |
//! | `t r` store, handle, author | [`RecommendationRow`](super::view::RecommendationRow) |
//! | `t b` author, store, handle | nothing: what somebody bought and reviewed |
//! | `t f` author, store, handle | nothing: what somebody recommends |

use hutong_protocol::{AccountId, trust::ReviewKeyId};

use crate::store::{Key, KeyReader};

const PREFIX: u8 = b't';

/// All reviews of a store: a prefix.
pub(super) fn reviews_of(store: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'v').array(&store.0)
}

/// All reviews of a listing: a prefix.
pub(super) fn reviews(store: &AccountId, handle: &str) -> Key {
    reviews_of(store).str(handle)
}

/// One review.
pub(super) fn review(store: &AccountId, handle: &str, author: &AccountId, key: &ReviewKeyId) -> Key {
    reviews(store, handle).array(&author.0).array(&key.0)
}

/// All recommendations of a listing: a prefix.
pub(super) fn recommendations(store: &AccountId, handle: &str) -> Key {
    Key::new(PREFIX).u8(b'r').array(&store.0).str(handle)
}

/// One recommendation.
pub(super) fn recommendation(store: &AccountId, handle: &str, author: &AccountId) -> Key {
    recommendations(store, handle).array(&author.0)
}

/// The author in a key made by [`recommendation`].
pub(super) fn parse_recommendation(key: &[u8]) -> Option<AccountId> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, [u8; 32], String) = (reader.u8()?, reader.u8()?, reader.array()?, reader.str()?);
    reader.array().map(AccountId)
}

/// What somebody bought and reviewed: a prefix.
pub(super) fn bought(author: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'b').array(&author.0)
}

/// What somebody recommends: a prefix.
pub(super) fn favourites(author: &AccountId) -> Key {
    Key::new(PREFIX).u8(b'f').array(&author.0)
}

/// One of either.
pub(super) fn of_author(prefix: Key, store: &AccountId, handle: &str) -> Key {
    prefix.array(&store.0).str(handle)
}

/// Store and handle in a key made by [`of_author`].
pub(super) fn parse_of_author(key: &[u8]) -> Option<(AccountId, String)> {
    let mut reader = KeyReader::new(key);
    let _: (u8, u8, [u8; 32]) = (reader.u8()?, reader.u8()?, reader.array()?);
    Some((AccountId(reader.array()?), reader.str()?))
}
