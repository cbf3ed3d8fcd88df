//! Trust: reviews that come out of real orders, and what friends recommend.

mod keys;
mod rules;
pub mod view;

use hutong_protocol::{
    AccountId, BlobHash, Draft, Kind, RecordId, Topic, Verified,
    limits::REQUEST_TEXT_BYTES_MAX,
    order::Role,
    signature::Signature,
    text::{clean_text, truncate},
    trust::{Recommendation, Review, ReviewKey},
};

use self::view::{RecommendationRow, ReviewRow};
use crate::{
    engine::{CommandError, Cx, DomainEvent, Event, Feature, Indexed, Keep, Reject, Source},
    market, order,
};

/// The feature.
pub struct Trust;

impl Feature for Trust {
    fn name(&self) -> &'static str {
        "trust"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Review, Kind::Recommendation]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let (author, at) = (record.author(), record.header().at);
        let (store, listing) = if record.header().kind == Kind::Review {
            let (store, body) = rules::review(record)?;
            let row = ReviewRow { id: record.id(), author, overall: body.overall, at };
            cx.put_value(keys::review(&store, &body.item, &author, &body.review_key), &row)?;
            cx.put(keys::of_author(keys::bought(&author), &store, &body.item), Vec::new());
            (store, body.item)
        } else {
            let body = rules::recommendation(record)?;
            let key = keys::recommendation(&body.store, &body.listing, &author);
            let favourite = keys::of_author(keys::favourites(&author), &body.store, &body.listing);
            if body.recommended {
                cx.put_value(key, &RecommendationRow { text: body.text, at })?;
                cx.put(favourite, Vec::new());
            } else {
                cx.delete(key);
                cx.delete(favourite);
            }
            (body.store, body.listing)
        };
        cx.notify(Event::Review(store, listing.clone()));
        cx.index(Indexed::Listing(store, listing));
        Ok(Keep::Store)
    }
}

/// Writes the public review of a listing out of an order of this node, or changes it.
///
/// # Errors
/// Refused if the user is not the buyer, the order does not hold this listing, the seller has not confirmed it yet, or a
/// field breaks a limit.
pub fn write_review(
    cx: &mut Cx<'_>,
    id: &RecordId,
    listing: &str,
    overall: u8,
    text: &str,
    photos: Vec<BlobHash>,
) -> Result<RecordId, CommandError> {
    let me = cx.me()?;
    let folded = order::view::fold(cx.read(), id)?.ok_or(CommandError::NotFound("this order"))?;
    let secrets = order::view::secrets(cx.read(), id)?;
    let (Some(Role::Buyer), Some(secrets), Some(contract)) = (folded.role_of(&me), secrets, folded.contract) else {
        return Err(CommandError::refused("not_buyer", "only who bought it may review it"));
    };
    if !folded.state.is_terminal() {
        return Err(CommandError::refused("not_over", "a review can be written when the order is over"));
    }
    if !folded.request.lines.iter().any(|line| line.listing == listing) {
        return Err(CommandError::refused("not_bought", "this was not in the order"));
    }
    let seller_countersig = folded.countersignature(listing).ok_or_else(|| {
        CommandError::refused("not_confirmed", "the store's node has not confirmed the order yet: try again later")
    })?;
    let key = ReviewKey::from_seed(&secrets.review_seed);
    let slot = Review::slot(&key.id(), listing);
    let revision = cx.next_version(&me, &Kind::Review, &slot)?;
    let review = Review {
        contract,
        review_key: key.id(),
        seller_countersig,
        review_sig: Signature([0; 64]),
        item: listing.to_owned(),
        overall,
        quality: None,
        description: None,
        delivery: None,
        service: None,
        text: clean_text(text),
        photos,
        revision,
    };
    let review = review.sign(&key, &me)?;
    // The rules' words are for other nodes; these are for people.
    review.verify(&me, &folded.seller).map_err(|error| CommandError::refused("invalid", error.to_string()))?;
    market::visit(cx, &folded.seller, &[])?;
    let draft = Draft::new(Topic::Store(folded.seller), Kind::Review, &review)?.in_slot(slot, revision);
    let published = cx.publish(draft, None)?;
    cx.emit(&DomainEvent::Reviewed { order: *id, review: published })?;
    Ok(published)
}

/// Recommends a listing to one's contacts; `text` none: no longer.
///
/// # Errors
/// `NotFound` for a listing that is not known here.
pub fn recommend(cx: &mut Cx<'_>, store: AccountId, listing: &str, text: Option<&str>) -> Result<(), CommandError> {
    let me = cx.me()?;
    let known = market::view::listing(cx.read(), &store, listing)?;
    let title = match (known, text) {
        (Some(view), _) => view.listing.name,
        (None, None) => String::new(),
        (None, Some(_)) => return Err(CommandError::NotFound("this listing")),
    };
    let mut words = clean_text(text.unwrap_or_default());
    truncate(&mut words, REQUEST_TEXT_BYTES_MAX);
    let body = Recommendation { store, listing: listing.to_owned(), title, text: words, recommended: text.is_some() };
    let slot = Recommendation::slot(&store, listing);
    let version = cx.next_version(&me, &Kind::Recommendation, &slot)?;
    cx.publish(Draft::new(Topic::Profile(me), Kind::Recommendation, &body)?.in_slot(slot, version), None)?;
    Ok(())
}
