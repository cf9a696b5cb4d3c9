//! Marks: what I pinned to the top of my album, and my favourites. They are mine alone and never leave the node.
//!
//! ```text
//!  Tree::Marks   'p' ‖ id   when 8      pinned, own moments only
//!                'f' ‖ id   when 8      a favourite, anybody's
//! ```
//!
//! A favourite is kept: no quota takes the entry (`quota`), and its pictures are fetched and do not give way to newer
//! ones (`wants`). What a hostile friend gains by that is what I marked and no more: at most [`FAVOURITE_LIMIT`] entries, and
//! of each the pictures it names. Its author can still withdraw it, and leave my list of friends; a mark goes when its
//! moment goes, and a favourite that may not be seen now is left out where favourites are shown.
//!
//! All marks are in memory, so that a page of moments costs no read for them.
//!
//! Source: docs/adr/0009-all-of-moments.md; docs/protocol.md 3.18.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use super::publish::no_such_moment;
use super::timeline::within_page;
use crate::ask::FavesQuery;
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, EpochId, hex, unhex};
use crate::limits::{FAVOURITE_LIMIT, FAVOURITE_RUN_LIMIT, PIN_LIMIT, TIMELINE_DEFAULT};
use crate::store::layout::mark_key;
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::view;

const PIN: u8 = b'p';
const FAVOURITE: u8 = b'f';

/// What is marked, and since when.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pins: BTreeMap<EntryId, Timestamp>,
    favourites: BTreeMap<EntryId, Timestamp>,
}

impl Marks {
    pub(super) fn is_pinned(&self, id: &EntryId) -> bool {
        self.pins.contains_key(id)
    }

    pub(super) fn is_favourite(&self, id: &EntryId) -> bool {
        self.favourites.contains_key(id)
    }

    fn of(&mut self, kind: u8) -> &mut BTreeMap<EntryId, Timestamp> {
        if kind == PIN { &mut self.pins } else { &mut self.favourites }
    }
}

