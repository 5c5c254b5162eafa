//! The events that a program receives, and those that the main loop receives.

use std::io;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;

/// An event that a program receives.
#[derive(Debug)]
pub enum Message<A> {
    /// A key was pressed.
    Key(KeyEvent),
    /// A mouse event.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The size of the screen: the first message, and one after each change.
    Resize(Size),
    /// The time requested by [`Program::tick`](super::Program::tick) has passed.
    Tick,
    /// The result of an effect.
    Answer(A),
}

/// An event that the main loop receives.
#[cfg_attr(not(unix), allow(dead_code, reason = "there are no such signals elsewhere"))]
pub enum LoopEvent<A> {
    /// A message for the program.
    Message(Message<A>),
    /// A signal that asks the program to end.
    Signal(i32),
    /// A signal that asks the process to stop until another signal continues it.
    Stop,
    /// The process was stopped and continues: another program may have used the terminal.
    Continued,
    /// The terminal is gone.
    Lost(io::Error),
}
