//! Turns: who has more friends about than a node may have connections.
//!
//! A few connections are left free, so that whoever comes finds room. When they are taken as well, those who have been
//! connected the longest give way, some each minute: they are told that it is the turn of others, and either side waits
//! a while before it dials the other again. So everybody has their turn, however many they are; with fewer friends than
//! that about, nobody ever gives way.
//!
//! ```text
//!   |<------------- most ------------->|
//!   | stay as long as they like | free |     one more than stay: after a minute the oldest gives way
//! ```
//!
//! It does not ask who waits: those who are refused by the network are not known here.
//!
//! Source: docs/protocol.md 3.18 (connections), 3.7 (`Bye`).

use super::Service;
use crate::id::UserId;
use crate::limits::{CONNECTION_LIMIT, TURN_MIN_MS, TURN_PLACES, TURN_REST_MS};
use crate::link::{ConnId, Order, StreamId};
use crate::store::StoreError;
use crate::sync::ByeReason;
use crate::time::Timestamp;

/// How many of so many connections friends have for as long as they like.
const fn lasting(most: usize) -> usize {
    let quarter = most.div_ceil(4);
    most.saturating_sub(if quarter < TURN_PLACES { quarter } else { TURN_PLACES })
}

/// Of these connections, since when they are there, those that give way now: what is too many, the oldest first, none
/// that has just come.
fn giving_way<T>(mut there: Vec<(Timestamp, T)>, most: usize, now: Timestamp) -> Vec<T> {
    let too_many = there.len().saturating_sub(lasting(most));
    there.retain(|(since, _)| now.since(*since) >= TURN_MIN_MS);
    there.sort_by_key(|(since, _)| *since);
    there.into_iter().take(too_many).map(|(_, conn)| conn).collect()
}

impl Service {
    /// The device has room for fewer connections than a node may have. What it is told of them stays with the shell.
    pub fn limit_connections(&mut self, most: usize) {
        self.net.fewer = Some(most);
    }

    /// Lets others have their turn, if there are too many.
    pub(super) fn take_turns(&mut self) -> Result<(), StoreError> {
        // Who was told a minute ago and is still there.
        let told = self.net.conns.iter().filter(|(_, state)| state.rests);
        for conn in told.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.order(Order::Hangup { conn });
        }
        let most = self.net.fewer.unwrap_or(CONNECTION_LIMIT);
        if self.net.conns.len() <= lasting(most) {
            return Ok(());
        }
        let there: Vec<(Timestamp, (ConnId, StreamId))> = self
            .sessions()
            // What is under way comes to its end first.
            .filter(|(conn, ..)| !self.wants.is_busy(*conn))
            .filter_map(|(conn, stream, _)| Some((self.net.conns.get(&conn)?.since, (conn, stream))))
            .collect();
        for (conn, stream) in giving_way(there, most, self.now) {
            self.net.rests(conn);
            if let Some(session) = self.session_mut(stream) {
                session.close(ByeReason::Turn);
            }
            self.pump(stream)?;
        }
        Ok(())
    }

    /// A friend's turn, or ours with them, is over.
    pub(super) fn dial_after_turn(&mut self, user: &UserId) {
        self.timers.dial_at(user, self.now.plus_ms(TURN_REST_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_places_are_left_free_and_never_all() {
        assert_eq!(lasting(CONNECTION_LIMIT), CONNECTION_LIMIT - TURN_PLACES);
        assert_eq!([0, 1, 4, 6, 8].map(lasting), [0, 0, 3, 4, 6]);
    }

    #[test]
    fn the_oldest_give_way_to_as_many_as_are_too_many_and_none_at_the_limit() {
        let now = Timestamp::from_millis(10 * TURN_MIN_MS);
        let there = |n: usize| -> Vec<(Timestamp, usize)> {
            (0..n).map(|at| (Timestamp::from_millis((n - at) as u64), at)).collect()
        };
        let stay = lasting(CONNECTION_LIMIT);
        assert!(giving_way(there(stay), CONNECTION_LIMIT, now).is_empty());
        assert_eq!(giving_way(there(stay + 1), CONNECTION_LIMIT, now), [stay]);
        let all = giving_way(there(CONNECTION_LIMIT), CONNECTION_LIMIT, now);
        assert_eq!((all.len(), all.first()), (TURN_PLACES, Some(&(CONNECTION_LIMIT - 1))));
    }

    #[test]
    fn who_has_just_come_stays() {
        let now = Timestamp::from_millis(10 * TURN_MIN_MS);
        let since = |ms| Timestamp::from_millis(now.as_millis() - ms);
        let there = vec![(since(TURN_MIN_MS - 1), 1), (since(TURN_MIN_MS), 2), (since(0), 3)];
        assert_eq!(giving_way(there, 1, now), [2]);
    }
}
