//! Likes, comments and replies: written into one's own `~contact`, found again by a tag that only readers of the post
//! can make.
//!
//! Whoever is a friend of the writer holds the entry; whoever can open the post can open what is inside. So everybody
//! sees what friends of both said, and nobody learns what strangers said (docs/protocol.md 3.5). An interaction whose
//! post is not here waits as an orphan until the post comes.
//!
//! ```text
//!  Tree::Interactions  post ‖ shown ‖ id   kind 1 ‖ state 1 ‖ writer ‖ epoch ‖ seq ‖ gate ‖ target ‖ text
//!  Tree::Orphans       writer ‖ first seen ‖ id   (nothing: the entry lies in the log)
//! ```
//!
//! Source: docs/protocol.md 3.1, 3.5.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::people::within;
use super::publish::internal;
use super::{Service, tx};
use crate::audience::Audience;
use crate::crypto::{ContentKey, Gate, Nonce, ThreadKey, keys};
use crate::entry::Header;
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{COMMENT_TEXT_LIMIT, INTERACTION_PADDED_MIN, ORPHAN_LIMIT, THREAD_CACHE_LIMIT};
use crate::moment::interaction::{open_interaction, open_reply, seal_interaction, seal_reply};
use crate::moment::{Body, Content, Inner, SealedInteraction, Slot};
use crate::store::layout::{interaction_key, orphan_key, split_timeline_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// The keys of the newest posts' threads, so that an interaction is matched without reading a post.
#[derive(Debug, Default)]
pub(super) struct Threads {
    posts: BTreeMap<(Reverse<Timestamp>, EntryId), ThreadKey>,
    loaded: bool,
}

/// What an interaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Like,
    Comment,
    Reply,
}

/// Whether an interaction is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Shown,
    /// A reply whose target's gate is not held.
    Shut,
    /// Withdrawn; its gate is kept, so that replies to it stay readable.
    Withdrawn,
}

/// An interaction beneath a post, opened.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) stand: Stand,
    pub(super) writer: UserId,
    pub(super) epoch: EpochId,
    pub(super) seq: u64,
    pub(super) gate: Gate,
    pub(super) target: Option<EntryId>,
    pub(super) text: String,
}

impl Encode for Row {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(match self.kind {
            Kind::Like => 1,
            Kind::Comment => 3,
            Kind::Reply => 4,
        });
        out.u8(match self.stand {
            Stand::Shown => 0,
            Stand::Shut => 1,
            Stand::Withdrawn => 2,
        });
        out.value(&self.writer).value(&self.epoch).u64(self.seq).raw(self.gate.expose_bytes());
        out.raw(self.target.map_or([0; 32], |id| *id.as_bytes()).as_slice()).bytes_u16(self.text.as_bytes());
    }
}

impl Decode for Row {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = match input.u8()? {
            1 => Kind::Like,
            3 => Kind::Comment,
            4 => Kind::Reply,
            code => return Err(DecodeError::Unknown { what: "interaction", code: u64::from(code) }),
        };
        let stand = match input.u8()? {
            0 => Stand::Shown,
            1 => Stand::Shut,
            2 => Stand::Withdrawn,
            code => return Err(DecodeError::Unknown { what: "state", code: u64::from(code) }),
        };
        Ok(Self {
            kind,
            stand,
            writer: input.value()?,
            epoch: input.value()?,
            seq: input.u64()?,
            gate: Gate::from_bytes(input.array()?),
            target: Some(input.array::<32>()?).filter(|id| *id != [0; 32]).map(EntryId::from_bytes),
            text: input.text_u16("text", COMMENT_TEXT_LIMIT)?.to_owned(),
        })
    }
}

/// A row with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) id: EntryId,
    pub(super) shown: Timestamp,
    pub(super) row: Row,
}

impl Service {
    /// Likes a moment; a second like changes nothing.
    ///
    /// # Errors
    /// Not found.
    pub fn like(&mut self, word: &str) -> Said<EntryId> {
        let post = self.resolve_moment(word)?;
        let me = self.me();
        let mine = self.rows(&post)?.into_iter().any(|placed| {
            placed.row.writer == me && placed.row.kind == Kind::Like && placed.row.stand == Stand::Shown
        });
        if !mine {
            self.interact(&post, |thread, slot, service| {
                seal_interaction(thread, slot, &Inner::Like, &mut service.entropy)
            })?;
        }
        Ok(post)
    }

    /// Takes one's like back.
    ///
    /// # Errors
    /// Not found.
    pub fn unlike(&mut self, word: &str) -> Said<EntryId> {
        let post = self.resolve_moment(word)?;
        let me = self.me();
        for placed in self.rows(&post)? {
            if placed.row.writer == me && placed.row.kind == Kind::Like && placed.row.stand == Stand::Shown {
                self.withdraw(&placed.id)?;
            }
        }
        Ok(post)
    }

