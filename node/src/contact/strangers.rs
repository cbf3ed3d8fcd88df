//! Requests of strangers: judged by contacts in common and by postage, bounded, and forgotten when there are too many.

use hutong_protocol::{AccountId, Topic, Verified, contact::ContactRequest};

use super::{POSTAGE_BITS, accepted, answer, circle, keys, save, view};
use crate::{
    account,
    contact::view::{Contact, ContactState},
    engine::{Cx, DomainEvent, EngineError, Event, Indexed, Reject},
    mailbox,
    store::Read,
};

/// Requests kept of those with a contact in common, and of those without. More than a person answers in a month.
pub const REQUESTS_MAX: usize = 200;

/// The postage that a stranger's request costs here, in bits.
///
/// # Errors
/// The store's, or damage.
pub fn wanted(read: &dyn Read, me: &AccountId) -> Result<u8, EngineError> {
    let stated = account::view::profile(read, me)?.and_then(|profile| profile.postage);
    Ok(stated.unwrap_or(POSTAGE_BITS))
}

/// Somebody asks to be in touch.
pub(super) fn arrived(cx: &mut Cx<'_>, record: &Verified, body: ContactRequest) -> Result<(), Reject> {
    let from = record.author();
    let contact = view::get(cx.read(), &from)?;
    // Both asked, or our yes was lost: it is a yes.
    let is_yes = matches!(contact.state, ContactState::Outgoing | ContactState::Accepted);
    let contact = if is_yes { contact } else { judge(cx, record, &body, contact)? };
    cx.remember(record.certificate(), &body.addresses)?;
    cx.emit(&DomainEvent::ProfileSeen(from, body.profile))?;
    mailbox::strangers::may_be_left(cx, &from, &record.header().device, body.mailboxes)?;
    if is_yes {
        answer(cx, &from, true)?;
        accepted(cx, &from, contact)?;
    } else {
        save(cx, &from, &contact)?;
    }
    Ok(())
}

/// Whether a request is worth its reader's time: it proves a contact in common, or enough postage; and there is room.
fn judge(cx: &mut Cx<'_>, record: &Verified, body: &ContactRequest, contact: Contact) -> Result<Contact, Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let (from, at) = (record.author(), record.header().at);
    let bits = body.stamp.map_or(0, |stamp| stamp.bits(&from, &me, at));
    let common = circle::common(cx, &from, &me, &body.tags)?;
    if common.is_empty() && bits < wanted(cx.read(), &me)? {
        return Err(Reject::Barred("the request carries too little postage"));
    }
    make_room(cx, &from, common.is_empty(), (bits, at))?;
    let (state, text) = (ContactState::Incoming, body.text.clone());
    Ok(Contact { state, since: at, text, common, bits, ..contact })
}

/// When there are too many, the oldest with the least postage goes.
fn make_room(
    cx: &mut Cx<'_>,
    from: &AccountId,
    strangers: bool,
    worth: (u8, hutong_protocol::TimestampMs),
) -> Result<(), Reject> {
    let others = view::list(cx.read())?.into_iter().filter(|(account, other)| {
        account != from && other.state == ContactState::Incoming && other.common.is_empty() == strangers
    });
    let others: Vec<_> = others.map(|(account, other)| ((other.bits, other.since), account)).collect();
    if others.len() < REQUESTS_MAX {
        return Ok(());
    }
    let weakest = others.into_iter().min();
    match weakest {
        Some((least, account)) if least < worth => Ok(forget(cx, &account)?),
        _ => Err(Reject::Barred("there is no room for more requests")),
    }
}

/// Nothing of a stranger is kept.
fn forget(cx: &mut Cx<'_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    cx.delete(keys::contact(account));
    cx.forget(&Topic::direct(&me, account), |_| true)?;
    cx.forget_account(account)?;
    mailbox::strangers::forget(cx, account)?;
    cx.emit(&DomainEvent::StrangerGone(*account))?;
    cx.notify(Event::Contact(*account));
    cx.index(Indexed::Person(*account));
    Ok(())
}
