//! The bytes of the names: header, block table, sorted order, blocks.
//!
//! ```text
//! 0 version 1 | 1 flags | 2 number of names | 6 number of blocks
//! 10 block table | sorted order, unless flag bit 0 is set | blocks
//!
//! flag bit 1, the names are in a file next to the pack:
//! 0 version 1 | 1 flags | 2 number of names | 6 size of that file | 14 its SHA-256
//! ```

use core::ops::Range;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{MAX_BLOCK, NameBlock};
use crate::codec::{Decode, Size};
use crate::error::{Error, Fault, NamesFault, Section};
use crate::format::digest::Hash;
use crate::wire::cursor::ByteCursor;
use crate::wire::packed;

pub(super) const VERSION: u8 = 1;
pub(super) const FLAG_SORTED: u8 = 1 << 0;
pub(super) const FLAG_COMPANION: u8 = 1 << 1;

/// Bytes before the block table.
pub(super) const HEADER: usize = 10;

/// Bytes of a block in the table: the position after its last name, the offset after
/// its last byte, its size before compression.
pub(super) const ENTRY: usize = 12;

/// Where the names of a pack are stored.
#[derive(Clone, Debug)]
pub enum StoredNames {
    /// In the app data.
    Section(NamesSection),
    /// In a file next to the pack.
    Companion(NamesCompanion),
}

/// The file next to a pack that contains its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesCompanion {
    /// The number of names.
    pub count: u32,
    /// The size of the file in bytes.
    pub size: u64,
    /// The SHA-256 of the file.
    pub hash: Hash,
}

/// The names of a pack, compressed. Parsing decodes nothing.
#[derive(Clone, Debug)]
pub struct NamesSection {
    count: u32,
    is_sorted: bool,
    table: Bytes,
    /// The positions in the order of their names, packed; empty if the names are
    /// sorted.
    order: Bytes,
    blocks: Bytes,
}

/// A block as the table describes it.
struct BlockEntry {
    positions: Range<u32>,
    stored: Range<usize>,
    size: u32,
}

impl StoredNames {
    /// Parses the names section of a pack with this number of items.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Names`].
    pub fn parse(section: Bytes, items: u32) -> Result<Self, Error> {
        let is_companion = section.get(1).is_some_and(|flags| flags & FLAG_COMPANION != 0);
        if !is_companion {
            return NamesSection::parse(section, items).map(Self::Section);
        }
        let parsed = NamesCompanion::parse(&section, items);
        parsed.map(Self::Companion).map_err(|fault| fault.in_section(Section::Names))
    }
}

impl NamesCompanion {
    /// Describes the file that holds `names`, the bytes of
    /// [`NamesBuilder::finish`](super::NamesBuilder::finish), of `count` items.
    #[must_use]
    pub fn new(count: u32, names: &[u8]) -> Self {
        Self { count, size: names.len() as u64, hash: Sha256::digest(names).into() }
    }

    /// Checks the content of the file against its size and hash, and parses it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Names`].
    pub fn open(&self, names: Bytes) -> Result<NamesSection, Error> {
        let fault = |fault| Fault::Names(fault).in_section(Section::Names);
        let found = names.len() as u64;
        if found != self.size {
            return Err(fault(NamesFault::CompanionSize { expected: self.size, found }));
        }
        if Hash::from(Sha256::digest(&names)) != self.hash {
            return Err(fault(NamesFault::CompanionHash));
        }
        NamesSection::parse(names, self.count)
    }

    fn parse(section: &[u8], items: u32) -> Result<Self, Fault> {
        let mut cursor = ByteCursor::new(section);
        let (flags, count) = parse_head(&mut cursor, items)?;
        if flags != FLAG_COMPANION {
            return Err(Fault::Flags { found: flags });
        }
        let size = u64::from_le_bytes(cursor.array()?);
        let hash = cursor.array()?;
        cursor.finish()?;
        Ok(Self { count, size, hash })
    }

