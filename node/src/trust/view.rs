//! What others may read of reviews and recommendations.

use std::collections::BTreeSet;

use hutong_protocol::{AccountId, BlobHash, RecordId, TimestampMs, trust::Review};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    contact,
    engine::{EngineError, get_record, get_value},
    store::{Direction, KeyRange, Read},
};

/// Reviews read for one listing or store: enough for any average, and a bound for one who is flooded with them.
const REVIEWS_READ_MAX: usize = 2_000;
/// Recommendations read for one listing or of one account.
const RECOMMENDATIONS_READ_MAX: usize = 500;

/// A review, as far as ratings need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRow {
    /// The record.
    pub id: RecordId,
    /// Who.
    pub author: AccountId,
    /// 1 to 5.
    pub overall: u8,
    /// When.
    pub at: TimestampMs,
}

/// A recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendationRow {
    /// Why.
    pub text: String,
    /// When.
    pub at: TimestampMs,
}

/// What buyers gave. Never shown as an average alone: a seller can buy from himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rating {
    /// Tenths of a star; none without reviews.
    pub average_tenths: Option<u32>,
    /// Reviews.
    pub count: u32,
    /// Different buyers.
    pub buyers: u32,
    /// How many of them are contacts of the user.
    pub contacts: u32,
}

/// One review in full.
#[derive(Clone, Debug)]
pub struct ReviewView {
    /// The record.
    pub id: RecordId,
    /// Who.
    pub author: AccountId,
    /// Whether that is a contact of the user.
    pub from_contact: bool,
    /// 1 to 5.
    pub overall: u8,
    /// In words.
    pub text: String,
    /// Photos.
    pub photos: Vec<BlobHash>,
    /// When.
    pub at: TimestampMs,
}

fn rows(read: &dyn Read, prefix: &[u8]) -> Result<Vec<ReviewRow>, EngineError> {
    let mut shown = Vec::new();
    for (_, value) in read.collect(KeyRange::prefix(prefix), Direction::Ascending, REVIEWS_READ_MAX)? {
        let row: ReviewRow = hutong_protocol::codec::decode_checked(&value)?;
        if !contact::view::is_blocked(read, &row.author)? {
            shown.push(row);
        }
    }
    Ok(shown)
}

fn rate(read: &dyn Read, rows: &[ReviewRow]) -> Result<Rating, EngineError> {
    let buyers: BTreeSet<AccountId> = rows.iter().map(|row| row.author).collect();
    let mut contacts = 0u32;
    for buyer in &buyers {
        contacts = contacts.saturating_add(u32::from(contact::view::is_contact(read, buyer)?));
    }
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let tenths = rows.iter().fold(0u32, |sum, row| sum.saturating_add(u32::from(row.overall).saturating_mul(10)));
    // To the nearest tenth.
    let average_tenths = tenths.saturating_add(count / 2).checked_div(count);
    Ok(Rating { average_tenths, count, buyers: u32::try_from(buyers.len()).unwrap_or(u32::MAX), contacts })
}

/// What buyers gave a listing.
///
/// # Errors
/// The store's, or damage.
pub fn rating(read: &dyn Read, store: &AccountId, handle: &str) -> Result<Rating, EngineError> {
    rate(read, &rows(read, &keys::reviews(store, handle))?)
}

/// What buyers gave a store, over all its goods.
///
/// # Errors
/// The store's, or damage.
pub fn store_rating(read: &dyn Read, store: &AccountId) -> Result<Rating, EngineError> {
    rate(read, &rows(read, &keys::reviews_of(store))?)
}

/// The reviews of a listing: contacts' first, then the newest.
///
/// # Errors
/// The store's, or damage.
pub fn reviews(read: &dyn Read, store: &AccountId, handle: &str) -> Result<Vec<ReviewView>, EngineError> {
    let mut reviews = Vec::new();
    for row in rows(read, &keys::reviews(store, handle))? {
        reviews.extend(review(read, &row.id)?);
    }
    reviews.sort_by_key(|review| std::cmp::Reverse((review.from_contact, review.at, review.id)));
    Ok(reviews)
}

/// One review, by its record.
///
/// # Errors
/// The store's, or damage.
pub fn review(read: &dyn Read, id: &RecordId) -> Result<Option<ReviewView>, EngineError> {
    let Some(record) = get_record(read, id)? else { return Ok(None) };
    if record.header.kind != hutong_protocol::Kind::Review {
        return Ok(None);
    }
    let body: Review = record.body()?;
    let author = record.header.account;
    if contact::view::is_blocked(read, &author)? {
        return Ok(None);
    }
    Ok(Some(ReviewView {
        id: *id,
        author,
        from_contact: contact::view::is_contact(read, &author)?,
        overall: body.overall,
        text: body.text,
        photos: body.photos,
        at: record.header.at,
    }))
}

/// Accounts that recommend a listing and are contacts of the user (or the user).
///
/// # Errors
/// The store's, or damage.
pub fn recommended_by(read: &dyn Read, store: &AccountId, handle: &str) -> Result<Vec<AccountId>, EngineError> {
    let prefix = keys::recommendations(store, handle);
    let me = crate::engine::identity::account(read)?;
    let mut accounts = Vec::new();
    for (key, _) in read.collect(KeyRange::prefix(&prefix), Direction::Ascending, RECOMMENDATIONS_READ_MAX)? {
        let author = keys::parse_recommendation(&key);
        let author = author.ok_or_else(|| EngineError::Damaged("a recommendation row".into()))?;
        if Some(author) == me || contact::view::is_contact(read, &author)? {
            accounts.push(author);
        }
    }
    Ok(accounts)
}

/// A listing, by store and handle.
pub type ListingName = (AccountId, String);

/// What an account bought and reviewed, and what it recommends.
///
/// # Errors
/// The store's, or damage.
pub fn of_account(read: &dyn Read, account: &AccountId) -> Result<(Vec<ListingName>, Vec<ListingName>), EngineError> {
    if contact::view::is_blocked(read, account)? {
        return Ok((Vec::new(), Vec::new()));
    }
    let names = |prefix: &[u8]| -> Result<Vec<ListingName>, EngineError> {
        let rows = read.collect(KeyRange::prefix(prefix), Direction::Ascending, RECOMMENDATIONS_READ_MAX)?;
        let parse = |key: &[u8]| keys::parse_of_author(key).ok_or_else(|| EngineError::Damaged("a trust row".into()));
        rows.iter().map(|(key, _)| parse(key)).collect()
    };
    Ok((names(&keys::bought(account))?, names(&keys::favourites(account))?))
}

/// What an account says of a listing it recommends.
///
/// # Errors
/// The store's, or damage.
pub fn recommendation(
    read: &dyn Read,
    store: &AccountId,
    handle: &str,
    author: &AccountId,
) -> Result<Option<RecommendationRow>, EngineError> {
    if contact::view::is_blocked(read, author)? {
        return Ok(None);
    }
    get_value(read, keys::recommendation(store, handle, author))
}
