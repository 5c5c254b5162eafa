//! Work on separate threads: it can be stopped, and it sends its results.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use super::message::{LoopEvent, Message};

/// The queue for answers.
pub struct Outbox<A>(Arc<dyn Fn(A) + Send + Sync>);

impl<A> Clone for Outbox<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Send + 'static> Outbox<A> {
    pub(super) fn new(sender: Sender<LoopEvent<A>>) -> Self {
        // After the program has ended the answer is dropped, which is no error.
        Self(Arc::new(move |answer| drop(sender.send(LoopEvent::Message(Message::Answer(answer))))))
    }

    /// Returns a queue for the answers of a part of the program, which `into` converts to
    /// answers of the program.
    #[must_use]
    pub fn map<B: Send + 'static>(
        &self,
        into: impl Fn(B) -> A + Send + Sync + 'static,
    ) -> Outbox<B> {
        let to = self.clone();
        Outbox(Arc::new(move |answer| to.send(into(answer))))
    }

    /// Returns whether no worker is left that could send an answer.
    #[cfg(test)]
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Sends an answer.
    pub fn send(&self, answer: A) {
        (self.0)(answer);
    }
}

/// A request to stop, shared with some work.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Returns whether the work should stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Requests the work to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The work in flight of one kind: starting new work stops the previous work.
#[derive(Debug, Default)]
pub struct Slot {
    stop: StopFlag,
}

impl Slot {
    /// Starts work on a separate thread.
    ///
    /// If no thread can be started, the answer of `refused` is sent.
    pub fn start<A: Send + 'static>(
        &mut self,
        outbox: &Outbox<A>,
        refused: impl FnOnce(std::io::Error) -> A,
        work: impl FnOnce(&StopFlag, &Outbox<A>) + Send + 'static,
    ) {
        self.stop();
        let stop = StopFlag::default();
        self.stop = stop.clone();
        let to = outbox.clone();
        let spawned =
            thread::Builder::new().name("sealpack-work".into()).spawn(move || work(&stop, &to));
        if let Err(error) = spawned {
            outbox.send(refused(error));
        }
    }

    /// Requests the work in flight to stop.
    pub fn stop(&self) {
        self.stop.set();
    }
}
