//! Requests of strangers: what they pay, whom they have in common, and what a flood of them does.

use std::time::Instant;

use hutong_protocol::{
    AccountId, Draft, Kind, Topic,
    limits::{POSTAGE_BITS_MAX, STRANGER_ITEM_BYTES_MAX},
    mailbox::MailboxRequest,
    postage::{Work, day_of},
};

use super::*;
use crate::{
    chat,
    engine::{ChatId, Input, outbox},
    testing::{Given, TestNode, exchange, neighbours},
};

fn ask(node: &mut TestNode, other: &TestNode, postage: Option<u8>) -> Given {
    let account = other.account();
    let invite = Invite { account, addresses: vec![], mailboxes: vec![], postage };
    let (answer, given) = node.call_given(move |cx| ask::ask(cx, invite, "hello"));
    answer.unwrap();
    given
}

fn state(node: &TestNode, other: &TestNode) -> Contact {
    view::get(node.read(), &other.account()).unwrap()
}

fn set_postage(node: &mut TestNode, bits: u8) {
    node.call(move |cx| account::update_profile(cx, None, None, None, Some(bits))).unwrap();
}

/// Makes two nodes contacts.
fn befriend(a: &mut TestNode, b: &mut TestNode) {
    ask(a, b, None);
    a.meet(b);
    let account = a.account();
    let (answer, given) = b.call_given(move |cx| accept(cx, account));
    answer.unwrap();
    exchange(a, b, Given::default(), given);
}

/// What is due every second, on both sides, until nothing more comes of it.
fn settle(a: &mut TestNode, b: &mut TestNode) {
    let (from_a, from_b) = (a.step(vec![Input::Tick]).unwrap(), b.step(vec![Input::Tick]).unwrap());
    exchange(a, b, from_a, from_b);
}

#[test]
fn a_stranger_pays_before_the_request_is_written() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    mei.pays = false;
    ask(&mut mei, &tom, Some(10));
    assert_eq!(ask::working(mei.read(), &tom.account()).unwrap(), Some(10));
    assert_eq!(outbox::summary(mei.read(), 10).unwrap().0, 0, "nothing is written before it is paid");
    // The process dies and starts again: the wish is taken up.
    mei.restart();
    mei.pays = true;
    mei.step(vec![Input::Tick]).unwrap();
    assert_eq!(ask::working(mei.read(), &tom.account()).unwrap(), None);
    let asked = state(&mei, &tom).asked.unwrap();
    assert!(asked.bits == 10 && asked.stamp.is_some());
    set_postage(&mut tom, 10);
    mei.meet(&mut tom);
    let row = state(&tom, &mei);
    assert!(row.state == ContactState::Incoming && row.bits >= 10 && row.common.is_empty() && row.text == "hello");
}

#[test]
fn what_is_cancelled_is_not_sent() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let account = tom.account();
    mei.pays = false;
    ask(&mut mei, &tom, None);
    mei.call(move |cx| remove(cx, account)).unwrap();
    mei.pays = true;
    mei.step(vec![Input::Stamped { to: account, nonce: 1 }, Input::Tick]).unwrap();
    mei.meet(&mut tom);
    assert_eq!((state(&mei, &tom).state, state(&tom, &mei).state), (ContactState::None, ContactState::None));
    // And one that waits for its recipient is taken back.
    ask(&mut mei, &tom, None);
    mei.call(move |cx| remove(cx, account)).unwrap();
    mei.meet(&mut tom);
    assert_eq!(state(&tom, &mei).state, ContactState::None);
}

#[test]
fn a_request_with_too_little_postage_is_refused_and_paid_again_by_itself() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    set_postage(&mut tom, 14);
    // The link is from before Tom wanted more.
    ask(&mut mei, &tom, Some(4));
    let first = state(&mei, &tom).asked.unwrap();
    assert_eq!(first.bits, 4);
    mei.meet(&mut tom);
    let second = state(&mei, &tom).asked.unwrap();
    assert!(second.bits == 14 && !second.refused && second.request != first.request);
    assert_eq!(state(&tom, &mei).state, ContactState::Incoming);
    assert_eq!(outbox::summary(mei.read(), 10).unwrap().0, 0, "and nothing waits");
}

