//! What a large private group costs its founder, and how fast a member catches up; against vodozemac alone.

use std::{path::Path, sync::Arc};

use hutong_protocol::{
    AccountId, AccountKey, Certificate, DeviceId, DeviceKey, Draft, GroupId, Kind, RecordId, TimestampMs, Topic,
    account::{Device, PROFILE_SLOT, Profile},
    contact::ContactRequest,
};
use vodozemac::{
    megolm::{GroupSession, SessionConfig},
    olm,
};

use super::{Cost, cost_of};
use crate::{
    FEATURES, account, chat, contact,
    engine::{Answer, ChatId, CommandError, Cx, Effect, Engine, EngineError, Input, Source, Token},
    group::{self, act},
    seal::Seal,
    store::{Direction, KeyRange, MemoryStore, SledOptions, SledStore, Store, Txn, migrate},
};

const NOW: TimestampMs = TimestampMs(1_760_000_000_000);
/// Calls made in one step, so that a long history is written quickly.
const WRITTEN_AT_ONCE: usize = 128;

/// What a group of a given size costs.
#[derive(Clone, Copy, Debug)]
pub struct Founding {
    /// Members beside the founder, each with one device that is connected.
    pub members: usize,
    /// vodozemac alone: a Megolm session, its key encrypted with Olm for every member.
    pub bare: Cost,
    /// Founding, letting everybody in, and sealing the log for each of them.
    pub founding: Cost,
    /// The first message: a new key, sealed for each.
    pub first: Cost,
    /// A removal, and the next message, with a new key for everybody who is left.
    pub removal: Cost,
    /// Items that were sealed in all.
    pub items: usize,
}

/// What it costs to catch up.
#[derive(Clone, Copy, Debug)]
pub struct CatchUp {
    /// Messages.
    pub messages: usize,
    /// Both nodes together, with their stores on disk.
    pub cost: Cost,
}

/// What is sent: to which device, which record, sealed.
type Items = Vec<(DeviceId, RecordId, Arc<[u8]>)>;

struct Node {
    engine: Engine,
    store: Arc<dyn Store>,
    steps: u64,
}

impl Node {
    fn new(store: Arc<dyn Store>, seed: u8) -> Result<Self, EngineError> {
        let engine = Engine::open(Arc::clone(&store), FEATURES, &[seed; 32])?;
        let mut node = Self { engine, store, steps: u64::from(seed) << 32 };
        node.call(move |cx| account::create(cx, &[seed; 16], "Bench", None, "bench").map(drop))?;
        Ok(node)
    }

    fn step(&mut self, inputs: Vec<Input>) -> Result<Vec<Effect>, EngineError> {
        self.steps = self.steps.wrapping_add(1);
        let mut seed = [0; 32];
        for (to, from) in seed.iter_mut().zip(self.steps.to_be_bytes()) {
            *to = from;
        }
        self.engine.step(inputs, NOW, &seed, &mut |_, _, _| ())
    }

    fn call(
        &mut self,
        order: impl FnOnce(&mut Cx<'_>) -> Result<(), CommandError> + Send + 'static,
    ) -> Result<Items, EngineError> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let call = Box::new(move |cx: &mut Cx<'_>| {
            let result = order(cx);
            let answer = Answer { keep: result.is_ok(), finish: Box::new(|_| ()) };
            // The other end waits for it.
            tell.send(result.map_err(|error| error.to_string())).unwrap_or_default();
            answer
        });
        let effects = self.step(vec![Input::Call(call)])?;
        match told.recv() {
            Ok(Ok(())) => Ok(sent(effects)),
            Ok(Err(error)) => Err(EngineError::Damaged(error)),
            Err(_) => Err(EngineError::Damaged("a call that was not run".into())),
        }
    }

    fn account(&self) -> AccountId {
        self.engine.certificate().map_or(AccountId([0; 32]), |certificate| certificate.account)
    }

    fn device(&self) -> DeviceId {
        self.engine.device_key().id()
    }

    fn greet(&mut self, device: DeviceId, certificate: Certificate) -> Result<Vec<Effect>, EngineError> {
        let addresses = vec!["/memory/1".to_owned()];
        self.step(vec![Input::PeerUp { device, certificate: Some(certificate), addresses }])
    }
}

fn sent(effects: Vec<Effect>) -> Items {
    let sends = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send { to, records } => Some((to, records)),
        _ => None,
    });
    sends.flat_map(|(to, records)| records.into_iter().map(move |(id, bytes)| (to, id, bytes))).collect()
}

fn seed_of(number: usize, what: &str) -> [u8; 32] {
    blake3::derive_key("hutong bench group member", format!("{what} {number}").as_bytes())
}

/// Somebody who is no more than signed records and keys.
struct Stranger {
    device: DeviceKey,
    certificate: Certificate,
    seal: Seal,
}

impl Stranger {
    fn new(number: usize) -> Result<Self, EngineError> {
        let device = DeviceKey::from_seed(&seed_of(number, "device"));
        let account = AccountKey::from_seed(&seed_of(number, "account"));
        let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
        let store = MemoryStore::new();
        let mut txn = Txn::new(&store);
        let seal = Seal::load(&mut txn, &device.to_seed())?;
        Ok(Self { device, certificate, seal })
    }

