//! Real nodes over real sockets on loopback. Events are awaited, never slept for; the only clock is a guard that turns
//! a hang into a failure.

#![expect(clippy::result_large_err, reason = "an event that is not the awaited one is handed back")]

mod blob;
mod faults;
mod gossip;
mod mail;
mod peers;
mod sync;

use hutong_protocol::{AccountId, AccountKey, Draft, Kind, RecordId, TimestampMs, Topic};
use tempfile::TempDir;

use super::*;
use crate::{
    engine::keys::{self, Place},
    store::{Batch, MemoryStore, Read as _},
};

/// Turns a hang into a failure; a passing test never waits for it.
const GUARD: Duration = Duration::from_secs(60);

pub(super) const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub(super) const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

pub(super) struct Node {
    pub(super) handle: NetHandle,
    pub(super) events: mpsc::Receiver<NetEvent>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) blobs: Arc<BlobStore>,
    pub(super) key: DeviceKey,
    pub(super) certificate: Certificate,
    /// Events that were passed over while another was awaited.
    passed: VecDeque<NetEvent>,
    directory: TempDir,
}

pub(super) fn account_key(number: u8) -> AccountKey {
    AccountKey::from_seed(&[number.wrapping_add(100); 32])
}

pub(super) fn config(number: u8, listen: &str) -> NetConfig {
    let key = DeviceKey::from_seed(&[number; 32]);
    let certificate = Certificate::issue(&account_key(number), key.id(), TimestampMs(0));
    NetConfig {
        certificate: Some(certificate),
        listen: vec![listen.parse().unwrap()],
        seed: [number; 32],
        ..NetConfig::new(key)
    }
}

impl Node {
    pub(super) async fn start(number: u8, listen: &str) -> Self {
        Self::start_with(config(number, listen), Arc::default()).await
    }

    pub(super) async fn start_with(config: NetConfig, store: Arc<MemoryStore>) -> Self {
        Self::start_over(config, store, tempfile::tempdir().unwrap()).await
    }

    /// With the files that are there.
    pub(super) async fn start_over(config: NetConfig, store: Arc<MemoryStore>, directory: TempDir) -> Self {
        let blobs = Arc::new(BlobStore::open(directory.path(), 1 << 30).unwrap());
        let (key, certificate) = (config.device_key.clone(), config.certificate.clone().unwrap());
        let (handle, events) = start(config, store.clone(), blobs.clone()).await.unwrap();
        Self { handle, events, store, blobs, key, certificate, passed: VecDeque::new(), directory }
    }

    pub(super) fn device(&self) -> DeviceId {
        self.key.id()
    }

    pub(super) async fn next(&mut self) -> NetEvent {
        tokio::time::timeout(GUARD, self.events.recv()).await.expect("an event was expected").expect("it stopped")
    }

    /// Waits for an event, keeping those before it for later calls. Verdicts and acknowledgements are up to the caller.
    pub(super) async fn until<T>(&mut self, mut want: impl FnMut(NetEvent) -> Result<T, NetEvent>) -> T {
        for _ in 0..self.passed.len() {
            match want(self.passed.pop_front().unwrap()) {
                Ok(found) => return found,
                Err(other) => self.passed.push_back(other),
            }
        }
        loop {
            match want(self.next().await) {
                Ok(found) => return found,
                Err(other) => self.passed.push_back(other),
            }
        }
    }

