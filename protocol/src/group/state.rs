//! What the log of a group amounts to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    entry::{Details, Door, Newcomer, Op, Role, Settings, is_ticket_proof},
    log::LogEntry,
};
use crate::{
    ids::{AccountId, BlobHash, GroupId, RecordId},
    limits::{GROUP_MEMBERS_MAX, GROUP_PINS_MAX, GROUP_TICKETS_MAX, PRIVATE_GROUP_MEMBERS_MAX, REFS_MAX},
    time::TimestampMs,
};

/// Where an entry is in the log. The same on every node, whatever else the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The longest way back to the founding.
    pub depth: u32,
    /// Its id.
    pub id: RecordId,
}

/// How high somebody stands: by role, and among those of one role the earlier before the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing(Role, std::cmp::Reverse<Place>);

/// A time during which somebody was in the group, by the clocks of those who let them in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Since.
    pub from: TimestampMs,
    /// Until; none: still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TimestampMs>,
}

impl Span {
    /// Whether a time is within.
    #[must_use]
    pub fn holds(&self, at: TimestampMs) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What they may do.
    pub role: Role,
    /// The entry that gave them this role.
    pub since: Place,
    /// Their name when they came in.
    pub name: String,
    /// Their picture when they came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<BlobHash>,
}

/// A ticket that is worth something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Who made it.
    pub by: AccountId,
    /// For this account alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Until then.
    pub until: TimestampMs,
}

/// From when until when somebody may not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Since.
    pub from: TimestampMs,
    /// Until.
    pub until: TimestampMs,
}

/// What holds for everybody's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether only members say anything.
    pub private: bool,
    /// Who may come in.
    pub door: Door,
    /// Since when.
    pub door_since: TimestampMs,
    /// See [`Settings::slow_ms`].
    pub slow_ms: u64,
    /// Since when.
    pub slow_since: TimestampMs,
}

/// What one account may say, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// Their role now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// When they were in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// When they were more than a member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offices: Vec<Span>,
    /// Since when what they said is gone, if they may not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<TimestampMs>,
    /// When they may not speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
}

impl Right {
    /// Whether what was said at a time counts: its author was in, and not muted. Only the entries of the log decide, so it
    /// is the same everywhere. In an open group everybody is in who was not put out.
    #[must_use]
    pub fn may_say(&self, rule: &Rule, at: TimestampMs) -> bool {
        if self.muted.is_some_and(|muted| muted.from <= at && at < muted.until) {
            return false;
        }
        if self.banned.is_some_and(|since| since <= at) {
            return false;
        }
        let is_open = rule.door == Door::Open || at < rule.door_since || self.role.is_some();
        if !rule.private && is_open {
            return true;
        }
        self.spans.iter().any(|span| span.holds(at))
    }

    /// Whether a message that was said at a time, in a slot or in none, is as slow mode wants it. What was said before
    /// slow mode became as it is was said under another rule, and those with an office are free.
    #[must_use]
    pub fn is_slow_enough(&self, rule: &Rule, group: &GroupId, at: TimestampMs, slot: Option<&str>) -> bool {
        let wanted = rule.slot(group, at);
        wanted.is_none() || wanted.as_deref() == slot || self.offices.iter().any(|office| office.holds(at))
    }
}

impl Rule {
    /// In slow mode: the slot that a message of an account at a time goes into. One message fits each.
    #[must_use]
    pub fn slot(&self, group: &GroupId, at: TimestampMs) -> Option<String> {
        let slow = self.slow_ms > 0 && at >= self.slow_since;
        slow.then(|| format!("{group}/{}", at.0.checked_div(self.slow_ms).unwrap_or_default()))
    }
}

/// What a group is, by the entries of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When it was founded.
    pub founded: Option<TimestampMs>,
    /// What it says of itself.
    pub details: Details,
    /// What holds in it.
    pub settings: Settings,
    /// Since when slow mode is as it is.
    pub slow_since: TimestampMs,
    /// Since when the door is as it is.
    pub door_since: TimestampMs,
    /// Of a private group all members; of a public one its owner, its admins, and who was let in by an admin.
    #[serde(with = "pairs")]
    pub members: BTreeMap<AccountId, Member>,
    /// When those who are or were members were so.
    #[serde(with = "pairs")]
    pub spans: BTreeMap<AccountId, Vec<Span>>,
    /// When those who are or were more than members were so.
    #[serde(with = "pairs")]
    pub offices: BTreeMap<AccountId, Vec<Span>>,
    /// Who may not come back, and since when what they said is gone.
    #[serde(with = "pairs")]
    pub banned: BTreeMap<AccountId, TimestampMs>,
    /// Who may not speak.
    #[serde(with = "pairs")]
    pub muted: BTreeMap<AccountId, Muted>,
    /// Tickets that are worth something, by their public keys.
    #[serde(with = "pairs")]
    pub tickets: BTreeMap<AccountId, Ticket>,
    /// Messages on top with their times, the newest pin last.
    pub pins: Vec<(RecordId, TimestampMs)>,
    /// Entries that take a message away and are undone: their author had no right to it any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub undone: BTreeSet<RecordId>,
    /// The entries that no other refers to.
    pub heads: BTreeSet<RecordId>,
    /// The depth of the deepest.
    pub depth: u32,
}

