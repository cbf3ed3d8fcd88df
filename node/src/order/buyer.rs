//! The buyer's side: placing an order, and what the buyer's node does by itself.

use hutong_protocol::{
    AccountId, Draft, Kind, RecordId, Topic,
    limits::{ORDER_NOTE_BYTES_MAX, QUANTITY_MAX},
    market::{ListingStatus, PaymentMethodKind, ShippingOption, Store},
    order::{
        Entry, EntryKind, Fulfilment, Order, OrderEntry, OrderState, PIN_DIGITS, Request, RequestLine, Role, pin_hash,
        price,
    },
    text::clean_text,
    trust::ReviewKey,
};

use super::{keys, view::Secrets, write};
use crate::{
    engine::{CommandError, Cx, DomainEvent},
    market,
};

/// How long a store may take to answer: over a weekend.
const REQUEST_MS: u64 = 3 * 24 * 60 * 60 * 1000;

/// What a person orders.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// From whom.
    pub store: AccountId,
    /// Handle, sku, quantity.
    pub lines: Vec<(String, String, u32)>,
    /// How it gets there.
    pub fulfilment: Fulfilment,
    /// How it is paid.
    pub payment_method: PaymentMethodKind,
    /// A word to the seller.
    pub note: String,
    /// A quote up to the price seen is accepted without asking.
    pub auto_accept: bool,
}

/// Places an order: signs the request and queues it for the store. Returns the order's id.
///
/// # Errors
/// Refused, saying what to change, if the store is not known, is closed, or does not offer what is asked for.
pub fn place(cx: &mut Cx<'_>, order: PlaceOrder) -> Result<RecordId, CommandError> {
    let me = cx.me()?;
    if order.store == me {
        return Err(CommandError::refused("self", "these are your own goods"));
    }
    let store = market::view::store(cx.read(), &order.store)?.ok_or(CommandError::NotFound("this store"))?.store;
    if store.vacation {
        return Err(CommandError::refused("on_vacation", "this store takes no orders for now"));
    }
    let lines = lines(cx, &order)?;
    let option = check_terms(&store, &order)?;
    let currency = store.currency;
    if lines.iter().any(|line| line.price.currency != currency) {
        return Err(CommandError::refused("wrong_currency", "these goods are not priced in the store's currency"));
    }
    let priced = price(currency, lines.iter().map(|line| (line.price, line.quantity)), option)
        .map_err(|error| CommandError::refused("price", error.to_string()))?;
    let review_seed = cx.random::<32>();
    let review_key = ReviewKey::from_seed(&review_seed).id();
    let pin = pin(cx);
    let request = Request {
        lines,
        fulfilment: order.fulfilment.clone(),
        payment_method: order.payment_method,
        max_total: priced.total,
        expires: cx.now().plus_ms(REQUEST_MS),
        review_key,
        pin_hash: Some(pin_hash(&review_key, &pin)),
        arbiters: Vec::new(),
        note: note(&order.note)?,
    };
    let entry = Entry::Request { request };
    let body = OrderEntry { to: order.store, order: None, role: Role::Buyer, contract: None, entry };
    cx.emit(&DomainEvent::Dealing(order.store))?;
    let id = cx.publish(Draft::new(Topic::direct(&me, &order.store), Kind::Order, &body)?, Some(order.store))?;
    cx.put_value(keys::secrets(&id), &Secrets { review_seed, pin, auto_accept: order.auto_accept })?;
    for (handle, sku, _) in &order.lines {
        market::cart::set(cx, order.store, handle, sku, 0)?;
    }
    cx.connect(&order.store, Vec::new())?;
    Ok(id)
}

fn note(text: &str) -> Result<String, CommandError> {
    let note = clean_text(text);
    if note.len() > ORDER_NOTE_BYTES_MAX {
        return Err(CommandError::refused(
            "note_too_long",
            "a note has at most 6 KiB of text: write the rest in the chat",
        ));
    }
    Ok(note)
}

fn pin(cx: &mut Cx<'_>) -> String {
    let number = u64::from_be_bytes(cx.random::<8>()) % 10u64.pow(u32::try_from(PIN_DIGITS).unwrap_or(6));
    format!("{number:0>width$}", width = PIN_DIGITS)
}

