//! The frame-of-reference group: unsigned integers packed as their distance
//! from the smallest one (FORMAT.md, *Frame-of-reference group*).
//!
//! ```text
//! | residuals: n values of W bits, LSB first, zero padded | W: u8 | min: u32 |
//! '--------------- ceil(n * W / 8) bytes -----------------'-- the last five --'
//! ```
//!
//! The width and the minimum come last, so that a reader that knows only the
//! number of values can split a group off the *end* of a buffer. A [`Group`]
//! borrows the packed bytes and unpacks on demand: no allocation depends on the
//! number of values that a file states.

use alloc::vec::Vec;

use bytes::Bytes;

use super::packed;
use crate::error::Fault;

/// Bytes after the residuals: the width and the minimum.
const FOOTER: usize = 5;

/// The minimum size of a group, in bytes.
pub const MIN_SIZE: u64 = FOOTER as u64 + 1;

/// The size of `count` residuals of `width` bits, in bytes.
fn packed_len(count: u32, width: u32) -> u64 {
    (u64::from(count) * u64::from(width)).div_ceil(8)
}

/// The maximum size of a group of `count` values, in bytes.
#[must_use]
pub fn max_size(count: u32) -> u64 {
    packed_len(count, 32) + FOOTER as u64
}

/// The bit width of the largest residual: at least 1.
fn width_of(largest: u32) -> u32 {
    (u32::BITS - largest.leading_zeros()).max(1)
}

/// Appends the group of `values` to `out`, in the form that every writer uses:
/// the smallest width, zero padding. Without values it appends nothing.
///
/// ```
/// let mut out = Vec::new();
/// sealpack_core::wire::group::encode(&[7, 9, 7], &mut out);
/// // residuals 0, 2, 0 in two bits each | width 2 | smallest value 7
/// assert_eq!(out, [0b00_10_00, 2, 7, 0, 0, 0]);
/// ```
pub fn encode(values: &[u32], out: &mut Vec<u8>) {
    let (Some(&min), Some(&max)) = (values.iter().min(), values.iter().max()) else { return };
    let width = width_of(max - min);
    packed::pack(values.iter().map(|value| value - min), width, out);
    let [width, ..] = width.to_le_bytes();
    out.push(width);
    out.extend_from_slice(&min.to_le_bytes());
}

/// A view of a group in a buffer. Invariant: every value in it is below 2^32.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    residuals: &'a [u8],
    width: u32,
    min: u32,
    count: u32,
}

impl<'a> Group<'a> {
    /// Splits the group of `count` values off the end of `bytes`, and returns it
    /// with the bytes before it. Larger widths than necessary and any padding
    /// bits are accepted.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::Width`], or [`Fault::Carry`] if a value
    /// would exceed 2^32-1.
    pub fn split_last(bytes: &'a [u8], count: u32) -> Result<(Self, &'a [u8]), Fault> {
        let found = bytes.len() as u64;
        let Some((front, &[width, a, b, c, d])) = bytes.split_last_chunk::<FOOTER>() else {
            return Err(Fault::Truncated { needed: FOOTER as u64, found });
        };
        if !(1..=32).contains(&width) {
            return Err(Fault::Width { found: width });
        }
        let width = u32::from(width);
        let packed = packed_len(count, width);
        let split = usize::try_from(packed).ok().and_then(|n| front.len().checked_sub(n));
        let Some((rest, residuals)) = split.and_then(|at| front.split_at_checked(at)) else {
            return Err(Fault::Truncated { needed: packed + FOOTER as u64, found });
        };
        let group = Self { residuals, width, min: u32::from_le_bytes([a, b, c, d]), count };
        group.refuse_carry()?;
        Ok((group, rest))
    }

    /// Reads the residuals only if one of this width could overflow.
    fn refuse_carry(&self) -> Result<(), Fault> {
        let room = u32::MAX - self.min;
        if packed::mask(self.width) <= u64::from(room) {
            return Ok(());
        }
        match self.residuals().find(|&residual| residual > room) {
            Some(residual) => Err(Fault::Carry { min: self.min, residual }),
            None => Ok(()),
        }
    }

    /// The residual at `index`, which must be below `count`.
    #[inline]
    fn residual(&self, index: u32) -> u32 {
        packed::get(self.residuals, self.width, index)
    }

    fn residuals(self) -> impl Iterator<Item = u32> + use<'a> {
        (0..self.count).map(move |index| self.residual(index))
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The value at `index`; `None` from `count` on.
    #[inline]
    #[must_use]
    pub fn get(&self, index: u32) -> Option<u32> {
        // `refuse_carry` has checked that the sum does not exceed 2^32-1.
        (index < self.count).then(|| self.min.wrapping_add(self.residual(index)))
    }

