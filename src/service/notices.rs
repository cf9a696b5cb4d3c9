//! What happened that concerns me: made when it happens, kept until newer ones take its place, read or not.
//!
//! ```text
//!  like, comment beneath my moment ─┐
//!  reply to what I said, anywhere  ─┤                                   ┌─ page, newest first
//!  mention of me in a moment       ─┼─▶ one notice an entry ─▶ kept ────┼─ how many are unread
//!  what I said was hidden          ─┘    same step             5,000    └─ event
//! ```
//!
//! A notice says who, what kind and beneath which moment. The words are read from the thread when it is shown, so that
//! nothing withdrawn is told again. About others' likes and comments on others' moments there is none.
//!
//! ```text
//!  Tree::Notices   'n' ‖ time 8 ‖ id   kind 1 ‖ from ‖ moment ‖ the moment's author ‖ came 8 [‖ its epoch 16]
//!                  'i' ‖ id            time 8: one notice an entry, however often it comes
//!                  'r'                 time 8 ‖ id: read up to this one
//! ```
//!
//! The time in the key never goes back, so that a new notice is never behind the mark of what was read, whatever the clock
//! does.
//!
//! What it does not do: tell anybody else what I have read. Notices from people who are no friends now, whose moments I
//! hide, or who are muted stay where they are and are not shown, and so do those about a moment that was taken back from
//! me; with the friend or the moment they come back.
//!
//! Invariants: at most [`NOTICE_LIMIT`] are kept; a notice goes with what it is about. Where one too many comes, the oldest
//! of whoever has the most goes, so that nobody's flood takes away what others said.

use std::collections::{BTreeMap, BTreeSet};

use super::mute::MUTED;
use super::publish::no_such_moment;
use super::react::{Kind, Placed, Row, Stand};
use super::{Service, tx};
use crate::ask::NoticesQuery;
use crate::crypto::keys;
use crate::entry::Header;
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, EpochId, UserId, hex, unhex};
use crate::limits::{NOTICE_LIMIT, NOTICES_DEFAULT};
use crate::moment::Post;
use crate::store::layout::{interaction_key, notice_key, notice_of_key, split_notice_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Timestamp;
use crate::view::{self, NoticeKind};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// How many records one read brings while a page is filled.
const RUN: usize = 64;
/// Key of the mark.
const READ_KEY: &[u8] = b"r";

/// Where a notice stands.
type At = (Timestamp, EntryId);

/// What is counted of the notices, and what gives none.
#[derive(Debug, Default)]
pub(super) struct Notices {
    count: usize,
    /// All that are kept, by whom they are from.
    of: BTreeMap<UserId, BTreeSet<At>>,
    unread: BTreeMap<At, Record>,
    newest: Option<Timestamp>,
    read_to: Option<At>,
    /// Moments and people that are muted.
    pub(super) muted: BTreeSet<[u8; 32]>,
}

/// A notice as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    kind: NoticeKind,
    from: UserId,
    moment: EntryId,
    author: UserId,
    came: Timestamp,
    /// The moment's. None in a record of an earlier version.
    epoch: Option<EpochId>,
}

impl Notices {
    /// The oldest of whoever has the most; of several the one whose oldest is oldest.
    fn first_to_go(&self) -> Option<At> {
        let most = self.of.values().map(BTreeSet::len).max()?;
        self.of.values().filter(|of| of.len() == most).filter_map(|of| of.first().copied()).min()
    }
}

impl Encode for Record {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(match self.kind {
            NoticeKind::Like => 1,
            NoticeKind::Comment => 2,
            NoticeKind::Reply => 3,
            NoticeKind::Mention => 4,
            NoticeKind::Hidden => 5,
        });
        out.value(&self.from).value(&self.moment).value(&self.author).u64(self.came.as_millis());
        if let Some(epoch) = &self.epoch {
            out.value(epoch);
        }
    }
}

