//! Real engines on memory stores, stepped by hand: for the features' tests.

use std::sync::{Arc, Mutex};

use hutong_protocol::{AccountId, BlobHash, DeviceId, RecordId, TimestampMs, mailbox::MailboxRequest};

use crate::{
    FEATURES, account,
    engine::{
        Answer, CommandError, Cx, Effect, Engine, EngineError, Event, Input, Outcome, Source, Token, Verdict, is_here,
        keys,
    },
    store::{Direction, KeyRange, MemoryStore, Read},
};

/// When every test begins.
pub(crate) const START: TimestampMs = TimestampMs(1_760_000_000_000);

/// What a step gave.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) public: Vec<(RecordId, Arc<[u8]>)>,
    pub(crate) sent: Vec<(DeviceId, RecordId, Arc<[u8]>)>,
    pub(crate) events: Vec<Event>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) asked: Vec<(DeviceId, hutong_protocol::mailbox::MailboxRequest)>,
    /// Words of the moment.
    pub(crate) whispers: Vec<(DeviceId, MailboxRequest)>,
    /// Blobs that the shell is to fetch, and from whom.
    pub(crate) fetches: Vec<(BlobHash, Vec<DeviceId>)>,
    /// Blobs that the shell is to remove.
    pub(crate) drops: Vec<BlobHash>,
}

/// One node.
pub(crate) struct TestNode {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Engine,
    pub(crate) now: TimestampMs,
    /// Whether the work for postage is done, at once.
    pub(crate) pays: bool,
    steps: u64,
}

impl TestNode {
    /// Without an account.
    pub(crate) fn blank(seed: u8) -> Self {
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::open(store.clone(), FEATURES, &[seed; 32]).unwrap();
        Self { store, engine, now: START, pays: true, steps: u64::from(seed) << 32 }
    }

    /// On a store that has something in it.
    pub(crate) fn over(store: MemoryStore, seed: u8) -> Self {
        let store = Arc::new(store);
        let engine = Engine::open(store.clone(), FEATURES, &[seed; 32]).unwrap();
        Self { store, engine, now: START, pays: true, steps: u64::from(seed) << 32 }
    }

    /// With an account of that name.
    pub(crate) fn named(name: &str, seed: u8) -> Self {
        let mut node = Self::blank(seed);
        let owned = name.to_owned();
        node.call(move |cx| account::create(cx, &[seed; 16], &owned, None, "test")).unwrap();
        node
    }

    pub(crate) fn account(&self) -> AccountId {
        self.engine.certificate().unwrap().account
    }

    pub(crate) fn read(&self) -> &dyn Read {
        &*self.store
    }

    pub(crate) fn step(&mut self, inputs: Vec<Input>) -> Result<Given, EngineError> {
        self.steps += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.steps.to_be_bytes());
        let mut given = Given::default();
        let verdicts = &mut given.verdicts;
        let effects = self.engine.step(inputs, self.now, &seed, &mut |_, _, verdict| verdicts.push(verdict))?;
        let mut stamped = Vec::new();
        for effect in effects {
            match effect {
                Effect::Answer(finish) => finish(Ok(())),
                Effect::Publish { id, bytes, .. } => given.public.push((id, bytes)),
                Effect::Send { to, records } => {
                    given.sent.extend(records.into_iter().map(|(id, bytes)| (to, id, bytes)));
                }
                Effect::Mailbox { to, request: request @ MailboxRequest::Live { .. }, .. } => {
                    given.whispers.push((to, request));
                }
                Effect::FetchBlob { blob, from, .. } => given.fetches.push((blob, from)),
                Effect::DropBlob(blob) => given.drops.push(blob),
                Effect::Notify(event) => given.events.push(event),
                Effect::Outcomes(_, outcomes) => given.outcomes.extend(outcomes),
                Effect::Stamp { to, work, bits, from } if self.pays => {
                    let nonce = work.search(bits, from, u64::MAX).unwrap();
                    stamped.push(Input::Stamped { to, nonce });
                }
                Effect::Mailbox { to, request, .. } => given.asked.push((to, request)),
                _ => {}
            }
        }
        if !stamped.is_empty() {
            let more = self.step(stamped)?;
            given.public.extend(more.public);
            given.sent.extend(more.sent);
            given.events.extend(more.events);
            given.asked.extend(more.asked);
            given.whispers.extend(more.whispers);
            given.fetches.extend(more.fetches);
            given.drops.extend(more.drops);
        }
        Ok(given)
    }

    /// Runs a command, and returns its answer and what the step gave.
    pub(crate) fn call_given<T: Send + 'static>(
        &mut self,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> (Result<T, CommandError>, Given) {
        let slot = Arc::new(Mutex::new(None));
        let told = Arc::clone(&slot);
        let call = Box::new(move |cx: &mut Cx<'_>| {
            let result = order(cx);
            let keep = result.is_ok();
            let finish = Box::new(move |committed: Result<(), EngineError>| {
                let result = result.and_then(|value| committed.map(|()| value).map_err(CommandError::Own));
                *told.lock().unwrap() = Some(result);
            });
            Answer { keep, finish }
        });
        let given = self.step(vec![Input::Call(call)]).unwrap_or_default();
        let answer = slot.lock().unwrap().take().unwrap();
        (answer, given)
    }

    pub(crate) fn call<T: Send + 'static>(
        &mut self,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.call_given(order).0
    }

    /// Gives records to the engine in one step.
    pub(crate) fn receive(&mut self, source: Source, records: Vec<Arc<[u8]>>) -> Given {
        self.step(vec![Input::Records { source, records, token: Some(Token(1)) }]).unwrap()
    }

    /// Gives sealed items to the engine in one step.
    pub(crate) fn open(&mut self, items: Vec<Arc<[u8]>>) -> Given {
        self.step(vec![Input::Sealed { items, token: Some(Token(1)) }]).unwrap()
    }

    /// A copy of it, keys and all: so that what becomes of the two can be compared.
    pub(crate) fn twin(&self) -> Self {
        let store = Arc::new(self.store.after_crash());
        let engine = Engine::open(store.clone(), FEATURES, &[0; 32]).unwrap();
        Self { store, engine, now: self.now, pays: self.pays, steps: self.steps }
    }

    /// The process dies and starts again: what was committed is left, and nothing else.
    pub(crate) fn restart(&mut self) {
        self.store = Arc::new(self.store.after_crash());
        self.engine = Engine::open(self.store.clone(), FEATURES, &[0; 32]).unwrap();
    }

    /// Connects two nodes and lets everything that waits flow both ways until it is quiet.
    pub(crate) fn meet(&mut self, other: &mut Self) {
        let (mine, theirs) = (self.greet(other), other.greet(self));
        exchange(self, other, mine, theirs);
    }

    fn greet(&mut self, other: &Self) -> Given {
        let (device, certificate) = (other.engine.device_key().id(), other.engine.certificate().cloned());
        self.step(vec![Input::PeerUp { device, certificate, addresses: vec!["/memory/1".into()] }]).unwrap()
    }
}

