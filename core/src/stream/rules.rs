//! The decisions of the machine, one small function each.
//!
//! The default bodies of [`Rules`] *are* the specification: the machine in
//! `machine.rs` moves bytes, and calls these functions whenever there is a choice. A
//! seeded bug (`check::mutant`) is therefore an `impl` that overrides one function,
//! and the type that ships, `Stream<SpecifiedRules>`, has no switch for it: the
//! functions are static, inlined, and gone after compilation.
//!
//! The letters in the comments: `S` is the buffer size; `C` the capacity left in
//! the current buffer; `E` its filled end; `L` the list of waiting extents; `Z` the
//! number of their bytes.

/// Which end of `L` a sealed prefix joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After everything that waits: the order in which it was written.
    Back,
    /// Before everything that waits. Only a seeded bug returns this.
    Front,
}

/// One function per decision of the output stream; the default bodies are the
/// specification.
///
/// All lengths are in bytes. Only [`SpecifiedRules`] and [`ReferenceFlush`] are meant
/// for use; other implementations are seeded bugs.
pub trait Rules: 'static {
    /// Whether a buffered write fits the buffer (the fast path): the write would
    /// end at `end`, and the buffer reaches from `start` to `limit`.
    #[inline]
    fn fits(end: usize, limit: usize, _start: usize, _size: usize) -> bool {
        end <= limit
    }

    /// Whether a buffered write is so large that it goes around the buffer.
    #[inline]
    fn is_large(n: usize, filled: usize, size: usize) -> bool {
        filled == 0 && n >= size
    }

    /// Whether a large write may be put immediately: only if nothing waits before it.
    #[inline]
    fn goes_direct(pending_is_empty: bool) -> bool {
        pending_is_empty
    }

    /// Whether the tail of a split run fits the rest of the buffer.
    #[inline]
    fn tail_fits(tail: usize, capacity: usize) -> bool {
        tail <= capacity
    }

    /// Whether an overflowing buffer must wait in `L` together with the overflow:
    /// because other bytes wait before it, or because it is a remnant and so too short
    /// for a put. Otherwise it is a full put by itself.
    #[inline]
    fn overflow_waits(pending_is_empty: bool, capacity: usize, size: usize) -> bool {
        !pending_is_empty || capacity < size
    }

    /// How many bytes of the overflow's run join `L`: those `written` to it, not all
    /// that were `allocated`.
    #[inline]
    fn handed_over(written: usize, _allocated: usize) -> usize {
        written
    }

    /// Offset of the first sealed byte in the buffer's memory: the `start` of the
    /// buffer, which every seal moves past the bytes it took.
    #[inline]
    fn sealed_from(start: usize) -> usize {
        start
    }

    /// Which end of `L` the sealed bytes join.
    #[inline]
    fn sealed_end() -> End {
        End::Back
    }

    /// Whether a buffer with this remaining capacity no longer counts as a buffer.
    #[inline]
    fn is_gone(capacity: usize) -> bool {
        capacity == 0
    }

    /// `Z` after `sealed` bytes joined `L`.
    #[inline]
    fn pending_after_seal(pending: usize, sealed: usize) -> usize {
        pending.saturating_add(sealed)
    }

    /// `Z` after `put` bytes left `L`.
    #[inline]
    fn pending_after_put(pending: usize, put: usize) -> usize {
        pending.saturating_sub(put)
    }

    /// Whether enough bytes wait to be put.
    #[inline]
    fn is_due(pending: usize, size: usize) -> bool {
        pending >= size
    }

    /// Whether a zero-copy write of `extents` extents seals the buffer before they
    /// join `L`: regardless of their number.
    #[inline]
    fn seals_first(filled: usize, _extents: usize) -> bool {
        filled > 0
    }

    /// At which end of its list each further extent of one zero-copy write is added.
    #[inline]
    fn list_end() -> End {
        End::Back
    }

    /// How many bytes a list of extents adds to `Z`: the `sum` of all lengths, not
    /// the length of its `last` extent.
    #[inline]
    fn list_counts(sum: usize, _last: usize) -> usize {
        sum
    }

    /// Whether a zero-copy write of several extents, all of them empty, is refused
    /// while outputs wait and after the stream has ended.
    #[inline]
    fn refuses_empty_lists() -> bool {
        true
    }

    /// Whether an extent of a zero-copy write joins `L`: an empty one does not.
    #[inline]
    fn joins(extent: usize) -> bool {
        extent > 0
    }

    /// Whether an extent of a zero-copy write is copied: never.
    #[inline]
    fn copies(_extent: usize, _size: usize) -> bool {
        false
    }

    /// Whether a flush puts the buffer alone: if nothing waits before it.
    #[inline]
    fn flushes_buffer(pending_is_empty: bool, filled: usize) -> bool {
        pending_is_empty && filled > 0
    }

    /// Whether a flush of `L` also puts the buffer.
    #[inline]
    fn flush_seals(filled: usize) -> bool {
        filled > 0
    }

    /// How many of `pending` bytes the first put of a flush takes. This is the
    /// *strict* flush rule: with trim no put is above `S`, including the last ones
    /// before a flush.
    #[inline]
    fn flush_piece(pending: usize, size: usize, trim: bool) -> usize {
        if trim { pending.min(size) } else { pending }
    }

    /// Whether memory of `len` bytes that the driver returned becomes a buffer again:
    /// only if it was a whole buffer.
    #[inline]
    fn reuses(len: usize, size: usize) -> bool {
        len == size
    }

    /// Whether a failed put or flush ends the stream: always, since later bytes
    /// would come after a gap.
    #[inline]
    fn fail_stops(_taken: usize) -> bool {
        true
    }

    /// Whether the sink's close is still due after a failure.
    #[inline]
    fn closes_after_failure() -> bool {
        true
    }
}

/// The rules as specified, including the strict flush: [`Stream`] uses them by
/// default.
///
/// [`Stream`]: super::Stream
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpecifiedRules;

impl Rules for SpecifiedRules {}

/// The flush rule of the reference (Seastar's `output_stream`): a flush puts all
/// waiting bytes at once, up to `2S - 1` bytes even with trim.
///
/// Every other rule is the specification's. This type exists to compare with the
/// reference, byte for byte; a caller that uploads parts of equal size needs
/// [`SpecifiedRules`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferenceFlush;

impl Rules for ReferenceFlush {
    #[inline]
    fn flush_piece(pending: usize, _size: usize, _trim: bool) -> usize {
        pending
    }
}
