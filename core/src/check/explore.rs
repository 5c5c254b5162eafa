//! A proof for sequences of any length: every state, every transition, once.
//!
//! # Why a finite search is enough
//!
//! Every decision of the stream depends on `(C, E, Z)` and the length `n` of the
//! write alone; `L` is empty exactly when `Z` is 0 (invariant 6). Those states
//! are few: `0 <= E <= C <= S` and `0 <= Z < S` leave `S (S + 1) (S + 2) / 2` of
//! them (105 for S = 5; 2,448 for S = 16), all reached within four operations. A
//! search that has taken every transition from every state, and found each
//! invariant kept by it, has covered every sequence: a longer one only takes the
//! same transitions again.
//!
//! *Order* is not a matter of numbers, so it is judged on bytes: at each
//! transition the puts are the front of what waited with the new bytes behind
//! it, and what waits afterwards is the rest, byte for byte, each at its distance
//! from the first byte not yet put. Transitions that keep that compose.
//!
//! *Large writes.* For `n >= 2S` every comparison in the specification has been
//! decided: `n >= S`; `n > C - E`; and the rest after filling the buffer is at
//! least `n - S >= S`. From there on `n` matters only by `n mod S`, so `n` and
//! `n + S` lead to the same state, the longer with one more put of `S` (with
//! trim) or a put longer by `S` (without). Writes up to `3S` therefore stand for
//! all: `2S ..= 3S` has each remainder, and 2S and 3S show the step.
//!
//! # The abstraction is checked, not assumed
//!
//! Each transition runs on the real stream, with real bytes, from a fresh one
//! along a shortest path; the numbers afterwards and the sizes of the puts must
//! be those of the [`Model`]. That the path does not matter, that two streams
//! with the same numbers and other extents do the same, is checked by comparing
//! with the same model along every path of an
//! [enumeration](super::Enumeration::against).

use super::enumerate::faults_of;
use super::event::{Case, Event};
use super::invariant::{Broken, Invariant};
use super::model::{Abstract, FlushRule, Model};
use super::subject::{Open, State};
use super::world::World;
use crate::stream::Shape;
use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::ControlFlow;

/// A search over the states of one kind of stream.
pub struct Exploration<'a> {
    shape: Shape,
    open: Open<'a>,
    rule: FlushRule,
    max_write: usize,
    zero_length: bool,
    faults: bool,
    progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
}

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// States `(C, E, Z)` reached.
    pub states: u64,
    /// Transitions taken: each event of the alphabet, from each state.
    pub transitions: u64,
    /// Transitions taken again with a fault in them.
    pub fault_transitions: u64,
    /// The most events that a state is away from the start.
    pub diameter: u64,
    /// Transitions that broke an invariant or left the model.
    pub violations: u64,
    /// Those that left the model: other numbers, or puts of other sizes.
    pub departures: u64,
    /// Whether the search came to its end.
    pub complete: bool,
    smallest: BTreeMap<Invariant, Case>,
    first_departure: Option<Case>,
}

impl Proof {
    /// The invariants that some transition broke.
    pub fn broken(&self) -> Broken {
        let mut broken = Broken::NONE;
        self.smallest.keys().for_each(|invariant| broken.insert(*invariant));
        broken
    }

    /// Whether the search ended, and nothing was found.
    pub fn holds(&self) -> bool {
        self.complete && self.violations == 0
    }

    /// The smallest case found that breaks an invariant.
    pub fn smallest(&self, invariant: Invariant) -> Option<&Case> {
        self.smallest.get(&invariant)
    }

    /// The smallest case of all that break something, with what it breaks.
    pub fn smallest_of_all(&self) -> Option<(Invariant, &Case)> {
        self.smallest.iter().map(|(i, case)| (*i, case)).min_by_key(|(_, case)| case.weight())
    }

    /// The first case that leaves the model.
    pub fn first_departure(&self) -> Option<&Case> {
        self.first_departure.as_ref()
    }
}

/// A state that was reached, and how.
struct Node {
    state: Abstract,
    parent: Option<(usize, usize)>,
    depth: u64,
}

impl<'a> Exploration<'a> {
    /// All states of the streams that `open` opens, with writes of 0 to `3S` bytes.
    pub fn new(shape: Shape, open: Open<'a>) -> Self {
        let max_write = shape.buffer_size.get().saturating_mul(3);
        let rule = FlushRule::Strict;
        let (zero_length, faults, progress) = (true, false, None);
        Exploration { shape, open, rule, max_write, zero_length, faults, progress }
    }

    /// The flush rule of the model that is compared with.
    #[must_use]
    pub fn against(mut self, rule: FlushRule) -> Self {
        self.rule = rule;
        self
    }

    /// Another largest write.
    #[must_use]
    pub fn with_writes_up_to(mut self, bytes: usize) -> Self {
        self.max_write = bytes;
        self
    }

    /// Leaves writes of no bytes out of the alphabet.
    #[must_use]
    pub fn without_empty_writes(mut self) -> Self {
        self.zero_length = false;
        self
    }

