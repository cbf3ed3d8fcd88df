//! Scenario `order`: a few shops with little stock, many buyers, and everything that people do with orders.

use std::collections::BTreeMap;

use hutong_protocol::{
    Kind, RecordId,
    market::{
        ItemKind, Listing, ListingStatus, PaymentMethod, PaymentMethodKind, PickupPlace, ReturnPolicy, ShippingOption,
        Stock, Store, Variant,
    },
    money::{Currency, Money},
    order::{Action, Address, Fulfilment, LineState, Order, OrderState, PaymentState, Role},
};

use super::{
    Options, Property, Report, World,
    town::{HOUR_MS, Town},
};
use crate::{
    engine::outbox,
    market::{
        self,
        own::{Publication, put_listing, put_store},
    },
    order::{self, Act, PlaceOrder},
};

/// One shop for so many nodes.
const NODES_PER_SHOP: usize = 8;
/// Units of each sku at the start: few, so that buyers race for the last one.
const STOCK: u32 = 12;
/// Skus of a shop.
const SKUS: u64 = 3;
/// Orders that a node places in a virtual day.
const ORDERS_A_DAY: u64 = 3;

struct Scene {
    town: Town,
    shops: Vec<usize>,
    /// Orders whose buyer was told that they are placed: buyer, shop, id.
    placed: Vec<(usize, usize, RecordId)>,
}

pub(super) fn run(seed: u64, options: Options) -> Report {
    let mut scene = Scene::open(seed, options);
    for hour in 0..options.days * 24 {
        scene.hour(hour);
        scene.town.world.run(HOUR_MS);
    }
    scene.town.settle();
    let properties = scene.judge();
    scene.town.report(properties)
}

fn currency() -> Currency {
    "CNY".parse().unwrap_or_else(|_| unreachable!("CNY is a currency"))
}

fn money(minor: i64) -> Money {
    Money::new(minor, currency())
}

fn shop() -> Store {
    let method = |kind| PaymentMethod { kind, instructions: "Account 1234".into() };
    let option = ShippingOption {
        id: "post".into(),
        name: "Post".into(),
        zones: vec!["*".into()],
        rate: money(800),
        additional_item: Some(money(100)),
        free_from: Some(money(9_900)),
        days_min: 1,
        days_max: 3,
    };
    let place =
        PickupPlace { id: "door".into(), name: "At the door".into(), address: String::new(), hours: String::new() };
    Store {
        name: "Shop".into(),
        about: String::new(),
        logo: None,
        banner: None,
        currency: currency(),
        languages: vec!["en".into()],
        opening_hours: String::new(),
        contact: String::new(),
        payment_methods: vec![method(PaymentMethodKind::PayOnDelivery), method(PaymentMethodKind::BankTransfer)],
        shipping: vec![option],
        pickup: vec![place],
        returns: ReturnPolicy::default(),
        policies: String::new(),
        cancellation_fee: Default::default(),
        arbiters: Vec::new(),
        vacation: false,
    }
}

fn sku(index: u64) -> String {
    format!("SKU-{index}")
}

fn goods(index: u64) -> Listing {
    let price = 1_000 + 500 * i64::try_from(index).unwrap_or(0);
    let stock = Stock { tracked: true, qty: STOCK, allow_backorder: false };
    let variant = Variant {
        sku: sku(index),
        options: Vec::new(),
        price,
        compare_at: None,
        stock,
        weight_g: None,
        image: None,
        gtin: None,
        measure: None,
    };
    Listing {
        name: format!("Thing {index}"),
        description: String::new(),
        language: String::new(),
        images: Vec::new(),
        brand: String::new(),
        category: String::new(),
        tags: Vec::new(),
        condition: Default::default(),
        kind: ItemKind::Physical,
        status: ListingStatus::Active,
        currency: currency(),
        options: Vec::new(),
        variants: vec![variant],
        shipping: Vec::new(),
    }
}

fn handle(index: u64) -> String {
    format!("thing-{index}")
}

fn address() -> Address {
    Address {
        name: "Mei".into(),
        phone: "1".into(),
        country: "CN".into(),
        region: String::new(),
        city: "Beijing".into(),
        street: "Hutong 12".into(),
        postal_code: "100000".into(),
    }
}

