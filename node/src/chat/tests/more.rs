//! What else a conversation has: forwarding, names, disappearing, drafts, search.

use hutong_protocol::{
    Kind,
    chat::{Content, Mention},
    limits::DISAPPEAR_MS_MAX,
};

use super::*;
use crate::{
    chat::{Flags, find, mark_read, set_draft, set_flags, set_timer},
    engine::Input,
};

fn texts(node: &TestNode, chat: ChatId) -> Vec<String> {
    view::page(node.read(), &chat, None, 50).unwrap().0.into_iter().map(|message| message.content.text).collect()
}

#[test]
fn a_message_is_forwarded_to_several_chats_or_to_none() {
    let mut pair = Pair::new("the recipe");
    let (id, with_tom) = (pair.said, pair.with_tom);
    let group = pair.mei(|cx| group::create(cx, group::New::public("Alley"))).unwrap();
    let to = vec![with_tom, ChatId::Group(group)];
    let said = pair.mei(move |cx| act::forward(cx, with_tom, id, &to)).unwrap();
    assert_eq!(said.len(), 2);
    let again = seen(&pair.mei, ChatId::Group(group), &said[1].1);
    assert_eq!((again.content.text.as_str(), again.content.forwarded), ("the recipe", Some(true)));
    let stranger = ChatId::Direct(AccountKey::from_seed(&[77; 32]).id());
    let to = vec![ChatId::Group(group), stranger];
    assert_eq!(code(pair.mei(move |cx| act::forward(cx, with_tom, id, &to))), "cannot_write");
    assert_eq!(texts(&pair.mei, ChatId::Group(group)).len(), 1, "where one refuses, nothing is said");
    for many in [0, act::FORWARD_MAX + 1] {
        let to = vec![with_tom; many];
        assert_eq!(code(pair.mei(move |cx| act::forward(cx, with_tom, id, &to))), "invalid_forward");
    }
    pair.mei(move |cx| act::recall(cx, with_tom, id)).unwrap();
    assert_eq!(code(pair.mei(move |cx| act::forward(cx, with_tom, id, &[with_tom]))), "message_gone");
}

#[test]
fn who_is_named_sees_it_counted() {
    let mut pair = Pair::new("hello");
    let (with_tom, with_mei, tom) = (pair.with_tom, pair.with_mei, pair.tom.account());
    let named = |name: &str| Content {
        mentions: vec![Mention { account: tom, name: name.into() }],
        ..content("@Tom, come", None, None).unwrap()
    };
    let (first, second) = (named("Tom"), named("Tom"));
    let taken_back = pair.mei(move |cx| send(cx, with_tom, first)).unwrap();
    let id = pair.mei(move |cx| send(cx, with_tom, second)).unwrap();
    let counts = |pair: &Pair| {
        let row = view::row(pair.tom.read(), &with_mei).unwrap();
        (row.unread, row.mentions)
    };
    assert_eq!(counts(&pair), (3, 2));
    pair.mei(move |cx| act::recall(cx, with_tom, taken_back)).unwrap();
    assert_eq!(counts(&pair), (2, 1));
    pair.tom(move |cx| mark_read(cx, with_mei, id)).unwrap();
    assert_eq!(counts(&pair), (0, 0));
    let bad = named("two\nlines");
    assert_eq!(code(pair.mei(move |cx| send(cx, with_tom, bad))), "invalid");
    let many = Content { mentions: vec![Mention { account: tom, name: "Tom".into() }; 33], ..named("Tom") };
    assert_eq!(code(pair.mei(move |cx| send(cx, with_tom, many))), "invalid");
}

