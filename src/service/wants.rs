//! Pictures: which are wanted, from whom they can be had, who may have ours.
//!
//! A moment names its blobs by hash. Previews are wanted at once, originals of the last 30 days too, so that a friend
//! who carries a moment carries its pictures (docs/protocol.md 3.9). A blob is asked only of those who cannot learn
//! anything from the question: its author, and sessions in which the moment's epoch matched. The same rule decides who
//! gets one from us.
//!
//! Whoever can read a moment knows the ids of its blobs and can name them in a moment of his own. So what is here and
//! who names it are kept apart, and each naming stands for itself: with its own length, its own rule, its own end. One
//! that is withdrawn takes nothing from the others; the file goes with the last.
//!
//! ```text
//!  Tree::Blobs   blob 32                              state 1 ‖ bytes 8 ‖ since 8     it is here: 1 others', 2 mine;
//!                                                     3 alone: its file is to be removed
//!                blob 32 ‖ author 32 ‖ moment 32      state 1 ‖ bytes 8               named by: 0 wanted, 1 later
//! ```
//!
//! *Later* means known by name and not fetched unasked: an original of long ago, or one that made room for newer ones
//! (others' pictures take at most `BLOB_CACHE_LIMIT` bytes, those of my favourites not counted; [`cache`] says whose go). Looking at it makes it
//! wanted.
//!
//! One friend's pictures cannot keep another's out: a peer is asked for few at once, and what waits is shared fairly
//! among the authors. Nor can originals keep previews out: a film may take minutes, so that of the places of a peer, and of
//! all, some are never given to originals.
//!
//! Source: docs/protocol.md 3.9, 3.18.

mod cache;
mod favourites;
mod profile;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) use profile::FACE;

use super::sessions::Spoken;
use super::{Output, Service, share, tx};
use crate::crypto::{BlobKey, padded_len};
use crate::error::{Error, Result as Said};
use crate::id::{BlobId, EntryId, EpochId, UserId};
use crate::limits::{
    BLOB_CACHE_LIMIT, BLOB_FETCH_LIMIT, BLOB_NAMING_LIMIT, BLOB_ORIGINAL_FETCH_LIMIT, BLOB_PEER_FETCH_LIMIT,
    BLOB_PEER_ORIGINAL_LIMIT, BLOB_PREFETCH_DAYS, BLOB_WANTED_LIMIT,
};
use crate::link::{ConnId, Order, StreamId};
use crate::moment::Post;
use crate::store::{StoreError, Tree};
use crate::time::{DAY_MS, Timestamp};
use crate::wire::Reader;

/// A blob that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    mine: bool,
    bytes: u64,
    /// When it came.
    since: Timestamp,
}

const HERE: u8 = 1;
const MINE: u8 = 2;
/// No moment names it any more ([`super::dropped`]).
pub(super) const DROPPED: u8 = 3;

impl Kept {
    fn encode(&self) -> Vec<u8> {
        let state = if self.mine { MINE } else { HERE };
        [&[state][..], &self.bytes.to_be_bytes(), &self.since.as_millis().to_be_bytes()].concat()
    }

    /// Nothing for one that was dropped.
    fn decode(key: &[u8], bytes: &[u8]) -> Result<Option<Self>, StoreError> {
        let bad = |_| tx::damaged(Tree::Blobs, key, "the record does not decode");
        if bytes == [DROPPED] {
            return Ok(None);
        }
        let mut input = Reader::new(bytes);
        let kept = Self {
            mine: input.u8().map_err(bad)? == MINE,
            bytes: input.u64().map_err(bad)?,
            since: Timestamp::from_millis(input.u64().map_err(bad)?),
        };
        input.finish().map_err(bad)?;
        Ok(Some(kept))
    }

    /// Whether a moment that says this length means this blob.
    const fn is(&self, bytes: u64) -> bool {
        self.bytes == bytes
    }
}

