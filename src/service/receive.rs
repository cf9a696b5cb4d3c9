//! What becomes of an entry that arrives: known, kept, applied.
//!
//! *Known* depends on bytes alone: header, signature, hash, an epoch bound to its author. Everything else (does it open,
//! is its kind allowed, was it withdrawn, is it from the future) decides what is kept and shown, never what is known,
//! or two nodes would ask each other for the same thing for ever (docs/protocol.md 3.4).
//!
//! ```text
//!  Tree::Log       epoch ‖ seq ‖ id   0 ‖ shown 8      a post, whole under its timeline key
//!                                     1 ‖ header ‖ body
//!                                     2 ‖ header       the body is not kept
//!                                     3 ‖ header?      withdrawn: known, nothing kept
//!                                     4                withdrawn before it was known
//!  Tree::Timeline  shown ‖ id         first seen 8 ‖ header ‖ body
//!  Tree::ById      id                 epoch ‖ seq [‖ post ‖ shown 8 of the interaction's row]
//! ```
//!
//! Source: docs/protocol.md 3.4, 3.10, 3.13, 3.15.

use super::exchange::Verdict;
use super::parcels::granted_key;
use super::state::EpochRecord;
use super::{Service, share, tx};
use crate::crypto::ContentKey;
use crate::entry::{Entry, HEADER_LEN, Header, Unverified, Verified};
use crate::error::Result as Said;
use crate::id::{EntryId, EpochId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, Outcome};
use crate::limits::{FORK_KEEP_LIMIT, FUTURE_HOLD_MS};
use crate::moment::{self, Body, Class, Content, Tombstone};
use crate::store::layout::{log_key, log_prefix, split_log_key, timeline_key};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::view;
use crate::wire::{DecodeError, Reader};

/// How an entry lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lying {
    /// A post, under its timeline key.
    Timeline(Timestamp),
    /// Here, whole.
    Whole(Vec<u8>),
    /// Here, the header alone.
    Header(Vec<u8>),
    /// Withdrawn.
    Gone,
    /// Withdrawn before it was known.
    Awaited,
}

impl Lying {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Timeline(shown) => [&[0][..], &shown.as_millis().to_be_bytes()].concat(),
            Self::Whole(bytes) => [&[1][..], bytes].concat(),
            Self::Header(bytes) => [&[2][..], bytes].concat(),
            Self::Gone => vec![3],
            Self::Awaited => vec![4],
        }
    }

    pub(super) fn decode(key: &[u8], bytes: &[u8]) -> Result<Self, StoreError> {
        let bad = || tx::damaged(Tree::Log, key, "the record does not decode");
        let (tag, rest) = bytes.split_first().ok_or_else(bad)?;
        Ok(match tag {
            0 => {
                let ms = <[u8; 8]>::try_from(rest).map_err(|_| bad())?;
                Self::Timeline(Timestamp::from_millis(u64::from_be_bytes(ms)))
            }
            1 => Self::Whole(rest.to_vec()),
            2 => Self::Header(rest.to_vec()),
            3 => Self::Gone,
            4 => Self::Awaited,
            _ => return Err(bad()),
        })
    }
}

/// Where an entry is, and for an interaction, beneath which post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: EpochId,
    pub(super) seq: u64,
    pub(super) beneath: Option<(EntryId, Timestamp)>,
}

impl Place {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = [&self.epoch.as_bytes()[..], &self.seq.to_be_bytes()].concat();
        if let Some((post, shown)) = &self.beneath {
            bytes.extend_from_slice(post.as_bytes());
            bytes.extend_from_slice(&shown.as_millis().to_be_bytes());
        }
        bytes
    }

    fn decode(key: &[u8], bytes: &[u8]) -> Result<Self, StoreError> {
        let bad = |_| tx::damaged(Tree::ById, key, "the record does not decode");
        let mut input = Reader::new(bytes);
        let (epoch, seq) = (input.value().map_err(bad)?, input.u64().map_err(bad)?);
        let beneath = if input.remaining() > 0 {
            let post = input.value().map_err(bad)?;
            Some((post, Timestamp::from_millis(input.u64().map_err(bad)?)))
        } else {
            None
        };
        input.finish().map_err(bad)?;
        Ok(Self { epoch, seq, beneath })
    }
}