    fn sign(&self, draft: Draft) -> Result<Arc<[u8]>, EngineError> {
        Ok(draft.sign(&self.device, &self.certificate, NOW)?.into())
    }

    /// Becomes a contact of the node, connected.
    fn befriend(&self, node: &mut Node) -> Result<(), EngineError> {
        let me = self.certificate.account;
        node.call(move |cx| Ok(cx.follow(&Topic::Profile(me)).map(drop)?))?;
        let profile = Profile { name: "王小美".into(), ..Profile::default() };
        let device =
            Device { name: "bench".into(), seal: Some(self.seal.public()?), mailbox: false, strangers: Vec::new() };
        let topic = || Topic::Profile(me);
        let records = vec![
            self.sign(Draft::new(topic(), Kind::Profile, &profile)?.in_slot(PROFILE_SLOT, 1))?,
            self.sign(Draft::new(topic(), Kind::Device, &device)?.in_slot(self.device.id().to_string(), 1))?,
        ];
        node.step(vec![Input::Records { source: Source::Sync, records, token: None }])?;
        let to = node.account();
        let request = ContactRequest {
            to,
            profile,
            text: String::new(),
            addresses: Vec::new(),
            mailboxes: Vec::new(),
            stamp: None,
            tags: Vec::new(),
        };
        let request = self.sign(Draft::new(Topic::direct(&me, &to), Kind::ContactRequest, &request)?)?;
        node.step(vec![Input::Records { source: Source::Mail, records: vec![request], token: None }])?;
        node.call(move |cx| contact::accept(cx, me))?;
        node.greet(self.device.id(), self.certificate.clone())?;
        Ok(())
    }
}

/// Measures a group of `members` and its founder, on a store in memory: the work, not the disk.
///
/// # Errors
/// [`EngineError::Damaged`] if something did not go as it should.
pub fn found(members: usize) -> Result<Founding, EngineError> {
    let mut founder = Node::new(Arc::new(MemoryStore::new()), 1)?;
    // Strangers' requests cost nothing here: what is measured is the group.
    founder.call(|cx| account::update_profile(cx, None, None, None, Some(0)))?;
    let others = (0..members).map(Stranger::new).collect::<Result<Vec<_>, _>>()?;
    others.iter().try_for_each(|other| other.befriend(&mut founder))?;
    let accounts: Vec<_> = others.iter().map(|other| other.certificate.account).collect();
    let bare = cost_of(|| alone(&others)).1;
    let (items, founding) = cost_of(|| create(&mut founder, accounts.clone()));
    let (group, mut count) = items?;
    let say = |founder: &mut Node| -> Result<usize, EngineError> {
        let chat = ChatId::Group(group);
        let sent =
            founder.call(move |cx| chat::send(cx, chat, chat::content("今天晚上吃什么？", None, None)?).map(drop))?;
        Ok(sent.len())
    };
    let (first_items, first) = cost_of(|| say(&mut founder));
    let gone = accounts.first().copied().unwrap_or(AccountId([0; 32]));
    let (removal_items, removal) = cost_of(|| -> Result<usize, EngineError> {
        let removed = founder.call(move |cx| act::remove(cx, group, gone, false, None))?.len();
        Ok(removed.saturating_add(say(&mut founder)?))
    });
    for more in [first_items?, removal_items?] {
        count = count.saturating_add(more);
    }
    Ok(Founding { members, bare, founding, first, removal, items: count })
}

fn create(founder: &mut Node, accounts: Vec<AccountId>) -> Result<(GroupId, usize), EngineError> {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let items = founder.call(move |cx| {
        let group = group::create(cx, group::New::private("Alley"))?;
        act::add(cx, group, &accounts)?;
        tell.send(group).map_err(|_| CommandError::NotFound("who asked"))
    })?;
    let group = told.recv().map_err(|_| EngineError::Damaged("a group that was not founded".into()))?;
    Ok((group, items.len()))
}

/// What vodozemac itself needs to hand a sender key to everybody.
fn alone(others: &[Stranger]) -> usize {
    let (me, key) = (olm::Account::new(), GroupSession::new(SessionConfig::version_1()).session_key().to_bytes());
    let sealed = others.iter().filter_map(|other| {
        let keys = other.seal.public().ok()?;
        let config = olm::SessionConfig::version_1();
        let mut session = me.create_outbound_session(config, keys.identity.into(), keys.fallback.into()).ok()?;
        session.encrypt(&key).ok()
    });
    std::hint::black_box(sealed.count())
}

