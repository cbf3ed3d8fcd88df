//! Many real engines, one virtual clock, and a network that loses, repeats, delays, reorders and splits.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::{Arc, Mutex, PoisonError},
};

use hutong_protocol::{
    AccountId, DeviceId, RecordId, TimestampMs, Topic,
    mailbox::{MailboxAnswer, MailboxRequest},
};

use super::rng::Rng;
use crate::{
    FEATURES,
    engine::{Answer, CommandError, Cx, Effect, Engine, EngineError, Input, Outcome, Source, Token, Verdict, get_slot},
    store::{MemoryStore, Read, Store},
};

/// How long a sender waits for an answer before it counts as lost, in virtual milliseconds.
const ANSWER_MS: u64 = 15_000;
/// How often time passes for an engine, in virtual milliseconds: coarser than in life, so that months are affordable.
const TICK_MS: u64 = 60_000;
/// How often linked nodes reconcile their common topics.
const RESYNC_MS: u64 = 10 * 60_000;
/// How long the work for a request's postage takes.
const STAMP_MS: u64 = 2_000;
/// Records in one message of a reconciliation.
pub(super) const SYNC_BATCH: usize = 256;

/// What goes wrong, in percent, while faults are on.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Messages that vanish.
    pub loss: u64,
    /// Messages that arrive twice.
    pub duplicate: u64,
    /// Steps after which the process dies before it acts.
    pub crash_permille: u64,
    /// Longest delay of a message in milliseconds; each takes a random part of it, so order is lost.
    pub delay_ms: u64,
    /// Largest deviation of a node's clock in milliseconds.
    pub skew_ms: u64,
}

/// What happens at a virtual moment.
pub(super) enum Happening {
    Tick,
    Resync,
    Input(Box<Delivery>),
    Restart,
    LinkUp(usize),
    Heal,
}

/// Something on its way to a node.
pub(super) enum Delivery {
    Mail { from: usize, records: Vec<(RecordId, Arc<[u8]>)> },
    Answer { outcomes: Vec<(RecordId, Outcome)>, from: usize },
    Gossip { bytes: Arc<[u8]> },
    Sync { records: Vec<Arc<[u8]>>, done: Option<Topic> },
    Published { id: RecordId, peers: usize },
    Mailbox { from: usize, number: u64, request: MailboxRequest },
    MailboxAnswer { from: usize, number: u64, answer: MailboxAnswer },
    Stamped { to: AccountId, nonce: u64 },
}

pub(super) struct SimNode {
    pub(super) store: Arc<MemoryStore>,
    pub(super) engine: Option<Engine>,
    pub(super) device: DeviceId,
    /// Added to (or, if the flag is set, taken from) the world's clock.
    skew: (u64, bool),
    pub(super) links: BTreeSet<usize>,
    pub(super) topics: BTreeSet<Topic>,
    /// What each topic's set amounts to, until it changes: most reconciliations find nothing to do.
    pub(super) digests: BTreeMap<Topic, [u8; 32]>,
    pub(super) island: u64,
}

fn outcomes_in(effects: &[Effect]) -> Option<Vec<Outcome>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Outcomes(_, outcomes) => Some(outcomes.clone()),
        _ => None,
    })
}

/// The world.
pub struct World {
    pub(super) nodes: Vec<SimNode>,
    by_device: BTreeMap<DeviceId, usize>,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    pending: BTreeMap<u64, Happening>,
    sequence: u64,
    now: u64,
    rng: Rng,
    faults: Option<Faults>,
    next_token: u64,
    /// Who asked a mailbox what.
    asking: BTreeMap<Token, (usize, u64)>,
    /// Steps taken by all engines.
    pub steps: u64,
    /// Crashes so far.
    pub crashes: u64,
    /// Items left in mailboxes so far.
    pub left: u64,
    /// Messages lost so far.
    pub lost: u64,
}