/// Why an entry has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It founds the group a second time, or not with this id, or nothing was founded.
    #[error("a group is founded once, by its founder")]
    Founding,
    /// Its author is no member.
    #[error("its author is not in the group")]
    NotMember,
    /// Its author may not do that.
    #[error("its author may not do that in this group")]
    NotAllowed,
    /// Its author does not stand above whom it is about.
    #[error("its author does not stand above whom it is about")]
    NotAbove,
    /// Whom it is about is no member.
    #[error("whom it is about is not in the group")]
    Nobody,
    /// The ticket is unknown, revoked, too old, or another's, or its proof is wrong.
    #[error("the invitation is not valid any more")]
    Ticket,
    /// The account was banned.
    #[error("the account may not come back into this group")]
    Banned,
    /// There is no room.
    #[error("the group is full")]
    Full,
}

impl Op {
    /// The least role that may do it.
    #[must_use]
    pub const fn needs(&self) -> Role {
        match self {
            Self::Role { .. } => Role::Owner,
            Self::Describe(_)
            | Self::Set(_)
            | Self::Remove { .. }
            | Self::Pardon { .. }
            | Self::Mute { .. }
            | Self::Pin { .. }
            | Self::Delete { .. } => Role::Admin,
            // Of tickets and of letting in the settings say more; everybody may revoke their own tickets.
            Self::Found { .. }
            | Self::Ticket { .. }
            | Self::Revoke { .. }
            | Self::Admit { .. }
            | Self::Add { .. }
            | Self::Leave {}
            | Self::Devices {} => Role::Member,
        }
    }
}

impl State {
    /// The role of somebody, if they have one.
    #[must_use]
    pub fn role(&self, account: &AccountId) -> Option<Role> {
        self.members.get(account).map(|member| member.role)
    }

    /// The owner.
    #[must_use]
    pub fn owner(&self) -> Option<AccountId> {
        self.members.iter().find(|(_, member)| member.role == Role::Owner).map(|(account, _)| *account)
    }

    /// How high somebody stands.
    #[must_use]
    pub fn standing(&self, account: &AccountId) -> Option<Standing> {
        let member = self.members.get(account)?;
        Some(Standing(member.role, std::cmp::Reverse(member.since)))
    }

    /// Whether `a` may put `b` out: an admin or the owner, and higher than `b`.
    #[must_use]
    pub fn is_above(&self, a: &AccountId, b: &AccountId) -> bool {
        let a = self.standing(a).filter(|standing| standing.0 >= Role::Admin);
        a.is_some_and(|a| self.standing(b).is_none_or(|b| a > b))
    }

    /// Whether somebody may let others in.
    #[must_use]
    pub fn may_invite(&self, account: &AccountId) -> bool {
        self.role(account).is_some_and(|role| role >= Role::Admin || self.settings.members_invite)
    }

    /// What somebody may say, and when.
    #[must_use]
    pub fn right(&self, account: &AccountId) -> Right {
        Right {
            role: self.role(account),
            spans: self.spans.get(account).cloned().unwrap_or_default(),
            offices: self.offices.get(account).cloned().unwrap_or_default(),
            banned: self.banned.get(account).copied(),
            muted: self.muted.get(account).copied(),
        }
    }

    /// What holds for everybody's messages.
    #[must_use]
    pub const fn rule(&self, group: &GroupId) -> Rule {
        let (door, slow_ms) = (self.settings.door, self.settings.slow_ms);
        let (door_since, slow_since) = (self.door_since, self.slow_since);
        Rule { private: group.is_private(), door, door_since, slow_ms, slow_since }
    }

    /// What a new entry refers to.
    #[must_use]
    pub fn refs(&self) -> Vec<RecordId> {
        self.heads.iter().take(REFS_MAX).copied().collect()
    }

    /// Whether an entry follows everything that is here, and so can be applied without looking at the rest.
    #[must_use]
    pub fn is_followed_by(&self, entry: &LogEntry) -> bool {
        entry.refs.len() == self.heads.len() && entry.refs.iter().all(|id| self.heads.contains(id))
    }

    /// Applies an entry that comes after all those applied before. Its place in the log is taken even if it has no effect.
    ///
    /// # Errors
    /// [`Refused`]: why it has no effect.
    pub fn apply(&mut self, group: &GroupId, entry: &LogEntry, depth: u32) -> Result<(), Refused> {
        self.apply_for(group, entry, depth, &|_| true)
    }

