//! Any operations on the output stream, checked against the seven invariants and
//! the model.

use sealpack_core::check::{self, Case, Event, Operation, SinkFault, Variant};
use sealpack_core::stream::BufferSize;

use super::Input;

/// The maximum number of bytes of one case.
const MAX_BYTES: usize = 4000;

/// Runs the case that the input describes, as text or as choices.
pub fn stream(data: &[u8]) {
    let mut input = Input::new(data);
    let size = BufferSize::new(1 + usize::from(input.byte() % 40)).unwrap();
    let case = if input.flag() {
        let Ok(text) = std::str::from_utf8(input.rest()) else { return };
        let Ok(case) = text.parse::<Case>() else { return };
        let again = case.to_string().parse::<Case>();
        assert_eq!(again.as_ref(), Ok(&case), "a case is read back from its own text");
        case
    } else {
        choose_case(&mut input)
    };
    if case.bytes() > MAX_BYTES || case.events.len() > 200 {
        return;
    }
    let replay = check::replay(&case, size, &Variant::Strict);
    for frame in &replay.frames {
        assert!(frame.holds(), "{}: {:?}", replay.line(), frame.findings);
        assert!(frame.departure.is_none(), "{}: {:?}", replay.line(), frame.departure);
    }
    let last = replay.frames.last().unwrap();
    assert!(last.taken <= last.written);
}

fn choose_case(input: &mut Input<'_>) -> Case {
    let trim = input.flag();
    let mut events = Vec::new();
    while !input.is_empty() && events.len() < 60 {
        let operation = match input.byte() % 8 {
            0..=2 => Operation::Buffered(usize::from(input.byte())),
            3..=5 => {
                let extents = 1 + input.byte() % 3;
                Operation::ZeroCopy((0..extents).map(|_| usize::from(input.byte() % 90)).collect())
            }
            6 => Operation::Flush,
            _ if input.byte().is_multiple_of(8) => Operation::Close,
            _ => Operation::Flush,
        };
        let fault = match input.byte() {
            255 => Some(SinkFault::Put {
                nth: usize::from(input.byte() % 3),
                taken: usize::from(input.byte() % 40),
            }),
            254 => Some(SinkFault::Flush),
            253 => Some(SinkFault::Close),
            _ => None,
        };
        events.push(Event { operation, fault });
    }
    Case { trim, events }
}
