//! Names by position and positions by name, with a few decoded blocks kept.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{NameBlock, NamesSection};
use crate::codec::Decode;
use crate::error::{Error, Limit, Misuse};

/// The maximum number of decoded blocks that a [`NameLookup`] keeps. A binary search
/// visits a few blocks again and again.
pub const CACHED_BLOCKS: usize = 8;

/// The maximum number of items with one name that [`NameLookup::find`] returns. A
/// small file can give billions of items the same name.
pub const MAX_FOUND: usize = 1 << 20;

/// Looks up names. It keeps the most recently used blocks decoded.
#[derive(Clone, Debug)]
pub struct NameLookup {
    section: NamesSection,
    /// Blocks with their numbers; the most recently used one is at the end.
    cached: Vec<(u32, Arc<NameBlock>)>,
}

impl NameLookup {
    /// A lookup in these names. It decodes nothing yet.
    #[must_use]
    pub fn new(section: NamesSection) -> Self {
        Self { section, cached: Vec::new() }
    }

    /// The names.
    #[must_use]
    pub fn section(&self) -> &NamesSection {
        &self.section
    }

    /// The name of the item at `position`, as a view that keeps its block in memory;
    /// empty if the item has no name.
    ///
    /// # Errors
    /// [`Misuse::Position`]; [`Error::Corrupt`] in
    /// [`Section::Names`](crate::error::Section::Names).
    pub fn name(&mut self, position: u32, decoder: &dyn Decode) -> Result<Bytes, Error> {
        self.block_with(position, decoder).map(|block| block.name_bytes(position))
    }

    /// The positions of all items with this name, ascending; none for the empty name.
    ///
    /// # Errors
    /// [`Limit::SameName`] above [`MAX_FOUND`] items; [`Error::Corrupt`] in
    /// [`Section::Names`](crate::error::Section::Names).
    pub fn find(&mut self, name: &[u8], decoder: &dyn Decode) -> Result<Vec<u32>, Error> {
        let mut found = Vec::new();
        if name.is_empty() {
            return Ok(found);
        }
        let count = self.section.count();
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let position = self.section.position_of_rank(middle)?;
            if self.block_with(position, decoder)?.name(position) < name {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for rank in low..count {
            let position = self.section.position_of_rank(rank)?;
            if self.block_with(position, decoder)?.name(position) != name {
                break;
            }
            if found.len() >= MAX_FOUND {
                return Err(Error::Limit(Limit::SameName { limit: MAX_FOUND as u64 }));
            }
            found.push(position);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The block that holds the name of this position.
    fn block_with(&mut self, position: u32, decoder: &dyn Decode) -> Result<Arc<NameBlock>, Error> {
        let items = self.section.count();
        let no_such = Error::Misuse(Misuse::Position { position: position.into(), items });
        let block = self.section.block_of(position).ok_or(no_such)?;
        let cached = self.cached.iter().position(|(number, _)| *number == block);
        let entry = match cached {
            Some(at) => self.cached.remove(at),
            None => {
                if self.cached.len() >= CACHED_BLOCKS {
                    self.cached.remove(0);
                }
                (block, Arc::new(self.section.decode_block(block, decoder)?))
            }
        };
        let found = Arc::clone(&entry.1);
        self.cached.push(entry);
        Ok(found)
    }
}