    /// Comments on a moment, or replies to a comment beneath it.
    ///
    /// # Errors
    /// Not found; usage for an empty text; refused above the limit.
    pub fn comment(&mut self, word: &str, text: &str, reply_to: Option<&str>) -> Said<view::Comment> {
        let post = self.resolve_moment(word)?;
        if text.trim().is_empty() {
            return Err(Error::usage("empty", "the comment is empty", "write something"));
        }
        within("comment", text, COMMENT_TEXT_LIMIT)?;
        let target = reply_to.map(|word| self.resolve_comment(&post, word)).transpose()?;
        let id = match &target {
            None => self.interact(&post, |thread, slot, service| {
                seal_interaction(
                    thread,
                    slot,
                    &Inner::Comment { text: text.to_owned() },
                    &mut service.entropy,
                )
            })?,
            Some(target) => self.interact(&post, |thread, slot, service| {
                seal_reply(thread, slot, &target.id, &target.row.gate, text, &mut service.entropy)
            })?,
        };
        self.answer_after_barrier = true;
        let placed = self.rows(&post)?.into_iter().find(|placed| placed.id == id).ok_or_else(internal)?;
        Ok(self.comment_view(&placed))
    }

    fn interact(
        &mut self,
        post: &EntryId,
        seal: impl FnOnce(&ThreadKey, &Slot, &mut Self) -> Result<SealedInteraction, crate::moment::WriteError>,
    ) -> Said<EntryId> {
        let entry = self.kept(post)?.ok_or_else(internal)?;
        let key = self.content_key(entry.header())?.ok_or_else(internal)?;
        let thread = keys::thread_key(&key);
        let epoch = self.epoch_for(&Audience::Contact)?;
        let (seq, created) = self.next_number(&epoch)?;
        let slot = Slot { writer: self.me(), epoch, seq };
        let sealed = seal(&thread, &slot, self)
            .map_err(|error| Error::refused("too_long", error.to_string(), "make it shorter"))?;
        let nonce = Nonce::random(&mut self.entropy);
        let body = Body::Interaction(sealed);
        self.write_numbered(epoch, (seq, created, nonce), body, INTERACTION_PADDED_MIN, None)
    }

