//! The steps of a stream as plain data.

use super::event::{Case, Event};
use super::invariant::{Invariant, InvariantSet, Observation};
use super::model::{AbstractState, Decision};
use super::state::State;
use crate::stream::Shape;
use alloc::{string::String, vec::Vec};

/// The owner of the bytes that an extent views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum ExtentKind {
    /// The stream's bytes: they were copied in.
    Copied,
    /// The writer's bytes: they were handed over.
    ZeroCopy,
}

/// An extent, waiting or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FrameExtent {
    /// Its position in the stream, in bytes from the first one written.
    pub at: usize,
    /// Its length in bytes.
    pub len: usize,
    /// Who owns its bytes.
    pub kind: ExtentKind,
}

/// The contents of a stream between two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Picture {
    /// Whether the stream shows its contents. If it does not, `state` has only the
    /// number of waiting bytes, as `pending`; where they wait is unknown.
    #[cfg_attr(feature = "serde", serde(default = "known"))]
    pub known: bool,
    /// `C`, `E`, `Z` and the other numbers.
    pub state: State,
    /// `L`, in order.
    pub extents: Vec<FrameExtent>,
    /// The position in the stream of the first byte in the buffer, or of the next
    /// byte.
    pub buffer_at: usize,
}

/// The default of a picture without this field: the stream shows its contents.
#[cfg(feature = "serde")]
fn known() -> bool {
    true
}

/// A call of the stream to its sink.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
pub enum SinkCall {
    /// A put.
    Put {
        /// Its extents, in order.
        extents: Vec<FrameExtent>,
        /// Its length in bytes.
        len: usize,
        /// How many bytes the sink took, if the put failed.
        failed: Option<usize>,
    },
    /// The sink's flush.
    Flush,
    /// The sink's close.
    Close,
}

/// Whether one invariant held in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Judgement {
    /// The invariant.
    pub invariant: Invariant,
    /// Whether this step kept it.
    pub holds: bool,
}

/// An observation that breaks an invariant, as data and as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Finding {
    /// The invariant that it breaks.
    pub invariant: Invariant,
    /// The observation.
    pub observation: Observation,
    /// The same as a sentence.
    pub words: String,
}

/// What the specification does in a step in which the stream does something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Departure {
    /// The state after the step.
    pub after: AbstractState,
    /// The sizes of its puts.
    pub puts: Vec<usize>,
    /// What differs, in words, if the numbers and the sizes of the puts are the same;
    /// otherwise empty.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "String::is_empty"))]
    pub words: String,
}

/// One step of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Frame {
    /// The number of the step, from 0.
    pub index: usize,
    /// The operation, with its fault.
    pub event: Event,
    /// Whether the event is the implied close at the end of a case without one.
    pub implied: bool,
    /// The contents of the stream before the step.
    pub before: Picture,
    /// Its calls to the sink.
    pub outputs: Vec<SinkCall>,
    /// The contents of the stream after the step.
    pub after: Picture,
    /// Bytes written so far.
    pub written: usize,
    /// Bytes that the sink has taken so far.
    pub taken: usize,
    /// The specification's decision in this step;
    /// [`Choice::Unseen`](super::Choice::Unseen) for a stream that does not show
    /// its contents.
    pub decision: Decision,
    /// The decision as a sentence.
    pub words: String,
    /// What the specification does, if the stream did something else. For a stream
    /// that does not show its contents only the first departure is known.
    pub departure: Option<Departure>,
    /// All seven invariants.
    pub verdict: Vec<Judgement>,
    /// The observations that break them.
    pub findings: Vec<Finding>,
}

impl Frame {
    /// Whether all seven invariants held in this step.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// The sizes of its puts.
    pub(super) fn put_sizes(&self) -> impl Iterator<Item = usize> {
        self.outputs.iter().filter_map(|output| match output {
            SinkCall::Put { len, .. } => Some(*len),
            _ => None,
        })
    }
}

/// A case with its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The case that was run.
    pub case: Case,
    /// The shape of the stream.
    pub shape: Shape,
    /// Its steps; the last is the close.
    pub frames: Vec<Frame>,
    /// The invariants that it broke.
    pub broken: InvariantSet,
    /// Its puts, with the extents inside.
    pub puts: String,
}

impl Replay {
    /// The case with its puts on one line (form B).
    pub fn line(&self) -> String {
        super::enumerate::line(self.case.trim, &self.case.events, &self.puts)
    }

    /// The first step in which an invariant is broken.
    pub fn first_violation(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| !frame.holds())
    }

    /// The first step at which the stream departs from the specification.
    pub fn first_departure(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.departure.is_some())
    }
}
