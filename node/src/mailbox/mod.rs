//! Mailboxes: where sealed items wait while their recipient is away.
//!
//! ```text
//! recipient ── chooses three nodes, tells each contact a write key of its own (a sealed route record) ──► contacts
//! sender ── to two of the three, and keeps the record until the signed receipt ──► mailbox ◄── fetch, acknowledge ── recipient
//! ```
//! A mailbox's word is not delivery. It learns which queues are fetched together, and when something comes; neither who
//! writes, nor what.

pub(crate) mod client;
pub(crate) mod host;
mod keys;
#[cfg(test)]
mod stranger_tests;
pub mod strangers;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hutong_protocol::{
    AccountId, DeviceId, Draft, Kind, Topic, Verified,
    circle::CircleSecret,
    mailbox::{Mailbox, Route},
};
use serde::{Deserialize, Serialize};

pub use self::host::{Kept, OWNER_BYTES_MAX, kept};
use crate::{
    contact::{self, addressed},
    engine::{
        CommandError, Cx, DomainEvent, EngineError, Feature, Keep, Reject, Source, get_slot, get_value, identity, peers,
    },
    group,
    store::{Direction, KeyRange, Read, Txn},
};

/// Mailboxes that a device uses.
pub const WANTED: usize = 3;
/// Devices remembered that the user does not want as mailboxes: more than anybody unticks.
const UNWANTED_MAX: usize = 64;
/// How often a device that has fewer looks through its contacts for more (10 s): a shop has thousands of them.
const CHOOSE_MS: u64 = 10_000;
/// How often old items are looked for: once an hour.
const EXPIRE_MS: u64 = 60 * 60 * 1_000;

/// A mailbox that this device chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Whose node it is.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
}

/// The feature.
pub struct Mailboxes;

impl Feature for Mailboxes {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Route]
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
        let body: Route = record.body()?;
        body.validate()?;
        addressed(record, &body.to, &me)?;
        let header = record.header();
        if header.slot.as_deref() != Some(Route::slot(&body.to, &header.device).as_str()) {
            return Err(Reject::Rule("in the wrong slot"));
        }
        if body.to == me && header.account != me {
            if !contact::view::get(cx.read(), &header.account)?.may_write()
                && !group::view::is_mate(cx.read(), &header.account)?
            {
                return Err(Reject::Later("not a contact"));
            }
            cx.put_value(keys::route(&header.account, &header.device), &body)?;
            cx.mailboxes().circles = None;
            client::route_changed(cx, &header.account, &header.device);
        }
        Ok(Keep::Store)
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::ContactAccepted(account)
            | DomainEvent::Dealing(account)
            | DomainEvent::Acquainted(account) => {
                let mailboxes = chosen(cx.read())?;
                if tell(cx, *account, &mailboxes)? {
                    // It has a queue now: mailboxes open it when they are asked.
                    client::fetch_all(cx)?;
                }
            }
            DomainEvent::Revoked(account, device) => {
                cx.delete(keys::route(account, device));
                cx.mailboxes().circles = None;
                give_up(cx, |mailbox| mailbox.device == *device)?;
            }
            // Somebody who is no contact any more has no reason to keep our mail. The others get a new circle secret.
            DomainEvent::ContactGone(account) => {
                give_up(cx, |mailbox| mailbox.account == *account)?;
                tell_again(cx);
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        choose(cx)?;
        strangers::choose(cx)?;
        if cx.read().contains(&keys::due())? {
            cx.delete(keys::due());
            tell_contacts(cx)?;
        }
        client::tick(cx)?;
        if client::is_time_to_expire(cx, EXPIRE_MS) { host::expire(cx) } else { Ok(()) }
    }

    fn wanted(&self, read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
        let all = chosen(read)?.into_iter().chain(strangers::chosen(read)?);
        Ok(all.map(|mailbox| mailbox.account).collect())
    }
}

/// Tells every contact anew what it is to know, with the next tick.
pub(crate) fn tell_again(cx: &mut Cx<'_>) {
    cx.put(keys::due(), Vec::new());
}

