//! The terminal taken over, and given back on every way out.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Whether the terminal is ours now. There is one terminal in a process, and
/// the panic hook has to know about it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// There is no terminal to draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTerminal {
    /// Whether it is standard input that is none, or standard output.
    pub input: bool,
}

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = if self.input { "input" } else { "output" };
        write!(f, "this needs a terminal, and standard {stream} is none")
    }
}

impl std::error::Error for NoTerminal {}

impl NoTerminal {
    /// Looks whether there is a terminal to read keys from and draw on.
    ///
    /// # Errors
    /// Where there is none.
    pub fn check() -> Result<(), Self> {
        match (io::stdin().is_terminal(), io::stdout().is_terminal()) {
            (_, false) => Err(Self { input: false }),
            (false, true) => Err(Self { input: true }),
            (true, true) => Ok(()),
        }
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
        TAKEN.store(true, Ordering::SeqCst);
        let taken = Self(());
        enable_raw_mode()?;
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, Hide)?;
        Ok(taken)
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
