//! An extent: a contiguous run of bytes, waiting or in a put.

use bytes::Bytes;
use core::{mem, ops::Range};

/// A run of bytes in the order of the stream.
#[derive(Clone, Debug)]
pub(super) enum Extent {
    /// Bytes that were handed over, or a copy in memory of its own.
    Own(Bytes),
    /// A range of the buffer's front; in a put, a range of the view that was made
    /// of that front.
    Sealed(Range<usize>),
}

impl Extent {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Extent::Own(bytes) => bytes.len(),
            Extent::Sealed(range) => range.len(),
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self, Extent::Sealed(_))
    }

    #[inline]
    pub(super) fn bytes<'a>(&'a self, front: &'a [u8]) -> &'a [u8] {
        match self {
            Extent::Own(bytes) => bytes,
            Extent::Sealed(range) => front.get(range.clone()).unwrap_or_default(),
        }
    }

    /// Returns the bytes as a view of its own.
    pub(super) fn into_bytes(self, front: &Bytes) -> Bytes {
        match self {
            Extent::Own(bytes) => bytes,
            Extent::Sealed(range) if range.end <= front.len() => front.slice(range),
            Extent::Sealed(_) => Bytes::new(),
        }
    }

    /// Takes the first `len` bytes; the extent has at least that many.
    pub(super) fn split_to(&mut self, len: usize) -> Extent {
        match self {
            Extent::Own(bytes) => Extent::Own(bytes.split_to(len.min(bytes.len()))),
            Extent::Sealed(range) => {
                let cut = range.start.saturating_add(len);
                Extent::Sealed(mem::replace(&mut range.start, cut)..cut)
            }
        }
    }
}
