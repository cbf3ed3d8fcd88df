//! What is done with messages: between two real engines, and in every order.

mod more;

use std::sync::Arc;

use hutong_protocol::{
    AccountId, AccountKey, Certificate, DeviceKey, Draft, GroupId, Kind, RecordId, TimestampMs, Topic, Unverified,
    chat::{Action, MessageAction},
    group::{GroupAction, GroupMessage},
    limits::{REACTIONS_PER_ACCOUNT_MAX, REACTORS_MAX, RECALL_MS_MAX},
};
use proptest::prelude::*;

use super::{act, content, send, view};
use crate::{
    engine::{ChatId, CommandError, Cx, Event, Outcome, Source, Verdict, keys as rows},
    group,
    search::{Change, project},
    store::{Direction, Entry, KeyRange},
    testing::{Given, START, TestNode, exchange, neighbours},
};

const GROUP: GroupId = GroupId([9; 32]);

/// Somebody whose keys the test holds, so that it can sign anything.
struct Author {
    device: DeviceKey,
    certificate: Certificate,
}

type Bytes = Arc<[u8]>;

impl Author {
    fn new(seed: u16) -> Self {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&seed.to_be_bytes());
        let (account, device) = (AccountKey::from_seed(&bytes), DeviceKey::from_seed(&bytes));
        let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
        Self { device, certificate }
    }

    fn sign(&self, draft: Draft, at_ms: u64) -> Bytes {
        draft.sign(&self.device, &self.certificate, START.plus_ms(at_ms)).unwrap().into()
    }

    fn says(&self, text: &str, at_ms: u64) -> Bytes {
        let body = GroupMessage { content: content(text, None, None).unwrap(), after: Vec::new() };
        self.sign(Draft::new(Topic::Group(GROUP), Kind::GroupMessage, &body).unwrap(), at_ms)
    }

    fn does(&self, target: &Bytes, action: Action, at_ms: u64) -> Bytes {
        let target = Unverified::decode(target.clone()).unwrap();
        let body = GroupAction { target: target.id(), target_at: target.header().at, action };
        self.sign(Draft::new(Topic::Group(GROUP), Kind::GroupAction, &body).unwrap(), at_ms)
    }
}

fn id_of(bytes: &Bytes) -> RecordId {
    Unverified::decode(bytes.clone()).unwrap().id()
}

fn react(emoji: &str, on: bool) -> Action {
    Action::React { emoji: emoji.into(), on }
}

fn edit(text: &str) -> Action {
    Action::Edit { text: text.into(), mentions: Vec::new() }
}

fn member() -> TestNode {
    let mut node = TestNode::named("Tom", 2);
    node.call(|cx| group::join(cx, GROUP, None, vec![])).unwrap();
    node.now = START.plus_ms(60_000);
    node
}

fn seen(node: &TestNode, chat: ChatId, id: &RecordId) -> view::MessageView {
    view::message(node.read(), &chat, id).unwrap().unwrap()
}

fn emoji(message: &view::MessageView) -> Vec<(String, usize)> {
    message.reactions.iter().map(|one| (one.emoji.clone(), one.accounts.len())).collect()
}

/// The rows of the feature, and the records of the group. (Each node has keys of its own.)
fn state(node: &TestNode) -> Vec<Entry> {
    let group = rows::set(&Topic::Group(GROUP));
    let read = |prefix: &[u8]| node.read().collect(KeyRange::prefix(prefix), Direction::Ascending, usize::MAX).unwrap();
    [read(b"h"), read(&group)].concat()
}

/// Two neighbours, each with the name of their conversation, and a message of the first.
struct Pair {
    mei: TestNode,
    tom: TestNode,
    with_tom: ChatId,
    with_mei: ChatId,
    said: RecordId,
}

