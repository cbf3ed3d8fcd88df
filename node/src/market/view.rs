//! What others may read of stores and goods.

use hutong_protocol::{
    AccountId, Kind, RecordId, TimestampMs,
    ids::to_base32,
    market::{Listing, ListingStatus, STORE_SLOT, Store},
};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    contact,
    engine::{EngineError, get_slot, get_value, identity},
    store::{Direction, KeyRange, Read},
};

/// Goods shown on one page at most: three screens of a desktop.
pub const PAGE_MAX: usize = 200;

/// A store that this node follows or has visited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRow {
    /// The user follows it: it is never dropped to make room.
    #[serde(default)]
    pub followed: bool,
    /// When it was last opened or recommended.
    #[serde(default)]
    pub visited: TimestampMs,
    /// Its goods for sale, as far as this node knows.
    #[serde(default)]
    pub listings: u32,
    /// Where it can be reached, from its link or card.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// A listing of any store, as far as lists need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingRow {
    /// When this node first saw it: its place in lists does not change when its stock does.
    pub created: TimestampMs,
    /// Whether it is for sale.
    pub shown: bool,
    /// Its category.
    #[serde(default)]
    pub category: String,
}

/// One of this node's own goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnListing {
    /// As it is now, with the stock that is not leased.
    pub listing: Listing,
    /// Nobody else sees it yet.
    #[serde(default)]
    pub draft: bool,
    /// When it was last changed by a person.
    pub updated: TimestampMs,
}

/// A store's record.
#[derive(Clone, Debug)]
pub struct StoreView {
    /// Whose.
    pub account: AccountId,
    /// What it says.
    pub store: Store,
    /// What this node knows.
    pub row: StoreRow,
    /// When it was last changed.
    pub at: TimestampMs,
}

/// A listing's record.
#[derive(Clone, Debug)]
pub struct ListingView {
    /// Whose.
    pub store: AccountId,
    /// Its name in the store.
    pub handle: String,
    /// The record; none for a draft.
    pub record: Option<RecordId>,
    /// Its version.
    pub version: u64,
    /// When it was last changed.
    pub at: TimestampMs,
    /// Nobody else sees it.
    pub draft: bool,
    /// What it says.
    pub listing: Listing,
}

/// A part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order of the list.
    pub listings: Vec<ListingView>,
    /// Where the next page begins; none: this was the last.
    pub after: Option<String>,
    /// How many there are in the whole list.
    pub total: usize,
}

/// What this node knows of a store; none: nothing.
///
/// # Errors
/// The store's, or damage.
pub fn row(read: &dyn Read, account: &AccountId) -> Result<Option<StoreRow>, EngineError> {
    get_value(read, keys::store(account))
}

/// A store.
///
/// # Errors
/// The store's, or damage.
pub fn store(read: &dyn Read, account: &AccountId) -> Result<Option<StoreView>, EngineError> {
    let Some((_, record)) = get_slot(read, account, &Kind::Store, STORE_SLOT)? else { return Ok(None) };
    let row = row(read, account)?.unwrap_or_default();
    Ok(Some(StoreView { account: *account, store: record.body()?, row, at: record.header.at }))
}

/// All stores whose record is here, those followed first, then the last visited. None of blocked accounts.
///
/// # Errors
/// The store's, or damage.
pub fn stores(read: &dyn Read) -> Result<Vec<StoreView>, EngineError> {
    let mut views = Vec::new();
    for (account, _) in rows(read)? {
        if !contact::view::is_blocked(read, &account)? {
            views.extend(store(read, &account)?);
        }
    }
    views.sort_by_key(|view| std::cmp::Reverse((view.row.followed, view.row.visited)));
    Ok(views)
}