    /// Takes every transition again with each of its outputs failing, and looks
    /// at what the stream does afterwards.
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Calls back for each state with the number of transitions; a break ends the
    /// search.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    fn alphabet(&self) -> Vec<Event> {
        let first = usize::from(!self.zero_length);
        let buffered = (first..=self.max_write).map(Event::buffered);
        let zero_copy = (first..=self.max_write).map(Event::zero_copy);
        buffered.chain(zero_copy).chain([Event::flush()]).collect()
    }

    /// Searches, breadth first, until no state is new.
    pub fn run(mut self) -> Proof {
        let alphabet = self.alphabet();
        let mut search = Search {
            shape: self.shape,
            model: Model::new(self.shape, self.rule),
            world: World::new(self.open),
            nodes: alloc::vec![Node { state: Abstract::default(), parent: None, depth: 0 }],
            known: BTreeMap::from([(Abstract::default(), 0)]),
            proof: Proof::default(),
            expected: Vec::new(),
        };
        let mut next = 0;
        while let Some(node) = search.nodes.get(next) {
            let (from, depth) = (node.state, node.depth);
            let path = search.path(next, &alphabet);
            for (letter, event) in alphabet.iter().enumerate() {
                search.transition((next, letter), from, depth, &path, event);
                if self.faults {
                    search.faults(&path, event);
                }
            }
            if self.faults {
                search.faults(&path, &Event::close());
            }
            next = next.saturating_add(1);
            if let Some(progress) = &mut self.progress
                && progress(search.proof.transitions).is_break()
            {
                return search.proof;
            }
        }
        search.proof.states = u64::try_from(search.nodes.len()).unwrap_or(u64::MAX);
        search.proof.complete = true;
        search.proof
    }
}

struct Search<'a> {
    shape: Shape,
    model: Model,
    world: World<'a>,
    nodes: Vec<Node>,
    known: BTreeMap<Abstract, usize>,
    proof: Proof,
    expected: Vec<usize>,
}

impl Search<'_> {
    /// A shortest path from the start.
    fn path<'e>(&self, node: usize, alphabet: &'e [Event]) -> Vec<&'e Event> {
        let mut path = Vec::new();
        let mut at = self.nodes.get(node);
        while let Some((parent, letter)) = at.and_then(|node| node.parent) {
            path.extend(alphabet.get(letter));
            at = self.nodes.get(parent);
        }
        path.reverse();
        path
    }

    fn transition(
        &mut self,
        edge: (usize, usize),
        from: Abstract,
        depth: u64,
        path: &[&Event],
        event: &Event,
    ) {
        let bytes = path.iter().chain([&event]).map(|event| event.operation.bytes()).sum();
        self.world.begin(self.shape, 0, bytes);
        for step in path {
            self.world.step(step);
        }
        let puts_before = self.world.recorder().puts().len();
        let state = self.world.step(event);
        self.world.judge_waiting();
        self.expected.clear();
        let (to, _) = self.model.step(from, &event.operation, &mut self.expected);
        let agrees =
            state.is_some_and(|state| Abstract::from(state) == to) && self.puts_agree(puts_before);
        let intact = self.world.recorder().broken().is_none();
        self.world.end();
        let broken = self.world.recorder().broken();
        self.proof.transitions = self.proof.transitions.saturating_add(1);
        if !broken.is_none() || !agrees {
            self.found(path, &[event], broken, agrees);
        }
        if intact && let Some(state) = state {
            self.reach(state, edge, depth);
        }
    }

    fn puts_agree(&self, before: usize) -> bool {
        let puts = self.world.recorder().puts().get(before..).unwrap_or_default();
        puts.iter().map(|put| put.len).eq(self.expected.iter().copied())
    }

    fn reach(&mut self, state: State, edge: (usize, usize), depth: u64) {
        let state = Abstract::from(state);
        if !self.known.contains_key(&state) {
            let depth = depth.saturating_add(1);
            self.known.insert(state, self.nodes.len());
            self.nodes.push(Node { state, parent: Some(edge), depth });
            self.proof.diameter = self.proof.diameter.max(depth);
        }
    }

    /// The transition last taken once more for each output of it that can fail.
    fn faults(&mut self, path: &[&Event], event: &Event) {
        let puts = self.puts_of(path, event);
        let faults = faults_of(event, &puts);
        for fault in faults {
            let failing = event.clone().failing(fault);
            let after = [&failing, &Event::buffered(1), &Event::flush(), &Event::close()];
            let events = path.iter().copied().chain(after);
            let broken = self.world.run(self.shape, events);
            self.proof.fault_transitions = self.proof.fault_transitions.saturating_add(1);
            if !broken.is_none() {
                self.found(path, &after, broken, true);
            }
        }
    }

    /// The sizes of the puts of `event` after `path`.
    fn puts_of(&mut self, path: &[&Event], event: &Event) -> Vec<usize> {
        let bytes = path.iter().chain([&event]).map(|event| event.operation.bytes()).sum();
        self.world.begin(self.shape, 0, bytes);
        for step in path {
            self.world.step(step);
        }
        let before = self.world.recorder().puts().len();
        self.world.step(event);
        let puts = self.world.recorder().puts().get(before..).unwrap_or_default();
        puts.iter().map(|put| put.len).collect()
    }

    fn found(&mut self, path: &[&Event], last: &[&Event], broken: Broken, agrees: bool) {
        let proof = &mut self.proof;
        proof.violations = proof.violations.saturating_add(1);
        let events: Vec<Event> = path.iter().chain(last).map(|event| (*event).clone()).collect();
        let case = Case { trim: self.shape.trim, events };
        if !agrees {
            proof.departures = proof.departures.saturating_add(1);
            proof.first_departure.get_or_insert_with(|| case.clone());
        }
        for invariant in broken.iter() {
            let known = proof.smallest.get(&invariant);
            if known.is_none_or(|known| case.weight() < known.weight()) {
                proof.smallest.insert(invariant, case.clone());
            }
        }
    }
}

impl core::fmt::Debug for Exploration<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Exploration").field("shape", &self.shape).finish_non_exhaustive()
    }
}
