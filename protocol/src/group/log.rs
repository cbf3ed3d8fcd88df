//! The log of a group, put together: every node that has the same entries sees the same group, in whatever order they
//! came.
//!
//! 1. An entry belongs to the log if all it refers to does, and its author was allowed it by what that alone says. So
//!    whether an entry belongs here does not depend on what else is here.
//! 2. Entries take effect in the order of their depth (the longest way back to the founding), then of their ids.
//! 3. What takes somebody's right away (a removal, a lower role, a revoked ticket) also undoes what they did *beside*
//!    it, without either having seen the other: nobody saves himself with an entry dated back. Where such entries
//!    undo each other, that of the higher in rank holds: the owner, then the admins in the order in which they were
//!    made. So of two admins who remove each other the younger is out, everywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    entry::{Op, Role},
    state::{Place, Refused, Standing, State},
};
use crate::{
    ids::{AccountId, GroupId, RecordId},
    time::TimestampMs,
};

/// One entry, as far as the log is concerned.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogEntry {
    /// The record's id.
    pub id: RecordId,
    /// Its author.
    pub author: AccountId,
    /// Its time, as its author claims.
    pub at: TimestampMs,
    /// What its author had seen last.
    pub refs: Vec<RecordId>,
    /// What is to hold.
    pub op: Op,
}

/// Why an entry is not taken into a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// What it refers to is not here (yet).
    #[error("{} entries that it refers to are missing", .0.len())]
    Missing(Vec<RecordId>),
    /// Its author was not allowed it by all that they had seen.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// The entries of one group.
#[derive(Clone, Debug)]
pub struct Log {
    group: GroupId,
    nodes: BTreeMap<RecordId, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    entry: LogEntry,
    depth: u32,
}

impl Log {
    /// Of a group, with nothing in it.
    #[must_use]
    pub const fn new(group: GroupId) -> Self {
        Self { group, nodes: BTreeMap::new() }
    }

    /// Entries that were taken in before, in whatever order: they are not judged again.
    #[must_use]
    pub fn load(group: GroupId, entries: impl IntoIterator<Item = LogEntry>) -> Self {
        let mut log = Self::new(group);
        let mut waiting: Vec<_> = entries.into_iter().collect();
        waiting.sort_by_key(|entry| (entry.at, entry.id));
        // Nearly always one pass: what refers to another is later.
        while !waiting.is_empty() {
            let before = waiting.len();
            for entry in std::mem::take(&mut waiting) {
                match log.depth_of(&entry) {
                    Ok(depth) => log.put(entry, depth),
                    Err(_) => waiting.push(entry),
                }
            }
            if waiting.len() == before {
                break;
            }
        }
        log
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn put(&mut self, entry: LogEntry, depth: u32) {
        self.nodes.insert(entry.id, Node { entry, depth });
    }

    fn depth_of(&self, entry: &LogEntry) -> Result<u32, Vec<RecordId>> {
        let missing: Vec<_> = entry.refs.iter().filter(|id| !self.nodes.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let deepest = entry.refs.iter().filter_map(|id| self.nodes.get(id)).map(|node| node.depth).max();
        Ok(deepest.map_or(0, |depth| depth.saturating_add(1)))
    }

    /// Takes an entry in, if it belongs here.
    ///
    /// # Errors
    /// [`NotTaken`]: why not.
    pub fn take(&mut self, entry: LogEntry) -> Result<(), NotTaken> {
        let depth = self.depth_of(&entry).map_err(NotTaken::Missing)?;
        let seen = self.behind(&entry.refs);
        let mut state = self.fold(&|id| seen.contains(id));
        state.apply(&self.group, &entry, depth)?;
        self.put(entry, depth);
        Ok(())
    }

    /// What all entries say together.
    #[must_use]
    pub fn state(&self) -> State {
        self.fold(&|_| true)
    }

    /// These entries and all they refer to.
    fn behind(&self, from: &[RecordId]) -> BTreeSet<RecordId> {
        let (mut seen, mut todo) = (BTreeSet::new(), from.to_vec());
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(self.nodes.get(&id).into_iter().flat_map(|node| node.entry.refs.iter().copied()));
            }
        }
        seen
    }

