//! Contacts: who may write to whom.
//!
//! ```text
//! None ──add──► Outgoing ──their yes──► Accepted ◄──accept── Incoming ◄──their request── None
//!                  └──────their no──────► Declined ◄──decline───┘
//! ```
//! Two who ask each other at the same moment are both accepted. What a request must prove is in `strangers.rs`, how one is
//! made in `ask.rs`.

pub mod ask;
pub(crate) mod circle;
mod keys;
pub mod strangers;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    AccountId, DeviceId, Draft, Kind, Topic, Verified,
    contact::{ContactAnswer, ContactRequest},
    limits::NAME_BYTES_MAX,
    own::Own,
    text::clean_line,
};

use self::{
    ask::Invite,
    view::{Contact, ContactState},
};
use crate::{
    account,
    engine::{CommandError, Cx, DomainEvent, EngineError, Event, Feature, Indexed, Keep, Outcome, Reject, Source},
    store::Read,
};

/// The postage that a stranger's request costs unless its recipient says otherwise, in bits: 1.5 seconds of one core in the
/// middle (86 ns a try), five in the worst case of thirty. A build for tests computes as fast but asks often.
pub const POSTAGE_BITS: u8 = if cfg!(debug_assertions) { 12 } else { 24 };

/// The feature.
pub struct Contacts;

impl Feature for Contacts {
    fn name(&self) -> &'static str {
        "contact"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ContactRequest, Kind::ContactAnswer]
    }

    /// Nothing of a blocked account is taken in, but for what others build on: who is in a private group is the same for
    /// all its members, and a device that was stolen from somebody is theirs no longer, whoever they are.
    fn admit(&self, read: &dyn Read, record: &Verified) -> Result<(), Reject> {
        let is_common = matches!(record.header().kind, Kind::GroupEntry | Kind::Revocation);
        let barred = !is_common && view::is_blocked(read, &record.author())?;
        if barred { Err(Reject::Barred("the author is blocked")) } else { Ok(()) }
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
        if record.header().kind == Kind::ContactRequest {
            let body: ContactRequest = record.body()?;
            body.validate()?;
            addressed(record, &body.to, &me)?;
        } else {
            let body: ContactAnswer = record.body()?;
            body.validate()?;
            addressed(record, &body.to, &me)?;
        }
        Ok(Keep::Store)
    }

    fn applied(&self, cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
        if cx.account() == Some(record.author()) {
            return if record.header().device == cx.device() { Ok(()) } else { elsewhere(cx, record) };
        }
        match record.header().kind {
            Kind::ContactRequest => strangers::arrived(cx, record, record.body()?),
            _ => answer_arrived(cx, record, record.body()?),
        }
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::OwnDeviceAdded(device) => {
                circle::tell(cx)?;
                return hand_on(cx, device);
            }
            DomainEvent::Own(Own::Circle { secret, since }) => return circle::heard(cx, *secret, *since),
            DomainEvent::Handed(account, id, Outcome::Refused) => return ask::refused(cx, account, id),
            DomainEvent::ProfileChanged(account) | DomainEvent::ProfileSeen(account, _) => {
                return ask::pay_again(cx, account);
            }
            DomainEvent::Own(Own::Contact { account, alias, blocked }) => {
                let contact = view::get(cx.read(), account)?;
                let (alias, was_blocked) = (alias.clone(), contact.blocked);
                save(cx, account, &Contact { alias, blocked: *blocked, ..contact })?;
                // Whoever blocked made the circle secret anew; it is heard of by itself.
                return if *blocked && !was_blocked { cx.emit(&DomainEvent::ContactGone(*account)) } else { Ok(()) };
            }
            _ => {}
        }
        if let DomainEvent::Dealing(account) = event {
            let contact = view::get(cx.read(), account)?;
            if !contact.dealing {
                save(cx, account, &Contact { dealing: true, ..contact })?;
                cx.follow(&Topic::Profile(*account))?;
            }
        }
        Ok(())
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        ask::take_up(cx)
    }

    fn wanted(&self, read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
        let contacts = view::list(read)?;
        Ok(contacts.into_iter().filter(|(_, contact)| contact.may_write()).map(|(account, _)| account).collect())
    }

    fn wants(&self, read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
        Ok(view::get(read, account)?.may_write())
    }
}

