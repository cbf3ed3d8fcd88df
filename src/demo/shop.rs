//! What a shop does: answers, confirms payments, packs, sends or hands over, takes back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hutong_web::api::{
    chat::Message,
    common::{Id, Money},
    events::Event,
    market::PaymentMethodKind,
    order::{FulfilmentKind, LineState, Order, OrderAction, OrderActionKind, OrderRole, OrderSummary, PaymentState},
};

use super::{
    Actor, DemoError,
    cast::Shop,
    life::{self, Deed, Role},
    scene::{self, Keeper},
    words,
};

/// How long a step takes behind the counter.
const WORKS_FOR: Duration = Duration::from_millis(2_500);
/// Steps of one order at most: a way through the order machine and back is shorter.
const STEPS_MAX: usize = 24;
/// Orders remembered as being worked on.
const ORDERS_MAX: usize = 256;

/// One of the two shops.
pub(super) struct ShopKeeper {
    actor: Actor,
    shop: &'static Shop,
    turn: usize,
    /// Orders at work; `true`: something came in meanwhile, so look once more.
    at_work: Arc<Mutex<BTreeMap<Id, bool>>>,
}

impl ShopKeeper {
    pub(super) fn new(keeper: &Keeper) -> Self {
        Self { actor: keeper.actor.clone(), shop: keeper.shop, turn: 0, at_work: Arc::default() }
    }

    /// Works on an order, unless somebody does already; then they will look once more.
    fn takes(&self, order: Id) -> Option<Deed> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = at_work.get_mut(&order) {
            *again = true;
            return None;
        }
        if at_work.len() >= ORDERS_MAX {
            return None;
        }
        at_work.insert(order, false);
        let work = work(self.actor.clone(), self.shop, order, Arc::clone(&self.at_work));
        Some(Box::pin(work))
    }

    fn reads(&mut self, message: Message) -> Option<Deed> {
        if message.mine || !message.chat.starts_with("direct-") {
            return None;
        }
        let actor = self.actor.clone();
        if let Some(pin) = words::pin(&message.text) {
            return Some(Box::pin(enter_pin(actor, message, pin)));
        }
        let text = words::shop(&message.text, self.turn).to_owned();
        self.turn = self.turn.wrapping_add(1);
        Some(Box::pin(life::answer(actor, message, text)))
    }
}

impl Role for ShopKeeper {
    fn actor(&self) -> &Actor {
        &self.actor
    }

    fn hears(&mut self, event: Event) -> Option<Deed> {
        match event {
            Event::Order { order } if order.role == OrderRole::Seller => self.takes(order.order),
            Event::Message { message } => self.reads(*message),
            Event::Contact { contact } => {
                life::welcome(&self.actor, &contact, "您好，欢迎！有什么要找的？Welcome! What can we find for you?")
            }
            _ => None,
        }
    }
}

/// Takes step after step until it is somebody else's turn.
async fn work(
    actor: Actor,
    shop: &'static Shop,
    id: Id,
    at_work: Arc<Mutex<BTreeMap<Id, bool>>>,
) -> Result<(), DemoError> {
    let result = steps(&actor, shop, id, &at_work).await;
    at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    result
}

async fn steps(actor: &Actor, shop: &Shop, id: Id, at_work: &Mutex<BTreeMap<Id, bool>>) -> Result<(), DemoError> {
    let path = format!("orders/{id}");
    for _ in 0..STEPS_MAX {
        let order: Order = actor.api.get(&path).await.map_err(actor.failed())?;
        let Some(action) = next_step(&order, shop) else {
            // Whatever came in before this look was seen; what came in during it was noted.
            let mut at_work = at_work.lock().unwrap_or_else(PoisonError::into_inner);
            match at_work.get_mut(&id) {
                Some(again) if *again => *again = false,
                _ => return Ok(()),
            }
            continue;
        };
        tokio::time::sleep(WORKS_FOR).await;
        let kind = action.action;
        let number = action.tracking.clone();
        let order: Order = actor.api.post(&format!("{path}/actions"), &action).await.map_err(actor.failed())?;
        if let Some(text) = says(kind, &order, shop, number.as_deref()) {
            scene::say(actor, &order.chat, &text, None).await?;
        }
    }
    Ok(())
}

