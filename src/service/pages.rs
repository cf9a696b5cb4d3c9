//! Pages: of the timeline, of one author, of what a search finds, read a bounded run at a time.
//!
//! Posts lie sealed in the order they are shown. A page is read from its cursor towards the oldest post; each record is
//! judged by what is cheap first: its author and time from header and key, then its seal, then the words that are
//! searched for, and only what is shown gets its thread.
//!
//! A step reads at most [`READ_RUN_LIMIT`] posts, whatever is asked for. The client asks for the next step until the
//! page is full or the end is reached, and other work goes in between: a search through everything never holds the node.
//!
//! ```text
//!  Reading ─ read_on ─▶ Reading ─ read_on ─▶ … ─▶ is_done ─▶ into_page
//!             │ Timeline backwards from its position; of one author by Tree::ByAuthor
//! ```
//!
//! Invariants: the position only goes down, so nothing is given twice and nothing is left out that was there when the
//! page was begun, whatever arrives meanwhile; a cursor is a place in the order and outlives the moment it names.
//!
//! Source: docs/protocol.md 3.10.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Service;
use super::marks::{cursor, page_limit};
use super::search::{Found, Words};
use crate::ask::TimelineQuery;
use crate::error::Result as Said;
use crate::id::{UserId, hex};
use crate::limits::READ_RUN_LIMIT;
use crate::store::layout::{split_timeline_key, timeline_part};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Timestamp;
use crate::view;

/// How many posts one read of the store brings at least, while it is not known how many of them will be shown.
const SEARCH_RUN: usize = 64;

/// A page that is being read.
#[derive(Debug)]
pub struct Reading {
    limit: usize,
    author: Option<UserId>,
    words: Option<Words>,
    /// No post below this key of the timeline.
    low: Vec<u8>,
    /// No post at or above this one; none: from the newest.
    high: Option<Vec<u8>>,
    moments: Vec<view::Moment>,
    last: Option<Vec<u8>>,
    state: State,
    /// Posts looked at by the last step.
    looked_at: usize,
    /// How many more may be looked at in all; none for no bound.
    look_left: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// The page is full, and there are posts behind it.
    Full,
    /// As many posts were looked at as was asked for, and there are more.
    Resting,
    /// There is nothing behind it.
    End,
}

impl Reading {
    pub(super) fn new(limit: usize) -> Said<Self> {
        Ok(Self {
            limit: page_limit(limit)?,
            author: None,
            words: None,
            low: Vec::new(),
            high: None,
            moments: Vec::new(),
            last: None,
            state: State::Going,
            looked_at: 0,
            look_left: None,
        })
    }

    pub(super) fn of(self, author: UserId) -> Self {
        Self { author: Some(author), ..self }
    }

    pub(super) fn since(mut self, at: Timestamp) -> Self {
        self.low = at.as_millis().to_be_bytes().to_vec();
        self
    }

    pub(super) fn until(self, at: Timestamp) -> Self {
        // Beyond the end of time there is nothing to leave out.
        match at.as_millis().checked_add(1) {
            Some(end) => self.before(end.to_be_bytes().to_vec()),
            None => self,
        }
    }

    pub(super) fn before(mut self, key: Vec<u8>) -> Self {
        if self.high.as_ref().is_none_or(|high| key < *high) {
            self.high = Some(key);
        }
        self
    }

    /// Stops after so many posts, full or not; 0 for never.
    const fn looking_at(mut self, posts: usize) -> Self {
        if posts > 0 {
            self.look_left = Some(posts);
        }
        self
    }

    /// Whether nothing more is to be read for it.
    pub fn is_done(&self) -> bool {
        self.state != State::Going
    }

    /// How many posts the last step looked at: never more than [`READ_RUN_LIMIT`].
    pub const fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// The page, once it is done.
    pub fn into_page(self) -> view::Page {
        let rest = self.high.as_deref().filter(|_| self.state == State::Resting);
        let next = rest.or(self.last.as_deref().filter(|_| self.state == State::Full)).map(hex);
        let reached = rest.and_then(split_timeline_key).map(|(shown, _)| shown);
        view::Page { moments: self.moments, next, reached }
    }

    fn is_full(&self) -> bool {
        self.moments.len() >= self.limit
    }

    /// The rest of it in the timeline, or with an author in the index.
    fn range(&self, author: Option<&UserId>) -> KeyRange {
        let prefix = author.map_or(&[][..], |author| author.as_bytes());
        let start = Bound::Included([prefix, &self.low].concat());
        match &self.high {
            Some(high) => KeyRange { start, end: Bound::Excluded([prefix, high].concat()) },
            None => KeyRange { start, ..KeyRange::prefix(prefix) },
        }
    }
}

