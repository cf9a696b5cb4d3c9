//! The envelope: what a courier sees of a parcel.
//!
//! # Layout
//!
//! | offset | size | field | meaning |
//! | ---: | ---: | --- | --- |
//! | 0 | 16 | parcel_id | random |
//! | 16 | 8 | from_tag | `MAC(K_AB, "from" ‖ parcel_id)[..8]` |
//! | 24 | 32 | to_root | the recipient |
//! | 56 | 4 | expires_day | the last day on which it counts |
//! | 60 | 8 | seal_id | which seal key of the recipient |
//! | 68 | 4 | psk_gen | counts pairings of the two |
//! | 72 | 32 | enc | HPKE encapsulated key |
//! | 104 | … | ct | HPKE ciphertext: 512 · 2^k + 16 bytes, 512 · 2^k at most 32 KiB |
//!
//! The first 72 bytes are bound by the seal. A length that no honest sender makes is refused at once, so that a courier
//! carries nothing but whole buckets.
//!
//! Source: docs/protocol.md 3.6.

use crate::crypto::{ENC_LEN, PairKey, keys};
use crate::id::{ParcelId, SealId, UserId};
use crate::limits::{PARCEL_PADDED_LIMIT, PARCEL_PADDED_MIN};
use crate::time::Day;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Length of the part in the open, which the seal binds.
pub const HEAD_LEN: usize = 72;

/// What the AEAD adds to a plaintext, bytes.
const TAG_LEN: usize = 16;

/// A parcel as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Random.
    pub parcel_id: ParcelId,
    /// By which the recipient finds the sender.
    pub from_tag: [u8; 8],
    /// The recipient.
    pub to_root: UserId,
    /// The last day on which it counts.
    pub expires_day: Day,
    /// The recipient's seal key.
    pub seal_id: SealId,
    /// The generation of the pair key.
    pub psk_gen: u32,
    pub(super) enc: [u8; ENC_LEN],
    pub(super) ciphertext: Vec<u8>,
}

impl Envelope {
    /// Whether it says that the other holder of this pair key sent it. Believed only once it opens.
    ///
    /// # Cost
    /// One MAC; ask for each friend in turn.
    pub fn is_from(&self, pair: &PairKey) -> bool {
        keys::mac_eq(&keys::from_tag(pair, &self.parcel_id), &self.from_tag)
    }

    /// Whether its last day is over.
    pub fn is_expired(&self, today: Day) -> bool {
        self.expires_day < today
    }

    /// The part in the open.
    pub(super) fn head(&self) -> [u8; HEAD_LEN] {
        let mut out = Writer::with_capacity(HEAD_LEN);
        out.value(&self.parcel_id).raw(&self.from_tag).value(&self.to_root).u32(self.expires_day.0);
        out.value(&self.seal_id).u32(self.psk_gen);
        let mut head = [0; HEAD_LEN];
        for (to, from) in head.iter_mut().zip(out.as_slice()) {
            *to = *from;
        }
        head
    }
}

impl Encode for Envelope {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.head()).raw(&self.enc).raw(&self.ciphertext);
    }
}

impl Decode for Envelope {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (parcel_id, from_tag) = (input.value()?, input.array()?);
        let (to_root, expires_day) = (input.value()?, Day(input.u32()?));
        let (seal_id, psk_gen, enc) = (input.value()?, input.u32()?, input.array()?);
        let ciphertext = input.take_rest();
        let padded = ciphertext.len().checked_sub(TAG_LEN);
        if !padded.is_some_and(is_bucket) {
            return Err(DecodeError::Invalid { what: "the parcel's length is no bucket" });
        }
        let ciphertext = ciphertext.to_vec();
        Ok(Self { parcel_id, from_tag, to_root, expires_day, seal_id, psk_gen, enc, ciphertext })
    }
}

/// Whether a padded plaintext may have this length.
pub(super) fn is_bucket(padded: usize) -> bool {
    (PARCEL_PADDED_MIN..=PARCEL_PADDED_LIMIT).contains(&padded) && padded.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode;
    use proptest::prelude::*;

    fn envelope(padded: usize) -> Envelope {
        Envelope {
            parcel_id: ParcelId::from_bytes([0x0c; 16]),
            from_tag: [0x0f; 8],
            to_root: UserId::from_bytes([6; 32]),
            expires_day: Day(20_500),
            seal_id: SealId::from_bytes([8; 8]),
            psk_gen: 3,
            enc: [9; 32],
            ciphertext: vec![0xcc; padded + TAG_LEN],
        }
    }

    #[test]
    fn only_whole_buckets_are_envelopes() {
        for padded in [512, 1024, 2048, 4096, 8192, 16_384, 32_768] {
            let parcel = envelope(padded);
            assert_eq!(decode::<Envelope>(&parcel.encode()), Ok(parcel));
        }
        for padded in [0, 1, 256, 511, 513, 768, 32_767, 32_769, 65_536] {
            assert!(decode::<Envelope>(&envelope(padded).encode()).is_err(), "{padded}");
        }
    }

    #[test]
    fn every_shorter_input_is_refused() {
        let bytes = envelope(512).encode();
        assert!((0..bytes.len()).all(|cut| decode::<Envelope>(&bytes[..cut]).is_err()));
    }

    #[test]
    fn the_sender_is_found_by_the_pair_key_and_by_no_other() {
        let pair = PairKey::from_bytes([1; 32]);
        let mut parcel = envelope(512);
        parcel.from_tag = keys::from_tag(&pair, &parcel.parcel_id);
        assert!(parcel.is_from(&pair));
        assert!(!parcel.is_from(&PairKey::from_bytes([2; 32])));
        parcel.parcel_id = ParcelId::from_bytes([0x0d; 16]);
        assert!(!parcel.is_from(&pair));
    }

    #[test]
    fn a_parcel_counts_up_to_and_on_its_last_day() {
        let parcel = envelope(512);
        assert!(!parcel.is_expired(Day(20_500)));
        assert!(parcel.is_expired(Day(20_501)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
            if let Ok(parcel) = decode::<Envelope>(&bytes) {
                prop_assert_eq!(parcel.encode(), bytes);
            }
        }
    }
}