/// That a moment names a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Naming {
    blob: BlobId,
    author: UserId,
    moment: EntryId,
    bytes: u64,
    /// Not to be fetched unasked.
    later: bool,
}

const WANTED: u8 = 0;
const LATER: u8 = 1;

impl Naming {
    fn key(&self) -> Vec<u8> {
        tx::key(&[self.blob.as_bytes(), self.author.as_bytes(), self.moment.as_bytes()])
    }

    fn encode(&self) -> Vec<u8> {
        let state = if self.later { LATER } else { WANTED };
        [&[state][..], &self.bytes.to_be_bytes()].concat()
    }

    /// Nothing for the key of a [`Kept`].
    fn decode(key: &[u8], bytes: &[u8]) -> Result<Option<Self>, StoreError> {
        let bad = |_| tx::damaged(Tree::Blobs, key, "the record does not decode");
        let mut at = Reader::new(key);
        let blob: BlobId = at.value().map_err(bad)?;
        if blob.as_bytes() == key {
            return Ok(None);
        }
        let (author, moment) = (at.value().map_err(bad)?, at.value().map_err(bad)?);
        at.finish().map_err(bad)?;
        let mut input = Reader::new(bytes);
        let later = input.u8().map_err(bad)? == LATER;
        let bytes = input.u64().map_err(bad)?;
        input.finish().map_err(bad)?;
        Ok(Some(Self { blob, author, moment, bytes, later }))
    }
}

/// Whose turn it is: previews before originals, newest moment first.
type Turn = (bool, Reverse<Timestamp>, Naming);

/// A fetch under way.
#[derive(Debug)]
struct Fetch {
    conn: ConnId,
    peer: UserId,
    turn: Turn,
    /// Nobody wants it any more; it still takes up its peer until the network has answered.
    dropped: bool,
}

/// A peer that did not give a blob.
#[derive(Debug, Clone, Copy)]
struct Tried {
    times: u32,
    /// When to ask again.
    again: Timestamp,
}

impl Default for Tried {
    fn default() -> Self {
        Self { times: 0, again: Timestamp::ZERO }
    }
}

/// What is being fetched, and what waits.
#[derive(Debug, Default)]
pub(super) struct Wants {
    waiting: BTreeMap<UserId, BTreeSet<Turn>>,
    waiting_count: usize,
    fetching: BTreeMap<BlobId, Fetch>,
    /// Peers that did not have it or lied. With the length: a wrong one makes liars of all.
    tried: BTreeMap<(BlobId, u64, ConnId), Tried>,
    /// When the first of them is asked again.
    again: Option<Timestamp>,
    dirty: bool,
    /// Others' blobs that are here and may make room.
    cache: cache::Cache,
    /// Those whose file goes with a step, since when, oldest first.
    pub(super) dropped: VecDeque<(Timestamp, BlobId)>,
}

impl Wants {
    /// A blob of one's own stands in the home already.
    pub(super) fn own(tx: &mut tx::Tx, blob: &BlobId) {
        // Which moment names it, and its length, follow with the moment.
        let kept = Kept { mine: true, bytes: 0, since: Timestamp::ZERO };
        tx.put(Tree::Blobs, blob.as_bytes(), kept.encode());
    }

    pub(super) fn on_disconnected(&mut self, conn: ConnId) {
        self.tried.retain(|(.., tried), _| *tried != conn);
        let lost: Vec<BlobId> =
            self.fetching.iter().filter(|(_, fetch)| fetch.conn == conn).map(|(blob, _)| *blob).collect();
        for blob in lost {
            self.put_back(&blob);
        }
    }

    /// Somebody new can be asked.
    pub(super) fn on_peer(&mut self) {
        self.dirty = true;
    }

    /// A fetch ended without its blob.
    fn put_back(&mut self, blob: &BlobId) {
        if let Some(fetch) = self.fetching.remove(blob) {
            self.dirty = true;
            if !fetch.dropped {
                self.push(fetch.turn);
            }
        }
    }

