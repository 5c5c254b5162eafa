//! Every case of a small world, in an order that is written down, with digests
//! of what each puts.

use super::event::{Case, Event, Fault, Operation, events_text};
use super::invariant::{Broken, Invariant};
use super::model::{Abstract, FlushRule, Model};
use super::recorder::{Form, push_number};
use super::subject::Open;
use super::world::{World, planes_for};
use crate::stream::{BufferSize, Shape};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt::Write, ops::ControlFlow};
use sha2::{Digest, Sha256};

/// In which order a space gives out its cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Sequences of *sizes*, depth first; for each, masks `0..2^n`, bit `i` set
    /// where write `i` is zero-copy. No flushes but the close at the end.
    Masks,
    /// Sequences of *events*, depth first, from the alphabet `b1…`, `z1…`, `f`.
    Events,
}

/// A finite set of cases: all sequences of at least one event up to a length.
///
/// Without trim first, then with it. A sequence is given out before it is
/// extended, sizes ascend, and every case ends with a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The streams' buffer size.
    pub buffer_size: BufferSize,
    /// The most events of a case.
    pub max_events: usize,
    /// The largest write in bytes; the smallest is 1.
    pub max_write: usize,
    /// The order, and with it whether there are flushes.
    pub order: Order,
}

impl Space {
    /// Set 1: S = 5, up to 4 writes of 1 to 15 bytes. 1,675,860 cases.
    pub const fn set_1() -> Self {
        Self::of(5, 15, Order::Masks)
    }

    /// Set 2: S = 4, up to 4 of `b1`…`b7`, `z1`…`z7`, `f`. 108,480 cases.
    pub const fn set_2() -> Self {
        Self::of(4, 7, Order::Events)
    }

    /// The digests A and B that this space has under a flush rule, where that was
    /// written down: those of sets 1 and 2. The reference's were measured by
    /// running it.
    pub fn known_digests(&self, rule: FlushRule) -> Option<[&'static str; 2]> {
        let known = match (*self == Self::set_1(), *self == Self::set_2(), rule) {
            (true, _, FlushRule::Strict) => [
                "a96d80a6ddbff089c69630c0c470c3100d85d47dfa7ae56484f2014c582da884",
                "b2ad23eaf56780d6eb5a2eba2e8ee76ce5d7c4b508660d166fab17009bb16004",
            ],
            (true, _, FlushRule::Reference) => [
                "a28aea7c431d236761903f5db3f84930cd56a99d01f4ff52494d47e097fa3ead",
                "df599da954de21421b3cf44782c3f5d3620dcc94fa397188c0cf2e7de87a0ec7",
            ],
            (_, true, FlushRule::Strict) => [
                "dc8a0a353db3bf0a2e62f60c6984803e29d3de05b72fb2aeb1c17cbb7114ebc5",
                "5150794fbcd6964c70463f014159cf7d8d99da12d21a013f4efbe81336b1faec",
            ],
            (_, true, FlushRule::Reference) => [
                "448a46b0f573c37cfbc24e7a19373de34e2ab43f5bc8889683e9b1377d46d994",
                "aed79312acd81893de8e891bd38c233d49102f54e0bd85e08c22b8a378499956",
            ],
            (false, false, _) => return None,
        };
        Some(known)
    }

    const fn of(size: usize, max_write: usize, order: Order) -> Self {
        let buffer_size = match BufferSize::new(size) {
            Some(size) => size,
            None => BufferSize::SMALLEST,
        };
        Space { buffer_size, max_events: 4, max_write, order }
    }

    /// How many cases there are; `None` above 2^64.
    pub fn cases(&self) -> Option<u64> {
        let letters = u64::try_from(self.max_write).ok()?.checked_mul(2)?;
        let letters = letters.checked_add(u64::from(self.order == Order::Events))?;
        let (mut sum, mut of_length) = (0_u64, 1_u64);
        for _ in 0..self.max_events {
            of_length = of_length.checked_mul(letters)?;
            sum = sum.checked_add(of_length)?;
        }
        sum.checked_mul(2)
    }

