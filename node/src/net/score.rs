//! What a peer's faults cost it.
//!
//! ```text
//! fault ── severity ──► points ── ≥ DISCONNECT_POINTS ──► disconnected
//!                          │   └── ≥ BAN_POINTS ────────► disconnected and refused for BAN_MS
//!                          └── halved every HALF_LIFE_MS
//! ```
//! Points are integers, and time comes in as milliseconds, so the rules replay exactly in tests. The gossip layer
//! keeps its own short-lived score of how well a peer relays; these points enter there as the application's share.
//!
//! Source: Lighthouse's `peerdb/score.rs` (four named severities, each with the number of times it is tolerated; decay
//! by half-life).

use std::collections::BTreeMap;

use hutong_protocol::DeviceId;

/// At this many points a peer is disconnected. It may come back, and is soon out again unless it behaves.
pub(super) const DISCONNECT_POINTS: u32 = 500;
/// At this many points a peer is disconnected and refused for [`BAN_MS`].
pub const BAN_POINTS: u32 = 1000;
/// How long a banned peer is refused: long enough that hammering is useless, short enough that a repaired node of a
/// friend is back the same hour.
pub(super) const BAN_MS: u64 = 30 * 60 * 1000;
/// Points are halved in this time, so that rare accidents over weeks never add up.
pub(super) const HALF_LIFE_MS: u64 = 10 * 60 * 1000;
/// How many peers with points are remembered. The one with the fewest makes room.
const PEERS_MAX: usize = 4096;

/// What a peer did wrong, provably. Failures of our own are never a peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Claims to speak for an account that did not certify it.
    BadCertificate,
    /// A record, relayed or sent, with a wrong signature, or one that breaks a rule anybody can check.
    BadRecord,
    /// Bytes that are no message of the protocol.
    Garbage,
    /// A message over its size limit.
    Oversized,
    /// A message that makes no sense at this moment, or a promise not kept (an answer that does not fit the question).
    Protocol,
    /// Blob content that does not have the hash it was asked for by.
    LyingBlob,
    /// More messages or requests than the rate limit allows, counted once per overrun.
    Flood,
    /// Did not answer a request in time.
    Timeout,
}

/// How grave a fault is, by how often it is tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Can only be malice: banned the first time.
    Fatal,
    /// A serious fault that honest software does not make: disconnected the 3rd time, banned the 5th.
    Grave,
    /// A fault that a bug or a version difference could explain: disconnected the 10th time, banned the 20th.
    Fault,
    /// What happens to honest peers on bad days: disconnected the 25th time, banned the 50th.
    Slight,
}

impl Severity {
    /// Points for one such fault.
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Self::Fatal => BAN_POINTS,
            Self::Grave => 200,
            Self::Fault => 50,
            Self::Slight => 20,
        }
    }
}

impl Fault {
    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::BadCertificate => Severity::Fatal,
            Self::BadRecord | Self::LyingBlob => Severity::Grave,
            // Each is one whole stream or burst, and no honest node of any version sends one.
            Self::Garbage | Self::Oversized | Self::Flood => Severity::Grave,
            Self::Protocol => Severity::Fault,
            Self::Timeout => Severity::Slight,
        }
    }
}

/// What is to be done about a peer after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Penalty {
    /// Nothing yet.
    None,
    /// Close its connections.
    Disconnect,
    /// Close its connections and refuse new ones until [`Scores::is_banned`] says otherwise.
    Ban,
}

#[derive(Debug, Clone, Copy)]
struct Score {
    points: u32,
    /// Local monotonic time of the last change.
    at_ms: u64,
    banned_until_ms: Option<u64>,
}

