//! Pictures: which are wanted, from whom they can be had, who may have ours.
//!
//! A moment names its blobs by hash. Previews are wanted at once, originals of the last 30 days too, so that a friend
//! who carries a moment carries its pictures (docs/protocol.md 3.9). A blob is asked only of those who cannot learn
//! anything from the question: its author, and sessions in which the moment's epoch matched. The same rule decides who
//! gets one from us.
//!
//! ```text
//!  Tree::Blobs   blob 32    state 1 ‖ bytes 8 ‖ moment 32 ‖ since 8     0 wanted  1 here  2 mine  3 later
//! ```
//!
//! *Later* means known by name and not fetched unasked: an original of long ago, or one that made room for newer ones
//! (others' pictures take at most `BLOB_CACHE_LIMIT` bytes). Looking at it makes it wanted.
//!
//! Source: docs/protocol.md 3.9, 3.18.

use std::collections::BTreeMap;

use super::sessions::Spoken;
use super::{Output, Service, tx};
use crate::crypto::{BlobKey, padded_len};
use crate::error::{Error, Result as Said};
use crate::id::{BlobId, EntryId, EpochId, UserId};
use crate::limits::{BLOB_CACHE_LIMIT, BLOB_FETCH_LIMIT, BLOB_PREFETCH_DAYS, BLOB_WANTED_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::moment::Post;
use crate::store::{StoreError, Tree};
use crate::time::{DAY_MS, Timestamp};
use crate::view;
use crate::wire::Reader;

/// Where a blob stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Blob {
    state: u8,
    bytes: u64,
    moment: EntryId,
    /// When it came here; of one's own or one not here, nothing.
    since: Timestamp,
}

const WANTED: u8 = 0;
const HERE: u8 = 1;
const MINE: u8 = 2;
const LATER: u8 = 3;

impl Blob {
    fn encode(&self) -> Vec<u8> {
        [
            &[self.state][..],
            &self.bytes.to_be_bytes(),
            self.moment.as_bytes(),
            &self.since.as_millis().to_be_bytes(),
        ]
        .concat()
    }

    fn decode(key: &[u8], bytes: &[u8]) -> Result<Self, StoreError> {
        let bad = |_| tx::damaged(Tree::Blobs, key, "the record does not decode");
        let mut input = Reader::new(bytes);
        let blob = Self {
            state: input.u8().map_err(bad)?,
            bytes: input.u64().map_err(bad)?,
            moment: input.value().map_err(bad)?,
            since: Timestamp::from_millis(input.u64().map_err(bad)?),
        };
        input.finish().map_err(bad)?;
        Ok(blob)
    }
}

/// Whose turn it is: previews before originals, newest moment first.
type Turn = (bool, std::cmp::Reverse<Timestamp>, BlobId);

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
    /// Previews before originals, newest moment first.
    waiting: BTreeMap<Turn, (EntryId, u64)>,
    fetching: BTreeMap<BlobId, (ConnId, Turn, EntryId, u64)>,
    /// Peers that did not have it or lied, until somebody new comes.
    tried: BTreeMap<(ConnId, BlobId), Tried>,
    dirty: bool,
    /// When somebody may be asked again.
    again: Option<Timestamp>,
    /// Others' blobs that are here, oldest first, and their bytes.
    cached: BTreeMap<(Timestamp, BlobId), u64>,
    cached_bytes: u64,
}

impl Wants {
    /// A blob of one's own stands in the home already.
    pub(super) fn own(tx: &mut tx::Tx, blob: &BlobId) {
        let moment = EntryId::from_bytes([0; 32]);
        let record = Blob { state: MINE, bytes: 0, moment, since: Timestamp::ZERO };
        tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
    }

    pub(super) fn on_disconnected(&mut self, conn: ConnId) {
        self.tried.retain(|(tried, _), _| *tried != conn);
        let lost: Vec<BlobId> =
            self.fetching.iter().filter(|(_, (with, ..))| *with == conn).map(|(blob, _)| *blob).collect();
        for blob in lost {
            self.put_back(&blob);
        }
    }

