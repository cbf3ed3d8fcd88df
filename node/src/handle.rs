//! The cloneable [`Node`]: what the web server and the command call.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use hutong_protocol::{AccountId, BlobHash, DeviceId, Topic};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{
    attachment,
    backup::{BackupError, Snapshot},
    blob::BlobStore,
    engine::{Answer, CommandError, Cx, EngineError, Event, Indexed, Input},
    indexer::{self, IndexerError},
    net::{self, BlobFetchError, Multiaddr, NetHandle, NetworkStatus},
    runtime::{self, Job},
    search::{SearchError, SearchIndex},
    stamps::Stamps,
    store::{Read, SledOptions, SledStore, Store, StoreError, migrate},
};

/// Events kept for a slow browser tab. Beyond that it is told that it missed some, and reads everything anew.
const EVENTS_KEPT: usize = 1_024;
/// Jobs waiting for the engine: callers beyond that wait in turn.
pub(crate) const JOBS_MAX: usize = 1_024;
/// Space for other people's files and one's own, in bytes, unless configured (8 GiB).
pub const BLOB_QUOTA_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// The store, in the data directory.
pub const STORE_DIR: &str = "store";

/// How to start a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where to listen for peers.
    pub listen: Vec<Multiaddr>,
    /// Whether to look for peers on the local network; `None`: as the user's settings say.
    pub mdns: Option<bool>,
    /// Whether to ask the router to open our ports (UPnP), unless we listen on loopback only.
    pub upnp: bool,
    /// Whether to relay for others; `None`: if the account has a store.
    pub relay: Option<bool>,
    /// Room for files, one's own and others', in bytes.
    pub blob_quota_bytes: u64,
}

impl NodeConfig {
    /// Loopback only, free ports, no local discovery.
    #[must_use]
    pub fn loopback(data_dir: &Path) -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        let listen = listen.iter().filter_map(|address| address.parse().ok()).collect();
        Self {
            data_dir: data_dir.to_owned(),
            listen,
            mdns: Some(false),
            upnp: false,
            relay: None,
            blob_quota_bytes: BLOB_QUOTA_BYTES,
        }
    }
}

/// Why the node did not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// What was asked is not possible; the message says what to do.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The data directory could not be used.
    #[error("cannot use the data directory {directory}: {source}")]
    DataDir {
        /// Which.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The network did not start.
    #[error(transparent)]
    Net(#[from] net::NetError),
    /// A file could not be kept or fetched.
    #[error(transparent)]
    Blob(#[from] crate::blob::BlobError),
    /// The search index could not be opened or read.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The engine stopped: after a failure of the disk, or because the node is shutting down.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

impl From<EngineError> for NodeError {
    fn from(error: EngineError) -> Self {
        Self::Command(CommandError::Own(error))
    }
}

impl From<StoreError> for NodeError {
    fn from(error: StoreError) -> Self {
        Self::Command(CommandError::Own(error.into()))
    }
}

/// Who is connected, and where this node can be reached: known only while it runs.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    pub(crate) devices: BTreeMap<DeviceId, Option<AccountId>>,
    pub(crate) addresses: Vec<String>,
    /// Accounts that share that they are here, if this one does.
    pub(crate) here: BTreeSet<AccountId>,
}

/// What a node is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) device: DeviceId,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) net: NetHandle,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) search: Arc<SearchIndex>,
    pub(crate) indexer: mpsc::Sender<(u64, Vec<Indexed>)>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) device: DeviceId,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) presence: RwLock<Presence>,
    /// Blobs that the engine wants and the network has in hand.
    pub(crate) fetching: RwLock<BTreeSet<BlobHash>>,
    pub(crate) net: NetHandle,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) search: Arc<SearchIndex>,
    pub(crate) indexer: mpsc::Sender<(u64, Vec<Indexed>)>,
    pub(crate) stopped: watch::Sender<Option<String>>,
    pub(crate) stamps: Stamps,
    data_dir: PathBuf,
}

/// A running node. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

