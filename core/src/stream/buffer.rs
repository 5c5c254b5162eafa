//! The buffer that small writes are copied into, and its memory.

use super::rules::Rules;
use bytes::{Bytes, BytesMut};
use core::{mem, ops::Range};

/// The current buffer: a whole one, the remnant of one whose front was given away,
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
/// 2. `bytes` is `start + capacity` long. The bytes after `at` are initialised, and
///    writes replace them: so a write is a copy into a slice, which keeps the fast
///    path fast without unsafe code.
/// 3. The front consists of the sealed bytes that still wait: `L` holds ranges of
///    it. A put takes one view of the whole front, not one per range, because each
///    view costs one atomic operation to make and one to drop.
/// 4. While the stream accepts no write, [`SHUT`] is set in `at`, so that no write
///    fits: the fast path needs no check other than whether the bytes fit.
/// 5. If there is no buffer, all fields are 0.
///
/// `capacity` is counted separately from the length of `bytes`: a wrong decision
/// then shows as a broken invariant (`E > C`) and never as a write past the end,
/// because `bytes` grows instead.
// Field order matters: see `Stream`.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Buffer {
    bytes: BytesMut,
    at: usize,
    start: usize,
    capacity: usize,
    present: bool,
}

/// A bit that no offset in a buffer has set: a buffer is at most 1 GiB long.
const SHUT: usize = 1 << (usize::BITS - 1);

impl Buffer {
    /// Starts a whole, empty buffer in `bytes`, whose contents are overwritten.
    pub(super) fn renew(&mut self, bytes: BytesMut) {
        (self.at, self.start, self.capacity, self.present) = (0, 0, bytes.len(), true);
        self.bytes = bytes;
    }

    /// Makes every further write fail to fit.
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

    /// `C`; `None` if there is no buffer.
    pub(super) fn capacity(&self) -> Option<usize> {
        self.present.then_some(self.capacity)
    }

    /// The filled bytes.
    pub(super) fn filled_bytes(&self) -> &[u8] {
        let end = self.start.saturating_add(self.filled());
        self.bytes.get(self.start..end).unwrap_or_default()
    }

    /// Whether `n` bytes fit according to the rules; false for 0 bytes.
    #[inline]
    pub(super) fn has_room<R: Rules>(&self, n: usize, size: usize) -> bool {
        n > 0 && R::fits(self.at.wrapping_add(n), self.bytes.len(), self.start, size)
    }

    /// Copies the bytes if they fit. The fast path.
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

    /// Copies without consulting the rules.
    #[inline(never)]
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        // Only a seeded bug exceeds the length.
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
        }
        self.at = end;
    }

    /// Seals the filled bytes: they become part of the front. Returns their range
    /// in it.
    #[inline]
    pub(super) fn seal<R: Rules>(&mut self) -> Range<usize> {
        let filled = self.filled();
        let from = R::sealed_from(self.start);
        self.start = self.at;
        self.capacity = self.capacity.wrapping_sub(filled);
        from..from.saturating_add(filled)
    }

    /// The bytes that were sealed and are still in this buffer.
    pub(super) fn front(&self) -> &[u8] {
        self.bytes.get(..self.start).unwrap_or_default()
    }

    /// Takes the front as one view; the buffer then begins after it.
    pub(super) fn take_front(&mut self) -> Bytes {
        let front = self.bytes.split_to(self.start.min(self.bytes.len())).freeze();
        self.at = self.filled();
        self.start = 0;
        front
    }

    /// Takes the filled bytes as a view; there must be no front. If they fill a whole
    /// buffer, the view owns its memory, which the driver may return later.
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

/// Copies a slice to one of the same length. Up to 32 bytes, two overlapping or
/// adjacent moves cost less than a call of `memcpy`.
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

/// Copies the first `N` bytes and the last `N`: all bytes, if there are `N` to
/// `2N`.
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

/// Memory to reuse, so that a stream whose sink keeps up allocates only two or
/// three buffers.
///
/// A buffer that was put whole can come back from the driver as it is. A buffer that
/// was used up in pieces is still on its way to the sink when the next one is needed;
/// by then the buffer before it has usually been written, and no view of its memory
/// remains.
#[derive(Debug, Default)]
pub(super) struct RetiredBuffers {
    whole: BytesMut,
    newer: BytesMut,
    older: BytesMut,
}

impl RetiredBuffers {
    /// Keeps the memory of a used-up buffer.
    pub(super) fn keep(&mut self, buffer: Buffer) {
        self.older = mem::replace(&mut self.newer, buffer.bytes);
    }

    /// Keeps the memory of a returned put that was one extent.
    pub(super) fn keep_whole<R: Rules>(&mut self, extent: Bytes, size: usize) {
        if R::reuses(extent.len(), size)
            && let Ok(whole) = extent.try_into_mut()
        {
            self.whole = whole;
        }
    }

    /// Returns memory for a whole buffer.
    pub(super) fn memory<R: Rules>(&mut self, size: usize) -> BytesMut {
        let whole = mem::take(&mut self.whole);
        if R::reuses(whole.len(), size) {
            return whole;
        }
        let mut bytes = mem::take(&mut self.older);
        bytes.clear();
        // Reclaims the memory only if no other view of it exists.
        if bytes.try_reclaim(size) {
            bytes.resize(size, 0);
            bytes
        } else {
            BytesMut::zeroed(size)
        }
    }
}
