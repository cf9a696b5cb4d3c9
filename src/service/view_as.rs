//! My moments as a friend sees them: "view as Bob".
//!
//! Which they may read is asked of the same functions that seal and serve ([`Service::may_read`]), so that what is shown
//! here is what their node can show. Beneath a moment stand what I said and what they said: whether they see others'
//! words hangs on whom they are friends with, which nobody but they knows.
//!
//! Source: docs/protocol.md 3.5, 3.10, 3.11.

use super::Service;
use super::timeline::within_page;
use crate::ask::TimelineQuery;
use crate::error::Result;
use crate::id::{UserId, hex};
use crate::limits::TIMELINE_DEFAULT;
use crate::store::layout::timeline_key;
use crate::view;

/// How many moments are read at once while a page is filled.
const RUN: usize = 64;

impl Service {
    /// One page of my moments as the friend `word` sees them.
    ///
    /// # Errors
    /// As [`Service::timeline`]; not found for an unknown friend.
    pub fn timeline_as(&self, word: &str, query: &TimelineQuery) -> Result<view::Page> {
        let friend = self.named(word)?.user;
        let limit = if query.limit == 0 { TIMELINE_DEFAULT } else { query.limit };
        within_page(limit)?;
        let mut run = TimelineQuery { limit: RUN, from: Some("me".to_owned()), look: 0, ..query.clone() };
        let mut moments: Vec<view::Moment> = Vec::new();
        loop {
            let page = self.timeline(&run)?;
            for moment in page.moments {
                if !self.sees(&friend, &moment)? {
                    continue;
                }
                if moments.len() == limit {
                    let next = moments.last().map(|last| hex(&timeline_key(last.created_at, &last.id)));
                    return Ok(view::Page { moments, next, reached: None });
                }
                moments.push(self.as_seen_by(&friend, moment));
            }
            match page.next {
                Some(next) => run.before = Some(next),
                None => return Ok(view::Page { moments, next: None, reached: None }),
            }
        }
    }

    /// Whether a friend's node shows a moment of mine: they may read it, and it lies inside my window.
    fn sees(&self, friend: &UserId, moment: &view::Moment) -> Result<bool> {
        let days = self.state.me.window_days;
        let in_window = days == 0
            || self.now.since(moment.created_at) <= u64::from(days).saturating_mul(crate::time::DAY_MS);
        Ok(in_window && self.is_reader(friend, &moment.id)?)
    }

    /// A moment of mine with what a friend surely sees of it.
    fn as_seen_by(&self, friend: &UserId, mut moment: view::Moment) -> view::Moment {
        let me = self.me();
        let is_seen = |who: &UserId| *who == me || who == friend;
        moment.author.me = false;
        moment.liked_by_me = moment.likes.iter().any(|person| person.id == *friend);
        moment.likes.retain(|person| is_seen(&person.id));
        moment.comments.retain(|comment| is_seen(&comment.author.id));
        moment.mentions.retain(|person| person.id == *friend);
        (moment.audience, moment.delivery) = (None, None);
        (moment.pinned, moment.faved, moment.muted) = (false, false, false);
        moment
    }
}
