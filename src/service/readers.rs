//! Who may read what I wrote: one answer, for everybody who asks.
//!
//! A friend may read a moment of mine if they were given a key that opens it (its epoch's, or its own by a grant) and it
//! was not taken back. What they were given follows from the rule that counts for the moment: its own, once its
//! audience was changed, else that of its epoch. Whenever a rule, a tag, a friend or the window changes,
//! [`Service::follow_rules`] compares the two for every moment and makes up the difference.
//!
//! ```text
//!  Tree::State  'r' ‖ 0 ‖ entry          the own rule of a moment of mine
//!               'r' ‖ 1 ‖ user ‖ entry   what that friend was told: epoch ‖ seq ‖ version 4 ‖ hidden 1 ‖ arose 8
//! ```
//!
//! Versions count what one friend was told about one moment, so that a later word wins and nobody learns how often it
//! was changed for others. The record outlives a friendship: who becomes a friend again is told the next version.
//!
//! What it does not do: decide (`audience::follow`), or take in what others recall (`recalls`).
//!
//! Source: docs/protocol.md 3.3, 3.6 (Owed), 3.11, 3.15.

use std::collections::{BTreeMap, BTreeSet};

use super::deliver::mail_class;
use super::{Service, tx};
use crate::audience::{self, Audience, Follow, Rule, Standing, Written};
use crate::error::Result as Said;
use crate::id::{EntryId, EpochId, UserId};
use crate::mail::{EntryRef, Item, OwedId, OwedKind, Recall, Wanted};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// The own rule of a moment.
const RULE: u8 = 0;
/// What a friend was told about one.
const TOLD: u8 = 1;

/// What a friend was told last about a moment of mine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    epoch: EpochId,
    seq: u64,
    version: u32,
    hidden: bool,
    arose: Timestamp,
}

impl Encode for Told {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.epoch).u64(self.seq).u32(self.version).bool(self.hidden).u64(self.arose.as_millis());
    }
}

impl Decode for Told {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch: input.value()?,
            seq: input.u64()?,
            version: input.u32()?,
            hidden: input.bool()?,
            arose: Timestamp::from_millis(input.u64()?),
        })
    }
}

/// Rules of single moments, and what friends were told about them.
#[derive(Debug, Default)]
pub(super) struct Readers {
    rules: BTreeMap<EntryId, Rule>,
    told: BTreeMap<UserId, BTreeMap<EntryId, Told>>,
}

/// One thing to be done for one friend and one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) user: UserId,
    pub(super) follow: Follow,
    post: Written,
}

impl Service {
    /// Reads at start which moments have a rule of their own, and who was told what.
    pub(super) fn load_readers(&mut self) -> Result<(), StoreError> {
        let mut readers = Readers::default();
        self.tx.each(Tree::State, b"r", &mut |key, value| {
            let bad = |_| tx::damaged(Tree::State, key, "the key is not one of ours");
            let mut at = Reader::new(key);
            at.u8().map_err(bad)?;
            if at.u8().map_err(bad)? == RULE {
                let entry = at.value().map_err(bad)?;
                readers.rules.insert(entry, tx::decode(Tree::State, key, value)?);
            } else {
                let (user, entry) = (at.value().map_err(bad)?, at.value().map_err(bad)?);
                let told = tx::decode(Tree::State, key, value)?;
                readers.told.entry(user).or_default().insert(entry, told);
            }
            Ok(())
        })?;
        self.readers = readers;
        Ok(())
    }

    /// Whether a moment has a rule of its own.
    pub(super) fn has_own_rule(&self, entry: &EntryId) -> bool {
        self.readers.rules.contains_key(entry)
    }

    /// The rule that counts for a moment of mine.
    pub(super) fn rule_of(&self, entry: &EntryId, epoch: &EpochId) -> Option<&Rule> {
        if let Some(rule) = self.readers.rules.get(entry) {
            return Some(rule);
        }
        let own = self.state.epochs.get(epoch)?.own.as_ref()?;
        match &self.state.audiences.get(&own.audience)?.audience {
            Audience::Posts(rule) => Some(rule),
            _ => None,
        }
    }

    /// Gives a moment of mine a rule of its own. Nobody is given the key of its epoch any more.
    pub(super) fn set_rule(&mut self, entry: &EntryId, epoch: &EpochId, rule: Rule) {
        self.tx.put_record(Tree::State, &rule_key(entry), &rule);
        self.readers.rules.insert(*entry, rule);
        self.retire(epoch);
    }

