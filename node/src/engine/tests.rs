//! The invariants of the engine, one test each at least; the name says which.

use std::sync::Arc;

use hutong_protocol::{
    AccountKey, Certificate, DeviceKey, Draft, Kind, RevocationStatement, TimestampMs, Topic,
    account::{PROFILE_SLOT, Profile, Revocation},
    limits::{CLOCK_SKEW_MS_MAX, FUTURE_WAIT_MS_MAX, RECORD_BYTES_MAX},
};
use proptest::prelude::*;

use super::{Effect, Input, Outcome, Source, Verdict, outbox};
use crate::{
    account, chat,
    chat::view::MessageState,
    contact,
    engine::{ChatId, Event},
    group,
    store::{Direction, KeyRange},
    testing::{Given, START, TestNode, exchange, neighbours},
};

/// Somebody whose keys the test holds, so that it can sign anything.
struct Author {
    account: AccountKey,
    device: DeviceKey,
    certificate: Certificate,
}

impl Author {
    fn new(seed: u8) -> Self {
        let (account, device) = (AccountKey::from_seed(&[seed; 32]), DeviceKey::from_seed(&[seed ^ 0x80; 32]));
        let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
        Self { account, device, certificate }
    }

    fn topic(&self) -> Topic {
        Topic::Profile(self.account.id())
    }

    fn profile(&self, name: &str, version: u64, at: TimestampMs) -> Arc<[u8]> {
        let body = Profile { name: name.into(), ..Profile::default() };
        let draft = Draft::new(self.topic(), Kind::Profile, &body).unwrap().in_slot(PROFILE_SLOT, version);
        draft.sign(&self.device, &self.certificate, at).unwrap().into()
    }

    fn revocation(&self, from: TimestampMs) -> Arc<[u8]> {
        let statement = RevocationStatement::issue(&self.account, self.device.id(), from);
        // Another device of the account carries it.
        let other = DeviceKey::from_seed(&[0x55; 32]);
        let certificate = Certificate::issue(&self.account, other.id(), TimestampMs(0));
        let draft = Draft::new(self.topic(), Kind::Revocation, &Revocation { statement }).unwrap();
        let draft = draft.in_slot(self.device.id().to_string(), 1);
        draft.sign(&other, &certificate, from.plus_ms(1)).unwrap().into()
    }
}

/// A node that follows an author's profile.
fn follower(author: &Author) -> TestNode {
    let mut node = TestNode::named("Follower", 9);
    let topic = author.topic();
    node.call(move |cx| Ok(cx.follow(&topic)?)).unwrap();
    node
}

fn name(node: &TestNode, author: &Author) -> Option<String> {
    account::view::profile(node.read(), &author.account.id()).unwrap().map(|profile| profile.name)
}

/// All rows that features and the set hold: what "the same state" means. (Times at which this node did something on its
/// own, and the numbering for the search index, are its own affair.)
fn state(node: &TestNode) -> Rows {
    let rows = node.read().collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap();
    rows.into_iter().filter(|(key, _)| !b"XHDKAZ\0".contains(&key[0])).collect()
}

type Rows = Vec<(Box<[u8]>, Arc<[u8]>)>;

fn same(left: &Rows, right: &Rows) -> Result<(), TestCaseError> {
    let only = |a: &Rows, b: &Rows| -> Vec<String> {
        let rows = a.iter().filter(|row| !b.contains(row));
        rows.map(|(key, value)| format!("{} = {}", key.escape_ascii(), value.escape_ascii())).collect()
    };
    prop_assert!(left == right, "only left: {:#?}\nonly right: {:#?}", only(left, right), only(right, left));
    Ok(())
}

