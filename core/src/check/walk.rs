//! A random walk: for streams that do not show their contents, and for large
//! buffers.

use super::event::{Case, Event, Operation, SinkFault};
use super::invariant::{Invariant, InvariantSet};
use super::model::{AbstractState, FlushRule, Model};
use super::shrink::{shrink, shrink_by};
use super::space::mix;
use super::subject::OpenSubject;
use super::world::World;
use crate::stream::Shape;
use alloc::vec::Vec;
use core::ops::ControlFlow;

/// The expected puts of a stream: a model to compare it with.
///
/// [`SpecifiedPuts`] is the one of this crate's stream, from its [`Model`]; implement
/// the trait for a stream with other rules.
pub trait Expectation {
    /// A fresh stream.
    fn begin(&mut self, shape: Shape);

    /// The sizes of the puts of an operation, in order. It is not called after a
    /// fault.
    fn puts(&mut self, operation: &Operation, puts: &mut Vec<usize>);
}

/// Expects the puts of the specification.
#[derive(Clone, Debug)]
pub struct SpecifiedPuts {
    rule: FlushRule,
    model: Option<Model>,
    state: AbstractState,
}

impl SpecifiedPuts {
    /// The specification under a flush rule.
    #[must_use]
    pub fn new(rule: FlushRule) -> Self {
        SpecifiedPuts { rule, model: None, state: AbstractState::default() }
    }
}

impl Expectation for SpecifiedPuts {
    fn begin(&mut self, shape: Shape) {
        self.model = Some(Model::new(shape, self.rule));
        self.state = AbstractState::default();
    }

    fn puts(&mut self, operation: &Operation, puts: &mut Vec<usize>) {
        if let Some(model) = &self.model {
            self.state = model.step(self.state, operation, puts).0;
        }
    }
}

/// A random walk over the cases of one kind of stream: it takes any buffer size and
/// any stream, and runs the same cases for the same seed.
///
/// Lengths are drawn from those at which decisions change, around `S` and `2S`, and
/// from anywhere up to `3S`; writes of several extents (some of them empty),
/// flushes and faults are drawn too. A case that breaks an invariant is shrunk.
///
/// ```
/// use sealpack_core::check::{self, Invariant, Mutant, Walk};
/// use sealpack_core::stream::{BufferSize, Shape};
///
/// let shape = Shape::exactly(BufferSize::new(100_000).unwrap());
/// assert!(Walk::new(shape, &check::strict).cases(10).run().holds());
///
/// let bug = Mutant::find("extents-overtake").unwrap();
/// let small = Shape::exactly(BufferSize::new(100).unwrap());
/// let walked = Walk::new(small, &|shape| bug.open(shape)).run();
/// let (invariant, case) = walked.violation.unwrap();
/// assert_eq!((invariant, case.to_string().as_str()), (Invariant::Order, "trim=1 writes=b1,z1"));
/// ```
pub struct Walk<'a> {
    shape: Shape,
    open: OpenSubject<'a>,
    seed: u64,
    cases: u64,
    events: usize,
    faults: bool,
    checked: InvariantSet,
    expectation: Option<&'a mut dyn Expectation>,
    progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
}

/// The results of a walk.
#[derive(Clone, Debug, Default)]
pub struct WalkTally {
    /// Cases run.
    pub cases: u64,
    /// The first invariant that a case broke, and that case, shrunk.
    pub violation: Option<(Invariant, Case)>,
    /// The first case whose puts differ from the expected ones, shrunk.
    pub departure: Option<Case>,
}

impl WalkTally {
    /// Whether nothing was found.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violation.is_none() && self.departure.is_none()
    }
}

impl<'a> Walk<'a> {
    /// A walk of a thousand cases of up to twelve events, with faults. They must keep
    /// all seven invariants.
    pub fn new(shape: Shape, open: OpenSubject<'a>) -> Self {
        let mut checked = InvariantSet::EMPTY;
        Invariant::ALL.into_iter().for_each(|invariant| checked.insert(invariant));
        Walk {
            shape,
            open,
            seed: 1,
            cases: 1000,
            events: 12,
            faults: true,
            checked,
            expectation: None,
            progress: None,
        }
    }

    /// Sets the seed of the cases.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many cases are run.
    #[must_use]
    pub fn cases(mut self, cases: u64) -> Self {
        self.cases = cases;
        self
    }

    /// Sets the largest number of events of a case.
    #[must_use]
    pub fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Runs cases without faults.
    #[must_use]
    pub fn without_faults(mut self) -> Self {
        self.faults = false;
        self
    }

