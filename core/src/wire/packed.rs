//! Numbers of a few bits each, packed LSB first: reading one, and adding up
//! many.
//!
//! [`sum`] adds several numbers at a time within a machine word. Opening a pack
//! adds up all record sizes, and a lookup adds up the sizes before a record or
//! the lengths before an item, so this function dominates the cost of both.

use alloc::vec::Vec;

/// Appends numbers, each below 2^`width` (1 to 32 bits); the last byte ends in zero
/// bits.
pub(crate) fn pack(numbers: impl Iterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
    let mut pending = 0u64;
    let mut bits = 0;
    for number in numbers {
        pending |= u64::from(number) << bits;
        bits += width;
        if bits >= u32::BITS {
            let [a, b, c, d, ..] = pending.to_le_bytes();
            out.extend_from_slice(&[a, b, c, d]);
            pending >>= u32::BITS;
            bits -= u32::BITS;
        }
    }
    let tail = pending.to_le_bytes();
    out.extend(tail.iter().take(bits.div_ceil(8) as usize));
}

/// The number at `index`, of `width` bits (1 to 32); 0 past the end.
#[inline]
pub(crate) fn get(packed: &[u8], width: u32, index: u32) -> u32 {
    let bit = u64::from(index) * u64::from(width);
    #[allow(clippy::cast_possible_truncation, reason = "masked to at most 32 bits")]
    let number = (word_at(packed, bit) & mask(width)) as u32;
    number
}

/// The largest number of `width` bits.
pub(super) fn mask(width: u32) -> u64 {
    (1u64 << width) - 1
}

/// The bits from `bit` on, at least 57 of them; zeros after the last.
#[inline]
fn word_at(packed: &[u8], bit: u64) -> u64 {
    // The packed bytes are a slice, so a byte offset into them is a usize.
    #[allow(clippy::cast_possible_truncation, reason = "within the slice's length")]
    let rest = packed.get((bit / 8) as usize..).unwrap_or_default();
    let word = match rest.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word >> (bit % 8)
}

/// How numbers of one width are added within a word: neighbours form pairs of
/// twice the width, and pairs form fours.
#[derive(Clone, Copy)]
struct Fours {
    /// How many numbers are taken from a word: a multiple of four, in at most 56 bits.
    taken: u32,
    /// Masks of every second number, and of every second pair.
    numbers: u64,
    pairs: u64,
    /// Words that can be added before a four may overflow.
    words: u32,
}

impl Fours {
    const fn new(width: u32) -> Self {
        let taken = (56 / width) & !3;
        let (mut numbers, mut pairs, mut at) = (0, 0, 0);
        while at < taken {
            numbers |=
                ((1 << width) - 1) << (at * width) | ((1 << width) - 1) << ((at + 2) * width);
            pairs |= ((1 << (2 * width)) - 1) << (at * width);
            at += 4;
        }
        // A word adds at most 4 * (2^width - 1) to a four of 4 * width bits.
        Self { taken, numbers, pairs, words: if width == 1 { 3 } else { 16 } }
    }
}

/// The largest width of which a word holds four numbers.
const MAX_WIDTH_OF_FOURS: u32 = 14;

/// The largest width of which a word holds two numbers.
const MAX_WIDTH_OF_TWOS: u32 = 28;

/// Indexed by width; index 0 is not used.
const FOURS: [Fours; MAX_WIDTH_OF_FOURS as usize + 1] = {
    let mut fours = [Fours::new(1); MAX_WIDTH_OF_FOURS as usize + 1];
    let mut width = 1;
    while width <= MAX_WIDTH_OF_FOURS {
        #[allow(clippy::indexing_slicing, reason = "a constant's bounds are checked by rustc")]
        {
            fours[width as usize] = Fours::new(width);
        }
        width += 1;
    }
    fours
};

/// The sum of the first `count` numbers of `width` bits (1 to 32). It cannot
/// overflow: fewer than 2^32 numbers, each below 2^32.
pub(super) fn sum(packed: &[u8], width: u32, count: u32) -> u64 {
    let (at, sum) = match FOURS.get(width as usize) {
        Some(fours) => sum_fours(packed, width, count, *fours),
        None if width <= MAX_WIDTH_OF_TWOS => sum_twos(packed, width, count),
        None => (0, 0),
    };
    (at..count).fold(sum, |sum, index| sum + u64::from(get(packed, width, index)))
}

/// Adds the numbers that fill whole words. Returns how many those are, and their sum.
fn sum_fours(packed: &[u8], width: u32, count: u32, fours: Fours) -> (u32, u64) {
    let Fours { taken, numbers, pairs, words } = fours;
    let (mut bit, step) = (0, u64::from(taken * width));
    let (mut left, mut sum) = (count / taken, 0);
    while left > 0 {
        let now = left.min(words);
        let mut four = 0;
        for _ in 0..now {
            let word = word_at(packed, bit);
            let pair = (word & numbers) + (word >> width & numbers);
            four += (pair & pairs) + (pair >> (2 * width) & pairs);
            bit += step;
        }
        while four != 0 {
            sum += four & mask(4 * width);
            four >>= 4 * width;
        }
        left -= now;
    }
    (count - count % taken, sum)
}

/// As [`sum_fours`], for widths of which a word holds only two.
fn sum_twos(packed: &[u8], width: u32, count: u32) -> (u32, u64) {
    let (mut bit, mut sum) = (0, 0);
    for _ in 0..count / 2 {
        let word = word_at(packed, bit);
        sum += (word & mask(width)) + (word >> width & mask(width));
        bit += u64::from(2 * width);
    }
    (count - count % 2, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every width, with every count up to well beyond those that fill a word,
    /// a group or an overflowing four, compared with adding one by one.
    #[test]
    fn sums_are_right_at_every_width_and_count() {
        const COUNTS: u32 = if cfg!(miri) { 40 } else { 1000 };
        for width in 1..=32u32 {
            for all_ones in [false, true] {
                let bytes: Vec<u8> = (0..4 * (COUNTS + 100))
                    .map(|at| if all_ones { 0xff } else { ((at * at * 31) >> 3).to_le_bytes()[0] })
                    .collect();
                let packed = &bytes[..(COUNTS as usize * width as usize).div_ceil(8)];
                let mut expected = 0;
                for count in 0..=COUNTS {
                    assert_eq!(sum(packed, width, count), expected, "{count} of {width} bits");
                    expected += u64::from(get(packed, width, count));
                }
            }
        }
    }
}