    /// The section of a pack whose names are in this file.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let head = [VERSION, FLAG_COMPANION];
        let parts: [&[u8]; 4] =
            [&head, &self.count.to_le_bytes(), &self.size.to_le_bytes(), &self.hash];
        parts.concat().into()
    }
}

/// Parses the fields that both forms begin with, and returns the flags and the number
/// of names, which must be the number of items.
fn parse_head(cursor: &mut ByteCursor<'_>, items: u32) -> Result<(u8, u32), Fault> {
    let version = cursor.u8()?;
    if version != VERSION {
        return Err(Fault::Version { found: version });
    }
    let flags = cursor.u8()?;
    let names = cursor.u32()?;
    if names != items {
        return Err(Fault::Names(NamesFault::Count { names, items }));
    }
    Ok((flags, names))
}

impl NamesSection {
    /// Names that were just built: their sorted order is not known yet.
    pub(super) fn in_any_order(count: u32, table: Bytes, blocks: Bytes) -> Self {
        Self { count, is_sorted: false, table, order: Bytes::new(), blocks }
    }

    /// Parses the names of a pack with this number of items: checks the sizes of all
    /// parts and the block table, and decodes nothing.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Names`].
    pub fn parse(bytes: Bytes, items: u32) -> Result<Self, Error> {
        Self::parse_bytes(&bytes, items).map_err(|fault| fault.in_section(Section::Names))
    }

    fn parse_bytes(bytes: &Bytes, items: u32) -> Result<Self, Fault> {
        let mut cursor = ByteCursor::new(bytes);
        let (flags, count) = parse_head(&mut cursor, items)?;
        if flags & !FLAG_SORTED != 0 {
            return Err(Fault::Flags { found: flags });
        }
        let block_count = cursor.u32()?;
        let is_sorted = flags & FLAG_SORTED != 0;
        let order_size = if is_sorted { 0 } else { order_size(count) };
        let table_end = HEADER as u64 + u64::from(block_count) * ENTRY as u64;
        let order_end = table_end + order_size;
        let (table_end, order_end) = match (usize::try_from(table_end), usize::try_from(order_end))
        {
            (Ok(table_end), Ok(order_end)) if order_end <= bytes.len() => (table_end, order_end),
            _ => {
                return Err(Fault::Truncated { needed: order_end, found: bytes.len() as u64 });
            }
        };
        let section = Self {
            count,
            is_sorted,
            table: bytes.slice(HEADER..table_end),
            order: bytes.slice(table_end..order_end),
            blocks: bytes.slice(order_end..),
        };
        section.check_table()?;
        Ok(section)
    }

    /// Checks that the blocks follow each other without gaps, hold every position,
    /// and use all bytes.
    fn check_table(&self) -> Result<(), Fault> {
        let (mut position, mut offset) = (0, 0);
        for (block, entry) in (0..).zip(self.table.chunks_exact(ENTRY)) {
            let [end_position, end_offset, size] = entry_fields(entry);
            if end_position <= position || end_offset <= offset {
                return Err(Fault::Names(NamesFault::BlockOrder { block }));
            }
            // An entry holds two lengths, so it takes at least two bytes.
            let min_size = u64::from(end_position - position) * 2;
            if size > MAX_BLOCK || u64::from(size) < min_size {
                return Err(Fault::Names(NamesFault::BlockSize { block, size }));
            }
            (position, offset) = (end_position, end_offset);
        }
        if position != self.count {
            return Err(Fault::Names(NamesFault::Count { names: position, items: self.count }));
        }
        let (expected, found) = (self.blocks.len() as u64, u64::from(offset));
        if expected != found {
            return Err(Fault::Sum { expected, found });
        }
        Ok(())
    }

