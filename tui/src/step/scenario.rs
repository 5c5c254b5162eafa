//! Instructive cases, each with a name and a sentence.

use sealpack_core::check::{Case, Mutant, Variant};
use sealpack_core::stream::BufferSize;

use super::setup::Setup;

/// An instructive case.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The name of the scenario.
    pub name: &'static str,
    /// A sentence about what it shows.
    pub sentence: &'static str,
    buffer_size: usize,
    trim: bool,
    events: &'static str,
    mutant: Option<&'static str>,
}

/// All scenarios; the stepper opens with the first one.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "header, payload, trailer",
        sentence: "The purpose of the stream: small writes are copied, large ones are handed over \
                   without a copy, and the sink receives them in order.",
        buffer_size: 5,
        trim: false,
        events: "b2,z9,b2,b1,z12,b3",
        mutant: None,
    },
    Scenario {
        name: "first bug of the reference: the whole allocation",
        sentence: "An overflow hands over the whole allocation, so the output contains bytes that \
                   were never written.",
        buffer_size: 5,
        trim: false,
        events: "z1,b1,b5",
        mutant: Some("overflow-hands-over-allocation"),
    },
    Scenario {
        name: "second bug of the reference: an exhausted remnant",
        sentence: "A buffer without free space still counts as a remnant: the next small write \
                   puts it, empty.",
        buffer_size: 5,
        trim: false,
        events: "b1,b4,z1,b1",
        mutant: Some("exhausted-remnant-counts"),
    },
    Scenario {
        name: "third bug of the reference: a tail past the remnant",
        sentence: "A large write is cut to S, and its tail goes into the remnant, which is \
                   shorter: this writes past its end.",
        buffer_size: 5,
        trim: true,
        events: "b4,z1,b7",
        mutant: Some("split-trusts-remnant"),
    },
    Scenario {
        name: "remnant reuse",
        sentence: "Each header seals a byte of the buffer and leaves a remnant, which takes the \
                   next header, so one allocation serves all.",
        buffer_size: 5,
        trim: false,
        events: "b1,z4,b1,z4,b1,z4,b1,z4",
        mutant: None,
    },
    Scenario {
        name: "a large write over a small remnant",
        sentence: "The tail of the large write does not fit the remnant: a fresh buffer takes \
                   it, and the remnant is abandoned.",
        buffer_size: 5,
        trim: true,
        events: "b4,z1,b7",
        mutant: None,
    },
    Scenario {
        name: "equal parts for a multipart upload",
        sentence: "With trim every put has exactly S bytes, whatever the writes; only the last \
                   may be shorter.",
        buffer_size: 8,
        trim: true,
        events: "b3,z13,b2,z6+5,b4,z9",
        mutant: None,
    },
    Scenario {
        name: "a put that fails",
        sentence: "The sink takes 3 of 7 bytes and fails: every later call is refused, nothing \
                   is put after the gap, and close still closes the sink.",
        buffer_size: 5,
        trim: false,
        events: "b3,z4!1+3,b4,f",
        mutant: None,
    },
];

impl Scenario {
    /// Returns the setup of the scenario.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let mutant = self.mutant.and_then(Mutant::find);
        Setup {
            buffer_size: BufferSize::new(self.buffer_size).unwrap_or(BufferSize::SMALLEST),
            // A test parses the events of every scenario.
            case: Case {
                trim: self.trim,
                events: Case::parse_events(self.events).unwrap_or_default(),
            },
            variant: mutant.map_or(Variant::Strict, Variant::Mutant),
            trace: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpack_core::check::replay;

    #[test]
    fn a_scenario_breaks_something_exactly_where_it_shows_a_bug() {
        for scenario in SCENARIOS {
            let setup = scenario.setup();
            assert!(!setup.case.events.is_empty(), "{}", scenario.name);
            assert_eq!(setup.buffer_size.get(), scenario.buffer_size);
            let replay = replay(&setup.case, setup.buffer_size, &setup.variant);
            assert_eq!(replay.broken.is_empty(), scenario.mutant.is_none(), "{}", scenario.name);
        }
    }
}
