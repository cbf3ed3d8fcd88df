//! Two engines stepped by hand: long times, and records that no honest node would write.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, Certificate, DeviceKey, Draft, Kind, RecordId, TimestampMs, Topic,
    market::{Listing, PaymentMethodKind, Store},
    order::{Action, DeclineReason, Entry, Fulfilment, Ignored, OrderEntry, OrderState, Role},
    signature::AccountKey,
    trust::{Recommendation, Review, ReviewKey},
};

use super::{home, store, strawberries};
use crate::{
    engine::{Input, Outcome, Source, Verdict},
    market::{self, own},
    order::{Act, PlaceOrder, act, place, view},
    testing::{TestNode, exchange},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A shop and Mei, who knows it.
fn two(stock: u32) -> (TestNode, TestNode) {
    let (mut shop, mut mei) = (TestNode::named("Aunt Wang", 1), TestNode::named("Mei", 2));
    let account = shop.account();
    mei.call(move |cx| Ok(market::visit(cx, &account, &[])?)).unwrap();
    let (answer, given) = shop.call_given(move |cx| {
        own::put_store(cx, &store())?;
        own::put_listing(cx, "strawberries", strawberries(stock), own::Publication::Active)
    });
    answer.unwrap();
    exchange(&mut shop, &mut mei, given, Default::default());
    shop.meet(&mut mei);
    (shop, mei)
}

fn order(shop: &TestNode, by: PaymentMethodKind) -> PlaceOrder {
    PlaceOrder {
        store: shop.account(),
        lines: vec![("strawberries".into(), "STRAW-500".into(), 2)],
        fulfilment: Fulfilment::Shipping { option: "bike".into(), address: home() },
        payment_method: by,
        note: String::new(),
        auto_accept: true,
    }
}

fn place_in(shop: &mut TestNode, mei: &mut TestNode, by: PaymentMethodKind) -> RecordId {
    let order = order(shop, by);
    let (id, given) = mei.call_given(move |cx| place(cx, order));
    exchange(mei, shop, given, Default::default());
    id.unwrap()
}

fn does(node: &mut TestNode, other: &mut TestNode, id: RecordId, action: Action, with: Act) {
    let (answer, given) = node.call_given(move |cx| act(cx, &id, action, &with));
    answer.unwrap();
    exchange(node, other, given, Default::default());
}

fn state(node: &TestNode, id: RecordId) -> OrderState {
    view::fold(node.read(), &id).unwrap().unwrap().state
}

fn stock(shop: &TestNode) -> u32 {
    market::view::own_row(shop.read(), "strawberries").unwrap().unwrap().listing.variants[0].stock.qty
}

/// Both clocks jump, and time passes on both nodes.
fn later(shop: &mut TestNode, mei: &mut TestNode, ms: u64) {
    for node in [&mut *shop, &mut *mei] {
        node.now = node.now.plus_ms(ms);
    }
    let given = [shop.step(vec![Input::Tick]).unwrap(), mei.step(vec![Input::Tick]).unwrap()];
    let [from_shop, from_mei] = given;
    exchange(shop, mei, from_shop, from_mei);
}

#[test]
fn an_order_that_is_not_paid_in_time_is_cancelled_and_frees_the_stock() {
    let (mut shop, mut mei) = two(5);
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
    assert_eq!((state(&mei, id), stock(&shop)), (OrderState::Accepted, 3));
    later(&mut shop, &mut mei, 4 * DAY_MS - 60_000);
    assert_eq!(state(&shop, id), OrderState::Accepted, "a minute is left");
    later(&mut shop, &mut mei, 120_000);
    assert_eq!((state(&shop, id), state(&mei, id), stock(&shop)), (OrderState::Cancelled, OrderState::Cancelled, 5));
    // One that is paid on delivery is kept for as long as it takes.
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::PayOnDelivery);
    later(&mut shop, &mut mei, 60 * DAY_MS);
    assert_eq!((state(&mei, id), stock(&shop)), (OrderState::Accepted, 3));
}

