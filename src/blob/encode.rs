//! The answer to a `Get`, as a plan: which pair, which bytes of the file, in what order.
//!
//! The size comes first, eight bytes little-endian as bao writes it; then the nodes of the tree that the ranges touch,
//! in pre-order, pairs before the groups below them.
//!
//! It reads nothing: the shell copies the pieces into large buffers from wherever the blob lies.
//!
//! Source: docs/protocol.md 3.7; bao, "combined encoding" and "slices".

use bao_tree::ChunkRanges;
use bao_tree::iter::{BaoChunk, ResponseIter};

use super::tree::pair_offset;
use super::{Groups, Shape};

/// One piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// The size of the blob.
    Size([u8; super::SIZE_LEN]),
    /// 64 bytes of the tree ([`super::Tree::pair`]) from this offset.
    Pair {
        /// Offset in the tree's bytes.
        at: usize,
    },
    /// A group of the blob.
    Group {
        /// Offset in the blob, bytes.
        offset: u64,
        /// At most 16 KiB.
        len: usize,
    },
}

/// The pieces of an answer, in order.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    size_sent: bool,
    items: ResponseIter,
}

impl Encoder {
    /// The answer to a request for `groups`; `None` if the blob has not all of them.
    pub fn new(shape: Shape, groups: &Groups) -> Option<Self> {
        let chunks: ChunkRanges = groups.fit(shape).then(|| groups.chunks(shape))?;
        Some(Self { shape, size_sent: false, items: ResponseIter::new(shape.tree(), chunks) })
    }

    /// How many bytes the answer has; `None` if the blob has not all of the groups.
    ///
    /// # Cost
    /// One step for each piece.
    pub fn answer_len(shape: Shape, groups: &Groups) -> Option<u64> {
        let len = |piece| match piece {
            Piece::Size(size) => size.len(),
            Piece::Pair { .. } => super::PAIR_LEN,
            Piece::Group { len, .. } => len,
        };
        let lens = Self::new(shape, groups)?.map(|piece| u64::try_from(len(piece)).unwrap_or(u64::MAX));
        Some(lens.fold(0, u64::saturating_add))
    }
}

impl Iterator for Encoder {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if !self.size_sent {
            self.size_sent = true;
            return Some(Piece::Size(self.shape.bytes().to_le_bytes()));
        }
        Some(match self.items.next()? {
            BaoChunk::Parent { node, .. } => Piece::Pair { at: pair_offset(self.shape, node)? },
            BaoChunk::Leaf { start_chunk, size, .. } => {
                Piece::Group { offset: start_chunk.to_bytes(), len: size }
            }
        })
    }
}
