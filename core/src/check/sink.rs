//! A sink that a stream under test can own.

use super::recorder::Recorder;
use super::state::Failed;
use crate::stream::{BufferSize, Shape};
use alloc::sync::Arc;
use bytes::Bytes;
use core::mem;
use std::io::{self, IoSlice, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The checker's sink for a stream that owns its sink.
///
/// A [`Subject`](super::Subject) borrows the [`Recorder`] for each call. A stream
/// that took its sink when it was made, as `std::io::BufWriter` does, gets a clone
/// of this type instead, and the adapter *lends* it the recorder during a call: the
/// recorder receives the stream's writes, and the faults of a case reach the
/// stream. It is a [`Write`], where a put that fails after some bytes is a short
/// write followed by an error; other sinks call [`put`](Sink::put),
/// [`flush`](Sink::flush) and [`close`](Sink::close).
///
/// Outside such a call, every write is an error.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<SinkState>>);

#[derive(Debug, Default)]
struct SinkState {
    recorder: Option<Recorder>,
    /// A short write was returned; the next write returns its error.
    fails: bool,
}

impl Sink {
    /// A sink without a recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends the recorder to all clones of this sink during a call.
    pub fn lend<T>(&self, recorder: &mut Recorder, call: impl FnOnce() -> T) -> T {
        let empty = Recorder::new(Shape::at_least(BufferSize::SMALLEST));
        self.lock().recorder = Some(mem::replace(recorder, empty));
        let answer = call();
        if let Some(lent) = self.lock().recorder.take() {
            *recorder = lent;
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, SinkState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`Recorder::put`].
    ///
    /// # Errors
    /// As there; 0 outside a call.
    pub fn put(&self, extents: &[Bytes]) -> Result<(), usize> {
        self.lock().recorder.as_mut().map_or(Err(0), |recorder| recorder.put(extents))
    }

    /// See [`Recorder::flush`].
    ///
    /// # Errors
    /// [`Failed`] if the case makes the flush fail, and outside a call.
    pub fn flush(&self) -> Result<(), Failed> {
        self.lock().recorder.as_mut().map_or(Err(Failed), Recorder::flush)
    }

    /// See [`Recorder::close`].
    ///
    /// # Errors
    /// As for [`flush`](Sink::flush).
    pub fn close(&self) -> Result<(), Failed> {
        self.lock().recorder.as_mut().map_or(Err(Failed), Recorder::close)
    }
}

fn write_error() -> io::Error {
    io::Error::other("the checker makes this write fail")
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if mem::take(&mut self.lock().fails) {
            return Err(write_error());
        }
        let extents: alloc::vec::Vec<Bytes> =
            slices.iter().map(|slice| Bytes::copy_from_slice(slice)).collect();
        match self.put(&extents) {
            Ok(()) => Ok(extents.iter().map(Bytes::len).sum()),
            Err(0) => Err(write_error()),
            Err(taken) => {
                self.lock().fails = true;
                Ok(taken)
            }
        }
    }

    /// Does nothing: a stream also calls this when it flushes its own bytes. The
    /// adapter calls [`Sink::flush`], once, if the stream has a flush.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
