//! `sealpack inspect`: a look inside a pack.
//!
//! `app.rs` is the state and what keys do to it (`ask.rs`: questions;
//! `pointer.rs`: the mouse), `answers.rs` what the answers of effects do; `effect.rs` reads, decodes, verifies, searches and saves;
//! `view/` draws. A pack that is damaged is opened as far as it can be trusted
//! (`open.rs`); where nothing in it can be located, `refused.rs` shows what can
//! be said all the same.
//!
//! Nothing is read that is not shown: the list looks up the rows in view, and
//! only those are decoded, in the background. Beyond the index a record takes
//! a quarter of a byte (`marks.rs`), and that only once it was looked at.

mod answers;
mod app;
mod ask;
mod effect;
mod goto;
mod item;
mod keys;
mod layout;
mod marks;
mod needs;
mod open;
mod pointer;
mod refused;
mod search;
mod sizes;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::path::Path;

use crate::terminal::palette::Palette;
use crate::terminal::{Exit, drive};

pub use open::{Opened, open};

/// Runs the inspector on what was opened, until it is quit.
///
/// # Errors
/// What the terminal says.
pub fn run(opened: Opened, path: &Path) -> io::Result<Exit> {
    let palette = Palette::from_environment();
    match opened {
        Opened::Pack(reader, notes) => {
            let mut effects = effect::Effects::new(reader.clone());
            drive(&mut app::App::new(reader, notes, palette), &mut effects)
        }
        Opened::Refused(refusal) => {
            drive(&mut refused::Refused::new(refusal, path, palette), &mut refused::Nothing)
        }
    }
}
