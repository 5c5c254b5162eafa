//! Exports data from a program: a saved file, text for the clipboard.

use std::io::{self, Write};
use std::path::Path;

use crossterm::clipboard::CopyToClipboard;
use sealpack::{Error, ErrorKind, StagedFile};

use crate::printable;

/// Writes a new file, which appears whole or not at all, and returns the message for the
/// user. An existing file is not changed.
///
/// # Errors
/// A sentence that says why the file was not saved.
pub fn save(path: &Path, bytes: &[u8]) -> Result<String, String> {
    let failed = |error: Error| match error.kind() {
        ErrorKind::Exists => format!("{} exists: choose another name", printable::path(path)),
        _ => error.to_string(),
    };
    let mut file = StagedFile::create(path, false).map_err(failed)?;
    file.write_all(bytes).map_err(|error| format!("{}: {error}", printable::path(path)))?;
    let published = file.publish().map_err(failed)?;
    let mut news = format!("saved to {}", printable::path(path));
    for caveat in published.caveats() {
        news.push_str(&format!("; {caveat}"));
    }
    Ok(news)
}

/// Sends text to the clipboard of the terminal, over ssh too (OSC 52). The terminal does
/// not answer.
///
/// # Errors
/// The error of the terminal.
pub fn copy(text: &str) -> io::Result<()> {
    crossterm::execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
}
