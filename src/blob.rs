//! Blobs: photos and videos as sealed bytes that verify themselves while they stream.
//!
//! A blob is addressed by the BLAKE3 hash of its ciphertext, and BLAKE3 is a tree: whoever knows the hash of the whole
//! can check any 16 KiB of it, given the pairs of hashes on the way from the root. So a photo is checked while it
//! arrives, a transfer that was cut goes on where it stopped, and several holders can each give a part.
//!
//! ```text
//!  Bob (asks)                                        Carol (holds)
//!    Get{blob_id, ranges of groups}  ─────────────▶
//!    ◀─────────────  size ‖ pair ‖ pair ‖ group ‖ group ‖ pair ‖ group …   (pre-order; only what the ranges need)
//! ```
//!
//! [`Get`] is the request, [`Encoder`] says which bytes of file and [`Tree`] make the answer, [`Decoder`] takes the
//! answer and lets no byte through before its group fits, [`Partial`] remembers which groups are there.
//!
//! What it does not do: no file, no stream, no key. It neither seals nor opens, and never looks at what a blob means;
//! who may ask for one is decided where epochs are known.
//!
//! Invariants: no byte is handed on before its group and every pair above it fit the id; memory for one transfer is
//! one item (16 KiB) and 64 bytes for each group; a size is between 1 and [`VIDEO_BLOB_LIMIT`].
//!
//! Source: docs/protocol.md 3.7, 3.9; the bao format (O'Connor), chunk groups as in bao-tree; golden vectors in
//! `tests/vectors/blob.txt`.

mod decode;
mod encode;
mod partial;
mod request;
mod tree;

pub use decode::{Decoder, Fault, FeedError, Verified};
pub use encode::{Encoder, Piece};
pub use partial::Partial;
pub use request::{Get, Groups};
pub use tree::{Tree, TreeBuilder};

use bao_tree::{BaoTree, BlockSize};

use crate::limits::{BLOB_GROUP_LEN, VIDEO_BLOB_LIMIT};

/// Chunks of 1 KiB in a group, as a power of two: 16 of them are [`BLOB_GROUP_LEN`] bytes.
const GROUP_CHUNK_LOG: u8 = 4;
/// Length of two hashes.
const PAIR_LEN: usize = 64;
/// Length of the size in front of an answer.
const SIZE_LEN: usize = 8;

/// A size that no blob has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob of {actual_bytes} bytes: 1 to {max_bytes} are possible")]
pub struct SizeError {
    /// The limit.
    pub max_bytes: u64,
    /// What was named.
    pub actual_bytes: u64,
}

/// How a blob of a certain size divides into groups: everything about it but its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    bytes: u64,
}

impl Shape {
    /// The shape of a blob of so many bytes.
    ///
    /// # Errors
    /// [`SizeError`] for none, and above [`VIDEO_BLOB_LIMIT`].
    pub const fn new(bytes: u64) -> Result<Self, SizeError> {
        if bytes == 0 || bytes > VIDEO_BLOB_LIMIT {
            return Err(SizeError { max_bytes: VIDEO_BLOB_LIMIT, actual_bytes: bytes });
        }
        Ok(Self { bytes })
    }

    /// Bytes of the blob.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// Groups of 16 KiB, the last of which may be shorter.
    pub fn groups(self) -> u32 {
        let group = u64::try_from(BLOB_GROUP_LEN).unwrap_or(u64::MAX);
        // Invariant: the size limit is far below 2^32 groups.
        u32::try_from(self.bytes.div_ceil(group)).unwrap_or(u32::MAX)
    }

    /// Length of the file of hash pairs: one pair for each group but the first.
    pub fn pairs_len(self) -> usize {
        usize::try_from(self.groups().saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(PAIR_LEN)
    }

    fn tree(self) -> BaoTree {
        BaoTree::new(self.bytes, BlockSize::from_chunk_log(GROUP_CHUNK_LOG))
    }
}

#[cfg(test)]
mod tests;
