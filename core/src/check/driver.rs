//! This crate's stream as a subject: the driver's loop, and a loop that probes.
//!
//! A well-behaved driver never exercises half of the public interface: a refused
//! operation, a second output while one is in hand, the accessors between two
//! outputs. If the [`Recorder`] requests it, the loop *probes*: it tries every call
//! that must be refused, compares each accessor with the others
//! and with the sink's counts, and checks that waiting bytes stay at the same
//! addresses.

use super::driven::DrivenStream;
use super::invariant::Observation;
use super::recorder::Recorder;
use super::state::{Failed, State};
use super::subject::Subject;
use crate::stream::{Outcome, Output, Put, ReferenceFlush, Rules, Shape, Stream, StreamRefusal};
use alloc::{boxed::Box, vec::Vec};
use bytes::Bytes;
use core::{borrow::BorrowMut, marker::PhantomData};

/// A stream as a [`Subject`]: `H` is the stream itself, or a pointer to it.
pub(super) struct Driver<S: DrivenStream + ?Sized, H: BorrowMut<S>> {
    held: H,
    of: PhantomData<fn(&S)>,
    shape: Shape,
    closed: bool,
    failed: bool,
    /// The previous put, to check the equality of puts.
    last_put: Option<Put>,
    /// The addresses of the waiting bytes.
    places: Vec<WaitingBytes>,
}

/// Waiting bytes: their position in the stream and their address in memory.
#[derive(Clone, Copy, Debug)]
struct WaitingBytes {
    at: usize,
    len: usize,
    address: usize,
}

/// Bytes for writes that must be refused: one byte, and more than a small buffer
/// takes.
static REFUSED: [u8; 65] = [0; 65];

impl<S: DrivenStream + ?Sized, H: BorrowMut<S>> Driver<S, H> {
    fn new(held: H, shape: Shape) -> Self {
        Driver {
            held,
            of: PhantomData,
            shape,
            closed: false,
            failed: false,
            last_put: None,
            places: Vec::new(),
        }
    }

    #[inline]
    fn stream(&self) -> &S {
        self.held.borrow()
    }

    #[inline]
    fn stream_mut(&mut self) -> &mut S {
        self.held.borrow_mut()
    }

    fn run(
        &mut self,
        sink: &mut Recorder,
        closes: bool,
        operation: impl FnOnce(&mut S) -> Result<(), StreamRefusal>,
    ) -> Result<(), Failed> {
        if !sink.probes() {
            let accepted = operation(self.stream_mut());
            self.closed |= closes;
            return self.drive(accepted, sink);
        }
        let refused = self.refusal();
        self.note_places(sink.taken());
        let accepted = operation(self.stream_mut());
        self.closed |= closes;
        if accepted.err() != refused {
            sink.observe(wrong_refusal(refused, accepted));
        }
        self.probe_answers(sink);
        let result = self.drive_probing(accepted, sink);
        self.probe_rest(sink);
        result
    }

    /// The driver's loop.
    fn drive(
        &mut self,
        accepted: Result<(), StreamRefusal>,
        sink: &mut Recorder,
    ) -> Result<(), Failed> {
        let mut result = accepted.map_err(|_| Failed);
        let mut left = max_outputs(sink);
        while let Some(output) = self.stream_mut().next_output() {
            if left == 0 {
                sink.observe(Observation::EndlessOutputs);
                return result;
            }
            left -= 1;
            let outcome = match output {
                Output::Put(put) => {
                    let ended = sink.put_views(put.len(), put.to_bytes());
                    self.stream_mut().recycle(put);
                    ended.map_or_else(|taken| Outcome::Failed { taken }, |()| Outcome::Done)
                }
                Output::Flush => done(sink.flush()),
                Output::Close => done(sink.close()),
            };
            self.stream_mut().completed(outcome);
            if outcome != Outcome::Done {
                self.failed = true;
                result = Err(Failed);
            }
        }
        result
    }

    /// The same loop. Between its steps it tries every call that must change nothing.
    fn drive_probing(
        &mut self,
        accepted: Result<(), StreamRefusal>,
        sink: &mut Recorder,
    ) -> Result<(), Failed> {
        let mut result = accepted.map_err(|_| Failed);
        let at_rest = self.answers();
        let mut left = max_outputs(sink);
        loop {
            let accepts_writes = self.stream_mut().write_extents(&[]).is_ok();
            let Some(output) = self.stream_mut().next_output() else {
                if !accepts_writes && !self.failed && !self.closed {
                    sink.observe(Observation::RefusedWithoutFailure);
                }
                return result;
            };
            if left == 0 {
                sink.observe(Observation::EndlessOutputs);
                return result;
            }
            left -= 1;
            if accepts_writes || self.stream_mut().next_output().is_some() {
                sink.observe(Observation::AcceptedTooEarly);
            }
            self.probe_refusals(self.refusal().unwrap_or(StreamRefusal::OutputsWait), sink);
            let outcome = self.carry_out(output, sink);
            self.stream_mut().completed(outcome);
            self.probe_taken(sink);
            if outcome != Outcome::Done {
                self.failed = true;
                result = Err(Failed);
            }
            let expected = if self.failed { Default::default() } else { at_rest };
            if self.answers() != expected && !self.failed {
                sink.observe(Observation::LeftATrace);
            } else if self.answers() != expected {
                sink.observe(Observation::KeptAfterFailure);
            }
        }
    }