    /// Lets a blob wait. When too many do, the last of the author with the most gives way.
    fn push(&mut self, turn: Turn) {
        if self.waiting.entry(turn.2.author).or_default().insert(turn) {
            self.waiting_count = self.waiting_count.saturating_add(1);
        }
        if self.waiting_count > BLOB_WANTED_LIMIT {
            let most = self.waiting.iter().max_by_key(|(author, turns)| (turns.len(), **author));
            if let Some(last) = most.and_then(|(_, turns)| turns.last()).copied() {
                self.take(&last);
            }
        }
    }

    fn take(&mut self, turn: &Turn) {
        let Some(turns) = self.waiting.get_mut(&turn.2.author) else { return };
        if turns.remove(turn) {
            self.waiting_count = self.waiting_count.saturating_sub(1);
        }
        if turns.is_empty() {
            self.waiting.remove(&turn.2.author);
        }
    }

    fn is_fetching(&self, naming: &Naming) -> bool {
        self.fetching.get(&naming.blob).is_some_and(|fetch| {
            fetch.turn.2.moment == naming.moment && fetch.turn.2.author == naming.author && !fetch.dropped
        })
    }

    /// What a moment names waits no more.
    fn drop_waiting(&mut self, naming: &Naming) {
        let same = |turn: &&Turn| turn.2.blob == naming.blob && turn.2.moment == naming.moment;
        let turns = self.waiting.get(&naming.author).into_iter().flatten();
        for turn in turns.filter(same).copied().collect::<Vec<_>>() {
            self.take(&turn);
        }
    }

    /// Fetches that a peer is busy with.
    fn asked_of(&self, peer: &UserId) -> usize {
        self.fetching.values().filter(|fetch| fetch.peer == *peer).count()
    }

    /// Whether something comes on a connection just now.
    pub(super) fn is_busy(&self, conn: ConnId) -> bool {
        self.fetching.values().any(|fetch| fetch.conn == conn)
    }

    fn forget_tried(&mut self, blob: &BlobId) {
        self.tried.retain(|(tried, ..), _| tried != blob);
    }
}

impl Service {
    /// Reads at start what is still wanted.
    pub(super) fn load_wants(&mut self) -> Result<(), StoreError> {
        let (mut wanted, mut here, mut marked) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let (mut dropped, mut named) = (VecDeque::new(), BTreeMap::<BlobId, (bool, Vec<UserId>)>::new());
        self.tx.each(Tree::Blobs, &[], &mut |key, value| {
            match (BlobId::try_from(key), Naming::decode(key, value)?) {
                (Ok(blob), None) => match Kept::decode(key, value)? {
                    Some(kept) => drop(here.insert(blob, kept)),
                    None => dropped.push_back((self.now, blob)),
                },
                (_, Some(naming)) => {
                    marked.extend(self.of_favourite(&naming));
                    // What is here comes before its namings.
                    if let Some(kept) = here.get(&naming.blob).filter(|kept| !kept.mine) {
                        let fits = kept.is(naming.bytes);
                        let (fitting, authors) = named.entry(naming.blob).or_insert((fits, Vec::new()));
                        if fits && !std::mem::replace(fitting, fits || *fitting) {
                            authors.clear();
                        }
                        if fits == *fitting {
                            authors.push(naming.author);
                        }
                    }
                    wanted.extend(Some(naming).filter(|naming| !naming.later));
                }
                _ => {}
            }
            Ok(())
        })?;
        self.wants.dropped = dropped;
        let is_counted = |blob: &BlobId, kept: &Kept| !kept.mine && !marked.contains(&(*blob, kept.bytes));
        for (blob, kept) in here.iter().filter(|(blob, kept)| is_counted(blob, kept)) {
            let authors = named.get(blob).map_or(&[][..], |(_, authors)| authors);
            self.wants.cache.note(authors, *blob, kept.since, kept.bytes);
        }
        for naming in wanted.into_iter().filter(|naming| !here.contains_key(&naming.blob)) {
            // What is an original and when its moment was shown is not kept: previews are small, they go first.
            let original = naming.bytes > PREVIEW_SIZE;
            self.wants.push((original, Reverse(Timestamp::ZERO), naming));
        }
        Ok(())
    }

