//! One's own store and goods.

use hutong_protocol::{
    Draft, Kind, Topic,
    limits::RECORD_BYTES_MAX,
    market::{Listing, ListingStatus, STORE_SLOT, Store, check_handle},
};

use super::{
    LISTINGS_OF_A_STORE_MAX, keys,
    view::{self, OwnListing},
};
use crate::{
    engine::{CommandError, Cx, EngineError, Event, get_slot},
    store::{Direction, KeyRange},
};

/// Listings published again in one tick. The rest follows in the next.
const REPUBLISH_A_TICK: usize = 64;

/// Whether an own listing is for sale, hidden, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Everybody sees it.
    Active,
    /// Nobody else does.
    Draft,
    /// It is no longer for sale; old orders and links still show it.
    Archived,
}

impl Publication {
    /// Of an own listing.
    #[must_use]
    pub const fn of(draft: bool, status: ListingStatus) -> Self {
        match (draft, status) {
            (true, _) => Self::Draft,
            (false, ListingStatus::Active) => Self::Active,
            (false, ListingStatus::Archived) => Self::Archived,
        }
    }
}

/// What became of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Created,
    /// It was changed.
    Updated,
    /// It was already so.
    Unchanged,
}

/// Publishes the own store's record.
///
/// # Errors
/// Refused if a field breaks a limit, or if the currency changes while there are goods.
pub fn put_store(cx: &mut Cx<'_>, store: &Store) -> Result<(), CommandError> {
    let me = cx.me()?;
    store.validate()?;
    if let Some(before) = view::store(cx.read(), &me)?
        && before.store.currency != store.currency
        && cx.read().count(KeyRange::prefix(&keys::own_listings()), 1)? > 0
    {
        return Err(CommandError::refused(
            "currency_fixed",
            "your goods are priced in another currency: export and delete them before you change it",
        ));
    }
    if get_slot(cx.read(), &me, &Kind::Store, STORE_SLOT)?
        .is_some_and(|(_, record)| record.body::<Store>().is_ok_and(|before| before == *store))
    {
        return Ok(());
    }
    let topic = Topic::Store(me);
    cx.follow(&topic)?;
    let version = cx.next_version(&me, &Kind::Store, STORE_SLOT)?;
    cx.publish(Draft::new(topic, Kind::Store, store)?.in_slot(STORE_SLOT, version), None)?;
    Ok(())
}

/// Whether orders are quoted without asking.
pub fn set_auto_quote(cx: &mut Cx<'_>, on: bool) {
    cx.put(keys::auto_quote(), vec![u8::from(on)]);
}

/// Writes one of one's own goods and publishes it, unless it is a draft.
///
/// # Errors
/// Refused without a store, in another currency than the store's, or if a field breaks a limit.
pub fn put_listing(
    cx: &mut Cx<'_>,
    handle: &str,
    mut listing: Listing,
    publication: Publication,
) -> Result<Written, CommandError> {
    let me = cx.me()?;
    check_handle(handle)?;
    let store = view::store(cx.read(), &me)?
        .ok_or_else(|| CommandError::refused("no_store", "open your store first: give it a name and a currency"))?;
    if listing.currency != store.store.currency {
        let message = format!("your store sells in {}: give prices in it", store.store.currency);
        return Err(CommandError::refused("wrong_currency", message));
    }
    listing.status = if publication == Publication::Archived { ListingStatus::Archived } else { ListingStatus::Active };
    listing.validate()?;
    let draft = publication == Publication::Draft;
    let before = view::own_row(cx.read(), handle)?;
    if before.as_ref().is_some_and(|own| own.listing == listing && own.draft == draft) {
        return Ok(Written::Unchanged);
    }
    // Other nodes would keep no more either (`LISTINGS_OF_A_STORE_MAX`).
    let full = view::row(cx.read(), &me)?.is_some_and(|row| row.listings >= LISTINGS_OF_A_STORE_MAX);
    if full && !draft && view::listing_row(cx.read(), &me, handle)?.is_none() {
        let message = format!("a store has at most {LISTINGS_OF_A_STORE_MAX} products: delete some first");
        return Err(CommandError::refused("store_full", message));
    }
    let updated = cx.now();
    cx.put_value(keys::own_listing(handle), &OwnListing { listing: listing.clone(), draft, updated })?;
    cx.delete(keys::dirty(handle));
    if draft {
        withdraw(cx, handle)?;
        cx.notify(Event::Listing(me, handle.to_owned()));
    } else {
        publish(cx, handle, &listing)?;
    }
    Ok(if before.is_some() { Written::Updated } else { Written::Created })
}

