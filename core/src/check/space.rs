//! Finite sets of cases, their order, and samples of them.

use super::alphabet::{Lists, lists_up_to};
use super::event::{Event, Operation};
use super::model::FlushRule;
use crate::stream::BufferSize;
use alloc::vec::Vec;
use core::ops::ControlFlow;

/// The order in which a space lists its cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Sequences of *sizes*, depth first; for each, masks `0..2^n`, with bit `i`
    /// set if write `i` is zero-copy. No flushes except the close at the end.
    Masks,
    /// Sequences of *events*, depth first, from the alphabet `b1…`, `z1…`, `f`.
    Events,
    /// The same with writes of several extents, including empty ones: `b1…`, `z1…`,
    /// then every list of up to three extents of each total from 0 up, each total's
    /// empty extents first, then `f`.
    Extents,
}

/// A finite set of cases: all sequences of at least one event up to a length.
///
/// Cases without trim come first, then those with it. A sequence comes before its
/// extensions, sizes ascend, and every case ends with a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The streams' buffer size.
    pub buffer_size: BufferSize,
    /// The largest number of events of a case.
    pub max_events: usize,
    /// The largest write in bytes; the smallest is 1.
    pub max_write: usize,
    /// The order, which also decides whether there are flushes.
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

    /// Set 3: S = 3, up to 3 of `b1`…`b6`, `z1`…`z6`, lists of extents of up to 6
    /// bytes, `f`. 666,678 cases.
    pub const fn set_3() -> Self {
        Space { max_events: 3, ..Self::of(3, 6, Order::Extents) }
    }

    /// The recorded digests A and B of sets 1, 2 and 3 under a flush rule; `None` for
    /// other spaces. Those of the reference's rule come from running the reference,
    /// except for set 3, which it has not run.
    pub fn known_digests(&self, rule: FlushRule) -> Option<[&'static str; 2]> {
        if *self == Self::set_3() {
            return Some(match rule {
                FlushRule::Strict => [
                    "d7bafa510440795cc58100bde68afb822e20dbc2c1bcb1ba2e7771e225a775bf",
                    "22651c972cd63a8e988c2ba7023d05c26573102200b72adf8c0b4686610b08a0",
                ],
                FlushRule::Reference => [
                    "3296fec0f8b89f11386262895c7e85494745a22be0fe69f5a01c7db23ce9a64e",
                    "01bcad05affeb35aca66ad0bf319caae60f6a57a46c4c4decb163af30530291f",
                ],
            });
        }
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

    /// The number of cases; `None` above 2^64.
    pub fn cases(&self) -> Option<u64> {
        let letters = u64::try_from(self.max_write).ok()?.checked_mul(2)?;
        let further = match self.order {
            Order::Masks => 0,
            Order::Events => 1,
            Order::Extents => 1 + lists_up_to(self.max_write, Lists::All).len(),
        };
        let letters = letters.checked_add(u64::try_from(further).ok()?)?;
        let (mut sum, mut of_length) = (0_u64, 1_u64);
        for _ in 0..self.max_events {
            of_length = of_length.checked_mul(letters)?;
            sum = sum.checked_add(of_length)?;
        }
        sum.checked_mul(2)
    }

    /// Visits every case in order. The events are references into one alphabet, so that
    /// no case allocates.
    pub fn for_each(&self, mut visit: impl FnMut(bool, &[&Event]) -> ControlFlow<()>) {
        let buffered: Vec<Event> = (1..=self.max_write).map(Event::buffered).collect();
        let zero_copy: Vec<Event> = (1..=self.max_write).map(Event::zero_copy).collect();
        let lists = match self.order {
            Order::Extents => lists_up_to(self.max_write, Lists::All),
            Order::Masks | Order::Events => Vec::new(),
        };
        let flush = Event::flush();
        for trim in [false, true] {
            let flow = match self.order {
                Order::Events | Order::Extents => {
                    let alphabet: Vec<&Event> =
                        buffered.iter().chain(&zero_copy).chain(&lists).chain([&flush]).collect();
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

/// Which cases of a space are run if there is no time for all of them: the critical
/// ones, and one in `one_in` of the others.
///
/// A case is *critical* if all its writes, and all extents of each, have one of the
/// sizes at which decisions change: 1, S - 1, S, S + 1 and S + 2. Those cover each
/// pure mode and every kind of switch between the modes on each side of each
/// threshold; a sample without them could miss a decision altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The seed of the choice; print it so that the run can be repeated.
    pub seed: u64,
    /// One in how many of the cases that are not critical is run; 0 for none.
    pub one_in: u64,
}

impl Sample {
    pub(super) fn keeps(&self, size: usize, index: u64, events: &[&Event]) -> bool {
        let critical =
            |n: usize| n <= 1 || (n >= size.saturating_sub(1) && n <= size.saturating_add(2));
        let critical = |event: &&Event| match &event.operation {
            Operation::ZeroCopy(extents) => {
                critical(event.operation.bytes()) && extents.iter().all(|n| critical(*n))
            }
            operation => critical(operation.bytes()),
        };
        events.iter().all(critical)
            || mix(self.seed.wrapping_add(index)).checked_rem(self.one_in) == Some(0)
    }
}

/// The mixing function of SplitMix64.
pub(super) fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