    /// Checks only these invariants, because the stream does not claim the others.
    #[must_use]
    pub fn checking(mut self, invariants: &[Invariant]) -> Self {
        self.checked = InvariantSet::EMPTY;
        invariants.iter().for_each(|invariant| self.checked.insert(*invariant));
        self
    }

    /// Compares the sizes of the puts with a model.
    #[must_use]
    pub fn against(mut self, expectation: &'a mut dyn Expectation) -> Self {
        self.expectation = Some(expectation);
        self
    }

    /// Calls back after each case with the number of cases run; a break ends the walk.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Walks until it finds something, or to the end.
    pub fn run(mut self) -> WalkTally {
        let mut world = World::new(self.open);
        let mut walked = WalkTally::default();
        let mut numbers = Numbers { state: self.seed, drawn: 0 };
        for _ in 0..self.cases {
            let case = self.case(&mut numbers);
            walked.cases = walked.cases.saturating_add(1);
            let broken = world.run(self.shape, &case.events);
            let broken = broken.iter().find(|invariant| self.checked.contains(*invariant));
            if let Some(invariant) = broken {
                let size = self.shape.buffer_size;
                walked.violation = Some((invariant, shrink(&case, invariant, size, self.open)));
                return walked;
            }
            let shape = self.shape;
            if let Some(expectation) = &mut self.expectation {
                let mut departs =
                    |case: &Case| departs(&mut world, shape, case, &mut **expectation);
                if departs(&case) {
                    walked.departure = Some(shrink_by(&case, &mut departs));
                    return walked;
                }
            }
            if let Some(progress) = &mut self.progress
                && progress(walked.cases).is_break()
            {
                return walked;
            }
        }
        walked
    }

    fn case(&self, numbers: &mut Numbers) -> Case {
        let size = self.shape.buffer_size.get();
        let events = 1 + numbers.below(self.events.max(1));
        let mut path: Vec<Event> = (0..events).map(|_| event(size, numbers)).collect();
        if self.faults && numbers.below(2) == 0 {
            let at = numbers.below(path.len());
            if let Some(event) = path.get_mut(at) {
                event.fault = Some(match (&event.operation, numbers.below(3)) {
                    (Operation::Flush, 0) => SinkFault::Flush,
                    _ => SinkFault::Put { nth: numbers.below(3), taken: numbers.below(size) },
                });
            }
        }
        Case { trim: self.shape.trim, events: path }
    }
}

/// Whether the stream departs from the expected puts before its first fault.
fn departs(
    world: &mut World<'_>,
    shape: Shape,
    case: &Case,
    expectation: &mut dyn Expectation,
) -> bool {
    world.begin(shape, 0, case.bytes());
    expectation.begin(shape);
    let mut departs = false;
    let mut puts = Vec::new();
    for event in &case.events {
        let before = world.recorder().puts().len();
        world.step(event);
        if world.recorder().struck() || world.recorder().closed() {
            break;
        }
        puts.clear();
        expectation.puts(&event.operation, &mut puts);
        let put = world.recorder().puts().iter().skip(before).map(|put| put.len);
        departs |= !put.eq(puts.iter().copied());
    }
    world.end();
    departs
}

fn event(size: usize, numbers: &mut Numbers) -> Event {
    match numbers.below(8) {
        0 => Event::flush(),
        1 | 2 => {
            let extents = 2 + numbers.below(4);
            Event::extents((0..extents).map(|_| length(size, numbers) / 2).collect())
        }
        3 | 4 => Event::zero_copy(length(size, numbers)),
        _ => Event::buffered(length(size, numbers)),
    }
}

/// A length of 0 to `3S`, most often one at which a decision changes.
fn length(size: usize, numbers: &mut Numbers) -> usize {
    let twice = size.saturating_mul(2);
    match numbers.below(12) {
        0 => 0,
        1 => 1,
        2 => size.saturating_sub(1),
        3 => size,
        4 => size.saturating_add(1),
        5 => twice.saturating_sub(1),
        6 => twice,
        7 => twice.saturating_add(1),
        8 => numbers.below(size.saturating_mul(3).saturating_add(1)),
        _ => numbers.below(size.saturating_add(1)),
    }
}

/// Pseudo-random numbers from a seed.
struct Numbers {
    state: u64,
    drawn: u64,
}

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.drawn = self.drawn.wrapping_add(1);
        let number = mix(mix(self.state).wrapping_add(self.drawn));
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(number % limit).unwrap_or(0)
    }
}

impl core::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Walk").field("shape", &self.shape).finish_non_exhaustive()
    }
}
