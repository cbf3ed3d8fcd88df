//! Stores and their goods: one's own, followed and visited ones, and the cart.
//!
//! A store's records are public, in `store/<account>`. A node knows a store once it **visits** it: opens its link or card,
//! or is in touch with its owner. The user may **follow** it; other visits make room for newer ones.
//!
//! One's own goods are kept as [`view::OwnListing`], which holds the stock as it is this moment. Orders lease from it in the
//! transaction that quotes them, so two buyers at the same moment cannot both get the last one; what the world sees is
//! published again shortly after.

pub mod cart;
pub mod import;
mod keys;
pub mod own;
mod rules;
pub mod stock;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    AccountId, Kind, Topic, Verified,
    chat::Card,
    market::{Listing, ListingStatus},
};

use self::view::{ListingRow, StoreRow};
use crate::{
    engine::{CommandError, Cx, DomainEvent, EngineError, Event, Feature, Indexed, Keep, Reject, Source},
    store::{Direction, KeyRange, Read},
};

/// Stores that a node knows without following them. Each costs a topic; a person looks at fewer in a month.
const VISITED_MAX: usize = 256;
/// Goods of one store that a node keeps: twice what the largest street market has, and a bound for a store that floods.
pub const LISTINGS_OF_A_STORE_MAX: u32 = 10_000;

/// The feature.
pub struct Market;

impl Feature for Market {
    fn name(&self) -> &'static str {
        "market"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Store, Kind::Listing]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let store = record.author();
        if record.header().kind == Kind::Store {
            rules::store(record)?;
            if view::row(cx.read(), &store)?.is_none() {
                let visited = cx.now();
                cx.put_value(keys::store(&store), &StoreRow { visited, ..StoreRow::default() })?;
            }
            cx.notify(Event::Store(store));
            cx.index(Indexed::Store(store));
        } else {
            let (handle, listing) = rules::listing(record)?;
            let full = view::row(cx.read(), &store)?.is_some_and(|row| row.listings >= LISTINGS_OF_A_STORE_MAX);
            if full && view::listing_row(cx.read(), &store, &handle)?.is_none() {
                return Err(Reject::Unwanted("the store has more goods than this node keeps"));
            }
            shelve(cx, &store, &handle, &listing)?;
        }
        Ok(Keep::Store)
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::MessageArrived { card: Some(Card::Listing { store, addresses, .. }), .. } => {
                visit(cx, store, addresses)
            }
            // Somebody one knows may sell something.
            DomainEvent::ContactAccepted(account) => visit(cx, account, &[]),
            _ => Ok(()),
        }
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        own::republish(cx)
    }

    fn wanted(&self, read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
        let rows = view::rows(read)?;
        Ok(rows.into_iter().filter(|(_, row)| row.followed).map(|(account, _)| account).collect())
    }

    /// Where visited stores are is remembered too, though nobody dials them all the time.
    fn wants(&self, read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
        Ok(view::row(read, account)?.is_some())
    }
}

/// Puts a listing into the lists, or takes it out.
fn shelve(cx: &mut Cx<'_>, store: &AccountId, handle: &str, listing: &Listing) -> Result<(), EngineError> {
    let before = view::listing_row(cx.read(), store, handle)?;
    let created = before.as_ref().map_or(cx.now(), |row| row.created);
    let shown = listing.status == ListingStatus::Active;
    let was_shown = before.as_ref().is_some_and(|row| row.shown);
    if shown != was_shown {
        let mut row = view::row(cx.read(), store)?.unwrap_or_default();
        let lists = [keys::newest_of(created, store, handle), keys::on_shelf(store, created, handle)];
        if shown {
            row.listings = row.listings.saturating_add(1);
            lists.into_iter().for_each(|key| cx.put(key, Vec::new()));
        } else {
            row.listings = row.listings.saturating_sub(1);
            lists.into_iter().for_each(|key| cx.delete(key));
        }
        cx.put_value(keys::store(store), &row)?;
    }
    let row = ListingRow { created, shown, category: listing.category.clone() };
    if before.as_ref() != Some(&row) {
        cx.put_value(keys::listing(store, handle), &row)?;
    }
    cx.notify(Event::Listing(*store, handle.to_owned()));
    cx.index(Indexed::Listing(*store, handle.to_owned()));
    Ok(())
}

/// Gets to know a store: follows its topic and tries to reach it. `addresses`: where it can be reached.
///
/// # Errors
/// The store's.
pub fn visit(cx: &mut Cx<'_>, store: &AccountId, addresses: &[String]) -> Result<(), EngineError> {
    if cx.account() == Some(*store) {
        return Ok(());
    }
    let before = view::row(cx.read(), store)?;
    if before.is_none() {
        make_room(cx)?;
    }
    let mut row = before.unwrap_or_default();
    row.visited = cx.now();
    if !addresses.is_empty() {
        row.addresses = addresses.iter().take(hutong_protocol::limits::LINK_ADDRESSES_MAX).cloned().collect();
    }
    cx.put_value(keys::store(store), &row)?;
    cx.follow(&Topic::Store(*store))?;
    cx.connect(store, row.addresses)
}

/// Forgets the visited store that was not looked at for the longest time, if there are too many.
fn make_room(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let visited: Vec<_> = view::rows(cx.read())?.into_iter().filter(|(_, row)| !row.followed).collect();
    if visited.len() < VISITED_MAX {
        return Ok(());
    }
    let in_cart = |store: &AccountId| -> Result<bool, EngineError> {
        Ok(cx.read().count(KeyRange::prefix(&keys::cart_of(store)), 1)? > 0)
    };
    let mut oldest = None;
    for (store, row) in visited {
        if oldest.as_ref().is_none_or(|(at, _)| row.visited < *at) && !in_cart(&store)? {
            oldest = Some((row.visited, store));
        }
    }
    oldest.map_or(Ok(()), |(_, store)| forget(cx, &store))
}

/// Drops what is known of a store. Orders stay: they carry what they need.
fn forget(cx: &mut Cx<'_>, store: &AccountId) -> Result<(), EngineError> {
    let topic = Topic::Store(*store);
    cx.unfollow(&topic)?;
    cx.forget(&topic, |_| true)?;
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::listings(store)), Direction::Ascending, usize::MAX)? {
        let row: ListingRow = hutong_protocol::codec::decode_checked(&value)?;
        if let Some(handle) = keys::parse_listing(&key) {
            cx.delete(keys::newest_of(row.created, store, &handle));
            cx.delete(keys::on_shelf(store, row.created, &handle));
            cx.index(Indexed::Listing(*store, handle));
        }
        cx.delete(key);
    }
    cx.delete(keys::store(store));
    cx.index(Indexed::Store(*store));
    Ok(())
}

/// Follows a store, or no longer.
///
/// # Errors
/// Refused for one's own.
pub fn set_followed(
    cx: &mut Cx<'_>,
    store: AccountId,
    followed: bool,
    addresses: &[String],
) -> Result<(), CommandError> {
    if cx.me()? == store {
        return Err(CommandError::refused("self", "this is your own store"));
    }
    if followed {
        visit(cx, &store, addresses)?;
    }
    if let Some(row) = view::row(cx.read(), &store)? {
        cx.put_value(keys::store(&store), &StoreRow { followed, ..row })?;
        cx.wanted_changed();
        cx.notify(Event::Store(store));
    }
    Ok(())
}
