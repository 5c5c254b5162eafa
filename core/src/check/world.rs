//! A world runs cases: it opens fresh streams, and has the bytes to write to them and
//! the sink.

use super::event::{Event, Operation};
use super::form::Form;
use super::invariant::{InvariantSet, Observation};
use super::layout::{Layout, LayoutExtent, Memory, Puts};
use super::model::Model;
use super::recorder::Recorder;
use super::state::State;
use super::subject::{OpenSubject, Subject};
use crate::stream::{BufferSize, Shape};
use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use bytes::Bytes;

/// Runs cases, one after another, and keeps its memory between them.
pub struct World<'a> {
    open: OpenSubject<'a>,
    recorder: Recorder,
    /// The bytes to write, one buffer for each digit of a position in base 256.
    planes: Vec<Bytes>,
    extents: Vec<Bytes>,
    stream: Option<Box<dyn Subject>>,
}

/// The bytes of cases of up to 256 bytes: the value of each is its position. They are
/// static, so that views of them need no reference counts; a set makes tens of millions
/// of views.
static SMALL: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut rest: &mut [u8] = &mut bytes;
    let mut value = 0_u8;
    while let [first, others @ ..] = rest {
        *first = value;
        value = value.wrapping_add(1);
        rest = others;
    }
    bytes
};

impl<'a> World<'a> {
    /// A world for the streams that `open` opens.
    pub fn new(open: OpenSubject<'a>) -> Self {
        World {
            open,
            recorder: Recorder::new(Shape::at_least(BufferSize::SMALLEST)),
            planes: Vec::new(),
            extents: Vec::new(),
            stream: None,
        }
    }

    /// Runs a case to its close, and returns the invariants that it breaks.
    pub fn run<'e, I>(&mut self, shape: Shape, events: I) -> InvariantSet
    where
        I: IntoIterator<Item = &'e Event>,
        I::IntoIter: Clone,
    {
        let events = events.into_iter();
        let bytes = events.clone().map(|event| event.operation.bytes()).sum();
        let mut broken = InvariantSet::EMPTY;
        let all: Vec<&Event> = events.clone().collect();
        if is_rounds(shape, &all) && !self.reuses_memory(shape, &all) {
            broken.insert(Observation::MemoryNotReused.breaks());
        }
        self.set_probes(true);
        for pass in passes(bytes) {
            self.begin_pass(shape, pass, bytes);
            for event in events.clone() {
                self.step(event);
            }
            self.end();
            broken = broken.union(self.recorder.broken());
        }
        self.set_probes(false);
        broken
    }

    /// Starts one of the [`passes`] of a case.
    pub(super) fn begin_pass(&mut self, shape: Shape, pass: Pass, bytes: usize) {
        self.set_drops_puts(pass == Pass::Reusing);
        let plane = if let Pass::Keeping { plane } = pass { plane } else { 0 };
        self.begin(shape, plane, bytes);
    }

    /// See [`Recorder::set_probes`].
    pub(super) fn set_probes(&mut self, probes: bool) {
        self.recorder.set_probes(probes);
    }

    /// See [`Recorder::set_drops_puts`].
    pub(super) fn set_drops_puts(&mut self, drops_puts: bool) {
        self.recorder.set_drops_puts(drops_puts);
    }

    /// Starts a case with a fresh stream and an empty sink.
    pub(super) fn begin(&mut self, shape: Shape, plane: usize, bytes: usize) {
        let source = self.source(plane, bytes);
        self.recorder.begin(shape, source);
        let stream = (self.open)(shape);
        self.recorder.set_has_flush(stream.has_flush());
        self.stream = Some(stream);
    }

    fn source(&mut self, plane: usize, bytes: usize) -> Bytes {
        if plane == 0 && bytes <= SMALL.len() {
            return Bytes::from_static(&SMALL);
        }
        let enough = self.planes.get(plane).is_some_and(|source| source.len() >= bytes);
        if !enough {
            let len = bytes.next_power_of_two();
            let up_to = self.planes.len().max(plane.saturating_add(1));
            self.planes = (0..up_to).map(|plane| plane_of(plane, len)).collect();
        }
        self.planes.get(plane).cloned().unwrap_or_default()
    }

