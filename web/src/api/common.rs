//! Shapes that several features share: ids, times, money, parties.

use hutong_protocol as protocol;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $($from:ty),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
        #[schema(value_type = String, pattern = "^[a-z2-7]{52}$")]
        pub struct $name(pub [u8; 32]);

        $(
            impl From<$from> for $name {
                fn from(id: $from) -> Self {
                    Self(id.0)
                }
            }

            impl From<$name> for $from {
                fn from(id: $name) -> Self {
                    Self(id.0)
                }
            }
        )+

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&protocol::ids::to_base32(&self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = protocol::ids::ParseIdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                protocol::ids::from_base32(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

text_id! {
    /// An account, device, record or group: 32 bytes as 52 lower-case base32 characters.
    Id, protocol::AccountId, protocol::DeviceId, protocol::RecordId, protocol::GroupId
}
text_id! {
    /// A blob by the BLAKE3 hash of its content: 52 lower-case base32 characters.
    BlobHash, protocol::BlobHash
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Ms(pub u64);

impl From<protocol::TimestampMs> for Ms {
    fn from(time: protocol::TimestampMs) -> Self {
        Self(time.0)
    }
}

impl From<Ms> for protocol::TimestampMs {
    fn from(time: Ms) -> Self {
        Self(time.0)
    }
}

/// Degrees on earth, kept in ten-millionths (about a centimetre).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = f64)]
pub struct Degrees(pub i32);

impl Degrees {
    /// The nearest; what is far beyond the earth stays beyond it.
    #[must_use]
    pub fn of(degrees: f64) -> Self {
        // A cast keeps within the type's bounds, which lie beyond every place.
        Self((degrees * 1e7).round() as i32)
    }
}

impl Serialize for Degrees {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1e7)
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of)
    }
}

/// A sum in whole minor units, never a fraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Minor units: 1250 with exponent 2 is 12.50.
    pub minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimal places of the currency: CNY 2, JPY 0.
    pub exponent: u8,
}

/// Somebody, as shown beside what they wrote or sell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Party {
    /// Who.
    pub account: Id,
    /// The name to show: my alias for them, else their own name, else a short form of the account.
    pub name: String,
    /// Their picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// Whether we are in touch.
    pub is_contact: bool,
    /// Whether they run a store.
    pub is_store: bool,
}

/// For a field of a PATCH where "absent" (leave it) and `null` (clear it) differ.
///
/// # Errors
/// Those of `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Patch {
        #[serde(default, deserialize_with = "present")]
        picture: Option<Option<BlobHash>>,
    }

    #[test]
    fn ids_are_text_in_json() {
        let id = Id([7; 32]);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json.len(), 54);
        assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), id);
        assert!(serde_json::from_str::<Id>("\"short\"").is_err());
    }

    #[test]
    fn degrees_survive_json_to_the_last_digit() {
        for e7 in [0, 399_042_111, -1_164_073_951, 900_000_000, -1_800_000_000, i32::MAX] {
            let json = serde_json::to_string(&Degrees(e7)).unwrap();
            assert_eq!(serde_json::from_str::<Degrees>(&json).unwrap(), Degrees(e7), "{json}");
        }
        assert_eq!((Degrees::of(1e300).0, Degrees::of(-1e300).0), (i32::MAX, i32::MIN));
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        let read = |json: &str| serde_json::from_str::<Patch>(json).unwrap().picture;
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"picture":null}"#), Some(None));
        let hash = BlobHash([1; 32]);
        assert_eq!(read(&format!(r#"{{"picture":"{hash}"}}"#)), Some(Some(hash)));
    }
}