impl Pair {
    fn new(text: &str) -> Self {
        let (mei, tom) = neighbours();
        let (with_tom, with_mei) = (ChatId::Direct(tom.account()), ChatId::Direct(mei.account()));
        let mut pair = Self { mei, tom, with_tom, with_mei, said: RecordId([0; 32]) };
        let text = text.to_owned();
        pair.said = pair.mei(move |cx| send(cx, with_tom, content(&text, None, None)?)).unwrap();
        pair
    }

    fn mei<T: Send + 'static>(
        &mut self,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, given) = self.mei.call_given(order);
        exchange(&mut self.mei, &mut self.tom, given, Given::default());
        answer
    }

    fn tom<T: Send + 'static>(
        &mut self,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, given) = self.tom.call_given(order);
        exchange(&mut self.mei, &mut self.tom, Given::default(), given);
        answer
    }

    /// The message as both see it.
    fn both(&self) -> [view::MessageView; 2] {
        [seen(&self.mei, self.with_tom, &self.said), seen(&self.tom, self.with_mei, &self.said)]
    }
}

fn code<T>(result: Result<T, CommandError>) -> &'static str {
    match result {
        Err(CommandError::Refused { code, .. } | CommandError::Wait { code, .. }) => code,
        Err(CommandError::NotFound(_)) => "not_found",
        Err(CommandError::Own(_)) => "own",
        Ok(_) => "done",
    }
}

#[test]
fn reactions_are_seen_by_both_and_taken_away_again() {
    let mut pair = Pair::new("dumplings?");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    pair.tom(move |cx| act::react(cx, with_mei, id, "👍", true)).unwrap();
    pair.mei(move |cx| act::react(cx, with_tom, id, "❤️", true)).unwrap();
    pair.mei(move |cx| act::react(cx, with_tom, id, "👍", true)).unwrap();
    for message in pair.both() {
        assert_eq!(emoji(&message), [("👍".into(), 2), ("❤️".into(), 1)]);
        assert_eq!(message.content.text, "dumplings?");
    }
    pair.tom(move |cx| act::react(cx, with_mei, id, "👍", false)).unwrap();
    pair.mei(move |cx| act::react(cx, with_tom, id, "❤️", false)).unwrap();
    for message in pair.both() {
        assert_eq!(emoji(&message), [("👍".into(), 1)]);
    }
    let waiting = |node: &TestNode| crate::engine::outbox::summary(node.read(), 100).unwrap().0;
    assert_eq!((waiting(&pair.mei), waiting(&pair.tom)), (0, 0), "each action has its receipt");
    assert_eq!(view::row(pair.tom.read(), &with_mei).unwrap().unread, 1, "a reaction is no message");
}

#[test]
fn a_reaction_that_is_none_is_refused() {
    let mut pair = Pair::new("dumplings?");
    let (id, with_tom) = (pair.said, pair.with_tom);
    for wrong in ["", "ok", "👍👍", "<script>", &"👍\u{200d}".repeat(9)] {
        let wrong = wrong.to_owned();
        assert_eq!(code(pair.mei(move |cx| act::react(cx, with_tom, id, &wrong, true))), "not_emoji");
    }
    let nowhere = RecordId([5; 32]);
    assert_eq!(code(pair.mei(move |cx| act::react(cx, with_tom, nowhere, "👍", true))), "not_found");
    for number in 0..REACTIONS_PER_ACCOUNT_MAX {
        let one = char::from_u32(0x1f600 + u32::try_from(number).unwrap()).unwrap().to_string();
        pair.mei(move |cx| act::react(cx, with_tom, id, &one, true)).unwrap();
    }
    assert_eq!(code(pair.mei(move |cx| act::react(cx, with_tom, id, "👍", true))), "too_many_reactions");
    // Somebody else's program may send what ours would not.
    let mut node = member();
    let author = Author::new(1);
    let said = author.says("Hello", 0);
    for action in [react("ok", true), edit("  "), edit(&"x".repeat(16 * 1024 + 1))] {
        let given = node.receive(Source::Gossip, vec![author.does(&said, action, 10)]);
        assert_eq!((given.outcomes, given.verdicts), (vec![Outcome::Refused], vec![Verdict::Reject]));
    }
}

