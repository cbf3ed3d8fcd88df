//! Taking entries into a group's log, and what follows from them.

use std::collections::BTreeSet;

use hutong_protocol::{
    AccountId, GroupId, Kind, RecordId, TimestampMs, Topic, Unverified, Verified,
    account::Profile,
    group::{GroupEntry, Log, LogEntry, NotTaken, Op, Refused, State},
    limits::GROUP_ENTRIES_MAX,
    record::verify_all,
};

use super::{
    changed, door, keys,
    view::{self, GroupRow, MemberRow, Out},
};
use crate::{
    account, chat,
    engine::{Cx, DomainEvent, EngineError, Event, Reject, get_value},
    store::KeyRange,
};

/// In private groups of up to so many everybody tells everybody where mail may be left; in larger ones, who was away gets
/// what it missed from whoever is there.
const MATES_MAX: usize = 64;

/// Why an entry has no effect, as a word for the API and a sentence.
pub(super) const fn why(refused: Refused) -> (&'static str, &'static str) {
    match refused {
        Refused::Founding => ("not_founded", "a group is founded once, by its founder"),
        Refused::NotMember => ("not_member", "you are not in this group"),
        Refused::NotAllowed => ("not_allowed", "your role in this group does not allow it: ask an admin"),
        Refused::NotAbove => ("not_above", "they stand as high in this group as you do, or higher: ask the owner"),
        Refused::Nobody => ("not_member", "they are not in this group"),
        Refused::Ticket => ("invitation_over", "this invitation is not valid any more: ask for a new one"),
        Refused::Banned => ("banned", "they were put out of this group for good: let them back in first"),
        Refused::Full => ("group_full", "the group is full"),
    }
}

/// Judges an entry and applies it.
pub(super) fn take(cx: &mut Cx<'_>, group: GroupId, record: &Verified, body: GroupEntry) -> Result<(), Reject> {
    let header = record.header();
    let entry = LogEntry {
        id: record.id(),
        author: header.account,
        at: header.at,
        refs: header.refs.clone(),
        op: body.op.clone(),
    };
    let prefix = keys::entries(&group);
    if cx.read().count(KeyRange::prefix(&prefix), GROUP_ENTRIES_MAX)? >= GROUP_ENTRIES_MAX {
        return Err(Reject::Unwanted("the group's log is full"));
    }
    let before = view::state(cx.read(), &group)?.unwrap_or_default();
    let after = if before.is_followed_by(&entry) {
        let mut after = before.clone();
        let depth = if entry.refs.is_empty() { 0 } else { before.depth.saturating_add(1) };
        after.apply(&group, &entry, depth).map_err(|refused| Reject::Rule(why(refused).1))?;
        after
    } else {
        let mut log = Log::load(group, view::entries(cx.read(), &group)?);
        match log.take(entry.clone()) {
            Ok(()) => log.state(),
            Err(NotTaken::Refused(refused)) => return Err(Reject::Rule(why(refused).1)),
            Err(NotTaken::Missing(ids)) => {
                cx.lacks(group, &ids, header.account);
                return Err(Reject::Later("what the group's log said before is missing"));
            }
        }
    };
    cx.put_value(keys::entry(&group, &entry.id), &entry)?;
    cx.put_value(keys::state(&group), &after)?;
    follow_up(cx, group, (&before, &after), &entry)?;
    // Only now: what waits for somebody without devices goes to those that are named here.
    introduce(cx, &entry, &after, &body)
}

/// The devices that an entry brings, of those whom it is about.
fn introduce(cx: &mut Cx<'_>, entry: &LogEntry, state: &State, body: &GroupEntry) -> Result<(), Reject> {
    let mut about: BTreeSet<AccountId> = [entry.author].into();
    match &entry.op {
        Op::Admit { newcomer, .. } => about.extend([newcomer.account]),
        Op::Add { newcomers } => about.extend(newcomers.iter().map(|newcomer| newcomer.account)),
        _ => {}
    }
    let records = body.devices.iter().filter_map(|bytes| Unverified::decode(bytes.to_vec()).ok()).collect();
    for record in verify_all(records, |_| false).into_iter().flatten() {
        let author = record.author();
        if about.contains(&author) && state.members.contains_key(&author) && cx.account() != Some(author) {
            account::introduced(cx, &record)?;
        }
    }
    Ok(())
}

