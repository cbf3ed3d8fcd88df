//! Topics: where a record is published. At once the gossip topic and the set that two nodes reconcile.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    ids::{AccountId, GroupId, to_base32},
    limits::TOPIC_BYTES_MAX,
};

/// A topic. Its text form is on the wire; an unknown one is kept and relayed but never followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// `profile/<account>`: profile, devices, revocations, recommendations.
    Profile(AccountId),
    /// `store/<account>`: store, listings, reviews.
    Store(AccountId),
    /// `group/<group>`: a public group.
    Group(GroupId),
    /// `private/<group>`: a private group, among its members; never gossiped, never reconciled.
    Private(GroupId),
    /// `direct/<pair>`: between two accounts; never gossiped, never reconciled with others.
    Direct(PairId),
    /// Any other.
    Other(String),
}

/// Two accounts, in either order. A hash, so that the topic alone does not name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub [u8; 32]);

impl PairId {
    /// The pair of `a` and `b`, the same as that of `b` and `a`.
    #[must_use]
    pub fn of(a: &AccountId, b: &AccountId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 pair id");
        hasher.update(&low.0).update(&high.0);
        Self(*hasher.finalize().as_bytes())
    }
}

/// Why a text is not a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a topic: <word>/<name>, at most {TOPIC_BYTES_MAX} bytes, is expected")]
pub struct ParseTopicError;

impl Topic {
    /// The private topic of two accounts.
    #[must_use]
    pub fn direct(a: &AccountId, b: &AccountId) -> Self {
        Self::Direct(PairId::of(a, b))
    }

    /// The topic of a group: what its id says.
    #[must_use]
    pub const fn of_group(group: GroupId) -> Self {
        if group.is_private() { Self::Private(group) } else { Self::Group(group) }
    }

    /// The group whose topic this is.
    #[must_use]
    pub const fn group(&self) -> Option<GroupId> {
        match self {
            Self::Group(group) | Self::Private(group) => Some(*group),
            _ => None,
        }
    }

    /// Whether records of this topic may be gossiped and reconciled with anybody who follows it.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        !matches!(self, Self::Direct(_) | Self::Private(_))
    }

    /// 16 bytes that stand for the topic in keys and as the gossip topic.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let hash = blake3::derive_key("hutong v1 topic key", self.to_string().as_bytes());
        hash.first_chunk().copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Profile(account) => write!(f, "profile/{account}"),
            Self::Store(account) => write!(f, "store/{account}"),
            Self::Group(group) => write!(f, "group/{group}"),
            Self::Private(group) => write!(f, "private/{group}"),
            Self::Direct(pair) => write!(f, "direct/{}", to_base32(&pair.0)),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for Topic {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<Self, ParseTopicError> {
        let (word, name) = text.split_once('/').ok_or(ParseTopicError)?;
        if text.len() > TOPIC_BYTES_MAX || word.is_empty() || name.is_empty() {
            return Err(ParseTopicError);
        }
        Ok(match word {
            "profile" => Self::Profile(name.parse().map_err(|_| ParseTopicError)?),
            "store" => Self::Store(name.parse().map_err(|_| ParseTopicError)?),
            "group" | "private" => {
                let topic = Self::of_group(name.parse().map_err(|_| ParseTopicError)?);
                // The id and the word say the same, or it is neither.
                if topic.is_public() != (word == "group") {
                    return Err(ParseTopicError);
                }
                topic
            }
            "direct" => Self::Direct(PairId(crate::ids::from_base32(name).map_err(|_| ParseTopicError)?)),
            _ => Self::Other(text.to_owned()),
        })
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let (a, b) = (AccountId([1; 32]), AccountId([2; 32]));
        for topic in [
            Topic::Profile(a),
            Topic::Store(b),
            Topic::of_group(GroupId([3; 32])),
            Topic::of_group(GroupId([0x83; 32])),
            Topic::direct(&a, &b),
            Topic::Other("tag/strawberries".into()),
        ] {
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
        assert_eq!(Topic::direct(&a, &b), Topic::direct(&b, &a));
        let (public, private) = (GroupId([3; 32]), GroupId([0x83; 32]));
        for wrong in [format!("group/{private}"), format!("private/{public}")] {
            assert!(wrong.parse::<Topic>().is_err(), "{wrong}");
        }
        for wrong in ["", "profile", "profile/", "/x", "store/nobody", &format!("tag/{}", "x".repeat(TOPIC_BYTES_MAX))]
        {
            assert!(wrong.parse::<Topic>().is_err(), "{wrong}");
        }
    }
}
