//! Albums: everybody's posts by author, and how many of them lie in each month.
//!
//! ```text
//!  Tree::ByAuthor  author ‖ shown ‖ id    nothing         one for each record of the timeline
//!  Tree::Months    author ‖ month         number 8        how many of those lie in it; none for zero
//!  Tree::Meta      'by-author'            how far the index is filled: a timeline key, or nothing once it is whole
//! ```
//!
//! All three change with the timeline itself, in [`Service::put_post`] and [`Service::remove_post`], which are the only
//! ways into it and out of it. So a page of one author costs what a page costs, and the months of an album are read and
//! not counted.
//!
//! A home that was written before there was an index gets one in steps of [`INDEX_RUN_LIMIT`] posts, oldest first; until
//! it is whole, pages of one author are found in the timeline. A step may be repeated: what is in the index already is
//! not counted again.
//!
//! What it does not do: decide what is shown (`timeline`). Of an author with a window, the months before it are left
//! out, and the month in which it begins is counted from its keys.
//!
//! Source: docs/protocol.md 3.10; docs/adr/0009-all-of-moments.md.

use super::marks::cursor;
use super::pages::Reading;
use super::{Service, tx};
use crate::ask::AlbumQuery;
use crate::entry::Header;
use crate::error::Result as Said;
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::INDEX_RUN_LIMIT;
use crate::store::layout::{author_key, month_key, split_month_key, split_timeline_key, timeline_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::{DAY_MS, Month, Timestamp};
use crate::view;

/// Where it stands how far the index is filled.
const FILLED_KEY: &[u8] = b"by-author";

/// Whether every post is in the index.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) is_whole: bool,
}

impl Service {
    /// A post is shown from now on. One that is new is in no index yet, so none is asked.
    pub(super) fn put_post(
        &mut self,
        epoch: &EpochId,
        shown: Timestamp,
        id: &EntryId,
        value: Vec<u8>,
        is_new: bool,
    ) -> Result<(), StoreError> {
        self.tx.put(Tree::Timeline, &timeline_key(shown, id), value);
        match self.state.epochs.get(epoch).map(|record| record.author) {
            Some(author) if is_new => self.index_new(&author, shown, id),
            Some(author) => self.index_post(&author, shown, id),
            None => Ok(()),
        }
    }

    /// A post is shown no more.
    pub(super) fn remove_post(
        &mut self,
        epoch: &EpochId,
        shown: Timestamp,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        self.tx.remove(Tree::Timeline, &timeline_key(shown, id));
        let Some(author) = self.state.epochs.get(epoch).map(|record| record.author) else { return Ok(()) };
        let key = author_key(&author, shown, id);
        if self.tx.has(Tree::ByAuthor, &key)? {
            self.tx.remove(Tree::ByAuthor, &key);
            self.count_month(&author, shown.month(), |count| count.saturating_sub(1))?;
        }
        Ok(())
    }

    fn index_post(&mut self, author: &UserId, shown: Timestamp, id: &EntryId) -> Result<(), StoreError> {
        let key = author_key(author, shown, id);
        if self.tx.has(Tree::ByAuthor, &key)? { Ok(()) } else { self.index_new(author, shown, id) }
    }

    fn index_new(&mut self, author: &UserId, shown: Timestamp, id: &EntryId) -> Result<(), StoreError> {
        self.tx.put(Tree::ByAuthor, &author_key(author, shown, id), Vec::new());
        self.count_month(author, shown.month(), |count| count.saturating_add(1))
    }

    fn count_month(
        &mut self,
        author: &UserId,
        month: Month,
        change: impl FnOnce(u64) -> u64,
    ) -> Result<(), StoreError> {
        let key = month_key(author, month);
        let before = match self.tx.get(Tree::Months, &key)? {
            Some(value) => count_from(&key, &value)?,
            None => 0,
        };
        match change(before) {
            0 => self.tx.remove(Tree::Months, &key),
            count => self.tx.put(Tree::Months, &key, count.to_be_bytes().to_vec()),
        }
        Ok(())
    }

    /// Looks at start, or after a step that failed, whether the index is whole. A home without a post needs no filling.
    pub(super) fn load_index(&mut self) -> Result<(), StoreError> {
        let filled = self.tx.get(Tree::Meta, FILLED_KEY)?;
        self.index.is_whole = filled.as_ref().is_some_and(Vec::is_empty);
        if filled.is_none()
            && self.tx.range(Tree::Timeline, KeyRange::all(), Direction::Forward, 1)?.is_empty()
        {
            self.tx.put(Tree::Meta, FILLED_KEY, Vec::new());
            self.index.is_whole = true;
        }
        Ok(())
    }

    /// When the next step of filling is due: at once, until there is none.
    pub(super) fn index_wakeup(&self) -> Option<Timestamp> {
        (!self.index.is_whole).then_some(self.now)
    }

