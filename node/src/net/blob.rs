//! `/hutong/blob/1`: segments of a blob with their proof, from several holders at once.
//!
//! ```text
//! ask holders for the last segment ──► its proof is the proof of the size
//!   └─► ask up to 4 of them for the missing segments, 2 at a time each ──► check, write ──► read back, check, shelve
//! ```
//! A lie costs the liar its score and us one segment. What was checked stays on disk, so a transfer that was cut, by
//! whatever, goes on where it was.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use hutong_protocol::BlobHash;
use libp2p::{PeerId, request_response::ResponseChannel};
use serde_bytes::ByteBuf;
use tokio::sync::{oneshot, watch};

use super::{
    BlobFetchError,
    calls::CallError,
    device_of,
    handle::Wanted,
    score::Fault,
    swarm::{Internal, Loop, Shared},
    wire::{BlobRequest, BlobResponse, Frame},
};
use crate::blob::{BlobError, PartialBlob, Segment};

/// Blobs that are wanted at a time; more are answered "busy". A page of pictures, several times over.
const WANTED_MAX: usize = 256;
/// Transfers that run at a time; the rest wait their turn.
pub(super) const TRANSFERS_MAX: usize = 4;
/// Segments that are read for others at a time: what one disk does well.
pub(super) const SERVED_MAX: usize = 8;
/// Peers that one transfer uses at a time.
const HOLDERS_ACTIVE_MAX: usize = 4;
/// Requests that one holder has to answer at a time: the next is on its way while one is written.
const PER_HOLDER: usize = 2;
/// Connected peers that are asked without a hint.
const CONNECTED_ASKED_MAX: usize = 16;
/// How often a busy holder is asked again, and how long after.
const BUSY_RETRIES_MAX: u32 = 10;
const BUSY_WAIT_MS: u64 = 250;
/// A transfer that has begun waits so long for a holder that went away to come back: a laptop that changes its network
/// does so in a few seconds, and is noticed to be gone in twenty.
const BACK_MS_MAX: u64 = 60_000;
/// How often it does so: a holder that comes and goes without end is none.
const BACKS_MAX: u32 = 16;

/// How often at most it is told how far a transfer came: what an eye follows.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Transfers that wait for one of these peers to come back. At most [`TRANSFERS_MAX`].
pub(super) type Returning = Vec<(BTreeSet<PeerId>, oneshot::Sender<PeerId>)>;

/// Whoever waits for a blob.
pub(super) type Fetches = BTreeMap<BlobHash, Fetch>;

/// One blob that is wanted.
#[derive(Debug)]
pub(super) struct Fetch {
    waiting: Vec<oneshot::Sender<Result<u64, BlobFetchError>>>,
    /// Nobody is told that it is here.
    private: bool,
    /// True: it is to stop.
    stop: watch::Sender<bool>,
    /// Who waits for its end, whatever that is.
    ends: Vec<oneshot::Sender<()>>,
}

