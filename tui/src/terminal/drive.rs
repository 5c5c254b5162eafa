//! The loop: whatever happens becomes a message, messages change the program,
//! the program is drawn.

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
use super::message::Incoming;
use super::screen::Taken;
use super::{Message, Outbox, Perform, Program};
use super::{input, plain, signals};

/// How a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was told to by its user.
    Quit,
    /// By a signal, of this number.
    Signal(i32),
}

/// Never dropped: ratatui would print an error of its own where the terminal is gone, and panic
/// where standard error is gone too. [`Taken`] shows the cursor again.
type Screen = ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>;

/// Runs a program on the terminal until it is over; the terminal is as before
/// then. A signal is answered by ending as it would have ended the program.
///
/// # Errors
/// What the terminal says, so also when it is closed.
pub fn drive<P: Program>(program: &mut P, effects: &mut impl Perform<P>) -> io::Result<Exit> {
    let (sender, incoming) = channel();
    let mut taken = Taken::take()?;
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
    taken: &mut Taken,
    sender: &Sender<Incoming<P::Answer>>,
    incoming: &Receiver<Incoming<P::Answer>>,
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
        // Everything that has happened is taken in before the next frame.
        while let Some(arrived) = next {
            match arrived {
                Incoming::Message(Message::Key(key)) if SUSPEND.is(&key) => signals::ask_to_stop(),
                Incoming::Message(message) => {
                    if let Message::Resize(size) = message {
                        screen.resize(Rect::from((Position::ORIGIN, size)))?;
                    }
                    update(program, message);
                }
                Incoming::Signal(signal) => return Ok(Exit::Signal(signal)),
                Incoming::Stop => {
                    taken.leave();
                    signals::stop()?;
                    update(program, Message::Resize(take_again(taken, &mut screen)?));
                }
                Incoming::Continued => {
                    update(program, Message::Resize(take_again(taken, &mut screen)?));
                }
                Incoming::Lost(error) => return Err(error),
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

/// The whole terminal, as large as it is now. It follows only when the program
/// is told of another size, so that what is drawn and what it is drawn on are
/// never of two sizes.
fn open_screen() -> io::Result<Screen> {
    let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
    let area = Rect::from((Position::ORIGIN, backend.size()?));
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    Terminal::with_options(backend, options).map(ManuallyDrop::new)
}

/// Takes the terminal over once more, to be drawn on anew; returns its size, which may be
/// another one by now.
fn take_again(taken: &mut Taken, screen: &mut Screen) -> io::Result<Size> {
    taken.enter()?;
    let size = screen.backend().size()?;
    // Clears it too.
    screen.resize(Rect::from((Position::ORIGIN, size)))?;
    Ok(size)
}

/// The next thing to arrive; a tick where it is due first.
fn wait<A>(incoming: &Receiver<Incoming<A>>, due: Option<Instant>) -> Option<Incoming<A>> {
    let arrived = match due {
        None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(at) => incoming.recv_timeout(at.saturating_duration_since(Instant::now())),
    };
    match arrived {
        Ok(arrived) => Some(arrived),
        Err(RecvTimeoutError::Timeout) => Some(Incoming::Message(Message::Tick)),
        // The loop holds a sender itself, so this never is.
        Err(RecvTimeoutError::Disconnected) => {
            Some(Incoming::Lost(io::ErrorKind::BrokenPipe.into()))
        }
    }
}

fn draw<P: Program>(screen: &mut Screen, program: &P, in_ascii: bool) -> io::Result<()> {
    queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
    screen.draw(|frame| {
        program.draw(frame);
        if in_ascii {
            plain::to_ascii(frame.buffer_mut());
        }
    })?;
    crossterm::execute!(screen.backend_mut(), EndSynchronizedUpdate)
}
