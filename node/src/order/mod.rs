//! Orders: the log's entries as records, what this node does by itself, and what a person may do.
//!
//! ```text
//! entry (own, or by mail) ──rules──► kept ──fold──► row, events ──► what follows by itself:
//!     seller: quote or decline, countersign, keep or free the stock       buyer: accept within the limit, complete
//!     timers: expire, cancel what is not paid, complete, fall back
//! ```
//! All of it happens in the transaction that takes the entry in: the stock is leased where it is quoted.

mod act;
mod buyer;
mod keys;
mod rules;
mod seller;
#[cfg(test)]
pub(crate) mod tests;
pub mod view;

use hutong_protocol::{
    Draft, Kind, RecordId, TimestampMs, Topic, Verified,
    market::PaymentMethodKind,
    order::{Action, CaseState, Entry, EntryKind, Order, OrderState, PaymentState, Role, allowed_actions},
};

use self::view::OrderRow;
pub use self::{
    act::{Act, act},
    buyer::{PlaceOrder, place},
};
use crate::{
    engine::{CommandError, Cx, DomainEvent, EngineError, Event, Feature, Keep, Reject, Source},
    store::{Direction, KeyRange},
};

/// Orders looked at in one tick because of the time. The rest follows in the next.
const TIMERS_A_TICK: usize = 64;
/// When a timer that could not do anything is looked at again.
const TIMER_RETRY_MS: u64 = 60 * 60 * 1000;

/// The feature.
pub struct Orders;

impl Feature for Orders {
    fn name(&self) -> &'static str {
        "order"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Order]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
        let body = rules::entry(cx.read(), record, &me)?;
        let order = body.order.unwrap_or(record.id());
        cx.put(keys::entry(&order, &record.id()), Vec::new());
        if body.order.is_none() && record.author() != me {
            cx.emit(&DomainEvent::Dealing(record.author()))?;
        }
        Ok(Keep::Store)
    }

    fn applied(&self, cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
        let body: hutong_protocol::order::OrderEntry = record.body()?;
        let id = body.order.unwrap_or(record.id());
        let Some(order) = view::fold(cx.read(), &id)? else { return Ok(()) };
        let Some(role) = cx.account().and_then(|me| order.role_of(&me)) else { return Ok(()) };
        save(cx, &order, role)?;
        let done = match role {
            Role::Buyer => buyer::follow_up(cx, &order),
            Role::Seller => seller::follow_up(cx, &order),
            Role::Arbiter => Ok(()),
        };
        own_failures(done)
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::Reviewed { order, review } => {
                let Some(folded) = view::fold(cx.read(), order)? else { return Ok(()) };
                let Some(role) = cx.account().and_then(|me| folded.role_of(&me)) else { return Ok(()) };
                // The public review stands by itself; the order only notes it, if it can.
                own_failures(write(cx, &folded, role, Entry::Review { review: *review }).map(drop)).map_err(only_own)
            }
            DomainEvent::Receipt { ids, .. } => {
                for id in ids {
                    notify_if_entry(cx, id)?;
                }
                Ok(())
            }
            DomainEvent::Handed(_, id, _) => notify_if_entry(cx, id),
            _ => Ok(()),
        }
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        let end = keys::timer(cx.now().plus_ms(1), &RecordId([0; 32]));
        let due = cx.read().collect(KeyRange::between(&keys::timers(), &end), Direction::Ascending, TIMERS_A_TICK)?;
        for (key, _) in due {
            cx.delete(&key);
            let Some(id) = keys::parse_timer(&key) else { continue };
            let (Some(order), Some(row)) = (view::fold(cx.read(), &id)?, view::row(cx.read(), &id)?) else { continue };
            // Looked at again later, unless what happens now sets another time.
            schedule(cx, &id, &row, Some(cx.now().plus_ms(TIMER_RETRY_MS)))?;
            if let Some(entry) = timed_entry(&order, row.role, cx.now()) {
                own_failures(write(cx, &order, row.role, entry).map(drop)).map_err(only_own)?;
            }
        }
        Ok(())
    }
}

/// What a node does by itself may turn out not to be possible (the other was faster): that is nobody's failure.
fn own_failures(result: Result<(), CommandError>) -> Result<(), Reject> {
    match result {
        Ok(()) => Ok(()),
        Err(CommandError::Own(error)) => Err(Reject::Own(error)),
        Err(error) => {
            tracing::debug!(%error, "nothing follows from an order's entry");
            Ok(())
        }
    }
}

fn only_own(reject: Reject) -> EngineError {
    match reject {
        Reject::Own(error) => error,
        other => EngineError::Damaged(other.to_string()),
    }
}

fn notify_if_entry(cx: &mut Cx<'_>, id: &RecordId) -> Result<(), EngineError> {
    let Some(record) = crate::engine::get_record(cx.read(), id)? else { return Ok(()) };
    if record.header.kind == Kind::Order {
        let body: hutong_protocol::order::OrderEntry = record.body()?;
        cx.notify(Event::Order(body.order.unwrap_or(*id)));
    }
    Ok(())
}

