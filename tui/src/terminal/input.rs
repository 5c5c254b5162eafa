//! Reads the input of the terminal on separate threads until the terminal is gone.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use crossterm::event::{Event, KeyEventKind};
use ratatui::layout::Size;

use super::message::{LoopEvent, Message};

/// Sends every key, paste and mouse event, and finally that the terminal is gone.
///
/// # Errors
/// The error if no thread can be started.
pub fn listen<A: Send + 'static>(sender: &Sender<LoopEvent<A>>) -> io::Result<()> {
    let sender = sender.clone();
    source::read(move |event| match event {
        Ok(event) => incoming(event).is_none_or(|incoming| sender.send(incoming).is_ok()),
        Err(error) => sender.send(LoopEvent::Lost(error)).is_ok(),
    })
}

fn incoming<A>(event: Event) -> Option<LoopEvent<A>> {
    Some(LoopEvent::Message(match event {
        // Some terminals also report key releases.
        Event::Key(key) if key.kind == KeyEventKind::Release => return None,
        Event::Key(key) => Message::Key(key),
        Event::Mouse(mouse) => Message::Mouse(mouse),
        Event::Paste(text) => Message::Paste(text),
        Event::Resize(width, height) => Message::Resize(Size { width, height }),
        Event::FocusGained | Event::FocusLost => return None,
    }))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// One thread waits for bytes and another decodes them, so that the decoder can give up
/// an unfinished sequence while no bytes come.
#[cfg(unix)]
mod source {
    use std::io::{self, Read};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
    use std::thread;
    use std::time::Duration;

    use crossterm::event::Event;

    use super::spawn;
    use crate::terminal::decode::InputDecoder;

    type Chunk = io::Result<Vec<u8>>;

    /// Passes every event to `take` until `take` returns `false` or the terminal is gone.
    pub fn read(take: impl FnMut(io::Result<Event>) -> bool + Send + 'static) -> io::Result<()> {
        let (sender, chunks) = sync_channel(64);
        spawn("sealpack-input", move || read_bytes(&sender))?;
        spawn("sealpack-keys", move || decode(&chunks, take))
    }

    fn read_bytes(sender: &SyncSender<Chunk>) {
        // Larger than the buffer of standard input, so that reads bypass that buffer.
        let mut bytes = vec![0; 64 << 10];
        let mut input = io::stdin().lock();
        loop {
            let chunk = match input.read(&mut bytes) {
                // A terminal in raw mode has no end of file: it is gone.
                Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal is gone")),
                Ok(length) => Ok(bytes.get(..length).unwrap_or_default().to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Another program on the terminal left it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(error) => Err(error),
            };
            let is_lost = chunk.is_err();
            if sender.send(chunk).is_err() || is_lost {
                return;
            }
        }
    }

    fn decode(chunks: &Receiver<Chunk>, mut take: impl FnMut(io::Result<Event>) -> bool) {
        let mut decoder = InputDecoder::default();
        let mut events = Vec::new();
        loop {
            let chunk = match decoder.timeout() {
                None => chunks.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(timeout) => chunks.recv_timeout(timeout),
            };
            match chunk {
                Ok(Ok(bytes)) => decoder.feed(&bytes, &mut events),
                Ok(Err(error)) => {
                    take(Err(error));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => decoder.expire(&mut events),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for event in events.drain(..) {
                if !take(Ok(event)) {
                    return;
                }
            }
        }
    }
}

/// On other platforms the console reports events itself.
#[cfg(not(unix))]
mod source {
    use std::io;

    use crossterm::event::{self, Event};

    use super::spawn;

    /// Passes every event to `take` until `take` returns `false` or the console is gone.
    pub fn read(
        mut take: impl FnMut(io::Result<Event>) -> bool + Send + 'static,
    ) -> io::Result<()> {
        spawn("sealpack-keys", move || {
            loop {
                let event = event::read();
                let is_lost = event.is_err();
                if !take(event) || is_lost {
                    return;
                }
            }
        })
    }
}