#[test]
fn one_way_in_refuses_every_kind_of_bad_record_and_says_whose_fault_it_was() {
    let author = Author::new(3);
    let stranger = Author::new(4);
    let good = author.profile("Mei", 5, START);
    let flipped = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        Arc::<[u8]>::from(bytes)
    };
    let foreign = {
        let certificate = Certificate::issue(&stranger.account, author.device.id(), TimestampMs(0));
        let draft = Draft::new(author.topic(), Kind::Profile, &Profile { name: "Fake".into(), ..Profile::default() });
        let draft = draft.unwrap().in_slot(PROFILE_SLOT, 9);
        Arc::<[u8]>::from(draft.sign(&author.device, &certificate, START).unwrap())
    };
    let nameless = author.profile("", 6, START);
    let cases: Vec<(&str, Arc<[u8]>, Outcome, Verdict)> = vec![
        ("garbage", Arc::from(vec![0xff; 300]), Outcome::Refused, Verdict::Reject),
        ("nothing", Arc::from(vec![]), Outcome::Refused, Verdict::Reject),
        ("cut off", Arc::from(&good[..good.len() - 1]), Outcome::Refused, Verdict::Reject),
        ("one byte too long", Arc::from(vec![0; RECORD_BYTES_MAX + 1025]), Outcome::Refused, Verdict::Reject),
        ("a damaged envelope", flipped(good.len() - 10), Outcome::Refused, Verdict::Reject),
        ("a profile in somebody else's topic", foreign, Outcome::Refused, Verdict::Reject),
        ("a rule broken", nameless, Outcome::Refused, Verdict::Reject),
        ("a topic nobody here follows", stranger.profile("Who", 1, START), Outcome::Stored, Verdict::Ignore),
        ("good", good.clone(), Outcome::Stored, Verdict::Accept),
        ("the same again", good.clone(), Outcome::Stored, Verdict::Ignore),
        ("an older version", author.profile("Old", 4, START), Outcome::Stored, Verdict::Ignore),
        ("a newer version", author.profile("New", 6, START), Outcome::Stored, Verdict::Accept),
    ];
    let mut node = follower(&author);
    for (why, bytes, outcome, verdict) in cases {
        let given = node.receive(Source::Gossip, vec![bytes]);
        assert_eq!((given.outcomes, given.verdicts), (vec![outcome], vec![verdict]), "{why}");
    }
    assert_eq!(name(&node, &author).as_deref(), Some("New"));
}

#[test]
fn a_bad_record_does_not_take_its_batch_down() {
    let author = Author::new(3);
    let mut node = follower(&author);
    let mut forged = author.profile("Forged", 2, START).to_vec();
    let last = forged.len() - 10;
    forged[last] ^= 1;
    let batch = vec![author.profile("One", 1, START), forged.into(), author.profile("Three", 3, START)];
    let given = node.receive(Source::Sync, batch);
    assert_eq!(given.outcomes, [Outcome::Stored, Outcome::Refused, Outcome::Stored]);
    assert_eq!(name(&node, &author).as_deref(), Some("Three"));
}

#[test]
fn a_record_from_the_future_waits_for_its_time_and_one_from_far_ahead_is_refused() {
    let author = Author::new(3);
    let mut node = follower(&author);
    let edge = START.plus_ms(CLOCK_SKEW_MS_MAX);
    assert_eq!(node.receive(Source::Gossip, vec![author.profile("Edge", 1, edge)]).outcomes, [Outcome::Stored]);
    let early = node.receive(Source::Gossip, vec![author.profile("Early", 2, edge.plus_ms(1))]);
    assert_eq!((early.outcomes, early.verdicts), (vec![Outcome::Later], vec![Verdict::Ignore]));
    assert_eq!(name(&node, &author).as_deref(), Some("Edge"));
    let far = author.profile("Far", 3, edge.plus_ms(FUTURE_WAIT_MS_MAX + 1));
    assert_eq!(node.receive(Source::Gossip, vec![far]).verdicts, [Verdict::Reject]);
    node.now = START.plus_ms(1);
    node.step(vec![Input::Tick]).unwrap();
    assert_eq!(name(&node, &author).as_deref(), Some("Early"), "its time has come");
}

#[test]
fn commit_then_act_a_failed_commit_sends_nothing_and_tells_the_caller() {
    let (mut mei, tom) = neighbours();
    let before = state(&mei);
    mei.store.fail_next_commits(1);
    let chat = ChatId::Direct(tom.account());
    let (answer, given) = mei.call_given(move |cx| chat::send(cx, chat, chat::content("lost?", None, None)?));
    assert!(answer.unwrap_err().to_string().contains("store"), "the caller is told");
    assert!(given.sent.is_empty() && given.events.is_empty(), "nobody else is");
    assert!(state(&mei) == before, "and nothing happened");
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut mei = TestNode::named("Mei", 1);
    let before = state(&mei);
    let refused = mei.call(|cx| {
        group::create(cx, group::New::public("Alley"))?;
        Err::<(), _>(super::CommandError::refused("no", "no"))
    });
    assert!(refused.is_err() && state(&mei) == before);
}

