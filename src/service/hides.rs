//! What the author of a post takes away beneath it: said, kept, acted on.
//!
//! A hide names an interaction by a tag that only readers of the thread can make. To everybody else it is sixteen bytes
//! that mean nothing. So the tag of each interaction that is put beneath a post is written down, and a hide finds it
//! by one read; a hide whose interaction is not here (because it has not come, or never will: its writer is a stranger to
//! me) is kept, and looked for when something is put beneath a post.
//!
//! ```text
//!  Tree::HideTags  tag              post ‖ shown 8 ‖ id      of everything beneath a post
//!  Tree::Hides     author ‖ tag     first seen 8             of every hide, acted on or not
//!  Tree::State     'x' ‖ post ‖ tag epoch ‖ seq ‖ arose 8 ‖ in the epoch 1     mine: who still has to hear of it
//! ```
//!
//! Who hears of it: whoever holds the post's key. If the post's epoch may still be written to for exactly its readers, the
//! hide is an entry there; everybody else is owed a `Hides` item, newcomers who are granted the post among them. That is
//! computed from who holds the key, like everything that is owed.
//!
//! What it does not do: take the words back from whoever has read them; hide a reply along with its target.
//!
//! Invariants: a hide counts for interactions beneath posts of its own author and no others (I29); hides and
//! interactions may come in any order and twice; what one author makes us remember is bounded.
//!
//! Source: docs/protocol.md 3.1 (hide tag), 3.5, 3.6, 3.15.

use std::collections::BTreeMap;

use super::deliver::{carriers, mail_class};
use super::publish::{internal, no_such_moment};
use super::react::{Placed, Row, Stand};
use super::{Service, tx};
use crate::crypto::{ThreadKey, keys};
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::HIDE_LIMIT;
use crate::mail::{self, EntryRef, OwedId, Wanted};
use crate::moment::Body;
use crate::store::layout::{hide_key, interaction_key};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Names an interaction to the readers of its post.
pub(super) type HideTag = [u8; 16];

/// Says in [`Tree::Meta`] that every row bears its tag.
const TAGGED_KEY: &[u8] = b"hide-tags";

/// What is counted, and what I hid.
#[derive(Debug, Default)]
pub(super) struct Hides {
    /// How many are remembered of an author, counted the first time.
    counts: BTreeMap<UserId, usize>,
    own: BTreeMap<EntryId, BTreeMap<HideTag, OwnHide>>,
}

/// One interaction that I hid beneath a post of mine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OwnHide {
    epoch: EpochId,
    seq: u64,
    arose: Timestamp,
    /// Whether it stands in the post's epoch, where its recipients find it.
    in_epoch: bool,
}

impl Encode for OwnHide {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.epoch).u64(self.seq).u64(self.arose.as_millis()).bool(self.in_epoch);
    }
}

impl Decode for OwnHide {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch: input.value()?,
            seq: input.u64()?,
            arose: Timestamp::from_millis(input.u64()?),
            in_epoch: input.bool()?,
        })
    }
}

impl Service {
    /// Takes away what somebody said beneath a moment of mine; they alone still see it, and that it was taken away. What
    /// I said myself is withdrawn.
    ///
    /// # Errors
    /// Not found; refused beneath somebody else's moment.
    pub fn hide(&mut self, word: &str) -> Said<EntryId> {
        let id = self.resolve_entry(word)?;
        let (post, shown) =
            self.place(&id)?.and_then(|place| place.beneath).ok_or_else(|| no_such_comment(word))?;
        let row = self.tx.record::<Row>(Tree::Interactions, &interaction_key(&post, shown, &id))?;
        let row = row.filter(|row| row.stand != Stand::Withdrawn).ok_or_else(|| no_such_comment(word))?;
        if row.writer == self.me() {
            self.withdraw(&id)?;
            return Ok(id);
        }
        if self.author_of(&post)? != Some(self.me()) {
            return Err(Error::refused(
                "not_your_moment",
                "only the author of a moment can take away what others say beneath it",
                "to hear no more of it, use `tidings mute`",
            ));
        }
        if !row.hidden {
            let tag = row.tag.ok_or_else(internal)?;
            self.say_hidden(&post, tag)?;
        }
        self.answer_after_barrier = true;
        Ok(id)
    }