    pub(super) async fn listening(&mut self) -> Multiaddr {
        self.until(|event| match event {
            NetEvent::Listening { addr } => Ok(addr),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn up(&mut self, peer: DeviceId) -> Option<Certificate> {
        self.until(|event| match event {
            NetEvent::PeerUp { device, certificate, .. } if device == peer => Ok(certificate),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn down(&mut self, peer: DeviceId) {
        self.until(|event| match event {
            NetEvent::PeerDown { device } if device == peer => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// The next gossiped message.
    pub(super) async fn gossip(&mut self) -> (DeviceId, GossipToken, Arc<[u8]>) {
        self.until(|event| match event {
            NetEvent::Gossip { from, token, bytes } => Ok((from, token, bytes)),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn published(&mut self) -> (RecordId, usize) {
        self.until(|event| match event {
            NetEvent::Published { id, peers } => Ok((id, peers)),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn mail(&mut self) -> (DeviceId, Vec<Vec<u8>>, MailReply) {
        self.until(|event| match event {
            NetEvent::Mail { from, records, reply } => Ok((from, records, reply)),
            other => Err(other),
        })
        .await
    }

    pub(super) async fn sent(&mut self) -> (DeviceId, Vec<RecordId>, SendOutcome) {
        self.until(|event| match event {
            NetEvent::Sent { to, ids, outcome } => Ok((to, ids, outcome)),
            other => Err(other),
        })
        .await
    }

    /// Follows a topic as the engine does: the row first, then the subscription.
    pub(super) async fn follow(&self, topic: &Topic) {
        let mut batch = Batch::new();
        batch.put(keys::follow(topic), *b"");
        self.store.commit(batch).unwrap();
        self.handle.subscribe(topic.clone()).await.unwrap();
    }

    /// Signs a record as this node and stores it as the engine would.
    pub(super) fn write(&self, topic: &Topic, number: u64) -> (RecordId, Vec<u8>) {
        let draft = Draft::new(topic.clone(), Kind::Unknown("test".into()), &number).unwrap();
        let signed = draft.sign(&self.key, &self.certificate, TimestampMs(1_000 + number)).unwrap();
        self.keep(&signed);
        let record = hutong_protocol::Unverified::decode(signed.clone()).unwrap();
        (record.id(), signed)
    }

    /// Stores a signed record as the engine would, without its judgement.
    pub(super) fn keep(&self, signed: &[u8]) {
        let record = hutong_protocol::Unverified::decode(signed.to_vec()).unwrap();
        let header = record.header();
        let place = Place { topic: header.topic.key(), at: header.at, id: record.id() };
        let row = [&place.topic[..], &place.at.0.to_be_bytes()].concat();
        let mut batch = Batch::new();
        batch.put(keys::index(&place.id), row.clone());
        batch.put(place.key(), signed);
        if let Some(slot) = &header.slot {
            batch.put(keys::slot(&header.account, &header.kind, slot), [&row[..], &place.id.0].concat());
        }
        self.store.commit(batch).unwrap();
        self.handle.changed(&header.topic);
    }

    pub(super) fn has(&self, id: &RecordId) -> bool {
        self.store.contains(&keys::index(id)).unwrap()
    }

    pub(super) async fn peer_status(&self, device: DeviceId) -> Option<PeerStatus> {
        let status = self.handle.status().await.unwrap();
        status.peers.into_iter().find(|peer| peer.device == device)
    }

    /// Keeps every record that sync brings until a reconciliation is done; returns how many came.
    pub(super) async fn synced(&mut self) -> usize {
        let mut count = 0;
        loop {
            let (records, done, ack) = self
                .until(|event| match event {
                    NetEvent::Synced { records, done, ack, .. } => Ok((records, done, ack)),
                    other => Err(other),
                })
                .await;
            assert!(records.len() <= SYNC_BATCH_RECORDS_MAX);
            count += records.len();
            records.iter().for_each(|record| self.keep(record));
            drop(ack);
            if done {
                return count;
            }
        }
    }

    /// Stops the node; what is on its disk stays.
    pub(super) async fn stop(self) -> (Arc<MemoryStore>, TempDir) {
        self.handle.shutdown().await;
        (self.store, self.directory)
    }
}

/// Connects `a` to `b` and waits until both know.
pub(super) async fn connect(a: &mut Node, b: &mut Node) {
    let address = b.listening().await;
    a.handle.dial(None, vec![address.clone()]).await.unwrap();
    assert_eq!(a.up(b.device()).await.as_ref(), Some(&b.certificate));
    assert_eq!(b.up(a.device()).await.as_ref(), Some(&a.certificate));
    b.passed.push_front(NetEvent::Listening { addr: address }); // For whoever dials next.
}

pub(super) fn topic(name: &str) -> Topic {
    Topic::Other(format!("tag/{name}"))
}

#[test]
fn device_and_peer_are_one_key_under_two_names() {
    let key = DeviceKey::from_seed(&[9; 32]);
    let libp2p_key = identity::Keypair::ed25519_from_bytes(&mut key.to_seed()).unwrap();
    let peer = peer_of(&key.id()).unwrap();
    assert_eq!(peer, libp2p_key.public().to_peer_id());
    assert_eq!(device_of(&peer), Some(key.id()));
    assert_eq!(device_of(&PeerId::random()), None, "a hash, not an inlined Ed25519 key");
}
