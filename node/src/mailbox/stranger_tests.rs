//! Queues for strangers: a request reaches somebody who is away, and a mailbox takes no more than was paid for.

use hutong_protocol::{
    AccountId, DeviceId,
    limits::{STAMP_DAYS_MAX, STRANGER_ITEMS_MAX},
    mailbox::{MailboxAnswer, MailboxRequest, ReadKey, StrangerQueue},
    market::{PaymentMethod, PaymentMethodKind, ReturnPolicy, Store},
    postage::{Postmark, Stamp, Work, day_of},
};
use serde_bytes::ByteBuf;

use super::*;
use crate::{
    account,
    contact::{ask::Invite, view::ContactState},
    engine::{Input, Token},
    market,
    sim::{Faults, World},
    testing::{TestNode, neighbours},
};

const MINUTE: u64 = 60_000;
const NO_FAULTS: Faults = Faults { loss: 0, duplicate: 0, crash_permille: 0, delay_ms: 1, skew_ms: 0 };
const MEI: usize = 0;
const TOM: usize = 1;
const SHOP: usize = 2;

fn shop() -> Store {
    Store {
        name: "Shop".into(),
        about: String::new(),
        logo: None,
        banner: None,
        currency: "CNY".parse().unwrap(),
        languages: vec!["en".into()],
        opening_hours: String::new(),
        contact: String::new(),
        payment_methods: vec![PaymentMethod { kind: PaymentMethodKind::PayOnDelivery, instructions: String::new() }],
        shipping: Vec::new(),
        pickup: Vec::new(),
        returns: ReturnPolicy::default(),
        policies: String::new(),
        cancellation_fee: Default::default(),
        arbiters: Vec::new(),
        vacation: false,
    }
}

/// Mei and Tom, who do not know each other, and a shop that both are in touch with.
fn town() -> (World, Vec<AccountId>) {
    let mut world = World::new(7, 3, NO_FAULTS).unwrap();
    let found = |node: usize| {
        move |cx: &mut Cx<'_>| {
            let entropy = cx.random::<16>();
            account::create(cx, &entropy, &format!("node {node}"), None, "test")
        }
    };
    let accounts: Vec<_> = (0..3).map(|node| world.call(node, found(node)).unwrap().unwrap()).collect();
    world.call(SHOP, |cx| market::own::put_store(cx, &shop())).unwrap().unwrap();
    for node in [MEI, TOM] {
        let (to, from, address) = (accounts[SHOP], accounts[node], World::address(SHOP));
        world.call(node, move |cx| contact::add(cx, to, vec![address.clone()], "")).unwrap().unwrap();
        world.call(node, move |cx| Ok(market::visit(cx, &to, &[])?)).unwrap().unwrap();
        world.run(MINUTE);
        world.call(SHOP, move |cx| contact::accept(cx, from)).unwrap().unwrap();
    }
    world.run(10 * MINUTE);
    (world, accounts)
}

fn state(world: &World, node: usize, other: AccountId) -> ContactState {
    contact::view::get(world.read(node), &other).unwrap().state
}

#[test]
fn a_request_reaches_somebody_who_is_away_and_so_does_the_answer() {
    let (mut world, accounts) = town();
    assert_eq!(strangers::chosen(world.read(MEI)).unwrap().len(), 1, "the shop keeps what strangers ask");
    assert_eq!(strangers::in_link(world.read(MEI)).unwrap(), [World::address(SHOP)]);
    world.stop(MEI);
    // Tom has no more than what a link says: whose it is, and the address of a mailbox.
    let invite = Invite {
        account: accounts[MEI],
        addresses: vec![],
        mailboxes: vec![World::address(SHOP)],
        postage: Some(contact::POSTAGE_BITS),
    };
    world.call(TOM, move |cx| contact::ask::ask(cx, invite, "hello")).unwrap().unwrap();
    world.run(10 * MINUTE);
    assert_eq!(kept(world.read(SHOP)).unwrap().items, 1);
    world.stop(TOM);
    world.start(MEI);
    world.run(10 * MINUTE);
    let row = contact::view::get(world.read(MEI), &accounts[TOM]).unwrap();
    assert_eq!((row.state, row.text.as_str()), (ContactState::Incoming, "hello"));
    assert_eq!(row.common, [accounts[SHOP]], "both know the shop");
    assert_eq!(kept(world.read(SHOP)).unwrap().items, 1, "a receipt waits for Tom");
    // The answer finds Tom away too.
    let tom = accounts[TOM];
    world.call(MEI, move |cx| contact::accept(cx, tom)).unwrap().unwrap();
    world.run(10 * MINUTE);
    world.stop(MEI);
    world.start(TOM);
    world.run(10 * MINUTE);
    assert_eq!(state(&world, TOM, accounts[MEI]), ContactState::Accepted);
    world.stop(TOM);
    world.start(MEI);
    world.run(10 * MINUTE);
    assert_eq!(state(&world, MEI, accounts[TOM]), ContactState::Accepted);
    world.start(TOM);
    world.run(10 * MINUTE);
    assert_eq!(kept(world.read(SHOP)).unwrap().items, 0, "the shop keeps nothing any more");
}

