//! The log: who may do what, what concurrent entries amount to, and that the order in which they come does not matter.

use proptest::prelude::*;

use super::{Details, Door, Log, LogEntry, Newcomer, NotTaken, Op, Refused, Role, Settings, State, ticket_proof};
use crate::{
    AccountKey, TimestampMs,
    ids::{AccountId, GroupId, RecordId},
};

fn account(seed: u8) -> AccountId {
    AccountKey::from_seed(&[seed; 32]).id()
}

fn newcomer(seed: u8) -> Newcomer {
    Newcomer { account: account(seed), name: format!("Person {seed}"), picture: None }
}

fn group() -> GroupId {
    GroupId::derive(&account(0), &[7; 16], true)
}

/// One node's view of the group, and the entries it makes.
#[derive(Clone)]
struct Node {
    log: Log,
    clock: u64,
    made: Vec<LogEntry>,
}

impl Node {
    fn entry(&mut self, author: u8, op: Op) -> LogEntry {
        self.clock += 1_000;
        let refs = self.log.state().refs();
        let at = TimestampMs(self.clock);
        let id = RecordId::of(format!("{author} {at:?} {refs:?} {op:?}").as_bytes());
        LogEntry { id, author: account(author), at, refs, op }
    }

    fn put(&mut self, author: u8, op: Op) -> Result<LogEntry, NotTaken> {
        let entry = self.entry(author, op);
        self.log.take(entry.clone())?;
        self.made.push(entry.clone());
        Ok(entry)
    }

    fn state(&self) -> State {
        self.log.state()
    }

    fn has(&self, seed: u8) -> bool {
        self.state().members.contains_key(&account(seed))
    }

    /// Takes what another made; what it has already is no harm.
    fn hear(&mut self, other: &Self) {
        for entry in &other.made {
            self.log.take(entry.clone()).unwrap();
            self.made.push(entry.clone());
            self.clock = self.clock.max(entry.at.0);
        }
    }
}

/// Founded by 0, with the members 1 to 5; 1 and then 2 are admins.
fn founded() -> Node {
    let mut node = Node { log: Log::new(group()), clock: 1_000_000, made: Vec::new() };
    let details = Details { name: "Alley".into(), ..Details::default() };
    let found = Op::Found { nonce: [7; 16], details, settings: Settings::default(), founder: newcomer(0) };
    node.put(0, found).unwrap();
    node.put(0, Op::Add { newcomers: (1..6).map(newcomer).collect() }).unwrap();
    node.put(0, Op::Role { account: account(1), role: Role::Admin }).unwrap();
    node.put(0, Op::Role { account: account(2), role: Role::Admin }).unwrap();
    node
}

fn remove(seed: u8) -> Op {
    Op::Remove { account: account(seed), ban: false, since: None }
}

fn refused(result: Result<LogEntry, NotTaken>) -> Refused {
    match result.unwrap_err() {
        NotTaken::Refused(refused) => refused,
        NotTaken::Missing(ids) => panic!("missing {ids:?}"),
    }
}

/// Two nodes that have seen the same until now.
fn two() -> (Node, Node) {
    let mut one = founded();
    one.made.clear();
    let two = one.clone();
    (one, two)
}

fn meet(one: &mut Node, two: &mut Node) {
    let (a, b) = (one.clone(), two.clone());
    one.hear(&b);
    two.hear(&a);
    assert_eq!(one.state(), two.state());
}