#[test]
fn messages_disappear_from_both_when_their_time_is_over() {
    let mut pair = Pair::new("before");
    let (with_tom, with_mei) = (pair.with_tom, pair.with_mei);
    pair.tom(move |cx| set_timer(cx, with_mei, 60_000)).unwrap();
    for (node, chat) in [(&pair.mei, with_tom), (&pair.tom, with_mei)] {
        assert_eq!(view::timer(node.read(), &chat).unwrap().ms, 60_000, "either sets it for both");
    }
    let id = pair.mei(move |cx| send(cx, with_tom, content("burn this", None, None)?)).unwrap();
    pair.tom(move |cx| act::react(cx, with_mei, id, "🔥", true)).unwrap();
    pair.mei(move |cx| act::edit(cx, with_tom, id, "burn that", vec![])).unwrap();
    let expires = seen(&pair.tom, with_mei, &id).expires.unwrap();
    let bytes = crate::engine::get_record(pair.mei.read(), &id).unwrap().unwrap().signed_bytes().clone();
    for node in [&mut pair.mei, &mut pair.tom] {
        node.now = expires.plus_ms(1);
        let given = node.step(vec![Input::Tick]).unwrap();
        assert!(given.events.iter().any(|event| matches!(event, Event::MessageGone { id: gone, .. } if *gone == id)));
    }
    for (node, chat) in [(&pair.mei, with_tom), (&pair.tom, with_mei)] {
        assert_eq!(texts(node, chat), ["before", ""], "what was said before, and that the timer was set, stay");
        let rows = node.read().collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap();
        assert!(!rows.iter().any(|(_, value)| value.windows(5).any(|part| part == b"burn ")));
        assert_ne!(view::row(node.read(), &chat).unwrap().last, Some(id));
        let found = project::change(node.read(), &crate::engine::Indexed::Message(chat, id)).unwrap();
        assert!(matches!(found, Change::Remove(_)));
    }
    pair.tom.receive(Source::Mail, vec![bytes]);
    assert_eq!(texts(&pair.tom, with_mei).len(), 2, "it does not come back");
    let too_long = pair.mei(move |cx| set_timer(cx, with_tom, DISAPPEAR_MS_MAX + 1));
    assert_eq!(code(too_long), "invalid_timer");
    pair.mei(move |cx| set_timer(cx, with_tom, 0)).unwrap();
    let stays = pair.tom(move |cx| send(cx, with_mei, content("stays", None, None)?)).unwrap();
    assert_eq!(seen(&pair.tom, with_mei, &stays).expires, None);
    let group = pair.mei(|cx| group::create(cx, group::New::public("Alley"))).unwrap();
    assert_eq!(code(pair.mei(move |cx| set_timer(cx, ChatId::Group(group), 1_000))), "no_timer");
}

#[test]
fn a_message_deleted_for_oneself_is_there_for_the_other() {
    let mut pair = Pair::new("the other sees this");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    pair.tom(move |cx| act::hide(cx, with_mei, id)).unwrap();
    assert!(texts(&pair.tom, with_mei).is_empty());
    let row = view::row(pair.tom.read(), &with_mei).unwrap();
    assert_eq!((row.last, row.unread), (None, 0));
    assert_eq!(texts(&pair.mei, with_tom).len(), 1);
    let rows = pair.tom.read().collect(KeyRange::all(), Direction::Ascending, usize::MAX).unwrap();
    assert!(!rows.iter().any(|(_, value)| value.windows(9).any(|part| part == b"the other")), "nor in the store");
    let bytes = crate::engine::get_record(pair.mei.read(), &id).unwrap().unwrap().signed_bytes().clone();
    pair.tom.receive(Source::Mail, vec![bytes]);
    assert!(texts(&pair.tom, with_mei).is_empty(), "it does not come back");
    assert_eq!(code(pair.tom(move |cx| act::hide(cx, with_mei, id))), "not_found");
}

#[test]
fn archived_chats_come_back_with_a_message_unless_muted() {
    let mut pair = Pair::new("one");
    let (with_tom, with_mei) = (pair.with_tom, pair.with_mei);
    let archive = Flags { archived: Some(true), ..Flags::default() };
    let archived = |pair: &Pair| view::row(pair.tom.read(), &with_mei).unwrap().archived;
    pair.tom(move |cx| set_flags(cx, with_mei, archive)).unwrap();
    assert!(archived(&pair));
    pair.mei(move |cx| send(cx, with_tom, content("two", None, None)?)).unwrap();
    assert!(!archived(&pair));
    pair.tom(move |cx| set_flags(cx, with_mei, Flags { muted: Some(true), ..archive })).unwrap();
    pair.mei(move |cx| send(cx, with_tom, content("three", None, None)?)).unwrap();
    assert!(archived(&pair));
}

