//! What a store's records must be.

use hutong_protocol::{
    AccountId, Topic, Verified,
    market::{Listing, STORE_SLOT, Store, check_handle},
};

use crate::engine::Reject;

/// Stores and listings are in the topic of their own account.
fn own_topic(record: &Verified) -> Result<AccountId, Reject> {
    let author = record.author();
    if record.header().topic == Topic::Store(author) {
        Ok(author)
    } else {
        Err(Reject::Rule("a store's records are in the store's own topic"))
    }
}

/// A store's record.
///
/// # Errors
/// A fault of the author.
pub(super) fn store(record: &Verified) -> Result<Store, Reject> {
    own_topic(record)?;
    if record.header().slot.as_deref() != Some(STORE_SLOT) {
        return Err(Reject::Rule("an account has one store, in the slot \"store\""));
    }
    let body: Store = record.body()?;
    body.validate()?;
    Ok(body)
}

/// A listing's record, and its handle.
///
/// # Errors
/// A fault of the author.
pub(super) fn listing(record: &Verified) -> Result<(String, Listing), Reject> {
    own_topic(record)?;
    let handle = record.header().slot.clone().ok_or(Reject::Rule("a listing is in a slot, which is its handle"))?;
    check_handle(&handle)?;
    let body: Listing = record.body()?;
    body.validate()?;
    Ok((handle, body))
}
