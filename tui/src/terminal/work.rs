//! Work on threads of its own: it can be stopped, and what it comes to is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use super::message::{Incoming, Message};

/// Where answers go.
pub struct Outbox<A>(Arc<Sender<Incoming<A>>>);

impl<A> Clone for Outbox<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Outbox<A> {
    pub(super) fn new(sender: Sender<Incoming<A>>) -> Self {
        Self(Arc::new(sender))
    }

    /// Whether nobody works any more who could send something.
    #[cfg(test)]
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Sends an answer. When the program has ended nobody takes it any more,
    /// which is no error.
    pub fn send(&self, answer: A) {
        let _ = self.0.send(Incoming::Message(Message::Answer(answer)));
    }
}

/// Something that works until it is done or told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether it was told to.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells it to.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The work under way of one kind: starting it anew stops what went before.
#[derive(Debug, Default)]
pub struct Slot {
    stop: Stop,
}

impl Slot {
    /// Starts work on a thread of its own.
    ///
    /// Where no thread can be started the answer of `refused` is sent.
    pub fn start<A: Send + 'static>(
        &mut self,
        outbox: &Outbox<A>,
        refused: impl FnOnce(std::io::Error) -> A,
        work: impl FnOnce(&Stop, &Outbox<A>) + Send + 'static,
    ) {
        self.stop();
        let stop = Stop::default();
        self.stop = stop.clone();
        let to = outbox.clone();
        let spawned =
            thread::Builder::new().name("sealpack-work".into()).spawn(move || work(&stop, &to));
        if let Err(error) = spawned {
            outbox.send(refused(error));
        }
    }

    /// Tells the work under way to stop.
    pub fn stop(&self) {
        self.stop.ask();
    }
}
