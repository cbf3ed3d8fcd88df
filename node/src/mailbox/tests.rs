//! Mailboxes between real engines: people who are never there together, and mailboxes that do not do what they should.

use hutong_protocol::{
    AccountId, DeviceId, RecordId,
    mailbox::{MailboxAnswer, MailboxRequest, ReadKey},
};
use serde_bytes::ByteBuf;

use super::*;
use crate::{
    account, chat,
    chat::view::MessageState,
    engine::{ChatId, Input, Token, outbox},
    sim::{Faults, World},
    store::{Direction, KeyRange},
    testing::{TestNode, neighbours},
};

const MINUTE: u64 = 60_000;
const NO_FAULTS: Faults = Faults { loss: 0, duplicate: 0, crash_permille: 0, delay_ms: 1, skew_ms: 0 };

/// Mei, Tom and three neighbours who are everybody's contacts.
struct Alley {
    world: World,
    accounts: Vec<AccountId>,
}

const MEI: usize = 0;
const TOM: usize = 1;

impl Alley {
    fn new(nodes: usize) -> Self {
        let mut world = World::new(1, nodes, NO_FAULTS).unwrap();
        let accounts: Vec<_> = (0..nodes)
            .map(|node| {
                let name = format!("node {node}");
                world
                    .call(node, move |cx| {
                        let entropy = cx.random::<16>();
                        account::create(cx, &entropy, &name, None, "test")
                    })
                    .unwrap()
                    .unwrap()
            })
            .collect();
        let mut alley = Self { world, accounts };
        for node in 0..nodes {
            for other in 0..node {
                alley.befriend(node, other);
            }
        }
        alley.world.run(30 * MINUTE);
        alley
    }

    fn befriend(&mut self, node: usize, other: usize) {
        let (to, from, address) = (self.accounts[other], self.accounts[node], World::address(other));
        self.world.call(node, move |cx| contact::add(cx, to, vec![address], "")).unwrap().unwrap();
        self.world.run(MINUTE);
        self.world.call(other, move |cx| contact::accept(cx, from)).unwrap().unwrap();
    }

    fn say(&mut self, from: usize, to: usize, text: &str) -> RecordId {
        let (chat, text) = (ChatId::Direct(self.accounts[to]), text.to_owned());
        self.world.call(from, move |cx| chat::send(cx, chat, chat::content(&text, None, None)?)).unwrap().unwrap()
    }

    fn state(&self, node: usize, with: usize, id: &RecordId) -> Option<MessageState> {
        let chat = ChatId::Direct(self.accounts[with]);
        chat::view::message(self.world.read(node), &chat, id).unwrap().map(|message| message.state)
    }

    fn texts(&self, node: usize, with: usize) -> Vec<String> {
        let page = chat::view::page(self.world.read(node), &ChatId::Direct(self.accounts[with]), None, 500).unwrap();
        page.0.into_iter().map(|message| message.content.text).collect()
    }
}

#[test]
fn two_who_are_never_there_together_talk_and_know_how_far_each_word_came() {
    let mut alley = Alley::new(5);
    assert_eq!(chosen(alley.world.read(TOM)).unwrap().len(), WANTED);
    alley.world.stop(TOM);
    let id = alley.say(MEI, TOM, "are you there?");
    assert_eq!(alley.state(MEI, TOM, &id), Some(MessageState::Queued));
    alley.world.run(5 * MINUTE);
    assert_eq!(alley.state(MEI, TOM, &id), Some(MessageState::AtMailbox));
    alley.world.stop(MEI);
    alley.world.start(TOM);
    alley.world.run(10 * MINUTE);
    assert_eq!(alley.texts(TOM, MEI), ["are you there?"]);
    let answer = alley.say(TOM, MEI, "now I am");
    alley.world.run(5 * MINUTE);
    alley.world.stop(TOM);
    alley.world.start(MEI);
    alley.world.run(10 * MINUTE);
    assert_eq!(alley.texts(MEI, TOM), ["are you there?", "now I am"]);
    assert_eq!(alley.state(MEI, TOM, &id), Some(MessageState::Delivered), "the receipt came by mailbox too");
    alley.world.stop(MEI);
    alley.world.start(TOM);
    alley.world.run(10 * MINUTE);
    assert_eq!(alley.state(TOM, MEI, &answer), Some(MessageState::Delivered));
    for node in [MEI, TOM] {
        assert_eq!(outbox::summary(alley.world.read(node), 10).unwrap().0, 0, "nothing waits any more");
    }
    for node in 2..5 {
        assert_eq!(kept(alley.world.read(node)).unwrap().items, 0, "and no mailbox keeps anything");
    }
}