    /// Visits every case in order.
    ///
    /// The visitor gets the events by reference from one alphabet: nothing is
    /// allocated for a case.
    pub fn for_each(&self, mut visit: impl FnMut(bool, &[&Event]) -> ControlFlow<()>) {
        let buffered: Vec<Event> = (1..=self.max_write).map(Event::buffered).collect();
        let zero_copy: Vec<Event> = (1..=self.max_write).map(Event::zero_copy).collect();
        let flush = Event::flush();
        for trim in [false, true] {
            let flow = match self.order {
                Order::Events => {
                    let alphabet: Vec<&Event> =
                        buffered.iter().chain(&zero_copy).chain([&flush]).collect();
                    self.extend(&alphabet, &mut Vec::new(), &mut |path| visit(trim, path))
                }
                Order::Masks => {
                    let sizes: Vec<usize> = (0..self.max_write).collect();
                    let mut events = Vec::with_capacity(self.max_events);
                    self.extend(&sizes, &mut Vec::new(), &mut |sizes| {
                        masks(sizes, &buffered, &zero_copy, &mut events, &mut |e| visit(trim, e))
                    })
                }
            };
            if flow.is_break() {
                return;
            }
        }
    }

    fn extend<T: Copy>(
        &self,
        alphabet: &[T],
        path: &mut Vec<T>,
        visit: &mut impl FnMut(&[T]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if path.len() == self.max_events {
            return ControlFlow::Continue(());
        }
        for letter in alphabet {
            path.push(*letter);
            visit(path)?;
            self.extend(alphabet, path, visit)?;
            path.pop();
        }
        ControlFlow::Continue(())
    }
}

fn masks<'e>(
    sizes: &[usize],
    buffered: &'e [Event],
    zero_copy: &'e [Event],
    events: &mut Vec<&'e Event>,
    visit: &mut impl FnMut(&[&'e Event]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let count = u32::try_from(sizes.len()).ok().and_then(|n| 1_u64.checked_shl(n)).unwrap_or(0);
    for mask in 0..count {
        events.clear();
        events.extend(sizes.iter().enumerate().filter_map(|(i, size)| {
            if mask >> i & 1 == 1 { zero_copy.get(*size) } else { buffered.get(*size) }
        }));
        visit(events)?;
    }
    ControlFlow::Continue(())
}

/// Which cases of a space are run where there is no time for all: the critical
/// ones, and one in `one_in` of the others.
///
/// A case is *critical* when all its writes are of the sizes where decisions
/// change: 1, S - 1, S, S + 1 and S + 2. Those cover each pure mode and every
/// kind of switch between the modes on each side of each threshold; a sample
/// without them could miss a decision altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What the choice follows from; print it, to be able to repeat it.
    pub seed: u64,
    /// One in how many of the cases that are not critical; 0 for none.
    pub one_in: u64,
}

impl Sample {
    fn keeps(&self, size: usize, index: u64, events: &[&Event]) -> bool {
        let critical = |event: &&Event| {
            let n = event.operation.bytes();
            n <= 1 || (n >= size.saturating_sub(1) && n <= size.saturating_add(2))
        };
        events.iter().all(critical)
            || mix(self.seed.wrapping_add(index)).checked_rem(self.one_in) == Some(0)
    }
}

/// The mixing function of SplitMix64.
fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What an enumeration has found.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Cases run.
    pub cases: u64,
    /// Cases run again with a fault in them.
    pub fault_cases: u64,
    /// Cases that break an invariant, or leave the model.
    pub violations: u64,
    /// Cases whose numbers are not those of the model; 0 where none was compared.
    pub departures: u64,
    /// SHA-256 of the lines with each put's total.
    pub digest_a: [u8; 32],
    /// SHA-256 of the lines with the extents inside each put.
    pub digest_b: [u8; 32],
    smallest: BTreeMap<Invariant, Case>,
    first_departure: Option<Case>,
}