impl Service {
    /// One page of the timeline.
    ///
    /// # Errors
    /// Usage for a cursor that is none; not found for an unknown person; refused above a limit.
    ///
    /// # Cost
    /// One run of records as long as the page, wherever it begins; a search reads until the page is full.
    pub fn timeline(&self, query: &TimelineQuery) -> Said<view::Page> {
        let mut reading = self.begin_timeline(query)?;
        while !reading.is_done() {
            self.read_on(&mut reading)?;
        }
        Ok(reading.into_page())
    }

    /// A page of the timeline, of which nothing is read yet.
    ///
    /// # Errors
    /// As [`Service::timeline`].
    pub fn begin_timeline(&self, query: &TimelineQuery) -> Said<Reading> {
        let mut reading = Reading::new(query.limit)?.looking_at(query.look);
        if let Some(word) = query.from.as_deref() {
            reading = reading.of(self.author_named(word)?);
        }
        if let Some(since) = query.since {
            reading = reading.since(since);
        }
        if let Some(until) = query.until {
            reading = reading.until(until);
        }
        if let Some(before) = &query.before {
            reading = reading.before(cursor(before)?);
        }
        reading.words = query.search.as_deref().map(Words::parse).transpose()?;
        Ok(reading)
    }

    pub(super) fn author_named(&self, word: &str) -> Said<UserId> {
        if word == "me" { Ok(self.me()) } else { Ok(self.named(word)?.user) }
    }

    /// One step: looks at no more than [`READ_RUN_LIMIT`] posts.
    ///
    /// # Errors
    /// Failed if the store cannot be read.
    pub fn read_on(&self, reading: &mut Reading) -> Said<()> {
        let mut names = BTreeMap::new();
        reading.looked_at = 0;
        while !reading.is_done() && reading.looked_at < READ_RUN_LIMIT {
            self.read_run(reading, &mut names)?;
        }
        Ok(())
    }

    fn read_run(&self, reading: &mut Reading, names: &mut BTreeMap<UserId, Found>) -> Result<(), StoreError> {
        let indexed = reading.author.filter(|_| self.index.is_whole);
        // One more than fits tells whether there is a page behind this one.
        let wanted = reading.limit.saturating_sub(reading.moments.len()).saturating_add(1);
        let is_sieve = reading.words.is_some() || (reading.author.is_some() && indexed.is_none());
        let wanted = if is_sieve { wanted.max(SEARCH_RUN) } else { wanted };
        let wanted = wanted.min(READ_RUN_LIMIT.saturating_sub(reading.looked_at));
        let wanted = wanted.min(reading.look_left.unwrap_or(usize::MAX));
        let tree = if indexed.is_some() { Tree::ByAuthor } else { Tree::Timeline };
        let run = self.tx.range(tree, reading.range(indexed.as_ref()), Direction::Backward, wanted)?;
        let is_last = run.len() < wanted;
        reading.look_left = reading.look_left.map(|left| left.saturating_sub(run.len()));
        for (key, value) in run {
            if reading.is_full() {
                reading.state = State::Full;
                return Ok(());
            }
            reading.looked_at = reading.looked_at.saturating_add(1);
            let (key, value) = match indexed {
                None => (key, Some(value)),
                Some(_) => {
                    let key = timeline_part(&key).unwrap_or_default().to_vec();
                    let value = self.tx.get(Tree::Timeline, &key)?;
                    (key, value)
                }
            };
            if let Some(value) = value
                && let Some(moment) = self.judged_post(&key, &value, reading, names)?
            {
                reading.moments.push(moment);
                reading.last = Some(key.clone());
            }
            reading.high = Some(key);
        }
        if is_last {
            reading.state = State::End;
        } else if reading.look_left == Some(0) {
            reading.state = State::Resting;
        }
        Ok(())
    }

    /// A post as a moment, if it is one that is looked for and shown.
    fn judged_post(
        &self,
        key: &[u8],
        value: &[u8],
        reading: &Reading,
        names: &mut BTreeMap<UserId, Found>,
    ) -> Result<Option<view::Moment>, StoreError> {
        let Some(author) = self.author_in(value) else { return Ok(None) };
        if reading.author.is_some_and(|wanted| wanted != author) || !self.is_time_shown(&author, key) {
            return Ok(None);
        }
        // Whether its author and its time are shown was asked above, of the same author and the same time.
        let Some(opened) = self.opened(key, value)? else {
            return Ok(None);
        };
        if let Some(words) = &reading.words {
            let in_name = *names.entry(author).or_insert_with(|| words.in_name(&self.person(&author).name));
            if !words.are_in(&opened.post, in_name) {
                return Ok(None);
            }
        }
        self.moment_view(&opened).map(Some)
    }
}

#[cfg(test)]
mod tests;
