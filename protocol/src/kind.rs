//! What a record is about.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{limits::KIND_BYTES_MAX, topic::Topic};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kind of a record. Unknown ones survive: they are kept and relayed under quota and otherwise ignored.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $name,)*
            /// A kind of a later version.
            Unknown(String),
        }

        impl Kind {
            /// All kinds of this version.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown(text) => text,
                }
            }

            /// From the name on the wire.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($text => Self::$name,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

kinds! {
    /// A person's or store's public profile; replaceable.
    Profile = "profile",
    /// A device of the account; replaceable.
    Device = "device",
    /// A device no longer speaks for the account.
    Revocation = "revocation",
    /// One account asks another to be in touch.
    ContactRequest = "contact.request",
    /// The answer.
    ContactAnswer = "contact.answer",
    /// A direct message.
    Message = "message",
    /// Something is done with a direct message: a reaction, an edit, a recall.
    MessageAction = "message.action",
    /// Delivered, or read.
    Receipt = "receipt",
    /// Where a device's mail may be left for it; replaceable.
    Route = "route",
    /// The user's own state, among the devices of the account; replaceable.
    Own = "own",
    /// Makes a node a device of the account.
    Adoption = "device.adoption",
    /// An entry of a group's log: who is in it, what holds in it.
    GroupEntry = "group.entry",
    /// Somebody wants to come into a group.
    GroupKnock = "group.knock",
    /// The answer: they are in, or not.
    GroupWelcome = "group.welcome",
    /// A member lacks something of a private group.
    GroupAsk = "group.ask",
    /// Somebody joins or leaves; replaceable.
    GroupMember = "group.member",
    /// A message to a group.
    GroupMessage = "group.message",
    /// Something is done with a group's message.
    GroupAction = "group.action",
    /// A store; replaceable.
    Store = "store",
    /// Something for sale; replaceable.
    Listing = "listing",
    /// One entry of an order's log.
    Order = "order",
    /// A review by somebody who bought; replaceable.
    Review = "review",
    /// "My friends bought this"; replaceable.
    Recommendation = "recommendation",
    /// Takes the place of a record whose body was dropped.
    Tombstone = "tombstone",
}

impl Kind {
    /// Where this kind may be.
    #[must_use]
    pub const fn place(&self) -> KindPlace {
        match self {
            Self::ContactRequest
            | Self::ContactAnswer
            | Self::Message
            | Self::MessageAction
            | Self::Receipt
            | Self::Route
            | Self::Own
            | Self::Adoption
            | Self::GroupKnock
            | Self::GroupWelcome
            | Self::GroupAsk
            | Self::Order => KindPlace::Direct,
            Self::GroupEntry | Self::GroupMessage | Self::GroupAction => KindPlace::Group,
            Self::Tombstone | Self::Unknown(_) => KindPlace::Anywhere,
            _ => KindPlace::Public,
        }
    }
}

/// Where a kind of record may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindPlace {
    /// Only in a direct topic: it never leaves unsealed or off an encrypted stream.
    Direct,
    /// In the topic of a group; sealed if the group is private.
    Group,
    /// In public topics.
    Public,
    /// Anywhere.
    Anywhere,
}

impl KindPlace {
    /// Whether the topic is such a place.
    #[must_use]
    pub const fn allows(self, topic: &Topic) -> bool {
        match self {
            Self::Direct => matches!(topic, Topic::Direct(_)),
            Self::Group => matches!(topic, Topic::Group(_) | Topic::Private(_)),
            Self::Public => topic.is_public(),
            Self::Anywhere => true,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if name.is_empty() || name.len() > KIND_BYTES_MAX {
            return Err(D::Error::custom("a kind has 1 to 32 bytes"));
        }
        Ok(Self::from_name(&name))
    }
}
