//! The hashes of the tree, and the complete tree, which only a writer needs.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::shape::ListShape;
use crate::format::digest::Hash;

/// Prefixes of the hashed bytes, so that neither a block can pass for a node nor
/// a node for a block.
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// The hash of a block: of its digests, concatenated.
pub(super) fn block_hash(digests: &[u8]) -> Hash {
    sha256(&[&LEAF, digests])
}

/// The hash of two neighbours.
pub(super) fn node_hash(left: &[u8], right: &[u8]) -> Hash {
    sha256(&[&NODE, left, right])
}

/// The SHA-256 of these parts, concatenated. Never inlined: each inlined call
/// would add a kilobyte to the wasm module.
#[inline(never)]
pub(super) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The tree over all blocks: 64 bytes for every 128 records.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// From the hashes of the blocks up to the top.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub(super) fn new(blocks: Vec<Hash>) -> Self {
        let mut levels = Vec::from([blocks]);
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.chunks(2).filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The top of the tree; without blocks, the hash of an empty block.
    pub(super) fn top(&self) -> Hash {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or_else(|| block_hash(&[]))
    }

    /// The path of a block, as stored: the sibling's hash on each level, or zeros
    /// where there is no sibling.
    pub(super) fn path(&self, shape: ListShape, block: u32) -> Vec<u8> {
        let mut path = Vec::with_capacity(shape.depth() as usize * size_of::<Hash>());
        for ((_, sibling), level) in shape.siblings(block).zip(&self.levels) {
            let hash = sibling.and_then(|sibling| level.get(sibling as usize));
            path.extend_from_slice(&hash.copied().unwrap_or_default());
        }
        path
    }
}
