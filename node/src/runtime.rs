//! The shell around the pure engine: a thread that steps it, and tasks that carry network events in and effects out.
//!
//! ```text
//! net events ─┐                      ┌─► answers, outcomes, verdicts   (at once, on the engine's thread)
//! calls ──────┼─► jobs ─► engine ────┤
//! ticks ──────┘   (bounded)  thread  └─► effects ─► one task ─► network, browser events   (bounded)
//! ```
//! **Group commit:** when no commit runs, one starts at once with whatever is there; what arrives meanwhile is the next
//! group. No timer, so a lone chat message waits for nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLockWriteGuard},
    thread,
    time::Duration,
};

use hutong_protocol::{DeviceId, Topic, limits::VERIFY_BATCH_MAX};
use tokio::sync::mpsc;

use crate::{
    FEATURES,
    account::view::settings,
    blob::BlobStore,
    clock,
    engine::{self, Effect, Engine, Input, Outcome, Source, Token},
    handle::{Inner, JOBS_MAX, NodeConfig, NodeError, Parts, Presence},
    indexer,
    net::{
        self, GossipToken, MailOutcome, MailReply, MailboxReply, Multiaddr, NetConfig, NetEvent, NetHandle,
        SendOutcome, SyncAck,
    },
    search::SearchIndex,
    store::Store,
    transfer,
};

/// Effect lists waiting to be carried out. One list a commit, so this is far behind before the engine waits.
const EFFECTS_MAX: usize = 256;
/// How often time passes for the engine. Deadlines are minutes; a second is fine enough and costs nothing.
const TICK: Duration = Duration::from_secs(1);

/// Work for the engine, and whom to tell.
pub(crate) enum Job {
    Input(Box<Input>, Pending),
    Stop,
}

/// Who waits for what became of the records of a job.
pub(crate) enum Pending {
    Nobody,
    Gossip(GossipToken),
    Mail(DeviceId, MailReply),
    Mailbox(MailboxReply),
    /// The acknowledgement is dropped after the commit: then the peer sends on.
    Sync {
        from: DeviceId,
        _ack: SyncAck,
    },
}

impl From<Input> for Job {
    fn from(input: Input) -> Self {
        Self::Input(Box::new(input), Pending::Nobody)
    }
}

/// Opens the engine, starts the network and the threads.
pub(crate) async fn start(
    config: &NodeConfig,
    store: Arc<dyn Store>,
    blobs: Arc<BlobStore>,
) -> Result<Arc<Inner>, NodeError> {
    let fresh = random_seed()?;
    let engine = Engine::open(Arc::clone(&store), FEATURES, &fresh)?;
    let followed = engine.followed()?;
    let device_key = engine.device_key();
    let mut net_config = NetConfig::new((**device_key).clone());
    net_config.certificate = engine.certificate().cloned();
    net_config.listen.clone_from(&config.listen);
    net_config.mdns = match config.mdns {
        Some(mdns) => mdns,
        None => settings(&*store)?.mdns,
    };
    (net_config.upnp, net_config.relay) = (config.upnp, config.relay);
    net_config.seed = random_seed()?;
    let (net, events) = net::start(net_config, Arc::clone(&store), Arc::clone(&blobs)).await?;
    let (jobs, inbox) = mpsc::channel(JOBS_MAX);
    let (indexer, to_index) = mpsc::channel(indexer::WAITING_MAX);
    let search = Arc::new(SearchIndex::open(&config.data_dir.join("search"))?);
    let parts = Parts { store, device: device_key.id(), jobs, net, blobs, search, indexer };
    let inner = Arc::new(Inner::new(parts, &config.data_dir));
    let (effects, outbox) = mpsc::channel(EFFECTS_MAX);
    for topic in followed {
        inner.net.subscribe(topic).await?;
    }
    tokio::spawn(carry_out(Arc::clone(&inner), outbox));
    tokio::spawn(carry_in(Arc::clone(&inner), events));
    tokio::spawn(tick(inner.jobs.clone()));
    indexer::spawn(&inner, to_index)?;
    let shared = Arc::clone(&inner);
    let spawned = thread::Builder::new().name("hutong-engine".into()).spawn(move || {
        let why = run(engine, inbox, &effects, &shared.net);
        shared.stopped.send_replace(Some(why));
    });
    spawned.map_err(|error| NodeError::Stopped(format!("no thread for the engine: {error}")))?;
    Ok(inner)
}

