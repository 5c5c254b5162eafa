//! What the specification does with a case, step by step, without a stream.
//!
//! It needs no bytes, so any size works: a case with a buffer of 1 MiB and a thousand
//! puts is only a few numbers.

use super::event::{Case, Event, Operation, SinkFault};
use super::form::push_number;
use super::frame::{
    Departure, ExtentKind, Frame, FrameExtent, Judgement, Picture, Replay, SinkCall,
};
use super::invariant::{Invariant, InvariantSet};
use super::layout::{Layout, LayoutExtent, Memory, Puts, layout_at};
use super::model::{AbstractState, Decision, FlushRule, Model};
use super::state::State;
use crate::stream::Shape;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// The steps of a case as specified; the case may have any size.
///
/// ```
/// use sealpack_core::{check::{self, Case, Event, FlushRule}, stream::{BufferSize, Shape}};
///
/// let shape = Shape::exactly(BufferSize::new(1 << 20).unwrap());
/// let case = Case { trim: true, events: vec![Event::zero_copy(3 << 30)] };
/// let replay = check::specified(&case, shape, FlushRule::Strict);
/// assert_eq!(replay.frames[0].outputs.len(), 3072);
/// ```
#[must_use]
pub fn specified(case: &Case, shape: Shape, rule: FlushRule) -> Replay {
    let mut steps = Steps::new(Model::new(shape, rule), Layout::default());
    for event in &case.events {
        steps.add_specified(event, false);
    }
    if !steps.closed {
        steps.add_specified(&Event::close(), true);
    }
    steps.into_replay(case.clone(), shape)
}

/// A put that was observed: its length, and how many bytes the sink took if it
/// failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObservedPut {
    pub(super) len: usize,
    pub(super) failed: Option<usize>,
}

/// Builds frames from numbers.
pub(super) struct Steps {
    model: Model,
    /// The state of the specification; `None` once the stream has departed from it.
    layout: Option<Layout>,
    frames: Vec<Frame>,
    written: usize,
    taken: usize,
    closed: bool,
    failed: bool,
}

impl Steps {
    pub(super) fn new(model: Model, layout: Layout) -> Self {
        Steps {
            model,
            written: layout.state.waiting(),
            layout: Some(layout),
            frames: Vec::new(),
            taken: 0,
            closed: false,
            failed: false,
        }
    }

    pub(super) fn into_replay(self, case: Case, shape: Shape) -> Replay {
        let puts = puts_text(&self.frames);
        Replay { case, shape, frames: self.frames, broken: InvariantSet::EMPTY, puts }
    }

    /// Adds the step that the specification takes, including the fault of the
    /// event.
    pub(super) fn add_specified(&mut self, event: &Event, implied: bool) {
        let mut puts = Puts::default();
        if let (Some(layout), false) = (&self.layout, self.closed || self.failed) {
            layout.step(&self.model, &event.operation, &mut puts);
        }
        let mut observed: Vec<ObservedPut> =
            puts.sizes.iter().map(|len| ObservedPut { len: *len, failed: None }).collect();
        if let Some(SinkFault::Put { nth, taken }) = event.fault
            && let Some(put) = observed.get_mut(nth)
        {
            put.failed = Some(taken.min(put.len));
            observed.truncate(nth + 1);
        }
        self.add_observed(event, implied, &observed);
    }

    /// Adds a step in which these puts were observed.
    pub(super) fn add_observed(&mut self, event: &Event, implied: bool, observed: &[ObservedPut]) {
        let ended = self.closed || self.failed;
        let before = self.picture();
        let mut puts = Puts::default();
        let next = match &self.layout {
            Some(layout) if !ended => Some(layout.step(&self.model, &event.operation, &mut puts)),
            layout => layout.clone(),
        };
        let decision = match &self.layout {
            _ if ended => Decision::refuse(),
            Some(layout) => self.model.step(layout.state, &event.operation, &mut Vec::new()).1,
            None => Decision::unseen(self.written, self.taken),
        };
        let put_failed = observed.iter().any(|put| put.failed.is_some());
        let expected = puts.sizes.iter().take(if put_failed { observed.len() } else { usize::MAX });
        let agrees = self.layout.is_none() || expected.eq(observed.iter().map(|put| &put.len));
        // As in the checker's sink, the bytes of writes to a failed stream count as
        // written.
        if !self.closed {
            self.written = self.written.saturating_add(event.operation.bytes());
        }
        let mut outputs = self.puts(observed, agrees.then_some(&puts.pieces));
        let struck = put_failed || self.strikes(event, ended);
        if !ended || event.operation == Operation::Close && !self.closed {
            self.sink_calls(event, put_failed || ended, &mut outputs);
        }
        let mut words = decision.to_string();
        let departure = (!agrees).then(|| Departure {
            after: next.as_ref().map(|layout| layout.state).unwrap_or_default(),
            puts: puts.sizes.clone(),
            words: String::new(),
        });
        self.layout = if struck { Some(Layout::default()) } else { next.filter(|_| agrees) };
        if struck {
            words.push_str(
                "; but the sink fails: the stream has ended, and drops the waiting bytes",
            );
        }
        self.failed |= struck;
        self.closed |= event.operation == Operation::Close;
        self.frames.push(Frame {
            index: self.frames.len(),
            event: event.clone(),
            implied,
            before,
            outputs,
            after: self.picture(),
            written: self.written,
            taken: self.taken,
            decision,
            words,
            departure,
            verdict: Invariant::ALL.map(|invariant| Judgement { invariant, holds: true }).to_vec(),
            findings: Vec::new(),
        });
    }