/// Gives another device of this account the contacts, and what was said and ordered if it is wanted.
fn hand_on(cx: &mut Cx<'_>, device: &DeviceId) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let bare = account::link::is_without_history(cx, device)?;
    for (account, contact) in view::list(cx.read())? {
        tell(cx, account, &contact)?;
        if contact.may_write() || contact.state == ContactState::Incoming {
            let wanted =
                |kind: &Kind| !bare || matches!(kind, Kind::ContactRequest | Kind::ContactAnswer | Kind::Route);
            cx.hand_on(&Topic::direct(&me, &account), device, wanted)?;
        }
    }
    Ok(())
}

/// Tells the other devices of this account what the user decided about somebody.
fn tell(cx: &mut Cx<'_>, account: AccountId, contact: &Contact) -> Result<(), EngineError> {
    cx.publish_own(&Own::Contact { account, alias: contact.alias.clone(), blocked: contact.blocked })
}

/// Another device of this account asked somebody, or answered.
fn elsewhere(cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
    let since = record.header().at;
    if record.header().kind == Kind::ContactRequest {
        let ContactRequest { to, text, .. } = record.body()?;
        let contact = view::get(cx.read(), &to)?;
        cx.follow(&Topic::Profile(to))?;
        match contact.state {
            ContactState::None | ContactState::Declined => {
                save(cx, &to, &Contact { state: ContactState::Outgoing, since, text, ..contact })?;
            }
            // Both asked: it is a yes.
            ContactState::Incoming => accepted(cx, &to, contact)?,
            ContactState::Outgoing | ContactState::Accepted => {}
        }
        return Ok(());
    }
    let ContactAnswer { to, accepted: yes, .. } = record.body()?;
    let contact = view::get(cx.read(), &to)?;
    if yes {
        accepted(cx, &to, contact)?;
    } else if contact.state != ContactState::Accepted {
        save(cx, &to, &Contact { state: ContactState::Declined, ..contact })?;
    }
    Ok(())
}

/// A private record is in the topic of its two parties, and this node is one of them.
///
/// # Errors
/// A fault of the author.
pub fn addressed(record: &Verified, to: &AccountId, me: &AccountId) -> Result<(), Reject> {
    let from = record.author();
    if record.header().topic != Topic::direct(&from, to) {
        return Err(Reject::Rule("not in the topic of its two parties"));
    }
    if from == *me || to == me { Ok(()) } else { Err(Reject::Rule("a private record of two others")) }
}

fn save(cx: &mut Cx<'_>, account: &AccountId, contact: &Contact) -> Result<(), EngineError> {
    cx.mailboxes().circles = None;
    cx.put_value(keys::contact(account), contact)?;
    cx.wanted_changed();
    cx.notify(Event::Contact(*account));
    cx.index(Indexed::Person(*account));
    Ok(())
}

fn answer_arrived(cx: &mut Cx<'_>, record: &Verified, body: ContactAnswer) -> Result<(), Reject> {
    let from = record.author();
    let contact = view::get(cx.read(), &from)?;
    if contact.state != ContactState::Outgoing {
        // An answer to nothing, or one that came twice by different ways.
        return Ok(());
    }
    cx.remember(record.certificate(), &body.addresses)?;
    if let Some(profile) = body.profile {
        cx.emit(&DomainEvent::ProfileSeen(from, profile))?;
    }
    if body.accepted {
        accepted(cx, &from, contact)?;
    } else {
        save(cx, &from, &Contact { state: ContactState::Declined, ..contact })?;
    }
    Ok(())
}

fn accepted(cx: &mut Cx<'_>, account: &AccountId, contact: Contact) -> Result<(), EngineError> {
    cx.follow(&Topic::Profile(*account))?;
    if contact.state != ContactState::Accepted {
        // A request of ours that is still on its way stays there: it says where we can be reached.
        ask::stop_working(cx, account)?;
        save(cx, account, &Contact { state: ContactState::Accepted, since: cx.now(), asked: None, ..contact })?;
        cx.emit(&DomainEvent::ContactAccepted(*account))?;
    }
    Ok(())
}

