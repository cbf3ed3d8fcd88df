//! A group's log: several nodes write entries side by side, honest or not. Whoever has the same entries sees the same
//! group, in whatever order they came, and there is at most one owner.
#![no_main]

use arbitrary::Arbitrary;
use hutong_protocol::{
    AccountId, AccountKey, GroupId, RecordId, Signature, TimestampMs,
    group::{Details, Door, GroupEntry, Log, LogEntry, Newcomer, NotTaken, Op, Role, Settings, State, ticket_proof},
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const PEOPLE: u8 = 6;
const NODES: u8 = 3;
const STEPS_MAX: usize = 40;

#[derive(Arbitrary, Debug)]
struct Input {
    private: bool,
    door_asks: bool,
    members_invite: bool,
    steps: Vec<Step>,
    order: u64,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Somebody writes at a node.
    Write { node: u8, author: u8, what: What, whom: u8, other: u8, number: u16, flag: bool, heads: Option<(u8, u8)> },
    /// One node hears all that another has.
    Hear { node: u8, from: u8 },
}

#[derive(Arbitrary, Debug)]
enum What {
    Found,
    Describe,
    Set,
    Ticket,
    Revoke,
    Admit,
    Add,
    Remove,
    Pardon,
    Role,
    Leave,
    Devices,
    Mute,
    Pin,
    Delete,
}

static KEYS: LazyLock<Vec<AccountKey>> =
    LazyLock::new(|| (0..PEOPLE + 2).map(|seed| AccountKey::from_seed(&[seed; 32])).collect());

fn account(seed: u8) -> AccountId {
    KEYS[usize::from(seed % PEOPLE)].id()
}

/// Tickets are the last two keys.
fn ticket(seed: u8) -> &'static AccountKey {
    &KEYS[usize::from(PEOPLE + seed % 2)]
}

fn newcomer(seed: u8) -> Newcomer {
    Newcomer { account: account(seed), name: format!("Person {seed}"), picture: None }
}

struct Scene {
    group: GroupId,
    settings: Settings,
    logs: Vec<Log>,
    made: Vec<Vec<LogEntry>>,
    all: Vec<LogEntry>,
}

impl Scene {
    fn op(&self, what: &What, author: u8, whom: u8, other: u8, number: u16, flag: bool) -> Op {
        let at = TimestampMs(u64::from(number));
        let message = RecordId([other; 32]);
        match what {
            What::Found => Op::Found {
                nonce: [if flag { 7 } else { other }; 16],
                details: Details { name: "Alley".into(), ..Details::default() },
                settings: self.settings.clone(),
                founder: newcomer(whom),
            },
            What::Describe => Op::Describe(Details { name: format!("Alley {other}"), ..Details::default() }),
            What::Set => Op::Set(Settings {
                door: if flag { Door::Ask } else { Door::Open },
                members_invite: other & 1 == 1,
                history: other & 2 == 2,
                slow_ms: u64::from(number),
                questions: Vec::new(),
            }),
            What::Ticket => {
                let account = flag.then(|| account(whom));
                Op::Ticket { ticket: ticket(other).id(), account, until: TimestampMs(u64::from(number) * 1_000) }
            }
            What::Revoke => Op::Revoke { ticket: ticket(other).id() },
            What::Admit => {
                let newcomer = newcomer(whom);
                let proof = ticket_proof(ticket(other), &self.group, &newcomer.account);
                let proof = if flag { proof } else { Signature([other; 64]) };
                Op::Admit { newcomer, ticket: ticket(other).id(), proof }
            }
            What::Add => Op::Add { newcomers: [whom, other].map(newcomer).to_vec() },
            What::Remove => {
                let account = if other == 0 { account(author) } else { account(whom) };
                Op::Remove { account, ban: flag, since: (number & 1 == 1).then_some(at) }
            }
            What::Pardon => Op::Pardon { account: account(whom) },
            What::Role => {
                let role = [Role::Member, Role::Admin, Role::Owner][usize::from(other % 3)];
                Op::Role { account: account(whom), role }
            }
            What::Leave => Op::Leave {},
            What::Devices => Op::Devices {},
            What::Mute => Op::Mute { account: account(whom), until: at },
            What::Pin => Op::Pin { message, at, pinned: flag },
            What::Delete => Op::Delete { message, at },
        }
    }

