//! Postage: a little work that makes a stranger's request cost its sender more than its recipient.
//!
//! ```text
//! commitment = BLAKE3-derive-key("hutong v1 postage commitment", asker ‖ recipient ‖ salt (16))
//! key        = BLAKE3-derive-key("hutong v1 postage", commitment ‖ day (4, big-endian))
//! bits       = zeros that BLAKE3-keyed-hash(key, nonce (8, big-endian)) begins with
//! ```
//! A mailbox is shown commitment, day and nonce: it can tell that somebody worked, and neither who nor for whom. The
//! recipient is shown the salt too, inside the seal. The day keeps anybody from working ahead for years.

use serde::{Deserialize, Serialize};

use crate::{ids::AccountId, time::TimestampMs};

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The day of a time, counted from 1970.
#[must_use]
pub fn day_of(at: TimestampMs) -> u32 {
    u32::try_from(at.0 / DAY_MS).unwrap_or(u32::MAX)
}

/// What is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Who asks whom, hidden by a salt.
    pub commitment: [u8; 32],
    /// The day that it is valid for.
    pub day: u32,
}

impl Work {
    /// The work for one request.
    #[must_use]
    pub fn new(asker: &AccountId, recipient: &AccountId, salt: &[u8; 16], day: u32) -> Self {
        let parts = [&asker.0[..], &recipient.0, salt].concat();
        Self { commitment: blake3::derive_key("hutong v1 postage commitment", &parts), day }
    }

    fn key(&self) -> [u8; 32] {
        blake3::derive_key("hutong v1 postage", &[&self.commitment[..], &self.day.to_be_bytes()].concat())
    }

    /// How much work a nonce shows.
    #[must_use]
    pub fn bits(&self, nonce: u64) -> u8 {
        bits(&self.key(), nonce)
    }

    /// Tries `tries` nonces from `from` on.
    #[must_use]
    pub fn search(&self, wanted: u8, from: u64, tries: u64) -> Option<u64> {
        let key = self.key();
        (from..from.saturating_add(tries)).find(|nonce| bits(&key, *nonce) >= wanted)
    }
}

fn bits(key: &[u8; 32], nonce: u64) -> u8 {
    let hash = blake3::keyed_hash(key, &nonce.to_be_bytes());
    let head = hash.as_bytes().first_chunk::<8>().map_or(u64::MAX, |head| u64::from_be_bytes(*head));
    u8::try_from(head.leading_zeros()).unwrap_or(u8::MAX)
}

/// The postage of a request, as its recipient sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Hides from a mailbox who asks.
    #[serde(with = "serde_bytes")]
    pub salt: [u8; 16],
    /// The day that it was made for.
    pub day: u32,
    /// What was found.
    pub nonce: u64,
}

impl Stamp {
    /// What was worked on.
    #[must_use]
    pub fn work(&self, asker: &AccountId, recipient: &AccountId) -> Work {
        Work::new(asker, recipient, &self.salt, self.day)
    }

    /// How much work it shows for a request of that time: none unless it was made on that day or the one before.
    #[must_use]
    pub fn bits(&self, asker: &AccountId, recipient: &AccountId, at: TimestampMs) -> u8 {
        let day = day_of(at);
        let fresh = self.day == day || self.day.checked_add(1) == Some(day);
        if fresh { self.work(asker, recipient).bits(self.nonce) } else { 0 }
    }

    /// The same as a mailbox sees it.
    #[must_use]
    pub fn postmark(&self, asker: &AccountId, recipient: &AccountId) -> Postmark {
        let Work { commitment, day } = self.work(asker, recipient);
        Postmark { commitment, day, nonce: self.nonce }
    }
}

/// The postage of a request, as a mailbox sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postmark {
    /// Who asks whom, hidden by a salt.
    #[serde(with = "serde_bytes")]
    pub commitment: [u8; 32],
    /// The day that it was made for.
    pub day: u32,
    /// What was found.
    pub nonce: u64,
}

impl Postmark {
    /// How much work it shows.
    #[must_use]
    pub fn bits(&self) -> u8 {
        Work { commitment: self.commitment, day: self.day }.bits(self.nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: TimestampMs = TimestampMs(1_760_000_000_000);

    fn pay(wanted: u8) -> (AccountId, AccountId, Stamp) {
        let (asker, recipient, salt, day) = (AccountId([1; 32]), AccountId([2; 32]), [3; 16], day_of(AT));
        let nonce = Work::new(&asker, &recipient, &salt, day).search(wanted, 0, u64::MAX).unwrap();
        (asker, recipient, Stamp { salt, day, nonce })
    }

    #[test]
    fn a_stamp_is_worth_its_work_to_its_recipient_for_its_day() {
        let (asker, recipient, stamp) = pay(12);
        assert!(stamp.bits(&asker, &recipient, AT) >= 12);
        assert!(stamp.bits(&asker, &recipient, AT.plus_ms(DAY_MS)) >= 12, "made before midnight, sent after it");
        assert_eq!(stamp.bits(&asker, &recipient, AT.plus_ms(2 * DAY_MS)), 0, "old");
        assert_eq!(stamp.bits(&asker, &recipient, TimestampMs(AT.0 - DAY_MS)), 0, "ahead of its time");
    }

    #[test]
    fn it_is_worth_nothing_for_anybody_else() {
        let (asker, recipient, stamp) = pay(16);
        let eve = AccountId([4; 32]);
        // One in 65,536 would be as good by chance: these are fixed, and are not.
        assert!(stamp.bits(&eve, &recipient, AT) < 16 && stamp.bits(&asker, &eve, AT) < 16);
        assert!(Stamp { nonce: stamp.nonce.wrapping_add(1), ..stamp }.bits(&asker, &recipient, AT) < 16);
    }

    #[test]
    fn a_mailbox_sees_the_same_work_and_neither_asker_nor_recipient() {
        let (asker, recipient, stamp) = pay(12);
        let postmark = stamp.postmark(&asker, &recipient);
        assert_eq!(postmark.bits(), stamp.bits(&asker, &recipient, AT));
        let other = Stamp { salt: [9; 16], ..stamp }.postmark(&asker, &recipient);
        assert_ne!(postmark.commitment, other.commitment, "two requests of one asker have nothing in common");
    }
}
