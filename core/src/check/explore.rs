//! A proof for sequences of any length: it visits every state and takes every
//! transition once.
//!
//! # Why a finite search is enough
//!
//! Every decision of the stream depends on `(C, E, Z)` and the length `n` of the
//! write alone; `L` is empty exactly when `Z` is 0 (invariant 6). Those states
//! are few: `0 <= E <= C <= S` and `0 <= Z < S` leave `S (S + 1) (S + 2) / 2` of
//! them (105 for S = 5; 2,448 for S = 16), all reached within four operations. Once a
//! search has taken every transition from every state, and each kept the invariants,
//! it has covered every sequence: a longer one only takes the same transitions again.
//!
//! *Order* is not a matter of numbers, so it is checked on bytes. At each transition,
//! the bytes that waited before it, followed by the new bytes, must equal its puts
//! followed by the bytes that wait after it, byte for byte. If each transition keeps
//! this, so does every sequence of transitions.
//!
//! *Large writes.* For `n >= 2S` every comparison in the specification has been
//! decided: `n >= S`; `n > C - E`; and the rest after filling the buffer is at
//! least `n - S >= S`. From there on `n` matters only by `n mod S`, so `n` and
//! `n + S` lead to the same state, the longer with one more put of `S` (with
//! trim) or a put longer by `S` (without). Writes up to `3S` therefore represent
//! all: `2S ..= 3S` has each remainder, and 2S and 3S show the step.
//!
//! *Writes of several extents.* `alphabet.rs` argues which of them represent all; the
//! search takes them from every state too.
//!
//! # The abstraction is checked, not assumed
//!
//! Each transition runs on the real stream, with real bytes, from a fresh stream
//! along a shortest path. Afterwards its numbers, the sizes of its puts, the
//! extents inside each put, the waiting extents and the owner of each extent's
//! memory must be those of the [`Model`].
//!
//! Up to S = 4, the search checks that the path does not matter: it visits not only
//! the states but every *layout*, that is, each way in which the `Z` bytes can wait, in
//! which extents and in whose memory. Their number is finite too. Two sequences that
//! lead to one layout can still differ in the memory that the stream may reuse.
//!
//! So up to S = 5, the search takes each transition twice: on a fresh stream whose sink
//! keeps every buffer, and on one that has memory to reuse and whose sink drops
//! every buffer.
//!
//! Up to S = 8 the last step of each transition runs under a driver that *probes*
//! (see `driver.rs`): it tries every call that must be refused, and compares the
//! accessors with each other.

use super::alphabet::{Lists, lists_up_to};
use super::enumerate::faults_of;
use super::event::{Case, Event, Operation, SinkFault};
use super::invariant::{Invariant, InvariantSet, Observation};
use super::layout::{Layout, Puts};
use super::model::{AbstractState, FlushRule, Model};
use super::subject::OpenSubject;
use super::world::{World, rounds, warm_up};
use crate::stream::Shape;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::ops::ControlFlow;

/// Up to this buffer size the search visits every layout.
const ALL_LAYOUTS: usize = 4;
/// Up to this buffer size the search takes every transition also on a stream that has
/// memory to reuse.
const REUSING: usize = 5;
/// Up to this buffer size the search takes all lists that represent others, and the
/// driver probes.
const PROBED: usize = 8;

/// A search over the states of one kind of stream.
pub struct Exploration<'a> {
    shape: Shape,
    open: OpenSubject<'a>,
    rule: FlushRule,
    max_write: usize,
    zero_length: bool,
    buffered_only: bool,
    faults: bool,
    first_only: bool,
    progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
}

/// The results of a search.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// States `(C, E, Z)` reached.
    pub states: u64,
    /// Transitions taken: each buffered write, each write of one extent and the
    /// flush, from each state.
    pub transitions: u64,
    /// Layouts visited: more than states if every layout is visited.
    pub layouts: u64,
    /// All other transitions: writes of several extents, closes, and those from a
    /// further layout of a state.
    pub further_transitions: u64,
    /// Transitions taken again with a fault.
    pub fault_transitions: u64,
    /// The largest distance of a state from the start, in events.
    pub diameter: u64,
    /// Transitions that broke an invariant or departed from the model.
    pub violations: u64,
    /// Transitions that departed from the model: other numbers, or other puts.
    pub departures: u64,
    /// Whether the search was completed.
    pub complete: bool,
    smallest: BTreeMap<Invariant, Case>,
    first_departure: Option<Case>,
}

