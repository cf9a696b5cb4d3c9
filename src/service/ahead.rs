//! Epochs before their first moment: minted when people and tags have come to rest, and days before an epoch ends.
//!
//! The keys of an epoch travel in parcels, the moments under it from anybody who has them. A friend who was away when an
//! epoch was minted has keys only once they meet its author or a courier, and until then a mutual friend with the moment
//! is of no use. So what will be written to is minted ahead: `~contact`, everyone, the audiences written to lately, and
//! for the tags made last "only these" and "everyone but these". `audience/ahead.rs` says whether one is wanted.
//!
//! It changes nothing about who may read: a write asks `audience::choose`, and an epoch whose recipients are not the
//! members at that moment is not used. Nothing is minted ahead while the clock is in doubt, nor in the run that finds a
//! rollback.
//!
//! What others can tell from it stands in docs/protocol.md 3.11 and docs/threat-model.md.
//!
//! # Cost
//! One look at the epochs of this device after each change of people, and one a day; a parcel for each friend and 23 days.
//!
//! Source: docs/adr/0014-scale-by-simulation.md.

use std::collections::BTreeSet;

use super::Service;
use crate::audience::{self, Audience, Include, Minted, Rule, TagId, Want};
use crate::id::EpochId;
use crate::limits::{
    EPOCH_AGE_DAYS, EPOCH_AHEAD_OPEN_LIMIT, EPOCH_AHEAD_QUIET_MS, EPOCH_AHEAD_TAG_LIMIT,
    EPOCH_AHEAD_USED_DAYS, OPEN_EPOCH_LIMIT,
};
use crate::time::{Day, Timestamp};

/// When to look next.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    is_stopped: bool,
    /// People or tags changed: not before this. A start forgets it.
    not_before: Option<Timestamp>,
    /// The day on which everything was last looked at, with nothing changed since.
    looked: Option<Day>,
}

impl Ahead {
    /// What the last look brought was undone.
    pub(super) const fn undone(&mut self) {
        self.looked = None;
    }

    /// People or tags changed: whoever changes them may not be through.
    pub(super) fn people_changed(&mut self, now: Timestamp) {
        self.not_before = Some(now.plus_ms(EPOCH_AHEAD_QUIET_MS));
        self.looked = None;
    }

    /// Nothing is minted ahead in this run any more.
    pub(super) const fn stop(&mut self) {
        self.is_stopped = true;
    }

    fn is_due(&self, now: Timestamp) -> bool {
        // A wait that is longer than any was set by a clock that has gone back since.
        let waits = |at: Timestamp| at > now && at.since(now) <= EPOCH_AHEAD_QUIET_MS;
        !self.is_stopped && self.looked != Some(now.day()) && !self.not_before.is_some_and(waits)
    }
}

impl Service {
    /// Mints what will be written to, if it is time to look. What cannot be minted waits for the write that needs it.
    pub(super) fn mint_ahead(&mut self) {
        if !self.ahead.is_due(self.now) {
            return;
        }
        self.ahead.looked = Some(self.now.day());
        self.ahead.not_before = None;
        for audience in self.likely_audiences() {
            let before: BTreeSet<EpochId> = self.own_open().map(|epoch| epoch.id).collect();
            if let Err(error) = self.mint_for(&audience) {
                tracing::warn!(%error, "an epoch could not be minted ahead");
                // Half made it is of no use to anybody, and the write that needs one makes it anew.
                let half: Vec<EpochId> =
                    self.own_open().map(|epoch| epoch.id).filter(|id| !before.contains(id)).collect();
                half.iter().for_each(|epoch| self.close(epoch));
            }
        }
    }

    fn own_open(&self) -> impl Iterator<Item = Minted> + use<> {
        self.minted().into_iter().filter(|epoch| epoch.state == audience::State::Open)
    }

    fn mint_for(&mut self, audience: &Audience) -> crate::error::Result<()> {
        let minted = self.minted();
        let today = self.now.day();
        let Some(want) = audience::due(audience, &self.state.people, &minted, self.window(), today) else {
            return Ok(());
        };
        // What is retired or too old is written under no more: it keeps no other from being made.
        let is_used = |epoch: &Minted| today.since(epoch.opened.day()) <= EPOCH_AGE_DAYS;
        let posts = self.own_open().filter(is_used).filter(|epoch| epoch.audience != Audience::Contact);
        if *audience != Audience::Contact && posts.count() >= EPOCH_AHEAD_OPEN_LIMIT {
            return Ok(());
        }
        match want {
            Want::First => drop(self.epoch_for(audience)?),
            Want::Next => {
                let members = audience::members(audience, &self.state.people);
                let number = self.audience_number(audience);
                let epoch = self.mint(number, audience, members)?;
                // What was minted ahead before and never written under has grown too old meanwhile.
                let present = audience::choose(audience, &self.state.people, &minted, self.window(), today);
                if let audience::Choice::Use(used) = present {
                    audience::outlived(&used, &minted).iter().for_each(|old| self.close(old));
                }
                tracing::debug!(epoch = %epoch.short(), "the next epoch is there before the last one ends");
            }
        }
        Ok(())
    }

    /// The audiences that somebody is likely to write to, the likeliest first.
    fn likely_audiences(&self) -> Vec<Audience> {
        let mut likely = vec![Audience::Contact, Audience::Posts(Rule::everyone())];
        let today = self.now.day();
        let used = |number: &u32| {
            self.state.epochs.values().any(|epoch| {
                let own = epoch.own.as_ref().filter(|own| own.audience == *number);
                own.is_some_and(|own| today.since(own.minted.day()) <= EPOCH_AHEAD_USED_DAYS)
                    && self.state.logs.get(&epoch.id).is_some_and(|log| !log.intervals.is_empty())
            })
        };
        let lately = self.state.audiences.iter().filter(|(number, _)| used(number));
        likely.extend(lately.map(|(_, record)| record.audience.clone()).take(OPEN_EPOCH_LIMIT));
        let tagged = |tag: &&TagId| self.state.people.tagged(**tag).next().is_some();
        for tag in self.state.tags.keys().rev().filter(tagged).take(EPOCH_AHEAD_TAG_LIMIT) {
            likely.extend(rules_of(*tag).map(Audience::Posts));
        }
        let mut seen = BTreeSet::new();
        likely.retain(|audience| *audience != Audience::SelfDevices && seen.insert(audience.clone()));
        likely
    }
}

/// Both ways to name one tag.
fn rules_of(tag: TagId) -> impl Iterator<Item = Rule> {
    let (one, none) = (BTreeSet::from([tag]), BTreeSet::new);
    let only = Rule::new(Include::Named { tags: one.clone(), people: none() }, BTreeSet::new(), none());
    let except = Rule::new(Include::All, one, none());
    [only, except].into_iter().flatten()
}
