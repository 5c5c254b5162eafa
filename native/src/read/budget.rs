//! Divides the memory that a reader may use among the reads in flight.
//!
//! ```text
//! the memory limit = 3/8 reads in flight + 5/8 the next one, which may be
//!     1/4 a record as stored + 1/8 decoded ahead + 1/4 a record decoded
//! ```
//!
//! The weight of a read is the most bytes that it may take, so the limit holds for
//! any number of threads, and however far the records expand. Without a limit (the
//! default) nothing is refused here.

use std::collections::VecDeque;

use sealpack_core::read::{Merge, PlannedRead, ReadLimits};

/// Bytes that one read may decode to before they are wanted.
const DECODED_AHEAD: u64 = 32 << 20;

/// Bytes of idle buffers that a scan keeps.
const MOST_IDLE: u64 = 16 << 20;

/// The shares of a reader's memory limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    limits: ReadLimits,
    /// Which records are read together.
    pub(crate) merge: Merge,
}

impl Budget {
    pub(crate) fn new(limits: ReadLimits, merge: Merge) -> Self {
        let budget = Self { limits, merge };
        Self { merge: Merge { max_read: budget.read_of(merge.max_read), ..merge }, ..budget }
    }

    /// Returns the most bytes of a read of several records, given that `most` would
    /// be useful.
    pub(super) fn read_of(&self, most: u64) -> u64 {
        most.min(self.limits.memory / 8)
    }

    /// Returns the bytes that one read may decode to before they are wanted.
    pub(super) fn decoded_ahead(&self) -> u64 {
        DECODED_AHEAD.min(self.limits.memory / 32)
    }

    /// Returns the bytes of idle buffers, of each kind, that are kept for reuse.
    pub(super) fn idle(&self) -> u64 {
        MOST_IDLE.min(self.limits.memory / 16)
    }

    /// Returns the bytes that all reads in flight may take.
    pub(super) fn in_flight(&self) -> u64 {
        self.limits.memory / 8 * 3
    }

    /// Returns the most bytes that a read may take: the records as stored, those
    /// decoded ahead, and the record that exceeded that allowance.
    pub(crate) fn weight(&self, read: &PlannedRead) -> u64 {
        let stored = read.range.end - read.range.start;
        // A verification keeps this many bytes, to hash them together.
        let ahead = DECODED_AHEAD.min(self.limits.memory / 8);
        stored.saturating_add(ahead).saturating_add(self.limits.max_decoded())
    }

    /// Returns a counter of the weights of reads in flight.
    pub(super) fn allowance(&self) -> Allowance {
        Allowance { budget: *self, in_flight: VecDeque::new(), weight: 0 }
    }
}

/// The reads in flight: submitted, and their results not yet dropped.
#[derive(Debug)]
pub(super) struct Allowance {
    budget: Budget,
    in_flight: VecDeque<u64>,
    weight: u64,
}

impl Allowance {
    /// Returns whether another read may begin; if none is in flight, one may.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.is_empty() || self.weight < self.budget.in_flight()
    }

    /// Counts a read that begins.
    pub(super) fn begin(&mut self, read: &PlannedRead) {
        let weight = self.budget.weight(read);
        self.in_flight.push_back(weight);
        self.weight = self.weight.saturating_add(weight);
    }

    /// Removes the oldest read, if there is one: its result was dropped.
    pub(super) fn end(&mut self) {
        let weight = self.in_flight.pop_front().unwrap_or_default();
        self.weight = self.weight.saturating_sub(weight);
    }
}