    /// Whether a friend belongs to an audience of mine now.
    pub(super) fn is_member(&self, user: &UserId, audience: u32) -> bool {
        match self.state.audiences.get(&audience).map(|record| &record.audience) {
            Some(Audience::Posts(rule)) => audience::why_left_out(rule, &self.state.people, user).is_none(),
            Some(Audience::Contact) => self.state.friends.contains_key(user),
            _ => false,
        }
    }

    /// Whether somebody may read an entry of mine: given a key that opens it, and it was not taken back.
    pub(super) fn may_read(&self, user: &UserId, entry: &EntryId, epoch: &EpochId) -> bool {
        self.state.friends.contains_key(user) && self.holds(user, entry, epoch) && !self.is_taken(user, entry)
    }

    /// Friends who may read an entry of mine.
    pub(super) fn readers_of(&self, id: &EntryId) -> Result<BTreeSet<UserId>, StoreError> {
        let Some(place) = self.place(id)? else {
            return Ok(BTreeSet::new());
        };
        let own = self.state.epochs.get(&place.epoch).and_then(|record| record.own.as_ref());
        let mut readers = own.map(|own| own.recipients.clone()).unwrap_or_default();
        readers.extend(self.grantees(id)?);
        readers.retain(|user| self.state.friends.contains_key(user) && !self.is_taken(user, id));
        Ok(readers)
    }

    /// Whether somebody may read an entry of mine, wherever it is.
    pub(super) fn is_reader(&self, user: &UserId, id: &EntryId) -> Result<bool, StoreError> {
        Ok(self.place(id)?.is_some_and(|place| self.may_read(user, id, &place.epoch)))
    }

    /// Whether somebody was ever given a key that opens an entry of mine.
    fn holds(&self, user: &UserId, entry: &EntryId, epoch: &EpochId) -> bool {
        let own = self.state.epochs.get(epoch).and_then(|record| record.own.as_ref());
        let granted = || self.mail.grants.get(user).is_some_and(|granted| granted.contains_key(entry));
        own.is_some_and(|own| own.recipients.contains(user) || granted())
    }

    /// Whether somebody holds a moment by the key of an epoch alone whose rule they have left.
    fn holds_by_left_epoch(&self, user: &UserId, post: &Written) -> bool {
        let granted = self.mail.grants.get(user).is_some_and(|granted| granted.contains_key(&post.entry));
        let own = self.state.epochs.get(&post.epoch).and_then(|record| record.own.as_ref());
        !granted && own.is_some_and(|own| !self.is_member(user, own.audience))
    }

    /// Whether an entry of mine was taken back from somebody.
    pub(super) fn is_taken(&self, user: &UserId, entry: &EntryId) -> bool {
        self.told(user, entry).is_some_and(|told| told.hidden)
    }

    fn told(&self, user: &UserId, entry: &EntryId) -> Option<&Told> {
        self.readers.told.get(user)?.get(entry)
    }

    /// How often somebody was told something about a moment: a grant counts under that number.
    pub(super) fn told_version(&self, user: &UserId, entry: &EntryId) -> u32 {
        self.told(user, entry).map_or(0, |told| told.version)
    }

    /// What is to be done for these friends so that they can read of `posts` what the rules say. With `changed`, as if
    /// that were the rule of all of them, said by the author this moment.
    ///
    /// # Cost
    /// Friends × posts.
    pub(super) fn steps(
        &self,
        users: &BTreeSet<UserId>,
        posts: &[Written],
        changed: Option<&Rule>,
    ) -> Vec<Step> {
        let (people, window, today) = (&self.state.people, self.window(), self.now.day());
        let mut steps = Vec::new();
        for user in users.iter().filter(|user| self.state.friends.contains_key(user)) {
            let mut by_epoch: BTreeMap<EpochId, bool> = BTreeMap::new();
            for post in posts {
                let own_rule = changed.or_else(|| self.readers.rules.get(&post.entry));
                let Some(rule) = own_rule.or_else(|| self.rule_of(&post.entry, &post.epoch)) else {
                    continue;
                };
                let names = || audience::why_left_out(rule, people, user).is_none();
                let member = if own_rule.is_some() {
                    names()
                } else {
                    *by_epoch.entry(post.epoch).or_insert_with(names)
                };
                let holds = self.holds(user, &post.entry, &post.epoch);
                // Keys of an epoch are held back from whoever has left its rule, so this moment's own has to go.
                let by_epoch_alone = own_rule.is_some() && holds && self.holds_by_left_epoch(user, post);
                // Whoever is let in by an epoch's own rule is granted by `audience::grants`.
                let may_join = changed.is_some()
                    || by_epoch_alone
                    || (own_rule.is_some()
                        && member
                        && !audience::was_removed(&Audience::Posts(rule.clone()), people, user));
                let follow = audience::follow(Standing {
                    member,
                    holds: holds && !(member && by_epoch_alone),
                    taken: self.is_taken(user, &post.entry),
                    in_window: window.reaches(post.day, today),
                    may_join,
                });
                if follow != Follow::Nothing {
                    steps.push(Step { user: *user, follow, post: *post });
                }
            }
        }
        steps
    }

