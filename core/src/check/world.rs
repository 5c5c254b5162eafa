//! A world: fresh streams, the bytes that are written to them, and the sink.

use super::event::{Event, Operation};
use super::invariant::{Broken, Observation};
use super::recorder::{Form, Recorder};
use super::subject::{Open, State, Subject};
use crate::stream::{BufferSize, Shape};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;

/// Runs cases, one after another, and keeps its memory between them.
pub struct World<'a> {
    open: Open<'a>,
    recorder: Recorder,
    /// The bytes to write, one buffer for each digit of a position in base 256.
    planes: Vec<Bytes>,
    extents: Vec<Bytes>,
    stream: Option<Box<dyn Subject>>,
}

/// The bytes of the small worlds: each has its position for its value. They are
/// static, so that sharing a view of them counts no references; a set shares tens
/// of millions.
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
    /// A world of the streams that `open` opens.
    pub fn new(open: Open<'a>) -> Self {
        World {
            open,
            recorder: Recorder::new(Shape::at_least(BufferSize::SMALLEST)),
            planes: Vec::new(),
            extents: Vec::new(),
            stream: None,
        }
    }

    /// Runs a case to its close, and says which invariants it breaks.
    pub fn run<'e, I>(&mut self, shape: Shape, events: I) -> Broken
    where
        I: IntoIterator<Item = &'e Event>,
        I::IntoIter: Clone,
    {
        let events = events.into_iter();
        let bytes = events.clone().map(|event| event.operation.bytes()).sum();
        let mut broken = Broken::NONE;
        // The plane of the lowest digit last: its puts and numbers stay to be read.
        for plane in (0..planes_for(bytes)).rev() {
            self.begin(shape, plane, bytes);
            for event in events.clone() {
                self.step(event);
            }
            self.end();
            broken = broken.union(self.recorder.broken());
        }
        broken
    }

    /// A fresh stream and an empty sink.
    pub(super) fn begin(&mut self, shape: Shape, plane: usize, bytes: usize) {
        let source = self.source(plane, bytes);
        self.recorder.begin(shape, source);
        self.stream = Some((self.open)(shape));
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

    /// One event. What it breaks is added to what was broken before.
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

    /// The close of a case that has none, and the second look at everything.
    pub(super) fn end(&mut self) {
        if !self.recorder.closed() {
            self.step(&Event::close());
        }
        self.recorder.end();
        self.extents.clear();
    }

    /// Judges the order of what waits inside, where that can be seen: it must be
    /// what was written and not yet put, byte for byte.
    pub(super) fn judge_waiting(&mut self) {
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
            self.recorder.see(Observation::WrongBytesWait { position });
        }
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

/// How many digits in base 256 the positions of a case have.
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