    fn put(&mut self, node: usize, entry: LogEntry) {
        let log = &mut self.logs[node];
        if log.take(entry.clone()).is_ok() {
            self.made[node].push(entry.clone());
            if !self.all.contains(&entry) {
                self.all.push(entry);
            }
        }
    }

    fn step(&mut self, number: usize, step: &Step) {
        match step {
            Step::Write { node, author, what, whom, other, number: at, flag, heads } => {
                let node = usize::from(node % NODES);
                let mut refs = self.logs[node].state().refs();
                // Somebody says that they had seen less, or something else.
                if let (Some((one, two)), false) = (heads, self.made[node].is_empty()) {
                    let made = &self.made[node];
                    refs = [one, two].map(|index| made[usize::from(*index) % made.len()].id).to_vec();
                    refs.dedup();
                }
                let op = self.op(what, *author, *whom, *other, *at, *flag);
                let at = TimestampMs(u64::from(*at));
                let id = RecordId::of(format!("{number} {author} {at:?} {refs:?} {op:?}").as_bytes());
                let entry = LogEntry { id, author: account(*author), at, refs, op };
                // What the node's own rules refuse never reaches the log.
                if (GroupEntry { op: entry.op.clone(), devices: Vec::new() }).validate(at).is_ok() {
                    self.put(node, entry);
                }
            }
            Step::Hear { node, from } => {
                let (node, from) = (usize::from(node % NODES), usize::from(from % NODES));
                for entry in self.made[from].clone() {
                    if !self.made[node].contains(&entry) {
                        let taken = self.logs[node].take(entry.clone());
                        assert!(taken.is_ok(), "what one node took in, another refuses: {taken:?} {entry:?}");
                        self.made[node].push(entry);
                    }
                }
            }
        }
    }
}

fn check(state: &State) {
    let owners: Vec<_> = state.members.iter().filter(|(_, member)| member.role == Role::Owner).collect();
    assert!(owners.len() <= 1, "{owners:?}");
    assert_eq!(state.owner(), owners.first().map(|(account, _)| **account));
    for account in state.members.keys() {
        assert!(!state.banned.contains_key(account), "a member who is banned");
        assert_eq!(state.right(account).role, state.role(account));
    }
    for account in state.spans.keys() {
        let open = state.right(account).spans.iter().filter(|span| span.to.is_none()).count();
        assert!(open <= 1, "in twice");
    }
}

/// Gives all entries to an empty log in another order, again and again until nothing is missing.
fn replayed(group: GroupId, all: &[LogEntry], mut seed: u64) -> Log {
    let (mut log, mut waiting) = (Log::new(group), all.to_vec());
    for index in (1..waiting.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        waiting.swap(index, (seed >> 33) as usize % (index + 1));
    }
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|entry| match log.take(entry.clone()) {
            Ok(()) => false,
            Err(NotTaken::Missing(_)) => true,
            Err(refused) => panic!("taken in before, refused now: {refused:?} {entry:?}"),
        });
        assert!(waiting.len() < before, "what was complete is not");
    }
    log
}

fuzz_target!(|input: Input| {
    let group = GroupId::derive(&account(0), &[7; 16], input.private);
    let door = if input.door_asks { Door::Ask } else { Door::Open };
    let settings = Settings { door, members_invite: input.members_invite, ..Settings::default() };
    let logs = vec![Log::new(group); usize::from(NODES)];
    let mut scene = Scene { group, settings, logs, made: vec![Vec::new(); usize::from(NODES)], all: Vec::new() };
    let found = scene.op(&What::Found, 0, 0, 0, 0, true);
    let at = TimestampMs(0);
    let found = LogEntry { id: RecordId([1; 32]), author: account(0), at, refs: Vec::new(), op: found };
    for node in 0..usize::from(NODES) {
        scene.put(node, found.clone());
    }
    assert_eq!(scene.all.len(), 1, "founded");
    for (number, step) in input.steps.iter().take(STEPS_MAX).enumerate() {
        scene.step(number, step);
    }
    for log in &scene.logs {
        check(&log.state());
    }
    let one = replayed(group, &scene.all, input.order);
    let state = one.state();
    check(&state);
    let other = replayed(group, &scene.all, !input.order);
    assert_eq!(state, other.state(), "the order in which they came matters");
    let mut reversed = scene.all.clone();
    reversed.reverse();
    assert_eq!(state, Log::load(group, reversed).state(), "loaded from the store it is another");
});
