//! The layout of a digest list, which follows from the number of records alone.

use core::ops::Range;

/// Bytes of the header at the front of a digest list.
pub(super) const HEADER_SIZE: usize = 124;

/// The number of digests in a block: as many as a group of the offset index
/// describes records.
pub const BLOCK: u32 = 128;

const HASH: u64 = 32;

/// The layout of a digest list.
///
/// ```
/// use sealpack_core::trust::ListShape;
///
/// let shape = ListShape::new(10_000_000);
/// assert_eq!((shape.blocks(), shape.depth()), (78_125, 17));
/// let block = shape.range(shape.block_of(9_999_999));
/// assert_eq!(block.end, shape.file_size());
/// assert_eq!(block.end - block.start, 128 * 32 + 17 * 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListShape {
    records: u32,
}

impl ListShape {
    /// The layout of the list of a pack with this many records.
    #[must_use]
    pub fn new(records: u32) -> Self {
        Self { records }
    }

    /// The number of blocks.
    #[must_use]
    pub fn blocks(self) -> u32 {
        self.records.div_ceil(BLOCK)
    }

    /// The number of hashes in each path: the levels of the tree above the blocks.
    #[must_use]
    pub fn depth(self) -> u32 {
        self.blocks().max(1).next_power_of_two().trailing_zeros()
    }

    /// The block that contains the digest of a record.
    #[must_use]
    pub fn block_of(self, record: u32) -> u32 {
        record / BLOCK
    }

    /// The records whose digests a block contains.
    #[must_use]
    pub fn records(self, block: u32) -> Range<u32> {
        let start = block.saturating_mul(BLOCK).min(self.records);
        start..start.saturating_add(BLOCK).min(self.records)
    }

    /// The range of a block and its path in the file.
    #[must_use]
    pub fn range(self, block: u32) -> Range<u64> {
        self.start(block)..self.start(block.saturating_add(1))
    }

    /// The size of the whole list, in bytes.
    #[must_use]
    pub fn file_size(self) -> u64 {
        self.start(self.blocks())
    }

    fn start(self, block: u32) -> u64 {
        let block = block.min(self.blocks());
        let digests = u64::from(self.records).min(u64::from(block) * u64::from(BLOCK));
        let hashes = digests + u64::from(block) * u64::from(self.depth());
        HEADER_SIZE as u64 + hashes * HASH
    }

    /// For each level from a block to the top of the tree, the number of the node
    /// there, and that of its sibling if it has one. A node without a sibling
    /// moves up unchanged.
    pub(super) fn siblings(self, block: u32) -> impl Iterator<Item = (u32, Option<u32>)> {
        let blocks = self.blocks();
        (0..self.depth()).map(move |level| {
            let number = block >> level;
            let sibling = number ^ 1;
            (number, (sibling < blocks.div_ceil(1 << level)).then_some(sibling))
        })
    }
}
