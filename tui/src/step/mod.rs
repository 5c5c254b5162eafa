//! `sealpack step`: the output stream, a write at a time.
//!
//! `app.rs` is the state and what keys do to it (`ask.rs`: questions,
//! `failures.rs`: failures of seeded bugs); `setup.rs` what is stepped
//! through and how it is edited; `effect.rs` runs cases, looks for failures
//! (`hunt.rs`), shrinks and reports; `view/` draws. What is drawn is the
//! checker's own record of a run (`check::Frame`), plain data: the stepper
//! knows nothing of the machine.

mod app;
mod ask;
mod effect;
mod failures;
mod hunt;
mod keys;
mod layout;
mod pointer;
mod scenario;
mod setup;
#[cfg(test)]
mod tests;
mod view;

use std::io;

use crate::terminal::palette::Palette;
use crate::terminal::{Exit, drive};

pub use setup::Setup;

/// Runs the stepper until it is quit, on a case or else on the first scenario.
///
/// # Errors
/// What the terminal says.
pub fn run(setup: Option<Setup>) -> io::Result<Exit> {
    let palette = Palette::from_environment();
    let mut app = match setup {
        Some(setup) => app::App::new(setup, palette),
        None => app::App::welcome(palette),
    };
    drive(&mut app, &mut effect::Effects::default())
}
