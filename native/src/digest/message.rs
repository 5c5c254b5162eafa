//! The bytes of a record that SHA-256 hashes, block by block: each item's length and
//! bytes, then the padding (FIPS 180-4, 5.1.1).

use std::mem;

use sealpack_core::error::{Error, Limit};

/// The size of a block in bytes.
pub(super) const BLOCK: usize = 64;

/// The state before the first block.
pub(super) const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The constant of each round, sixteen rounds a row.
#[rustfmt::skip]
pub(super) const ROUND: [[u32; 16]; 4] = [
    [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    ],
    [
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    ],
    [
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    ],
    [
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ],
];

/// The part of a message that was not returned yet.
pub(super) struct HashMessage<'a, I> {
    items: I,
    /// The length of `next`; its last `prefix_left` bytes were not returned yet.
    prefix: [u8; PREFIX],
    prefix_left: usize,
    /// The current item.
    item: &'a [u8],
    /// The rest of it.
    rest: &'a [u8],
    /// The item after it; it becomes the current item after its length.
    next: &'a [u8],
    /// Bytes of the message so far, without padding.
    length: u64,
    padding: Padding,
}

/// The size of an item's length in bytes.
const PREFIX: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// There may be items left.
    NotStarted,
    /// The bit after the message was returned; the length was not.
    Started,
    Done,
}

impl<'a, I: Iterator<Item = &'a [u8]>> HashMessage<'a, I> {
    pub(super) fn new(items: I) -> Self {
        Self {
            items,
            prefix: [0; PREFIX],
            prefix_left: 0,
            item: &[],
            rest: &[],
            next: &[],
            length: 0,
            padding: Padding::NotStarted,
        }
    }

    /// Returns whether the last block was returned.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.padding == Padding::Done
    }

    /// Returns how many of the next blocks lie within the same item.
    #[inline(always)]
    pub(super) fn whole_blocks(&self) -> usize {
        self.rest.len() / BLOCK
    }

    /// Returns the next `count` blocks, if they lie within the same item.
    #[inline(always)]
    pub(super) fn next_blocks(&mut self, count: usize) -> Option<&'a [[u8; BLOCK]]> {
        let (blocks, rest) = self.rest.split_at_checked(count.checked_mul(BLOCK)?)?;
        self.rest = rest;
        Some(blocks.as_chunks().0)
    }

    /// Assembles the next block, which does not lie within one item.
    #[inline(never)]
    pub(super) fn assemble(&mut self, block: &mut [u8; BLOCK]) -> Result<(), Error> {
        if let Some(straddling) = self.next_straddling()? {
            *block = straddling;
            return Ok(());
        }
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
            self.item = mem::take(&mut self.next);
            self.rest = self.item;
        }
    }

    /// Returns the next block, if it consists of the end of the current item, the length of
    /// the next one and its start, and neither item is smaller than a block.
    #[inline(always)]
    fn next_straddling(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let Some(room) = (BLOCK - PREFIX).checked_sub(self.rest.len()) else { return Ok(None) };
        let Some(end) = self.item.last_chunk() else { return Ok(None) };
        if self.prefix_left > 0 || !self.next_item()? {
            return Ok(None);
        }
        let Some((start, _)) = self.next.split_first_chunk() else { return Ok(None) };
        let block = straddling(end, self.rest.len(), self.prefix, start);
        self.prefix_left = 0;
        self.item = mem::take(&mut self.next);
        self.rest = self.item.get(room..).unwrap_or_default();
        Ok(Some(block))
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

    /// Pads the block after its first `filled` bytes, which are the last of
    /// the message.
    fn pad(&mut self, block: &mut [u8; BLOCK], filled: usize) {
        let (_, padding) = block.split_at_mut(filled);
        padding.fill(0);
        if self.padding == Padding::NotStarted
            && let Some(first) = padding.first_mut()
        {
            *first = 0x80;
            self.padding = Padding::Started;
        }
        // The length takes eight bytes after at least the bit; if they do not fit, they
        // go into one more block.
        let bits = self.length.wrapping_mul(8).swap_bytes().to_le_bytes();
        if filled < BLOCK - 8
            && let Some(end) = block.last_chunk_mut()
        {
            *end = bits;
            self.padding = Padding::Done;
        }
    }
}

/// Returns the last `length` bytes of `end`, then `prefix`, then as much of `start` as fits.
/// It copies whole blocks, because copies of unknown lengths take branches that the processor
/// cannot predict.
#[inline(always)]
fn straddling(
    end: &[u8; BLOCK],
    length: usize,
    prefix: [u8; PREFIX],
    start: &[u8; BLOCK],
) -> [u8; BLOCK] {
    // The result is in the middle, so the copies may begin before it and end after it.
    let mut blocks = [[0; BLOCK]; 3];
    let (_, to) = blocks.as_flattened_mut().split_at_mut(length.min(BLOCK - PREFIX));
    put(to, end);
    let (_, to) = to.split_at_mut(BLOCK);
    put(to, &prefix);
    let (_, to) = to.split_at_mut(PREFIX);
    put(to, start);
    let [_, block, _] = blocks;
    block
}

/// Copies `from` to the front of `to`.
#[inline(always)]
fn put<const N: usize>(to: &mut [u8], from: &[u8; N]) {
    if let Some(to) = to.first_chunk_mut() {
        *to = *from;
    }
}

/// Moves what fits from the front of `from` into the block, after its first
/// `filled` bytes. Returns the number of bytes moved.
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
