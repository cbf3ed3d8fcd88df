use hutong_protocol::{
    TimestampMs,
    chat::{Content, FileKey},
};

use super::*;
use crate::{
    account,
    engine::{ChatId, FetchEnd, Input},
    testing::{Given, TestNode, exchange, neighbours},
};

fn row(number: u8, private: bool) -> UploadRow {
    UploadRow {
        at: TimestampMs(0),
        blob: BlobHash([number; 32]),
        key: private.then_some(FileKey([number; 32])),
        size: 1_000,
        media_type: "audio/webm".into(),
        kind: AttachmentKind::Audio,
        name: "voice.webm".into(),
        pixels: None,
        fresh: true,
    }
}

fn upload(node: &mut TestNode, number: u8) -> [u8; 16] {
    node.call(move |cx| uploaded(cx, row(number, true))).unwrap()
}

/// Sends an upload, and gives what the step gave.
fn send(node: &mut TestNode, to: ChatId, id: [u8; 16]) -> (RecordId, Given) {
    let send = move |cx: &mut Cx<'_>| {
        let attachments = take(cx, &to, vec![Picked { upload: id, ..Picked::default() }])?;
        chat::send(cx, to, Content { attachments, ..Content::default() })
    };
    let (sent, given) = node.call_given(send);
    (sent.unwrap(), given)
}

/// Mei's file, sent to Tom.
fn sent() -> (TestNode, TestNode, RecordId) {
    let (mut mei, mut tom) = neighbours();
    let chat = ChatId::Direct(tom.account());
    let id = upload(&mut mei, 7);
    let (message, given) = send(&mut mei, chat, id);
    exchange(&mut mei, &mut tom, given, Given::default());
    (mei, tom, message)
}

fn tick(node: &mut TestNode, ms: u64) -> Given {
    node.now = node.now.plus_ms(ms);
    node.step(vec![Input::Tick]).unwrap()
}

fn end(node: &mut TestNode, end: FetchEnd) -> Given {
    node.step(vec![Input::Fetched { blob: BlobHash([7; 32]), end }]).unwrap()
}

#[test]
fn what_is_sent_to_us_is_fetched_from_its_author_and_noted_when_it_is_here() {
    let (mei, mut tom, _) = sent();
    let blob = BlobHash([7; 32]);
    assert_eq!(tick(&mut tom, 1_000).fetches, [(blob, vec![mei.engine.device_key().id()])]);
    assert!(tick(&mut tom, 1_000).fetches.is_empty(), "it is on its way");
    let done = end(&mut tom, FetchEnd::Here { fresh: true });
    assert!(done.events.contains(&Event::Attachment(blob)));
    assert_eq!(view::queued(tom.read(), &blob).unwrap(), None);
    assert!(tick(&mut tom, 600_000).fetches.is_empty());
}

#[test]
fn a_restart_goes_on_and_whoever_has_nothing_is_asked_less_and_less() {
    let (mut mei, mut tom, _) = sent();
    tick(&mut tom, 1_000);
    // The process dies in the middle.
    tom.restart();
    assert!(tick(&mut tom, 1_000).fetches.is_empty(), "nobody is connected yet");
    mei.meet(&mut tom);
    assert_eq!(tick(&mut tom, 1_000).fetches.len(), 1);
    end(&mut tom, FetchEnd::NotNow);
    assert!(tick(&mut tom, 4_000).fetches.is_empty());
    assert_eq!(tick(&mut tom, 1_000).fetches.len(), 1, "after five seconds");
    end(&mut tom, FetchEnd::NotNow);
    assert!(tick(&mut tom, 9_000).fetches.is_empty(), "then ten");
    // Somebody comes: who knows, perhaps with the file.
    mei.meet(&mut tom);
    assert_eq!(tick(&mut tom, 1_000).fetches.len(), 1);
}

#[test]
fn paused_lying_and_full_ones_wait_for_the_user() {
    let (mei, mut tom, message) = sent();
    let (blob, chat) = (BlobHash([7; 32]), ChatId::Direct(mei.account()));
    for (how, wish) in [(FetchEnd::WrongSize, view::Wish::Lying), (FetchEnd::Full, view::Wish::Full)] {
        tom.call(move |cx| fetch(cx, &chat, &message, 0)).unwrap();
        end(&mut tom, how);
        assert_eq!(view::queued(tom.read(), &blob).unwrap().unwrap().wish, wish);
        assert!(tick(&mut tom, 600_000).fetches.is_empty());
    }
    tom.call(move |cx| fetch(cx, &chat, &message, 0)).unwrap();
    tom.call(move |cx| pause(cx, &chat, &message, 0)).unwrap();
    end(&mut tom, FetchEnd::Stopped);
    assert!(tick(&mut tom, 600_000).fetches.is_empty());
    let (again, given) = tom.call_given(move |cx| fetch(cx, &chat, &message, 0));
    again.unwrap();
    assert_eq!(given.fetches.len(), 1, "at once");
    assert!(tom.call(move |cx| fetch(cx, &chat, &message, 1)).is_err(), "there is no second file");
}