#[test]
fn everybody_does_what_their_role_allows_and_nothing_more() {
    let mut node = founded();
    assert_eq!(node.state().owner(), Some(account(0)));
    assert_eq!(refused(node.put(3, remove(4))), Refused::NotAllowed);
    assert_eq!(refused(node.put(9, remove(4))), Refused::NotMember);
    assert_eq!(refused(node.put(1, Op::Role { account: account(3), role: Role::Admin })), Refused::NotAllowed);
    assert_eq!(refused(node.put(2, remove(1))), Refused::NotAbove, "the younger admin does not remove the older");
    assert_eq!(refused(node.put(1, remove(0))), Refused::NotAbove);
    assert_eq!(refused(node.put(1, remove(9))), Refused::Nobody);
    assert_eq!(refused(node.put(3, Op::Add { newcomers: vec![newcomer(9)] })), Refused::NotAllowed);
    node.put(1, Op::Set(Settings { members_invite: true, ..Settings::default() })).unwrap();
    node.put(3, Op::Add { newcomers: vec![newcomer(9)] }).unwrap();
    node.put(1, remove(2)).unwrap();
    node.put(1, Op::Remove { account: account(9), ban: true, since: None }).unwrap();
    assert_eq!(refused(node.put(3, Op::Add { newcomers: vec![newcomer(9)] })), Refused::Banned);
    node.put(0, Op::Pardon { account: account(9) }).unwrap();
    node.put(3, Op::Add { newcomers: vec![newcomer(9)] }).unwrap();
    assert!(node.has(9) && !node.has(2));
    let found =
        Op::Found { nonce: [7; 16], details: Details::default(), settings: Settings::default(), founder: newcomer(0) };
    assert_eq!(refused(node.put(0, found)), Refused::Founding);
}

#[test]
fn a_forged_log_is_refused() {
    // Founded by somebody whose id does not give the group's.
    let mut node = Node { log: Log::new(group()), clock: 1, made: Vec::new() };
    for (author, founder, nonce) in [(1, 1, [7; 16]), (0, 1, [7; 16]), (0, 0, [8; 16])] {
        let (details, settings) = (Details::default(), Settings::default());
        let op = Op::Found { nonce, details, settings, founder: newcomer(founder) };
        assert_eq!(refused(node.put(author, op)), Refused::Founding);
    }
    // Something that refers to nothing, or to what nobody has.
    let mut node = founded();
    let mut entry = node.entry(0, remove(3));
    entry.refs.clear();
    assert_eq!(node.log.take(entry.clone()), Err(NotTaken::Refused(Refused::Founding)));
    entry.refs = vec![RecordId([9; 32])];
    assert_eq!(node.log.take(entry), Err(NotTaken::Missing(vec![RecordId([9; 32])])));
}

#[test]
fn of_two_admins_who_remove_each_other_the_elder_stays_everywhere() {
    let (mut one, mut two) = two();
    one.put(1, remove(2)).unwrap();
    // The younger may not remove the elder, so 2 is made owner's equal only by seniority: refused at once.
    assert_eq!(refused(two.put(2, remove(1))), Refused::NotAbove);
    // The owner hands over to 2, and before 1 has heard of it they remove each other.
    two.put(0, Op::Role { account: account(2), role: Role::Owner }).unwrap();
    two.put(2, remove(1)).unwrap();
    meet(&mut one, &mut two);
    assert!(one.has(2) && !one.has(1), "the owner's word stands above an admin's");
}

#[test]
fn who_was_removed_does_not_save_himself_by_what_he_did_beside_it() {
    let (mut one, mut two) = two();
    one.put(0, remove(1)).unwrap();
    // Dated back, or just not having heard: 1 lets in a friend, removes others, and makes a ticket.
    two.put(1, Op::Add { newcomers: vec![newcomer(20)] }).unwrap();
    two.put(1, remove(3)).unwrap();
    two.put(1, remove(2)).unwrap();
    meet(&mut one, &mut two);
    assert!(one.has(3) && one.has(2) && !one.has(20) && !one.has(1));
    // What others do later goes on from there.
    one.put(2, remove(4)).unwrap();
    assert!(!one.has(4));
}

#[test]
fn who_was_removed_is_not_brought_back_by_somebody_who_had_not_heard() {
    let (mut one, mut two) = two();
    one.put(1, remove(3)).unwrap();
    two.put(2, Op::Add { newcomers: vec![newcomer(3), newcomer(8)] }).unwrap();
    meet(&mut one, &mut two);
    assert!(!one.has(3) && one.has(8));
    one.put(2, Op::Add { newcomers: vec![newcomer(3)] }).unwrap();
    assert!(one.has(3), "knowingly, they are");
}