fn random_seed() -> Result<[u8; 32], NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| NodeError::Stopped(format!("no randomness: {error}")))?;
    Ok(seed)
}

/// The engine's thread. Returns why it ended.
fn run(
    mut engine: Engine,
    mut inbox: mpsc::Receiver<Job>,
    effects: &mpsc::Sender<Vec<Effect>>,
    net: &NetHandle,
) -> String {
    let mut next_token = 0u64;
    while let Some(first) = inbox.blocking_recv() {
        let (mut inputs, mut waiting) = (Vec::new(), BTreeMap::new());
        let (mut records, mut job) = (0usize, Some(first));
        while let Some(current) = job {
            let Job::Input(mut input, pending) = current else { return "shut down".to_owned() };
            if let Input::Mailbox { token, .. } = &mut *input {
                next_token = next_token.wrapping_add(1);
                *token = Token(next_token);
                waiting.insert(*token, pending);
            } else if let Input::Records { token, records: batch, .. } | Input::Sealed { token, items: batch } =
                &mut *input
            {
                next_token = next_token.wrapping_add(1);
                *token = Some(Token(next_token));
                waiting.insert(Token(next_token), pending);
                records = records.saturating_add(batch.len());
            }
            inputs.push(*input);
            job = if records < VERIFY_BATCH_MAX && inputs.len() < VERIFY_BATCH_MAX {
                inbox.try_recv().ok()
            } else {
                None
            };
        }
        let result = random_seed().map_err(|error| error.to_string()).and_then(|seed| {
            let verdicts = &mut |token, _, verdict| give_verdict(net, &waiting, token, verdict);
            engine.step(inputs, clock::now(), &seed, verdicts).map_err(|error| error.to_string())
        });
        match result {
            Ok(list) => {
                let rest = answer(list, &mut waiting);
                if !rest.is_empty() && effects.blocking_send(rest).is_err() {
                    return "shut down".to_owned();
                }
            }
            Err(why) => {
                tracing::error!(%why, "the engine stops");
                return why;
            }
        }
    }
    "shut down".to_owned()
}

fn give_verdict(net: &NetHandle, waiting: &BTreeMap<Token, Pending>, token: Token, verdict: engine::Verdict) {
    match waiting.get(&token) {
        Some(Pending::Gossip(message)) => {
            let verdict = match verdict {
                engine::Verdict::Accept => net::Verdict::Accept,
                engine::Verdict::Ignore => net::Verdict::Ignore,
                engine::Verdict::Reject => net::Verdict::Reject,
            };
            net.verdict(message.clone(), verdict);
        }
        Some(Pending::Mail(from, _) | Pending::Sync { from, .. }) if verdict == engine::Verdict::Reject => {
            net.punish(*from, net::Fault::BadRecord);
        }
        _ => {}
    }
}

/// Tells those who wait, now that the commit is on disk; returns what is left to do.
fn answer(list: Vec<Effect>, waiting: &mut BTreeMap<Token, Pending>) -> Vec<Effect> {
    let mut rest = Vec::with_capacity(list.len());
    for effect in list {
        match effect {
            Effect::Answer(finish) => finish(Ok(())),
            Effect::Outcomes(token, outcomes) => {
                if let Some(Pending::Mail(_, reply)) = waiting.remove(&token) {
                    reply.answer(outcomes.into_iter().map(mail_outcome).collect());
                }
            }
            Effect::MailboxAnswer(token, answer) => {
                if let Some(Pending::Mailbox(reply)) = waiting.remove(&token) {
                    reply.answer(answer);
                }
            }
            other => rest.push(other),
        }
    }
    rest
}

