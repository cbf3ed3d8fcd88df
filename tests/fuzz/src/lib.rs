//! What the fuzz targets share: fixed keys, and what must hold of whatever decodes.

use std::fmt::Debug;

use hutong_protocol::{AccountKey, Certificate, DeviceKey, TimestampMs, codec};
use serde::{Serialize, de::DeserializeOwned};

/// When everything begins: the golden vectors' certificate.
pub const START: TimestampMs = TimestampMs(1_760_000_000_000);

/// The author of the golden vectors, so that their records can be changed and signed again.
pub fn author() -> (DeviceKey, Certificate) {
    let (account, device) = (AccountKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
    let certificate = Certificate::issue(&account, device.id(), START);
    (device, certificate)
}

/// What decodes has one form on the wire, and reads back as itself.
///
/// # Panics
/// If not.
pub fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = codec::encode(value).expect("what was decoded can be encoded");
    let again: T = codec::decode(&bytes, usize::MAX).expect("what was encoded decodes");
    assert_eq!(&again, value);
}
