//! The frames of `/tidings/sync/1`, written by hand.
//!
//! A frame is `version u8 = 1 ‖ variant u8 ‖ fields`; its length stands before it on the stream and is the shell's
//! business. Integers are big-endian. An unknown variant is ignored (a later program may send it), an unknown version,
//! a left-over byte or a second way to write the same is a fault.
//!
//! | no | frame | fields |
//! |---:|---|---|
//! | 1 | `Hello` | nonce 32 ‖ features u32 ‖ IdentityRecord u16+ ‖ DeviceRecord u16+ |
//! | 2 | `Mine` | handle u32 ‖ epoch_id 16 |
//! | 3 | `Tags` | class u8 ‖ n u16 ‖ n × tag 16 |
//! | 4 | `Matched` | n u16 ‖ n × (index u16 ‖ handle u32 ‖ tag 16), indices ascending |
//! | 5 | `Digest` | handle u32 ‖ d16 16 |
//! | 6 | `Have` | handle u32 ‖ floor u64 ‖ lo u64 ‖ hi u64 ‖ n u32 ‖ n × (lo u64 ‖ hi u64) ‖ sum 32 |
//! | 7 | `Want` | handle u32 ‖ n u32 ‖ n × (lo u64 ‖ hi u64) |
//! | 8 | `WantIds` | n u16 ‖ n × entry_id 32 |
//! | 9 | `Entry` | handle u32 (`ffffffff`: none, a granted entry) ‖ header 186 ‖ body: the rest |
//! | 10 | `Gone` | handle u32 ‖ seq u64 ‖ form u8 ‖ form 0: entry_id 32, form 1: header 186 |
//! | 11 | `Ids` | handle u32 ‖ lo u64 ‖ hi u64 ‖ n u16 ‖ n × (seq u64 ‖ entry_id 32), ascending |
//! | 12 | `Head` | handle u32 ‖ seq u64 |
//! | 13 | `Bye` | reason u8 |
//! | 14 | `Digests` | n u32 ‖ n × (lo u64 ‖ hi u64) of places ‖ d16 16 |
//! | 15 | `MatchedRun` | handle u32 ‖ n u16 ‖ n × 8 bits, that of the lowest index lowest ‖ proof 16 |
//!
//! `Ids` carries pairs, not ids alone: a variant is fetched by its number with `Want`, since `WantIds` is answered to
//! devices of the author and own devices only, and an id does not tell its number. A round of `Tags` that fills its
//! last frame (8,192) is ended by an empty one, so that the answerer knows when its turn comes.
//!
//! `Digests` is only for peers whose `Hello` has the bit [`FEATURE_DIGESTS`]. A *place* is a handle turned right by one bit:
//! each side gives out every second handle, so that those given out one after another lie beside each other. `MatchedRun` is
//! only for those whose `Hello` has the bit [`FEATURE_RUNS`].
//!
//! What it does not do: it knows no session; whether a handle or a number means anything is decided elsewhere.
//!
//! Source: docs/protocol.md 3.7; golden vectors in `tests/vectors/sync.txt`.

use super::interval::{IntervalSet, SEQ_MAX};
use super::log::{HEADER_LEN, Sum};
use crate::crypto;
use crate::id::{EntryId, EpochId};
use crate::limits::{
    DIGESTS_LIMIT, ENTRY_BODY_LIMIT, HAVE_INTERVAL_LIMIT, HELLO_RECORD_LIMIT, IDS_LIMIT, RUN_LIMIT,
    TAGS_FRAME_LIMIT, WANT_IDS_LIMIT,
};
use crate::wire::{DecodeError, Reader, Writer};

/// The version of all frames.
pub(super) const VERSION: u8 = 1;
/// The handle that says: no scope, a granted entry.
pub const NO_HANDLE: u32 = u32::MAX;
/// How far the next handle of one side is from its last: handles are even from one side, odd from the other.
pub const HANDLE_STEP: u32 = 2;

/// The bit of `Hello` that says: I read `Digests`.
pub const FEATURE_DIGESTS: u32 = 1;
/// The bit of `Hello` that says: I read `MatchedRun`.
pub const FEATURE_RUNS: u32 = 2;
/// All that this program can do beyond version 1.
pub(super) const FEATURES: u32 = FEATURE_DIGESTS | FEATURE_RUNS;