    /// Takes from these friends what the rules no longer give them, and gives back what they do again.
    pub(super) fn follow_rules(&mut self, users: &BTreeSet<UserId>, written: &[Written]) -> Said<()> {
        let steps = self.steps(users, written, None);
        self.take_steps(&steps)
    }

    /// Carries steps out. Who was told what is known for good before it leaves.
    pub(super) fn take_steps(&mut self, steps: &[Step]) -> Said<()> {
        if steps.iter().any(|step| step.follow != Follow::Nothing) {
            // Who has what is to be looked at anew.
            self.net.conns.values_mut().for_each(|state| state.looked_at.clear());
        }
        for Step { user, follow, post } in steps {
            match follow {
                Follow::Nothing => {}
                Follow::Grant => self.owe_grants(user, &[*post])?,
                Follow::Take => {
                    self.tell_readers(user, post, true);
                    // They are asked to forget it; that they had it says nothing any more.
                    self.tx.remove(Tree::Holders, &tx::key(&[post.entry.as_bytes(), user.as_bytes()]));
                }
                Follow::GiveBack => {
                    self.tell_readers(user, post, false);
                    self.owe_grants(user, &[*post])?;
                }
            }
        }
        Ok(())
    }

    fn tell_readers(&mut self, user: &UserId, post: &Written, hidden: bool) {
        let version = self.told_version(user, &post.entry).saturating_add(1);
        let told = Told { epoch: post.epoch, seq: post.seq, version, hidden, arose: self.now };
        self.tx.put_record(Tree::State, &told_key(user, &post.entry), &told);
        self.readers.told.entry(*user).or_default().insert(post.entry, told);
        self.barrier_before_output = true;
        self.owed_changed(user);
    }

    /// A moment of mine is withdrawn: its rule is over. From whom it was taken before stays known, since they were no
    /// readers when it was withdrawn.
    pub(super) fn forget_rule(&mut self, entry: &EntryId) {
        if self.readers.rules.remove(entry).is_some() {
            self.tx.remove(Tree::State, &rule_key(entry));
        }
    }

    /// The Recalls that a friend should have.
    pub(super) fn wanted_recalls(&self, user: &UserId) -> Vec<Wanted> {
        let told = self.readers.told.get(user).into_iter().flatten();
        told.filter_map(|(entry, told)| {
            let epoch = self.state.epochs.get(&told.epoch)?;
            let place = EntryRef { epoch: told.epoch, seq: told.seq, entry: *entry };
            Some(Wanted {
                id: OwedId::recall(place, told.version),
                class: mail_class(epoch.class),
                arose: told.arose,
                carriers: super::deliver::carriers(epoch),
            })
        })
        .collect()
    }

    /// Those that are due to somebody, as parcel items.
    pub(super) fn recall_items(&self, user: &UserId, due: &[Wanted]) -> Vec<Item> {
        let recalls = due.iter().filter(|wanted| wanted.id.kind() == OwedKind::Recall);
        recalls
            .filter_map(|wanted| {
                let EntryRef { epoch, seq, entry } = wanted.id.place();
                let told = self.told(user, &entry)?;
                let post = EntryRef { epoch, seq, entry };
                Some(Item::Recall(Recall { post, version: told.version, is_shown: !told.hidden }))
            })
            .collect()
    }

    /// What the items of a parcel to somebody settle, once it is acknowledged: a grant counts under the version of what
    /// that friend was told.
    pub(super) fn settles(&self, user: &UserId, items: &[Item]) -> BTreeSet<OwedId> {
        super::deliver::ids_of(items)
            .into_iter()
            .map(|id| match id.kind() {
                OwedKind::Grant => {
                    let place = id.place();
                    OwedId::grant(place, self.told_version(user, &place.entry))
                }
                _ => id,
            })
            .collect()
    }
}

fn rule_key(entry: &EntryId) -> Vec<u8> {
    tx::key(&[&[b'r', RULE], entry.as_bytes()])
}

fn told_key(user: &UserId, entry: &EntryId) -> Vec<u8> {
    tx::key(&[&[b'r', TOLD], user.as_bytes(), entry.as_bytes()])
}
