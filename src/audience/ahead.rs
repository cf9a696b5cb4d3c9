//! Which audiences want an epoch before anybody writes to them.
//!
//! An epoch that is minted by the write that needs it reaches a friend who is away only once they meet its author or a
//! courier: whoever else has the moment is of no use to them until then. Minted days ahead, its keys have travelled by the
//! time of the first moment. [`due`] says whether an audience wants one; it decides nothing about a write, which goes on
//! asking [`choose`]: an epoch whose recipients are not the members at that moment is not used, however it was made (I1).
//!
//! What it does not do: it does not know which audiences somebody is likely to write to (`service/ahead.rs`), nor when
//! is a good moment.
//!
//! Source: docs/protocol.md 3.11 (ahead).

use super::epoch::{Choice, Minted, choose};
use super::newcomer::Window;
use super::{Audience, People, members};
use crate::limits::{EPOCH_AGE_DAYS, EPOCH_AHEAD_DAYS, EPOCH_AHEAD_INTERVALS, OWN_INTERVAL_LIMIT};
use crate::time::Day;

/// Why an audience wants an epoch that nobody has written to yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// There is none to write under: a write would have to mint.
    First,
    /// The one that is written under ends soon, and none follows it.
    Next,
}

/// Whether this device should mint an epoch for `audience` now, before anybody writes.
///
/// Carried out, it gives nothing until people change or the new epoch is old itself. `minted` are the epochs of **this
/// device only**, as for [`choose`].
pub fn due<'a>(
    audience: &Audience,
    people: &People,
    minted: impl IntoIterator<Item = &'a Minted> + Clone,
    window: Window,
    today: Day,
) -> Option<Want> {
    let members = members(audience, people);
    if members.is_empty() {
        return None;
    }
    let of_audience = minted.clone().into_iter().filter(|epoch| epoch.audience == *audience);
    let mut ready =
        of_audience.filter(|epoch| epoch.is_candidate(&members, today) && epoch.recipients == members);
    let lasts = |epoch: &Minted| {
        today.since(epoch.opened.day()) < EPOCH_AGE_DAYS.saturating_sub(EPOCH_AHEAD_DAYS)
            && epoch.intervals < OWN_INTERVAL_LIMIT.saturating_sub(EPOCH_AHEAD_INTERVALS)
    };
    let Some(first) = ready.next() else {
        let choice = choose(audience, people, minted, window, today);
        return matches!(choice, Choice::Mint { .. }).then_some(Want::First);
    };
    (!lasts(first) && !ready.any(lasts)).then_some(Want::Next)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::epoch::State;
    use super::super::{Dot, List, Op, Rule, Seen, Verb};
    use super::*;
    use crate::id::{EpochId, UserId};
    use crate::time::{DAY_MS, Timestamp};

    const ANN: UserId = UserId::from_bytes([1; 32]);
    const BOB: UserId = UserId::from_bytes([2; 32]);
    const TODAY: Day = Day(20_500);

    fn friends(ops: &[(Verb, UserId)]) -> People {
        let (mut people, epoch, mut seen) = (People::new(), EpochId::from_bytes([0; 16]), Seen::new());
        for (seq, (verb, user)) in (0..).zip(ops) {
            people.apply(&Op { list: List::Friends, user: *user, verb: *verb }, Dot { epoch, seq }, &seen);
            seen.note(Dot { epoch, seq });
        }
        people
    }

    fn minted(number: u8, recipients: &[UserId], age_days: u32) -> Minted {
        Minted {
            id: EpochId::from_bytes([number; 16]),
            audience: Audience::Posts(Rule::everyone()),
            recipients: recipients.iter().copied().collect::<BTreeSet<_>>(),
            opened: Timestamp::from_millis(u64::from(TODAY.0 - age_days) * DAY_MS),
            intervals: 1,
            state: State::Open,
        }
    }

    fn due_of(people: &People, epochs: &[Minted]) -> Option<Want> {
        due(&Audience::Posts(Rule::everyone()), people, epochs, Window::ALL, TODAY)
    }

    #[test]
    fn the_first_is_wanted_once_there_is_a_member_and_no_epoch_to_write_under() {
        let people = friends(&[(Verb::Add, ANN), (Verb::Add, BOB)]);
        assert_eq!(due_of(&friends(&[]), &[]), None);
        assert_eq!(due_of(&people, &[]), Some(Want::First));
        assert_eq!(due_of(&people, &[minted(1, &[ANN, BOB], 0)]), None);
        // Whoever came since is given its key: that is no reason to mint.
        assert_eq!(due_of(&people, &[minted(1, &[ANN], 0)]), None);
        let left = friends(&[(Verb::Add, ANN), (Verb::Add, BOB), (Verb::Remove, BOB)]);
        assert_eq!(due_of(&left, &[minted(1, &[ANN, BOB], 0)]), Some(Want::First));
    }

    #[test]
    fn the_next_is_wanted_days_before_the_last_one_ends_and_once() {
        let people = friends(&[(Verb::Add, ANN)]);
        let soon = EPOCH_AGE_DAYS - EPOCH_AHEAD_DAYS;
        let lasts = minted(1, &[ANN], soon - 1);
        assert_eq!(due_of(&people, std::slice::from_ref(&lasts)), None);
        let ends = minted(1, &[ANN], soon);
        assert_eq!(due_of(&people, std::slice::from_ref(&ends)), Some(Want::Next));
        assert_eq!(due_of(&people, &[ends.clone(), minted(2, &[ANN], 0)]), None);
        let cut = Minted { intervals: OWN_INTERVAL_LIMIT - EPOCH_AHEAD_INTERVALS, ..lasts.clone() };
        assert_eq!(due_of(&people, &[cut]), Some(Want::Next));
        let whole = Minted { intervals: OWN_INTERVAL_LIMIT - EPOCH_AHEAD_INTERVALS - 1, ..lasts };
        assert_eq!(due_of(&people, &[whole]), None);
    }

    #[test]
    fn a_write_goes_on_with_the_older_of_two_until_it_ends_and_closes_it_then() {
        let people = friends(&[(Verb::Add, ANN)]);
        let chosen = |epochs: &[Minted]| {
            choose(&Audience::Posts(Rule::everyone()), &people, epochs, Window::ALL, TODAY)
        };
        let (old, next) = (minted(1, &[ANN], EPOCH_AGE_DAYS), minted(2, &[ANN], 5));
        let both = [next.clone(), old.clone()];
        assert_eq!(chosen(&both), Choice::Use(old.id));
        assert_eq!(super::super::outlived(&old.id, &both), []);
        let both = [next.clone(), minted(1, &[ANN], EPOCH_AGE_DAYS + 1)];
        assert_eq!(chosen(&both), Choice::Use(next.id));
        assert_eq!(super::super::outlived(&next.id, &both), [old.id]);
    }
}
