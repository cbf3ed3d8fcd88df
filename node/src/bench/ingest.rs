//! How fast group messages of others come in: validated only, and validated and durably stored.

use std::{collections::HashMap, path::Path, sync::Arc};

use hutong_protocol::{
    AccountKey, Certificate, DeviceId, DeviceKey, Draft, GroupId, Kind, TimestampMs, Topic, Unverified, chat::Content,
    group::GroupMessage, limits::VERIFY_BATCH_MAX, record::verify_all,
};

use super::{Cost, cost_of};
use crate::{
    FEATURES, account,
    engine::{Answer, Cx, Engine, EngineError, Input, Outcome, Source, Token},
    group,
    handle::STORE_DIR,
    store::{SledOptions, SledStore, Store, migrate},
};

/// When the messages were written; the node's clock stands a little later.
const WRITTEN: TimestampMs = TimestampMs(1_760_000_000_000);
/// Messages in a turn: a fraction of a second.
const TURN: usize = 20 * VERIFY_BATCH_MAX;
/// How many people write.
const AUTHORS: u8 = 32;

/// The result.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Messages.
    pub records: usize,
    /// Decoding, canonical check, hashing, batch verification, and the rules on the body.
    pub validate: Cost,
    /// The engine's step: all of that, and the store's commit with flush and fsync.
    pub ingest: Cost,
}

/// Measures with `records` messages; the node's data directory is made in `directory`, and can be started afterwards.
///
/// # Errors
/// The store's.
pub fn run(directory: &Path, records: usize) -> Result<Report, EngineError> {
    let group = GroupId([7; 32]);
    let messages = write(group, records);
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&directory.join(STORE_DIR), SledOptions::default())?);
    migrate(&*store)?;
    let mut engine = Engine::open(store, FEATURES, &[1; 32])?;
    step(&mut engine, vec![Input::Call(Box::new(move |cx| join(cx, group)))])?;
    // In turns, so that a machine that is slower for a while is slower for both.
    let mut known = HashMap::new();
    let (mut stored, mut validated, mut ingested) = (0, Cost::default(), Cost::default());
    for turn in messages.chunks(TURN) {
        validated += cost_of(|| validate(turn, &mut known)).1;
        let (count, cost) = cost_of(|| take_in(&mut engine, turn));
        stored += count?;
        ingested += cost;
    }
    if stored != records {
        return Err(EngineError::Damaged(format!("only {stored} of {records} messages were stored")));
    }
    Ok(Report { records, validate: validated, ingest: ingested })
}

fn write(group: GroupId, records: usize) -> Vec<Arc<[u8]>> {
    let authors: Vec<(DeviceKey, Certificate)> = (0..AUTHORS)
        .map(|author| {
            let device = DeviceKey::from_seed(&[author.wrapping_add(1); 32]);
            let account = AccountKey::from_seed(&[author.wrapping_add(101); 32]);
            let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
            (device, certificate)
        })
        .collect();
    let text = "今天的草莓真新鲜！Shall we order together for the whole alley? ";
    (0u64..)
        .zip(authors.iter().cycle())
        .take(records)
        .filter_map(|(index, (device, certificate))| {
            let content = Content { text: format!("{text}{index}"), ..Content::default() };
            let draft =
                Draft::new(Topic::Group(group), Kind::GroupMessage, &GroupMessage { content, after: Vec::new() })
                    .ok()?;
            draft.sign(device, certificate, WRITTEN.plus_ms(index)).ok().map(Arc::from)
        })
        .collect()
}

fn validate(messages: &[Arc<[u8]>], known: &mut HashMap<DeviceId, Certificate>) {
    for batch in messages.chunks(VERIFY_BATCH_MAX) {
        let unverified = batch.iter().filter_map(|bytes| Unverified::decode(Arc::clone(bytes)).ok()).collect();
        let verified = verify_all(unverified, |certificate| known.get(&certificate.device) == Some(certificate));
        for record in verified.into_iter().flatten() {
            let sound = record.body::<GroupMessage>().is_ok_and(|body| body.content.validate().is_ok());
            assert!(std::hint::black_box(sound), "every message of the benchmark is valid");
            known.insert(record.header().device, record.certificate().clone());
        }
    }
}

fn join(cx: &mut Cx<'_>, group: GroupId) -> Answer {
    let result = account::create(cx, &[1; 16], "Bench", None, "bench");
    let result = result.and_then(|_| group::join(cx, group, Some("Bench".into()), Vec::new()));
    Answer { keep: result.is_ok(), finish: Box::new(|_| ()) }
}

fn step(engine: &mut Engine, inputs: Vec<Input>) -> Result<Vec<crate::engine::Effect>, EngineError> {
    engine.step(inputs, WRITTEN.plus_ms(60_000_000), &[2; 32], &mut |_, _, _| ())
}

fn take_in(engine: &mut Engine, messages: &[Arc<[u8]>]) -> Result<usize, EngineError> {
    let mut stored = 0usize;
    for (index, batch) in (0u64..).zip(messages.chunks(VERIFY_BATCH_MAX)) {
        let input = Input::Records { source: Source::Sync, records: batch.to_vec(), token: Some(Token(index)) };
        for effect in step(engine, vec![input])? {
            if let crate::engine::Effect::Outcomes(_, outcomes) = effect {
                stored += outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count();
            }
        }
    }
    Ok(stored)
}