    /// Somebody new can be asked.
    pub(super) fn on_peer(&mut self) {
        self.dirty = true;
    }

    fn put_back(&mut self, blob: &BlobId) {
        if let Some((_, turn, moment, bytes)) = self.fetching.remove(blob) {
            self.waiting.insert(turn, (moment, bytes));
            self.dirty = true;
        }
    }

    fn drop_blob(&mut self, blob: &BlobId) {
        self.waiting.retain(|(_, _, waiting), _| waiting != blob);
        self.tried.retain(|(_, tried), _| tried != blob);
        self.fetching.remove(blob);
    }

    fn note_cached(&mut self, blob: BlobId, record: &Blob) {
        self.cached.insert((record.since, blob), record.bytes);
        self.cached_bytes = self.cached_bytes.saturating_add(record.bytes);
    }

    fn drop_cached(&mut self, blob: &BlobId, record: &Blob) {
        if let Some(bytes) = self.cached.remove(&(record.since, *blob)) {
            self.cached_bytes = self.cached_bytes.saturating_sub(bytes);
        }
    }
}

impl Service {
    /// Reads at start what is still wanted.
    pub(super) fn load_wants(&mut self) -> Result<(), StoreError> {
        let (mut wanted, mut here) = (Vec::new(), Vec::new());
        self.tx.each(Tree::Blobs, &[], &mut |key, value| {
            let blob = Blob::decode(key, value)?;
            match (blob.state, BlobId::try_from(key)) {
                (WANTED, Ok(id)) => wanted.push((id, blob)),
                (HERE, Ok(id)) => here.push((id, blob)),
                _ => {}
            }
            Ok(())
        })?;
        for (id, blob) in &here {
            self.wants.note_cached(*id, blob);
        }
        for (id, blob) in wanted.into_iter().take(BLOB_WANTED_LIMIT) {
            // What is an original and when its moment was shown is not kept: previews are small, they go first.
            let original = blob.bytes > PREVIEW_SIZE;
            let key = (original, std::cmp::Reverse(Timestamp::ZERO), id);
            self.wants.waiting.insert(key, (blob.moment, blob.bytes));
        }
        Ok(())
    }

    /// A friend's moment came: its pictures are wanted.
    pub(super) fn want_blobs(&mut self, moment: &EntryId, shown: Timestamp, post: &Post) {
        let fresh = self.now.since(shown) <= u64::from(BLOB_PREFETCH_DAYS).saturating_mul(DAY_MS);
        let media: Vec<_> = post
            .public
            .values()
            .media
            .iter()
            .map(|m| m.plain_len)
            .zip(post.private.media_keys.clone())
            .collect();
        for (plain_len, keys) in media {
            if keys.preview_len > 0 {
                self.want(keys.preview, padded_len(u64::from(keys.preview_len)), moment, shown, false);
            }
            let bytes = padded_len(plain_len);
            if fresh {
                self.want(keys.blob, bytes, moment, shown, true);
            } else if !self.tx.has(Tree::Blobs, keys.blob.as_bytes()).unwrap_or(true) {
                let record = Blob { state: LATER, bytes, moment: *moment, since: Timestamp::ZERO };
                self.tx.put(Tree::Blobs, keys.blob.as_bytes(), record.encode());
            }
        }
    }

    fn want(&mut self, blob: BlobId, bytes: u64, moment: &EntryId, shown: Timestamp, original: bool) {
        if self.tx.has(Tree::Blobs, blob.as_bytes()).unwrap_or(true) {
            return;
        }
        let record = Blob { state: WANTED, bytes, moment: *moment, since: Timestamp::ZERO };
        self.tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
        if self.wants.waiting.len() < BLOB_WANTED_LIMIT {
            self.wants.waiting.insert((original, std::cmp::Reverse(shown), blob), (*moment, bytes));
        }
        self.wants.dirty = true;
    }

