//! Replays of streams whose bytes are right, but which depart from the specification.
#![allow(clippy::unwrap_used, reason = "tests panic")]

use bytes::Bytes;
use sealpack_core::check::{
    self, Case, Exploration, Failed, FlushRule, Invariant, Mutant, Recorder, Subject, Variant,
};
use sealpack_core::stream::{BufferSize, Shape};

fn size(bytes: usize) -> BufferSize {
    BufferSize::new(bytes).unwrap()
}

fn case(text: &str) -> Case {
    text.parse().unwrap()
}

/// The stream that ships, with a change to the extents of each zero-copy write.
struct Wrapped(Box<dyn Subject>, fn(&mut Vec<Bytes>));

impl Subject for Wrapped {
    fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed> {
        self.0.write(bytes, sink)
    }
    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        let mut extents = extents.to_vec();
        self.1(&mut extents);
        self.0.write_extents(&extents, sink)
    }
    fn flush(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        self.0.flush(sink)
    }
    fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        self.0.close(sink)
    }
    fn state(&self) -> Option<check::State> {
        self.0.state()
    }
    fn waiting(&self, visit: &mut dyn FnMut(&[u8], bool)) {
        self.0.waiting(visit);
    }
}

#[test]
fn a_replay_reports_extents_that_differ_although_the_numbers_agree() {
    // Cuts each extent in two: the bytes, the numbers and the memory stay the same.
    fn cut(extents: &mut Vec<Bytes>) {
        let halves = |extent: &Bytes| {
            let mut second = extent.clone();
            [second.split_to(extent.len() / 2), second]
        };
        *extents = extents.iter().flat_map(halves).collect();
    }
    let open = |shape: Shape| -> Box<dyn Subject> { Box::new(Wrapped(check::strict(shape), cut)) };
    let shape = Shape::at_least(size(5));
    let replay =
        check::replay_subject(&case("trim=0 writes=b1,z3"), shape, &open, FlushRule::Strict);
    let departure = replay.first_departure().unwrap();
    assert!(replay.broken.is_empty());
    assert_eq!(departure.index, 1);
    let page = check::report_replay(&replay, "A stream that cuts.");
    assert!(page.contains("the bytes wait in other extents"), "{page}");
}

#[test]
fn memory_that_is_not_reused_is_found_in_a_case_that_can_be_replayed() {
    // Shows its buffer at a new address each time, as if no memory were reused.
    struct Moves(Box<dyn Subject>);
    impl Subject for Moves {
        fn write(&mut self, bytes: &[u8], sink: &mut Recorder) -> Result<(), Failed> {
            self.0.write(bytes, sink)
        }
        fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
            self.0.write_extents(extents, sink)
        }
        fn flush(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
            self.0.flush(sink)
        }
        fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
            self.0.close(sink)
        }
        fn state(&self) -> Option<check::State> {
            self.0.state()
        }
        fn waiting(&self, visit: &mut dyn FnMut(&[u8], bool)) {
            self.0.waiting(&mut |bytes, in_buffer| {
                if in_buffer && !bytes.is_empty() {
                    let copy = bytes.to_vec().leak();
                    visit(copy, in_buffer);
                } else {
                    visit(bytes, in_buffer);
                }
            });
        }
    }
    let open = |shape: Shape| -> Box<dyn Subject> { Box::new(Moves(check::strict(shape))) };
    for buffer_size in [2, 5, 8] {
        for trim in [false, true] {
            let shape = Shape { buffer_size: size(buffer_size), trim };
            let proof = Exploration::new(shape, &open).with_writes_up_to(1).run();
            let found = proof.smallest(Invariant::ZeroCopy).unwrap();
            let replay = check::replay_subject(found, shape, &open, FlushRule::Strict);
            let last = replay.frames.last().unwrap();
            assert_eq!(last.findings.first().unwrap().words, "returned memory is not reused");
        }
    }
}

#[test]
fn the_report_of_a_departure_that_breaks_no_invariant_has_its_smallest_case() {
    let bug = Mutant::find("flush-above-size").unwrap();
    let found = case("trim=1 writes=z4,b4,f,b1");
    let page = check::report_departure(&found, size(5), &Variant::Mutant(bug));
    assert!(page.contains("The specification decides"), "{page}");
    assert!(page.contains("sealpack check --replay -"), "{page}");
}

#[test]
fn a_bug_that_needs_reused_memory_is_shrunk_and_replayed() {
    let bug = Mutant::find("long-memory-reused").unwrap();
    let open = |shape: Shape| bug.open(shape);
    let found = case("trim=0 writes=b3,f,b7,z2,f,b1");
    let smallest = check::shrink(&found, Invariant::Rest, size(5), &open);
    assert_eq!(smallest.to_string(), "trim=0 writes=b6,b0");
    let replay = check::replay(&smallest, size(5), &Variant::Mutant(bug));
    assert!(replay.broken.contains(Invariant::Rest));
    assert_eq!(replay.first_departure().unwrap().index, 1);
    assert_eq!(replay.frames[1].after.state.capacity, 6);
    assert_eq!(replay.frames[1].findings[0].words, "C = 6 is above S");
}