    /// The same, but lets in only whom `may_enter` names.
    pub(super) fn apply_for(
        &mut self,
        group: &GroupId,
        entry: &LogEntry,
        depth: u32,
        may_enter: &dyn Fn(&AccountId) -> bool,
    ) -> Result<(), Refused> {
        self.note(entry, depth);
        self.change(group, entry, Place { depth, id: entry.id }, may_enter)
    }

    /// The entry is in the log, whatever it does.
    pub(super) fn note(&mut self, entry: &LogEntry, depth: u32) {
        self.heads.retain(|id| !entry.refs.contains(id));
        self.heads.insert(entry.id);
        self.depth = self.depth.max(depth);
    }

    fn change(
        &mut self,
        group: &GroupId,
        entry: &LogEntry,
        place: Place,
        may_enter: &dyn Fn(&AccountId) -> bool,
    ) -> Result<(), Refused> {
        let author = &entry.author;
        if let Op::Found { nonce, details, settings, founder } = &entry.op {
            let is_first = self.founded.is_none() && entry.refs.is_empty() && founder.account == *author;
            if !is_first || GroupId::derive(author, nonce, group.is_private()) != *group {
                return Err(Refused::Founding);
            }
            (self.founded, self.slow_since, self.door_since) = (Some(entry.at), entry.at, entry.at);
            (self.details, self.settings) = (details.clone(), settings.clone());
            self.enter(founder, place, entry.at);
            self.give(author, Role::Owner, place, entry.at);
            return Ok(());
        }
        if self.founded.is_none() || entry.refs.is_empty() {
            return Err(Refused::Founding);
        }
        let role = self.role(author).ok_or(Refused::NotMember)?;
        if role < entry.op.needs() {
            return Err(Refused::NotAllowed);
        }
        self.change_as(group, entry, place, may_enter)
    }

    fn change_as(
        &mut self,
        group: &GroupId,
        entry: &LogEntry,
        place: Place,
        may_enter: &dyn Fn(&AccountId) -> bool,
    ) -> Result<(), Refused> {
        let (author, at) = (&entry.author, entry.at);
        match &entry.op {
            Op::Found { .. } => return Err(Refused::Founding),
            Op::Describe(details) => self.details = details.clone(),
            Op::Set(settings) => {
                if settings.slow_ms != self.settings.slow_ms {
                    self.slow_since = at;
                }
                if settings.door != self.settings.door {
                    self.door_since = at;
                }
                self.settings = settings.clone();
            }
            Op::Ticket { ticket, account, until } => self.make_ticket((author, at), *ticket, *account, *until)?,
            Op::Revoke { ticket } => {
                let own = self.tickets.get(ticket).is_some_and(|ticket| ticket.by == *author);
                if !own && self.role(author) < Some(Role::Admin) {
                    return Err(Refused::NotAllowed);
                }
                self.tickets.remove(ticket);
            }
            Op::Admit { newcomer, ticket, proof } => {
                let valid = self.tickets.get(ticket).is_some_and(|ticket| {
                    at <= ticket.until && ticket.account.is_none_or(|account| account == newcomer.account)
                });
                if !valid || !is_ticket_proof(ticket, proof, group, &newcomer.account) {
                    return Err(Refused::Ticket);
                }
                self.has_room_for(group, std::slice::from_ref(newcomer))?;
                if may_enter(&newcomer.account) {
                    self.enter(newcomer, place, at);
                }
            }
            Op::Add { newcomers } => {
                if !self.may_invite(author) {
                    return Err(Refused::NotAllowed);
                }
                self.has_room_for(group, newcomers)?;
                let newcomers = newcomers.iter().filter(|newcomer| may_enter(&newcomer.account));
                newcomers.for_each(|newcomer| self.enter(newcomer, place, at));
            }
            Op::Remove { account, ban, since } => self.remove(group, author, account, (*ban, *since), at)?,
            Op::Pardon { account } => {
                self.banned.remove(account);
            }
            Op::Role { account, role } => self.appoint(group, author, account, *role, (place, at))?,
            Op::Leave {} => self.left(author, at),
            Op::Devices {} | Op::Delete { .. } => {}
            Op::Mute { account, until } => {
                if !self.is_above(author, account) {
                    return Err(Refused::NotAbove);
                }
                self.muted.insert(*account, Muted { from: at, until: *until });
            }
            Op::Pin { message, at, pinned } => self.pin(*message, *at, *pinned),
        }
        Ok(())
    }

