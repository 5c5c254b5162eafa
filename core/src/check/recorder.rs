//! The checking sink: it keeps every buffer to the end, and then looks at it again.

use super::event::{Operation, SinkFault};
use super::form::{Form, push_number};
use super::invariant::{Broken, Observation};
use super::state::{Failed, State};
use crate::stream::Shape;
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::ops::Range;

/// An extent that the sink received.
#[derive(Debug)]
pub(super) struct ReceivedExtent {
    pub(super) at: usize,
    pub(super) bytes: Bytes,
    pub(super) zero_copy: bool,
    right: bool,
}

/// A put that the sink received: the kept extents of the put, and how many bytes
/// the sink took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PutRecord {
    pub(super) kept: Range<usize>,
    pub(super) len: usize,
    /// How many bytes the sink took, if the put failed.
    pub(super) failed: Option<usize>,
}

/// The sink that a stream under test writes to. It judges the invariants while the
/// stream writes to it.
///
/// # Why it notices every misplaced byte
///
/// The byte at position `p` of the stream has the value `p mod 256`, so in a case
/// of up to 256 bytes each byte is the only one with its value: a lost, doubled,
/// moved or stale byte in the wrong place differs from the right one. A longer case
/// is run once more for each further digit of its positions in base 256, with that
/// digit as the value. No decision of a stream looks at a byte, so the runs do the
/// same, and two bytes that agree in every run have the same position.
///
/// The checker never compares the bytes of a buffer that was handed over: its
/// extents must lie in the very memory that was passed in, at the offset of their
/// position.
#[derive(Debug)]
pub struct Recorder {
    shape: Shape,
    source: Bytes,
    written: usize,
    taken: usize,
    /// The parts of the stream that zero-copy writes wrote.
    handed_over: Vec<Range<usize>>,
    kept: Vec<ReceivedExtent>,
    puts: Vec<PutRecord>,
    closes: usize,
    closed: bool,
    failed: bool,
    call: Call,
    observations: Vec<Observation>,
    broken: Broken,
    probes: bool,
    drops_puts: bool,
    has_flush: bool,
}

/// The events of the current call, or of the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    kind: CallKind,
    fault: Option<SinkFault>,
    puts: usize,
    /// A put was not full: it must be the last.
    short: bool,
    flushed: bool,
    closed: bool,
    struck: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CallKind {
    #[default]
    Write,
    Flush,
    Close,
}

impl Recorder {
    pub(super) fn new(shape: Shape) -> Self {
        Recorder {
            shape,
            source: Bytes::new(),
            written: 0,
            taken: 0,
            handed_over: Vec::new(),
            kept: Vec::new(),
            puts: Vec::new(),
            closes: 0,
            closed: false,
            failed: false,
            call: Call::default(),
            observations: Vec::new(),
            broken: Broken::NONE,
            probes: false,
            drops_puts: false,
            has_flush: true,
        }
    }

    /// Sets whether the stream has a flush, so that the sink expects one.
    pub(super) fn set_has_flush(&mut self, has_flush: bool) {
        self.has_flush = has_flush;
    }

    /// Sets whether the driver of this crate's stream tries, from here on,
    /// everything that must be refused or must change nothing.
    pub(super) fn set_probes(&mut self, probes: bool) {
        self.probes = probes;
    }

    pub(super) fn probes(&self) -> bool {
        self.probes
    }

    /// Sets whether the sink drops what it was given, from here on, so that the
    /// stream may reuse its memory. Otherwise the sink keeps every buffer, to look
    /// at each once more.
    pub(super) fn set_drops_puts(&mut self, drops_puts: bool) {
        self.drops_puts = drops_puts;
    }

    pub(super) fn drops_puts(&self) -> bool {
        self.drops_puts
    }

