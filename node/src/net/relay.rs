//! Relay v2, both ways: circuits that we carry for others, within quotas, and the places at other nodes (reservations)
//! where we can be reached while we sit behind a NAT.
//!
//! A relay sees who talks to whom, when and how much, and nothing else: what passes is encrypted between the two ends.
//! So only nodes of accounts that this one follows anyway (contacts, shops) are asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hutong_protocol::Topic;
use libp2p::{
    Multiaddr, PeerId,
    core::transport::ListenerId,
    multiaddr::Protocol,
    relay::{self, HOP_PROTOCOL_NAME},
};

use super::{
    address::{self, Reach},
    event::{RelayStatus, RelayingStatus},
    swarm::Loop,
};

/// Peers that may be reached through us at a time. Each keeps one inbound connection: with 150 of these in all, a shop
/// has 54 left for those who come to it directly.
const RESERVATIONS_MAX: usize = 96;
/// Reservations of one peer: one connection is all it needs.
const RESERVATIONS_PER_PEER_MAX: usize = 1;
/// How long a reservation lasts unless it is renewed (1 hour, as the specification advises): a renewal is 200 bytes.
const RESERVATION_MS: u64 = 60 * 60_000;
/// Circuits at a time. Each holds two buffers of 8 KiB, so that all of them cost 1 MiB.
const CIRCUITS_MAX: usize = 64;
/// Circuits that one peer may have asked for: its household talks to several others at the same time.
const CIRCUITS_PER_PEER_MAX: usize = 8;
/// How long a circuit lasts (30 minutes): a conversation, or an order from request to quote. Then it is dialled anew.
const CIRCUIT_MS: u64 = 30 * 60_000;
/// What one circuit carries, both ways together, in bytes (16 MiB): a thousand messages and the pictures of a listing,
/// but not a film. All of them at their limit are 1 GiB in half an hour, or 5 Mbit/s.
const CIRCUIT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Relays that we hold places at: the second is for when the first goes away.
const RELAYS_WANTED: usize = 2;
/// A relay that refused is asked again after so long (10 minutes): it was full, and its reservations last an hour.
const REFUSED_MS: u64 = 10 * 60_000;
/// Relays that refused us and are remembered.
const REFUSED_MAX: usize = 64;

/// The relay that we are for others. Offered only once [`Loop::tend_relays`] says so.
pub(super) fn server(peer: PeerId) -> relay::Behaviour {
    let config = relay::Config {
        max_reservations: RESERVATIONS_MAX,
        max_reservations_per_peer: RESERVATIONS_PER_PEER_MAX,
        reservation_duration: Duration::from_millis(RESERVATION_MS),
        max_circuits: CIRCUITS_MAX,
        max_circuits_per_peer: CIRCUITS_PER_PEER_MAX,
        max_circuit_duration: Duration::from_millis(CIRCUIT_MS),
        max_circuit_bytes: CIRCUIT_BYTES_MAX,
        // How often: 30 in two minutes for a peer, 60 a minute for an address.
        ..relay::Config::default()
    };
    let mut relay = relay::Behaviour::new(peer, config);
    relay.set_status(Some(relay::Status::Disable));
    relay
}

/// A place at a relay.
#[derive(Debug)]
struct Place {
    listener: ListenerId,
    /// The relay agreed.
    held: bool,
}

/// What is known of relays.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// Where we can be reached.
    places: BTreeMap<PeerId, Place>,
    /// Who did not want us, and when to ask again.
    refused: BTreeMap<PeerId, u64>,
    /// We offer to carry circuits.
    offered: bool,
    /// Who can be reached through us.
    guests: BTreeSet<PeerId>,
    /// Circuits that we carry.
    circuits: usize,
}

impl Relays {
    /// Whether a peer relays for us or we for it.
    pub(super) fn needs(&self, peer: &PeerId) -> bool {
        self.places.contains_key(peer) || self.guests.contains(peer)
    }

    /// Whether we can be reached through a relay.
    pub(super) fn any_held(&self) -> bool {
        self.places.values().any(|place| place.held)
    }
}

