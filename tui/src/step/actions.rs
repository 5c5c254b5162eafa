//! Applies the actions of keys to the stepper's state.

use crossterm::event::KeyEvent;
use sealpack_core::check::{Frame as Step, MUTANTS, Variant};

use super::effect::{StepperAnswer, StepperEffect};
use super::keys::{self, StepperAction};
use super::layout::StepperLayout;
use super::model::{CaseOrigin, Stepper, StepperMode, StepperQuestion};
use super::scenario::SCENARIOS;
use super::setup::{Edit, Setup};
use super::view;
use crate::terminal::keys::action;
use crate::terminal::list::{Cursor, Move};
use crate::terminal::panel::Overlay;

/// The maximum number of edits that can be undone.
const MAX_EDITS: usize = 1000;

impl Stepper {
    /// Shows another case.
    pub(super) fn show_case(&mut self, setup: Setup, origin: CaseOrigin, at: usize) {
        self.remember();
        self.setup = setup;
        self.origin = origin;
        self.at = at;
        self.version += 1;
        self.playing = false;
        self.mode = StepperMode::Step;
    }

    pub(super) fn remember(&mut self) {
        self.done.push(self.setup.clone());
        if self.done.len() > MAX_EDITS {
            self.done.remove(0);
        }
        self.undone.clear();
    }

    fn edit(&mut self, edit: Edit) {
        let before = self.setup.clone();
        match self.setup.edit(self.at, edit) {
            Err(refusal) => self.inform(refusal),
            Ok(at) => {
                let edited = std::mem::replace(&mut self.setup, before);
                self.remember();
                self.setup = edited;
                self.edited(at);
            }
        }
    }

    pub(super) fn edited(&mut self, at: usize) {
        self.at = at.min(self.setup.case.events.len());
        if !matches!(self.origin, CaseOrigin::Failure(_)) {
            self.origin = CaseOrigin::Own;
        }
        self.version += 1;
    }

    fn undo(&mut self, back: bool) {
        let (from, to) = match back {
            true => (&mut self.done, &mut self.undone),
            false => (&mut self.undone, &mut self.done),
        };
        let Some(setup) = from.pop() else {
            return self.inform(if back { "nothing to undo" } else { "nothing to redo" });
        };
        to.push(std::mem::replace(&mut self.setup, setup));
        self.edited(self.at);
    }

    pub(super) fn go(&mut self, at: usize) {
        self.at = at.min(self.steps().len().saturating_sub(1));
    }

