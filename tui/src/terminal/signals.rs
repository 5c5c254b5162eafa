//! Handles signals while a program has the terminal: those that end, stop or continue the
//! program, and the one that reports a new terminal size.

use std::io;
use std::sync::mpsc::Sender;

use super::message::LoopEvent;

pub use system::{ask_to_stop, end_as_signalled, listen, stop};

#[cfg(unix)]
mod system {
    use super::{LoopEvent, Sender, io};
    use crate::interrupt::is_ignored;
    use crate::terminal::message::Message;
    use crate::terminal::screen;

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{Pid, getpgid, getpgrp, getppid, getsid};
    use ratatui::layout::Size;
    use signal_hook::consts::{
        SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH,
    };
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, raise};

    /// Sends the meaning of each signal, from a separate thread.
    pub fn listen<A: Send + 'static>(sender: &Sender<LoopEvent<A>>) -> io::Result<()> {
        let always = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCONT, SIGWINCH];
        let stops = Some(SIGTSTP).filter(|signal| !is_ignored(*signal));
        let mut signals = Signals::new(always.into_iter().chain(stops))?;
        let sender = sender.clone();
        let listen = move || {
            for signal in signals.forever() {
                if sender.send(meaning(signal)).is_err() {
                    // The main loop is gone, so this thread handles the signal.
                    screen::restore();
                    let _ = emulate_default_handler(signal);
                }
            }
        };
        std::thread::Builder::new().name("sealpack-signals".into()).spawn(listen).map(drop)
    }

    fn meaning<A>(signal: i32) -> LoopEvent<A> {
        match signal {
            SIGTSTP => LoopEvent::Stop,
            SIGCONT => LoopEvent::Continued,
            SIGWINCH => match crossterm::terminal::size() {
                Ok((width, height)) => LoopEvent::Message(Message::Resize(Size { width, height })),
                Err(error) => LoopEvent::Lost(error),
            },
            signal => LoopEvent::Signal(signal),
        }
    }

    /// Ends the process by the signal, so that its parent sees what ended it.
    pub fn end_as_signalled(signal: i32) -> io::Result<()> {
        emulate_default_handler(signal)
    }

    /// Does what the terminal would do on Ctrl-Z outside of raw mode: asks every process
    /// of the job to stop, including this one.
    pub fn ask_to_stop() {
        if can_be_continued() {
            let _ = kill(Pid::from_raw(0), Signal::SIGTSTP);
        }
    }

    /// Stops this process until it is continued.
    pub fn stop() -> io::Result<()> {
        if can_be_continued() { raise(SIGSTOP) } else { Ok(()) }
    }

    /// Returns whether a shell could continue this process. If none could (an orphaned
    /// process group), the kernel ignores SIGTSTP, but not SIGSTOP.
    fn can_be_continued() -> bool {
        let parent = getppid();
        let session = getsid(None);
        let same_session = session.is_ok() && getsid(Some(parent)) == session;
        let parent_leads = session == Ok(parent) && getpgid(Some(parent)) == Ok(getpgrp());
        same_session && !parent_leads
    }
}

#[cfg(not(unix))]
mod system {
    use super::{LoopEvent, Sender, io};

    /// This platform has no such signals.
    pub fn listen<A>(_: &Sender<LoopEvent<A>>) -> io::Result<()> {
        Ok(())
    }

    /// This platform has no such signals.
    pub fn end_as_signalled(_: i32) -> io::Result<()> {
        Ok(())
    }

    /// A console has no jobs.
    pub fn ask_to_stop() {}

    /// A console has no jobs.
    pub fn stop() -> io::Result<()> {
        Ok(())
    }
}
