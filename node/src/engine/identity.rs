//! This node's own keys, in its own store: the device key, and the entropy behind the account's recovery phrase.

use std::sync::Arc;

use hutong_protocol::{AccountId, Certificate, DeviceKey, TimestampMs, codec, phrase::Phrase};
use zeroize::Zeroizing;

use super::{cx::Identity, error::EngineError, keys};
use crate::store::{Key, Read, Txn};

fn key(name: &str) -> Key {
    Key::new(keys::SECRET).str(name)
}

fn array<const N: usize>(read: &dyn Read, name: &str) -> Result<Option<Zeroizing<[u8; N]>>, EngineError> {
    let Some(bytes) = read.get(&key(name))? else { return Ok(None) };
    let array = <[u8; N]>::try_from(&*bytes).map_err(|_| EngineError::Damaged(format!("the {name} key's length")))?;
    Ok(Some(Zeroizing::new(array)))
}

/// The device key; `fresh` becomes it if there is none yet.
///
/// # Errors
/// The store's, or damage.
pub fn device_key(txn: &mut Txn<'_>, fresh: &[u8; 32]) -> Result<Arc<DeviceKey>, EngineError> {
    let seed = match array::<32>(txn, "device")? {
        Some(seed) => seed,
        None => {
            txn.put(key("device"), fresh.to_vec());
            Zeroizing::new(*fresh)
        }
    };
    Ok(Arc::new(DeviceKey::from_seed(&seed)))
}

/// The identity, if there is an account.
///
/// # Errors
/// The store's, or damage.
pub fn load(read: &dyn Read, device: &Arc<DeviceKey>) -> Result<Option<Identity>, EngineError> {
    let Some(bytes) = read.get(&key("certificate"))? else { return Ok(None) };
    let certificate: Certificate = codec::decode(&bytes, 1024)?;
    if certificate.device != device.id() {
        return Err(EngineError::Damaged("the certificate is for another device key".into()));
    }
    Ok(Some(Identity { certificate, key: device.clone() }))
}

/// Keeps the entropy and certifies the device.
///
/// # Errors
/// The store's.
pub(super) fn adopt(
    txn: &mut Txn<'_>,
    device: &Arc<DeviceKey>,
    entropy: &[u8; 16],
    now: TimestampMs,
) -> Result<Identity, EngineError> {
    let phrase = Phrase::from_entropy(entropy).ok_or_else(|| EngineError::Damaged("entropy".into()))?;
    // A day earlier, so that a clock set back a little does not make this device's records older than its certificate.
    let not_before = TimestampMs(now.0.saturating_sub(24 * 60 * 60 * 1000));
    let certificate = Certificate::issue(&phrase.account_key(), device.id(), not_before);
    txn.put(key("entropy"), entropy.to_vec());
    txn.put(key("certificate"), codec::encode(&certificate)?);
    Ok(Identity { certificate, key: device.clone() })
}

/// Keeps a certificate that another device of the account gave this one.
///
/// # Errors
/// Only for a certificate that cannot be encoded.
pub(super) fn join(
    txn: &mut Txn<'_>,
    device: &Arc<DeviceKey>,
    certificate: Certificate,
) -> Result<Identity, EngineError> {
    txn.put(key("certificate"), codec::encode(&certificate)?);
    Ok(Identity { certificate, key: device.clone() })
}

/// Gives the node another device key, and certifies it if the phrase is here. Returns the device that it was before.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn replace(
    txn: &mut Txn<'_>,
    fresh: &[u8; 32],
    now: TimestampMs,
) -> Result<Option<hutong_protocol::DeviceId>, EngineError> {
    let Some(old) = certificate(txn)? else { return Ok(None) };
    let device = Arc::new(DeviceKey::from_seed(fresh));
    txn.put(key("device"), fresh.to_vec());
    match array::<16>(txn, "entropy")? {
        Some(entropy) => drop(adopt(txn, &device, &entropy, now)?),
        None => txn.delete(key("certificate")),
    }
    Ok(Some(old.device))
}

/// The recovery phrase, if this node keeps it.
///
/// # Errors
/// The store's, or damage.
pub fn phrase(read: &dyn Read) -> Result<Option<Phrase>, EngineError> {
    Ok(array::<16>(read, "entropy")?.and_then(|entropy| Phrase::from_entropy(&entropy)))
}

/// The secret seed of the device key.
///
/// # Errors
/// The store's, or damage.
pub fn device_seed(read: &dyn Read) -> Result<Zeroizing<[u8; 32]>, EngineError> {
    array::<32>(read, "device")?.ok_or_else(|| EngineError::Damaged("there is no device key".into()))
}

/// This device's certificate, if there is an account.
///
/// # Errors
/// The store's, or damage.
pub fn certificate(read: &dyn Read) -> Result<Option<Certificate>, EngineError> {
    read.get(&key("certificate"))?.map(|bytes| Ok(codec::decode(&bytes, 1024)?)).transpose()
}

/// This node's account, if there is one.
///
/// # Errors
/// The store's, or damage.
pub fn account(read: &dyn Read) -> Result<Option<AccountId>, EngineError> {
    Ok(certificate(read)?.map(|certificate| certificate.account))
}