/// What an entry takes, bytes.
fn kept_bytes(body_len: usize) -> u64 {
    u64::try_from(HEADER_LEN.saturating_add(body_len)).unwrap_or(u64::MAX)
}

impl Service {
    /// An entry came from a peer. Everything about it is checked here.
    pub(super) fn take_entry(&mut self, header: &[u8], body: Vec<u8>) -> Result<Verdict, StoreError> {
        let entry = match Entry::<Unverified>::from_parts(header, body) {
            Ok(entry) => entry,
            // What a newer program wrote is left alone.
            Err(DecodeError::Unknown { .. }) => return Ok(Verdict::Unknown),
            Err(_) => return Ok(Verdict::Fault),
        };
        let (id, epoch, seq) = (entry.id(), entry.header().epoch(), entry.header().seq());
        let before = self.lying(&epoch, seq, &id)?;
        if !matches!(before, None | Some(Lying::Awaited | Lying::Header(_))) {
            return Ok(Verdict::Known { epoch, seq, id });
        }
        let Some(record) = self.state.epochs.get(&epoch) else {
            return Ok(Verdict::Unknown);
        };
        let (author, class, mine) = (record.author, record.class, record.own.is_some());
        let (entry, opened) = match self.checks.take(&entry, &record.public) {
            Some(checked) => checked,
            None => match entry.verify(&record.public) {
                Ok(entry) => (entry, None),
                Err(_) => return Ok(Verdict::Fault),
            },
        };
        if mine {
            self.on_own_entry_returned(&epoch, seq, &id)?;
        }
        let granted = self.state.epochs.get(&epoch).is_some_and(|record| record.secret.is_none());
        if !self.may_take(&epoch, kept_bytes(entry.body().len())) {
            return Ok(Verdict::Unknown);
        }
        // Its keys may have been forgotten since it was opened ahead.
        let can_read = self.state.epochs.get(&epoch).is_some_and(|record| record.secret.is_some());
        let opened = match opened.filter(|_| can_read) {
            Some(content) => Some(content),
            None => self.open(&entry)?,
        };
        let content = opened.filter(|content| {
            // Of a class that is not known (single entries were granted) only what is ever granted counts.
            let kind = content.body.kind();
            let is_of_class =
                if granted { moment::kind::GRANTABLE.contains(&kind) } else { class.carries(kind) };
            // What says that it is somebody's and is not signed by them is never shown.
            is_of_class && share::is_genuine(&author, content)
        });
        // Taken back from me: that it is known is all that is kept.
        let content = content.filter(|_| !self.is_recalled(&epoch, &id));
        if !self.keep_over(&entry, content.as_ref(), before.as_ref())? {
            return Ok(Verdict::Known { epoch, seq, id });
        }
        // A log with too many holes forgets its oldest, and that may be what has just come.
        if self.state.logs.get(&epoch).is_some_and(|log| seq < log.floor) {
            return Ok(Verdict::Known { epoch, seq, id });
        }
        self.not_awaited(&author, &epoch, &id);
        if let Some(content) = content {
            // Applying what another wrote can fail only for our own disk; what a person would be told is not said here.
            self.apply(author, &entry, content)?;
        }
        self.hold_quota(&author)?;
        Ok(Verdict::Kept { epoch, seq, id })
    }

    /// A header came without its body: the entry is known, and nothing of it is kept. Others may have the body.
    pub(super) fn take_header(&mut self, bytes: &[u8; HEADER_LEN]) -> Result<Verdict, StoreError> {
        let verdict = self.keep_header(bytes)?;
        if let Verdict::Kept { epoch, .. } | Verdict::Known { epoch, .. } = &verdict {
            self.look_for_bodies(*epoch);
        }
        Ok(verdict)
    }