fn lines(cx: &Cx<'_>, order: &PlaceOrder) -> Result<Vec<RequestLine>, CommandError> {
    if order.lines.is_empty() {
        return Err(CommandError::refused("cart_empty", "choose something to order first"));
    }
    let mut lines = Vec::with_capacity(order.lines.len());
    for (handle, sku, quantity) in &order.lines {
        let view = market::view::listing(cx.read(), &order.store, handle)?;
        let active = view.filter(|view| view.listing.status == ListingStatus::Active);
        let found = active.as_ref().and_then(|view| Some((view, view.record?, view.listing.variant(sku)?)));
        let Some((view, record, variant)) = found else {
            return Err(CommandError::refused("not_for_sale", format!("{handle} is no longer for sale: remove it")));
        };
        let title = view.listing.name.clone();
        if *quantity == 0 || *quantity > QUANTITY_MAX {
            return Err(CommandError::refused("quantity", format!("order between 1 and 1,000,000 of {title}")));
        }
        if !variant.stock.has(*quantity) {
            let left = variant.stock.qty;
            return Err(CommandError::refused("out_of_stock", format!("{title}: only {left} left")));
        }
        lines.push(RequestLine {
            listing: handle.clone(),
            record,
            version: view.version,
            sku: sku.clone(),
            quantity: *quantity,
            title,
            options: variant.options.clone(),
            price: view.listing.money(variant.price),
            picture: view.listing.picture(Some(variant)),
        });
    }
    Ok(lines)
}

/// Whether the store offers this way to pay and to get the goods. Returns the shipping option; none: picked up.
fn check_terms<'a>(store: &'a Store, order: &PlaceOrder) -> Result<Option<&'a ShippingOption>, CommandError> {
    if !store.payment_methods.iter().any(|method| method.kind == order.payment_method) {
        return Err(CommandError::refused("payment_method", "the store does not take payment in this way"));
    }
    match &order.fulfilment {
        Fulfilment::Pickup { place } => {
            if store.pickup.iter().any(|offered| offered.id == *place) {
                Ok(None)
            } else {
                Err(CommandError::refused("pickup", "the store has no such pickup place any more: choose another"))
            }
        }
        Fulfilment::Shipping { option, address } => {
            address.validate()?;
            let found = store.shipping.iter().find(|offered| offered.id == *option);
            let option = found.ok_or_else(|| {
                CommandError::refused("shipping", "the store has no such shipping option any more: choose another")
            })?;
            if option.ships_to(&address.country, &address.region) {
                Ok(Some(option))
            } else {
                let message = format!("{} does not ship to this address: choose another option", option.name);
                Err(CommandError::refused("cannot_ship", message))
            }
        }
    }
}

/// What a buyer's node does by itself: takes a quote within the limit, completes what the buyer has in hand.
pub(super) fn follow_up(cx: &mut Cx<'_>, order: &Order) -> Result<(), CommandError> {
    let Some(secrets) = super::view::secrets(cx.read(), &order.id)? else { return Ok(()) };
    match (order.state, order.quote_id, order.total()) {
        (OrderState::Quoted, Some(quote), Some(total)) => {
            let within = total.compare(order.request.max_total).is_ok_and(std::cmp::Ordering::is_le);
            if secrets.auto_accept && within {
                write(cx, order, Role::Buyer, Entry::Accept { quote })?;
            }
        }
        (OrderState::InProgress, ..) if is_in_hand(order) => {
            write(cx, order, Role::Buyer, Entry::Complete)?;
        }
        _ => {}
    }
    Ok(())
}

/// Everything was delivered, by the buyer's own word or PIN. (A carrier's word alone leaves the buyer time to object.)
fn is_in_hand(order: &Order) -> bool {
    let carrier = |event: &hutong_protocol::order::Event| event.kind == EntryKind::CarrierDelivered;
    order.lines.iter().all(|line| line.delivered_at.is_some())
        && !order.timeline.iter().any(|event| carrier(event) && event.outcome.is_ok())
}
