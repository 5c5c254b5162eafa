//! Runs every case of a space, with digests of the puts.

use super::event::{Case, Event, Operation, SinkFault, events_text};
use super::form::{Form, push_number};
use super::invariant::{Invariant, InvariantSet};
use super::model::{AbstractState, FlushRule, Model};
use super::space::{Sample, Space};
use super::subject::OpenSubject;
use super::world::{World, planes_for};
use crate::stream::Shape;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt::Write, ops::ControlFlow};
use sha2::{Digest, Sha256};

/// The results of an enumeration.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Cases run.
    pub cases: u64,
    /// Cases run again with a fault.
    pub fault_cases: u64,
    /// Cases that break an invariant or depart from the model, faults included.
    pub violations: u64,
    /// Cases whose numbers differ from those of the model; 0 if no model was
    /// compared.
    pub departures: u64,
    /// SHA-256 of the lines with each put's total.
    pub digest_a: [u8; 32],
    /// SHA-256 of the lines with the extents inside each put.
    pub digest_b: [u8; 32],
    smallest: BTreeMap<Invariant, Case>,
    first_departure: Option<Case>,
}

impl Tally {
    /// The invariants that at least one case broke.
    pub fn broken(&self) -> InvariantSet {
        let mut broken = InvariantSet::EMPTY;
        self.smallest.keys().for_each(|invariant| broken.insert(*invariant));
        broken
    }

    /// The smallest case that breaks an invariant: the fewest events, then the
    /// fewest bytes.
    pub fn smallest(&self, invariant: Invariant) -> Option<&Case> {
        self.smallest.get(&invariant)
    }

    /// The smallest case that breaks any invariant, with the invariant it breaks.
    pub fn smallest_of_all(&self) -> Option<(Invariant, &Case)> {
        self.smallest.iter().map(|(i, case)| (*i, case)).min_by_key(|(_, case)| case.weight())
    }

    /// The first case whose numbers differ from those of the model.
    pub fn first_departure(&self) -> Option<&Case> {
        self.first_departure.as_ref()
    }
}

/// A digest in hexadecimal.
pub fn hex(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Runs every case of a space.
///
/// ```
/// use sealpack_core::check::{self, Space};
///
/// let tally = check::enumerate(&Space { max_events: 2, ..Space::set_2() }, &check::strict);
/// assert_eq!((tally.cases, tally.violations), (480, 0));
/// ```
pub fn enumerate(space: &Space, open: OpenSubject<'_>) -> Tally {
    Enumeration::new(space, open).run()
}

/// An enumeration with its options: a model to compare with, a sample, progress.
pub struct Enumeration<'a> {
    space: &'a Space,
    open: OpenSubject<'a>,
    model: Option<FlushRule>,
    sample: Option<Sample>,
    digests: bool,
    faults: bool,
    first_only: bool,
    progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
}

impl<'a> Enumeration<'a> {
    /// An enumeration of all cases, with digests, without a model.
    pub fn new(space: &'a Space, open: OpenSubject<'a>) -> Self {
        Enumeration {
            space,
            open,
            model: None,
            sample: None,
            digests: true,
            faults: false,
            first_only: false,
            progress: None,
        }
    }

    /// Compares the stream's numbers with the model after every event of every
    /// case. The proof relies on this: the next state depends on `(C, E, Z)` and
    /// the event alone, whatever the path.
    #[must_use]
    pub fn against(mut self, rule: FlushRule) -> Self {
        self.model = Some(rule);
        self
    }

    /// Runs only a sample. The digests then cover only its lines.
    #[must_use]
    pub fn sampled(mut self, sample: Sample) -> Self {
        self.sample = Some(sample);
        self
    }

    /// Computes no digests; they are then all zeros.
    #[must_use]
    pub fn without_digests(mut self) -> Self {
        self.digests = false;
        self
    }

    /// Runs each case again for each of its outputs, with that output failing: a put
    /// of which the sink takes nothing, a part or everything, a flush, the close. The
    /// later events still follow.
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Ends at the first case that breaks an invariant or departs from the model.
    #[must_use]
    pub fn until_the_first(mut self) -> Self {
        self.first_only = true;
        self
    }

    /// Calls back from time to time with the number of cases visited; a break ends
    /// the enumeration.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Runs the enumeration.
    pub fn run(mut self) -> Tally {
        let mut run = Run {
            world: World::new(self.open),
            model: self.model,
            cases: 0,
            fault_cases: 0,
            violations: 0,
            departures: 0,
            faults: self.faults,
            lines: self.digests.then(Lines::new),
            smallest: BTreeMap::new(),
            first_departure: None,
            puts: Vec::new(),
            puts_after: Vec::new(),
        };
        let mut index = 0_u64;
        self.space.for_each(|trim, events| {
            index = index.saturating_add(1);
            if index.is_multiple_of(1 << 12)
                && let Some(progress) = &mut self.progress
            {
                progress(index)?;
            }
            let size = self.space.buffer_size;
            if self.sample.is_none_or(|sample| sample.keeps(size.get(), index, events)) {
                run.case(Shape { buffer_size: size, trim }, events);
            }
            if self.first_only && run.violations > 0 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        run.tally()
    }
}

struct Run<'a> {
    world: World<'a>,
    model: Option<FlushRule>,
    cases: u64,
    fault_cases: u64,
    violations: u64,
    departures: u64,
    faults: bool,
    lines: Option<Lines>,
    smallest: BTreeMap<Invariant, Case>,
    first_departure: Option<Case>,
    puts: Vec<usize>,
    /// The number of puts after each event.
    puts_after: Vec<usize>,
}

impl Run<'_> {
    fn case(&mut self, shape: Shape, events: &[&Event]) {
        let bytes = events.iter().map(|event| event.operation.bytes()).sum();
        self.world.begin(shape, 0, bytes);
        let mut agrees = true;
        let mut before = AbstractState::default();
        self.puts_after.clear();
        for event in events {
            let after = self.world.step(event);
            if let (Some(rule), Some(after)) = (self.model, after) {
                self.puts.clear();
                let model = Model::new(shape, rule);
                let (expected, _) = model.step(before, &event.operation, &mut self.puts);
                before = after.into();
                agrees &= expected == before;
            }
            self.puts_after.push(self.world.recorder().puts().len());
        }
        self.world.end();
        let mut broken = self.world.recorder().broken();
        self.cases = self.cases.saturating_add(1);
        if let Some(lines) = &mut self.lines {
            lines.add(shape.trim, events, &self.world);
        }
        if planes_for(bytes) > 1 {
            broken = broken.union(self.world.run(shape, events.iter().copied()));
        }
        if !broken.is_empty() || !agrees {
            self.found(shape.trim, events, broken, agrees);
        }
        if self.faults {
            self.each_fault(shape, events);
        }
    }

