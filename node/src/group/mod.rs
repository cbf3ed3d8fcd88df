//! Public groups: anybody with the link may join; what is said is gossiped in the clear to all who follow the topic.

mod keys;
pub mod view;

use hutong_protocol::{
    BlobHash, Draft, GroupId, Kind, RecordId, TimestampMs, Topic, Verified,
    account::Profile,
    chat::Content,
    group::{Group, GroupMember, GroupMessage},
    limits::{GROUP_MEMBERS_MAX, NAME_BYTES_MAX},
    own::Own,
    text::{clean_line, clean_text},
};

use self::view::{GroupRow, MemberRow};
use crate::{
    account, chat,
    engine::{
        ChatId, CommandError, Cx, DomainEvent, Effect, EngineError, Event, Feature, Indexed, Keep, Reject, Source,
        get_slot,
    },
};

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
        &[Kind::Group, Kind::GroupMember, Kind::GroupMessage]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let header = record.header();
        let Topic::Group(group) = header.topic else { return Err(Reject::Rule("not in a group's topic")) };
        match header.kind {
            Kind::Group => {
                slot_is_group(record, &group)?;
                let body: Group = record.body()?;
                body.validate(&group, &header.account)?;
                described(cx, group, record, body)?;
            }
            Kind::GroupMember => {
                slot_is_group(record, &group)?;
                let body: GroupMember = record.body()?;
                body.validate()?;
                member_changed(cx, group, record, body)?;
            }
            _ => {
                let body: GroupMessage = record.body()?;
                body.content.validate()?;
                return chat::said(cx, ChatId::Group(group), record, body.content);
            }
        }
        Ok(Keep::Store)
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::OwnDeviceAdded(_) => {
                view::list(cx.read())?.into_iter().try_for_each(|(group, row)| tell(cx, group, &row))
            }
            DomainEvent::Own(Own::Group { group, joined, name, addresses }) => {
                elsewhere(cx, *group, *joined, name, addresses)
            }
            _ => Ok(()),
        }
    }

    /// Looks for members now and then: those named in the link, and some of those who have joined since. A group must not
    /// fall apart into circles that never meet because its founder moved.
    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
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
    if row.joined == joined {
        return Ok(());
    }
    let name = if row.name.is_empty() { name.to_owned() } else { row.name };
    let addresses = if row.addresses.is_empty() { addresses.to_vec() } else { row.addresses };
    cx.put_value(keys::group(&group), &GroupRow { joined, name, addresses: addresses.clone(), ..row })?;
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
    if named { Ok(()) } else { Err(Reject::Rule("in the wrong slot")) }
}

fn described(cx: &mut Cx<'_>, group: GroupId, record: &Verified, body: Group) -> Result<(), EngineError> {
    let before = view::get(cx.read(), &group)?.unwrap_or_default();
    let (name, about, picture) = (body.name, body.about, body.picture);
    let row = GroupRow { name, about, picture, owner: Some(record.author()), ..before };
    cx.put_value(keys::group(&group), &row)?;
    changed(cx, group);
    Ok(())
}

fn changed(cx: &mut Cx<'_>, group: GroupId) {
    cx.notify(Event::Group(group));
    cx.index(Indexed::Group(group));
}

fn member_changed(cx: &mut Cx<'_>, group: GroupId, record: &Verified, body: GroupMember) -> Result<(), Reject> {
    let account = record.author();
    let mut row = view::get(cx.read(), &group)?.unwrap_or_default();
    let key = keys::member(&group, &account);
    let was_in = cx.read().contains(&key).map_err(EngineError::from)?;
    if body.joined && !was_in && usize::try_from(row.member_count).unwrap_or(usize::MAX) >= GROUP_MEMBERS_MAX {
        return Err(Reject::Unwanted("the group is full"));
    }
    // Also of one who left: what they said is still here, under their name.
    let profile = Profile { name: body.name.clone(), picture: body.picture, ..Profile::default() };
    cx.emit(&DomainEvent::ProfileSeen(account, profile))?;
    if body.joined {
        cx.put_value(&key, &MemberRow { name: body.name, picture: body.picture })?;
    } else {
        cx.delete(&key);
    }
    row.member_count = match (was_in, body.joined) {
        (false, true) => row.member_count.saturating_add(1),
        (true, false) => row.member_count.saturating_sub(1),
        _ => row.member_count,
    };
    cx.put_value(keys::group(&group), &row)?;
    changed(cx, group);
    Ok(())
}

/// Founds a group and joins it.
///
/// # Errors
/// Refused if the name is empty or a text breaks a limit.
pub fn create(cx: &mut Cx<'_>, name: &str, about: &str, picture: Option<BlobHash>) -> Result<GroupId, CommandError> {
    let me = cx.me()?;
    let nonce = cx.random::<16>();
    let group = GroupId::derive(&me, &nonce);
    cx.follow(&Topic::Group(group))?;
    describe(cx, group, &Group { nonce, name: required_name(name)?, about: clean_text(about), picture })?;
    enter(cx, group, &[])?;
    Ok(group)
}

