//! The state of the stepper: plain data, and what is derived from it.

use ratatui::layout::Size;
use sealpack_core::check::{Case, Frame as Step, Invariant, Replay, Variant};

use super::hunt::{FailingCase, HuntResult};
use super::scenario::SCENARIOS;
use super::setup::Setup;
use crate::terminal::list::Cursor;
use crate::terminal::palette::Palette;
use crate::terminal::panel::News;
use crate::terminal::progress::Progress;
use crate::terminal::prompt::Dialog;

/// The view that the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepperMode {
    /// The case, step by step.
    Step,
    /// The list of scenarios.
    Scenarios,
    /// The list of seeded bugs.
    Mutants,
    /// The list of failures.
    Failures,
}

/// The purpose of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepperQuestion {
    EditText,
    Search,
    Export,
}

/// The origin of the case on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CaseOrigin {
    /// The scenario with this number, unedited.
    Scenario(usize),
    /// A failure that was found, of this invariant.
    Failure(Invariant),
    /// A case of the user's own.
    Own,
}

/// A hunt for failures, in progress or ended.
#[derive(Clone, Debug, Default)]
pub(super) struct HuntState {
    /// The number of the hunt.
    pub(super) id: u64,
    pub(super) found: Vec<FailingCase>,
    pub(super) progress: Option<Progress>,
    pub(super) result: Option<HuntResult>,
    /// Whether the hunt was for one mutant only.
    pub(super) single_mutant: bool,
    pub(super) buffer_size: usize,
}

/// The stepper's state.
pub struct Stepper {
    pub(super) palette: Palette,
    pub(super) size: Size,
    pub(super) mode: StepperMode,
    pub(super) setup: Setup,
    pub(super) origin: CaseOrigin,
    /// The setups that redo returns to.
    pub(super) undone: Vec<Setup>,
    /// The setups that undo returns to.
    pub(super) done: Vec<Setup>,
    /// The step that the cursor is on.
    pub(super) at: usize,
    /// Changes with every change of the setup.
    pub(super) version: u64,
    pub(super) replayed: Option<Box<ReplayedCase>>,
    /// The version of the state for which a replay was last requested.
    pub(super) requested_version: Option<u64>,
    pub(super) playing: bool,
    pub(super) list: Cursor,
    pub(super) hunted: HuntState,
    pub(super) shrinking: bool,
    pub(super) dialog: Dialog<StepperQuestion>,
    pub(super) news: Option<News>,
    pub(super) help: Option<u16>,
    pub(super) needle: Option<String>,
    /// Whether the user has quit.
    pub(super) has_ended: bool,
}

/// A case that was run.
#[derive(Debug)]
pub struct ReplayedCase {
    /// The version of the stepper's state that requested the replay.
    pub version: u64,
    /// The steps of the case.
    pub replay: Replay,
    /// The steps on the stream that ships, if the case ran on another one.
    pub twin: Option<Replay>,
}

/// The message on the first screen.
const WELCOME: &str = "→ steps · p to the next put · o scenarios · m seeded bugs · ? all keys";

impl Stepper {
    /// Creates the stepper of the first scenario.
    #[must_use]
    pub fn welcome(palette: Palette) -> Self {
        let setup = SCENARIOS.first().map(super::scenario::Scenario::setup);
        let setup = setup.unwrap_or_else(|| Setup {
            buffer_size: sealpack_core::stream::BufferSize::SMALLEST,
            case: Case { trim: false, events: Vec::new() },
            variant: Variant::Strict,
            trace: None,
        });
        Self { origin: CaseOrigin::Scenario(0), ..Self::new(setup, palette) }
    }

    /// Creates the stepper of a case.
    #[must_use]
    pub fn new(setup: Setup, palette: Palette) -> Self {
        Self {
            palette,
            size: Size::ZERO,
            mode: StepperMode::Step,
            setup,
            origin: CaseOrigin::Own,
            undone: Vec::new(),
            done: Vec::new(),
            at: 0,
            version: 0,
            replayed: None,
            requested_version: None,
            playing: false,
            list: Cursor::default(),
            hunted: HuntState::default(),
            shrinking: false,
            dialog: Dialog::default(),
            news: Some(News::Info(WELCOME.into())),
            help: None,
            needle: None,
            has_ended: false,
        }
    }

    /// Returns the size of the screen.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the view that the screen shows.
    #[must_use]
    pub fn mode(&self) -> StepperMode {
        self.mode
    }

    /// Returns the steps of the case, once its current version was run.
    pub(super) fn replay(&self) -> Option<&Replay> {
        self.replayed().map(|replayed| &replayed.replay)
    }

    /// Returns the steps on the stream that ships, if the case ran on another one.
    pub(super) fn twin(&self) -> Option<&Replay> {
        self.replayed()?.twin.as_ref()
    }

    fn replayed(&self) -> Option<&ReplayedCase> {
        self.replayed.as_deref().filter(|replayed| replayed.version == self.version)
    }

    pub(super) fn steps(&self) -> &[Step] {
        self.replay().map_or(&[], |replay| &replay.frames)
    }

    /// Returns the step that the cursor is on.
    pub(super) fn step(&self) -> Option<&Step> {
        self.steps().get(self.at)
    }

    /// Returns the first step at which the stream differs from the one that ships.
    pub(super) fn first_difference(&self) -> Option<usize> {
        if self.setup.trace.is_some() {
            return self.replay()?.first_departure().map(|step| step.index);
        }
        let twin = self.twin()?;
        let differs = |(ours, right): (&Step, &Step)| {
            ours.outputs != right.outputs || ours.after != right.after
        };
        self.steps().iter().zip(&twin.frames).position(differs)
    }

    /// Returns the invariant that the failure on the screen breaks: the one that was
    /// searched for, or else the first that is broken.
    pub(super) fn broken(&self) -> Option<Invariant> {
        let broken = self.replay()?.broken;
        match &self.origin {
            CaseOrigin::Failure(invariant) if broken.contains(*invariant) => Some(*invariant),
            _ => broken.iter().next(),
        }
    }

    pub(super) fn inform(&mut self, news: impl Into<String>) {
        self.news = Some(News::Info(news.into()));
    }

    pub(super) fn fail(&mut self, news: impl Into<String>) {
        self.news = Some(News::Failed(news.into()));
    }
}
