//! What the two terminal programs share.
//!
//! ```text
//!  input thread ──┐
//!  signals ───────┼──> drive ── Message ──> Program::update ── effect ──> Perform
//!  workers ───────┘      └───── frame ───> Program::draw                    │
//!     ^─────────────────────────── answers ──────────────────────────────────┘
//! ```
//!
//! A [`Program`] is state: it changes only in [`update`](Program::update), which
//! touches no file, thread or clock, and is drawn from a shared reference, so
//! drawing changes nothing. Whatever takes longer than a frame or reaches
//! outside is an *effect*, which a [`Perform`] carries out, on a thread of its
//! own where it takes time; what comes of it is a message again.

#[cfg(any(unix, test))]
mod decode;
mod drive;
pub mod export;
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

/// A terminal program: state, how it changes, how it looks.
pub trait Program {
    /// What effects come to.
    type Answer: Send + 'static;
    /// What is to be done outside.
    type Effect;

    /// Takes in what happened.
    fn update(&mut self, message: Message<Self::Answer>) -> Option<Self::Effect>;

    /// Draws all of the screen.
    fn draw(&self, frame: &mut Frame<'_>);

    /// After which time a [`Message::Tick`] is wanted, if any.
    fn tick(&self) -> Option<Duration>;

    /// Whether the program is at its end.
    fn is_over(&self) -> bool;
}

/// Carries out the effects of a program.
pub trait Perform<P: Program> {
    /// Starts an effect, and returns within a frame. What comes of it goes to
    /// the outbox.
    fn perform(&mut self, effect: P::Effect, outbox: &Outbox<P::Answer>);
}
