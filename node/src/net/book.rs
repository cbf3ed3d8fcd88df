//! The peer book: whom we met, where, and when to try them again. Kept in the store, so that a node finds its way back
//! after a restart without anybody's help.

use std::{collections::BTreeMap, ops::ControlFlow};

use hutong_protocol::{DeviceId, TimestampMs, codec};
use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::wire::HELLO_ADDRESSES_MAX;
use crate::store::{Batch, Direction, Key, KeyRange, KeyReader, Read, StoreError};

/// First byte of the book's keys: `N | device (32)` → [`Row`].
const PREFIX: u8 = b'N';
/// Peers remembered: everybody a person knows and some. 200 bytes each; the one not seen longest makes room.
const PEERS_MAX: usize = 512;
/// A peer not seen for so long is forgotten (60 days).
const FORGET_MS: u64 = 60 * 24 * 60 * 60 * 1000;
/// "Last seen" is written at most so often (6 hours): it decides only who is forgotten.
const SEEN_STEP_MS: u64 = 6 * 60 * 60 * 1000;
/// The first retry comes after about so long; each further one after twice as long.
const RETRY_FIRST_MS: u64 = 2_000;
/// The longest time between two tries (10 minutes): how late we may notice that somebody is back, if they do not
/// notice first.
const RETRY_LAST_MS: u64 = 10 * 60_000;
/// Largest row in bytes.
const ROW_BYTES_MAX: usize = 4 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    addresses: Vec<ByteBuf>,
    seen: TimestampMs,
}

#[derive(Debug, Clone)]
struct Known {
    addresses: Vec<Multiaddr>,
    seen: TimestampMs,
    failures: u32,
    /// Local monotonic time of the next try.
    next_ms: u64,
}

/// The peers we know.
#[derive(Debug)]
pub(super) struct Book {
    peers: BTreeMap<DeviceId, Known>,
    jitter: Jitter,
}

/// Spreads retries, so that many nodes that lost one peer do not come back to it at the same moment.
#[derive(Debug)]
pub(super) struct Jitter {
    seed: [u8; 32],
    drawn: u64,
}

impl Jitter {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below `bound` (0 for bound 0), each time another one; the same ones for the same seed.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        let hash = blake3::keyed_hash(&self.seed, &self.drawn.to_be_bytes());
        let number = hash.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes);
        number.checked_rem(bound).unwrap_or(0)
    }
}