    fn make_ticket(
        &mut self,
        (author, at): (&AccountId, TimestampMs),
        ticket: AccountId,
        account: Option<AccountId>,
        until: TimestampMs,
    ) -> Result<(), Refused> {
        if !self.may_invite(author) {
            return Err(Refused::NotAllowed);
        }
        self.tickets.retain(|_, ticket| ticket.until >= at);
        if self.tickets.len() >= GROUP_TICKETS_MAX {
            return Err(Refused::Full);
        }
        self.tickets.insert(ticket, Ticket { by: *author, account, until });
        Ok(())
    }

    fn has_room_for(&self, group: &GroupId, newcomers: &[Newcomer]) -> Result<(), Refused> {
        if newcomers.iter().any(|newcomer| self.banned.contains_key(&newcomer.account)) {
            return Err(Refused::Banned);
        }
        let most = if group.is_private() { PRIVATE_GROUP_MEMBERS_MAX } else { GROUP_MEMBERS_MAX };
        let new = newcomers.iter().filter(|newcomer| !self.members.contains_key(&newcomer.account)).count();
        if self.members.len().saturating_add(new) > most { Err(Refused::Full) } else { Ok(()) }
    }

    fn enter(&mut self, newcomer: &Newcomer, since: Place, at: TimestampMs) {
        if self.members.contains_key(&newcomer.account) {
            return;
        }
        let (name, picture) = (newcomer.name.clone(), newcomer.picture);
        self.members.insert(newcomer.account, Member { role: Role::Member, since, name, picture });
        self.spans.entry(newcomer.account).or_default().push(Span { from: at, to: None });
    }

    fn give(&mut self, account: &AccountId, role: Role, since: Place, at: TimestampMs) {
        if let Some(member) = self.members.get_mut(account).filter(|member| member.role != role) {
            (member.role, member.since) = (role, since);
        }
        self.note_office(account, at);
    }

    /// Somebody has or has not an office from now on.
    fn note_office(&mut self, account: &AccountId, at: TimestampMs) {
        let has = self.role(account) > Some(Role::Member);
        let last = self.offices.get_mut(account).and_then(|offices| offices.last_mut());
        let open = last.filter(|office| office.to.is_none());
        match open {
            Some(office) if !has => office.to = Some(at),
            None if has => self.offices.entry(*account).or_default().push(Span { from: at, to: None }),
            _ => {}
        }
    }

    fn remove(
        &mut self,
        group: &GroupId,
        author: &AccountId,
        account: &AccountId,
        (ban, since): (bool, Option<TimestampMs>),
        at: TimestampMs,
    ) -> Result<(), Refused> {
        if !self.is_above(author, account) {
            return Err(Refused::NotAbove);
        }
        // Who is in a public group without having been let in can only be kept out.
        if !self.members.contains_key(account) && (group.is_private() || !ban) {
            return Err(Refused::Nobody);
        }
        let since = since.map_or(at, |since| since.min(at));
        self.members.remove(account);
        self.end_span(account, since);
        self.note_office(account, at);
        if ban {
            self.banned.insert(*account, since);
        }
        Ok(())
    }

    fn end_span(&mut self, account: &AccountId, at: TimestampMs) {
        for span in self.spans.get_mut(account).into_iter().flatten() {
            span.to = Some(span.to.map_or(at, |to| to.min(at)));
        }
    }

    fn appoint(
        &mut self,
        group: &GroupId,
        author: &AccountId,
        account: &AccountId,
        role: Role,
        (place, at): (Place, TimestampMs),
    ) -> Result<(), Refused> {
        if account == author {
            return Err(Refused::NotAbove);
        }
        if !self.members.contains_key(account) {
            if group.is_private() || self.banned.contains_key(account) {
                return Err(Refused::Nobody);
            }
            // Of a public group only those who do something for it are named in the log.
            let (name, picture) = (String::new(), None);
            self.members.insert(*account, Member { role: Role::Member, since: place, name, picture });
        }
        if role == Role::Owner {
            self.give(author, Role::Admin, place, at);
        }
        self.give(account, role, place, at);
        Ok(())
    }

    /// Somebody leaves; an owner leaves the group to the admin, or else the member, who has been it longest.
    fn left(&mut self, account: &AccountId, at: TimestampMs) {
        let Some(gone) = self.members.remove(account) else { return };
        self.end_span(account, at);
        self.note_office(account, at);
        if gone.role == Role::Owner {
            let heir = self.members.keys().copied().max_by_key(|account| self.standing(account));
            let Some(heir) = heir else { return };
            if let Some(member) = self.members.get_mut(&heir) {
                member.role = Role::Owner;
            }
            self.note_office(&heir, at);
        }
    }

    fn pin(&mut self, message: RecordId, at: TimestampMs, pinned: bool) {
        self.pins.retain(|(other, _)| *other != message);
        if pinned {
            if self.pins.len() >= GROUP_PINS_MAX {
                self.pins.remove(0);
            }
            self.pins.push((message, at));
        }
    }
}

/// Maps whose keys are no text: as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