    /// Runs one event. The recorder adds the invariants that it breaks to those that
    /// are already broken.
    pub(super) fn step(&mut self, event: &Event) -> Option<State> {
        let recorder = &mut self.recorder;
        let stream = self.stream.as_mut()?;
        let start = recorder.written();
        recorder.begin_call(&event.operation, event.fault);
        let source = recorder.source().clone();
        let answer = match &event.operation {
            Operation::Buffered(n) => {
                let end = start.saturating_add(*n);
                stream.write(source.get(start..end).unwrap_or_default(), recorder)
            }
            Operation::ZeroCopy(lengths) => {
                self.extents.clear();
                let mut at = start;
                for len in lengths {
                    let end = at.saturating_add(*len);
                    self.extents.push(view(&source, at, end));
                    at = end;
                }
                stream.write_extents(&self.extents, recorder)
            }
            Operation::Flush => stream.flush(recorder),
            Operation::Close => stream.close(recorder),
        };
        let state = stream.state();
        self.recorder.end_call(answer, state);
        state
    }

    /// Ends a case: closes the stream unless it is closed, and compares all kept bytes
    /// again.
    pub(super) fn end(&mut self) {
        if !self.recorder.closed() {
            self.step(&Event::close());
        }
        self.recorder.end();
        self.extents.clear();
    }

    /// Checks the waiting bytes, if the stream shows them: they must be those that were
    /// written and not yet put, byte for byte.
    pub(super) fn check_waiting(&mut self) {
        let Some(stream) = &self.stream else { return };
        if self.recorder.failed() || stream.state().is_none() {
            return;
        }
        let source = self.recorder.source().clone();
        let mut at = self.recorder.taken();
        let mut wrong = None;
        stream.waiting(&mut |bytes, _| {
            let end = at.saturating_add(bytes.len());
            if source.get(at..end) != Some(bytes) {
                wrong = wrong.or(Some(at));
            }
            at = end;
        });
        if at != self.recorder.written() {
            wrong = wrong.or(Some(at));
        }
        if let Some(position) = wrong {
            self.recorder.observe(Observation::WrongBytesWait { position });
        }
    }

    /// The waiting extents, if the stream shows them.
    pub(super) fn layout(&self) -> Layout {
        let mut layout = Layout::default();
        let Some(stream) = &self.stream else { return layout };
        layout.state = stream.state().unwrap_or_default().into();
        stream.waiting(&mut |bytes, in_buffer| {
            if !in_buffer {
                let handed_over = self.recorder.offset_in_source(bytes).is_some();
                let memory = if handed_over { Memory::HandedOver } else { Memory::Copied };
                layout.waiting.push(LayoutExtent { len: bytes.len(), memory });
            }
        });
        layout
    }

    /// Whether the waiting extents are those of `layout`, each in the right memory.
    pub(super) fn has_layout(&self, layout: &Layout) -> bool {
        let Some(stream) = &self.stream else { return false };
        let mut expected = layout.waiting.iter();
        let mut agrees = true;
        stream.waiting(&mut |bytes, in_buffer| {
            if !in_buffer {
                let handed_over = self.recorder.offset_in_source(bytes).is_some();
                agrees &=
                    expected.next().is_some_and(|piece| piece.matches(bytes.len(), handed_over));
            }
        });
        agrees && expected.next().is_none()
    }

    /// Whether the puts after the first `before` are `puts`.
    pub(super) fn has_put(&self, before: usize, puts: &Puts) -> bool {
        let put = self.recorder.puts().get(before..).unwrap_or_default();
        let extents = put.iter().flat_map(|put| self.recorder.kept(put));
        put.iter().map(|put| put.len).eq(puts.sizes.iter().copied())
            && extents.clone().count() == puts.pieces.len()
            && extents
                .zip(&puts.pieces)
                .all(|(kept, piece)| piece.matches(kept.bytes.len(), kept.zero_copy))
    }