impl Tally {
    /// The invariants that some case broke.
    pub fn broken(&self) -> Broken {
        let mut broken = Broken::NONE;
        self.smallest.keys().for_each(|invariant| broken.insert(*invariant));
        broken
    }

    /// The smallest case that breaks an invariant: the fewest events, of those
    /// the fewest bytes.
    pub fn smallest(&self, invariant: Invariant) -> Option<&Case> {
        self.smallest.get(&invariant)
    }

    /// The smallest case of all that break something, with what it breaks.
    pub fn smallest_of_all(&self) -> Option<(Invariant, &Case)> {
        self.smallest.iter().map(|(i, case)| (*i, case)).min_by_key(|(_, case)| case.weight())
    }

    /// The first case whose numbers are not those of the model.
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
pub fn enumerate(space: &Space, open: Open<'_>) -> Tally {
    Enumeration::new(space, open).run()
}

/// An enumeration with its options: a model to compare with, a sample, progress.
pub struct Enumeration<'a> {
    space: &'a Space,
    open: Open<'a>,
    model: Option<FlushRule>,
    sample: Option<Sample>,
    digests: bool,
    faults: bool,
    first_only: bool,
    progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
}

impl<'a> Enumeration<'a> {
    /// All cases, with digests, without a model.
    pub fn new(space: &'a Space, open: Open<'a>) -> Self {
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
    /// case: that the next state depends on `(C, E, Z)` and the event alone,
    /// whatever the path, is what the proof rests on.
    #[must_use]
    pub fn against(mut self, rule: FlushRule) -> Self {
        self.model = Some(rule);
        self
    }

    /// Runs a sample only. The digests are of its lines then.
    #[must_use]
    pub fn sampled(mut self, sample: Sample) -> Self {
        self.sample = Some(sample);
        self
    }

    /// Leaves the digests out (they are those of no lines).
    #[must_use]
    pub fn without_digests(mut self) -> Self {
        self.digests = false;
        self
    }

    /// Runs each case again for each output in it, with that output failing: a
    /// put that fails outright, one of which the sink takes a part, a flush, the
    /// close. The events behind it still come.
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Ends at the first case that breaks something.
    #[must_use]
    pub fn until_the_first(mut self) -> Self {
        self.first_only = true;
        self
    }

    /// Calls back now and then with the number of cases looked at; a break ends
    /// the enumeration.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Runs it.
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
    /// How many puts there were after each event.
    puts_after: Vec<usize>,
}

impl Run<'_> {
    fn case(&mut self, shape: Shape, events: &[&Event]) {
        let bytes = events.iter().map(|event| event.operation.bytes()).sum();
        self.world.begin(shape, 0, bytes);
        let mut agrees = true;
        let mut before = Abstract::default();
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
        if !broken.is_none() || !agrees {
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
                if !broken.is_none() {
                    self.found(shape.trim, &path, broken, true);
                }
            }
        }
    }

    fn found(&mut self, trim: bool, events: &[&Event], broken: Broken, agrees: bool) {
        self.violations = self.violations.saturating_add(1);
        let case = || Case { trim, events: events.iter().map(|event| (*event).clone()).collect() };
        if !agrees {
            self.departures = self.departures.saturating_add(1);
            self.first_departure.get_or_insert_with(case);
        }
        for invariant in broken.iter() {
            // Most cases of a mutant are no smaller: look at the count first.
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

/// Every fault that can strike in an event that puts so much.
pub(super) fn faults_of(event: &Event, puts: &[usize]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (nth, len) in puts.iter().enumerate() {
        let mut parts = [0, len / 2, len.saturating_sub(1)].to_vec();
        parts.dedup();
        faults.extend(parts.into_iter().map(|taken| Fault::Put { nth, taken }));
    }
    let closes = event.operation == Operation::Close;
    let flushes = closes || event.operation == Operation::Flush;
    faults.extend(flushes.then_some(Fault::Flush));
    faults.extend(closes.then_some(Fault::Close));
    faults
}

/// The lines of all cases, as they go into the digests.
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
