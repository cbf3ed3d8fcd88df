//! Coming into public groups: at once where the door is open, and by asking where it is not; and who counts as a member.

use hutong_protocol::{
    AccountId, GroupId, Kind, TimestampMs, Topic,
    account::Profile,
    group::{Door, GroupMember, LogEntry, Newcomer, Op, Right, State, TicketSecret},
    limits::NAME_BYTES_MAX,
    record::Stored,
    text::clean_line,
};
use serde::{Deserialize, Serialize};

use super::{
    act, enter, join, keys,
    knock::{self, Invitation},
    view::{self, GroupRow, MemberRow, Out},
};
use crate::{
    engine::{CommandError, Cx, DomainEvent, Effect, EngineError, get_slot, get_value, keys as rows},
    store::{Direction, KeyRange},
};

/// Members that one entry lets in when the door is shut behind them.
const SHUT_IN_MAX: usize = hutong_protocol::limits::GROUP_NEWCOMERS_MAX;

/// What somebody who came in by a link would say if the group asks: until its log is here, nobody knows whether it does.
#[derive(Serialize, Deserialize)]
struct Wish {
    host: AccountId,
    ticket: Option<TicketSecret>,
    text: String,
    answers: Vec<String>,
}

/// Comes into a group by what a link or an invitation says: at once where the door is open, otherwise by asking.
///
/// # Errors
/// Refused without somebody to ask, or if this account was put out for good.
pub fn come(
    cx: &mut Cx<'_>,
    group: GroupId,
    invitation: Invitation,
    text: &str,
    answers: &[String],
) -> Result<(), CommandError> {
    let me = cx.me()?;
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    if row.joined {
        return Ok(());
    }
    if group.is_private() {
        return knock::ask(cx, group, invitation, text, answers);
    }
    let right = view::right(cx.read(), &group, &me)?;
    if right.banned.is_some() {
        return Err(CommandError::refused("banned", "you were put out of this group for good: ask its admins"));
    }
    cx.follow(&Topic::Group(group))?;
    if !counts(&row, &right) {
        let host = invitation.host.filter(|host| *host != me).or(row.owner);
        let addresses = invitation.addresses.clone();
        cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses });
        return knock::ask(cx, group, Invitation { host, ..invitation }, text, answers);
    }
    if let Some(host) = invitation.host.filter(|host| *host != me) {
        let ticket = invitation.ticket.clone();
        let wish = Wish { host, ticket, text: text.to_owned(), answers: answers.to_vec() };
        cx.put_value(keys::wish(&group), &wish)?;
    }
    join(cx, group, invitation.name, invitation.addresses)
}

/// Whether somebody who says that they are in a public group is so.
fn counts(row: &GroupRow, right: &Right) -> bool {
    right.banned.is_none() && (row.rule.door == Door::Open || right.role.is_some())
}

/// Writes whether an account is in a public group: by its own word (`says`, or what it said last), and the log's.
pub(super) fn place(
    cx: &mut Cx<'_>,
    group: GroupId,
    account: &AccountId,
    says: Option<GroupMember>,
) -> Result<(), EngineError> {
    let says = match says {
        Some(says) => Some(says),
        None => get_slot(cx.read(), account, &Kind::GroupMember, &group.to_string())?
            .map(|(_, record)| record.body::<GroupMember>())
            .transpose()?,
    };
    let Some(says) = says else { return Ok(()) };
    let mut row = view::get(cx.read(), &group)?.unwrap_or_default();
    let right = view::right(cx.read(), &group, account)?;
    let key = keys::member(&group, account);
    let (was, is) = (cx.read().contains(&key)?, says.joined && counts(&row, &right));
    if is {
        cx.put_value(&key, &MemberRow { name: says.name, picture: says.picture })?;
    } else {
        cx.delete(&key);
    }
    row.member_count = match (was, is) {
        (false, true) => row.member_count.saturating_add(1),
        (true, false) => row.member_count.saturating_sub(1),
        _ => row.member_count,
    };
    if was != is {
        cx.put_value(keys::group(&group), &row)?;
    }
    Ok(())
}

/// The same for everybody who ever said something about being in: the door is another.
pub(super) fn place_all(cx: &mut Cx<'_>, group: GroupId) -> Result<(), EngineError> {
    let prefix = rows::set(&Topic::Group(group));
    let mut said = Vec::new();
    for (_, bytes) in cx.read().collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
        let record = Stored::decode(bytes)?;
        if record.header.kind == Kind::GroupMember {
            said.push((record.header.account, record.body::<GroupMember>()?));
        }
    }
    said.into_iter().try_for_each(|(account, says)| place(cx, group, &account, Some(says)))
}