#[test]
fn a_refusal_by_somebody_who_wants_no_more_is_no_reason_to_pay() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let account = mei.account();
    tom.call(move |cx| set_blocked(cx, account, true)).unwrap();
    ask(&mut mei, &tom, Some(12));
    mei.meet(&mut tom);
    let asked = state(&mei, &tom).asked.unwrap();
    assert!(asked.refused && asked.bits == 12, "Mei's node does not work for nothing");
    assert_eq!(state(&tom, &mei).state, ContactState::None, "and nothing of her is kept");
}

#[test]
fn friends_of_friends_need_no_postage_and_are_known_as_such() {
    let (mut mei, mut tom) = neighbours();
    let mut ann = TestNode::named("Ann", 3);
    befriend(&mut ann, &mut tom);
    settle(&mut mei, &mut tom);
    settle(&mut ann, &mut tom);
    set_postage(&mut mei, POSTAGE_BITS_MAX);
    // A link that says nothing is to be paid.
    ask(&mut ann, &mei, Some(0));
    ann.meet(&mut mei);
    let row = state(&mei, &ann);
    assert_eq!((row.state, row.common.clone()), (ContactState::Incoming, vec![tom.account()]));
    // Eve knows Mei's and Tom's accounts and has seen all of Ann's tags, and knows no secret of Tom's.
    let mut eve = TestNode::named("Eve", 4);
    eve.pays = false;
    ask(&mut eve, &mei, Some(0));
    eve.meet(&mut mei);
    assert_eq!(state(&mei, &eve).state, ContactState::None);
    assert_eq!(
        ask::working(eve.read(), &mei.account()).unwrap(),
        Some(POSTAGE_BITS_MAX),
        "Eve is to work like anybody"
    );
}

#[test]
fn a_contact_who_was_removed_can_no_longer_prove_it() {
    let (mut mei, mut tom) = neighbours();
    let mut ann = TestNode::named("Ann", 3);
    befriend(&mut ann, &mut tom);
    settle(&mut mei, &mut tom);
    settle(&mut ann, &mut tom);
    let account = ann.account();
    tom.call(move |cx| remove(cx, account)).unwrap();
    mei.meet(&mut tom);
    settle(&mut mei, &mut tom);
    set_postage(&mut mei, POSTAGE_BITS_MAX);
    ann.pays = false;
    ask(&mut ann, &mei, Some(0));
    ann.meet(&mut mei);
    assert_eq!(state(&mei, &ann).state, ContactState::None, "Ann's tag is made with a secret that Tom gave up");
}

