//! How this node is reached: what AutoNAT, UPnP and hole punching find out, and which addresses are announced.
//!
//! ```text
//! dial-back (AutoNAT), opened port (UPnP), a stranger's connection ──► external address ─┐
//! place at a relay ──► circuit address ────────────────────────────────────────────────┼─► greetings, links, table
//! interfaces ──► listen addresses ─────────────────────────────────────────────────────┘
//! ```
//! Nothing of it runs on a node that listens on loopback only.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, autonat,
    autonat::v1::{Behaviour as AutoNat, Config, Event, InboundProbeEvent, NatStatus, OutboundProbeEvent},
    core::{
        Endpoint,
        transport::{ListenerId, PortUse},
    },
    dcutr,
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NewExternalAddrCandidate, NewListenAddr, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::toggle::Toggle,
    },
    upnp,
};

use super::{
    address::{self, Reach as Wide},
    event::{Direction, NetEvent, Reachability},
    swarm::Loop,
};

/// The first question whether we can be reached comes so long after the start, when peers are there to be asked.
const PROBE_FIRST_MS: u64 = 5_000;
/// Until the answer is sure (three peers, or one three times) it is asked again so soon.
const PROBE_AGAIN_MS: u64 = 20_000;
/// One peer is asked at most so often: each answer costs it a connection.
const PROBE_SAME_PEER_MS: u64 = 90_000;
/// A sure answer holds so long (1 hour), so that it costs a quiet node one connection an hour.
const PROBE_SURE_MS: u64 = 60 * 60_000;
/// How often we dial back for others in a minute, all together and for one peer: a connection each.
const DIAL_BACKS_MAX: usize = 20;
const DIAL_BACKS_PER_PEER_MAX: usize = 3;
const DIAL_BACKS_PERIOD_MS: u64 = 60_000;
/// Addresses of one peer that are tried: four ports of two families.
const DIAL_BACK_ADDRESSES_MAX: usize = 8;
/// A dial-back is done, or a hole punched, after so long; then the connection that is no longer needed goes.
const REDUNDANT_MS: u64 = 10_000;
/// A dial-back that proves an answer came at most so long before it.
const DIAL_BACK_MS_MAX: u64 = 40_000;
/// Addresses of our own, seen or confirmed, of one kind.
const ADDRESSES_MAX: usize = 8;

/// Whether any of these addresses is heard beyond this machine.
pub(super) fn beyond_this_machine(listen: &[Multiaddr]) -> bool {
    listen.iter().any(|address| address::reach(address).is_some_and(|reach| reach != Wide::Loopback))
}

/// AutoNAT (v1), held on a short leash: it tries only ports that we listen on, since a set of everything that peers say
/// they saw has no bound; and what a peer answers is not believed before [`Loop`] has seen the dial-back itself.
pub(super) struct Probe(AutoNat);

impl Probe {
    pub(super) fn new(peer: PeerId) -> Self {
        let config = Config {
            boot_delay: Duration::from_millis(PROBE_FIRST_MS),
            retry_interval: Duration::from_millis(PROBE_AGAIN_MS),
            refresh_interval: Duration::from_millis(PROBE_SURE_MS),
            throttle_server_period: Duration::from_millis(PROBE_SAME_PEER_MS),
            max_peer_addresses: DIAL_BACK_ADDRESSES_MAX,
            throttle_clients_global_max: DIAL_BACKS_MAX,
            throttle_clients_peer_max: DIAL_BACKS_PER_PEER_MAX,
            throttle_clients_period: Duration::from_millis(DIAL_BACKS_PERIOD_MS),
            // Neither asks about, nor dials back to, an address of a local network.
            only_global_ips: true,
            ..Config::default()
        };
        Self(AutoNat::new(peer, config))
    }
}

impl NetworkBehaviour for Probe {
    type ConnectionHandler = THandler<AutoNat>;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.0.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.0.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if !matches!(event, FromSwarm::NewExternalAddrCandidate(_)) {
            self.0.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.0.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.0.poll(cx) {
                Poll::Ready(ToSwarm::ExternalAddrConfirmed(_)) => {}
                other => return other,
            }
        }
    }
}

