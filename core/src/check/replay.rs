//! A case step by step, as plain data.
//!
//! A [`Frame`] knows no generics and no stream: it is numbers and short lists,
//! to be drawn by a terminal, a page or a report.

use super::driver::{reference, strict};
use super::event::{Case, Event, Operation};
use super::form::Form;
use super::invariant::{Broken, Invariant, Observation};
use super::model::{Abstract, Choice, Decision, Emit, FlushRule, Model};
use super::mutant::Mutant;
use super::state::State;
use super::subject::{Open, Subject};
use super::world::{World, planes_for};
use crate::stream::{BufferSize, Shape};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};

/// Which stream of this crate is under test.
#[derive(Clone, Copy, Debug, Default)]
pub enum Variant {
    /// The one that ships.
    #[default]
    Strict,
    /// With the flush rule of the reference.
    Reference,
    /// With a seeded bug.
    Mutant(&'static Mutant),
}

impl Variant {
    /// A fresh stream.
    pub fn open(&self, shape: Shape) -> Box<dyn Subject> {
        match self {
            Variant::Strict => strict(shape),
            Variant::Reference => reference(shape),
            Variant::Mutant(mutant) => mutant.open(shape),
        }
    }

    /// The flush rule of the specification to compare with.
    pub fn flush_rule(&self) -> FlushRule {
        match self {
            Variant::Reference => FlushRule::Reference,
            Variant::Strict | Variant::Mutant(_) => FlushRule::Strict,
        }
    }
}

/// Whose bytes an extent is a view of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Kind {
    /// The stream's: they were copied in.
    Copied,
    /// The writer's: they were handed over.
    ZeroCopy,
}

/// An extent, waiting or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Picture {
    /// `C`, `E`, `Z` and the like.
    pub state: State,
    /// `L`, in order.
    pub extents: Vec<Extent>,
    /// The place in the stream of the first byte in the buffer, or of the next.
    pub buffer_at: usize,
}

/// Something that the stream did at the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Judgement {
    /// Which.
    pub invariant: Invariant,
    /// Whether this step kept it.
    pub holds: bool,
}

/// What was seen that breaks an invariant, in data and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Departure {
    /// The state that it ends in.
    pub after: Abstract,
    /// The sizes of its puts.
    pub puts: Vec<usize>,
}

/// One step of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
    /// What the specification decides here.
    pub decision: Decision,
    /// The decision as a sentence.
    pub words: String,
    /// What the specification does, where the stream did something else.
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

    /// The first step at which the stream is not where the specification is.
    pub fn first_departure(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.departure.is_some())
    }
}

/// Runs a case and keeps every step.
///
/// ```
/// use sealpack_core::{check::{self, Variant}, stream::BufferSize};
///
/// let size = BufferSize::new(5).unwrap();
/// let replay = check::replay(&"trim=1 writes=b4,z1,b7".parse()?, size, &Variant::Strict);
/// assert_eq!(replay.line(), "trim=1 writes=b4,z1,b7 puts=4+1|5|2");
/// assert_eq!(
///     replay.frames[2].words,
///     "S or more and nothing is before it: 1 × S put; \
///      the tail of 2 does not fit the remnant of 1: a fresh buffer, 1 byte abandoned",
/// );
/// # Ok::<(), sealpack_core::check::ParseCaseError>(())
/// ```
pub fn replay(case: &Case, buffer_size: BufferSize, variant: &Variant) -> Replay {
    let shape = Shape { buffer_size, trim: case.trim };
    let open = |shape: Shape| variant.open(shape);
    replay_subject(case, shape, &open, variant.flush_rule())
}

/// Like [`replay`], for streams of any kind.
pub fn replay_subject(case: &Case, shape: Shape, open: Open<'_>, rule: FlushRule) -> Replay {
    let mut events: Vec<(&Event, bool)> = case.events.iter().map(|event| (event, false)).collect();
    let close = Event::close();
    if !case.events.iter().any(|event| event.operation == Operation::Close) {
        events.push((&close, true));
    }
    let mut player = Player { world: World::new(open), model: Model::new(shape, rule), shape };
    let mut frames: Vec<Frame> = Vec::new();
    // The digits of a position in base 256 one after another; the lowest last, so
    // that its puts are still there to be printed.
    let mut seen: Vec<Vec<Observation>> = Vec::new();
    for plane in (0..planes_for(case.bytes())).rev() {
        frames.clear();
        player.world.begin(shape, plane, case.bytes());
        seen.resize(events.len(), Vec::new());
        for (index, (event, implied)) in events.iter().enumerate() {
            let known = player.world.recorder().observations().len();
            frames.push(player.frame(index, event, *implied));
            if index.saturating_add(1) == events.len() {
                player.world.end();
            }
            let all = player.world.recorder().observations();
            if let Some(step) = seen.get_mut(index) {
                for observation in all.get(known..).unwrap_or_default() {
                    if !step.contains(observation) {
                        step.push(*observation);
                    }
                }
            }
        }
    }
    let mut broken = Broken::NONE;
    for (frame, observations) in frames.iter_mut().zip(seen) {
        judge(frame, &observations);
        observations.iter().for_each(|observation| broken.insert(observation.breaks()));
    }
    Replay { case: case.clone(), shape, frames, broken, puts: player.world.puts(Form::B) }
}

