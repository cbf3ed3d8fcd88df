//! Rows of the trust feature.
//!
//! | key | value |
//! |---|---|
//! | `t v` store, handle, author, review key | [`ReviewRow`](super::view::ReviewRow) |
//! | `t r` store, handle, author | [`RecommendationRow`](super::view::RecommendationRow) |

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
