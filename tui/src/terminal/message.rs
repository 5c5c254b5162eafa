//! What happens: to a program, and to the loop that drives it.

use std::io;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;

/// What happened.
#[derive(Debug)]
pub enum Message<A> {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The screen has this size now; also the first message of all.
    Resize(Size),
    /// The time asked for by [`Program::tick`](super::Program::tick) has passed.
    Tick,
    /// An effect has come to something.
    Answer(A),
}

/// What arrives at the loop.
#[cfg_attr(not(unix), allow(dead_code, reason = "there are no such signals elsewhere"))]
pub enum Incoming<A> {
    /// Something for the program.
    Message(Message<A>),
    /// A signal that asks to end.
    Signal(i32),
    /// A signal that asks to stop, until another one continues the process.
    Stop,
    /// The process was stopped and goes on: another program may have used the terminal.
    Continued,
    /// The terminal is gone.
    Lost(io::Error),
}