/// A tag, by which two peers find an epoch that both hold.
pub type Tag = [u8; 16];
/// The digest of a page: what is compared before anything is listed.
pub type PageDigest = [u8; 16];

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of each side, and the only one until the other's came.
    Hello(Hello),
    /// The author says to a recipient: this epoch is mine. Between own devices, for every epoch.
    Mine {
        /// The handle under which the epoch goes from now on.
        handle: u32,
        /// The epoch.
        epoch: EpochId,
    },
    /// Epochs of others, offered by tags among random ones.
    Tags {
        /// 1 contact, 2 posts; other classes are answered with nothing.
        class: u8,
        /// In random order.
        tags: Vec<Tag>,
    },
    /// The answer to one `Tags`, in order.
    Matched(Vec<MatchedItem>),
    /// The same where the handles follow one another, proven as one.
    MatchedRun(MatchedRun),
    /// The digest of the first page.
    Digest {
        /// The scope.
        handle: u32,
        /// See [`Have::digest`].
        digest: PageDigest,
    },
    /// What is known in a range.
    Have(Have),
    /// Entries asked for by number.
    Want {
        /// The scope.
        handle: u32,
        /// The numbers.
        intervals: IntervalSet,
    },
    /// Entries asked for by id.
    WantIds(Vec<EntryId>),
    /// An entry.
    Entry(EntryFrame),
    /// The answer for what is known and not kept or not served.
    Gone(Gone),
    /// Which entries stand in a range; only when numbers agree and sums do not.
    Ids(Ids),
    /// A number that the sender has: a fresh one, or the answer to a pushed entry.
    Head {
        /// The scope.
        handle: u32,
        /// The number.
        seq: u64,
    },
    /// The sender ends the session.
    Bye(ByeReason),
    /// The digests of the first pages of several scopes, as one.
    Digests {
        /// The scopes, see [`place_of`].
        places: IntervalSet,
        /// See [`group_digest`].
        digest: PageDigest,
    },
}

/// The fields of [`Frame::Hello`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Fresh and random: binds every tag of the session.
    pub nonce: [u8; 32],
    /// What the sender can do beyond version 1: [`FEATURE_DIGESTS`], [`FEATURE_RUNS`]. Unknown bits mean nothing.
    pub features: u32,
    /// The sender's IdentityRecord, as it was signed.
    pub identity: Vec<u8>,
    /// The sender's DeviceRecord, as it was signed.
    pub device: Vec<u8>,
}

/// One match of a `Tags` frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedItem {
    /// Which of the tags, counted from 0.
    pub index: u16,
    /// The handle under which the epoch goes from now on.
    pub handle: u32,
    /// The answerer's own tag: the proof that it holds the epoch.
    pub tag: Tag,
}

/// The fields of [`Frame::MatchedRun`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedRun {
    /// The handle of the first match; that of each other is [`HANDLE_STEP`] more than that of the one before.
    pub handle: u32,
    /// Which of the tags, counted from 0; ascending, at least one.
    pub indices: Vec<u16>,
    /// [`run_proof`] of the answerer's own tags.
    pub proof: Tag,
}

impl MatchedRun {
    /// The same as these matches; none where their handles do not follow one another, or one by one is shorter.
    pub fn of(items: &[MatchedItem]) -> Option<Self> {
        let (first, last) = (items.first()?, items.last()?);
        let is_run = items.windows(2).all(|pair| match pair {
            [one, next] => one.handle.checked_add(HANDLE_STEP) == Some(next.handle),
            _ => false,
        });
        let is_shorter = run_len(last.index) < items.len().saturating_mul(MATCHED_ITEM_LEN);
        let tags: Vec<Tag> = items.iter().map(|item| item.tag).collect();
        let indices = items.iter().map(|item| item.index).collect();
        (is_run && is_shorter).then(|| Self { handle: first.handle, indices, proof: run_proof(&tags) })
    }

    /// What matched, and under which handle.
    pub fn items(&self) -> impl Iterator<Item = (u16, u32)> {
        let next = |handle: &u32| handle.checked_add(HANDLE_STEP);
        self.indices.iter().copied().zip(std::iter::successors(Some(self.handle), next))
    }