    fn say_hidden(&mut self, post: &EntryId, tag: HideTag) -> Said<()> {
        let place = self.place(post)?.ok_or_else(|| no_such_moment(&post.short()))?;
        let record = self.state.epochs.get(&place.epoch).ok_or_else(internal)?;
        let audience = record.own.as_ref().map(|own| own.audience);
        let in_epoch = audience.is_some_and(|audience| self.is_current(&place.epoch, audience));
        if in_epoch {
            self.write_content(place.epoch, Body::Hide(tag))?;
        }
        let hide = OwnHide { epoch: place.epoch, seq: place.seq, arose: self.now, in_epoch };
        self.tx.put_record(Tree::State, &own_key(post, &tag), &hide);
        self.hides.own.entry(*post).or_default().insert(tag, hide);
        // What is owed is known for good before it leaves (docs/protocol.md 3.13).
        self.barrier_before_output = true;
        self.on_hide(self.me(), tag)?;
        for user in self.readers_of(post)? {
            self.owed_changed(&user);
        }
        Ok(())
    }

    /// A hide came, or was written: from the author of whatever post it is about, or it counts for nothing.
    pub(super) fn on_hide(&mut self, author: UserId, tag: HideTag) -> Result<(), StoreError> {
        let key = hide_key(&author, &tag);
        if !self.tx.has(Tree::Hides, &key)? {
            let count = self.hides_of(&author)?;
            self.tx.put(Tree::Hides, &key, self.now.as_millis().to_be_bytes().to_vec());
            self.hides.counts.insert(author, count.saturating_add(1));
            self.hold_hides(&author)?;
        }
        let Some((post, shown, id)) = self.tagged(&tag)? else { return Ok(()) };
        if self.author_of(&post)? != Some(author) {
            return Ok(());
        }
        let key = interaction_key(&post, shown, &id);
        let Some(mut row) = self.tx.record::<Row>(Tree::Interactions, &key)?.filter(|row| !row.hidden) else {
            return Ok(());
        };
        row.hidden = true;
        self.tx.put_record(Tree::Interactions, &key, &row);
        self.drop_notice(&id)?;
        if row.stand != Stand::Withdrawn && row.writer == self.me() {
            self.notice_hidden(author, post, id)?;
        }
        self.thread_changed(&post, &self.rows(&post)?)
    }

    /// Hides in a parcel: their sender's word about his own post.
    pub(super) fn take_hides(&mut self, sender: &UserId, hides: &mail::Hides) -> Result<(), StoreError> {
        let epoch = self.state.epochs.get(&hides.post.epoch);
        if epoch.is_some_and(|epoch| epoch.author != *sender) {
            return Ok(());
        }
        for tag in &hides.tags {
            self.on_hide(*sender, *tag)?;
        }
        Ok(())
    }

    /// Something is put beneath a post: its tag is written down, and whether it was hidden before it came.
    pub(super) fn mark_hidden(
        &mut self,
        post: &EntryId,
        thread: &ThreadKey,
        placed: &mut Placed,
    ) -> Result<(), StoreError> {
        let tag = keys::hide_tag(thread, &placed.id);
        placed.row.tag = Some(tag);
        placed.row.hidden = match self.author_of(post)? {
            Some(author) => self.tx.has(Tree::Hides, &hide_key(&author, &tag))?,
            None => false,
        };
        self.put_tag(&tag, post, placed.shown, &placed.id);
        Ok(())
    }

    fn put_tag(&mut self, tag: &HideTag, post: &EntryId, shown: Timestamp, id: &EntryId) {
        self.tx.put(Tree::HideTags, tag, interaction_key(post, shown, id));
    }

    /// Post, time and id of the interaction with a tag, if it is beneath a post here.
    fn tagged(&self, tag: &HideTag) -> Result<Option<(EntryId, Timestamp, EntryId)>, StoreError> {
        let Some(value) = self.tx.get(Tree::HideTags, tag)? else { return Ok(None) };
        let bad = |_| tx::damaged(Tree::HideTags, tag, "the record does not decode");
        let mut input = Reader::new(&value);
        let post = input.value().map_err(bad)?;
        let shown = Timestamp::from_millis(input.u64().map_err(bad)?);
        Ok(Some((post, shown, input.value().map_err(bad)?)))
    }

    /// Whose an entry is.
    pub(super) fn author_of(&self, id: &EntryId) -> Result<Option<UserId>, StoreError> {
        let epoch = self.place(id)?.and_then(|place| self.state.epochs.get(&place.epoch));
        Ok(epoch.map(|epoch| epoch.author))
    }

    /// How many hides are remembered of an author.
    fn hides_of(&self, author: &UserId) -> Result<usize, StoreError> {
        if let Some(count) = self.hides.counts.get(author) {
            return Ok(*count);
        }
        let mut count = 0_usize;
        self.tx.each_pending(Tree::Hides, author.as_bytes(), &mut |_, _| {
            count = count.saturating_add(1);
            Ok(())
        })?;
        Ok(count)
    }

