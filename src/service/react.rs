//! Likes, comments and replies: written into one's own `~contact`, found again by a tag that only readers of the post
//! can make.
//!
//! Whoever is a friend of the writer holds the entry; whoever can open the post can open what is inside. So everybody
//! sees what friends of both said, and nobody learns what strangers said (docs/protocol.md 3.5). An interaction whose
//! post is not here waits as an orphan until the post comes.
//!
//! Writers do not take room from each other: of each writer the newest 200 comments beneath a post are kept, each has
//! a budget of old posts that are searched for theirs, and when a post comes all writers' orphans are tried in turn.
//!
//! ```text
//!  Tree::Interactions  post ‖ shown ‖ id   kind 1 ‖ state 1 ‖ writer ‖ epoch ‖ seq ‖ gate ‖ target ‖ text
//!                                          ‖ hidden 1 ‖ hide tag 16
//!  Tree::Orphans       writer ‖ first seen ‖ id   nothing, or 1 while old posts are still to be tried;
//!                                                 the entry lies in the log
//! ```
//!
//! Source: docs/protocol.md 3.1, 3.5.

use super::hides::HideTag;
use super::orphans::Match;
use super::people::within;
use super::publish::internal;
use super::{Output, Service, tx};
use crate::audience::Audience;
use crate::crypto::{ContentKey, Gate, Nonce, ThreadKey, keys};
use crate::entry::Header;
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{
    COMMENT_TEXT_LIMIT, INTERACTION_PADDED_MIN, POST_WRITER_COMMENT_LIMIT, POST_WRITER_LIKE_LIMIT,
};
use crate::moment::interaction::{open_interaction, open_reply, seal_interaction, seal_reply};
use crate::moment::{Body, Content, Inner, SealedInteraction, Slot};
use crate::store::layout::interaction_key;
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

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
    /// The post's author took it away: its writer alone still sees it.
    pub(super) hidden: bool,
    /// How the post's author names it. None in a record of an earlier version.
    pub(super) tag: Option<HideTag>,
}

impl Row {
    /// Whether `viewer` is shown it.
    pub(super) fn is_shown_to(&self, viewer: &UserId) -> bool {
        self.stand == Stand::Shown && (!self.hidden || self.writer == *viewer)
    }
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
        if let Some(tag) = &self.tag {
            out.bool(self.hidden).raw(tag);
        }
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
        let mut row = Self {
            kind,
            stand,
            writer: input.value()?,
            epoch: input.value()?,
            seq: input.u64()?,
            gate: Gate::from_bytes(input.array()?),
            target: Some(input.array::<32>()?).filter(|id| *id != [0; 32]).map(EntryId::from_bytes),
            text: input.text_u16("text", COMMENT_TEXT_LIMIT)?.to_owned(),
            hidden: false,
            tag: None,
        };
        if input.remaining() > 0 {
            row.hidden = input.bool()?;
            row.tag = Some(input.array()?);
        }
        Ok(row)
    }
}

/// A row with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) id: EntryId,
    pub(super) shown: Timestamp,
    pub(super) row: Row,
}

