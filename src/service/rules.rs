//! Changing who may see an old moment of mine.
//!
//! The moment gets a rule of its own, its epoch is retired, and the difference is made up: who gains it is granted it,
//! whoever loses it is asked to forget it (`readers`). Said by the author about this very moment, it also lets in whom an
//! epoch's rule had left out when it was written.
//!
//! Source: docs/protocol.md 3.15.

use std::collections::BTreeSet;

use super::Service;
use super::publish::{internal, no_such_moment};
use super::readers::Step;
use super::receive::Lying;
use crate::ask::AudienceWords;
use crate::audience::{Follow, Rule, Written};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::view;

impl Service {
    /// Changes who may see a moment of mine. The answer may be given once a barrier has passed.
    ///
    /// # Errors
    /// Not found for the moment or a word of the audience; refused for somebody else's; as for a new moment otherwise.
    pub fn change_audience(&mut self, word: &str, words: &AudienceWords) -> Result<view::AudienceChange> {
        let (post, rule, steps) = self.planned(word, words)?;
        let (taken_from, given_to) = self.moved(&steps);
        self.set_rule(&post.entry, &post.epoch, rule);
        self.take_steps(&steps)?;
        let delivery = self.delivery_of(&post.entry)?;
        self.emit(view::Happening::Delivery { id: post.entry, delivery });
        self.answer_after_barrier = true;
        Ok(view::AudienceChange { moment: self.moment_by_id(&post.entry)?, taken_from, given_to })
    }

    /// What that would do.
    ///
    /// # Errors
    /// As [`Service::change_audience`].
    pub fn audience_dry_run(&self, word: &str, words: &AudienceWords) -> Result<view::AudienceDryRun> {
        let (_, _, steps) = self.planned(word, words)?;
        let (taken_from, given_to) = self.moved(&steps);
        Ok(view::AudienceDryRun { readers: self.dry_run(words)?, taken_from, given_to })
    }

    fn planned(&self, word: &str, words: &AudienceWords) -> Result<(Written, Rule, Vec<Step>)> {
        let post = self.own_post(word)?;
        let rule = self.rule(words)?;
        let friends: BTreeSet<UserId> = self.state.friends.keys().copied().collect();
        let steps = self.steps(&friends, &[post], Some(&rule));
        Ok((post, rule, steps))
    }

    /// From whom steps take a moment, and to whom they give it.
    fn moved(&self, steps: &[Step]) -> (Vec<view::Person>, Vec<view::Person>) {
        let of = |take: bool| {
            let steps = steps.iter().filter(|step| (step.follow == Follow::Take) == take);
            self.by_name(&steps.map(|step| step.user).collect())
        };
        (of(true), of(false))
    }

    /// A moment of mine that a prefix of its id names.
    fn own_post(&self, word: &str) -> Result<Written> {
        let entry = self.resolve_moment(word)?;
        let place = self.place(&entry)?.ok_or_else(|| no_such_moment(word))?;
        let record = self.state.epochs.get(&place.epoch).ok_or_else(internal)?;
        if record.author != self.me() {
            return Err(Error::refused(
                "not_yours",
                "that moment is somebody else's",
                "only its author changes who may see it",
            ));
        }
        match self.lying(&place.epoch, place.seq, &entry)? {
            Some(Lying::Timeline(shown)) => {
                Ok(Written { epoch: place.epoch, seq: place.seq, entry, day: shown.day() })
            }
            _ => Err(no_such_moment(word)),
        }
    }
}
