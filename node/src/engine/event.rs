//! What the engine tells: features among themselves, the shell, the screen.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, BlobHash, Certificate, DeviceId, GroupId, Kind, RecordId, TimestampMs, Topic,
    account::Profile,
    chat::{Card, ReceiptStatus},
    mailbox::{MailboxAnswer, MailboxRequest},
    own::Own,
    postage::Work,
};

use serde::{Deserialize, Serialize};

use super::{
    cx::Cx,
    error::{EngineError, Verdict},
};

/// Where a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node's own.
    Own,
    /// Heard on a gossip topic.
    Gossip,
    /// Learned by reconciling a set, or asked for.
    Sync,
    /// Delivered to this device.
    Mail,
}

/// Names a caller's question, so that the answer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub u64);

/// What became of one delivered record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored durably (or already here).
    Stored,
    /// Refused for good.
    Refused,
    /// Not now: try again later.
    Later,
    /// Nobody knows: the device could not be reached, was too busy, or did not answer.
    Undelivered,
}

/// A question or order of the user, run inside the engine's transaction.
///
/// It returns what to do once the transaction is on disk (or could not be written): usually to answer a waiting caller.
pub type Call = Box<dyn FnOnce(&mut Cx<'_>) -> Answer + Send>;

/// See [`Call`]. `keep` false undoes what the call wrote.
pub struct Answer {
    /// Whether to keep what was written.
    pub keep: bool,
    /// Run after the commit, with its result.
    pub finish: Box<dyn FnOnce(Result<(), EngineError>) + Send>,
}

/// What comes into the engine.
pub enum Input {
    /// Records from somewhere. With a token, their [`Effect::Outcomes`] are reported after the commit.
    Records {
        /// Where from.
        source: Source,
        /// Signed envelopes.
        records: Vec<Arc<[u8]>>,
        /// Whose they are to answer.
        token: Option<Token>,
    },
    /// Sealed items for this device. With a token, their [`Effect::Outcomes`] are reported after the commit.
    Sealed {
        /// Items.
        items: Vec<Arc<[u8]>>,
        /// Whose they are to answer.
        token: Option<Token>,
    },
    /// A device asks this node as a mailbox. Answered by [`Effect::MailboxAnswer`] after the commit.
    Mailbox {
        /// Which.
        from: DeviceId,
        /// What.
        request: MailboxRequest,
        /// Whose it is to answer.
        token: Token,
    },
    /// A mailbox answered what [`Effect::Mailbox`] asked; without an answer if there was none.
    MailboxAnswer {
        /// Which.
        from: DeviceId,
        /// The number of the question.
        number: u64,
        /// The answer.
        answer: Option<MailboxAnswer>,
    },
    /// Postage was found: what [`Effect::Stamp`] asked for.
    Stamped {
        /// Whom it is to reach.
        to: AccountId,
        /// What was found.
        nonce: u64,
    },
    /// The user's word.
    Call(Call),
    /// A connection to a device stands.
    PeerUp {
        /// The device.
        device: DeviceId,
        /// Its certificate, verified, if it has an account.
        certificate: Option<Certificate>,
        /// Where it was reached.
        addresses: Vec<String>,
    },
    /// The last connection to a device is gone.
    PeerDown(DeviceId),
    /// What became of records that were sent.
    Sent {
        /// To which device.
        to: DeviceId,
        /// Each record's outcome.
        outcomes: Vec<(RecordId, Outcome)>,
    },
    /// A public record went out to so many peers.
    Published {
        /// The record.
        id: RecordId,
        /// Peers it was handed to.
        peers: usize,
    },
    /// A topic's set was reconciled with a peer: both have all of it.
    Reconciled(Topic),
    /// Where this node can be reached now.
    Reachable(Vec<String>),
    /// The search index has everything up to this number on disk.
    IndexedTo(u64),
    /// What [`Effect::FetchBlob`] asked for came to an end.
    Fetched {
        /// Which.
        blob: BlobHash,
        /// How it ended.
        end: FetchEnd,
    },
    /// Time passed.
    Tick,
}

impl Input {
    /// Number of records it brings.
    pub(super) fn record_count(&self) -> usize {
        match self {
            Self::Records { records, .. } => records.len(),
            Self::Sealed { items, .. } => items.len(),
            Self::MailboxAnswer { answer: Some(MailboxAnswer::Fetched { queues, .. }), .. } => {
                queues.iter().map(|queue| queue.items.len()).sum()
            }
            _ => 0,
        }
    }
}

/// What the shell is to do after the commit. Repeating any of them is harmless.
pub enum Effect {
    /// Spread a public record.
    Publish {
        /// On this topic.
        topic: Topic,
        /// Its id.
        id: RecordId,
        /// Its envelope.
        bytes: Arc<[u8]>,
    },
    /// Deliver sealed records to a device, in this order.
    Send {
        /// The device.
        to: DeviceId,
        /// Id and sealed item.
        records: Vec<(RecordId, Arc<[u8]>)>,
    },
    /// Ask a mailbox. With a number other than 0, [`Input::MailboxAnswer`] tells what it said.
    Mailbox {
        /// The mailbox's device.
        to: DeviceId,
        /// Names the question.
        number: u64,
        /// The question.
        request: MailboxRequest,
    },
    /// Work for the postage of a request, off the engine's thread. [`Input::Stamped`] tells what was found.
    Stamp {
        /// Whom it is to reach.
        to: AccountId,
        /// What to work on.
        work: Work,
        /// How much.
        bits: u8,
        /// The nonce to begin with.
        from: u64,
    },
    /// The postage for a request to this account is not needed any more.
    StopStamp(AccountId),
    /// Answer an [`Input::Mailbox`].
    MailboxAnswer(Token, MailboxAnswer),
    /// Follow a topic.
    Follow(Topic),
    /// No longer follow a topic.
    Unfollow(Topic),
    /// Try to reach an account.
    Connect {
        /// The account, if known.
        account: Option<AccountId>,
        /// Its devices with their last addresses.
        devices: Vec<(DeviceId, Vec<String>)>,
        /// More addresses, ending in `/p2p/<peer>`.
        addresses: Vec<String>,
    },
    /// Ask connected peers for the current holders of slots.
    GetSlots {
        /// Whom to ask first; empty: any.
        from: Vec<DeviceId>,
        /// Account, kind, slot name.
        slots: Vec<(AccountId, Kind, String)>,
    },
    /// Records of a public topic were stored or dropped.
    Changed(Topic),
    /// This node's identity is new.
    Identity(Certificate),
    /// Answer a [`Input::Records`] that carried a token.
    Outcomes(Token, Vec<Outcome>),
    /// Finish a [`Call`].
    Answer(Box<dyn FnOnce(Result<(), EngineError>) + Send>),
    /// Get a blob. Answered by [`Input::Fetched`].
    FetchBlob {
        /// Which.
        blob: BlobHash,
        /// The sizes it may have; of any other it is not what was named.
        sizes: Vec<u64>,
        /// Ask nobody else than `from`, and tell nobody that it is here.
        private: bool,
        /// Connected devices that should have it.
        from: Vec<DeviceId>,
    },
    /// Get a blob no further for now.
    StopFetch(BlobHash),
    /// Remove a blob from the disk, unless it is named again by then.
    DropBlob(BlobHash),
    /// Something for the screen.
    Notify(Event),
    /// Something the search index should look at again; gathered into one [`Effect::Reindex`] at the end of the step.
    Index(Indexed),
    /// What the search index should look at again, under the number of this commit.
    Reindex(u64, Vec<Indexed>),
}

/// A gossip verdict, given before the commit: gossip forgets a message that waits.
pub type Verdicts<'a> = dyn FnMut(Token, usize, Verdict) + 'a;

/// For the screen: what changed. Views say how it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message arrived or was written.
    Message {
        /// The conversation.
        chat: ChatId,
        /// The message.
        id: RecordId,
    },
    /// A message is here no longer, and leaves no line.
    MessageGone {
        /// The conversation.
        chat: ChatId,
        /// The message.
        id: RecordId,
    },
    /// Messages moved on.
    MessageState {
        /// The conversation.
        chat: ChatId,
        /// Which messages.
        ids: Vec<RecordId>,
        /// `None`: handed to the network.
        status: Option<ReceiptStatus>,
    },
    /// A conversation's summary changed (unread, muted, …).
    Chat(ChatId),
    /// A contact changed.
    Contact(AccountId),
    /// A group changed.
    Group(GroupId),
    /// A profile changed.
    Profile(AccountId),
    /// Somebody who shares it came or went, as far as this node shows it.
    Presence {
        /// Who.
        account: AccountId,
        /// Here or gone.
        online: bool,
    },
    /// Somebody who shares it is writing.
    Typing {
        /// Where.
        chat: ChatId,
        /// Who.
        account: AccountId,
    },
    /// A node of this account is connected, or no longer.
    Peers(AccountId),
    /// A store changed.
    Store(AccountId),
    /// A listing changed.
    Listing(AccountId, String),
    /// An order changed.
    Order(RecordId),
    /// Reviews of a listing changed.
    Review(AccountId, String),
    /// The cart changed.
    Cart,
    /// A blob is wanted on the screen.
    Blob(BlobHash),
    /// A file of messages came further.
    Attachment(BlobHash),
}

