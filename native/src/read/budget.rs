//! Divides the memory that a reader may use among the reads in flight.
//!
//! ```text
//! the memory limit = 3/8 for reads in flight + 5/8 for the next one, which may take
//!     1/4 for a stored record + 1/8 decoded ahead + 1/4 for a decoded record
//! ```
//!
//! The weight of a read is the maximum number of bytes that it may take, so the limit holds for any
//! number of threads and any compression ratio. Without a limit (the default) no read
//! waits.

use std::collections::VecDeque;

#[cfg(feature = "remote")]
use sealpack_core::read::PlannedRead;
use sealpack_core::read::{Merge, ReadLimits};

/// Decoded bytes that one read may produce before they are taken.
const DECODED_AHEAD: u64 = 32 << 20;

/// The maximum number of bytes of idle buffers that a scan keeps.
const MAX_IDLE: u64 = 16 << 20;

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
        Self { merge: Merge { max_read: budget.max_read(merge.max_read), ..merge }, ..budget }
    }

    /// Returns the maximum number of bytes that a read of several records may fetch:
    /// `preferred`, or less under a memory limit.
    pub(super) fn max_read(&self, preferred: u64) -> u64 {
        preferred.min(self.limits.memory / 8)
    }

    /// Returns the decoded bytes that one read may produce before they are taken.
    pub(super) fn decoded_ahead(&self) -> u64 {
        DECODED_AHEAD.min(self.limits.memory / 32)
    }

    /// Returns the maximum number of bytes of idle buffers, of each kind, that are kept for reuse.
    pub(crate) fn max_idle(&self) -> u64 {
        MAX_IDLE.min(self.limits.memory / 16)
    }

    /// Returns the maximum number of bytes that all reads in flight may take together.
    pub(super) fn in_flight(&self) -> u64 {
        self.limits.memory / 8 * 3
    }

    /// Returns the maximum number of bytes that a read may take: the stored records, those decoded
    /// ahead, and the record that exceeded that allowance.
    #[cfg(feature = "remote")]
    pub(crate) fn weight(&self, read: &PlannedRead) -> u64 {
        self.weight_of(read.range.end - read.range.start)
    }

    /// As `weight`, of a read of this many stored bytes.
    fn weight_of(&self, stored: u64) -> u64 {
        // A verification keeps this many bytes to hash them in one batch.
        let ahead = DECODED_AHEAD.min(self.limits.memory / 8);
        stored.saturating_add(ahead).saturating_add(self.limits.max_decoded())
    }

    /// Returns whether there is a memory limit.
    pub(super) fn is_limited(&self) -> bool {
        self.limits.memory < u64::MAX
    }

    /// Returns how many reads of this many stored bytes may be in flight; at least one.
    pub(super) fn reads_in_flight(&self, stored: u64) -> usize {
        let reads = self.in_flight() / self.weight_of(stored).max(1);
        usize::try_from(reads).unwrap_or(usize::MAX).max(1)
    }

    /// Returns a counter of the weights of reads in flight.
    pub(super) fn allowance(&self) -> Allowance {
        Allowance { budget: *self, in_flight: VecDeque::new(), weight: 0 }
    }
}

/// Counts the weights of the reads in flight: submitted, and their results not yet
/// dropped.
#[derive(Debug)]
pub(super) struct Allowance {
    budget: Budget,
    in_flight: VecDeque<u64>,
    weight: u64,
}

impl Allowance {
    /// Returns whether another read may begin. If none is in flight, one always may.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.is_empty() || self.weight < self.budget.in_flight()
    }

    /// Counts a read of this many stored bytes that begins.
    pub(super) fn begin(&mut self, stored: u64) {
        let weight = self.budget.weight_of(stored);
        self.in_flight.push_back(weight);
        self.weight = self.weight.saturating_add(weight);
    }

    /// Removes the oldest read, if there is one: its result was dropped.
    pub(super) fn end(&mut self) {
        let weight = self.in_flight.pop_front().unwrap_or_default();
        self.weight = self.weight.saturating_sub(weight);
    }
}