impl Decode for Record {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = match input.u8()? {
            1 => NoticeKind::Like,
            2 => NoticeKind::Comment,
            3 => NoticeKind::Reply,
            4 => NoticeKind::Mention,
            5 => NoticeKind::Hidden,
            code => return Err(DecodeError::Unknown { what: "notice", code: u64::from(code) }),
        };
        Ok(Self {
            kind,
            from: input.value()?,
            moment: input.value()?,
            author: input.value()?,
            came: Timestamp::from_millis(input.u64()?),
            epoch: if input.remaining() > 0 { Some(input.value()?) } else { None },
        })
    }
}

impl Service {
    /// What happened that concerns me, newest first.
    ///
    /// # Errors
    /// Usage for a cursor that is none; refused above the limit.
    ///
    /// # Cost
    /// One run of records as long as the page, and a read of the thread for each.
    pub fn notices(&self, query: &NoticesQuery) -> Said<view::Notices> {
        let limit = if query.limit == 0 { NOTICES_DEFAULT } else { query.limit };
        if limit > NOTICE_LIMIT {
            return Err(Error::refused(
                "page_limit",
                format!("a page of {limit} notices was asked for; at most {NOTICE_LIMIT} are kept"),
                "ask for fewer and go on with --before",
            ));
        }
        let mut range = KeyRange::prefix(*b"n");
        if let Some(cursor) = &query.before {
            range = range.before(read_cursor(cursor)?);
        }
        let mut page = view::Notices { notices: Vec::new(), unread: self.unread(), next: None };
        let mut last = None;
        loop {
            let run = self.tx.range(Tree::Notices, range.clone(), Direction::Backward, RUN)?;
            let Some((end, _)) = run.last().cloned() else { return Ok(page) };
            for (key, value) in &run {
                let at = split_key(key)?;
                let record: Record = tx::decode(Tree::Notices, key, value)?;
                if !self.is_told(&record) {
                    continue;
                }
                if page.notices.len() == limit {
                    page.next = last;
                    return Ok(page);
                }
                page.notices.push(self.notice_view(at, &record)?);
                last = Some(hex(key.get(1..).unwrap_or_default()));
            }
            range = range.before(end);
        }
    }

    /// Marks notices as read: all, or those up to one that is named by the beginning of its id. Returns how many are
    /// left unread.
    ///
    /// # Errors
    /// Not found.
    pub fn read_notices(&mut self, until: Option<&str>) -> Said<usize> {
        let newest = self.tx.range(Tree::Notices, KeyRange::prefix(*b"n"), Direction::Backward, 1)?;
        let mark = match until {
            None => newest.first().map(|(key, _)| split_key(key)).transpose()?,
            Some(word) => {
                let id = self.resolve_entry(word)?;
                Some((self.notice_at(&id)?.ok_or_else(|| no_such_moment(word))?, id))
            }
        };
        let Some(mark) = mark.filter(|mark| self.notices.read_to.is_none_or(|before| before < *mark)) else {
            return Ok(self.unread());
        };
        self.notices.read_to = Some(mark);
        self.notices.unread.retain(|at, _| *at > mark);
        let value = [&mark.0.as_millis().to_be_bytes()[..], mark.1.as_bytes()].concat();
        self.tx.put(Tree::Notices, READ_KEY, value);
        self.answer_after_barrier = true;
        let unread = self.unread();
        self.emit(view::Happening::Read { unread });
        Ok(unread)
    }

    /// How many notices are unread, of those that are shown.
    pub(super) fn unread(&self) -> usize {
        self.notices.unread.values().filter(|record| self.is_told(record)).count()
    }

    /// Whether a notice is shown: its people are here and nothing about it is muted.
    fn is_told(&self, record: &Record) -> bool {
        let is_seen = |user: &UserId| self.state.friends.get(user).is_some_and(|friend| !friend.hide_theirs);
        is_seen(&record.from)
            && (record.author == self.me() || is_seen(&record.author))
            && !self.is_muted(record.from.as_bytes())
            && !self.is_muted(record.moment.as_bytes())
            && !record.epoch.is_some_and(|epoch| self.is_recalled(&epoch, &record.moment))
    }

