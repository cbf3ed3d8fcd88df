//! Finding peers: the hash table (Kademlia), what identify and mDNS tell, and the peer book.
//!
//! What the table says is a hint, never a truth: it names devices to dial, and a device proves who it is when it answers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    num::NonZeroUsize,
    time::Duration,
};

use hutong_protocol::{AccountId, BlobHash, DeviceId, Topic};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, identify,
    kad::{self, QueryId, QueryResult, RecordKey, store::MemoryStoreConfig},
    mdns,
    swarm::{
        DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::sync::oneshot;

use super::{address, event::Direction, swarm::Loop};

/// The table's protocol. Our own, so that our peers are not lost among those of other networks.
const KAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/hutong/kad/1");
/// How long a lookup may take.
const QUERY_MS_MAX: u64 = 30_000;
/// How often the table refreshes itself (30 minutes): often enough for a changing neighbourhood, and quiet.
const BOOTSTRAP_MS: u64 = 30 * 60_000;
/// Keys we offer: accounts, topics and blobs of a large shop.
const PROVIDED_MAX: usize = 8_192;
/// Providers kept for one key, as many as peers answer for it.
const PROVIDERS_PER_KEY_MAX: usize = 20;
/// Lookups at a time, and waiting.
const QUERIES_MAX: usize = 8;
const QUERIES_WAITING_MAX: usize = PROVIDED_MAX + 1_024;
/// Peers dialled from one lookup.
const FOUND_DIALLED_MAX: usize = 8;
/// Connected peers of a topic beyond which nobody looks for more.
const TOPIC_PEERS_ENOUGH: usize = 3;
/// The table grows from few peers to many; each of the first ones is told again what we offer.
const TABLE_SMALL: usize = 20;
/// Known peers dialled in one second.
const REDIALS_MAX: usize = 4;
/// Connections above which known peers are no longer dialled by ourselves.
const PEERS_WANTED: usize = 64;
/// Addresses taken from one identify message.
const ADDRESSES_MAX: usize = 8;

/// Builds the table.
pub(super) fn kademlia(peer: PeerId) -> kad::Behaviour<kad::store::MemoryStore> {
    let store = MemoryStoreConfig {
        max_records: 0, // Values are not ours to keep; only who provides what.
        max_value_bytes: 0,
        max_providers_per_key: PROVIDERS_PER_KEY_MAX,
        max_provided_keys: PROVIDED_MAX,
    };
    let mut config = kad::Config::new(KAD_PROTOCOL);
    config
        .set_query_timeout(Duration::from_millis(QUERY_MS_MAX))
        .set_periodic_bootstrap_interval(Some(Duration::from_millis(BOOTSTRAP_MS)))
        // Only peers that said they speak our protocol, see `handle_identify`.
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_parallelism(NonZeroUsize::MIN.saturating_add(2));
    let mut kad = kad::Behaviour::with_config(peer, kad::store::MemoryStore::with_config(peer, store), config);
    // Everybody answers, also through a relay: on a LAN nobody else would. The table drops those who do not.
    kad.set_mode(Some(kad::Mode::Server));
    kad
}

fn key(context: &str, what: &[u8]) -> RecordKey {
    RecordKey::new(&blake3::derive_key(context, what))
}

fn account_key(account: &AccountId) -> RecordKey {
    key("hutong v1 provider account", &account.0)
}

fn topic_key(topic: &Topic) -> RecordKey {
    key("hutong v1 provider topic", &topic.key())
}

fn blob_key(hash: &BlobHash) -> RecordKey {
    key("hutong v1 provider blob", &hash.0)
}

/// What is to be done with those that a lookup finds.
#[derive(Debug)]
enum Query {
    Provide(RecordKey),
    Dial(RecordKey),
    Holders(RecordKey, oneshot::Sender<Vec<PeerId>>),
    Peer(PeerId),
}

#[derive(Debug)]
struct Running {
    found: BTreeSet<PeerId>,
    query: Query,
}

/// What we offer and look for in the table.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    provided: BTreeSet<Vec<u8>>,
    waiting: VecDeque<Query>,
    running: HashMap<QueryId, Running>,
}

impl Loop {
    fn query(&mut self, query: Query) {
        if self.discovery.waiting.len() < QUERIES_WAITING_MAX {
            self.discovery.waiting.push_back(query);
        }
        self.run_queries();
    }

