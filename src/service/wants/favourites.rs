//! Pictures of favourites: fetched, and never the ones that make room.
//!
//! Others' pictures that are here take at most so many bytes together, the oldest giving way. Those that a favourite
//! names are not among what is counted, so a friend who posts much cannot push them out, and they cannot push out what
//! is counted. Only the naming by the marked moment counts, and only with the length it says: who names the same blob in
//! a moment of his own keeps nothing by it.
//!
//! Source: docs/protocol.md 3.10, 3.18.

use super::{Kept, Naming, blobs_of};
use crate::id::{BlobId, EntryId};
use crate::service::Service;
use crate::store::StoreError;

impl Service {
    /// A moment became a favourite: its pictures are wanted, and those that are here stay.
    pub(in crate::service) fn keep_pictures(&mut self, moment: &EntryId) -> Result<(), StoreError> {
        for naming in self.namings_of(moment)? {
            match self.kept_blob(&naming.blob)? {
                Some(kept) if !kept.mine && kept.is(naming.bytes) => {
                    self.wants.cache.drop(&naming.blob);
                }
                Some(_) => {}
                None => self.want_now(&naming),
            }
        }
        self.wants.dirty = true;
        Ok(())
    }

    /// A moment is a favourite no more: its pictures count again, and may make room.
    pub(in crate::service) fn let_pictures_go(&mut self, moment: &EntryId) -> Result<(), StoreError> {
        for naming in self.namings_of(moment)? {
            self.recount(&naming.blob)?;
        }
        self.make_room_for_blobs(None)
    }

    /// What a moment names.
    fn namings_of(&self, moment: &EntryId) -> Result<Vec<Naming>, StoreError> {
        let Some(opened) = self.opened_by_id(moment)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (blob, ..) in blobs_of(&opened.post) {
            let namings = self.namings(&blob)?.into_iter();
            found.extend(namings.filter(|naming| naming.moment == *moment && naming.author == opened.author));
        }
        Ok(found)
    }

    /// Counts a blob that is here among what may make room, unless it is mine or a favourite names it.
    pub(super) fn recount(&mut self, blob: &BlobId) -> Result<(), StoreError> {
        let Some(kept) = self.kept_blob(blob)?.filter(|kept| !kept.mine) else { return Ok(()) };
        let namings = self.namings(blob)?;
        if self.is_kept_for_favourite(&kept, &namings) {
            self.wants.cache.drop(blob);
        } else {
            // One of another length opens nothing, but where no other is left it is what keeps the file here.
            let fitting = || namings.iter().filter(|naming| kept.is(naming.bytes));
            let all = if fitting().next().is_some() { fitting().collect() } else { namings.iter().collect() };
            let authors: Vec<_> = Vec::into_iter(all).map(|naming| naming.author).collect();
            self.wants.cache.note(&authors, *blob, kept.since, kept.bytes);
        }
        Ok(())
    }

    fn is_kept_for_favourite(&self, kept: &Kept, namings: &[Naming]) -> bool {
        namings.iter().any(|naming| kept.is(naming.bytes) && self.marks.is_favourite(&naming.moment))
    }

    /// The blob and length that a naming means, if it is a favourite's.
    pub(super) fn of_favourite(&self, naming: &Naming) -> Option<(BlobId, u64)> {
        self.marks.is_favourite(&naming.moment).then_some((naming.blob, naming.bytes))
    }
}