#[test]
fn a_message_is_queued_delivered_and_read_and_each_step_is_said_truthfully() {
    let (mut mei, mut tom) = neighbours();
    let (with_tom, with_mei) = (ChatId::Direct(tom.account()), ChatId::Direct(mei.account()));
    let device = tom.engine.device_key().id();
    mei.step(vec![Input::PeerDown(device)]).unwrap();
    let (id, given) = mei.call_given(move |cx| chat::send(cx, with_tom, chat::content("在吗？", None, None)?));
    let id = id.unwrap();
    let states = |node: &TestNode| chat::view::message(node.read(), &with_tom, &id).unwrap().unwrap().state;
    assert!(given.sent.is_empty());
    assert_eq!(states(&mei), MessageState::Queued);
    mei.meet(&mut tom);
    assert_eq!(states(&mei), MessageState::Delivered);
    assert_eq!(chat::view::row(tom.read(), &with_mei).unwrap().unread, 1);
    let (answer, given) = tom.call_given(move |cx| chat::mark_read(cx, with_mei, id));
    answer.unwrap();
    exchange(&mut mei, &mut tom, Given::default(), given);
    assert_eq!(states(&mei), MessageState::Read);
    assert_eq!(chat::view::row(tom.read(), &with_mei).unwrap().unread, 0);
    let left = |node: &TestNode| outbox::summary(node.read(), 100).unwrap().0;
    assert_eq!((left(&mei), left(&tom)), (0, 0), "nothing waits any more");
}

#[test]
fn a_lost_receipt_is_made_again_and_the_message_is_there_once() {
    let (mut mei, mut tom) = neighbours();
    let (with_tom, with_mei) = (ChatId::Direct(tom.account()), ChatId::Direct(mei.account()));
    let (_, given) = mei.call_given(move |cx| chat::send(cx, with_tom, chat::content("once", None, None)?));
    let (_, _, bytes) = given.sent[0].clone();
    let first = tom.open(vec![bytes.clone()]);
    let twice = tom.open(vec![bytes]);
    assert_eq!(twice.outcomes, [Outcome::Stored], "the same item");
    mei.now = mei.now.plus_ms(61_000);
    let sent_again = mei.step(vec![Input::Tick]).unwrap().sent;
    let again = tom.open(vec![sent_again[0].2.clone()]);
    assert_eq!(first.outcomes, [Outcome::Stored]);
    assert_eq!(again.outcomes, [Outcome::Stored]);
    assert!(again.events.iter().all(|event| !matches!(event, Event::Message { .. })), "shown once");
    assert_eq!(chat::view::page(tom.read(), &with_mei, None, 10).unwrap().0.len(), 1);
    let rows = outbox::summary(tom.read(), 100).unwrap().0;
    assert!(rows >= 1, "a receipt waits for each time it came");
}

#[test]
fn strangers_cannot_write_and_the_blocked_are_not_heard() {
    let (mut mei, mut tom) = neighbours();
    let stranger = TestNode::named("Mallory", 7);
    let (with_tom, tom_account) = (ChatId::Direct(tom.account()), tom.account());
    let refused = mei.call({
        let other = ChatId::Direct(stranger.account());
        move |cx| chat::send(cx, other, chat::content("hi", None, None)?)
    });
    assert!(refused.unwrap_err().to_string().contains("add them as a contact"));
    // A stranger's program may send all the same.
    let author = Author::new(7);
    let to = mei.account();
    let body = hutong_protocol::chat::Message { to, content: chat::content("buy!", None, None).unwrap() };
    let draft = Draft::new(Topic::direct(&author.account.id(), &to), Kind::Message, &body).unwrap();
    let bytes: Arc<[u8]> = draft.sign(&author.device, &author.certificate, START).unwrap().into();
    assert_eq!(mei.receive(Source::Mail, vec![bytes]).outcomes, [Outcome::Later]);
    mei.call(move |cx| contact::set_blocked(cx, tom_account, true)).unwrap();
    let mei_account = mei.account();
    let (_, given) =
        tom.call_given(move |cx| chat::send(cx, ChatId::Direct(mei_account), chat::content("hey", None, None)?));
    let (_, _, bytes) = given.sent[0].clone();
    assert_eq!(mei.open(vec![bytes]).outcomes, [Outcome::Refused]);
    assert!(chat::view::page(mei.read(), &with_tom, None, 10).unwrap().0.is_empty());
}