const fn mail_outcome(outcome: Outcome) -> MailOutcome {
    match outcome {
        Outcome::Stored => MailOutcome::Stored,
        Outcome::Refused => MailOutcome::Refused,
        Outcome::Later | Outcome::Undelivered => MailOutcome::Later,
    }
}

async fn tick(jobs: mpsc::Sender<Job>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if jobs.send(Job::from(Input::Tick)).await.is_err() {
            return;
        }
    }
}

fn presence(inner: &Inner) -> RwLockWriteGuard<'_, Presence> {
    inner.presence.write().unwrap_or_else(PoisonError::into_inner)
}

/// Network events into jobs.
async fn carry_in(inner: Arc<Inner>, mut events: mpsc::Receiver<NetEvent>) {
    while let Some(event) = events.recv().await {
        for job in jobs_of(&inner, event) {
            if inner.jobs.send(job).await.is_err() {
                return;
            }
        }
    }
}

fn jobs_of(inner: &Inner, event: NetEvent) -> Vec<Job> {
    let shared = |records: Vec<Vec<u8>>| records.into_iter().map(Arc::from).collect();
    match event {
        NetEvent::PeerUp { device, certificate, addresses } => {
            presence(inner).devices.insert(device, certificate.as_ref().map(|certificate| certificate.account));
            let addresses = addresses.iter().map(ToString::to_string).collect();
            vec![Input::PeerUp { device, certificate, addresses }.into()]
        }
        NetEvent::PeerDown { device } => {
            presence(inner).devices.remove(&device);
            vec![Input::PeerDown(device).into()]
        }
        NetEvent::Gossip { token, bytes, .. } => {
            let input = Input::Records { source: Source::Gossip, records: vec![bytes], token: None };
            vec![Job::Input(Box::new(input), Pending::Gossip(token))]
        }
        NetEvent::Mail { from, records, reply } => {
            let input = Input::Sealed { items: shared(records), token: None };
            vec![Job::Input(Box::new(input), Pending::Mail(from, reply))]
        }
        NetEvent::Synced { from, topic, records, done, ack } => {
            let input = Input::Records { source: Source::Sync, records: shared(records), token: None };
            let mut jobs = vec![Job::Input(Box::new(input), Pending::Sync { from, _ack: ack })];
            jobs.extend(topic.filter(|_| done).map(|topic| Job::from(Input::Reconciled(topic))));
            jobs
        }
        NetEvent::Sent { to, ids, outcome } => {
            let outcomes = match outcome {
                SendOutcome::Answered(outcomes) => outcomes.into_iter().map(engine_outcome).collect(),
                SendOutcome::Busy | SendOutcome::Unreachable => vec![Outcome::Undelivered; ids.len()],
            };
            vec![Input::Sent { to, outcomes: ids.into_iter().zip(outcomes).collect() }.into()]
        }
        NetEvent::Mailbox { from, request, reply } => {
            let input = Input::Mailbox { from, request, token: Token(0) };
            vec![Job::Input(Box::new(input), Pending::Mailbox(reply))]
        }
        NetEvent::MailboxAnswer { from, number, answer } => vec![Input::MailboxAnswer { from, number, answer }.into()],
        NetEvent::Published { id, peers } => vec![Input::Published { id, peers }.into()],
        NetEvent::Listening { addr } => {
            let mut presence = presence(inner);
            let address = addr.to_string();
            if !presence.addresses.contains(&address) {
                presence.addresses.push(address);
            }
            vec![Input::Reachable(presence.addresses.clone()).into()]
        }
        NetEvent::Reachable { addresses } => {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            presence(inner).addresses.clone_from(&addresses);
            vec![Input::Reachable(addresses).into()]
        }
        NetEvent::BlobProgress { hash } => {
            // Nothing is written for it, so it takes the short way; no browser open: nobody needs to be told.
            inner.events.send(engine::Event::Attachment(hash)).ok();
            Vec::new()
        }
        NetEvent::DialFailed { device, reason } => {
            tracing::debug!(?device, reason, "a dial failed");
            Vec::new()
        }
    }
}