impl Book {
    /// Reads the book; forgets whom nobody has seen for two months.
    pub(super) fn load(read: &dyn Read, seed: [u8; 32], now: TimestampMs) -> Result<Self, StoreError> {
        let mut peers = BTreeMap::new();
        let prefix = Key::new(PREFIX);
        read.scan(KeyRange::prefix(&prefix), Direction::Ascending, &mut |key, value| {
            let mut reader = KeyReader::new(key);
            let device = reader.u8().and_then(|_| reader.array()).map(DeviceId);
            let row: Option<Row> = codec::decode(value, ROW_BYTES_MAX).ok();
            if let Some((device, row)) = device.zip(row)
                && now.since_ms(row.seen) < FORGET_MS
            {
                let known = Known { addresses: parse(&row.addresses), seen: row.seen, failures: 0, next_ms: 0 };
                peers.insert(device, known);
            }
            if peers.len() < PEERS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(Self { peers, jitter: Jitter::new(seed) })
    }

    /// Notes that a peer is there, at these addresses. Returns what is to be written, if anything.
    pub(super) fn met(&mut self, device: DeviceId, addresses: &[Multiaddr], now: TimestampMs) -> Option<Batch> {
        let mut batch = Batch::new();
        let before = self.peers.get(&device);
        let kept = before.map(|known| known.addresses.clone()).unwrap_or_default();
        // A peer that does not say where it is (or listens nowhere) keeps the addresses we know.
        let addresses = if addresses.is_empty() { kept.clone() } else { addresses.to_vec() };
        let news = before.is_none_or(|known| now.since_ms(known.seen) >= SEEN_STEP_MS) || kept != addresses;
        if before.is_none() && self.peers.len() >= PEERS_MAX {
            let oldest = self.peers.iter().min_by_key(|(_, known)| known.seen).map(|(device, _)| *device);
            if let Some(oldest) = oldest {
                self.peers.remove(&oldest);
                batch.delete(key(&oldest));
            }
        }
        let row =
            Row { addresses: addresses.iter().map(|address| ByteBuf::from(address.to_vec())).collect(), seen: now };
        self.peers.insert(device, Known { addresses, seen: now, failures: 0, next_ms: 0 });
        if news && let Ok(row) = codec::encode(&row) {
            batch.put(key(&device), row);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// The network changed: up to `max` peers, those met last, are tried within `within_ms`, as if they had just been lost.
    pub(super) fn hurry(&mut self, now_ms: u64, within_ms: u64, max: usize) {
        let mut newest: Vec<_> = self.peers.values_mut().collect();
        newest.sort_by_key(|known| std::cmp::Reverse(known.seen));
        for known in newest.into_iter().take(max) {
            if known.next_ms > now_ms.saturating_add(within_ms) {
                known.failures = 0;
                known.next_ms = now_ms.saturating_add(self.jitter.below(within_ms));
            }
        }
    }

    /// Where a peer was last.
    pub(super) fn addresses(&self, device: &DeviceId) -> Vec<Multiaddr> {
        self.peers.get(device).map(|known| known.addresses.clone()).unwrap_or_default()
    }

    /// Notes that a peer could not be reached, or left: it is tried again later and later.
    pub(super) fn lost(&mut self, device: &DeviceId, now_ms: u64) {
        let Some(known) = self.peers.get_mut(device) else { return };
        let wait_ms =
            RETRY_FIRST_MS.saturating_mul(1u64.checked_shl(known.failures).unwrap_or(u64::MAX)).min(RETRY_LAST_MS);
        known.failures = known.failures.saturating_add(1).min(32);
        known.next_ms = now_ms.saturating_add(wait_ms / 2).saturating_add(self.jitter.below(wait_ms));
    }

    /// Up to `max` peers whose time has come, longest overdue first, without those for whom `skip` says so. Each is
    /// taken as lost until it is met.
    pub(super) fn due(&mut self, now_ms: u64, max: usize, skip: impl Fn(&DeviceId) -> bool) -> Vec<DeviceId> {
        let due = |known: &Known| known.next_ms <= now_ms && !known.addresses.is_empty();
        let mut devices: Vec<_> = self.peers.iter().filter(|(device, known)| due(known) && !skip(device)).collect();
        devices.sort_by_key(|(_, known)| (known.next_ms, std::cmp::Reverse(known.seen)));
        let devices: Vec<_> = devices.into_iter().take(max).map(|(device, _)| *device).collect();
        for device in &devices {
            self.lost(device, now_ms);
        }
        devices
    }

    /// A number from the book's seed.
    pub(super) fn jitter(&mut self) -> &mut Jitter {
        &mut self.jitter
    }
}

fn key(device: &DeviceId) -> Key {
    Key::new(PREFIX).array(&device.0)
}

/// Multiaddresses from their binary forms; what is none is left out, and there are only so many.
pub(super) fn parse(addresses: &[ByteBuf]) -> Vec<Multiaddr> {
    let parsed = addresses.iter().take(HELLO_ADDRESSES_MAX);
    parsed.filter_map(|bytes| Multiaddr::try_from(bytes.to_vec()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, Store as _};

    const NOW: TimestampMs = TimestampMs(1_000_000_000_000);

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn open(store: &MemoryStore, now: TimestampMs) -> Book {
        Book::load(store, [1; 32], now).unwrap()
    }

    #[test]
    fn whom_we_met_is_known_after_a_restart_until_forgotten() {
        let store = MemoryStore::new();
        let (device, mut book) = (DeviceId([1; 32]), open(&store, NOW));
        store.commit(book.met(device, &[address(1)], NOW).unwrap()).unwrap();
        assert_eq!(book.met(device, &[address(1)], NOW.plus_ms(1)), None, "nothing new, nothing written");
        assert_eq!(book.met(device, &[], NOW.plus_ms(2)), None);
        assert!(book.met(device, &[address(2)], NOW.plus_ms(3)).is_some());
        assert_eq!(open(&store, NOW).addresses(&device), [address(1)]);
        assert_eq!(open(&store, NOW).due(0, 9, |_| false), [device]);
        assert_eq!(open(&store, NOW).due(0, 9, |_| true), []);
        assert_eq!(open(&store, NOW.plus_ms(FORGET_MS)).due(0, 9, |_| false), []);
    }

    #[test]
    fn retries_come_later_and_later_but_never_stop() {
        let store = MemoryStore::new();
        let (device, mut book) = (DeviceId([1; 32]), open(&store, NOW));
        book.met(device, &[address(1)], NOW);
        let (mut now_ms, mut waits) = (0, Vec::new());
        for _ in 0..40 {
            assert_eq!(book.due(now_ms, 9, |_| false), [device]);
            let next_ms = book.peers[&device].next_ms;
            assert_eq!(book.due(next_ms - 1, 9, |_| false), []);
            waits.push(next_ms - now_ms);
            now_ms = next_ms;
        }
        assert!((RETRY_FIRST_MS / 2..RETRY_FIRST_MS * 3 / 2).contains(&waits[0]), "{waits:?}");
        assert!(waits[20..].iter().all(|wait| (RETRY_LAST_MS / 2..RETRY_LAST_MS * 3 / 2).contains(wait)), "{waits:?}");
    }

    #[test]
    fn the_book_is_bounded_and_the_oldest_goes_first() {
        let mut book = open(&MemoryStore::new(), NOW);
        let device = |number: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            DeviceId(id)
        };
        for number in 0..PEERS_MAX + 3 {
            book.met(device(number), &[address(1)], NOW.plus_ms(number as u64));
        }
        assert_eq!(book.peers.len(), PEERS_MAX);
        assert_eq!(book.peers.keys().next(), Some(&device(3)));
    }
}