    /// Whether a stream uses few addresses for its buffers although the memory that it
    /// frees is immediately allocated again. True for a stream that breaks an invariant.
    pub(super) fn reuses_memory(&mut self, shape: Shape, events: &[&Event]) -> bool {
        let bytes = events.iter().map(|event| event.operation.bytes()).sum();
        // A driver that probes keeps the previous put.
        let probes = self.recorder.probes();
        self.set_probes(false);
        self.set_drops_puts(true);
        self.begin(shape, 0, bytes);
        let mut places = BTreeSet::new();
        let mut taken = Vec::new();
        for event in events {
            taken.extend((0..4).map(|_| Vec::<u8>::with_capacity(shape.buffer_size.get())));
            self.step(event);
            if let Some(stream) = &self.stream {
                let whole = stream.state().unwrap_or_default().capacity == shape.buffer_size.get();
                stream.waiting(&mut |bytes, in_buffer| {
                    if in_buffer && whole && !bytes.is_empty() {
                        places.insert(bytes.as_ptr().addr());
                    }
                });
            }
        }
        self.set_drops_puts(false);
        self.set_probes(probes);
        places.len() <= 4 || !self.recorder.broken().is_empty()
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(super) fn stream(&self) -> Option<&dyn Subject> {
        self.stream.as_deref()
    }

    /// The puts of the case last run.
    pub fn puts(&self, form: Form) -> String {
        let mut text = String::new();
        self.recorder.puts_text(form, &mut text);
        text
    }
}

/// The cases that show whether memory is reused: of buffers that are put whole, and of
/// buffers that are used up in pieces.
pub(super) fn rounds(shape: Shape) -> Vec<Vec<Event>> {
    let size = shape.buffer_size.get();
    if size < 2 {
        return Vec::new();
    }
    let in_pieces = [
        Event::buffered(size - 1),
        Event::zero_copy(size),
        Event::buffered(1),
        Event::zero_copy(size),
    ];
    let repeated =
        |round: &[Event]| core::iter::repeat_n(round, ROUNDS).flatten().cloned().collect();
    [repeated(&[Event::buffered(size / 2)]), repeated(&in_pieces)].to_vec()
}

/// Events that return a stream to its initial state, except for memory that it may
/// reuse: two buffers that were used up in pieces, one that was put whole, and lists.
/// A put of one extent above `S` leaves no memory to reuse.
pub(super) fn warm_up(shape: Shape, model: &Model) -> Vec<Event> {
    let size = shape.buffer_size.get();
    let in_pieces = [
        Event::buffered(1),
        Event::extents([1, 1].to_vec()),
        Event::flush(),
        Event::buffered(size.saturating_sub(1)),
        Event::flush(),
    ];
    let larger = [Event::buffered(size.saturating_add(1)), Event::flush()];
    let whole = [Event::buffered(size), Event::flush()];
    let events = [&in_pieces[..], &in_pieces, &larger, &whole, &larger].concat();
    let mut layout = Layout::default();
    for event in &events {
        layout = layout.step(model, &event.operation, &mut Puts::default());
    }
    if layout == Layout::default() { events } else { Vec::new() }
}

const ROUNDS: usize = 24;

/// Whether a case is one of [`rounds`].
pub(super) fn is_rounds(shape: Shape, events: &[&Event]) -> bool {
    events.len() >= ROUNDS
        && rounds(shape).iter().any(|round| round.iter().eq(events.iter().copied()))
}

/// One of the runs of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The sink drops every buffer, so that the stream may reuse the memory.
    Reusing,
    /// The sink keeps every buffer; the bytes are digits of their positions.
    Keeping {
        /// The digit, from the lowest.
        plane: usize,
    },
}

/// The runs of a case that writes this many bytes. The lowest digit comes last, so that
/// its puts and numbers can still be read.
pub(super) fn passes(bytes: usize) -> impl Iterator<Item = Pass> {
    let keeping = (0..planes_for(bytes)).rev().map(|plane| Pass::Keeping { plane });
    core::iter::once(Pass::Reusing).chain(keeping)
}

/// The number of digits in base 256 of the positions of a case.
pub(super) fn planes_for(bytes: usize) -> usize {
    let digits = usize::BITS.saturating_sub(bytes.saturating_sub(1).leading_zeros()).div_ceil(8);
    usize::try_from(digits).unwrap_or(1).max(1)
}

fn plane_of(plane: usize, len: usize) -> Bytes {
    (0..len).map(|position| position.to_le_bytes().get(plane).copied().unwrap_or(0)).collect()
}

fn view(source: &Bytes, start: usize, end: usize) -> Bytes {
    if end <= source.len() { source.slice(start..end) } else { Bytes::new() }
}

impl core::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}
