//! Whole orders between real engines on a quiet network.

use hutong_protocol::{
    AccountId, RecordId,
    chat::Card,
    market::{
        Listing,
        PaymentMethodKind::{self, BankTransfer, PayOnDelivery},
    },
    order::{Action, Address, Fulfilment, LineState, OrderState, PaymentState, Role},
};

use super::{cny, home, store, strawberries};
use crate::{
    account, chat, contact,
    engine::{ChatId, CommandError},
    group,
    market::{self, cart, own},
    order::{
        Act, PlaceOrder, act, place,
        view::{self, Delivery, OrderView},
    },
    sim::{Faults, World},
    trust,
};

const SHOP: usize = 0;
const MEI: usize = 1;
const LI: usize = 2;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// A shop with strawberries, Mei and Li, all in one group where the shop has posted a card.
struct Alley {
    world: World,
    shop: AccountId,
    mei: AccountId,
}

impl Alley {
    fn new(stock: u32) -> Self {
        let faults = Faults { loss: 0, duplicate: 0, crash_permille: 0, delay_ms: 1, skew_ms: 0 };
        let mut world = World::new(7, 3, faults).unwrap();
        world.calm();
        let mut alley = Self { world, shop: AccountId([0; 32]), mei: AccountId([0; 32]) };
        for (node, name) in [(SHOP, "Aunt Wang"), (MEI, "Mei"), (LI, "Li")] {
            alley.ok(node, move |cx| account::create(cx, &[node as u8 + 1; 16], name, None, "node").map(drop));
        }
        (alley.shop, alley.mei) = (alley.world.account(SHOP).unwrap(), alley.world.account(MEI).unwrap());
        alley.ok(SHOP, |cx| own::put_store(cx, &store()));
        alley.list(strawberries(stock));
        let group = alley.ok(SHOP, |cx| group::create(cx, group::New::public("The alley")));
        for node in [MEI, LI] {
            alley.ok(node, move |cx| group::join(cx, group, None, vec![World::address(SHOP)]));
        }
        alley.minutes(2);
        let store = alley.shop;
        alley.ok(SHOP, move |cx| {
            let card = Card::Listing {
                store,
                listing: "strawberries".into(),
                title: "Strawberries".into(),
                price_minor: Some(1_190),
                currency: Some("CNY".into()),
                picture: None,
                addresses: vec![World::address(SHOP)],
            };
            chat::send(cx, ChatId::Group(group), chat::content("Fresh today", None, Some(card))?).map(drop)
        });
        alley.minutes(15);
        alley
    }

    fn minutes(&mut self, minutes: u64) {
        self.world.run(minutes * MINUTE_MS);
    }

    fn list(&mut self, listing: Listing) {
        self.ok(SHOP, move |cx| {
            own::put_listing(cx, "strawberries", listing.clone(), own::Publication::Active).map(drop)
        });
    }

    fn call<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut crate::engine::Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.world.call(node, order).unwrap()
    }

    #[track_caller]
    fn ok<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut crate::engine::Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> T {
        self.call(node, order).unwrap()
    }

    fn order_of(&self, quantity: u32, by: PaymentMethodKind) -> PlaceOrder {
        PlaceOrder {
            store: self.shop,
            lines: vec![("strawberries".into(), "STRAW-500".into(), quantity)],
            fulfilment: Fulfilment::Shipping { option: "bike".into(), address: home() },
            payment_method: by,
            note: "Ripe ones".into(),
            auto_accept: true,
        }
    }

    #[track_caller]
    fn placed(&mut self, node: usize, order: PlaceOrder) -> RecordId {
        let id = self.ok(node, move |cx| place(cx, order));
        self.minutes(2);
        id
    }

    #[track_caller]
    fn does(&mut self, node: usize, id: RecordId, action: Action, with: Act) {
        self.ok(node, move |cx| act(cx, &id, action, &with));
        self.minutes(2);
    }

    fn view(&self, node: usize, id: RecordId) -> OrderView {
        view::order(self.world.read(node), &id, self.world.now()).unwrap().unwrap()
    }

    /// Both sides show the same order.
    #[track_caller]
    fn both(&self, id: RecordId) -> OrderView {
        let (seller, buyer) = (self.view(SHOP, id), self.view(MEI, id));
        assert_eq!(seller.order, buyer.order);
        assert_eq!((seller.row.role, buyer.row.role), (Role::Seller, Role::Buyer));
        assert_eq!(buyer.delivery, Delivery::Delivered);
        buyer
    }

    /// Pieces that a node thinks can be sold.
    fn stock(&self, node: usize) -> u32 {
        let listing = market::view::listing(self.world.read(node), &self.shop, "strawberries").unwrap().unwrap();
        listing.listing.variants[0].stock.qty
    }
}