#[test]
fn tags_that_are_no_row_and_postage_that_is_none_are_refused_with_a_reason() {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let to = tom.account();
    let body = ContactRequest {
        to,
        profile: hutong_protocol::account::Profile { name: "Mei".into(), ..Default::default() },
        text: String::new(),
        addresses: vec![],
        mailboxes: vec![],
        stamp: None,
        tags: vec![1; 9],
    };
    let refused = mei.call(move |cx| {
        let draft = Draft::new(Topic::direct(&cx.me()?, &to), Kind::ContactRequest, &body)?;
        Ok(cx.publish(draft, Some(to))?)
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("tags"), "{refused}");
    let too_much = tom.call(|cx| account::update_profile(cx, None, None, None, Some(POSTAGE_BITS_MAX + 1)));
    assert!(too_much.unwrap_err().to_string().contains("0 to 28"));
}

#[test]
fn the_longest_request_fits_a_queue_for_strangers() {
    let (mut mei, tom) = (TestNode::named(&"m".repeat(128), 1), TestNode::named("Tom", 2));
    let long = format!("/dns4/{}/tcp/4001/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5", "h".repeat(60));
    mei.step(vec![Input::Reachable(vec![long; 8])]).unwrap();
    mei.call(|cx| account::update_profile(cx, None, Some(&"a".repeat(2_000)), None, None)).unwrap();
    let (account, text) = (tom.account(), "x".repeat(5_000));
    mei.call(move |cx| add(cx, account, vec![], &text)).unwrap();
    let request = state(&mei, &tom).asked.unwrap().request;
    let record = crate::engine::get_record(mei.read(), &request).unwrap().unwrap();
    let body: ContactRequest = record.body().unwrap();
    assert_eq!(body.text.len(), 1_024, "the sentence is what counts");
    // Tom becomes known only by his record: then it is sealed.
    let given = {
        let mut tom = tom;
        let (device, certificate) = (tom.engine.device_key().id(), tom.engine.certificate().cloned());
        let up = Input::PeerUp { device, certificate, addresses: vec![] };
        mei.step(vec![up]).unwrap();
        let rows = tom.call(|cx| {
            let (me, device) = (cx.me()?, cx.device().to_string());
            let own = crate::engine::get_slot(cx.read(), &me, &Kind::Device, &device)?;
            Ok(own.map(|(_, record)| record.signed_bytes().clone()))
        });
        mei.receive(Source::Sync, vec![rows.unwrap().unwrap()])
    };
    let sealed: Vec<_> = given.sent.iter().map(|(_, _, item)| item.len()).collect();
    assert!(!sealed.is_empty() && sealed.iter().all(|bytes| *bytes <= STRANGER_ITEM_BYTES_MAX), "{sealed:?}");
}

#[test]
fn a_flood_is_bounded_and_costs_more_to_make_than_to_take() {
    const FLOOD: u8 = 230;
    let mut mei = TestNode::named("Mei", 1);
    set_postage(&mut mei, 6);
    let mut took = std::time::Duration::ZERO;
    for number in 0..FLOOD {
        let mut eve = TestNode::named("Eve", 20 + number);
        // The first thirty pay the least.
        ask(&mut eve, &mei, Some(if number < 30 { 6 } else { 8 }));
        let began = Instant::now();
        eve.meet(&mut mei);
        took += began.elapsed();
    }
    let kept: Vec<_> = view::list(mei.read()).unwrap();
    assert_eq!(kept.len(), strangers::REQUESTS_MAX);
    assert!(kept.iter().all(|(_, row)| row.bits >= 8), "those who paid the least went first");
    // Of those who went nothing is left.
    let devices = mei.read().count(crate::store::KeyRange::prefix(&[crate::engine::keys::DEVICE]), 10_000).unwrap();
    assert_eq!(devices, strangers::REQUESTS_MAX + 1, "and Mei's own");
    let work = Work::new(&AccountId([1; 32]), &AccountId([2; 32]), &[3; 16], day_of(mei.now));
    let began = Instant::now();
    assert_eq!(work.search(64, 0, 1 << 16), None);
    let stamp = began.elapsed() * (1 << 8);
    let one = took / u32::from(FLOOD);
    println!("a stamp of 24 bits: {stamp:?}; both sides of one request: {one:?}");
    assert!(stamp > one, "{stamp:?} for a stamp, {one:?} for taking it");
}

#[test]
fn a_request_for_somebody_away_is_left_only_where_strangers_may() {
    let (mut mei, tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let given = ask(&mut mei, &tom, None);
    assert!(given.asked.iter().all(|(_, request)| !matches!(request, MailboxRequest::Ask { .. })));
}

/// Every way in, of a contact who is then blocked: what is there is hidden at once, what comes is refused.
#[test]
fn nothing_of_a_blocked_account_is_kept_or_shown() {
    let (mut mei, mut tom) = neighbours();
    let group = mei.call(|cx| crate::group::act::create(cx, crate::group::act::New::public("Alley"))).unwrap();
    tom.call(move |cx| crate::group::join(cx, group, None, vec![])).unwrap();
    mei.meet(&mut tom);
    let (chat, with_mei) = (ChatId::Group(group), ChatId::Direct(mei.account()));
    let say = |node: &mut TestNode, chat: ChatId, text: &'static str| {
        let (id, given) = node.call_given(move |cx| chat::send(cx, chat, chat::content(text, None, None)?));
        (id.unwrap(), given)
    };
    let (mine, from_mei) = say(&mut mei, chat, "mine");
    exchange(&mut mei, &mut tom, from_mei, Given::default());
    let (_, from_tom) = say(&mut tom, chat, "before");
    exchange(&mut mei, &mut tom, Given::default(), from_tom);
    let react = move |cx: &mut Cx<'_>| chat::act::react(cx, chat, mine, "👍", true);
    let (reacted, from_tom) = tom.call_given(react);
    reacted.unwrap();
    exchange(&mut mei, &mut tom, Given::default(), from_tom);
    let shown = |node: &TestNode| {
        let page = chat::view::page(node.read(), &chat, None, 50).unwrap().0;
        page.into_iter().map(|message| (message.content.text, message.reactions.len())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&mei), [("mine".to_owned(), 1), ("before".to_owned(), 0)]);

    let account = tom.account();
    mei.call(move |cx| set_blocked(cx, account, true)).unwrap();
    assert_eq!(shown(&mei), [("mine".to_owned(), 0)], "hidden at once, and so is what he thinks of it");

    // Each way in.
    let records = |node: &TestNode| node.read().count(crate::store::KeyRange::prefix(b"S"), 10_000).unwrap();
    let before = records(&mei);
    let (_, in_group) = say(&mut tom, chat, "after");
    let (_, direct) = say(&mut tom, with_mei, "psst");
    let (_, profile) = tom.call_given(|cx| account::update_profile(cx, Some("Tommy"), None, None, None));
    let (_, action) = tom.call_given(move |cx| chat::act::react(cx, chat, mine, "❤️", true));
    let public = [in_group.public, profile.public, action.public].concat();
    let public: Vec<_> = public.into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(public.len(), 3);
    for source in [Source::Gossip, Source::Sync] {
        let given = mei.receive(source, public.clone());
        assert!(given.outcomes.iter().all(|outcome| *outcome == Outcome::Refused), "{:?}", given.outcomes);
        assert!(given.events.is_empty(), "{:?}", given.events);
    }
    let sealed: Vec<_> = direct.sent.into_iter().map(|(_, _, item)| item).collect();
    assert!(!sealed.is_empty());
    let items = sealed.iter().map(|item| hutong_protocol::mailbox::QueueItem { number: 1, item: item.to_vec().into() });
    let fetched = hutong_protocol::mailbox::Fetched { queue: 0, items: items.collect() };
    let answer = hutong_protocol::mailbox::MailboxAnswer::Fetched { queues: vec![fetched], more: false };
    let from = tom.engine.device_key().id();
    mei.step(vec![Input::MailboxAnswer { from, number: 1, answer: Some(answer) }]).unwrap();
    assert_eq!(records(&mei), before, "nothing is kept, by whatever way it comes");
    assert_eq!(shown(&mei), [("mine".to_owned(), 0)]);
    assert!(chat::view::page(mei.read(), &ChatId::Direct(account), None, 50).unwrap().0.is_empty());
    assert_eq!(account::view::party(mei.read(), &account).unwrap().name, "Tom");

    // Unblocked: what was here is shown again, and what others still have comes by reconciling.
    mei.call(move |cx| set_blocked(cx, account, false)).unwrap();
    assert_eq!(shown(&mei), [("mine".to_owned(), 1), ("before".to_owned(), 0)]);
    mei.receive(Source::Sync, public);
    assert_eq!(shown(&mei), [("mine".to_owned(), 2), ("before".to_owned(), 0), ("after".to_owned(), 0)]);
}