/// Newest first.
fn by_time(marks: &BTreeMap<EntryId, Timestamp>) -> Vec<(Timestamp, EntryId)> {
    let mut found: Vec<(Timestamp, EntryId)> = marks.iter().map(|(id, at)| (*at, *id)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

impl Service {
    /// Reads what is marked.
    pub(super) fn load_marks(&mut self) -> Result<(), StoreError> {
        let mut marks = Marks::default();
        self.tx.each_pending(Tree::Marks, &[], &mut |key, value| {
            let Some((kind, id)) = key.split_first() else { return Ok(()) };
            let at = <[u8; 8]>::try_from(value).ok().map(|ms| Timestamp::from_millis(u64::from_be_bytes(ms)));
            if let (PIN | FAVOURITE, Ok(id), Some(at)) = (*kind, EntryId::try_from(id), at) {
                marks.of(*kind).insert(id, at);
            }
            Ok(())
        })?;
        self.marks = marks;
        Ok(())
    }

    fn mark(&mut self, kind: u8, id: EntryId) {
        self.marks.of(kind).insert(id, self.now);
        let at = self.now.as_millis().to_be_bytes().to_vec();
        self.tx.put(Tree::Marks, &mark_key(kind, id.as_bytes()), at);
        self.answer_after_barrier = true;
    }

    fn unmark(&mut self, kind: u8, id: &EntryId) {
        if self.marks.of(kind).remove(id).is_some() {
            self.tx.remove(Tree::Marks, &mark_key(kind, id.as_bytes()));
            self.answer_after_barrier = true;
        }
    }

    /// A moment is gone: so is what I marked it with.
    pub(super) fn forget_marks(&mut self, id: &EntryId) {
        let before = self.answer_after_barrier;
        self.unmark(PIN, id);
        self.unmark(FAVOURITE, id);
        self.answer_after_barrier = before;
    }

    /// Pins one of my moments to the top of my album.
    ///
    /// # Errors
    /// Not found; refused for somebody else's, and above [`PIN_LIMIT`].
    pub fn pin(&mut self, word: &str) -> Said<EntryId> {
        let id = self.resolve_moment(word)?;
        self.only_mine(&id)?;
        if self.marks.is_pinned(&id) {
            return Ok(id);
        }
        if self.marks.pins.len() >= PIN_LIMIT {
            return Err(Error::refused(
                "pin_limit",
                format!("{PIN_LIMIT} moments are pinned already, the most there may be"),
                "take another one down first: `tidings unpin ID`",
            )
            .with("limit", PIN_LIMIT));
        }
        self.mark(PIN, id);
        Ok(id)
    }

    /// Takes a pin off again.
    ///
    /// # Errors
    /// Not found; refused for somebody else's.
    pub fn unpin(&mut self, word: &str) -> Said<EntryId> {
        let id = self.resolve_moment(word)?;
        self.only_mine(&id)?;
        self.unmark(PIN, &id);
        Ok(id)
    }

    fn only_mine(&self, id: &EntryId) -> Said<()> {
        let place = self.place(id)?.ok_or_else(|| no_such_moment(&id.short()))?;
        let author = self.state.epochs.get(&place.epoch).map(|record| record.author);
        if author == Some(self.me()) {
            return Ok(());
        }
        Err(Error::refused(
            "not_yours",
            "that moment is somebody else's; only one's own are pinned",
            "make it a favourite: `tidings fave ID`",
        ))
    }

    /// Puts a moment among my favourites: it is kept, with its pictures.
    ///
    /// # Errors
    /// Not found; refused above [`FAVOURITE_LIMIT`].
    pub fn fave(&mut self, word: &str) -> Said<EntryId> {
        let id = self.resolve_moment(word)?;
        if self.marks.is_favourite(&id) {
            return Ok(id);
        }
        if self.marks.favourites.len() >= FAVOURITE_LIMIT {
            return Err(Error::refused(
                "favourite_limit",
                format!("{FAVOURITE_LIMIT} moments are favourites already, the most there may be"),
                "take another one out first: `tidings unfave ID`",
            )
            .with("limit", FAVOURITE_LIMIT));
        }
        self.mark(FAVOURITE, id);
        self.keep_pictures(&id)?;
        Ok(id)
    }

    /// Takes a moment out of my favourites.
    ///
    /// # Errors
    /// Not found.
    pub fn unfave(&mut self, word: &str) -> Said<EntryId> {
        let id = self.resolve_entry(word)?;
        if !self.marks.is_favourite(&id) {
            // Who never marked it is told of a moment that is not there.
            return self.resolve_moment(word);
        }
        self.unmark(FAVOURITE, &id);
        self.let_pictures_go(&id)?;
        Ok(id)
    }

    /// One page of my favourites, the newest mark first: at most [`FAVOURITE_RUN_LIMIT`], so that one step is short.
    /// Those that may not be seen now are left out.
    ///
    /// # Errors
    /// Usage for a cursor that is none; refused above the limit.
    pub fn faves(&self, query: &FavesQuery) -> Said<view::Page> {
        let limit = page_limit(query.limit)?.min(FAVOURITE_RUN_LIMIT);
        let before = query.before.as_deref().map(cursor).transpose()?;
        let mut moments = Vec::new();
        let mut last = None;
        for (at, id) in by_time(&self.marks.favourites) {
            let key = [&at.as_millis().to_be_bytes()[..], id.as_bytes()].concat();
            if before.as_deref().is_some_and(|before| key.as_slice() >= before) {
                continue;
            }
            if moments.len() == limit {
                return Ok(view::Page { moments, next: last.as_deref().map(hex), reached: None });
            }
            if let Some(moment) = self.moment_if_shown(&id)? {
                moments.push(moment);
                last = Some(key);
            }
        }
        Ok(view::Page { moments, next: None, reached: None })
    }

    /// What I pinned, the newest pin first.
    pub(super) fn pinned(&self) -> Result<Vec<view::Moment>, StoreError> {
        let mut moments = Vec::new();
        for (_, id) in by_time(&self.marks.pins) {
            moments.extend(self.moment_if_shown(&id)?);
        }
        Ok(moments)
    }

    /// The epochs in which a favourite stands.
    pub(super) fn epochs_of_favourites(&self) -> Result<BTreeSet<EpochId>, StoreError> {
        let mut epochs = BTreeSet::new();
        for id in self.marks.favourites.keys() {
            epochs.extend(self.place(id)?.map(|place| place.epoch));
        }
        Ok(epochs)
    }
}

/// How many moments a page shall have.
///
/// # Errors
/// Refused above [`crate::limits::TIMELINE_LIMIT`].
pub(super) fn page_limit(asked: usize) -> Said<usize> {
    within_page(asked)?;
    Ok(if asked == 0 { TIMELINE_DEFAULT } else { asked })
}

/// Reads the `next` of an earlier page: a time and an id.
///
/// # Errors
/// Usage, if it is none.
pub(super) fn cursor(text: &str) -> Said<Vec<u8>> {
    unhex::<40>(text).map(|key| key.to_vec()).map_err(|_| {
        Error::usage("no_cursor", format!("{text:?} is no cursor"), "use the `next` of an earlier page")
    })
}

#[cfg(test)]
mod tests;