#[test]
fn who_asks_a_shop_is_answered_without_being_a_contact() {
    let mut alley = Alley::new(12);
    let (shop, mei) = (alley.shop, alley.mei);
    let stranger = alley.call(SHOP, move |cx| chat::send(cx, ChatId::Direct(mei), chat::content("Buy!", None, None)?));
    assert!(stranger.is_err(), "a shop does not write to whoever never asked");
    for (node, to, text) in [(MEI, shop, "How fresh are they?"), (SHOP, mei, "Of this morning.")] {
        alley.ok(node, move |cx| chat::send(cx, ChatId::Direct(to), chat::content(text, None, None)?).map(drop));
        alley.minutes(2);
    }
    for (node, other) in [(MEI, shop), (SHOP, mei)] {
        let (page, _) = chat::view::page(alley.world.read(node), &ChatId::Direct(other), None, 10).unwrap();
        assert_eq!(page.len(), 2);
    }
}

#[test]
fn a_card_in_a_group_leads_to_an_order_paid_on_delivery_and_a_review_that_a_friend_sees() {
    let mut alley = Alley::new(12);
    let mei = alley.mei;
    // Li and Mei are contacts.
    alley.ok(LI, move |cx| contact::add(cx, mei, vec![World::address(MEI)], "hello"));
    alley.minutes(2);
    let li = alley.world.account(LI).unwrap();
    alley.ok(MEI, move |cx| contact::accept(cx, li));
    let store = alley.shop;
    assert_eq!(alley.stock(MEI), 12, "the card brought the store");
    alley.ok(MEI, move |cx| cart::set(cx, store, "strawberries", "STRAW-500", 2));
    let order = alley.order_of(2, PayOnDelivery);
    let id = alley.placed(MEI, order);
    assert!(cart::cart(alley.world.read(MEI)).unwrap().is_empty(), "what was ordered leaves the cart");
    let view = alley.both(id);
    assert_eq!((view.order.state, view.order.payment), (OrderState::Accepted, PaymentState::Unpaid));
    assert_eq!(view.order.total(), Some(cny(2 * 1_190 + 500 + 100)));
    assert_eq!((alley.stock(MEI), alley.stock(SHOP)), (10, 10), "the world sees what is left");
    alley.does(SHOP, id, Action::Start, Act::default());
    let parcel = Act { carrier: "Bike".into(), tracking: "7".into(), ..Act::default() };
    alley.does(SHOP, id, Action::HandOver, parcel);
    alley.does(SHOP, id, Action::AcceptPayment, Act::default());
    alley.does(MEI, id, Action::ConfirmDelivery, Act::default());
    let view = alley.both(id);
    assert_eq!((view.order.state, view.order.payment), (OrderState::Completed, PaymentState::Paid));
    assert!(view.actions.contains(&Action::Review));
    alley.ok(MEI, move |cx| trust::write_review(cx, &id, "strawberries", 5, "Sweet!", vec![]).map(drop));
    alley.minutes(15);
    for (node, from_contact) in [(SHOP, false), (LI, true)] {
        let reviews = trust::view::reviews(alley.world.read(node), &store, "strawberries").unwrap();
        assert_eq!((reviews.len(), reviews[0].overall, reviews[0].from_contact), (1, 5, from_contact), "node {node}");
    }
    let rating = trust::view::rating(alley.world.read(LI), &store, "strawberries").unwrap();
    assert_eq!((rating.average_tenths, rating.count, rating.buyers, rating.contacts), (Some(50), 1, 1, 1));
    assert_eq!(alley.both(id).order.reviews.len(), 1, "the order notes it");
    // A changed review replaces the first.
    alley.ok(MEI, move |cx| trust::write_review(cx, &id, "strawberries", 4, "Still sweet", vec![]).map(drop));
    alley.minutes(15);
    let rating = trust::view::rating(alley.world.read(LI), &store, "strawberries").unwrap();
    assert_eq!((rating.average_tenths, rating.count), (Some(40), 1));
}