    /// Of others' hides the newest are remembered. A quarter goes at once, so that a flood costs little.
    fn hold_hides(&mut self, author: &UserId) -> Result<(), StoreError> {
        let count = self.hides_of(author)?;
        if count <= HIDE_LIMIT || *author == self.me() {
            return Ok(());
        }
        let mut all = self.tx.prefix(Tree::Hides, author.as_bytes(), count)?;
        // By when they were first seen.
        all.sort_by(|(key, seen), (other, later)| (seen, key).cmp(&(later, other)));
        all.truncate(HIDE_LIMIT / 4);
        for (key, _) in &all {
            self.tx.remove(Tree::Hides, key);
        }
        self.hides.counts.insert(*author, count.saturating_sub(all.len()));
        Ok(())
    }

    /// What a friend who holds the key of posts of mine should hear was hidden beneath them.
    pub(super) fn wanted_hides(&self, user: &UserId) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (post, hides) in &self.hides.own {
            for (tag, hide) in hides {
                let Some(epoch) = self.state.epochs.get(&hide.epoch) else { continue };
                let by_epoch = epoch.own.as_ref().is_some_and(|own| own.recipients.contains(user));
                if (by_epoch && hide.in_epoch) || !self.may_read(user, post, &hide.epoch) {
                    continue;
                }
                let place = EntryRef { epoch: hide.epoch, seq: hide.seq, entry: *post };
                wanted.push(Wanted {
                    id: OwedId::hide(place, *tag),
                    class: mail_class(epoch.class),
                    arose: hide.arose,
                    carriers: carriers(epoch),
                });
            }
        }
        wanted
    }

    /// A post of mine is gone: nobody has to hear what was hidden beneath it.
    pub(super) fn forget_own_hides(&mut self, post: &EntryId) {
        for tag in self.hides.own.remove(post).unwrap_or_default().keys() {
            self.tx.remove(Tree::State, &own_key(post, tag));
        }
    }

    /// Reads what I hid.
    pub(super) fn load_hides(&mut self) -> Result<(), StoreError> {
        let mut own: BTreeMap<EntryId, BTreeMap<HideTag, OwnHide>> = BTreeMap::new();
        self.tx.each_pending(Tree::State, b"x", &mut |key, value| {
            let bad = |_| tx::damaged(Tree::State, key, "the key is not one of ours");
            let mut at = Reader::new(key.get(1..).unwrap_or_default());
            let (post, tag) = (at.value().map_err(bad)?, at.array().map_err(bad)?);
            own.entry(post).or_default().insert(tag, tx::decode(Tree::State, key, value)?);
            Ok(())
        })?;
        self.hides = Hides { counts: BTreeMap::new(), own };
        Ok(())
    }

    /// Rows that an earlier version wrote get their tags, once.
    ///
    /// # Cost
    /// Every interaction, at the first start of this version.
    pub(super) fn tag_old_rows(&mut self) -> Result<(), StoreError> {
        if self.tx.has(Tree::Meta, TAGGED_KEY)? {
            return Ok(());
        }
        let mut posts = std::collections::BTreeSet::new();
        self.tx.each(Tree::Interactions, &[], &mut |key, _| {
            posts.extend(key.first_chunk::<32>().map(|post| EntryId::from_bytes(*post)));
            Ok(())
        })?;
        for post in posts {
            let Some(entry) = self.kept(&post)? else { continue };
            let Some(key) = self.content_key(entry.header())? else { continue };
            let thread = keys::thread_key(&key);
            for mut placed in self.rows(&post)? {
                if placed.row.tag.is_none() {
                    self.mark_hidden(&post, &thread, &mut placed)?;
                    let key = interaction_key(&post, placed.shown, &placed.id);
                    self.tx.put_record(Tree::Interactions, &key, &placed.row);
                }
            }
        }
        self.tx.put(Tree::Meta, TAGGED_KEY, vec![1]);
        Ok(())
    }
}

fn own_key(post: &EntryId, tag: &HideTag) -> Vec<u8> {
    tx::key(&[b"x", post.as_bytes(), tag])
}

fn no_such_comment(word: &str) -> Error {
    Error::not_found(
        "no_such_comment",
        format!("there is no comment or like {word:?} here"),
        "see `tidings show ID` for the ids of comments; a moment is withdrawn with `tidings delete`",
    )
}
