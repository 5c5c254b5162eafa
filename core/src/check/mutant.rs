//! Seeded bugs: the stream with one decision gone wrong.
//!
//! Each overrides a function of [`Rules`] and leaves the machine as it is. They
//! test the checker: an invariant that no mutant breaks protects against nothing
//! known, and a mutant that breaks no invariant reveals a gap.

use super::driver::{reference, with_rules};
use super::subject::Subject;
use crate::stream::{End, Rules, Shape};
use alloc::boxed::Box;

/// A stream with one decision gone wrong.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name, as the command accepts and prints it.
    pub name: &'static str,
    /// The wrong decision, in words.
    pub wrong: &'static str,
    /// The function of [`Rules`] that it overrides.
    pub rule: &'static str,
    open: fn(Shape) -> Box<dyn Subject>,
}

impl Mutant {
    /// Finds the mutant with this name.
    pub fn find(name: &str) -> Option<&'static Mutant> {
        MUTANTS.iter().find(|mutant| mutant.name == name)
    }

    /// A fresh stream with this bug.
    pub fn open(&self, shape: Shape) -> Box<dyn Subject> {
        (self.open)(shape)
    }
}

/// Declares the mutants: for each a type, the functions that it overrides, and an entry
/// in [`MUTANTS`].
macro_rules! mutants {
    ($($type:ident, $name:literal, $rule:literal, $wrong:literal { $($body:tt)* })*) => {
        $(
            #[derive(Debug)]
            struct $type;
            impl Rules for $type { $($body)* }
        )*
        /// All mutants. The first three are bugs that the authors of the reference
        /// had.
        pub const MUTANTS: &[Mutant] = &[
            $(Mutant {
                name: $name,
                wrong: $wrong,
                rule: $rule,
                open: with_rules::<$type>,
            },)*
            Mutant {
                name: "flush-above-size",
                wrong: "with trim, a flush puts all of L at once (the flush of the reference)",
                rule: "flush_piece",
                open: reference,
            },
        ];
    };
}

