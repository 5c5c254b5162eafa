//! Prints reports to standard output, and errors and notes to standard error.
//! Colours are used on a terminal, unless `NO_COLOR` is set.
//!
//! Errors and notes are escaped as a whole ([`printable`]). A report contains its own colours
//! and newlines, so the code that writes it escapes foreign text in it.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::outcome::Failure;
use crate::printable;

/// The style of names and headings.
pub const BOLD: Style = Style::new().bold();
/// The style of sound parts.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// The style of doubtful parts.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// The style of broken parts.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// Prints an error, and advice on what to do about it. If standard error is closed, nothing
/// can be reported.
pub fn error(error: &dyn Display, advice: Option<&str>) {
    let mut to = anstream::stderr().lock();
    drop(writeln!(to, "{BAD}error:{BAD:#} {}", printable::text(error)));
    if let Some(advice) = advice {
        drop(writeln!(to, "       {advice}"));
    }
}

/// Prints a note: information that is not an error.
pub fn note(note: &dyn Display) {
    let note = printable::text(note);
    drop(writeln!(anstream::stderr().lock(), "{DOUBTFUL}note:{DOUBTFUL:#} {note}"));
}

/// Prints text that needs no escaping to standard error.
pub fn explain(text: &dyn Display) {
    drop(writeln!(anstream::stderr().lock(), "{text}"));
}

/// Prints a report to standard output, in colour on a terminal.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut to = anstream::stdout().lock();
    write(&mut to).and_then(|()| to.flush()).map_err(Failure::Output)
}

/// Returns whether standard output is coloured: it is a terminal, and `NO_COLOR` and
/// similar variables do not forbid it.
pub fn stdout_has_colors() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Prints one JSON object, on a line of its own.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(|to| {
        write_json(&mut *to, value)?;
        writeln!(to)
    })
}

/// Writes JSON in which all unprintable characters are escaped; JSON itself only requires
/// that for the first 32.
///
/// # Errors
/// Those of `to`.
pub fn write_json(to: impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(to, PrintableJson))?)
}

struct PrintableJson;

impl Formatter for PrintableJson {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // The serializer has already escaped what JSON requires. Of ASCII, only DEL is left.
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return to.write_all(fragment.as_bytes());
        }
        for char in fragment.chars() {
            let mut units = [0; 2];
            if printable::is_printable_char(char) {
                to.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in char.encode_utf16(&mut units) {
                    write!(to, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_every_unprintable_character_and_reads_back() {
        let text = "\u{1b}a\u{7f}\u{9b}\u{202e}é\u{e0041}\u{10ffff}\"\\\n";
        let mut json = Vec::new();
        write_json(&mut json, &text).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, "\"\\u001ba\\u007f\\u009b\\u202eé\\udb40\\udc41\u{10ffff}\\\"\\\\\\n\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
