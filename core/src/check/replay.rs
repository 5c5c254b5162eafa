//! A case step by step, as plain data.
//!
//! A [`Frame`] has no type parameters and no stream: it consists of numbers and short
//! lists, which a terminal, a page or a report can draw.

use super::driver::{reference, strict};
use super::event::{Case, Event, Operation};
use super::form::Form;
use super::frame::{
    Departure, ExtentKind, Finding, Frame, FrameExtent, Judgement, Picture, Replay, SinkCall,
};
use super::invariant::{Invariant, InvariantSet, Observation};
use super::layout::{Layout, Puts};
use super::model::{AbstractState, Decision, FlushRule, Model};
use super::mutant::Mutant;
use super::state::State;
use super::subject::{OpenSubject, Subject};
use super::world::{Pass, World, is_rounds, passes};
use crate::stream::{BufferSize, Shape};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};

/// Which stream of this crate is under test.
#[derive(Clone, Copy, Debug, Default)]
pub enum Variant {
    /// The stream that ships.
    #[default]
    Strict,
    /// The stream with the flush rule of the reference.
    Reference,
    /// The stream with a seeded bug.
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

    /// The flush rule of the specification to compare the stream with.
    pub fn flush_rule(&self) -> FlushRule {
        match self {
            Variant::Reference => FlushRule::Reference,
            Variant::Strict | Variant::Mutant(_) => FlushRule::Strict,
        }
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
///     "S or more and nothing waits before it: 1 × S put; \
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
///
/// If the [`state`](Subject::state) of a stream is `None`, the frames contain what is
/// known from outside: the bytes written and put, how many bytes wait, and the first
/// step whose puts differ from those of the specification.
pub fn replay_subject(case: &Case, shape: Shape, open: OpenSubject<'_>, rule: FlushRule) -> Replay {
    let mut events: Vec<(&Event, bool)> = case.events.iter().map(|event| (event, false)).collect();
    let close = Event::close();
    if !case.events.iter().any(|event| event.operation == Operation::Close) {
        events.push((&close, true));
    }
    let mut player = Player::new(World::new(open), Model::new(shape, rule), shape);
    let all: Vec<&Event> = case.events.iter().collect();
    let reuses = !is_rounds(shape, &all) || player.world.reuses_memory(shape, &all);
    let mut run = CaseRun::default();
    for pass in passes(case.bytes()) {
        run = run.merge(player.play(pass, case.bytes(), &events));
    }
    let CaseRun { mut frames, mut observations, puts } = run;
    if let (false, Some(last)) = (reuses, observations.last_mut()) {
        last.push(Observation::MemoryNotReused);
    }
    let mut broken = InvariantSet::EMPTY;
    for (frame, observations) in frames.iter_mut().zip(observations) {
        set_verdict(frame, &observations);
        observations.iter().for_each(|observation| broken.insert(observation.breaks()));
    }
    Replay { case: case.clone(), shape, frames, broken, puts }
}

/// One run of a case, or several runs of it together.
#[derive(Default)]
struct CaseRun {
    frames: Vec<Frame>,
    /// The observations of each step.
    observations: Vec<Vec<Observation>>,
    puts: String,
}

impl CaseRun {
    fn is_as_specified(&self) -> bool {
        self.observations.iter().all(Vec::is_empty)
            && self.frames.iter().all(|f| f.departure.is_none())
    }

    /// Merges this run with a further run. The result has the frames of the further run,
    /// unless only this run found something: some bugs show only in the run in which the
    /// stream may reuse its memory.
    fn merge(self, further: CaseRun) -> CaseRun {
        if further.is_as_specified() && !self.is_as_specified() {
            return self;
        }
        let mut both = further;
        for (step, earlier) in both.observations.iter_mut().zip(self.observations) {
            let later: Vec<Observation> = core::mem::replace(step, earlier);
            for observation in later {
                if !step.contains(&observation) {
                    step.push(observation);
                }
            }
        }
        both
    }
}

/// Sets the findings and the verdict of a frame.
fn set_verdict(frame: &mut Frame, observations: &[Observation]) {
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
    /// The state of the specification, for a stream that does not show its own;
    /// `None` once the stream has departed from it.
    specified: Option<AbstractState>,
    /// The extents as specified, for a stream that shows them; `None` once the stream
    /// has departed from them or failed.
    layout: Option<Layout>,
}

impl<'a> Player<'a> {
    fn new(mut world: World<'a>, model: Model, shape: Shape) -> Self {
        world.set_probes(true);
        Player { world, model, shape, specified: None, layout: None }
    }

    /// Runs the events. Each comes with whether it is implied.
    fn play(&mut self, pass: Pass, bytes: usize, events: &[(&Event, bool)]) -> CaseRun {
        self.world.begin_pass(self.shape, pass, bytes);
        self.specified = Some(AbstractState::default());
        self.layout = Some(Layout::default());
        let mut run = CaseRun::default();
        for (index, (event, implied)) in events.iter().enumerate() {
            let known = self.world.recorder().observations().len();
            run.frames.push(self.frame(index, event, *implied));
            if index.saturating_add(1) == events.len() {
                self.world.end();
            }
            let new = self.world.recorder().observations().get(known..).unwrap_or_default();
            let mut step: Vec<Observation> = Vec::new();
            for observation in new {
                if !step.contains(observation) {
                    step.push(*observation);
                }
            }
            run.observations.push(step);
        }
        run.puts = self.world.puts(Form::B);
        run
    }

    /// How the extents differ from the specification, in words. The numbers agree.
    fn layout_departure(&mut self, event: &Event, puts_before: usize) -> Option<String> {
        let mut puts = Puts::default();
        let layout = self.layout.take()?.step(&self.model, &event.operation, &mut puts);
        let what = if !self.world.has_put(puts_before, &puts) {
            "the puts have other extents, or copies where the writer's memory is specified"
        } else if !self.world.has_layout(&layout) {
            "the bytes wait in other extents, or as copies where the writer's memory is specified"
        } else {
            self.layout = Some(layout);
            return None;
        };
        Some(what.into())
    }

    fn frame(&mut self, index: usize, event: &Event, implied: bool) -> Frame {
        let recorder = self.world.recorder();
        let ended = recorder.failed() || recorder.closed();
        let puts_before = recorder.puts().len();
        let before = self.picture();
        let from = if before.known { Some(before.state.into()) } else { self.specified };
        let mut puts = Vec::new();
        let (mut after, mut decision) = match from {
            Some(from) if !ended => self.model.step(from, &event.operation, &mut puts),
            from => (from.unwrap_or_default(), Decision::refuse()),
        };
        let state = self.world.step(event);
        self.world.check_waiting();
        let recorder = self.world.recorder();
        let put: Vec<usize> = recorder.puts().iter().skip(puts_before).map(|put| put.len).collect();
        if !before.known {
            decision = Decision::unseen(recorder.written(), recorder.taken());
        }
        let mut words = decision.to_string();
        let struck = recorder.struck();
        if struck {
            words.push_str("; but the sink fails: the stream has ended");
            words.push_str(if state.is_some() { ", and drops the waiting bytes" } else { "" });
            after = AbstractState::default();
            puts.truncate(put.len());
        }
        let agrees = match state {
            Some(state) => AbstractState::from(state) == after && put == puts,
            None => from.is_none() || put == puts,
        };
        self.specified = from.filter(|_| agrees && !struck).map(|_| after);
        if !agrees || struck || ended || state.is_none() {
            self.layout = None;
        }
        let differs = self.layout_departure(event, puts_before);
        let departs = !agrees || differs.is_some();
        let departure =
            departs.then(|| Departure { after, puts, words: differs.unwrap_or_default() });
        Frame {
            index,
            event: event.clone(),
            implied,
            before,
            outputs: self.outputs(puts_before),
            after: self.picture(),
            written: self.world.recorder().written(),
            taken: self.world.recorder().taken(),
            decision,
            words,
            departure,
            verdict: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn picture(&self) -> Picture {
        let recorder = self.world.recorder();
        let (written, taken) = (recorder.written(), recorder.taken());
        let state = self.world.stream().and_then(Subject::state);
        let waits = written.saturating_sub(taken);
        let mut picture = Picture {
            known: state.is_some(),
            state: state.unwrap_or(State { pending: waits, real: waits, ..State::default() }),
            extents: Vec::new(),
            buffer_at: taken,
        };
        let Some(stream) = self.world.stream().filter(|_| picture.known) else { return picture };
        stream.waiting(&mut |bytes, in_buffer| {
            if !in_buffer {
                picture.extents.push(FrameExtent {
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
                .map(|k| FrameExtent { at: k.at, len: k.bytes.len(), kind: kind(k.zero_copy) })
                .collect(),
            len: put.len,
            failed: put.failed,
        });
        let (flushed, closed) = recorder.sink_calls();
        let flush = flushed.then_some(SinkCall::Flush);
        puts.chain(flush).chain(closed.then_some(SinkCall::Close)).collect()
    }
}

fn kind(zero_copy: bool) -> ExtentKind {
    if zero_copy { ExtentKind::ZeroCopy } else { ExtentKind::Copied }
}

impl core::fmt::Debug for Player<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Player").field("shape", &self.shape).finish_non_exhaustive()
    }
}
