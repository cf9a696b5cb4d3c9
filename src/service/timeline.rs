//! Reading: one moment with its thread, who has it, and what is shown at all. Pages of moments stand in `pages`.
//!
//! Posts lie sealed in the order they are shown and are opened on the way out. Nothing decoded is kept. What is left
//! out on the way (an author who is a friend no more, one whose moments I hide, a post outside its author's window) is
//! left out here and nowhere else.
//!
//! Source: docs/protocol.md 3.10.

use std::collections::{BTreeMap, BTreeSet};

use super::publish::{internal, no_such_moment};
use super::react::{Kind, Placed};
use super::words::{card_picture, link_view, place_view};
use super::{Service, share, tx};
use crate::crypto::keys;
use crate::entry::{Entry, HEADER_LEN, Header, Verified};
use crate::error::{Error, Kind as ErrorKind, Result as Said};
use crate::id::{BlobId, EntryId, UserId};
use crate::limits::TIMELINE_LIMIT;
use crate::moment::{Body, Content, Post};
use crate::store::layout::{split_timeline_key, timeline_key, timeline_part};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::{ClaimedTime, DAY_MS, Timestamp};
use crate::view;

/// Shortest prefix of a moment's id that names it, hex digits.
const ID_PREFIX_MIN: usize = 4;

/// A post as it lies in the timeline, opened.
pub(super) struct Opened {
    pub(super) id: EntryId,
    pub(super) shown: Timestamp,
    pub(super) received: Timestamp,
    pub(super) author: UserId,
    /// When it was written, as the author says: what a share signature covers.
    pub(super) created: ClaimedTime,
    pub(super) entry: Entry<Verified>,
    pub(super) post: Box<Post>,
}

impl Service {
    /// One moment with its thread, by a unique prefix of its id.
    ///
    /// # Errors
    /// Not found.
    pub fn moment(&self, word: &str) -> Said<view::Moment> {
        let id = self.resolve_moment(word)?;
        self.moment_by_id(&id)
    }

    pub(super) fn moment_by_id(&self, id: &EntryId) -> Said<view::Moment> {
        self.moment_if_shown(id)?.ok_or_else(|| no_such_moment(&id.short()))
    }

    /// A moment, unless it is withdrawn, unreadable or left out.
    pub(super) fn moment_if_shown(&self, id: &EntryId) -> Result<Option<view::Moment>, StoreError> {
        match self.opened_by_id(id)?.filter(|opened| self.is_shown(opened)) {
            Some(opened) => self.moment_view(&opened).map(Some),
            None => Ok(None),
        }
    }

    /// Whether a post is here and is shown to me.
    pub(super) fn is_post_shown(&self, id: &EntryId) -> Result<bool, StoreError> {
        Ok(self.opened_by_id(id)?.is_some_and(|opened| self.is_shown(&opened)))
    }

    pub(super) fn opened_by_id(&self, id: &EntryId) -> Result<Option<Opened>, StoreError> {
        let Some(place) = self.place(id)? else {
            return Ok(None);
        };
        let Some(super::receive::Lying::Timeline(shown)) = self.lying(&place.epoch, place.seq, id)? else {
            return Ok(None);
        };
        let key = timeline_key(shown, id);
        match self.tx.get(Tree::Timeline, &key)? {
            Some(value) => self.opened(&key, &value),
            None => Ok(None),
        }
    }

