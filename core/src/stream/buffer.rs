//! The buffer that small writes are copied into, and its memory.

use super::rules::Rules;
use bytes::{Bytes, BytesMut};
use core::{mem, ops::Range};

/// The current buffer: whole, or what is left of one whose front was given away;
/// or none.
///
/// ```text
///      0         start        at                bytes.len()
///      ├───────────┼───────────┼───────────────────┤
///      │  front    │ E: filled │       free        │
///      └───────────┴───────────┴───────────────────┘
///                  └────────── C: capacity ────────┘
/// ```
///
/// 1. `E <= capacity <= S`, where `E = at - start` bytes are filled.
/// 2. `bytes` is `start + capacity` long. What is behind `at` is there to be
///    written over; a copy is then a copy into a slice, which makes the fast path
///    fast without unsafe code.
/// 3. The front is what is sealed and still waits: `L` holds ranges of it. One
///    view of all of it is made when they are put, not one for each, since each
///    costs an atomic operation to make and one to let go.
/// 4. While no write is welcome [`SHUT`] is set in `at`: nothing fits there, so
///    the fast path has no question to ask but whether the bytes fit.
/// 5. Where there is no buffer all of them are 0.
///
/// `capacity` is counted apart from what `bytes` knows: a wrong decision then
/// shows as a broken invariant, `E > C`, and is never a write past the end, since
/// `bytes` would grow.
// In this order: see `Stream`.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Buffer {
    bytes: BytesMut,
    at: usize,
    start: usize,
    capacity: usize,
    present: bool,
}

/// A bit that no place in a buffer has: it is at most 1 GiB long.
const SHUT: usize = 1 << (usize::BITS - 1);

impl Buffer {
    /// A whole, empty buffer in `bytes`, which are written over.
    pub(super) fn renew(&mut self, bytes: BytesMut) {
        (self.at, self.start, self.capacity, self.present) = (0, 0, bytes.len(), true);
        self.bytes = bytes;
    }

    /// From here on nothing fits.
    pub(super) fn shut(&mut self) {
        self.at |= SHUT;
    }

    pub(super) fn open(&mut self) {
        self.at &= !SHUT;
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.at < SHUT
    }

    #[inline]
    pub(super) fn filled(&self) -> usize {
        (self.at & !SHUT).wrapping_sub(self.start)
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
        let end = self.start.saturating_add(self.filled());
        self.bytes.get(self.start..end).unwrap_or_default()
    }

    /// Whether the rules see room for `n` bytes, at least one.
    #[inline]
    pub(super) fn has_room<R: Rules>(&self, n: usize, size: usize) -> bool {
        n > 0 && R::fits(self.at.wrapping_add(n), self.bytes.len(), self.start, size)
    }

    /// Copies what fits. The fast path.
    #[inline]
    pub(super) fn copy_if_it_fits<R: Rules>(&mut self, bytes: &[u8], size: usize) -> bool {
        let end = self.at.wrapping_add(bytes.len());
        if self.has_room::<R>(bytes.len(), size)
            && let Some(place) = self.bytes.get_mut(self.at..end)
        {
            copy_short(place, bytes);
            self.at = end;
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

    /// Seals the filled bytes: they belong to the front now, and this is where
    /// they are in it.
    #[inline]
    pub(super) fn seal<R: Rules>(&mut self) -> Range<usize> {
        let filled = self.filled();
        let from = R::sealed_from(self.start);
        self.start = self.at;
        self.capacity = self.capacity.wrapping_sub(filled);
        from..from.saturating_add(filled)
    }

    /// What was sealed and is still here.
    pub(super) fn front(&self) -> &[u8] {
        self.bytes.get(..self.start).unwrap_or_default()
    }

    /// Takes the front as one view; the buffer begins behind it.
    pub(super) fn take_front(&mut self) -> Bytes {
        let front = self.bytes.split_to(self.start.min(self.bytes.len())).freeze();
        self.at = self.filled();
        self.start = 0;
        front
    }

    /// Takes the filled bytes as a view, where there is no front. Of a whole
    /// buffer it takes the memory itself, which may then come back.
    pub(super) fn take_filled(&mut self, size: usize) -> Bytes {
        let filled = self.filled().min(self.bytes.len());
        self.at = 0;
        self.capacity = self.capacity.wrapping_sub(filled);
        if filled == size {
            mem::take(&mut self.bytes).freeze()
        } else {
            self.bytes.split_to(filled).freeze()
        }
    }
}

/// Copies a slice to one of the same length. Up to 32 bytes it is two moves that
/// overlap or meet: a call of `memcpy` costs more than they do.
#[inline(always)]
fn copy_short(to: &mut [u8], from: &[u8]) {
    let n = from.len();
    if n <= 16 {
        if n > 8 {
            copy_ends::<8>(to, from);
        } else if n >= 4 {
            copy_ends::<4>(to, from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    } else if n <= 32 {
        copy_ends::<16>(to, from);
    } else {
        to.copy_from_slice(from);
    }
}

/// Copies the first `N` bytes and the last `N`: all, where there are `N` to `2N`.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        let (first, last) = (*first, *last);
        if let Some(place) = to.first_chunk_mut() {
            *place = first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = last;
        }
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

    /// Memory for a whole buffer.
    pub(super) fn memory(&mut self, size: usize) -> BytesMut {
        let whole = mem::take(&mut self.whole);
        if whole.len() == size {
            return whole;
        }
        let mut bytes = mem::take(&mut self.older);
        bytes.clear();
        // Only where nobody else holds a view of its memory.
        if bytes.try_reclaim(size) {
            bytes.resize(size, 0);
            bytes
        } else {
            BytesMut::zeroed(size)
        }
    }
}
