//! Introductions among what is owed: they name no epoch and no entry, so their id, step and person stand in those places.
//!
//! Source: docs/protocol.md 3.7 (introduction).

use super::{OwedId, OwedKind};
use crate::id::{EntryId, EpochId, InviteId, UserId};

/// A step of an introduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntroductionStep {
    /// The introducer offers somebody.
    Offer,
    /// Somebody answers the introducer.
    Answer,
    /// The introducer says how the other is reached.
    Records,
}

impl IntroductionStep {
    const fn number(self) -> u64 {
        match self {
            Self::Offer => 1,
            Self::Answer => 2,
            Self::Records => 3,
        }
    }
}

impl OwedId {
    /// A step of an introduction, about `other`.
    pub fn introduction(id: &InviteId, step: IntroductionStep, other: &UserId) -> Self {
        Self {
            kind: OwedKind::Introduction,
            epoch: EpochId::from_bytes(*id.as_bytes()),
            seq: step.number(),
            entry: EntryId::from_bytes(*other.as_bytes()),
            mark: [0; 16],
        }
    }

    /// Which introduction, which step, about whom; none of something else.
    pub fn as_introduction(&self) -> Option<(InviteId, IntroductionStep, UserId)> {
        let steps = [IntroductionStep::Offer, IntroductionStep::Answer, IntroductionStep::Records];
        let step = steps.into_iter().find(|step| step.number() == self.seq)?;
        (self.kind == OwedKind::Introduction).then(|| {
            let id = InviteId::from_bytes(*self.epoch.as_bytes());
            (id, step, UserId::from_bytes(*self.entry.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{self, Encode};

    #[test]
    fn each_step_is_a_thing_of_its_own_and_keeps_its_bytes() {
        let (id, other) = (InviteId::from_bytes([1; 16]), UserId::from_bytes([2; 32]));
        let mut all = std::collections::BTreeSet::new();
        for step in [IntroductionStep::Offer, IntroductionStep::Answer, IntroductionStep::Records] {
            let owed = OwedId::introduction(&id, step, &other);
            let bytes = owed.encode();
            assert_eq!(bytes[0], 8, "the kind's code");
            assert_eq!(wire::decode::<OwedId>(&bytes), Ok(owed));
            assert_eq!(owed.as_introduction(), Some((id, step, other)));
            assert!(all.insert(owed));
        }
        assert_eq!(OwedId::epoch_keys(EpochId::from_bytes([1; 16])).as_introduction(), None);
    }
}
