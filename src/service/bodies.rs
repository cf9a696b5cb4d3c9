//! Bodies that are not here: of entries whose header came from somebody who keeps or serves no more of them.
//!
//! A member outside whose author's window a post lies, or from whom it was taken back, answers with the header alone. The
//! entry is known by that, so it is asked for no more by itself; here its body is asked of others who have matched the
//! epoch, of each at most once a day. So nobody can keep a moment from others by being asked first.
//!
//! What was taken back from me is not asked for. Nor is it remembered who was asked beyond this run.
//!
//! Two nodes that meet come to rest in a hundred epochs at once. To look at all of them would take longer than everything
//! else about the meeting, and nearly always finds nothing: so where more than a few are due they wait a moment, and are
//! looked at a few at a time, while what differs between the two goes on its way.
//!
//! An epoch comes to rest anew with every entry that is pushed. So it is remembered which were found to have all their bodies,
//! until a header comes without one, an entry goes or a step is forgotten: what is said live is then not held up by reading what
//! was said before. Where one of the newest is here without its body, that is read each time, as ever.
//!
//! # Cost
//! At most [`BODY_LOOK_LIMIT`] records of an epoch are looked at when it comes to rest with somebody, in
//! [`BODY_LOOK_EPOCHS_LIMIT`] epochs a step; 16 bytes for each epoch that has all.
//!
//! Source: docs/protocol.md 3.7 (Gone), 3.10 (window), 3.15 (changed audiences).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Service;
use super::receive::Lying;
use crate::id::{EpochId, UserId};
use crate::limits::{BODY_LOOK_EPOCHS_LIMIT, BODY_LOOK_LIMIT, BODY_LOOK_PAUSE_MS};
use crate::link::StreamId;
use crate::moment::Class;
use crate::store::layout::split_log_key;
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::sync::IntervalSet;
use crate::time::{Day, Timestamp};

/// What was asked of whom today.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    due: BTreeSet<EpochId>,
    /// The one that was looked at last: the next come behind it, or low ids, which can be sought, would always be first.
    last: Option<EpochId>,
    /// When those go on that were too many for one step.
    next: Option<Timestamp>,
    /// Those in which no body was missing when they were looked at, and nothing has changed since that could make one so.
    whole: BTreeSet<EpochId>,
    day: Option<Day>,
    asked: BTreeMap<(UserId, EpochId), BTreeSet<u64>>,
}

impl Bodies {
    /// An epoch is to be looked at when the step ends, or soon.
    fn look(&mut self, epoch: EpochId) {
        self.due.insert(epoch);
    }

    /// Something has changed in an epoch that a look at it may find.
    pub(super) fn changed(&mut self, epoch: &EpochId) {
        self.whole.remove(epoch);
    }

    /// A step was forgotten, and what was seen in it may not be so.
    pub(super) fn undone(&mut self) {
        self.whole.clear();
    }

    /// Nothing was missing in an epoch, of so many that there are.
    fn found_whole(&mut self, epoch: EpochId, epochs: usize) {
        // Some that are no more may be among them.
        if self.whole.len() >= epochs {
            self.whole.clear();
        }
        self.whole.insert(epoch);
    }

    /// The epochs whose turn it is. Whatever is left has its turn later.
    fn turn(&mut self, now: Timestamp) -> Vec<EpochId> {
        if self.next.is_none() && self.due.len() > BODY_LOOK_EPOCHS_LIMIT {
            self.next = Some(now.plus_ms(BODY_LOOK_PAUSE_MS));
        }
        // A wait that is too long was set before the clock went back.
        if self.next.is_some_and(|at| at > now && at.since(now) <= BODY_LOOK_PAUSE_MS) {
            return Vec::new();
        }
        let mut turn = Vec::new();
        while turn.len() < BODY_LOOK_EPOCHS_LIMIT
            && let Some(epoch) = self.next_due()
        {
            self.due.remove(&epoch);
            self.last = Some(epoch);
            turn.push(epoch);
        }
        self.next = (!self.due.is_empty()).then(|| now.plus_ms(BODY_LOOK_PAUSE_MS));
        turn
    }

    fn next_due(&self) -> Option<EpochId> {
        let behind = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        self.due.range((behind, Bound::Unbounded)).next().or_else(|| self.due.first()).copied()
    }

    /// Of these numbers, those that this peer was not asked for today; they count as asked from now on.
    fn unasked(&mut self, peer: UserId, epoch: EpochId, seqs: &[u64], today: Day) -> IntervalSet {
        if self.day != Some(today) {
            self.day = Some(today);
            self.asked.clear();
        }
        let asked = self.asked.entry((peer, epoch)).or_default();
        let mut new = IntervalSet::new();
        for seq in seqs {
            // A day's worth, whatever comes meanwhile.
            if asked.len() < BODY_LOOK_LIMIT && asked.insert(*seq) {
                new.insert(*seq);
            }
        }
        new
    }
}

