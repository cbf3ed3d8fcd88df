//! What the network tells the runtime, and how the runtime answers.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, BlobHash, Certificate, DeviceId, RecordId, TimestampMs, Topic,
    mailbox::{MailboxAnswer, MailboxRequest},
};
use libp2p::{Multiaddr, PeerId, gossipsub::MessageId};
use tokio::sync::oneshot;

/// Something happened on the network. Delivered in order over one bounded channel: while nobody reads it the network
/// stops reading from its sockets, so peers feel the pressure and nothing is lost but gossip (which sync repairs).
#[derive(Debug)]
#[non_exhaustive]
pub enum NetEvent {
    /// A Hutong node is connected and said who it is. Comes again when it says something new (a node may get its
    /// account after it has connected).
    PeerUp {
        /// The device, proven by the Noise or TLS handshake.
        device: DeviceId,
        /// For whom it speaks: the account's signature has been checked, and that it names this device. Whether it
        /// was revoked is for the receiver to know.
        certificate: Option<Certificate>,
        /// Where it says it can be reached; a hint.
        addresses: Vec<Multiaddr>,
    },
    /// The last connection to a device that was [`NetEvent::PeerUp`] is gone.
    PeerDown {
        /// Which.
        device: DeviceId,
    },
    /// Somebody relayed a record. Answer soon with [`NetHandle::verdict`](super::NetHandle::verdict): it is spread
    /// further only then, and forgotten after a few seconds.
    Gossip {
        /// Who relayed it (not who wrote it).
        from: DeviceId,
        /// Names it in the verdict.
        token: GossipToken,
        /// The signed envelope, not looked at yet.
        bytes: Arc<[u8]>,
    },
    /// Records delivered to us directly. Answer through `reply` when they are committed.
    Mail {
        /// The delivering device.
        from: DeviceId,
        /// Signed envelopes, not looked at yet; in the order they were sent.
        records: Vec<Vec<u8>>,
        /// Where the answer goes.
        reply: MailReply,
    },
    /// Records that a peer had and we lacked, in batches of at most [`SYNC_BATCH_RECORDS_MAX`](super::SYNC_BATCH_RECORDS_MAX).
    Synced {
        /// Who had them.
        from: DeviceId,
        /// The reconciled topic; `None` for the answer to [`NetHandle::get_slots`](super::NetHandle::get_slots).
        topic: Option<Topic>,
        /// Signed envelopes, not looked at yet. Empty with `done` if there was nothing to get.
        records: Vec<Vec<u8>>,
        /// Whether this peer has nothing more for now.
        done: bool,
        /// Keep it until the records are committed (or refused), then drop it: only then the next batch is fetched.
        ack: SyncAck,
    },
    /// A device asks this node as a mailbox. Answer through `reply` when what it changes is committed.
    Mailbox {
        /// The asking device.
        from: DeviceId,
        /// What it asks.
        request: MailboxRequest,
        /// Where the answer goes.
        reply: MailboxReply,
    },
    /// The answer to [`NetHandle::ask_mailbox`](super::NetHandle::ask_mailbox).
    MailboxAnswer {
        /// The mailbox.
        from: DeviceId,
        /// The number of the question.
        number: u64,
        /// `None`: it could not be reached, or did not answer.
        answer: Option<MailboxAnswer>,
    },
    /// What became of records given to [`NetHandle::send`](super::NetHandle::send).
    Sent {
        /// The recipient.
        to: DeviceId,
        /// The records, in the order they were sent.
        ids: Vec<RecordId>,
        /// What became of them.
        outcome: SendOutcome,
    },
    /// A record given to [`NetHandle::publish`](super::NetHandle::publish) was handed to this many peers. 0: nobody
    /// who follows the topic is connected; they will get it by sync.
    Published {
        /// The record.
        id: RecordId,
        /// Peers it was sent to.
        peers: usize,
    },
    /// We listen on one more address (complete with `/p2p/…`).
    Listening {
        /// The address.
        addr: Multiaddr,
    },
    /// Where this node can be reached now, all of it, the best first; comes when that changed.
    Reachable {
        /// The addresses, complete with `/p2p/…`.
        addresses: Vec<Multiaddr>,
    },
    /// A blob that is being fetched came further; at most four times a second for each.
    BlobProgress {
        /// Which.
        hash: BlobHash,
    },
    /// A dial asked for by [`NetHandle::dial`](super::NetHandle::dial) came to nothing.
    DialFailed {
        /// Whom we wanted, if it was known.
        device: Option<DeviceId>,
        /// Why, for a person.
        reason: String,
    },
}

/// Names a gossiped message that waits for its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GossipToken {
    pub(super) message: MessageId,
    pub(super) relay: PeerId,
}

/// What is to be done with a gossiped message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Valid and new: spread it.
    Accept,
    /// Do not spread it, nobody's fault: known already, not ours to judge, no room.
    Ignore,
    /// Provably wrong: do not spread it; whoever relayed it without looking is at fault.
    Reject,
}