/// How the fetching of a blob ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchEnd {
    /// It is here.
    Here {
        /// And was not before.
        fresh: bool,
    },
    /// It has another size than was claimed; nothing of it was kept.
    WrongSize,
    /// There is no room for it.
    Full,
    /// Nobody has it, or nobody has time: later perhaps.
    NotNow,
    /// It was stopped, as asked.
    Stopped,
}

/// A file that a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its bytes as they are kept.
    pub blob: BlobHash,
    /// Their number, as the message claims.
    pub size: u64,
    /// Whether it is encrypted.
    pub private: bool,
}

/// A conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChatId {
    /// With one account.
    Direct(AccountId),
    /// In a group.
    Group(GroupId),
}

impl std::fmt::Display for ChatId {
    /// The text form, as in the API: `direct-<account>` or `group-<group>`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Direct(account) => write!(f, "direct-{account}"),
            Self::Group(group) => write!(f, "group-{group}"),
        }
    }
}

impl std::str::FromStr for ChatId {
    type Err = hutong_protocol::ids::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('-') {
            Some(("direct", account)) => account.parse().map(Self::Direct),
            Some(("group", group)) => group.parse().map(Self::Group),
            _ => Err(hutong_protocol::ids::ParseIdError),
        }
    }
}

/// Something that can be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Indexed {
    /// A listing.
    Listing(AccountId, String),
    /// A store.
    Store(AccountId),
    /// A person.
    Person(AccountId),
    /// A group.
    Group(GroupId),
    /// A message.
    Message(ChatId, RecordId),
}

