//! From a rule to an entry: who may read, under which epoch, with which number; and its withdrawal.
//!
//! The invariant of the whole project is held here (I1): an entry is written only under an epoch whose recipients equal
//! the audience's members at that moment. [`audience::choose`] decides; this module carries it out: keys are kept
//! before they are sent, recipients before they are told, numbers are reserved before they are used.
//!
//! Source: docs/protocol.md 3.3, 3.11, 3.13, 3.15.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::fresh::{Begun, Unsigned};
use super::people::within;
use super::receive::Lying;
use super::state::{AudienceRecord, EpochRecord, Numbers, OwnPart};
use super::wants::Wants;
use super::words::{check_words, link_of, mood_of, place_of};
use super::{Output, Service, media, share};
use crate::ask::{AudienceWords, PostDraft};
use crate::audience::{self, Audience, Choice, Include, LeftOut, Minted, Rule, TagId, Window, Written};
use crate::crypto::{EpochSecret, Nonce, SigningKey, keys};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{
    ENTRY_PADDED_MIN, INTERACTION_PADDED_MIN, MENTION_LIMIT, OPEN_EPOCH_LIMIT, POST_TEXT_LIMIT, SEQ_BLOCK,
};
use crate::moment::{
    self, Body, Class, Content, Post, PrivatePart, Profile, PublicPart, PublicValues, Share, Tombstone,
    pad_mentions, sign_share,
};
use crate::store::layout::split_log_key;
use crate::store::{StoreError, Tree};
use crate::sync::LogState;
use crate::time::{ClaimedTime, Day};
use crate::view;

impl Service {
    /// Shares a moment, or finds the one that the same attempt has shared already. The answer may be given once a barrier
    /// has passed.
    ///
    /// # Errors
    /// Not found for a word of the audience; refused above a limit; usage if there is nothing to share.
    pub fn post(&mut self, draft: PostDraft) -> Result<view::Moment> {
        match self.begin_post(draft)? {
            Begun::Shared(moment) => Ok(*moment),
            Begun::New(unsigned) => self.end_post(unsigned.sign()?),
        }
    }

    /// The first half of [`Service::post`]: whom it is for, and everything about it but seal and signature.
    ///
    /// # Errors
    /// As [`Service::post`].
    pub fn begin_post(&mut self, draft: PostDraft) -> Result<Begun> {
        let attempt = draft.attempt;
        if let Some(attempt) = &attempt
            && let Some(shared) = self.attempted(attempt)?
        {
            return Ok(Begun::Shared(Box::new(shared)));
        }
        check_draft(&draft)?;
        let rule = self.rule(&draft.audience)?;
        let mentioned = self.mentioned(&draft, &rule)?;
        let epoch = self.epoch_for(&Audience::Posts(rule))?;
        let unsigned = self.write_post(epoch, draft, mentioned)?;
        Ok(Begun::New(Box::new(unsigned.of_attempt(attempt))))
    }

    /// Who would be able to read a moment for this audience, by the code that seals it.
    ///
    /// # Errors
    /// As [`Service::post`].
    pub fn dry_run(&self, words: &AudienceWords) -> Result<view::DryRun> {
        let rule = self.rule(words)?;
        let people = &self.state.people;
        let members = audience::members(&Audience::Posts(rule.clone()), people);
        let left_out = self
            .state
            .friends
            .keys()
            .filter(|user| !members.contains(user))
            .map(|user| {
                let person = self.person(user);
                let why = match audience::why_left_out(&rule, people, user) {
                    Some(LeftOut::ChatsOnly) => "chats only",
                    Some(LeftOut::HideMine) => "hidden from them",
                    Some(LeftOut::Excluded | LeftOut::ExcludedByTag(_)) => "excluded",
                    _ => "not included",
                };
                view::LeftOut { id: person.id, name: person.name, why }
            })
            .collect();
        let audience = self.audience_of_rule(&rule);
        Ok(view::DryRun {
            audience,
            may_read: members.len(),
            people: members.iter().map(|user| self.person(user)).collect(),
            left_out,
            strangers: self.strangers_of(&rule),
        })
    }

