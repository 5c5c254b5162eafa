//! A recorder for a stream in production.

use super::event::{Case, Event, Operation, SinkFault};
use super::layout::layout_at;
use super::model::{AbstractState, FlushRule, Model};
use super::specified::{ObservedPut, Steps};
use super::trace::Trace;
use crate::stream::{Outcome, Output, Put, Rules, Shape, SpecifiedRules, Stream, StreamRefusal};
use alloc::{vec, vec::Vec};
use bytes::Bytes;

/// A [`Stream`] that remembers its last operations, to be dumped as a [`Trace`]
/// after an incident. It has the same methods as the stream.
///
/// It keeps only lengths, never a byte of the data, in a ring of fixed size: a note
/// for each operation that requires a decision of the stream, with the stream's
/// numbers before it, and a note for each put. It does not note buffered writes that
/// fit the buffer: in the trace, those between two notes become one write, which
/// leaves the stream in the same state. PERFORMANCE.md states the cost: 2% of the
/// stream's own time.
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
/// # Ok::<(), sealpack_core::stream::StreamRefusal>(())
/// ```
// The stream comes first: see its own field order.
#[derive(Debug)]
#[repr(C)]
pub struct FlightRecorder<R: Rules = SpecifiedRules> {
    stream: Stream<R>,
    ring: FlightRing,
}

/// The last notes. The size of the ring is a power of two, so that a mask yields the
/// index of the next note.
#[derive(Debug)]
struct FlightRing {
    notes: Vec<FlightNote>,
    /// The number of notes taken so far.
    taken: usize,
}

/// The largest ring: 400 MB.
const MAX_NOTES: usize = 1 << 24;

/// A note. The note of an operation has the stream's numbers before it, so a trace can
/// begin at the oldest operation in the ring, whichever that is.
#[derive(Clone, Copy, Debug, Default)]
struct FlightNote {
    /// A tag in the lowest bits; the other bits are a number of bytes.
    what: u64,
    capacity: u32,
    filled: u32,
    pending: u32,
}

/// The kinds of notes.
mod tag {
    pub(super) const BUFFERED: u64 = 0;
    /// A zero-copy write of one extent.
    pub(super) const OWNED: u64 = 1;
    /// A zero-copy write of many extents; a note for each follows.
    pub(super) const EXTENTS: u64 = 2;
    pub(super) const FLUSH: u64 = 3;
    pub(super) const CLOSE: u64 = 4;
    /// Not an operation: the numbers at the end.
    pub(super) const END: u64 = 5;
    /// From here on the notes have no numbers.
    pub(super) const EXTENT: u64 = 6;
    pub(super) const PUT: u64 = 7;
    /// The previous output failed. For a put, the number is one more than the bytes
    /// taken; for the sink's flush and close it is 0.
    pub(super) const FAILED: u64 = 8;
    /// The previous operation was refused and left the stream as it was.
    pub(super) const REFUSED: u64 = 9;
    pub(super) const BITS: u32 = 4;
}

impl FlightNote {
    #[inline]
    const fn new(tag: u64, bytes: usize) -> Self {
        let what = (bytes as u64) << tag::BITS | tag;
        FlightNote { what, capacity: 0, filled: 0, pending: 0 }
    }

    const fn tag(self) -> u64 {
        self.what & ((1 << tag::BITS) - 1)
    }

    fn bytes(self) -> usize {
        usize::try_from(self.what >> tag::BITS).unwrap_or(usize::MAX)
    }

    fn numbers(self) -> AbstractState {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        AbstractState {
            capacity: number(self.capacity),
            filled: number(self.filled),
            pending: number(self.pending),
        }
    }
}

impl FlightRing {
    #[inline]
    fn push(&mut self, note: FlightNote) {
        let at = self.taken & self.notes.len().wrapping_sub(1);
        if let Some(place) = self.notes.get_mut(at) {
            *place = note;
        }
        self.taken = self.taken.wrapping_add(1);
    }

