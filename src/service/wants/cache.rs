//! Whose pictures make room: those of whoever takes most of it.
//!
//! Others' pictures that are here take at most `BLOB_CACHE_LIMIT` bytes together. If simply the oldest went, a friend who
//! shares a hundred films a day would push out what everybody else ever showed. So each author's bytes are counted apart,
//! and when there is too much, the oldest of the author with the most goes: who shares little keeps it, and what one
//! author shares too much of costs that author's older pictures alone.
//!
//! Several authors may name one blob. It counts for the one who has least: who shares too much gains nothing by naming
//! what others show, and cannot make it go by that.
//!
//! What has just come does not go at once, however large it is: somebody may be waiting for it.
//!
//! What it does not do: own pictures and those of favourites are not counted here at all.
//!
//! Source: docs/protocol.md 3.18; docs/adr/0015.

use std::collections::BTreeMap;

use crate::id::{BlobId, UserId};
use crate::time::Timestamp;

/// What one author's blobs take.
#[derive(Debug, Default)]
struct Share {
    oldest_first: BTreeMap<(Timestamp, BlobId), u64>,
    bytes: u64,
}

/// Others' blobs that are here and may make room.
#[derive(Debug, Default)]
pub(super) struct Cache {
    shares: BTreeMap<UserId, Share>,
    /// For whom a blob counts, and since when it is here.
    holders: BTreeMap<BlobId, (UserId, Timestamp)>,
    bytes: u64,
}

impl Cache {
    /// Counts a blob once, for the one of its authors who has least here.
    pub(super) fn note(&mut self, authors: &[UserId], blob: BlobId, since: Timestamp, bytes: u64) {
        self.drop(&blob);
        let has = |author: &UserId| self.shares.get(author).map_or(0, |share| share.bytes);
        let Some(author) = authors.iter().copied().min_by_key(|author| (has(author), *author)) else {
            return;
        };
        let share = self.shares.entry(author).or_default();
        share.oldest_first.insert((since, blob), bytes);
        share.bytes = share.bytes.saturating_add(bytes);
        self.holders.insert(blob, (author, since));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts a blob no more.
    pub(super) fn drop(&mut self, blob: &BlobId) {
        let Some((author, since)) = self.holders.remove(blob) else { return };
        let Some(share) = self.shares.get_mut(&author) else { return };
        if let Some(bytes) = share.oldest_first.remove(&(since, *blob)) {
            share.bytes = share.bytes.saturating_sub(bytes);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        if share.oldest_first.is_empty() {
            self.shares.remove(&author);
        }
    }

    /// What they take together, bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The blob that makes room next, never `fresh`.
    ///
    /// # Cost
    /// One look at each author who has pictures here.
    pub(super) fn next_to_go(&self, fresh: Option<&BlobId>) -> Option<BlobId> {
        let of_fresh = fresh.and_then(|blob| self.holders.get_key_value(blob));
        let without_fresh = |author: &UserId, share: &Share| match of_fresh {
            Some((blob, (holder, since))) if holder == author => {
                let fresh_bytes = share.oldest_first.get(&(*since, *blob)).copied().unwrap_or(0);
                share.bytes.saturating_sub(fresh_bytes)
            }
            _ => share.bytes,
        };
        let (_, most) = self
            .shares
            .iter()
            .filter(|(author, share)| without_fresh(author, share) > 0)
            .max_by_key(|(author, share)| (without_fresh(author, share), **author))?;
        most.oldest_first.keys().map(|(_, blob)| *blob).find(|blob| Some(blob) != fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u8) -> UserId {
        UserId::from_bytes([n; 32])
    }

    fn blob(n: u8) -> BlobId {
        BlobId::from_bytes([n; 32])
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_oldest_of_whoever_has_most_goes_first() {
        let mut cache = Cache::default();
        cache.note(&[user(1)], blob(1), at(1), 10);
        cache.note(&[user(2)], blob(2), at(2), 40);
        cache.note(&[user(2)], blob(3), at(3), 40);
        cache.note(&[user(3)], blob(4), at(4), 30);
        assert_eq!(cache.bytes(), 120);
        let mut gone = Vec::new();
        while let Some(next) = cache.next_to_go(None) {
            cache.drop(&next);
            gone.push(next);
        }
        // Bob's two before Carol's one, and who has little keeps it longest, though it is the oldest of all.
        assert_eq!(gone, [blob(2), blob(3), blob(4), blob(1)]);
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn what_has_just_come_stays_even_if_its_author_has_most_by_it() {
        let mut cache = Cache::default();
        cache.note(&[user(1)], blob(1), at(1), 10);
        cache.note(&[user(2)], blob(2), at(2), 100);
        assert_eq!(cache.next_to_go(Some(&blob(2))), Some(blob(1)));
        cache.note(&[user(2)], blob(3), at(3), 20);
        assert_eq!(cache.next_to_go(Some(&blob(3))), Some(blob(2)));
        cache.drop(&blob(1));
        cache.drop(&blob(3));
        assert_eq!(cache.next_to_go(Some(&blob(2))), None);
    }

    #[test]
    fn naming_what_another_shows_neither_keeps_it_nor_makes_it_go() {
        let mut cache = Cache::default();
        cache.note(&[user(1)], blob(1), at(5), 100);
        cache.note(&[user(1), user(2)], blob(2), at(1), 50);
        assert_eq!(cache.next_to_go(None), Some(blob(1)), "the other's counts for the other");
        cache.note(&[], blob(3), at(1), 50);
        assert_eq!(cache.bytes(), 150, "what nobody names is not here");
    }

    #[test]
    fn a_blob_counts_once_and_for_the_last_it_was_noted_for() {
        let mut cache = Cache::default();
        cache.note(&[user(1)], blob(1), at(1), 10);
        cache.note(&[user(2)], blob(1), at(2), 10);
        cache.note(&[user(2)], blob(1), at(2), 10);
        assert_eq!((cache.bytes(), cache.shares.len(), cache.holders.len()), (10, 1, 1));
        cache.drop(&blob(1));
        cache.drop(&blob(1));
        assert_eq!((cache.bytes(), cache.shares.len(), cache.holders.len()), (0, 0, 0));
    }
}
