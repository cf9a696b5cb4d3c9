//! Turns: who has more friends about than a node may have connections.
//!
//! A few connections are left free, so that whoever comes finds room. When they are taken as well, those who have been
//! connected the longest give way, some each minute: they are told that it is the turn of others, and either side waits
//! a while before it dials the other again. So everybody has their turn, however many they are; with fewer friends than
//! that about, nobody ever gives way. A connection on which nobody says who they are gives way before a friend does.
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

/// Of these connections, since when they are there, so many that give way now: the oldest first, none that has just
/// come.
fn giving_way<T>(mut there: Vec<(Timestamp, T)>, too_many: usize, now: Timestamp) -> Vec<T> {
    there.retain(|(since, _)| now.since(*since) >= TURN_MIN_MS);
    there.sort_by_key(|(since, _)| *since);
    there.into_iter().take(too_many).map(|(_, conn)| conn).collect()
}

impl Service {
    /// Turns are taken as if there were room for so many connections, and not for [`CONNECTION_LIMIT`]: for simulations of
    /// small devices. The shell's own bound is another matter.
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
        // All of them take a place, whether they are busy or have never said who they are.
        let all = self.net.conns.values().filter(|state| !state.rests).count();
        let too_many = all.saturating_sub(lasting(most));
        if too_many == 0 {
            return Ok(());
        }
        let mute: Vec<(Timestamp, ConnId)> = self
            .net
            .conns
            .iter()
            .filter(|(conn, state)| state.friend.is_none() && !self.is_pairing_on(**conn))
            .map(|(conn, state)| (state.since, *conn))
            .collect();
        let mute = giving_way(mute, too_many, self.now);
        let too_many = too_many.saturating_sub(mute.len());
        for conn in mute {
            self.order(Order::Hangup { conn });
        }
        let there: Vec<(Timestamp, (ConnId, StreamId))> = self
            .sessions()
            // What is under way comes to its end first.
            .filter(|(conn, ..)| !self.wants.is_busy(*conn))
            .filter_map(|(conn, stream, _)| Some((self.net.conns.get(&conn)?.since, (conn, stream))))
            .collect();
        for (conn, stream) in giving_way(there, too_many, self.now) {
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
        // Not all who gave way together come back together, and none of them tries more often than who waits.
        let at = self.now.plus_ms(TURN_REST_MS.saturating_add(self.entropy.below(TURN_REST_MS)));
        self.timers.dial_rarely(user, at);
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
    fn the_oldest_give_way_and_as_many_as_are_too_many() {
        let now = Timestamp::from_millis(10 * TURN_MIN_MS);
        let there = |n: usize| -> Vec<(Timestamp, usize)> {
            (0..n).map(|at| (Timestamp::from_millis((n - at) as u64), at)).collect()
        };
        assert!(giving_way(there(3), 0, now).is_empty());
        assert_eq!(giving_way(there(3), 1, now), [2]);
        assert_eq!(giving_way(there(3), 2, now), [2, 1]);
        assert_eq!(giving_way(there(3), 9, now), [2, 1, 0]);
    }

    #[test]
    fn who_has_just_come_stays() {
        let now = Timestamp::from_millis(10 * TURN_MIN_MS);
        let since = |ms| Timestamp::from_millis(now.as_millis() - ms);
        let there = vec![(since(TURN_MIN_MS - 1), 1), (since(TURN_MIN_MS), 2), (since(0), 3)];
        assert_eq!(giving_way(there, 3, now), [2]);
    }
}