#[test]
fn a_parcel_that_nobody_confirms_completes_by_the_timer() {
    let (mut shop, mut mei) = two(5);
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
    let parcel =
        || Act { carrier: "SF".into(), tracking: "1".into(), text: "left at the door".into(), ..Act::default() };
    for action in [Action::AcceptPayment, Action::Start, Action::HandOver, Action::ConfirmDelivery] {
        does(&mut shop, &mut mei, id, action, parcel());
    }
    later(&mut shop, &mut mei, 14 * DAY_MS - 60_000);
    assert_eq!((state(&shop, id), state(&mei, id)), (OrderState::InProgress, OrderState::InProgress));
    later(&mut shop, &mut mei, 120_000);
    assert_eq!((state(&shop, id), state(&mei, id)), (OrderState::Completed, OrderState::Completed));
}

#[test]
fn every_step_survives_a_crash_right_after_its_commit() {
    let (mut shop, mut mei) = two(5);
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
    for (buyer, action) in [
        (true, Action::ClaimPayment),
        (false, Action::AcceptPayment),
        (false, Action::Start),
        (false, Action::HandOver),
        (true, Action::ConfirmDelivery),
    ] {
        let node = if buyer { &mut mei } else { &mut shop };
        let with = Act { carrier: "SF".into(), tracking: "1".into(), ..Act::default() };
        // What the step gave is lost with the process: only the store is left.
        let (answer, _lost) = node.call_given(move |cx| act(cx, &id, action, &with));
        answer.unwrap();
        node.restart();
        mei.meet(&mut shop);
        let orders = [&shop, &mei].map(|node| view::fold(node.read(), &id).unwrap().unwrap());
        assert_eq!(orders[0], orders[1], "after {action:?}");
    }
    assert_eq!(state(&shop, id), OrderState::Completed);
    let entries = view::fold(shop.read(), &id).unwrap().unwrap().timeline.len();
    assert_eq!(entries, 10, "request, quote, acceptance, countersignature, five steps, completion: nothing twice");
}

/// Somebody whose node does what it likes.
struct Rogue {
    device: DeviceKey,
    certificate: Certificate,
}

impl Rogue {
    fn new(seed: u8) -> Self {
        let device = DeviceKey::from_seed(&[seed; 32]);
        let certificate = Certificate::issue(&AccountKey::from_seed(&[seed; 32]), device.id(), TimestampMs(0));
        Self { device, certificate }
    }

    fn account(&self) -> AccountId {
        self.certificate.account
    }

    fn sign(&self, draft: Draft, at: TimestampMs) -> Arc<[u8]> {
        draft.sign(&self.device, &self.certificate, at).unwrap().into()
    }

    fn entry(&self, body: &OrderEntry, prev: Vec<RecordId>, at: TimestampMs) -> Arc<[u8]> {
        self.sign(Draft::new(Topic::direct(&self.account(), &body.to), Kind::Order, body).unwrap().after(prev), at)
    }
}

fn mail(node: &mut TestNode, bytes: Arc<[u8]>) -> (Vec<Outcome>, Vec<Verdict>) {
    let given = node.receive(Source::Mail, vec![bytes]);
    (given.outcomes, given.verdicts)
}

