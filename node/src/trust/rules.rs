//! What reviews and recommendations must be.

use hutong_protocol::{
    AccountId, Topic, Verified,
    trust::{Recommendation, Review},
};

use crate::engine::Reject;

/// A review, and the store it is about.
///
/// # Errors
/// A fault of the author.
pub(super) fn review(record: &Verified) -> Result<(AccountId, Review), Reject> {
    let header = record.header();
    let Topic::Store(store) = header.topic else {
        return Err(Reject::Rule("a review is in the topic of its store"));
    };
    let body: Review = record.body()?;
    if record.author() == store {
        return Err(Reject::Rule("nobody reviews his own store"));
    }
    if header.slot != Some(Review::slot(&body.review_key, &body.item)) || header.version != Some(body.revision) {
        return Err(Reject::Rule("a review is in the slot of its order and listing, with its revision as version"));
    }
    match body.verify(&record.author(), &store) {
        Ok(()) => Ok((store, body)),
        Err(hutong_protocol::trust::ReviewError::Field(error)) => Err(Reject::Fault(error)),
        Err(_) => Err(Reject::Rule("the store did not confirm that this person bought this")),
    }
}

/// A recommendation.
///
/// # Errors
/// A fault of the author.
pub(super) fn recommendation(record: &Verified) -> Result<Recommendation, Reject> {
    let header = record.header();
    if header.topic != Topic::Profile(record.author()) {
        return Err(Reject::Rule("a recommendation is in the topic of its author's profile"));
    }
    let body: Recommendation = record.body()?;
    body.validate()?;
    if header.slot != Some(Recommendation::slot(&body.store, &body.listing)) {
        return Err(Reject::Rule("a recommendation is in the slot of its listing"));
    }
    Ok(body)
}
