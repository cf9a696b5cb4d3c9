//! The hash pairs of a blob: what its holder needs beside the bytes to answer for a part of them.
//!
//! A pair stands at each inner node above the groups; they lie in pre-order, 64 bytes each, so that the file is as
//! long as [`Shape::pairs_len`] says. It can always be made again from the blob; it is kept because hashing a whole
//! video before the first byte can be sent costs a tenth of the transfer.
//!
//! Source: docs/protocol.md 3.9; bao, "outboard".

use bao_tree::TreeNode;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::{PAIR_LEN, Shape, SizeError};
use crate::id::BlobId;
use crate::limits::BLOB_GROUP_LEN;

/// The hash pairs of one blob, in pre-order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    shape: Shape,
    pairs: Vec<u8>,
}

impl Tree {
    /// The pairs of a whole blob in memory, and its id.
    ///
    /// # Errors
    /// [`SizeError`] if no blob has that size.
    pub fn of(bytes: &[u8]) -> Result<(BlobId, Self), SizeError> {
        let mut builder = TreeBuilder::new();
        bytes.chunks(BLOB_GROUP_LEN).for_each(|group| builder.push(group));
        builder.finish()
    }

    /// Pairs that were kept. Whether they are right shows when a receiver checks them.
    ///
    /// `None` unless their length fits the shape.
    pub fn from_bytes(shape: Shape, pairs: Vec<u8>) -> Option<Self> {
        (pairs.len() == shape.pairs_len()).then_some(Self { shape, pairs })
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.pairs
    }

    /// The size of the blob it belongs to.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The pair at an offset that an [`super::Encoder`] names; empty if there is none.
    pub fn pair(&self, at: usize) -> &[u8] {
        self.pairs.get(at..at.saturating_add(PAIR_LEN)).unwrap_or(&[])
    }
}

/// Makes a [`Tree`] and the id from groups in order. Keeps 32 bytes for each group.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    bytes: u64,
    leaves: Vec<ChainingValue>,
    only: Option<blake3::Hash>,
}

impl TreeBuilder {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { bytes: 0, leaves: Vec::new(), only: None }
    }

    /// The next group: 16 KiB, the last one at least one byte. Further groups are ignored beyond the size limit, where
    /// [`TreeBuilder::finish`] fails anyway.
    pub fn push(&mut self, group: &[u8]) {
        let offset = self.bytes;
        self.bytes = offset.saturating_add(u64::try_from(group.len()).unwrap_or(u64::MAX));
        if Shape::new(self.bytes).is_err() {
            return;
        }
        if offset == 0 {
            self.only = Some(blake3::hash(group));
        }
        self.leaves.push(group_value(offset, group));
    }

    /// The id and the pairs.
    ///
    /// # Errors
    /// [`SizeError`] if no blob has the size of what was pushed.
    pub fn finish(self) -> Result<(BlobId, Tree), SizeError> {
        let shape = Shape::new(self.bytes)?;
        let mut pairs = vec![0; shape.pairs_len()];
        let id = match (self.only, self.leaves.len()) {
            (Some(only), 0..=1) => only,
            _ => {
                let mut at = 0;
                match fill(&self.leaves, &mut pairs, &mut at) {
                    (left, Some(right)) => merge_subtrees_root(&left, &right, Mode::Hash),
                    // Invariant: two leaves or more always give a pair.
                    (value, None) => blake3::Hash::from_bytes(value),
                }
            }
        };
        Ok((BlobId::from_bytes(*id.as_bytes()), Tree { shape, pairs }))
    }
}

/// The chaining value of a group at an offset.
pub(super) fn group_value(offset: u64, group: &[u8]) -> ChainingValue {
    blake3::Hasher::new().set_input_offset(offset).update(group).finalize_non_root()
}

/// Writes the pairs above `leaves` in pre-order from `at`, and returns the two values below the top, or the one value.
fn fill(
    leaves: &[ChainingValue],
    pairs: &mut [u8],
    at: &mut usize,
) -> (ChainingValue, Option<ChainingValue>) {
    if let [only] = leaves {
        return (*only, None);
    }
    let mine = *at;
    *at = mine.saturating_add(PAIR_LEN);
    // The left side of a BLAKE3 tree is the largest power of two that leaves something for the right.
    let half = leaves.len().div_ceil(2).next_power_of_two();
    let (left, right) = leaves.split_at_checked(half).unwrap_or((leaves, &[]));
    let join = |(left, right): (ChainingValue, Option<ChainingValue>)| match right {
        Some(right) => merge_subtrees_non_root(&left, &right, Mode::Hash),
        None => left,
    };
    let left = join(fill(left, pairs, at));
    let right = join(fill(right, pairs, at));
    if let Some(pair) = pairs.get_mut(mine..mine.saturating_add(PAIR_LEN)) {
        let (l, r) = pair.split_at_mut(left.len());
        l.copy_from_slice(&left);
        r.copy_from_slice(&right);
    }
    (left, Some(right))
}

/// Where the pair of a node lies.
pub(super) fn pair_offset(shape: Shape, node: TreeNode) -> Option<usize> {
    let index = usize::try_from(shape.tree().pre_order_offset(node)?).ok()?;
    index.checked_mul(PAIR_LEN)
}
