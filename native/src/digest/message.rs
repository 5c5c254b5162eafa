//! A record's message, block by block: its items, each behind its length, then
//! the padding of SHA-256 (FIPS 180-4, 5.1.1).

use std::mem;

use sealpack_core::error::{Error, Limit};

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// What is left of a message.
pub(super) struct Message<'a, I> {
    items: I,
    /// The length that is still to be given out: so many bytes of it, the last.
    prefix: [u8; PREFIX],
    prefix_left: usize,
    /// What is left of the item; nothing while its length is not given out.
    rest: &'a [u8],
    /// The item whose length is not given out.
    next: &'a [u8],
    /// Bytes of the message so far, padding apart.
    length: u64,
    padding: Padding,
}

/// Bytes of an item's length.
const PREFIX: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// There are items left, or there may be.
    NotYet,
    /// The bit behind the message was given out; the length was not.
    Begun,
    Done,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Message<'a, I> {
    pub(super) fn new(items: I) -> Self {
        Self {
            items,
            prefix: [0; PREFIX],
            prefix_left: 0,
            rest: &[],
            next: &[],
            length: 0,
            padding: Padding::NotYet,
        }
    }

    /// Whether the last block was given out.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.padding == Padding::Done
    }

    /// The next block, where it lies within an item.
    #[inline(always)]
    pub(super) fn next_whole(&mut self) -> Option<&'a [u8; BLOCK]> {
        let (whole, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(whole)
    }

    /// The next block, put together: it is not within one item.
    #[inline(never)]
    pub(super) fn assemble(&mut self, block: &mut [u8; BLOCK]) -> Result<(), Error> {
        let mut filled = 0;
        loop {
            filled += copy_front(block, filled, &mut self.rest);
            if filled == BLOCK {
                return Ok(());
            }
            if self.prefix_left == 0 && !self.next_item()? {
                self.pad(block, filled);
                return Ok(());
            }
            let mut prefix = self.prefix.get(PREFIX - self.prefix_left..).unwrap_or_default();
            filled += copy_front(block, filled, &mut prefix);
            self.prefix_left = prefix.len();
            if self.prefix_left > 0 {
                return Ok(());
            }
            self.rest = mem::take(&mut self.next);
        }
    }

    fn next_item(&mut self) -> Result<bool, Error> {
        let Some(item) = self.items.next() else { return Ok(false) };
        let length = item.len() as u64;
        let limit = Error::Limit(Limit::Item { length });
        self.prefix = u32::try_from(length).map_err(|_| limit)?.to_le_bytes();
        self.prefix_left = PREFIX;
        self.next = item;
        self.length += PREFIX as u64 + length;
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

/// Moves what fits from the front of `from` into the block, behind its first
/// `filled` bytes; how much that was.
#[inline]
fn copy_front(block: &mut [u8; BLOCK], filled: usize, from: &mut &[u8]) -> usize {
    let room = block.get_mut(filled..).unwrap_or_default();
    let (now, later) = from.split_at(from.len().min(room.len()));
    if let Some(room) = room.get_mut(..now.len()) {
        room.copy_from_slice(now);
    }
    *from = later;
    now.len()
}
