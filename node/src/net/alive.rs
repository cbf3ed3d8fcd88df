//! Noticing that connections died: the machine slept, an address went away, or a peer does not answer.
//!
//! A connection whose other end is gone says nothing, and the regular probe (`ping`) comes only every three minutes. So
//! whenever there is a reason to doubt, each peer is greeted, and whoever does not answer in time is dialled anew.

use std::{collections::BTreeMap, net::IpAddr};

use hutong_protocol::TimestampMs;
use libp2p::{Multiaddr, PeerId, core::transport::ListenerId};

use super::{address, swarm::Loop};
use crate::clock;

/// A tick that comes so much too late (10 s), by either clock, means that the machine slept: the loop waits for nothing,
/// and one that is merely busy is late by tens of milliseconds.
const SLEPT_MS: u64 = 10_000;
/// A peer whose connection is in doubt has so long to answer: two round trips over a slow phone link.
const ANSWER_MS_MAX: u64 = 5_000;
/// When the network changed, everybody is dialled within so long: at once, but not all in the same moment.
const HURRY_MS: u64 = 2_000;
/// A node without any connection tries its newest acquaintances at least so often, and so many of them.
const LONELY_MS: u64 = 30_000;
const LONELY_PEERS: usize = 8;
/// A second connection of a peer that is so much younger than the first was not dialled at the same moment.
const SIMULTANEOUS_MS: u64 = 5_000;

/// When the loop last looked at its clocks.
#[derive(Debug)]
pub(super) struct Wakefulness {
    ticked_ms: u64,
    ticked_at: TimestampMs,
}

impl Wakefulness {
    pub(super) const fn new(now: TimestampMs) -> Self {
        Self { ticked_ms: 0, ticked_at: now }
    }

    /// How long the machine slept before this tick, in milliseconds. The monotonic clock stands still while the machine
    /// sleeps, and the wall clock while only the process does not, so the longer of the two counts.
    pub(super) fn tick(&mut self, now_ms: u64, now: TimestampMs) -> Option<u64> {
        let gap = now_ms.saturating_sub(self.ticked_ms).max(now.since_ms(self.ticked_at));
        (self.ticked_ms, self.ticked_at) = (now_ms, now);
        (gap >= SLEPT_MS).then_some(gap)
    }
}

/// Peers in doubt, and when each has to have answered.
pub(super) type Doubts = BTreeMap<PeerId, u64>;

impl Loop {
    /// Once a tick.
    pub(super) fn look_alive(&mut self, now_ms: u64) {
        if let Some(slept_ms) = self.wakefulness.tick(now_ms, clock::now()) {
            tracing::info!(slept_ms, "back from sleep: looking who is still there");
            self.doubt_all();
            self.book.hurry(now_ms, HURRY_MS, usize::MAX);
        }
        let overdue: Vec<_> =
            self.doubts.iter().filter(|(_, until)| **until <= now_ms).map(|(peer, _)| *peer).collect();
        for peer in overdue {
            tracing::debug!(%peer, "it does not answer any more");
            self.doubts.remove(&peer);
            self.disconnect(peer);
        }
        if self.peers.is_empty() {
            self.book.hurry(now_ms, LONELY_MS, LONELY_PEERS);
        }
    }

    /// Asks a peer whether it is still there.
    pub(super) fn doubt(&mut self, peer: PeerId) {
        if !self.peers.contains_key(&peer) || self.doubts.contains_key(&peer) {
            return;
        }
        self.doubts.insert(peer, self.now_ms().saturating_add(ANSWER_MS_MAX));
        self.greet(peer);
    }

    fn doubt_all(&mut self) {
        let peers: Vec<_> = self.peers.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.doubt(peer));
    }

    /// This machine has lost an address: what hung on it is dead.
    pub(super) fn handle_address_gone(&mut self, address: &Multiaddr) {
        self.forget_listening(address);
        let Some(gone) = address::ip(address).filter(|ip| !ip.is_loopback()) else { return };
        tracing::info!(%address, "an address of this machine is gone");
        self.forget_reach();
        let (mut dead, mut unsure) = (Vec::new(), Vec::new());
        for (id, peer) in &self.peers {
            for (connection, it) in &peer.connections {
                match it.local {
                    Some(local) if local == gone => dead.push(*connection),
                    None => unsure.push(*id),
                    Some(_) => {}
                }
            }
        }
        for connection in dead {
            self.swarm.close_connection(connection);
        }
        unsure.into_iter().for_each(|peer| self.doubt(peer));
    }

    /// This machine has a new address: whoever could not be reached may be there.
    pub(super) fn handle_address_new(&mut self, listener: ListenerId, address: Multiaddr) {
        if address::ip(&address).is_some_and(|ip| !ip.is_loopback()) {
            let now_ms = self.now_ms();
            self.book.hurry(now_ms, HURRY_MS, usize::MAX);
            self.note_listening(listener, address);
        }
    }

    /// A peer says that it has no other connection to us than this one: it lost the others, or never knew them.
    pub(super) fn handle_only_connection(&mut self, id: PeerId, only: libp2p::swarm::ConnectionId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(opened_ms) = peer.connections.get(&only).map(|it| it.opened_ms) else { return };
        let older = peer.connections.iter().filter(|(connection, it)| {
            **connection != only && it.opened_ms.saturating_add(SIMULTANEOUS_MS) < opened_ms
        });
        let older: Vec<_> = older.map(|(connection, _)| *connection).collect();
        for connection in older {
            tracing::debug!(peer = %id, "an older connection of it is dead");
            self.swarm.close_connection(connection);
        }
    }

    /// The address of this machine that a connection hangs on.
    pub(super) fn local_ip(endpoint: &libp2p::core::ConnectedPoint) -> Option<IpAddr> {
        if endpoint.is_relayed() {
            return None; // It lives and dies with the connection to the relay.
        }
        match endpoint {
            libp2p::core::ConnectedPoint::Listener { local_addr, .. } => {
                address::ip(local_addr).filter(|ip| !ip.is_unspecified())
            }
            libp2p::core::ConnectedPoint::Dialer { address, .. } => super::reach::local_ip_towards(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_noticed_by_either_clock_and_a_busy_moment_is_not() {
        const START: TimestampMs = TimestampMs(1_000_000_000_000);
        const HOUR_MS: u64 = 60 * 60_000;
        for (now_ms, wall_ms, want) in [
            (1_000, 1_000, None),               // as it should be
            (4_000, 4_000, None),               // a slow disk
            (1_000, HOUR_MS, Some(HOUR_MS)),    // the machine slept: the monotonic clock stood still
            (HOUR_MS, HOUR_MS, Some(HOUR_MS)),  // the process was stopped
            (HOUR_MS, 1_000, Some(HOUR_MS)),    // the same, and the wall clock was set back
            (SLEPT_MS - 1, SLEPT_MS - 1, None), // not yet
            (SLEPT_MS, 0, Some(SLEPT_MS)),      // at the edge
        ] {
            let mut wakefulness = Wakefulness::new(START);
            assert_eq!(wakefulness.tick(now_ms, START.plus_ms(wall_ms)), want, "{now_ms} {wall_ms}");
            assert_eq!(wakefulness.tick(now_ms + 1, START.plus_ms(wall_ms + 1)), None, "told once");
        }
    }
}