/// Writes many of one's own goods, all or none: what an import comes to. A draft stays one.
///
/// # Errors
/// As [`put_listing`], naming the listing.
pub fn put_all(cx: &mut Cx<'_>, listings: Vec<(String, Listing)>) -> Result<(), CommandError> {
    for (handle, listing) in listings {
        let draft = view::own_row(cx.read(), &handle)?.is_some_and(|own| own.draft);
        let publication = Publication::of(draft && listing.status == ListingStatus::Active, listing.status);
        put_listing(cx, &handle, listing, publication).map_err(|error| match error {
            CommandError::Refused { code, message } => {
                CommandError::Refused { code, message: format!("{handle}: {message}") }
            }
            other => other,
        })?;
    }
    Ok(())
}

/// Deletes one of one's own goods. Others keep it as no longer for sale.
///
/// # Errors
/// `NotFound` if there is none.
pub fn delete_listing(cx: &mut Cx<'_>, handle: &str) -> Result<(), CommandError> {
    let me = cx.me()?;
    view::own_row(cx.read(), handle)?.ok_or(CommandError::NotFound("this listing"))?;
    cx.delete(keys::own_listing(handle));
    cx.delete(keys::dirty(handle));
    withdraw(cx, handle)?;
    cx.notify(Event::Listing(me, handle.to_owned()));
    Ok(())
}

fn publish(cx: &mut Cx<'_>, handle: &str, listing: &Listing) -> Result<(), CommandError> {
    let me = cx.me()?;
    let version = cx.next_version(&me, &Kind::Listing, handle)?;
    let draft = Draft::new(Topic::Store(me), Kind::Listing, listing)?.in_slot(handle, version);
    // The envelope's own fields take under 512 bytes.
    if hutong_protocol::codec::encode(&listing)?.len() > RECORD_BYTES_MAX - 512 {
        return Err(CommandError::refused(
            "listing_too_large",
            "this listing is over 64 KiB: shorten its description or split its variants into two listings",
        ));
    }
    cx.publish(draft, None)?;
    Ok(())
}

/// Makes what the world sees "no longer for sale", if it sees anything.
fn withdraw(cx: &mut Cx<'_>, handle: &str) -> Result<(), CommandError> {
    let me = cx.me()?;
    let Some((_, record)) = get_slot(cx.read(), &me, &Kind::Listing, handle)? else { return Ok(()) };
    let mut listing: Listing = record.body()?;
    if listing.status == ListingStatus::Active {
        listing.status = ListingStatus::Archived;
        publish(cx, handle, &listing)?;
    }
    Ok(())
}

/// Publishes goods whose stock has changed since the world was told.
pub(super) fn republish(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let rows = cx.read().collect(KeyRange::prefix(&keys::all_dirty()), Direction::Ascending, REPUBLISH_A_TICK)?;
    for (key, _) in rows {
        cx.delete(&key);
        let Some(handle) = keys::parse_own(&key) else { continue };
        let Some(own) = view::own_row(cx.read(), &handle)? else { continue };
        if own.draft {
            continue;
        }
        match publish(cx, &handle, &own.listing) {
            Ok(()) => {}
            Err(CommandError::Own(error)) => return Err(error),
            Err(error) => tracing::warn!(%error, handle, "a listing could not be published again"),
        }
    }
    Ok(())
}
