//! What an address says about how far it reaches, and who is behind it.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use super::event::Transport;

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine.
    Loopback,
    /// The local network.
    Local,
    /// Everywhere, as far as the address says. Names count here.
    Public,
}

/// How far an address reaches; `None` if it names no host.
pub(super) fn reach(address: &Multiaddr) -> Option<Reach> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(reach_of_ip(IpAddr::V4(ip))),
        Protocol::Ip6(ip) => Some(reach_of_ip(IpAddr::V6(ip))),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => Some(Reach::Public),
        _ => None,
    })
}

fn reach_of_ip(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        ip if ip.is_loopback() => Reach::Loopback,
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is shared by the customers of one provider (RFC 6598): local as seen from outside.
            let shared = matches!(ip.octets(), [100, second, ..] if second & 0xc0 == 64);
            let local = ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared;
            if local { Reach::Local } else { Reach::Public }
        }
        IpAddr::V6(ip) => {
            let local = ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified();
            if local { Reach::Local } else { Reach::Public }
        }
    }
}

/// Whether an address is of use to somebody with whom we talk at `over`, and may be told: one's address at home says
/// nothing to the world, and is nobody's business there.
pub(super) fn fits(address: &Multiaddr, over: &Multiaddr) -> bool {
    reach(address).zip(reach(over)).is_some_and(|(address, over)| address >= over)
}

/// The host of an address, if it is given as a number.
pub(super) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    })
}

/// Whether an address leads through a relay.
pub(super) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The same port at another host.
pub(super) fn with_ip(address: &Multiaddr, ip: IpAddr) -> Option<Multiaddr> {
    address.replace(0, |_| Some(ip.into()))
}

/// The TCP or UDP port of an address.
pub(super) fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })
}

/// The transport of an address.
pub(super) fn transport(address: &Multiaddr) -> Transport {
    if is_relayed(address) {
        return Transport::Relay;
    }
    let quic = address.iter().any(|part| matches!(part, Protocol::Quic | Protocol::QuicV1));
    if quic { Transport::Quic } else { Transport::Tcp }
}

/// The address with `/p2p/<peer>` at its end.
pub(super) fn with_peer(address: &Multiaddr, peer: PeerId) -> Multiaddr {
    address.clone().with_p2p(peer).unwrap_or_else(|other| other)
}

/// The address without `/p2p/…` at its end, and the peer named there.
pub(super) fn split_peer(address: &Multiaddr) -> (Multiaddr, Option<PeerId>) {
    let mut bare = address.clone();
    match bare.pop() {
        Some(Protocol::P2p(peer)) => (bare, Some(peer)),
        _ => (address.clone(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_only_to_those_who_can_use_them() {
        for (address, want) in [
            ("/ip4/127.0.0.1/tcp/1", Some(Reach::Loopback)),
            ("/ip6/::1/udp/1/quic-v1", Some(Reach::Loopback)),
            ("/ip6/::ffff:127.0.0.1/tcp/1", Some(Reach::Loopback)),
            ("/ip4/192.168.1.2/tcp/1", Some(Reach::Local)),
            ("/ip4/100.64.0.1/tcp/1", Some(Reach::Local)),
            ("/ip4/169.254.0.1/tcp/1", Some(Reach::Local)),
            ("/ip6/fe80::1/tcp/1", Some(Reach::Local)),
            ("/ip6/fd00::1/tcp/1", Some(Reach::Local)),
            ("/ip4/8.8.8.8/tcp/1", Some(Reach::Public)),
            ("/ip4/100.128.0.1/tcp/1", Some(Reach::Public)),
            ("/ip6/2001:4860::1/tcp/1", Some(Reach::Public)),
            ("/dns/example.org/tcp/1", Some(Reach::Public)),
            ("/memory/1", None),
        ] {
            assert_eq!(reach(&address.parse().unwrap()), want, "{address}");
        }
        let fits = |address: &str, over: &str| fits(&address.parse().unwrap(), &over.parse().unwrap());
        assert!(fits("/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/9"));
        assert!(fits("/ip4/8.8.8.8/tcp/1", "/ip4/192.168.0.9/tcp/9"));
        assert!(!fits("/ip4/192.168.0.2/tcp/1", "/ip4/8.8.8.8/tcp/9"));
        assert!(!fits("/ip4/127.0.0.1/tcp/1", "/ip4/192.168.0.9/tcp/9"));
    }
}