    /// The values in order.
    pub fn iter(self) -> impl Iterator<Item = u32> + use<'a> {
        self.residuals().map(move |residual| self.min.wrapping_add(residual))
    }

    /// The sum of the first `count` values, or of all if there are fewer.
    #[must_use]
    pub fn sum_first(&self, count: u32) -> u64 {
        let count = count.min(self.count);
        let residuals = packed::sum(self.residuals, self.width, count);
        residuals + u64::from(self.min) * u64::from(count)
    }

    /// The sum of all values: below 2^64, as there are fewer than 2^32 of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum_first(self.count)
    }

    /// The size of the group, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.residuals.len() as u64 + FOOTER as u64
    }
}

/// A group that keeps its packed bytes alive.
#[derive(Clone, Debug)]
pub struct OwnedGroup {
    residuals: Bytes,
    width: u32,
    min: u32,
    count: u32,
}

impl OwnedGroup {
    /// Takes ownership of a group that starts at offset `at` of `bytes`.
    #[must_use]
    pub fn new(group: Group<'_>, bytes: &Bytes, at: usize) -> Self {
        let Group { residuals, width, min, count } = group;
        let end = bytes.len().min(at.saturating_add(residuals.len()));
        Self { residuals: bytes.slice(at.min(end)..end), width, min, count }
    }

    /// The group. It was checked when it was split off.
    #[must_use]
    pub fn get(&self) -> Group<'_> {
        let Self { residuals, width, min, count } = self;
        Group { residuals, width: *width, min: *min, count: *count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn round_trip(values: &[u32]) {
        let mut bytes = vec![0xaa; 3];
        encode(values, &mut bytes);
        let count = u32::try_from(values.len()).unwrap();
        let (group, rest) = Group::split_last(&bytes, count).unwrap();
        assert_eq!(rest, [0xaa; 3], "the bytes before the group are returned");
        assert_eq!(group.iter().collect::<Vec<_>>(), values);
        assert_eq!(group.sum(), values.iter().map(|&v| u64::from(v)).sum::<u64>());
        assert_eq!(group.get(count), None);
    }

    #[test]
    fn groups_of_every_width_and_count_round_trip() {
        let counts = [129u32, 1, 7, 8, 2, 3, 9, 127, 128];
        for width in 1..=32u32 {
            let top = u32::MAX >> (32 - width);
            for &count in &counts[..if cfg!(miri) { 4 } else { counts.len() }] {
                let values: Vec<u32> =
                    (0..count).map(|i| i.wrapping_mul(0x9e37_79b9) & top).collect();
                round_trip(&values);
                round_trip(&vec![top; count as usize]);
            }
        }
        round_trip(&[u32::MAX, 0]);
    }

    #[test]
    fn equal_values_take_one_bit_each() {
        let mut bytes = Vec::new();
        encode(&[5; 9], &mut bytes);
        assert_eq!(bytes, [0, 0, 1, 5, 0, 0, 0]);
    }

    #[test]
    fn values_above_the_maximum_are_refused() {
        let bytes = [0b0001_0000, 4, 0xff, 0xff, 0xff, 0xff];
        assert!(matches!(
            Group::split_last(&bytes, 2),
            Err(Fault::Carry { min: u32::MAX, residual: 1 })
        ));
        let highest_residual_zero = [0, 4, 0xff, 0xff, 0xff, 0xff];
        assert!(Group::split_last(&highest_residual_zero, 2).is_ok());
    }

    #[test]
    fn widths_outside_1_to_32_are_refused() {
        for width in [0, 33, 255] {
            let bytes = [0, 0, 0, 0, 0, width, 0, 0, 0, 0];
            assert!(
                matches!(Group::split_last(&bytes, 1), Err(Fault::Width { found }) if found == width)
            );
        }
    }

    #[test]
    fn counts_beyond_the_bytes_are_refused() {
        let bytes = [0, 1, 0, 0, 0, 0];
        assert!(Group::split_last(&bytes, 8).is_ok());
        assert!(matches!(Group::split_last(&bytes, 9), Err(Fault::Truncated { needed: 7, .. })));
        assert!(Group::split_last(&bytes, u32::MAX).is_err());
        assert!(Group::split_last(&[], 1).is_err());
    }

    #[test]
    fn padding_and_larger_widths_are_accepted() {
        let (group, _) = Group::split_last(&[0b1111_0110, 2, 1, 0, 0, 0], 2).unwrap();
        assert_eq!(group.iter().collect::<Vec<_>>(), [3, 2]);
    }
}