impl Service {
    /// A friend lets others read further back than before: what was out of reach is asked for anew.
    pub(super) fn window_told(&mut self, author: &UserId, days: u32) {
        let before = self.state.friends.get(author).map_or(0, |friend| friend.window_days);
        if before != 0 && (days == 0 || days > before) {
            let theirs = self.state.epochs.values().filter(|epoch| epoch.author == *author);
            let epochs: Vec<EpochId> = theirs.map(|epoch| epoch.id).collect();
            for epoch in epochs {
                self.bodies.asked.retain(|(_, of), _| *of != epoch);
                self.look_for_bodies(epoch);
            }
        }
    }

    /// An epoch has come to rest with somebody, or a header came: bodies that are not here may be had now.
    pub(super) fn look_for_bodies(&mut self, epoch: EpochId) {
        if !self.bodies.whole.contains(&epoch) && self.may_lack_bodies(&epoch) {
            self.bodies.look(epoch);
        }
    }

    /// When the next epochs are looked at for bodies.
    pub(super) const fn bodies_wakeup(&self) -> Option<Timestamp> {
        self.bodies.next
    }

    /// Asks for bodies in the epochs that were touched, a few in a step.
    pub(super) fn ask_bodies(&mut self) -> Result<(), StoreError> {
        for epoch in self.bodies.turn(self.now) {
            let missing = self.bodiless(&epoch)?;
            if missing.is_empty() {
                continue;
            }
            let matched: Vec<(StreamId, UserId)> = self
                .sessions()
                .filter(|(_, stream, _)| self.is_matched(*stream, &epoch))
                .map(|(_, stream, user)| (stream, user))
                .collect();
            for (stream, user) in matched {
                let new = self.bodies.unasked(user, epoch, &missing, self.now.day());
                if new.is_empty() {
                    continue;
                }
                if let Some(session) = self.session_mut(stream) {
                    session.ask(&epoch, &new);
                }
                self.pump(stream)?;
            }
        }
        Ok(())
    }

    /// Whether it is an epoch of another's moments that I could read.
    fn may_lack_bodies(&self, epoch: &EpochId) -> bool {
        self.state.epochs.get(epoch).is_some_and(|record| {
            record.own.is_none() && record.class == Class::Posts && record.secret.is_some()
        })
    }

