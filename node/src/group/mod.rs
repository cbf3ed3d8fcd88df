//! Groups. What is said in a public one is gossiped in the clear to all who follow its topic, and anybody with the link
//! may join. What is said in a private one is sealed for its members. Who may do what, the log says in both.

pub mod act;
mod door;
mod keys;
pub mod knock;
mod log;
mod repair;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    AccountId, DeviceId, Draft, GroupId, Kind, RecordId, TimestampMs, Topic, Verified,
    chat::{Action, Content},
    group::{GroupAction, GroupEntry, GroupMember, GroupMessage},
    limits::{GROUP_AFTER_MAX, GROUP_MEMBERS_MAX},
    own::Own,
};

use self::view::{GroupRow, Out};
use crate::{
    account, chat,
    engine::{
        ChatId, CommandError, Cx, DomainEvent, Effect, EngineError, Event, Feature, Indexed, Keep, Reject, Source,
    },
    store::Read,
};

pub use self::{
    act::{New, create, update},
    door::{come, muted_until},
    knock::Invitation,
};
pub(crate) use self::{log::judge, repair::Lacking};

/// How often a node looks for more members of its groups.
const LOOK_EVERY_MS: u64 = 10 * 60 * 1_000;
/// Members it tries to reach each time.
const LOOK_FOR: usize = 3;

/// The feature.
pub struct Groups;

impl Feature for Groups {
    fn name(&self) -> &'static str {
        "group"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::GroupEntry, Kind::GroupMember, Kind::GroupMessage, Kind::GroupKnock, Kind::GroupWelcome, Kind::GroupAsk]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let header = record.header();
        match header.kind {
            Kind::GroupKnock => return knock::knocked(cx, record),
            Kind::GroupWelcome => return knock::welcomed(cx, record),
            Kind::GroupAsk => return repair::asked(cx, record),
            _ => {}
        }
        let group = header.topic.group().ok_or(Reject::Rule("not in a group's topic"))?;
        match header.kind {
            Kind::GroupEntry => {
                let body: GroupEntry = record.body()?;
                body.validate(header.at)?;
                if group.is_private() && view::get(cx.read(), &group)?.is_none() {
                    return Err(Reject::Later("nobody has let this account into that group"));
                }
                log::take(cx, group, record, body)?;
            }
            Kind::GroupMember => {
                slot_is_group(record, &group)?;
                let body: GroupMember = record.body()?;
                body.validate()?;
                member_changed(cx, group, record, body)?;
            }
            _ => {
                let body: GroupMessage = record.body()?;
                body.validate()?;
                judge(cx, group, record)?;
                repair::notice(cx, group, header.account, &body.after)?;
                return chat::said(cx, ChatId::Group(group), record, body.content);
            }
        }
        Ok(Keep::Store)
    }

    fn applied(&self, cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
        match record.header().kind {
            Kind::GroupKnock => knock::answer_at_once(cx, record),
            _ => Ok(()),
        }
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::OwnDeviceAdded(device) => own_device(cx, device),
            DomainEvent::Revoked(account, _) => act::device_gone(cx, account),
            DomainEvent::Own(Own::Group { group, joined, name, addresses }) => {
                elsewhere(cx, *group, *joined, name, addresses)
            }
            _ => Ok(()),
        }
    }

    /// Looks for members now and then: those named in the link, and some of those who have joined since. A group must not
    /// fall apart into circles that never meet because its founder moved.
    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        repair::tick(cx)?;
        for (group, row) in view::list(cx.read())? {
            let key = keys::looked(&group);
            let before =
                cx.read().get(&key)?.and_then(|value| Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?)));
            if !row.joined || cx.now().since_ms(TimestampMs(before.unwrap_or(0))) < LOOK_EVERY_MS {
                continue;
            }
            cx.put(key, cx.now().0.to_be_bytes().to_vec());
            let members = view::members(cx.read(), &group, GROUP_MEMBERS_MAX)?;
            let start = usize::from(u16::from_be_bytes(cx.random::<2>()));
            for (account, _) in
                members.iter().cycle().skip(start % members.len().max(1)).take(LOOK_FOR.min(members.len()))
            {
                cx.connect(account, Vec::new())?;
            }
            cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses: row.addresses });
        }
        Ok(())
    }

    fn wanted(&self, read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
        view::all_mates(read)
    }

    fn wants(&self, read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
        view::is_mate(read, account)
    }
}

