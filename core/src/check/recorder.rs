//! The checking sink: it keeps every buffer to the end, and then compares it again.

use super::event::{Operation, SinkFault};
use super::form::{Form, push_number};
use super::invariant::{InvariantSet, Observation};
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

/// A put that the sink received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PutRecord {
    /// The indices of its extents in [`Recorder::kept`].
    pub(super) kept: Range<usize>,
    pub(super) len: usize,
    /// How many bytes the sink took, if the put failed.
    pub(super) failed: Option<usize>,
}

/// The sink that a stream under test writes to. It checks the invariants while the
/// stream writes to it.
///
/// # Why it notices every misplaced byte
///
/// The byte at position `p` of the stream has the value `p mod 256`, so in a case
/// of up to 256 bytes each byte is the only one with its value: wherever a byte is
/// lost, doubled, moved or stale, a put differs from the writes. A longer case
/// is run once more for each further digit of its positions in base 256, with that
/// digit as the value. No decision of a stream depends on a byte's value, so all runs
/// do the same, and two bytes that agree in every run have the same position.
///
/// For a buffer that was handed over, the checker compares addresses instead of bytes:
/// each extent must lie in the very memory that was passed in, at the offset of its
/// position.
#[derive(Debug)]
pub struct Recorder {
    shape: Shape,
    source: Bytes,
    written: usize,
    taken: usize,
    /// The ranges of the stream that were written by zero-copy writes.
    handed_over: Vec<Range<usize>>,
    kept: Vec<ReceivedExtent>,
    puts: Vec<PutRecord>,
    closes: usize,
    closed: bool,
    failed: bool,
    call: Call,
    observations: Vec<Observation>,
    broken: InvariantSet,
    probes: bool,
    drops_puts: bool,
    has_flush: bool,
}

