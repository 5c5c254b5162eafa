//! A record's message, block by block: its items, each behind its length, then
//! the padding of SHA-256 (FIPS 180-4, 5.1.1).

use sealpack_core::error::{Error, Limit};
use sealpack_core::format::RecordContent;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// What is left of a message.
pub(super) struct Message<'a> {
    items: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    /// The length of the item at hand, and how much of it was given out.
    prefix: [u8; 4],
    prefix_given: usize,
    /// What is left of the item.
    rest: &'a [u8],
    /// Bytes given out.
    length: u64,
    padding: Padding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// There are items left, or there may be.
    NotYet,
    /// The bit behind the message was given out; the length was not.
    Begun,
    Done,
}

impl<'a> Message<'a> {
    pub(super) fn new(record: &RecordContent<'a>) -> Self {
        Self {
            items: Box::new(record.items()),
            prefix: [0; 4],
            prefix_given: 4,
            rest: &[],
            length: 0,
            padding: Padding::NotYet,
        }
    }

    /// Whether the last block was given out.
    pub(super) fn is_done(&self) -> bool {
        self.padding == Padding::Done
    }

    /// The next block: where it lies, or put together in `scratch`.
    #[inline]
    pub(super) fn next<'b>(
        &mut self,
        scratch: &'b mut [u8; BLOCK],
    ) -> Result<&'b [u8; BLOCK], Error>
    where
        'a: 'b,
    {
        if self.prefix_given == self.prefix.len()
            && let Some((whole, rest)) = self.rest.split_first_chunk()
        {
            self.rest = rest;
            self.length += BLOCK as u64;
            return Ok(whole);
        }
        self.assemble(scratch)?;
        Ok(scratch)
    }

    /// Blocks that lie within the item at hand.
    #[inline]
    pub(super) fn whole_blocks(&self) -> usize {
        if self.prefix_given == self.prefix.len() { self.rest.len() / BLOCK } else { 0 }
    }

    /// The next blocks, as many as [`whole_blocks`](Self::whole_blocks) at most.
    #[inline]
    pub(super) fn take_whole(&mut self, count: usize) -> &'a [[u8; BLOCK]] {
        let (blocks, _) = self.rest.as_chunks();
        let blocks = blocks.get(..count).unwrap_or_default();
        self.rest = self.rest.get(blocks.len() * BLOCK..).unwrap_or_default();
        self.length += (blocks.len() * BLOCK) as u64;
        blocks
    }

    /// A block that is not within one item.
    #[inline(never)]
    fn assemble(&mut self, block: &mut [u8; BLOCK]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < BLOCK {
            let room = block.get_mut(filled..).unwrap_or_default();
            let prefix = self.prefix.get(self.prefix_given..).unwrap_or_default();
            let from = if prefix.is_empty() { self.rest } else { prefix };
            let count = from.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..count), from.get(..count)) {
                to.copy_from_slice(from);
            }
            if prefix.is_empty() {
                self.rest = self.rest.get(count..).unwrap_or_default();
            } else {
                self.prefix_given += count;
            }
            filled += count;
            self.length += count as u64;
            if count == 0 && !self.next_item()? {
                self.pad(block, filled);
                return Ok(());
            }
        }
        Ok(())
    }

    fn next_item(&mut self) -> Result<bool, Error> {
        let Some(item) = self.items.next() else { return Ok(false) };
        let length = item.len() as u64;
        let limit = Error::Limit(Limit::Item { length });
        self.prefix = u32::try_from(length).map_err(|_| limit)?.to_le_bytes();
        self.prefix_given = 0;
        self.rest = item;
        Ok(true)
    }

    /// Pads the block behind its first `filled` bytes, which are the last of
    /// the message.
    fn pad(&mut self, block: &mut [u8; BLOCK], filled: usize) {
        let (_, padding) = block.split_at_mut(filled);
        padding.fill(0);
        if self.padding == Padding::NotYet
            && let Some(first) = padding.first_mut()
        {
            *first = 0x80;
            self.padding = Padding::Begun;
        }
        // The length takes eight bytes behind at least the bit; where they do
        // not fit, one more block holds them alone.
        let bits = self.length.wrapping_mul(8).swap_bytes().to_le_bytes();
        if filled < BLOCK - 8
            && let Some(end) = block.last_chunk_mut()
        {
            *end = bits;
            self.padding = Padding::Done;
        }
    }
}