impl Score {
    fn decayed(self, now_ms: u64) -> u32 {
        // The remainder of a half-life is interpolated linearly: within 3 % of the exponential, and exact in integers.
        let elapsed_ms = now_ms.saturating_sub(self.at_ms);
        let halves = u32::try_from(elapsed_ms / HALF_LIFE_MS).unwrap_or(u32::MAX);
        let whole = u64::from(self.points.checked_shr(halves).unwrap_or(0));
        let rest_ms = elapsed_ms % HALF_LIFE_MS;
        let left = whole.saturating_sub(whole.saturating_mul(rest_ms) / HALF_LIFE_MS.saturating_mul(2));
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}

/// The points of all peers.
#[derive(Debug, Default)]
pub(super) struct Scores {
    peers: BTreeMap<DeviceId, Score>,
}

impl Scores {
    /// Counts `fault` against `device` at local monotonic time `now_ms`.
    pub(super) fn punish(&mut self, device: DeviceId, fault: Fault, now_ms: u64) -> Penalty {
        let before = self.points(&device, now_ms);
        let points = before.saturating_add(fault.severity().points());
        let banned_until_ms = (points >= BAN_POINTS).then(|| now_ms.saturating_add(BAN_MS));
        if !self.peers.contains_key(&device) && self.peers.len() >= PEERS_MAX {
            self.make_room(now_ms);
        }
        self.peers.insert(device, Score { points, at_ms: now_ms, banned_until_ms });
        match points {
            BAN_POINTS.. => Penalty::Ban,
            DISCONNECT_POINTS.. => Penalty::Disconnect,
            _ => Penalty::None,
        }
    }

    /// The points of a device now; 0 is clean.
    #[must_use]
    pub(super) fn points(&self, device: &DeviceId, now_ms: u64) -> u32 {
        self.peers.get(device).map_or(0, |score| score.decayed(now_ms))
    }

    /// Whether a device is to be refused.
    #[must_use]
    pub(super) fn is_banned(&self, device: &DeviceId, now_ms: u64) -> bool {
        self.peers.get(device).and_then(|score| score.banned_until_ms).is_some_and(|until_ms| now_ms < until_ms)
    }

    /// Forgets expired bans and points that have faded; returns whose ban has just ended.
    pub(super) fn tidy(&mut self, now_ms: u64) -> Vec<DeviceId> {
        let mut freed = Vec::new();
        self.peers.retain(|device, score| {
            if score.banned_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
                score.banned_until_ms = None;
                freed.push(*device);
            }
            score.banned_until_ms.is_some() || score.decayed(now_ms) > 0
        });
        freed
    }

    fn make_room(&mut self, now_ms: u64) {
        let cleanest = self.peers.iter().min_by_key(|(_, score)| (score.banned_until_ms, score.decayed(now_ms)));
        if let Some(device) = cleanest.map(|(device, _)| *device) {
            self.peers.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: DeviceId = DeviceId([1; 32]);

    #[test]
    fn each_severity_is_tolerated_as_often_as_it_says() {
        for (fault, disconnect, ban) in [
            (Fault::BadCertificate, 1, 1), // malice
            (Fault::BadRecord, 3, 5),      // grave
            (Fault::Garbage, 3, 5),        // grave
            (Fault::Protocol, 10, 20),     // could be a bug
            (Fault::Timeout, 25, 50),      // a bad day
        ] {
            let mut scores = Scores::default();
            for count in 1..=ban {
                let want = match count {
                    _ if count >= ban => Penalty::Ban,
                    _ if count >= disconnect => Penalty::Disconnect,
                    _ => Penalty::None,
                };
                assert_eq!(scores.punish(PEER, fault, 0), want, "{fault:?} for the {count}th time");
            }
            assert!(scores.is_banned(&PEER, 0));
        }
    }

    #[test]
    fn points_halve_and_bans_end() {
        let mut scores = Scores::default();
        scores.punish(PEER, Fault::BadCertificate, 0);
        for (now_ms, points) in [(0, 1000), (HALF_LIFE_MS / 2, 750), (HALF_LIFE_MS, 500), (2 * HALF_LIFE_MS, 250)] {
            assert_eq!(scores.points(&PEER, now_ms), points);
        }
        assert!(scores.is_banned(&PEER, BAN_MS - 1));
        assert!(!scores.is_banned(&PEER, BAN_MS));
        assert_eq!(scores.tidy(BAN_MS), [PEER]);
        assert_eq!(scores.tidy(BAN_MS), []);
        assert_eq!(scores.points(&PEER, u64::MAX), 0);
        scores.tidy(u64::MAX);
        assert!(scores.peers.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_banned_stay() {
        let mut scores = Scores::default();
        scores.punish(PEER, Fault::BadCertificate, 0);
        for index in 0..u32::try_from(PEERS_MAX).unwrap() + 10 {
            let mut device = [2; 32];
            device[..4].copy_from_slice(&index.to_be_bytes());
            scores.punish(DeviceId(device), Fault::Timeout, 0);
        }
        assert_eq!(scores.peers.len(), PEERS_MAX);
        assert!(scores.is_banned(&PEER, 1));
    }
}