impl Proof {
    /// The invariants that at least one transition broke.
    pub fn broken(&self) -> InvariantSet {
        let mut broken = InvariantSet::EMPTY;
        self.smallest.keys().for_each(|invariant| broken.insert(*invariant));
        broken
    }

    /// Whether the search was completed without finding anything.
    pub fn holds(&self) -> bool {
        self.complete && self.violations == 0
    }

    /// The smallest case found that breaks an invariant.
    pub fn smallest(&self, invariant: Invariant) -> Option<&Case> {
        self.smallest.get(&invariant)
    }

    /// The smallest case that breaks any invariant, with the invariant it breaks.
    pub fn smallest_of_all(&self) -> Option<(Invariant, &Case)> {
        self.smallest.iter().map(|(i, case)| (*i, case)).min_by_key(|(_, case)| case.weight())
    }

    /// The first case that departs from the model.
    pub fn first_departure(&self) -> Option<&Case> {
        self.first_departure.as_ref()
    }
}

impl<'a> Exploration<'a> {
    /// A search over all states of the streams that `open` opens, with writes of 0
    /// to `3S` bytes.
    pub fn new(shape: Shape, open: OpenSubject<'a>) -> Self {
        Exploration {
            shape,
            open,
            rule: FlushRule::Strict,
            max_write: shape.buffer_size.get().saturating_mul(3),
            zero_length: true,
            buffered_only: false,
            faults: false,
            first_only: false,
            progress: None,
        }
    }

    /// Sets the flush rule of the model to compare with.
    #[must_use]
    pub fn against(mut self, rule: FlushRule) -> Self {
        self.rule = rule;
        self
    }

    /// Sets the largest write.
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

    /// Uses only buffered writes, flushes and closes. They reach few states even
    /// for a buffer large enough for writes of every length that the fast path
    /// treats differently.
    #[must_use]
    pub fn of_buffered_writes(mut self) -> Self {
        self.buffered_only = true;
        self
    }

    /// Takes every transition again for each of its outputs, with that output failing,
    /// and checks what the stream does afterwards.
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Ends at the first state from which the search found something.
    #[must_use]
    pub fn until_the_first(mut self) -> Self {
        self.first_only = true;
        self
    }

