//! The main loop: events become messages, messages change the program, and the program is
//! drawn.

use std::io::{self, BufWriter, Stdout};
use std::mem::ManuallyDrop;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::keys::SUSPEND;
use super::message::LoopEvent;
use super::screen::{self, RawTerminal};
use super::{Message, Outbox, Perform, Program};
use super::{input, plain, signals};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Its user quit it.
    Quit,
    /// A signal with this number ended it.
    Signal(i32),
}

/// The terminal is never dropped: ratatui would print its own error if the terminal is
/// gone, and panic if standard error is gone too. [`RawTerminal`] shows the cursor again.
type Screen = ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>;

/// Runs a program on the terminal until it ends, then restores the terminal. If a signal
/// ends the program, the process then ends by that signal.
///
/// # Errors
/// The error of the terminal, also when the terminal is closed.
pub fn drive<P: Program>(program: &mut P, effects: &mut impl Perform<P>) -> io::Result<Exit> {
    let (sender, incoming) = channel();
    let mut taken = RawTerminal::take()?;
    signals::listen(&sender)?;
    let exit = run(program, effects, &mut taken, &sender, &incoming);
    drop(taken);
    if let Ok(Exit::Signal(signal)) = exit {
        signals::end_as_signalled(signal)?;
    }
    exit
}

fn run<P: Program>(
    program: &mut P,
    effects: &mut impl Perform<P>,
    taken: &mut RawTerminal,
    sender: &Sender<LoopEvent<P::Answer>>,
    incoming: &Receiver<LoopEvent<P::Answer>>,
) -> io::Result<Exit> {
    let mut screen = open_screen()?;
    let in_ascii = plain::is_wanted();
    let outbox = Outbox::new(sender.clone());
    let mut update = |program: &mut P, message| {
        if let Some(effect) = program.update(message) {
            effects.perform(effect, &outbox);
        }
    };
    update(program, Message::Resize(screen.size()?));
    input::listen(sender)?;
    let mut due = program.tick().map(|after| Instant::now() + after);
    loop {
        draw(&mut screen, program, in_ascii)?;
        let mut next = wait(incoming, due);
        // Everything that has arrived is handled before the next frame.
        while let Some(arrived) = next {
            match arrived {
                LoopEvent::Message(Message::Key(key)) if SUSPEND.is(&key) => signals::ask_to_stop(),
                LoopEvent::Message(message) => {
                    if let Message::Resize(size) = message {
                        screen.resize(Rect::from((Position::ORIGIN, size)))?;
                    }
                    update(program, message);
                }
                LoopEvent::Signal(signal) => return Ok(Exit::Signal(signal)),
                LoopEvent::Stop => {
                    taken.leave();
                    signals::stop()?;
                    update(program, Message::Resize(retake_terminal(taken, &mut screen)?));
                }
                LoopEvent::Continued => {
                    update(program, Message::Resize(retake_terminal(taken, &mut screen)?));
                }
                LoopEvent::Lost(error) => return Err(error),
            }
            if program.is_over() {
                return Ok(Exit::Quit);
            }
            next = incoming.try_recv().ok();
        }
        let now = Instant::now();
        match (due, program.tick()) {
            (Some(at), Some(_)) if at > now => {}
            (_, after) => due = after.map(|after| now + after),
        }
    }
}

/// Opens a screen with the current size of the terminal. It is resized only when the
/// program receives the new size, so that the program and the screen always agree on the
/// size.
fn open_screen() -> io::Result<Screen> {
    let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
    let area = Rect::from((Position::ORIGIN, backend.size()?));
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    Terminal::with_options(backend, options).map(ManuallyDrop::new)
}

/// Takes over the terminal again, to redraw it completely; returns its size, which may
/// have changed.
fn retake_terminal(taken: &mut RawTerminal, screen: &mut Screen) -> io::Result<Size> {
    taken.enter()?;
    let size = screen.backend().size()?;
    // The resize also clears the screen.
    screen.resize(Rect::from((Position::ORIGIN, size)))?;
    Ok(size)
}

/// Waits for the next arrival; returns a tick if that is due first.
fn wait<A>(incoming: &Receiver<LoopEvent<A>>, due: Option<Instant>) -> Option<LoopEvent<A>> {
    let arrived = match due {
        None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(at) => incoming.recv_timeout(at.saturating_duration_since(Instant::now())),
    };
    match arrived {
        Ok(arrived) => Some(arrived),
        Err(RecvTimeoutError::Timeout) => Some(LoopEvent::Message(Message::Tick)),
        // The loop itself owns a sender, so this never happens.
        Err(RecvTimeoutError::Disconnected) => {
            Some(LoopEvent::Lost(io::ErrorKind::BrokenPipe.into()))
        }
    }
}

fn draw<P: Program>(screen: &mut Screen, program: &P, in_ascii: bool) -> io::Result<()> {
    screen::draw(|| {
        queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
        screen.draw(|frame| {
            program.draw(frame);
            if in_ascii {
                plain::to_ascii(frame.buffer_mut());
            }
        })?;
        crossterm::execute!(screen.backend_mut(), EndSynchronizedUpdate)
    })
}
