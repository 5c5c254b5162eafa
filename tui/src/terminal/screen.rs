//! The terminal taken over, and given back on every way out.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{Command, execute};

use super::text::sanitised;

/// Whether the terminal is ours now. There is one terminal in a process, and
/// the panic hook has to know about it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// There is no terminal to draw on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTerminal {
    /// Standard input is none.
    Input,
    /// Standard output is none.
    Output,
    /// It cannot place its cursor: what `TERM` says.
    Dumb(String),
}

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("this needs a terminal, and standard input is none"),
            Self::Output => f.write_str("this needs a terminal, and standard output is none"),
            Self::Dumb(term) if term.is_empty() => f.write_str(
                "this needs a terminal that can place its cursor, and TERM does not name one",
            ),
            Self::Dumb(term) => write!(
                f,
                "this needs a terminal that can place its cursor, and TERM is {}",
                sanitised(term)
            ),
        }
    }
}

impl std::error::Error for NoTerminal {}

impl NoTerminal {
    /// Looks whether there is a terminal to read keys from and to draw on.
    ///
    /// # Errors
    /// Where there is none.
    pub fn check() -> Result<(), Self> {
        match (io::stdin().is_terminal(), io::stdout().is_terminal()) {
            (_, false) => Err(Self::Output),
            (false, true) => Err(Self::Input),
            (true, true) => match env::var("TERM").unwrap_or_default() {
                term if cfg!(unix) && matches!(term.as_str(), "" | "dumb" | "unknown") => {
                    Err(Self::Dumb(term))
                }
                _ => Ok(()),
            },
        }
    }
}

/// Reports of clicks and of the wheel, but not of each movement: nobody looks at those, and they
/// are many.
struct EnableClicks;

impl Command for EnableClicks {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str("\x1b[?1000h\x1b[?1006h")
    }

    #[cfg(windows)]
    fn execute_winapi(&self) -> io::Result<()> {
        crossterm::event::EnableMouseCapture.execute_winapi()
    }

    #[cfg(windows)]
    fn is_ansi_code_supported(&self) -> bool {
        false
    }
}

/// The terminal in raw mode, on its other screen. Dropped, it is as before.
pub struct Taken(());

impl Taken {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// What the terminal says; it is as before then.
    pub fn take() -> io::Result<Self> {
        restore_on_panic();
        let mut taken = Self(());
        taken.enter()?;
        Ok(taken)
    }

    /// Takes the terminal over once more, after [`leave`](Self::leave) or after another program
    /// had it; whatever is on it has to be drawn anew.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn enter(&mut self) -> io::Result<()> {
        if TAKEN.swap(true, Ordering::SeqCst) {
            // The settings are no longer those that were made, but those before are known.
            let _ = disable_raw_mode();
        }
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableClicks, EnableBracketedPaste, Hide)
    }

    /// Gives the terminal back for a while.
    pub fn leave(&mut self) {
        restore();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it is taken. Errors have nowhere to go: the
/// terminal that would show them is what failed.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(out, DisableBracketedPaste, DisableMouseCapture);
        let _ = execute!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// A panic is told on a terminal that can show it. One on a worker's thread
/// ends the program too: what it was doing would never come to an end.
fn restore_on_panic() {
    let drawing = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
        if thread::current().id() != drawing {
            process::exit(101);
        }
    }));
}
