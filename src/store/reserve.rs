//! The second copy of which sequence numbers are reserved: a small file of its own beside the store.
//!
//! A number signed twice would be two entries at one place, so numbers are reserved in blocks before their first use:
//! first in the store, then here. At start the two are compared. The higher counts for every epoch; if the *store's*
//! is lower, the store went back in time (an old copy, a dropped tail of its log) while this file did not, and that
//! is a rollback. A file that is lower is a crash between the two writes, which is legal.
//!
//! Every start begins a new block. What lies below the reservation found at start was reserved by an earlier start:
//! a number there that is missing was lost in a crash and nothing more ([`Reservations::is_of_earlier_start`]).
//!
//! # Layout of the file
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 8 | "tidngseq" |
//! | 8 | 1 | version = 1 |
//! | 9 | 8 | starts, u64 |
//! | 17 | 4 | n, u32, at most `RESERVED_EPOCH_LIMIT` |
//! | 21 | 24 n | epoch id 16 ‖ first number that is not reserved, u64; ids ascending |
//! | … | 32 | BLAKE3 of all before it |
//!
//! What it does not do: it hands out no numbers and retires nothing; the service does, on the verdict.
//!
//! Source: docs/protocol.md 3.13.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::files::{read_whole, write_whole};
use super::{Damage, StoreError};
use crate::crypto::hash;
use crate::id::EpochId;
use crate::limits::{RESERVED_EPOCH_LIMIT, SEQ_LIMIT};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer, decode};

const MAGIC: &[u8; 8] = b"tidngseq";
const VERSION: u8 = 1;
/// The longest file, bytes.
const FILE_LIMIT: usize = 21 + RESERVED_EPOCH_LIMIT * 24 + 32;

/// Up to which number each own epoch is reserved, and how often this node has started. Kept in the store (as
/// `Meta`) and in a [`SeqFile`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reservations {
    starts: u64,
    ends: BTreeMap<EpochId, u64>,
    /// The ends as found at this start. Not written.
    ends_at_start: BTreeMap<EpochId, u64>,
}

impl Reservations {
    /// The first number of an epoch that is not reserved.
    pub fn end(&self, epoch: &EpochId) -> u64 {
        self.ends.get(epoch).copied().unwrap_or(0)
    }

    /// How often this node has started.
    pub const fn starts(&self) -> u64 {
        self.starts
    }

    /// Reserves the next `count` numbers of an epoch and returns the first and the end of the block; `None` if the
    /// epoch has no numbers left or too many epochs are noted. Nothing may be signed under them before this value
    /// is durable in the store and in the file.
    pub fn reserve(&mut self, epoch: EpochId, count: u64) -> Option<(u64, u64)> {
        if !self.ends.contains_key(&epoch) && self.ends.len() >= RESERVED_EPOCH_LIMIT {
            return None;
        }
        let first = self.end(&epoch);
        let end = first.checked_add(count).filter(|end| *end <= SEQ_LIMIT)?;
        self.ends.insert(epoch, end);
        Some((first, end))
    }

    /// Whether a number was reserved by an earlier start than this one.
    pub fn is_of_earlier_start(&self, epoch: &EpochId, seq: u64) -> bool {
        self.ends_at_start.get(epoch).is_some_and(|end| seq < *end)
    }

    /// Forgets an epoch whose signing key is gone.
    pub fn forget(&mut self, epoch: &EpochId) {
        self.ends.remove(epoch);
        self.ends_at_start.remove(epoch);
    }

    /// Keeps only these epochs: what was reserved for others was never used and never will be.
    pub fn retain(&mut self, keep: impl Fn(&EpochId) -> bool) {
        self.ends.retain(|epoch, _| keep(epoch));
        self.ends_at_start.retain(|epoch, _| keep(epoch));
    }

    /// Begins a start: the higher of both sides counts for every epoch, and the verdict says whether the store was
    /// behind. Write the result to both before the first use of a number.
    pub fn start(store: &Self, file: Option<&Self>) -> (Self, StartVerdict) {
        let empty = Self::default();
        let file = file.unwrap_or(&empty);
        let mut ends = store.ends.clone();
        let mut behind = Vec::new();
        for (epoch, end) in &file.ends {
            let mine = ends.entry(*epoch).or_insert(0);
            if *mine < *end {
                *mine = *end;
                behind.push(*epoch);
            }
        }
        // A store that knows fewer starts is older even if no number was reserved between.
        let is_rollback = !behind.is_empty() || store.starts < file.starts;
        let starts = store.starts.max(file.starts).saturating_add(1);
        let verdict =
            if is_rollback { StartVerdict::Rollback { epochs: behind } } else { StartVerdict::Clean };
        (Self { starts, ends_at_start: ends.clone(), ends }, verdict)
    }
}

