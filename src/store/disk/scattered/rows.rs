//! The rows of a scattered tree: their keys, and the entries that stand side by side in one value.
//!
//! | key in sled | value |
//! | --- | --- |
//! | 0 ‖ number 8 | fresh entries, as a batch wrote them |
//! | 1 ‖ run 4 ‖ least key | a block of a run: entries in key order, none of them a removal |
//! | 2 ‖ run 4 | the filter of a run |
//! | 3 ‖ run 4 | how many entries of a run are left, 4 |
//!
//! An entry is: length of the key 2 ‖ length of the value 2, or `0xFFFF` for a removal ‖ key ‖ value. Numbers are
//! big-endian.

use crate::limits::SCATTERED_ROW_LIMIT;

/// A key, and its value or that it was removed.
pub(super) type Entry = (Vec<u8>, Option<Vec<u8>>);
/// The same, where it stands.
pub(super) type EntryRef<'a> = (&'a [u8], Option<&'a [u8]>);
/// A write to a row.
pub(in crate::store::disk) type RowWrite = (Vec<u8>, Option<Vec<u8>>);

const REMOVED: u16 = u16::MAX;
/// Bytes before the key of an entry.
const HEAD_LEN: usize = 4;

const FRESH: u8 = 0;
const BLOCK: u8 = 1;
const FILTER: u8 = 2;
const LEFT: u8 = 3;

pub(super) const ALL_FRESH: [u8; 1] = [FRESH];
pub(super) const ALL_FILTERS: [u8; 1] = [FILTER];
pub(super) const ALL_LEFT: [u8; 1] = [LEFT];

pub(super) fn fresh_key(number: u64) -> Vec<u8> {
    [&ALL_FRESH[..], &number.to_be_bytes()].concat()
}

pub(super) fn split_fresh_key(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(&ALL_FRESH)?.try_into().ok()?))
}

/// The beginning of the keys of all blocks of a run.
pub(super) fn blocks_of(run: u32) -> Vec<u8> {
    [&[BLOCK][..], &run.to_be_bytes()].concat()
}

pub(super) fn block_key(run: u32, least: &[u8]) -> Vec<u8> {
    [&[BLOCK][..], &run.to_be_bytes(), least].concat()
}

/// The least key that a block was made with.
pub(super) fn least_of(block_key: &[u8]) -> &[u8] {
    block_key.get(5..).unwrap_or_default()
}

pub(super) fn filter_key(run: u32) -> Vec<u8> {
    [&ALL_FILTERS[..], &run.to_be_bytes()].concat()
}

pub(super) fn left_key(run: u32) -> Vec<u8> {
    [&ALL_LEFT[..], &run.to_be_bytes()].concat()
}

/// The run in a [`filter_key`] or a [`left_key`].
pub(super) fn split_run_key(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// Whether an entry is short enough to stand among others.
pub(super) const fn fits(key: &[u8], value: &[u8]) -> bool {
    key.len().saturating_add(value.len()) <= SCATTERED_ROW_LIMIT / 4
}

/// Entries side by side, as many to a row as fit; with the key of the first of each row.
pub(super) fn pack<'a>(entries: impl IntoIterator<Item = EntryRef<'a>>) -> Vec<(&'a [u8], Vec<u8>)> {
    let mut rows: Vec<(&'a [u8], Vec<u8>)> = Vec::new();
    for (key, value) in entries {
        let len = HEAD_LEN.saturating_add(key.len()).saturating_add(value.map_or(0, <[u8]>::len));
        let is_full = |row: &Vec<u8>| row.len().saturating_add(len) > SCATTERED_ROW_LIMIT;
        if rows.last().is_none_or(|(_, row)| is_full(row)) {
            rows.push((key, Vec::with_capacity(SCATTERED_ROW_LIMIT)));
        }
        if let Some((_, row)) = rows.last_mut() {
            let value_len = value.map_or(REMOVED, |value| u16::try_from(value.len()).unwrap_or(REMOVED));
            row.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
            row.extend_from_slice(&value_len.to_be_bytes());
            row.extend_from_slice(key);
            row.extend_from_slice(value.unwrap_or_default());
        }
    }
    rows
}

/// The entries of a row in their order; `None` is one that cannot be read, and the last.
pub(super) struct Entries<'a>(&'a [u8]);

pub(super) const fn unpack(row: &[u8]) -> Entries<'_> {
    Entries(row)
}

impl<'a> Entries<'a> {
    fn one(&self) -> Option<(EntryRef<'a>, &'a [u8])> {
        let (key_len, rest) = self.0.split_first_chunk::<2>()?;
        let (value_len, rest) = rest.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_len)))?;
        match u16::from_be_bytes(*value_len) {
            REMOVED => Some(((key, None), rest)),
            len => {
                let (value, rest) = rest.split_at_checked(usize::from(len))?;
                Some(((key, Some(value)), rest))
            }
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Option<EntryRef<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let one = self.one();
        self.0 = one.map_or(&[], |(_, rest)| rest);
        Some(one.map(|(entry, _)| entry))
    }
}

/// All entries of a row as values of their own; `None` if any cannot be read.
pub(super) fn unpack_all(row: &[u8]) -> Option<Vec<Entry>> {
    unpack(row).map(|entry| entry.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_were_packed_and_rows_stay_within_their_limit() {
        let entries: Vec<Entry> = (0..200u16)
            .map(|n| {
                let value = (n % 5 != 0).then(|| vec![n.to_be_bytes()[1]; usize::from(n)]);
                (n.to_be_bytes().to_vec(), value)
            })
            .collect();
        let rows = pack(entries.iter().map(|(key, value)| (key.as_slice(), value.as_deref())));
        assert!(rows.len() > 5 && rows.iter().all(|(_, row)| row.len() <= SCATTERED_ROW_LIMIT));
        let back: Vec<Entry> = rows
            .iter()
            .flat_map(|(first, row)| {
                let entries = unpack_all(row).expect("whole");
                assert_eq!(entries[0].0, *first);
                entries
            })
            .collect();
        assert_eq!(back, entries);
    }

    #[test]
    fn a_row_that_was_cut_or_is_no_row_ends_with_what_cannot_be_read() {
        let rows = pack([(b"key".as_slice(), Some(b"value".as_slice())), (b"gone", None)]);
        let row = &rows[0].1;
        for len in 1..row.len() {
            let whole = unpack_all(&row[..len]);
            // Between the two entries it is a row of one.
            assert_eq!(whole.map(|entries| entries.len()), (len == 12).then_some(1), "{len}");
        }
        assert_eq!(unpack(&[0xff; 40]).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn the_longest_that_fits_and_one_more() {
        let key = [1; 32];
        assert!(fits(&key, &vec![0; SCATTERED_ROW_LIMIT / 4 - 32]));
        assert!(!fits(&key, &vec![0; SCATTERED_ROW_LIMIT / 4 - 31]));
    }
}
