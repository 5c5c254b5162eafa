//! `sealpack inspect`: shows the contents of a pack.
//!
//! `model.rs` holds the state; `actions.rs` applies keys to it, `ask.rs` questions,
//! `pointer.rs` the mouse and `tasks.rs` the results of effects; `effect.rs` reads,
//! decodes, verifies, searches and saves; `view/` draws. `open.rs` opens a damaged pack
//! as far as it can be trusted. If no record in it can be located, `refused.rs` shows
//! what is known all the same. `members.rs` lists the packs of a set.
//!
//! The inspector reads only what it shows: the list looks up the rows in view, and only
//! those are decoded, in the background. In addition to the index, a record takes a
//! quarter of a byte (`marks.rs`), and only after it was checked.

mod actions;
mod ask;
mod effect;
mod goto;
mod item;
mod keys;
mod layout;
mod marks;
mod members;
mod model;
mod name_search;
mod names;
mod needs;
mod open;
mod pointer;
mod refused;
mod search;
#[cfg(test)]
mod set_tests;
mod sizes;
mod tasks;
#[cfg(test)]
mod tests;
mod view;
mod view_command;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Frame;

use crate::terminal::palette::Palette;
use crate::terminal::panel::is_large_enough;
use crate::terminal::{Exit, Message, Program, drive};
use effect::{InspectorAnswer, InspectorEffect};
use model::Inspector;

pub use members::{ListedPack, MemberOpener};
pub use open::{OpenedFile, open};
pub use view_command::ViewCommand;

/// Runs the inspector on an opened file until the user quits; `view` is the user's own
/// decoder.
///
/// # Errors
/// The error of the terminal.
pub fn run(opened: OpenedFile, path: &Path, view: Option<ViewCommand>) -> io::Result<Exit> {
    let palette = Palette::from_environment();
    match opened {
        OpenedFile::Pack(reader, notes) => {
            let mut effects = effect::InspectorPerformer::new(reader.clone());
            drive(&mut Inspector::new(reader, notes, view, palette), &mut effects)
        }
        OpenedFile::Refused(refusal) => {
            drive(&mut refused::RefusedPage::new(refusal, path, palette), &mut refused::NoEffects)
        }
    }
}

/// Runs the inspector on the members of a set until the user quits. `title` names the set.
///
/// # Errors
/// The error of the terminal.
pub fn run_on_set(
    title: String,
    members: Vec<ListedPack>,
    open: Arc<MemberOpener>,
    view: Option<ViewCommand>,
) -> io::Result<Exit> {
    let palette = Palette::from_environment();
    let mut effects = members::SetPagePerformer::new(open);
    drive(&mut members::SetPage::new(title, members, view, palette), &mut effects)
}

impl Program for Inspector {
    type Answer = InspectorAnswer;
    type Effect = InspectorEffect;

    fn update(&mut self, message: Message<InspectorAnswer>) -> Option<InspectorEffect> {
        let effect = match message {
            Message::Resize(size) => {
                self.resize(size);
                None
            }
            Message::Key(key) => self.key(&key),
            Message::Mouse(mouse) => {
                if !self.dialog.is_open() && self.help.is_none() {
                    self.mouse(&mouse);
                }
                None
            }
            Message::Paste(text) => {
                self.dialog.paste(&text);
                None
            }
            Message::Tick => None,
            Message::Answer(answer) => self.take(answer),
        };
        let needed = if is_large_enough(self.size) { self.needs() } else { None };
        match (effect, needed) {
            (Some(effect), Some(needed)) => Some(InspectorEffect::All(vec![effect, needed])),
            (effect, needed) => effect.or(needed),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        view::draw(self, frame);
    }

    fn tick(&self) -> Option<Duration> {
        None
    }

    fn is_over(&self) -> bool {
        self.has_ended
    }
}