/// What the comparison at start says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartVerdict {
    /// The store is at least as new as the file.
    Clean,
    /// The store went back in time: retire all own open epochs.
    Rollback {
        /// The epochs in which the store was behind; empty if only the count of starts shows it.
        epochs: Vec<EpochId>,
    },
}

impl Encode for Reservations {
    fn encode_to(&self, out: &mut Writer) {
        let mut body = Writer::new();
        body.raw(MAGIC).u8(VERSION).u64(self.starts).u32(u32::try_from(self.ends.len()).unwrap_or(u32::MAX));
        for (epoch, end) in &self.ends {
            body.value(epoch).u64(*end);
        }
        let check = hash(body.as_slice());
        out.raw(body.as_slice()).raw(&check);
    }
}

impl Decode for Reservations {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if input.array()? != *MAGIC {
            return Err(DecodeError::Invalid { what: "not a file of reserved numbers" });
        }
        match input.u8()? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { what: "version", code: u64::from(other) }),
        }
        let starts = input.u64()?;
        let count = u64::from(input.u32()?);
        let count = input.count("epochs", count, RESERVED_EPOCH_LIMIT, 24)?;
        let mut ends: BTreeMap<EpochId, u64> = BTreeMap::new();
        for _ in 0..count {
            let (epoch, end) = (input.value::<EpochId>()?, input.u64()?);
            if ends.last_key_value().is_some_and(|(last, _)| *last >= epoch) || end > SEQ_LIMIT {
                return Err(DecodeError::Invalid {
                    what: "epochs do not ascend, or a number is out of range",
                });
            }
            ends.insert(epoch, end);
        }
        let read = Self { starts, ends, ends_at_start: BTreeMap::new() };
        let written = read.encode();
        let check: [u8; 32] = input.array()?;
        if written.last_chunk::<32>() != Some(&check) {
            return Err(DecodeError::Invalid { what: "the checksum does not fit" });
        }
        Ok(read)
    }
}

/// The file.
#[derive(Debug)]
pub struct SeqFile {
    path: PathBuf,
}

impl SeqFile {
    /// The file at a path; it need not be there yet.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What it says; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is not whole, [`StoreError::Io`].
    pub fn read(&self) -> Result<Option<Reservations>, StoreError> {
        let damage = |what| Damage { place: "seq", key: Vec::new(), what };
        match read_whole(&self.path, FILE_LIMIT) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => Ok(Some(decode(&bytes).map_err(|_| damage("it is not whole"))?)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(damage("it is too long").into()),
            Err(error) => Err(StoreError::io("the file of reserved numbers cannot be read", error)),
        }
    }

