//! `sealpack step`: shows the output stream, one write at a time.
//!
//! `model.rs` holds the state; `actions.rs` applies keys to it, `ask.rs` questions,
//! `pointer.rs` the mouse and `failures.rs` failures of seeded bugs; `setup.rs` holds the
//! case and edits it; `effect.rs` runs cases, searches for failures (`hunt.rs`), shrinks
//! and reports; `view/` draws. The stepper draws the checker's own record of a run
//! (`check::Frame`), which is plain data: the stepper knows nothing of the machine.

mod actions;
mod ask;
mod effect;
mod failures;
mod hunt;
mod keys;
mod layout;
mod model;
mod pointer;
mod scenario;
mod setup;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::time::Duration;

use ratatui::Frame;

use crate::terminal::palette::Palette;
use crate::terminal::{Exit, Message, Program, drive};
use effect::{StepperAnswer, StepperEffect};
use layout::StepperLayout;
use model::Stepper;

pub use setup::Setup;

/// Runs the stepper until the user quits, on the given case or else on the first
/// scenario.
///
/// # Errors
/// The error of the terminal.
pub fn run(setup: Option<Setup>) -> io::Result<Exit> {
    let palette = Palette::from_environment();
    let mut app = match setup {
        Some(setup) => Stepper::new(setup, palette),
        None => Stepper::welcome(palette),
    };
    drive(&mut app, &mut effect::StepperPerformer::default())
}

/// How long each step is shown while stepping automatically.
const STEP_DURATION: Duration = Duration::from_millis(700);

impl Program for Stepper {
    type Answer = StepperAnswer;
    type Effect = StepperEffect;

    fn update(&mut self, message: Message<StepperAnswer>) -> Option<StepperEffect> {
        let effect = match message {
            Message::Resize(size) => {
                self.size = size;
                self.list.set_height(StepperLayout::of(self).list().height);
                None
            }
            Message::Key(key) => self.key(&key),
            Message::Mouse(mouse) if !self.dialog.is_open() && self.help.is_none() => {
                self.mouse(&mouse)
            }
            Message::Mouse(_) => None,
            Message::Paste(text) => {
                self.dialog.paste(&text);
                None
            }
            Message::Tick => {
                self.go(self.at.saturating_add(1));
                self.playing &= self.at + 1 < self.steps().len();
                None
            }
            Message::Answer(answer) => {
                self.take(answer);
                None
            }
        };
        match (effect, self.needs()) {
            (Some(effect), Some(needed)) => Some(StepperEffect::All(vec![effect, needed])),
            (effect, needed) => effect.or(needed),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        view::draw(self, frame);
    }

    fn tick(&self) -> Option<Duration> {
        self.playing.then_some(STEP_DURATION)
    }

    fn is_over(&self) -> bool {
        self.has_ended
    }
}