/// What is known of how we are reached.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Public addresses at which others saw us.
    pub(super) observed: BTreeSet<Multiaddr>,
    /// Addresses at which somebody reached us on our asking.
    open: BTreeSet<Multiaddr>,
    /// Ports that a router opened for us.
    mapped: BTreeSet<Multiaddr>,
    /// Somebody from the wide world reached us by himself.
    reached: bool,
    /// Somebody tried to reach us and could not.
    closed: bool,
    /// What we listen on beyond this machine.
    listening: BTreeMap<Multiaddr, ListenerId>,
    /// No router was found that opens ports.
    no_router: bool,
    /// Another router may be there.
    look_for_router: bool,
    /// What was announced last.
    announced: Vec<Multiaddr>,
}

impl Loop {
    /// Addresses of our own that others can dial from everywhere without a relay.
    pub(super) fn direct_addresses(&self) -> impl Iterator<Item = &Multiaddr> {
        self.swarm.external_addresses().filter(|address| !address::is_relayed(address))
    }

    /// Where we can be reached, the best first: from everywhere, through a relay, from next door.
    pub(super) fn reachable_at(&self) -> Vec<Multiaddr> {
        let ours = *self.swarm.local_peer_id();
        let bare = |address: &Multiaddr| match address::split_peer(address) {
            (bare, Some(peer)) if peer == ours => bare,
            _ => address.clone(),
        };
        let circuits = self.swarm.external_addresses().filter(|address| address::is_relayed(address));
        let listening = self.swarm.listeners().filter(|address| !address::is_relayed(address));
        let mut local: Vec<_> = listening.map(bare).collect();
        local.sort_by_key(|address| std::cmp::Reverse(address::reach(address)));
        let mut all: Vec<_> = self.direct_addresses().chain(circuits).map(bare).collect();
        for address in local {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }

    /// Once a tick: tells everybody if we are to be found elsewhere than before.
    pub(super) fn announce(&mut self) {
        let now = self.reachable_at();
        if now == self.reach.announced {
            return;
        }
        self.reach.announced.clone_from(&now);
        let ours = *self.swarm.local_peer_id();
        let addresses = now.iter().map(|address| address::with_peer(address, ours)).collect();
        self.emit(NetEvent::Reachable { addresses });
        let peers: Vec<_> = self.peers.iter().filter(|(_, peer)| peer.greeted).map(|(id, _)| *id).collect();
        for peer in peers {
            self.greet(peer);
        }
        self.provide_again();
    }

    /// Somebody connected to us by himself, at `local`.
    pub(super) fn note_reached(&mut self, local: &Multiaddr) {
        self.reach.reached = true;
        self.reach.closed = false;
        if address::reach(local) == Some(Wide::Public) {
            self.confirm(local);
        }
    }

    /// An address of ours was reached from outside: so can be what else listens at it.
    fn confirm(&mut self, address: &Multiaddr) {
        let ip = address::ip(address);
        let same: Vec<_> = self.swarm.listeners().filter(|other| address::ip(other) == ip).cloned().collect();
        for address in same.into_iter().chain([address.clone()]) {
            if self.reach.open.len() < ADDRESSES_MAX && self.reach.open.insert(address.clone()) {
                tracing::info!(%address, "others can reach us");
                self.swarm.add_external_address(address);
            }
        }
    }

    /// Somebody saw us at an address.
    pub(super) fn note_observed(&mut self, address: &Multiaddr) {
        if address::reach(address) != Some(Wide::Public) || address::is_relayed(address) {
            return;
        }
        if self.reach.observed.insert(address::split_peer(address).0) {
            self.suggest_holes(address);
        }
        while self.reach.observed.len() > ADDRESSES_MAX {
            self.reach.observed.pop_first();
        }
    }

    /// Tells hole punching where else we may be seen. It knows only the transport over which somebody saw us; if two
    /// nodes met the relay over different ones, each would call where the other does not listen for it. A router that
    /// keeps one port as it is keeps the others too.
    fn suggest_holes(&mut self, seen: &Multiaddr) {
        let Some(ip) = address::ip(seen) else { return };
        let port = address::port(seen);
        let listening = || self.reach.listening.keys();
        if !listening().any(|ours| address::port(ours) == port) {
            return;
        }
        let same_family = |ours: &&Multiaddr| address::ip(ours).is_some_and(|own| own.is_ipv4() == ip.is_ipv4());
        let holes: BTreeSet<_> =
            listening().filter(same_family).filter_map(|ours| address::with_ip(ours, ip)).collect();
        if let Some(dcutr) = self.swarm.behaviour_mut().dcutr.as_mut() {
            for addr in holes.iter().take(ADDRESSES_MAX) {
                dcutr.on_swarm_event(FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr }));
            }
        }
    }

    /// An address of this machine is gone: nothing that was found out before needs to be true any more.
    pub(super) fn forget_reach(&mut self) {
        for address in std::mem::take(&mut self.reach.open) {
            self.swarm.remove_external_address(&address);
        }
        (self.reach.reached, self.reach.closed) = (false, false);
        self.reach.observed.clear();
    }

    pub(super) fn handle_autonat(&mut self, event: Event) {
        match event {
            Event::OutboundProbe(OutboundProbeEvent::Response { peer, address, .. }) => {
                let address = address::split_peer(&address).0;
                if self.is_proven(&peer, &address) {
                    self.note_reached(&address);
                } else {
                    tracing::debug!(%peer, %address, "it says it reached us, and we saw nothing of it");
                }
            }
            Event::OutboundProbe(OutboundProbeEvent::Error { error, .. }) => {
                let failed = autonat::v1::OutboundProbeError::Response(autonat::v1::ResponseError::DialError);
                if std::mem::discriminant(&error) == std::mem::discriminant(&failed) {
                    tracing::debug!(?error, "nobody can call us at our own ports");
                }
            }
            Event::StatusChanged { new: NatStatus::Private, .. } => {
                tracing::info!("this node is behind a NAT or a firewall");
                self.forget_reach();
                self.reach.closed = true;
            }
            Event::InboundProbe(InboundProbeEvent::Error { peer, error, .. }) => {
                tracing::debug!(%peer, ?error, "could not dial back");
            }
            _ => {}
        }
    }

    /// Whether a peer that says it dialled us back at an address did so: it has a fresh connection to us beside the one
    /// we had, the port is ours, and others see us at that address too.
    fn is_proven(&self, peer: &PeerId, address: &Multiaddr) -> bool {
        let Some(peer) = self.peers.get(peer) else { return false };
        let now_ms = self.now_ms();
        let fresh = peer.connections.values().any(|it| {
            it.direction == Direction::In
                && !address::is_relayed(&it.address)
                && now_ms.saturating_sub(it.opened_ms) < DIAL_BACK_MS_MAX
        });
        let (ip, port) = (address::ip(address), address::port(address));
        let seen = self.reach.observed.iter().chain(self.swarm.listeners()).any(|it| address::ip(it) == ip);
        fresh && seen && self.swarm.listeners().any(|it| address::port(it) == port)
    }

    pub(super) fn handle_upnp(&mut self, event: upnp::Event) {
        match event {
            upnp::Event::NewExternalAddr { external_addr, .. } => {
                tracing::info!(address = %external_addr, "the router opened a port for us");
                if self.reach.mapped.len() < ADDRESSES_MAX {
                    self.reach.mapped.insert(external_addr.clone());
                    self.swarm.add_external_address(external_addr);
                }
            }
            upnp::Event::ExpiredExternalAddr { external_addr, .. } => {
                tracing::info!(address = %external_addr, "the router closed a port of ours");
                self.reach.mapped.remove(&external_addr);
                self.swarm.remove_external_address(&external_addr);
            }
            upnp::Event::GatewayNotFound | upnp::Event::NonRoutableGateway => {
                tracing::debug!(?event, "no router here opens ports to the internet");
                self.reach.no_router = true;
            }
        }
    }

    /// This machine listens at one more address: with it may come another router.
    pub(super) fn note_listening(&mut self, listener: ListenerId, address: Multiaddr) {
        self.reach.look_for_router |= self.reach.no_router;
        self.reach.listening.insert(address, listener);
    }

    /// It does so no longer: nothing is known of the router any more.
    pub(super) fn forget_listening(&mut self, address: &Multiaddr) {
        self.reach.look_for_router |= self.reach.listening.remove(address).is_some();
    }

    /// Once a tick: looks for a router that opens ports, if there may be another than before. The behaviour looks only
    /// once in its life, so it gets another one.
    pub(super) fn look_for_router(&mut self) {
        if !std::mem::take(&mut self.reach.look_for_router) || !self.swarm.behaviour().upnp.is_enabled() {
            return;
        }
        self.reach.no_router = false;
        for address in std::mem::take(&mut self.reach.mapped) {
            self.swarm.remove_external_address(&address);
        }
        let mut upnp = upnp::tokio::Behaviour::default();
        for (addr, listener_id) in &self.reach.listening {
            upnp.on_swarm_event(FromSwarm::NewListenAddr(NewListenAddr { listener_id: *listener_id, addr }));
        }
        self.swarm.behaviour_mut().upnp = Toggle::from(Some(upnp));
    }

    pub(super) fn handle_dcutr(&mut self, event: &dcutr::Event) {
        match &event.result {
            Ok(_) => tracing::info!(peer = %event.remote_peer_id, "a hole was punched: no relay is needed any more"),
            Err(error) => tracing::debug!(peer = %event.remote_peer_id, %error, "no hole could be punched"),
        }
    }

    /// Whether we should look for places at relays: nobody can dial us, as far as we know.
    pub(super) fn needs_relay(&self) -> bool {
        let listening = || self.swarm.listeners().filter(|address| !address::is_relayed(address));
        let reach = |wide| listening().any(|address| address::reach(address) == Some(wide));
        // With a public address of its own a node waits for the proof that it is of no use.
        let hidden = self.reach.closed || !reach(Wide::Public);
        hidden && reach(Wide::Local) && self.direct_addresses().next().is_none()
    }

    /// Closes connections that are no longer of use: dial-backs, and circuits to peers that we reach directly.
    pub(super) fn close_redundant(&mut self, now_ms: u64) {
        let old = |opened_ms: u64| now_ms.saturating_sub(opened_ms) >= REDUNDANT_MS;
        let mut redundant = Vec::new();
        for peer in self.peers.values() {
            let direct = |it: &super::swarm::Connection| !it.dial_back && !address::is_relayed(&it.address);
            let settled = peer.connections.values().any(|it| direct(it) && old(it.opened_ms));
            let goes = |it: &super::swarm::Connection| {
                old(it.opened_ms) && (it.dial_back || (settled && address::is_relayed(&it.address)))
            };
            redundant.extend(peer.connections.iter().filter(|(_, it)| goes(it)).map(|(id, _)| *id));
        }
        for connection in redundant {
            self.swarm.close_connection(connection);
        }
    }

    /// How this node is reached, as far as is known.
    pub(super) fn reachability(&self) -> Reachability {
        let reach = &self.reach;
        if !reach.mapped.is_empty() {
            Reachability::Mapped
        } else if reach.reached {
            Reachability::Public
        } else if self.relays.any_held() {
            Reachability::Relayed
        } else if reach.closed {
            Reachability::OutgoingOnly
        } else if reach.observed.is_empty() && self.swarm.listeners().next().is_some() {
            Reachability::LocalOnly
        } else {
            Reachability::Unknown
        }
    }
}

/// The address of this machine from which packets to `remote` go out now; nothing is sent.
pub(super) fn local_ip_towards(remote: &Multiaddr) -> Option<IpAddr> {
    /// Any port does: connecting a UDP socket only looks up the route.
    const DISCARD: u16 = 9;
    let remote = address::ip(remote)?;
    let any: IpAddr = if remote.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, DISCARD)).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_on_loopback_asks_nobody_how_it_is_reached() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        assert!(!beyond_this_machine(&parse(&["/ip4/127.0.0.1/tcp/0", "/ip6/::1/udp/0/quic-v1"])));
        assert!(beyond_this_machine(&parse(&["/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/4848"])));
        assert!(beyond_this_machine(&parse(&["/ip4/192.168.1.2/tcp/4848"])));
        assert!(!beyond_this_machine(&[]));
    }

    #[test]
    fn the_way_to_loopback_is_loopback() {
        let local = local_ip_towards(&"/ip4/127.0.0.1/tcp/1".parse().unwrap());
        assert_eq!(local, Some([127, 0, 0, 1].into()));
        assert_eq!(local_ip_towards(&"/dns/example.org/tcp/1".parse().unwrap()), None);
    }
}
