//! Certificates: an account says that a device speaks for it. They travel with every record, so a record verifies by
//! itself. And revocations: the account says that a device no longer does.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, DeviceId},
    signature::{AccountKey, Claim, Purpose, Signature},
    time::TimestampMs,
};

/// The account's signature over a device key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Who certifies.
    pub account: AccountId,
    /// Who is certified.
    pub device: DeviceId,
    /// Records of this device with an earlier `at` are not valid.
    pub not_before: TimestampMs,
    /// The account's signature, [`Purpose::Certificate`].
    pub signature: Signature,
}

impl Certificate {
    /// Certifies `device`.
    #[must_use]
    pub fn issue(account: &AccountKey, device: DeviceId, not_before: TimestampMs) -> Self {
        let id = account.id();
        let signature = account.sign(Purpose::Certificate, &Self::message(&id, &device, not_before));
        Self { account: id, device, not_before, signature }
    }

    fn message(account: &AccountId, device: &DeviceId, not_before: TimestampMs) -> [u8; 72] {
        statement(account, device, not_before)
    }

    /// The signed message: account, device, not_before (8 bytes, big endian).
    #[must_use]
    pub fn signed_message(&self) -> [u8; 72] {
        Self::message(&self.account, &self.device, self.not_before)
    }

    /// The signature as a claim to be checked, over `message` = [`Certificate::signed_message`].
    #[must_use]
    pub fn claim<'a>(&'a self, message: &'a [u8; 72]) -> Claim<'a> {
        Claim { key: &self.account.0, purpose: Purpose::Certificate, message, signature: &self.signature }
    }

    /// Whether the account really signed this.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        crate::signature::verify(&self.claim(&self.signed_message())).is_ok()
    }
}

/// The account's word that a device no longer speaks for it. Signed by the account itself, so that a stolen device
/// cannot revoke the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationStatement {
    /// Whose device.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// Records of the device with this `at` or a later one are not valid, whenever they arrive.
    pub not_after: TimestampMs,
    /// The account's signature, [`Purpose::Revocation`].
    pub signature: Signature,
}

impl RevocationStatement {
    /// Revokes `device`.
    #[must_use]
    pub fn issue(account: &AccountKey, device: DeviceId, not_after: TimestampMs) -> Self {
        let id = account.id();
        let signature = account.sign(Purpose::Revocation, &statement(&id, &device, not_after));
        Self { account: id, device, not_after, signature }
    }

    /// Whether the account really signed this.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let message = statement(&self.account, &self.device, self.not_after);
        let claim =
            Claim { key: &self.account.0, purpose: Purpose::Revocation, message: &message, signature: &self.signature };
        crate::signature::verify(&claim).is_ok()
    }
}

fn statement(account: &AccountId, device: &DeviceId, time: TimestampMs) -> [u8; 72] {
    let mut message = [0; 72];
    let (accounts, rest) = message.split_at_mut(32);
    accounts.copy_from_slice(&account.0);
    let (devices, times) = rest.split_at_mut(32);
    devices.copy_from_slice(&device.0);
    times.copy_from_slice(&time.0.to_be_bytes());
    message
}
