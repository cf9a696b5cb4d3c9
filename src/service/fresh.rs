//! A moment of mine in the instant it is written: kept and shown from what is in hand, with nothing read back.
//!
//! Nobody else can have named an entry that was signed a moment ago. So how it lies, who holds it, and what was said
//! beneath it are known without a look at the store; and what a person and the listeners are shown is made once, of the
//! post that was sealed, not of what its seal opens to.
//!
//! Which epoch to write under is a function of people, epochs, the window and the day. While none of them changes the last
//! answer stands ([`Chosen`]): posts one after another do not walk through all friends each.
//!
//! Sharing is cut in two, so that the signatures of many posts can be made on several threads: [`Service::begin_post`], then
//! [`Unsigned::sign`] anywhere, then [`Service::end_post`]. Between them other posts may be ended and the step committed, and
//! nothing else may happen: the number that was taken, an epoch that was opened for the post and what was noted of its photos are then kept a step
//! before it, and are a gap, a spare and a note that names nothing if it never comes. Its end refuses if people have changed.
//!
//! What it does not do: decide who may read (`audience`), or number and announce (`publish`).
//!
//! Source: docs/protocol.md 3.3, 3.13; docs/adr/0016-group-commit-and-live-path.md.

use super::Service;
use super::publish::{internal, seal_own};
use super::timeline::Opened;
use crate::ask::Attempt;
use crate::audience::Audience;
use crate::crypto::{Nonce, ReadKey, SigningKey};
use crate::entry::{Draft, Entry, Verified};
use crate::error::Result;
use crate::id::{EpochId, UserId};
use crate::limits::{ENTRY_PADDED_MIN, FUTURE_HOLD_MS};
use crate::moment::{Body, Content, Post};
use crate::time::{ClaimedTime, Day};
use crate::view;

/// Everything that choosing an epoch depends on, but for the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ground {
    /// Changes made to people.
    people: u64,
    /// Changes made to epochs.
    epochs: u64,
    window_days: u32,
    today: Day,
    /// Stretches of numbers in the epoch: too many end it.
    intervals: usize,
}

/// The epoch that was chosen last, and on what ground.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    audience: Audience,
    epoch: EpochId,
    ground: Ground,
}

/// What came of the first half of sharing a moment.
#[derive(Debug)]
pub enum Begun {
    /// It has its number, and is to be signed.
    New(Box<Unsigned>),
    /// The same attempt has shared it already.
    Shared(Box<view::Moment>),
}

/// A moment that has its number, before its seal and signature. Nothing else is needed for these, so they can be made on
/// any thread.
pub struct Unsigned {
    key: SigningKey,
    read_key: ReadKey,
    epoch: EpochId,
    seq: u64,
    nonce: Nonce,
    content: Content,
    mentioned: Vec<UserId>,
    attempt: Option<Attempt>,
    /// Changes made to people when its audience was chosen.
    people: u64,
}

impl std::fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsigned").field("epoch", &self.epoch).field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// A moment that is sealed and signed, and kept nowhere yet.
#[derive(Debug)]
pub struct Signed {
    entry: Entry<Verified>,
    content: Content,
    mentioned: Vec<UserId>,
    attempt: Option<Attempt>,
    people: u64,
}

#[cfg(all(test, feature = "net"))]
impl Signed {
    /// What a friend's node would check.
    pub(crate) fn check(&self, service: &Service) -> Option<super::Check> {
        service.check_of(self.entry.header().bytes(), self.entry.body().to_vec())
    }
}

impl Unsigned {
    pub(super) fn of_attempt(self, attempt: Option<Attempt>) -> Self {
        Self { attempt, ..self }
    }

    /// Seals and signs it.
    ///
    /// # Errors
    /// Refused if it does not fit an entry.
    ///
    /// # Cost
    /// One signature, some 25 µs: the dearest part of a post.
    pub fn sign(self) -> Result<Signed> {
        let Self { key, read_key, epoch, seq, nonce, content, mentioned, attempt, people } = self;
        let draft = Draft {
            epoch_key: &key,
            epoch,
            read_key: &read_key,
            seq,
            expire_day: None,
            content: &[],
            min_padded: ENTRY_PADDED_MIN,
        };
        let entry = seal_own(draft, &content, nonce)?;
        Ok(Signed { entry, content, mentioned, attempt, people })
    }
}

impl Service {
    fn ground(&self, epoch: &EpochId) -> Ground {
        Ground {
            people: self.state.ops,
            epochs: self.epoch_changes,
            window_days: self.state.me.window_days,
            today: self.now.day(),
            intervals: self.state.logs.get(epoch).map_or(0, |log| log.intervals.intervals().len()),
        }
    }

