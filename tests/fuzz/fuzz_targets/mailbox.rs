//! Mailboxes: a whole engine that is asked whatever by a device of its own account, a stranger's device and one without an
//! account; that gets answers it did not ask for; and to which items and records come. None of it is the engine's fault.
#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::Arbitrary;
use hutong_fuzz::{START, survives};
use hutong_node::{
    FEATURES, account,
    engine::{Answer, Effect, Engine, Input, Source, Token},
    store::{Batch, Direction, KeyRange, MemoryStore, Read as _, Store as _},
};
use hutong_protocol::{
    AccountKey, Certificate, DeviceId, DeviceKey, TimestampMs, codec,
    mailbox::{Fetched, MailboxAnswer, MailboxRequest, QueueItem, ReadKey, StrangerQueue, WriteKey},
    phrase::Phrase,
    postage::{Postmark, Work, day_of},
    seal::ITEM_BYTES,
};
use libfuzzer_sys::fuzz_target;
use serde_bytes::ByteBuf;

const STEPS_MAX: usize = 16;

#[derive(Arbitrary, Debug)]
enum Step {
    Ask { from: u8, what: What },
    Answer { from: u8, number: u64, what: Reply },
    Bytes { from: u8, request: bool, bytes: Vec<u8> },
    Sealed(Vec<Item>),
    Records { source: u8, records: Vec<Vec<u8>> },
    Down(u8),
    Later(u32),
    Stamped { nonce: u64 },
}

#[derive(Arbitrary, Debug)]
struct Item {
    size: u8,
    fill: u8,
    odd: bool,
}

#[derive(Arbitrary, Debug)]
enum What {
    Deposit { key: u8, items: Vec<Item> },
    Fetch { keys: Vec<u8>, strangers: Option<(u8, u8)> },
    Ask { key: u8, item: Item, day: i8, nonce: u64, pays: bool },
    Acknowledge { key: u8, up_to: u64 },
    Ring,
    Live(Item),
}

#[derive(Arbitrary, Debug)]
enum Reply {
    None,
    Deposited { stored: u32, full: bool },
    Fetched { queues: Vec<(u32, Vec<(u64, Item)>)>, more: bool },
    Done,
    Postage(u8),
    Refused,
    Busy,
}

/// A new node with an account: what every run begins with.
static SNAPSHOT: LazyLock<Vec<(Vec<u8>, Vec<u8>)>> = LazyLock::new(|| {
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::open(store.clone(), FEATURES, &[1; 32]).expect("a new engine");
    let call = Box::new(|cx: &mut hutong_node::engine::Cx<'_>| {
        let made = account::create(cx, &[1; 16], "Mei", None, "test").is_ok();
        assert!(made);
        Answer { keep: true, finish: Box::new(drop) }
    });
    let effects = engine.step(vec![Input::Call(call)], START, &[1; 32], &mut |_, _, _| ()).expect("a step");
    drop(effects);
    let rows = store.collect(KeyRange::prefix(&[]), Direction::Ascending, usize::MAX).expect("memory");
    rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
});

fn device(seed: u8) -> DeviceKey {
    DeviceKey::from_seed(&[0x40 + seed % 3; 32])
}

fn certificate(seed: u8) -> Option<Certificate> {
    let phrase = Phrase::from_entropy(&[1; 16]).expect("entropy");
    match seed % 3 {
        0 => Some(Certificate::issue(&phrase.account_key(), device(seed).id(), START)),
        1 => Some(Certificate::issue(&AccountKey::from_seed(&[9; 32]), device(seed).id(), START)),
        _ => None,
    }
}

fn read_key(seed: u8) -> ReadKey {
    ReadKey([seed % 4; 32])
}

fn bytes(item: &Item) -> ByteBuf {
    let size = ITEM_BYTES[usize::from(item.size) % 2];
    ByteBuf::from(vec![item.fill; if item.odd { usize::from(item.size) } else { size }])
}

fn request(what: What, now: TimestampMs) -> MailboxRequest {
    match what {
        What::Deposit { key, items } => {
            MailboxRequest::Deposit { write: read_key(key).write_key(), items: items.iter().map(bytes).collect() }
        }
        What::Fetch { keys, strangers } => MailboxRequest::Fetch {
            reads: keys.into_iter().map(read_key).collect(),
            strangers: strangers.map(|(key, bits)| StrangerQueue { read: read_key(key), bits: bits % 12 }),
        },
        What::Ask { key, item, day, nonce, pays } => {
            let day = day_of(now).saturating_add_signed(i32::from(day));
            let work = Work { commitment: [item.fill; 32], day };
            let nonce = if pays { work.search(6, nonce, 4_096).unwrap_or(nonce) } else { nonce };
            let postmark = Postmark { commitment: work.commitment, day, nonce };
            MailboxRequest::Ask { write: WriteKey(read_key(key).write_key().0), item: bytes(&item), postmark }
        }
        What::Acknowledge { key, up_to } => MailboxRequest::Acknowledge { read: read_key(key), up_to },
        What::Ring => MailboxRequest::Ring,
        What::Live(item) => MailboxRequest::Live { item: bytes(&item) },
    }
}