    /// A friend's moment came: its pictures are wanted.
    pub(super) fn want_blobs(
        &mut self,
        author: UserId,
        moment: &EntryId,
        shown: Timestamp,
        post: &Post,
    ) -> Result<(), StoreError> {
        let fresh = self.now.since(shown) <= u64::from(BLOB_PREFETCH_DAYS).saturating_mul(DAY_MS);
        for (blob, bytes, original) in blobs_of(post) {
            let later = original && !fresh;
            let naming = Naming { blob, author, moment: *moment, bytes, later };
            if self.name(&naming)? && !later && self.kept_blob(&blob)?.is_none() {
                self.wants.push((original, Reverse(shown), naming));
                self.wants.dirty = true;
            }
        }
        Ok(())
    }

    /// Notes that a moment names a blob. False if that is known, or if its author names it too often.
    fn name(&mut self, naming: &Naming) -> Result<bool, StoreError> {
        let by_author = tx::key(&[naming.blob.as_bytes(), naming.author.as_bytes()]);
        let named = self.tx.prefix(Tree::Blobs, &by_author, BLOB_NAMING_LIMIT)?;
        let key = naming.key();
        if named.len() >= BLOB_NAMING_LIMIT || named.iter().any(|(other, _)| *other == key) {
            return Ok(false);
        }
        self.tx.put(Tree::Blobs, &key, naming.encode());
        Ok(true)
    }