    fn run_queries(&mut self) {
        while self.discovery.running.len() < QUERIES_MAX {
            let Some(query) = self.discovery.waiting.pop_front() else { return };
            let kad = &mut self.swarm.behaviour_mut().kad;
            let id = match &query {
                Query::Provide(key) => match kad.start_providing(key.clone()) {
                    Ok(id) => id,
                    Err(error) => {
                        tracing::debug!(%error, "too much is offered already");
                        continue;
                    }
                },
                Query::Dial(key) | Query::Holders(key, _) => kad.get_providers(key.clone()),
                Query::Peer(peer) => kad.get_closest_peers(*peer),
            };
            self.discovery.running.insert(id, Running { found: BTreeSet::new(), query });
        }
    }

    fn provide(&mut self, key: RecordKey) {
        if self.discovery.provided.len() < PROVIDED_MAX && self.discovery.provided.insert(key.to_vec()) {
            self.query(Query::Provide(key));
        }
    }

    pub(super) fn provide_account(&mut self, account: &AccountId) {
        self.provide(account_key(account));
    }

    /// We are to be found elsewhere than before: those who look for the account must hear it.
    pub(super) fn provide_again(&mut self) {
        if let Some(account) = self.certificate.as_ref().map(|certificate| certificate.account)
            && self.discovery.waiting.is_empty()
        {
            self.query(Query::Provide(account_key(&account)));
        }
    }

    pub(super) fn provide_blob(&mut self, hash: &BlobHash) {
        self.provide(blob_key(hash));
    }

    /// Offers a topic, and looks for others who follow it.
    pub(super) fn provide_topic(&mut self, topic: &Topic) {
        let key = topic_key(topic);
        self.provide(key.clone());
        if self.followers(&super::gossip::gossip_topic(topic).hash()).len() < TOPIC_PEERS_ENOUGH {
            self.query(Query::Dial(key));
        }
    }

    pub(super) fn stop_providing_topic(&mut self, topic: &Topic) {
        let key = topic_key(topic);
        self.discovery.provided.remove(key.as_ref());
        self.swarm.behaviour_mut().kad.stop_providing(&key);
    }

    pub(super) fn find_account(&mut self, account: &AccountId) {
        self.query(Query::Dial(account_key(account)));
    }

    pub(super) fn find_holders(&mut self, hash: &BlobHash, answer: oneshot::Sender<Vec<PeerId>>) {
        self.query(Query::Holders(blob_key(hash), answer));
    }