    /// Replaces it. Durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Full`]; the old content is untouched then.
    ///
    /// # Cost
    /// Two syncs of the disk.
    pub fn write(&self, reservations: &Reservations) -> Result<(), StoreError> {
        write_whole(&self.path, &reservations.encode(), true)
            .map_err(|e| StoreError::io("the file of reserved numbers cannot be written", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: EpochId = EpochId::from_bytes([1; 16]);
    const B: EpochId = EpochId::from_bytes([2; 16]);

    #[test]
    fn blocks_follow_each_other_and_end_with_the_numbers() {
        let mut reserved = Reservations::default();
        assert_eq!(reserved.reserve(A, 64), Some((0, 64)));
        assert_eq!(reserved.reserve(A, 64), Some((64, 128)));
        assert_eq!(reserved.reserve(B, SEQ_LIMIT), Some((0, SEQ_LIMIT)));
        assert_eq!(reserved.reserve(B, 1), None);
        assert_eq!(reserved.reserve(A, u64::MAX), None);
        assert_eq!(reserved.end(&A), 128);
    }

    #[test]
    fn epochs_are_noted_up_to_the_limit() {
        let mut reserved = Reservations::default();
        for n in 0..RESERVED_EPOCH_LIMIT {
            let id = u128::try_from(n).expect("small").to_be_bytes();
            assert!(reserved.reserve(EpochId::from_bytes(id), 64).is_some());
        }
        let one_more = EpochId::from_bytes([0xff; 16]);
        assert_eq!(reserved.reserve(one_more, 64), None);
        assert_eq!(reserved.encode().len(), FILE_LIMIT);
        assert_eq!(
            decode::<Reservations>(&reserved.encode()).map(|read| read.encode()),
            Ok(reserved.encode())
        );
        reserved.forget(&EpochId::from_bytes([0; 16]));
        assert_eq!(reserved.reserve(one_more, 64), Some((0, 64)));
    }

    #[test]
    fn a_crash_between_store_and_file_is_no_rollback() {
        let mut store = Reservations::default();
        store.reserve(A, 64);
        let file = store.clone();
        store.reserve(A, 64);
        let (now, verdict) = Reservations::start(&store, Some(&file));
        assert_eq!(verdict, StartVerdict::Clean);
        assert_eq!(now.end(&A), 128);
        assert_eq!(Reservations::start(&store, None).1, StartVerdict::Clean);
    }

    #[test]
    fn a_store_that_knows_less_than_the_file_went_back_in_time() {
        let mut file = Reservations::default();
        file.reserve(A, 64);
        let store = file.clone();
        file.reserve(A, 64);
        file.reserve(B, 64);
        let (now, verdict) = Reservations::start(&store, Some(&file));
        assert_eq!(verdict, StartVerdict::Rollback { epochs: vec![A, B] });
        assert_eq!((now.end(&A), now.end(&B)), (128, 64));
    }

    #[test]
    fn a_store_from_before_the_last_start_is_noticed_by_the_count_alone() {
        let (first, _) = Reservations::start(&Reservations::default(), None);
        let (second, verdict) = Reservations::start(&first, Some(&first));
        assert_eq!((verdict, second.starts()), (StartVerdict::Clean, 2));
        let (third, verdict) = Reservations::start(&first, Some(&second));
        assert_eq!((verdict, third.starts()), (StartVerdict::Rollback { epochs: Vec::new() }, 3));
    }

    #[test]
    fn what_this_start_reserves_is_not_of_an_earlier_one() {
        let mut store = Reservations::default();
        store.reserve(A, 64);
        let (mut now, _) = Reservations::start(&store, None);
        assert_eq!(now.reserve(A, 64), Some((64, 128)));
        assert!(now.is_of_earlier_start(&A, 63));
        assert!(!now.is_of_earlier_start(&A, 64));
        assert!(!now.is_of_earlier_start(&B, 0));
    }

    #[test]
    fn a_file_that_is_not_whole_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let file = SeqFile::new(folder.path().join("seq"));
        assert_eq!(file.read().expect("absent"), None);
        let mut reserved = Reservations::default();
        reserved.reserve(A, 64);
        file.write(&reserved).expect("written");
        assert_eq!(file.read().expect("read"), Some(reserved.clone()));
        let good = reserved.encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(folder.path().join("seq"), &bad).expect("written");
            let error = file.read().expect_err("altered");
            assert_eq!(error.to_string(), "seq is damaged at key (none): it is not whole");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Numbers are never handed out twice as long as the file or the store survives each start.
        #[test]
        fn no_number_is_reserved_twice_while_one_copy_survives(steps in prop::collection::vec(0u8..4, 1..60)) {
            let (mut store, mut file) = (Reservations::default(), None::<Reservations>);
            let mut now = Reservations::start(&store, None).0;
            let mut used = 0u64;
            for step in steps {
                match step {
                    // Reserve, with a crash after the store, or after both.
                    0 | 1 => {
                        let (first, end) = now.reserve(A, 64).expect("numbers left");
                        store = now.clone();
                        if step == 0 {
                            file = Some(now.clone());
                            prop_assert!(first >= used);
                            used = end;
                        } else {
                            now = Reservations::start(&store, file.as_ref()).0;
                        }
                    }
                    // The store is put back to nothing.
                    2 => {
                        store = Reservations::default();
                        now = Reservations::start(&store, file.as_ref()).0;
                    }
                    // A plain start.
                    _ => now = Reservations::start(&store, file.as_ref()).0,
                }
                store = now.clone();
            }
        }
    }
}