    /// Withdraws one's own moment or comment: friends' devices are asked to delete it.
    ///
    /// # Errors
    /// Not found; refused if it is somebody else's.
    pub fn delete(&mut self, word: &str) -> Result<EntryId> {
        let id = self.resolve_entry(word)?;
        // A word names every entry; only what people see can be withdrawn by it, and only once.
        let place = self.place(&id)?.ok_or_else(|| no_such_moment(word))?;
        match self.lying(&place.epoch, place.seq, &id)? {
            Some(Lying::Timeline(_)) => {}
            Some(Lying::Whole(_)) if place.beneath.is_some() => {}
            _ => return Err(no_such_moment(word)),
        }
        self.withdraw(&id)?;
        Ok(id)
    }

    /// Withdraws an own entry by id, wherever it was written.
    pub(super) fn withdraw(&mut self, id: &EntryId) -> Result<()> {
        let (epoch, seq) = self.place_of(id)?.ok_or_else(|| no_such_moment(&id.short()))?;
        let record = self.state.epochs.get(&epoch).ok_or_else(|| no_such_moment(&id.short()))?;
        if record.author != self.me() {
            return Err(Error::refused(
                "not_yours",
                "only what you wrote yourself can be withdrawn",
                "to see no more of it, remove or mute its author",
            ));
        }
        let tombstone = Tombstone { epoch, seq, entry: *id };
        let class = record.class;
        let audience = record.own.as_ref().map(|own| own.audience);
        if class == Class::Contact {
            let contact = self.epoch_for(&Audience::Contact)?;
            self.write_content(contact, Body::Tombstone(tombstone))?;
        } else {
            let current = audience.is_some_and(|audience| self.is_current(&epoch, audience));
            if current {
                self.write_content(epoch, Body::Tombstone(tombstone))?;
            }
            self.owe_tombstone(&tombstone, current)?;
        }
        self.remember_withdrawal(&tombstone)?;
        self.apply_tombstone(&tombstone)?;
        self.answer_after_barrier = true;
        Ok(())
    }

    /// The epoch to write to for an audience: chosen, shared with newcomers, or minted.
    pub(super) fn epoch_for(&mut self, audience: &Audience) -> Result<EpochId> {
        if let Some(epoch) = self.chosen_before(audience) {
            return Ok(epoch);
        }
        let epoch = self.choose_epoch(audience)?;
        self.remember_chosen(audience, epoch);
        Ok(epoch)
    }

    fn choose_epoch(&mut self, audience: &Audience) -> Result<EpochId> {
        let number = self.audience_number(audience);
        let minted = self.minted();
        let choice = audience::choose(audience, &self.state.people, &minted, self.window(), self.now.day());
        match choice {
            Choice::Use(epoch) => self.succeed(epoch, &minted),
            Choice::Share { epoch, with } => {
                self.share(&epoch, &with);
                self.succeed(epoch, &minted)
            }
            Choice::Mint { recipients, supersedes } => {
                for old in audience::excess(&minted, OPEN_EPOCH_LIMIT.saturating_sub(1)) {
                    self.close(&old);
                }
                let epoch = self.mint(number, audience, recipients)?;
                for old in supersedes {
                    self.close(&old);
                }
                Ok(epoch)
            }
        }
    }

    /// What is older than the epoch that is written under is closed. My records follow into a `~contact` that was minted
    /// ahead, for they may have changed since.
    fn succeed(&mut self, epoch: EpochId, minted: &[Minted]) -> Result<EpochId> {
        let outlived = audience::outlived(&epoch, minted);
        for old in &outlived {
            self.close(old);
        }
        if !outlived.is_empty() && self.class_of(&epoch) == Some(Class::Contact) {
            self.write_own_records(epoch)?;
        }
        Ok(epoch)
    }