impl Node {
    /// Opens the data directory (making it if need be), joins the network and runs.
    ///
    /// # Errors
    /// [`NodeError`], each saying what to do.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        make_private_dir(&config.data_dir)?;
        let store_dir = config.data_dir.join(STORE_DIR);
        let store = tokio::task::spawn_blocking(move || {
            let store = SledStore::open(&store_dir, SledOptions::default())?;
            migrate(&store).map(|_| store)
        })
        .await
        .map_err(|error| NodeError::Stopped(error.to_string()))??;
        let store: Arc<dyn Store> = Arc::new(store);
        let blobs = Arc::new(BlobStore::open(&config.data_dir.join("blobs"), config.blob_quota_bytes)?);
        let inner = runtime::start(&config, store, blobs).await?;
        Ok(Self { inner })
    }

    /// Runs something in the engine, in one transaction that is on disk when this returns.
    ///
    /// # Errors
    /// What `order` answered, or [`NodeError::Stopped`].
    pub async fn call<T, F>(&self, order: F) -> Result<T, NodeError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let call = Box::new(move |cx: &mut Cx<'_>| {
            let result = order(cx);
            let keep = result.is_ok();
            let finish = Box::new(move |committed: Result<(), EngineError>| {
                let result = result.and_then(|value| committed.map(|()| value).map_err(CommandError::Own));
                if tell.send(result).is_err() {
                    tracing::debug!("whoever asked did not wait for the answer");
                }
            });
            Answer { keep, finish }
        });
        let stopped = || NodeError::Stopped(self.why_stopped());
        self.inner.jobs.send(Job::from(Input::Call(call))).await.map_err(|_| stopped())?;
        Ok(told.await.map_err(|_| stopped())??)
    }

    /// Reads the store, off the async threads.
    ///
    /// # Errors
    /// What `view` answered.
    pub async fn read<T, F>(&self, view: F) -> Result<T, NodeError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Read) -> Result<T, EngineError> + Send + 'static,
    {
        let store = Arc::clone(&self.inner.store);
        let result = tokio::task::spawn_blocking(move || view(&*store)).await;
        Ok(result.map_err(|error| NodeError::Stopped(error.to_string()))??)
    }

    /// What changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.inner.device
    }

    /// Whether a device of the account is connected now.
    #[must_use]
    pub fn is_online(&self, account: &AccountId) -> bool {
        let presence = self.inner.presence.read().unwrap_or_else(PoisonError::into_inner);
        presence.devices.values().any(|other| other.as_ref() == Some(account))
    }

    /// Whether somebody shares that they are here, and this account does too.
    #[must_use]
    pub fn shows_online(&self, account: &AccountId) -> bool {
        self.inner.presence.read().unwrap_or_else(PoisonError::into_inner).here.contains(account)
    }

    /// The connected devices of an account.
    #[must_use]
    pub fn connected_devices(&self, account: &AccountId) -> Vec<DeviceId> {
        let presence = self.inner.presence.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = presence.devices.iter().filter(|(_, other)| other.as_ref() == Some(account));
        theirs.map(|(device, _)| *device).collect()
    }

    /// Whether a file of a message is on its way now.
    #[must_use]
    pub fn is_fetching(&self, blob: &BlobHash) -> bool {
        self.inner.fetching.read().unwrap_or_else(PoisonError::into_inner).contains(blob)
    }

    /// Where this node can be reached: multiaddresses ending in `/p2p/<peer>`.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.inner.presence.read().unwrap_or_else(PoisonError::into_inner).addresses.clone()
    }

    /// The network as it is now.
    ///
    /// # Errors
    /// [`NodeError::Net`] if it was shut down.
    pub async fn network(&self) -> Result<NetworkStatus, NodeError> {
        Ok(self.inner.net.status().await?)
    }

    /// Connects to whoever answers at an address.
    ///
    /// # Errors
    /// [`NodeError::Net`] if the network was shut down.
    pub async fn dial(&self, address: Multiaddr) -> Result<(), NodeError> {
        Ok(self.inner.net.dial(None, vec![address]).await?)
    }

    /// Reconciles a topic with connected peers now.
    ///
    /// # Errors
    /// [`NodeError::Net`] if the network was shut down.
    pub async fn sync_now(&self, topic: Topic) -> Result<(), NodeError> {
        Ok(self.inner.net.sync_now(topic).await?)
    }

    /// The files.
    #[must_use]
    pub fn blobs(&self) -> &Arc<BlobStore> {
        &self.inner.blobs
    }

    /// Gets a file from others, if it is not here. `of`: an account that should have it.
    ///
    /// # Errors
    /// [`BlobFetchError`].
    pub async fn fetch_blob(&self, hash: BlobHash, of: Option<AccountId>) -> Result<u64, BlobFetchError> {
        let hint = of.map(|account| self.connected_devices(&account)).unwrap_or_default();
        self.inner.net.fetch_blob(hash, hint).await
    }

    /// Offers a file that was just added.
    ///
    /// # Errors
    /// [`NodeError::Net`] if the network was shut down.
    pub async fn provide_blob(&self, hash: BlobHash) -> Result<(), NodeError> {
        if self.read(move |read| attachment::view::is_kept_for_messages(read, &hash)).await? {
            self.call(move |cx| attachment::keep(cx, &hash)).await?;
        }
        Ok(self.inner.net.provide_blob(hash).await?)
    }

    /// Offers a file of a public group. Unlike [`Node::provide_blob`], it goes with the messages that name it.
    ///
    /// # Errors
    /// [`NodeError::Net`] if the network was shut down.
    pub async fn offer_blob(&self, hash: BlobHash) -> Result<(), NodeError> {
        Ok(self.inner.net.provide_blob(hash).await?)
    }

    /// What can be found.
    #[must_use]
    pub fn search(&self) -> &Arc<SearchIndex> {
        &self.inner.search
    }

    /// Makes the search index anew from the store. `progress` hears how many of how many things are done.
    ///
    /// # Errors
    /// The store's, or the index's.
    pub async fn reindex(&self, progress: impl FnMut(usize, usize) + Send + 'static) -> Result<(), NodeError> {
        let (store, search) = (Arc::clone(&self.inner.store), Arc::clone(&self.inner.search));
        let rebuilt = tokio::task::spawn_blocking(move || indexer::rebuild(&*store, &search, progress)).await;
        rebuilt.map_err(|error| NodeError::Stopped(error.to_string()))?.map_err(|error| match error {
            IndexerError::Engine(error) => error.into(),
            IndexerError::Search(error) => error.into(),
        })
    }

    /// Takes a backup of what is on disk now. The engine waits while the rows are copied to a nameless file in the data
    /// directory; the rest is read as the backup is.
    ///
    /// # Errors
    /// [`NodeError::DataDir`] if that file cannot be written, or what the store answered.
    pub async fn backup(&self) -> Result<Snapshot, NodeError> {
        let failed = |directory: &Path, source| NodeError::DataDir { directory: directory.to_owned(), source };
        let spool = tempfile::tempfile_in(self.data_dir()).map_err(|source| failed(self.data_dir(), source))?;
        let (blobs, directory) = (Arc::clone(self.blobs()), self.data_dir().to_owned());
        self.call(move |cx| Ok(Snapshot::take(cx.read(), blobs, spool))).await?.map_err(|error| match error {
            BackupError::Engine(error) => error.into(),
            BackupError::Blob(error) => error.into(),
            BackupError::Io(source) => failed(&directory, source),
            other => NodeError::Stopped(other.to_string()),
        })
    }

    /// The store, for maintenance (`doctor`, `backup`).
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Where everything is kept.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Waits until the engine stops by itself, and says why.
    pub async fn stopped(&self) -> String {
        let mut stopped = self.inner.stopped.subscribe();
        match stopped.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "shut down".to_owned(),
        }
    }

    fn why_stopped(&self) -> String {
        self.inner.stopped.borrow().clone().unwrap_or_else(|| "shut down".to_owned())
    }

    /// Ends the network and the engine; what was acknowledged is on disk already.
    pub async fn shutdown(&self) {
        self.inner.net.shutdown().await;
        if self.inner.jobs.send(Job::Stop).await.is_ok() {
            self.stopped().await;
        }
    }
}

impl Inner {
    pub(crate) fn new(parts: Parts, data_dir: &Path) -> Self {
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (stopped, _) = watch::channel(None);
        let Parts { store, device, jobs, net, blobs, search, indexer } = parts;
        let (presence, data_dir) = (RwLock::default(), data_dir.to_owned());
        let (stamps, fetching) = (Stamps::default(), RwLock::default());
        Self { store, device, jobs, events, presence, fetching, net, blobs, search, indexer, stopped, stamps, data_dir }
    }
}

/// Makes a data directory. Only the owner may look into it: it holds the keys.
///
/// # Errors
/// [`NodeError::DataDir`] if the operating system refuses.
pub fn make_private_dir(directory: &Path) -> Result<(), NodeError> {
    let failed = |source| NodeError::DataDir { directory: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}
