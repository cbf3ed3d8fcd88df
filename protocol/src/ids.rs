//! Identifiers: 32 bytes each, a type of its own each, shown as lower-case base32 without padding (52 characters).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 52 lower-case base32 characters are expected")]
pub struct ParseIdError;

/// Text form of 32 bytes: RFC 4648 base32, lower case, no padding.
#[must_use]
pub fn to_base32(bytes: &[u8]) -> String {
    let mut text = data_encoding::BASE32_NOPAD.encode(bytes);
    text.make_ascii_lowercase();
    text
}

/// The inverse of [`to_base32`] for 32 bytes.
///
/// # Errors
/// [`ParseIdError`] if the text is not exactly 32 bytes in canonical base32.
pub fn from_base32(text: &str) -> Result<[u8; 32], ParseIdError> {
    if text.len() != 52 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ParseIdError);
    }
    let bytes = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| ParseIdError)?;
    bytes.try_into().map_err(|_| ParseIdError)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// From a slice of exactly 32 bytes.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&to_base32(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.to_string().get(..10).unwrap_or_default())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                from_base32(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde_bytes::Bytes::new(&self.0).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde_bytes::ByteArray::<32>::deserialize(deserializer).map(|bytes| Self(bytes.into_array()))
            }
        }
    };
}

id! {
    /// An account: the Ed25519 public key of a person or a store.
    AccountId
}
id! {
    /// A device: the Ed25519 public key of one running node, which is also its libp2p key.
    DeviceId
}
id! {
    /// A record: the BLAKE3 hash of exactly the bytes that were signed.
    RecordId
}
id! {
    /// A blob: the BLAKE3 hash of its content.
    BlobHash
}
id! {
    /// A group: see [`GroupId::derive`].
    GroupId
}

impl RecordId {
    /// The id of these record bytes.
    #[must_use]
    pub fn of(record_bytes: &[u8]) -> Self {
        Self(*blake3::hash(record_bytes).as_bytes())
    }

    /// The id as a CIDv1 (dag-cbor, blake3), the form other IPLD tools know.
    #[must_use]
    pub fn to_cid(&self) -> String {
        let mut bytes = vec![0x01, 0x71, 0x1e, 0x20];
        bytes.extend_from_slice(&self.0);
        format!("b{}", to_base32(&bytes))
    }
}

impl GroupId {
    /// The id of the group that `founder` founded with `nonce`: nobody else can found a group with this id. Its first bit
    /// says whether the group is private, so that nobody mistakes one for the other.
    #[must_use]
    pub fn derive(founder: &AccountId, nonce: &[u8; 16], private: bool) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 group id");
        hasher.update(&founder.0).update(nonce);
        let mut id = *hasher.finalize().as_bytes();
        id[0] = if private { id[0] | 0x80 } else { id[0] & 0x7f };
        Self(id)
    }

    /// Whether what is said in the group is for its members alone.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.0[0] & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_refuses_anything_else() {
        let id = RecordId::of(b"hutong");
        let text = id.to_string();
        assert_eq!(text.len(), 52);
        assert_eq!(text.parse(), Ok(id));
        for wrong in [text.to_uppercase(), text[1..].to_owned(), format!("{text}a"), text.replace(&text[..1], "1")] {
            assert_eq!(wrong.parse::<RecordId>(), Err(ParseIdError), "{wrong}");
        }
        // The last character carries one spare bit pair: a non-canonical one must not name the same id.
        let alias = format!("{}{}", &text[..51], if text.ends_with('a') { 'b' } else { 'a' });
        assert_ne!(alias.parse::<RecordId>().ok(), Some(id));
    }

    #[test]
    fn cid_is_version_1_dag_cbor_blake3() {
        assert!(RecordId([0; 32]).to_cid().starts_with("bafyr4i"));
    }
}
