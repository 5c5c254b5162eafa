//! A recorder around a stream in production.

use super::event::{Case, Event, Operation, SinkFault};
use super::layout::layout_at;
use super::model::{Abstract, FlushRule, Model};
use super::specified::{SeenPut, Steps};
use super::trace::Trace;
use crate::stream::{Faithful, Outcome, Output, Put, Refused, Rules, Shape, Stream};
use alloc::vec::Vec;
use bytes::Bytes;
use core::mem;

/// A [`Stream`] that remembers its last operations, to be dumped as a [`Trace`]
/// after an incident. It has the stream's operations and answers.
///
/// It keeps only lengths, never a byte of the data, in a ring that does not grow: a
/// word for each operation that requires a decision of the stream, and one for each
/// put. It does not note buffered writes that fit the buffer: those between two
/// other events become one write, which leaves the stream in the same state. In the
/// stream's benchmark (`cargo bench -p sealpack-core --bench stream`) a recorded
/// stream takes about 1.3 times as long with writes of mixed kinds, 4 ns more for
/// each.
///
/// ```
/// use bytes::Bytes;
/// use sealpack_core::check::FlightRecorder;
/// use sealpack_core::stream::{BufferSize, Outcome, Shape, Stream};
///
/// let shape = Shape::exactly(BufferSize::new(5).unwrap());
/// let mut stream = FlightRecorder::new(Stream::new(shape), 1000);
/// stream.write_owned(Bytes::from_static(b"mixe"))?;
/// stream.write(b"d wr")?;
/// stream.flush()?;
/// while let Some(_output) = stream.next_output() {
///     stream.completed(Outcome::Done); // after carrying it out
/// }
/// let trace = stream.trace("uploads of the night");
/// assert_eq!(trace.replay.line(), "trim=1 writes=z4,b4,f puts=4+1|3");
/// # Ok::<(), sealpack_core::stream::Refused>(())
/// ```
// The stream comes first: see its own field order.
#[derive(Debug)]
#[repr(C)]
pub struct FlightRecorder<R: Rules = Faithful> {
    stream: Stream<R>,
    /// `E` after the last note.
    filled: usize,
    recent: Half,
    older: Half,
    limit: usize,
    forgotten: bool,
    /// Whether the output in the driver's hand is a put.
    put_in_hand: bool,
}

/// Half of the ring: when it is full, it becomes the older half.
#[derive(Debug, Default)]
struct Half {
    start: Abstract,
    notes: Vec<u64>,
}

/// The kind of a word of the ring, in its lowest bits; the other bits are a number
/// of bytes.
mod tag {
    pub(super) const BUFFERED: u64 = 0;
    /// Buffered writes that fitted, added up.
    pub(super) const FITTED: u64 = 1;
    pub(super) const EXTENT: u64 = 2;
    /// A further extent of the same write.
    pub(super) const FURTHER: u64 = 3;
    pub(super) const FLUSH: u64 = 4;
    pub(super) const CLOSE: u64 = 5;
    pub(super) const PUT: u64 = 6;
    /// The previous output failed. For a put, the number is one more than the bytes
    /// taken; for the sink's flush and close it is 0.
    pub(super) const FAILED: u64 = 7;
    pub(super) const BITS: u32 = 3;
}

const fn note(tag: u64, bytes: usize) -> u64 {
    (bytes as u64) << tag::BITS | tag
}

impl<R: Rules> FlightRecorder<R> {
    /// A recorder that remembers at least the last `limit` operations and puts, in
    /// 16 bytes for each. The stream must be at rest.
    pub fn new(stream: Stream<R>, limit: usize) -> Self {
        let half = || Half { start: Abstract::default(), notes: Vec::with_capacity(limit) };
        let mut recorder = FlightRecorder {
            filled: stream.filled_len(),
            stream,
            recent: half(),
            older: half(),
            limit,
            forgotten: false,
            put_in_hand: false,
        };
        recorder.recent.start = recorder.state();
        recorder
    }