#[test]
fn a_bank_transfer_is_claimed_confirmed_and_picked_up_with_a_pin() {
    let mut alley = Alley::new(3);
    let mut order = alley.order_of(1, BankTransfer);
    order.fulfilment = Fulfilment::Pickup { place: "stall".into() };
    let id = alley.placed(MEI, order);
    let view = alley.both(id);
    assert_eq!((view.order.total(), view.order.shortfall()), (Some(cny(1_190)), Some(cny(1_190))));
    let quote = view.order.quote.as_ref().unwrap();
    assert_eq!(quote.payment_instructions, "Bank of the alley, 6222");
    assert_eq!(quote.pickup.as_ref().map(|place| place.name.as_str()), Some("Stall 4"));
    assert!(alley.call(SHOP, move |cx| act(cx, &id, Action::Start, &Act::default())).is_err(), "not paid");
    alley.does(MEI, id, Action::ClaimPayment, Act { reference: "42".into(), ..Act::default() });
    alley.does(SHOP, id, Action::AcceptPayment, Act { amount: Some(cny(1_000)), ..Act::default() });
    assert_eq!(alley.both(id).order.shortfall(), Some(cny(190)));
    alley.does(SHOP, id, Action::AcceptPayment, Act::default());
    alley.does(SHOP, id, Action::Start, Act::default());
    alley.does(SHOP, id, Action::Ready, Act::default());
    let pin = alley.view(MEI, id).pin.unwrap();
    assert_eq!(pin.len(), 6);
    assert_eq!(alley.view(SHOP, id).pin, None, "the seller's node does not know it");
    let wrong = if pin == "000000" { "111111" } else { "000000" };
    alley.does(SHOP, id, Action::EnterPin, Act { pin: wrong.into(), ..Act::default() });
    assert_eq!(alley.both(id).order.pin_tries, 1);
    alley.does(SHOP, id, Action::EnterPin, Act { pin: pin.clone(), ..Act::default() });
    let view = alley.both(id);
    assert_eq!((view.order.lines[0].state, view.order.state), (LineState::Delivered, OrderState::Completed));
    assert_eq!(view.pin, None, "it is of no more use");
}

#[test]
fn the_last_piece_is_sold_once_to_two_buyers_at_the_same_moment() {
    let mut alley = Alley::new(1);
    let (first, second) = (alley.order_of(1, PayOnDelivery), alley.order_of(1, PayOnDelivery));
    let mei = alley.ok(MEI, move |cx| place(cx, first));
    let li = alley.ok(LI, move |cx| place(cx, second));
    alley.minutes(5);
    let states = [alley.view(MEI, mei).order.state, alley.view(LI, li).order.state];
    assert!(
        states == [OrderState::Accepted, OrderState::Declined]
            || states == [OrderState::Declined, OrderState::Accepted],
        "{states:?}"
    );
    assert_eq!(alley.stock(SHOP), 0);
    let declined = if states[0] == OrderState::Declined { alley.view(MEI, mei) } else { alley.view(LI, li) };
    assert_eq!(declined.order.timeline.last().unwrap().note, "out_of_stock");
    // The winner cancels: the piece is for sale again, everywhere.
    let (winner, id) = if states[0] == OrderState::Accepted { (MEI, mei) } else { (LI, li) };
    alley.does(winner, id, Action::Cancel, Act { reason: "found some".into(), ..Act::default() });
    alley.minutes(2);
    assert_eq!((alley.stock(SHOP), alley.stock(LI)), (1, 1));
}

#[test]
fn a_price_changed_after_the_order_is_not_taken_silently() {
    let mut alley = Alley::new(5);
    let order = alley.order_of(1, PayOnDelivery);
    // The shop's node is slow to publish: Mei orders at the price she has seen.
    let mut dearer = strawberries(5);
    dearer.variants[0].price = 1_500;
    alley.list(dearer);
    let id = alley.ok(MEI, move |cx| place(cx, order));
    alley.minutes(3);
    let view = alley.both(id);
    assert_eq!((view.order.state, view.order.total()), (OrderState::Quoted, Some(cny(2_000))));
    assert_eq!(view.order.request.max_total, cny(1_690));
    assert!(view.actions.contains(&Action::AcceptQuote));
    alley.does(MEI, id, Action::AcceptQuote, Act::default());
    assert_eq!(alley.both(id).order.state, OrderState::Accepted);
}

#[test]
fn a_quote_that_nobody_takes_expires_and_frees_the_stock() {
    let mut alley = Alley::new(5);
    let mut order = alley.order_of(2, PayOnDelivery);
    order.auto_accept = false;
    let id = alley.placed(MEI, order);
    assert_eq!((alley.view(MEI, id).order.state, alley.stock(SHOP)), (OrderState::Quoted, 3));
    alley.world.run(DAY_MS + 5 * MINUTE_MS);
    assert_eq!((alley.both(id).order.state, alley.stock(SHOP)), (OrderState::Expired, 5));
}