/// Whether a node that speaks these protocols offers to relay.
pub(super) fn offers(protocols: &[libp2p::StreamProtocol]) -> bool {
    protocols.contains(&HOP_PROTOCOL_NAME)
}

impl Loop {
    /// Once a tick: offers to relay, or no longer; looks for places, or gives them up.
    pub(super) fn tend_relays(&mut self, now_ms: u64) {
        let wanted = self.relay_wanted.unwrap_or_else(|| self.owns_store());
        // Without an address of our own that others can dial there is nothing to offer.
        let offered = wanted && self.direct_addresses().next().is_some();
        if offered != self.relays.offered {
            tracing::info!(offered, "relaying for others");
            self.relays.offered = offered;
            let status = if offered { relay::Status::Enable } else { relay::Status::Disable };
            self.swarm.behaviour_mut().relay.set_status(Some(status));
        }
        if !self.needs_relay() {
            for (_, place) in std::mem::take(&mut self.relays.places) {
                self.swarm.remove_listener(place.listener);
            }
            return;
        }
        self.relays.refused.retain(|_, again_ms| *again_ms > now_ms);
        while self.relays.places.len() < RELAYS_WANTED {
            let Some((relay, address)) = self.next_relay() else { return };
            self.reserve(relay, &address, now_ms);
        }
    }

    /// Whether this device's account has a store: it follows its own.
    fn owns_store(&self) -> bool {
        let account = self.certificate.as_ref().map(|certificate| certificate.account);
        self.topics.values().any(|topic| matches!(topic, Topic::Store(owner) if Some(*owner) == account))
    }

    /// A connected peer that offers to relay, and an address of it that everybody can dial.
    fn next_relay(&self) -> Option<(PeerId, Multiaddr)> {
        let known = self.topics.values().filter_map(|topic| match topic {
            Topic::Profile(account) | Topic::Store(account) => Some(*account),
            _ => None,
        });
        let known: BTreeSet<_> = known.collect();
        let fits = self.peers.iter().filter(|(id, peer)| {
            let familiar = peer.certificate.as_ref().is_some_and(|it| known.contains(&it.account));
            familiar && !self.relays.places.contains_key(*id) && !self.relays.refused.contains_key(*id)
        });
        // The one that has been there longest is the likeliest to stay.
        let mut fits: Vec<_> = fits.collect();
        fits.sort_by_key(|(_, peer)| peer.since);
        fits.into_iter().find_map(|(id, peer)| Some((*id, peer.relay.clone()?)))
    }

    fn reserve(&mut self, relay: PeerId, address: &Multiaddr, now_ms: u64) {
        let circuit = address::with_peer(address, relay).with(Protocol::P2pCircuit);
        match self.swarm.listen_on(circuit) {
            Ok(listener) => {
                tracing::debug!(%relay, "asking for a place at a relay");
                self.relays.places.insert(relay, Place { listener, held: false });
            }
            Err(error) => {
                tracing::debug!(%relay, %error, "not asked for a place at a relay");
                self.refused(relay, now_ms);
            }
        }
    }

    fn refused(&mut self, relay: PeerId, now_ms: u64) {
        if self.relays.refused.len() < REFUSED_MAX {
            self.relays.refused.insert(relay, now_ms.saturating_add(REFUSED_MS));
        } else {
            self.relays.refused.pop_first();
        }
    }

    /// A place at a relay is gone, if `listener` was one.
    pub(super) fn handle_place_lost(&mut self, listener: ListenerId, refused: bool) {
        let lost = self.relays.places.iter().find(|(_, place)| place.listener == listener).map(|(relay, _)| *relay);
        let Some(relay) = lost else { return };
        tracing::debug!(%relay, refused, "a place at a relay is gone");
        self.relays.places.remove(&relay);
        // Whoever went away may be back in a moment; whoever refused will refuse again.
        if refused && self.peers.contains_key(&relay) {
            self.refused(relay, self.now_ms());
        }
    }