#[test]
fn a_ticket_lets_in_until_it_is_revoked() {
    let secret = AccountKey::from_seed(&[99; 32]);
    let until = TimestampMs(u64::MAX);
    let admit = |seed: u8, proof_for: u8| Op::Admit {
        newcomer: newcomer(seed),
        ticket: secret.id(),
        proof: ticket_proof(&secret, &group(), &account(proof_for)),
    };
    let mut node = founded();
    assert_eq!(refused(node.put(3, admit(10, 10))), Refused::Ticket);
    node.put(1, Op::Ticket { ticket: secret.id(), account: None, until }).unwrap();
    assert_eq!(refused(node.put(3, admit(10, 11))), Refused::Ticket, "another's proof");
    node.put(3, admit(10, 10)).unwrap();
    node.made.clear();
    let mut other = node.clone();
    node.put(2, Op::Revoke { ticket: secret.id() }).unwrap();
    other.put(3, admit(11, 11)).unwrap();
    meet(&mut node, &mut other);
    assert!(node.has(10) && !node.has(11), "beside the revocation nobody came in");
    assert_eq!(refused(node.put(3, admit(12, 12))), Refused::Ticket);
    // For one account alone, and not for ever.
    let (account, until) = (Some(account(30)), TimestampMs(node.clock + 5_000));
    node.put(1, Op::Ticket { ticket: secret.id(), account, until }).unwrap();
    assert_eq!(refused(node.put(3, admit(12, 12))), Refused::Ticket);
    node.clock += 10_000;
    assert_eq!(refused(node.put(3, admit(30, 30))), Refused::Ticket);
}

#[test]
fn an_owner_who_leaves_is_followed_by_the_eldest_admin() {
    let mut node = founded();
    node.put(0, Op::Leave {}).unwrap();
    assert_eq!(node.state().owner(), Some(account(1)));
    node.put(1, Op::Leave {}).unwrap();
    node.put(2, Op::Leave {}).unwrap();
    assert!(node.state().owner().is_some());
}

#[test]
fn what_was_said_counts_while_its_author_was_in() {
    let mut node = founded();
    let before = TimestampMs(node.clock + 1);
    let out = node.put(1, remove(3)).unwrap().at;
    let says = |node: &Node, at: TimestampMs| node.state().right(&account(3)).may_say(&node.state().rule(&group()), at);
    assert!(says(&node, before) && !says(&node, out));
    let again = node.put(1, Op::Add { newcomers: vec![newcomer(3)] }).unwrap().at;
    assert!(says(&node, before) && !says(&node, out) && says(&node, again));
    let muted = node.put(1, Op::Mute { account: account(3), until: TimestampMs(node.clock + 50_000) }).unwrap().at;
    assert!(!says(&node, muted) && says(&node, muted.plus_ms(60_000)));
    let since = Some(before);
    node.put(1, Op::Remove { account: account(3), ban: true, since }).unwrap();
    assert!(!says(&node, before) && says(&node, TimestampMs(before.0 - 1)) && !says(&node, muted.plus_ms(60_000)));
}

#[test]
fn a_public_group_is_open_until_it_asks() {
    let group = GroupId::derive(&account(0), &[7; 16], false);
    let mut state = State::default();
    let put = |state: &mut State, author: u8, op: Op, at: u64| {
        let (refs, id) = (state.refs(), RecordId::of(format!("{op:?}{at}").as_bytes()));
        let entry = LogEntry { id, author: account(author), at: TimestampMs(at), refs, op };
        assert!(state.is_followed_by(&entry));
        state.apply(&group, &entry, state.depth + 1)
    };
    let (details, settings) = (Details::default(), Settings::default());
    put(&mut state, 0, Op::Found { nonce: [7; 16], details, settings, founder: newcomer(0) }, 10).unwrap();
    let says =
        |state: &State, seed: u8, at: u64| state.right(&account(seed)).may_say(&state.rule(&group), TimestampMs(at));
    assert!(says(&state, 5, 11));
    put(&mut state, 0, Op::Remove { account: account(5), ban: true, since: None }, 20).unwrap();
    assert!(says(&state, 5, 19) && !says(&state, 5, 20));
    put(&mut state, 0, Op::Set(Settings { door: Door::Ask, ..Settings::default() }), 30).unwrap();
    assert!(says(&state, 6, 29) && !says(&state, 6, 30));
    put(&mut state, 0, Op::Add { newcomers: vec![newcomer(6)] }, 40).unwrap();
    assert!(says(&state, 6, 40) && says(&state, 0, 50));
    put(&mut state, 0, Op::Role { account: account(7), role: Role::Admin }, 50).unwrap();
    assert!(says(&state, 7, 51));
}

