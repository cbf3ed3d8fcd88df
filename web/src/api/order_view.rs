//! Orders: from the node's views to the API's shapes.

use hutong_node::{
    engine::{ChatId, CommandError, Cx, EngineError},
    order::view::{self, OrderRow, OrderView},
};
use hutong_protocol::{
    RecordId, chat as protocol,
    order::{Event, Fulfilment as Way, Ignored, Order as Folded, OrderState as State, Role},
};

use super::{
    chat_card::Card,
    chat_view,
    market::PaymentMethodKind,
    market_view,
    order::{
        Fulfilment, FulfilmentKind, NextActor, Order, OrderEvent, OrderLine, OrderRole, OrderState, OrderSummary,
        Quote, Tracking,
    },
    trust,
};
use crate::views::Views;

impl From<Fulfilment> for Way {
    fn from(fulfilment: Fulfilment) -> Self {
        match fulfilment {
            Fulfilment::Shipping { option, address } => Self::Shipping { option, address: address.into() },
            Fulfilment::Pickup { place } => Self::Pickup { place },
        }
    }
}

impl From<OrderRole> for Role {
    fn from(role: OrderRole) -> Self {
        match role {
            OrderRole::Buyer => Self::Buyer,
            OrderRole::Seller => Self::Seller,
            OrderRole::Arbiter => Self::Arbiter,
        }
    }
}

/// An order in a list; `None` if it is not here.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn summary(views: &Views<'_>, id: RecordId) -> Result<Option<OrderSummary>, EngineError> {
    view::row(views.read, &id)?.map(|order| row(views, id, order)).transpose()
}

/// An order in a list.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn row(views: &Views<'_>, id: RecordId, row: OrderRow) -> Result<OrderSummary, EngineError> {
    Ok(OrderSummary {
        order: id.into(),
        role: row.role.into(),
        other: views.party(&row.other())?,
        state: row.state.into(),
        payment: row.payment.into(),
        title: row.title,
        picture: row.picture.map(Into::into),
        items: row.items,
        total: row.total.map(Into::into),
        placed_at: row.placed_at.into(),
        updated_at: row.updated_at.into(),
        next_actor: NextActor::from(row.next_actor),
        fulfilment: if row.pickup { FulfilmentKind::Pickup } else { FulfilmentKind::Shipping },
    })
}

/// An order in full.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn shape(views: &Views<'_>, order: OrderView) -> Result<Order, EngineError> {
    let OrderView { order: folded, row: order_row, pin, actions, delivery, money_with } = order;
    let other = order_row.other();
    let (address, place) = match &folded.request.fulfilment {
        Way::Shipping { address, .. } => (Some(address.clone().into()), None),
        Way::Pickup { place } => (None, Some(place.clone())),
    };
    let offered = folded.quote.as_ref().and_then(|quote| quote.pickup.clone());
    let pickup = match (offered, place) {
        (Some(place), _) => Some(place.into()),
        // Not quoted yet: what the store says now.
        (None, Some(id)) => {
            let store = views.store(&folded.seller)?;
            store.and_then(|store| store.pickup.into_iter().find(|place| place.id == id)).map(Into::into)
        }
        (None, None) => None,
    };
    let received = folded.received();
    Ok(Order {
        lines: lines(&folded),
        quote: folded.quote.as_ref().map(quote),
        address,
        pickup,
        // A way to pay of a later version is shown as one that is paid before: nothing moves without the seller's word.
        payment_method: market_view::payment_kind(folded.request.payment_method)
            .unwrap_or(PaymentMethodKind::BankTransfer),
        payment_instructions: payment_instructions(views, &folded)?,
        paid: (received.minor > 0).then(|| received.into()),
        refunded: (folded.refunded.minor > 0).then(|| folded.refunded.into()),
        shortfall: folded.shortfall().filter(|_| !folded.state.is_terminal()).map(Into::into),
        money_with: money_with.into(),
        tracking: tracking(&folded),
        pickup_pin: pin,
        note: folded.request.note.clone(),
        case: folded.case.into(),
        returns: folded.returns.into(),
        timeline: timeline(&folded),
        actions: actions.into_iter().map(Into::into).collect(),
        expires_at: expires_at(&folded).map(Into::into),
        review: trust::of_order(views, &folded)?,
        delivery: delivery.into(),
        chat: chat_view::name(&ChatId::Direct(other)),
        summary: row(views, folded.id, order_row)?,
    })
}