#[test]
fn an_entry_by_a_stranger_or_out_of_order_is_refused_or_waits() {
    let (mut shop, mut mei) = two(5);
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
    let before = view::fold(shop.read(), &id).unwrap().unwrap();
    let (rogue, at) = (Rogue::new(66), shop.now.plus_ms(60_000));
    let refused = (vec![Outcome::Refused], vec![Verdict::Reject]);
    for role in [Role::Buyer, Role::Seller, Role::Arbiter] {
        let (body, prev) = before.next_entry(role, Entry::Cancel { reason: "mine now".into() });
        let body = OrderEntry { to: shop.account(), ..body };
        assert_eq!(mail(&mut shop, rogue.entry(&body, prev, at)), refused, "a stranger as {role:?}");
    }
    // Of an order that is not here: the sender keeps it and tries again.
    let (mut body, prev) = before.next_entry(Role::Buyer, Entry::Complete);
    body.order = Some(RecordId([9; 32]));
    let early = mail(&mut shop, rogue.entry(&body, prev.clone(), at));
    assert_eq!(early, (vec![Outcome::Later], vec![Verdict::Ignore]));
    // Faults that need no store: a first entry that is none, one's own order, a replaceable entry.
    let first = |entry, order, prev| {
        let body = OrderEntry { to: shop.account(), order, role: Role::Buyer, contract: None, entry };
        rogue.entry(&body, prev, at)
    };
    let faults = [
        first(Entry::Complete, None, vec![]),
        first(Entry::Complete, Some(id), vec![]),
        first(Entry::Complete, None, prev),
    ];
    for fault in faults {
        assert_eq!(mail(&mut shop, fault), refused);
    }
    assert_eq!(view::fold(shop.read(), &id).unwrap().unwrap(), before);
}

#[test]
fn the_other_party_doing_what_only_the_seller_may_changes_nothing_and_is_shown() {
    let (mut shop, mut mei) = two(5);
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
    let before = view::fold(mei.read(), &id).unwrap().unwrap();
    let (body, prev) = before.next_entry(Role::Buyer, Entry::AcceptPayment { amount: super::cny(1) });
    let shop_account = shop.account();
    // Mei's changed node writes it past its own checks.
    let (answer, given) = mei.call_given(move |cx| {
        let topic = Topic::direct(&cx.me()?, &shop_account);
        Ok(cx.publish(Draft::new(topic, Kind::Order, &body)?.after(prev), Some(shop_account))?)
    });
    let written = answer.unwrap();
    exchange(&mut mei, &mut shop, given, Default::default());
    let after = view::fold(shop.read(), &id).unwrap().unwrap();
    assert_eq!((after.payment, after.received()), (before.payment, before.received()));
    let event = after.timeline.iter().find(|event| event.id == written).unwrap();
    assert_eq!(event.outcome, Err(Ignored::WrongRole));
    let refused = mei.call(move |cx| act(cx, &id, Action::AcceptPayment, &Act::default())).unwrap_err();
    assert!(refused.to_string().contains("this party may not do this"), "{refused}");
}

#[test]
fn a_flood_of_requests_waits_and_a_request_to_somebody_without_a_store_too() {
    let (mut shop, mut mei) = two(5);
    shop.call(|cx| {
        own::set_auto_quote(cx, false);
        Ok(())
    })
    .unwrap();
    let id = place_in(&mut shop, &mut mei, PaymentMethodKind::PayOnDelivery);
    let request = view::fold(mei.read(), &id).unwrap().unwrap().request;
    let rogue = Rogue::new(66);
    let send = |node: &mut TestNode, n: u64| {
        let entry = Entry::Request { request: request.clone() };
        let body = OrderEntry { to: node.account(), order: None, role: Role::Buyer, contract: None, entry };
        let at = node.now.plus_ms(n);
        mail(node, rogue.entry(&body, vec![], at)).0
    };
    for n in 0..20 {
        assert_eq!(send(&mut shop, n), [Outcome::Stored]);
    }
    assert_eq!(send(&mut shop, 20), [Outcome::Later], "the twenty-first waits");
    assert_eq!(send(&mut mei, 0), [Outcome::Later], "Mei sells nothing");
}

#[test]
fn a_shop_that_is_closed_or_changed_its_terms_says_so() {
    for (reason, change) in [
        (DeclineReason::OnVacation, (|s: &mut Store| s.vacation = true) as fn(&mut Store)),
        (DeclineReason::PaymentMethod, |s| s.payment_methods.truncate(1)),
        (DeclineReason::CannotShip, |s| s.shipping[0].zones = vec!["DE".into()]),
    ] {
        let (mut shop, mut mei) = two(5);
        // Mei has not heard of the change when she orders.
        shop.call(move |cx| {
            let mut changed = store();
            change(&mut changed);
            own::put_store(cx, &changed)
        })
        .unwrap();
        let id = place_in(&mut shop, &mut mei, PaymentMethodKind::BankTransfer);
        let order = view::fold(mei.read(), &id).unwrap().unwrap();
        assert_eq!(order.state, OrderState::Declined, "{reason:?}");
        assert!(!order.timeline.last().unwrap().note.is_empty());
    }
}

