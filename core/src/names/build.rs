//! Collects the names of a pack that is being written.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::section::{ENTRY, FLAG_SORTED, HEADER, VERSION, order_size, order_width};
use super::{MAX_BLOCK, MAX_EXPANDED, MAX_NAME, NamesSection, block};
use crate::codec::{Decode, Encode};
use crate::error::{Error, Limit, Misuse};
use crate::wire::packed;

/// A block is compressed when it has this many bytes. A quarter of that makes the
/// names of half a million paths 7 % larger; four times as much makes them 10 %
/// smaller and every lookup four times as slow.
const BLOCK: usize = 64 << 10;

/// A block is also compressed when its names have this many bytes together: names
/// that share nearly everything expand the most.
const EXPANDED: usize = 1 << 20;

/// Collects names, position after position, and compresses them as they arrive:
/// memory holds the compressed blocks and one that is being filled.
///
/// ```
/// # use bytes::Bytes;
/// # use sealpack_core::codec::{Decode, Encode, PlainDecoder};
/// # use sealpack_core::error::{Cause, Error};
/// # use sealpack_core::names::{NameLookup, NamesBuilder, NamesSection};
/// # struct PlainEncoder;
/// # impl Encode for PlainEncoder {
/// #     fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
/// #         out.extend_from_slice(payload);
/// #         Ok(())
/// #     }
/// # }
/// let mut builder = NamesBuilder::new(Box::new(PlainEncoder)); // or zstd
/// builder.push(b"src/lib.rs")?;
/// builder.push(b"src/main.rs")?;
/// let section = builder.finish(&PlainDecoder)?;
///
/// let mut names = NameLookup::new(NamesSection::parse(section, 2)?);
/// assert_eq!(names.name(0, &PlainDecoder)?, b"src/lib.rs"[..]);
/// assert_eq!(names.find(b"src/main.rs", &PlainDecoder)?, [1]);
/// # Ok::<(), Error>(())
/// ```
pub struct NamesBuilder {
    encoder: Box<dyn Encode>,
    count: u32,
    is_sorted: bool,
    last: Vec<u8>,
    filling: Vec<u8>,
    /// The length of all names of the block that is being filled.
    expanded: usize,
    table: Vec<u8>,
    block_count: u32,
    blocks: Vec<u8>,
}

impl core::fmt::Debug for NamesBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NamesBuilder").field("count", &self.count).finish_non_exhaustive()
    }
}

impl NamesBuilder {
    /// A builder that compresses blocks with `encoder`, which should write zstd
    /// frames: every reader decodes names as such.
    #[must_use]
    pub fn new(encoder: Box<dyn Encode>) -> Self {
        Self {
            encoder,
            count: 0,
            is_sorted: true,
            last: Vec::new(),
            filling: Vec::new(),
            expanded: 0,
            table: Vec::new(),
            block_count: 0,
            blocks: Vec::new(),
        }
    }

    /// The number of names so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The maximum number of bytes that [`finish`](Self::finish) can return for the names
    /// so far.
    #[must_use]
    pub fn size_bound(&self) -> u64 {
        // Room for the frame of a last block that does not compress.
        const FRAME: usize = 1 << 10;
        let order = if self.is_sorted { 0 } else { order_size(self.count) };
        let last = if self.filling.is_empty() { 0 } else { ENTRY + self.filling.len() + FRAME };
        let parts = [HEADER, self.table.len(), self.blocks.len(), last];
        parts.iter().fold(order, |sum, &part| sum.saturating_add(part as u64))
    }

    /// Refuses a name that [`push`](Self::push) would refuse because of its bytes.
    ///
    /// # Errors
    /// [`Limit::Name`] above [`MAX_NAME`] bytes, [`Misuse::Nul`].
    pub fn check(name: &[u8]) -> Result<(), Error> {
        if name.len() > MAX_NAME {
            return Err(Error::Limit(Limit::Name { length: name.len() as u64 }));
        }
        if name.contains(&0) {
            return Err(Error::Misuse(Misuse::Nul));
        }
        Ok(())
    }

    /// Adds the name of the next item, empty if it has none.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Limit::Items`]; [`Limit::Names`] if the names take
    /// 2^32 bytes or more; the error of the encoder.
    pub fn push(&mut self, name: &[u8]) -> Result<(), Error> {
        Self::check(name)?;
        let count = self.count.checked_add(1).ok_or(Error::Limit(Limit::Items))?;
        let is_full = self.filling.len() + block::max_encoded(name.len()) > MAX_BLOCK as usize
            || self.expanded + name.len() > MAX_EXPANDED;
        if is_full || self.filling.len() >= BLOCK || self.expanded >= EXPANDED {
            self.close_block()?;
        }
        self.is_sorted &= self.last.as_slice() <= name;
        let before = if self.filling.is_empty() { &[][..] } else { &self.last };
        block::encode(before, name, &mut self.filling);
        self.expanded += name.len();
        self.last.clear();
        self.last.extend_from_slice(name);
        self.count = count;
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), Error> {
        if self.filling.is_empty() {
            return Ok(());
        }
        let failed = |cause| Error::Encode { record: None, cause };
        self.encoder.encode(&self.filling, &mut self.blocks).map_err(failed)?;
        let size = self.blocks.len() as u64;
        let offset = u32::try_from(size).map_err(|_| Error::Limit(Limit::Names { size }))?;
        let filled = u32::try_from(self.filling.len()).unwrap_or(u32::MAX);
        for field in [self.count, offset, filled] {
            self.table.extend_from_slice(&field.to_le_bytes());
        }
        self.block_count += 1;
        self.filling.clear();
        self.expanded = 0;
        Ok(())
    }

