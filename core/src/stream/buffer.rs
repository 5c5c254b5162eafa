//! The buffer that small writes are copied into, and its memory.

use super::rules::Rules;
use bytes::{Bytes, BytesMut};
use core::mem;

/// The current buffer: whole, or what is left of one whose front was given away;
/// or none.
///
/// 1. `E <= capacity <= S`, where `E = at - start` bytes are filled.
/// 2. `bytes` is `capacity` long, and `start` is 0: sealing moves the start of
///    `bytes` itself. What is behind `at` is there to be written over; a copy is
///    then a copy into a slice, which makes the fast path fast without unsafe code.
/// 3. Where there is no buffer all of them are 0.
///
/// `capacity` and `start` are counted apart from what `bytes` knows: a wrong
/// decision then shows as a broken invariant, `E > C`, and is never a write past
/// the end, since `bytes` would grow.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: BytesMut,
    at: usize,
    start: usize,
    capacity: usize,
    present: bool,
}

impl Buffer {
    /// An empty buffer in `bytes`, which are written over.
    pub(super) fn new(bytes: BytesMut) -> Self {
        Buffer { capacity: bytes.len(), bytes, at: 0, start: 0, present: true }
    }

    #[inline]
    pub(super) fn filled(&self) -> usize {
        self.at.wrapping_sub(self.start)
    }

    pub(super) fn free(&self) -> usize {
        self.capacity.saturating_sub(self.filled())
    }

    /// `C`; `None` where there is no buffer.
    pub(super) fn capacity(&self) -> Option<usize> {
        self.present.then_some(self.capacity)
    }

    /// The filled bytes.
    pub(super) fn filled_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.at).unwrap_or_default()
    }

    /// Copies what fits, as the rules see it. The fast path.
    #[inline]
    pub(super) fn copy_if_it_fits<R: Rules>(&mut self, bytes: &[u8], size: usize) -> bool {
        let filled = self.filled();
        if let Some(free) = self.bytes.get_mut(self.at..)
            && R::fits(bytes.len(), free.len(), filled, size)
        {
            match free.get_mut(..bytes.len()) {
                Some(place) => {
                    place.copy_from_slice(bytes);
                    self.at = self.at.wrapping_add(bytes.len());
                }
                None => self.copy(bytes),
            }
            return true;
        }
        false
    }

    /// Copies, whether the rules were asked or not.
    #[inline(never)]
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        // Only a seeded bug makes it longer than it is.
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
        }
        self.at = end;
    }

    /// Takes the filled front as a view; the buffer begins behind it.
    #[inline(always)]
    pub(super) fn seal<R: Rules>(&mut self, filled: usize) -> Bytes {
        let before = self.bytes.len();
        let view = R::seal(&mut self.bytes, filled);
        self.at = self.at.saturating_sub(before.saturating_sub(self.bytes.len()));
        self.start = self.at;
        self.capacity = self.capacity.wrapping_sub(filled);
        view
    }
}

/// Memory to use again, so that a stream allocates two or three buffers and no
/// more if its sink keeps up.
///
/// A buffer that was put whole may come back from the driver, as it is. One that
/// was used up in pieces is on its way to the sink when the next is wanted; the
/// one before it has most often been written by then, and nobody holds a view of
/// its memory.
#[derive(Debug, Default)]
pub(super) struct Spent {
    whole: BytesMut,
    newer: BytesMut,
    older: BytesMut,
}

impl Spent {
    /// A buffer is used up.
    pub(super) fn keep(&mut self, buffer: Buffer) {
        self.older = mem::replace(&mut self.newer, buffer.bytes);
    }

    /// A put came back that was one extent.
    pub(super) fn keep_whole(&mut self, extent: Bytes, size: usize) {
        if extent.len() == size
            && let Ok(whole) = extent.try_into_mut()
        {
            self.whole = whole;
        }
    }

    /// A whole, empty buffer.
    pub(super) fn buffer(&mut self, size: usize) -> Buffer {
        let whole = mem::take(&mut self.whole);
        if whole.len() == size {
            return Buffer::new(whole);
        }
        let mut bytes = mem::take(&mut self.older);
        bytes.clear();
        // Only where nobody else holds a view of its memory.
        if bytes.try_reclaim(size) {
            bytes.resize(size, 0);
            Buffer::new(bytes)
        } else {
            Buffer::new(BytesMut::zeroed(size))
        }
    }
}