impl Loop {
    pub(super) fn fetch_blob(&mut self, wanted: Wanted, answer: oneshot::Sender<Result<u64, BlobFetchError>>) {
        let hash = wanted.hash;
        if let Some(fetch) = self.fetches.get_mut(&hash) {
            fetch.waiting.push(answer);
            return;
        }
        if self.fetches.len() >= WANTED_MAX {
            return settle(vec![answer], &Err(BlobFetchError::Busy));
        }
        let (stop, stopped) = watch::channel(false);
        let private = wanted.private;
        self.fetches.insert(hash, Fetch { waiting: vec![answer], private, stop, ends: Vec::new() });
        let ours = self.shared.device;
        let hinted = wanted.from.iter().filter(|device| **device != ours);
        let hinted = hinted.filter_map(|device| super::peer_of(device).ok());
        let greeted = self.peers.iter().filter(|(_, peer)| peer.greeted && !private).map(|(id, _)| *id);
        let holders: Vec<_> = hinted.chain(greeted.take(CONNECTED_ASKED_MAX)).collect();
        for peer in &holders {
            self.know_addresses(*peer);
        }
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let mut stopping = stopped.clone();
            let turn = tokio::select! {
                turn = Arc::clone(&shared.transfers).acquire_owned() => turn.map_err(|_| BlobFetchError::Stopped),
                () = is_stopped(&mut stopping) => Err(BlobFetchError::Cancelled),
            };
            let over = match turn {
                Ok(_turn) => Transfer::new(&shared, wanted, holders, stopped).run().await,
                Err(error) => Err(error),
            };
            shared.tell(Internal::FetchOver(hash, over)).await;
        });
    }

    /// Ends a transfer; says when nothing of it is written any more.
    pub(super) fn stop_fetch(&mut self, hash: &BlobHash, over: oneshot::Sender<()>) {
        match self.fetches.get_mut(hash) {
            Some(fetch) => {
                fetch.stop.send_replace(true);
                fetch.ends.push(over);
            }
            None => tell_end(vec![over]),
        }
    }

    /// Tells a transfer when one of these peers is there, at once if one is.
    pub(super) fn await_back(&mut self, peers: BTreeSet<PeerId>, back: oneshot::Sender<PeerId>) {
        self.returning.retain(|(_, waiting)| !waiting.is_closed());
        self.returning.push((peers.clone(), back));
        let there = peers.into_iter().find(|id| self.peers.get(id).is_some_and(|peer| peer.greeted));
        there.into_iter().for_each(|peer| self.handle_back(peer));
    }

    /// A peer has said who it is.
    pub(super) fn handle_back(&mut self, peer: PeerId) {
        for (_, back) in self.returning.extract_if(.., |(wanted, _)| wanted.contains(&peer)) {
            if back.send(peer).is_err() {
                tracing::trace!("the transfer has given up");
            }
        }
    }

    pub(super) fn handle_fetch_over(&mut self, hash: BlobHash, over: &Result<u64, BlobFetchError>) {
        let Some(fetch) = self.fetches.remove(&hash) else { return };
        if over.is_ok() && !fetch.private {
            self.provide_blob(&hash);
        }
        settle(fetch.waiting, over);
        tell_end(fetch.ends);
    }

    pub(super) fn handle_blob_request(
        &mut self,
        peer: PeerId,
        request: BlobRequest,
        channel: ResponseChannel<Frame<BlobResponse>>,
    ) {
        if self.admit_request(&peer).is_none() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.shared.serving).try_acquire_owned() else {
            return self.answer_blob(channel, BlobResponse::Busy);
        };
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let blobs = Arc::clone(&shared.blobs);
            let read = tokio::task::spawn_blocking(move || blobs.segment(&request.hash, request.offset)).await;
            let response = match read {
                Ok(Ok((size, bytes))) => BlobResponse::Segment { size, bytes: ByteBuf::from(bytes) },
                Ok(Err(BlobError::Absent | BlobError::Damaged(_))) => BlobResponse::Absent,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a file could not be served");
                    BlobResponse::Busy
                }
                Err(_) => BlobResponse::Busy,
            };
            shared.tell(Internal::BlobAnswer(channel, response)).await;
            drop(permit);
        });
    }

    pub(super) fn answer_blob(&mut self, channel: ResponseChannel<Frame<BlobResponse>>, response: BlobResponse) {
        if self.swarm.behaviour_mut().blob.send_response(channel, Frame::Whole(response)).is_err() {
            tracing::debug!("a peer left before its segment was read");
        }
    }
}

fn settle(waiting: Vec<oneshot::Sender<Result<u64, BlobFetchError>>>, over: &Result<u64, BlobFetchError>) {
    for answer in waiting {
        if answer.send(over.clone()).is_err() {
            tracing::debug!("nobody waits for the file any more");
        }
    }
}

fn tell_end(ends: Vec<oneshot::Sender<()>>) {
    for end in ends {
        if end.send(()).is_err() {
            tracing::trace!("nobody waits for the end of the transfer");
        }
    }
}

/// Waits until it is to stop; for ever if nobody can say so any more.
async fn is_stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What came of asking one holder.
enum Asked {
    Segment {
        size: u64,
        bytes: ByteBuf,
    },
    Busy,
    /// It is gone or silent; it may come back.
    Gone,
    /// It is of no use: it does not have it.
    Useless,
}

/// One request's end: whom, which segment, what came.
type Answer = (PeerId, Segment, Asked);

struct Transfer<'s> {
    shared: &'s Shared,
    hash: BlobHash,
    /// Who may have it and was not asked yet.
    holders: VecDeque<PeerId>,
    known: BTreeSet<PeerId>,
    busy: BTreeMap<PeerId, u32>,
    /// Holders that went away.
    gone: BTreeSet<PeerId>,
    backs: u32,
    asked_table: bool,
    sizes: Vec<u64>,
    stop: watch::Receiver<bool>,
    told: Option<Instant>,
}