fn reply(what: Reply) -> Option<MailboxAnswer> {
    Some(match what {
        Reply::None => return None,
        Reply::Deposited { stored, full } => MailboxAnswer::Deposited { stored, full },
        Reply::Fetched { queues, more } => {
            let items = |items: Vec<(u64, Item)>| {
                items.iter().map(|(number, item)| QueueItem { number: *number, item: bytes(item) }).collect()
            };
            let queues = queues.into_iter().map(|(queue, all)| Fetched { queue, items: items(all) }).collect();
            MailboxAnswer::Fetched { queues, more }
        }
        Reply::Done => MailboxAnswer::Done,
        Reply::Postage(bits) => MailboxAnswer::Postage { bits },
        Reply::Refused => MailboxAnswer::Refused,
        Reply::Busy => MailboxAnswer::Busy,
    })
}

fn input(step: Step, now: &mut TimestampMs, token: Token) -> Option<Input> {
    let id = |seed: u8| -> DeviceId { device(seed).id() };
    Some(match step {
        Step::Ask { from, what } => Input::Mailbox { from: id(from), request: request(what, *now), token },
        Step::Answer { from, number, what } => {
            Input::MailboxAnswer { from: id(from), number: number % 8, answer: reply(what) }
        }
        Step::Bytes { from, request: true, bytes } => {
            let request: MailboxRequest = codec::decode(&bytes, 1 << 20).ok()?;
            survives(&request);
            Input::Mailbox { from: id(from), request, token }
        }
        Step::Bytes { from, request: false, bytes } => {
            let answer: MailboxAnswer = codec::decode(&bytes, 1 << 20).ok()?;
            survives(&answer);
            Input::MailboxAnswer { from: id(from), number: 1, answer: Some(answer) }
        }
        Step::Sealed(items) => {
            let items = items.iter().map(|item| bytes(item).into_vec().into()).collect();
            Input::Sealed { items, token: Some(token) }
        }
        Step::Records { source, records } => {
            let source = [Source::Gossip, Source::Sync, Source::Mail][usize::from(source % 3)];
            Input::Records { source, records: records.into_iter().map(Into::into).collect(), token: Some(token) }
        }
        Step::Down(seed) => Input::PeerDown(id(seed)),
        Step::Later(ms) => {
            *now = now.plus_ms(u64::from(ms));
            Input::Tick
        }
        Step::Stamped { nonce } => Input::Stamped { to: AccountKey::from_seed(&[9; 32]).id(), nonce },
    })
}

fuzz_target!(|steps: Vec<Step>| {
    let (store, mut batch) = (Arc::new(MemoryStore::new()), Batch::new());
    for (key, value) in &*SNAPSHOT {
        batch.put(key.clone(), value.clone());
    }
    store.commit(batch).expect("memory");
    let mut engine = Engine::open(store, FEATURES, &[1; 32]).expect("it was saved so");
    let (mut now, mut number) = (START, 0u8);
    let mut run = |input: Input, now: TimestampMs| {
        number += 1;
        let asks = matches!(input, Input::Mailbox { .. });
        let effects = engine.step(vec![input], now, &[number; 32], &mut |_, _, _| ()).expect("nobody else's fault");
        let answers = effects.iter().filter_map(|effect| match effect {
            Effect::MailboxAnswer(_, answer) => Some(answer),
            _ => None,
        });
        let answers: Vec<_> = answers.collect();
        assert_eq!(answers.len(), usize::from(asks), "one answer to one question");
        answers.into_iter().for_each(survives);
    };
    for seed in 0..3 {
        let (device, certificate) = (device(seed).id(), certificate(seed));
        run(Input::PeerUp { device, certificate, addresses: vec!["/memory/1".into()] }, now);
    }
    for (index, step) in steps.into_iter().take(STEPS_MAX).enumerate() {
        if let Some(input) = input(step, &mut now, Token(index as u64)) {
            run(input, now);
        }
    }
});
