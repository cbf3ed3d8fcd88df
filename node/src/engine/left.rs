//! What waits in the outbox for a device that is away, and is left in mailboxes meanwhile.

use hutong_protocol::{AccountId, DeviceId, RecordId, codec};

use super::{
    cx::Cx,
    error::EngineError,
    event::DomainEvent,
    keys,
    outbox::{LOOK_MAX, OutboxRow, OutboxState, Waiting, envelope, find, parse, sealed_among},
};
use crate::{
    seal::{Plain, Recipient},
    store::{Direction, KeyRange, Read as _},
};

/// Something to be left in mailboxes.
pub(crate) struct ToLeave {
    /// The record.
    pub(crate) id: RecordId,
    /// Sealed.
    pub(crate) bytes: serde_bytes::ByteBuf,
    /// The mailboxes that have it already.
    pub(crate) left_in: Vec<DeviceId>,
}

/// Whether something waits for a device that fewer mailboxes keep than should.
pub(crate) fn is_to_be_left(
    cx: &Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    copies: usize,
) -> Result<bool, EngineError> {
    let prefix = keys::outbox_for(account, device);
    for (_, value) in cx.txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, LOOK_MAX)? {
        let row: OutboxRow = codec::decode_checked(&value)?;
        if row.is_due(cx.now) && row.kept_in(cx.now).len() < copies {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Seals, oldest first, what waits for a device and some of these mailboxes do not keep yet.
pub(crate) fn to_be_left(
    cx: &mut Cx<'_>,
    account: &AccountId,
    to: &Recipient,
    mailboxes: &[DeviceId],
    copies: usize,
    limits: (usize, usize),
) -> Result<Vec<ToLeave>, EngineError> {
    let (mut found, mut room) = (Vec::new(), limits.1);
    if mailboxes.is_empty() {
        return Ok(found);
    }
    let prefix = keys::outbox_for(account, &to.device);
    for (key, value) in cx.txn.collect(KeyRange::prefix(&prefix), Direction::Ascending, LOOK_MAX)? {
        let Some(Waiting { at, id, .. }) = parse(&key) else { continue };
        let row: OutboxRow = codec::decode_checked(&value)?;
        let left_in = row.kept_in(cx.now).to_vec();
        let needed = left_in.len() < copies && mailboxes.iter().any(|mailbox| !left_in.contains(mailbox));
        if !needed || !row.is_due(cx.now) {
            continue;
        }
        let Some((receipt, bytes)) = envelope(cx, &row, &id, at)? else {
            cx.txn.delete(&key);
            continue;
        };
        let group = sealed_among(cx, account, &row)?;
        let Some(item) = cx.seal(to, &Plain { id, receipt, bytes: &bytes, group })? else { continue };
        if found.len() >= limits.0 || item.len() > room {
            break;
        }
        room = room.saturating_sub(item.len());
        found.push(ToLeave { id, bytes: item.into(), left_in });
    }
    Ok(found)
}

/// Whether one record waits for a device, and fewer mailboxes keep it than should.
pub(crate) fn is_one_to_be_left(
    cx: &Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    id: &RecordId,
    copies: usize,
) -> Result<bool, EngineError> {
    let row = find(cx, account, device, id)?;
    Ok(row.is_some_and(|(_, row)| row.is_due(cx.now) && row.kept_in(cx.now).len() < copies))
}

/// Seals one record that waits for a device, unless that mailbox keeps it already.
pub(crate) fn one_to_be_left(
    cx: &mut Cx<'_>,
    account: &AccountId,
    to: &Recipient,
    id: &RecordId,
    mailbox: &DeviceId,
) -> Result<Option<serde_bytes::ByteBuf>, EngineError> {
    let Some((key, row)) = find(cx, account, &to.device, id)? else { return Ok(None) };
    let place = parse(&key).filter(|_| !row.kept_in(cx.now).contains(mailbox));
    let Some(Waiting { at, .. }) = place else { return Ok(None) };
    let Some((receipt, bytes)) = envelope(cx, &row, id, at)? else { return Ok(None) };
    Ok(cx.seal(to, &Plain { id: *id, receipt, bytes: &bytes, group: None })?.map(Into::into))
}

/// A mailbox of a device keeps these.
pub(crate) fn left(
    cx: &mut Cx<'_>,
    account: &AccountId,
    device: &DeviceId,
    mailbox: &DeviceId,
    ids: &[RecordId],
    copies: usize,
) -> Result<(), EngineError> {
    for id in ids {
        let Some((key, row)) = find(cx, account, device, id)? else { continue };
        let mut left_in = row.kept_in(cx.now).to_vec();
        if !left_in.contains(mailbox) {
            left_in.push(*mailbox);
        }
        if row.bytes.is_some() && left_in.len() >= copies {
            // A receipt: nobody will confirm it, and it is made anew if it is missed.
            cx.txn.delete(&key);
            continue;
        }
        cx.put_value(key, &OutboxRow { state: OutboxState::Left, since: cx.now, left_in, ..row })?;
        cx.emit(&DomainEvent::Left(*account, *id))?;
    }
    Ok(())
}

/// A record is not to be delivered any more.
pub(super) fn take_back(cx: &mut Cx<'_>, to: &AccountId, id: &RecordId) -> Result<(), EngineError> {
    for (key, _) in cx.txn.collect(KeyRange::prefix(&keys::outbox_of(to)), Direction::Ascending, usize::MAX)? {
        if parse(&key).is_some_and(|waiting| waiting.id == *id) {
            cx.txn.delete(&key);
        }
    }
    Ok(())
}
