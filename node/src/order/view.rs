//! What others may read of orders.

use hutong_protocol::{
    AccountId, BlobHash, RecordId, TimestampMs,
    chat::Card,
    ids::to_base32,
    money::Money,
    order::{
        Action, Fulfilment, LogEntry, Order, OrderEntry, OrderState, PaymentState, Role, allowed_actions, next_actor,
    },
};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    engine::{
        EngineError, get_record, get_value,
        outbox::{self, OutboxState},
    },
    store::{Direction, KeyRange, Read},
};

/// An order in a list. Written anew with every entry, so that lists need no folding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Who buys.
    pub buyer: AccountId,
    /// Who sells.
    pub seller: AccountId,
    /// Which of them this node is.
    pub role: Role,
    /// The order axis.
    pub state: OrderState,
    /// The payment axis.
    pub payment: PaymentState,
    /// The first line's name.
    pub title: String,
    /// The first line's picture.
    pub picture: Option<BlobHash>,
    /// Pieces in all lines.
    pub items: u32,
    /// The total, once there is a quote.
    pub total: Option<Money>,
    /// When it was placed.
    pub placed_at: TimestampMs,
    /// When something last happened.
    pub updated_at: TimestampMs,
    /// On whom it waits.
    pub next_actor: Option<Role>,
    /// Picked up, not shipped.
    pub pickup: bool,
    /// When time itself may change it.
    pub due: Option<TimestampMs>,
}

impl OrderRow {
    pub(super) fn of(order: &Order, role: Role, due: Option<TimestampMs>) -> Self {
        let first = order.request.lines.first();
        Self {
            buyer: order.buyer,
            seller: order.seller,
            role,
            state: order.state,
            payment: order.payment,
            title: first.map(|line| line.title.clone()).unwrap_or_default(),
            picture: first.and_then(|line| line.picture),
            items: order.request.lines.iter().fold(0, |sum, line| sum.saturating_add(line.quantity)),
            total: order.total(),
            placed_at: order.requested_at,
            updated_at: order.updated_at,
            next_actor: next_actor(order),
            pickup: matches!(order.request.fulfilment, Fulfilment::Pickup { .. }),
            due,
        }
    }

    /// The other party.
    #[must_use]
    pub const fn other(&self) -> AccountId {
        match self.role {
            Role::Buyer => self.seller,
            Role::Seller | Role::Arbiter => self.buyer,
        }
    }
}

/// What a buyer keeps to himself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The seed of the order's review key.
    #[serde(with = "serde_bytes")]
    pub review_seed: [u8; 32],
    /// The PIN that he shows when the goods are handed to him.
    pub pin: String,
    /// A quote up to the largest total is accepted without asking.
    pub auto_accept: bool,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// How far this node's newest entry came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the outbox.
    Queued,
    /// The other's node has stored it; its signed word is awaited.
    Sent,
    /// The other's signed word is here.
    Delivered,
}

/// Who has the buyer's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyWith {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
    /// The escrow.
    Escrow,
    /// On its way, as the buyer says.
    Nobody,
}

/// An order in full, as this node may see it.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The folded order.
    pub order: Order,
    /// The row.
    pub row: OrderRow,
    /// The buyer's PIN, on the buyer's node, while it is of use.
    pub pin: Option<String>,
    /// What this node may do now.
    pub actions: Vec<Action>,
    /// How far its newest entry came.
    pub delivery: Delivery,
    /// Who has the money.
    pub money_with: MoneyWith,
}

/// The row of an order.
///
/// # Errors
/// The store's, or damage.
pub fn row(read: &dyn Read, id: &RecordId) -> Result<Option<OrderRow>, EngineError> {
    get_value(read, keys::order(id))
}

/// Orders, the last changed first. `role`: only those in which this node is that; `waiting`: only those that wait for it.
///
/// # Errors
/// The store's, or damage.
pub fn list(read: &dyn Read, role: Option<Role>, waiting: bool) -> Result<Vec<(RecordId, OrderRow)>, EngineError> {
    let prefix = keys::orders();
    let mut orders = Vec::new();
    for (key, value) in read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
        let id = key.get(prefix.len()..).and_then(RecordId::from_slice);
        let id = id.ok_or_else(|| EngineError::Damaged("an order row".into()))?;
        let row: OrderRow = hutong_protocol::codec::decode_checked(&value)?;
        if role.is_none_or(|role| row.role == role) && (!waiting || row.next_actor == Some(row.role)) {
            orders.push((id, row));
        }
    }
    orders.sort_by_key(|(id, row)| std::cmp::Reverse((row.updated_at, *id)));
    Ok(orders)
}