/// Another device of this account is there: it learns the groups, and gets what is here of the private ones.
fn own_device(cx: &mut Cx<'_>, device: &DeviceId) -> Result<(), EngineError> {
    let bare = account::link::is_without_history(cx, device)?;
    for (group, row) in view::list(cx.read())? {
        tell(cx, group, &row)?;
        if group.is_private() {
            cx.hand_on(&Topic::of_group(group), device, |kind| !bare || *kind == Kind::GroupEntry)?;
        }
    }
    act::tell_devices(cx)
}

/// Tells the other devices of this account whether it is in a group.
fn tell(cx: &mut Cx<'_>, group: GroupId, row: &GroupRow) -> Result<(), EngineError> {
    let (joined, name, addresses) = (row.joined, row.name.clone(), row.addresses.clone());
    cx.publish_own(&Own::Group { group, joined, name, addresses })
}

/// Another device of this account joined a group, or left it.
fn elsewhere(
    cx: &mut Cx<'_>,
    group: GroupId,
    joined: bool,
    name: &str,
    addresses: &[String],
) -> Result<(), EngineError> {
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    let name = if row.name.is_empty() { name.to_owned() } else { row.name };
    let addresses = if row.addresses.is_empty() { addresses.to_vec() } else { row.addresses };
    let was_joined = row.joined;
    // Of a private group only the log says who is in; but from now on it is taken in here.
    let joined = if group.is_private() { was_joined } else { joined };
    cx.put_value(keys::group(&group), &GroupRow { joined, name, addresses: addresses.clone(), ..row })?;
    if group.is_private() || was_joined == joined {
        return Ok(());
    }
    if joined {
        cx.follow(&Topic::Group(group))?;
        cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses });
        cx.emit(&DomainEvent::GroupJoined(group))?;
    } else {
        cx.unfollow(&Topic::Group(group))?;
        cx.emit(&DomainEvent::GroupLeft(group))?;
    }
    changed(cx, group);
    Ok(())
}

/// A slot belongs to an account, not to a topic, so its name says which group it is for.
fn slot_is_group(record: &Verified, group: &GroupId) -> Result<(), Reject> {
    let named = record.header().slot.as_deref().is_some_and(|slot| slot == group.to_string());
    if named && !group.is_private() { Ok(()) } else { Err(Reject::Rule("in the wrong slot")) }
}

fn changed(cx: &mut Cx<'_>, group: GroupId) {
    cx.notify(Event::Group(group));
    cx.index(Indexed::Group(group));
}

fn member_changed(cx: &mut Cx<'_>, group: GroupId, record: &Verified, body: GroupMember) -> Result<(), Reject> {
    let account = record.author();
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    let was_in = cx.read().contains(&keys::member(&group, &account)).map_err(EngineError::from)?;
    if body.joined && !was_in && usize::try_from(row.member_count).unwrap_or(usize::MAX) >= GROUP_MEMBERS_MAX {
        return Err(Reject::Unwanted("the group is full"));
    }
    door::seen(cx, account, &body)?;
    door::place(cx, group, &account, Some(body))?;
    changed(cx, group);
    Ok(())
}

/// Says in a public group that this account is in it, or not.
fn declare(cx: &mut Cx<'_>, group: GroupId, joined: bool) -> Result<(), CommandError> {
    let (me, slot) = (cx.me()?, group.to_string());
    let profile = account::view::profile(cx.read(), &me)?.unwrap_or_default();
    let version = cx.next_version(&me, &Kind::GroupMember, &slot)?;
    let body = GroupMember { joined, name: profile.name, picture: profile.picture };
    cx.publish(Draft::new(Topic::Group(group), Kind::GroupMember, &body)?.in_slot(slot, version), None)?;
    Ok(())
}