/// Writes what became different, and tells whom it concerns.
fn follow_up(
    cx: &mut Cx<'_>,
    group: GroupId,
    (before, after): (&State, &State),
    entry: &LogEntry,
) -> Result<(), EngineError> {
    let concerned: BTreeSet<AccountId> = [before, after]
        .into_iter()
        .flat_map(|state| {
            let named = state.members.keys().chain(state.spans.keys());
            named.chain(state.banned.keys()).chain(state.muted.keys()).copied()
        })
        .collect();
    let (old_rule, new_rule) = (before.rule(&group), after.rule(&group));
    let new_door = old_rule.door != new_rule.door;
    let new_slow = (old_rule.slow_ms, old_rule.slow_since) != (new_rule.slow_ms, new_rule.slow_since);
    summarise(cx, group, after)?;
    let mut silenced = BTreeSet::new();
    for account in concerned {
        let (was, is) = (before.right(&account), after.right(&account));
        if was != is {
            cx.put_value(keys::right(&group, &account), &is)?;
            let ended =
                was.spans.len() > is.spans.len() || was.spans.iter().zip(&is.spans).any(|(was, is)| was.to != is.to);
            let offices = was.offices != is.offices && new_rule.slow_ms > 0;
            if ended || was.banned != is.banned || was.muted != is.muted || offices {
                silenced.insert(account);
            }
            if !group.is_private() && !new_door {
                door::place(cx, group, &account, None)?;
            }
        }
        if group.is_private() {
            member_of(cx, group, &account, (before, after))?;
        }
    }
    if new_door && !group.is_private() {
        door::place_all(cx, group)?;
    }
    if new_door || new_slow || !silenced.is_empty() {
        silence(cx, group, after, &silenced, new_door || new_slow)?;
    }
    deletions(cx, group, (before, after), entry)?;
    mates(cx, group, (before, after))?;
    tell_me(cx, group, (before, after), entry)?;
    changed(cx, group);
    Ok(())
}

/// Messages that admins take away: by this entry, and by those that it undoes or no longer undoes.
fn deletions(
    cx: &mut Cx<'_>,
    group: GroupId,
    (before, after): (&State, &State),
    entry: &LogEntry,
) -> Result<(), EngineError> {
    let mut changed: Vec<(LogEntry, bool)> = Vec::new();
    for id in before.undone.symmetric_difference(&after.undone).filter(|id| **id != entry.id) {
        let found: Option<LogEntry> = get_value(cx.read(), keys::entry(&group, id))?;
        changed.extend(found.map(|found| (found, !after.undone.contains(id))));
    }
    if !after.undone.contains(&entry.id) {
        changed.push((entry.clone(), true));
    }
    for (entry, on) in changed {
        if let Op::Delete { message, at } = entry.op {
            let chat = crate::engine::ChatId::Group(group);
            chat::removed_by_admin(cx, chat, (entry.id, entry.author), (message, at), on)?;
        }
    }
    Ok(())
}

/// The row of a member of a private group.
fn member_of(
    cx: &mut Cx<'_>,
    group: GroupId,
    account: &AccountId,
    (before, after): (&State, &State),
) -> Result<(), EngineError> {
    let (was, is) = (before.members.get(account), after.members.get(account));
    match (was, is) {
        (None, Some(member)) => {
            let (name, picture) = (member.name.clone(), member.picture);
            let profile = Profile { name: name.clone(), picture, ..Profile::default() };
            cx.emit(&DomainEvent::ProfileSeen(*account, profile))?;
            cx.put_value(keys::member(&group, account), &MemberRow { name, picture })
        }
        (Some(_), None) => {
            cx.delete(keys::member(&group, account));
            cx.delete(keys::knock(&group, account));
            // Nothing more for them, and nothing that they could read with what they have.
            cx.withdraw(account, &group)?;
            cx.renew_group(&group)
        }
        _ => Ok(()),
    }
}

/// Drops what was said here and does not count any more.
fn silence(
    cx: &mut Cx<'_>,
    group: GroupId,
    state: &State,
    accounts: &BTreeSet<AccountId>,
    everybody: bool,
) -> Result<(), EngineError> {
    let rule = state.rule(&group);
    let gone = |header: &hutong_protocol::Header| {
        matches!(header.kind, Kind::GroupMessage | Kind::GroupAction)
            && (everybody || accounts.contains(&header.account))
            && {
                let right = state.right(&header.account);
                let slow = header.kind != Kind::GroupMessage
                    || right.is_slow_enough(&rule, &group, header.at, header.slot.as_deref());
                !right.may_say(&rule, header.at) || !slow
            }
    };
    cx.forget(&Topic::of_group(group), gone)?;
    cx.notify(Event::Chat(crate::engine::ChatId::Group(group)));
    Ok(())
}