/// What a message says beside its text and card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether this very device said it: others of the account bring what they say to a group themselves.
    pub here: bool,
    /// Whom it names.
    pub mentions: Vec<AccountId>,
    /// When it disappears.
    pub expires: Option<TimestampMs>,
    /// From it on messages disappear after so long; 0: no longer.
    pub disappear_ms: Option<u64>,
    /// Files that go with it.
    pub files: Vec<Carried>,
}

/// What one feature tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainEvent {
    /// An account's profile changed.
    ProfileChanged(AccountId),
    /// A profile came along with something else.
    ProfileSeen(AccountId, Profile),
    /// A message is in its conversation.
    MessageArrived {
        /// The conversation.
        chat: ChatId,
        /// The message.
        id: RecordId,
        /// Its time.
        at: TimestampMs,
        /// Who wrote it.
        author: AccountId,
        /// The card it carries.
        card: Option<Card>,
        /// What else it says.
        said: Box<Said>,
    },
    /// A message is here no longer: taken back, over, or deleted by the user.
    MessageGone(RecordId),
    /// A group was joined (or founded) by this node.
    GroupJoined(GroupId),
    /// A group was left by this node.
    GroupLeft(GroupId),
    /// This account and another are now in touch.
    ContactAccepted(AccountId),
    /// This account and another are in a small private group.
    Acquainted(AccountId),
    /// A contact was removed or blocked.
    ContactGone(AccountId),
    /// A stranger's request made room for others: nothing of them is needed any more.
    StrangerGone(AccountId),
    /// This node has business with an account (ordered, asked): it may answer.
    Dealing(AccountId),
    /// A private record reached (or was read by) its recipient.
    Receipt {
        /// The recipient.
        from: AccountId,
        /// How far.
        status: ReceiptStatus,
        /// Which.
        ids: Vec<RecordId>,
    },
    /// A public record went out to so many peers.
    Published(RecordId, usize),
    /// A topic's set was reconciled with a peer.
    Reconciled(Topic),
    /// A private record was handed to a device of its recipient, or refused by it.
    Handed(AccountId, RecordId, Outcome),
    /// A private record was left in a mailbox of its recipient.
    Left(AccountId, RecordId),
    /// Another device of this account can be sealed for from now on.
    OwnDeviceAdded(DeviceId),
    /// Another device of this account says what the user decided there.
    Own(Own),
    /// A device no longer speaks for its account.
    Revoked(AccountId, DeviceId),
    /// A review was published by this node.
    Reviewed {
        /// The order it comes out of.
        order: RecordId,
        /// The public record.
        review: RecordId,
    },
}