    /// Goes to the next step of some kind, or to the previous one.
    pub(super) fn seek(&mut self, forward: bool, what: &str, is_it: impl Fn(&Step) -> bool) {
        let steps = self.steps();
        let found = match forward {
            true => steps.iter().skip(self.at + 1).find(|step| is_it(step)),
            false => steps.iter().take(self.at).rev().find(|step| is_it(step)),
        };
        match found.map(|step| step.index) {
            Some(index) => self.go(index),
            None => self.inform(format!(
                "no {what} {}",
                if forward { "after this step" } else { "before this step" }
            )),
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Option<StepperEffect> {
        if self.dialog.is_open() {
            return self.key_for_dialog(key);
        }
        let acted = action(keys::tables(self.mode), key);
        if let Some(scroll) = self.help {
            let tables: &[_] = &[&keys::LIST, &keys::EVERYWHERE];
            let lines = crate::terminal::keys::help(keys::ALL, self.palette, self.size.width).len();
            let max_scroll = Overlay::max_scroll(lines, self.size);
            self.help = match action(tables, key) {
                Some(StepperAction::Move(Move::Up)) => Some(scroll.saturating_sub(1)),
                Some(StepperAction::Move(Move::Down)) => {
                    Some(scroll.saturating_add(1).min(max_scroll))
                }
                Some(StepperAction::Move(Move::PageUp | Move::First)) => Some(0),
                Some(StepperAction::Move(Move::PageDown | Move::Last)) => Some(max_scroll),
                Some(StepperAction::Quit | StepperAction::Help | StepperAction::Back) => None,
                _ => Some(scroll),
            };
            return None;
        }
        if let (StepperMode::Mutants, Some(row)) = (self.mode, view::row_of_letter(key)) {
            self.list.go(row);
            return self.open();
        }
        let action = acted?;
        self.news = None;
        if action != StepperAction::Play {
            self.playing = false;
        }
        self.act(action)
    }

    fn act(&mut self, action: StepperAction) -> Option<StepperEffect> {
        match action {
            StepperAction::Quit => self.has_ended = true,
            StepperAction::Help => self.help = Some(0),
            StepperAction::Back => return self.back(),
            StepperAction::Forward => self.go(self.at.saturating_add(1)),
            StepperAction::Backward => self.go(self.at.saturating_sub(1)),
            StepperAction::Move(step) => self.move_by(step),
            StepperAction::Put { forward } => self.seek(forward, "put", view::puts),
            StepperAction::Violation { forward } => self.seek(forward, "violation", view::is_wrong),
            StepperAction::Play => self.play(),
            StepperAction::Edit(edit) => self.edit(edit),
            StepperAction::Undo => self.undo(true),
            StepperAction::Redo => self.undo(false),
            StepperAction::EditText => self.ask(StepperQuestion::EditText),
            StepperAction::Search => self.ask(StepperQuestion::Search),
            StepperAction::Scenarios => self.show_list(StepperMode::Scenarios, SCENARIOS.len()),
            StepperAction::Mutants => self.show_list(StepperMode::Mutants, MUTANTS.len() + 1),
            StepperAction::Failures => {
                self.show_list(StepperMode::Failures, self.hunted.found.len())
            }
            StepperAction::UseShippedStream => self.use_shipped_stream(),
            StepperAction::ShrinkFailure => return self.shrink(),
            StepperAction::Export => self.ask_where_to_export(),
            StepperAction::Copy => return Some(StepperEffect::Copy(self.setup.command())),
            StepperAction::Again { forward } => self.search_again(forward),
            StepperAction::Open => return self.open(),
        }
        None
    }

    fn move_by(&mut self, step: Move) {
        if self.mode != StepperMode::Step {
            return self.list.step(step);
        }
        self.go(match step {
            Move::Up => self.at.saturating_sub(1),
            Move::Down => self.at.saturating_add(1),
            Move::PageUp => self.at.saturating_sub(5),
            Move::PageDown => self.at.saturating_add(5),
            Move::First => 0,
            Move::Last => usize::MAX,
        });
    }

    fn play(&mut self) {
        self.playing = !self.playing;
        if self.playing && self.at + 1 >= self.steps().len() {
            self.at = 0;
        }
    }

    pub(super) fn show_list(&mut self, mode: StepperMode, len: usize) {
        self.mode = mode;
        self.list = Cursor::new(len as u64);
        self.list.set_height(StepperLayout::of(self).list().height);
    }

    fn back(&mut self) -> Option<StepperEffect> {
        let hunting = self.hunted.progress.take().is_some();
        if hunting {
            self.inform("stopped");
            return Some(StepperEffect::StopHunting);
        }
        self.mode = StepperMode::Step;
        None
    }

    pub(super) fn open(&mut self) -> Option<StepperEffect> {
        let row = usize::try_from(self.list.at).unwrap_or(usize::MAX);
        match self.mode {
            StepperMode::Scenarios => {
                let scenario = SCENARIOS.get(row)?;
                self.show_case(scenario.setup(), CaseOrigin::Scenario(row), 0);
                None
            }
            StepperMode::Mutants => Some(self.hunt(row)),
            StepperMode::Failures => {
                let failure = self.hunted.found.get(row)?.clone();
                let size = sealpack_core::stream::BufferSize::new(self.hunted.buffer_size);
                let setup = Setup {
                    buffer_size: size.unwrap_or(self.setup.buffer_size),
                    case: failure.case,
                    variant: Variant::Mutant(failure.mutant),
                    trace: None,
                };
                self.show_case(setup, CaseOrigin::Failure(failure.invariant), 0);
                self.inform("v goes to the violation · s shrinks the case · w writes a report");
                None
            }
            StepperMode::Step => None,
        }
    }

    fn use_shipped_stream(&mut self) {
        if self.setup.mutant().is_none() {
            return self.inform("this is the stream that ships; m picks one with a bug");
        }
        let setup = Setup { variant: Variant::Strict, ..self.setup.clone() };
        self.show_case(setup, CaseOrigin::Own, self.at);
    }

    pub(super) fn take(&mut self, answer: StepperAnswer) {
        match answer {
            StepperAnswer::Replayed(replayed) => {
                if replayed.version == self.version {
                    self.replayed = Some(replayed);
                    self.go(self.at);
                }
            }
            StepperAnswer::Hunting(id, progress, found) => {
                if self.hunted.id == id && self.hunted.progress.is_some() {
                    self.hunted.progress = Some(progress);
                    self.take_found(found);
                }
            }
            StepperAnswer::Hunted(id, _, _) if id != self.hunted.id => {}
            StepperAnswer::Hunted(_, result, found) => {
                self.hunted.progress = None;
                self.hunted.result = Some(result);
                self.take_found(found);
            }
            StepperAnswer::Shrunk(case) => self.take_shrunk(case),
            StepperAnswer::Exported(_, Ok(news)) => self.inform(news),
            StepperAnswer::Exported(typed, Err(why)) => self.ask_again_where_to_export(typed, why),
            StepperAnswer::Copied => {
                self.inform("the replay command is on the terminal's clipboard")
            }
            StepperAnswer::Failed(why) => self.fail(why),
        }
    }

    /// Requests a replay of the current case, unless it was requested before.
    pub(super) fn needs(&mut self) -> Option<StepperEffect> {
        if self.requested_version == Some(self.version) {
            return None;
        }
        self.requested_version = Some(self.version);
        let setup = Box::new(self.setup.clone());
        Some(StepperEffect::Replay { version: self.version, setup })
    }
}