    fn keep_header(&mut self, bytes: &[u8; HEADER_LEN]) -> Result<Verdict, StoreError> {
        let Ok(header) = Header::decode(bytes) else {
            return Ok(Verdict::Fault);
        };
        let (id, epoch, seq) = (header.id(), header.epoch(), header.seq());
        let before = self.lying(&epoch, seq, &id)?;
        if !matches!(before, None | Some(Lying::Awaited)) {
            return Ok(Verdict::Known { epoch, seq, id });
        }
        let Some(record) = self.state.epochs.get(&epoch) else {
            return Ok(Verdict::Unknown);
        };
        if header.verify(&record.public).is_err() {
            return Ok(Verdict::Fault);
        }
        // What this device wrote comes back whole or not at all.
        let (author, mine) = (record.author, record.own.is_some());
        if mine || !self.may_take(&epoch, kept_bytes(0)) {
            return Ok(Verdict::Unknown);
        }
        if !self.make_room(&epoch, seq, &id)? {
            return Ok(Verdict::Known { epoch, seq, id });
        }
        let lying = if before.is_some() { Lying::Gone } else { Lying::Header(bytes.to_vec()) };
        self.note_known(&epoch, seq, &id, before.as_ref(), &lying)?;
        self.hold_quota(&author)?;
        Ok(Verdict::Kept { epoch, seq, id })
    }

    pub(super) fn lying(&self, epoch: &EpochId, seq: u64, id: &EntryId) -> Result<Option<Lying>, StoreError> {
        let key = log_key(epoch, seq, id);
        self.tx.get(Tree::Log, &key)?.map(|bytes| Lying::decode(&key, &bytes)).transpose()
    }

    /// The key of an entry: its epoch's, or one that was granted.
    pub(super) fn content_key(&self, header: &Header) -> Result<Option<ContentKey>, StoreError> {
        self.content_key_in(self.state.epochs.get(&header.epoch()), header)
    }

    /// As [`Service::content_key`], of an entry whose epoch was looked up already.
    pub(super) fn content_key_in(
        &self,
        epoch: Option<&EpochRecord>,
        header: &Header,
    ) -> Result<Option<ContentKey>, StoreError> {
        if let Some(read_key) = epoch.and_then(EpochRecord::read_key) {
            return Ok(Some(header.content_key(&read_key)));
        }
        let granted = self.tx.get(Tree::Keys, &granted_key(&header.epoch(), &header.id()))?;
        Ok(granted.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(ContentKey::from_bytes))
    }