    /// Calls back for each state with the number of transitions; a break ends the
    /// search.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    fn alphabet(&self) -> Alphabet {
        let first = usize::from(!self.zero_length);
        let mut letters: Vec<Event> = (first..=self.max_write).map(Event::buffered).collect();
        if !self.buffered_only {
            letters.extend((first..=self.max_write).map(Event::zero_copy));
        }
        letters.push(Event::flush());
        let base = letters.len();
        letters.push(Event::close());
        if self.buffered_only {
            return Alphabet { base, few: letters.len(), letters };
        }
        let lists = if self.probes() { Lists::Few } else { Lists::Pairs };
        letters.extend(lists_up_to(self.max_write, lists));
        let few = letters.len();
        if self.all_layouts() {
            letters.extend(lists_up_to(self.max_write, Lists::All));
        }
        Alphabet { letters, base, few }
    }

    fn all_layouts(&self) -> bool {
        self.shape.buffer_size.get() <= ALL_LAYOUTS
    }

    fn reuses(&self) -> bool {
        self.shape.buffer_size.get() <= REUSING && !self.buffered_only
    }

    fn probes(&self) -> bool {
        self.shape.buffer_size.get() <= PROBED || self.buffered_only
    }

    /// Searches, breadth first, until no state is new.
    pub fn run(mut self) -> Proof {
        let alphabet = self.alphabet();
        let model = Model::new(self.shape, self.rule);
        let start = Node { layout: Layout::default(), parent: None, depth: 0, first: true };
        let mut search = StateSearch {
            shape: self.shape,
            model,
            all_layouts: self.all_layouts(),
            probes: self.probes(),
            world: World::new(self.open),
            nodes: alloc::vec![start],
            known: BTreeSet::from([Layout::default()]),
            states: BTreeSet::from([AbstractState::default()]),
            warm_up: if self.reuses() { warm_up(self.shape, &model) } else { Vec::new() },
            proof: Proof::default(),
            puts: Puts::default(),
        };
        search.reuse();
        let mut next = 0;
        while let Some(node) = search.nodes.get(next) {
            let first = node.first;
            let path = search.path(next, &alphabet.letters);
            let letters = if first { alphabet.letters.len() } else { alphabet.few };
            for (letter, event) in alphabet.letters.iter().take(letters).enumerate() {
                search.transition((next, letter), &path, event);
                if first && letter < alphabet.base {
                    search.proof.transitions = search.proof.transitions.saturating_add(1);
                } else {
                    let further = &mut search.proof.further_transitions;
                    *further = further.saturating_add(1);
                }
                if first && self.faults && letter < alphabet.few {
                    search.faults(&path, event);
                }
            }
            next = next.saturating_add(1);
            if self.first_only && search.proof.violations > 0 {
                return search.proof;
            }
            if let Some(progress) = &mut self.progress
                && progress(search.proof.transitions).is_break()
            {
                return search.proof;
            }
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        search.proof.states = count(search.states.len());
        search.proof.layouts = count(search.nodes.len());
        search.proof.complete = true;
        search.proof
    }
}

/// The events of the search. The first `base` of them count as `transitions`; the
/// first `few` are taken from every layout, the rest only from the first layout of
/// each state.
struct Alphabet {
    letters: Vec<Event>,
    base: usize,
    few: usize,
}

/// A layout that was reached, and how it was reached.
struct Node {
    layout: Layout,
    parent: Option<(usize, usize)>,
    depth: u64,
    /// Whether this layout was the first of its state.
    first: bool,
}

struct StateSearch<'a> {
    shape: Shape,
    model: Model,
    all_layouts: bool,
    probes: bool,
    world: World<'a>,
    nodes: Vec<Node>,
    known: BTreeSet<Layout>,
    states: BTreeSet<AbstractState>,
    warm_up: Vec<Event>,
    proof: Proof,
    puts: Puts,
}

