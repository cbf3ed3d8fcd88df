//! How somebody comes into a group: with an invitation, or by asking an admin.

use hutong_protocol::{
    AccountId, Draft, GroupId, Kind, Topic, Verified,
    group::{GroupKnock, GroupWelcome, Newcomer, Op, TicketSecret, is_ticket_proof, ticket_proof},
    limits::REQUEST_TEXT_BYTES_MAX,
    text::{clean_text, truncate},
};
use serde_bytes::ByteBuf;

use super::{
    act, changed, enter, keys,
    view::{self, GroupRow, Out},
};
use crate::{
    account,
    contact::{self, addressed},
    engine::{CommandError, Cx, Effect, EngineError, Keep, Reject},
    store::KeyRange,
};

/// Requests that wait for an admin of one group; of more the rest is told "not now".
const KNOCKS_MAX: usize = 256;

/// What an invitation or a link says of a group.
#[derive(Clone, Debug, Default)]
pub struct Invitation {
    /// Its name.
    pub name: Option<String>,
    /// Who lets in.
    pub host: Option<AccountId>,
    /// The secret of a ticket.
    pub ticket: Option<TicketSecret>,
    /// Where the host can be reached.
    pub addresses: Vec<String>,
}

/// Asks to be let into a group.
///
/// # Errors
/// Refused without somebody to ask.
pub fn ask(
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
    let Some(to) = invitation.host.filter(|host| *host != me) else {
        return Err(CommandError::refused("needs_invitation", "this group is private: ask a member for an invitation"));
    };
    let name = if row.name.is_empty() { invitation.name.unwrap_or_default() } else { row.name.clone() };
    let asked = Some((to, cx.now()));
    let addresses = invitation.addresses.clone();
    let row = GroupRow { name, asked, out: None, addresses: addresses.clone(), ..row };
    cx.put_value(keys::group(&group), &row)?;
    super::tell(cx, group, &row)?;
    let ticket = invitation.ticket.map(|secret| secret.key());
    let ticket = ticket.map(|ticket| (ticket.id(), ticket_proof(&ticket, &group, &me)));
    let profile = account::view::profile(cx.read(), &me)?.unwrap_or_default();
    let newcomer = Newcomer { account: me, name: profile.name, picture: profile.picture };
    let clean = |text: &str| {
        let mut text = clean_text(text);
        truncate(&mut text, REQUEST_TEXT_BYTES_MAX);
        text
    };
    let answers = answers.iter().map(|answer| clean(answer)).collect();
    let devices = if group.is_private() { act::devices_of(cx, &me)? } else { Vec::new() };
    let body = GroupKnock { to, group, newcomer, ticket, text: clean(text), answers, devices };
    body.validate(&me)?;
    // Their devices' keys are there.
    cx.follow(&Topic::Profile(to))?;
    cx.connect(&to, addresses)?;
    cx.publish(Draft::new(Topic::direct(&me, &to), Kind::GroupKnock, &body)?, Some(to))?;
    changed(cx, group);
    Ok(())
}

/// Somebody wants to come in.
pub(super) fn knocked(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let body: GroupKnock = record.body()?;
    let author = record.author();
    body.validate(&author)?;
    addressed(record, &body.to, &me)?;
    if author == me {
        return Ok(Keep::Store);
    }
    if view::get(cx.read(), &body.group)?.is_none_or(|row| !row.joined) {
        return Err(Reject::Later("this account is not in that group"));
    }
    if body.ticket.is_none() {
        if !view::state(cx.read(), &body.group)?.is_some_and(|state| state.may_invite(&me)) {
            return Err(Reject::Later("only who may invite is asked"));
        }
        let key = keys::knock(&body.group, &author);
        let many = cx.read().count(KeyRange::prefix(&keys::knocks(&body.group)), KNOCKS_MAX)? >= KNOCKS_MAX;
        if many && !cx.read().contains(&key)? {
            return Err(Reject::Later("too many wait to come into this group"));
        }
        cx.put_value(key, &view::KnockRow { at: record.header().at, knock: body.clone() })?;
        changed(cx, body.group);
    }
    Ok(Keep::Store)
}

/// Lets in who showed a valid ticket, and tells who showed another so.
pub(super) fn answer_at_once(cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
    let body: GroupKnock = record.body()?;
    let (author, group) = (record.author(), body.group);
    let (Some((ticket, proof)), Some(me)) = (body.ticket, cx.account()) else { return Ok(()) };
    if author == me {
        return Ok(());
    }
    let Some(state) = view::state(cx.read(), &group)? else { return Ok(()) };
    if state.members.contains_key(&author) {
        return Ok(welcome(cx, group, &author, true)?);
    }
    let proven = is_ticket_proof(&ticket, &proof, &group, &author);
    let op = Op::Admit { newcomer: body.newcomer, ticket, proof };
    let admitted = proven && act::is_allowed(cx, &group, &op)?.is_ok();
    if !admitted {
        return Ok(welcome(cx, group, &author, false)?);
    }
    let result = act::let_in(cx, group, op, &[author], body.devices);
    result.map_err(|error| match error {
        CommandError::Own(error) => Reject::Own(error),
        _ => Reject::Unwanted("they could not be let in"),
    })
}

