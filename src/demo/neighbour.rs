//! What a neighbour does: chats, greets, and buys strawberries.

use std::{collections::BTreeSet, time::Duration};

use hutong_web::api::{
    common::Id,
    events::Event,
    market::PaymentMethodKind,
    order::{Fulfilment, LineState, Order, OrderAction, OrderActionKind, OrderPlace, OrderPlaceLine, OrderState},
    trust::{Recommend, ReviewWrite},
};

use super::{
    Actor, DemoError, cast,
    life::{self, Deed, Role},
    scene::{self, Keeper, Scene, Somebody},
    words,
};

/// How long the errand may take: quoting, packing and sending are a few seconds each.
const ERRAND_WITHIN: Duration = Duration::from_secs(180);
/// How often she looks at her order.
const LOOKS_EVERY: Duration = Duration::from_millis(700);

/// One of the two.
pub(super) struct Neighbour {
    actor: Actor,
    /// The others who are played: they do not answer each other for ever.
    bots: BTreeSet<Id>,
    /// Whether this one answers in the group too.
    chatty: bool,
    turn: usize,
}

impl Neighbour {
    pub(super) fn new(who: &Somebody, bots: BTreeSet<Id>, chatty: bool) -> Self {
        Self { actor: who.actor.clone(), bots, chatty, turn: 0 }
    }
}

impl Role for Neighbour {
    fn actor(&self) -> &Actor {
        &self.actor
    }

    fn hears(&mut self, event: Event) -> Option<Deed> {
        match event {
            Event::Message { message } => {
                let direct = message.chat.starts_with("direct-");
                let answers = direct || self.chatty;
                if message.mine || !answers || self.bots.contains(&message.author.account) {
                    return None;
                }
                let text = words::neighbour(&message.text, self.turn).to_owned();
                self.turn = self.turn.wrapping_add(1);
                Some(Box::pin(life::answer(self.actor.clone(), *message, text)))
            }
            Event::Contact { contact } => {
                life::welcome(&self.actor, &contact, "你好你好！以后常联系。Hello! So good to have you here.")
            }
            _ => None,
        }
    }
}

/// Mei buys strawberries and says how they were; both have things to recommend. So your first look at the market already has
/// a word from people you know.
///
/// # Errors
/// If a node refuses, or the shop does not get on with it.
pub(super) async fn shops(scene: &Scene) -> Result<(), DemoError> {
    for (who, listing, text) in cast::RECOMMENDED {
        let actor = if who == "mei" { &scene.mei.actor } else { &scene.tom.actor };
        let keeper = if scene.greens.sells(listing) { &scene.greens } else { &scene.lane };
        let path = format!("stores/{}/listings/{listing}/recommend", keeper.store.summary.store);
        actor.api.tell(&path, &Recommend { text: text.into() }).await.map_err(actor.failed())?;
    }
    let order = buy(&scene.mei.actor, &scene.greens).await?;
    let review = ReviewWrite {
        listing: "strawberries".into(),
        overall: 5,
        text: "甜得不像话，我家猫都想尝。Ridiculously sweet. Even the cat wanted one.".into(),
        photos: Vec::new(),
    };
    let mei = &scene.mei.actor;
    let path = format!("orders/{}/review", order.summary.order);
    let _: Order = mei.api.post(&path, &review).await.map_err(mei.failed())?;
    scene::say(mei, &scene.group.chat, "草莓到了，真的甜 🍓 Strawberries arrived, worth every step.", None)
        .await
        .map(drop)
}

/// Orders, pays, confirms: until the order is complete.
async fn buy(buyer: &Actor, keeper: &Keeper) -> Result<Order, DemoError> {
    let place = OrderPlace {
        store: keeper.store.summary.store,
        lines: vec![OrderPlaceLine { listing: "strawberries".into(), sku: "SB-500".into(), quantity: 1 }],
        fulfilment: Fulfilment::Pickup { place: "shop".into() },
        payment_method: PaymentMethodKind::BankTransfer,
        note: Some("要红一点的。The red ones, please.".into()),
        auto_accept: Some(true),
    };
    let order: Order = buyer.api.post("orders", &place).await.map_err(buyer.failed())?;
    let path = format!("orders/{}", order.summary.order);
    let errand = async {
        loop {
            let order: Order = buyer.api.get(&path).await.map_err(buyer.failed())?;
            if order.summary.state == OrderState::Completed {
                return Ok(order);
            }
            if let Some(action) = next_step(&order) {
                let _: Order = buyer.api.post(&format!("{path}/actions"), &action).await.map_err(buyer.failed())?;
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    };
    let late = DemoError::Late { who: buyer.who, what: "her strawberries" };
    tokio::time::timeout(ERRAND_WITHIN, errand).await.unwrap_or(Err(late))
}

/// What a buyer does next.
fn next_step(order: &Order) -> Option<OrderAction> {
    let can = |action: OrderActionKind| order.actions.contains(&action);
    let arrived = order.lines.iter().all(|line| matches!(line.state, LineState::Ready | LineState::HandedOver));
    let action = |action| OrderAction {
        action,
        reason: None,
        amount: None,
        reference: None,
        carrier: None,
        tracking: None,
        pin: None,
        text: None,
    };
    if can(OrderActionKind::AcceptQuote) {
        Some(action(OrderActionKind::AcceptQuote))
    } else if can(OrderActionKind::ClaimPayment) && order.paid.is_none() {
        let amount = order.summary.total.clone();
        Some(OrderAction { amount, reference: Some("李梅 草莓".into()), ..action(OrderActionKind::ClaimPayment) })
    } else if can(OrderActionKind::ConfirmDelivery) && arrived {
        Some(action(OrderActionKind::ConfirmDelivery))
    } else if can(OrderActionKind::Complete) {
        Some(action(OrderActionKind::Complete))
    } else {
        None
    }
}