    /// The epochs this device minted, as choosing sees them.
    pub(super) fn minted(&self) -> Vec<Minted> {
        let audiences = &self.state.audiences;
        self.state
            .epochs
            .values()
            .filter_map(|epoch| {
                let own = epoch.own.as_ref()?;
                Some(Minted {
                    id: epoch.id,
                    audience: audiences.get(&own.audience)?.audience.clone(),
                    recipients: own.recipients.clone(),
                    opened: own.minted,
                    intervals: self
                        .state
                        .logs
                        .get(&epoch.id)
                        .map_or(0, |log| log.intervals.intervals().len()),
                    state: match (epoch.closed, &own.key) {
                        (None, Some(_)) => audience::State::Open,
                        (None, None) => audience::State::Stale,
                        (Some(_), _) => audience::State::Closed,
                    },
                })
            })
            .collect()
    }

    pub(super) const fn window(&self) -> Window {
        Window { days: self.state.me.window_days }
    }

    /// Whether an epoch may be written to for its audience as it is now.
    pub(super) fn is_current(&self, epoch: &EpochId, number: u32) -> bool {
        let (Some(record), Some(audience)) =
            (self.state.epochs.get(epoch), self.state.audiences.get(&number))
        else {
            return false;
        };
        let Some(own) = record.own.as_ref().filter(|own| own.key.is_some() && record.is_open()) else {
            return false;
        };
        own.recipients == audience::members(&audience.audience, &self.state.people)
    }

    fn share(&mut self, epoch: &EpochId, with: &BTreeSet<UserId>) {
        if let Some(own) = self.state.epochs.get_mut(epoch).and_then(|record| record.own.as_mut()) {
            own.recipients.extend(with);
        }
        self.save_epoch(epoch);
        self.barrier_before_output = true;
        for user in with {
            self.owed_changed(user);
        }
    }

    pub(super) fn mint(
        &mut self,
        number: u32,
        audience: &Audience,
        members: BTreeSet<UserId>,
    ) -> Result<EpochId> {
        let key = SigningKey::random(&mut self.entropy);
        let secret = EpochSecret::random(&mut self.entropy);
        let public = key.public();
        let id = keys::epoch_id(public.as_bytes());
        let class = if matches!(audience, Audience::Contact) { Class::Contact } else { Class::Posts };
        let es_commit = keys::es_commit(&secret);
        let record = EpochRecord {
            id,
            public,
            es_commit,
            claim: super::deliver::claim(&key, &self.me(), &es_commit),
            secret: Some(secret),
            author: self.me(),
            device: self.keyring.device_id(),
            class,
            author_only: false,
            opened: self.now.day(),
            closed: None,
            own: Some(OwnPart {
                key: Some(key),
                minted: self.now,
                audience: number,
                recipients: members.clone(),
                numbers: Numbers::default(),
            }),
            read: OnceLock::new(),
            shared: OnceLock::new(),
        };
        self.state.epochs.insert(id, record);
        self.state.logs.insert(id, LogState::default());
        self.save_epoch(&id);
        self.save_log(&id);
        self.barrier_before_output = true;
        for user in &members {
            self.owed_changed(user);
        }
        if class == Class::Contact {
            self.write_own_records(id)?;
        }
        Ok(id)
    }

    /// Says "I shall not write here again" and forgets the signing key.
    pub(super) fn close(&mut self, epoch: &EpochId) {
        let today = self.now.day();
        let Some(record) = self.state.epochs.get_mut(epoch).filter(|record| record.closed.is_none()) else {
            return;
        };
        record.closed = Some(today);
        self.closing.push(*epoch);
        let mut recipients = BTreeSet::new();
        if let Some(own) = &mut record.own {
            own.key = None;
            recipients.clone_from(&own.recipients);
        }
        self.save_epoch(epoch);
        self.barrier_before_output = true;
        recipients.retain(|user| self.state.friends.contains_key(user));
        for user in &recipients {
            self.owed_changed(user);
        }
    }