    pub(super) fn handle_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => {
                self.handle_query(id, result, step.last);
            }
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => self.handle_table_grew(),
            _ => {}
        }
    }

    /// What we offer was told to those who were there; tell those who are closer now.
    fn handle_table_grew(&mut self) {
        let size: usize = self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum();
        let idle = self.discovery.waiting.is_empty();
        if size > TABLE_SMALL || !idle {
            return;
        }
        let again: Vec<_> = self.discovery.provided.iter().map(RecordKey::new).collect();
        self.discovery.waiting.extend(again.into_iter().map(Query::Provide));
        // Whoever follows our topics may be known to the new peer.
        let lonely: Vec<_> = self
            .topics
            .iter()
            .filter(|(hash, _)| self.followers(hash).is_empty())
            .map(|(_, topic)| Query::Dial(topic_key(topic)))
            .collect();
        self.discovery.waiting.extend(lonely);
        self.run_queries();
    }

    fn handle_query(&mut self, id: QueryId, result: QueryResult, last: bool) {
        let ours = *self.swarm.local_peer_id();
        let Some(running) = self.discovery.running.get_mut(&id) else { return };
        let mut new: Vec<PeerId> = Vec::new();
        match result {
            QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders { providers, .. })) => {
                new.extend(providers.into_iter().filter(|peer| *peer != ours && !running.found.contains(peer)));
            }
            QueryResult::GetClosestPeers(Ok(kad::GetClosestPeersOk { peers, .. })) => {
                let wanted = |peer: &PeerId| matches!(&running.query, Query::Peer(wanted) if wanted == peer);
                for found in peers.into_iter().filter(|found| wanted(&found.peer_id)) {
                    new.push(found.peer_id);
                    for address in found.addrs {
                        self.swarm.add_peer_address(found.peer_id, address);
                    }
                }
            }
            _ => {}
        }
        // Providers come in no particular order.
        new.sort_unstable();
        if let Some(running) = self.discovery.running.get_mut(&id) {
            new.truncate(FOUND_DIALLED_MAX.saturating_sub(running.found.len()));
            running.found.extend(new.iter().copied());
        }
        // Dialled at once: their addresses are known only as long as the lookup runs.
        for peer in new {
            self.dial_peer(peer, Vec::new());
        }
        if last && let Some(Running { found, query }) = self.discovery.running.remove(&id) {
            if let Query::Holders(_, answer) = query
                && answer.send(found.into_iter().collect()).is_err()
            {
                tracing::debug!("nobody waits for the holders any more");
            }
            self.run_queries();
        }
    }

    pub(super) fn handle_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else { return };
        let Some(over) = self.peers.get(&peer_id).and_then(|peer| peer.address()).cloned() else { return };
        self.note_observed(&info.observed_addr);
        if let Some(peer) = self.peers.get_mut(&peer_id) {
            let reached_at = peer.connection().filter(|it| it.direction == Direction::Out).map(|it| &it.address);
            let relays = super::relay::offers(&info.protocols);
            peer.relay = relays.then(|| super::relay::dialable(&info.listen_addrs, reached_at)).flatten();
        }
        if info.protocols.contains(&KAD_PROTOCOL) {
            let fitting = info.listen_addrs.into_iter().filter(|address| address::fits(address, &over));
            for address in fitting.take(ADDRESSES_MAX) {
                self.swarm.behaviour_mut().kad.add_address(&peer_id, address);
            }
        }
    }

    pub(super) fn handle_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        let mut by_peer: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
        for (peer, address) in found {
            by_peer.entry(peer).or_default().push(address::split_peer(&address).0);
        }
        for (peer, addresses) in by_peer.into_iter().take(PEERS_WANTED) {
            self.dial_peer(peer, addresses);
        }
    }

    /// Dials a peer at the given and all known addresses, unless it is connected or being dialled. `false` if nobody
    /// knows where it is; then the hash table is asked, if it can be.
    pub(super) fn dial_peer(&mut self, peer: PeerId, mut addresses: Vec<Multiaddr>) -> bool {
        if self.peers.contains_key(&peer) || peer == *self.swarm.local_peer_id() {
            return true;
        }
        if let Some(device) = super::device_of(&peer) {
            addresses.extend(self.book.addresses(&device));
        }
        // Circuits last: they cost somebody else.
        addresses.sort_by_cached_key(|address| (address::is_relayed(address), address.to_vec()));
        addresses.dedup();
        addresses.truncate(4 * ADDRESSES_MAX);
        let options = DialOpts::peer_id(peer)
            .addresses(addresses)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .extend_addresses_through_behaviour()
            .build();
        match self.swarm.dial(options) {
            Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => true,
            Err(error) => {
                tracing::debug!(%peer, %error, "not dialled");
                if matches!(error, DialError::NoAddresses) && self.knows_the_table() {
                    self.query(Query::Peer(peer));
                }
                false
            }
        }
    }

    fn knows_the_table(&mut self) -> bool {
        self.swarm.behaviour_mut().kad.kbuckets().any(|bucket| !bucket.is_empty())
    }

    /// Lets request-response dial a peer from the book.
    pub(super) fn know_addresses(&mut self, peer: PeerId) {
        let Some(device) = super::device_of(&peer).filter(|_| !self.peers.contains_key(&peer)) else { return };
        for address in self.book.addresses(&device) {
            self.swarm.add_peer_address(peer, address);
        }
    }

    /// Dials known peers whose time has come.
    pub(super) fn redial(&mut self, now_ms: u64) {
        if self.peers.len() >= PEERS_WANTED {
            return;
        }
        let connected: BTreeSet<DeviceId> = self.peers.values().map(|peer| peer.device).collect();
        let scores = &self.scores;
        let skip = |device: &DeviceId| connected.contains(device) || scores.is_banned(device, now_ms);
        for device in self.book.due(now_ms, REDIALS_MAX, skip) {
            if let Ok(peer) = super::peer_of(&device) {
                self.dial_peer(peer, Vec::new());
            }
        }
    }
}