    /// The notes, oldest first.
    fn in_order(&self) -> impl Iterator<Item = FlightNote> {
        let at = self.taken & self.notes.len().wrapping_sub(1);
        let (newer, older) = self.notes.split_at_checked(at).unwrap_or_default();
        let older = if self.taken < self.notes.len() { &[] } else { older };
        older.iter().chain(newer).copied()
    }
}

impl<R: Rules> FlightRecorder<R> {
    /// A recorder with room for `limit` notes of 24 bytes, rounded up to a power of
    /// two: for that many of the last operations, extents of a write of many, and
    /// puts together.
    pub fn new(stream: Stream<R>, limit: usize) -> Self {
        let len = limit.clamp(1, MAX_NOTES).next_power_of_two();
        FlightRecorder {
            stream,
            ring: FlightRing { notes: vec![FlightNote::default(); len], taken: 0 },
        }
    }

    /// See [`Stream::write`].
    ///
    /// # Errors
    /// As there; the same applies to the other methods.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal> {
        if self.stream.copy_if_it_fits(bytes) {
            return Ok(());
        }
        self.write_past_the_buffer(bytes)
    }

    #[cold]
    #[inline(never)]
    fn write_past_the_buffer(&mut self, bytes: &[u8]) -> Result<(), StreamRefusal> {
        self.operation(tag::BUFFERED, bytes.len());
        let answer = self.stream.write(bytes);
        self.answered(answer)
    }

    /// See [`Stream::write_owned`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_owned(&mut self, extent: Bytes) -> Result<(), StreamRefusal> {
        self.operation(tag::OWNED, extent.len());
        let answer = self.stream.write_owned(extent);
        self.answered(answer)
    }

    /// See [`Stream::write_extents`].
    ///
    /// # Errors
    /// As there.
    pub fn write_extents(
        &mut self,
        extents: impl IntoIterator<Item = Bytes>,
    ) -> Result<(), StreamRefusal> {
        self.operation(tag::EXTENTS, 0);
        let FlightRecorder { stream, ring } = &mut *self;
        let extents = extents.into_iter();
        let noted = extents.inspect(|extent| ring.push(FlightNote::new(tag::EXTENT, extent.len())));
        let answer = stream.write_extents(noted);
        self.answered(answer)
    }

    /// See [`Stream::flush`].
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), StreamRefusal> {
        self.operation(tag::FLUSH, 0);
        let answer = self.stream.flush();
        self.answered(answer)
    }

    /// See [`Stream::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&mut self) -> Result<(), StreamRefusal> {
        self.operation(tag::CLOSE, 0);
        let answer = self.stream.close();
        self.answered(answer)
    }

    /// See [`Stream::next_output`].
    #[inline]
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// See [`Stream::completed`].
    #[inline]
    pub fn completed(&mut self, outcome: Outcome) {
        if let Some(len) = self.stream.outputs().put_in_hand() {
            self.ring.push(FlightNote::new(tag::PUT, len));
        }
        if let Outcome::Failed { taken } = outcome {
            self.failed(taken);
        }
        self.stream.completed(outcome);
    }

    #[cold]
    #[inline(never)]
    fn failed(&mut self, taken: usize) {
        let is_put = self.stream.outputs().put_in_hand().is_some();
        let number = if is_put { taken.saturating_add(1) } else { 0 };
        self.ring.push(FlightNote::new(tag::FAILED, number));
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

    /// The last operations, oldest first, and the puts. `name` identifies the stream in
    /// the trace.
    ///
    /// The trace includes puts of the last operation whose outcome the driver has not
    /// reported yet, as if they had succeeded.
    #[must_use]
    pub fn trace(&self, name: &str) -> Trace {
        let left = self.stream.outputs().puts_left().map(|len| FlightNote::new(tag::PUT, len));
        let notes = self.ring.in_order().chain(left).chain([self.note(tag::END, 0)]);
        decode(name, &without_refused(notes), self.stream.shape())
    }

    /// Notes an operation.
    #[inline]
    fn operation(&mut self, tag: u64, bytes: usize) {
        let note = self.note(tag, bytes);
        self.ring.push(note);
    }

    /// A note with the stream's numbers: each is at most `S`, which is at most 2^30.
    #[inline]
    fn note(&self, tag: u64, bytes: usize) -> FlightNote {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        FlightNote {
            capacity: number(self.stream.capacity().unwrap_or(0)),
            filled: number(self.stream.filled_len()),
            pending: number(self.stream.pending_bytes()),
            ..FlightNote::new(tag, bytes)
        }
    }

    #[inline]
    fn answered(&mut self, answer: Result<(), StreamRefusal>) -> Result<(), StreamRefusal> {
        if let Err(StreamRefusal::OutputsWait | StreamRefusal::TooLong) = answer {
            self.ring.push(FlightNote::new(tag::REFUSED, 0));
        }
        answer
    }
}

