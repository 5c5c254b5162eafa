//! The parts that the two terminal programs share.
//!
//! ```text
//!  input thread ──┐
//!  signals ───────┼──> drive ── Message ──> Program::update ── effect ──> Perform
//!  workers ───────┘      └───── frame ───> Program::draw                    │
//!     ^─────────────────────────── answers ──────────────────────────────────┘
//! ```
//!
//! A [`Program`] is state. It changes only in [`update`](Program::update), which touches
//! no file, thread or clock. It is drawn from a shared reference, so drawing changes
//! nothing. An *effect* is anything that takes longer than a frame or accesses something
//! outside the program. A [`Perform`] carries it out, on a separate thread if it takes
//! time, and sends its result as another message.

#[cfg(any(unix, test))]
mod decode;
mod drive;
pub mod export;
pub mod hex;
mod input;
pub mod keys;
pub mod list;
mod message;
pub mod palette;
pub mod panel;
mod plain;
pub mod progress;
pub mod prompt;
mod screen;
#[cfg(test)]
pub mod scripted;
mod signals;
#[cfg(all(test, unix))]
mod tests;
pub mod text;
pub mod work;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Size;

pub use drive::{Exit, drive};
pub use message::Message;
pub use screen::NoTerminal;
pub use work::Outbox;

/// The smallest screen that the programs draw on, in cells.
pub const SMALLEST: Size = Size { width: 60, height: 16 };

/// A terminal program: its state, how the state changes, and how it is drawn.
pub trait Program {
    /// The result of an effect.
    type Answer: Send + 'static;
    /// Something to do outside the program.
    type Effect;

    /// Handles an event.
    fn update(&mut self, message: Message<Self::Answer>) -> Option<Self::Effect>;

    /// Draws the whole screen.
    fn draw(&self, frame: &mut Frame<'_>);

    /// Returns the time after which the program wants a [`Message::Tick`], if any.
    fn tick(&self) -> Option<Duration>;

    /// Returns whether the program has ended.
    fn is_over(&self) -> bool;
}

/// Carries out the effects of a program.
pub trait Perform<P: Program> {
    /// Starts an effect and returns within a frame. The result of the effect goes to the
    /// outbox.
    fn perform(&mut self, effect: P::Effect, outbox: &Outbox<P::Answer>);
}