#[test]
fn nobody_slips_a_record_between_two_others() {
    let mut mei = TestNode::named("Mei", 1);
    let (author, other) = (Author::new(3), Author::new(4));
    for (to, topic) in [
        (other.account.id(), Topic::direct(&author.account.id(), &other.account.id())),
        (mei.account(), Topic::direct(&other.account.id(), &mei.account())),
    ] {
        let body = hutong_protocol::chat::Message { to, content: chat::content("psst", None, None).unwrap() };
        let draft = Draft::new(topic, Kind::Message, &body).unwrap();
        let bytes: Arc<[u8]> = draft.sign(&author.device, &author.certificate, START).unwrap().into();
        let given = mei.receive(Source::Mail, vec![bytes]);
        assert_eq!((given.outcomes, given.verdicts), (vec![Outcome::Refused], vec![Verdict::Reject]));
    }
}

#[test]
fn only_who_may_describes_a_group() {
    let mut mei = TestNode::named("Mei", 1);
    let group = mei.call(|cx| group::create(cx, group::New::public("Alley 12"))).unwrap();
    let author = Author::new(3);
    let refs = group::view::state(mei.read(), &group).unwrap().unwrap().refs();
    let details = hutong_protocol::group::Details { name: "Mine".into(), ..Default::default() };
    let op = hutong_protocol::group::Op::Describe(details);
    let entry = hutong_protocol::group::GroupEntry { op, devices: Vec::new() };
    let draft = Draft::new(Topic::Group(group), Kind::GroupEntry, &entry).unwrap().after(refs);
    let bytes: Arc<[u8]> = draft.sign(&author.device, &author.certificate, START).unwrap().into();
    assert_eq!(mei.receive(Source::Gossip, vec![bytes]).verdicts, [Verdict::Reject]);
    assert_eq!(group::view::get(mei.read(), &group).unwrap().unwrap().name, "Alley 12");
}

#[test]
fn two_who_ask_each_other_at_once_are_both_accepted() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let (m, t) = (mei.account(), tom.account());
    mei.call(move |cx| contact::add(cx, t, vec![], "")).unwrap();
    tom.call(move |cx| contact::add(cx, m, vec![], "")).unwrap();
    mei.meet(&mut tom);
    assert!(contact::view::is_contact(mei.read(), &t).unwrap());
    assert!(contact::view::is_contact(tom.read(), &m).unwrap());
}

