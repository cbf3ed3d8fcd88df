//! How fast a peer may talk: a token bucket per peer and kind of message.

/// Allows `burst` at once and `per_second` on average. Integers and a given time, so that it replays exactly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    burst: u32,
    per_second: u32,
    /// Thousandths of a message.
    milli_tokens: u64,
    at_ms: u64,
    /// Messages refused since the bucket was last not empty.
    over: u32,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// Within the limit.
    Fine,
    /// Drop it.
    Over,
    /// Drop it, and count a flood against the sender.
    Flood,
}

/// Refused messages that count as one flood: somebody a little too fast loses messages, somebody who does not care is
/// out after three times as many.
pub(super) const FLOOD_MESSAGES: u32 = 256;

impl Bucket {
    pub(super) const fn new(burst: u32, per_second: u32, now_ms: u64) -> Self {
        Self { burst, per_second, milli_tokens: burst as u64 * 1000, at_ms: now_ms, over: 0 }
    }

    pub(super) fn take(&mut self, now_ms: u64) -> Rate {
        // Milliseconds times messages per second is thousandths of a message.
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(u64::from(self.per_second));
        self.at_ms = now_ms;
        self.milli_tokens = self.milli_tokens.saturating_add(gained).min(u64::from(self.burst).saturating_mul(1000));
        if let Some(left) = self.milli_tokens.checked_sub(1000) {
            self.milli_tokens = left;
            return Rate::Fine;
        }
        self.over = self.over.saturating_add(1);
        if self.over.is_multiple_of(FLOOD_MESSAGES) { Rate::Flood } else { Rate::Over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_is_counted_once_per_overrun() {
        let mut bucket = Bucket::new(10, 5, 0);
        assert!((0..10).all(|_| bucket.take(0) == Rate::Fine));
        let refused: Vec<_> = (0..2 * FLOOD_MESSAGES).map(|_| bucket.take(0)).collect();
        assert_eq!(refused.iter().filter(|rate| **rate == Rate::Flood).count(), 2);
        assert!(!refused.contains(&Rate::Fine));
        assert_eq!(bucket.take(199), Rate::Over);
        assert_eq!(bucket.take(200), Rate::Fine, "5 a second are one each 200 ms");
        assert_eq!(bucket.take(u64::MAX), Rate::Fine);
    }
}
