//! Searches for failures of seeded bugs, lists them and shrinks them.

use sealpack_core::check::{Case, MUTANTS};
use sealpack_core::stream::BufferSize;

use super::effect::StepperEffect;
use super::hunt::{FailingCase, MAX_BUFFER_SIZE};
use super::model::{CaseOrigin, HuntState, Stepper, StepperMode};
use super::setup::Setup;
use crate::terminal::progress::Progress;

impl Stepper {
    /// Searches for failures of the mutant in this row, or of all mutants if the row is
    /// the one after the last.
    pub(super) fn hunt(&mut self, row: usize) -> StepperEffect {
        let one = MUTANTS.get(row);
        let mutants = one.map_or_else(|| MUTANTS.iter().collect(), |mutant| vec![mutant]);
        let largest = MAX_BUFFER_SIZE;
        let fitting = Some(self.setup.buffer_size).filter(|size| size.get() <= largest);
        let five = BufferSize::new(5);
        let buffer_size = fitting.or(five).unwrap_or(self.setup.buffer_size);
        let id = self.hunted.id + 1;
        self.hunted = HuntState {
            id,
            progress: Some(Progress { done: 0, total: 1, left: None }),
            single_mutant: one.is_some(),
            buffer_size: buffer_size.get(),
            ..HuntState::default()
        };
        self.show_list(StepperMode::Failures, 0);
        StepperEffect::Hunt { id, mutants, buffer_size }
    }

    pub(super) fn shrink(&mut self) -> Option<StepperEffect> {
        let Some(invariant) = self.broken() else {
            self.inform("this case breaks nothing; m searches for failures of a seeded bug");
            return None;
        };
        if self.setup.trace.is_some() {
            self.inform("a trace is a recording: it cannot be run again, so it cannot be shrunk");
            return None;
        }
        self.shrinking = true;
        self.origin = CaseOrigin::Failure(invariant);
        self.inform("shrinking …");
        Some(StepperEffect::Shrink { setup: Box::new(self.setup.clone()), invariant })
    }

    pub(super) fn take_found(&mut self, found: Vec<FailingCase>) {
        if found.is_empty() {
            return;
        }
        let is_in_view = self.mode() == StepperMode::Failures;
        let list = &mut self.hunted.found;
        let selected = usize::try_from(self.list.at).ok().and_then(|at| list.get(at)).cloned();
        list.extend(found);
        list.sort_by_cached_key(FailingCase::order);
        list.dedup_by_key(|failure| (failure.order(), failure.mutant.name));
        if is_in_view {
            self.list.set_len(list.len() as u64);
            // The cursor stays on its failure, unless the user has not moved it.
            let same = |failure: &FailingCase, other: &FailingCase| {
                failure.order() == other.order() && failure.mutant.name == other.mutant.name
            };
            if let Some(selected) = selected.filter(|_| self.list.at > 0) {
                let row = list.iter().position(|failure| same(failure, &selected));
                self.list.go(row.unwrap_or(0) as u64);
            }
        }
    }

    pub(super) fn take_shrunk(&mut self, case: Case) {
        if !std::mem::take(&mut self.shrinking) {
            return;
        }
        if case == self.setup.case {
            return self.inform("this is the smallest case");
        }
        let before = self.setup.case.events.len();
        let news = format!("shrunk from {before} events to {}", case.events.len());
        let setup = Setup { case, ..self.setup.clone() };
        self.show_case(setup, self.origin.clone(), 0);
        self.inform(news);
    }
}