    /// Enters posts that an earlier release kept without an index. True once all are entered.
    ///
    /// # Errors
    /// [`StoreError`] for our own disk alone.
    ///
    /// # Cost
    /// At most [`INDEX_RUN_LIMIT`] posts, their headers read.
    pub fn fill_index(&mut self) -> Result<bool, StoreError> {
        if self.index.is_whole {
            return Ok(true);
        }
        let range = match self.tx.get(Tree::Meta, FILLED_KEY)? {
            Some(last) => KeyRange::all().after(last),
            None => KeyRange::all(),
        };
        let run = self.tx.range(Tree::Timeline, range, Direction::Forward, INDEX_RUN_LIMIT)?;
        for (key, value) in &run {
            let header = value.get(8..).and_then(|rest| rest.first_chunk());
            let epoch = header.and_then(|header| Header::decode(header).ok()).map(|header| header.epoch());
            let author = epoch.and_then(|epoch| self.state.epochs.get(&epoch)).map(|record| record.author);
            if let (Some(author), Some((shown, id))) = (author, split_timeline_key(key)) {
                self.index_post(&author, shown, &id)?;
            }
        }
        self.index.is_whole = run.len() < INDEX_RUN_LIMIT;
        let filled = run.last().filter(|_| !self.index.is_whole).map(|(key, _)| key.clone());
        self.tx.put(Tree::Meta, FILLED_KEY, filled.unwrap_or_default());
        Ok(self.index.is_whole)
    }

    /// One page of somebody's album.
    ///
    /// # Errors
    /// Usage for a cursor that is none; not found for an unknown person; refused above the limit.
    ///
    /// # Cost
    /// That of a page, and the months that hold a moment; once in the life of an old home, that of filling the index.
    pub fn album(&mut self, query: &AlbumQuery) -> Said<view::Album> {
        while !self.fill_index()? {}
        let (mut album, mut reading) = self.begin_album(query)?;
        while !reading.is_done() {
            self.read_on(&mut reading)?;
        }
        let page = reading.into_page();
        (album.moments, album.next) = (page.moments, page.next);
        Ok(album)
    }

    /// An album without its moments, which are read after it.
    ///
    /// # Errors
    /// As [`Service::album`].
    pub fn begin_album(&self, query: &AlbumQuery) -> Said<(view::Album, Reading)> {
        let author = self.author_named(query.from.as_deref().unwrap_or("me"))?;
        let mut reading = Reading::new(query.limit)?.of(author);
        if let Some(month) = query.month {
            reading = reading.since(month.start()).until(month.next().start().minus_ms(1));
        }
        if let Some(before) = &query.before {
            reading = reading.before(cursor(before)?);
        }
        let is_first = query.before.is_none() && query.month.is_none();
        let pinned = if author == self.me() && is_first { self.pinned()? } else { Vec::new() };
        let months = self.months(&author)?;
        let album =
            view::Album { person: self.person(&author), months, pinned, moments: Vec::new(), next: None };
        Ok((album, reading))
    }

    /// Somebody's months that hold a moment one may see, newest first.
    fn months(&self, author: &UserId) -> Result<Vec<view::MonthCount>, StoreError> {
        if !self.is_author_shown(author, self.now) {
            return Ok(Vec::new());
        }
        let days = self.state.friends.get(author).map_or(0, |friend| friend.window_days);
        let from = match days {
            0 => Timestamp::ZERO,
            days => self.now.minus_ms(u64::from(days).saturating_mul(DAY_MS)),
        };
        let mut months = Vec::new();
        self.tx.each_pending(Tree::Months, author.as_bytes(), &mut |key, value| {
            let month = split_month_key(key)
                .ok_or_else(|| tx::damaged(Tree::Months, key, "the key is not one of ours"))?;
            if month >= from.month() {
                months.push(view::MonthCount { month, moments: count_from(key, value)? });
            }
            Ok(())
        })?;
        if let Some(first) = months.first_mut().filter(|first| first.month.start() < from) {
            first.moments = self.count_from_to(author, from, first.month.next().start())?;
        }
        months.retain(|month| month.moments > 0);
        months.reverse();
        Ok(months)
    }

    /// How many posts of an author are shown from one time to before another.
    fn count_from_to(&self, author: &UserId, from: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        let at = |time: Timestamp| tx::key(&[author.as_bytes(), &time.as_millis().to_be_bytes()]);
        let mut range =
            KeyRange { start: std::ops::Bound::Included(at(from)), end: std::ops::Bound::Unbounded };
        range = range.before(at(to));
        let mut count = 0u64;
        loop {
            let run = self.tx.range(Tree::ByAuthor, range.clone(), Direction::Forward, COUNT_RUN)?;
            count = count.saturating_add(u64::try_from(run.len()).unwrap_or(u64::MAX));
            match run.last() {
                Some((last, _)) if run.len() == COUNT_RUN => range = range.after(last.clone()),
                _ => return Ok(count),
            }
        }
    }
}

/// How many keys one read brings while a month is counted.
const COUNT_RUN: usize = 1_000;

fn count_from(key: &[u8], value: &[u8]) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(value);
    bytes.map(u64::from_be_bytes).map_err(|_| tx::damaged(Tree::Months, key, "the record does not decode"))
}

#[cfg(test)]
mod tests;