/// Says yes or no to somebody who asked without a ticket.
///
/// # Errors
/// `NotFound` if nobody asked; refused if the user may not let anybody in.
pub fn decide(cx: &mut Cx<'_>, group: GroupId, account: AccountId, yes: bool) -> Result<(), CommandError> {
    let found = view::knocks(cx.read(), &group)?.into_iter().find(|(who, _)| *who == account);
    let (_, view::KnockRow { knock, .. }) = found.ok_or(CommandError::NotFound("this request"))?;
    if yes {
        let op = Op::Add { newcomers: vec![knock.newcomer] };
        act::let_in(cx, group, op, &[account], knock.devices)?;
    } else {
        welcome(cx, group, &account, false)?;
    }
    cx.delete(keys::knock(&group, &account));
    changed(cx, group);
    Ok(())
}

/// Tells somebody that they are in, or not.
pub(super) fn welcome(cx: &mut Cx<'_>, group: GroupId, to: &AccountId, accepted: bool) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let name = view::get(cx.read(), &group)?.unwrap_or_default().name;
    let body =
        GroupWelcome { to: *to, group, name, accepted, addresses: cx.addresses().into_iter().take(16).collect() };
    match cx.publish(Draft::new(Topic::direct(&me, to), Kind::GroupWelcome, &body)?, Some(*to)) {
        Err(Reject::Own(error)) => Err(error),
        Err(reject) => {
            tracing::warn!(%reject, "somebody could not be told that they are in");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// This account was let in, or not. Only who was asked for it, or a contact, can do so.
pub(super) fn welcomed(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let body: GroupWelcome = record.body()?;
    body.validate()?;
    addressed(record, &body.to, &me)?;
    let (from, group) = (record.author(), body.group);
    if from == me {
        return Ok(Keep::Store);
    }
    let row = view::get(cx.read(), &group)?;
    let asked = row.as_ref().and_then(|row| row.asked).is_some_and(|(host, _)| host == from);
    if !asked && !contact::view::is_contact(cx.read(), &from)? {
        return Err(Reject::Unwanted("nobody asked to be let into that group"));
    }
    let row = row.unwrap_or_default();
    if !body.accepted {
        if asked && !row.joined {
            let row = GroupRow { asked: None, out: Some(Out::Refused), ..row };
            cx.put_value(keys::group(&group), &row)?;
            changed(cx, group);
        }
        return Ok(Keep::Store);
    }
    let name = if row.name.is_empty() { body.name } else { row.name.clone() };
    let addresses = if row.addresses.is_empty() { body.addresses.clone() } else { row.addresses.clone() };
    cx.put_value(keys::group(&group), &GroupRow { name, addresses: addresses.clone(), ..row })?;
    cx.remember(record.certificate(), &body.addresses)?;
    if !group.is_private() && asked {
        cx.follow(&Topic::Group(group))?;
        cx.effect(Effect::Connect { account: None, devices: Vec::new(), addresses: addresses.clone() });
        // Otherwise when the log says so.
        if view::right(cx.read(), &group, &me)?.role.is_some() {
            enter(cx, group, &addresses).map_err(|error| match error {
                CommandError::Own(error) => Reject::Own(error),
                _ => Reject::Unwanted("the group could not be entered"),
            })?;
        }
    }
    changed(cx, group);
    Ok(Keep::Store)
}

/// How long an invitation is valid if the user does not say (4 weeks).
pub const TICKET_MS: u64 = 28 * 24 * 60 * 60 * 1_000;

/// Makes an invitation: its secret is what a link carries.
///
/// # Errors
/// Refused if the user may not invite, or there are too many.
pub fn invite(
    cx: &mut Cx<'_>,
    group: GroupId,
    account: Option<AccountId>,
    for_ms: u64,
) -> Result<TicketSecret, CommandError> {
    let secret = TicketSecret(cx.random::<32>());
    let ticket = secret.key().id();
    let (at, until) = (cx.now(), cx.now().plus_ms(for_ms));
    act::write(cx, group, Op::Ticket { ticket, account, until }, Vec::<ByteBuf>::new())?;
    cx.put_value(keys::ticket(&group, &ticket), &view::TicketRow { secret: secret.clone(), at, until, account })?;
    changed(cx, group);
    Ok(secret)
}

/// Makes an invitation worthless.
///
/// # Errors
/// Refused if the user may not.
pub fn revoke(cx: &mut Cx<'_>, group: GroupId, ticket: AccountId) -> Result<(), CommandError> {
    act::write(cx, group, Op::Revoke { ticket }, Vec::new())?;
    cx.delete(keys::ticket(&group, &ticket));
    changed(cx, group);
    Ok(())
}