    fn notice_view(&self, (at, id): At, record: &Record) -> Result<view::Notice, StoreError> {
        let mut notice = view::Notice {
            id,
            kind: record.kind,
            from: self.person(&record.from),
            moment: record.moment,
            comment: None,
            text: String::new(),
            at: record.came,
            read: self.notices.read_to.is_some_and(|mark| (at, id) <= mark),
        };
        if record.kind == NoticeKind::Mention {
            notice.text = self.moment_if_shown(&id)?.map(|moment| moment.text).unwrap_or_default();
        } else if let Some((post, shown)) = self.place(&id)?.and_then(|place| place.beneath)
            && let Some(row) =
                self.tx.record::<Row>(Tree::Interactions, &interaction_key(&post, shown, &id))?
            && row.kind != Kind::Like
        {
            notice.comment = Some(id);
            notice.text = row.text;
        }
        Ok(notice)
    }

    /// Something was said beneath a post, among `rows`: a notice, if it concerns me.
    pub(super) fn notice_interaction(
        &mut self,
        post: &EntryId,
        rows: &[Placed],
        placed: &Placed,
    ) -> Result<(), StoreError> {
        let (me, row) = (self.me(), &placed.row);
        if row.writer == me || row.hidden || row.stand != Stand::Shown {
            return Ok(());
        }
        let Some(author) = self.author_of(post)? else { return Ok(()) };
        let is_mine = |target: EntryId| rows.iter().any(|other| other.id == target && other.row.writer == me);
        let kind = match row.kind {
            Kind::Reply if row.target.is_some_and(is_mine) => NoticeKind::Reply,
            Kind::Comment | Kind::Reply if author == me => NoticeKind::Comment,
            Kind::Like if author == me && !likes_already(rows, placed) => NoticeKind::Like,
            _ => return Ok(()),
        };
        if author != me && !self.is_post_shown(post)? {
            return Ok(());
        }
        self.make_notice(placed.id, kind, row.writer, *post, author)
    }

    /// A moment came in: a notice, if it mentions me.
    pub(super) fn notice_mention(
        &mut self,
        author: UserId,
        header: &Header,
        id: EntryId,
        post: &Post,
    ) -> Result<(), StoreError> {
        let Some(friend) = self.state.friends.get(&author) else { return Ok(()) };
        if post.mentions(&keys::mention(&friend.pair_key, &header.epoch(), header.nonce())) {
            self.make_notice(id, NoticeKind::Mention, author, id, author)?;
        }
        Ok(())
    }

    /// The author of a post took away what I said beneath it.
    pub(super) fn notice_hidden(
        &mut self,
        author: UserId,
        post: EntryId,
        id: EntryId,
    ) -> Result<(), StoreError> {
        if author == self.me() {
            return Ok(());
        }
        self.make_notice(id, NoticeKind::Hidden, author, post, author)
    }

    fn make_notice(
        &mut self,
        id: EntryId,
        kind: NoticeKind,
        from: UserId,
        moment: EntryId,
        author: UserId,
    ) -> Result<(), StoreError> {
        let is_muted = self.is_muted(from.as_bytes()) || self.is_muted(moment.as_bytes());
        if is_muted || self.notice_at(&id)?.is_some() {
            return Ok(());
        }
        let epoch = self.place(&moment)?.map(|place| place.epoch);
        let record = Record { kind, from, moment, author, came: self.now, epoch };
        let behind_mark = self.notices.read_to.map_or(Timestamp::ZERO, |(at, _)| at.plus_ms(1));
        let at = self.now.max(self.notices.newest.unwrap_or(Timestamp::ZERO)).max(behind_mark);
        self.notices.newest = Some(at);
        self.tx.put_record(Tree::Notices, &notice_key(at, &id), &record);
        self.tx.put(Tree::Notices, &notice_of_key(&id), at.as_millis().to_be_bytes().to_vec());
        self.notices.unread.insert((at, id), record);
        self.notices.of.entry(from).or_default().insert((at, id));
        self.notices.count = self.notices.count.saturating_add(1);
        while self.notices.count > NOTICE_LIMIT {
            let Some((_, oldest)) = self.notices.first_to_go() else { break };
            self.drop_notice(&oldest)?;
        }
        if self.is_told(&record) {
            let notice = Box::new(self.notice_view((at, id), &record)?);
            let unread = self.unread();
            self.emit(view::Happening::Notice { notice, unread });
        }
        Ok(())
    }