fn deliver(given: Given, from: &mut TestNode, to: &mut TestNode) -> (Given, Given) {
    let (to_device, mut back, mut on) = (to.engine.device_key().id(), Given::default(), Given::default());
    let sent: Vec<_> = given.sent.into_iter().filter(|(device, ..)| *device == to_device).collect();
    if !sent.is_empty() {
        let (ids, records): (Vec<_>, Vec<_>) = sent.into_iter().map(|(_, id, bytes)| (id, bytes)).unzip();
        back = to.open(records);
        let outcomes = ids.into_iter().zip(back.outcomes.clone()).collect();
        on = from.step(vec![Input::Sent { to: to_device, outcomes }]).unwrap();
    }
    let public: Vec<_> = given.public.into_iter().map(|(_, bytes)| bytes).collect();
    if !public.is_empty() {
        let heard = to.receive(Source::Gossip, public);
        back.sent.extend(heard.sent);
        back.public.extend(heard.public);
    }
    (back, on)
}

/// Gives `to` what it lacks of the topics that both follow.
fn reconcile(from: &TestNode, to: &mut TestNode) -> Given {
    let mut missing = Vec::new();
    let followed = to.engine.followed().unwrap();
    for topic in from.engine.followed().unwrap().into_iter().filter(|topic| followed.contains(topic)) {
        let rows = from.read().collect(KeyRange::prefix(&keys::set(&topic)), Direction::Ascending, usize::MAX).unwrap();
        for (key, bytes) in rows {
            let id = keys::Place::parse(&key).unwrap().id;
            if !is_here(to.read(), &id).unwrap() {
                missing.push(bytes);
            }
        }
    }
    if missing.is_empty() { Given::default() } else { to.receive(Source::Sync, missing) }
}

/// Carries what two nodes gave to each other until neither gives more.
pub(crate) fn exchange(a: &mut TestNode, b: &mut TestNode, mut from_a: Given, mut from_b: Given) {
    for _ in 0..64 {
        for (all, more) in [(&mut from_a, reconcile(b, a)), (&mut from_b, reconcile(a, b))] {
            all.sent.extend(more.sent);
            all.public.extend(more.public);
        }
        if from_a.sent.is_empty() && from_b.sent.is_empty() && from_a.public.is_empty() && from_b.public.is_empty() {
            return;
        }
        let (b_says, a_goes_on) = deliver(std::mem::take(&mut from_a), a, b);
        let (a_says, b_goes_on) = deliver(std::mem::take(&mut from_b), b, a);
        for (all, parts) in [(&mut from_a, [a_says, a_goes_on]), (&mut from_b, [b_says, b_goes_on])] {
            for part in parts {
                all.sent.extend(part.sent);
                all.public.extend(part.public);
            }
        }
    }
    panic!("two nodes never came to rest");
}

/// Two connected contacts, Mei and Tom.
pub(crate) fn neighbours() -> (TestNode, TestNode) {
    let (mut mei, mut tom) = (TestNode::named("Mei", 1), TestNode::named("Tom", 2));
    let tom_account = tom.account();
    mei.call(move |cx| crate::contact::add(cx, tom_account, vec![], "hello")).unwrap();
    mei.meet(&mut tom);
    let mei_account = mei.account();
    let (answer, given) = tom.call_given(move |cx| crate::contact::accept(cx, mei_account));
    answer.unwrap();
    exchange(&mut mei, &mut tom, Given::default(), given);
    (mei, tom)
}
