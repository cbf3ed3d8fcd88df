//! Reproducible chance: the output of BLAKE3 over a seed. The same seed gives the same run on every machine.

/// A deterministic random source.
pub struct Rng(blake3::OutputReader);

impl Rng {
    /// From a seed and a word that keeps streams apart.
    #[must_use]
    pub fn new(seed: u64, stream: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 simulation");
        hasher.update(&seed.to_be_bytes()).update(stream.as_bytes());
        Self(hasher.finalize_xof())
    }

    /// 32 fresh bytes.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A number below `end` (0 if `end` is 0). The bias of the remainder is below 2^-40 for every use here.
    pub fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes).checked_rem(end).unwrap_or(0)
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(items.len()).unwrap_or(u64::MAX));
        items.get(usize::try_from(index).unwrap_or(usize::MAX))
    }
}
