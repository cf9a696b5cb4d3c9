//! Takes an answer apart and lets nothing through that does not fit the id.
//!
//! The decoder knows the id, the size and what it asked for, so it knows of every byte what it must be: the size, a
//! pair of hashes, a group. A stack holds the hashes that are still to be met. Bytes come in whatever pieces the
//! network gives; only an item that was cut in two is copied.
//!
//! What it does not do: it keeps no bytes and writes no file; what is verified goes to the caller's closure at once. What the
//! closure gets still lies where it came, so that a caller can write many groups at once without copying one.
//!
//! Invariant: the closure sees a group only after the group's own hash and all pairs above it fit.
//!
//! Source: docs/protocol.md 3.9; invariant "no byte before its proof".

use std::borrow::Cow;

use bao_tree::iter::{BaoChunk, ResponseIter};
use blake3::hazmat::{ChainingValue, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::tree::{group_value, pair_offset};
use super::{Groups, PAIR_LEN, SIZE_LEN, Shape};
use crate::id::BlobId;
use crate::limits::BLOB_GROUP_LEN;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A group or a pair does not fit the id.
    #[error("bytes that do not fit the id, after {verified_bytes} good ones")]
    Mismatch {
        /// Bytes of the blob that were verified before.
        verified_bytes: u64,
    },
    /// More came than was asked for.
    #[error("bytes after the end of the answer")]
    OverLong,
    /// The answer ended early.
    #[error("the answer ends early")]
    Truncated,
    /// The holder names another size than the moment does. Which of the two is wrong cannot be known.
    #[error("the holder has {actual_bytes} bytes, the moment names {expected_bytes}")]
    Size {
        /// As the moment says.
        expected_bytes: u64,
        /// As the holder says.
        actual_bytes: u64,
    },
}

impl Fault {
    /// Whether only a lying holder (or a damaged disk of theirs) explains it.
    pub const fn is_lie(&self) -> bool {
        match self {
            Self::Mismatch { .. } | Self::OverLong => true,
            Self::Truncated | Self::Size { .. } => false,
        }
    }
}

/// Why feeding stopped: the holder's fault or the caller's own.
#[derive(Debug, thiserror::Error)]
pub enum FeedError<E> {
    /// The holder's.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Whatever the caller's closure returned.
    #[error("keeping verified bytes: {0}")]
    Sink(E),
}

/// Something that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified<'a> {
    /// A pair of hashes, to be kept for serving the blob oneself.
    Pair {
        /// Offset in the tree's bytes.
        at: usize,
        /// 64 bytes.
        pair: Cow<'a, [u8]>,
    },
    /// A group of the blob.
    Group {
        /// Its number.
        index: u32,
        /// Its offset in the blob, bytes.
        offset: u64,
        /// Its bytes, where they came; its own only if it was cut in two.
        bytes: Cow<'a, [u8]>,
    },
}

/// The item that must come next.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Size,
    Pair { at: usize, is_root: bool, left: bool, right: bool },
    Group { offset: u64, len: usize, is_root: bool },
    End,
}

/// Decodes one answer.
#[derive(Debug)]
pub struct Decoder {
    shape: Shape,
    items: ResponseIter,
    expected: Expected,
    stack: Vec<ChainingValue>,
    carry: Vec<u8>,
    verified_bytes: u64,
}

impl Decoder {
    /// For the answer to a request for `groups` of `blob`; `None` if the shape has not all of them.
    pub fn new(blob: BlobId, shape: Shape, groups: &Groups) -> Option<Self> {
        let chunks = groups.fit(shape).then(|| groups.chunks(shape))?;
        Some(Self {
            shape,
            items: ResponseIter::new(shape.tree(), chunks),
            expected: Expected::Size,
            stack: vec![*blob.as_bytes()],
            carry: Vec::new(),
            verified_bytes: 0,
        })
    }

    /// Whether everything that was asked for has come.
    pub const fn is_done(&self) -> bool {
        matches!(self.expected, Expected::End)
    }

    /// Bytes of the blob that were verified so far.
    pub const fn verified_bytes(&self) -> u64 {
        self.verified_bytes
    }