    /// Forgets everything except the allocated memory.
    pub(super) fn begin(&mut self, shape: Shape, source: Bytes) {
        self.shape = shape;
        self.source = source;
        self.written = 0;
        self.taken = 0;
        self.handed_over.clear();
        self.kept.clear();
        self.puts.clear();
        self.closes = 0;
        self.closed = false;
        self.failed = false;
        self.observations.clear();
        self.broken = Broken::NONE;
    }

    pub(super) fn begin_call(&mut self, operation: &Operation, fault: Option<SinkFault>) {
        let kind = match operation {
            Operation::Buffered(_) | Operation::ZeroCopy(_) => CallKind::Write,
            Operation::Flush => CallKind::Flush,
            Operation::Close => CallKind::Close,
        };
        self.call = Call { kind, fault, ..Call::default() };
        // A closed stream refuses: it does not write the bytes.
        if self.closed {
            return;
        }
        let start = self.written;
        self.written = start.saturating_add(operation.bytes());
        // A zero-copy write of no bytes cannot be copied, whatever its position.
        if matches!(operation, Operation::ZeroCopy(_)) && start < self.written {
            self.handed_over.push(start..self.written);
        }
    }

    /// One write of a list of extents to the sink.
    ///
    /// # Errors
    /// The number of bytes that the sink took, if the case lets the put fail.
    pub fn put(&mut self, extents: &[Bytes]) -> Result<(), usize> {
        let len = extents.iter().map(Bytes::len).sum();
        self.put_views(len, extents.iter().cloned())
    }

    /// A put of `len` bytes in views, which the sink keeps.
    pub(super) fn put_views(
        &mut self,
        len: usize,
        extents: impl Iterator<Item = Bytes>,
    ) -> Result<(), usize> {
        if self.failed || self.call.struck || self.closed {
            self.see(Observation::OutputAfterFailure);
            return if self.closed { Ok(()) } else { Err(0) };
        }
        if self.call.flushed {
            self.see(Observation::SinkCallMisplaced);
        }
        self.judge_size(len);
        let first = self.kept.len();
        let mut at = self.taken;
        for extent in extents {
            let end = at.saturating_add(extent.len());
            self.judge_extent(at, extent);
            at = end;
        }
        if at > self.written {
            self.see(Observation::TooMuchPut { written: self.written });
        }
        let nth = self.call.puts;
        self.call.puts = nth.saturating_add(1);
        let failed = match self.call.fault {
            Some(SinkFault::Put { nth: n, taken }) if n == nth => Some(taken.min(len)),
            _ => None,
        };
        self.puts.push(PutRecord { kept: first..self.kept.len(), len, failed });
        self.taken = self.taken.saturating_add(failed.unwrap_or(len));
        self.call.struck |= failed.is_some();
        failed.map_or(Ok(()), Err)
    }

    /// A flush of the sink.
    ///
    /// # Errors
    /// [`Failed`] if the case lets the flush fail.
    pub fn flush(&mut self) -> Result<(), Failed> {
        if self.failed || self.call.struck {
            self.see(Observation::OutputAfterFailure);
            return Err(Failed);
        }
        if self.call.kind == CallKind::Write || self.call.flushed || self.closed {
            self.see(Observation::SinkCallMisplaced);
        }
        self.call.flushed = true;
        self.strike(SinkFault::Flush)
    }

    /// A close of the sink.
    ///
    /// # Errors
    /// [`Failed`] if the case lets the close fail.
    pub fn close(&mut self) -> Result<(), Failed> {
        let failed = self.failed || self.call.struck;
        if self.call.kind != CallKind::Close || (!failed && self.has_flush && !self.call.flushed) {
            self.see(Observation::SinkCallMisplaced);
        }
        self.closes = self.closes.saturating_add(1);
        self.call.closed = true;
        self.strike(SinkFault::Close)
    }

    fn strike(&mut self, fault: SinkFault) -> Result<(), Failed> {
        if self.call.fault == Some(fault) {
            self.call.struck = true;
            return Err(Failed);
        }
        Ok(())
    }

