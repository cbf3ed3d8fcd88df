//! Mailboxes: nodes that keep sealed items for a device until it fetches them.
//!
//! ```text
//! read key (32 random bytes, the owner's) ──hash──► write key (given to one contact) ──hash──► queue id (what is stored)
//! ```
//! Every contact has a write key of its own at every mailbox, so the keys and ids that a mailbox sees tell nothing about
//! who writes, and nothing about two queues being of one person's contacts but that they are fetched together.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    circle::CircleSecret,
    ids::{AccountId, DeviceId},
    limits::{LINK_ADDRESSES_MAX, MAILBOXES_MAX, STRANGER_ADDRESSES_MAX, STRANGER_MAILBOXES_MAX},
    postage::Postmark,
    record::RecordError,
};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(serde_bytes::Bytes::new(&self.0), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes: serde_bytes::ByteArray<32> = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self(bytes.into_array()))
            }
        }
    };
}

pub(crate) use key;

key! {
    /// Lets its holder fetch from a queue, and empty it. The owner's secret.
    ReadKey
}
key! {
    /// Lets its holder put items into a queue. A secret between the owner and one contact.
    WriteKey
}
key! {
    /// Names a queue in the mailbox's store.
    QueueId
}

impl ReadKey {
    /// The key that writes into this queue.
    #[must_use]
    pub fn write_key(&self) -> WriteKey {
        WriteKey(blake3::derive_key("hutong v1 mailbox write", &self.0))
    }
}

impl WriteKey {
    /// The queue.
    #[must_use]
    pub fn queue(&self) -> QueueId {
        QueueId(blake3::derive_key("hutong v1 mailbox queue", &self.0))
    }
}

/// One item of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// Its place in the queue, to be acknowledged by.
    pub number: u64,
    /// The sealed item.
    pub item: ByteBuf,
}

/// What a queue gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Which of the queues asked for, counted from 0.
    pub queue: u32,
    /// Its oldest items.
    pub items: Vec<QueueItem>,
}

/// A queue that anybody may write into who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrangerQueue {
    /// Its read key.
    pub read: ReadKey,
    /// The least postage for an item.
    pub bits: u8,
}

/// What may be asked of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxRequest {
    /// "Keep these for whoever reads that queue", in this order.
    Deposit {
        /// The queue's write key.
        write: WriteKey,
        /// Sealed items.
        items: Vec<ByteBuf>,
    },
    /// "What is in these queues?" Opens those that are not there.
    Fetch {
        /// The queues' read keys.
        reads: Vec<ReadKey>,
        /// The queue where this device takes what strangers ask. Comes behind the others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strangers: Option<StrangerQueue>,
    },
    /// From anybody: "keep this one for whoever reads that queue for strangers; here is the postage".
    Ask {
        /// The queue's write key, which is public.
        write: WriteKey,
        /// A sealed item of at most 4 KiB.
        item: ByteBuf,
        /// The work done for it.
        postmark: Postmark,
    },
    /// "I have these for good."
    Acknowledge {
        /// The queue's read key.
        read: ReadKey,
        /// Items up to and including this number.
        up_to: u64,
    },
    /// From the mailbox to the reader: "something came".
    Ring,
    /// From anybody who is connected: a word of the moment, sealed ([`Live`](crate::presence::Live)). Never kept.
    Live {
        /// An item of the smallest size, with a [`Letter`](crate::seal::Letter) whose text is the word itself.
        item: ByteBuf,
    },
}

impl MailboxRequest {
    /// The size in bytes of the word of the moment; 0 if it is none.
    #[must_use]
    pub fn whisper_bytes(&self) -> usize {
        if let Self::Live { item } = self { item.len() } else { 0 }
    }
}

/// What a mailbox answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxAnswer {
    /// To a deposit: so many of the items, from the first on, are stored durably (or were). `full`: the queue or the
    /// owner's quota has no room for the next.
    Deposited {
        /// How many.
        stored: u32,
        /// Why not all.
        full: bool,
    },
    /// To a fetch. `more`: acknowledge these and ask again.
    Fetched {
        /// What was found.
        queues: Vec<Fetched>,
        /// Whether there is more.
        more: bool,
    },
    /// To an acknowledgement, and to a ring.
    Done,
    /// To what a stranger asks: the queue wants at least so much postage, and a stamp that was not used before.
    Postage {
        /// In bits.
        bits: u8,
    },
    /// This node keeps nothing for the asker, or knows no such queue.
    Refused,
    /// Not now.
    Busy,
}

/// A mailbox as its owner names it to one contact. Whose node it is is not said: that would tell who else is a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The node's device.
    pub device: DeviceId,
    /// Where it can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The key to write with.
    pub write: WriteKey,
}

impl Mailbox {
    /// Whether it names at most so many addresses, each of a sensible form.
    #[must_use]
    pub fn has_addresses(&self, most: usize) -> bool {
        let fits = |address: &String| address.len() <= 256 && address.starts_with('/');
        self.addresses.len() <= most && self.addresses.iter().all(fits)
    }
}

/// The few mailboxes that are named to somebody who is no contact.
///
/// # Errors
/// [`RecordError::Field`] if there are too many, or too many addresses.
pub fn check_mailboxes(mailboxes: &[Mailbox]) -> Result<(), RecordError> {
    let fits = |mailbox: &Mailbox| mailbox.has_addresses(STRANGER_ADDRESSES_MAX);
    if mailboxes.len() <= STRANGER_MAILBOXES_MAX && mailboxes.iter().all(fits) {
        Ok(())
    } else {
        Err(RecordError::Field("at most 2 mailboxes of 2 addresses"))
    }
}

/// Body of [`Kind::Route`](crate::Kind::Route): where one device's mail may be left for it by one contact. In the topic of
/// the two; slot = the contact's account and the device, in text form, with a slash between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The contact that it is for.
    pub to: AccountId,
    /// The mailboxes; empty: none any more.
    pub mailboxes: Vec<Mailbox>,
    /// The account's circle secret, if the other is one of its contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleSecret>,
}

impl Route {
    /// The slot of a device's route for a contact.
    #[must_use]
    pub fn slot(to: &AccountId, device: &DeviceId) -> String {
        format!("{to}/{device}")
    }

    /// # Errors
    /// [`RecordError::Field`] if there are too many mailboxes or addresses.
    pub fn validate(&self) -> Result<(), RecordError> {
        let fits = |mailbox: &Mailbox| mailbox.has_addresses(LINK_ADDRESSES_MAX);
        if self.mailboxes.len() <= MAILBOXES_MAX && self.mailboxes.iter().all(fits) {
            Ok(())
        } else {
            Err(RecordError::Field("a route has at most 8 mailboxes of 6 addresses"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_one_way_and_are_never_shown() {
        let read = ReadKey([7; 32]);
        let (write, queue) = (read.write_key(), read.write_key().queue());
        assert!(read.0 != write.0 && write.0 != queue.0);
        assert_eq!(format!("{read:?} {write:?} {queue:?}"), "ReadKey(..) WriteKey(..) QueueId(..)");
    }
}
