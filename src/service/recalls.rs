//! Moments that their author took back from me, and those that came back.
//!
//! A Recall asks my node to forget a moment: its words, its pictures and its key go, its header and its thread stay, so
//! that it is known, never fetched again, and whole again at once should its author give it back. It concerns me alone:
//! others still read it, so what I answer about it must not keep them from asking elsewhere (`bodies`).
//!
//! Recalls, grants and entries come in any order and more than once: the highest version counts, and a key that comes
//! while the moment is hidden is kept until it may be used.
//!
//! ```text
//!  Tree::State  'v' ‖ author ‖ epoch ‖ entry   version 4 ‖ hidden 1
//! ```
//!
//! Only the author of an epoch recalls what is in it: a record of anybody else about it is never looked at (I29). Of
//! one author at most [`RECALL_LIMIT`] are kept; one more leaves its parcel owed.
//!
//! Source: docs/protocol.md 3.6 (Recall), 3.15.

use std::collections::BTreeMap;

use super::receive::Lying;
use super::{Service, tx};
use crate::entry::HEADER_LEN;
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::RECALL_LIMIT;
use crate::mail::{EntryRef, Recall};
use crate::store::layout::timeline_key;
use crate::store::{StoreError, Tree};
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// What an author said last about a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    version: u32,
    hidden: bool,
}

impl Encode for Said {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.version).bool(self.hidden);
    }
}

impl Decode for Said {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { version: input.u32()?, hidden: input.bool()? })
    }
}

/// What authors said about moments of theirs.
#[derive(Debug, Default)]
pub(super) struct Recalls(BTreeMap<UserId, BTreeMap<(EpochId, EntryId), Said>>);

impl Service {
    /// Reads at start what was recalled.
    pub(super) fn load_recalls(&mut self) -> Result<(), StoreError> {
        let mut recalls = Recalls::default();
        self.tx.each(Tree::State, b"v", &mut |key, value| {
            let bad = |_| tx::damaged(Tree::State, key, "the key is not one of ours");
            let mut at = Reader::new(key);
            at.u8().map_err(bad)?;
            let (author, epoch, entry) =
                (at.value().map_err(bad)?, at.value().map_err(bad)?, at.value().map_err(bad)?);
            let said = tx::decode(Tree::State, key, value)?;
            recalls.0.entry(author).or_default().insert((epoch, entry), said);
            Ok(())
        })?;
        self.recalls = recalls;
        Ok(())
    }

    /// Whether its author took an entry back from me.
    pub(super) fn is_recalled(&self, epoch: &EpochId, entry: &EntryId) -> bool {
        let author = self.state.epochs.get(epoch).map(|record| record.author);
        let said = author.and_then(|author| self.recalls.0.get(&author)?.get(&(*epoch, *entry)));
        said.is_some_and(|said| said.hidden)
    }

    /// A Recall came from `sender`. False if there are more than are kept of one author.
    pub(super) fn take_recall(&mut self, sender: &UserId, recall: &Recall) -> Result<bool, StoreError> {
        let EntryRef { epoch, seq, entry } = recall.post;
        let record = self.state.epochs.get(&epoch);
        if record.is_some_and(|record| record.author != *sender || record.own.is_some()) {
            return Ok(true);
        }
        let before = self.lying(&epoch, seq, &entry)?;
        if matches!(before, Some(Lying::Gone | Lying::Awaited)) {
            // Withdrawn: there is nothing to hide or to show.
            return Ok(true);
        }
        let known = self.recalls.0.entry(*sender).or_default();
        match known.get(&(epoch, entry)) {
            Some(said) if said.version >= recall.version => return Ok(true),
            None if known.len() >= RECALL_LIMIT => return Ok(false),
            _ => {}
        }
        let said = Said { version: recall.version, hidden: !recall.is_shown };
        known.insert((epoch, entry), said);
        self.tx.put_record(Tree::State, &recall_key(sender, &epoch, &entry), &said);
        if said.hidden {
            self.hide_entry(sender, &recall.post, before.as_ref())?;
            return Ok(true);
        }
        let is_missing = matches!(before, None | Some(Lying::Header(_)));
        let has_key = self.has_key(&epoch, &entry)?;
        Ok(!is_missing || !has_key || self.await_entry(sender, &epoch, &entry))
    }

