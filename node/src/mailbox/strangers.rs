//! Queues for strangers: where a request may be left for somebody who is away, by anybody who pays.
//!
//! Which nodes have one is public (it is in the device's own record), so only stores are asked for one: naming a friend's node
//! would tell everybody whose friend one is.

use hutong_protocol::{
    AccountId, DeviceId,
    limits::{STRANGER_ADDRESSES_MAX, STRANGER_ITEM_BYTES_MAX, STRANGER_MAILBOXES_MAX},
    mailbox::{Mailbox, MailboxRequest, Route, StrangerQueue},
};

use super::{
    Chosen, candidates, chosen as chosen_for_contacts,
    client::{self, Asked, COPIES, is_time},
    keys,
};
use crate::{
    account, contact,
    engine::{Cx, Effect, EngineError, get_value, left, peers},
    seal::Recipient,
    store::{Direction, KeyRange, Read},
};

/// How often stores are looked through for one more (10 s), as for contacts' mail.
const CHOOSE_MS: u64 = 10_000;

/// The mailboxes where this device takes what strangers ask.
///
/// # Errors
/// The store's, or damage.
pub fn chosen(read: &dyn Read) -> Result<Vec<Chosen>, EngineError> {
    Ok(get_value(read, keys::strangers())?.unwrap_or_default())
}

/// Fills up to two, of the stores that are here now.
pub(super) fn choose(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let (before, now) = (chosen(cx.read())?, cx.now());
    if before.len() >= STRANGER_MAILBOXES_MAX || !is_time(&mut cx.mailboxes().looked_for_strangers, now, CHOOSE_MS) {
        return Ok(());
    }
    let mut all = before.clone();
    for candidate in candidates(cx.read())? {
        let is_other = cx.account() != Some(candidate.account) && !all.contains(&candidate);
        if all.len() < STRANGER_MAILBOXES_MAX
            && is_other
            && cx.is_connected(&candidate.device)
            && account::view::is_store(cx.read(), &candidate.account)?
        {
            all.push(candidate);
        }
    }
    if all == before { Ok(()) } else { save(cx, &all) }
}

fn save(cx: &mut Cx<'_>, mailboxes: &[Chosen]) -> Result<(), EngineError> {
    cx.put_value(keys::strangers(), &mailboxes)?;
    cx.wanted_changed();
    client::fetch_all(cx)
}

/// Uses some no longer.
pub(super) fn give_up(cx: &mut Cx<'_>, gone: impl Fn(&Chosen) -> bool) -> Result<(), EngineError> {
    let before = chosen(cx.read())?;
    let left: Vec<_> = before.iter().filter(|mailbox| !gone(mailbox)).cloned().collect();
    if left == before { Ok(()) } else { save(cx, &left) }
}

/// The queue for strangers at one mailbox, if this device has one there.
pub(super) fn queue(cx: &Cx<'_>, mailbox: &DeviceId) -> Result<Option<StrangerQueue>, EngineError> {
    let Some(me) = cx.account() else { return Ok(None) };
    if !chosen(cx.read())?.iter().any(|chosen| chosen.device == *mailbox) {
        return Ok(None);
    }
    let (read, bits) = (client::strangers_key(cx.read(), mailbox)?, contact::strangers::wanted(cx.read(), &me)?);
    Ok(Some(StrangerQueue { read, bits }))
}

/// The queues for strangers as everybody is told of them.
pub(crate) fn named(cx: &Cx<'_>) -> Result<Vec<Mailbox>, EngineError> {
    let mut named = Vec::new();
    for Chosen { account, device } in chosen(cx.read())?.into_iter().take(STRANGER_MAILBOXES_MAX) {
        let addresses = addresses(cx.read(), &account, &device)?;
        named.push(Mailbox { device, addresses, write: client::strangers_key(cx.read(), &device)?.write_key() });
    }
    Ok(named)
}