mutants! {
    OverflowHandsOverAllocation, "overflow-hands-over-allocation", "handed_over",
    "an overflow hands over its whole allocation, not only the bytes written to it" {
        fn handed_over(_written: usize, allocated: usize) -> usize {
            allocated
        }
    }

    ExhaustedRemnantCounts, "exhausted-remnant-counts", "is_gone",
    "a remnant without capacity still counts as a buffer, and as a full one" {
        fn is_gone(_capacity: usize) -> bool {
            false
        }
        fn overflow_waits(pending_is_empty: bool, _capacity: usize, _size: usize) -> bool {
            !pending_is_empty
        }
    }

    SplitTrustsRemnant, "split-trusts-remnant", "tail_fits",
    "the tail of a split run goes into the remnant whether it fits or not" {
        fn tail_fits(_tail: usize, capacity: usize) -> bool {
            capacity > 0
        }
    }

    ExtentsOvertake, "extents-overtake", "seals_first",
    "zero-copy extents overtake the bytes in the buffer" {
        fn seals_first(_filled: usize, _extents: usize) -> bool {
            false
        }
    }

    ManyExtentsOvertake, "many-extents-overtake", "seals_first",
    "two or more extents of one zero-copy write overtake the bytes in the buffer" {
        fn seals_first(filled: usize, extents: usize) -> bool {
            filled > 0 && extents < 2
        }
    }

    ListReversed, "list-reversed", "list_end",
    "the extents of one zero-copy write join L in reverse order" {
        fn list_end() -> End {
            End::Front
        }
    }

    ListCountsLast, "list-counts-last", "list_counts",
    "only the last extent of a zero-copy write is counted in Z" {
        fn list_counts(_sum: usize, last: usize) -> usize {
            last
        }
    }

    SealedGoesFirst, "sealed-goes-first", "sealed_end",
    "sealed bytes go to the front of L" {
        fn sealed_end() -> End {
            End::Front
        }
    }

    OverflowForgetsRest, "overflow-forgets-rest", "handed_over",
    "an overflow counts the rest in Z, but does not append it to L" {
        fn handed_over(_written: usize, _allocated: usize) -> usize {
            0
        }
    }

    ShortRemnantPut, "short-remnant-put", "overflow_waits",
    "a remnant that overflows is put by itself, although it is short" {
        fn overflow_waits(pending_is_empty: bool, _capacity: usize, _size: usize) -> bool {
            !pending_is_empty
        }
    }

    StartNotMoved, "start-not-moved", "sealed_from",
    "the start of the buffer stays before the sealed bytes: the next seal takes them again" {
        // In a language that allows it, the stream would overwrite the buffer while
        // a view of it waits; here the bytes are safe, and the next view is wrong:
        // it begins at the same place.
        fn sealed_from(_start: usize) -> usize {
            0
        }
    }

    FastPathTrustsSize, "fast-path-trusts-size", "fits",
    "the fast path assumes that every buffer is whole" {
        fn fits(end: usize, limit: usize, start: usize, size: usize) -> bool {
            limit > start && end <= start.saturating_add(size)
        }
    }

    LargeIgnoresPending, "large-ignores-pending", "goes_direct",
    "a large write is put at once, whatever waits before it" {
        fn goes_direct(_pending_is_empty: bool) -> bool {
            true
        }
    }

    FlushPutsOnlyBuffer, "flush-puts-only-buffer", "flushes_buffer",
    "a flush puts only the buffer, and leaves L" {
        fn flushes_buffer(_pending_is_empty: bool, filled: usize) -> bool {
            filled > 0
        }
    }

    FlushPutsOnlyPending, "flush-puts-only-pending", "flush_seals",
    "a flush puts only L, and leaves the buffer" {
        fn flush_seals(_filled: usize) -> bool {
            false
        }
    }

    SealedNotCounted, "sealed-not-counted", "pending_after_seal",
    "sealed bytes join L without being counted in Z" {
        fn pending_after_seal(pending: usize, _sealed: usize) -> usize {
            pending
        }
    }

    SumNotReset, "sum-not-reset", "pending_after_put",
    "Z is not reduced by the bytes that were put" {
        fn pending_after_put(pending: usize, _put: usize) -> usize {
            pending
        }
    }

    ThresholdAbove, "threshold-above", "is_due",
    "a put is due above S waiting bytes, not at S" {
        fn is_due(pending: usize, size: usize) -> bool {
            pending > size
        }
    }

    EmptyExtentsJoin, "empty-extents-join", "joins",
    "an empty extent joins L like any other" {
        fn joins(_extent: usize) -> bool {
            true
        }
    }

    EmptyListsAccepted, "empty-lists-accepted", "refuses_empty_lists",
    "a list of empty extents is accepted while outputs wait, and after the end" {
        fn refuses_empty_lists() -> bool {
            false
        }
    }

    LongMemoryReused, "long-memory-reused", "reuses",
    "returned memory becomes a buffer even if it is longer than S" {
        fn reuses(len: usize, size: usize) -> bool {
            len >= size
        }
    }

    SmallExtentsCopied, "small-extents-copied", "copies",
    "extents smaller than the buffer are copied although they were handed over" {
        fn copies(extent: usize, size: usize) -> bool {
            extent < size
        }
    }

    CarriesOn, "carries-on", "fail_stops",
    "the stream carries on after a failed put (as the reference does)" {
        fn fail_stops(_taken: usize) -> bool {
            false
        }
    }

    PartCountsAsDone, "part-counts-as-done", "fail_stops",
    "a put that failed after some bytes counts as done" {
        fn fail_stops(taken: usize) -> bool {
            taken == 0
        }
    }

    FailureForgetsClose, "failure-forgets-close", "closes_after_failure",
    "after a failure the sink is not closed" {
        fn closes_after_failure() -> bool {
            false
        }
    }
}