fn summarise(cx: &mut Cx<'_>, group: GroupId, state: &State) -> Result<(), EngineError> {
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    let member_count =
        if group.is_private() { u32::try_from(state.members.len()).unwrap_or(u32::MAX) } else { row.member_count };
    let row = GroupRow {
        name: state.details.name.clone(),
        about: state.details.about.clone(),
        picture: state.details.picture,
        owner: state.owner(),
        member_count,
        rule: state.rule(&group),
        ..row
    };
    cx.put_value(keys::group(&group), &row)
}

/// Who is in a small private group with this account is somebody to be reached, and to leave mail for.
fn mates(cx: &mut Cx<'_>, group: GroupId, (before, after): (&State, &State)) -> Result<(), EngineError> {
    let Some(me) = cx.account().filter(|_| group.is_private()) else { return Ok(()) };
    let mates = |state: &State| -> BTreeSet<AccountId> {
        let small = state.members.contains_key(&me) && state.members.len() <= MATES_MAX;
        let others = state.members.keys().filter(|account| small && **account != me);
        others.copied().collect()
    };
    let (was, is) = (mates(before), mates(after));
    for account in was.difference(&is) {
        cx.delete(keys::mate(account, &group));
    }
    for account in is.difference(&was) {
        cx.put(keys::mate(account, &group), Vec::new());
        cx.emit(&DomainEvent::Acquainted(*account))?;
    }
    if was != is {
        cx.wanted_changed();
    }
    Ok(())
}

/// Whether this account came in, or was put out.
fn tell_me(
    cx: &mut Cx<'_>,
    group: GroupId,
    (before, after): (&State, &State),
    entry: &LogEntry,
) -> Result<(), EngineError> {
    if !group.is_private() {
        return door::tell_me(cx, group, (before, after), entry);
    }
    let Some(me) = cx.account() else { return Ok(()) };
    let (was, is) = (before.members.contains_key(&me), after.members.contains_key(&me));
    if was == is {
        return Ok(());
    }
    let Some(row) = view::get(cx.read(), &group)? else { return Ok(()) };
    let out = (!is).then_some(if entry.author == me { Out::Left } else { Out::Removed });
    let row = GroupRow { joined: is, asked: None, out, ..row };
    cx.put_value(keys::group(&group), &row)?;
    if is {
        cx.emit(&DomainEvent::GroupJoined(group))?;
    } else {
        cx.forget_group(&group)?;
        if entry.author == me {
            cx.emit(&DomainEvent::GroupLeft(group))?;
        }
    }
    super::tell(cx, group, &row)
}

/// Whether what somebody says in a group counts, as far as is known here.
///
/// # Errors
/// Why not; `Later` if what it refers to is not here yet.
pub(crate) fn judge(cx: &mut Cx<'_>, group: GroupId, record: &Verified) -> Result<(), Reject> {
    let header = record.header();
    let Some(row) = view::get(cx.read(), &group)? else {
        return if group.is_private() { Err(Reject::Later("this node knows nothing of that group")) } else { Ok(()) };
    };
    if group.is_private() {
        if !row.joined {
            return Err(Reject::Later("this account is not in that group"));
        }
        let missing = missing(cx, &group, &header.refs)?;
        if !missing.is_empty() {
            cx.lacks(group, &missing, header.account);
            return Err(Reject::Later("what the group's log said before is missing"));
        }
    }
    let right = view::right(cx.read(), &group, &header.account)?;
    if !right.may_say(&row.rule, header.at) {
        return Err(Reject::Unwanted("its author was not in the group then, or muted"));
    }
    if header.kind == Kind::GroupMessage && !right.is_slow_enough(&row.rule, &group, header.at, header.slot.as_deref())
    {
        return Err(Reject::Unwanted("the group is in slow mode"));
    }
    Ok(())
}

fn missing(cx: &Cx<'_>, group: &GroupId, ids: &[RecordId]) -> Result<Vec<RecordId>, EngineError> {
    let mut missing = Vec::new();
    for id in ids {
        if !cx.read().contains(&keys::entry(group, id))? {
            missing.push(*id);
        }
    }
    Ok(missing)
}

/// The time from which a member may be given what was said: from the beginning if the group's history is for newcomers,
/// otherwise since they came in.
pub(super) fn readable_since(state: &State, account: &AccountId) -> Option<TimestampMs> {
    if state.settings.history {
        return state.members.contains_key(account).then_some(TimestampMs(0));
    }
    state.spans.get(account)?.last().filter(|span| span.to.is_none()).map(|span| span.from)
}