#[test]
fn goods_and_reviews_that_are_not_what_they_claim_are_refused() {
    let (mut shop, mut mei) = two(5);
    let (rogue, at) = (Rogue::new(66), shop.now.plus_ms(1));
    let store_topic = Topic::Store(shop.account());
    let mut gossip = |draft: Draft| {
        let given = mei.receive(Source::Gossip, vec![rogue.sign(draft, at)]);
        given.outcomes
    };
    let in_slot = |topic: &Topic, kind, body: &Listing, slot: &str| {
        Draft::new(topic.clone(), kind, body).unwrap().in_slot(slot, 1)
    };
    let listing = strawberries(1);
    let foreign = in_slot(&store_topic, Kind::Listing, &listing, "strawberries");
    assert_eq!(gossip(foreign), [Outcome::Refused], "in another's store");
    let mut broken = listing.clone();
    broken.variants.clear();
    assert_eq!(gossip(in_slot(&store_topic, Kind::Listing, &broken, "x")), [Outcome::Refused]);
    let fake_store = Draft::new(store_topic.clone(), Kind::Store, &store()).unwrap().in_slot("store", 9);
    assert_eq!(gossip(fake_store), [Outcome::Refused]);
    // A review by somebody who countersigned it for himself.
    let key = ReviewKey::from_seed(&[4; 32]);
    let contract = hutong_protocol::trust::ContractHash([1; 32]);
    let author = rogue.account();
    let seller_countersig = hutong_protocol::trust::Countersignature::issue(
        &rogue.device,
        &rogue.certificate,
        &contract,
        &key.id(),
        &author,
        "strawberries",
    );
    let review = Review {
        contract,
        review_key: key.id(),
        seller_countersig,
        review_sig: hutong_protocol::Signature([0; 64]),
        item: "strawberries".into(),
        overall: 1,
        quality: None,
        description: None,
        delivery: None,
        service: None,
        text: "Never bought it".into(),
        photos: vec![],
        revision: 1,
    };
    let review = review.sign(&key, &author).unwrap();
    let slot = Review::slot(&key.id(), "strawberries");
    let fake = Draft::new(store_topic, Kind::Review, &review).unwrap().in_slot(slot, 1);
    assert_eq!(gossip(fake), [Outcome::Refused]);
    let recommendation = Recommendation {
        store: author,
        listing: "x".into(),
        title: String::new(),
        text: String::new(),
        recommended: true,
    };
    let wrong_topic = Draft::new(Topic::Store(shop.account()), Kind::Recommendation, &recommendation);
    assert_eq!(gossip(wrong_topic.unwrap().in_slot("s-x", 1)), [Outcome::Refused]);
    assert!(crate::trust::view::reviews(mei.read(), &shop.account(), "strawberries").unwrap().is_empty());
    assert_eq!(stock(&shop), 5);
    shop.meet(&mut mei);
}

#[test]
fn an_older_listing_never_replaces_a_newer_one() {
    let (mut shop, mut mei) = two(5);
    let (_, old) =
        shop.call_given(|cx| own::put_listing(cx, "strawberries", strawberries(4), own::Publication::Active));
    let (_, new) =
        shop.call_given(|cx| own::put_listing(cx, "strawberries", strawberries(3), own::Publication::Active));
    for given in [new, old] {
        mei.receive(Source::Gossip, given.public.into_iter().map(|(_, bytes)| bytes).collect());
    }
    let known = market::view::listing(mei.read(), &shop.account(), "strawberries").unwrap().unwrap();
    assert_eq!((known.listing.variants[0].stock.qty, known.version), (3, 3));
    assert_eq!(market::view::market(mei.read(), None, 10).unwrap().total, 1, "and it is listed once");
}