/// What has happened in the current call, or in the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    kind: CallKind,
    fault: Option<SinkFault>,
    puts: usize,
    /// A put was not full, so it must be the last.
    short: bool,
    flushed: bool,
    closed: bool,
    /// The fault of the call has occurred.
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
            broken: InvariantSet::EMPTY,
            probes: false,
            drops_puts: false,
            has_flush: true,
        }
    }

    /// Sets whether the stream has a flush, so that the sink expects one.
    pub(super) fn set_has_flush(&mut self, has_flush: bool) {
        self.has_flush = has_flush;
    }

    /// Sets whether, from now on, the driver of this crate's stream tries every call
    /// that must be refused or must change nothing.
    pub(super) fn set_probes(&mut self, probes: bool) {
        self.probes = probes;
    }

    pub(super) fn probes(&self) -> bool {
        self.probes
    }

    /// Sets whether, from now on, the sink drops every buffer, so that the stream may
    /// reuse the memory. Otherwise the sink keeps every buffer and compares it again at
    /// the end.
    pub(super) fn set_drops_puts(&mut self, drops_puts: bool) {
        self.drops_puts = drops_puts;
    }

    pub(super) fn drops_puts(&self) -> bool {
        self.drops_puts
    }

    /// Starts anew, but keeps the allocated memory.
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
        self.broken = InvariantSet::EMPTY;
    }

    pub(super) fn begin_call(&mut self, operation: &Operation, fault: Option<SinkFault>) {
        let kind = match operation {
            Operation::Buffered(_) | Operation::ZeroCopy(_) => CallKind::Write,
            Operation::Flush => CallKind::Flush,
            Operation::Close => CallKind::Close,
        };
        self.call = Call { kind, fault, ..Call::default() };
        // A closed stream refuses the operation, so its bytes do not count as written.
        if self.closed {
            return;
        }
        let start = self.written;
        self.written = start.saturating_add(operation.bytes());
        // A zero-copy write of no bytes cannot be copied.
        if matches!(operation, Operation::ZeroCopy(_)) && start < self.written {
            self.handed_over.push(start..self.written);
        }
    }

    /// One write of a list of extents to the sink.
    ///
    /// # Errors
    /// The number of bytes that the sink took, if the case makes the put fail.
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
            self.observe(Observation::OutputAfterFailure);
            return if self.closed { Ok(()) } else { Err(0) };
        }
        if self.call.flushed {
            self.observe(Observation::SinkCallMisplaced);
        }
        self.check_size(len);
        let first = self.kept.len();
        let mut at = self.taken;
        for extent in extents {
            let end = at.saturating_add(extent.len());
            self.check_extent(at, extent);
            at = end;
        }
        if at > self.written {
            self.observe(Observation::TooMuchPut { written: self.written });
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
    /// [`Failed`] if the case makes the flush fail.
    pub fn flush(&mut self) -> Result<(), Failed> {
        if self.failed || self.call.struck {
            self.observe(Observation::OutputAfterFailure);
            return Err(Failed);
        }
        if self.call.kind == CallKind::Write || self.call.flushed || self.closed {
            self.observe(Observation::SinkCallMisplaced);
        }
        self.call.flushed = true;
        self.strike(SinkFault::Flush)
    }

    /// A close of the sink.
    ///
    /// # Errors
    /// [`Failed`] if the case makes the close fail.
    pub fn close(&mut self) -> Result<(), Failed> {
        let failed = self.failed || self.call.struck;
        if self.call.kind != CallKind::Close || (!failed && self.has_flush && !self.call.flushed) {
            self.observe(Observation::SinkCallMisplaced);
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

    /// Checks the size of a put: the invariants Shape and Bound, and that it is not empty.
    fn check_size(&mut self, len: usize) {
        let size = self.shape.buffer_size.get();
        let full = if self.shape.trim { len == size } else { len >= size };
        // The caller may always write again, so a put of a write is never the last; a
        // put of a flush is the last unless another follows.
        if self.call.short || (self.call.kind == CallKind::Write && !full) {
            self.observe(Observation::NotFull { len });
        }
        self.call.short = !full;
        let bound = match (self.shape.trim, self.call.kind) {
            (true, _) => size,
            (false, CallKind::Write) => usize::MAX,
            (false, _) => size.saturating_mul(2).saturating_sub(1),
        };
        if len > bound {
            self.observe(Observation::AboveBound { len, bound });
        }
        if len == 0 {
            self.observe(Observation::EmptyPut);
        }
    }

    /// Checks an extent: the invariants Order and ZeroCopy, and that it is not empty.
    fn check_extent(&mut self, at: usize, extent: Bytes) {
        let end = at.saturating_add(extent.len());
        if extent.is_empty() {
            self.observe(Observation::EmptyExtent);
        }
        let offset = self.offset_in_source(&extent);
        let right = match offset {
            Some(offset) => offset == at,
            None => self.source.get(at..end).is_some_and(|expected| expected == extent),
        };
        if !right && end <= self.written {
            let position = self.first_difference(at, &extent);
            self.observe(Observation::WrongByte { position });
        }
        let overlaps = |range: &Range<usize>| range.start < end && at < range.end;
        if right && offset.is_none() && !extent.is_empty() && self.handed_over.iter().any(overlaps)
        {
            self.observe(Observation::Copied { position: at, len: extent.len() });
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

    /// Checks the end of a call: what the stream returned, and its numbers.
    pub(super) fn end_call(&mut self, answer: Result<(), Failed>, state: Option<State>) {
        let call = self.call;
        if self.failed {
            if answer.is_ok() {
                self.observe(Observation::AcceptedAfterFailure);
            }
        } else if self.closed {
            if answer.is_ok() {
                self.observe(Observation::AcceptedAfterClose);
            }
        } else if !call.struck {
            if answer.is_err() {
                self.observe(Observation::RefusedWithoutFailure);
            }
            if call.kind != CallKind::Write && self.has_flush && !call.flushed {
                self.observe(Observation::SinkCallMisplaced);
            }
        }
        if call.kind == CallKind::Close {
            self.closed = true;
            if self.closes != 1 {
                self.observe(Observation::NotClosedOnce { closes: self.closes });
            }
        }
        self.failed |= call.struck;
        if let Some(state) = state {
            self.check_rest(state);
        }
    }

    fn check_rest(&mut self, state: State) {
        let State { capacity, filled, pending, real, .. } = state;
        let size = self.shape.buffer_size.get();
        if filled > capacity {
            self.observe(Observation::FilledPastCapacity { filled, capacity });
        }
        if capacity > size {
            self.observe(Observation::CapacityAboveSize { capacity });
        }
        if state.has_buffer && capacity == 0 {
            self.observe(Observation::ExhaustedBuffer);
        }
        if pending != real || (pending == 0) != (state.extents == 0) {
            self.observe(Observation::WrongSum { counted: pending, real });
        }
        if real >= size {
            self.observe(Observation::HeldBack { waiting: real });
        }
    }

    /// Checks the end of a case, after its close: that all bytes arrived, and that the
    /// kept extents are unchanged.
    pub(super) fn end(&mut self) {
        if !self.failed && self.taken < self.written {
            let (written, put) = (self.written, self.taken);
            self.observe(Observation::BytesMissing { written, put });
        }
        let mut changed = None;
        for kept in self.kept.iter().filter(|kept| kept.right) {
            let end = kept.at.saturating_add(kept.bytes.len());
            if self.source.get(kept.at..end) != Some(&kept.bytes) {
                changed = Some(Observation::Changed { position: kept.at, len: kept.bytes.len() });
            }
        }
        if let Some(observation) = changed {
            self.observe(observation);
        }
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.broken.insert(observation.breaks());
        self.observations.push(observation);
    }

    /// The invariants broken so far.
    pub fn broken(&self) -> InvariantSet {
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

    /// Whether a fault occurred in the last call.
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
    fn recorder_with_two_bytes() -> Recorder {
        let mut recorder = Recorder::new(Shape::at_least(BufferSize::SMALLEST));
        recorder.begin(recorder.shape, Bytes::from_static(b"ab"));
        recorder.begin_call(&Operation::Buffered(2), None);
        recorder.put(&[Bytes::copy_from_slice(b"ab")]).unwrap();
        recorder.end_call(Ok(()), None);
        recorder
    }

    // Simulates a stream that refills a buffer while the sink is still sending it. No
    // safe stream can do that to a `Bytes`, so this test makes the change itself.
    #[test]
    fn a_byte_that_changes_after_its_put_is_detected_at_the_end() {
        let mut recorder = recorder_with_two_bytes();
        recorder.end();
        assert!(recorder.broken().is_empty());

        let mut recorder = recorder_with_two_bytes();
        recorder.kept[0].bytes = Bytes::from_static(b"aX");
        recorder.end();
        assert_eq!(recorder.observations(), [Observation::Changed { position: 0, len: 2 }]);
        assert!(recorder.broken().contains(Invariant::ZeroCopy));
    }
}
