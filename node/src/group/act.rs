//! What people do with a group: found it, let in and put out, give roles, say what holds.

use hutong_protocol::{
    AccountId, BlobHash, Draft, GroupId, Kind, RecordId, TimestampMs, Topic,
    account::Device,
    group::{Details, Door, GroupEntry, LogEntry, Newcomer, Op, Refused, Role, Settings, State},
    limits::{GROUP_DEVICES_MAX, GROUP_NEWCOMERS_MAX, NAME_BYTES_MAX, SIGNED_BYTES_MAX},
    text::{clean_line, clean_text},
};
use serde_bytes::ByteBuf;

use super::{
    door, enter, keys, knock,
    log::{self, why},
    tell,
    view::{self, GroupRow},
};
use crate::{
    account, contact,
    engine::{CommandError, Cx, EngineError, get_slot, peers},
};

/// Bytes of device records beside one entry: with names it stays under the limit of a record.
const DEVICES_BYTES_MAX: usize = 44 * 1024;

/// A group to be founded.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// Its picture.
    pub picture: Option<BlobHash>,
    /// Whether only its members know what is said.
    pub private: bool,
    /// What holds in it.
    pub settings: Settings,
}

impl New {
    /// A public group of that name.
    #[must_use]
    pub fn public(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A private group of that name.
    #[must_use]
    pub fn private(name: &str) -> Self {
        Self { name: name.to_owned(), private: true, ..Self::default() }
    }
}

/// Founds a group and joins it.
///
/// # Errors
/// Refused if the name is empty or a text breaks a limit.
pub fn create(cx: &mut Cx<'_>, new: New) -> Result<GroupId, CommandError> {
    let me = cx.me()?;
    let nonce = cx.random::<16>();
    let group = GroupId::derive(&me, &nonce, new.private);
    let details = Details { name: required_name(&new.name)?, about: clean_text(&new.about), picture: new.picture };
    let row = GroupRow { name: details.name.clone(), joined: !new.private, ..GroupRow::default() };
    cx.put_value(keys::group(&group), &row)?;
    if !new.private {
        cx.follow(&Topic::Group(group))?;
    }
    tell(cx, group, &row)?;
    let profile = account::view::profile(cx.read(), &me)?.unwrap_or_default();
    let founder = Newcomer { account: me, name: profile.name, picture: profile.picture };
    let devices = if new.private { devices_of(cx, &me)? } else { Vec::new() };
    write(cx, group, Op::Found { nonce, details, settings: new.settings, founder }, devices)?;
    if !new.private {
        enter(cx, group, &[])?;
    }
    Ok(group)
}

fn required_name(name: &str) -> Result<String, CommandError> {
    let name = clean_line(name, NAME_BYTES_MAX);
    if name.is_empty() { Err(CommandError::refused("name_empty", "give the group a name")) } else { Ok(name) }
}

/// What an entry would do, as this account, after all that is here.
pub(super) fn is_allowed(cx: &Cx<'_>, group: &GroupId, op: &Op) -> Result<Result<State, Refused>, EngineError> {
    let mut state = view::state(cx.read(), group)?.unwrap_or_default();
    let author = cx.account().unwrap_or(AccountId([0; 32]));
    let (refs, depth) = (state.refs(), state.depth.saturating_add(1));
    let entry = LogEntry { id: RecordId([0; 32]), author, at: cx.now(), refs, op: op.clone() };
    Ok(state.apply(group, &entry, depth).map(|()| state))
}

/// Writes an entry of the log, as this account.
///
/// # Errors
/// Refused where the user's role does not allow it.
pub(super) fn write(cx: &mut Cx<'_>, group: GroupId, op: Op, devices: Vec<ByteBuf>) -> Result<RecordId, CommandError> {
    cx.me()?;
    if let Err(refused) = is_allowed(cx, &group, &op)? {
        let (code, message) = why(refused);
        return Err(CommandError::refused(code, message));
    }
    let before = view::state(cx.read(), &group)?.unwrap_or_default();
    let body = GroupEntry { op, devices };
    body.validate(cx.now())?;
    let draft = Draft::new(Topic::of_group(group), Kind::GroupEntry, &body)?.after(before.refs());
    if !group.is_private() {
        return Ok(cx.publish(draft, None)?);
    }
    let members: Vec<_> = before.members.keys().copied().collect();
    Ok(cx.publish_among(draft, &members)?)
}

/// Lets people in, tells them so, and gives them what they may have.
pub(super) fn let_in(
    cx: &mut Cx<'_>,
    group: GroupId,
    op: Op,
    newcomers: &[AccountId],
    devices: Vec<ByteBuf>,
) -> Result<(), CommandError> {
    // First of all, so that they know what the rest is about.
    for account in newcomers {
        knock::welcome(cx, group, account, true)?;
    }
    write(cx, group, op, devices)?;
    let topic = Topic::of_group(group);
    let state = view::state(cx.read(), &group)?.unwrap_or_default();
    for account in newcomers.iter().filter(|_| group.is_private()) {
        let since = log::readable_since(&state, account);
        cx.hand_to(&topic, account, |kind, at| *kind == Kind::GroupEntry || since.is_some_and(|since| at >= since))?;
    }
    Ok(())
}

/// Lets contacts in.
///
/// # Errors
/// Refused if one of them is no contact, or where the user's role does not allow it.
pub fn add(cx: &mut Cx<'_>, group: GroupId, accounts: &[AccountId]) -> Result<(), CommandError> {
    let state = view::state(cx.read(), &group)?.unwrap_or_default();
    let mut waiting = Vec::new();
    for account in accounts.iter().filter(|account| !state.members.contains_key(account)) {
        if !contact::view::is_contact(cx.read(), account)? {
            return Err(CommandError::refused("not_contact", "only contacts can be added: give others an invitation"));
        }
        let profile = account::view::profile(cx.read(), account)?.unwrap_or_default();
        let name = door::shown(&profile.name);
        let devices = if group.is_private() { devices_of(cx, account)? } else { Vec::new() };
        waiting.push((Newcomer { account: *account, name, picture: profile.picture }, devices));
    }
    let mut waiting = waiting.into_iter().peekable();
    while waiting.peek().is_some() {
        let (mut newcomers, mut devices, mut bytes) = (Vec::new(), Vec::new(), 0usize);
        while let Some((newcomer, theirs)) = waiting.next_if(|(_, theirs)| {
            let more: usize = theirs.iter().map(|device| device.len()).sum();
            newcomers.len() < GROUP_NEWCOMERS_MAX
                && (devices.len().saturating_add(theirs.len()) <= GROUP_DEVICES_MAX)
                && (newcomers.is_empty() || bytes.saturating_add(more) <= DEVICES_BYTES_MAX)
        }) {
            bytes = theirs.iter().fold(bytes, |bytes, device| bytes.saturating_add(device.len()));
            newcomers.push(newcomer);
            devices.extend(theirs);
        }
        let accounts: Vec<_> = newcomers.iter().map(|newcomer| newcomer.account).collect();
        let_in(cx, group, Op::Add { newcomers }, &accounts, devices)?;
    }
    Ok(())
}

/// The signed records of an account's devices that can be sealed for.
pub(super) fn devices_of(cx: &Cx<'_>, account: &AccountId) -> Result<Vec<ByteBuf>, EngineError> {
    let mut devices = Vec::new();
    let own = (cx.account() == Some(*account)).then(|| cx.device());
    let known = peers::devices(cx.read(), account)?.into_iter().map(|(device, _)| device);
    for device in own.into_iter().chain(known.filter(|device| Some(*device) != own)) {
        if peers::is_revoked(cx.read(), account, &device)? {
            continue;
        }
        let Some((_, record)) = get_slot(cx.read(), account, &Kind::Device, &device.to_string())? else { continue };
        if record.signed_bytes().len() <= SIGNED_BYTES_MAX && record.body::<Device>()?.seal.is_some() {
            devices.push(ByteBuf::from(record.signed_bytes().to_vec()));
        }
    }
    devices.truncate(DEVICES_OF_ONE_MAX);
    Ok(devices)
}

/// The signed revocations of this account's devices, for those who do not follow its profile.
fn revocations(cx: &Cx<'_>, me: &AccountId) -> Result<Vec<ByteBuf>, EngineError> {
    let mut revocations = Vec::new();
    for (device, _) in peers::devices(cx.read(), me)? {
        if let Some((_, record)) = get_slot(cx.read(), me, &Kind::Revocation, &device.to_string())? {
            revocations.push(ByteBuf::from(record.signed_bytes().to_vec()));
        }
    }
    revocations.truncate(DEVICES_OF_ONE_MAX);
    Ok(revocations)
}

/// Devices of one account that are named in a group.
const DEVICES_OF_ONE_MAX: usize = 16;

/// Changes what a group says of itself. `picture`: `Some(None)` removes it.
///
/// # Errors
/// Refused where the user's role does not allow it.
pub fn update(
    cx: &mut Cx<'_>,
    group: GroupId,
    name: Option<&str>,
    about: Option<&str>,
    picture: Option<Option<BlobHash>>,
) -> Result<(), CommandError> {
    let Some(State { mut details, .. }) = view::state(cx.read(), &group)? else {
        return Err(CommandError::refused("not_allowed", why(Refused::NotAllowed).1));
    };
    if let Some(name) = name {
        details.name = required_name(name)?;
    }
    if let Some(about) = about {
        details.about = clean_text(about);
    }
    if let Some(picture) = picture {
        details.picture = picture;
    }
    write(cx, group, Op::Describe(details), Vec::new())?;
    Ok(())
}

/// Changes what holds in a group.
///
/// # Errors
/// Refused where the user's role does not allow it, or a number breaks a limit.
pub fn set(cx: &mut Cx<'_>, group: GroupId, settings: Settings) -> Result<(), CommandError> {
    let before = view::state(cx.read(), &group)?.unwrap_or_default().settings;
    if before == settings {
        return Ok(());
    }
    if !group.is_private() && before.door == Door::Open && settings.door == Door::Ask {
        if let Err(refused) = is_allowed(cx, &group, &Op::Set(settings.clone()))? {
            let (code, message) = why(refused);
            return Err(CommandError::refused(code, message));
        }
        door::shut_in(cx, group)?;
    }
    write(cx, group, Op::Set(settings), Vec::new())?;
    Ok(())
}

/// Puts somebody out. `ban`: for good. `since`: with what they have said since then.
///
/// # Errors
/// Refused unless the user stands above them.
pub fn remove(
    cx: &mut Cx<'_>,
    group: GroupId,
    account: AccountId,
    ban: bool,
    since: Option<TimestampMs>,
) -> Result<(), CommandError> {
    if cx.me()? == account {
        return Err(CommandError::refused("self", "to go yourself, leave the group"));
    }
    // Who is in an open group without having been let in would be in again at once: they are kept out.
    let named = view::right(cx.read(), &group, &account)?.role.is_some();
    let ban = ban || (!group.is_private() && !named);
    write(cx, group, Op::Remove { account, ban, since }, Vec::new())?;
    Ok(())
}

/// Lets a banned account come back.
///
/// # Errors
/// Refused where the user's role does not allow it.
pub fn pardon(cx: &mut Cx<'_>, group: GroupId, account: AccountId) -> Result<(), CommandError> {
    write(cx, group, Op::Pardon { account }, Vec::new())?;
    Ok(())
}

/// Gives somebody another role.
///
/// # Errors
/// Refused unless the user owns the group.
pub fn appoint(cx: &mut Cx<'_>, group: GroupId, account: AccountId, role: Role) -> Result<(), CommandError> {
    write(cx, group, Op::Role { account, role }, Vec::new())?;
    Ok(())
}

/// Mutes somebody until then.
///
/// # Errors
/// Refused unless the user stands above them.
pub fn mute(cx: &mut Cx<'_>, group: GroupId, account: AccountId, until: TimestampMs) -> Result<(), CommandError> {
    write(cx, group, Op::Mute { account, until }, Vec::new())?;
    Ok(())
}

/// Puts a message on top of a group, or takes it down.
///
/// # Errors
/// Refused where the user's role does not allow it.
pub fn pin(
    cx: &mut Cx<'_>,
    group: GroupId,
    (message, at): (RecordId, TimestampMs),
    pinned: bool,
) -> Result<(), CommandError> {
    write(cx, group, Op::Pin { message, at, pinned }, Vec::new())?;
    Ok(())
}

/// Takes a message of another away.
///
/// # Errors
/// Refused where the user's role does not allow it.
pub fn delete(cx: &mut Cx<'_>, group: GroupId, (message, at): (RecordId, TimestampMs)) -> Result<(), CommandError> {
    write(cx, group, Op::Delete { message, at }, Vec::new())?;
    Ok(())
}

/// Leaves a private group.
pub(super) fn leave(cx: &mut Cx<'_>, group: GroupId) -> Result<(), CommandError> {
    write(cx, group, Op::Leave {}, Vec::new())?;
    Ok(())
}

/// In slow mode a message goes into the slot of its time; there is one for each pause.
pub(super) fn in_slow_mode(cx: &Cx<'_>, group: GroupId, draft: Draft) -> Result<Draft, CommandError> {
    let me = cx.me()?;
    let Some(row) = view::get(cx.read(), &group)? else { return Ok(draft) };
    let (right, at) = (view::right(cx.read(), &group, &me)?, cx.time_in(&draft.topic)?);
    let free = right.is_slow_enough(&row.rule, &group, at, None);
    let Some(slot) = row.rule.slot(&group, at).filter(|_| !free) else { return Ok(draft) };
    if get_slot(cx.read(), &me, &Kind::GroupMessage, &slot)?.is_some() {
        let pause = row.rule.slow_ms;
        let left = pause.saturating_sub(at.0.checked_rem(pause).unwrap_or_default()).div_ceil(1_000);
        let message = format!("this group is in slow mode: wait {left} seconds");
        return Err(CommandError::Wait { code: "slow_mode", message, seconds: left });
    }
    Ok(draft.in_slot(slot, 1))
}

/// Tries at once to bring what waits to the members of a private group.
///
/// # Errors
/// The store's, or damage.
pub fn retry(cx: &mut Cx<'_>, group: GroupId) -> Result<(), CommandError> {
    let state = view::state(cx.read(), &group)?.ok_or(CommandError::NotFound("this group"))?;
    for account in state.members.keys() {
        cx.connect(account, Vec::new())?;
        cx.retry(account);
    }
    Ok(())
}

/// Tells the private groups which devices this account has now.
pub(super) fn tell_devices(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    for (group, row) in view::list(cx.read())? {
        if !group.is_private() || !row.joined {
            continue;
        }
        let devices = [devices_of(cx, &me)?, revocations(cx, &me)?].concat();
        match write(cx, group, Op::Devices {}, devices) {
            Err(CommandError::Own(error)) => return Err(error),
            Err(error) => tracing::warn!(%error, "a group could not be told of this account's devices"),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// A device of somebody was revoked: it gets no key any more, and those it has are worth nothing.
pub(super) fn device_gone(cx: &mut Cx<'_>, account: &AccountId) -> Result<(), EngineError> {
    for (group, row) in view::list(cx.read())? {
        if group.is_private() && row.joined && view::is_member(cx.read(), &group, account)? {
            cx.renew_group(&group)?;
        }
    }
    if cx.account() == Some(*account) { tell_devices(cx) } else { Ok(()) }
}