impl World {
    /// `count` fresh nodes without accounts, at a fixed moment of virtual time.
    ///
    /// # Errors
    /// The store's: none in memory.
    pub fn new(seed: u64, count: usize, faults: Faults) -> Result<Self, EngineError> {
        let mut rng = Rng::new(seed, "world");
        let (mut nodes, mut by_device) = (Vec::new(), BTreeMap::new());
        for index in 0..count {
            let store = Arc::new(MemoryStore::new());
            let engine = Engine::open(store.clone(), FEATURES, &rng.seed())?;
            let device = engine.device_key().id();
            let skew = (rng.below(faults.skew_ms.saturating_add(1)), rng.chance(50));
            let (links, topics, digests) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
            by_device.insert(device, index);
            nodes.push(SimNode { store, engine: Some(engine), device, skew, links, topics, digests, island: 0 });
        }
        let mut world = Self {
            nodes,
            by_device,
            queue: BinaryHeap::new(),
            pending: BTreeMap::new(),
            sequence: 0,
            now: 1_760_000_000_000,
            rng,
            faults: Some(faults),
            next_token: 0,
            asking: BTreeMap::new(),
            steps: 0,
            crashes: 0,
            left: 0,
            lost: 0,
        };
        for index in 0..count {
            world.boot(index);
        }
        Ok(world)
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> TimestampMs {
        TimestampMs(self.now)
    }

    /// A node's store, for views.
    ///
    /// # Panics
    /// If there is no such node.
    #[must_use]
    pub fn read(&self, node: usize) -> &dyn Read {
        &*self.nodes[node].store
    }

    /// Chance, for scenarios.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// The address of a node, as it would stand in a link.
    #[must_use]
    pub fn address(node: usize) -> String {
        format!("/memory/{node}")
    }

    /// From now on nothing is lost, delayed, split, crashed or asleep; everything that was cut is joined again.
    pub fn calm(&mut self) {
        self.faults = None;
        self.heal();
        (0..self.nodes.len()).for_each(|node| self.start(node));
    }

    fn boot(&mut self, node: usize) {
        self.schedule(TICK_MS.min(1 + self.now % TICK_MS), node, Happening::Tick);
        self.schedule(RESYNC_MS, node, Happening::Resync);
        if let Some(engine) = &self.nodes[node].engine {
            self.nodes[node].topics = engine.followed().unwrap_or_default().into_iter().collect();
        }
        self.step(node, vec![Input::Reachable(vec![Self::address(node)])]);
    }

    pub(super) fn schedule(&mut self, after_ms: u64, node: usize, what: Happening) {
        self.sequence += 1;
        self.pending.insert(self.sequence, what);
        self.queue.push(Reverse((self.now.saturating_add(after_ms), self.sequence, node)));
    }

    /// Sends something with the network's faults.
    pub(super) fn transmit(&mut self, from: usize, to: usize, make: impl Fn() -> Delivery) -> bool {
        if self.nodes[from].island != self.nodes[to].island {
            return false;
        }
        let Some(faults) = self.faults else {
            self.schedule(1, to, Happening::Input(Box::new(make())));
            return true;
        };
        if self.rng.chance(faults.loss) {
            self.lost += 1;
            return false;
        }
        let copies = if self.rng.chance(faults.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = 1 + self.rng.below(faults.delay_ms.max(1));
            self.schedule(delay, to, Happening::Input(Box::new(make())));
        }
        true
    }

    /// Lets virtual time pass.
    pub fn run(&mut self, for_ms: u64) {
        let end = self.now.saturating_add(for_ms);
        while let Some(Reverse((at, sequence, node))) = self.queue.peek().copied() {
            if at > end {
                break;
            }
            self.queue.pop();
            self.now = at;
            if let Some(what) = self.pending.remove(&sequence) {
                self.happen(node, what);
            }
        }
        self.now = end;
    }

    fn happen(&mut self, node: usize, what: Happening) {
        match what {
            Happening::Tick => {
                self.schedule(TICK_MS, node, Happening::Tick);
                self.step(node, vec![Input::Tick]);
            }
            Happening::Resync => {
                self.schedule(RESYNC_MS, node, Happening::Resync);
                for peer in self.nodes[node].links.clone() {
                    self.reconcile(node, peer);
                }
            }
            Happening::Input(delivery) => self.deliver(node, *delivery),
            Happening::Restart => self.restart(node),
            Happening::LinkUp(peer) => self.link(node, peer),
            Happening::Heal => self.heal(),
        }
    }

    fn deliver(&mut self, node: usize, delivery: Delivery) {
        match delivery {
            Delivery::Mail { from, records } => {
                if !self.nodes[node].links.contains(&from) {
                    return;
                }
                let (ids, items): (Vec<_>, Vec<_>) = records.into_iter().unzip();
                if let Some(outcomes) = self.open(node, items) {
                    let outcomes: Vec<_> = ids.into_iter().zip(outcomes).collect();
                    self.transmit(node, from, || Delivery::Answer { outcomes: outcomes.clone(), from: node });
                }
            }
            Delivery::Answer { outcomes, from } => {
                let to = self.nodes[from].device;
                self.step(node, vec![Input::Sent { to, outcomes }]);
            }
            Delivery::Gossip { bytes } => {
                if self.take_in(node, Source::Gossip, vec![bytes.clone()]) == Some(vec![Outcome::Stored])
                    && let Ok(record) = hutong_protocol::record::Stored::decode(bytes.clone())
                {
                    self.spread(node, &record.header.topic, &bytes);
                }
            }
            Delivery::Sync { records, done } => {
                self.take_in(node, Source::Sync, records);
                if let Some(topic) = done {
                    self.step(node, vec![Input::Reconciled(topic)]);
                }
            }
            Delivery::Mailbox { from, number, request } => {
                if self.nodes[node].links.contains(&from) {
                    self.next_token += 1;
                    let token = Token(self.next_token);
                    self.asking.insert(token, (from, number));
                    let from = self.nodes[from].device;
                    self.step(node, vec![Input::Mailbox { from, request, token }]);
                    self.asking.remove(&token);
                }
            }
            Delivery::MailboxAnswer { from, number, answer } => {
                let from = self.nodes[from].device;
                self.step(node, vec![Input::MailboxAnswer { from, number, answer: Some(answer) }]);
            }
            Delivery::Stamped { to, nonce } => self.step(node, vec![Input::Stamped { to, nonce }]),
            Delivery::Published { id, peers } => self.step(node, vec![Input::Published { id, peers }]),
        }
    }

    /// Gives sealed items to an engine; `None` if it is down or has just died.
    fn open(&mut self, node: usize, items: Vec<Arc<[u8]>>) -> Option<Vec<Outcome>> {
        self.next_token += 1;
        let token = Some(Token(self.next_token));
        let effects = self.engine_step(node, vec![Input::Sealed { items, token }], &mut |_| ())?;
        let outcomes = outcomes_in(&effects);
        self.act(node, effects);
        outcomes
    }

    /// Gives records to an engine; `None` if it is down or has just died.
    fn take_in(&mut self, node: usize, source: Source, records: Vec<Arc<[u8]>>) -> Option<Vec<Outcome>> {
        self.next_token += 1;
        let token = Some(Token(self.next_token));
        let mut known = None;
        let effects = self.engine_step(node, vec![Input::Records { source, records, token }], &mut |verdict| {
            known = Some(verdict);
        })?;
        let outcomes = outcomes_in(&effects);
        self.act(node, effects);
        // A gossip message that was here already is not spread again.
        if source == Source::Gossip && known != Some(Verdict::Accept) { None } else { outcomes }
    }

    fn clock(&self, node: usize) -> TimestampMs {
        let (skew, behind) = self.nodes[node].skew;
        TimestampMs(if behind { self.now.saturating_sub(skew) } else { self.now.saturating_add(skew) })
    }

    fn engine_step(
        &mut self,
        node: usize,
        inputs: Vec<Input>,
        verdict: &mut dyn FnMut(Verdict),
    ) -> Option<Vec<Effect>> {
        let (now, seed) = (self.clock(node), self.rng.seed());
        self.steps += 1;
        let engine = self.nodes[node].engine.as_mut()?;
        let effects = engine.step(inputs, now, &seed, &mut |_, _, given| verdict(given)).ok()?;
        for effect in &effects {
            if let Effect::Changed(topic) = effect {
                self.nodes[node].digests.remove(topic);
            }
        }
        // The process may die after the commit and before it acts on it.
        let crash = self.faults.is_some_and(|faults| self.rng.below(1000) < faults.crash_permille);
        if crash {
            self.kill(node);
            return None;
        }
        Some(effects)
    }

    pub(super) fn step(&mut self, node: usize, inputs: Vec<Input>) {
        if let Some(effects) = self.engine_step(node, inputs, &mut |_| ()) {
            self.act(node, effects);
        }
    }

    /// Runs a command as a user of this node would. `None`: the node is down, or died before it could answer; then
    /// nobody was told that it worked.
    pub fn call<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Option<Result<T, CommandError>> {
        let slot = Arc::new(Mutex::new(None));
        let told = Arc::clone(&slot);
        let call = Box::new(move |cx: &mut Cx<'_>| {
            let result = order(cx);
            let keep = result.is_ok();
            let finish = Box::new(move |committed: Result<(), EngineError>| {
                let result = result.and_then(|value| committed.map(|()| value).map_err(CommandError::Own));
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            });
            Answer { keep, finish }
        });
        self.step(node, vec![Input::Call(call)]);
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn act(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer(finish) => finish(Ok(())),
                Effect::Send { to, records } => self.send(node, to, &records),
                Effect::Publish { topic, id, bytes } => {
                    let peers = self.spread(node, &topic, &bytes);
                    self.schedule(1, node, Happening::Input(Box::new(Delivery::Published { id, peers })));
                }
                Effect::Mailbox { to, number, request } => {
                    if let MailboxRequest::Deposit { items, .. } = &request {
                        self.left += u64::try_from(items.len()).unwrap_or(u64::MAX);
                    }
                    if let Some(peer) = self.by_device.get(&to).copied() {
                        let ask = || Delivery::Mailbox { from: node, number, request: request.clone() };
                        self.transmit(node, peer, ask);
                    }
                }
                Effect::Stamp { to, work, bits, from } => {
                    if let Some(nonce) = work.search(bits, from, u64::MAX) {
                        self.schedule(STAMP_MS, node, Happening::Input(Box::new(Delivery::Stamped { to, nonce })));
                    }
                }
                Effect::MailboxAnswer(token, answer) => {
                    if let Some((asker, number)) = self.asking.remove(&token) {
                        let tell = || Delivery::MailboxAnswer { from: node, number, answer: answer.clone() };
                        self.transmit(node, asker, tell);
                    }
                }
                Effect::Follow(topic) => {
                    self.nodes[node].topics.insert(topic);
                    for peer in self.nodes[node].links.clone() {
                        self.reconcile(node, peer);
                    }
                }
                Effect::Unfollow(topic) => {
                    self.nodes[node].topics.remove(&topic);
                }
                Effect::Connect { devices, addresses, .. } => {
                    let named = devices.iter().filter_map(|(device, _)| self.by_device.get(device).copied());
                    let addressed = addresses.iter().filter_map(|a| a.strip_prefix("/memory/")?.parse().ok());
                    for peer in named.chain(addressed).collect::<BTreeSet<usize>>() {
                        self.schedule(1, node, Happening::LinkUp(peer));
                    }
                }
                Effect::GetSlots { slots, .. } => {
                    for peer in self.nodes[node].links.clone() {
                        let found = slots.iter().filter_map(|(account, kind, slot)| {
                            get_slot(self.read(peer), account, kind, slot).ok().flatten()
                        });
                        let records: Vec<_> = found.map(|(_, record)| record.signed_bytes().clone()).collect();
                        self.transmit(peer, node, || Delivery::Sync { records: records.clone(), done: None });
                    }
                }
                // The others have learned of a new identity when they are linked again.
                Effect::Identity(_) => self.relink(node),
                Effect::Reindex(sequence, _) => self.indexed(node, sequence),
                // Files are tested with real disks.
                Effect::FetchBlob { .. } | Effect::StopFetch(_) | Effect::DropBlob(_) => {}
                Effect::StopStamp(_)
                | Effect::Changed(_)
                | Effect::Notify(_)
                | Effect::Index(_)
                | Effect::Outcomes(..) => {}
            }
        }
    }

    /// The simulated index is never behind by more than a hundred commits.
    fn indexed(&mut self, node: usize, sequence: u64) {
        if sequence.is_multiple_of(100) {
            self.step(node, vec![Input::IndexedTo(sequence)]);
        }
    }

    fn send(&mut self, node: usize, to: DeviceId, records: &[(RecordId, Arc<[u8]>)]) {
        let Some(peer) = self.by_device.get(&to).copied() else { return };
        self.transmit(node, peer, || Delivery::Mail { from: node, records: records.to_vec() });
        // The sender gives up waiting after a while; an answer that came before makes this a word about nothing.
        let outcomes = records.iter().map(|(id, _)| (*id, Outcome::Undelivered)).collect();
        let timeout = Delivery::Answer { outcomes, from: peer };
        self.schedule(ANSWER_MS, node, Happening::Input(Box::new(timeout)));
    }

    fn spread(&mut self, node: usize, topic: &Topic, bytes: &Arc<[u8]>) -> usize {
        let followers = self.nodes[node].links.iter().copied();
        let followers: Vec<_> = followers.filter(|peer| self.nodes[*peer].topics.contains(topic)).collect();
        let sent =
            followers.iter().filter(|peer| self.transmit(node, **peer, || Delivery::Gossip { bytes: bytes.clone() }));
        sent.count()
    }

    /// Sends a question to a mailbox behind the engine's back: what a program other than ours might do.
    #[cfg(test)]
    pub(crate) fn ask_mailbox(&mut self, from: usize, to: usize, request: MailboxRequest) {
        self.transmit(from, to, || Delivery::Mailbox { from, number: 0, request: request.clone() });
    }

    /// Shuts a node down until [`World::start`].
    pub fn stop(&mut self, node: usize) {
        self.nodes[node].engine = None;
        for peer in self.nodes[node].links.clone() {
            self.unlink(node, peer);
        }
    }

    /// Starts a node that was shut down.
    pub fn start(&mut self, node: usize) {
        if self.nodes[node].engine.is_none() {
            self.restart(node);
        }
    }

    /// Shuts a node down for a while, as a laptop is closed.
    pub fn sleep(&mut self, node: usize, for_ms: u64) {
        if self.nodes[node].engine.is_some() {
            self.stop(node);
            self.schedule(for_ms, node, Happening::Restart);
        }
    }

    fn kill(&mut self, node: usize) {
        self.crashes += 1;
        self.stop(node);
        let pause = 1_000 + self.rng.below(10 * 60_000);
        self.schedule(pause, node, Happening::Restart);
    }

    fn restart(&mut self, node: usize) {
        if self.nodes[node].engine.is_some() {
            return;
        }
        let store = Arc::new(self.nodes[node].store.after_crash());
        self.nodes[node].store = Arc::clone(&store);
        let fresh = self.rng.seed();
        let store: Arc<dyn Store> = store;
        self.nodes[node].engine = Engine::open(store, FEATURES, &fresh).ok();
        self.boot(node);
    }

    /// Splits the world in two for a while: nothing crosses.
    pub fn split(&mut self, for_ms: u64) {
        for node in 0..self.nodes.len() {
            self.nodes[node].island = self.rng.below(2);
        }
        for a in 0..self.nodes.len() {
            for b in self.nodes[a].links.clone() {
                if self.nodes[a].island != self.nodes[b].island {
                    self.unlink(a, b);
                }
            }
        }
        self.schedule(for_ms, 0, Happening::Heal);
    }

    fn heal(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.island = 0);
    }

    /// A node's device.
    #[must_use]
    pub fn device(&self, node: usize) -> DeviceId {
        self.nodes[node].device
    }

    /// A node's account.
    #[must_use]
    pub fn account(&self, node: usize) -> Option<AccountId> {
        crate::engine::identity::account(self.read(node)).ok().flatten()
    }
}
