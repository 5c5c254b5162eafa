//! The size of the parts of an upload.

use sealpack_core::stream::BufferSize;

use super::error::MAX_PARTS;

const MIB: u64 = 1 << 20;

/// The size of every part of an upload except the last: at least 5 MiB, since stores
/// refuse smaller parts, and at most 1 GiB.
///
/// A store takes at most 10,000 parts, so the part size bounds the pack:
///
/// ```
/// use sealpack::remote::PartSize;
///
/// let default = PartSize::default();
/// assert_eq!(default.get(), 8 << 20);
/// assert_eq!(default.largest_pack(), 83_886_080_000);
/// assert!(PartSize::for_pack(1_000_000_000_000).largest_pack() >= 1_000_000_000_000);
/// assert_eq!(PartSize::new(1000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartSize(BufferSize);

impl Default for PartSize {
    /// 8 MiB: packs of up to 83.9 GB.
    fn default() -> Self {
        Self::SMALLEST.max(Self::new(8 * MIB).unwrap_or(Self::SMALLEST))
    }
}

impl From<PartSize> for BufferSize {
    fn from(size: PartSize) -> Self {
        size.0
    }
}

impl PartSize {
    /// 5 MiB.
    pub const SMALLEST: Self = match BufferSize::new(5 << 20) {
        Some(size) => Self(size),
        None => unreachable!(),
    };

    /// 1 GiB.
    pub const LARGEST: Self = match BufferSize::new(BufferSize::MAX) {
        Some(size) => Self(size),
        None => unreachable!(),
    };

    /// Makes a part size of `bytes`; `None` for less than 5 MiB or more than 1 GiB.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        let size = usize::try_from(bytes).ok().and_then(BufferSize::new).map(Self);
        size.filter(|&size| size >= Self::SMALLEST)
    }

    /// Returns the smallest part size, in whole MiB and at least the default, that a pack of
    /// `bytes` bytes fits with.
    #[must_use]
    pub fn for_pack(bytes: u64) -> Self {
        let part = bytes.div_ceil(u64::from(MAX_PARTS)).next_multiple_of(MIB);
        Self::new(part)
            .unwrap_or(if part > MIB * 5 { Self::LARGEST } else { Self::SMALLEST })
            .max(Self::default())
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get() as u64
    }

    /// Returns the largest pack that fits into 10,000 such parts, in bytes.
    #[must_use]
    pub fn largest_pack(self) -> u64 {
        self.get() * u64::from(MAX_PARTS)
    }
}