#[test]
fn what_is_large_or_long_past_or_of_somebody_blocked_does_not_come_by_itself() {
    let (mut mei, mut tom) = neighbours();
    let chat = ChatId::Direct(tom.account());
    let none = account::view::Settings { auto_fetch_bytes: 999, ..account::view::Settings::default() };
    tom.call(move |cx| account::set_settings(cx, &none)).unwrap();
    let id = upload(&mut mei, 7);
    let (_, given) = send(&mut mei, chat, id);
    exchange(&mut mei, &mut tom, given, Given::default());
    assert_eq!(view::queued(tom.read(), &BlobHash([7; 32])).unwrap(), None, "one byte too large");

    let fits = account::view::Settings { auto_fetch_bytes: 1_000, ..account::view::Settings::default() };
    tom.call(move |cx| account::set_settings(cx, &fits)).unwrap();
    let id = upload(&mut mei, 8);
    let (_, given) = send(&mut mei, chat, id);
    tom.now = tom.now.plus_ms(8 * 24 * 60 * 60 * 1_000);
    exchange(&mut mei, &mut tom, given, Given::default());
    assert_eq!(view::queued(tom.read(), &BlobHash([8; 32])).unwrap(), None, "said a week ago");

    let (mei, mut tom, _) = sent();
    let account = mei.account();
    tom.call(move |cx| crate::contact::set_blocked(cx, account, true)).unwrap();
    assert!(tick(&mut tom, 1_000).fetches.is_empty());
    assert_eq!(view::queued(tom.read(), &BlobHash([7; 32])).unwrap(), None);
}

#[test]
fn a_blob_goes_with_the_last_message_that_names_it() {
    let (mut mei, mut tom, message) = sent();
    let (blob, to) = (BlobHash([7; 32]), ChatId::Direct(tom.account()));
    tick(&mut tom, 1_000);
    end(&mut tom, FetchEnd::Here { fresh: true });
    // Forwarded, it keeps blob and key, and counts twice.
    let (again, given) = mei.call_given(move |cx| chat::act::forward(cx, to, message, &[to]));
    let (_, second) = again.unwrap()[0];
    exchange(&mut mei, &mut tom, given, Given::default());
    let content = chat::view::message(mei.read(), &to, &second).unwrap().unwrap().content;
    assert_eq!(content.attachments[0].key, Some(FileKey([7; 32])));
    let (done, given) = mei.call_given(move |cx| chat::act::delete(cx, to, message));
    done.unwrap();
    assert!(given.drops.is_empty());
    exchange(&mut mei, &mut tom, given, Given::default());
    assert!(view::is_named(tom.read(), &blob).unwrap());
    let (done, given) = mei.call_given(move |cx| chat::act::recall(cx, to, second));
    done.unwrap();
    assert_eq!(given.drops, [blob]);
    exchange(&mut mei, &mut tom, given, Given::default());
    assert!(view::is_to_drop(tom.read(), &blob).unwrap());
    // The shell dies before it removed the file; the next tick says it again, until it is done.
    tom.restart();
    assert_eq!(tick(&mut tom, 1_000).drops, [blob]);
    tom.call(move |cx| dropped(cx, &blob)).unwrap();
    assert!(tick(&mut tom, TIDY_MS).drops.is_empty() && !view::is_to_drop(tom.read(), &blob).unwrap());
}

#[test]
fn uploads_are_sent_once_and_go_after_a_day_and_no_plain_one_goes_into_a_private_chat() {
    let (mut mei, tom) = neighbours();
    let chat = ChatId::Direct(tom.account());
    let refused = |node: &mut TestNode, id: [u8; 16], picked: Picked| {
        let picked = Picked { upload: id, ..picked };
        node.call(move |cx| take(cx, &chat, vec![picked])).unwrap_err().to_string()
    };
    let id = upload(&mut mei, 7);
    let many = Picked { waveform: Some(vec![0; 65]), ..Picked::default() };
    assert!(refused(&mut mei, id, many).contains("64"));
    let voice =
        Picked { upload: id, waveform: Some(vec![0, 255]), name: Some("../../a\u{0}.ogg".into()), ..Picked::default() };
    let made = mei.call(move |cx| take(cx, &chat, vec![voice])).unwrap();
    assert_eq!((made[0].kind, made[0].name.as_str()), (AttachmentKind::Voice, "a.ogg"));
    assert!(refused(&mut mei, id, Picked::default()).contains("already"));
    let plain = mei.call(|cx| uploaded(cx, row(8, false))).unwrap();
    assert!(refused(&mut mei, plain, Picked::default()).contains("not encrypted"));

    upload(&mut mei, 9);
    assert!(tick(&mut mei, TIDY_MS).drops.is_empty());
    for _ in 0..=TIDY_MS / 1_000 {
        tick(&mut mei, 1_000);
    }
    mei.now = mei.now.plus_ms(UPLOAD_MS_MAX);
    let mut dropped: Vec<_> = (0..=TIDY_MS / 1_000).flat_map(|_| tick(&mut mei, 1_000).drops).collect();
    dropped.sort_unstable();
    dropped.dedup();
    assert_eq!(dropped, [BlobHash([8; 32]), BlobHash([9; 32])], "not the one that was taken");
    for number in 0..UPLOADS_MAX {
        upload(&mut mei, 100 + u8::try_from(number).unwrap());
    }
    assert!(mei.call(|cx| uploaded(cx, row(10, true))).unwrap_err().to_string().contains("too many"));
}
