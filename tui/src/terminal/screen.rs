//! Takes over the terminal, and restores it on every way out.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{Command, execute};

use super::text::sanitised;

/// Whether this process has taken over the terminal. A process has only one terminal, and
/// the panic hook needs to know.
static IS_TAKEN_OVER: AtomicBool = AtomicBool::new(false);

/// Held while a frame is drawn. A panic of another thread waits for it before it
/// gives the terminal back, and keeps it until the process has ended: a frame
/// drawn in between would hide the cursor again.
static DRAWING: Mutex<()> = Mutex::new(());

/// There is no terminal to draw on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTerminal {
    /// Standard input is not a terminal.
    Input,
    /// Standard output is not a terminal.
    Output,
    /// The terminal cannot place its cursor, according to `TERM`, which has this value.
    Dumb(String),
}

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("this needs a terminal, but standard input is not one"),
            Self::Output => f.write_str("this needs a terminal, but standard output is not one"),
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
    /// Checks that there is a terminal to read keys from and to draw on.
    ///
    /// # Errors
    /// The reason why there is none.
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

/// Enables reports of clicks and of the wheel, but not of each movement: there are many
/// of those, and the programs do not use them.
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

/// The terminal in raw mode, on its alternate screen. Dropping it restores the terminal.
pub struct RawTerminal(());

impl RawTerminal {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// The error of the terminal, which is then restored.
    pub fn take() -> io::Result<Self> {
        restore_on_panic();
        let mut taken = Self(());
        taken.enter()?;
        Ok(taken)
    }

    /// Takes over the terminal again, after [`leave`](Self::leave) or after another
    /// program used it; the caller must redraw the whole screen.
    ///
    /// # Errors
    /// The error of the terminal.
    pub fn enter(&mut self) -> io::Result<()> {
        if IS_TAKEN_OVER.swap(true, Ordering::SeqCst) {
            // Another program may have changed the settings; this restores those from
            // before `take`.
            let _ = disable_raw_mode();
        }
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableClicks, EnableBracketedPaste, Hide)
    }

    /// Restores the terminal for a while.
    pub fn leave(&mut self) {
        restore();
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal if it is taken over. Errors cannot be reported: the terminal
/// that would show them has failed.
pub fn restore() {
    if IS_TAKEN_OVER.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(out, DisableBracketedPaste, DisableMouseCapture);
        let _ = execute!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Draws a frame, unless another thread has given the terminal back.
///
/// # Errors
/// Those of `frame`.
pub fn draw(frame: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
    if IS_TAKEN_OVER.load(Ordering::SeqCst) { frame() } else { Ok(()) }
}

/// A panic is reported on a terminal that can show it. A panic on a worker thread
/// ends the program too: its work would never come to an end.
fn restore_on_panic() {
    let drawing_thread = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == drawing_thread {
            restore();
            before(info);
        } else {
            let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
            restore();
            before(info);
            process::exit(101);
        }
    }));
}