    /// Carries out an output. It reports some failures with an impossible number of
    /// bytes: more than the put has, if the sink took all of it, and a few bytes for a
    /// flush or a close.
    fn carry_out(&mut self, output: Output, sink: &mut Recorder) -> Outcome {
        let put = match output {
            Output::Put(put) => put,
            Output::Flush => return done_with(sink.flush(), 3),
            Output::Close => return done_with(sink.close(), 5),
        };
        self.probe_put(&put, sink);
        let len = put.len();
        let ended = sink.put_views(len, put.to_bytes());
        self.last_put = (!sink.drops_puts()).then(|| put.clone());
        self.stream_mut().recycle(put);
        match ended {
            Ok(()) => Outcome::Done,
            Err(taken) if taken == len => Outcome::Failed { taken: usize::MAX },
            Err(taken) => Outcome::Failed { taken },
        }
    }

    /// Checks that the stream's count of taken bytes matches the sink's.
    fn probe_taken(&self, sink: &mut Recorder) {
        if usize::try_from(self.stream().taken()) != Ok(sink.taken()) {
            sink.observe(Observation::MiscountedTaken { taken: sink.taken() });
        }
    }

    /// The reason why the next operation must be refused, if the stream has failed or
    /// was closed.
    fn refusal(&self) -> Option<StreamRefusal> {
        match (self.failed, self.closed) {
            (true, _) => Some(StreamRefusal::Failed),
            (false, true) => Some(StreamRefusal::Closed),
            (false, false) => None,
        }
    }

    /// Tries every operation while the stream must refuse all of them.
    fn probe_refusals(&mut self, expected: StreamRefusal, sink: &mut Recorder) {
        let before = self.answers();
        let stream = self.stream_mut();
        let one = || Bytes::from_static(&[0]);
        let mut answers = [
            stream.write(&[]),
            stream.write(REFUSED.get(..1).unwrap_or_default()),
            stream.write(&REFUSED),
            stream.write_owned(Bytes::new()),
            stream.write_owned(one()),
            stream.write_extents(&[]),
            stream.write_extents(&[Bytes::new(), Bytes::new()]),
            stream.write_extents(&[Bytes::new(), one()]),
            stream.write_extents(&[one(), one()]),
            stream.flush(),
            Err(expected),
        ];
        // The close of a failed stream is refused, but queues the sink's close.
        if let (Some(last), true) = (answers.last_mut(), self.closed || !self.failed) {
            *last = self.stream_mut().close();
        }
        for answer in answers.iter().filter(|answer| **answer != Err(expected)) {
            sink.observe(wrong_refusal(Some(expected), *answer));
        }
        if answers.iter().all(Result::is_err) && self.answers() != before {
            sink.observe(Observation::LeftATrace);
        }
    }

    /// Checks the stream between operations: no output is in hand, and an accepted
    /// empty write changes nothing.
    fn probe_rest(&mut self, sink: &mut Recorder) {
        let before = self.answers();
        self.stream_mut().completed(Outcome::Failed { taken: 9 });
        let mut changed = self.stream_mut().next_output().is_some();
        match self.refusal() {
            Some(refused) => self.probe_refusals(refused, sink),
            None => changed |= self.stream_mut().write_extents(&[]).is_err(),
        }
        // After a failure, the refusals were checked above.
        changed |= !self.failed && self.stream_mut().next_output().is_some();
        changed |= !self.failed && self.answers() != before;
        if changed {
            sink.observe(Observation::LeftATrace);
        }
        self.probe_taken(sink);
        self.probe_answers(sink);
        if !self.failed {
            let mut at = sink.taken();
            let mut probe = |extent: &[u8]| at = self.probe_place(at, extent, sink);
            self.stream().each_pending(&mut probe);
            probe(self.stream().filled());
        }
    }

    /// Checks that the accessors agree with each other.
    fn probe_answers(&self, sink: &mut Recorder) {
        let stream = self.stream();
        let (State { filled, pending, extents, real, .. }, waiting) = stream.numbers();
        let (mut visited, mut sum) = (0_usize, 0_usize);
        stream.each_pending(&mut |extent| {
            visited = visited.saturating_add(1);
            sum = sum.saturating_add(extent.len());
        });
        let agree = stream.shape() == self.shape
            && stream.filled().len() == filled
            && pending == sum
            && real == sum
            && extents == visited
            && waiting == pending.saturating_add(filled);
        if !agree {
            sink.observe(Observation::Contradiction);
        }
    }

