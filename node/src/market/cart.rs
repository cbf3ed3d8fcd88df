//! The cart: what the user means to buy, by store. Local, never on the wire.

use hutong_protocol::{
    AccountId,
    limits::{ORDER_LINES_MAX, QUANTITY_MAX},
    market::{Listing, ListingStatus, check_handle},
    money::Money,
};
use serde::{Deserialize, Serialize};

use super::{
    keys,
    view::{self, StoreView},
};
use crate::{
    engine::{CommandError, Cx, EngineError, Event},
    store::{Direction, KeyRange, Read},
};

/// Lines in the cart over all stores.
const LINES_MAX: usize = 200;

/// One line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartRow {
    /// How many.
    pub quantity: u32,
    /// The price when it was put in.
    pub price: Money,
    /// Its name when it was put in, for when it is gone.
    pub title: String,
}

/// Why a line cannot be ordered as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is no longer for sale.
    Gone,
    /// None are left.
    SoldOut,
    /// Fewer are left than are wanted.
    NotEnough,
    /// The price is another one now. It can be ordered at that.
    PriceChanged,
}

/// One line.
#[derive(Clone, Debug)]
pub struct CartLine {
    /// The listing.
    pub handle: String,
    /// The variant.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// What one costs now; if it is gone, what it cost.
    pub price: Money,
    /// Its name.
    pub title: String,
    /// The listing, if it is known.
    pub listing: Option<Listing>,
    /// What is wrong.
    pub problem: Option<Problem>,
}

/// What of one store is in the cart.
#[derive(Clone, Debug)]
pub struct CartStore {
    /// Which store.
    pub account: AccountId,
    /// Its record, if it is known.
    pub store: Option<StoreView>,
    /// The lines.
    pub lines: Vec<CartLine>,
    /// What those cost that can be had.
    pub subtotal: Money,
}

/// The cart, store by store.
///
/// # Errors
/// The store's, or damage.
pub fn cart(read: &dyn Read) -> Result<Vec<CartStore>, EngineError> {
    let mut stores: Vec<CartStore> = Vec::new();
    for (key, value) in read.collect(KeyRange::prefix(&keys::cart()), Direction::Ascending, LINES_MAX)? {
        let (account, handle, sku) =
            keys::parse_cart(&key).ok_or_else(|| EngineError::Damaged("a line of the cart".into()))?;
        let row: CartRow = hutong_protocol::codec::decode_checked(&value)?;
        let line = line(read, &account, handle, sku, row)?;
        if stores.last().is_none_or(|store| store.account != account) {
            let store = view::store(read, &account)?;
            let currency = store.as_ref().map_or(line.price.currency, |store| store.store.currency);
            stores.push(CartStore { account, store, lines: Vec::new(), subtotal: Money::zero(currency) });
        }
        if let Some(store) = stores.last_mut() {
            let can_be_had = matches!(line.problem, None | Some(Problem::PriceChanged));
            let total = line.price.times(line.quantity).and_then(|total| store.subtotal.plus(total));
            if let (true, Ok(subtotal)) = (can_be_had, total) {
                store.subtotal = subtotal;
            }
            store.lines.push(line);
        }
    }
    Ok(stores)
}

/// Pieces in the cart.
///
/// # Errors
/// The store's, or damage.
pub fn count(read: &dyn Read) -> Result<u32, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::cart()), Direction::Ascending, LINES_MAX)?;
    rows.iter().try_fold(0u32, |sum, (_, value)| {
        let row: CartRow = hutong_protocol::codec::decode_checked(value)?;
        Ok(sum.saturating_add(row.quantity))
    })
}

fn line(
    read: &dyn Read,
    store: &AccountId,
    handle: String,
    sku: String,
    row: CartRow,
) -> Result<CartLine, EngineError> {
    let listing = view::listing(read, store, &handle)?.map(|view| view.listing);
    let active = listing.as_ref().filter(|listing| listing.status == ListingStatus::Active);
    let variant = active.and_then(|listing| Some((listing, listing.variant(&sku)?)));
    let (price, problem) = match variant {
        None => (row.price, Some(Problem::Gone)),
        Some((listing, variant)) => {
            let price = listing.money(variant.price);
            let problem = if !variant.stock.has(1) {
                Some(Problem::SoldOut)
            } else if !variant.stock.has(row.quantity) {
                Some(Problem::NotEnough)
            } else {
                (price != row.price).then_some(Problem::PriceChanged)
            };
            (price, problem)
        }
    };
    let title = listing.as_ref().map_or(row.title, |listing| listing.name.clone());
    Ok(CartLine { handle, sku, quantity: row.quantity, price, title, listing, problem })
}

/// Sets how many of a variant are wanted; 0 takes it out. The price shown then is the one that counts as seen.
///
/// # Errors
/// Refused for one's own goods, for what is not for sale, and for too many lines.
pub fn set(cx: &mut Cx<'_>, store: AccountId, handle: &str, sku: &str, quantity: u32) -> Result<(), CommandError> {
    check_handle(handle)?;
    let key = keys::cart_line(&store, handle, sku);
    cx.notify(Event::Cart);
    if quantity == 0 {
        cx.delete(key);
        return Ok(());
    }
    if cx.me()? == store {
        return Err(CommandError::refused("self", "these are your own goods"));
    }
    if quantity > QUANTITY_MAX {
        return Err(CommandError::refused("too_many", "at most 1,000,000 pieces can be ordered at once"));
    }
    let view = view::listing(cx.read(), &store, handle)?.ok_or(CommandError::NotFound("this listing"))?;
    let variant = view.listing.variant(sku).filter(|_| view.listing.status == ListingStatus::Active);
    let variant = variant.ok_or_else(|| CommandError::refused("not_for_sale", "this is no longer for sale"))?;
    let is_new = !cx.read().contains(&key)?;
    if is_new && cx.read().count(KeyRange::prefix(&keys::cart_of(&store)), ORDER_LINES_MAX)? >= ORDER_LINES_MAX {
        let message = "an order has at most 50 different things: order these first";
        return Err(CommandError::refused("cart_full", message));
    }
    if is_new && cx.read().count(KeyRange::prefix(&keys::cart()), LINES_MAX)? >= LINES_MAX {
        return Err(CommandError::refused("cart_full", "the cart is full: order or remove something first"));
    }
    let row = CartRow { quantity, price: view.listing.money(variant.price), title: view.listing.name.clone() };
    cx.put_value(key, &row)?;
    Ok(())
}

/// Empties the cart; `store`: only of that store's goods.
///
/// # Errors
/// The store's.
pub fn clear(cx: &mut Cx<'_>, store: Option<&AccountId>) -> Result<(), EngineError> {
    let prefix = store.map_or_else(keys::cart, keys::cart_of);
    for (key, _) in cx.read().collect(KeyRange::prefix(&prefix), Direction::Ascending, LINES_MAX)? {
        cx.delete(key);
    }
    cx.notify(Event::Cart);
    Ok(())
}