    fn encode_to(&self, out: &mut Writer) {
        let mut bits = vec![0u8; self.indices.last().map_or(0, |last| bits_len(*last))];
        for index in &self.indices {
            if let Some(byte) = bits.get_mut(usize::from(index / 8)) {
                *byte |= 1 << (index % 8);
            }
        }
        out.u32(self.handle).u16(count(bits.len())).raw(&bits).raw(&self.proof);
    }

    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let handle = handle(input)?;
        let len = short_count(input, "eights of tags", RUN_LIMIT, 1)?;
        let bits = input.take(len)?;
        if bits.last().is_none_or(|last| *last == 0) {
            return Err(DecodeError::Invalid { what: "a run of matches ends in none" });
        }
        let is_set = |index: &u16| {
            let byte = bits.get(usize::from(index / 8));
            byte.is_some_and(|byte| byte & (1 << (index % 8)) != 0)
        };
        let indices: Vec<u16> = (0..count(len.saturating_mul(8))).filter(is_set).collect();
        let run = Self { handle, indices, proof: input.array()? };
        if run.items().count() != run.indices.len() || run.items().any(|(_, handle)| handle == NO_HANDLE) {
            return Err(DecodeError::Invalid { what: "a run of matches goes beyond all handles" });
        }
        Ok(run)
    }
}

/// What of a `MatchedRun` is not a list, bytes.
const RUN_FIXED_LEN: usize = 4 + 16;
/// A match of a `Matched`, bytes.
const MATCHED_ITEM_LEN: usize = 2 + 4 + 16;

/// Bytes of bits up to this index.
fn bits_len(last: u16) -> usize {
    usize::from(last / 8).saturating_add(1)
}

/// Bytes of a run whose last match is at this index.
fn run_len(last: u16) -> usize {
    RUN_FIXED_LEN.saturating_add(bits_len(last))
}

/// `BLAKE3(tag ‖ tag ‖ …)[..16]`: who knows it knows every tag, and so holds every epoch.
pub fn run_proof(tags: &[Tag]) -> Tag {
    cut(&crypto::hash(tags.as_flattened()))
}

/// The fields of [`Frame::Have`]: a claim about `lo..=hi` that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Have {
    /// The scope.
    pub handle: u32,
    /// Nothing below this is known, served or asked for.
    pub floor: u64,
    /// The lowest number spoken of; not below the floor.
    pub lo: u64,
    /// The highest number spoken of; 2^48 - 1 on the first page.
    pub hi: u64,
    /// All that is known in the range.
    pub intervals: IntervalSet,
    /// The sum over all that is known in the range.
    pub sum: Sum,
}

impl Have {
    /// `d16 = BLAKE3(floor ‖ lo ‖ hi ‖ n(4) ‖ (lo ‖ hi)* ‖ sum)[..16]`: the handle is left out, since it may differ on
    /// the two sides.
    pub fn digest(&self) -> PageDigest {
        let mut out = Writer::with_capacity(64);
        out.u64(self.floor).u64(self.lo).u64(self.hi);
        self.intervals.encode_to(&mut out);
        out.raw(self.sum.as_bytes());
        cut(&crypto::hash(out.as_slice()))
    }
}

/// `BLAKE3(d16 ‖ d16 ‖ …)[..16]` over the digests of the scopes of a group, by ascending place.
pub fn group_digest(digests: &[PageDigest]) -> PageDigest {
    cut(&crypto::hash(digests.as_flattened()))
}

fn cut(hash: &[u8; 32]) -> PageDigest {
    let mut cut = [0; 16];
    for (to, from) in cut.iter_mut().zip(hash) {
        *to = *from;
    }
    cut
}

/// Where a handle stands in [`Frame::Digests`].
pub fn place_of(handle: u32) -> u64 {
    u64::from(handle.rotate_right(1))
}

/// The handle at a place, if there is one.
pub fn handle_at(place: u64) -> Option<u32> {
    u32::try_from(place).ok().map(|place| place.rotate_left(1)).filter(|&handle| handle != NO_HANDLE)
}

/// The fields of [`Frame::Entry`].
#[derive(Clone, PartialEq, Eq)]
pub struct EntryFrame {
    /// The scope; none for a granted entry.
    pub handle: Option<u32>,
    /// Header with signature, as received.
    pub header: Box<[u8; HEADER_LEN]>,
    /// Sealed body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for EntryFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EntryFrame {{ handle: {:?}, body: <{} bytes> }}", self.handle, self.body.len())
    }
}

/// The fields of [`Frame::Gone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The scope.
    pub handle: u32,
    /// The number.
    pub seq: u64,
    /// What is left.
    pub left: Left,
}