impl Scene {
    fn open(seed: u64, options: Options) -> Self {
        let mut town = Town::open(seed, options);
        let shops: Vec<usize> = (0..options.nodes).step_by(NODES_PER_SHOP).collect();
        for node in shops.clone() {
            town.insist(node, |cx| put_store(cx, &shop()));
            for index in 0..SKUS {
                town.insist(node, move |cx| put_listing(cx, &handle(index), goods(index), Publication::Active));
            }
        }
        for node in 0..options.nodes {
            for shop in shops.clone() {
                let (account, address) = (town.accounts[shop], World::address(shop));
                if shop != node {
                    town.insist(node, move |cx| {
                        market::set_followed(cx, account, true, std::slice::from_ref(&address))
                    });
                }
            }
        }
        Self { town, shops, placed: Vec::new() }
    }

    fn hour(&mut self, hour: u64) {
        self.town.trouble(hour);
        let nodes = u64::try_from(self.town.accounts.len()).unwrap_or(1);
        for _ in 0..(ORDERS_A_DAY * nodes / 24).max(1) {
            self.place();
        }
        for _ in 0..nodes {
            self.act();
        }
    }

    fn place(&mut self) {
        let buyer = self.town.any_node();
        let Some(shop) = self.town.world.rng().pick(&self.shops.clone()).copied() else { return };
        if shop == buyer {
            return;
        }
        let rng = self.town.world.rng();
        let (index, quantity) = (rng.below(SKUS), u32::try_from(1 + rng.below(3)).unwrap_or(1));
        let (picked_up, on_delivery, auto_accept) = (rng.chance(30), rng.chance(50), rng.chance(50));
        let fulfilment = if picked_up {
            Fulfilment::Pickup { place: "door".into() }
        } else {
            Fulfilment::Shipping { option: "post".into(), address: address() }
        };
        let order = PlaceOrder {
            store: self.town.accounts[shop],
            lines: vec![(handle(index), sku(index), quantity)],
            fulfilment,
            payment_method: if on_delivery {
                PaymentMethodKind::PayOnDelivery
            } else {
                PaymentMethodKind::BankTransfer
            },
            note: String::new(),
            auto_accept,
        };
        if let Some(Ok(id)) = self.town.world.call(buyer, move |cx| order::place(cx, order)) {
            self.placed.push((buyer, shop, id));
        }
    }

    /// One of the parties of some order does one of the things it may do, sensible or not.
    fn act(&mut self) {
        let Some((buyer, shop, id)) = self.town.world.rng().pick(&self.placed.clone()).copied() else { return };
        let (node, other) = if self.town.world.rng().chance(50) { (buyer, shop) } else { (shop, buyer) };
        let now = self.town.world.now();
        let view = order::view::order(self.town.world.read(node), &id, now).ok().flatten();
        let Some(view) = view else { return };
        let doable: Vec<Action> = view.actions.into_iter().filter(|action| *action != Action::Review).collect();
        let Some(action) = self.town.world.rng().pick(&doable).copied() else { return };
        // People rarely quarrel: most of the time they do not take the way out.
        let way_out = matches!(action, Action::Cancel | Action::Decline | Action::OpenCase | Action::RequestReturn);
        if way_out && self.town.world.rng().chance(80) {
            return;
        }
        let pin = order::view::order(self.town.world.read(other), &id, now).ok().flatten().and_then(|view| view.pin);
        let half = view.order.received().minor / 2;
        let amount = match action {
            Action::Refund | Action::ProposeSettlement => Some(money(half.max(1))),
            _ => None,
        };
        let with = Act { reason: "because".into(), amount, pin: pin.unwrap_or_default(), ..Act::default() };
        self.town.world.call(node, move |cx| order::act(cx, &id, action, &with));
    }

    fn order_at(&self, node: usize, id: &RecordId) -> Option<Order> {
        order::view::fold(self.town.world.read(node), id).ok().flatten()
    }

