//! The stream as the driver sees it.

use super::state::State;
use crate::stream::{Outcome, Output, Put, Rules, Shape, Stream, StreamRefusal};
use bytes::Bytes;

/// What the driver calls of a stream: the methods of [`Stream`], without its rules.
///
/// The shipped stream is driven directly, for speed. Streams with a seeded bug are
/// driven through a pointer, so that the driver is compiled once for all of them: it was
/// a third of the checker's machine code.
pub(super) trait DrivenStream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal>;
    fn write_owned(&mut self, extent: Bytes) -> Result<(), StreamRefusal>;
    fn write_extents(&mut self, extents: &[Bytes]) -> Result<(), StreamRefusal>;
    fn flush(&mut self) -> Result<(), StreamRefusal>;
    fn close(&mut self) -> Result<(), StreamRefusal>;
    fn next_output(&mut self) -> Option<Output>;
    fn completed(&mut self, outcome: Outcome);
    fn recycle(&mut self, put: Put);
    fn taken(&self) -> u64;
    fn shape(&self) -> Shape;
    fn filled(&self) -> &[u8];
    /// The numbers that the stream shows, and `Z + E` as it adds them up.
    fn numbers(&self) -> (State, usize);
    /// Visits the waiting extents.
    fn each_pending(&self, visit: &mut dyn FnMut(&[u8]));
}

impl<R: Rules> DrivenStream for Stream<R> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal> {
        Stream::write(self, bytes)
    }

    #[inline]
    fn write_owned(&mut self, extent: Bytes) -> Result<(), StreamRefusal> {
        Stream::write_owned(self, extent)
    }

    #[inline]
    fn write_extents(&mut self, extents: &[Bytes]) -> Result<(), StreamRefusal> {
        Stream::write_extents(self, extents.iter().cloned())
    }

    fn flush(&mut self) -> Result<(), StreamRefusal> {
        Stream::flush(self)
    }

    fn close(&mut self) -> Result<(), StreamRefusal> {
        Stream::close(self)
    }

    #[inline]
    fn next_output(&mut self) -> Option<Output> {
        Stream::next_output(self)
    }

    #[inline]
    fn completed(&mut self, outcome: Outcome) {
        Stream::completed(self, outcome);
    }

    #[inline]
    fn recycle(&mut self, put: Put) {
        Stream::recycle(self, put);
    }

    fn taken(&self) -> u64 {
        Stream::taken(self)
    }

    fn shape(&self) -> Shape {
        Stream::shape(self)
    }

    #[inline]
    fn filled(&self) -> &[u8] {
        Stream::filled(self)
    }

    #[inline]
    fn numbers(&self) -> (State, usize) {
        let capacity = self.capacity();
        let state = State {
            capacity: capacity.unwrap_or(0),
            has_buffer: capacity.is_some(),
            filled: self.filled_len(),
            pending: self.pending_bytes(),
            extents: self.pending().len(),
            real: self.pending().map(<[u8]>::len).sum(),
        };
        (state, self.waiting())
    }

    #[inline]
    fn each_pending(&self, visit: &mut dyn FnMut(&[u8])) {
        self.pending().for_each(visit);
    }
}