    /// Checks a put: its views, its length, and whether it equals the previous one.
    fn probe_put(&self, put: &Put, sink: &mut Recorder) {
        let sum: usize = put.extents().map(<[u8]>::len).sum();
        let same_views = put.to_bytes().len() == put.extents().len()
            && put.to_bytes().zip(put.extents()).all(|(view, extent)| {
                view.as_ptr() == extent.as_ptr() && view.len() == extent.len()
            });
        let equals = self.last_put.as_ref().is_some_and(|last| last == put);
        let has_equal_bytes =
            self.last_put.as_ref().is_some_and(|last| last.extents().eq(put.extents()));
        if !same_views || sum != put.len() || put != &put.clone() || equals != has_equal_bytes {
            sink.observe(Observation::Contradiction);
        }
        let mut at = sink.taken();
        for extent in put.extents() {
            at = self.probe_place(at, extent, sink);
        }
    }

    fn note_places(&mut self, taken: usize) {
        let mut places = core::mem::take(&mut self.places);
        places.clear();
        let mut at = taken;
        let mut note = |bytes: &[u8]| {
            places.push(WaitingBytes { at, len: bytes.len(), address: bytes.as_ptr().addr() });
            at = at.saturating_add(bytes.len());
        };
        self.stream().each_pending(&mut note);
        note(self.stream().filled());
        self.places = places;
    }

    /// Checks that bytes that were already waiting before the operation have kept their
    /// address.
    fn probe_place(&self, at: usize, bytes: &[u8], sink: &mut Recorder) -> usize {
        let end = at.saturating_add(bytes.len());
        // Bytes in the wrong order break another invariant, which is checked
        // elsewhere.
        if self.failed || sink.source().get(at..end) != Some(bytes) {
            return end;
        }
        for place in &self.places {
            let from = at.max(place.at);
            let to = end.min(place.at.saturating_add(place.len));
            let is = bytes.as_ptr().addr().wrapping_add(from.wrapping_sub(at));
            let was = place.address.wrapping_add(from.wrapping_sub(place.at));
            if from < to && is != was {
                sink.observe(Observation::Moved { position: from });
            }
        }
        end
    }

    /// The numbers that the accessors return.
    fn answers(&self) -> (State, usize) {
        self.stream().numbers()
    }
}

/// The observation for an operation that did not return the expected refusal, or that
/// was refused unexpectedly.
fn wrong_refusal(
    expected: Option<StreamRefusal>,
    answer: Result<(), StreamRefusal>,
) -> Observation {
    match (expected, answer) {
        (None, _) => Observation::RefusedWithoutFailure,
        (Some(StreamRefusal::Failed), Ok(())) => Observation::AcceptedAfterFailure,
        (Some(StreamRefusal::Closed), Ok(())) => Observation::AcceptedAfterClose,
        (Some(_), Ok(())) => Observation::AcceptedTooEarly,
        (Some(_), Err(_)) => Observation::WrongReason,
    }
}

/// A bound on the outputs of one operation: each put has at least a byte, and a flush
/// and a close may follow. It leaves room for some empty puts, which are violations of
/// their own.
fn max_outputs(sink: &Recorder) -> usize {
    sink.written().saturating_sub(sink.taken()).saturating_add(16)
}

fn done(ended: Result<(), Failed>) -> Outcome {
    done_with(ended, 0)
}

fn done_with(ended: Result<(), Failed>, taken: usize) -> Outcome {
    if ended.is_ok() { Outcome::Done } else { Outcome::Failed { taken } }
}

impl<S: DrivenStream + ?Sized, H: BorrowMut<S>> Subject for Driver<S, H> {
    fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed> {
        self.run(sink, false, |stream| stream.write(bytes))
    }

    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        self.run(sink, false, |stream| match extents {
            [extent] => stream.write_owned(extent.clone()),
            many => stream.write_extents(many),
        })
    }

    fn flush(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        self.run(sink, false, S::flush)
    }

    fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        self.run(sink, true, S::close)
    }

    fn state(&self) -> Option<State> {
        Some(self.stream().numbers().0)
    }

    fn waiting(&self, visit: &mut dyn FnMut(&[u8], bool)) {
        self.stream().each_pending(&mut |extent| visit(extent, false));
        visit(self.stream().filled(), true);
    }
}

/// The stream that ships.
pub fn strict(shape: Shape) -> Box<dyn Subject> {
    Box::new(Driver::<Stream, Stream>::new(Stream::new(shape), shape))
}

/// The stream under the flush rule of the reference.
pub fn reference(shape: Shape) -> Box<dyn Subject> {
    let stream = Stream::<ReferenceFlush>::with_rules(shape);
    Box::new(Driver::<Stream<ReferenceFlush>, _>::new(stream, shape))
}

/// A stream with the rules of a seeded bug.
pub(super) fn with_rules<R: Rules + 'static>(shape: Shape) -> Box<dyn Subject> {
    drive_boxed(Box::new(Stream::<R>::with_rules(shape)), shape)
}

fn drive_boxed(stream: Box<dyn DrivenStream>, shape: Shape) -> Box<dyn Subject> {
    Box::new(Driver::<dyn DrivenStream, _>::new(stream, shape))
}
