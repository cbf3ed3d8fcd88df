//! The door to the network: a handle that can be cloned, over a bounded channel to the loop.

use std::sync::Arc;

use hutong_protocol::{AccountId, BlobHash, Certificate, DeviceId, Kind, RecordId, Topic, mailbox::MailboxRequest};
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};

use super::{
    BlobFetchError, Fault, NetError,
    event::{GossipToken, NetworkStatus, Verdict},
    sync::SetCache,
};

/// What the handle asks of the loop.
#[derive(Debug)]
pub(super) enum Command {
    SetIdentity(Certificate),
    Subscribe(Topic),
    Unsubscribe(Topic),
    Publish(Topic, RecordId, Arc<[u8]>),
    Send(DeviceId, Vec<(RecordId, Arc<[u8]>)>),
    Mailbox(DeviceId, u64, MailboxRequest),
    Dial(Option<DeviceId>, Vec<Multiaddr>),
    FindAccount(AccountId),
    GetSlots(Vec<DeviceId>, Vec<(AccountId, Kind, String)>),
    SyncNow(Topic),
    ProvideBlob(BlobHash),
    FetchBlob(Wanted, oneshot::Sender<Result<u64, BlobFetchError>>),
    StopFetch(BlobHash, oneshot::Sender<()>),
    Status(oneshot::Sender<NetworkStatus>),
    Shutdown(oneshot::Sender<()>),
}

/// A blob to get.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which.
    pub hash: BlobHash,
    /// Devices that should have it.
    pub from: Vec<DeviceId>,
    /// Nobody else is asked, and nobody is told that it is here.
    pub private: bool,
    /// The sizes in bytes that it may have; none: any.
    pub sizes: Vec<u64>,
}

/// What the engine found out about what a peer sent.
#[derive(Debug)]
pub(super) enum Judgement {
    /// On a gossiped message.
    Gossip(GossipToken, Verdict),
    /// On anything else.
    Fault(DeviceId, Fault),
}

/// The network, to be asked for things. Cheap to clone. Commands wait while the loop is busy; none of them waits for
/// the network itself unless it says so. After [`NetHandle::shutdown`] each answers [`NetError::Stopped`].
#[derive(Debug, Clone)]
pub struct NetHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) judgements: mpsc::Sender<Judgement>,
    pub(super) sets: SetCache,
    pub(super) device: DeviceId,
}

impl NetHandle {
    async fn ask(&self, command: Command) -> Result<(), NetError> {
        self.commands.send(command).await.map_err(|_| NetError::Stopped)
    }