#[test]
fn ten_thousand_reactions_stay_bounded_and_the_same_everywhere() {
    let author = Author::new(0);
    let said = author.says("Free dumplings", 0);
    let reactions: Vec<Bytes> = (1..=10_000).map(|seed| Author::new(seed).does(&said, react("👍", true), 10)).collect();
    let listen = |order: Vec<Bytes>| {
        let mut node = member();
        for batch in order.chunks(256) {
            node.receive(Source::Sync, batch.to_vec());
        }
        node
    };
    let straight = listen([vec![said.clone()], reactions.clone()].concat());
    let backwards = listen(reactions.into_iter().rev().chain([said.clone()]).collect());
    let message = seen(&straight, ChatId::Group(GROUP), &id_of(&said));
    assert_eq!(emoji(&message), [("👍".into(), REACTORS_MAX)]);
    assert!(state(&straight) == state(&backwards));
    let kept = state(&straight).iter().filter(|(key, _)| key[0] == b'S').count();
    // Beside them: the message, and that Tom joined.
    assert_eq!(kept, REACTORS_MAX + 2, "the records that do not count are not kept: {kept}");
}

/// Reactions, edits, recalls and deletions by the author and by another.
fn script() -> Vec<Bytes> {
    let (mei, tom) = (Author::new(1), Author::new(2));
    let (one, two, three) = (mei.says("one", 0), mei.says("two", 1_000), tom.says("three", 2_000));
    vec![
        mei.does(&one, edit("one, better"), 3_000),
        mei.does(&one, edit("one, best"), 4_000),
        mei.does(&one, edit("one, also best"), 4_000),
        tom.does(&one, edit("hacked"), 9_000),
        tom.does(&one, Action::Delete, 9_100),
        tom.does(&one, react("👍", true), 3_100),
        tom.does(&one, react("👍", false), 3_200),
        tom.does(&one, react("👍", true), 3_300),
        mei.does(&one, react("😂", true), 3_300),
        mei.does(&two, edit("two, better"), 3_000),
        mei.does(&two, Action::Delete, 6_000),
        mei.does(&two, Action::Recall, 5_000),
        tom.does(&two, Action::Delete, 100),
        tom.does(&two, react("👍", true), 5_500),
        tom.does(&three, Action::Recall, 2_500),
        one,
        two,
        three,
    ]
}