    /// Writes no more under an epoch; it is closed along with the next write to its audience.
    pub(super) fn retire(&mut self, epoch: &EpochId) {
        if let Some(own) = self.state.epochs.get_mut(epoch).and_then(|record| record.own.as_mut()) {
            own.key = None;
        }
        self.save_epoch(epoch);
        self.barrier_before_output = true;
    }

    /// Retires every open epoch of this device: its store looks like an earlier one of itself.
    pub(super) fn retire_all(&mut self) {
        // What the memory of this store is worth is not known: the next write decides, and nothing before it.
        self.ahead.stop();
        let minted = self.minted();
        let closings = audience::closings(&audience::Change::Rollback, &minted);
        for epoch in closings.at_once.iter().chain(&closings.with_next_write) {
            self.close(epoch);
        }
    }

    /// My records and profile, at the beginning of a `~contact` epoch.
    fn write_own_records(&mut self, epoch: EpochId) -> Result<()> {
        let me = self.state.me.clone();
        self.write_content(epoch, Body::Identity(me.identity))?;
        self.write_device(epoch)?;
        self.write_content(epoch, Body::Profile(Box::new(self.own_profile())))?;
        Ok(())
    }

    fn write_device(&mut self, epoch: EpochId) -> Result<EntryId> {
        let device = self.state.me.device.clone();
        let expires = self.state.me.device_day.plus(crate::limits::DEVICE_RECORD_DAYS);
        self.write_entry(epoch, Body::Device(device), ENTRY_PADDED_MIN, Some(expires))
    }

    fn own_profile(&self) -> Profile {
        let me = &self.state.me;
        self.with_face(Profile {
            name: me.name.clone(),
            about: me.about.clone(),
            window_days: me.window_days,
            ..Profile::default()
        })
    }

    /// Tells friends how they see me.
    pub(super) fn publish_profile(&mut self) -> Result<()> {
        if self.state.friends.is_empty() {
            return Ok(());
        }
        let contact = self.epoch_for(&Audience::Contact)?;
        self.write_content(contact, Body::Profile(Box::new(self.own_profile())))?;
        Ok(())
    }

    /// Tells friends where this device is now.
    pub(super) fn publish_device(&mut self) -> Result<()> {
        if self.state.friends.is_empty() {
            return Ok(());
        }
        let contact = self.epoch_for(&Audience::Contact)?;
        self.write_device(contact)?;
        Ok(())
    }

    /// Writes an entry without expiry.
    pub(super) fn write_content(&mut self, epoch: EpochId, body: Body) -> Result<EntryId> {
        let padded =
            if matches!(body, Body::Interaction(_)) { INTERACTION_PADDED_MIN } else { ENTRY_PADDED_MIN };
        self.write_entry(epoch, body, padded, None)
    }

    fn write_entry(
        &mut self,
        epoch: EpochId,
        body: Body,
        min_padded: usize,
        expire_day: Option<Day>,
    ) -> Result<EntryId> {
        let (seq, created) = self.next_number(&epoch)?;
        let nonce = Nonce::random(&mut self.entropy);
        self.write_numbered(epoch, (seq, created, nonce), body, min_padded, expire_day)
    }

    /// Seals, signs, keeps and announces an entry under a number that was taken.
    pub(super) fn write_numbered(
        &mut self,
        epoch: EpochId,
        (seq, created, nonce): (u64, ClaimedTime, Nonce),
        body: Body,
        min_padded: usize,
        expire_day: Option<Day>,
    ) -> Result<EntryId> {
        let content = Content { created, body };
        let record = self.state.epochs.get(&epoch).ok_or_else(internal)?;
        let key = record.own.as_ref().and_then(|own| own.key.as_ref()).ok_or_else(internal)?;
        let read_key = record.read_key().ok_or_else(internal)?;
        let entry = seal_own(
            entry::Draft {
                epoch_key: key,
                epoch,
                read_key: &read_key,
                seq,
                expire_day,
                content: &[],
                min_padded,
            },
            &content,
            nonce,
        )?;
        self.keep_written(&entry, &content)?;
        self.apply(self.me(), &entry, content)?;
        self.push(&entry);
        Ok(entry.id())
    }