    /// See [`Stream::write`].
    ///
    /// # Errors
    /// As there; the same applies to the other methods.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.stream.copies(bytes) {
            return Ok(());
        }
        self.write_past_the_buffer(bytes)
    }

    #[cold]
    #[inline(never)]
    fn write_past_the_buffer(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.operation(note(tag::BUFFERED, bytes.len()));
        let answer = self.stream.write(bytes);
        self.filled = self.stream.filled_len();
        answer
    }

    /// See [`Stream::write_owned`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_owned(&mut self, extent: Bytes) -> Result<(), Refused> {
        self.operation(note(tag::EXTENT, extent.len()));
        let answer = self.stream.write_owned(extent);
        self.filled = self.stream.filled_len();
        answer
    }

    /// See [`Stream::write_extents`].
    ///
    /// # Errors
    /// As there.
    pub fn write_extents(
        &mut self,
        extents: impl IntoIterator<Item = Bytes>,
    ) -> Result<(), Refused> {
        let FlightRecorder { stream, recent, .. } = {
            self.make_room();
            &mut *self
        };
        let mut tag = tag::EXTENT;
        let noted = extents.into_iter().inspect(|extent| {
            recent.notes.push(note(mem::replace(&mut tag, tag::FURTHER), extent.len()));
        });
        let answer = stream.write_extents(noted);
        self.filled = self.stream.filled_len();
        answer
    }

    /// See [`Stream::flush`].
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), Refused> {
        self.operation(tag::FLUSH);
        let answer = self.stream.flush();
        self.filled = self.stream.filled_len();
        answer
    }

    /// See [`Stream::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&mut self) -> Result<(), Refused> {
        self.operation(tag::CLOSE);
        let answer = self.stream.close();
        self.filled = self.stream.filled_len();
        answer
    }

    /// See [`Stream::next_output`].
    #[inline]
    pub fn next_output(&mut self) -> Option<Output> {
        let output = self.stream.next_output()?;
        if let Output::Put(put) = &output {
            self.recent.notes.push(note(tag::PUT, put.len()));
        }
        self.put_in_hand = matches!(output, Output::Put(_));
        Some(output)
    }

    /// See [`Stream::completed`].
    #[inline]
    pub fn completed(&mut self, outcome: Outcome) {
        if let Outcome::Failed { taken } = outcome {
            let of_put = if self.put_in_hand { taken.saturating_add(1) } else { 0 };
            self.recent.notes.push(note(tag::FAILED, of_put));
            self.stream.completed(outcome);
            self.filled = self.stream.filled_len();
        } else {
            self.stream.completed(outcome);
        }
    }

    /// See [`Stream::recycle`].
    #[inline]
    pub fn recycle(&mut self, put: Put) {
        self.stream.recycle(put);
    }

    /// The stream, for its accessors.
    pub fn stream(&self) -> &Stream<R> {
        &self.stream
    }

    /// The last operations, oldest first, and the puts. `name` says which stream
    /// this is.
    #[must_use]
    pub fn trace(&self, name: &str) -> Trace {
        let shape = self.stream.shape();
        let start = if self.forgotten { self.older.start } else { self.recent.start };
        let mut notes = Vec::new();
        if self.forgotten {
            notes.extend_from_slice(&self.older.notes);
        }
        notes.extend_from_slice(&self.recent.notes);
        let fitted = self.stream.filled_len().saturating_sub(self.filled);
        notes.extend((fitted > 0).then_some(note(tag::FITTED, fitted)));
        let replay = decode(&notes, start, shape);
        Trace { stream: name.into(), rule: FlushRule::Strict, start, replay }
    }

    /// Notes an operation, and before it the writes that have fitted.
    #[inline]
    fn operation(&mut self, operation: u64) {
        self.make_room();
        self.recent.notes.push(operation);
    }

    #[inline]
    fn make_room(&mut self) {
        if self.recent.notes.len() >= self.limit {
            self.forget();
        }
        let fitted = self.stream.filled_len().saturating_sub(self.filled);
        if fitted > 0 {
            self.recent.notes.push(note(tag::FITTED, fitted));
        }
    }

    /// Discards the older half.
    #[cold]
    #[inline(never)]
    fn forget(&mut self) {
        mem::swap(&mut self.recent, &mut self.older);
        self.recent.notes.clear();
        self.filled = self.stream.filled_len();
        self.recent.start = self.state();
        self.forgotten = true;
    }

    fn state(&self) -> Abstract {
        Abstract {
            capacity: self.stream.capacity().unwrap_or(0),
            filled: self.stream.filled_len(),
            pending: self.stream.pending_bytes(),
        }
    }
}

/// Decodes the notes into steps.
fn decode(notes: &[u64], start: Abstract, shape: Shape) -> super::frame::Replay {
    let model = Model::new(shape, FlushRule::Strict);
    let mut steps = Steps::new(model, layout_at(start));
    let mut events = Vec::new();
    let mut rest = notes;
    while let Some((first, mut after)) = rest.split_first() {
        let mut event = match first & ((1 << tag::BITS) - 1) {
            tag::BUFFERED | tag::FITTED => Event::buffered(bytes_of(*first)),
            tag::EXTENT => {
                let further = count(after, tag::FURTHER);
                let (list, behind) = after.split_at_checked(further).unwrap_or_default();
                after = behind;
                let lengths = core::iter::once(first).chain(list).map(|note| bytes_of(*note));
                Event::extents(lengths.collect())
            }
            tag::FLUSH => Event::flush(),
            tag::CLOSE => Event::close(),
            _ => {
                rest = after;
                continue;
            }
        };
        let mut seen = Vec::new();
        while let Some((note, behind)) = after.split_first() {
            match note & ((1 << tag::BITS) - 1) {
                tag::PUT => seen.push(SeenPut { len: bytes_of(*note), failed: None }),
                tag::FAILED => fail(&mut event, &mut seen, bytes_of(*note)),
                _ => break,
            }
            after = behind;
        }
        steps.seen(&event, false, &seen);
        events.push(event);
        rest = after;
    }
    steps.into_replay(Case { trim: shape.trim, events }, shape)
}

/// Marks the previous output as failed: the last put, or the sink's flush or close.
fn fail(event: &mut Event, seen: &mut [SeenPut], number: usize) {
    let nth = seen.len().saturating_sub(1);
    match (seen.last_mut(), number.checked_sub(1)) {
        (Some(put), Some(taken)) => {
            put.failed = Some(taken.min(put.len));
            event.fault = Some(SinkFault::Put { nth, taken: taken.min(put.len) });
        }
        _ if event.operation == Operation::Close => event.fault = Some(SinkFault::Close),
        _ => event.fault = Some(SinkFault::Flush),
    }
}

fn count(notes: &[u64], tag: u64) -> usize {
    notes.iter().take_while(|note| *note & ((1 << tag::BITS) - 1) == tag).count()
}

fn bytes_of(note: u64) -> usize {
    usize::try_from(note >> tag::BITS).unwrap_or(usize::MAX)
}