    /// The epoch that was chosen for an audience the last time, if nothing has changed since that choosing looks at.
    pub(super) fn chosen_before(&self, audience: &Audience) -> Option<EpochId> {
        let chosen = self.chosen.as_ref().filter(|chosen| chosen.audience == *audience)?;
        (chosen.ground == self.ground(&chosen.epoch)).then_some(chosen.epoch)
    }

    /// Remembers what was chosen. Called after whatever the choice has changed.
    pub(super) fn remember_chosen(&mut self, audience: &Audience, epoch: EpochId) {
        self.chosen = Some(Chosen { audience: audience.clone(), epoch, ground: self.ground(&epoch) });
    }

    /// A moment with its number, as far as it goes before it is sealed and signed.
    pub(super) fn unsigned(
        &self,
        epoch: EpochId,
        (seq, created, nonce): (u64, ClaimedTime, Nonce),
        post: Post,
        mentioned: Vec<UserId>,
    ) -> Result<Unsigned> {
        let record = self.state.epochs.get(&epoch).ok_or_else(internal)?;
        let key = record.own.as_ref().and_then(|own| own.key.clone()).ok_or_else(internal)?;
        let read_key = record.read_key().ok_or_else(internal)?;
        let content = Content { created, body: Body::Post(Box::new(post)) };
        let people = self.state.ops;
        Ok(Unsigned { key, read_key, epoch, seq, nonce, content, mentioned, attempt: None, people })
    }

    /// The second half of [`Service::post`]: keeps, announces and shows what was signed. The answer may be given once a
    /// barrier has passed.
    ///
    /// # Errors
    /// Failed if its epoch was closed or people have changed since it was begun: begin anew.
    pub fn end_post(&mut self, signed: Signed) -> Result<view::Moment> {
        let Signed { entry, content, mentioned, attempt, people } = signed;
        let record = self.state.epochs.get(&entry.header().epoch());
        if self.state.ops != people
            || record.and_then(|record| record.own.as_ref()).is_none_or(|own| own.key.is_none())
        {
            return Err(internal());
        }
        let id = entry.id();
        let moment = if content.created.is_ahead_by(self.now, FUTURE_HOLD_MS) {
            // The clock has leapt back: it waits for its time like anybody's.
            self.keep_written(&entry, &content)?;
            self.apply(self.me(), &entry, content)?;
            self.push(&entry);
            self.moment_by_id(&id)?
        } else {
            self.show_written(entry, content, &mentioned)?
        };
        if let Some(attempt) = &attempt {
            self.keep_attempt(attempt, id);
        }
        self.answer_after_barrier = true;
        Ok(moment)
    }

    /// The second half where the first found that the same attempt had shared it: what it wrote may still wait for the disk.
    pub const fn end_shared(&mut self, moment: view::Moment) -> view::Moment {
        self.answer_after_barrier = true;
        moment
    }

    fn show_written(
        &mut self,
        entry: Entry<Verified>,
        content: Content,
        mentioned: &[UserId],
    ) -> Result<view::Moment> {
        self.keep_written(&entry, &content)?;
        self.push(&entry);
        let (id, created, author) = (entry.id(), content.created, self.me());
        let Body::Post(post) = content.body else { return Err(internal()) };
        let shown = created.shown_at(self.now);
        if let Some(key) = self.content_key(entry.header())? {
            self.begin_thread(id, shown, &key);
        }
        self.bind_own_blobs(&id, &post)?;
        let opened = Opened { id, shown, received: self.now, author, created, entry, post };
        let moment = self.fresh_view(&opened, mentioned)?;
        self.emit(view::Happening::Moment { moment: Box::new(moment.clone()) });
        Ok(moment)
    }

    /// What is shown of a moment that nobody has yet.
    fn fresh_view(&self, opened: &Opened, mentioned: &[UserId]) -> Result<view::Moment> {
        let own =
            self.state.epochs.get(&opened.entry.header().epoch()).and_then(|record| record.own.as_ref());
        let recipients = own.iter().flat_map(|own| &own.recipients);
        let may_read = recipients.filter(|user| self.state.friends.contains_key(*user)).count();
        let delivery = view::Delivery { may_read, have: 0, withdrawn: None };
        // In the order of every later view of it, and each once.
        let mut mentioned = mentioned.to_vec();
        mentioned.sort_unstable();
        mentioned.dedup();
        let mentions = mentioned.iter().map(|user| self.person(user)).collect();
        Ok(self.view_of(opened, &[], mentions, Some(delivery))?)
    }
}

#[cfg(test)]
mod tests;