    /// The numbers of entries of another's moments of which only the header is here, though they could be read.
    fn bodiless(&mut self, epoch: &EpochId) -> Result<Vec<u64>, StoreError> {
        if !self.may_lack_bodies(epoch) {
            return Ok(Vec::new());
        }
        let range = KeyRange::prefix(epoch.as_bytes());
        let newest = self.tx.range(Tree::Log, range, Direction::Backward, BODY_LOOK_LIMIT)?;
        let (mut missing, mut is_whole) = (Vec::new(), true);
        for (key, value) in &newest {
            let Some((_, seq, id)) = split_log_key(key) else { continue };
            if matches!(Lying::decode(key, value)?, Lying::Header(_)) {
                // One that was taken back is missing once it is given back: the author says so, not the entry.
                is_whole = false;
                if !self.is_recalled(epoch, &id) {
                    missing.push(seq);
                }
            }
        }
        if is_whole {
            self.bodies.found_whole(*epoch, self.state.epochs.len());
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::HEADER_LEN;
    use crate::mail::{EntryRef, Recall};
    use crate::moment::{Body, Post, PrivatePart, PublicPart, PublicValues};
    use crate::service::testing::{Author, BEGIN, Rig};

    fn is_due(rig: &mut Rig, author: &Author) -> bool {
        rig.service.look_for_bodies(author.epoch);
        let is_due = rig.service.bodies.due.contains(&author.epoch);
        rig.commit();
        is_due
    }

    /// The header of something new, without its body.
    fn take_header(rig: &mut Rig, author: &mut Author) {
        let values = PublicValues { text: "far away".to_owned(), ..PublicValues::default() };
        let public = PublicPart::new(&values).expect("within the limits");
        let body = Body::Post(Box::new(Post { public, private: PrivatePart::default() }));
        let (_, header, _) = author.write(BEGIN, body, &mut rig.entropy);
        let header = <[u8; HEADER_LEN]>::try_from(header).expect("a header");
        rig.service.take_header(&header).expect("memory");
    }

    #[test]
    fn an_epoch_that_has_all_is_looked_at_again_when_a_header_comes_or_an_entry_goes() {
        let mut rig = Rig::new();
        let mut bob = rig.befriend("Bob");
        rig.take(&mut bob, BEGIN, "one");
        assert!(is_due(&mut rig, &bob), "nothing is known yet");
        assert!(!is_due(&mut rig, &bob), "it has all");
        let two = rig.take(&mut bob, BEGIN, "two");
        assert!(!is_due(&mut rig, &bob), "what comes whole makes nothing missing");

        let lying = rig.service.lying(&bob.epoch, bob.next - 1, &two).expect("memory").expect("it is here");
        rig.service.drop_lying(&bob.epoch, bob.next - 1, &two, &lying).expect("memory");
        rig.commit();
        assert!(is_due(&mut rig, &bob), "an older one is among the newest");
        assert!(!is_due(&mut rig, &bob));

        take_header(&mut rig, &mut bob);
        assert!(rig.service.bodies.due.contains(&bob.epoch), "a body is missing, and that at once");
        rig.commit();
        assert!(is_due(&mut rig, &bob), "and is still");
        assert_eq!(rig.service.bodiless(&bob.epoch).expect("memory"), [bob.next - 1]);
    }

    #[test]
    fn what_was_taken_back_is_looked_for_once_it_is_given_back() {
        let mut rig = Rig::new();
        let mut bob = rig.befriend("Bob");
        let entry = rig.take(&mut bob, BEGIN, "one");
        let post = EntryRef { epoch: bob.epoch, seq: bob.next - 1, entry };
        let missing = |rig: &mut Rig| rig.service.bodiless(&bob.epoch).expect("memory");
        for (version, is_shown, wanted) in [(1, false, vec![]), (2, true, vec![post.seq])] {
            rig.service.take_recall(&bob.user, &Recall { post, version, is_shown }).expect("memory");
            rig.commit();
            assert_eq!(missing(&mut rig), wanted);
            rig.service.look_for_bodies(bob.epoch);
            assert!(rig.service.bodies.due.contains(&bob.epoch), "shown: {is_shown}");
            rig.commit();
        }
    }

    #[test]
    fn what_was_seen_in_a_step_that_is_forgotten_is_looked_at_again() {
        let mut rig = Rig::new();
        let mut bob = rig.befriend("Bob");
        rig.take(&mut bob, BEGIN, "one");
        assert!(is_due(&mut rig, &bob) && !is_due(&mut rig, &bob));
        rig.service.abandon().expect("memory");
        assert!(is_due(&mut rig, &bob));
    }

    #[test]
    fn of_epochs_that_have_all_no_more_are_remembered_than_there_are() {
        let epoch = |n: u8| EpochId::from_bytes([n; 16]);
        let mut bodies = Bodies::default();
        (0..9).for_each(|n| bodies.found_whole(epoch(n), 4));
        assert!(bodies.whole.len() <= 4 && bodies.whole.contains(&epoch(8)));
    }

    #[test]
    fn a_few_epochs_are_looked_at_at_once_and_many_wait_and_come_a_few_at_a_time() {
        let epoch = |n: usize| EpochId::from_bytes([u8::try_from(n).expect("small"); 16]);
        let (mut bodies, now) = (Bodies::default(), Timestamp::from_millis(1_000));
        (0..BODY_LOOK_EPOCHS_LIMIT).for_each(|n| bodies.look(epoch(n)));
        assert_eq!(bodies.turn(now).len(), BODY_LOOK_EPOCHS_LIMIT);
        assert_eq!((bodies.next, bodies.turn(now).len()), (None, 0));
        let many = 2 * BODY_LOOK_EPOCHS_LIMIT + 1;
        (0..many).for_each(|n| bodies.look(epoch(n)));
        assert_eq!(bodies.turn(now).len(), 0, "all wait");
        let (mut at, mut looked) = (now, Vec::new());
        while let Some(next) = bodies.next {
            assert_eq!(bodies.turn(at).len(), 0, "not before its time");
            assert!(next > at && next.since(at) <= BODY_LOOK_PAUSE_MS);
            at = next;
            let turn = bodies.turn(at);
            assert!(!turn.is_empty() && turn.len() <= BODY_LOOK_EPOCHS_LIMIT);
            looked.extend(turn);
        }
        let behind = (BODY_LOOK_EPOCHS_LIMIT..many).chain(0..BODY_LOOK_EPOCHS_LIMIT);
        assert_eq!(looked, behind.map(epoch).collect::<Vec<_>>());
    }

    #[test]
    fn epochs_that_are_always_due_keep_no_other_from_its_turn() {
        let epoch = |n: usize| EpochId::from_bytes([u8::try_from(n).expect("small"); 16]);
        let (mut bodies, mut at, last) = (Bodies::default(), Timestamp::from_millis(1_000), epoch(200));
        bodies.look(last);
        for _ in 0..4 {
            (0..2 * BODY_LOOK_EPOCHS_LIMIT).for_each(|n| bodies.look(epoch(n)));
            if bodies.turn(at).contains(&last) {
                return;
            }
            at = bodies.next.expect("more wait");
        }
        panic!("it never had its turn");
    }

    #[test]
    fn a_peer_is_asked_for_a_body_once_a_day_and_for_so_many_at_most() {
        let mut bodies = Bodies::default();
        let (peer, epoch) = (UserId::from_bytes([1; 32]), EpochId::from_bytes([2; 16]));
        assert_eq!(bodies.unasked(peer, epoch, &[4, 5], Day(1)).count(), 2);
        assert_eq!(bodies.unasked(peer, epoch, &[4, 5], Day(1)).count(), 0);
        let more: Vec<u64> = (6..6 + BODY_LOOK_LIMIT as u64).collect();
        assert_eq!(bodies.unasked(peer, epoch, &more, Day(1)).count(), BODY_LOOK_LIMIT as u64 - 2);
        assert_eq!(bodies.unasked(peer, epoch, &[4], Day(2)).count(), 1);
    }
}
