//! What is printed that is no item: reports on standard output, words to the
//! user on standard error. Colours go where a terminal is and `NO_COLOR` is
//! not.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::outcome::Failure;

/// Names and headings.
pub const BOLD: Style = Style::new().bold();
/// What is sound.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What deserves a second look.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What is broken.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// An error, and what to do about it.
pub fn error(error: &dyn Display, advice: Option<&str>) {
    let mut to = anstream::stderr().lock();
    // There is nowhere left to tell that this could not be told.
    drop(writeln!(to, "{BAD}error:{BAD:#} {error}"));
    if let Some(advice) = advice {
        drop(writeln!(to, "       {advice}"));
    }
}

/// Something that a user should know and that is no error.
pub fn note(note: &dyn Display) {
    drop(writeln!(anstream::stderr().lock(), "{DOUBTFUL}note:{DOUBTFUL:#} {note}"));
}

/// Prints a report to standard output, in colour where that is wanted.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut to = anstream::stdout().lock();
    write(&mut to).and_then(|()| to.flush()).map_err(Failure::Output)
}

/// Prints one JSON object, on a line of its own.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(|to| {
        serde_json::to_writer(&mut *to, value)?;
        writeln!(to)
    })
}