fn answer(cx: &mut Cx<'_>, to: &AccountId, accepted: bool) -> Result<(), Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let profile = if accepted { account::view::profile(cx.read(), &me)? } else { None };
    let addresses = if accepted { cx.addresses() } else { Vec::new() };
    let body = ContactAnswer { to: *to, accepted, profile, addresses };
    let draft = Draft::new(Topic::direct(&me, to), Kind::ContactAnswer, &body).map_err(EngineError::from)?;
    cx.publish(draft, Some(*to))?;
    Ok(())
}

/// Asks an account to be in touch; accepts if it asked first.
///
/// `addresses`: where it can be reached.
///
/// # Errors
/// As [`ask::ask`].
pub fn add(cx: &mut Cx<'_>, account: AccountId, addresses: Vec<String>, text: &str) -> Result<(), CommandError> {
    ask::ask(cx, Invite { account, addresses, mailboxes: Vec::new(), postage: None }, text)
}

/// Says yes to a request.
///
/// # Errors
/// Refused if there is none.
pub fn accept(cx: &mut Cx<'_>, account: AccountId) -> Result<(), CommandError> {
    let contact = incoming(cx, &account)?;
    answer(cx, &account, true)?;
    accepted(cx, &account, contact)?;
    Ok(())
}

/// Says no to a request.
///
/// # Errors
/// Refused if there is none.
pub fn decline(cx: &mut Cx<'_>, account: AccountId) -> Result<(), CommandError> {
    let contact = incoming(cx, &account)?;
    answer(cx, &account, false)?;
    save(cx, &account, &Contact { state: ContactState::Declined, ..contact })?;
    Ok(())
}

fn incoming(cx: &Cx<'_>, account: &AccountId) -> Result<Contact, CommandError> {
    let contact = view::get(cx.read(), account)?;
    if contact.state == ContactState::Incoming {
        return Ok(contact);
    }
    Err(CommandError::refused("no_request", "there is no request from this account to answer"))
}

/// Sets what the user calls somebody; empty: their own name.
///
/// # Errors
/// The store's.
pub fn set_alias(cx: &mut Cx<'_>, account: AccountId, alias: &str) -> Result<(), CommandError> {
    let contact = view::get(cx.read(), &account)?;
    let alias = Some(clean_line(alias, NAME_BYTES_MAX)).filter(|alias| !alias.is_empty());
    let contact = Contact { alias, ..contact };
    save(cx, &account, &contact)?;
    Ok(tell(cx, account, &contact)?)
}

/// Blocks or unblocks. Nothing of a blocked account is taken in or shown.
///
/// # Errors
/// The store's.
pub fn set_blocked(cx: &mut Cx<'_>, account: AccountId, blocked: bool) -> Result<(), CommandError> {
    let contact = view::get(cx.read(), &account)?;
    let was_contact = contact.is_contact();
    if blocked {
        ask::stop(cx, &account, &contact)?;
    }
    let contact = Contact { blocked, asked: None, ..contact };
    save(cx, &account, &contact)?;
    tell(cx, account, &contact)?;
    if blocked {
        if was_contact {
            circle::renew(cx)?;
        }
        cx.emit(&DomainEvent::ContactGone(account))?;
    }
    Ok(())
}

/// Removes a contact, or takes back a request that was not answered. A new one may be sent or received afterwards.
///
/// # Errors
/// The store's.
pub fn remove(cx: &mut Cx<'_>, account: AccountId) -> Result<(), CommandError> {
    let contact = view::get(cx.read(), &account)?;
    ask::stop(cx, &account, &contact)?;
    cx.delete(keys::contact(&account));
    cx.mailboxes().circles = None;
    if contact.is_contact() {
        circle::renew(cx)?;
    }
    cx.wanted_changed();
    cx.unfollow(&Topic::Profile(account))?;
    cx.emit(&DomainEvent::ContactGone(account))?;
    cx.notify(Event::Contact(account));
    cx.index(Indexed::Person(account));
    Ok(())
}