    pub(super) fn handle_circuits(&mut self, event: relay::client::Event) {
        match event {
            relay::client::Event::ReservationReqAccepted { relay_peer_id, renewal, .. } => {
                if !renewal {
                    tracing::info!(relay = %relay_peer_id, "others can reach us through a relay");
                }
                if let Some(place) = self.relays.places.get_mut(&relay_peer_id) {
                    place.held = true;
                }
            }
            relay::client::Event::OutboundCircuitEstablished { relay_peer_id, .. } => {
                tracing::debug!(relay = %relay_peer_id, "a circuit through a relay");
            }
            relay::client::Event::InboundCircuitEstablished { src_peer_id, .. } => {
                tracing::debug!(peer = %src_peer_id, "somebody came through a relay");
            }
        }
    }

    pub(super) fn handle_relay(&mut self, event: relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                self.relays.guests.insert(src_peer_id);
            }
            relay::Event::ReservationTimedOut { src_peer_id } => {
                self.relays.guests.remove(&src_peer_id);
            }
            // Told for every connection that closes, with a reservation or without.
            relay::Event::ReservationClosed { src_peer_id } if !self.swarm.is_connected(&src_peer_id) => {
                self.relays.guests.remove(&src_peer_id);
            }
            relay::Event::CircuitReqAccepted { .. } => {
                self.relays.circuits = self.relays.circuits.saturating_add(1);
            }
            relay::Event::CircuitClosed { .. } => {
                self.relays.circuits = self.relays.circuits.saturating_sub(1);
            }
            relay::Event::ReservationReqDenied { src_peer_id, .. } => {
                tracing::info!(peer = %src_peer_id, "no room for another guest at this relay");
            }
            relay::Event::CircuitReqDenied { src_peer_id, status, .. } => {
                tracing::debug!(peer = %src_peer_id, ?status, "a circuit was refused");
            }
            _ => {}
        }
    }

    /// The relays through which we can be reached.
    pub(super) fn relays_used(&self) -> Vec<RelayStatus> {
        let held = self.relays.places.iter().filter(|(_, place)| place.held);
        let status = held.filter_map(|(id, _)| {
            let peer = self.peers.get(id);
            let account = peer.and_then(|peer| peer.certificate.as_ref()).map(|certificate| certificate.account);
            Some(RelayStatus { device: super::device_of(id)?, account })
        });
        status.collect()
    }

    /// What we carry for others; `None` if we do not offer it.
    pub(super) fn relaying(&self) -> Option<RelayingStatus> {
        self.relays.offered.then_some(RelayingStatus {
            reservations: self.relays.guests.len(),
            reservations_max: RESERVATIONS_MAX,
            circuits: self.relays.circuits,
            circuits_max: CIRCUITS_MAX,
            circuit_bytes_max: CIRCUIT_BYTES_MAX,
            circuit_ms_max: CIRCUIT_MS,
        })
    }
}

/// The best of the addresses that a relay says it has, or the one at which we reached it; `None` if none is public.
pub(super) fn dialable(listed: &[Multiaddr], reached_at: Option<&Multiaddr>) -> Option<Multiaddr> {
    let all = reached_at.into_iter().chain(listed);
    let mut public = all.filter(|it| address::reach(it) == Some(Reach::Public) && !address::is_relayed(it));
    public.next().map(|address| address::split_peer(address).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_named_by_an_address_that_everybody_can_dial() {
        let parse = |text: &str| text.parse::<Multiaddr>().unwrap();
        let home = parse("/ip4/192.168.1.2/tcp/1");
        let public = parse("/ip4/9.9.9.9/tcp/1");
        let circuit = parse("/ip4/9.9.9.9/tcp/1/p2p-circuit");
        assert_eq!(dialable(&[home.clone(), public.clone()], Some(&home)), Some(public.clone()));
        assert_eq!(dialable(&[], Some(&public)), Some(public));
        assert_eq!(dialable(&[home.clone(), circuit], Some(&home)), None);
        assert_eq!(dialable(&[], None), None);
    }

    #[test]
    fn the_quotas_add_up() {
        let inbound = super::super::NetLimits::default().connections_max / 4 * 3;
        assert!(RESERVATIONS_MAX < usize::try_from(inbound).unwrap(), "guests must not crowd out customers");
    }
}
