//! A block of names: front-coded on disk, expanded in memory.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::{MAX_EXPANDED, MAX_NAME};
use crate::error::NamesFault;

/// The names of one block, expanded.
#[derive(Clone, Debug)]
pub struct NameBlock {
    first: u32,
    names: Bytes,
    /// The end of each name in `names`.
    ends: Vec<u32>,
}

impl NameBlock {
    /// Expands the names of `positions` from a decompressed block, and checks them.
    pub(super) fn expand(
        encoded: &[u8],
        positions: Range<u32>,
        is_sorted: bool,
    ) -> Result<Self, NamesFault> {
        let count = (positions.end - positions.start) as usize;
        let mut names: Vec<u8> = Vec::new();
        let mut ends = Vec::with_capacity(count);
        let (mut rest, mut before) = (encoded, 0..0);
        for position in positions.clone() {
            let shared = varint(&mut rest).ok_or(NamesFault::Entry { position })?;
            let length = varint(&mut rest).ok_or(NamesFault::Entry { position })?;
            let (suffix, after) =
                rest.split_at_checked(length).ok_or(NamesFault::Entry { position })?;
            rest = after;
            let prefix = before.start..before.start + shared;
            let compared = prefix.end..before.end;
            let length = shared.saturating_add(length);
            if prefix.end > before.end {
                return Err(NamesFault::Shared { position });
            }
            if length > MAX_NAME {
                return Err(NamesFault::NameLength { position });
            }
            if suffix.contains(&0) {
                return Err(NamesFault::Nul { position });
            }
            if is_sorted && names.get(compared).is_some_and(|earlier| earlier > suffix) {
                return Err(NamesFault::Order { position });
            }
            if names.len() + length > MAX_EXPANDED {
                return Err(NamesFault::Expanded { position });
            }
            let start = names.len();
            names.extend_from_within(prefix);
            names.extend_from_slice(suffix);
            before = start..names.len();
            ends.push(u32::try_from(names.len()).map_err(|_| NamesFault::Expanded { position })?);
        }
        match rest.len() {
            0 => Ok(Self { first: positions.start, names: names.into(), ends }),
            _ => Err(NamesFault::BlockLeftover { position: positions.start }),
        }
    }

    /// The positions whose names the block holds.
    #[must_use]
    pub fn positions(&self) -> Range<u32> {
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.first..self.first.saturating_add(count)
    }

    /// The name of the item at `position`: empty if it has none or is not in this
    /// block.
    #[must_use]
    pub fn name(&self, position: u32) -> &[u8] {
        self.range(position).and_then(|range| self.names.get(range)).unwrap_or_default()
    }

    /// As [`name`](Self::name), as a view that keeps the block in memory.
    #[must_use]
    pub fn name_bytes(&self, position: u32) -> Bytes {
        self.range(position).map(|range| self.names.slice(range)).unwrap_or_default()
    }

    /// The range of a name in `names`.
    fn range(&self, position: u32) -> Option<Range<usize>> {
        let slot = position.checked_sub(self.first)? as usize;
        let end = *self.ends.get(slot)? as usize;
        let start = match slot.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        Some(start..end)
    }

    /// The memory that the block takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.names.len() + self.ends.len() * size_of::<u32>()
    }
}

/// Appends a name to a block; `before` is the name before it.
pub(super) fn encode(before: &[u8], name: &[u8], block: &mut Vec<u8>) {
    let shared = before.iter().zip(name).take_while(|(a, b)| a == b).count();
    let suffix = name.get(shared..).unwrap_or_default();
    push_varint(shared, block);
    push_varint(suffix.len(), block);
    block.extend_from_slice(suffix);
}

/// The maximum number of bytes that [`encode`] appends for a name of this length.
pub(super) fn max_encoded(length: usize) -> usize {
    length + 2 * MAX_VARINT
}

/// A number below 2^21 takes at most three bytes.
const MAX_VARINT: usize = 3;

fn push_varint(mut number: usize, to: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

/// Takes a number from the front: seven bits a byte, the least significant first,
/// bit 7 set in all bytes but the last. `None` if it ends early or takes more than
/// three bytes.
fn varint(from: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in 0..MAX_VARINT {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        number |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