    /// Takes the next number of an own epoch, and the time to write with it. Numbers are reserved in blocks, kept
    /// before the first of them is used; every start begins a new block.
    pub(super) fn next_number(&mut self, epoch: &EpochId) -> Result<(u64, ClaimedTime)> {
        let now = self.now.as_millis();
        let own =
            self.state.epochs.get_mut(epoch).and_then(|record| record.own.as_mut()).ok_or_else(internal)?;
        let numbers = &mut own.numbers;
        if numbers.next >= numbers.reserved {
            // Under load the blocks grow, so that waiting for the disk stays rare.
            let block = SEQ_BLOCK.max(numbers.used.min(SEQ_BLOCK.saturating_mul(64)));
            let (first, end) = self.reservations.reserve(*epoch, block).ok_or_else(|| {
                Error::failed(
                    "numbers_used_up",
                    "no number is left for this entry",
                    "report this; nothing was written",
                )
            })?;
            numbers.next = first;
            numbers.reserved = end;
            self.is_reserving = true;
        }
        let seq = numbers.next;
        numbers.next = seq.saturating_add(1);
        numbers.used = numbers.used.saturating_add(1);
        numbers.last_created = now.max(numbers.last_created);
        Ok((seq, ClaimedTime::from_millis(numbers.last_created)))
    }

    /// After friends or tags changed: newcomers are let in where the rules let them, `~contact` follows at once.
    pub(super) fn audiences_changed(&mut self, changed: &BTreeSet<UserId>) -> Result<()> {
        self.ahead.people_changed(self.now);
        if self.state.people.friends().next().is_some() {
            self.epoch_for(&Audience::Contact)?;
        }
        let shares = audience::shares(&self.state.people, &self.minted(), self.window(), self.now.day());
        for share in shares {
            self.share(&share.epoch, &share.with);
        }
        if changed.is_empty() {
            return Ok(());
        }
        let written = self.written()?;
        // By the rules of epochs; moments with a rule of their own follow it below.
        let by_epoch: Vec<Written> =
            written.iter().filter(|entry| !self.has_own_rule(&entry.entry)).copied().collect();
        for user in changed {
            if self.state.friends.contains_key(user) {
                self.grant(user, &by_epoch)?;
                // Keys and ends that were held back from them may be theirs now.
                self.owed_changed(user);
            }
        }
        self.follow_rules(changed, &written)
    }

    /// Hands a newcomer what was written before: entry by entry, inside the window.
    fn grant(&mut self, user: &UserId, written: &[Written]) -> Result<()> {
        let minted = self.minted();
        let written = written.iter().copied();
        let due = audience::grants(user, &self.state.people, &minted, written, self.window(), self.now.day());
        self.owe_grants(user, &due)
    }

    /// My posts and interactions that are kept, newest first.
    fn written(&self) -> Result<Vec<Written>> {
        let mut written = Vec::new();
        let own = self.state.epochs.values().filter(|epoch| epoch.own.is_some());
        for epoch in own.map(|epoch| epoch.id) {
            self.tx.each_pending(Tree::Log, epoch.as_bytes(), &mut |key, value| {
                if let Some((epoch, seq, entry)) = split_log_key(key)
                    && let Some(day) = self.grantable_day(&entry, Lying::decode(key, value)?)?
                {
                    written.push(Written { epoch, seq, entry, day });
                }
                Ok(())
            })?;
        }
        written.sort_by_key(|entry| std::cmp::Reverse((entry.day, entry.seq)));
        Ok(written)
    }