    fn resolve_comment(&self, post: &EntryId, word: &str) -> Said<Placed> {
        let comments = self.rows(post)?.into_iter().filter(|placed| {
            placed.row.kind != Kind::Like
                && placed.row.stand == Stand::Shown
                && placed.id.to_string().starts_with(word)
        });
        let mut found: Vec<_> = comments.collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) if word.len() >= 4 => Ok(one),
            _ => Err(Error::not_found(
                "no_such_comment",
                format!("no comment {word:?} beneath this moment"),
                "see `tidings show ID` for the ids of comments",
            )),
        }
    }

    /// A friend's interaction came, or one of mine was written.
    pub(super) fn on_interaction(
        &mut self,
        writer: UserId,
        epoch: EpochId,
        header: &Header,
        id: EntryId,
        sealed: &SealedInteraction,
    ) -> Result<(), StoreError> {
        let Some(key) = self.content_key(header)? else {
            return Ok(());
        };
        let slot = Slot { writer, epoch, seq: header.seq() };
        match self.match_thread(&slot, sealed)? {
            Some((post, thread)) => self.attach(&post, &thread, &slot, &key, id, sealed),
            None => self.keep_orphan(writer, id),
        }
    }

    fn keep_orphan(&mut self, writer: UserId, id: EntryId) -> Result<(), StoreError> {
        self.tx.put(Tree::Orphans, &orphan_key(&writer, self.now, &id), Vec::new());
        let all = self.tx.prefix(Tree::Orphans, writer.as_bytes(), ORPHAN_LIMIT.saturating_add(1))?;
        if let Some((oldest, _)) = all.first().filter(|_| all.len() > ORPHAN_LIMIT) {
            self.tx.remove(Tree::Orphans, oldest);
        }
        Ok(())
    }

    /// The post whose thread an interaction belongs to, newest first.
    fn match_thread(
        &mut self,
        slot: &Slot,
        sealed: &SealedInteraction,
    ) -> Result<Option<(EntryId, ThreadKey)>, StoreError> {
        self.load_threads()?;
        let cached = self.threads.posts.iter().find(|(_, thread)| sealed.matches(thread, &slot.writer));
        if let Some(((_, post), thread)) = cached {
            return Ok(Some((*post, thread.clone())));
        }
        // Older posts than the cache holds are read; threads that old rarely speak.
        if self.threads.posts.len() < THREAD_CACHE_LIMIT {
            return Ok(None);
        }
        let Some(((Reverse(oldest), last), _)) = self.threads.posts.last_key_value() else {
            return Ok(None);
        };
        let mut range = KeyRange::all().before(crate::store::layout::timeline_key(*oldest, last));
        loop {
            let page = self.tx.range(Tree::Timeline, range.clone(), Direction::Backward, 1_000)?;
            let Some((end, _)) = page.last().cloned() else {
                return Ok(None);
            };
            for (key, value) in &page {
                if let Some((_, post, thread)) = self.thread_of(key, value)?
                    && sealed.matches(&thread, &slot.writer)
                {
                    return Ok(Some((post, thread)));
                }
            }
            range = range.before(end);
        }
    }

    fn load_threads(&mut self) -> Result<(), StoreError> {
        if self.threads.loaded {
            return Ok(());
        }
        self.threads.loaded = true;
        let newest =
            self.tx.range(Tree::Timeline, KeyRange::all(), Direction::Backward, THREAD_CACHE_LIMIT)?;
        for (key, value) in &newest {
            if let Some((shown, post, thread)) = self.thread_of(key, value)? {
                self.threads.posts.insert((Reverse(shown), post), thread);
            }
        }
        Ok(())
    }

    fn thread_of(
        &self,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<(Timestamp, EntryId, ThreadKey)>, StoreError> {
        let bad = || tx::damaged(Tree::Timeline, key, "the record does not decode");
        let (shown, post) = split_timeline_key(key).ok_or_else(bad)?;
        let header = value.get(8..).and_then(|rest| rest.first_chunk()).ok_or_else(bad)?;
        let header = Header::decode(header).map_err(|_| bad())?;
        Ok(self.content_key(&header)?.map(|key| (shown, post, keys::thread_key(&key))))
    }

    /// A post is here: its thread is known from now on, and orphans that belong to it are taken in.
    pub(super) fn add_thread(
        &mut self,
        post: EntryId,
        shown: Timestamp,
        key: &ContentKey,
    ) -> Result<(), StoreError> {
        let thread = keys::thread_key(key);
        self.load_threads()?;
        self.threads.posts.insert((Reverse(shown), post), thread.clone());
        while self.threads.posts.len() > THREAD_CACHE_LIMIT {
            self.threads.posts.pop_last();
        }
        let orphans = self.tx.range(Tree::Orphans, KeyRange::all(), Direction::Forward, ORPHAN_LIMIT)?;
        for (orphan, _) in orphans {
            let writer = orphan.first_chunk::<32>().map(|bytes| UserId::from_bytes(*bytes));
            let id = orphan.last_chunk::<32>().map(|bytes| EntryId::from_bytes(*bytes));
            let (Some(writer), Some(id)) = (writer, id) else { continue };
            let Some(entry) = self.kept(&id)? else {
                self.tx.remove(Tree::Orphans, &orphan);
                continue;
            };
            let Some(own_key) = self.content_key(entry.header())? else { continue };
            let content = entry.open(&own_key).ok().and_then(|bytes| Content::decode(&bytes).ok());
            let Some(Content { body: Body::Interaction(sealed), .. }) = content else { continue };
            let slot = Slot { writer, epoch: entry.header().epoch(), seq: entry.header().seq() };
            if sealed.matches(&thread, &writer) {
                self.tx.remove(Tree::Orphans, &orphan);
                self.attach(&post, &thread, &slot, &own_key, id, &sealed)?;
            }
        }
        Ok(())
    }

    /// Puts an interaction beneath its post.
    fn attach(
        &mut self,
        post: &EntryId,
        thread: &ThreadKey,
        slot: &Slot,
        key: &ContentKey,
        id: EntryId,
        sealed: &SealedInteraction,
    ) -> Result<(), StoreError> {
        let Ok(inner) = open_interaction(thread, slot, sealed) else {
            return Ok(());
        };
        let mut row = Row {
            kind: Kind::Like,
            stand: Stand::Shown,
            writer: slot.writer,
            epoch: slot.epoch,
            seq: slot.seq,
            gate: keys::gate(key),
            target: None,
            text: String::new(),
        };
        match inner {
            Inner::Like => {}
            Inner::Comment { text } => {
                row.kind = Kind::Comment;
                row.text = text;
            }
            Inner::Reply(reply) => {
                row.kind = Kind::Reply;
                row.target = Some(reply.target);
                let gate = self.rows(post)?.into_iter().find(|placed| placed.id == reply.target);
                let text =
                    gate.and_then(|target| open_reply(thread, slot, sealed, &reply, &target.row.gate).ok());
                row.stand = if text.is_some() { Stand::Shown } else { Stand::Shut };
                row.text = text.unwrap_or_default();
            }
        }
        let shown = self.created_of(&id, key)?.unwrap_or(self.now);
        let place = self.place(&id)?;
        if let Some(mut place) = place {
            place.beneath = Some((*post, shown));
            self.put_place(&id, &place);
        }
        self.tx.put_record(Tree::Interactions, &interaction_key(post, shown, &id), &row);
        self.open_replies(post, thread, &id, &row.gate)?;
        self.thread_changed(post)
    }

    /// When an interaction is shown: as claimed, and not later than it came.
    fn created_of(&self, id: &EntryId, key: &ContentKey) -> Result<Option<Timestamp>, StoreError> {
        let entry = self.kept(id)?;
        let content =
            entry.and_then(|entry| entry.open(key).ok()).and_then(|bytes| Content::decode(&bytes).ok());
        Ok(content.map(|content| content.created.shown_at(self.now)))
    }

    /// Replies that waited for their target's gate can be read now.
    fn open_replies(
        &mut self,
        post: &EntryId,
        thread: &ThreadKey,
        target: &EntryId,
        gate: &Gate,
    ) -> Result<(), StoreError> {
        for mut placed in self.rows(post)? {
            if placed.row.stand != Stand::Shut || placed.row.target != Some(*target) {
                continue;
            }
            let Some(entry) = self.kept(&placed.id)? else { continue };
            let Some(key) = self.content_key(entry.header())? else { continue };
            let content = entry.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok());
            let Some(Content { body: Body::Interaction(sealed), .. }) = content else { continue };
            let slot = Slot { writer: placed.row.writer, epoch: placed.row.epoch, seq: placed.row.seq };
            let Ok(Inner::Reply(reply)) = open_interaction(thread, &slot, &sealed) else { continue };
            if let Ok(text) = open_reply(thread, &slot, &sealed, &reply, gate) {
                placed.row.text = text;
                placed.row.stand = Stand::Shown;
                let key = interaction_key(post, placed.shown, &placed.id);
                self.tx.put_record(Tree::Interactions, &key, &placed.row);
            }
        }
        Ok(())
    }

    /// All interactions beneath a post, oldest first.
    pub(super) fn rows(&self, post: &EntryId) -> Result<Vec<Placed>, StoreError> {
        let records = self.tx.prefix(Tree::Interactions, post.as_bytes(), usize::from(u16::MAX))?;
        records
            .into_iter()
            .map(|(key, value)| {
                let bad = || tx::damaged(Tree::Interactions, &key, "the key is not one of ours");
                let shown = key.get(32..40).and_then(|ms| <[u8; 8]>::try_from(ms).ok()).ok_or_else(bad)?;
                let id = key.get(40..).and_then(|id| EntryId::try_from(id).ok()).ok_or_else(bad)?;
                let row = tx::decode(Tree::Interactions, &key, &value)?;
                Ok(Placed { id, shown: Timestamp::from_millis(u64::from_be_bytes(shown)), row })
            })
            .collect()
    }

    /// A like or comment was withdrawn by its writer.
    pub(super) fn withdraw_interaction(
        &mut self,
        post: &EntryId,
        shown: Timestamp,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        let key = interaction_key(post, shown, id);
        let Some(mut row) = self.tx.record::<Row>(Tree::Interactions, &key)? else {
            return Ok(());
        };
        row.stand = Stand::Withdrawn;
        row.text = String::new();
        self.tx.put_record(Tree::Interactions, &key, &row);
        self.thread_changed(post)
    }

    /// An interaction is kept no more: its row goes.
    pub(super) fn forget_interaction(
        &mut self,
        post: &EntryId,
        shown: Timestamp,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        self.tx.remove(Tree::Interactions, &interaction_key(post, shown, id));
        self.thread_changed(post)
    }

    /// A post is gone: its thread goes with it.
    pub(super) fn forget_thread(&mut self, post: &EntryId, shown: Timestamp) -> Result<(), StoreError> {
        self.threads.posts.remove(&(Reverse(shown), *post));
        for placed in self.rows(post)? {
            self.tx.remove(Tree::Interactions, &interaction_key(post, placed.shown, &placed.id));
        }
        Ok(())
    }

    fn thread_changed(&mut self, post: &EntryId) -> Result<(), StoreError> {
        if let Some(moment) = self.moment_if_shown(post)? {
            self.emit(view::Happening::Interaction { moment: Box::new(moment) });
        }
        Ok(())
    }

    pub(super) fn comment_view(&self, placed: &Placed) -> view::Comment {
        view::Comment {
            id: placed.id,
            author: self.person(&placed.row.writer),
            text: placed.row.text.clone(),
            reply_to: placed.row.target,
            created_at: placed.shown,
        }
    }
}