/// Everything that is known of stores, in the order of accounts.
///
/// # Errors
/// The store's, or damage.
pub fn rows(read: &dyn Read) -> Result<Vec<(AccountId, StoreRow)>, EngineError> {
    let prefix = keys::stores();
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)?;
    rows.into_iter()
        .map(|(key, value)| {
            let account = key.get(prefix.len()..).and_then(AccountId::from_slice);
            let account = account.ok_or_else(|| EngineError::Damaged("a store row".into()))?;
            Ok((account, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}

/// A listing; also one that is no longer for sale.
///
/// # Errors
/// The store's, or damage.
pub fn listing(read: &dyn Read, store: &AccountId, handle: &str) -> Result<Option<ListingView>, EngineError> {
    let Some((id, record)) = get_slot(read, store, &Kind::Listing, handle)? else { return Ok(None) };
    Ok(Some(ListingView {
        store: *store,
        handle: handle.to_owned(),
        record: Some(id),
        version: record.header.version.unwrap_or(0),
        at: record.header.at,
        draft: false,
        listing: record.body()?,
    }))
}

/// All goods for sale that this node knows, newest first.
///
/// # Errors
/// The store's, or damage.
pub fn market(read: &dyn Read, after: Option<&str>, limit: usize) -> Result<Page, EngineError> {
    let mut total = 0usize;
    for (store, row) in rows(read)? {
        if !contact::view::is_blocked(read, &store)? {
            total = total.saturating_add(row.listings as usize);
        }
    }
    page(read, &keys::newest(), after, limit, total, |key| {
        let (store, handle) = keys::parse_newest(key).ok_or_else(|| EngineError::Damaged("a market row".into()))?;
        if contact::view::is_blocked(read, &store)? {
            return Ok(None);
        }
        listing(read, &store, &handle)
    })
}

/// A store's goods for sale, newest first; `category`: only those.
///
/// # Errors
/// The store's, or damage.
pub fn shelf(
    read: &dyn Read,
    store: &AccountId,
    category: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, EngineError> {
    let total = match category {
        None => row(read, store)?.map_or(0, |row| row.listings as usize),
        Some(category) => count_category(read, store, category)?,
    };
    page(read, &keys::shelf(store), after, limit, total, |key| {
        let handle = keys::parse_shelf(key).ok_or_else(|| EngineError::Damaged("a shelf row".into()))?;
        if let Some(category) = category
            && listing_row(read, store, &handle)?.is_none_or(|row| row.category != category)
        {
            return Ok(None);
        }
        listing(read, store, &handle)
    })
}

pub(super) fn listing_row(read: &dyn Read, store: &AccountId, handle: &str) -> Result<Option<ListingRow>, EngineError> {
    get_value(read, keys::listing(store, handle))
}

fn count_category(read: &dyn Read, store: &AccountId, category: &str) -> Result<usize, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::listings(store)), Direction::Ascending, usize::MAX)?;
    let rows = rows.iter().map(|(_, value)| Ok(hutong_protocol::codec::decode_checked::<ListingRow>(value)?));
    let rows = rows.collect::<Result<Vec<_>, EngineError>>()?;
    Ok(rows.iter().filter(|row| row.shown && row.category == category).count())
}

/// The categories of a store's goods for sale.
///
/// # Errors
/// The store's, or damage.
pub fn categories(read: &dyn Read, store: &AccountId) -> Result<Vec<String>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::listings(store)), Direction::Ascending, usize::MAX)?;
    let mut found = std::collections::BTreeSet::new();
    for (_, value) in rows {
        let row: ListingRow = hutong_protocol::codec::decode_checked(&value)?;
        if row.shown && !row.category.is_empty() {
            found.insert(row.category);
        }
    }
    Ok(found.into_iter().collect())
}

/// This node's own goods in the order of their handles. `wanted` picks by handle and content.
///
/// # Errors
/// The store's, or damage.
pub fn own_listings(
    read: &dyn Read,
    wanted: impl Fn(&str, &OwnListing) -> bool,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::own_listings()), Direction::Ascending, usize::MAX)?;
    let mut found = Vec::new();
    let mut page = Page::default();
    for (key, value) in rows {
        let handle = keys::parse_own(&key).ok_or_else(|| EngineError::Damaged("a row of one's own goods".into()))?;
        let own: OwnListing = hutong_protocol::codec::decode_checked(&value)?;
        if !wanted(&handle, &own) {
            continue;
        }
        page.total = page.total.saturating_add(1);
        if after.is_none_or(|after| handle.as_str() > after) {
            found.push((handle, own));
        }
    }
    let limit = limit.clamp(1, PAGE_MAX);
    if found.len() > limit {
        found.truncate(limit);
        page.after = found.last().map(|(handle, _)| handle.clone());
    }
    for (handle, own) in found {
        page.listings.push(own_view(read, handle, own)?);
    }
    Ok(page)
}