/// Two members of a private group, with their stores in `directory`; one was away while the other wrote `messages`.
///
/// # Errors
/// The store's, or [`EngineError::Damaged`] if not everything arrived.
pub fn catch_up(directory: &Path, messages: usize) -> Result<CatchUp, EngineError> {
    let open = |name: &str| -> Result<Arc<dyn Store>, EngineError> {
        let store: Arc<dyn Store> = Arc::new(SledStore::open(&directory.join(name), SledOptions::default())?);
        migrate(&*store)?;
        Ok(store)
    };
    let (mut mei, mut tom) = (Node::new(open("mei")?, 1)?, Node::new(open("tom")?, 2)?);
    acquaint(&mut mei, &mut tom)?;
    let account = tom.account();
    let (group, _) = create(&mut mei, vec![account])?;
    meet(&mut mei, &mut tom)?;
    let device = tom.device();
    mei.step(vec![Input::PeerDown(device)])?;
    let mut left = messages;
    while left > 0 {
        let count = left.min(WRITTEN_AT_ONCE);
        mei.call(move |cx| {
            for number in 0..count {
                let text = format!("今天的草莓真新鲜！Shall we order together? {number}");
                chat::send(cx, ChatId::Group(group), chat::content(&text, None, None)?)?;
            }
            Ok(())
        })?;
        left = left.saturating_sub(count);
    }
    let (done, cost) = cost_of(|| meet(&mut mei, &mut tom));
    done?;
    let (here, _) = chat::view::page(&*tom.store, &ChatId::Group(group), None, messages.saturating_add(1))?;
    if here.len() == messages {
        Ok(CatchUp { messages, cost })
    } else {
        Err(EngineError::Damaged(format!("only {} of {messages} messages arrived", here.len())))
    }
}

/// Makes the two contacts: each learns the other's records and accepts.
fn acquaint(mei: &mut Node, tom: &mut Node) -> Result<(), EngineError> {
    for node in [&mut *mei, &mut *tom] {
        node.call(|cx| account::update_profile(cx, None, None, None, Some(0)))?;
    }
    introduce(mei, tom)?;
    introduce(tom, mei)?;
    let (m, t) = (mei.account(), tom.account());
    mei.call(move |cx| contact::add(cx, t, Vec::new(), ""))?;
    tom.call(move |cx| contact::add(cx, m, Vec::new(), ""))?;
    meet(mei, tom)
}

/// Gives a node what another publishes of itself.
fn introduce(whom: &Node, to: &mut Node) -> Result<(), EngineError> {
    let topic = Topic::Profile(whom.account());
    let rows = crate::engine::keys::set(&topic);
    to.call(move |cx| Ok(cx.follow(&topic).map(drop)?))?;
    let records = whom.store.collect(KeyRange::prefix(&rows), Direction::Ascending, usize::MAX)?;
    let records = records.into_iter().map(|(_, bytes)| bytes).collect();
    to.step(vec![Input::Records { source: Source::Sync, records, token: None }])?;
    Ok(())
}

/// Connects two nodes and carries what they send until both are quiet.
fn meet(mei: &mut Node, tom: &mut Node) -> Result<(), EngineError> {
    let damaged = || EngineError::Damaged("a node without an account".into());
    let certificates = (mei.engine.certificate().cloned(), tom.engine.certificate().cloned());
    let (theirs, ours) = (certificates.0.ok_or_else(damaged)?, certificates.1.ok_or_else(damaged)?);
    let (mei_device, tom_device) = (mei.device(), tom.device());
    let mut to_tom = sent(mei.greet(tom_device, ours)?);
    let mut to_mei = sent(tom.greet(mei_device, theirs)?);
    while !to_tom.is_empty() || !to_mei.is_empty() {
        let (back, on) = deliver(std::mem::take(&mut to_tom), mei, tom)?;
        to_mei.extend(back);
        to_tom.extend(on);
        let (back, on) = deliver(std::mem::take(&mut to_mei), tom, mei)?;
        to_tom.extend(back);
        to_mei.extend(on);
    }
    Ok(())
}

fn deliver(items: Items, from: &mut Node, to: &mut Node) -> Result<(Items, Items), EngineError> {
    let here = to.device();
    let (ids, items): (Vec<_>, Vec<_>) =
        items.into_iter().filter(|(device, ..)| *device == here).map(|(_, id, item)| (id, item)).unzip();
    if items.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut outcomes = Vec::new();
    let mut effects = to.step(vec![Input::Sealed { items, token: Some(Token(1)) }])?;
    effects.retain(|effect| match effect {
        Effect::Outcomes(_, all) => {
            outcomes.clone_from(all);
            false
        }
        _ => true,
    });
    let outcomes = ids.into_iter().zip(outcomes).collect();
    let on = from.step(vec![Input::Sent { to: here, outcomes }])?;
    Ok((sent(effects), sent(on)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn founding_measures_what_it_says() {
        let report = super::found(6).unwrap();
        // Of the log two entries and the welcome for each, twice a message, a removal.
        assert!(report.items >= 6 * 5, "{report:?}");
        assert!(report.bare.wall_us > 0 && report.founding.wall_us > 0 && report.removal.wall_us > 0);
    }

    #[test]
    fn catching_up_measures_what_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let report = super::catch_up(directory.path(), 300).unwrap();
        assert!(report.messages == 300 && report.cost.wall_us > 0);
    }
}