/// What is left of an entry that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Its id: counts only with the author's tombstone in hand.
    Id(EntryId),
    /// Its header: can be verified and makes the entry known.
    Header(Box<[u8; HEADER_LEN]>),
}

/// The fields of [`Frame::Ids`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The scope.
    pub handle: u32,
    /// The lowest number listed completely.
    pub lo: u64,
    /// The highest.
    pub hi: u64,
    /// Number and id of all that is known there, ascending.
    pub pairs: Vec<(u64, EntryId)>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByeReason {
    /// The node stops, or the stream is no longer needed.
    Done,
    /// The other side broke the protocol.
    Fault,
    /// Others have their turn: to be dialled again later.
    Turn,
    /// A reason that this program does not know.
    Other(u8),
}

impl ByeReason {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Fault => 1,
            Self::Turn => 2,
            Self::Other(code) => code,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Fault,
            2 => Self::Turn,
            other => Self::Other(other),
        }
    }
}

const HELLO: u8 = 1;
const MINE: u8 = 2;
const TAGS: u8 = 3;
const MATCHED: u8 = 4;
const DIGEST: u8 = 5;
const HAVE: u8 = 6;
const WANT: u8 = 7;
const WANT_IDS: u8 = 8;
const ENTRY: u8 = 9;
const GONE: u8 = 10;
const IDS: u8 = 11;
const HEAD: u8 = 12;
const BYE: u8 = 13;
const DIGESTS: u8 = 14;
const MATCHED_RUN: u8 = 15;

impl Frame {
    /// At least about how many bytes it takes: so that a frame is not moved again and again while it is made.
    fn room(&self) -> usize {
        let content = match self {
            Self::Hello(hello) => hello.identity.len().saturating_add(hello.device.len()),
            Self::Tags { tags, .. } => tags.len().saturating_mul(size_of::<Tag>()),
            Self::Entry(entry) => HEADER_LEN.saturating_add(entry.body.len()),
            _ => 0,
        };
        content.saturating_add(64)
    }

