//! At most so many inbound connections from one neighbourhood of addresses, so that one host with many keys cannot take
//! all our connections.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::IpAddr,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use super::address;

/// The first 24 bits of an IPv4 address, the first 64 of an IPv6 one: what one household or host has.
type Subnet = [u8; 9];

fn subnet(address: &Multiaddr) -> Option<Subnet> {
    let mut subnet = [0; 9];
    let bytes = match address::ip(address)? {
        ip if ip.is_loopback() => return None,
        IpAddr::V4(ip) => [&[4][..], &ip.octets()[..3]].concat(),
        IpAddr::V6(ip) => [&[6][..], &ip.octets()[..8]].concat(),
    };
    subnet.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    Some(subnet)
}

/// Too many connections from one subnet.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0} inbound connections from one subnet are enough")]
pub(super) struct TooMany(usize);

/// Refuses inbound connections over the limit. Loopback is exempt: it is ourselves.
#[derive(Debug)]
pub(super) struct SubnetLimit {
    max: usize,
    count: BTreeMap<Subnet, usize>,
    connections: HashMap<ConnectionId, Subnet>,
}

impl SubnetLimit {
    pub(super) fn new(max: usize) -> Self {
        Self { max, count: BTreeMap::new(), connections: HashMap::new() }
    }

    fn admit(&mut self, connection: ConnectionId, remote: &Multiaddr) -> Result<(), TooMany> {
        let Some(subnet) = subnet(remote) else { return Ok(()) };
        let count = self.count.entry(subnet).or_default();
        if *count >= self.max {
            return Err(TooMany(self.max));
        }
        *count += 1;
        self.connections.insert(connection, subnet);
        Ok(())
    }

    fn release(&mut self, connection: &ConnectionId) {
        let Some(subnet) = self.connections.remove(connection) else { return };
        if let Some(count) = self.count.get_mut(&subnet) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.count.remove(&subnet);
            }
        }
    }
}

impl NetworkBehaviour for SubnetLimit {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        // Counted before the handshake, which is what costs us.
        self.admit(connection, remote).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => self.release(&connection_id),
            FromSwarm::ListenFailure(failure) => self.release(&failure.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_full_at_its_limit_and_loopback_never() {
        let mut limit = SubnetLimit::new(2);
        let mut admit = |number, address: &str| {
            let connection = ConnectionId::new_unchecked(number);
            limit.admit(connection, &address.parse().unwrap()).is_ok()
        };
        assert!(admit(1, "/ip4/1.2.3.4/tcp/1") && admit(2, "/ip4/1.2.3.200/tcp/1"));
        assert!(!admit(3, "/ip4/1.2.3.5/tcp/1"), "the same /24");
        assert!(admit(4, "/ip4/1.2.4.5/tcp/1"), "another /24");
        assert!(admit(5, "/ip6/2001:db8:0:1::1/tcp/1") && admit(6, "/ip6/2001:db8:0:1:ffff::2/tcp/1"));
        assert!(!admit(7, "/ip6/2001:db8:0:1:2::3/tcp/1"), "the same /64");
        assert!((10..20).all(|number| admit(number, "/ip4/127.0.0.1/tcp/1")));
        limit.release(&ConnectionId::new_unchecked(1));
        limit.release(&ConnectionId::new_unchecked(1));
        assert!(limit.admit(ConnectionId::new_unchecked(8), &"/ip4/1.2.3.5/tcp/1".parse().unwrap()).is_ok());
        assert!(limit.admit(ConnectionId::new_unchecked(9), &"/ip4/1.2.3.5/tcp/1".parse().unwrap()).is_err());
    }
}