#[test]
fn a_dearer_queue_is_paid_for_by_itself() {
    let (mut world, accounts) = town();
    world.call(MEI, |cx| account::update_profile(cx, None, None, None, Some(15))).unwrap().unwrap();
    world.run(60 * MINUTE);
    world.stop(MEI);
    let (account, mailboxes) = (accounts[MEI], vec![World::address(SHOP)]);
    let invite = Invite { account, addresses: vec![], mailboxes, postage: Some(1) };
    world.call(TOM, move |cx| contact::ask::ask(cx, invite, "hello")).unwrap().unwrap();
    world.run(60 * MINUTE);
    assert_eq!(kept(world.read(SHOP)).unwrap().items, 1);
    let asked = contact::view::get(world.read(TOM), &accounts[MEI]).unwrap().asked.unwrap();
    assert_eq!(asked.bits, 15);
    world.start(MEI);
    world.run(10 * MINUTE);
    assert_eq!(state(&world, MEI, accounts[TOM]), ContactState::Incoming);
}

/// A node that is a mailbox for Mei, asked by hand.
struct BoxOf {
    node: TestNode,
    mei: DeviceId,
}

const READ: ReadKey = ReadKey([5; 32]);
const BITS: u8 = 8;

impl BoxOf {
    fn new() -> Self {
        let (mei, node) = neighbours();
        let mut opened = Self { node, mei: mei.engine.device_key().id() };
        opened.fetch();
        opened
    }

    fn ask(&mut self, from: DeviceId, request: MailboxRequest) -> MailboxAnswer {
        let input = Input::Mailbox { from, request, token: Token(7) };
        let effects = self.node.engine.step(vec![input], self.node.now, &[1; 32], &mut |_, _, _| ()).unwrap();
        let answer = effects.into_iter().find_map(|effect| match effect {
            crate::engine::Effect::MailboxAnswer(Token(7), answer) => Some(answer),
            _ => None,
        });
        answer.unwrap()
    }

    fn fetch(&mut self) -> usize {
        let strangers = Some(StrangerQueue { read: READ, bits: BITS });
        let request = MailboxRequest::Fetch { reads: vec![ReadKey([6; 32])], strangers };
        let MailboxAnswer::Fetched { queues, .. } = self.ask(self.mei, request) else { panic!("refused") };
        assert!(queues.iter().all(|fetched| fetched.queue == 1), "the queue for strangers comes behind the others");
        queues.into_iter().map(|queue| queue.items.len()).sum()
    }

    fn pay(&self, who: u16, bits: u8, day: u32) -> Postmark {
        let mut salt = [0; 16];
        salt[..2].copy_from_slice(&who.to_be_bytes());
        let (asker, mei) = (AccountId([1; 32]), AccountId([2; 32]));
        let work = Work::new(&asker, &mei, &salt, day);
        // Not more than that, so that what is too little can be tried.
        let nonce = (0..).find(|nonce| work.bits(*nonce) == bits).unwrap();
        Stamp { salt, day, nonce }.postmark(&asker, &mei)
    }

    fn leave(&mut self, item: Vec<u8>, postmark: Postmark) -> MailboxAnswer {
        let request = MailboxRequest::Ask { write: READ.write_key(), item: ByteBuf::from(item), postmark };
        self.ask(DeviceId([9; 32]), request)
    }
}

const TAKEN: MailboxAnswer = MailboxAnswer::Deposited { stored: 1, full: false };
const FULL: MailboxAnswer = MailboxAnswer::Deposited { stored: 0, full: true };

#[test]
fn an_item_needs_its_postage_and_a_stamp_is_good_for_one() {
    let mut box_of = BoxOf::new();
    let today = day_of(box_of.node.now);
    let too_little = box_of.pay(1, BITS - 1, today);
    assert_eq!(box_of.leave(vec![1; 1024], too_little), MailboxAnswer::Postage { bits: BITS });
    for day in [today - STAMP_DAYS_MAX, today + 2] {
        let other_day = box_of.pay(1, BITS, day);
        assert_eq!(box_of.leave(vec![1; 1024], other_day), MailboxAnswer::Postage { bits: BITS }, "{day}");
    }
    assert_eq!(box_of.fetch(), 0);
    let paid = box_of.pay(1, BITS, today);
    assert_eq!(box_of.leave(vec![1; 16 * 1024], paid), MailboxAnswer::Refused, "too large");
    assert_eq!(box_of.leave(vec![1; 1000], paid), MailboxAnswer::Refused, "no item has that size");
    assert_eq!(box_of.leave(vec![1; 4096], paid), TAKEN);
    assert_eq!(box_of.leave(vec![2; 4096], paid), TAKEN, "said to be there, as it is");
    assert_eq!(box_of.fetch(), 1);
    box_of.ask(box_of.mei, MailboxRequest::Acknowledge { read: READ, up_to: 9 });
    assert_eq!(box_of.leave(vec![3; 4096], paid), TAKEN);
    assert_eq!(box_of.fetch(), 0, "a stamp that was used brings nothing more");
    let deposit = MailboxRequest::Deposit { write: READ.write_key(), items: vec![ByteBuf::from(vec![4; 1024])] };
    assert_eq!(box_of.ask(DeviceId([9; 32]), deposit), MailboxAnswer::Refused, "not without postage");
    let write = ReadKey([6; 32]).write_key();
    let paid = box_of.pay(2, BITS, today);
    let elsewhere = MailboxRequest::Ask { write, item: ByteBuf::from(vec![4; 1024]), postmark: paid };
    assert_eq!(box_of.ask(DeviceId([9; 32]), elsewhere), MailboxAnswer::Refused, "a contact's queue is no stranger's");
}

