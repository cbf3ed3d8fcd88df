//! A restored backup is another device: whoever went on with the old one's keys would use some of them twice, and two nodes
//! would speak as one.

use hutong_protocol::{AccountId, DeviceId, Kind, TimestampMs, account::Device};

use super::{keys, publish_device, revoke};
use crate::{
    engine::{CommandError, Cx, EngineError, get_slot, identity},
    mailbox, seal,
    store::Txn,
};

/// Gives restored rows a device key of their own (`fresh`, 32 random bytes), and drops what belonged to the old one. The
/// old device is revoked at the first step. Without the phrase in the backup the node has no account until it is added as
/// a second device, or restored by its phrase.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn become_another_device(txn: &mut Txn<'_>, fresh: &[u8; 32], now: TimestampMs) -> Result<(), EngineError> {
    seal::forget_all(txn)?;
    mailbox::forget_all(txn)?;
    if let Some(old) = identity::replace(txn, fresh, now)? {
        txn.put(keys::replaced(), old.0.to_vec());
    }
    Ok(())
}

/// Takes the place of the device that the backup was made on.
pub(super) fn take_over(cx: &mut Cx<'_>, me: &AccountId) -> Result<(), EngineError> {
    let Some(old) = cx.read().get(&keys::replaced())?.and_then(|value| DeviceId::from_slice(&value)) else {
        return Ok(());
    };
    cx.delete(keys::replaced());
    let name = get_slot(cx.read(), me, &Kind::Device, &old.to_string())?;
    let name = name.map(|(_, record)| record.body::<Device>()).transpose()?.map(|device| device.name);
    let published = publish_device(cx, name.unwrap_or_default()).map_err(CommandError::from);
    match published.and_then(|()| revoke(cx, old, None)) {
        Err(CommandError::Own(error)) => Err(error),
        Err(refused) => {
            tracing::warn!(%refused, "the device that the backup was made on could not be revoked");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