    fn each_fault(&mut self, shape: Shape, events: &[&Event]) {
        let lengths: Vec<usize> = self.world.recorder().puts().iter().map(|put| put.len).collect();
        let close = Event::close();
        let mut start = 0;
        for (index, event) in events.iter().copied().chain([&close]).enumerate() {
            let end = self.puts_after.get(index).copied().unwrap_or(lengths.len());
            let puts = lengths.get(start..end).unwrap_or_default().to_vec();
            start = end;
            for fault in faults_of(event, &puts) {
                let failing = event.clone().failing(fault);
                let mut path = events.to_vec();
                match path.get_mut(index) {
                    Some(place) => *place = &failing,
                    None => path.push(&failing),
                }
                self.fault_cases = self.fault_cases.saturating_add(1);
                let broken = self.world.run(shape, path.iter().copied());
                if !broken.is_empty() {
                    self.found(shape.trim, &path, broken, true);
                }
            }
        }
    }

    fn found(&mut self, trim: bool, events: &[&Event], broken: InvariantSet, agrees: bool) {
        self.violations = self.violations.saturating_add(1);
        let case = || Case { trim, events: events.iter().map(|event| (*event).clone()).collect() };
        if !agrees {
            self.departures = self.departures.saturating_add(1);
            self.first_departure.get_or_insert_with(case);
        }
        for invariant in broken.iter() {
            // Most cases of a mutant are not smaller: compare the number of events
            // first.
            let known = self.smallest.get(&invariant);
            if known.is_none_or(|known| {
                events.len() <= known.events.len() && case().weight() < known.weight()
            }) {
                self.smallest.insert(invariant, case());
            }
        }
    }

    fn tally(self) -> Tally {
        let (digest_a, digest_b) = self.lines.map_or(([0; 32], [0; 32]), Lines::digests);
        Tally {
            cases: self.cases,
            fault_cases: self.fault_cases,
            violations: self.violations,
            departures: self.departures,
            digest_a,
            digest_b,
            smallest: self.smallest,
            first_departure: self.first_departure,
        }
    }
}

/// Every fault that can occur in an event with these puts.
pub(super) fn faults_of(event: &Event, puts: &[usize]) -> Vec<SinkFault> {
    let mut faults = Vec::new();
    for (nth, len) in puts.iter().enumerate() {
        let mut parts = [0, len / 2, len.saturating_sub(1), *len].to_vec();
        parts.dedup();
        faults.extend(parts.into_iter().map(|taken| SinkFault::Put { nth, taken }));
    }
    let closes = event.operation == Operation::Close;
    let flushes = closes || event.operation == Operation::Flush;
    faults.extend(flushes.then_some(SinkFault::Flush));
    faults.extend(closes.then_some(SinkFault::Close));
    faults
}

/// The lines of all cases, as they are hashed into the digests.
struct Lines {
    a: Sha256,
    b: Sha256,
    text: String,
    first: bool,
}

impl Lines {
    fn new() -> Self {
        Lines { a: Sha256::new(), b: Sha256::new(), text: String::new(), first: true }
    }

    fn add(&mut self, trim: bool, events: &[&Event], world: &World<'_>) {
        let text = &mut self.text;
        text.clear();
        if !self.first {
            text.push('\n');
        }
        self.first = false;
        text.push_str(if trim { "trim=1 writes=" } else { "trim=0 writes=" });
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            match &event.operation {
                Operation::Buffered(n) => {
                    text.push('b');
                    push_number(text, *n);
                }
                Operation::ZeroCopy(extents) if extents.len() == 1 => {
                    text.push('z');
                    push_number(text, event.operation.bytes());
                }
                _ => text.push_str(&event.to_string()),
            }
        }
        text.push_str(" puts=");
        let head = text.len();
        world.recorder().puts_text(Form::B, text);
        self.b.update(text.as_bytes());
        text.truncate(head);
        world.recorder().puts_text(Form::A, text);
        self.a.update(text.as_bytes());
    }

    fn digests(self) -> ([u8; 32], [u8; 32]) {
        (self.a.finalize().into(), self.b.finalize().into())
    }
}

impl core::fmt::Debug for Enumeration<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Enumeration").field("space", self.space).finish_non_exhaustive()
    }
}

/// The line of a case with its puts, without running it.
pub fn line(trim: bool, events: &[Event], puts: &str) -> String {
    let mut text = String::new();
    let _ = write!(text, "trim={} writes={} puts={puts}", u8::from(trim), events_text(events));
    text
}
