//! What others may read of accounts.

use hutong_protocol::{
    AccountId, BlobHash, DeviceId, Kind, TimestampMs,
    account::{PROFILE_SLOT, Profile},
    ids::to_base32,
    order::Address,
};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    engine::{EngineError, get_slot, get_value, identity, peers},
    store::Read,
};

/// How somebody is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Who.
    pub account: AccountId,
    /// Their name; a short form of the account id if none is known.
    pub name: String,
    /// Their picture.
    pub picture: Option<BlobHash>,
}

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// When it first said so; 0: unknown.
    pub added_at: TimestampMs,
    /// Whether the account revoked it.
    pub revoked: bool,
}

/// The user's settings. Kept by the node so that every browser sees the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `auto`, `en` or `zh`.
    pub language: String,
    /// `auto`, `light` or `dark`.
    pub theme: String,
    /// Whether others learn that their messages were read.
    pub read_receipts: bool,
    /// Whether this node announces itself on the local network (from the next start on).
    pub mdns: bool,
    /// Whether others see that this account is online, and that it is writing; without it, it sees that of nobody.
    #[serde(default)]
    pub share_presence: bool,
    /// Files of messages up to this size in bytes are fetched by themselves.
    #[serde(default = "auto_fetch_bytes")]
    pub auto_fetch_bytes: u64,
}

/// 5 MiB: pictures and voice notes come by themselves, films do not.
const fn auto_fetch_bytes() -> u64 {
    5 * 1024 * 1024
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: "auto".into(),
            theme: "auto".into(),
            read_receipts: true,
            mdns: true,
            share_presence: false,
            auto_fetch_bytes: auto_fetch_bytes(),
        }
    }
}

/// The newest known profile: the account's own record, or one that came along with something else.
///
/// # Errors
/// The store's, or damage.
pub fn profile(read: &dyn Read, account: &AccountId) -> Result<Option<Profile>, EngineError> {
    match get_slot(read, account, &Kind::Profile, PROFILE_SLOT)? {
        Some((_, record)) => Ok(Some(record.body()?)),
        None => get_value(read, keys::seen(account)),
    }
}

/// Whether the account's own profile record is here.
pub(super) fn has_record(read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
    Ok(get_slot(read, account, &Kind::Profile, PROFILE_SLOT)?.is_some())
}

/// How to show somebody.
///
/// # Errors
/// The store's, or damage.
pub fn party(read: &dyn Read, account: &AccountId) -> Result<Party, EngineError> {
    let (name, picture) = match profile(read, account)? {
        Some(profile) => (profile.name, profile.picture),
        None => (short_name(account), None),
    };
    Ok(Party { account: *account, name, picture })
}

/// A stand-in for a name: the first eight characters of the id.
#[must_use]
pub fn short_name(account: &AccountId) -> String {
    to_base32(account.0.get(..5).unwrap_or_default())
}

/// The devices of an account, oldest first.
///
/// # Errors
/// The store's, or damage.
pub fn devices(read: &dyn Read, account: &AccountId) -> Result<Vec<DeviceView>, EngineError> {
    let mut known: Vec<DeviceId> = peers::devices(read, account)?.into_iter().map(|(device, _)| device).collect();
    known.extend(identity::certificate(read)?.filter(|own| own.account == *account).map(|own| own.device));
    known.sort();
    known.dedup();
    let mut views = Vec::with_capacity(known.len());
    for device in known {
        let revoked = revoked_from(read, account, &device)?.is_some();
        let record = get_slot(read, account, &Kind::Device, &device.to_string())?;
        let (name, added_at) = match record {
            Some((_, record)) => (record.body::<hutong_protocol::account::Device>()?.name, record.header.at),
            None => (to_base32(device.0.get(..5).unwrap_or_default()), TimestampMs(0)),
        };
        views.push(DeviceView { device, name, added_at, revoked });
    }
    views.sort_by_key(|view| (view.added_at, view.device));
    Ok(views)
}

/// From when on a device's records are not valid; `None`: it was not revoked.
///
/// # Errors
/// The store's, or damage.
pub fn revoked_from(
    read: &dyn Read,
    account: &AccountId,
    device: &DeviceId,
) -> Result<Option<TimestampMs>, EngineError> {
    let Some(value) = read.get(&keys::revoked(account, device))? else { return Ok(None) };
    let bytes = <[u8; 8]>::try_from(&*value).map_err(|_| EngineError::Damaged("a revocation row".into()))?;
    Ok(Some(TimestampMs(u64::from_be_bytes(bytes))))
}

/// Whether the user confirmed the recovery phrase.
///
/// # Errors
/// The store's.
pub fn phrase_confirmed(read: &dyn Read) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::confirmed())?)
}

/// Whether an account is known to run a store.
///
/// # Errors
/// The store's.
pub fn is_store(read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
    Ok(get_slot(read, account, &Kind::Store, hutong_protocol::market::STORE_SLOT)?.is_some())
}

/// The user's settings.
///
/// # Errors
/// The store's, or damage.
pub fn settings(read: &dyn Read) -> Result<Settings, EngineError> {
    Ok(get_value::<Settings>(read, keys::settings())?.unwrap_or_default())
}

/// The user's postal addresses, the usual one first.
///
/// # Errors
/// The store's, or damage.
pub fn addresses(read: &dyn Read) -> Result<Vec<Address>, EngineError> {
    Ok(get_value(read, keys::addresses())?.unwrap_or_default())
}