    /// Continues from numbers that were observed. Returns the length of the buffered
    /// writes that have only filled the buffer since the last step. If the numbers after
    /// that step differ from the specified ones, the stream departed in that step.
    pub(super) fn catch_up(&mut self, numbers: AbstractState) -> Option<usize> {
        if self.failed || self.closed {
            return None;
        }
        let waits = numbers.pending.saturating_add(numbers.filled);
        let fitted = waits.saturating_sub(self.written.saturating_sub(self.taken));
        let filled = numbers.filled.saturating_sub(fitted);
        let before = AbstractState { filled, ..numbers };
        if self.layout.as_ref().is_none_or(|layout| layout.state != before) {
            let specified = self.layout.replace(layout_at(before));
            let after = self.picture();
            if let Some(frame) = self.frames.last_mut() {
                if let Some(specified) = specified {
                    let puts = frame.put_sizes().collect();
                    let (after, words) = (specified.state, String::new());
                    frame.departure = Some(Departure { after, puts, words });
                }
                frame.after = after;
            }
        }
        (fitted > 0).then_some(fitted)
    }

    /// Whether the sink's flush or close fails in this event.
    fn strikes(&self, event: &Event, ended: bool) -> bool {
        match (event.fault, &event.operation) {
            (Some(SinkFault::Flush), Operation::Flush | Operation::Close) => !ended,
            (Some(SinkFault::Close), Operation::Close) => !self.closed,
            _ => false,
        }
    }

    fn sink_calls(&self, event: &Event, failed: bool, outputs: &mut Vec<SinkCall>) {
        let flushes = matches!(event.operation, Operation::Flush | Operation::Close);
        outputs.extend((flushes && !failed).then_some(SinkCall::Flush));
        outputs.extend((event.operation == Operation::Close).then_some(SinkCall::Close));
    }

    /// The puts, with their extents if those are known.
    fn puts(
        &mut self,
        observed: &[ObservedPut],
        pieces: Option<&Vec<LayoutExtent>>,
    ) -> Vec<SinkCall> {
        let mut pieces = pieces.into_iter().flatten().copied();
        let mut outputs = Vec::new();
        for put in observed {
            let mut extents = Vec::new();
            let mut at = self.taken;
            let end = at.saturating_add(put.len);
            while at < end {
                let left = end.saturating_sub(at);
                let unknown = LayoutExtent { len: left, memory: Memory::Copied };
                let piece = pieces.next().unwrap_or(unknown);
                extents.push(extent(at, piece));
                at = at.saturating_add(piece.len.max(1));
            }
            outputs.push(SinkCall::Put { extents, len: put.len, failed: put.failed });
            self.taken = self.taken.saturating_add(put.failed.unwrap_or(put.len));
        }
        outputs
    }

    fn picture(&self) -> Picture {
        let waits = self.written.saturating_sub(self.taken);
        let Some(layout) = &self.layout else {
            let state = State { pending: waits, real: waits, ..State::default() };
            return Picture { known: false, state, extents: Vec::new(), buffer_at: self.taken };
        };
        let mut at = self.taken;
        let mut extents = Vec::new();
        for piece in &layout.waiting {
            extents.push(extent(at, *piece));
            at = at.saturating_add(piece.len);
        }
        let state = State {
            capacity: layout.state.capacity,
            has_buffer: layout.state.capacity > 0,
            filled: layout.state.filled,
            pending: layout.state.pending,
            extents: layout.waiting.len(),
            real: layout.state.pending,
        };
        Picture { known: true, state, extents, buffer_at: at }
    }
}

fn extent(at: usize, piece: LayoutExtent) -> FrameExtent {
    let kind =
        if piece.memory == Memory::HandedOver { ExtentKind::ZeroCopy } else { ExtentKind::Copied };
    FrameExtent { at, len: piece.len, kind }
}

/// The puts of frames as text, with their extents.
pub(super) fn puts_text(frames: &[Frame]) -> String {
    let mut text = String::new();
    for output in frames.iter().flat_map(|frame| &frame.outputs) {
        let SinkCall::Put { extents, failed, .. } = output else { continue };
        if !text.is_empty() {
            text.push('|');
        }
        for (index, extent) in extents.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            push_number(&mut text, extent.len);
        }
        if let Some(taken) = failed {
            text.push('!');
            push_number(&mut text, *taken);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::replay::{Variant, replay};
    use super::*;
    use crate::stream::BufferSize;

    #[test]
    fn the_steps_without_a_stream_are_those_of_the_stream() {
        let size = BufferSize::new(5).unwrap();
        for trim in [0, 1] {
            for writes in [
                "z4,b4,f",
                "b4,z1,b7",
                "b3,z4!1+3,b4",
                "b12!2+3,b1",
                "z1+2+0+9,b9,f,z17",
                "f!f,b1",
                "b3,c!c",
                "b3,c!f,z1",
                "b0,z0,f",
                "z2+3!1+5,c,c",
                "b9,c,b1",
                "b4,z1,f!1,c",
            ] {
                let case: Case = alloc::format!("trim={trim} writes={writes}").parse().unwrap();
                let stream = replay(&case, size, &Variant::Strict);
                let specified = specified(&case, stream.shape, FlushRule::Strict);
                assert_eq!(specified.puts, stream.puts, "{case}");
                for (is, should) in specified.frames.iter().zip(&stream.frames) {
                    assert_eq!(is, should, "{case}");
                }
            }
        }
    }
}