    pub(super) fn opened(&self, key: &[u8], value: &[u8]) -> Result<Option<Opened>, StoreError> {
        let bad = || tx::damaged(Tree::Timeline, key, "the record does not decode");
        let (shown, id) = split_timeline_key(key).ok_or_else(bad)?;
        let (received, whole) = value.split_first_chunk::<8>().ok_or_else(bad)?;
        let (header, body) = whole.split_at_checked(HEADER_LEN).ok_or_else(bad)?;
        let entry = Entry::trust_sealed(id, header, body.to_vec()).map_err(|_| bad())?;
        let Some(epoch) = self.state.epochs.get(&entry.header().epoch()) else {
            return Ok(None);
        };
        let author = epoch.author;
        let Some(content_key) = self.content_key_in(Some(epoch), entry.header())? else {
            return Ok(None);
        };
        let content = match entry.open(&content_key) {
            Ok(bytes) => Content::decode(&bytes).ok(),
            Err(_) if !entry.is_whole() => return Err(bad()),
            Err(_) => None,
        };
        let Some(Content { body: Body::Post(post), created }) = content else {
            return Ok(None);
        };
        let received = Timestamp::from_millis(u64::from_be_bytes(*received));
        Ok(Some(Opened { id, shown, received, author, created, entry, post }))
    }

    pub(super) fn is_shown(&self, opened: &Opened) -> bool {
        self.is_author_shown(&opened.author, opened.shown)
    }

    /// Whether what somebody shared at that time is shown, as far as that can be said without opening it.
    pub(super) fn is_author_shown(&self, author: &UserId, shown: Timestamp) -> bool {
        if *author == self.me() {
            return true;
        }
        let Some(friend) = self.state.friends.get(author) else {
            return false;
        };
        let window = u64::from(friend.window_days).saturating_mul(DAY_MS);
        !friend.hide_theirs && (window == 0 || self.now.since(shown) <= window)
    }

    /// As [`Service::is_author_shown`], of a key of the timeline.
    pub(super) fn is_time_shown(&self, author: &UserId, key: &[u8]) -> bool {
        split_timeline_key(key).is_some_and(|(shown, _)| self.is_author_shown(author, shown))
    }

    /// Whose a record of the timeline is, told by the epoch in its header.
    pub(super) fn author_in(&self, value: &[u8]) -> Option<UserId> {
        let epoch = Header::epoch_in(value.get(8..)?)?;
        self.state.epochs.get(&epoch).map(|record| record.author)
    }

    /// Whether a post of `author` shown at that time lies inside the author's window.
    pub(super) fn in_window(&self, author: &UserId, shown: Timestamp) -> bool {
        let days = self.state.friends.get(author).map_or(0, |friend| friend.window_days);
        days == 0 || self.now.since(shown) <= u64::from(days).saturating_mul(DAY_MS)
    }