impl<'s> Transfer<'s> {
    fn new(shared: &'s Shared, wanted: Wanted, holders: Vec<PeerId>, stop: watch::Receiver<bool>) -> Self {
        let mut transfer = Self {
            shared,
            hash: wanted.hash,
            holders: VecDeque::new(),
            known: BTreeSet::new(),
            busy: BTreeMap::new(),
            gone: BTreeSet::new(),
            backs: 0,
            asked_table: wanted.private,
            sizes: wanted.sizes,
            stop,
            told: None,
        };
        transfer.add(holders);
        transfer
    }

    fn add(&mut self, holders: Vec<PeerId>) {
        for holder in holders {
            if self.known.insert(holder) {
                self.holders.push_back(holder);
            }
        }
    }

    async fn run(mut self) -> Result<u64, BlobFetchError> {
        let (blobs, hash) = (Arc::clone(&self.shared.blobs), self.hash);
        if let Some(size) = blocking(move || Ok(blobs.size(&hash))).await? {
            return Ok(size);
        }
        let (prover, size, proof) = self.prove_size().await?;
        if !self.sizes.is_empty() && !self.sizes.contains(&size) {
            return Err(BlobFetchError::WrongSize { size });
        }
        let blobs = Arc::clone(&self.shared.blobs);
        let partial = blocking(move || {
            let mut partial = blobs.download(hash, size)?;
            partial.write(Segment::last(size), &proof)?;
            Ok(partial)
        })
        .await?;
        let partial = self.get_all(partial, prover).await?;
        blocking(move || partial.finish()).await
    }

    /// The next peer that may have it; asks the hash table when nobody is left.
    async fn next_holder(&mut self) -> Option<PeerId> {
        if self.holders.is_empty() && !std::mem::replace(&mut self.asked_table, true) {
            let (answer, answered) = oneshot::channel();
            self.shared.tell(Internal::FindHolders(self.hash, answer)).await;
            self.add(answered.await.unwrap_or_default());
        }
        self.holders.pop_front()
    }

    /// The first holder that comes back, if one does in time.
    async fn next_back(&mut self) -> Option<PeerId> {
        self.backs = self.backs.saturating_add(1);
        if self.gone.is_empty() || self.backs > BACKS_MAX {
            return None;
        }
        tracing::debug!(hash = %self.hash, "waiting for a holder to come back");
        let (back, came_back) = oneshot::channel();
        self.shared.tell(Internal::AwaitBack(self.gone.clone(), back)).await;
        let patience = Duration::from_millis(BACK_MS_MAX);
        let peer = tokio::time::timeout(patience, came_back).await.ok()?.ok()?;
        self.gone.remove(&peer);
        Some(peer)
    }

    /// Whether a busy peer is worth another try; waits a little if so.
    async fn wait_for(&mut self, busy: PeerId) -> bool {
        let tries = self.busy.entry(busy).or_default();
        *tries = tries.saturating_add(1);
        let again = *tries <= BUSY_RETRIES_MAX;
        if again {
            tokio::time::sleep(Duration::from_millis(BUSY_WAIT_MS)).await;
        }
        again
    }

    async fn prove_size(&mut self) -> Result<(PeerId, u64, ByteBuf), BlobFetchError> {
        let mut refused = BlobFetchError::NoHolder;
        while let Some(peer) = self.next_holder().await {
            let asked = tokio::select! {
                asked = ask(self.shared, peer, self.hash, None) => asked,
                () = is_stopped(&mut self.stop) => return Err(BlobFetchError::Cancelled),
            };
            match asked {
                Asked::Segment { size, bytes } => match Segment::check_last(&self.hash, size, &bytes) {
                    Ok(()) => return Ok((peer, size, bytes)),
                    Err(BlobError::Lying) => self.accuse(peer).await,
                    Err(error) => refused = error.into(),
                },
                Asked::Busy => {
                    if self.wait_for(peer).await {
                        self.holders.push_back(peer);
                    }
                }
                Asked::Gone | Asked::Useless => {}
            }
        }
        Err(refused)
    }