#[test]
fn an_item_is_left_in_two_mailboxes_and_one_of_them_may_lose_everything() {
    let mut alley = Alley::new(5);
    alley.world.stop(TOM);
    for number in 0..5 {
        alley.say(MEI, TOM, &format!("message {number}"));
    }
    alley.world.run(5 * MINUTE);
    let keeping: Vec<_> = (2..5).filter(|node| kept(alley.world.read(*node)).unwrap().items == 5).collect();
    assert_eq!(keeping.len(), 2, "two of three");
    alley.world.stop(MEI);
    alley.world.stop(keeping[0]);
    alley.world.start(TOM);
    alley.world.run(10 * MINUTE);
    assert_eq!(alley.texts(TOM, MEI).len(), 5);
}

#[test]
fn more_than_a_queue_holds_waits_with_its_sender_and_arrives_later() {
    let mut alley = Alley::new(5);
    alley.world.stop(TOM);
    for number in 0..140 {
        alley.say(MEI, TOM, &format!("message {number}"));
    }
    alley.world.run(30 * MINUTE);
    let most = (2..5).map(|node| kept(alley.world.read(node)).unwrap().items).max();
    assert_eq!(most, Some(128), "a full queue takes no more");
    alley.world.start(TOM);
    alley.world.run(30 * MINUTE);
    let want: Vec<_> = (0..140).map(|number| format!("message {number}")).collect();
    assert_eq!(alley.texts(TOM, MEI), want, "each once, in their order");
}

#[test]
fn what_nobody_fetches_is_dropped_after_three_weeks_and_was_left_again_before() {
    let mut alley = Alley::new(3);
    alley.world.stop(TOM);
    let id = alley.say(MEI, TOM, "for when you are back");
    alley.world.run(30 * 24 * 60 * MINUTE);
    assert_eq!(alley.state(MEI, TOM, &id), Some(MessageState::AtMailbox));
    alley.world.stop(MEI);
    alley.world.start(TOM);
    alley.world.run(30 * MINUTE);
    assert_eq!(alley.texts(TOM, MEI), ["for when you are back"]);
}

/// A node that is a mailbox for Mei, asked by hand.
struct Asked {
    node: TestNode,
    mei: DeviceId,
}

impl Asked {
    fn new() -> Self {
        let (mei, node) = neighbours();
        Self { node, mei: mei.engine.device_key().id() }
    }

    fn ask(&mut self, from: DeviceId, request: MailboxRequest) -> MailboxAnswer {
        let input = Input::Mailbox { from, request, token: Token(7) };
        let seed = [1; 32];
        let effects = self.node.engine.step(vec![input], self.node.now, &seed, &mut |_, _, _| ()).unwrap();
        let answer = effects.into_iter().find_map(|effect| match effect {
            crate::engine::Effect::MailboxAnswer(Token(7), answer) => Some(answer),
            _ => None,
        });
        answer.unwrap()
    }

    fn fetch(&mut self, read: ReadKey) -> Vec<Vec<u8>> {
        let MailboxAnswer::Fetched { queues, .. } =
            self.ask(self.mei, MailboxRequest::Fetch { reads: vec![read], strangers: None })
        else {
            panic!("refused")
        };
        queues.into_iter().flat_map(|queue| queue.items).map(|item| item.item.into_vec()).collect()
    }

    fn leave(&mut self, read: ReadKey, items: &[Vec<u8>]) -> MailboxAnswer {
        let items = items.iter().map(|item| ByteBuf::from(item.clone())).collect();
        self.ask(DeviceId([9; 32]), MailboxRequest::Deposit { write: read.write_key(), items })
    }
}

const READ: ReadKey = ReadKey([5; 32]);

fn item(mark: u8) -> Vec<u8> {
    vec![mark; 1024]
}