    /// Judges the size of a put: Shape, Bound and the empty put.
    fn judge_size(&mut self, len: usize) {
        let size = self.shape.buffer_size.get();
        let full = if self.shape.trim { len == size } else { len >= size };
        // The caller may always write again, so a put of a write is never known to
        // be the last; a put of a flush is the last unless another follows.
        if self.call.short || (self.call.kind == CallKind::Write && !full) {
            self.see(Observation::NotFull { len });
        }
        self.call.short = !full;
        let bound = match (self.shape.trim, self.call.kind) {
            (true, _) => size,
            (false, CallKind::Write) => usize::MAX,
            (false, _) => size.saturating_mul(2).saturating_sub(1),
        };
        if len > bound {
            self.see(Observation::AboveBound { len, bound });
        }
        if len == 0 {
            self.see(Observation::EmptyPut);
        }
    }

    /// Judges an extent: Order, zero copy and the empty extent.
    fn judge_extent(&mut self, at: usize, extent: Bytes) {
        let end = at.saturating_add(extent.len());
        if extent.is_empty() {
            self.see(Observation::EmptyExtent);
        }
        let offset = self.offset_in_source(&extent);
        let right = match offset {
            Some(offset) => offset == at,
            None => self.source.get(at..end).is_some_and(|expected| expected == extent),
        };
        if !right && end <= self.written {
            let position = self.first_difference(at, &extent);
            self.see(Observation::WrongByte { position });
        }
        let overlaps = |range: &Range<usize>| range.start < end && at < range.end;
        if right && offset.is_none() && !extent.is_empty() && self.handed_over.iter().any(overlaps)
        {
            self.see(Observation::Copied { position: at, len: extent.len() });
        }
        let zero_copy = offset.is_some();
        let bytes = match self.source.get(at..end) {
            Some(_) if self.drops_puts && right => self.source.slice(at..end),
            _ if self.drops_puts => Bytes::copy_from_slice(&extent),
            _ => extent,
        };
        self.kept.push(ReceivedExtent { at, bytes, zero_copy, right });
    }

    fn first_difference(&self, at: usize, extent: &[u8]) -> usize {
        let expected = self.source.get(at..).unwrap_or_default();
        let same = expected.iter().zip(extent).take_while(|(a, b)| a == b).count();
        at.saturating_add(same)
    }

    /// The offset of an extent in the checker's own memory, if it lies there.
    pub(super) fn offset_in_source(&self, extent: &[u8]) -> Option<usize> {
        let start = self.source.as_ptr().addr();
        let offset = extent.as_ptr().addr().checked_sub(start)?;
        (offset < self.source.len() && !extent.is_empty()).then_some(offset)
    }

    /// Judges the end of a call: the stream's answer and its numbers.
    pub(super) fn end_call(&mut self, answer: Result<(), Failed>, state: Option<State>) {
        let call = self.call;
        if self.failed {
            if answer.is_ok() {
                self.see(Observation::AcceptedAfterFailure);
            }
        } else if self.closed {
            if answer.is_ok() {
                self.see(Observation::AcceptedAfterClose);
            }
        } else if !call.struck {
            if answer.is_err() {
                self.see(Observation::RefusedWithoutFailure);
            }
            if call.kind != CallKind::Write && self.has_flush && !call.flushed {
                self.see(Observation::SinkCallMisplaced);
            }
        }
        if call.kind == CallKind::Close {
            self.closed = true;
            if self.closes != 1 {
                self.see(Observation::NotClosedOnce { closes: self.closes });
            }
        }
        self.failed |= call.struck;
        if let Some(state) = state {
            self.judge_rest(state);
        }
    }

    fn judge_rest(&mut self, state: State) {
        let State { capacity, filled, pending, real, .. } = state;
        let size = self.shape.buffer_size.get();
        if filled > capacity {
            self.see(Observation::FilledPastCapacity { filled, capacity });
        }
        if capacity > size {
            self.see(Observation::CapacityAboveSize { capacity });
        }
        if state.has_buffer && capacity == 0 {
            self.see(Observation::ExhaustedBuffer);
        }
        if pending != real || (pending == 0) != (state.extents == 0) {
            self.see(Observation::WrongSum { counted: pending, real });
        }
        if real >= size {
            self.see(Observation::HeldBack { waiting: real });
        }
    }