    /// The bytes of the frame, without its length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.room());
        out.u8(VERSION).u8(self.variant());
        match self {
            Self::Hello(hello) => {
                out.raw(&hello.nonce).u32(hello.features).bytes_u16(&hello.identity).bytes_u16(&hello.device);
            }
            Self::Mine { handle, epoch } => {
                out.u32(*handle).value(epoch);
            }
            Self::Tags { class, tags } => {
                out.u8(*class).u16(count(tags.len()));
                for tag in tags {
                    out.raw(tag);
                }
            }
            Self::Matched(items) => {
                out.u16(count(items.len()));
                for item in items {
                    out.u16(item.index).u32(item.handle).raw(&item.tag);
                }
            }
            Self::MatchedRun(run) => run.encode_to(&mut out),
            Self::Digest { handle, digest } => {
                out.u32(*handle).raw(digest);
            }
            Self::Have(have) => {
                out.u32(have.handle).u64(have.floor).u64(have.lo).u64(have.hi);
                have.intervals.encode_to(&mut out);
                out.raw(have.sum.as_bytes());
            }
            Self::Want { handle, intervals } => {
                out.u32(*handle);
                intervals.encode_to(&mut out);
            }
            Self::WantIds(ids) => {
                out.u16(count(ids.len()));
                for id in ids {
                    out.value(id);
                }
            }
            Self::Entry(entry) => {
                out.u32(entry.handle.unwrap_or(NO_HANDLE)).raw(entry.header.as_slice()).raw(&entry.body);
            }
            Self::Gone(gone) => {
                out.u32(gone.handle).u64(gone.seq);
                match &gone.left {
                    Left::Id(id) => out.u8(0).value(id),
                    Left::Header(header) => out.u8(1).raw(header.as_slice()),
                };
            }
            Self::Ids(ids) => {
                out.u32(ids.handle).u64(ids.lo).u64(ids.hi).u16(count(ids.pairs.len()));
                for (seq, id) in &ids.pairs {
                    out.u64(*seq).value(id);
                }
            }
            Self::Head { handle, seq } => {
                out.u32(*handle).u64(*seq);
            }
            Self::Bye(reason) => {
                out.u8(reason.code());
            }
            Self::Digests { places, digest } => {
                places.encode_to(&mut out);
                out.raw(digest);
            }
        }
        out.into_vec()
    }

    /// Reads a frame; `None` for a variant that this version does not know.
    ///
    /// # Errors
    /// Whatever makes the bytes not a frame; always the peer's fault.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(DecodeError::Unknown { what: "sync frame version", code: u64::from(version) });
        }
        let variant = input.u8()?;
        let frame = match variant {
            HELLO => Self::Hello(Hello {
                nonce: input.array()?,
                features: input.u32()?,
                identity: input.bytes_u16("IdentityRecord", HELLO_RECORD_LIMIT)?.to_vec(),
                device: input.bytes_u16("DeviceRecord", HELLO_RECORD_LIMIT)?.to_vec(),
            }),
            MINE => Self::Mine { handle: handle(&mut input)?, epoch: input.value()? },
            TAGS => tags(&mut input)?,
            MATCHED => Self::Matched(matched(&mut input)?),
            DIGEST => Self::Digest { handle: handle(&mut input)?, digest: input.array()? },
            HAVE => Self::Have(have(&mut input)?),
            WANT => Self::Want {
                handle: handle(&mut input)?,
                intervals: IntervalSet::decode_from(&mut input, HAVE_INTERVAL_LIMIT)?,
            },
            WANT_IDS => Self::WantIds(want_ids(&mut input)?),
            ENTRY => Self::Entry(entry(&mut input)?),
            GONE => Self::Gone(gone(&mut input)?),
            IDS => Self::Ids(ids(&mut input)?),
            HEAD => Self::Head { handle: handle(&mut input)?, seq: seq(&mut input)? },
            BYE => Self::Bye(ByeReason::from_code(input.u8()?)),
            DIGESTS => Self::Digests { places: places(&mut input)?, digest: input.array()? },
            MATCHED_RUN => Self::MatchedRun(MatchedRun::decode_from(&mut input)?),
            _ => return Ok(None),
        };
        input.finish()?;
        Ok(Some(frame))
    }

    /// Whether bytes call themselves an `Entry`; whether they are one, [`Frame::decode`] says.
    pub fn is_entry(bytes: &[u8]) -> bool {
        bytes.first_chunk() == Some(&[VERSION, ENTRY])
    }

    /// The bits of `Hello` that whoever sends these bytes must have set; none for a frame of version 1.
    pub(super) fn feature(bytes: &[u8]) -> u32 {
        match bytes.first_chunk() {
            Some(&[VERSION, DIGESTS]) => FEATURE_DIGESTS,
            Some(&[VERSION, MATCHED_RUN]) => FEATURE_RUNS,
            _ => 0,
        }
    }

    /// The number of the variant.
    pub const fn variant(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Mine { .. } => MINE,
            Self::Tags { .. } => TAGS,
            Self::Matched(_) => MATCHED,
            Self::Digest { .. } => DIGEST,
            Self::Have(_) => HAVE,
            Self::Want { .. } => WANT,
            Self::WantIds(_) => WANT_IDS,
            Self::Entry(_) => ENTRY,
            Self::Gone(_) => GONE,
            Self::Ids(_) => IDS,
            Self::Head { .. } => HEAD,
            Self::Bye(_) => BYE,
            Self::Digests { .. } => DIGESTS,
            Self::MatchedRun(_) => MATCHED_RUN,
        }
    }
}