#[test]
fn a_mailbox_serves_those_it_knows_keeps_each_item_once_and_forgets_what_is_acknowledged() {
    let mut box_of = Asked::new();
    assert_eq!(box_of.leave(READ, &[item(1)]), MailboxAnswer::Refused, "no such queue");
    let stranger = MailboxRequest::Fetch { reads: vec![READ], strangers: None };
    assert_eq!(box_of.ask(DeviceId([9; 32]), stranger), MailboxAnswer::Refused, "a stranger opens none");
    assert!(box_of.fetch(READ).is_empty());
    let twice = [item(1), item(2), item(1)];
    assert_eq!(box_of.leave(READ, &twice), MailboxAnswer::Deposited { stored: 3, full: false });
    assert_eq!(box_of.fetch(READ), [item(1), item(2)]);
    assert_eq!(box_of.fetch(ReadKey([6; 32])), Vec::<Vec<u8>>::new(), "another queue has its own");
    let key = ReadKey(READ.write_key().0);
    assert_eq!(box_of.fetch(key), Vec::<Vec<u8>>::new(), "whoever may write cannot read");
    box_of.ask(box_of.mei, MailboxRequest::Acknowledge { read: READ, up_to: 1 });
    assert_eq!(box_of.fetch(READ), [item(2)]);
    assert_eq!(box_of.leave(READ, &[vec![1; 1000]]), MailboxAnswer::Refused, "no item has that size");
}

#[test]
fn a_full_queue_says_how_much_it_took() {
    let mut box_of = Asked::new();
    box_of.fetch(READ);
    let items: Vec<_> = (0..=u8::MAX).map(item).collect();
    assert_eq!(box_of.leave(READ, &items), MailboxAnswer::Deposited { stored: 128, full: true });
    assert_eq!(box_of.leave(READ, &[item(200)]), MailboxAnswer::Deposited { stored: 0, full: true });
    assert_eq!(box_of.leave(READ, &[item(3)]), MailboxAnswer::Deposited { stored: 1, full: false }, "it has that");
}

#[test]
fn the_store_of_a_mailbox_names_neither_owner_nor_writer() {
    let (mei, node) = neighbours();
    let account = mei.account();
    let mut box_of = Asked { node, mei: mei.engine.device_key().id() };
    box_of.fetch(READ);
    box_of.leave(READ, &[item(1)]);
    let rows = box_of.node.read().collect(KeyRange::prefix(b"b"), Direction::Ascending, usize::MAX).unwrap();
    let kept = rows.iter().filter(|(key, _)| b"qiho".contains(&key[1]));
    let has = |bytes: &[u8], name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert_eq!(kept.clone().count(), 4);
    for (key, value) in kept {
        for name in [&account.0[..], &box_of.mei.0, &READ.0, &READ.write_key().0] {
            assert!(!has(key, name) && !has(value, name), "{}", key.escape_ascii());
        }
    }
}

#[test]
fn garbage_from_a_mailbox_is_acknowledged_and_does_no_harm() {
    let mut alley = Alley::new(5);
    let boxes = chosen(alley.world.read(TOM)).unwrap();
    // Somebody with the write key (a contact gone bad, the mailbox itself) fills the queue with what is no item.
    let held = |node: &usize| boxes.iter().any(|mailbox| mailbox.account == alley.accounts[*node]);
    let holder = (2..5).find(held).unwrap();
    let device = boxes.iter().find(|mailbox| mailbox.account == alley.accounts[holder]).unwrap().device;
    let mei = alley.accounts[MEI];
    alley.world.stop(TOM);
    let id = alley.say(MEI, TOM, "hello");
    alley.world.run(5 * MINUTE);
    let read = client::read_key_for_tests(alley.world.read(TOM), &device, &mei);
    let items = (0..20).map(|mark| ByteBuf::from(item(mark))).collect();
    alley.world.ask_mailbox(MEI, holder, MailboxRequest::Deposit { write: read.write_key(), items });
    alley.world.start(TOM);
    alley.world.run(15 * MINUTE);
    assert_eq!(alley.texts(TOM, MEI), ["hello"]);
    assert_eq!(alley.state(MEI, TOM, &id), Some(MessageState::Delivered));
    assert_eq!(kept(alley.world.read(holder)).unwrap().items, 0);
}