/// Writes an order's row and timer, and tells the screen.
fn save(cx: &mut Cx<'_>, order: &Order, role: Role) -> Result<(), EngineError> {
    let before = view::row(cx.read(), &order.id)?;
    let row = OrderRow::of(order, role, before.and_then(|row| row.due));
    schedule(cx, &order.id, &row, due(order, role))?;
    if role == Role::Seller {
        let key = keys::request_of(&order.buyer, &order.id);
        if matches!(order.state, OrderState::Requested | OrderState::Quoted) {
            cx.put(key, Vec::new());
        } else {
            cx.delete(key);
        }
    }
    cx.notify(Event::Order(order.id));
    Ok(())
}

/// Writes a row with another due time.
fn schedule(cx: &mut Cx<'_>, id: &RecordId, row: &OrderRow, due: Option<TimestampMs>) -> Result<(), EngineError> {
    if row.due != due {
        if let Some(old) = row.due {
            cx.delete(keys::timer(old, id));
        }
        if let Some(due) = due {
            cx.put(keys::timer(due, id), Vec::new());
        }
    }
    cx.put_value(keys::order(id), &OrderRow { due, ..row.clone() })
}

/// When time itself may change an order: the first moment at which [`timed_entry`] has something to say.
fn due(order: &Order, role: Role) -> Option<TimestampMs> {
    let quote = order.quote.as_ref();
    let axis = match order.state {
        OrderState::Requested => Some(order.request.expires.plus_ms(1)),
        OrderState::Quoted => quote.map(|quote| quote.valid_until.plus_ms(1)),
        OrderState::Accepted if role == Role::Seller && is_unpaid(order) => quote.map(|quote| quote.lease_until),
        OrderState::InProgress => order.completes_at(),
        _ => None,
    };
    let ruling = order.dispute.as_ref().filter(|_| order.case == CaseState::Open).and_then(|dispute| {
        let terms = quote?.ruling?;
        Some(dispute.opened_at.plus_ms(terms.deadline_ms).plus_ms(1))
    });
    axis.into_iter().chain(ruling).min()
}

/// Nothing was paid of an order that is paid in advance.
fn is_unpaid(order: &Order) -> bool {
    matches!(order.payment, PaymentState::Unpaid | PaymentState::Rejected)
        && order.request.payment_method != PaymentMethodKind::PayOnDelivery
}

/// What time itself lets a party write.
fn timed_entry(order: &Order, role: Role, now: TimestampMs) -> Option<Entry> {
    if due(order, role)? > now {
        return None;
    }
    match order.state {
        OrderState::Requested | OrderState::Quoted => Some(Entry::Expire),
        OrderState::Accepted if role == Role::Seller && is_unpaid(order) => {
            Some(Entry::Cancel { reason: "not_paid_in_time".into() })
        }
        OrderState::InProgress if order.completes_at().is_some_and(|due| due <= now) => Some(Entry::Complete),
        _ if order.case == CaseState::Open => Some(Entry::FallBack),
        _ => None,
    }
}

/// Publishes an entry to the other party. It must have an effect; otherwise nothing is written.
///
/// # Errors
/// Refused with the reason the fold gives.
fn write(cx: &mut Cx<'_>, order: &Order, role: Role, entry: Entry) -> Result<RecordId, CommandError> {
    let me = cx.me()?;
    let kind = entry.kind();
    check_effect(order, role, &entry, cx.now())?;
    let (body, prev) = order.next_entry(role, entry);
    let to = body.to;
    let draft = Draft::new(Topic::direct(&me, &to), Kind::Order, &body)?.after(prev);
    let id = cx.publish(draft, Some(to))?;
    let after = view::fold(cx.read(), &order.id)?.ok_or(CommandError::NotFound("this order"))?;
    match after.timeline.iter().find(|event| event.id == id).map(|event| event.outcome) {
        Some(Ok(_)) => Ok(id),
        // `check_effect` has tried it before: only a clock that ran over a deadline in between ends here.
        Some(Err(reason)) => Err(not_possible(kind, &reason.to_string())),
        None => Err(CommandError::NotFound("this order")),
    }
}

/// Tries an entry on a copy before it is signed and sent.
fn check_effect(order: &Order, role: Role, entry: &Entry, now: TimestampMs) -> Result<(), CommandError> {
    order.would_take(role, entry, now.max(order.updated_at.plus_ms(1))).map_err(|reason| {
        let what = entry.kind();
        not_possible(what, &reason.to_string())
    })
}

/// Whether the table offers an action at all, before anything is prepared for it.
fn check_can(order: &Order, role: Role, action: Action, now: TimestampMs) -> Result<(), CommandError> {
    if allowed_actions(order, role, now).contains(&action) {
        return Ok(());
    }
    let what = action.as_str().replace('_', " ");
    Err(CommandError::refused("not_possible", format!("{what} is not possible in the state of this order")))
}

fn not_possible(kind: EntryKind, reason: &str) -> CommandError {
    CommandError::refused("not_possible", format!("{} is not possible now: {reason}", kind.as_str().replace('_', " ")))
}