    /// The number of names, which is the number of items.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether the names ascend with the positions. Positions and names are then in
    /// the same order.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// The size of the names, compressed, in bytes.
    #[must_use]
    pub fn stored_size(&self) -> u64 {
        HEADER as u64 + self.table.len() as u64 + self.order.len() as u64 + self.blocks.len() as u64
    }

    /// The number of blocks.
    #[must_use]
    pub fn block_count(&self) -> u32 {
        u32::try_from(self.table.len() / ENTRY).unwrap_or(u32::MAX)
    }

    /// The block that holds the name of the item at `position`; `None` if there is no
    /// such item.
    #[must_use]
    pub fn block_of(&self, position: u32) -> Option<u32> {
        if position >= self.count {
            return None;
        }
        let (mut low, mut high) = (0, self.block_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.positions_end(middle) <= position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// The positions whose names a block holds; empty if there is no such block.
    #[must_use]
    pub fn block_positions(&self, block: u32) -> Range<u32> {
        self.entry(block).map_or(0..0, |entry| entry.positions)
    }

    /// Decodes a block: memory grows with its decoded size, at most
    /// [`MAX_BLOCK`] bytes, and the length of its names, at most
    /// [`MAX_EXPANDED`](super::MAX_EXPANDED).
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Names`].
    pub fn decode_block(&self, block: u32, decoder: &dyn Decode) -> Result<NameBlock, Error> {
        let fault = |fault| Fault::Names(fault).in_section(Section::Names);
        let Some(entry) = self.entry(block) else {
            return Err(fault(NamesFault::BlockOrder { block }));
        };
        let stored = self.blocks.slice(entry.stored);
        let size = Size::Exactly(entry.size.into());
        let decoded = decoder.decode(stored, size);
        let decoded = decoded.and_then(|decoded| {
            size.check(decoded.len() as u64)?;
            Ok(decoded)
        });
        let decoded = decoded.map_err(|error| fault(NamesFault::Decode { block, error }))?;
        NameBlock::expand(&decoded, entry.positions, self.is_sorted).map_err(fault)
    }

    /// The position of the name with this rank in ascending order, for names that are
    /// not stored in that order.
    pub(super) fn position_of_rank(&self, rank: u32) -> Result<u32, Error> {
        if self.is_sorted {
            return Ok(rank);
        }
        match packed::get(&self.order, order_width(self.count), rank) {
            position if position < self.count => Ok(position),
            position => {
                let fault = NamesFault::OrderEntry { rank, position };
                Err(Fault::Names(fault).in_section(Section::Names))
            }
        }
    }

    fn positions_end(&self, block: u32) -> u32 {
        self.fields(block).map_or(0, |[position, ..]| position)
    }

    fn entry(&self, block: u32) -> Option<BlockEntry> {
        let [end_position, end_offset, size] = self.fields(block)?;
        let [first_position, first_offset, _] = match block.checked_sub(1) {
            Some(before) => self.fields(before)?,
            None => [0; 3],
        };
        let stored = first_offset as usize..end_offset as usize;
        Some(BlockEntry { positions: first_position..end_position, stored, size })
    }

    fn fields(&self, block: u32) -> Option<[u32; 3]> {
        let start = (block as usize).checked_mul(ENTRY)?;
        self.table.get(start..start.checked_add(ENTRY)?).map(entry_fields)
    }
}

/// The fields of a table entry.
fn entry_fields(entry: &[u8]) -> [u32; 3] {
    let mut fields = entry.as_chunks::<4>().0.iter().map(|field| u32::from_le_bytes(*field));
    core::array::from_fn(|_| fields.next().unwrap_or_default())
}

/// The bits of a position in the sorted order of `count` names.
pub(super) fn order_width(count: u32) -> u32 {
    (u32::BITS - count.saturating_sub(1).leading_zeros()).max(1)
}

/// The bytes of the sorted order of `count` names.
pub(super) fn order_size(count: u32) -> u64 {
    (u64::from(count) * u64::from(order_width(count))).div_ceil(8)
}
