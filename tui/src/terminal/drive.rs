//! The loop: whatever happens becomes a message, messages change the program,
//! the program is drawn.

use std::io::{self, BufWriter, Stdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use crossterm::event::{Event, KeyEventKind};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{event, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::message::Incoming;
use super::screen::Taken;
use super::{Message, Outbox, Perform, Program};

/// How a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was told to by its user.
    Quit,
    /// By a signal, of this number.
    Signal(i32),
}

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Runs a program on the terminal until it is over; the terminal is as before
/// then. A signal is answered by ending as it would have ended the program.
///
/// # Errors
/// What the terminal says, so also when it is closed.
pub fn drive<P: Program>(program: &mut P, effects: &mut impl Perform<P>) -> io::Result<Exit> {
    let (sender, incoming) = channel();
    let taken = Taken::take()?;
    listen_to_signals(&sender)?;
    let exit = run(program, effects, &sender, &incoming);
    drop(taken);
    if let Ok(Exit::Signal(signal)) = exit {
        end_as_signalled(signal)?;
    }
    exit
}

fn run<P: Program>(
    program: &mut P,
    effects: &mut impl Perform<P>,
    sender: &Sender<Incoming<P::Answer>>,
    incoming: &Receiver<Incoming<P::Answer>>,
) -> io::Result<Exit> {
    let mut screen = open_screen()?;
    let outbox = Outbox::new(sender.clone());
    let mut update = |program: &mut P, message| {
        if let Some(effect) = program.update(message) {
            effects.perform(effect, &outbox);
        }
    };
    update(program, Message::Resize(screen.size()?));
    listen_to_keys(sender)?;
    let mut due = program.tick().map(|after| Instant::now() + after);
    loop {
        draw(&mut screen, program)?;
        let mut next = wait(incoming, due);
        // Everything that has happened is taken in before the next frame.
        while let Some(arrived) = next {
            match arrived {
                Incoming::Message(message) => {
                    if let Message::Resize(size) = message {
                        screen.resize(Rect::from((Position::ORIGIN, size)))?;
                    }
                    update(program, message);
                }
                Incoming::Signal(signal) => return Ok(Exit::Signal(signal)),
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
    Terminal::with_options(backend, TerminalOptions { viewport: Viewport::Fixed(area) })
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

fn draw<P: Program>(screen: &mut Screen, program: &P) -> io::Result<()> {
    queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
    screen.draw(|frame| program.draw(frame))?;
    crossterm::execute!(screen.backend_mut(), EndSynchronizedUpdate)
}

fn listen_to_keys<A: Send + 'static>(sender: &Sender<Incoming<A>>) -> io::Result<()> {
    let sender = sender.clone();
    let listen = move || {
        loop {
            let incoming = match event::read() {
                Ok(event) => match message(event) {
                    Some(message) => Incoming::Message(message),
                    None => continue,
                },
                Err(error) => Incoming::Lost(error),
            };
            let lost = matches!(incoming, Incoming::Lost(_));
            if sender.send(incoming).is_err() || lost {
                return;
            }
        }
    };
    thread::Builder::new().name("sealpack-keys".into()).spawn(listen)?;
    Ok(())
}

fn message<A>(event: Event) -> Option<Message<A>> {
    match event {
        // Some terminals report releases too.
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) => Some(Message::Key(key)),
        Event::Mouse(mouse) => Some(Message::Mouse(mouse)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resize(Size { width, height })),
        Event::FocusGained | Event::FocusLost => None,
    }
}

#[cfg(unix)]
fn listen_to_signals<A: Send + 'static>(sender: &Sender<Incoming<A>>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    let sender = sender.clone();
    let listen = move || {
        for signal in signals.forever() {
            if sender.send(Incoming::Signal(signal)).is_err() {
                // The loop is gone: nobody else will end the program.
                super::screen::restore();
                let _ = end_as_signalled(signal);
            }
        }
    };
    thread::Builder::new().name("sealpack-signals".into()).spawn(listen)?;
    Ok(())
}

/// Whoever started the program sees that the signal ended it.
#[cfg(unix)]
fn end_as_signalled(signal: i32) -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(signal)
}

#[cfg(not(unix))]
fn listen_to_signals<A>(_: &Sender<Incoming<A>>) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn end_as_signalled(_: i32) -> io::Result<()> {
    Ok(())
}