/// The lines at the quote's prices, or, before there is one, at those the buyer saw.
fn lines(order: &Folded) -> Vec<OrderLine> {
    let quoted = |index: usize| order.quote.as_ref().and_then(|quote| quote.lines.get(index));
    let line =
        |(index, (wanted, line)): (usize, (&hutong_protocol::order::RequestLine, &hutong_protocol::order::Line))| {
            let (price, title, options, picture) = quoted(index).map_or_else(
                || (wanted.price, &wanted.title, &wanted.options, wanted.picture),
                |quoted| (quoted.price, &quoted.title, &quoted.options, quoted.picture),
            );
            OrderLine {
                listing: wanted.listing.clone(),
                sku: wanted.sku.clone(),
                title: title.clone(),
                options: options.clone(),
                picture: picture.map(Into::into),
                quantity: wanted.quantity,
                price: price.into(),
                total: price.times(wanted.quantity).unwrap_or(price).into(),
                state: line.state.into(),
            }
        };
    order.request.lines.iter().zip(&order.lines).enumerate().map(line).collect()
}

fn quote(quote: &hutong_protocol::order::Quote) -> Quote {
    Quote {
        lines: quote.items.into(),
        shipping: quote.shipping.into(),
        tax: quote.tax.into(),
        discount: quote.discount.into(),
        total: quote.total.into(),
        valid_until: quote.valid_until.into(),
        lease_until: quote.lease_until.into(),
        terms: quote.terms.clone(),
    }
}

fn payment_instructions(views: &Views<'_>, order: &Folded) -> Result<String, EngineError> {
    if let Some(quote) = &order.quote {
        return Ok(quote.payment_instructions.clone());
    }
    let methods = views.store(&order.seller)?.map(|store| store.payment_methods).unwrap_or_default();
    let method = methods.into_iter().find(|method| method.kind == order.request.payment_method);
    Ok(method.map(|method| method.instructions).unwrap_or_default())
}

fn tracking(order: &Folded) -> Option<Tracking> {
    let line = order.lines.iter().find(|line| !line.carrier.is_empty() || !line.tracking.is_empty())?;
    Some(Tracking { carrier: line.carrier.clone(), number: line.tracking.clone() })
}

fn expires_at(order: &Folded) -> Option<hutong_protocol::TimestampMs> {
    match order.state {
        State::Requested => Some(order.request.expires),
        State::Quoted => order.quote.as_ref().map(|quote| quote.valid_until),
        State::InProgress => order.completes_at(),
        _ => None,
    }
}

fn timeline(order: &Folded) -> Vec<OrderEvent> {
    order.timeline.iter().map(event).collect()
}

fn event(event: &Event) -> OrderEvent {
    OrderEvent {
        id: event.id.into(),
        at: event.at.into(),
        actor: event.role.into(),
        kind: event.fact.to_owned(),
        note: event.note.clone(),
        amount: event.amount.map(Into::into),
        ignored: event.outcome.err().map(|why| ignored(why).to_owned()),
    }
}

const fn ignored(why: Ignored) -> &'static str {
    match why {
        Ignored::WrongParty => "wrong_party",
        Ignored::WrongRole => "wrong_role",
        Ignored::WrongState => "wrong_state",
        Ignored::WrongContract => "wrong_contract",
        Ignored::ClockBackwards => "clock_backwards",
        Ignored::Unknown => "unknown",
        Ignored::Guard(_) => "condition",
    }
}

/// An order's card in a conversation; `title` is what the card's author claimed.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn card(views: &Views<'_>, order: RecordId, title: String) -> Result<Card, EngineError> {
    let known = summary(views, order)?;
    let (state, total) = known.map_or((OrderState::Requested, None), |order| (order.state, order.total));
    Ok(Card::Order { order: order.into(), title, state, total })
}

/// The card to send for an order: only in the conversation of its two sides.
///
/// # Errors
/// `NotFound` if it is not here or not of this conversation.
pub(crate) fn card_of(cx: &Cx<'_>, chat: &ChatId, order: RecordId) -> Result<protocol::Card, CommandError> {
    let row = view::row(cx.read(), &order)?.ok_or(CommandError::NotFound("this order"))?;
    if *chat != ChatId::Direct(row.other()) {
        return Err(CommandError::NotFound("this order"));
    }
    view::card(cx.read(), &order)?.ok_or(CommandError::NotFound("this order"))
}