    fn open(&self, entry: &Entry<Verified>) -> Result<Option<Content>, StoreError> {
        let Some(key) = self.content_key(entry.header())? else {
            return Ok(None);
        };
        Ok(entry.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok()))
    }

    /// Keeps an entry that this device signed a moment ago. Nobody else can have it, or have named it: nothing is looked up.
    pub(super) fn keep_written(
        &mut self,
        entry: &Entry<Verified>,
        content: &Content,
    ) -> Result<(), StoreError> {
        self.keep_over(entry, Some(content), None)?;
        Ok(())
    }

    /// Makes an entry known that lay so before, and keeps what is to be kept of it. False if it is one variant too many.
    fn keep_over(
        &mut self,
        entry: &Entry<Verified>,
        content: Option<&Content>,
        before: Option<&Lying>,
    ) -> Result<bool, StoreError> {
        let header = entry.header();
        let (epoch, seq, id) = (header.epoch(), header.seq(), entry.id());
        if before == Some(&Lying::Awaited) {
            // Its withdrawal was here first.
            self.note_known(&epoch, seq, &id, before, &Lying::Gone)?;
            return Ok(false);
        }
        if before.is_none() && !self.make_room(&epoch, seq, &id)? {
            return Ok(false);
        }
        let lying = self.lay(entry, content, before.is_none())?;
        if before.is_some() {
            // The header was known already; now there is a body.
            self.set_lying_over(&epoch, seq, &id, before, &lying)?;
        } else {
            self.note_known(&epoch, seq, &id, None, &lying)?;
        }
        Ok(true)
    }

    /// What is kept of an entry, and where; a post goes under its timeline key. `is_new` if it was never known.
    fn lay(
        &mut self,
        entry: &Entry<Verified>,
        content: Option<&Content>,
        is_new: bool,
    ) -> Result<Lying, StoreError> {
        let (header, id) = (entry.header(), entry.id());
        let whole = [&header.bytes()[..], entry.body()].concat();
        Ok(match content.map(|content| (&content.body, content.created)) {
            None => Lying::Header(header.bytes().to_vec()),
            Some((Body::Post(_), created)) if !created.is_ahead_by(self.now, FUTURE_HOLD_MS) => {
                let shown = created.shown_at(self.now);
                let value = [&self.now.as_millis().to_be_bytes()[..], &whole].concat();
                self.put_post(&header.epoch(), shown, &id, value, is_new)?;
                Lying::Timeline(shown)
            }
            Some(_) => Lying::Whole(whole),
        })
    }

    fn keep_again(&mut self, entry: &Entry<Verified>, content: &Content) -> Result<(), StoreError> {
        let lying = self.lay(entry, Some(content), false)?;
        self.set_lying(&entry.header().epoch(), entry.header().seq(), &entry.id(), &lying)
    }

    /// Of several entries at one number the two with the lowest ids stay, on every node the same (I5).
    fn make_room(&mut self, epoch: &EpochId, seq: u64, id: &EntryId) -> Result<bool, StoreError> {
        if !self.state.logs.get(epoch).is_some_and(|log| log.intervals.contains(seq)) {
            return Ok(true);
        }
        let prefix = log_prefix(epoch, seq);
        // A withdrawal that waits for its entry is no variant: it is in no sum.
        let mut variants = self.tx.prefix(Tree::Log, &prefix, usize::from(u16::MAX))?;
        variants.retain(|(_, value)| *value != Lying::Awaited.encode());
        if variants.len() < FORK_KEEP_LIMIT {
            return Ok(true);
        }
        let Some((key, value)) = variants.last() else {
            return Ok(true);
        };
        let Some((_, _, highest)) = split_log_key(key) else {
            return Err(tx::damaged(Tree::Log, key, "the key is not one of ours"));
        };
        if *id > highest {
            return Ok(false);
        }
        let lying = Lying::decode(key, value)?;
        self.drop_lying(epoch, seq, &highest, &lying)?;
        if let Some(log) = self.state.logs.get_mut(epoch) {
            log.sum.subtract(&highest);
        }
        Ok(true)
    }

    /// An entry is known from now on: its header was verified.
    fn note_known(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        id: &EntryId,
        before: Option<&Lying>,
        lying: &Lying,
    ) -> Result<(), StoreError> {
        self.state.logs.entry(*epoch).or_default().insert(seq, id);
        self.unsettle(epoch);
        self.tx.put(Tree::ById, id.as_bytes(), Place { epoch: *epoch, seq, beneath: None }.encode());
        self.set_lying_over(epoch, seq, id, before, lying)?;
        self.hold_intervals(epoch)
    }

    /// An entry becomes known whose withdrawal was here before it. Its id is the author's word alone, so nothing is
    /// found by it.
    pub(super) fn note_withdrawn(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        self.state.logs.entry(*epoch).or_default().insert(seq, id);
        self.unsettle(epoch);
        self.set_lying(epoch, seq, id, &Lying::Gone)?;
        self.hold_intervals(epoch)
    }

    /// Writes how an entry lies, and counts what that takes. Called while an old timeline record is still there.
    pub(super) fn set_lying(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        id: &EntryId,
        lying: &Lying,
    ) -> Result<(), StoreError> {
        let before = self.lying(epoch, seq, id)?;
        self.set_lying_over(epoch, seq, id, before.as_ref(), lying)
    }

    /// As [`Service::set_lying`], where it was looked up already how the entry lies.
    fn set_lying_over(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        id: &EntryId,
        before: Option<&Lying>,
        lying: &Lying,
    ) -> Result<(), StoreError> {
        let old = before.map(|before| self.lying_bytes(before, id)).transpose()?;
        let new = self.lying_bytes(lying, id)?;
        self.note_resized(epoch, old, Some(new));
        if matches!(lying, Lying::Header(_)) {
            self.bodies.changed(epoch);
        }
        self.tx.put(Tree::Log, &log_key(epoch, seq, id), lying.encode());
        self.save_log(epoch);
        Ok(())
    }

    /// Forgets an entry altogether, with whatever hangs on it.
    pub(super) fn drop_lying(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        id: &EntryId,
        lying: &Lying,
    ) -> Result<(), StoreError> {
        let bytes = self.lying_bytes(lying, id)?;
        self.note_resized(epoch, Some(bytes), None);
        let place = self.place(id)?.filter(|place| place.epoch == *epoch && place.seq == seq);
        match lying {
            Lying::Timeline(shown) => {
                if place.is_some() {
                    self.forget_post(id)?;
                }
                self.remove_post(epoch, *shown, id)?;
            }
            Lying::Whole(_) => {
                if let Some((post, shown)) = place.and_then(|place| place.beneath) {
                    self.drop_interaction(&post, shown, id)?;
                }
            }
            _ => {}
        }
        self.forget_recall(epoch, id)?;
        // An older one is among the newest instead.
        self.bodies.changed(epoch);
        self.tx.remove(Tree::Log, &log_key(epoch, seq, id));
        if let Some(author) = self.state.epochs.get(epoch).map(|record| record.author) {
            self.forget_key(&author, epoch, id);
        }
        // Another epoch may name the same id: only its own place and marks go with an entry.
        if place.is_some() {
            self.forget_marks(id);
            self.tx.remove(Tree::ById, id.as_bytes());
        }
        self.save_log(epoch);
        Ok(())
    }

    /// What an entry takes as it lies, bytes.
    fn lying_bytes(&self, lying: &Lying, id: &EntryId) -> Result<u64, StoreError> {
        let len = match lying {
            Lying::Timeline(shown) => {
                let stored = self.tx.get(Tree::Timeline, &timeline_key(*shown, id))?;
                stored.map_or(0, |value| value.len().saturating_sub(8))
            }
            Lying::Whole(bytes) | Lying::Header(bytes) => bytes.len(),
            Lying::Gone | Lying::Awaited => 0,
        };
        Ok(u64::try_from(len).unwrap_or(u64::MAX))
    }

    /// Where an entry is.
    pub(super) fn place(&self, id: &EntryId) -> Result<Option<Place>, StoreError> {
        self.tx.get(Tree::ById, id.as_bytes())?.map(|bytes| Place::decode(id.as_bytes(), &bytes)).transpose()
    }

    pub(super) fn put_place(&mut self, id: &EntryId, place: &Place) {
        self.tx.put(Tree::ById, id.as_bytes(), place.encode());
    }

    /// The header and body of an entry that is kept whole.
    pub(super) fn kept(&self, id: &EntryId) -> Result<Option<Entry<Verified>>, StoreError> {
        let Some(place) = self.place(id)? else {
            return Ok(None);
        };
        let whole = match self.lying(&place.epoch, place.seq, id)? {
            Some(Lying::Whole(bytes)) => bytes,
            Some(Lying::Timeline(shown)) => match self.tx.get(Tree::Timeline, &timeline_key(shown, id))? {
                Some(bytes) => bytes.get(8..).unwrap_or_default().to_vec(),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let (header, body) = whole.split_at_checked(HEADER_LEN).unwrap_or((&whole, &[]));
        Entry::trust_stored(header, body.to_vec())
            .map(Some)
            .map_err(|_| tx::damaged(Tree::Log, id.as_bytes(), "the entry does not decode"))
    }

    /// Acts on what an entry says.
    pub(super) fn apply(
        &mut self,
        author: UserId,
        entry: &Entry<Verified>,
        content: Content,
    ) -> Result<(), StoreError> {
        let (header, id) = (entry.header(), entry.id());
        match content.body {
            Body::Post(post) => {
                if content.created.is_ahead_by(self.now, FUTURE_HOLD_MS) {
                    self.hold(author, content.created, id);
                } else {
                    self.on_post(author, entry, content.created, post)?;
                }
            }
            Body::Tombstone(tombstone) => {
                let target = self.state.epochs.get(&tombstone.epoch).map(|record| record.author);
                if target == Some(author) {
                    self.apply_tombstone(&tombstone)?;
                }
            }
            Body::Identity(bytes) => self.on_identity(author, &bytes),
            Body::Device(bytes) => self.on_device(author, &bytes),
            Body::Profile(profile) => {
                let at = Timestamp::from_millis(content.created.as_millis());
                // Entries come newest first: an older profile is no news.
                let is_news = self.state.friends.get(&author).is_some_and(|friend| friend.profile_at <= at);
                if is_news || author == self.me() {
                    self.take_face(author, id, &profile)?;
                }
                if is_news {
                    self.window_told(&author, profile.window_days);
                    // It fails only for want of the friend, who was there a line above; the view is for callers of a verb.
                    let _ = self.change_friend(author, |friend| {
                        friend.profile_at = at;
                        friend.own_name = profile.name.clone();
                        friend.about = profile.about.clone();
                        friend.window_days = profile.window_days;
                    });
                }
            }
            Body::Interaction(sealed) => self.on_interaction(author, header.epoch(), header, id, &sealed)?,
            Body::Hide(tag) => self.on_hide(author, tag)?,
            Body::Status(status) => self.on_status(author, id, content.created, status),
            // Kept as they came, for the releases that show them.
            Body::SelfOp(_) | Body::AppUpdate(_) | Body::Unknown { .. } => {}
        }
        Ok(())
    }

    /// An entry that was from the future is shown now.
    pub(super) fn show_held(&mut self, id: &EntryId) -> Result<(), StoreError> {
        let Some(entry) = self.kept(id)? else { return Ok(()) };
        let (epoch, seq) = (entry.header().epoch(), entry.header().seq());
        if !matches!(self.lying(&epoch, seq, id)?, Some(Lying::Whole(_))) {
            return Ok(());
        }
        let Some(content) = self.open(&entry)? else { return Ok(()) };
        let Some(author) = self.state.epochs.get(&epoch).map(|record| record.author) else { return Ok(()) };
        self.keep_again(&entry, &content)?;
        self.apply(author, &entry, content)
    }

    /// A friend's IdentityRecord, from wherever it came.
    pub(super) fn on_identity(&mut self, user: UserId, bytes: &[u8]) {
        let Ok(record) = IdentityRecord::open(bytes) else { return };
        let Some(friend) = self.state.friends.get_mut(&user) else { return };
        match friend.identity.take(record) {
            Outcome::Taken { dropped, .. } => {
                for device in &dropped {
                    friend.devices.remove(device);
                }
                self.save_friend(&user);
                self.admit();
                self.owed_changed(&user);
            }
            Outcome::RootUsedTwice => {
                tracing::warn!(user = %user.short(), "two different records with one number: the root key was used twice");
            }
            _ => {}
        }
    }

    /// A DeviceRecord of a friend, from wherever it came. The highest number counts.
    pub(super) fn on_device(&mut self, user: UserId, bytes: &[u8]) {
        let Ok(record) = DeviceRecord::open(bytes) else { return };
        let Some(friend) = self.state.friends.get_mut(&user) else { return };
        if !crate::identity::live_device(&friend.identity, &record) {
            return;
        }
        let device = record.device();
        if friend.devices.get(&device).is_some_and(|known| !record.is_newer_than(known)) {
            return;
        }
        friend.devices.insert(device, record);
        self.save_friend(&user);
        self.admit();
        self.dial_soon(&user);
    }

    /// Withdraws an entry: nothing of it is kept but its number and id. Valid tombstones alone come here.
    pub(super) fn apply_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let before = self.lying(&tombstone.epoch, tombstone.seq, &tombstone.entry)?;
        // A status passes by itself: nobody is told who has let go of it.
        if !self.is_status(&tombstone.epoch, &tombstone.entry) {
            self.owe_receipt(tombstone, before.as_ref())?;
        }
        self.let_go(tombstone, before)
    }

    /// Keeps nothing of an entry but its number and id: it was withdrawn, or has expired.
    pub(super) fn let_go(&mut self, entry: &Tombstone, before: Option<Lying>) -> Result<(), StoreError> {
        let Tombstone { epoch, seq, entry: id } = *entry;
        let author = self.state.epochs.get(&epoch).map(|record| record.author);
        if let Some(author) = &author {
            self.forget_key(author, &epoch, &id);
        }
        self.forget_recall(&epoch, &id)?;
        // What an id stands for that never came is its author's word: it may be that of another's moment.
        let is_here = self.place(&id)?.is_some_and(|place| place.epoch == epoch && place.seq == seq);
        if is_here {
            self.forget_marks(&id);
        }
        if author == Some(self.me()) {
            self.forget_rule(&id);
        }
        match &before {
            None => {
                self.set_lying(&epoch, seq, &id, &Lying::Awaited)?;
                return author.map_or(Ok(()), |author| self.hold_quota(&author));
            }
            Some(Lying::Gone | Lying::Awaited) => return Ok(()),
            Some(_) => {}
        }
        let place = self.place(&id)?;
        if let Some((post, shown)) = place.and_then(|place| place.beneath) {
            self.withdraw_interaction(&post, shown, &id)?;
        }
        if matches!(before, Some(Lying::Timeline(_))) {
            self.forget_post(&id)?;
        }
        self.set_lying(&epoch, seq, &id, &Lying::Gone)?;
        if let Some(author) = &author {
            self.status_withdrawn(author, &id);
        }
        if let Some(Lying::Timeline(shown)) = before {
            self.remove_post(&epoch, shown, &id)?;
            self.emit(view::Happening::Withdrawn { id });
        }
        Ok(())
    }

    /// Where an own entry was written, if it is one.
    pub(super) fn place_of(&self, id: &EntryId) -> Said<Option<(EpochId, u64)>> {
        Ok(self.place(id)?.map(|place| (place.epoch, place.seq)))
    }

    /// A peer shows an entry that this device signed and does not hold (docs/protocol.md 3.13).
    fn on_own_entry_returned(&mut self, epoch: &EpochId, seq: u64, id: &EntryId) -> Result<(), StoreError> {
        if self.state.epochs.get(epoch).is_some_and(|record| !record.is_open()) {
            // Nothing can be signed there any more, so nothing can be signed twice.
            return Ok(());
        }
        let other_there = self.state.logs.get(epoch).is_some_and(|log| log.intervals.contains(seq));
        if !other_there && self.reservations.is_of_earlier_start(epoch, seq) {
            tracing::info!(seq, entry = %id.short(), "a friend handed back an entry that a crash had lost");
            return Ok(());
        }
        tracing::warn!(seq, "this home is older than what friends have of it: every open epoch is retired");
        self.retire_all();
        Ok(())
    }

    /// Class of an entry's epoch.
    pub(super) fn class_of(&self, epoch: &EpochId) -> Option<Class> {
        self.state.epochs.get(epoch).map(|record| record.class)
    }
}