/// What the recipient did with one delivered record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// Committed now.
    Stored,
    /// It was there already.
    Known,
    /// Refused for good; sending it again is no use.
    Refused,
    /// Not now (no room, an earlier record is missing, a failure of the recipient's own); try again later.
    Later,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The recipient answered for each record, in order.
    Answered(Vec<MailOutcome>),
    /// The recipient is connected but too busy now; try again in a while.
    Busy,
    /// It could not be reached, or did not answer in time. It may or may not have the records.
    Unreachable,
}

/// Where the answer to delivered mail goes. Dropping it answers "busy": the sender tries again later.
#[derive(Debug)]
pub struct MailReply(pub(super) oneshot::Sender<Vec<MailOutcome>>);

impl MailReply {
    /// Answers for each record, in the order they came. Call it after the commit, never before.
    pub fn answer(self, outcomes: Vec<MailOutcome>) {
        if self.0.send(outcomes).is_err() {
            tracing::debug!("the mail's sender is gone; it will send again");
        }
    }
}

/// Where a mailbox's answer goes. Dropping it answers "busy".
#[derive(Debug)]
pub struct MailboxReply(pub(super) oneshot::Sender<MailboxAnswer>);

impl MailboxReply {
    /// Answers. Call it after the commit, never before.
    pub fn answer(self, answer: MailboxAnswer) {
        if self.0.send(answer).is_err() {
            tracing::debug!("whoever asked the mailbox is gone; it will ask again");
        }
    }
}

/// Lets the next batch come when it is dropped.
#[derive(Debug)]
pub struct SyncAck(#[expect(dead_code, reason = "dropping it is the message")] pub(super) Option<oneshot::Sender<()>>);

/// The network as the network page shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkStatus {
    /// Addresses we listen on, complete with `/p2p/…`.
    pub listen: Vec<Multiaddr>,
    /// Addresses at which others have seen us.
    pub external: Vec<Multiaddr>,
    /// How far we can be reached.
    pub reachability: Reachability,
    /// Relays through which others can reach us.
    pub relays: Vec<RelayStatus>,
    /// What we carry for others, if we offer it.
    pub relaying: Option<RelayingStatus>,
    /// Connected peers, by device.
    pub peers: Vec<PeerStatus>,
    /// Subscribed topics, by topic, with the number of connected peers that follow each.
    pub topics: Vec<(Topic, usize)>,
    /// Counters since the start.
    pub traffic: Traffic,
}

/// How far this node can be reached by others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reachability {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Only from this machine or the local network, as far as is known.
    LocalOnly,
    /// We can call others, but nobody outside can call us: behind a NAT or a firewall, and without a relay.
    OutgoingOnly,
    /// Through a relay, and directly where a hole can be punched.
    Relayed,
    /// At a port that the router opened for us (UPnP).
    Mapped,
    /// Others reached us at a public address.
    Public,
}

/// A relay through which others can reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayStatus {
    /// Its device.
    pub device: DeviceId,
    /// Whose it is, if it has said so.
    pub account: Option<AccountId>,
}

/// What we carry for others, and what of it is the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayingStatus {
    /// Peers that can be reached through us.
    pub reservations: usize,
    /// The most of them.
    pub reservations_max: usize,
    /// Circuits that we carry.
    pub circuits: usize,
    /// The most of them.
    pub circuits_max: usize,
    /// What one circuit carries at most, in bytes.
    pub circuit_bytes_max: u64,
    /// How long one circuit lasts at most, in milliseconds.
    pub circuit_ms_max: u64,
}

/// Which transport a connection uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP, Noise, Yamux.
    Tcp,
    /// QUIC.
    Quic,
    /// A circuit through a relay; what passes is encrypted between the two ends.
    Relay,
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The peer did.
    In,
    /// We did.
    Out,
}

/// One connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Its device.
    pub device: DeviceId,
    /// Its account, if it has said so.
    pub account: Option<AccountId>,
    /// The address of the (newest) connection.
    pub address: Multiaddr,
    /// Its transport.
    pub transport: Transport,
    /// Its direction.
    pub direction: Direction,
    /// The last round trip in milliseconds.
    pub rtt_ms: Option<u64>,
    /// Penalty points: 0 is clean, [`BAN_POINTS`](super::BAN_POINTS) is out.
    pub score: u32,
    /// How many of our topics it follows.
    pub topics: usize,
    /// Connected since.
    pub since: TimestampMs,
}

/// Counters since the start of the node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received on all connections, above encryption.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Records received by gossip, mail and sync.
    pub records_in: u64,
    /// Records sent by gossip (own ones), mail and sync.
    pub records_out: u64,
    /// Gossiped records that were there already.
    pub duplicates: u64,
    /// Gossiped records that were refused.
    pub rejected: u64,
}
