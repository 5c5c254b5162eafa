//! What a reader may hold at once, shared out between reads under way.
//!
//! ```text
//! the memory limit = 3/8 reads under way + 5/8 the next one, which may be
//!     1/4 a record as stored + 1/8 decoded ahead + 1/4 a record decoded
//! ```
//!
//! A read weighs what it may come to, so that however many threads there are,
//! and whatever the records expand to, the limit holds. Without a limit (the
//! default) nothing here says no.

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

    /// The most bytes of a read of several records, where it could do with
    /// `most`.
    pub(super) fn read_of(&self, most: u64) -> u64 {
        most.min(self.limits.memory / 8)
    }

    /// Bytes that one read may decode to before they are wanted.
    pub(super) fn decoded_ahead(&self) -> u64 {
        DECODED_AHEAD.min(self.limits.memory / 32)
    }

    /// Bytes of buffers kept to be filled again, of each kind.
    pub(super) fn idle(&self) -> u64 {
        MOST_IDLE.min(self.limits.memory / 16)
    }

    /// The most that a read may come to: as stored, decoded ahead, and the
    /// record that passed that.
    pub(crate) fn weight(&self, read: &PlannedRead) -> u64 {
        let stored = read.range.end - read.range.start;
        // A verification holds so much, to hash it together.
        let ahead = DECODED_AHEAD.min(self.limits.memory / 8);
        stored.saturating_add(ahead).saturating_add(self.limits.max_decoded())
    }

    /// Counts what reads under way may come to.
    pub(super) fn allowance(&self) -> Allowance {
        Allowance { budget: *self, under_way: VecDeque::new(), weight: 0 }
    }
}

/// The reads under way: submitted, and not yet done with.
#[derive(Debug)]
pub(super) struct Allowance {
    budget: Budget,
    under_way: VecDeque<u64>,
    weight: u64,
}

impl Allowance {
    /// Whether another read may begin; one always may.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.is_empty() || self.weight < self.budget.limits.memory / 8 * 3
    }

    /// A read begins.
    pub(super) fn begin(&mut self, read: &PlannedRead) {
        let weight = self.budget.weight(read);
        self.under_way.push_back(weight);
        self.weight = self.weight.saturating_add(weight);
    }

    /// The oldest read, if there is one, is done with: what it came to was dropped.
    pub(super) fn end(&mut self) {
        let weight = self.under_way.pop_front().unwrap_or_default();
        self.weight = self.weight.saturating_sub(weight);
    }
}
