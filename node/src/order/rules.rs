//! Whose entries are taken in. What they do is the fold's business; these rules keep out what could never do anything.

use hutong_protocol::{
    AccountId, Verified,
    limits::ORDER_ENTRIES_MAX,
    order::{OrderEntry, Role},
};

use super::{keys, view};
use crate::{
    account,
    contact::addressed,
    engine::{EngineError, Reject},
    store::{KeyRange, Read},
};

/// Open requests of one buyer: a person waits for a few answers at a time; a flood waits longer.
const OPEN_REQUESTS_MAX: usize = 20;

/// Judges an entry.
///
/// # Errors
/// A fault of the author, or `Later` for what this node cannot take in yet.
pub(super) fn entry(read: &dyn Read, record: &Verified, me: &AccountId) -> Result<OrderEntry, Reject> {
    let body: OrderEntry = record.body()?;
    body.validate(record.header())?;
    addressed(record, &body.to, me)?;
    match body.order {
        None => request(read, record, &body, me)?,
        Some(order) => {
            let row = view::row(read, &order)?.ok_or(Reject::Later("the order of this entry is not here yet"))?;
            let author = record.author();
            let party = match body.role {
                Role::Buyer => author == row.buyer,
                Role::Seller => author == row.seller,
                Role::Arbiter => {
                    view::fold(read, &order)?.and_then(|order| order.role_of(&author)) == Some(Role::Arbiter)
                }
            };
            if !party {
                return Err(Reject::Rule("the author is not this party of the order"));
            }
            let kept = read.count(KeyRange::prefix(&keys::entries(&order)), ORDER_ENTRIES_MAX);
            if kept.map_err(EngineError::from)? >= ORDER_ENTRIES_MAX {
                return Err(Reject::Rule("an order has at most 512 entries"));
            }
        }
    }
    Ok(body)
}

fn request(read: &dyn Read, record: &Verified, body: &OrderEntry, me: &AccountId) -> Result<(), Reject> {
    if body.role != Role::Buyer {
        return Err(Reject::Rule("the first entry is the buyer's"));
    }
    let buyer = record.author();
    if buyer == *me {
        return Ok(());
    }
    if !account::view::is_store(read, me)? {
        return Err(Reject::Later("this account has no store"));
    }
    let open = read.count(KeyRange::prefix(&keys::requests_of(&buyer)), OPEN_REQUESTS_MAX);
    if open.map_err(EngineError::from)? >= OPEN_REQUESTS_MAX {
        return Err(Reject::Later("too many requests of this buyer wait for an answer"));
    }
    Ok(())
}