    async fn tell_progress(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            self.told = Some(Instant::now());
            self.shared.tell(Internal::FetchProgress(self.hash)).await;
        }
    }

    async fn accuse(&self, peer: PeerId) {
        tracing::warn!(%peer, hash = %self.hash, "a peer sent bytes that are not those of the file");
        if let Some(device) = device_of(&peer) {
            self.shared.tell(Internal::Punish(device, Fault::LyingBlob)).await;
        }
    }

    async fn get_all(&mut self, mut partial: PartialBlob, prover: PeerId) -> Result<PartialBlob, BlobFetchError> {
        let size = partial.size();
        let mut missing: VecDeque<_> = partial.missing().collect();
        let mut flights: FuturesUnordered<BoxFuture<'s, Answer>> = FuturesUnordered::new();
        // Holders with room for another request, once for each request.
        let mut free: VecDeque<_> = [prover].repeat(PER_HOLDER).into();
        let mut active = 1usize;
        let mut dropped = BTreeSet::new();
        while !missing.is_empty() || !flights.is_empty() {
            while active < HOLDERS_ACTIVE_MAX && missing.len() > free.len() {
                // The table is asked only if nobody else works.
                let next = if active == 0 { self.next_holder().await } else { self.holders.pop_front() };
                let Some(holder) = next else { break };
                free.extend([holder; PER_HOLDER]);
                active = active.saturating_add(1);
            }
            while let Some((holder, segment)) = free.front().copied().zip(missing.front().copied()) {
                free.pop_front();
                missing.pop_front();
                flights.push(Box::pin(fly(self.shared, holder, self.hash, segment)));
            }
            let landed = tokio::select! {
                landed = flights.next() => landed,
                () = is_stopped(&mut self.stop) => return Err(BlobFetchError::Cancelled),
            };
            let Some((holder, segment, asked)) = landed else {
                // Nobody left. What came stays on disk in any case.
                let mut stop = self.stop.clone();
                let back = tokio::select! {
                    back = self.next_back() => back,
                    () = is_stopped(&mut stop) => return Err(BlobFetchError::Cancelled),
                };
                let Some(back) = back else { return Err(BlobFetchError::NoHolder) };
                dropped.remove(&back);
                free.extend([back; PER_HOLDER]);
                active = active.saturating_add(1);
                continue;
            };
            let useful = match asked {
                Asked::Segment { size: claimed, bytes } if claimed == size => {
                    let (back, written) = write(partial, segment, bytes).await?;
                    partial = back;
                    match written {
                        Ok(()) => {
                            self.tell_progress().await;
                            if !dropped.contains(&holder) {
                                free.push_back(holder);
                            }
                            continue;
                        }
                        Err(BlobError::Lying) => self.accuse(holder).await,
                        Err(own) => return Err(own.into()),
                    }
                    false
                }
                Asked::Segment { .. } => {
                    self.accuse(holder).await;
                    false
                }
                Asked::Busy => self.wait_for(holder).await,
                Asked::Gone => {
                    self.gone.insert(holder);
                    false
                }
                Asked::Useless => false,
            };
            missing.push_front(segment);
            if useful && !dropped.contains(&holder) {
                free.push_back(holder);
            } else if dropped.insert(holder) {
                // Its first failure takes all its room; what else it was asked may still come.
                free.retain(|other| *other != holder);
                active = active.saturating_sub(1);
            }
        }
        Ok(partial)
    }
}

async fn fly(shared: &Shared, peer: PeerId, hash: BlobHash, segment: Segment) -> Answer {
    (peer, segment, ask(shared, peer, hash, Some(segment.start)).await)
}

async fn ask(shared: &Shared, peer: PeerId, hash: BlobHash, offset: Option<u64>) -> Asked {
    match shared.call_blob(peer, BlobRequest { hash, offset }).await {
        Ok(BlobResponse::Segment { size, bytes }) => Asked::Segment { size, bytes },
        Ok(BlobResponse::Busy) => Asked::Busy,
        Err(CallError::Failed) => Asked::Gone,
        Ok(BlobResponse::Absent) | Err(CallError::Stopped) => Asked::Useless,
    }
}

async fn write(
    mut partial: PartialBlob,
    segment: Segment,
    bytes: ByteBuf,
) -> Result<(PartialBlob, Result<(), BlobError>), BlobFetchError> {
    let write = move || {
        let written = partial.write(segment, &bytes);
        (partial, written)
    };
    tokio::task::spawn_blocking(write).await.map_err(|_| BlobFetchError::Stopped)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobFetchError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| BlobFetchError::Stopped)??)
}