    /// A moment with a thread that has been read already, unless it is withdrawn, unreadable or left out.
    pub(super) fn moment_with(
        &self,
        id: &EntryId,
        thread: &[Placed],
    ) -> Result<Option<view::Moment>, StoreError> {
        match self.opened_by_id(id)?.filter(|opened| self.is_shown(opened)) {
            Some(opened) => self.view_with(&opened, thread).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn moment_view(&self, opened: &Opened) -> Result<view::Moment, StoreError> {
        self.view_with(opened, &self.rows(&opened.id)?)
    }

    pub(super) fn view_with(&self, opened: &Opened, thread: &[Placed]) -> Result<view::Moment, StoreError> {
        let is_mine = opened.author == self.me();
        let delivery = if is_mine { Some(self.delivery_of(&opened.id)?) } else { None };
        self.view_of(opened, thread, self.mentions_of(opened), delivery)
    }

    /// A moment with a thread, mentions and a delivery that are known already.
    pub(super) fn view_of(
        &self,
        opened: &Opened,
        thread: &[Placed],
        mentions: Vec<view::Person>,
        delivery: Option<view::Delivery>,
    ) -> Result<view::Moment, StoreError> {
        let me = self.me();
        let mine = opened.author == me;
        let values = opened.post.public.values();
        let (mut likes, mut comments, mut liked_by_me) = (Vec::new(), Vec::new(), false);
        let mut likers = BTreeSet::new();
        for placed in thread {
            let writer = placed.row.writer;
            let is_known = writer == me || self.state.friends.contains_key(&writer);
            if !is_known || !placed.row.is_shown_to(&me) {
                continue;
            }
            match placed.row.kind {
                Kind::Like if likers.insert(writer) => {
                    liked_by_me |= writer == me;
                    likes.push(self.person(&writer));
                }
                Kind::Like => {}
                Kind::Comment | Kind::Reply => comments.push(self.comment_view(placed)),
            }
        }
        after_targets(&mut comments);
        let author = self.person(&opened.author);
        let mut moment = view::Moment {
            id: opened.id,
            author: view::Author {
                id: author.id,
                name: author.name,
                me: mine,
                avatar: self.face_of(&opened.author).0,
            },
            created_at: opened.shown,
            received_at: opened.received,
            kind: "post",
            text: values.text.clone(),
            photos: photos(&opened.post),
            video: super::media::video(&opened.post),
            link: link_view(values, &opened.post.private.media_keys),
            place: values.place.as_ref().map(place_view),
            mood: values
                .mood
                .as_ref()
                .map(|mood| view::Mood { emoji: mood.emoji.clone(), text: mood.text.clone() }),
            mentions,
            shareable: opened.post.private.share.is_some() || opened.post.private.shared_from.is_some(),
            shared_from: self.shared_from_view(&opened.post),
            card: None,
            app: None,
            sponsored: None,
            likes,
            liked_by_me,
            comments,
            audience: if mine { self.audience_of(opened) } else { None },
            delivery,
            pinned: self.marks.is_pinned(&opened.id),
            faved: self.marks.is_favourite(&opened.id),
            muted: self.is_muted(opened.id.as_bytes()),
            missing: Vec::new(),
        };
        moment.missing = self.missing_of(&moment)?;
        Ok(moment)
    }

    /// The blobs of a moment that are not here yet, so that nobody asks for them in vain.
    fn missing_of(&self, moment: &view::Moment) -> Result<Vec<BlobId>, StoreError> {
        let photos = moment.photos.iter().flat_map(|photo| [photo.preview, Some(photo.id)]);
        let video = moment.video.iter().flat_map(|video| [video.poster, Some(video.id)]);
        let shared = moment.shared_from.as_ref().and_then(|from| from.link.as_ref());
        let links = moment.link.iter().chain(shared).flat_map(|link| [link.preview, link.image]);
        let mut missing = Vec::new();
        for blob in photos.chain(video).chain(links).flatten() {
            if !self.has_blob(&blob)? {
                missing.push(blob);
            }
        }
        Ok(missing)
    }

    /// Whom a moment mentions: of one's own, all; of another's, only oneself can be told.
    fn mentions_of(&self, opened: &Opened) -> Vec<view::Person> {
        let header = opened.entry.header();
        let tag_for = |key| keys::mention(key, &header.epoch(), header.nonce());
        let tags = &opened.post.private.mentions;
        if opened.author == self.me() {
            let friends =
                self.state.friends.values().filter(|friend| tags.contains(&tag_for(&friend.pair_key)));
            return friends.map(|friend| self.person(&friend.user)).collect();
        }
        let key = self.state.friends.get(&opened.author).map(|friend| &friend.pair_key);
        if key.is_some_and(|key| tags.contains(&tag_for(key))) {
            vec![self.person(&self.me())]
        } else {
            Vec::new()
        }
    }

    pub(super) fn audience_of(&self, opened: &Opened) -> Option<view::Audience> {
        let rule = self.rule_of(&opened.id, &opened.entry.header().epoch())?;
        Some(self.audience_of_rule(rule))
    }

    /// The newest of my moments; some of them, while the index by author is not whole.
    pub(super) fn newest_own(&self, limit: usize) -> Result<Vec<EntryId>, StoreError> {
        let mine = KeyRange::prefix(self.me().as_bytes().as_slice());
        let newest = self.tx.range(Tree::ByAuthor, mine, Direction::Backward, limit)?;
        let ids = newest.iter().filter_map(|(key, _)| split_timeline_key(timeline_part(key)?));
        Ok(ids.map(|(_, id)| id).collect())
    }

    /// The moment that a prefix of an id names.
    pub(super) fn resolve_moment(&self, word: &str) -> Said<EntryId> {
        let id = self.resolve_entry(word)?;
        if self.opened_by_id(&id)?.is_some_and(|opened| self.is_shown(&opened)) {
            Ok(id)
        } else {
            Err(no_such_moment(word))
        }
    }

    /// The moment or comment that a prefix of an id names.
    pub(super) fn resolve_entry(&self, word: &str) -> Said<EntryId> {
        let digits = word.to_lowercase();
        if digits.len() < ID_PREFIX_MIN || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err(no_such_moment(word));
        }
        let low = format!("{digits:0<64}").parse::<EntryId>().map_err(|_| no_such_moment(word))?;
        let high = format!("{digits:f<64}").parse::<EntryId>().map_err(|_| no_such_moment(word))?;
        let range = KeyRange {
            start: std::ops::Bound::Included(low.as_bytes().to_vec()),
            end: std::ops::Bound::Included(high.as_bytes().to_vec()),
        };
        let found = self.tx.range(Tree::ById, range, Direction::Forward, 2)?;
        match found.as_slice() {
            [] => Err(no_such_moment(word)),
            [(key, _)] => EntryId::try_from(key.as_slice()).map_err(|_| internal()),
            _ => Err(Error::new(
                ErrorKind::NotFound,
                "ambiguous_id",
                format!("more than one id begins with {word:?}"),
                "use more of it",
            )),
        }
    }

    /// A post arrived. It was opened a moment ago: what is shown is made of what is in hand.
    pub(super) fn on_post(
        &mut self,
        author: UserId,
        entry: &Entry<Verified>,
        created: ClaimedTime,
        post: Box<Post>,
    ) -> Result<(), StoreError> {
        let (id, shown) = (entry.id(), created.shown_at(self.now));
        if let Some(key) = self.content_key(entry.header())? {
            self.add_thread(id, shown, &key)?;
        }
        if author == self.me() {
            self.bind_own_blobs(&id, &post)?;
        } else {
            self.want_blobs(author, &id, shown, &post)?;
        }
        let opened = Opened { id, shown, received: self.now, author, created, entry: entry.clone(), post };
        if self.is_shown(&opened) {
            let moment = self.moment_view(&opened)?;
            self.emit(view::Happening::Moment { moment: Box::new(moment) });
            self.notice_mention(author, entry.header(), id, &opened.post)?;
        }
        Ok(())
    }

    /// A post was withdrawn: its thread and its pictures go with it.
    pub(super) fn forget_post(&mut self, id: &EntryId) -> Result<(), StoreError> {
        if let Some(opened) = self.opened_by_id(id)? {
            self.forget_thread(id, opened.shown)?;
            self.forget_blobs(opened.author, id, &opened.post)?;
        }
        Ok(())
    }

    /// A post is shown no more, and may come back: its pictures go, its thread stays.
    pub(super) fn leave_timeline(&mut self, id: &EntryId) -> Result<(), StoreError> {
        if let Some(opened) = self.opened_by_id(id)? {
            self.settle_threads()?;
            self.threads.forget(id, opened.shown);
            self.forget_blobs(opened.author, id, &opened.post)?;
        }
        Ok(())
    }

    /// The post that names a blob, opened, with the blob's key, type and length: only one that is shown.
    pub(super) fn blob_in(
        &self,
        post: &EntryId,
        blob: &BlobId,
    ) -> Result<Option<super::BlobReading>, StoreError> {
        let Some(opened) = self.opened_by_id(post)?.filter(|opened| self.is_shown(opened)) else {
            return Ok(None);
        };
        Ok(share::reading(&opened.post, blob))
    }
}

/// A page within the limit.
pub(super) fn within_page(limit: usize) -> Said<()> {
    if limit > TIMELINE_LIMIT {
        return Err(Error::refused(
            "page_limit",
            format!("a page of {limit} moments was asked for; at most {TIMELINE_LIMIT} are given"),
            "ask for fewer and go on with --before",
        ));
    }
    Ok(())
}

fn photos(post: &Post) -> Vec<view::Photo> {
    let keys = share::trusted_keys(post);
    let media = post.media().iter().zip(keys.iter());
    let card = card_picture(post);
    media
        .enumerate()
        .filter(|(index, (medium, _))| !medium.mime.is_video() && card != Some(*index))
        .map(|(_, (medium, keys))| view::Photo {
            id: keys.blob,
            mime: medium.mime.as_str(),
            width: medium.width,
            height: medium.height,
            bytes: medium.plain_len,
            alt: Some(medium.alt.clone()).filter(|alt| !alt.is_empty()),
            preview: Some(keys.preview).filter(|_| keys.preview_len > 0),
            thumbhash: keys.thumbhash.clone(),
        })
        .collect()
}

/// Comments in order of time, a reply never before its target (clocks differ).
///
/// # Cost
/// n log n.
fn after_targets(comments: &mut Vec<view::Comment>) {
    let at: BTreeMap<EntryId, usize> =
        comments.iter().enumerate().map(|(at, comment)| (comment.id, at)).collect();
    let mut replies: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for (reply, comment) in comments.iter().enumerate() {
        match comment.reply_to.and_then(|target| at.get(&target)) {
            Some(target) => replies.entry(*target).or_default().push(reply),
            None => {
                ready.insert(reply);
            }
        }
    }
    let mut waiting: BTreeMap<usize, view::Comment> =
        std::mem::take(comments).into_iter().enumerate().collect();
    // When none is ready, two claim to answer each other: the first of them goes first.
    while let Some(next) = ready.pop_first().or_else(|| waiting.first_key_value().map(|(at, _)| *at)) {
        let Some(comment) = waiting.remove(&next) else { continue };
        comments.push(comment);
        ready.extend(replies.remove(&next).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(id: u8, reply_to: Option<u8>, ms: u64) -> view::Comment {
        view::Comment {
            id: EntryId::from_bytes([id; 32]),
            author: view::Person { id: UserId::from_bytes([0; 32]), name: String::new() },
            text: String::new(),
            reply_to: reply_to.map(|id| EntryId::from_bytes([id; 32])),
            created_at: Timestamp::from_millis(ms),
            hidden: false,
        }
    }

    #[test]
    fn a_reply_stands_after_its_target_though_its_clock_was_behind() {
        let mut comments = vec![comment(2, Some(1), 10), comment(1, None, 20), comment(3, Some(9), 30)];
        after_targets(&mut comments);
        let order: Vec<u8> = comments.iter().map(|comment| comment.id.as_bytes()[0]).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn a_chain_of_replies_told_backwards_is_turned_round() {
        // An order that is not nearly linear does not end in a test's time.
        let count = 20_000_u32;
        let id = |n: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            EntryId::from_bytes(bytes)
        };
        let mut comments: Vec<view::Comment> = (0..count)
            .map(|n| view::Comment {
                id: id(n),
                reply_to: Some(n + 1).filter(|n| *n < count).map(id),
                ..comment(0, None, u64::from(n))
            })
            .collect();
        after_targets(&mut comments);
        let order: Vec<EntryId> = comments.iter().map(|comment| comment.id).collect();
        assert_eq!(order, (0..count).rev().map(id).collect::<Vec<_>>());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn comments_stand_as_if_each_time_the_first_that_may_were_taken(
            targets in proptest::collection::vec(proptest::option::of(0_u8..12), 0..10)
        ) {
            let mut comments: Vec<view::Comment> =
                (0_u8..).zip(&targets).map(|(id, target)| comment(id, *target, 0)).collect();
            let mut waiting = comments.clone();
            let mut expected: Vec<view::Comment> = Vec::new();
            while !waiting.is_empty() {
                let has = |all: &[view::Comment], id| all.iter().any(|comment| comment.id == id);
                let may = |one: &view::Comment| one.reply_to.is_none_or(|to| !has(&waiting, to));
                let next = waiting.iter().position(may).unwrap_or(0);
                expected.push(waiting.remove(next));
            }
            after_targets(&mut comments);
            proptest::prop_assert_eq!(comments, expected);
        }
    }
}