#[test]
fn what_is_done_comes_to_the_same_in_the_plain_order() {
    let script = script();
    let ids: Vec<RecordId> = script.iter().skip(15).map(id_of).collect();
    let mut node = member();
    let mut sorted = script;
    sorted.sort_by_key(|bytes| Unverified::decode(bytes.clone()).unwrap().header().at);
    sorted.into_iter().for_each(|bytes| drop(node.receive(Source::Gossip, vec![bytes])));
    let [one, two, three] = [0, 1, 2].map(|index| seen(&node, ChatId::Group(GROUP), &ids[index]));
    assert!(one.content.text.starts_with("one, ") && one.content.text.ends_with("best"), "{}", one.content.text);
    assert_eq!(one.edited, Some(START.plus_ms(4_000)));
    assert_eq!(emoji(&one), [("👍", 1), ("😂", 1)].map(|(emoji, count): (&str, usize)| (emoji.to_owned(), count)));
    assert_eq!((two.gone, two.content.text.as_str(), two.reactions.len()), (Some(view::How::Recalled), "", 0));
    assert_eq!(three.gone, Some(view::How::Recalled));
    let (page, _) = view::page(node.read(), &ChatId::Group(GROUP), None, 10).unwrap();
    assert_eq!(page.iter().map(|message| message.id).collect::<Vec<_>>(), ids, "each where it stood");
    assert_eq!(view::row(node.read(), &ChatId::Group(GROUP)).unwrap().unread, 1, "only what can still be read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Invariant 4 for actions: each may come before its message, twice, or after a newer one.
    #[test]
    fn order_does_not_matter_for_actions(order in Just((0..24usize).collect::<Vec<_>>()).prop_shuffle()) {
        let script = script();
        let listen = |order: Vec<usize>| {
            let mut node = member();
            for index in order {
                // Some come twice.
                node.receive(Source::Gossip, vec![script[index % script.len()].clone()]);
            }
            state(&node)
        };
        let (straight, shuffled) = (listen((0..script.len()).collect()), listen(order));
        let only = |a: &[Entry], b: &[Entry]| -> Vec<String> {
            let rows = a.iter().filter(|row| !b.contains(row));
            rows.map(|(key, value)| format!("{} = {}", key.escape_ascii(), value.escape_ascii())).collect()
        };
        prop_assert!(
            straight == shuffled,
            "only straight: {:#?}\nonly shuffled: {:#?}", only(&straight, &shuffled), only(&shuffled, &straight)
        );
    }
}

#[test]
fn an_edit_changes_the_words_for_both_and_says_so() {
    let mut pair = Pair::new("at seven");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    pair.mei(move |cx| act::edit(cx, with_tom, id, "at eight", vec![])).unwrap();
    for message in pair.both() {
        assert_eq!((message.content.text.as_str(), message.edited.is_some()), ("at eight", true));
    }
    assert_eq!(code(pair.tom(move |cx| act::edit(cx, with_mei, id, "at nine", vec![]))), "not_author");
    assert_eq!(code(pair.mei(move |cx| act::edit(cx, with_tom, id, " ", vec![]))), "message_empty");
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(code(pair.mei(move |cx| act::edit(cx, with_tom, id, &long, vec![]))), "message_too_long");
    let found = project::change(pair.tom.read(), &crate::engine::Indexed::Message(with_mei, id)).unwrap();
    assert!(matches!(found, Change::Put(document) if document.description == "at eight"));
}

#[test]
fn a_recalled_message_is_gone_from_both_and_a_line_stays() {
    let mut pair = Pair::new("the PIN is 204060");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    pair.mei(move |cx| act::edit(cx, with_tom, id, "the PIN is 204061", vec![])).unwrap();
    let reply = pair.tom(move |cx| send(cx, with_mei, content("ok", Some(id), None)?)).unwrap();
    assert_eq!(code(pair.tom(move |cx| act::recall(cx, with_mei, id))), "not_author");
    assert_eq!(code(pair.tom(move |cx| act::delete(cx, with_mei, id))), "not_author");
    pair.mei(move |cx| act::recall(cx, with_tom, id)).unwrap();
    for message in pair.both() {
        assert_eq!((message.gone, message.content.text.as_str()), (Some(view::How::Recalled), ""));
    }
    for node in [&pair.mei, &pair.tom] {
        let rows = node.read().collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap();
        let holds = |value: &[u8]| value.windows(6).any(|part| part == b"204060" || part == b"204061");
        assert!(!rows.iter().any(|(_, value)| holds(value)), "the words are nowhere in the store");
    }
    let found = project::change(pair.tom.read(), &crate::engine::Indexed::Message(with_mei, id)).unwrap();
    assert!(matches!(found, Change::Remove(_)));
    assert_eq!(seen(&pair.tom, with_mei, &reply).content.reply_to, Some(id), "the answer to it stays");
    for action in ["👍", "❤️"] {
        assert_eq!(code(pair.tom(move |cx| act::react(cx, with_mei, id, action, true))), "message_gone");
    }
    assert_eq!(code(pair.mei(move |cx| act::edit(cx, with_tom, id, "again", vec![]))), "message_gone");
}

#[test]
fn after_two_minutes_a_message_is_deleted_not_recalled() {
    let mut pair = Pair::new("hm");
    let (id, with_tom) = (pair.said, pair.with_tom);
    let at = seen(&pair.mei, with_tom, &id).at;
    (pair.mei.now, pair.tom.now) = (at.plus_ms(RECALL_MS_MAX + 1), at.plus_ms(RECALL_MS_MAX + 1));
    assert_eq!(code(pair.mei(move |cx| act::recall(cx, with_tom, id))), "recall_too_late");
    pair.mei(move |cx| act::delete(cx, with_tom, id)).unwrap();
    assert!(pair.both().iter().all(|message| message.gone == Some(view::How::Deleted)));
    // Nor by a program that does not keep to it: its own record shows it.
    let author = Author::new(1);
    let (mut node, said) = (member(), author.says("hm", 0));
    node.now = START.plus_ms(RECALL_MS_MAX + 60_000);
    for (late_ms, outcome) in [(0, Outcome::Stored), (1, Outcome::Refused)] {
        let recall = author.does(&said, Action::Recall, RECALL_MS_MAX + late_ms);
        assert_eq!(node.receive(Source::Gossip, vec![recall]).outcomes, [outcome]);
    }
}

#[test]
fn a_message_recalled_before_it_left_never_leaves() {
    let (mut mei, mut tom) = neighbours();
    let (with_tom, with_mei) = (ChatId::Direct(tom.account()), ChatId::Direct(mei.account()));
    let device = tom.engine.device_key().id();
    mei.step(vec![crate::engine::Input::PeerDown(device)]).unwrap();
    let id = mei.call(move |cx| send(cx, with_tom, content("never mind", None, None)?)).unwrap();
    mei.call(move |cx| act::recall(cx, with_tom, id)).unwrap();
    mei.meet(&mut tom);
    assert_eq!(seen(&tom, with_mei, &id).gone, Some(view::How::Recalled));
    assert_eq!(view::row(tom.read(), &with_mei).unwrap().unread, 0);
    let words = tom.read().collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap();
    assert!(!words.iter().any(|(_, value)| value.windows(10).any(|part| part == b"never mind")));
}

#[test]
fn unread_counts_follow_what_is_taken_back() {
    let mut pair = Pair::new("one");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    pair.mei(move |cx| send(cx, with_tom, content("two", None, None)?)).unwrap();
    let unread = |pair: &Pair| view::row(pair.tom.read(), &with_mei).unwrap().unread;
    assert_eq!(unread(&pair), 2);
    pair.mei(move |cx| act::delete(cx, with_tom, id)).unwrap();
    assert_eq!(unread(&pair), 1);
}

#[test]
fn an_action_of_a_stranger_waits_and_one_between_others_is_refused() {
    let mut pair = Pair::new("hello");
    let (stranger, to) = (Author::new(3), pair.mei.account());
    let sign = |topic: Topic, to: AccountId, target: RecordId| {
        let body = MessageAction { to, target, target_at: START, action: Action::Delete };
        stranger.sign(Draft::new(topic, Kind::MessageAction, &body).unwrap(), 0)
    };
    let own = sign(Topic::direct(&stranger.certificate.account, &to), to, pair.said);
    assert_eq!(pair.mei.receive(Source::Mail, vec![own]).outcomes, [Outcome::Later]);
    let others = sign(Topic::direct(&to, &pair.tom.account()), to, pair.said);
    assert_eq!(pair.mei.receive(Source::Mail, vec![others]).outcomes, [Outcome::Refused]);
    assert!(pair.both().iter().all(|message| message.gone.is_none()));
}

#[test]
fn the_screen_hears_of_it() {
    let mut node = member();
    let author = Author::new(1);
    let said = author.says("Hello", 0);
    node.receive(Source::Gossip, vec![said.clone()]);
    for action in [react("👍", true), edit("Hello all"), Action::Delete] {
        let given = node.receive(Source::Gossip, vec![author.does(&said, action, 10)]);
        assert!(given.events.contains(&Event::Message { chat: ChatId::Group(GROUP), id: id_of(&said) }));
    }
}
