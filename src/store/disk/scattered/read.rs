//! Reading a scattered tree: one record, or a range, put together from all places where its records lie.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::filter::Looks;
use super::rows::{self, block_key, blocks_of, least_of};
use super::{Entry, Scattered, State};
use crate::store::{Damage, Direction, KeyRange, Page, StoreError};

/// Entries read at least from each place before the page is put together: about a block.
const AT_LEAST: usize = 32;

/// What one place holds of a range.
#[derive(Debug, Default)]
struct Part {
    entries: Vec<Entry>,
    damaged: Vec<Damage>,
    /// How far it was read, if not to the end of the range.
    until: Option<Vec<u8>>,
}

impl Scattered {
    /// Whether anything lies in the plain tree; what lies there is the newest.
    pub(in crate::store::disk) fn is_plain_used(&self) -> Result<bool, StoreError> {
        Ok(self.read()?.is_plain_used)
    }

    /// The record under a key, if it is not in the plain tree.
    pub(in crate::store::disk) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.read()?;
        if let Some(value) = state.fresh.get(key) {
            return Ok(value.clone());
        }
        let looks = Looks::of(key);
        for (number, _) in state.runs.iter().rev().filter(|(_, run)| run.filter.may_hold(looks)) {
            let Some((_, row)) = self.block(*number, key)? else { continue };
            for entry in rows::unpack(&row) {
                match entry {
                    Some((found, value)) if found == key => return Ok(value.map(<[u8]>::to_vec)),
                    Some(_) => {}
                    None => return Err(self.damage(key, "a block of it does not decode").into()),
                }
            }
        }
        Ok(None)
    }

    /// A page of a range. `plain` reads as many records as it is told from the plain tree; it is asked only if there is
    /// something in it.
    pub(in crate::store::disk) fn scan(
        &self,
        range: KeyRange,
        direction: Direction,
        limit: usize,
        plain: impl FnOnce(usize) -> Result<Page, StoreError>,
    ) -> Result<Page, StoreError> {
        let state = self.read()?;
        let places = state.runs.len().saturating_add(2);
        let share = limit.checked_div(places).unwrap_or(limit).saturating_add(AT_LEAST);
        let mut found: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        let mut page = Page::default();
        if range.start == Bound::Unbounded {
            page.damaged.clone_from(&state.damaged);
        }
        let mut until: Option<Vec<u8>> = None;
        // The oldest first: what is newer takes its place.
        let runs = state.runs.keys().map(|run| self.run_part(*run, &range, direction, share));
        let fresh = std::iter::once_with(|| Ok(fresh_part(&state, &range, direction, share)));
        let plain = std::iter::once_with(|| match state.is_plain_used {
            true => plain(share).map(|page| plain_part(page, direction)),
            false => Ok(Part::default()),
        });
        for part in runs.chain(fresh).chain(plain) {
            let part = part?;
            found.extend(part.entries);
            page.damaged.extend(part.damaged);
            until = match (until, part.until) {
                (Some(one), Some(other)) => Some(match direction {
                    Direction::Forward => one.min(other),
                    Direction::Backward => one.max(other),
                }),
                (one, other) => one.or(other),
            };
        }
        drop(state);
        // Behind this some place was not read.
        let is_read = |key: &Vec<u8>| match (&until, direction) {
            (None, _) => true,
            (Some(until), Direction::Forward) => key <= until,
            (Some(until), Direction::Backward) => key >= until,
        };
        let mut found: Vec<Entry> = found.into_iter().filter(|(key, _)| is_read(key)).collect();
        if direction == Direction::Backward {
            found.reverse();
        }
        let mut records = found.into_iter().filter_map(|(key, value)| Some((key, value?)));
        page.records = records.by_ref().take(limit).collect();
        page.next = match (records.next(), page.records.last(), until) {
            (Some(_), Some((last, _)), _) => Some(range.rest(last, direction)),
            (Some(_), None, _) => Some(range),
            (None, _, until) => until.map(|until| range.rest(&until, direction)),
        };
        Ok(page)
    }

    fn run_part(
        &self,
        run: u32,
        range: &KeyRange,
        direction: Direction,
        share: usize,
    ) -> Result<Part, StoreError> {
        let all = KeyRange::prefix(blocks_of(run));
        let mut part = Part::default();
        // The block in which the range begins has a least key below it.
        let first = match &range.start {
            Bound::Unbounded => None,
            Bound::Included(key) | Bound::Excluded(key) => self.block(run, key)?.map(|(key, _)| key.to_vec()),
        };
        let start = first.map_or(all.start, Bound::Included);
        let end = match &range.end {
            Bound::Unbounded => all.end,
            Bound::Included(key) | Bound::Excluded(key) => Bound::Included(block_key(run, key)),
        };
        let mut blocks = self.rows.range::<Vec<u8>, _>((start, end));
        loop {
            let block = match direction {
                Direction::Forward => blocks.next(),
                Direction::Backward => blocks.next_back(),
            };
            let Some(block) = block else { return Ok(part) };
            let (key, row) = block.map_err(|e| self.failed(e))?;
            if part.entries.len() >= share {
                part.until = match direction {
                    Direction::Forward => part.entries.last().map(|(key, _)| key.clone()),
                    Direction::Backward => part.entries.first().map(|(key, _)| key.clone()),
                };
                return Ok(part);
            }
            let Some(entries) = rows::unpack_all(&row) else {
                part.damaged.push(self.damage(least_of(&key), "a block of it does not decode"));
                continue;
            };
            let entries = entries.into_iter().filter(|(key, _)| holds(range, key));
            match direction {
                Direction::Forward => part.entries.extend(entries),
                Direction::Backward => drop(part.entries.splice(0..0, entries)),
            }
        }
    }
}

fn fresh_part(state: &State, range: &KeyRange, direction: Direction, share: usize) -> Part {
    let bounds = (range.start.as_ref().map(Vec::as_slice), range.end.as_ref().map(Vec::as_slice));
    let found = state.fresh.range::<[u8], _>(bounds);
    let take = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| (key.clone(), value.clone());
    let mut entries: Vec<Entry> = match direction {
        Direction::Forward => found.take(share.saturating_add(1)).map(take).collect(),
        Direction::Backward => found.rev().take(share.saturating_add(1)).map(take).collect(),
    };
    let until = if entries.len() > share {
        entries.pop();
        entries.last().map(|(key, _)| key.clone())
    } else {
        None
    };
    Part { entries, damaged: Vec::new(), until }
}

fn plain_part(page: Page, direction: Direction) -> Part {
    let bound = page.next.map(|next| match direction {
        Direction::Forward => next.start,
        Direction::Backward => next.end,
    });
    let until = match bound {
        Some(Bound::Included(key) | Bound::Excluded(key)) => Some(key),
        Some(Bound::Unbounded) | None => None,
    };
    let entries = page.records.into_iter().map(|(key, value)| (key, Some(value))).collect();
    Part { entries, damaged: page.damaged, until }
}

fn holds(range: &KeyRange, key: &[u8]) -> bool {
    let is_behind_start = match &range.start {
        Bound::Included(start) => key >= start.as_slice(),
        Bound::Excluded(start) => key > start.as_slice(),
        Bound::Unbounded => true,
    };
    is_behind_start
        && match &range.end {
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Unbounded => true,
        }
}