/// An interaction with the key that opened its entry.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) key: ContentKey,
    pub(super) sealed: SealedInteraction,
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
        let sealed = seal(&thread, &slot, self).map_err(|error| {
            Error::refused("too_long", error.to_string(), "make it shorter").with("limit", COMMENT_TEXT_LIMIT)
        })?;
        let nonce = Nonce::random(&mut self.entropy);
        let body = Body::Interaction(sealed);
        self.write_numbered(epoch, (seq, created, nonce), body, INTERACTION_PADDED_MIN, None)
    }

    fn resolve_comment(&self, post: &EntryId, word: &str) -> Said<Placed> {
        let digits = word.to_lowercase();
        let comments = self.rows(post)?.into_iter().filter(|placed| {
            placed.row.kind != Kind::Like
                && placed.row.stand == Stand::Shown
                && !placed.row.hidden
                && placed.id.to_string().starts_with(&digits)
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
            Match::Post(post, thread) => {
                let mut rows = self.rows(&post)?;
                let found = Found { slot, key, sealed: sealed.clone() };
                if self.attach(&post, &thread, &mut rows, id, &found)? {
                    self.thread_changed(&post, &rows)?;
                }
                Ok(())
            }
            Match::None => self.keep_orphan(writer, id, false),
            Match::Later => self.keep_orphan(writer, id, true),
        }
    }

    /// An interaction that is kept, opened as far as its epoch goes. None if it is not kept or cannot be read.
    pub(super) fn interaction_of(&self, writer: UserId, id: &EntryId) -> Result<Option<Found>, StoreError> {
        let Some(entry) = self.kept(id)? else { return Ok(None) };
        let Some(key) = self.content_key(entry.header())? else { return Ok(None) };
        let content = entry.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok());
        let Some(Content { body: Body::Interaction(sealed), .. }) = content else { return Ok(None) };
        let slot = Slot { writer, epoch: entry.header().epoch(), seq: entry.header().seq() };
        Ok(Some(Found { slot, key, sealed }))
    }

    /// Puts an interaction beneath its post, into the store and into `rows`, which are all that stand there. False if
    /// it does not open or is older than all that is kept of its writer there.
    pub(super) fn attach(
        &mut self,
        post: &EntryId,
        thread: &ThreadKey,
        rows: &mut Vec<Placed>,
        id: EntryId,
        found: &Found,
    ) -> Result<bool, StoreError> {
        let Found { slot, key, sealed } = found;
        let Ok(inner) = open_interaction(thread, slot, sealed) else {
            return Ok(false);
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
            hidden: false,
            tag: None,
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
                let gate = rows.iter().find(|placed| placed.id == reply.target);
                let text =
                    gate.and_then(|target| open_reply(thread, slot, sealed, &reply, &target.row.gate).ok());
                row.stand = if text.is_some() { Stand::Shown } else { Stand::Shut };
                row.text = text.unwrap_or_default();
            }
        }
        let shown = self.created_of(&id, key)?.unwrap_or(self.now);
        let mut placed = Placed { id, shown, row };
        if !self.room_beneath(post, rows, &placed)? {
            return Ok(false);
        }
        if let Some(mut place) = self.place(&id)? {
            place.beneath = Some((*post, shown));
            self.put_place(&id, &place);
        }
        self.mark_hidden(post, thread, &mut placed)?;
        self.tx.put_record(Tree::Interactions, &interaction_key(post, shown, &id), &placed.row);
        self.open_replies(post, thread, rows, &placed)?;
        self.notice_interaction(post, rows, &placed)?;
        let at = rows.partition_point(|other| (other.shown, other.id) < (shown, id));
        rows.insert(at, placed);
        Ok(true)
    }

    /// Of what one writer said beneath one post the newest stay, in whatever order they come. False if this one is too
    /// old to stay.
    fn room_beneath(
        &mut self,
        post: &EntryId,
        rows: &mut Vec<Placed>,
        new: &Placed,
    ) -> Result<bool, StoreError> {
        let is_like = new.row.kind == Kind::Like;
        let limit = if is_like { POST_WRITER_LIKE_LIMIT } else { POST_WRITER_COMMENT_LIMIT };
        let (writer, me) = (new.row.writer, self.me());
        let is_alike =
            |placed: &Placed| placed.row.writer == writer && (placed.row.kind == Kind::Like) == is_like;
        while rows.iter().filter(|placed| is_alike(placed)).count() >= limit {
            let Some(oldest) = rows.iter().position(is_alike) else { break };
            // What I say now stays, whatever my clock says.
            if writer != me && rows.get(oldest).is_some_and(|old| (old.shown, old.id) > (new.shown, new.id)) {
                return Ok(false);
            }
            let old = rows.remove(oldest);
            self.remove_row(post, old.shown, &old.id, old.row.tag.as_ref())?;
        }
        Ok(true)
    }

    /// Nothing stays of a row: neither its tag nor what was told of it.
    pub(super) fn remove_row(
        &mut self,
        post: &EntryId,
        shown: Timestamp,
        id: &EntryId,
        tag: Option<&HideTag>,
    ) -> Result<(), StoreError> {
        self.tx.remove(Tree::Interactions, &interaction_key(post, shown, id));
        if let Some(tag) = tag {
            self.tx.remove(Tree::HideTags, tag);
        }
        self.drop_notice(id)
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
        rows: &mut [Placed],
        target: &Placed,
    ) -> Result<(), StoreError> {
        for placed in rows {
            if placed.row.stand != Stand::Shut || placed.row.target != Some(target.id) {
                continue;
            }
            let Some(found) = self.interaction_of(placed.row.writer, &placed.id)? else { continue };
            let Found { slot, sealed, .. } = &found;
            let Ok(Inner::Reply(reply)) = open_interaction(thread, slot, sealed) else { continue };
            if let Ok(text) = open_reply(thread, slot, sealed, &reply, &target.row.gate) {
                placed.row.text = text;
                placed.row.stand = Stand::Shown;
                let key = interaction_key(post, placed.shown, &placed.id);
                self.tx.put_record(Tree::Interactions, &key, &placed.row);
                self.notice_interaction(post, std::slice::from_ref(target), placed)?;
            }
        }
        Ok(())
    }

    /// All interactions beneath a post, oldest first.
    ///
    /// # Cost
    /// What is kept there: of each friend at most [`POST_WRITER_COMMENT_LIMIT`] and [`POST_WRITER_LIKE_LIMIT`].
    pub(super) fn rows(&self, post: &EntryId) -> Result<Vec<Placed>, StoreError> {
        let mut rows = Vec::new();
        self.tx.each_pending(Tree::Interactions, post.as_bytes(), &mut |key, value| {
            let bad = || tx::damaged(Tree::Interactions, key, "the key is not one of ours");
            let shown = key.get(32..40).and_then(|ms| <[u8; 8]>::try_from(ms).ok()).ok_or_else(bad)?;
            let id = key.get(40..).and_then(|id| EntryId::try_from(id).ok()).ok_or_else(bad)?;
            let row = tx::decode(Tree::Interactions, key, value)?;
            rows.push(Placed { id, shown: Timestamp::from_millis(u64::from_be_bytes(shown)), row });
            Ok(())
        })?;
        Ok(rows)
    }

    /// A like or comment was withdrawn by its writer. Of a comment the gate stays, so that replies to it can be read.
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
        if row.kind == Kind::Like {
            self.remove_row(post, shown, id, row.tag.as_ref())?;
        } else {
            row.stand = Stand::Withdrawn;
            row.text = String::new();
            self.tx.put_record(Tree::Interactions, &key, &row);
            self.drop_notice(id)?;
        }
        self.thread_changed(post, &self.rows(post)?)
    }

    /// A like or comment is kept no more: nothing stays of it, or what was evicted would fill the thread.
    pub(super) fn drop_interaction(
        &mut self,
        post: &EntryId,
        shown: Timestamp,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        let key = interaction_key(post, shown, id);
        let Some(row) = self.tx.record::<Row>(Tree::Interactions, &key)? else {
            return Ok(());
        };
        self.remove_row(post, shown, id, row.tag.as_ref())?;
        self.thread_changed(post, &self.rows(post)?)
    }

    /// A post is gone: its thread goes with it, and what was told or said about it.
    pub(super) fn forget_thread(&mut self, post: &EntryId, shown: Timestamp) -> Result<(), StoreError> {
        self.settle_threads()?;
        self.threads.forget(post, shown);
        self.forget_rows(post)
    }

    /// Forgets everything beneath a post, and what was told or said about it.
    pub(super) fn forget_rows(&mut self, post: &EntryId) -> Result<(), StoreError> {
        for Placed { id, shown, row } in self.rows(post)? {
            self.remove_row(post, shown, &id, row.tag.as_ref())?;
        }
        self.drop_notice(post)?;
        self.forget_own_hides(post);
        self.forget_mute(post.as_bytes());
        Ok(())
    }

    /// Tells of a moment whose thread is `rows` now; of several changes in one step only the last is told.
    pub(super) fn thread_changed(&mut self, post: &EntryId, rows: &[Placed]) -> Result<(), StoreError> {
        let Some(moment) = self.moment_with(post, rows)? else { return Ok(()) };
        self.held.retain(|output| match output {
            Output::Event(view::Event { what: view::Happening::Interaction { moment }, .. }) => {
                moment.id != *post
            }
            _ => true,
        });
        self.emit(view::Happening::Interaction { moment: Box::new(moment) });
        Ok(())
    }

    pub(super) fn comment_view(&self, placed: &Placed) -> view::Comment {
        view::Comment {
            id: placed.id,
            author: self.person(&placed.row.writer),
            text: placed.row.text.clone(),
            reply_to: placed.row.target,
            created_at: placed.shown,
            hidden: placed.row.hidden,
        }
    }
}