/// Comes into a public group.
fn enter(cx: &mut Cx<'_>, group: GroupId, addresses: &[String]) -> Result<(), CommandError> {
    declare(cx, group, true)?;
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    let addresses = if addresses.is_empty() { row.addresses.clone() } else { addresses.to_vec() };
    let row = GroupRow { joined: true, asked: None, out: None, addresses, ..row };
    cx.put_value(keys::group(&group), &row)?;
    tell(cx, group, &row)?;
    cx.emit(&DomainEvent::GroupJoined(group))?;
    changed(cx, group);
    Ok(())
}

/// Joins an open public group. `name` and `addresses` come from its link.
///
/// # Errors
/// Refused without an account.
pub fn join(cx: &mut Cx<'_>, group: GroupId, name: Option<String>, addresses: Vec<String>) -> Result<(), CommandError> {
    cx.me()?;
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    if row.joined {
        return Ok(());
    }
    if group.is_private() {
        return Err(CommandError::refused("needs_invitation", "this group is private: ask a member for an invitation"));
    }
    cx.follow(&Topic::Group(group))?;
    if row.name.is_empty() {
        let name = name.unwrap_or_default();
        cx.put_value(keys::group(&group), &GroupRow { name, ..row })?;
    }
    cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses: addresses.clone() });
    enter(cx, group, &addresses)
}

/// Leaves a group, or gives up waiting to be let in, or puts away one that this account was put out of.
///
/// # Errors
/// `NotFound` if there is nothing to leave.
pub fn leave(cx: &mut Cx<'_>, group: GroupId) -> Result<(), CommandError> {
    let row = view::get(cx.read(), &group)?.ok_or(CommandError::NotFound("this group"))?;
    let is_out = matches!(row.out, Some(Out::Removed | Out::Refused));
    if !row.joined && row.asked.is_none() && !is_out {
        return Err(CommandError::NotFound("this group"));
    }
    if row.joined && group.is_private() {
        return act::leave(cx, group);
    }
    if row.joined {
        let me = cx.me()?;
        // Who owns a group in which nobody else is named leaves it to nobody, and finds it when they come back.
        let named = view::state(cx.read(), &group)?.unwrap_or_default().members;
        if named.contains_key(&me) && named.len() > 1 {
            act::leave(cx, group)?;
        }
        declare(cx, group, false)?;
    }
    let row =
        GroupRow { joined: false, asked: None, out: Some(Out::Left), ..view::get(cx.read(), &group)?.unwrap_or(row) };
    cx.put_value(keys::group(&group), &row)?;
    tell(cx, group, &row)?;
    if !group.is_private() {
        door::forget_wish(cx, &group);
        cx.unfollow(&Topic::Group(group))?;
    }
    cx.emit(&DomainEvent::GroupLeft(group))?;
    changed(cx, group);
    Ok(())
}

/// Posts into a group. Called by [`crate::chat::send`], which checks that this node is a member.
pub(crate) fn post(cx: &mut Cx<'_>, group: GroupId, content: Content) -> Result<RecordId, CommandError> {
    let topic = Topic::of_group(group);
    let after = if group.is_private() { chat::view::newest(cx.read(), &topic, GROUP_AFTER_MAX)? } else { Vec::new() };
    let draft = Draft::new(topic, Kind::GroupMessage, &GroupMessage { content, after })?;
    let draft = act::in_slow_mode(cx, group, draft)?;
    spread(cx, group, draft)
}

/// Does something with a message of a group.
pub(crate) fn act_on(
    cx: &mut Cx<'_>,
    group: GroupId,
    (target, target_at): (RecordId, TimestampMs),
    action: Action,
    expires: Option<TimestampMs>,
) -> Result<RecordId, CommandError> {
    let body = GroupAction { target, target_at, action };
    let draft = Draft { expires, ..Draft::new(Topic::of_group(group), Kind::GroupAction, &body)? };
    spread(cx, group, draft)
}

/// Brings a record to everybody in a group: sealed to each member of a private one, by gossip in a public one.
fn spread(cx: &mut Cx<'_>, group: GroupId, draft: Draft) -> Result<RecordId, CommandError> {
    if !group.is_private() {
        return Ok(cx.publish(draft, None)?);
    }
    let state = view::state(cx.read(), &group)?.unwrap_or_default();
    let members: Vec<_> = state.members.keys().copied().collect();
    Ok(cx.publish_among(draft.after(state.refs()), &members)?)
}