    /// The bytes of the names. If they were not added in ascending order, their order
    /// is sorted now, which takes the memory of all names and 48 bytes for each.
    /// `decoder` decodes what the encoder wrote.
    ///
    /// # Errors
    /// [`Limit::Names`] if the names take 2^32 bytes or more; errors of the encoder
    /// and of `decoder`.
    pub fn finish(mut self, decoder: &dyn Decode) -> Result<Bytes, Error> {
        self.close_block()?;
        let Self { encoder, count, is_sorted, table, block_count, blocks, .. } = self;
        encoder.finish().map_err(|cause| Error::Encode { record: None, cause })?;
        let order_bytes = if is_sorted { 0 } else { order_size(count) };
        let size =
            (HEADER as u64 + table.len() as u64 + blocks.len() as u64).saturating_add(order_bytes);
        let too_long = || Error::Limit(Limit::Names { size });
        let capacity = u32::try_from(size).map_err(|_| too_long())?;
        let capacity = usize::try_from(capacity).map_err(|_| too_long())?;
        let mut section = Vec::with_capacity(capacity);
        section.extend_from_slice(&[VERSION, if is_sorted { FLAG_SORTED } else { 0 }]);
        section.extend_from_slice(&count.to_le_bytes());
        section.extend_from_slice(&block_count.to_le_bytes());
        section.extend_from_slice(&table);
        let blocks = Bytes::from(blocks);
        if !is_sorted {
            let names = NamesSection::in_any_order(count, table.into(), blocks.clone());
            push_sorted_order(&names, decoder, &mut section)?;
        }
        section.extend_from_slice(&blocks);
        Ok(section.into())
    }
}

/// Appends the positions in ascending order of their names; equal names in ascending
/// order of their positions. Plain loops: chained iterators take twice the code in wasm.
fn push_sorted_order(
    names: &NamesSection,
    decoder: &dyn Decode,
    section: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut blocks = Vec::new();
    for block in 0..names.block_count() {
        blocks.push(names.decode_block(block, decoder)?);
    }
    let mut order: Vec<Unsorted<'_>> = Vec::new();
    for block in &blocks {
        for position in block.positions() {
            order.push(Unsorted { key: 0, position, rest: block.name(position) });
        }
    }
    sort(&mut order);
    let positions = order.iter().map(|name| name.position);
    packed::pack(positions, order_width(names.count()), section);
    Ok(())
}

/// A name that is being sorted.
struct Unsorted<'a> {
    /// The next eight bytes of the name, big-endian; zero after its end, since names
    /// contain no zero.
    key: u64,
    position: u32,
    /// The bytes after those.
    rest: &'a [u8],
}

/// Sorts by eight bytes of the names at a time, then those that are equal so far by the next
/// eight. Comparing numbers next to each other takes less time than comparing names, which
/// are anywhere in memory; the unstable sort of a library that is compiled for size, as in
/// wasm, is a slow one.
fn sort(names: &mut [Unsorted<'_>]) {
    let mut equal = vec![names];
    while let Some(names) = equal.pop() {
        for name in names.iter_mut() {
            let (next, rest) = name.rest.split_at(name.rest.len().min(8));
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(next).for_each(|(to, from)| *to = *from);
            (name.key, name.rest) = (u64::from_le_bytes(bytes).swap_bytes(), rest);
        }
        // Stable: equal names stay in the order of their positions.
        names.sort_by_key(|name| name.key);
        for group in names.chunk_by_mut(|a, b| a.key == b.key) {
            if group.len() > 1 && group.iter().any(|name| !name.rest.is_empty()) {
                equal.push(group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Unsorted, sort};

    /// Names of two letters that share prefixes of up to 40 bytes, many of them equal.
    fn names(count: u32) -> Vec<Vec<u8>> {
        let mut state = 1_u32;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (state >> 16) % bound
        };
        let name = |_| {
            let shared = [b'a'; 40].into_iter().take(below(41) as usize).collect::<Vec<u8>>();
            let length = below(12);
            shared
                .into_iter()
                .chain((0..length).map(|_| if below(2) == 0 { 1 } else { 255 }))
                .collect()
        };
        (0..count).map(name).collect()
    }

    #[test]
    fn names_are_sorted_byte_by_byte_and_equal_ones_by_position() {
        for count in [0, 1, 2, 10, 3000] {
            let names = names(count);
            let mut expected: Vec<(&[u8], u32)> =
                names.iter().map(Vec::as_slice).zip(0..).collect();
            let unsorted = |&(rest, position)| Unsorted { key: 7, position, rest };
            let mut order: Vec<Unsorted<'_>> = expected.iter().map(unsorted).collect();
            expected.sort_unstable();
            sort(&mut order);
            assert!(order.iter().map(|name| name.position).eq(expected.iter().map(|it| it.1)));
        }
    }
}
