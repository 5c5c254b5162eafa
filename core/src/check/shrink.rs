//! Reduces a failing case to a smallest failing one; the result is always the same.

use super::alphabet::{Lists, lists_of};
use super::event::{Case, Event, Operation, SinkFault};
use super::invariant::Invariant;
use super::subject::OpenSubject;
use super::world::World;
use crate::stream::{BufferSize, Shape};
use alloc::vec::Vec;

/// The maximum number of cases that the search runs once no single change makes the
/// case smaller.
const BUDGET: usize = 200_000;
/// That search takes place only if the case writes at most this many bytes.
const COMPOSED: usize = 256;

/// The smallest case that breaks `invariant`, found from `case`, which breaks it
/// too.
///
/// *Smaller* is fewer events, then fewer bytes, then fewer extents, then the order
/// of the text. The search first tries every single change (an event left out, a
/// fault left out, a length made shorter, two extents made one) until none helps;
/// then it tries all smaller cases of the same kind, in order of size, at most
/// 200,000. Nothing is random.
///
/// If the case does not break the invariant, it is returned unchanged.
pub fn shrink(
    case: &Case,
    invariant: Invariant,
    buffer_size: BufferSize,
    open: OpenSubject<'_>,
) -> Case {
    let mut world = World::new(open);
    let mut fails = |case: &Case| {
        let shape = Shape { buffer_size, trim: case.trim };
        world.run(shape, &case.events).contains(invariant)
    };
    if !fails(case) {
        return case.clone();
    }
    shrink_by(case, &mut fails)
}

/// The smallest failing case, found from a failing one.
pub(super) fn shrink_by(case: &Case, fails: &mut impl FnMut(&Case) -> bool) -> Case {
    let smallest = shrink_by_changes(case, fails);
    // The number of smaller cases composed of long writes would be too large.
    if smallest.bytes() > COMPOSED {
        return smallest;
    }
    smallest_below(&smallest, fails).unwrap_or(smallest)
}

/// A failing case that no single change makes smaller.
pub(super) fn shrink_by_changes(case: &Case, fails: &mut impl FnMut(&Case) -> bool) -> Case {
    let mut smallest = case.clone();
    while let Some(smaller) = smaller_by_one_change(&smallest).into_iter().find(&mut *fails) {
        smallest = smaller;
    }
    smallest
}

/// The smaller cases that one change makes of this case, the smallest first.
fn smaller_by_one_change(case: &Case) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    let with = |events: Vec<Event>| Case { trim: case.trim, events };
    for (index, event) in case.events.iter().enumerate() {
        let mut without = case.events.clone();
        without.remove(index);
        found.push(with(without));
        for smaller in smaller_events(event) {
            let mut events = case.events.clone();
            if let Some(place) = events.get_mut(index) {
                *place = smaller;
            }
            found.push(with(events));
        }
    }
    found.sort_by_cached_key(Case::weight);
    let weight = case.weight();
    found.retain(|smaller| smaller.weight() < weight);
    found
}

fn smaller_events(event: &Event) -> Vec<Event> {
    let fault = event.fault;
    let mut found: Vec<Event> = Vec::new();
    if fault.is_some() {
        found.push(Event { fault: None, operation: event.operation.clone() });
    }
    if let Some(SinkFault::Put { nth, taken }) = fault {
        let earlier = lengths_below(nth).into_iter().map(|nth| SinkFault::Put { nth, taken });
        let shorter = lengths_below(taken).into_iter().map(|taken| SinkFault::Put { nth, taken });
        found.extend(earlier.chain(shorter).map(|fault| event.clone().failing(fault)));
    }
    match &event.operation {
        Operation::Buffered(n) => {
            let shorter = lengths_below(*n).into_iter().map(Operation::Buffered);
            found.extend(shorter.map(|operation| Event { operation, fault }));
        }
        Operation::ZeroCopy(extents) => {
            for (index, n) in extents.iter().enumerate() {
                let mut others = extents.clone();
                others.remove(index);
                if !others.is_empty() {
                    found.push(Event { operation: Operation::ZeroCopy(others.clone()), fault });
                }
                if let Some(next) = others.get_mut(index) {
                    *next = next.saturating_add(*n);
                    found.push(Event { operation: Operation::ZeroCopy(others), fault });
                }
                for shorter in lengths_below(*n) {
                    let mut changed = extents.clone();
                    changed.iter_mut().skip(index).take(1).for_each(|place| *place = shorter);
                    found.push(Event { operation: Operation::ZeroCopy(changed), fault });
                }
            }
        }
        Operation::Flush | Operation::Close => {}
    }
    found
}

/// The shorter lengths to try: all for a short write; for a long one, repeated halves
/// and one less.
fn lengths_below(n: usize) -> Vec<usize> {
    if n <= 64 {
        return (0..n).collect();
    }
    let mut lengths: Vec<usize> =
        core::iter::successors(Some(n / 2), |n| (*n > 0).then_some(n / 2)).collect();
    lengths.reverse();
    lengths.push(n - 1);
    lengths
}

/// The smallest failing case that is smaller than `limit`; `None` for a case with
/// faults.
fn smallest_below(limit: &Case, fails: &mut impl FnMut(&Case) -> bool) -> Option<Case> {
    if limit.events.iter().any(|event| event.fault.is_some()) {
        return None;
    }
    let weight = limit.weight();
    let mut left = BUDGET;
    let lists = limit
        .events
        .iter()
        .any(|event| matches!(&event.operation, Operation::ZeroCopy(extents) if extents.len() > 1));
    for events in 1..=limit.events.len() {
        for bytes in 0..=limit.bytes() {
            let mut of_this_size = Vec::new();
            let mut path = Vec::new();
            let letters = Letters { trim: limit.trim, lists };
            letters.compose(events, bytes, &mut path, &mut left, &mut |case| {
                of_this_size.push(case);
            });
            of_this_size.sort_by_cached_key(Case::weight);
            let mut smaller = of_this_size.into_iter();
            let found = smaller.find(|case| case.weight() < weight && fails(case));
            if found.is_some() || left == 0 {
                return found;
            }
        }
    }
    None
}

/// The events of which cases are composed.
struct Letters {
    trim: bool,
    /// Whether writes of several extents are among them.
    lists: bool,
}

impl Letters {
    /// Composes all cases of `events` events that write `bytes` bytes.
    fn compose(
        &self,
        events: usize,
        bytes: usize,
        path: &mut Vec<Event>,
        left: &mut usize,
        visit: &mut impl FnMut(Case),
    ) {
        if events == 0 {
            if bytes == 0 && *left > 0 {
                *left -= 1;
                visit(Case { trim: self.trim, events: path.clone() });
            }
            return;
        }
        for n in 0..=bytes {
            let flush = (n == 0).then(Event::flush);
            let lists = if self.lists { lists_of(n, Lists::Few) } else { Vec::new() };
            let single = [Event::buffered(n), Event::zero_copy(n)];
            let lists = lists.into_iter().map(Event::extents);
            for event in single.into_iter().chain(lists).chain(flush) {
                if *left == 0 {
                    return;
                }
                path.push(event);
                self.compose(events - 1, bytes - n, path, left, visit);
                path.pop();
            }
        }
    }
}