/// What one of the nodes does next.
fn deed() -> impl Strategy<Value = (u8, u8, u8, u8, u8)> {
    (0u8..4, 0u8..8, 0u8..10, 0u8..8, 0u8..4)
}

fn op_of(kind: u8, whom: u8, state: &State) -> Op {
    let account = account(whom);
    match kind {
        0 => Op::Add { newcomers: vec![newcomer(whom), newcomer(whom.wrapping_add(1) % 12)] },
        1 | 2 => remove(whom),
        3 => Op::Role { account, role: Role::Admin },
        4 => Op::Role {
            account,
            role: if state.role(&account) == Some(Role::Admin) { Role::Member } else { Role::Owner },
        },
        5 => Op::Leave {},
        6 => Op::Remove { account, ban: true, since: None },
        7 => Op::Pin { message: RecordId([whom; 32]), at: TimestampMs(1), pinned: true },
        8 => Op::Pardon { account },
        _ => Op::Set(Settings { members_invite: whom.is_multiple_of(2), ..Settings::default() }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Four nodes act and hear of each other now and then. In the end all have all entries, in whatever order they came,
    /// and see the same; and what is applied step by step is what the whole log says.
    #[test]
    fn the_order_in_which_entries_come_does_not_matter(
        deeds in prop::collection::vec(deed(), 1..40),
        order in any::<u64>(),
    ) {
        let mut first = founded();
        first.clock += 1;
        let base = first.made.clone();
        let mut nodes = vec![first; 4];
        let mut all: Vec<LogEntry> = base;
        for (node, who, kind, whom, hears) in deeds {
            let index = usize::from(node);
            // Hears, or not, all that is needed to take what another has.
            if hears != node {
                for entry in all.clone() {
                    // What it lacks the causes of, it does not hear.
                    nodes[index].log.take(entry).unwrap_or_default();
                }
            }
            let state = nodes[index].state();
            let entry = nodes[index].entry(who, op_of(kind, whom, &state));
            let mut stepwise = state.clone();
            let applied = stepwise.apply(&group(), &entry, state.depth + 1);
            let taken = nodes[index].log.take(entry.clone());
            if state.heads.len() <= 8 {
                prop_assert_eq!(applied.is_ok(), taken.is_ok(), "{:?} {:?}", applied, taken);
            }
            if taken.is_ok() {
                if state.heads.len() <= 8 {
                    prop_assert_eq!(&stepwise, &nodes[index].state());
                }
                all.push(entry);
            }
        }
        let mut shuffled = all.clone();
        shuffled.sort_by_key(|entry| blake3::hash(&[&entry.id.0[..], &order.to_be_bytes()].concat()).to_hex());
        let mut log = Log::new(group());
        while !shuffled.is_empty() {
            let before = shuffled.len();
            shuffled.retain(|entry| log.take(entry.clone()).is_err());
            prop_assert!(shuffled.len() < before, "everything that one node took, another takes");
        }
        for entry in &all {
            // Its own are there already.
            nodes[0].log.take(entry.clone()).unwrap_or_default();
        }
        prop_assert_eq!(log.state(), nodes[0].state());
        prop_assert_eq!(Log::load(group(), all.clone()).state(), log.state());
        prop_assert!(log.state().members.values().filter(|member| member.role == Role::Owner).count() <= 1);
    }
}