/// The circle secrets that contacts told, from each of their devices.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn circles(read: &dyn Read) -> Result<Vec<(AccountId, CircleSecret)>, EngineError> {
    let mut circles = Vec::new();
    for (key, value) in read.collect(KeyRange::prefix(&keys::routes()), Direction::Ascending, usize::MAX)? {
        let route: Route = hutong_protocol::codec::decode_checked(&value)?;
        circles.extend(keys::parse_route(&key).zip(route.circle));
    }
    Ok(circles)
}

/// The mailboxes that this device chose.
///
/// # Errors
/// The store's, or damage.
pub fn chosen(read: &dyn Read) -> Result<Vec<Chosen>, EngineError> {
    Ok(get_value(read, keys::chosen())?.unwrap_or_default())
}

/// Where mail for a device of a contact may be left.
///
/// # Errors
/// The store's, or damage.
pub fn route(read: &dyn Read, account: &AccountId, device: &DeviceId) -> Result<Vec<Mailbox>, EngineError> {
    Ok(get_value::<Route>(read, keys::route(account, device))?.map(|route| route.mailboxes).unwrap_or_default())
}

/// Nodes that could be mailboxes: this account's other devices, then those of contacts and stores that offer it.
///
/// # Errors
/// The store's, or damage.
pub fn candidates(read: &dyn Read) -> Result<Vec<Chosen>, EngineError> {
    let Some(me) = identity::certificate(read)? else { return Ok(Vec::new()) };
    let mut accounts = vec![me.account];
    let contacts = contact::view::list(read)?.into_iter();
    accounts.extend(contacts.filter(|(_, contact)| writes(contact)).map(|(account, _)| account));
    let mut found = Vec::new();
    for account in accounts {
        for (device, row) in peers::devices(read, &account)? {
            if row.mailbox && device != me.device && !peers::is_revoked(read, &account, &device)? {
                found.push(Chosen { account, device });
            }
        }
    }
    Ok(found)
}

/// Drops everything of the mailboxes: those chosen, and what was kept for others under the old device's name.
///
/// # Errors
/// The store's.
pub(crate) fn forget_all(txn: &mut Txn<'_>) -> Result<(), EngineError> {
    for (key, _) in txn.collect(KeyRange::prefix(&keys::all()), Direction::Ascending, usize::MAX)? {
        txn.delete(key);
    }
    Ok(())
}

/// Whether an account is told where mail may be left.
fn writes(contact: &contact::view::Contact) -> bool {
    contact.is_contact() || (contact.dealing && !contact.blocked)
}

/// Fills up to three, own devices first, then whoever is here now: who is here often is chosen sooner.
fn choose(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let before = chosen(cx.read())?;
    if before.len() >= WANTED || !client::is_time_to_choose(cx, CHOOSE_MS) {
        return Ok(());
    }
    let (me, mut all, unwanted) = (cx.account(), before.clone(), unwanted(cx.read())?);
    for candidate in candidates(cx.read())?.into_iter().filter(|candidate| !unwanted.contains(&candidate.device)) {
        let here = me == Some(candidate.account) || cx.is_online(&candidate.account);
        if all.len() < WANTED && here && all.iter().all(|mailbox| mailbox.device != candidate.device) {
            all.push(candidate);
        }
    }
    if all == before { Ok(()) } else { save(cx, &all) }
}

fn save(cx: &mut Cx<'_>, mailboxes: &[Chosen]) -> Result<(), EngineError> {
    cx.put_value(keys::chosen(), &mailboxes)?;
    cx.put(keys::due(), Vec::new());
    cx.wanted_changed();
    client::fetch_all(cx)
}

/// Uses some mailboxes no longer.
fn give_up(cx: &mut Cx<'_>, gone: impl Fn(&Chosen) -> bool) -> Result<(), EngineError> {
    strangers::give_up(cx, &gone)?;
    let before = chosen(cx.read())?;
    let left: Vec<_> = before.iter().filter(|mailbox| !gone(mailbox)).cloned().collect();
    if left == before { Ok(()) } else { save(cx, &left) }
}