    /// Takes the next bytes of the answer, in pieces of any length.
    ///
    /// # Errors
    /// [`FeedError::Fault`] at the first item that does not fit; the decoder is of no use after that.
    ///
    /// # Cost
    /// One hash of what comes in; a copy only of items that are cut between two calls.
    pub fn feed<'a, E>(
        &mut self,
        mut input: &'a [u8],
        accept: &mut impl FnMut(Verified<'a>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        loop {
            let wanted = self.wanted();
            if wanted == 0 {
                return if input.is_empty() { Ok(()) } else { Err(Fault::OverLong.into()) };
            }
            if self.carry.is_empty() {
                let Some((item, rest)) = input.split_at_checked(wanted) else {
                    self.carry.extend_from_slice(input);
                    return Ok(());
                };
                input = rest;
                self.take(Cow::Borrowed(item), accept)?;
            } else {
                let missing = wanted.saturating_sub(self.carry.len());
                let (more, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
                self.carry.extend_from_slice(more);
                input = rest;
                if self.carry.len() < wanted {
                    return Ok(());
                }
                let item = std::mem::take(&mut self.carry);
                self.take(Cow::Owned(item), accept)?;
            }
        }
    }

    /// Ends decoding.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if something is still missing.
    pub const fn finish(&self) -> Result<(), Fault> {
        if self.is_done() { Ok(()) } else { Err(Fault::Truncated) }
    }

    const fn wanted(&self) -> usize {
        match self.expected {
            Expected::Size => SIZE_LEN,
            Expected::Pair { .. } => PAIR_LEN,
            Expected::Group { len, .. } => len,
            Expected::End => 0,
        }
    }

    fn take<'a, E>(
        &mut self,
        item: Cow<'a, [u8]>,
        accept: &mut impl FnMut(Verified<'a>) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        match self.expected {
            Expected::Size => self.check_size(&item)?,
            Expected::Pair { at, is_root, left, right } => {
                self.check_pair(&item, is_root, left, right)?;
                accept(Verified::Pair { at, pair: item }).map_err(FeedError::Sink)?;
            }
            Expected::Group { offset, is_root, .. } => {
                let actual =
                    if is_root { *blake3::hash(&item).as_bytes() } else { group_value(offset, &item) };
                self.meet(&actual)?;
                let len = u64::try_from(item.len()).unwrap_or(u64::MAX);
                self.verified_bytes = self.verified_bytes.saturating_add(len);
                let index = group_index(offset);
                accept(Verified::Group { index, offset, bytes: item }).map_err(FeedError::Sink)?;
            }
            Expected::End => return Err(Fault::OverLong.into()),
        }
        self.expected = self.next_expected()?;
        Ok(())
    }

    fn check_size(&self, item: &[u8]) -> Result<(), Fault> {
        let actual_bytes = item.first_chunk::<SIZE_LEN>().map_or(0, |size| u64::from_le_bytes(*size));
        if actual_bytes == self.shape.bytes() {
            return Ok(());
        }
        Err(Fault::Size { expected_bytes: self.shape.bytes(), actual_bytes })
    }

    fn check_pair(&mut self, item: &[u8], is_root: bool, left: bool, right: bool) -> Result<(), Fault> {
        let mismatch = Fault::Mismatch { verified_bytes: self.verified_bytes };
        let (l, rest) = item.split_first_chunk::<32>().ok_or(mismatch)?;
        let r = rest.first_chunk::<32>().ok_or(mismatch)?;
        let actual = if is_root {
            *merge_subtrees_root(l, r, Mode::Hash).as_bytes()
        } else {
            merge_subtrees_non_root(l, r, Mode::Hash)
        };
        self.meet(&actual)?;
        // The left side comes first, so it lies on top.
        if right {
            self.stack.push(*r);
        }
        if left {
            self.stack.push(*l);
        }
        Ok(())
    }

    /// Compares with the hash that is due.
    fn meet(&mut self, actual: &ChainingValue) -> Result<(), Fault> {
        match self.stack.pop() {
            Some(due) if due == *actual => Ok(()),
            _ => Err(Fault::Mismatch { verified_bytes: self.verified_bytes }),
        }
    }

    fn next_expected(&mut self) -> Result<Expected, Fault> {
        Ok(match self.items.next() {
            None => Expected::End,
            Some(BaoChunk::Parent { node, is_root, left, right, .. }) => {
                let at = pair_offset(self.shape, node)
                    .ok_or(Fault::Mismatch { verified_bytes: self.verified_bytes })?;
                Expected::Pair { at, is_root, left, right }
            }
            Some(BaoChunk::Leaf { start_chunk, size, is_root, .. }) => {
                Expected::Group { offset: start_chunk.to_bytes(), len: size, is_root }
            }
        })
    }
}

fn group_index(offset: u64) -> u32 {
    let group = u64::try_from(BLOB_GROUP_LEN).unwrap_or(u64::MAX);
    u32::try_from(offset.checked_div(group).unwrap_or(0)).unwrap_or(u32::MAX)
}