/// What a shop does next with an order.
fn next_step(order: &Order, shop: &Shop) -> Option<OrderAction> {
    let can = |action: OrderActionKind| order.actions.contains(&action);
    let (carrier, prefix) = shop.carrier;
    let all = |state: LineState| order.lines.iter().all(|line| line.state == state);
    let pickup = order.summary.fulfilment == FulfilmentKind::Pickup;
    let payment = order.summary.payment;
    let cash = order.payment_method == PaymentMethodKind::PayOnDelivery;
    let paid_at_the_door = cash && payment == PaymentState::Unpaid && all(LineState::Delivered);
    if can(OrderActionKind::Quote) {
        Some(action(OrderActionKind::Quote))
    } else if can(OrderActionKind::ApproveCancel) {
        Some(action(OrderActionKind::ApproveCancel))
    } else if can(OrderActionKind::AcceptPayment) && (payment == PaymentState::Claimed || paid_at_the_door) {
        Some(OrderAction { amount: open_sum(order), ..action(OrderActionKind::AcceptPayment) })
    } else if can(OrderActionKind::Start) {
        Some(action(OrderActionKind::Start))
    } else if pickup && can(OrderActionKind::Ready) && all(LineState::Pending) {
        Some(action(OrderActionKind::Ready))
    } else if !pickup && can(OrderActionKind::HandOver) && (all(LineState::Pending) || all(LineState::Ready)) {
        let tracking = format!("{prefix}{}", tracking_digits(&order.summary));
        Some(OrderAction {
            carrier: Some(carrier.into()),
            tracking: Some(tracking),
            ..action(OrderActionKind::HandOver)
        })
    } else if can(OrderActionKind::AuthoriseReturn) {
        Some(action(OrderActionKind::AuthoriseReturn))
    } else if can(OrderActionKind::ReturnReceived) {
        Some(action(OrderActionKind::ReturnReceived))
    } else if can(OrderActionKind::Refund) && owes_refund(order) {
        let reason = Some("退款 · refund".to_owned());
        Some(OrderAction { amount: order.paid.clone(), reason, ..action(OrderActionKind::Refund) })
    } else {
        None
    }
}

fn action(action: OrderActionKind) -> OrderAction {
    OrderAction {
        action,
        reason: None,
        amount: None,
        reference: None,
        carrier: None,
        tracking: None,
        pin: None,
        text: None,
    }
}

/// What is still to be paid.
fn open_sum(order: &Order) -> Option<Money> {
    order.shortfall.clone().or_else(|| order.summary.total.clone())
}

/// Goods came back, or the order was cancelled, and nothing was paid back yet.
fn owes_refund(order: &Order) -> bool {
    use hutong_web::api::order::{OrderState, ReturnState};
    let back = order.returns == ReturnState::Received || order.summary.state == OrderState::Cancelled;
    let paid = order.paid.as_ref().is_some_and(|paid| paid.minor > 0);
    back && paid && order.refunded.as_ref().is_none_or(|refunded| refunded.minor == 0)
}

/// Twelve digits that belong to the order, as a carrier's number would.
fn tracking_digits(order: &OrderSummary) -> String {
    let digits = order.order.0.iter().take(6).map(|byte| format!("{:02}", byte % 100));
    digits.collect()
}

/// What the shop writes to the buyer with a step.
fn says(kind: OrderActionKind, order: &Order, shop: &Shop, number: Option<&str>) -> Option<String> {
    let (carrier, _) = shop.carrier;
    match kind {
        OrderActionKind::HandOver => {
            let number = number.unwrap_or_default();
            Some(format!("已发货：{carrier} {number}。On its way with {carrier}, number {number}."))
        }
        OrderActionKind::Ready => {
            let place = order.pickup.as_ref().map(|place| place.name.as_str()).unwrap_or_default();
            Some(format!(
                "备好了，到 {place} 来取；到店把取货码发我。It is ready at {place}; send me the PIN when you stand here."
            ))
        }
        OrderActionKind::AcceptPayment => Some("收到款了，谢谢！We have your payment, thank you!".to_owned()),
        _ => None,
    }
}

/// The buyer stands at the counter and shows the PIN.
async fn enter_pin(actor: Actor, message: Message, pin: String) -> Result<(), DemoError> {
    let orders: Vec<OrderSummary> = actor.api.get("orders?role=seller").await.map_err(actor.failed())?;
    let theirs = orders.iter().filter(|order| order.other.account == message.author.account);
    let mut answer = "这个取货码对不上，请再看一下订单。That PIN fits no order here; please look at it again.";
    for summary in theirs {
        let path = format!("orders/{}", summary.order);
        let order: Order = actor.api.get(&path).await.map_err(actor.failed())?;
        if order.actions.contains(&OrderActionKind::EnterPin) && order.summary.fulfilment == FulfilmentKind::Pickup {
            let entered = OrderAction { pin: Some(pin.clone()), ..action(OrderActionKind::EnterPin) };
            let after: Order = actor.api.post(&format!("{path}/actions"), &entered).await.map_err(actor.failed())?;
            if after.lines.iter().all(|line| line.state == LineState::Delivered) {
                answer = "对上了，东西给您，慢走！That is it. Here you are, enjoy!";
                break;
            }
        }
    }
    life::answer(actor, message, answer.to_owned()).await
}