    /// Judges the end of a case, after its close: whether all bytes arrived, and
    /// whether the kept extents are unchanged.
    pub(super) fn end(&mut self) {
        if !self.failed && self.taken < self.written {
            let (written, put) = (self.written, self.taken);
            self.see(Observation::BytesMissing { written, put });
        }
        let mut changed = None;
        for kept in self.kept.iter().filter(|kept| kept.right) {
            let end = kept.at.saturating_add(kept.bytes.len());
            if self.source.get(kept.at..end) != Some(&kept.bytes) {
                changed = Some(Observation::Changed { position: kept.at, len: kept.bytes.len() });
            }
        }
        if let Some(observation) = changed {
            self.see(observation);
        }
    }

    pub(super) fn see(&mut self, observation: Observation) {
        self.broken.insert(observation.breaks());
        self.observations.push(observation);
    }

    /// The invariants broken so far.
    pub fn broken(&self) -> Broken {
        self.broken
    }

    pub(super) fn observations(&self) -> &[Observation] {
        &self.observations
    }

    pub(super) fn puts(&self) -> &[PutRecord] {
        &self.puts
    }

    pub(super) fn kept(&self, put: &PutRecord) -> &[ReceivedExtent] {
        self.kept.get(put.kept.clone()).unwrap_or_default()
    }

    pub(super) fn written(&self) -> usize {
        self.written
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// Whether the last call reached the sink's flush, and whether it reached its
    /// close.
    pub(super) fn sink_calls(&self) -> (bool, bool) {
        (self.call.flushed, self.call.closed)
    }

    /// Whether a fault struck in the last call.
    pub(super) fn struck(&self) -> bool {
        self.call.struck
    }

    pub(super) fn source(&self) -> &Bytes {
        &self.source
    }

    /// Appends the puts as text, with their extents (form B) or only their totals
    /// (form A).
    pub(super) fn puts_text(&self, form: Form, text: &mut String) {
        for (index, put) in self.puts.iter().enumerate() {
            if index > 0 {
                text.push('|');
            }
            if form == Form::A {
                push_number(text, put.len);
            } else {
                for (nth, kept) in self.kept(put).iter().enumerate() {
                    if nth > 0 {
                        text.push('+');
                    }
                    push_number(text, kept.bytes.len());
                }
            }
            if let Some(taken) = put.failed {
                text.push('!');
                push_number(text, taken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::invariant::Invariant;
    use super::*;
    use crate::stream::BufferSize;

    /// A recorder that received two bytes, `ab`, in a copy of its own.
    fn given_two_bytes() -> Recorder {
        let mut recorder = Recorder::new(Shape::at_least(BufferSize::SMALLEST));
        recorder.begin(recorder.shape, Bytes::from_static(b"ab"));
        recorder.begin_call(&Operation::Buffered(2), None);
        recorder.put(&[Bytes::copy_from_slice(b"ab")]).unwrap();
        recorder.end_call(Ok(()), None);
        recorder
    }

    // The sink is still sending a buffer while the stream fills it again. No safe
    // stream can do that to a `Bytes`, so this test makes the change itself.
    #[test]
    fn a_byte_that_changes_after_it_was_put_is_seen_at_the_second_look() {
        let mut recorder = given_two_bytes();
        recorder.end();
        assert!(recorder.broken().is_none());

        let mut recorder = given_two_bytes();
        recorder.kept[0].bytes = Bytes::from_static(b"aX");
        recorder.end();
        assert_eq!(recorder.observations(), [Observation::Changed { position: 0, len: 2 }]);
        assert!(recorder.broken().contains(Invariant::ZeroCopy));
    }
}
