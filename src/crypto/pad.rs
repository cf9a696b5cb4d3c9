//! Padding, so that a length tells a bucket and not a text.
//!
//! Small things go to fixed buckets, where Padmé is weak; larger ones to Padmé, which leaks O(log log M) and costs at
//! most 12 %. Source: docs/protocol.md 3.4, 4.2; PURBs (PoPETs 2019-0056).

/// Buckets below Padmé, bytes.
const BUCKETS: [u64; 5] = [256, 512, 1024, 2048, 4096];

/// The padded length of `len` bytes (length prefix and content together): a bucket up to 4096, then [`padme`].
pub fn padded_len(len: u64) -> u64 {
    BUCKETS.into_iter().find(|bucket| len <= *bucket).unwrap_or_else(|| padme(len))
}

/// The padded length of a parcel: the smallest 512·2^k that holds `len`.
pub fn padded_pow2_len(len: u64, min: u64) -> u64 {
    let mut size = min;
    while size < len {
        size = size.saturating_mul(2);
    }
    size
}

/// Padmé: rounds up so that the lower bits of the length are zero, as many as its exponent leaves free.
pub const fn padme(len: u64) -> u64 {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let kept = exponent.ilog2().saturating_add(1);
    let zero_bits = exponent.saturating_sub(kept);
    let mask = 1u64.unbounded_shl(zero_bits).saturating_sub(1);
    len.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padded_lengths_are_those_of_the_protocol() {
        for (len, padded) in [
            (1, 256),
            (256, 256),
            (257, 512),
            (4096, 4096),
            (4097, 4352),
            (5000, 5120),
            (10_000, 10_240),
            (65_536, 65_536),
            (1_000_000, 1_015_808),
            (10_000_000, 10_223_616),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
    }

    #[test]
    fn parcels_double() {
        assert_eq!(padded_pow2_len(1, 512), 512);
        assert_eq!(padded_pow2_len(513, 512), 1024);
        assert_eq!(padded_pow2_len(32_768, 512), 32_768);
    }

    proptest! {
        #[test]
        fn padding_never_shrinks_and_costs_at_most_an_eighth_above_the_buckets(len in 4097u64..1 << 40) {
            let padded = padded_len(len);
            prop_assert!(padded >= len);
            prop_assert!(padded - len <= len / 8);
        }

        #[test]
        fn the_padded_length_depends_on_the_bucket_alone(len in 1u64..1 << 40) {
            prop_assert_eq!(padded_len(padded_len(len)), padded_len(len));
        }
    }
}
