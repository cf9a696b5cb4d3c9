//! Which keys a run may hold: a Bloom filter. It says *no* for certain and *perhaps* for the rest, so that a key is
//! looked for in one run and not in all of them.
//!
//! Twelve bits a key and eight looks: about one key in three hundred that is not there is looked for in vain. What was
//! removed since stays in it, which costs a look and nothing else. The bits lie on the disk, so which they are for a
//! key never changes.

use crate::crypto::hash;

/// Bits for each key.
const BITS_A_KEY: usize = 12;
/// Bits that each key sets.
const LOOKS: u64 = 8;

/// The two numbers of a key of which its bits are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks(u64, u64);

impl Looks {
    pub(super) fn of(key: &[u8]) -> Self {
        let hash = hash(key);
        let number = |half: Option<&[u8; 8]>| half.copied().map_or(0, u64::from_le_bytes);
        let second = hash.get(8..).and_then(|rest| rest.first_chunk());
        // An odd stride, so that no two looks of a key fall together for ever.
        Self(number(hash.first_chunk()), number(second) | 1)
    }

    fn bits(self, count: u64) -> impl Iterator<Item = u64> {
        (0..LOOKS).filter_map(move |n| self.0.wrapping_add(self.1.wrapping_mul(n)).checked_rem(count))
    }
}

/// The filter of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter(Vec<u8>);

impl Filter {
    pub(super) fn new<'a>(keys: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let bytes = keys.len().saturating_mul(BITS_A_KEY).div_ceil(8);
        let mut filter = Self(vec![0; bytes]);
        for key in keys {
            for bit in Looks::of(key).bits(filter.len()) {
                if let Some(byte) = usize::try_from(bit >> 3).ok().and_then(|at| filter.0.get_mut(at)) {
                    *byte |= 1 << (bit & 7);
                }
            }
        }
        filter
    }

    /// As it was written. One of no bytes tells nothing of any key.
    pub(super) const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX).saturating_mul(8)
    }

    /// False only if the key was never put in.
    pub(super) fn may_hold(&self, looks: Looks) -> bool {
        looks.bits(self.len()).all(|bit| {
            let byte = usize::try_from(bit >> 3).ok().and_then(|at| self.0.get(at));
            byte.is_none_or(|byte| byte & (1 << (bit & 7)) != 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SCATTERED_RUN_LIMIT;

    fn key(n: usize) -> [u8; 32] {
        hash(&n.to_be_bytes())
    }

    #[test]
    fn what_was_put_in_is_always_said_to_be_there_and_little_else_is() {
        let keys: Vec<[u8; 32]> = (0..SCATTERED_RUN_LIMIT).map(key).collect();
        let filter = Filter::new(keys.iter().map(<[u8; 32]>::as_slice));
        assert!(filter.as_bytes().len() < crate::limits::STORE_VALUE_LIMIT);
        assert!(keys.iter().all(|key| filter.may_hold(Looks::of(key))));
        let wrong = (0..100_000).filter(|n| filter.may_hold(Looks::of(&key(n + 1_000_000)))).count();
        // The same keys each time: 1 in 300 is the theory.
        assert!((100..700).contains(&wrong), "{wrong} of 100,000");
        assert_eq!(Filter::from_bytes(filter.as_bytes().to_vec()), filter);
    }

    #[test]
    fn a_filter_without_bytes_keeps_nothing_from_being_looked_for() {
        assert!(Filter::from_bytes(Vec::new()).may_hold(Looks::of(b"anything")));
    }

    #[test]
    fn the_bits_of_a_key_never_change() {
        let filter = Filter::new([b"one".as_slice(), b"two"].into_iter());
        assert_eq!(crate::id::hex(filter.as_bytes()), "cc1077");
    }
}