    /// Gives out fetches while there is somebody to ask and room to do so.
    pub(super) fn fetch_blobs(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.wants.dirty) {
            return Ok(());
        }
        let tried = self.wants.tried.values().map(|tried| tried.again);
        self.wants.again = tried.filter(|at| *at > self.now && at.as_millis() < u64::MAX).min();
        let mut free = self.free_peers();
        if free.is_empty() {
            return Ok(());
        }
        let mut free_for_originals = self.free_for_originals(&free);
        let mut waiting: Vec<Turn> = self.wants.waiting.values().flatten().copied().collect();
        waiting.sort_unstable();
        for turn in waiting {
            let naming = turn.2;
            // Originals come behind all previews: where none may be asked for, a look at each would be for nothing.
            if free.is_empty() || (turn.0 && free_for_originals.is_empty()) {
                break;
            }
            if self.wants.fetching.contains_key(&naming.blob) {
                continue;
            }
            let those = if turn.0 { &free_for_originals } else { &free };
            let Some((conn, peer)) = self.who_has(those, &naming)? else { continue };
            self.wants.take(&turn);
            self.wants.fetching.insert(naming.blob, Fetch { conn, peer, turn, dropped: false });
            self.order(Order::FetchBlob { conn, blob: naming.blob, bytes: naming.bytes });
            free = self.free_peers();
            free_for_originals = self.free_for_originals(&free);
        }
        Ok(())
    }

    /// Those of them that may be asked for an original.
    fn free_for_originals(&self, free: &[(ConnId, StreamId, UserId)]) -> Vec<(ConnId, StreamId, UserId)> {
        let originals = || self.wants.fetching.values().filter(|fetch| fetch.turn.0);
        if originals().count() >= BLOB_ORIGINAL_FETCH_LIMIT {
            return Vec::new();
        }
        let of = |user: &UserId| originals().filter(|fetch| fetch.peer == *user).count();
        free.iter().filter(|(.., user)| of(user) < BLOB_PEER_ORIGINAL_LIMIT).copied().collect()
    }

    /// Sessions that may be asked for one more blob.
    fn free_peers(&self) -> Vec<(ConnId, StreamId, UserId)> {
        if self.wants.fetching.len() >= BLOB_FETCH_LIMIT {
            return Vec::new();
        }
        self.sessions().filter(|(.., user)| self.wants.asked_of(user) < BLOB_PEER_FETCH_LIMIT).collect()
    }

    /// A connection that may be asked for a blob, and was not in vain: the author's first.
    fn who_has(
        &self,
        free: &[(ConnId, StreamId, UserId)],
        naming: &Naming,
    ) -> Result<Option<(ConnId, UserId)>, StoreError> {
        let Some(epoch) = self.place(&naming.moment)?.map(|place| place.epoch) else {
            return Ok(None);
        };
        let mut found = None;
        for (conn, stream, user) in free {
            let tried = self.wants.tried.get(&(naming.blob, naming.bytes, *conn));
            if tried.is_some_and(|tried| tried.again > self.now) {
                continue;
            }
            if *user == naming.author {
                return Ok(Some((*conn, *user)));
            }
            if self.is_matched(*stream, &epoch) {
                found = Some((*conn, *user));
            }
        }
        Ok(found)
    }

    pub(super) fn is_matched(&self, stream: StreamId, epoch: &EpochId) -> bool {
        match self.net.streams.get(&stream).map(|stream| &stream.spoken) {
            Some(Spoken::Sync(session)) => session.is_matched(epoch),
            _ => false,
        }
    }

    /// A blob arrived whole.
    pub(super) fn on_blob_fetched(&mut self, blob: &BlobId, bytes: u64) -> Result<(), StoreError> {
        self.wants.fetching.remove(blob);
        self.wants.dirty = true;
        let namings = self.namings(blob)?;
        if namings.is_empty() {
            // Its moment was withdrawn meanwhile.
            self.held.push(Output::RemoveBlob(*blob));
            return Ok(());
        }
        for naming in &namings {
            self.wants.drop_waiting(naming);
        }
        self.wants.forget_tried(blob);
        if self.kept_blob(blob)?.is_some() {
            // It became mine while it was on its way.
            return Ok(());
        }
        let kept = Kept { mine: false, bytes, since: self.now };
        self.tx.put(Tree::Blobs, blob.as_bytes(), kept.encode());
        self.recount(blob)?;
        self.make_room_for_blobs(Some(blob))?;
        for naming in namings.iter().filter(|naming| kept.is(naming.bytes)) {
            self.tell_blob(naming);
        }
        Ok(())
    }

    /// Others' pictures make room for newer ones: the oldest of whoever has most ([`cache`]).
    fn make_room_for_blobs(&mut self, fresh: Option<&BlobId>) -> Result<(), StoreError> {
        while self.wants.cache.bytes() > BLOB_CACHE_LIMIT {
            let Some(blob) = self.wants.cache.next_to_go(fresh) else { break };
            self.wants.cache.drop(&blob);
            for naming in self.namings(&blob)? {
                self.tx.put(Tree::Blobs, &naming.key(), Naming { later: true, ..naming }.encode());
            }
            self.drop_blob(&blob);
        }
        Ok(())
    }

    /// When somebody may be asked again for what they did not have.
    pub(super) const fn wants_wakeup(&self) -> Option<Timestamp> {
        self.wants.again
    }

    /// The time of [`Service::wants_wakeup`] may have come.
    pub(super) fn ask_again(&mut self) {
        if self.wants.again.is_some_and(|at| at <= self.now) {
            self.wants.dirty = true;
        }
    }

    /// A peer did not give it.
    pub(super) fn on_blob_failed(&mut self, blob: &BlobId, conn: ConnId, lied: bool) {
        if lied {
            tracing::debug!(blob = %blob.short(), "a peer sent bytes that do not fit a blob's id");
        }
        // After a disconnection it may be asked of somebody else already.
        let Some(fetch) = self.wants.fetching.get(blob).filter(|fetch| fetch.conn == conn) else { return };
        let (bytes, dropped) = (fetch.turn.2.bytes, fetch.dropped);
        if !dropped {
            // A liar is not asked again on this connection; one who did not have it may get it.
            let tried = self.wants.tried.entry((*blob, bytes, conn)).or_default();
            tried.times = tried.times.saturating_add(1);
            let wait = if lied { u64::MAX } else { super::maintain::backoff_ms(tried.times) };
            tried.again = Timestamp::from_millis(self.now.as_millis().saturating_add(wait));
        }
        self.wants.put_back(blob);
        if dropped && self.namings(blob).is_ok_and(|left| left.is_empty()) {
            // What came of it meanwhile goes too.
            self.held.push(Output::RemoveBlob(*blob));
        }
    }

    /// A peer asks for a blob.
    pub(super) fn on_blob_asked(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        blob: &BlobId,
    ) -> Result<(), StoreError> {
        let order = if self.may_have(conn, blob)? {
            Order::ServeBlob { stream, blob: *blob }
        } else {
            Order::RefuseBlob { stream }
        };
        self.order(order);
        Ok(())
    }

    /// Whether one of the moments that name a blob allows it.
    fn may_have(&self, conn: ConnId, blob: &BlobId) -> Result<bool, StoreError> {
        let Some(state) = self.net.conns.get(&conn) else { return Ok(false) };
        let (Some((user, _)), Some(sync)) = (state.friend, state.sync) else { return Ok(false) };
        let Some(kept) = self.kept_blob(blob)? else { return Ok(false) };
        for naming in self.namings(blob)?.iter().filter(|naming| kept.is(naming.bytes)) {
            let Some(place) = self.place(&naming.moment)? else { continue };
            let Some(epoch) = self.state.epochs.get(&place.epoch) else { continue };
            let may = if epoch.own.is_some() {
                self.may_read(&user, &naming.moment, &place.epoch)
            } else {
                !epoch.author_only && (epoch.author == user || self.is_matched(sync, &place.epoch))
            };
            if may {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells a blob of mine which moment names it, once that is written.
    pub(super) fn bind_own_blobs(&mut self, moment: &EntryId, post: &Post) -> Result<(), StoreError> {
        let author = self.me();
        for (blob, bytes, _) in blobs_of(post) {
            self.wants.cache.drop(&blob);
            let kept = Kept { mine: true, bytes, since: Timestamp::ZERO };
            self.tx.put(Tree::Blobs, blob.as_bytes(), kept.encode());
            self.name(&Naming { blob, author, moment: *moment, bytes, later: false })?;
        }
        Ok(())
    }

    fn kept_blob(&self, blob: &BlobId) -> Result<Option<Kept>, StoreError> {
        let key = blob.as_bytes();
        self.tx.get(Tree::Blobs, key)?.map_or(Ok(None), |bytes| Kept::decode(key, &bytes))
    }

    /// Whether its bytes are here.
    pub(super) fn has_blob(&self, blob: &BlobId) -> Result<bool, StoreError> {
        Ok(self.kept_blob(blob)?.is_some())
    }

    /// The moments that name a blob: of each author at most [`BLOB_NAMING_LIMIT`].
    fn namings(&self, blob: &BlobId) -> Result<Vec<Naming>, StoreError> {
        let mut namings = Vec::new();
        self.tx.each_pending(Tree::Blobs, blob.as_bytes(), &mut |key, value| {
            namings.extend(Naming::decode(key, value)?);
            Ok(())
        })?;
        Ok(namings)
    }

    /// A moment is withdrawn: it names its blobs no more. A file goes when nothing names it.
    pub(super) fn forget_blobs(
        &mut self,
        author: UserId,
        moment: &EntryId,
        post: &Post,
    ) -> Result<(), StoreError> {
        for (blob, bytes, _) in blobs_of(post) {
            let naming = Naming { blob, author, moment: *moment, bytes, later: false };
            self.forget_naming(&naming)?;
        }
        Ok(())
    }

    fn forget_naming(&mut self, naming: &Naming) -> Result<(), StoreError> {
        let blob = &naming.blob;
        if !self.tx.has(Tree::Blobs, &naming.key())? {
            return Ok(());
        }
        self.tx.remove(Tree::Blobs, &naming.key());
        self.wants.drop_waiting(naming);
        if self.wants.is_fetching(naming)
            && let Some(fetch) = self.wants.fetching.get_mut(blob)
        {
            fetch.dropped = true;
        }
        let left = self.namings(blob)?;
        let kept = self.kept_blob(blob)?;
        if left.is_empty() {
            self.wants.cache.drop(blob);
            self.wants.forget_tried(blob);
            self.drop_blob(blob);
        } else if let Some(kept) = kept.filter(|kept| kept.mine)
            && left.iter().all(|naming| naming.author != self.me())
        {
            // Mine no more, but others'.
            let kept = Kept { mine: false, since: self.now, ..kept };
            self.tx.put(Tree::Blobs, blob.as_bytes(), kept.encode());
            self.recount(blob)?;
        } else {
            // It may have stayed for a favourite that named it.
            self.recount(blob)?;
        }
        Ok(())
    }

    /// What opens a blob, by each moment that names it and that one may see (one's own first): key, media type, bytes
    /// of plaintext; and whether it is here. More than one is an attempt to mislead: which one is true shows when the
    /// bytes are opened.
    ///
    /// # Errors
    /// Not found.
    pub fn blob(&mut self, blob: &BlobId) -> Said<(Vec<BlobReading>, bool)> {
        let kept = self.kept_blob(blob)?;
        let me = self.me();
        let mut namings = self.namings(blob)?;
        namings.sort_by_key(|naming| naming.author != me);
        let mut readings = Vec::new();
        for naming in namings {
            let in_moment = self.blob_in(&naming.moment, blob)?;
            let Some(reading) = in_moment.or_else(|| self.picture_in(&naming)) else { continue };
            match &kept {
                Some(kept) if !kept.is(naming.bytes) => continue,
                Some(_) => {}
                None => self.want_now(&naming),
            }
            readings.push(reading);
        }
        if readings.is_empty() {
            return Err(Error::not_found(
                "no_such_blob",
                format!("no moment or profile here names the blob {}", blob.short()),
                "see `tidings show ID`",
            ));
        }
        // Somebody looks at it: whatever waits for a peer is tried again.
        self.wants.dirty = true;
        Ok((readings, kept.is_some()))
    }

    /// Somebody looks at what is not here.
    fn want_now(&mut self, naming: &Naming) {
        if self.wants.is_fetching(naming) {
            return;
        }
        let wanted = Naming { later: false, ..*naming };
        if naming.later {
            self.tx.put(Tree::Blobs, &naming.key(), wanted.encode());
        }
        self.wants.drop_waiting(naming);
        self.wants.push((wanted.bytes > PREVIEW_SIZE, Reverse(self.now), wanted));
    }
}

/// What opens a blob, as a moment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobReading {
    /// Its key.
    pub key: BlobKey,
    /// Its media type.
    pub mime: &'static str,
    /// Bytes of plaintext.
    pub bytes: u64,
    /// BLAKE3 of the plaintext, which somebody else than the moment's author signed: nothing else is shown under it.
    pub proof: Option<[u8; 32]>,
}

/// The blobs of a post: id, padded bytes, whether it is an original.
fn blobs_of(post: &Post) -> Vec<(BlobId, u64, bool)> {
    let keys = share::trusted_keys(post);
    let media = post.media().iter().zip(keys.iter());
    media
        .flat_map(|(medium, keys)| {
            // A video that has no poster names no preview: its length is 0.
            let preview = (keys.preview, padded_len(u64::from(keys.preview_len)), false);
            let original = (keys.blob, padded_len(medium.plain_len), true);
            [Some(preview).filter(|_| keys.preview_len > 0), Some(original)].into_iter().flatten()
        })
        .collect()
}

/// The largest padded preview, bytes.
const PREVIEW_SIZE: u64 = 26 * 1024;
