//! Attempts at sharing a moment: one whose answer was lost is made again, and nothing is shared twice.
//!
//! An application gives each attempt a word of its own. What came of it is kept for a day, written in the same batch as the
//! moment: either both stand or neither does, whatever crashes. The same attempt again is answered with the same moment.
//!
//! ```text
//! State tree, key 'j' ‖ attempt 32
//!   at ms 8 ‖ says 32 ‖ entry 32
//! ```
//!
//! What it does not do: it understands neither the word nor what was asked. It compares hashes.
//!
//! Invariants: never more than [`ATTEMPT_LIMIT`] are kept, the newest; none counts longer than [`ATTEMPT_KEPT_MS`].

use super::Service;
use crate::ask::Attempt;
use crate::error::{Error, Result};
use crate::id::EntryId;
use crate::limits::{ATTEMPT_KEPT_MS, ATTEMPT_LIMIT};
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttemptRecord {
    at: Timestamp,
    says: [u8; 32],
    entry: EntryId,
}

impl Encode for AttemptRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.at.as_millis()).raw(&self.says).value(&self.entry);
    }
}

impl Decode for AttemptRecord {
    fn decode_from(input: &mut Reader<'_>) -> std::result::Result<Self, DecodeError> {
        Ok(Self { at: Timestamp::from_millis(input.u64()?), says: input.array()?, entry: input.value()? })
    }
}

impl AttemptRecord {
    fn is_old(&self, now: Timestamp) -> bool {
        self.at.plus_ms(ATTEMPT_KEPT_MS) <= now
    }
}

impl Service {
    /// The moment that an earlier go of this attempt shared; none if there was none. The answer may be given once a barrier
    /// has passed: nobody heard the first one, and what it stood for may not be on the disk yet.
    ///
    /// # Errors
    /// Usage if it asked for something else then; refused if the moment was withdrawn or has expired since.
    pub fn attempted(&mut self, attempt: &Attempt) -> Result<Option<view::Moment>> {
        let found = self.state.attempts.get(&attempt.id).filter(|record| !record.is_old(self.now));
        let Some(record) = found else { return Ok(None) };
        if record.says != attempt.says {
            return Err(Error::usage(
                "attempt_reused",
                "another moment was shared under this key",
                "give each moment a key of its own, and the same key to the same moment only",
            ));
        }
        match self.moment_by_id(&record.entry) {
            Err(error) if error.code == "no_such_moment" => Err(Error::refused(
                "attempt_withdrawn",
                "this moment was shared before, and has been withdrawn or has expired since",
                "share it under another key",
            )),
            found => {
                self.answer_after_barrier = true;
                found.map(Some)
            }
        }
    }

    /// Keeps what came of an attempt, with the batch that shares the moment.
    pub(super) fn keep_attempt(&mut self, attempt: &Attempt, entry: EntryId) {
        self.drop_old_attempts();
        let mut gone: Vec<[u8; 32]> = Vec::new();
        while self.state.attempts.len() >= ATTEMPT_LIMIT {
            let oldest = self.state.attempts.iter().min_by_key(|(id, record)| (record.at, **id));
            let Some(id) = oldest.map(|(id, _)| *id) else { break };
            self.state.attempts.remove(&id);
            gone.push(id);
        }
        for id in gone {
            self.remove_state(b'j', &id);
        }
        let record = AttemptRecord { at: self.now, says: attempt.says, entry };
        self.save_state(b'j', &attempt.id, &record);
        self.state.attempts.insert(attempt.id, record);
    }

