//! Everything that the stepper does outside of its state: running cases, searching for
//! failures, shrinking one, writing a report.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use sealpack_core::check::{
    Case, FlushRule, Invariant, Mutant, Variant, replay, replay_subject, report, report_replay,
    shrink, strict,
};
use sealpack_core::stream::{BufferSize, Shape};

use super::hunt::{FailingCase, Hunt, HuntResult};
use super::model::{ReplayedCase, Stepper};
use super::setup::Setup;
use crate::terminal::progress::{Progress, ReportLimiter};
use crate::terminal::work::{Slot, StopFlag};
use crate::terminal::{Outbox, Perform, export};

/// Something that the stepper wants done outside of its state.
#[derive(Clone, Debug)]
pub enum StepperEffect {
    /// Several effects.
    All(Vec<StepperEffect>),
    /// Run the case, step by step.
    Replay {
        /// The version of the stepper's state that requests the replay.
        version: u64,
        /// The case.
        setup: Box<Setup>,
    },
    /// Search for failures of these mutants.
    Hunt {
        /// The number of the hunt, so that answers of an earlier hunt are not taken for
        /// its own.
        id: u64,
        /// The mutants.
        mutants: Vec<&'static Mutant>,
        /// The buffer size of the streams.
        buffer_size: BufferSize,
    },
    /// Stop the hunt.
    StopHunting,
    /// Find the smallest case that breaks the same invariant.
    Shrink {
        /// The failing case.
        setup: Box<Setup>,
        /// The invariant that it breaks.
        invariant: Invariant,
    },
    /// Write the report about a failure to a new file.
    Export {
        /// The path as it was typed.
        typed: String,
        /// The path that the typed text means.
        path: PathBuf,
        /// The failing case.
        setup: Box<Setup>,
        /// The invariant that it breaks; a trace need not break any.
        invariant: Option<Invariant>,
    },
    /// Send text to the terminal's clipboard.
    Copy(String),
}

/// The result of an effect.
#[derive(Debug)]
pub enum StepperAnswer {
    /// The case was run.
    Replayed(Box<ReplayedCase>),
    /// The progress of the hunt with this number, and the failures caught since the last
    /// report.
    Hunting(u64, Progress, Vec<FailingCase>),
    /// The hunt with this number has ended; the failures are those caught since the last
    /// report.
    Hunted(u64, HuntResult, Vec<FailingCase>),
    /// The smallest case.
    Shrunk(Case),
    /// The report was written to the path that was typed, or not; the text is the message
    /// for the user.
    Exported(String, Result<String, String>),
    /// Text was sent to the clipboard.
    Copied,
    /// The effect could not be carried out.
    Failed(String),
}

/// Carries out the effects.
#[derive(Default)]
pub struct StepperPerformer {
    replaying: Slot,
    hunting: Slot,
    shrinking: Slot,
}

fn no_thread(error: io::Error) -> StepperAnswer {
    StepperAnswer::Failed(format!("no thread could be started: {error}"))
}

impl Perform<Stepper> for StepperPerformer {
    fn perform(&mut self, effect: StepperEffect, outbox: &Outbox<StepperAnswer>) {
        match effect {
            StepperEffect::All(effects) => {
                effects.into_iter().for_each(|effect| self.perform(effect, outbox));
            }
            StepperEffect::Replay { version, setup } => {
                self.replaying.start(outbox, no_thread, move |stop, out| {
                    let replayed = run(version, &setup);
                    if !stop.is_set() {
                        out.send(StepperAnswer::Replayed(Box::new(replayed)));
                    }
                });
            }
            StepperEffect::Hunt { id, mutants, buffer_size } => {
                self.hunting.start(outbox, no_thread, move |stop, out| {
                    hunt(id, &Hunt { mutants: &mutants, buffer_size }, stop, out);
                });
            }
            StepperEffect::StopHunting => self.hunting.stop(),
            StepperEffect::Shrink { setup, invariant } => {
                self.shrinking.start(outbox, no_thread, move |stop, out| {
                    let open = |shape: Shape| setup.variant.open(shape);
                    let smallest = shrink(&setup.case, invariant, setup.buffer_size, &open);
                    if !stop.is_set() {
                        out.send(StepperAnswer::Shrunk(smallest));
                    }
                });
            }
            StepperEffect::Export { typed, path, setup, invariant } => {
                Slot::default().start(outbox, no_thread, move |_, out| {
                    let page = page(&setup, invariant);
                    out.send(StepperAnswer::Exported(typed, export::save(&path, page.as_bytes())));
                });
            }
            StepperEffect::Copy(text) => outbox.send(match export::copy(&text) {
                Ok(()) => StepperAnswer::Copied,
                Err(error) => StepperAnswer::Failed(format!("nothing was copied: {error}")),
            }),
        }
    }
}

fn page(setup: &Setup, invariant: Option<Invariant>) -> String {
    match (&setup.trace, invariant) {
        (None, Some(broken)) => report(&setup.case, broken, setup.buffer_size, &setup.variant),
        (trace, _) => {
            let replayed = run(0, setup);
            let stream = trace.as_ref().map_or("stream", |trace| trace.stream.as_str());
            report_replay(&replayed.replay, stream)
        }
    }
}

fn run(version: u64, setup: &Setup) -> ReplayedCase {
    if let Some(trace) = &setup.trace {
        let twin = trace.specified();
        return ReplayedCase { version, replay: trace.replay.clone(), twin };
    }
    let steps = replay(&setup.case, setup.buffer_size, &setup.variant);
    let twin = match setup.variant {
        Variant::Strict => None,
        _ => {
            let shape = Shape { buffer_size: setup.buffer_size, trim: setup.case.trim };
            Some(replay_subject(&setup.case, shape, &strict, FlushRule::Strict))
        }
    };
    ReplayedCase { version, replay: steps, twin }
}

fn hunt(id: u64, hunt: &Hunt<'_>, stop: &StopFlag, out: &Outbox<StepperAnswer>) {
    let total = hunt.total();
    let mut limiter = ReportLimiter::start();
    let found = std::cell::RefCell::new(Vec::new());
    let result = hunt.run(
        |failure| found.borrow_mut().push(failure),
        |cases| {
            if stop.is_set() {
                return ControlFlow::Break(());
            }
            if let Some(progress) = limiter.progress_if_due(cases, total) {
                out.send(StepperAnswer::Hunting(id, progress, found.take()));
            }
            ControlFlow::Continue(())
        },
    );
    if !stop.is_set() {
        out.send(StepperAnswer::Hunted(id, result, found.take()));
    }
}