/// Devices that the user does not want as mailboxes: they are not chosen again by themselves.
fn unwanted(read: &dyn Read) -> Result<Vec<DeviceId>, EngineError> {
    Ok(get_value(read, keys::unwanted())?.unwrap_or_default())
}

/// Uses these mailboxes and no others. One that is in use may stay even if it does not offer it any more; one that is left
/// out is not chosen again by itself.
///
/// # Errors
/// Refused if one of them does not offer it, or there are too many.
pub fn set(cx: &mut Cx<'_>, devices: &[DeviceId]) -> Result<(), CommandError> {
    cx.me()?;
    let before = chosen(cx.read())?;
    let mut known = before.clone();
    known.extend(candidates(cx.read())?.into_iter().filter(|other| !before.contains(other)));
    let wanted: Vec<_> = known.into_iter().filter(|mailbox| devices.contains(&mailbox.device)).collect();
    if wanted.len() > WANTED || devices.iter().any(|device| wanted.iter().all(|mailbox| mailbox.device != *device)) {
        return Err(CommandError::refused("not_offered", "choose up to three nodes that offer to keep mail for you"));
    }
    let mut unwanted = unwanted(cx.read())?;
    unwanted.extend(before.iter().map(|mailbox| mailbox.device));
    unwanted.retain(|device| !devices.contains(device));
    // The newest are remembered.
    unwanted.drain(..unwanted.len().saturating_sub(UNWANTED_MAX));
    cx.put_value(keys::unwanted(), &unwanted)?;
    Ok(save(cx, &wanted)?)
}

/// All accounts that are told where mail may be left.
fn told(read: &dyn Read) -> Result<BTreeSet<AccountId>, EngineError> {
    let contacts = contact::view::list(read)?;
    let mut told: BTreeSet<_> =
        contacts.iter().filter(|(_, contact)| writes(contact)).map(|(account, _)| *account).collect();
    for mate in group::view::all_mates(read)? {
        if !contact::view::get(read, &mate)?.blocked {
            told.insert(mate);
        }
    }
    Ok(told)
}

/// Tells every contact the present mailboxes, if they are not what it was told.
fn tell_contacts(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let mailboxes = chosen(cx.read())?;
    told(cx.read())?.into_iter().try_for_each(|to| tell(cx, to, &mailboxes).map(drop))
}

/// Tells one contact. Returns whether there was anything new to tell.
fn tell(cx: &mut Cx<'_>, to: AccountId, mailboxes: &[Chosen]) -> Result<bool, EngineError> {
    let (Some(me), device) = (cx.account(), cx.device()) else { return Ok(false) };
    let contact = contact::view::get(cx.read(), &to)?;
    if !writes(&contact) && (contact.blocked || !group::view::is_mate(cx.read(), &to)?) {
        return Ok(false);
    }
    let circle = if contact.is_contact() { Some(contact::circle::own(cx)?) } else { None };
    let body = Route { to, mailboxes: client::named_to(cx, &to, mailboxes)?, circle };
    let slot = Route::slot(&to, &device);
    let told = get_slot(cx.read(), &me, &Kind::Route, &slot)?;
    let told = told.map(|(_, record)| record.body::<Route>()).transpose()?;
    if told.as_ref().map_or(body.mailboxes.is_empty() && body.circle.is_none(), |told| same(told, &body)) {
        return Ok(false);
    }
    let version = cx.next_version(&me, &Kind::Route, &slot)?;
    let draft = Draft::new(Topic::direct(&me, &to), Kind::Route, &body)?.in_slot(slot, version);
    match cx.publish(draft, Some(to)) {
        Err(Reject::Own(error)) => Err(error),
        Err(reject) => {
            tracing::warn!(%reject, "a contact could not be told where mail may be left");
            Ok(false)
        }
        Ok(_) => Ok(true),
    }
}

/// Addresses change with every connection; a route is told anew only for other mailboxes, or another circle secret.
fn same(told: &Route, now: &Route) -> bool {
    told.circle == now.circle
        && told.mailboxes.iter().map(|mailbox| mailbox.device).eq(now.mailboxes.iter().map(|mailbox| mailbox.device))
}
