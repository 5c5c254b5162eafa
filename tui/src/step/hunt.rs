//! Searches for failures of mutants, in the smallest worlds first.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sealpack_core::check::{
    Case, Exploration, Invariant, InvariantSet, Mutant, Order, Space, World,
};
use sealpack_core::stream::{BufferSize, Shape};

/// A case in which a mutant breaks an invariant.
#[derive(Clone, Debug)]
pub struct FailingCase {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// The invariant that the case breaks.
    pub invariant: Invariant,
    /// The case.
    pub case: Case,
}

impl FailingCase {
    /// Returns the sort key of the list of failures: by invariant, then by length.
    #[must_use]
    pub fn order(&self) -> (u8, usize, usize, bool, String) {
        let (events, bytes, _, text) = self.case.weight();
        (self.invariant.number(), events, bytes, self.case.trim, text)
    }
}

/// The maximum number of failures that are kept per mutant, invariant and length.
const MAX_KEPT: u32 = 4;
/// After this many failing cases the hunt for a mutant ends: one that breaks every case
/// would only yield more of the same.
const MAX_FAILING: u64 = 100_000;
/// The maximum length of the cases when the hunt is for one mutant, in events.
const MAX_LENGTH: usize = 4;
/// The maximum length of the cases when the hunt is for all mutants.
const MAX_LENGTH_FOR_ALL: usize = 3;
/// The largest buffer with which a hunt ends quickly enough for a user who waits.
pub const MAX_BUFFER_SIZE: usize = 8;

/// A hunt for failures.
pub struct Hunt<'a> {
    /// The mutants.
    pub mutants: &'a [&'static Mutant],
    /// The streams' buffer size.
    pub buffer_size: BufferSize,
}

/// The result of a hunt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HuntResult {
    /// Cases that were run.
    pub cases: u64,
    /// The cases that broke an invariant.
    pub failing: u64,
    /// Whether a mutant failed in so many cases that the rest of them was not run.
    pub ended_early: bool,
}

impl Hunt<'_> {
    fn max_length(&self) -> usize {
        if self.mutants.len() > 1 { MAX_LENGTH_FOR_ALL } else { MAX_LENGTH }
    }

    fn space(&self, max_events: usize) -> Space {
        let max_write = self.buffer_size.get().saturating_mul(3).min(15);
        Space { buffer_size: self.buffer_size, max_events, max_write, order: Order::Events }
    }

    /// Returns the number of cases.
    #[must_use]
    pub fn total(&self) -> u64 {
        let cases = self.space(self.max_length()).cases().unwrap_or(u64::MAX);
        cases.saturating_mul(self.mutants.len() as u64)
    }

    /// Runs the hunt, the short cases of every mutant first. `found` receives each
    /// failure that is worth listing. `progress` receives the number of cases run and may
    /// end the hunt.
    pub fn run(
        &self,
        mut found: impl FnMut(FailingCase),
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> HuntResult {
        for mutant in self.mutants {
            self.explore(mutant, &mut found);
        }
        let mut result = HuntResult::default();
        let mut failing = vec![0; self.mutants.len()];
        // The cases that are not run count as done.
        let mut left_out = 0;
        for length in 1..=self.max_length() {
            for (mutant, failing) in self.mutants.iter().zip(&mut failing) {
                let before = result.cases;
                let mut counted = |cases: u64| progress(cases.saturating_add(left_out));
                let flow =
                    self.enumerate(mutant, length, &mut result, failing, &mut found, &mut counted);
                if flow.is_break() {
                    return result;
                }
                left_out += self.cases_of(length).saturating_sub(result.cases - before);
            }
        }
        result.ended_early = failing.iter().any(|failing| *failing >= MAX_FAILING);
        result
    }

    /// Returns the number of cases of exactly this length.
    fn cases_of(&self, length: usize) -> u64 {
        let up_to = |length| self.space(length).cases().unwrap_or(u64::MAX);
        up_to(length).saturating_sub(up_to(length.saturating_sub(1)))
    }

    /// Searches the reachable states. This search includes faults, empty writes and lists
    /// of extents, and is fast.
    fn explore(&self, mutant: &'static Mutant, found: &mut impl FnMut(FailingCase)) {
        for trim in [false, true] {
            let shape = Shape { buffer_size: self.buffer_size, trim };
            let open = |shape: Shape| mutant.open(shape);
            let proof = Exploration::new(shape, &open).with_faults().run();
            for invariant in proof.broken().iter() {
                if let Some(case) = proof.smallest(invariant) {
                    found(FailingCase { mutant, invariant, case: case.clone() });
                }
            }
        }
    }

    fn enumerate(
        &self,
        mutant: &'static Mutant,
        length: usize,
        result: &mut HuntResult,
        failing: &mut u64,
        found: &mut impl FnMut(FailingCase),
        progress: &mut impl FnMut(u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if *failing >= MAX_FAILING {
            return ControlFlow::Continue(());
        }
        let open = |shape: Shape| mutant.open(shape);
        let mut world = World::new(&open);
        let mut kept: BTreeMap<Invariant, u32> = BTreeMap::new();
        let mut flow = ControlFlow::Continue(());
        self.space(length).for_each(|trim, events| {
            if events.len() < length {
                return ControlFlow::Continue(());
            }
            let shape = Shape { buffer_size: self.buffer_size, trim };
            let broken: InvariantSet = world.run(shape, events.iter().copied());
            result.cases += 1;
            result.failing += u64::from(!broken.is_empty());
            *failing += u64::from(!broken.is_empty());
            for invariant in broken.iter() {
                let count = kept.entry(invariant).or_default();
                if *count < MAX_KEPT {
                    *count += 1;
                    let events = events.iter().map(|event| (*event).clone()).collect();
                    found(FailingCase { mutant, invariant, case: Case { trim, events } });
                }
            }
            if result.cases.is_multiple_of(1 << 10) {
                flow = progress(result.cases);
            }
            if *failing >= MAX_FAILING { ControlFlow::Break(()) } else { flow }
        });
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpack_core::check::MUTANTS;

    #[test]
    fn every_mutant_is_caught_by_short_cases() {
        let mutants: Vec<&'static Mutant> = MUTANTS.iter().collect();
        let hunt = Hunt { mutants: &mutants, buffer_size: BufferSize::new(5).unwrap() };
        let mut caught: Vec<&str> = Vec::new();
        let result =
            hunt.run(|failure| caught.push(failure.mutant.name), |_| ControlFlow::Continue(()));
        assert_eq!((result.cases, result.ended_early), (hunt.total(), false));
        for mutant in MUTANTS {
            assert!(caught.contains(&mutant.name), "{}", mutant.name);
        }
    }

    #[test]
    fn a_hunt_for_a_bug_that_breaks_every_case_ends_early() {
        let mutants = [Mutant::find("empty-lists-accepted").unwrap()];
        let hunt = Hunt { mutants: &mutants, buffer_size: BufferSize::new(5).unwrap() };
        let mut last = 0;
        let result = hunt.run(
            |_| {},
            |cases| {
                last = cases;
                ControlFlow::Continue(())
            },
        );
        assert_eq!((result.cases, result.failing), (MAX_FAILING, MAX_FAILING));
        assert!(result.ended_early && last <= hunt.total());
    }

    #[test]
    fn a_hunt_ends_on_request() {
        let mutants = [&MUTANTS[0]];
        let hunt = Hunt { mutants: &mutants, buffer_size: BufferSize::new(5).unwrap() };
        let result = hunt.run(|_| {}, |_| ControlFlow::Break(()));
        assert!(result.cases <= 1 << 10);
    }
}