fn judge(frame: &mut Frame, observations: &[Observation]) {
    let finding = |observation: &Observation| Finding {
        invariant: observation.breaks(),
        observation: *observation,
        words: observation.to_string(),
    };
    frame.findings = observations.iter().map(finding).collect();
    let holds = |invariant| !observations.iter().any(|seen| seen.breaks() == invariant);
    let judged = |invariant| Judgement { invariant, holds: holds(invariant) };
    frame.verdict = Invariant::ALL.into_iter().map(judged).collect();
}

struct Player<'a> {
    world: World<'a>,
    model: Model,
    shape: Shape,
}

impl Player<'_> {
    fn frame(&mut self, index: usize, event: &Event, implied: bool) -> Frame {
        let recorder = self.world.recorder();
        let ended = recorder.failed() || recorder.closed();
        let puts_before = recorder.puts().len();
        let before = self.picture();
        let mut puts = Vec::new();
        let (after, decision) = if ended {
            let refuse = Decision { choice: Choice::Refuse, emit: Emit::Untouched };
            (Abstract::from(before.state), refuse)
        } else {
            self.model.step(before.state.into(), &event.operation, &mut puts)
        };
        let state = self.world.step(event);
        self.world.judge_waiting();
        let outputs = self.outputs(puts_before);
        let recorder = self.world.recorder();
        let put: Vec<usize> = recorder.puts().iter().skip(puts_before).map(|put| put.len).collect();
        let mut words = decision.to_string();
        let mut after = after;
        if recorder.struck() {
            words.push_str("; but the sink fails: the stream is over, and lets go of what waits");
            after = Abstract::default();
            puts.clone_from(&put);
        }
        let agrees = state.is_none_or(|state| Abstract::from(state) == after && put == puts);
        Frame {
            index,
            event: event.clone(),
            implied,
            before,
            outputs,
            after: self.picture(),
            written: recorder.written(),
            taken: recorder.taken(),
            decision,
            words,
            departure: (!agrees).then_some(Departure { after, puts }),
            verdict: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn picture(&self) -> Picture {
        let recorder = self.world.recorder();
        let mut picture =
            Picture { state: State::default(), extents: Vec::new(), buffer_at: recorder.taken() };
        let Some(stream) = self.world.stream() else { return picture };
        picture.state = stream.state().unwrap_or_default();
        stream.waiting(&mut |bytes, in_buffer| {
            if !in_buffer {
                picture.extents.push(Extent {
                    at: picture.buffer_at,
                    len: bytes.len(),
                    kind: kind(recorder.offset_in_source(bytes).is_some()),
                });
                picture.buffer_at = picture.buffer_at.saturating_add(bytes.len());
            }
        });
        picture
    }

    fn outputs(&self, puts_before: usize) -> Vec<SinkCall> {
        let recorder = self.world.recorder();
        let puts = recorder.puts().iter().skip(puts_before).map(|put| SinkCall::Put {
            extents: recorder
                .kept(put)
                .iter()
                .map(|k| Extent { at: k.at, len: k.bytes.len(), kind: kind(k.zero_copy) })
                .collect(),
            len: put.len,
            failed: put.failed,
        });
        let (flushed, closed) = recorder.sink_calls();
        let flush = flushed.then_some(SinkCall::Flush);
        puts.chain(flush).chain(closed.then_some(SinkCall::Close)).collect()
    }
}

fn kind(zero_copy: bool) -> Kind {
    if zero_copy { Kind::ZeroCopy } else { Kind::Copied }
}

impl core::fmt::Debug for Player<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Player").field("shape", &self.shape).finish_non_exhaustive()
    }
}