impl StateSearch<'_> {
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

    fn transition(&mut self, edge: (usize, usize), path: &[&Event], event: &Event) {
        let Some(node) = self.nodes.get(edge.0) else { return };
        self.puts.clear();
        let to = node.layout.step(&self.model, &event.operation, &mut self.puts);
        let from = node.layout.state;
        let depth = node.depth;
        let agrees = self.take(from, &to, path, event);
        let reached = self.world.recorder().broken().is_empty().then(|| {
            let layout = if agrees { to.clone() } else { self.world.layout() };
            (layout, event.operation != Operation::Close)
        });
        self.end(path, event, agrees);
        if let Some((layout, true)) = reached {
            self.reach(layout, agrees, edge, depth);
        }
        if self.warm_up.is_empty() {
            return;
        }
        let warm = self.warm_up.clone();
        let path: Vec<&Event> = warm.iter().chain(path.iter().copied()).collect();
        self.world.set_drops_puts(true);
        let agrees = self.take(from, &to, &path, event);
        self.end(&path, event, agrees);
        self.world.set_drops_puts(false);
    }

    /// Takes a transition. Returns whether its state and its puts are those of the
    /// model.
    fn take(&mut self, from: AbstractState, to: &Layout, path: &[&Event], event: &Event) -> bool {
        let bytes = path.iter().chain([&event]).map(|event| event.operation.bytes()).sum();
        let before = self.along(path, bytes);
        let puts_before = self.world.recorder().puts().len();
        self.world.set_probes(self.probes);
        let state = self.world.step(event);
        self.world.check_waiting();
        state.is_some_and(|state| AbstractState::from(state) == to.state)
            && before == from
            && self.world.has_layout(to)
            && self.world.has_put(puts_before, &self.puts)
    }

    /// The state at the end of a path, on a fresh stream.
    fn along(&mut self, path: &[&Event], bytes: usize) -> AbstractState {
        self.world.set_probes(false);
        self.world.begin(self.shape, 0, bytes);
        let mut state = AbstractState::default();
        for step in path {
            state = self.world.step(step).map(AbstractState::from).unwrap_or_default();
        }
        state
    }

    fn end(&mut self, path: &[&Event], event: &Event, agrees: bool) {
        self.world.end();
        let broken = self.world.recorder().broken();
        if !broken.is_empty() || !agrees {
            self.found(path, &[event], broken, agrees);
        }
    }

    fn reach(&mut self, layout: Layout, agrees: bool, edge: (usize, usize), depth: u64) {
        let state = layout.state;
        // A stream with a bug could reach new layouts without end.
        let waiting = if agrees && self.all_layouts { layout.waiting.clone() } else { Vec::new() };
        if !self.known.insert(Layout { state, waiting }) {
            return;
        }
        let first = self.states.insert(state);
        let depth = depth.saturating_add(1);
        if first {
            self.proof.diameter = self.proof.diameter.max(depth);
        }
        self.nodes.push(Node { layout, parent: Some(edge), depth, first });
    }

    /// Takes the last transition again, once for each of its outputs that can fail.
    fn faults(&mut self, path: &[&Event], event: &Event) {
        let puts = self.puts.sizes.clone();
        for fault in faults_of(event, &puts) {
            let failing = event.clone().failing(fault);
            let after = [&failing, &Event::buffered(1), &Event::flush(), &Event::close()];
            let bytes =
                path.iter().copied().chain(after).map(|event| event.operation.bytes()).sum();
            self.along(path, bytes);
            let before = self.world.recorder().puts().len();
            self.world.set_probes(true);
            for event in after {
                self.world.step(event);
            }
            let put = self.world.recorder().puts().iter().skip(before).map(|put| put.len);
            let reached = if let SinkFault::Put { nth, .. } = fault { nth + 1 } else { puts.len() };
            let agrees = put.eq(puts.iter().copied().take(reached));
            self.world.end();
            let broken = self.world.recorder().broken();
            self.proof.fault_transitions = self.proof.fault_transitions.saturating_add(1);
            if !broken.is_empty() || !agrees {
                self.found(path, &after, broken, agrees);
            }
        }
    }

    /// Checks that returned memory is reused. The test immediately allocates the memory
    /// that is freed, so in a stream that does not reuse memory each buffer has a new
    /// address.
    fn reuse(&mut self) {
        let shape = self.shape;
        for round in rounds(shape) {
            let events: Vec<&Event> = round.iter().collect();
            if !self.world.reuses_memory(shape, &events) {
                let mut broken = InvariantSet::EMPTY;
                broken.insert(Observation::MemoryNotReused.breaks());
                self.found(&events, &[], broken, true);
            }
        }
    }

    fn found(&mut self, path: &[&Event], last: &[&Event], broken: InvariantSet, agrees: bool) {
        let proof = &mut self.proof;
        proof.violations = proof.violations.saturating_add(1);
        let (trim, events) = (self.shape.trim, path.iter().chain(last).copied());
        let case = || Case { trim, events: events.clone().cloned().collect() };
        if !agrees {
            proof.departures = proof.departures.saturating_add(1);
            proof.first_departure.get_or_insert_with(case);
        }
        let length = path.len().saturating_add(last.len());
        for invariant in broken.iter() {
            // Most cases are not smaller: compare the number of events first.
            let known = proof.smallest.get(&invariant);
            if known.is_none_or(|known| {
                length <= known.events.len() && case().weight() < known.weight()
            }) {
                proof.smallest.insert(invariant, case());
            }
        }
    }
}

impl core::fmt::Debug for Exploration<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Exploration").field("shape", &self.shape).finish_non_exhaustive()
    }
}
