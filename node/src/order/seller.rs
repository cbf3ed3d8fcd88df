//! The seller's side: quoting, and what the seller's node does by itself.

use hutong_protocol::{
    limits::ORDER_NOTE_BYTES_MAX,
    market::{ItemKind, PaymentMethodKind, Store},
    order::{
        Action, DeclineReason, Entry, Fulfilment, LineState, ListingSignature, Order, OrderState, Quote, QuoteLine,
        Role, completion_ms, price,
    },
    signature::Purpose,
    text::truncate,
    trust::countersigned_message,
};

use super::write;
use crate::{
    engine::{CommandError, Cx},
    market::{self, stock, view::OwnListing},
};

/// How long a buyer may take to accept a quote.
const QUOTE_MS: u64 = 24 * 60 * 60 * 1000;
/// How long stock is kept for an order that is paid in advance: a bank transfer over a weekend.
const LEASE_MS: u64 = 4 * 24 * 60 * 60 * 1000;

/// Why an order cannot be quoted.
struct Obstacle {
    reason: DeclineReason,
    text: String,
}

impl Obstacle {
    fn new(reason: DeclineReason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

/// What a seller's node does by itself.
pub(super) fn follow_up(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    match order.state {
        OrderState::Requested if market::view::auto_quote(cx.read())? => answer(cx, order),
        OrderState::Accepted | OrderState::InProgress | OrderState::CancelRequested | OrderState::Completed => {
            keep_stock(cx, order)?;
            if order.countersigned.is_none() { countersign(cx, order) } else { Ok(()) }
        }
        OrderState::Declined | OrderState::Expired | OrderState::Cancelled => free_stock(cx, order),
        OrderState::Requested | OrderState::Quoted => Ok(()),
    }
}

/// Quotes, or declines with the reason.
fn answer(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    super::check_can(order, Role::Seller, Action::Quote, cx.now())?;
    match offer(cx, order)? {
        Ok(quote) => {
            let lease = quote.lease_id;
            let written = write(cx, order, Role::Seller, Entry::Quote { quote });
            if written.is_err() {
                stock::release(cx, &lease)?;
            }
            written.map(drop)
        }
        Err(Obstacle { reason, text }) => {
            // The code says it in the reader's language; words only where it says nothing.
            let text = if reason == DeclineReason::Other { text } else { String::new() };
            write(cx, order, Role::Seller, Entry::Decline { reason, text }).map(drop)
        }
    }
}

/// Quotes because the merchant says so.
///
/// # Errors
/// Refused with what stands in the way; the merchant may then decline.
pub(super) fn quote(cx: &mut Cx<'_>, order: &Order, terms: String) -> Result<Entry, CommandError> {
    match offer(cx, order)? {
        Ok(quote) if terms.is_empty() => Ok(Entry::Quote { quote }),
        Ok(quote) => Ok(Entry::Quote { quote: Quote { terms, ..quote } }),
        Err(obstacle) => Err(CommandError::refused(obstacle.reason.as_str(), obstacle.text)),
    }
}

/// Makes a quote and leases the stock for it.
fn offer(cx: &mut Cx<'_>, order: &Order) -> Result<Result<Quote, Obstacle>, CommandError> {
    let store = market::view::store(cx.read(), &order.seller)?.ok_or(CommandError::NotFound("your store"))?.store;
    let goods = match goods(cx, order)? {
        Ok(goods) => goods,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let now = cx.now().max(order.updated_at.plus_ms(1));
    let lease_id = cx.random::<16>();
    let draft = match draft(&store, order, &goods, now, lease_id) {
        Ok(draft) => draft,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let wanted: Vec<_> =
        order.request.lines.iter().map(|line| (line.listing.as_str(), line.sku.as_str(), line.quantity)).collect();
    Ok(match stock::take(cx, &lease_id, order.id, &wanted, draft.lease_until)? {
        Ok(()) => Ok(draft),
        Err(shortage @ stock::Shortage::NotForSale(_)) => {
            Err(Obstacle::new(DeclineReason::NotForSale, shortage.to_string()))
        }
        Err(shortage @ stock::Shortage::OutOfStock { .. }) => {
            Err(Obstacle::new(DeclineReason::OutOfStock, shortage.to_string()))
        }
    })
}

/// The own listing of each line.
fn goods(cx: &Cx<'_>, order: &Order) -> Result<Result<Vec<OwnListing>, Obstacle>, CommandError> {
    let mut goods = Vec::with_capacity(order.request.lines.len());
    for line in &order.request.lines {
        let own = market::view::own_row(cx.read(), &line.listing)?;
        let Some(own) = own.filter(|own| !own.draft && own.listing.variant(&line.sku).is_some()) else {
            let text = format!("{} is not for sale any more", line.title);
            return Ok(Err(Obstacle::new(DeclineReason::NotForSale, text)));
        };
        goods.push(own);
    }
    Ok(Ok(goods))
}

fn draft(
    store: &Store,
    order: &Order,
    goods: &[OwnListing],
    now: hutong_protocol::TimestampMs,
    lease_id: [u8; 16],
) -> Result<Quote, Obstacle> {
    let request = &order.request;
    if store.vacation {
        return Err(Obstacle::new(DeclineReason::OnVacation, "the store is closed for now"));
    }
    let method = store.payment_methods.iter().find(|method| method.kind == request.payment_method);
    let method =
        method.ok_or_else(|| Obstacle::new(DeclineReason::PaymentMethod, "the store does not take this payment"))?;
    let (option, pickup) = match &request.fulfilment {
        Fulfilment::Pickup { place } => {
            let place = store.pickup.iter().find(|offered| offered.id == *place);
            (None, Some(place.ok_or_else(|| Obstacle::new(DeclineReason::CannotShip, "no such pickup place"))?))
        }
        Fulfilment::Shipping { option, address } => {
            let option = store.shipping.iter().find(|offered| {
                let applies =
                    |own: &OwnListing| own.listing.shipping.is_empty() || own.listing.shipping.contains(&offered.id);
                offered.id == *option
                    && offered.ships_to(&address.country, &address.region)
                    && goods.iter().all(applies)
            });
            let cannot = || Obstacle::new(DeclineReason::CannotShip, "the store does not ship this to that address");
            (Some(option.ok_or_else(cannot)?), None)
        }
    };
    let lines = lines(order, goods)?;
    let pieces = lines.iter().map(|line| (line.price, line.quantity));
    let too_dear = |error: hutong_protocol::money::MoneyError| Obstacle::new(DeclineReason::Other, error.to_string());
    let priced = price(request.max_total.currency, pieces, option).map_err(too_dear)?;
    let valid_until = now.plus_ms(QUOTE_MS);
    let on_delivery = request.payment_method == PaymentMethodKind::PayOnDelivery;
    let longest = goods.iter().map(|own| completion_ms(own.listing.kind)).max();
    Ok(Quote {
        lines,
        items: priced.items,
        shipping: priced.shipping,
        tax: priced.tax,
        discount: priced.discount,
        total: priced.total,
        valid_until,
        lease_id,
        lease_until: if on_delivery { valid_until } else { now.plus_ms(LEASE_MS) },
        payment_method: request.payment_method,
        payment_instructions: method.instructions.clone(),
        cancellation_fee: store.cancellation_fee,
        returns: store.returns.clone(),
        pickup: pickup.cloned(),
        completion_ms: longest.unwrap_or_else(|| completion_ms(ItemKind::Physical)),
        ruling: None,
        terms: terms(store),
    })
}

fn terms(store: &Store) -> String {
    let mut terms = store.policies.clone();
    truncate(&mut terms, ORDER_NOTE_BYTES_MAX);
    terms
}

/// The lines at today's prices, whatever the request says.
fn lines(order: &Order, goods: &[OwnListing]) -> Result<Vec<QuoteLine>, Obstacle> {
    let line = |(wanted, own): (&hutong_protocol::order::RequestLine, &OwnListing)| {
        let listing = &own.listing;
        let variant = listing.variant(&wanted.sku)?;
        let price = listing.money(variant.price);
        Some(QuoteLine {
            listing: wanted.listing.clone(),
            record: wanted.record,
            version: wanted.version,
            sku: wanted.sku.clone(),
            quantity: wanted.quantity,
            title: listing.name.clone(),
            options: variant.options.clone(),
            price,
            total: price.times(wanted.quantity).ok()?,
            picture: listing.picture(Some(variant)),
        })
    };
    let lines: Option<Vec<_>> = order.request.lines.iter().zip(goods).map(line).collect();
    lines.ok_or_else(|| Obstacle::new(DeclineReason::Other, "the sum is too large"))
}

/// A deal with payment on delivery, or a paid one, keeps its stock whatever the lease's time.
fn keep_stock(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    let Some(quote) = &order.quote else { return Ok(()) };
    let paid = order.received().compare(quote.total).is_ok_and(std::cmp::Ordering::is_ge);
    if paid || quote.payment_method == PaymentMethodKind::PayOnDelivery {
        stock::keep(cx, &quote.lease_id)?;
    }
    Ok(())
}

/// An order that comes to nothing gives its stock back, unless a carrier has it: then it is not on the shelf.
fn free_stock(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    let under_way = order.lines.iter().any(|line| matches!(line.state, LineState::HandedOver | LineState::Failed));
    if let (Some(quote), false) = (&order.quote, under_way) {
        stock::release(cx, &quote.lease_id)?;
    }
    Ok(())
}

/// The seller's word that this buyer bought these listings: without it there is no review.
fn countersign(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    let Some(contract) = order.contract else { return Ok(()) };
    let (certificate, key) = cx.signer()?;
    let listings: std::collections::BTreeSet<&str> =
        order.request.lines.iter().map(|line| line.listing.as_str()).collect();
    let signatures = listings
        .into_iter()
        .map(|listing| {
            let message = countersigned_message(&contract, &order.request.review_key, &order.buyer, listing);
            ListingSignature { listing: listing.to_owned(), signature: key.sign(Purpose::ReviewKey, &message) }
        })
        .collect();
    write(cx, order, Role::Seller, Entry::Countersign { certificate, signatures }).map(drop)
}