    /// Lets go of attempts whose day is over.
    pub(super) fn drop_old_attempts(&mut self) {
        let old = self.state.attempts.iter().filter(|(_, record)| record.is_old(self.now));
        let old: Vec<[u8; 32]> = old.map(|(id, _)| *id).collect();
        for id in old {
            self.state.attempts.remove(&id);
            self.remove_state(b'j', &id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{PostDraft, TimelineQuery};
    use crate::service::testing::{BEGIN, Rig};

    fn attempt(word: &str) -> Attempt {
        Attempt::new(word.as_bytes(), b"what it says")
    }

    fn share(rig: &mut Rig, attempt: Attempt) -> Result<EntryId> {
        let draft = PostDraft { text: "hello".into(), attempt: Some(attempt), ..PostDraft::default() };
        let shared = rig.service.post(draft);
        rig.commit();
        shared.map(|moment| moment.id)
    }

    fn shown(rig: &Rig) -> usize {
        rig.service.timeline(&TimelineQuery { limit: 1_000, ..Default::default() }).unwrap().moments.len()
    }

    #[test]
    fn the_same_attempt_shares_once_and_survives_a_restart() {
        let mut rig = Rig::new();
        assert_eq!(rig.service.attempted(&attempt("a")).unwrap(), None);
        let first = share(&mut rig, attempt("a")).unwrap();
        assert_eq!(share(&mut rig, attempt("a")).unwrap(), first);
        rig.again(|_| {});
        assert_eq!(share(&mut rig, attempt("a")).unwrap(), first);
        assert_eq!(shown(&rig), 1);
        assert_ne!(share(&mut rig, attempt("b")).unwrap(), first, "another attempt is another moment");
        assert_eq!(shown(&rig), 2);
    }

    #[test]
    fn an_attempt_that_was_undone_is_none() {
        let mut rig = Rig::new();
        let draft = PostDraft { text: "hello".into(), attempt: Some(attempt("a")), ..PostDraft::default() };
        rig.service.post(draft).unwrap();
        rig.service.abandon().unwrap();
        assert_eq!(rig.service.attempted(&attempt("a")).unwrap(), None);
        share(&mut rig, attempt("a")).unwrap();
        assert_eq!(shown(&rig), 1);
    }

    #[test]
    fn an_attempt_says_the_same_each_time() {
        let mut rig = Rig::new();
        share(&mut rig, attempt("a")).unwrap();
        let other = share(&mut rig, Attempt::new(b"a", b"something else"));
        assert_eq!(other.unwrap_err().code, "attempt_reused");
        assert_eq!(shown(&rig), 1);
    }

    #[test]
    fn what_was_withdrawn_is_not_shared_by_asking_again() {
        let mut rig = Rig::new();
        let id = share(&mut rig, attempt("a")).unwrap();
        rig.service.delete(&id.to_string()).unwrap();
        rig.commit();
        assert_eq!(share(&mut rig, attempt("a")).unwrap_err().code, "attempt_withdrawn");
        assert_eq!(shown(&rig), 0);
    }

    #[test]
    fn an_attempt_counts_for_its_time_and_no_longer() {
        let mut rig = Rig::new();
        let first = share(&mut rig, attempt("a")).unwrap();
        rig.service.set_now(BEGIN.plus_ms(ATTEMPT_KEPT_MS - 1));
        assert_eq!(share(&mut rig, attempt("a")).unwrap(), first);
        rig.service.set_now(BEGIN.plus_ms(ATTEMPT_KEPT_MS));
        assert_ne!(share(&mut rig, attempt("a")).unwrap(), first);
    }

    #[test]
    fn the_limit_holds_at_n_and_n_plus_one() {
        let mut rig = Rig::new();
        let entry = share(&mut rig, attempt("0")).unwrap();
        let keep = |rig: &mut Rig, at: usize| {
            rig.service.set_now(BEGIN.plus_ms(at as u64));
            rig.service.keep_attempt(&attempt(&at.to_string()), entry);
            rig.commit();
        };
        (1..ATTEMPT_LIMIT).for_each(|at| keep(&mut rig, at));
        rig.again(|_| {});
        assert_eq!(rig.service.state.attempts.len(), ATTEMPT_LIMIT, "n are kept");
        assert!(rig.service.attempted(&attempt("0")).unwrap().is_some());
        keep(&mut rig, ATTEMPT_LIMIT);
        rig.again(|_| {});
        assert_eq!(rig.service.state.attempts.len(), ATTEMPT_LIMIT, "n and one are n");
        assert_eq!(rig.service.attempted(&attempt("0")).unwrap(), None, "the oldest went");
        assert!(rig.service.attempted(&attempt("1")).unwrap().is_some(), "and no other");
    }
}