    fn judge(&self) -> Vec<Property> {
        let mut same = Property::new("both parties of every order see the same order");
        let mut answered = Property::new("every order that was placed was answered");
        let mut paid = Property::new("nothing is prepared unpaid, unless it is paid on delivery");
        let mut refunds = Property::new("no more is refunded than was paid");
        for (buyer, shop, id) in &self.placed {
            let (ours, theirs) = (self.order_at(*buyer, id), self.order_at(*shop, id));
            same.check(ours.is_some() && ours == theirs, || format!("{id}: {buyer} and {shop} differ"));
            let Some(order) = ours else { continue };
            answered.check(order.state != OrderState::Requested, || format!("{id} at {shop} is still unanswered"));
            let moving = matches!(order.state, OrderState::InProgress | OrderState::Completed);
            let on_delivery = order.request.payment_method == PaymentMethodKind::PayOnDelivery;
            let unpaid = matches!(order.payment, PaymentState::Unpaid | PaymentState::Claimed | PaymentState::PartPaid);
            paid.check(!moving || on_delivery || !unpaid, || format!("{id}: {:?}, {:?}", order.state, order.payment));
            let within = order.refunded.minor <= order.received().minor;
            refunds.check(within, || format!("{id}: {:?} of {:?}", order.refunded, order.received()));
        }
        let mut empty = Property::new("nothing is left in any outbox");
        for node in 0..self.town.accounts.len() {
            let left = outbox::summary(self.town.world.read(node), 1_000).map_or(usize::MAX, |(count, _)| count);
            empty.check(left == 0, || format!("node {node} still has {left}"));
        }
        vec![same, answered, paid, refunds, self.stock(), self.shelves(), empty]
    }

    /// What a shop has left and what it sold or set aside is what it had.
    fn stock(&self) -> Property {
        let mut stock = Property::new("no unit is sold twice, and none vanishes");
        for shop in &self.shops {
            let mut bound: BTreeMap<String, u32> = BTreeMap::new();
            let mut free = Vec::new();
            // Not only those whose buyer was told: a buyer's node may have died between the commit and the answer.
            let all = order::view::list(self.town.world.read(*shop), Some(Role::Seller), false).unwrap_or_default();
            for (id, _) in all {
                let Some(order) = self.order_at(*shop, &id) else { continue };
                let holds = matches!(
                    order.state,
                    OrderState::Accepted
                        | OrderState::InProgress
                        | OrderState::CancelRequested
                        | OrderState::Completed
                        | OrderState::Quoted
                );
                // What a carrier has is not on the shelf, whatever became of the order.
                let away =
                    order.lines.iter().any(|line| matches!(line.state, LineState::HandedOver | LineState::Failed));
                let holds = holds || away;
                if !holds {
                    free.push((id, order.state, order.payment, order.returns));
                }
                for line in order.request.lines.iter().filter(|_| holds) {
                    *bound.entry(line.sku.clone()).or_default() += line.quantity;
                }
            }
            for index in 0..SKUS {
                let left = market::view::own_listing(self.town.world.read(*shop), &handle(index)).ok().flatten();
                let left = left.and_then(|own| own.listing.variant(&sku(index)).map(|variant| variant.stock.qty));
                let sold = bound.get(&sku(index)).copied().unwrap_or(0);
                let whole = left.is_some_and(|left| left + sold == STOCK);
                stock.check(whole, || {
                    format!(
                        "shop {shop}, {}: {left:?} left, {sold} bound, {STOCK} at first; free: {free:?}",
                        sku(index)
                    )
                });
            }
        }
        stock
    }

    /// What the others see of the shops is what the shops have published last.
    fn shelves(&self) -> Property {
        let mut shelves = Property::new("every follower of a shop sees its newest listings");
        for shop in &self.shops {
            let account = self.town.accounts[*shop];
            let newest = |node: usize, index: u64| {
                let read = self.town.world.read(node);
                crate::engine::get_slot(read, &account, &Kind::Listing, &handle(index)).ok().flatten().map(|(id, _)| id)
            };
            for node in 0..self.town.accounts.len() {
                for index in 0..SKUS {
                    let fresh = newest(node, index).is_some() && newest(node, index) == newest(*shop, index);
                    shelves.check(fresh, || format!("node {node} sees an old {} of shop {shop}", handle(index)));
                }
            }
        }
        shelves
    }
}