#[test]
fn cancelling_what_is_paid_takes_both_and_a_refund() {
    let mut alley = Alley::new(5);
    let order = alley.order_of(1, BankTransfer);
    let id = alley.placed(MEI, order);
    alley.does(SHOP, id, Action::AcceptPayment, Act::default());
    alley.does(MEI, id, Action::Cancel, Act { reason: "moved away".into(), ..Act::default() });
    assert_eq!(alley.both(id).order.state, OrderState::CancelRequested);
    alley.does(SHOP, id, Action::ApproveCancel, Act::default());
    alley.does(SHOP, id, Action::Refund, Act::default());
    let view = alley.both(id);
    assert_eq!((view.order.state, view.order.payment), (OrderState::Cancelled, PaymentState::Refunded));
    assert_eq!(alley.stock(SHOP), 5);
}

#[test]
fn a_dispute_is_settled_by_the_two() {
    let mut alley = Alley::new(5);
    let order = alley.order_of(1, BankTransfer);
    let id = alley.placed(MEI, order);
    alley.does(SHOP, id, Action::AcceptPayment, Act::default());
    alley.does(MEI, id, Action::OpenCase, Act { text: "nothing came".into(), ..Act::default() });
    alley.does(SHOP, id, Action::ProposeSettlement, Act { amount: Some(cny(800)), ..Act::default() });
    alley.does(MEI, id, Action::AcceptSettlement, Act::default());
    let split = alley.both(id).order.dispute.unwrap().split.unwrap();
    assert_eq!((split.to_buyer, split.to_seller), (cny(800), cny(890)));
}

#[test]
fn what_cannot_be_ordered_is_refused_with_a_reason() {
    let mut alley = Alley::new(2);
    let shop = alley.shop;
    let order = |alley: &Alley, change: fn(&mut PlaceOrder)| {
        let mut order = alley.order_of(1, PayOnDelivery);
        change(&mut order);
        order
    };
    for (code, change) in [
        ("out_of_stock", (|o| o.lines[0].2 = 3) as fn(&mut PlaceOrder)),
        ("quantity", |o| o.lines[0].2 = 0),
        ("not_for_sale", |o| o.lines[0].0 = "cheese".into()),
        ("not_for_sale", |o| o.lines[0].1 = "other".into()),
        ("cart_empty", |o| o.lines.clear()),
        ("pickup", |o| o.fulfilment = Fulfilment::Pickup { place: "moon".into() }),
        ("shipping", |o| o.fulfilment = Fulfilment::Shipping { option: "rocket".into(), address: home() }),
        ("cannot_ship", |o| {
            let address = Address { country: "DE".into(), ..home() };
            o.fulfilment = Fulfilment::Shipping { option: "bike".into(), address };
        }),
        ("note_too_long", |o| o.note = "x".repeat(6 * 1024 + 1)),
    ] {
        let order = order(&alley, change);
        let refused = alley.call(MEI, move |cx| place(cx, order)).unwrap_err();
        assert!(matches!(refused, CommandError::Refused { code: got, .. } if got == code), "{code}: {refused}");
    }
    let order = order(&alley, |_| ());
    assert!(alley.call(SHOP, move |cx| place(cx, order)).is_err(), "nobody orders from himself");
    assert!(view::list(alley.world.read(MEI), None, false).unwrap().is_empty(), "nothing was written");
    assert!(alley.call(MEI, move |cx| cart::set(cx, shop, "strawberries", "other", 1)).is_err());
}

#[test]
fn a_shop_that_asks_to_be_asked_quotes_by_hand() {
    let mut alley = Alley::new(5);
    alley.ok(SHOP, |cx| {
        own::set_auto_quote(cx, false);
        Ok(())
    });
    let order = alley.order_of(1, PayOnDelivery);
    let id = alley.placed(MEI, order);
    assert_eq!(alley.both(id).order.state, OrderState::Requested);
    assert_eq!(view::waiting_for_seller(alley.world.read(SHOP)).unwrap(), 1);
    let refused = alley.call(MEI, move |cx| act(cx, &id, Action::Quote, &Act::default())).unwrap_err();
    assert!(matches!(refused, CommandError::Refused { code: "not_possible", .. }), "{refused}");
    alley.does(SHOP, id, Action::Quote, Act::default());
    assert_eq!((alley.both(id).order.state, alley.stock(SHOP)), (OrderState::Accepted, 4));
    let again = alley.call(SHOP, move |cx| act(cx, &id, Action::Quote, &Act::default()));
    assert!(again.is_err());
    alley.minutes(2);
    assert_eq!(alley.stock(SHOP), 4, "a refused action leaves no lease behind");
}

#[test]
fn an_order_written_while_the_shop_is_away_arrives_when_it_is_back() {
    let mut alley = Alley::new(5);
    alley.world.split(30 * MINUTE_MS);
    let order = alley.order_of(1, PayOnDelivery);
    let id = alley.ok(MEI, move |cx| place(cx, order));
    alley.minutes(90);
    assert_eq!(alley.both(id).order.state, OrderState::Accepted);
}