fn required_name(name: &str) -> Result<String, CommandError> {
    let name = clean_line(name, NAME_BYTES_MAX);
    if name.is_empty() { Err(CommandError::refused("name_empty", "give the group a name")) } else { Ok(name) }
}

fn describe(cx: &mut Cx<'_>, group: GroupId, body: &Group) -> Result<(), CommandError> {
    let (me, slot) = (cx.me()?, group.to_string());
    let version = cx.next_version(&me, &Kind::Group, &slot)?;
    cx.publish(Draft::new(Topic::Group(group), Kind::Group, body)?.in_slot(slot, version), None)?;
    Ok(())
}

fn declare(cx: &mut Cx<'_>, group: GroupId, joined: bool) -> Result<(), CommandError> {
    let (me, slot) = (cx.me()?, group.to_string());
    let profile = account::view::profile(cx.read(), &me)?.unwrap_or_default();
    let version = cx.next_version(&me, &Kind::GroupMember, &slot)?;
    let body = GroupMember { joined, name: profile.name, picture: profile.picture };
    cx.publish(Draft::new(Topic::Group(group), Kind::GroupMember, &body)?.in_slot(slot, version), None)?;
    Ok(())
}

fn enter(cx: &mut Cx<'_>, group: GroupId, addresses: &[String]) -> Result<(), CommandError> {
    declare(cx, group, true)?;
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    let addresses = if addresses.is_empty() { row.addresses.clone() } else { addresses.to_vec() };
    let row = GroupRow { joined: true, addresses, ..row };
    cx.put_value(keys::group(&group), &row)?;
    tell(cx, group, &row)?;
    cx.emit(&DomainEvent::GroupJoined(group))?;
    changed(cx, group);
    Ok(())
}

/// Changes what a group says of itself. `picture`: `Some(None)` removes it.
///
/// # Errors
/// Refused unless this account founded it.
pub fn update(
    cx: &mut Cx<'_>,
    group: GroupId,
    name: Option<&str>,
    about: Option<&str>,
    picture: Option<Option<BlobHash>>,
) -> Result<(), CommandError> {
    let me = cx.me()?;
    let Some((_, record)) = get_slot(cx.read(), &me, &Kind::Group, &group.to_string())? else {
        return Err(CommandError::refused("not_owner", "only the founder of a group can change it"));
    };
    let mut body: Group = record.body()?;
    if let Some(name) = name {
        body.name = required_name(name)?;
    }
    if let Some(about) = about {
        body.about = clean_text(about);
    }
    if let Some(picture) = picture {
        body.picture = picture;
    }
    describe(cx, group, &body)
}

/// Joins a group. `name` and `addresses` come from its link.
///
/// # Errors
/// Refused without an account.
pub fn join(cx: &mut Cx<'_>, group: GroupId, name: Option<String>, addresses: Vec<String>) -> Result<(), CommandError> {
    cx.me()?;
    let topic = Topic::Group(group);
    cx.follow(&topic)?;
    let row = view::get(cx.read(), &group)?.unwrap_or_default();
    if row.joined {
        return Ok(());
    }
    if row.name.is_empty() {
        let name = name.unwrap_or_default();
        cx.put_value(keys::group(&group), &GroupRow { name, ..row })?;
    }
    cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses: addresses.clone() });
    enter(cx, group, &addresses)
}

/// Leaves a group. Its history stays until the group is forgotten.
///
/// # Errors
/// `NotFound` if this node is not a member.
pub fn leave(cx: &mut Cx<'_>, group: GroupId) -> Result<(), CommandError> {
    let row = view::get(cx.read(), &group)?.filter(|row| row.joined).ok_or(CommandError::NotFound("this group"))?;
    declare(cx, group, false)?;
    let row = view::get(cx.read(), &group)?.unwrap_or(row);
    let row = GroupRow { joined: false, ..row };
    cx.put_value(keys::group(&group), &row)?;
    tell(cx, group, &row)?;
    cx.unfollow(&Topic::Group(group))?;
    cx.emit(&DomainEvent::GroupLeft(group))?;
    changed(cx, group);
    Ok(())
}

/// Posts into a group. Called by [`crate::chat::send`], which checks that this node is a member.
pub(crate) fn post(cx: &mut Cx<'_>, group: GroupId, content: Content) -> Result<RecordId, CommandError> {
    let draft = Draft::new(Topic::Group(group), Kind::GroupMessage, &GroupMessage { content })?;
    Ok(cx.publish(draft, None)?)
}
