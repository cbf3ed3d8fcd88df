//! The stock ledger of one's own goods. An own listing's stock is what can be sold now; a lease takes pieces out of it
//! for an order, and gives them back if the order comes to nothing.
//!
//! ```text
//! (none) ──take──► Leased ──keep──► Sold
//!                    └────release──► (none, pieces back) ◄──release── Sold (a cancelled order)
//! ```

use hutong_protocol::{RecordId, TimestampMs, market::ListingStatus};
use serde::{Deserialize, Serialize};

use super::{
    keys,
    view::{self, OwnListing},
};
use crate::{
    engine::{Cx, EngineError, Event, Indexed, get_value},
    store::Read,
};

/// Pieces taken out of the stock for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// For which order.
    pub order: RecordId,
    /// What was taken.
    pub lines: Vec<LeaseLine>,
    /// Until when, unless they are sold first.
    pub until: TimestampMs,
    /// They are sold: time no longer matters.
    pub sold: bool,
}

/// Pieces of one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseLine {
    /// Which listing.
    pub handle: String,
    /// Which variant.
    pub sku: String,
    /// How many were taken. Less than were ordered where the listing allows to order what is not there.
    pub taken: u32,
}

/// Why stock cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// Nothing of that name is for sale.
    #[error("{0} is not for sale")]
    NotForSale(String),
    /// There are fewer.
    #[error("only {left} of {sku} are left")]
    OutOfStock {
        /// Which variant.
        sku: String,
        /// Pieces left.
        left: u32,
    },
}

/// A lease.
///
/// # Errors
/// The store's, or damage.
pub fn lease(read: &dyn Read, id: &[u8; 16]) -> Result<Option<Lease>, EngineError> {
    get_value(read, keys::lease(id))
}

/// Takes (handle, sku, quantity) out of the stock, all or nothing.
///
/// # Errors
/// Our own failures. What is not there is the inner error.
pub fn take(
    cx: &mut Cx<'_>,
    id: &[u8; 16],
    order: RecordId,
    wanted: &[(&str, &str, u32)],
    until: TimestampMs,
) -> Result<Result<(), Shortage>, EngineError> {
    // First all changes on paper: nothing is written if anything is short. A listing may be in several lines.
    let mut changed: std::collections::BTreeMap<&str, OwnListing> = std::collections::BTreeMap::new();
    let mut lines = Vec::with_capacity(wanted.len());
    for (handle, sku, quantity) in wanted {
        if !changed.contains_key(handle) {
            let own = view::own_row(cx.read(), handle)?;
            let active = own.filter(|own| !own.draft && own.listing.status == ListingStatus::Active);
            let Some(own) = active else { return Ok(Err(Shortage::NotForSale((*handle).to_owned()))) };
            changed.insert(handle, own);
        }
        let own = changed.get_mut(handle);
        let variant = own.and_then(|own| own.listing.variants.iter_mut().find(|variant| variant.sku == *sku));
        let Some(variant) = variant else { return Ok(Err(Shortage::NotForSale((*sku).to_owned()))) };
        let stock = &mut variant.stock;
        if !stock.has(*quantity) {
            return Ok(Err(Shortage::OutOfStock { sku: (*sku).to_owned(), left: stock.qty }));
        }
        let taken = if stock.tracked { stock.qty.min(*quantity) } else { 0 };
        stock.qty = stock.qty.saturating_sub(taken);
        lines.push(LeaseLine { handle: (*handle).to_owned(), sku: (*sku).to_owned(), taken });
    }
    for (handle, own) in changed {
        if lines.iter().any(|line| line.handle == handle && line.taken > 0) {
            write(cx, handle, &own)?;
        }
    }
    cx.put_value(keys::lease(id), &Lease { order, lines, until, sold: false })?;
    Ok(Ok(()))
}

/// The pieces of a lease are sold.
///
/// # Errors
/// The store's, or damage.
pub fn keep(cx: &mut Cx<'_>, id: &[u8; 16]) -> Result<(), EngineError> {
    match lease(cx.read(), id)? {
        Some(lease) if !lease.sold => cx.put_value(keys::lease(id), &Lease { sold: true, ..lease }),
        _ => Ok(()),
    }
}

/// Ends a lease and puts its pieces back. A second time it does nothing.
///
/// # Errors
/// The store's, or damage.
pub fn release(cx: &mut Cx<'_>, id: &[u8; 16]) -> Result<(), EngineError> {
    let Some(lease) = lease(cx.read(), id)? else { return Ok(()) };
    cx.delete(keys::lease(id));
    for line in lease.lines.iter().filter(|line| line.taken > 0) {
        // A listing or variant that was deleted meanwhile has no stock to put anything back to.
        let Some(mut own) = view::own_row(cx.read(), &line.handle)? else { continue };
        let Some(variant) = own.listing.variants.iter_mut().find(|variant| variant.sku == line.sku) else { continue };
        variant.stock.qty = variant.stock.qty.saturating_add(line.taken).min(hutong_protocol::limits::QUANTITY_MAX);
        write(cx, &line.handle, &own)?;
    }
    Ok(())
}

fn write(cx: &mut Cx<'_>, handle: &str, own: &OwnListing) -> Result<(), EngineError> {
    cx.put_value(keys::own_listing(handle), own)?;
    cx.put(keys::dirty(handle), Vec::new());
    if let Some(me) = cx.account() {
        cx.notify(Event::Listing(me, handle.to_owned()));
        cx.index(Indexed::Listing(me, handle.to_owned()));
    }
    Ok(())
}
