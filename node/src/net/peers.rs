//! Connections come and go; commands of the handle; what a peer's faults lead to.

use std::collections::BTreeMap;

use hutong_protocol::DeviceId;
use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, transport::PortUse},
    ping,
    swarm::{
        ConnectionId, DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::{
    address::{self, Reach},
    event::{Direction, NetEvent, NetworkStatus, PeerStatus},
    gossip::{PUBLISH_BURST, PUBLISH_PER_SECOND},
    handle::Command,
    rate::{Bucket, Rate},
    score::{Fault, Penalty},
    swarm::{Connection, Loop, Peer},
};
use crate::clock;

/// Gossiped records a peer may send at once and each second: ten times what one author may (`gossip.rs`), since a
/// neighbour relays for several.
const GOSSIP_BURST: u32 = 10 * PUBLISH_BURST;
const GOSSIP_PER_SECOND: u32 = 10 * PUBLISH_PER_SECOND;
/// Requests a peer may make at once and each second: a node that catches up on 100,000 records, or fetches a film.
const REQUESTS_BURST: u32 = 1_000;
const REQUESTS_PER_SECOND: u32 = 200;
/// A tenth of our points is what the gossip layer takes off.
const POINTS_PER_GOSSIP_POINT: f64 = 10.0;
/// Dials of the handle that are watched.
const ASKED_DIALS_MAX: usize = 256;
/// Addresses tried in one dial of the handle.
const DIAL_ADDRESSES_MAX: usize = 16;

impl Loop {
    pub(super) fn handle_connected(&mut self, id: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        self.asked_dials.remove(&connection);
        let Some(device) = super::device_of(&id) else {
            tracing::debug!(peer = %id, "a peer whose key is not Ed25519 is none of ours");
            return self.disconnect(id);
        };
        let mut dial_back = false;
        let (address, direction) = match endpoint {
            ConnectedPoint::Dialer { address, port_use, .. } => {
                // Only AutoNAT dials from a fresh port.
                dial_back = *port_use == PortUse::New;
                (address::split_peer(address).0, Direction::Out)
            }
            // Whoever comes through a relay has no address but the relay's.
            ConnectedPoint::Listener { local_addr, .. } if endpoint.is_relayed() => (local_addr.clone(), Direction::In),
            ConnectedPoint::Listener { send_back_addr, local_addr } => {
                // A peer that is connected already may have punched a hole.
                if address::reach(send_back_addr) == Some(Reach::Public) && !self.peers.contains_key(&id) {
                    self.note_reached(local_addr);
                }
                (address::split_peer(send_back_addr).0, Direction::In)
            }
        };
        let (local, now_ms) = (Self::local_ip(endpoint), self.now_ms());
        let first = !self.peers.contains_key(&id);
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            device,
            connections: BTreeMap::new(),
            relay: None,
            certificate: None,
            greeted: false,
            run: 0,
            delivering: false,
            rtt_ms: None,
            since: clock::now(),
            gossip_rate: Bucket::new(GOSSIP_BURST, GOSSIP_PER_SECOND, now_ms),
            request_rate: Bucket::new(REQUESTS_BURST, REQUESTS_PER_SECOND, now_ms),
        });
        let opened_ms = now_ms;
        peer.connections.insert(connection, Connection { address, direction, opened_ms, dial_back, local });
        // Not only on the first connection: when two nodes dial each other at the same moment, each may see the other's
        // connection first, and then nobody would greet.
        let greet = direction == Direction::Out && !peer.greeted;
        if greet {
            self.greet(id);
        }
        if first {
            self.weigh_in_gossip(device, id);
            self.deliver(id);
        }
    }

    pub(super) fn handle_closed(&mut self, id: PeerId, connection: ConnectionId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.connections.remove(&connection);
        if !peer.connections.is_empty() {
            return;
        }
        let Some(peer) = self.peers.remove(&id) else { return };
        self.doubts.remove(&id);
        self.sessions.forget_peer(&id);
        let now_ms = self.now_ms();
        self.book.lost(&peer.device, now_ms);
        if peer.greeted {
            self.emit(NetEvent::PeerDown { device: peer.device });
        }
    }

    pub(super) fn handle_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(rtt) => {
                self.doubts.remove(&event.peer);
                if let Some(peer) = self.peers.get_mut(&event.peer) {
                    peer.rtt_ms = u64::try_from(rtt.as_millis()).ok();
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                // A laptop that was closed, a cable that was pulled: nothing else would notice.
                tracing::debug!(peer = %event.peer, %error, "a connection is dead");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    /// Closes connections of peers with whom we share nothing while most are in use, the longest connected first and
    /// one each time, so that newcomers find room.
    pub(super) fn make_room(&mut self) {
        let max = usize::try_from(self.shared.limits.connections_max).unwrap_or(usize::MAX);
        if self.peers.len() < max / 8 * 5 {
            return;
        }
        let shared = self.shared_topics();
        let strangers = self.peers.iter().filter(|(id, peer)| {
            let idle = !peer.delivering && !self.mail.waits_for(id) && !self.relays.needs(id);
            idle && shared.get(*id).copied().unwrap_or_default() == 0
        });
        if let Some(peer) = strangers.min_by_key(|(_, peer)| peer.since).map(|(id, _)| *id) {
            tracing::debug!(%peer, "a peer that shares nothing with us makes room");
            self.disconnect(peer);
        }
    }

    /// How many of our topics each peer follows.
    fn shared_topics(&self) -> BTreeMap<PeerId, usize> {
        let all = self.swarm.behaviour().gossip.all_peers();
        let shared = |topics: &[_]| topics.iter().filter(|hash| self.topics.contains_key(**hash)).count();
        all.map(|(peer, topics)| (*peer, shared(&topics))).collect()
    }

    pub(super) fn handle_dial_failed(&mut self, peer: Option<PeerId>, connection: ConnectionId, error: &DialError) {
        if matches!(error, DialError::DialPeerConditionFalse(_)) {
            return; // Connected already, or about to be.
        }
        let asked = self.asked_dials.remove(&connection);
        if asked {
            let device = peer.as_ref().and_then(super::device_of);
            self.emit(NetEvent::DialFailed { device, reason: error.to_string() });
        }
        if let Some(peer) = peer
            && !self.peers.contains_key(&peer)
        {
            tracing::debug!(%peer, %error, "a peer could not be reached");
            self.mail_unreachable(peer);
        }
    }

    pub(super) fn handle_command(&mut self, command: Command) {
        match command {
            Command::SetIdentity(certificate) => self.set_identity(certificate),
            Command::Subscribe(topic) => self.subscribe(topic),
            Command::Unsubscribe(topic) => self.unsubscribe(&topic),
            Command::Publish(topic, id, signed) => self.publish(&topic, id, &signed),
            Command::Send(to, records) => self.send(to, records),
            Command::Mailbox(to, number, request) => self.ask_mailbox(to, number, request),
            Command::Dial(device, addresses) => self.dial(device, addresses),
            Command::FindAccount(account) => self.find_account(&account),
            Command::GetSlots(from, slots) => self.get_slots(from, slots),
            Command::SyncNow(topic) => self.sync_now(&topic),
            Command::ProvideBlob(hash) => self.provide_blob(&hash),
            Command::FetchBlob(wanted, answer) => self.fetch_blob(wanted, answer),
            Command::StopFetch(hash, over) => self.stop_fetch(&hash, over),
            Command::Status(answer) => {
                if answer.send(self.status()).is_err() {
                    tracing::debug!("nobody waits for the status any more");
                }
            }
            Command::Shutdown(_) => {} // Ends the loop before it gets here.
        }
    }

    /// Dials on somebody's word, and tells how it ended if it failed.
    fn dial(&mut self, device: Option<DeviceId>, addresses: Vec<Multiaddr>) {
        let mut by_peer: BTreeMap<Option<PeerId>, Vec<Multiaddr>> = BTreeMap::new();
        let wanted = device.map(|device| super::peer_of(&device));
        match wanted {
            Some(Err(error)) => return self.emit(NetEvent::DialFailed { device, reason: error.to_string() }),
            Some(Ok(peer)) => {
                let named = |address: &Multiaddr| address::split_peer(address).1.is_none_or(|named| named == peer);
                let addresses = addresses.into_iter().filter(named).map(|address| address::split_peer(&address).0);
                by_peer.insert(Some(peer), addresses.collect());
            }
            None => {
                for address in addresses.into_iter().take(DIAL_ADDRESSES_MAX) {
                    let (bare, peer) = address::split_peer(&address);
                    by_peer.entry(peer).or_default().push(bare);
                }
            }
        }
        for (peer, mut addresses) in by_peer {
            if peer.is_some_and(|peer| self.peers.contains_key(&peer) || peer == *self.swarm.local_peer_id()) {
                continue;
            }
            let Some(peer) = peer else {
                for address in addresses {
                    self.dial_and_tell(DialOpts::unknown_peer_id().address(address).build());
                }
                continue;
            };
            let device = super::device_of(&peer);
            addresses.extend(device.map(|device| self.book.addresses(&device)).unwrap_or_default());
            addresses.truncate(DIAL_ADDRESSES_MAX);
            if addresses.is_empty() {
                if !self.dial_peer(peer, addresses) {
                    let reason = "no address of it is known; it is being looked for".to_owned();
                    self.emit(NetEvent::DialFailed { device, reason });
                }
                continue;
            }
            let options =
                DialOpts::peer_id(peer).addresses(addresses).condition(PeerCondition::DisconnectedAndNotDialing);
            self.dial_and_tell(options.extend_addresses_through_behaviour().build());
        }
    }

    fn dial_and_tell(&mut self, options: DialOpts) {
        let (connection, peer) = (options.connection_id(), options.get_peer_id());
        match self.swarm.dial(options) {
            Ok(()) if self.asked_dials.len() < ASKED_DIALS_MAX => {
                self.asked_dials.insert(connection);
            }
            Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => {}
            Err(error) => {
                let device = peer.as_ref().and_then(super::device_of);
                self.emit(NetEvent::DialFailed { device, reason: error.to_string() });
            }
        }
    }

    pub(super) fn disconnect(&mut self, peer: PeerId) {
        if self.swarm.disconnect_peer_id(peer).is_err() {
            tracing::debug!(%peer, "it was gone already");
        }
    }

    /// Whether a request of a peer is to be answered: it is one of ours, and within its rate.
    pub(super) fn admit_request(&mut self, id: &PeerId) -> Option<DeviceId> {
        let now_ms = self.now_ms();
        let peer = self.peers.get_mut(id)?;
        let (device, rate) = (peer.device, peer.request_rate.take(now_ms));
        if rate == Rate::Flood {
            self.punish(device, Fault::Flood);
        }
        (rate == Rate::Fine).then_some(device)
    }

    pub(super) fn punish_peer(&mut self, peer: &PeerId, fault: Fault) {
        if let Some(device) = super::device_of(peer) {
            self.punish(device, fault);
        }
    }

    /// Counts a fault, and does what follows from it.
    pub(super) fn punish(&mut self, device: DeviceId, fault: Fault) {
        let now_ms = self.now_ms();
        let penalty = self.scores.punish(device, fault, now_ms);
        let points = self.scores.points(&device, now_ms);
        tracing::info!(%device, ?fault, points, ?penalty, "a peer was at fault");
        let Ok(peer) = super::peer_of(&device) else { return };
        self.weigh_in_gossip(device, peer);
        match penalty {
            Penalty::None => {}
            Penalty::Disconnect => self.disconnect(peer),
            Penalty::Ban => {
                self.swarm.behaviour_mut().blocked.block_peer(peer);
            }
        }
    }

    fn weigh_in_gossip(&mut self, device: DeviceId, peer: PeerId) {
        let points = self.scores.points(&device, self.now_ms());
        let share = -f64::from(points) / POINTS_PER_GOSSIP_POINT;
        self.swarm.behaviour_mut().gossip.set_application_score(&peer, share);
    }

    /// Notes where a peer can be found again, in the store too.
    pub(super) fn remember(&mut self, device: DeviceId, addresses: &[Multiaddr]) {
        let Some(batch) = self.book.met(device, addresses, clock::now()) else { return };
        let store = std::sync::Arc::clone(&self.shared.store);
        self.tasks.spawn(async move {
            let written = tokio::task::spawn_blocking(move || store.commit(batch)).await;
            if let Ok(Err(error)) = written {
                tracing::warn!(%error, "the peer book could not be written");
            }
        });
    }

    fn status(&self) -> NetworkStatus {
        let (now_ms, ours) = (self.now_ms(), *self.swarm.local_peer_id());
        let topics = self.topics.iter().map(|(hash, topic)| (topic.clone(), self.followers(hash).len()));
        let mut topics: Vec<_> = topics.collect();
        topics.sort_unstable();
        let followed = self.shared_topics();
        let peers = self.peers.iter().filter_map(|(id, peer)| {
            let Connection { address, direction, .. } = peer.connection()?;
            Some(PeerStatus {
                device: peer.device,
                account: peer.certificate.as_ref().map(|certificate| certificate.account),
                address: address.clone(),
                transport: address::transport(address),
                direction: *direction,
                rtt_ms: peer.rtt_ms,
                score: self.scores.points(&peer.device, now_ms),
                topics: followed.get(id).copied().unwrap_or_default(),
                since: peer.since,
            })
        });
        NetworkStatus {
            listen: self.swarm.listeners().map(|address| address::with_peer(address, ours)).collect(),
            external: self.reach.observed.iter().cloned().collect(),
            reachability: self.reachability(),
            relays: self.relays_used(),
            relaying: self.relaying(),
            peers: peers.collect(),
            topics,
            traffic: self.counted(),
        }
    }
}