#[test]
fn a_queue_for_strangers_is_bounded_and_forgets_old_stamps() {
    let mut box_of = BoxOf::new();
    let today = day_of(box_of.node.now);
    for who in 0..u16::try_from(STRANGER_ITEMS_MAX).unwrap() {
        let paid = box_of.pay(who, BITS, today);
        assert_eq!(box_of.leave(who.to_be_bytes().repeat(512), paid), TAKEN);
    }
    let paid = box_of.pay(999, BITS, today);
    assert_eq!(box_of.leave(vec![9; 1024], paid), FULL);
    let used = |box_of: &BoxOf| box_of.node.read().count(KeyRange::prefix(b"bu"), 1_000).unwrap();
    assert_eq!(used(&box_of), STRANGER_ITEMS_MAX);
    box_of.ask(box_of.mei, MailboxRequest::Acknowledge { read: READ, up_to: 1_000 });
    assert_eq!(box_of.leave(vec![9; 1024], paid), TAKEN);
    box_of.node.now = box_of.node.now.plus_ms(u64::from(STAMP_DAYS_MAX) * 24 * 60 * MINUTE);
    box_of.node.step(vec![Input::Tick]).unwrap();
    assert_eq!(used(&box_of), 0);
}

#[test]
fn an_owner_has_so_many_queues_and_those_nobody_asks_for_are_closed() {
    let mut box_of = BoxOf::new();
    let queues = |box_of: &BoxOf| box_of.node.read().count(KeyRange::prefix(b"bq"), 10_000).unwrap();
    for batch in 0u8..6 {
        let read = |place: u32| {
            let mut key = [batch; 32];
            key[..4].copy_from_slice(&place.to_be_bytes());
            ReadKey(key)
        };
        let reads = (0..1_000).map(read).collect();
        box_of.ask(box_of.mei, MailboxRequest::Fetch { reads, strangers: None });
    }
    assert_eq!(queues(&box_of), 4_096);
    box_of.node.now = box_of.node.now.plus_ms(61 * 24 * 60 * MINUTE);
    box_of.node.step(vec![Input::Tick]).unwrap();
    assert_eq!(queues(&box_of), 0);
    box_of.fetch();
    assert_eq!(queues(&box_of), 2, "and open again when they are asked for");
}

#[test]
fn a_choice_is_remembered_and_one_that_stopped_offering_does_not_stand_in_its_way() {
    let (mut mei, mut tom) = neighbours();
    mei.meet(&mut tom);
    mei.now = mei.now.plus_ms(CHOOSE_MS);
    mei.step(vec![Input::Tick]).unwrap();
    let device = tom.engine.device_key().id();
    let used = |node: &TestNode| chosen(node.read()).unwrap().iter().map(|one| one.device).collect::<Vec<_>>();
    assert_eq!(used(&mei), [device]);
    let wrong = mei.call(|cx| set(cx, &[DeviceId([9; 32])]));
    assert!(wrong.unwrap_err().to_string().contains("up to three nodes that offer"));
    // Not Tom's, says Mei: it is not chosen again by itself.
    mei.call(|cx| set(cx, &[])).unwrap();
    mei.now = mei.now.plus_ms(10 * CHOOSE_MS);
    mei.step(vec![Input::Tick]).unwrap();
    assert!(used(&mei).is_empty());
    mei.call(move |cx| set(cx, &[device])).unwrap();
    assert_eq!(used(&mei), [device]);
    // Tom's stops offering: the choice can still be saved as it is, and without it.
    let account = tom.account();
    mei.call(move |cx| {
        let version = 99;
        let certificate = peers::devices(cx.read(), &account)?.remove(0).1.certificate;
        let keys = peers::devices(cx.read(), &account)?.remove(0).1.seal;
        let said = hutong_protocol::account::Device { seal: keys, ..Default::default() };
        cx.learn(&certificate, &said, version)?;
        Ok(())
    })
    .unwrap();
    assert!(candidates(mei.read()).unwrap().is_empty());
    mei.call(move |cx| set(cx, &[device])).unwrap();
    mei.call(|cx| set(cx, &[])).unwrap();
    assert!(mei.call(move |cx| set(cx, &[device])).is_err(), "but not anew");
}