    /// Folds those entries that `wanted` names; they must come with all they refer to.
    fn fold(&self, wanted: &dyn Fn(&RecordId) -> bool) -> State {
        let mut order: Vec<&Node> = self.nodes.values().filter(|node| wanted(&node.entry.id)).collect();
        order.sort_by_key(|node| (node.depth, node.entry.id));
        let (mut void, mut settled) = (Void::new(), BTreeSet::new());
        loop {
            let (state, takings) = self.run(&order, &void);
            let next = takings
                .into_iter()
                .filter(|taking| !settled.contains(&taking.id))
                .map(|taking| (self.undone_by(&taking, &order, &void), taking))
                .filter(|(undone, _)| !undone.is_empty())
                .max_by_key(|(_, taking)| (taking.by, std::cmp::Reverse(taking.place)));
            let Some((undone, taking)) = next else { return state };
            settled.insert(taking.id);
            void.extend(undone);
        }
    }

    /// One pass in order: the state, and what took rights away in it.
    fn run(&self, order: &[&Node], void: &Void) -> (State, Vec<Taking>) {
        let (mut state, mut takings) = (State::default(), Vec::new());
        for Node { entry, depth } in order.iter().copied() {
            if void.contains(&(entry.id, None)) {
                state.note(entry, *depth);
                if matches!(entry.op, Op::Delete { .. }) {
                    state.undone.insert(entry.id);
                }
                continue;
            }
            let by = state.standing(&entry.author);
            let what = Taken::of(&entry.op, &state);
            let may_enter = |account: &AccountId| !void.contains(&(entry.id, Some(*account)));
            if state.apply_for(&self.group, entry, *depth, &may_enter).is_ok()
                && let (Some(what), Some(by)) = (what, by)
            {
                takings.push(Taking { id: entry.id, place: Place { depth: *depth, id: entry.id }, by, what });
            }
        }
        (state, takings)
    }

    /// What a taking undoes of what was done beside it.
    fn undone_by(&self, taking: &Taking, order: &[&Node], void: &Void) -> Vec<Undone> {
        let undone = order.iter().filter(|node| node.entry.id != taking.id);
        let undone = undone.filter_map(|node| Some((node, taking.what.undoes(&node.entry)?)));
        let undone: Vec<_> =
            undone.filter(|(_, undone)| !void.contains(undone) && !void.contains(&(undone.0, None))).collect();
        if undone.is_empty() {
            return Vec::new();
        }
        let before = self.behind(&[taking.id]);
        let beside = undone.into_iter().filter(|(node, _)| !before.contains(&node.entry.id));
        let beside = beside.filter(|(node, _)| !self.behind(&node.entry.refs).contains(&taking.id));
        beside.map(|(_, undone)| undone).collect()
    }
}

/// An entry that has no effect, or none for one of those whom it lets in.
type Undone = (RecordId, Option<AccountId>);
type Void = BTreeSet<Undone>;

/// An entry that took somebody's right away.
struct Taking {
    id: RecordId,
    place: Place,
    by: Standing,
    what: Taken,
}

enum Taken {
    /// All rights of an account.
    All(AccountId),
    /// An account's rights above those of a member.
    Office(AccountId),
    /// A ticket.
    Ticket(AccountId),
}

impl Taken {
    fn of(op: &Op, state: &State) -> Option<Self> {
        match op {
            Op::Remove { account, .. } => Some(Self::All(*account)),
            Op::Role { account, role } if state.role(account).is_some_and(|before| *role < before) => {
                Some(Self::Office(*account))
            }
            Op::Revoke { ticket } => Some(Self::Ticket(*ticket)),
            _ => None,
        }
    }

    /// What of an entry beside it is undone.
    fn undoes(&self, entry: &LogEntry) -> Option<Undone> {
        let by = |account: &AccountId| entry.author == *account;
        match self {
            Self::All(account) => match &entry.op {
                Op::Leave {} | Op::Devices {} => None,
                _ if by(account) => Some((entry.id, None)),
                // Who was put out does not come back because somebody else let them in meanwhile.
                Op::Add { newcomers } if newcomers.iter().any(|newcomer| newcomer.account == *account) => {
                    Some((entry.id, Some(*account)))
                }
                Op::Admit { newcomer, .. } if newcomer.account == *account => Some((entry.id, Some(*account))),
                _ => None,
            },
            Self::Office(account) => (by(account) && entry.op.needs() > Role::Member).then_some((entry.id, None)),
            Self::Ticket(ticket) => match &entry.op {
                Op::Admit { ticket: shown, .. } if shown == ticket => Some((entry.id, None)),
                _ => None,
            },
        }
    }
}