/// Addresses of the mailboxes for strangers, one of each, for a link.
///
/// # Errors
/// The store's, or damage.
pub fn in_link(read: &dyn Read) -> Result<Vec<String>, EngineError> {
    let mut found = Vec::new();
    for Chosen { account, device } in chosen(read)? {
        found.extend(addresses(read, &account, &device)?.into_iter().next());
    }
    Ok(found)
}

fn addresses(read: &dyn Read, account: &AccountId, device: &DeviceId) -> Result<Vec<String>, EngineError> {
    let known = peers::devices(read, account)?.into_iter().find(|(other, _)| other == device);
    let mut addresses = known.map(|(_, row)| row.addresses).unwrap_or_default();
    addresses.truncate(STRANGER_ADDRESSES_MAX);
    Ok(addresses)
}

/// Addresses change with every connection; they are published anew only with other mailboxes.
pub(crate) fn same(told: &[Mailbox], now: &[Mailbox]) -> bool {
    told.iter().map(|mailbox| mailbox.device).eq(now.iter().map(|mailbox| mailbox.device))
}

/// Where a stranger's answer may be left for this device: in its mailboxes for contacts, with a key for that one alone.
pub(crate) fn named_in_request(cx: &Cx<'_>, to: &AccountId) -> Result<Vec<Mailbox>, EngineError> {
    let mut named = client::named_to(cx, to, &chosen_for_contacts(cx.read())?)?;
    named.truncate(STRANGER_MAILBOXES_MAX);
    named.iter_mut().for_each(|mailbox| mailbox.addresses.truncate(STRANGER_ADDRESSES_MAX));
    Ok(named)
}

/// A request says where its answer may be left.
pub(crate) fn may_be_left(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    mailboxes: Vec<Mailbox>,
) -> Result<(), EngineError> {
    let key = keys::route(account, device);
    let (Some(to), false) = (cx.account(), cx.read().contains(&key)? || mailboxes.is_empty()) else { return Ok(()) };
    cx.put_value(key, &Route { to, mailboxes, circle: None })?;
    client::route_changed(cx, account, device);
    Ok(())
}

/// Nothing is left for this account any more.
pub(crate) fn forget(cx: &mut Cx<'_>, account: &AccountId) -> Result<(), EngineError> {
    for (key, _) in cx.read().collect(KeyRange::prefix(&keys::routes_of(account)), Direction::Ascending, usize::MAX)? {
        cx.delete(&key);
    }
    Ok(())
}

/// Where a stranger may leave a request for a device.
pub(super) fn of(read: &dyn Read, account: &AccountId, device: &DeviceId) -> Result<Vec<Mailbox>, EngineError> {
    let known = peers::devices(read, account)?.into_iter().find(|(other, _)| other == device);
    Ok(known.map(|(_, row)| row.strangers).unwrap_or_default())
}

/// Leaves a request for a device that is away in the queues for strangers that it named.
pub(super) fn leave(cx: &mut Cx<'_>, account: &AccountId, to: &Recipient) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let mailboxes = of(cx.read(), account, &to.device)?;
    let copies = COPIES.min(mailboxes.len());
    let Some((id, stamp)) = contact::ask::to_leave(cx.read(), account)?.filter(|_| copies > 0) else { return Ok(()) };
    if !left::is_one_to_be_left(cx, account, &to.device, &id, copies)? {
        return Ok(());
    }
    for mailbox in client::at_hand(cx, account, &to.device, mailboxes, copies) {
        let Some(item) = left::one_to_be_left(cx, account, to, &id, &mailbox.device)? else { continue };
        if item.len() > STRANGER_ITEM_BYTES_MAX {
            tracing::warn!(bytes = item.len(), "a request is too large for a queue for strangers");
            return Ok(());
        }
        let (now, asked) = (cx.now(), Asked::Ask { account: *account, device: to.device, id });
        let number = cx.mailboxes().ask(mailbox.device, now, asked);
        let postmark = stamp.postmark(&me, account);
        let request = MailboxRequest::Ask { write: mailbox.write, item, postmark };
        cx.effect(Effect::Mailbox { to: mailbox.device, number, request });
    }
    Ok(())
}