/// Leaves out the operations that were refused: the puts after them belong to the
/// operation before.
fn without_refused(notes: impl Iterator<Item = FlightNote>) -> Vec<FlightNote> {
    let mut kept: Vec<FlightNote> = Vec::new();
    for note in notes {
        if note.tag() == tag::REFUSED {
            while kept.last().is_some_and(|note| note.tag() == tag::EXTENT) {
                kept.pop();
            }
            kept.pop();
        } else {
            kept.push(note);
        }
    }
    kept
}

/// Decodes the notes into steps. The last note is the end.
fn decode(name: &str, notes: &[FlightNote], shape: Shape) -> Trace {
    // An operation whose own note was overwritten cannot be reported.
    let first = notes.iter().position(|note| note.tag() <= tag::END).unwrap_or(0);
    let mut rest = notes.get(first..).unwrap_or_default();
    let start = rest.first().map(|note| note.numbers()).unwrap_or_default();
    let mut steps = Steps::new(Model::new(shape, FlushRule::Strict), layout_at(start));
    let mut events = Vec::new();
    while let Some((note, after)) = rest.split_first() {
        let followers = after.iter().take_while(|note| note.tag() > tag::END).count();
        let (followers, others) = after.split_at_checked(followers).unwrap_or_default();
        rest = others;
        if let Some(fitted) = steps.catch_up(note.numbers()) {
            let event = Event::buffered(fitted);
            steps.add_observed(&event, false, &[]);
            events.push(event);
        }
        let Some(mut event) = event(*note, followers) else { continue };
        let mut observed = Vec::new();
        for note in followers {
            match note.tag() {
                tag::PUT => observed.push(ObservedPut { len: note.bytes(), failed: None }),
                tag::FAILED => fail(&mut event, &mut observed, note.bytes()),
                _ => {}
            }
        }
        steps.add_observed(&event, false, &observed);
        events.push(event);
    }
    let replay = steps.into_replay(Case { trim: shape.trim, events }, shape);
    Trace { stream: name.into(), rule: FlushRule::Strict, start, replay }
}

/// The event of an operation's note and the notes that follow it; `None` for the end
/// and for a write of no extents.
fn event(note: FlightNote, followers: &[FlightNote]) -> Option<Event> {
    match note.tag() {
        tag::BUFFERED => Some(Event::buffered(note.bytes())),
        tag::OWNED => Some(Event::extents([note.bytes()].to_vec())),
        tag::FLUSH => Some(Event::flush()),
        tag::CLOSE => Some(Event::close()),
        tag::EXTENTS => {
            let extents = followers.iter().filter(|note| note.tag() == tag::EXTENT);
            let lengths: Vec<usize> = extents.map(|note| note.bytes()).collect();
            (!lengths.is_empty()).then(|| Event::extents(lengths))
        }
        _ => None,
    }
}

/// Marks the previous output as failed: the last put, or the sink's flush or close.
fn fail(event: &mut Event, observed: &mut [ObservedPut], number: usize) {
    let nth = observed.len().saturating_sub(1);
    match (observed.last_mut(), number.checked_sub(1)) {
        (Some(put), Some(taken)) => {
            put.failed = Some(taken.min(put.len));
            event.fault = Some(SinkFault::Put { nth, taken: taken.min(put.len) });
        }
        _ if event.operation == Operation::Close => event.fault = Some(SinkFault::Close),
        _ => event.fault = Some(SinkFault::Flush),
    }
}