#[test]
fn a_chat_marked_as_unread_is_so_until_it_is_opened() {
    let mut pair = Pair::new("one");
    let (id, with_mei) = (pair.said, pair.with_mei);
    pair.tom(move |cx| mark_read(cx, with_mei, id)).unwrap();
    pair.tom(move |cx| set_flags(cx, with_mei, Flags { marked: Some(true), ..Flags::default() })).unwrap();
    assert!(view::row(pair.tom.read(), &with_mei).unwrap().marked);
    pair.tom(move |cx| mark_read(cx, with_mei, id)).unwrap();
    assert!(!view::row(pair.tom.read(), &with_mei).unwrap().marked);
}

#[test]
fn a_draft_is_kept_and_forgotten() {
    let mut pair = Pair::new("one");
    let (id, with_mei) = (pair.said, pair.with_mei);
    pair.tom(move |cx| set_draft(cx, with_mei, "I think", Some(id))).unwrap();
    let draft = view::draft(pair.tom.read(), &with_mei).unwrap().unwrap();
    assert_eq!((draft.text.as_str(), draft.reply_to), ("I think", Some(id)));
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(code(pair.tom(move |cx| set_draft(cx, with_mei, &long, None))), "message_too_long");
    pair.tom(move |cx| set_draft(cx, with_mei, "", None)).unwrap();
    assert_eq!(view::draft(pair.tom.read(), &with_mei).unwrap(), None);
}

#[test]
fn the_times_of_a_message_are_those_of_its_receipts() {
    let mut pair = Pair::new("one");
    let (id, with_tom, with_mei) = (pair.said, pair.with_tom, pair.with_mei);
    let before = view::times(pair.mei.read(), &id).unwrap();
    assert!(before.delivered.is_some() && before.read.is_none());
    pair.tom.now = pair.tom.now.plus_ms(5_000);
    pair.tom(move |cx| mark_read(cx, with_mei, id)).unwrap();
    let after = view::times(pair.mei.read(), &id).unwrap();
    assert_eq!(after.delivered, before.delivered);
    assert!(after.read > after.delivered);
    assert_eq!(seen(&pair.mei, with_tom, &id).state, view::MessageState::Read);
}

#[test]
fn a_conversation_is_searched_and_entered_at_a_date() {
    let mut pair = Pair::new("Dumplings at seven 餃子");
    let (id, with_tom) = (pair.said, pair.with_tom);
    let day = 24 * 60 * 60 * 1_000;
    pair.mei.now = pair.mei.now.plus_ms(day);
    let later = pair.mei(move |cx| send(cx, with_tom, content("and tea", None, None)?)).unwrap();
    let found = |pair: &Pair, text: &str| -> Vec<RecordId> {
        let found = find::search(pair.mei.read(), &with_tom, text, 10).unwrap();
        found.into_iter().map(|message| message.id).collect()
    };
    for text in ["dumpl", "SEVEN dumplings", "饺子"] {
        assert_eq!(found(&pair, text), [id], "{text}");
    }
    assert!(found(&pair, "dumplings tea").is_empty() && found(&pair, " ").is_empty());
    let since = |pair: &Pair, ms: u64| find::first_since(pair.mei.read(), &with_tom, START.plus_ms(ms)).unwrap();
    assert_eq!((since(&pair, 0), since(&pair, day), since(&pair, 2 * day)), (Some(id), Some(later), None));
    pair.mei(move |cx| act::delete(cx, with_tom, id)).unwrap();
    assert!(found(&pair, "dumplings").is_empty());
}

#[test]
fn a_group_has_no_timer() {
    let mut node = member();
    let body = GroupMessage { content: Content { disappear_ms: Some(1_000), ..Content::default() }, after: Vec::new() };
    let draft = Draft::new(Topic::Group(GROUP), Kind::GroupMessage, &body).unwrap();
    let given = node.receive(Source::Gossip, vec![Author::new(1).sign(draft, 0)]);
    assert_eq!(given.verdicts, [Verdict::Reject]);
}