/// One of this node's own goods.
///
/// # Errors
/// The store's, or damage.
pub fn own_listing(read: &dyn Read, handle: &str) -> Result<Option<ListingView>, EngineError> {
    own_row(read, handle)?.map(|own| own_view(read, handle.to_owned(), own)).transpose()
}

/// All of this node's own goods, for export.
///
/// # Errors
/// The store's, or damage.
pub fn all_own(read: &dyn Read) -> Result<Vec<(String, OwnListing)>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::own_listings()), Direction::Ascending, usize::MAX)?;
    rows.into_iter()
        .map(|(key, value)| {
            let handle = keys::parse_own(&key).ok_or_else(|| EngineError::Damaged("one's own goods".into()))?;
            Ok((handle, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}

/// The row of one of this node's own goods.
///
/// # Errors
/// The store's, or damage.
pub fn own_row(read: &dyn Read, handle: &str) -> Result<Option<OwnListing>, EngineError> {
    get_value(read, keys::own_listing(handle))
}

fn own_view(read: &dyn Read, handle: String, own: OwnListing) -> Result<ListingView, EngineError> {
    let me = identity::account(read)?.ok_or_else(|| EngineError::Damaged("goods without an account".into()))?;
    let published = get_slot(read, &me, &Kind::Listing, &handle)?;
    let version = published.as_ref().and_then(|(_, record)| record.header.version).unwrap_or(0);
    let record = published.map(|(id, _)| id);
    let OwnListing { listing, draft, updated } = own;
    Ok(ListingView { store: me, handle, record, version, at: updated, draft, listing })
}

/// How many of this node's own goods for sale have a variant that is sold out.
///
/// # Errors
/// The store's, or damage.
pub fn out_of_stock(read: &dyn Read) -> Result<u32, EngineError> {
    let sold_out = |own: &OwnListing| {
        let active = !own.draft && own.listing.status == ListingStatus::Active;
        active && own.listing.variants.iter().any(|variant| !variant.stock.has(1))
    };
    let count = all_own(read)?.iter().filter(|(_, own)| sold_out(own)).count();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Whether orders are quoted without asking; yes unless the merchant said no.
///
/// # Errors
/// The store's.
pub fn auto_quote(read: &dyn Read) -> Result<bool, EngineError> {
    Ok(read.get(&keys::auto_quote())?.is_none_or(|value| value.first() == Some(&1)))
}

/// Reads one page of keys under `prefix`, leaving out those that `view` does not show.
fn page(
    read: &dyn Read,
    prefix: &[u8],
    after: Option<&str>,
    limit: usize,
    total: usize,
    view: impl Fn(&[u8]) -> Result<Option<ListingView>, EngineError>,
) -> Result<Page, EngineError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let mut cursor = after.and_then(|after| parse_cursor(prefix, after));
    let mut page = Page { total, ..Page::default() };
    loop {
        let mut range = KeyRange::prefix(prefix);
        if let Some(cursor) = &cursor {
            range = range.after(cursor);
        }
        let look = limit.saturating_add(1);
        let rows = read.collect(range, Direction::Ascending, look)?;
        let last = rows.len() < look;
        for (key, _) in rows {
            if page.listings.len() == limit {
                page.after = cursor.as_deref().map(|cursor| to_base32(cursor.get(prefix.len()..).unwrap_or_default()));
                return Ok(page);
            }
            page.listings.extend(view(&key)?);
            cursor = Some(key.into_vec());
        }
        if last {
            return Ok(page);
        }
    }
}

fn parse_cursor(prefix: &[u8], text: &str) -> Option<Vec<u8>> {
    let tail = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
    Some([prefix, &tail].concat())
}