    /// Gives out fetches while there is somebody to ask and room to do so.
    pub(super) fn fetch_blobs(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.wants.dirty) {
            return Ok(());
        }
        let tried = self.wants.tried.values().map(|tried| tried.again);
        self.wants.again = tried.filter(|at| *at > self.now && at.as_millis() < u64::MAX).min();
        let waiting: Vec<_> = self.wants.waiting.iter().map(|(key, value)| (*key, *value)).collect();
        for (turn, (moment, bytes)) in waiting {
            let blob = turn.2;
            if self.wants.fetching.len() >= BLOB_FETCH_LIMIT {
                break;
            }
            let Some(conn) = self.who_has(&blob, &moment)? else { continue };
            self.wants.waiting.remove(&turn);
            self.wants.fetching.insert(blob, (conn, turn, moment, bytes));
            self.order(Order::FetchBlob { conn, blob, bytes });
        }
        Ok(())
    }

    /// A connection that may be asked for a blob, and was not in vain: the author's first.
    fn who_has(&self, blob: &BlobId, moment: &EntryId) -> Result<Option<ConnId>, StoreError> {
        let Some(epoch) = self.place(moment)?.map(|place| place.epoch) else {
            return Ok(None);
        };
        let author = self.state.epochs.get(&epoch).map(|record| record.author);
        let mut found = None;
        for (conn, stream, user) in self.sessions() {
            if self.wants.tried.get(&(conn, *blob)).is_some_and(|tried| tried.again > self.now) {
                continue;
            }
            if Some(user) == author {
                return Ok(Some(conn));
            }
            if self.is_matched(stream, &epoch) {
                found = Some(conn);
            }
        }
        Ok(found)
    }

    fn is_matched(&self, stream: StreamId, epoch: &EpochId) -> bool {
        match self.net.streams.get(&stream).map(|stream| &stream.spoken) {
            Some(Spoken::Sync(session)) => session.is_matched(epoch),
            _ => false,
        }
    }

    /// A blob arrived whole.
    pub(super) fn on_blob_fetched(&mut self, blob: &BlobId, bytes: u64) -> Result<(), StoreError> {
        self.wants.drop_blob(blob);
        self.wants.dirty = true;
        let Some(mut record) = self.blob_record(blob)? else {
            // Its moment was withdrawn meanwhile.
            self.held.push(Output::RemoveBlob(*blob));
            return Ok(());
        };
        record.state = HERE;
        record.bytes = bytes;
        record.since = self.now;
        self.tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
        self.wants.note_cached(*blob, &record);
        self.make_room_for_blobs()?;
        self.emit(view::Happening::Blob { id: *blob, moment: record.moment });
        Ok(())
    }

    /// The oldest of others' pictures make room for newer ones.
    fn make_room_for_blobs(&mut self) -> Result<(), StoreError> {
        while self.wants.cached_bytes > BLOB_CACHE_LIMIT {
            let Some(((_, blob), _)) = self.wants.cached.first_key_value() else { break };
            let blob = *blob;
            let Some(mut record) = self.blob_record(&blob)? else { break };
            self.wants.drop_cached(&blob, &record);
            record.state = LATER;
            self.tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
            self.held.push(Output::RemoveBlob(blob));
        }
        Ok(())
    }

    /// A peer did not give it.
    pub(super) fn on_blob_failed(&mut self, blob: &BlobId, conn: ConnId, lied: bool) {
        if lied {
            tracing::debug!(blob = %blob.short(), "a peer sent bytes that do not fit a blob's id");
        }
        // A liar is not asked again on this connection; one who did not have it may get it.
        let tried = self.wants.tried.entry((conn, *blob)).or_default();
        tried.times = tried.times.saturating_add(1);
        let wait = if lied { u64::MAX } else { super::maintain::backoff_ms(tried.times) };
        tried.again = Timestamp::from_millis(self.now.as_millis().saturating_add(wait));
        self.wants.put_back(blob);
    }

    /// When somebody may be asked again for what they did not have.
    pub(super) const fn wants_wakeup(&self) -> Option<Timestamp> {
        self.wants.again
    }

    /// The time of [`Service::wants_wakeup`] may have come.
    pub(super) fn ask_again(&mut self) {
        if self.wants_wakeup().is_some_and(|at| at <= self.now) {
            self.wants.dirty = true;
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

    fn may_have(&self, conn: ConnId, blob: &BlobId) -> Result<bool, StoreError> {
        let Some(state) = self.net.conns.get(&conn) else { return Ok(false) };
        let (Some((user, _)), Some(sync)) = (state.friend, state.sync) else { return Ok(false) };
        let Some(record) = self.blob_record(blob)?.filter(|record| matches!(record.state, HERE | MINE))
        else {
            return Ok(false);
        };
        let Some(place) = self.place(&record.moment)? else { return Ok(false) };
        let Some(epoch) = self.state.epochs.get(&place.epoch) else { return Ok(false) };
        if epoch.own.is_some() {
            return Ok(self.readers_of(&record.moment)?.contains(&user));
        }
        Ok(!epoch.author_only && (epoch.author == user || self.is_matched(sync, &place.epoch)))
    }

    /// Tells a blob of mine which moment names it, once that is written.
    pub(super) fn bind_own_blobs(&mut self, moment: &EntryId, post: &Post) {
        for keys in &post.private.media_keys {
            for blob in [&keys.blob, &keys.preview] {
                let record = Blob { state: MINE, bytes: 0, moment: *moment, since: Timestamp::ZERO };
                self.tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
            }
        }
    }

    fn blob_record(&self, blob: &BlobId) -> Result<Option<Blob>, StoreError> {
        let key = blob.as_bytes();
        self.tx.get(Tree::Blobs, key)?.map(|bytes| Blob::decode(key, &bytes)).transpose()
    }

    /// A blob whose moment is withdrawn.
    pub(super) fn forget_blob(&mut self, blob: &BlobId) {
        self.wants.drop_blob(blob);
        if let Ok(Some(record)) = self.blob_record(blob) {
            self.wants.drop_cached(blob, &record);
        }
        self.tx.remove(Tree::Blobs, blob.as_bytes());
        self.held.push(Output::RemoveBlob(*blob));
    }

    /// What opens a blob that a moment one may see names: key, media type, bytes of plaintext, and whether it is here.
    ///
    /// # Errors
    /// Not found.
    pub fn blob(&mut self, blob: &BlobId) -> Said<(BlobKey, &'static str, u64, bool)> {
        let missing = || {
            Error::not_found(
                "no_such_blob",
                format!("no moment here names the blob {}", blob.short()),
                "see `tidings show ID`",
            )
        };
        let mut record = self.blob_record(blob)?.ok_or_else(missing)?;
        let (key, mime, len) = self.blob_in(&record.moment, blob)?.ok_or_else(missing)?;
        if record.state == LATER {
            record.state = WANTED;
            self.tx.put(Tree::Blobs, blob.as_bytes(), record.encode());
            let waiting = (true, std::cmp::Reverse(self.now), *blob);
            self.wants.waiting.insert(waiting, (record.moment, record.bytes));
        }
        // Somebody looks at it: whatever waits for a peer is tried again.
        self.wants.dirty = true;
        Ok((key, mime, len, matches!(record.state, HERE | MINE)))
    }

    /// Readers of one of my moments who are friends now.
    pub(super) fn is_reader(&self, user: &UserId, moment: &EntryId) -> Result<bool, StoreError> {
        Ok(self.readers_of(moment)?.contains(user))
    }
}

/// The largest padded preview, bytes.
const PREVIEW_SIZE: u64 = 26 * 1024;
