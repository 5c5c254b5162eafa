//! The bytes that wait inside the stream: `L` and `Z`.

use super::buffer::Buffer;
use super::extent::Extent;
use super::queue::Outputs;
use super::rules::{End, Rules};
use alloc::vec::Vec;
use bytes::Bytes;
use core::{mem, ops::Range};

/// `L`, the waiting extents, and `Z`, the number of their bytes.
///
/// 1. `bytes` is the sum of the lengths in `extents`.
/// 2. No extent is empty, so `extents` is empty exactly when `bytes` is 0.
/// 3. Between operations `bytes < S`.
/// 4. The sealed extents in `extents` lie in the front of the current buffer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    extents: Vec<Extent>,
    bytes: usize,
}

impl Pending {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// Appends a range that was just sealed.
    #[inline]
    pub(super) fn join_sealed<R: Rules>(&mut self, range: Range<usize>) {
        self.bytes = R::pending_after_seal(self.bytes, range.len());
        match R::sealed_end() {
            End::Back => self.extents.push(Extent::Sealed(range)),
            End::Front => self.extents.insert(0, Extent::Sealed(range)),
        }
    }

    /// Appends an extent that counts as `len` bytes.
    ///
    /// The caller has made sure that the sum cannot overflow; the same applies to
    /// the other methods.
    #[inline]
    pub(super) fn join(&mut self, extent: Bytes, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
        self.extents.push(Extent::Own(extent));
    }

    /// Appends the extents of a list, `len` bytes together.
    pub(super) fn join_list(&mut self, list: &mut Vec<Extent>, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
        self.extents.append(list);
    }

    /// Adds `len` to `Z` without an extent, for an overflow that handed over nothing.
    /// Only a seeded bug calls this with `len > 0`.
    pub(super) fn count(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
    }

    pub(super) fn clear(&mut self) {
        *self = Pending::default();
    }

    /// Replaces each sealed extent by a view of `front`, the front that was taken.
    pub(super) fn detach(&mut self, front: &Bytes) {
        for extent in &mut self.extents {
            if let Extent::Sealed(range) = extent {
                *extent = Extent::Own(Extent::Sealed(range.clone()).into_bytes(front));
            }
        }
    }

    /// Puts everything as one put; puts nothing if nothing waits.
    pub(super) fn put_all<R: Rules>(&mut self, buffer: &mut Buffer, outputs: &mut Outputs) {
        let len = self.extents.iter().fold(0_usize, |sum, extent| sum.saturating_add(extent.len()));
        self.bytes = R::pending_after_put(self.bytes, len);
        let front = if buffer.front().is_empty() { Bytes::new() } else { buffer.take_front() };
        outputs.put_list(&mut self.extents, front, len);
    }

    /// Makes puts of exactly `size` bytes while that many are due; two puts share
    /// an extent that lies across a cut. The rest stays.
    pub(super) fn put_pieces<R: Rules>(
        &mut self,
        size: usize,
        buffer: &mut Buffer,
        outputs: &mut Outputs,
    ) {
        let mut due = R::is_due(self.bytes, size);
        let mut from = mem::take(&mut self.extents);
        let mut piece = outputs.list();
        let mut room = size;
        let front = if buffer.front().is_empty() { Bytes::new() } else { buffer.take_front() };
        for mut extent in from.drain(..) {
            while due && extent.len() >= room {
                piece.push(extent.split_to(room));
                let sealed = piece.iter().any(Extent::is_sealed);
                let front = if sealed { front.clone() } else { Bytes::new() };
                outputs.put_list(&mut piece, front, size);
                self.bytes = R::pending_after_put(self.bytes, size);
                due = R::is_due(self.bytes, size);
                room = size;
            }
            if extent.len() > 0 {
                room = room.saturating_sub(extent.len());
                piece.push(extent);
            }
        }
        self.extents = piece;
        self.detach(&front);
        outputs.keep(from);
    }
}