#[test]
fn a_restart_loses_nothing_and_sends_what_waited() {
    let (mut mei, mut tom) = neighbours();
    let device = tom.engine.device_key().id();
    mei.step(vec![Input::PeerDown(device)]).unwrap();
    let with_tom = ChatId::Direct(tom.account());
    let id = mei.call(move |cx| chat::send(cx, with_tom, chat::content("still here", None, None)?)).unwrap();
    let store = Arc::new(mei.store.after_crash());
    mei.engine = super::Engine::open(store.clone(), crate::FEATURES, &[0; 32]).unwrap();
    mei.store = store;
    mei.meet(&mut tom);
    let state = chat::view::message(mei.read(), &with_tom, &id).unwrap().unwrap().state;
    assert_eq!(state, MessageState::Delivered);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Invariant 4 for accounts: profiles, and a revocation that overtakes or is overtaken.
    #[test]
    fn order_does_not_matter_for_accounts(order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle()) {
        let author = Author::new(3);
        let records = [
            author.profile("One", 1, START),
            author.profile("Two", 2, START.plus_ms(10)),
            author.profile("Two again", 2, START.plus_ms(20)),
            author.profile("Thief", 9, START.plus_ms(100)),
            author.revocation(START.plus_ms(50)),
            author.revocation(START.plus_ms(60)),
        ];
        let base = follower(&author);
        let (mut straight, mut shuffled) = (base.twin(), base.twin());
        records.iter().for_each(|bytes| drop(straight.receive(Source::Sync, vec![bytes.clone()])));
        order.iter().for_each(|index| drop(shuffled.receive(Source::Sync, vec![records[*index].clone()])));
        // What a revoked device had replaced can come again, by reconciliation.
        records.iter().for_each(|bytes| drop(straight.receive(Source::Sync, vec![bytes.clone()])));
        records.iter().for_each(|bytes| drop(shuffled.receive(Source::Sync, vec![bytes.clone()])));
        prop_assert_eq!(name(&straight, &author), name(&shuffled, &author));
        prop_assert!(name(&shuffled, &author).as_deref() != Some("Thief"));
        same(&state(&straight), &state(&shuffled))?;
    }

    /// Invariant 4 for groups: founding, joining, leaving and talking in any order.
    #[test]
    fn order_does_not_matter_for_groups(seed in 0u64..1000) {
        let (mut mei, mut records) = (TestNode::named("Mei", 1), Vec::new());
        let (created, given) = mei.call_given(|cx| group::create(cx, group::New::public("Alley")));
        let group = created.unwrap();
        records.extend(given.public);
        for text in ["one", "two", "three"] {
            let chat = ChatId::Group(group);
            let (said, given) = mei.call_given(move |cx| chat::send(cx, chat, chat::content(text, None, None)?));
            said.unwrap();
            records.extend(given.public);
        }
        let (left, given) = mei.call_given(move |cx| group::leave(cx, group));
        left.unwrap();
        records.extend(given.public);
        let mut rng = crate::sim::Rng::new(seed, "order");
        let mut shuffled: Vec<_> = records.iter().map(|(_, bytes)| bytes.clone()).collect();
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, rng.below(index as u64 + 1) as usize);
        }
        let mut tom = TestNode::named("Tom", 2);
        tom.call(move |cx| group::join(cx, group, None, vec![])).unwrap();
        let listener = |order: Vec<Arc<[u8]>>| {
            let mut node = tom.twin();
            order.into_iter().for_each(|bytes| drop(node.receive(Source::Gossip, vec![bytes])));
            state(&node)
        };
        let straight = listener(records.into_iter().map(|(_, bytes)| bytes).collect());
        same(&straight, &listener(shuffled))?;
    }

    /// Invariant 4 for conversations: messages and receipts in any order, some of them twice.
    #[test]
    fn order_does_not_matter_for_conversations(seed in 0u64..1000) {
        let (mut mei, tom) = neighbours();
        let chat = ChatId::Direct(tom.account());
        let mut records = Vec::new();
        for text in ["one", "two", "three", "four"] {
            let (said, given) = mei.call_given(move |cx| chat::send(cx, chat, chat::content(text, None, None)?));
            said.unwrap();
            records.extend(given.sent.into_iter().map(|(_, _, bytes)| bytes));
        }
        records.push(records[1].clone());
        let mut rng = crate::sim::Rng::new(seed, "order");
        for index in (1..records.len()).rev() {
            records.swap(index, rng.below(index as u64 + 1) as usize);
        }
        let mut tom = tom;
        records.into_iter().for_each(|bytes| drop(tom.open(vec![bytes])));
        let page = |node: &TestNode, chat: ChatId| -> Vec<String> {
            chat::view::page(node.read(), &chat, None, 10).unwrap().0.into_iter().map(|m| m.content.text).collect()
        };
        prop_assert_eq!(page(&tom, ChatId::Direct(mei.account())), ["one", "two", "three", "four"]);
        prop_assert_eq!(chat::view::row(tom.read(), &ChatId::Direct(mei.account())).unwrap().unread, 4);
    }

    /// Whatever bytes come in, the engine neither panics nor accepts.
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut node = TestNode::blank(1);
        let given = node.receive(Source::Gossip, vec![bytes.into()]);
        prop_assert_eq!(given.outcomes, [Outcome::Refused]);
    }
}

#[test]
fn who_is_away_is_dialled_with_growing_pauses_and_at_once_when_wanted_anew() {
    let (mut mei, tom) = neighbours();
    let (device, account) = (tom.engine.device_key().id(), tom.account());
    let dials = |mei: &mut TestNode, after_ms: u64, inputs: Vec<Input>| {
        mei.now = mei.now.plus_ms(after_ms);
        let effects = mei.engine.step(inputs, mei.now, &[3; 32], &mut |_, _, _| ()).unwrap();
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Connect { account: Some(to), .. } if *to == account))
            .count()
    };
    assert_eq!(dials(&mut mei, 1_000, vec![Input::Tick]), 0, "he is connected");
    assert_eq!(dials(&mut mei, 1, vec![Input::PeerDown(device), Input::Tick]), 1, "he went");
    assert_eq!(dials(&mut mei, 500, vec![Input::Tick]), 0, "not that soon");
    let hours = (0..7_200).map(|_| dials(&mut mei, 1_000, vec![Input::Tick])).sum::<usize>();
    assert!((20..60).contains(&hours), "{hours} dials in two hours: often at first, then every five minutes");
    mei.call(move |cx| contact::remove(cx, account)).unwrap();
    assert_eq!(dials(&mut mei, 3_600_000, vec![Input::Tick]), 0, "nobody misses him");
    mei.call(move |cx| contact::add(cx, account, Vec::new(), "Hello again")).unwrap();
    assert_eq!(dials(&mut mei, 1, vec![Input::Tick]), 1, "he is wanted again, and dialled at once");
}