/// A count of ours, all of which are held below 65,536 by the limits of this module's lists.
fn count(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

fn handle(input: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match input.u32()? {
        NO_HANDLE => Err(DecodeError::Invalid { what: "the handle of no scope where a scope is needed" }),
        handle => Ok(handle),
    }
}

fn places(input: &mut Reader<'_>) -> Result<IntervalSet, DecodeError> {
    let places = IntervalSet::decode_from(input, DIGESTS_LIMIT)?;
    if places.highest().and_then(handle_at).is_none() {
        return Err(DecodeError::Invalid { what: "a group of digests of nothing" });
    }
    let limit = u64::try_from(DIGESTS_LIMIT).unwrap_or(u64::MAX);
    match places.count() {
        count if count > limit => {
            Err(DecodeError::TooMany { what: "scopes in one digest", limit: DIGESTS_LIMIT, actual: count })
        }
        _ => Ok(places),
    }
}

fn seq(input: &mut Reader<'_>) -> Result<u64, DecodeError> {
    match input.u64()? {
        seq if seq > SEQ_MAX => Err(DecodeError::Invalid { what: "a number reaches 2^48" }),
        seq => Ok(seq),
    }
}

fn short_count(
    input: &mut Reader<'_>,
    what: &'static str,
    limit: usize,
    each_len: usize,
) -> Result<usize, DecodeError> {
    let claimed = u64::from(input.u16()?);
    input.count(what, claimed, limit, each_len)
}

fn tags(input: &mut Reader<'_>) -> Result<Frame, DecodeError> {
    let class = input.u8()?;
    let count = short_count(input, "tags", TAGS_FRAME_LIMIT, 16)?;
    let tags = (0..count).map(|_| input.array()).collect::<Result<_, _>>()?;
    Ok(Frame::Tags { class, tags })
}

fn matched(input: &mut Reader<'_>) -> Result<Vec<MatchedItem>, DecodeError> {
    let count = short_count(input, "matches", TAGS_FRAME_LIMIT, 22)?;
    let mut items: Vec<MatchedItem> = Vec::with_capacity(count);
    for _ in 0..count {
        let item = MatchedItem { index: input.u16()?, handle: handle(input)?, tag: input.array()? };
        if items.last().is_some_and(|last| last.index >= item.index) {
            return Err(DecodeError::Invalid { what: "matches are not in ascending order" });
        }
        items.push(item);
    }
    Ok(items)
}

fn range(input: &mut Reader<'_>) -> Result<(u64, u64), DecodeError> {
    let (lo, hi) = (seq(input)?, seq(input)?);
    if lo > hi {
        return Err(DecodeError::Invalid { what: "a range ends before it begins" });
    }
    Ok((lo, hi))
}

fn have(input: &mut Reader<'_>) -> Result<Have, DecodeError> {
    let (handle, floor) = (handle(input)?, seq(input)?);
    let (lo, hi) = range(input)?;
    if lo < floor {
        return Err(DecodeError::Invalid { what: "a page reaches below its floor" });
    }
    let intervals = IntervalSet::decode_from(input, HAVE_INTERVAL_LIMIT)?;
    if intervals.lowest().is_some_and(|lowest| lowest < lo) || intervals.highest() > Some(hi) {
        return Err(DecodeError::Invalid { what: "an interval lies outside its page" });
    }
    Ok(Have { handle, floor, lo, hi, intervals, sum: Sum::from_bytes(input.array()?) })
}

fn want_ids(input: &mut Reader<'_>) -> Result<Vec<EntryId>, DecodeError> {
    let count = short_count(input, "ids", WANT_IDS_LIMIT, EntryId::LEN)?;
    (0..count).map(|_| input.value()).collect()
}

fn entry(input: &mut Reader<'_>) -> Result<EntryFrame, DecodeError> {
    let handle = Some(input.u32()?).filter(|&handle| handle != NO_HANDLE);
    let header = Box::new(input.array()?);
    let body = input.take_rest();
    if body.len() > ENTRY_BODY_LIMIT {
        let actual = u64::try_from(body.len()).unwrap_or(u64::MAX);
        return Err(DecodeError::TooMany { what: "body", limit: ENTRY_BODY_LIMIT, actual });
    }
    Ok(EntryFrame { handle, header, body: body.to_vec() })
}

fn gone(input: &mut Reader<'_>) -> Result<Gone, DecodeError> {
    let (handle, seq) = (handle(input)?, seq(input)?);
    let left = match input.u8()? {
        0 => Left::Id(input.value()?),
        1 => Left::Header(Box::new(input.array()?)),
        code => return Err(DecodeError::Unknown { what: "form of Gone", code: u64::from(code) }),
    };
    Ok(Gone { handle, seq, left })
}

fn ids(input: &mut Reader<'_>) -> Result<Ids, DecodeError> {
    let handle = handle(input)?;
    let (lo, hi) = range(input)?;
    let count = short_count(input, "ids", IDS_LIMIT, 8 + EntryId::LEN)?;
    let mut pairs: Vec<(u64, EntryId)> = Vec::with_capacity(count);
    for _ in 0..count {
        let pair = (seq(input)?, input.value()?);
        if !(lo..=hi).contains(&pair.0) {
            return Err(DecodeError::Invalid { what: "an id lies outside its range" });
        }
        if pairs.last().is_some_and(|last| *last >= pair) {
            return Err(DecodeError::Invalid { what: "ids are not in ascending order" });
        }
        pairs.push(pair);
    }
    Ok(Ids { handle, lo, hi, pairs })
}

#[cfg(test)]
mod tests;