    /// What a notice was about is no more, or is no news.
    pub(super) fn drop_notice(&mut self, id: &EntryId) -> Result<(), StoreError> {
        let Some(at) = self.notice_at(id)? else { return Ok(()) };
        self.notices.of.retain(|_, of| {
            of.remove(&(at, *id));
            !of.is_empty()
        });
        self.tx.remove(Tree::Notices, &notice_key(at, id));
        self.tx.remove(Tree::Notices, &notice_of_key(id));
        self.notices.unread.remove(&(at, *id));
        self.notices.count = self.notices.count.saturating_sub(1);
        Ok(())
    }

    /// When the notice about an entry was made, if there is one.
    fn notice_at(&self, id: &EntryId) -> Result<Option<Timestamp>, StoreError> {
        let value = self.tx.get(Tree::Notices, &notice_of_key(id))?;
        Ok(value
            .and_then(|at| <[u8; 8]>::try_from(at).ok())
            .map(|at| Timestamp::from_millis(u64::from_be_bytes(at))))
    }

    /// Reads what is counted.
    ///
    /// # Cost
    /// At most [`NOTICE_LIMIT`] records.
    pub(super) fn load_notices(&mut self) -> Result<(), StoreError> {
        let mut notices = Notices::default();
        if let Some(mark) = self.tx.get(Tree::Notices, READ_KEY)? {
            notices.read_to = split_notice_key(&[b"n", mark.as_slice()].concat());
        }
        self.tx.each_pending(Tree::Notices, b"n", &mut |key, value| {
            let at = split_key(key)?;
            let record: Record = tx::decode(Tree::Notices, key, value)?;
            notices.count = notices.count.saturating_add(1);
            notices.newest = Some(at.0);
            notices.of.entry(record.from).or_default().insert(at);
            if notices.read_to.is_none_or(|mark| at > mark) {
                notices.unread.insert(at, record);
            }
            Ok(())
        })?;
        self.tx.each_pending(Tree::Marks, &[MUTED], &mut |key, _| {
            notices.muted.extend(key.get(1..).and_then(|id| <[u8; 32]>::try_from(id).ok()));
            Ok(())
        })?;
        self.notices = notices;
        Ok(())
    }
}

/// Whether the writer of a like already likes the post by another entry: it counts once.
fn likes_already(rows: &[Placed], new: &Placed) -> bool {
    let is_alike = |row: &Row| row.kind == Kind::Like && row.stand == Stand::Shown && !row.hidden;
    rows.iter().any(|other| other.id != new.id && other.row.writer == new.row.writer && is_alike(&other.row))
}

fn split_key(key: &[u8]) -> Result<At, StoreError> {
    split_notice_key(key).ok_or_else(|| tx::damaged(Tree::Notices, key, "the key is not one of ours"))
}

fn read_cursor(cursor: &str) -> Said<Vec<u8>> {
    let bytes = unhex::<40>(cursor).map_err(|_| {
        Error::usage("no_cursor", format!("{cursor:?} is no cursor"), "use the `next` of an earlier page")
    })?;
    Ok([&b"n"[..], &bytes].concat())
}