const fn engine_outcome(outcome: MailOutcome) -> Outcome {
    match outcome {
        MailOutcome::Stored | MailOutcome::Known => Outcome::Stored,
        MailOutcome::Refused => Outcome::Refused,
        MailOutcome::Later => Outcome::Later,
    }
}

/// Effects out to the network and the browsers.
async fn carry_out(inner: Arc<Inner>, mut lists: mpsc::Receiver<Vec<Effect>>) {
    while let Some(list) = lists.recv().await {
        let mut changed = BTreeSet::new();
        for effect in &list {
            if let Effect::Changed(topic) = effect {
                changed.insert(topic.clone());
            }
        }
        changed.iter().for_each(|topic: &Topic| inner.net.changed(topic));
        for effect in list {
            if carry_out_one(&inner, effect).await.is_err() {
                return;
            }
        }
    }
}

async fn carry_out_one(inner: &Arc<Inner>, effect: Effect) -> Result<(), net::NetError> {
    match effect {
        Effect::Publish { topic, id, bytes } => inner.net.publish(topic, id, bytes).await,
        Effect::Send { to, records } => inner.net.send(to, records).await,
        Effect::Mailbox { to, number, request } => inner.net.ask_mailbox(to, number, request).await,
        Effect::Stamp { to, work, bits, from } => {
            inner.stamps.begin(to, work, (bits, from), inner.jobs.clone());
            Ok(())
        }
        Effect::StopStamp(to) => {
            inner.stamps.stop(&to);
            Ok(())
        }
        Effect::Follow(topic) => inner.net.subscribe(topic).await,
        Effect::Unfollow(topic) => inner.net.unsubscribe(topic).await,
        Effect::Connect { account, devices, addresses } => {
            connect(&inner.net, devices, &addresses).await?;
            match account {
                Some(account) => inner.net.find_account(account).await,
                None => Ok(()),
            }
        }
        Effect::GetSlots { from, slots } => inner.net.get_slots(from, slots).await,
        Effect::FetchBlob { blob, sizes, private, from } => {
            let wanted = net::Wanted { hash: blob, from, private, sizes };
            tokio::spawn(transfer::fetch(Arc::clone(inner), wanted));
            Ok(())
        }
        Effect::StopFetch(blob) => {
            tokio::spawn(transfer::stop(Arc::clone(inner), blob));
            Ok(())
        }
        Effect::DropBlob(blob) => {
            tokio::spawn(transfer::drop_blob(Arc::clone(inner), blob));
            Ok(())
        }
        Effect::Identity(certificate) => inner.net.set_identity(certificate).await,
        Effect::Notify(event) => {
            match &event {
                engine::Event::Presence { account, online: true } => drop(presence(inner).here.insert(*account)),
                engine::Event::Presence { account, online: false } => drop(presence(inner).here.remove(account)),
                _ => {}
            }
            // No browser is open: nobody needs to be told.
            inner.events.send(event).ok();
            Ok(())
        }
        Effect::Reindex(sequence, touched) => {
            // Full: the indexer finds the rows in the store when it has caught up.
            inner.indexer.try_send((sequence, touched)).ok();
            Ok(())
        }
        Effect::Index(_)
        | Effect::Changed(_)
        | Effect::Answer(_)
        | Effect::Outcomes(..)
        | Effect::MailboxAnswer(..) => Ok(()),
    }
}

async fn connect(
    net: &NetHandle,
    devices: Vec<(DeviceId, Vec<String>)>,
    addresses: &[String],
) -> Result<(), net::NetError> {
    let parse = |texts: &[String]| texts.iter().filter_map(|text| text.parse::<Multiaddr>().ok()).collect::<Vec<_>>();
    for (device, known) in devices {
        net.dial(Some(device), parse(&known)).await?;
    }
    let addresses = parse(addresses);
    if addresses.is_empty() { Ok(()) } else { net.dial(None, addresses).await }
}