/// How many orders wait for this node as the seller.
///
/// # Errors
/// The store's, or damage.
pub fn waiting_for_seller(read: &dyn Read) -> Result<u32, EngineError> {
    Ok(u32::try_from(list(read, Some(Role::Seller), true)?.len()).unwrap_or(u32::MAX))
}

pub(super) fn entries(read: &dyn Read, id: &RecordId) -> Result<Vec<LogEntry>, EngineError> {
    let prefix = keys::entries(id);
    let mut entries = Vec::new();
    for (key, _) in read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
        let entry = key.get(prefix.len()..).and_then(RecordId::from_slice);
        let entry = entry.ok_or_else(|| EngineError::Damaged("an entry row".into()))?;
        // An entry whose record is being taken in right now is not in the set yet.
        if let Some(record) = get_record(read, &entry)? {
            let body: OrderEntry = record.body()?;
            entries.push(LogEntry::new(entry, &record.header, body));
        }
    }
    Ok(entries)
}

/// The folded order; none if its first entry is not here.
///
/// # Errors
/// The store's, or damage.
pub fn fold(read: &dyn Read, id: &RecordId) -> Result<Option<Order>, EngineError> {
    Ok(Order::fold(*id, entries(read, id)?).ok())
}

pub(crate) fn secrets(read: &dyn Read, id: &RecordId) -> Result<Option<Secrets>, EngineError> {
    get_value(read, keys::secrets(id))
}

/// An order in full.
///
/// # Errors
/// The store's, or damage.
pub fn order(read: &dyn Read, id: &RecordId, now: TimestampMs) -> Result<Option<OrderView>, EngineError> {
    let (Some(row), Some(order)) = (row(read, id)?, fold(read, id)?) else { return Ok(None) };
    let actions = allowed_actions(&order, row.role, now);
    let pin = secrets(read, id)?.map(|secrets| secrets.pin).filter(|_| pin_is_of_use(&order));
    let delivery = delivery(read, &order, &row)?;
    let money_with = money_with(&order);
    Ok(Some(OrderView { order, row, pin, actions, delivery, money_with }))
}

fn pin_is_of_use(order: &Order) -> bool {
    let under_way = matches!(order.state, OrderState::Accepted | OrderState::InProgress);
    let open = order.lines.iter().any(|line| line.delivered_at.is_none());
    under_way && open && order.pin_tries < hutong_protocol::limits::PIN_TRIES_MAX
}

fn delivery(read: &dyn Read, order: &Order, row: &OrderRow) -> Result<Delivery, EngineError> {
    let mine = order.timeline.iter().filter(|event| event.role == row.role).max_by_key(|event| (event.at, event.id));
    let Some(newest) = mine else { return Ok(Delivery::Delivered) };
    Ok(match outbox::row(read, &row.other(), newest.at, &newest.id)?.map(|row| row.state) {
        None => Delivery::Delivered,
        Some(OutboxState::Handed) => Delivery::Sent,
        Some(OutboxState::Queued | OutboxState::Left | OutboxState::Later | OutboxState::Refused) => Delivery::Queued,
    })
}

const fn money_with(order: &Order) -> MoneyWith {
    match order.payment {
        PaymentState::Unpaid | PaymentState::Rejected | PaymentState::Refunded => MoneyWith::Buyer,
        PaymentState::Claimed => MoneyWith::Nobody,
        PaymentState::PartPaid | PaymentState::Paid | PaymentState::PartRefunded => MoneyWith::Seller,
        PaymentState::Held => MoneyWith::Escrow,
    }
}

/// The card of an order, for a conversation with the other party.
///
/// # Errors
/// The store's, or damage.
pub fn card(read: &dyn Read, id: &RecordId) -> Result<Option<Card>, EngineError> {
    Ok(row(read, id)?.map(|row| {
        let mut title = if row.title.is_empty() { to_base32(&id.0) } else { row.title };
        hutong_protocol::text::truncate(&mut title, hutong_protocol::limits::NAME_BYTES_MAX);
        Card::Order { order: *id, title: title.trim().to_owned() }
    }))
}
