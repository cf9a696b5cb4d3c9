//! Randomness as a value that is handed in: seeded once from the system in the program, from a number in tests.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// A cryptographic random generator (ChaCha20) with a known beginning, so that every run can be replayed from a seed.
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// From 32 bytes of the system's randomness.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// From a number, for tests and simulations.
    pub fn from_number(number: u64) -> Self {
        Self::from_seed(super::keys::test_seed(number))
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// A number below `bound`, or 0 if that is 0. The bias of the remainder is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// Puts a list into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let bound = u64::try_from(end.saturating_add(1)).unwrap_or(u64::MAX);
            let pick = usize::try_from(self.below(bound)).unwrap_or(0);
            items.swap(end, pick);
        }
    }

    /// A generator of its own, split off this one.
    pub fn split(&mut self) -> Self {
        Self::from_seed(self.bytes())
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(…)")
    }
}

impl TryRng for Entropy {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.try_fill_bytes(out)
    }
}

impl TryCryptoRng for Entropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_another_seed_others() {
        let (mut a, mut b, mut c) =
            (Entropy::from_number(1), Entropy::from_number(1), Entropy::from_number(2));
        let (x, y, z): ([u8; 40], [u8; 40], [u8; 40]) = (a.bytes(), b.bytes(), c.bytes());
        assert_eq!(x, y);
        assert_ne!(x, z);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Entropy::from_number(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