    /// Whether an entry could be opened if it were here.
    fn has_key(&self, epoch: &EpochId, entry: &EntryId) -> Result<bool, StoreError> {
        let by_epoch = self.state.epochs.get(epoch).is_some_and(|record| record.secret.is_some());
        Ok(by_epoch || self.tx.has(Tree::Keys, &super::parcels::granted_key(epoch, entry))?)
    }

    /// Drops what a recalled entry says; that it is known stays, and its thread.
    fn hide_entry(
        &mut self,
        author: &UserId,
        post: &EntryRef,
        before: Option<&Lying>,
    ) -> Result<(), StoreError> {
        let EntryRef { epoch, seq, entry } = post;
        match before {
            Some(Lying::Timeline(shown)) => {
                self.leave_timeline(entry)?;
                let stored = self.tx.get(Tree::Timeline, &timeline_key(*shown, entry))?.unwrap_or_default();
                let whole = stored.get(8..).unwrap_or_default();
                let header = whole.get(..HEADER_LEN).unwrap_or(whole).to_vec();
                self.set_lying(epoch, *seq, entry, &Lying::Header(header))?;
                self.remove_post(epoch, *shown, entry)?;
                self.emit(view::Happening::Withdrawn { id: *entry });
            }
            Some(Lying::Whole(whole)) => {
                let beneath = self.place(entry)?.and_then(|place| place.beneath);
                if beneath.is_none() {
                    let header = whole.get(..HEADER_LEN).unwrap_or(whole).to_vec();
                    self.set_lying(epoch, *seq, entry, &Lying::Header(header))?;
                }
            }
            _ => {}
        }
        // The key goes last: what names the pictures is opened with it.
        self.forget_key(author, epoch, entry);
        Ok(())
    }

    /// Nothing is known of an epoch any more, nor what its author said about it.
    pub(super) fn forget_recalls_in(&mut self, author: &UserId, epoch: &EpochId) {
        let Some(known) = self.recalls.0.get_mut(author) else { return };
        let first = (*epoch, EntryId::from_bytes([0; 32]));
        let last = (*epoch, EntryId::from_bytes([0xff; 32]));
        let of_epoch: Vec<_> = known.range(first..=last).map(|(place, _)| *place).collect();
        for (epoch, entry) in of_epoch {
            known.remove(&(epoch, entry));
            self.tx.remove(Tree::State, &recall_key(author, &epoch, &entry));
        }
    }

    /// Forgets what its author said about an entry that is kept no more, and the thread that was kept for its return.
    pub(super) fn forget_recall(&mut self, epoch: &EpochId, entry: &EntryId) -> Result<(), StoreError> {
        let Some(author) = self.state.epochs.get(epoch).map(|record| record.author) else { return Ok(()) };
        let known = self.recalls.0.get_mut(&author).and_then(|known| known.remove(&(*epoch, *entry)));
        let Some(said) = known else { return Ok(()) };
        self.tx.remove(Tree::State, &recall_key(&author, epoch, entry));
        // Another epoch may name the same id: its thread is that of the entry it really is.
        let is_its = self.place(entry)?.is_some_and(|place| place.epoch == *epoch);
        if said.hidden && is_its { self.forget_rows(entry) } else { Ok(()) }
    }
}

fn recall_key(author: &UserId, epoch: &EpochId, entry: &EntryId) -> Vec<u8> {
    tx::key(&[b"v", author.as_bytes(), epoch.as_bytes(), entry.as_bytes()])
}