    /// The day of an own entry that a newcomer may be granted: a post, or a like or comment.
    fn grantable_day(&self, id: &EntryId, lying: Lying) -> std::result::Result<Option<Day>, StoreError> {
        match lying {
            Lying::Timeline(shown) => Ok(Some(shown.day())),
            Lying::Whole(_) => {
                Ok(self.place(id)?.and_then(|place| place.beneath).map(|(_, shown)| shown.day()))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn audience_number(&mut self, audience: &Audience) -> u32 {
        let known = self.state.audiences.iter().find(|(_, record)| record.audience == *audience);
        if let Some((number, _)) = known {
            return *number;
        }
        let number = self.state.me.next_number;
        self.state.me.next_number = number.saturating_add(1);
        self.save_me();
        let record = AudienceRecord { audience: audience.clone() };
        self.save_state(b'a', &number.to_be_bytes(), &record);
        self.state.audiences.insert(number, record);
        number
    }

    /// A rule in the words of the faces.
    pub(super) fn audience_of_rule(&self, rule: &Rule) -> view::Audience {
        let named = |tags: &BTreeSet<TagId>, people: &BTreeSet<UserId>| view::TagsAndPeople {
            tags: tags.iter().filter_map(|id| self.state.tags.get(id)).map(|tag| tag.name.clone()).collect(),
            people: people.iter().map(|user| self.person(user)).collect(),
        };
        let included = match rule.include() {
            Include::All => view::TagsAndPeople::default(),
            Include::Named { tags, people } => named(tags, people),
        };
        let left_out = named(rule.exclude_tags(), rule.exclude_people());
        let (rule, named, except) = match rule.kind() {
            audience::Kind::Everyone => (view::RuleKind::Everyone, included, None),
            audience::Kind::Private => (view::RuleKind::Private, included, None),
            audience::Kind::Except => (view::RuleKind::Except, left_out, None),
            audience::Kind::Only => (view::RuleKind::Only, included, None),
            audience::Kind::OnlyExcept => (view::RuleKind::Only, included, Some(left_out)),
        };
        view::Audience { rule, named, except }
    }

    pub(super) fn mentioned(&self, draft: &PostDraft, rule: &Rule) -> Result<Vec<UserId>> {
        if draft.mentions.is_empty() {
            return Ok(Vec::new());
        }
        let members = audience::members(&Audience::Posts(rule.clone()), &self.state.people);
        let mut mentioned = Vec::new();
        for word in &draft.mentions {
            let friend = self.named(word.strip_prefix('@').unwrap_or(word))?;
            if !members.contains(&friend.user) {
                return Err(Error::refused(
                    "mention_outside",
                    format!("{} is mentioned and would not be able to read it", friend.shown_name()),
                    "widen the audience or leave the mention out",
                )
                .with("name", friend.shown_name()));
            }
            mentioned.push(friend.user);
        }
        Ok(mentioned)
    }

    fn write_post(&mut self, epoch: EpochId, draft: PostDraft, mentioned: Vec<UserId>) -> Result<Unsigned> {
        let (seq, created) = self.next_number(&epoch)?;
        let nonce = Nonce::random(&mut self.entropy);
        let (mut media, mut media_keys): (Vec<_>, Vec<_>) = media::public_and_private(&draft);
        let (mut blobs, mut preview_marks) = (media::blobs(&draft), media::marks(&draft));
        let has_video = draft.video.is_some();
        let link = draft.link.as_ref().map(|link| link_of(link, has_video, &mut media, &mut media_keys));
        let card_picture = draft.link.as_ref().and_then(|link| link.image.as_ref());
        let used = card_picture.filter(|_| link.as_ref().is_some_and(|link| link.image.is_some()));
        if let Some(photo) = used {
            blobs.extend([photo.picture.id, photo.preview.id]);
            preview_marks.extend(draft.shareable.then(|| share::mark(&photo.preview, &photo.thumbhash)));
        }
        let public = PublicPart::new(&PublicValues {
            text: draft.text,
            media,
            preview_marks,
            place: draft.place.as_ref().map(place_of).transpose()?,
            mood: draft.mood.as_ref().map(mood_of),
            link,
            author_name: self.state.me.name.clone(),
            ..PublicValues::default()
        })
        .map_err(too_much)?;
        let mentions = self.mention_tags(&mentioned, &epoch, &nonce);
        let mentions = pad_mentions(mentions, &mut self.entropy).map_err(too_much)?;
        let share = draft.shareable.then(|| self.sign_share(created, &public));
        let private = PrivatePart { media_keys, mentions, share, ..PrivatePart::default() };
        if let (Some(unused), None) = (card_picture, used) {
            // There was no room for it: its files go again.
            self.held.extend([unused.picture.id, unused.preview.id].map(Output::RemoveBlob));
        }
        for blob in &blobs {
            Wants::own(&mut self.tx, blob);
        }
        self.unsigned(epoch, (seq, created, nonce), Post { public, private }, mentioned)
    }

    /// What only those who are mentioned can tell that they are.
    pub(super) fn mention_tags(&self, mentioned: &[UserId], epoch: &EpochId, nonce: &Nonce) -> Vec<[u8; 8]> {
        mentioned
            .iter()
            .filter_map(|user| self.state.friends.get(user))
            .map(|friend| keys::mention(&friend.pair_key, epoch, nonce))
            .collect()
    }

    fn sign_share(&mut self, created: ClaimedTime, public: &PublicPart) -> Share {
        let share_id = self.entropy.bytes();
        Share {
            share_id,
            device: self.keyring.device_id(),
            cert: *self.keyring.certificate(),
            sig: sign_share(self.keyring.device_key(), &self.me(), &share_id, created, public.bytes()),
        }
    }
}

/// Seals and signs a content under an epoch of this device.
pub(super) fn seal_own(
    draft: entry::Draft<'_>,
    content: &Content,
    nonce: Nonce,
) -> Result<Entry<entry::Verified>> {
    let bytes = content.encode().map_err(too_much)?;
    entry::write_with_nonce(entry::Draft { content: &bytes, ..draft }, nonce).map_err(|error| {
        Error::refused("too_much", format!("this cannot be written: {error}"), "make it smaller")
    })
}

pub(super) fn too_much(error: moment::WriteError) -> Error {
    Error::refused("too_much", format!("this cannot be shared: {error}"), "make it smaller")
}

fn check_draft(draft: &PostDraft) -> Result<()> {
    media::check(draft)?;
    within("text", &draft.text, POST_TEXT_LIMIT)?;
    if draft.mentions.len() > MENTION_LIMIT {
        return Err(Error::refused(
            "mention_limit",
            format!("{} people are mentioned; at most {MENTION_LIMIT} are allowed", draft.mentions.len()),
            "mention fewer",
        )
        .with("limit", MENTION_LIMIT));
    }
    let has_words = check_words(draft)?;
    let bare = draft.photos.is_empty() && draft.video.is_none();
    if draft.text.trim().is_empty() && bare && !has_words {
        return Err(Error::usage(
            "nothing_to_share",
            "there is nothing to share",
            "give a text, photos, a video, a link or a place",
        ));
    }
    Ok(())
}

/// An invariant of ours is broken: the caller cannot help it.
pub(super) fn internal() -> Error {
    Error::failed(
        "internal",
        "the store and the memory of this node disagree",
        "restart it; if it stays, report it",
    )
}

pub(super) fn no_such_moment(word: &str) -> Error {
    Error::not_found(
        "no_such_moment",
        format!("there is no moment or comment {word:?} here"),
        "see `tidings timeline`",
    )
}
