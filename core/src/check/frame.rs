//! Steps of a stream as plain data.

use super::event::{Case, Event};
use super::invariant::{Broken, Invariant, Observation};
use super::model::{Abstract, Decision};
use super::state::State;
use crate::stream::Shape;
use alloc::{string::String, vec::Vec};

/// Whose bytes an extent is a view of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Kind {
    /// The stream's: they were copied in.
    Copied,
    /// The writer's: they were handed over.
    ZeroCopy,
}

/// An extent, waiting or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Extent {
    /// Its place in the stream, in bytes from the first one written.
    pub at: usize,
    /// Its bytes.
    pub len: usize,
    /// Whose.
    pub kind: Kind,
}

/// What a stream holds between two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Picture {
    /// Whether the stream shows what it holds. Where it does not, `state` has only
    /// how many bytes wait, as `pending`, and nothing is said of where.
    #[cfg_attr(feature = "serde", serde(default = "known"))]
    pub known: bool,
    /// `C`, `E`, `Z` and the like.
    pub state: State,
    /// `L`, in order.
    pub extents: Vec<Extent>,
    /// The place in the stream of the first byte in the buffer, or of the next.
    pub buffer_at: usize,
}

/// A picture that does not say so is of a stream that shows itself.
#[cfg(feature = "serde")]
fn known() -> bool {
    true
}

/// Something that the stream did at the sink.
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
        extents: Vec<Extent>,
        /// Its bytes.
        len: usize,
        /// How much the sink took, where it failed.
        failed: Option<usize>,
    },
    /// The sink's flush.
    Flush,
    /// The sink's close.
    Close,
}

/// Whether one invariant has held so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Judgement {
    /// Which.
    pub invariant: Invariant,
    /// Whether this step kept it.
    pub holds: bool,
}

/// What was seen that breaks an invariant, in data and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Finding {
    /// Which it breaks.
    pub invariant: Invariant,
    /// What was seen.
    pub observation: Observation,
    /// The same as a sentence.
    pub words: String,
}

/// What the specification does in a step in which the stream did something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Departure {
    /// The state that it ends in.
    pub after: Abstract,
    /// The sizes of its puts.
    pub puts: Vec<usize>,
}

/// One step of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Frame {
    /// Which step, from 0.
    pub index: usize,
    /// What was asked.
    pub event: Event,
    /// Whether the case does not say so: its close.
    pub implied: bool,
    /// What the stream held before.
    pub before: Picture,
    /// What it did at the sink.
    pub outputs: Vec<SinkCall>,
    /// What it held after.
    pub after: Picture,
    /// Bytes written so far.
    pub written: usize,
    /// Bytes that the sink has taken so far.
    pub taken: usize,
    /// What the specification decides here; [`Choice::Unseen`](super::Choice::Unseen)
    /// for a stream that does not show what it holds.
    pub decision: Decision,
    /// The decision as a sentence.
    pub words: String,
    /// What the specification does, where the stream did something else. Of a
    /// stream that does not show what it holds only the first is known.
    pub departure: Option<Departure>,
    /// All seven invariants.
    pub verdict: Vec<Judgement>,
    /// What was seen against them.
    pub findings: Vec<Finding>,
}

impl Frame {
    /// Whether all seven invariants held in this step.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A case with its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What was run.
    pub case: Case,
    /// On a stream of this shape.
    pub shape: Shape,
    /// Its steps; the last is the close.
    pub frames: Vec<Frame>,
    /// What it broke.
    pub broken: Broken,
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

    /// The first step at which the stream is not where the specification is.
    pub fn first_departure(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.departure.is_some())
    }
}