    /// This node's device, which is also its libp2p peer id.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Says from now on, to connected and future peers, that this device speaks for an account.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn set_identity(&self, certificate: Certificate) -> Result<(), NetError> {
        self.ask(Command::SetIdentity(certificate)).await
    }

    /// Follows a public topic: its gossip is received, and its set is reconciled with every peer that follows it too.
    /// The row that says that the topic is followed must have been committed before. A direct topic is ignored.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn subscribe(&self, topic: Topic) -> Result<(), NetError> {
        self.ask(Command::Subscribe(topic)).await
    }

    /// Follows a topic no longer.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn unsubscribe(&self, topic: Topic) -> Result<(), NetError> {
        self.ask(Command::Unsubscribe(topic)).await
    }

    /// Gossips a record of ours (its signed envelope), after its commit. Answered by
    /// [`NetEvent::Published`](super::NetEvent::Published). A direct topic is refused.
    ///
    /// # Errors
    /// [`NetError::Stopped`]; [`NetError::Private`] for a topic that must never be gossiped.
    pub async fn publish(&self, topic: Topic, id: RecordId, signed: Arc<[u8]>) -> Result<(), NetError> {
        if !topic.is_public() {
            return Err(NetError::Private);
        }
        self.sets.changed(&topic);
        self.ask(Command::Publish(topic, id, signed)).await
    }

    /// Delivers records to a device over an encrypted stream, in order, dialling it if need be. Answered by one or
    /// more [`NetEvent::Sent`](super::NetEvent::Sent) that together name each id once.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn send(&self, to: DeviceId, records: Vec<(RecordId, Arc<[u8]>)>) -> Result<(), NetError> {
        self.ask(Command::Send(to, records)).await
    }

    /// Asks a connected mailbox. Answered by [`NetEvent::MailboxAnswer`](super::NetEvent::MailboxAnswer), but for number 0.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn ask_mailbox(&self, to: DeviceId, number: u64, request: MailboxRequest) -> Result<(), NetError> {
        self.ask(Command::Mailbox(to, number, request)).await
    }

    /// Connects to a device (known addresses and what discovery finds are added to `addresses`), or to whoever answers
    /// at `addresses`. Success shows as [`NetEvent::PeerUp`](super::NetEvent::PeerUp), failure as
    /// [`NetEvent::DialFailed`](super::NetEvent::DialFailed).
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn dial(&self, device: Option<DeviceId>, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
        self.ask(Command::Dial(device, addresses)).await
    }

    /// Looks for an account's devices in the distributed hash table and connects to them.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn find_account(&self, account: AccountId) -> Result<(), NetError> {
        self.ask(Command::FindAccount(account)).await
    }

    /// Asks devices for the current records of replaceable slots. What they have comes as
    /// [`NetEvent::Synced`](super::NetEvent::Synced) without a topic, `done` once for each device.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn get_slots(&self, from: Vec<DeviceId>, slots: Vec<(AccountId, Kind, String)>) -> Result<(), NetError> {
        self.ask(Command::GetSlots(from, slots)).await
    }

    /// Answers for a gossiped message. Never waits, so it may be called from a blocking thread; a verdict that finds
    /// the channel full is lost, which spreads the message no further and harms nobody.
    pub fn verdict(&self, token: GossipToken, verdict: Verdict) {
        if self.judgements.try_send(Judgement::Gossip(token, verdict)).is_err() {
            tracing::debug!("too many verdicts are waiting; one message is not relayed");
        }
    }

    /// Says that the records of a topic changed, so that the next reconciliation reads them again. Cheap; call it
    /// after each commit that stored, replaced or removed a public record. Publishing does it by itself.
    pub fn changed(&self, topic: &Topic) {
        self.sets.changed(topic);
    }

    /// Counts a fault against a device; enough of them and it is disconnected and kept away for a while. Never waits,
    /// so it may be called from a blocking thread; a fault that finds the channel full is forgiven. Not for gossip,
    /// where the verdict says it.
    pub fn punish(&self, device: DeviceId, fault: Fault) {
        if self.judgements.try_send(Judgement::Fault(device, fault)).is_err() {
            tracing::debug!("too many verdicts are waiting; one fault is forgiven");
        }
    }

    /// Offers a blob that is in the blob store to those who look for it.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn provide_blob(&self, hash: BlobHash) -> Result<(), NetError> {
        self.ask(Command::ProvideBlob(hash)).await
    }

    /// Gets a blob into the blob store, from `hint`, other connected peers, or whoever the hash table names, checking
    /// every 16 KiB on the way, and resuming what an earlier call left unfinished. Returns its size in bytes; at once
    /// if it is there already. Several calls for one blob share one transfer.
    ///
    /// # Errors
    /// [`BlobFetchError`].
    pub async fn fetch_blob(&self, hash: BlobHash, hint: Vec<DeviceId>) -> Result<u64, BlobFetchError> {
        self.fetch(Wanted { hash, from: hint, private: false, sizes: Vec::new() }).await
    }

    /// The same, saying more about it.
    ///
    /// # Errors
    /// [`BlobFetchError`].
    pub async fn fetch(&self, wanted: Wanted) -> Result<u64, BlobFetchError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::FetchBlob(wanted, answer)).await.map_err(|_| BlobFetchError::Stopped)?;
        answered.await.map_err(|_| BlobFetchError::Stopped)?
    }

    /// Gets a blob no further; what came stays. Returns when nothing of it is written any more.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn stop_fetch(&self, hash: BlobHash) -> Result<(), NetError> {
        let (over, is_over) = oneshot::channel();
        self.ask(Command::StopFetch(hash, over)).await?;
        is_over.await.map_err(|_| NetError::Stopped)
    }

    /// Reconciles a topic with the connected peers that follow it, now.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn sync_now(&self, topic: Topic) -> Result<(), NetError> {
        self.ask(Command::SyncNow(topic)).await
    }

    /// What the network page shows.
    ///
    /// # Errors
    /// [`NetError::Stopped`].
    pub async fn status(&self) -> Result<NetworkStatus, NetError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::Status(answer)).await?;
        answered.await.map_err(|_| NetError::Stopped)
    }

    /// Closes every connection and ends the loop. Returns when it has ended; calling it again is no error.
    pub async fn shutdown(&self) {
        let (answer, answered) = oneshot::channel();
        if self.ask(Command::Shutdown(answer)).await.is_ok() && answered.await.is_err() {
            tracing::debug!("the network loop had already ended");
        }
    }
}