/// Before the door of a public group is shut, those who are in are let in by name: nobody is shut out by it.
pub(super) fn shut_in(cx: &mut Cx<'_>, group: GroupId) -> Result<(), CommandError> {
    let Some(state) = view::state(cx.read(), &group)? else { return Ok(()) };
    let members = view::members(cx.read(), &group, usize::MAX)?;
    let unnamed: Vec<_> = members
        .into_iter()
        .filter(|(account, _)| !state.members.contains_key(account))
        .map(|(account, member)| Newcomer { account, name: shown(&member.name), picture: member.picture })
        .collect();
    for newcomers in unnamed.chunks(SHUT_IN_MAX) {
        act::write(cx, group, Op::Add { newcomers: newcomers.to_vec() }, Vec::new())?;
    }
    Ok(())
}

/// A name that an entry may carry.
pub(super) fn shown(name: &str) -> String {
    let name = clean_line(name, NAME_BYTES_MAX);
    if name.is_empty() { "?".to_owned() } else { name }
}

/// Whether this account is in a public group after an entry of its log: let in, put out, or before a door that was shut.
pub(super) fn tell_me(
    cx: &mut Cx<'_>,
    group: GroupId,
    (before, after): (&State, &State),
    entry: &LogEntry,
) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let Some(row) = view::get(cx.read(), &group)? else { return Ok(()) };
    let (was, is) = (before.members.contains_key(&me), after.members.contains_key(&me));
    let banned = after.banned.contains_key(&me);
    if row.joined && (banned || (after.settings.door == Door::Ask && !is)) {
        let left = entry.author == me && matches!(entry.op, Op::Leave {});
        let out = (banned || was).then_some(if left { Out::Left } else { Out::Removed });
        cx.put_value(keys::group(&group), &GroupRow { joined: false, asked: None, out, ..row })?;
        // What was said while this account was in stays to be read, and whether it may come back is heard.
        return if out.is_none() { wish(cx, group) } else { Ok(()) };
    }
    if !row.joined && row.asked.is_some() && is && !banned {
        return or_warn(enter(cx, group, &[]));
    }
    Ok(())
}

/// The group asks, as its log says now: what the user had said for that case is said.
fn wish(cx: &mut Cx<'_>, group: GroupId) -> Result<(), EngineError> {
    let key = keys::wish(&group);
    let Some(wish) = get_value::<Wish>(cx.read(), &key)? else { return Ok(()) };
    cx.delete(key);
    let asks = view::state(cx.read(), &group)?.is_some_and(|state| !state.settings.questions.is_empty());
    if asks && wish.answers.is_empty() && wish.ticket.is_none() {
        // The user answers first.
        return Ok(());
    }
    let addresses = view::get(cx.read(), &group)?.unwrap_or_default().addresses;
    let invitation = Invitation { name: None, host: Some(wish.host), ticket: wish.ticket, addresses };
    or_warn(knock::ask(cx, group, invitation, &wish.text, &wish.answers))
}

/// What is refused is no failure of taking in what led to it.
fn or_warn(result: Result<(), CommandError>) -> Result<(), EngineError> {
    match result {
        Err(CommandError::Own(error)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "a group could not be entered");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// A public group was left, or the wish to come into one given up.
pub(super) fn forget_wish(cx: &mut Cx<'_>, group: &GroupId) {
    cx.delete(keys::wish(group));
}

/// The name that somebody goes by is kept, also of those who left: what they said is still here.
pub(super) fn seen(cx: &mut Cx<'_>, account: AccountId, says: &GroupMember) -> Result<(), EngineError> {
    let profile = Profile { name: says.name.clone(), picture: says.picture, ..Profile::default() };
    cx.emit(&DomainEvent::ProfileSeen(account, profile))
}

/// Until when this account may not speak in a group, if it is muted now.
///
/// # Errors
/// The store's, or damage.
pub fn muted_until(
    read: &dyn crate::store::Read,
    group: &GroupId,
    account: &AccountId,
    now: TimestampMs,
) -> Result<Option<TimestampMs>, EngineError> {
    let muted = view::right(read, group, account)?.muted;
    Ok(muted.map(|muted| muted.until).filter(|until| *until > now))
}
