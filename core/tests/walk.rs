//! The checker for streams that do not show their contents, and for large buffers:
//! the random walk, the sink that a stream owns, replays and traces.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests panic")]

mod std_buffer;

use bytes::Bytes;
use sealpack_core::check::{
    self, Case, Expectation, FlightRecorder, FlushRule, Invariant, Mutant, Operation,
    SpecifiedPuts, Trace, TraceError, Variant, Walk,
};
use sealpack_core::stream::{BufferSize, Outcome, Output, Rules, Shape, Stream};
use std_buffer::StdBuffer;

fn size(bytes: usize) -> BufferSize {
    BufferSize::new(bytes).unwrap()
}

fn case(text: &str) -> Case {
    text.parse().unwrap()
}

#[test]
fn the_walk_finds_no_violation_in_the_stream_that_ships_at_any_size() {
    for (bytes, cases) in [(1, 500), (33, 500), (100, 500), (4096, 50), (1 << 20, 3)] {
        for trim in [false, true] {
            let shape = Shape { buffer_size: size(bytes), trim };
            let mut expected = SpecifiedPuts::new(FlushRule::Strict);
            let walk = Walk::new(shape, &check::strict).cases(cases).against(&mut expected);
            let walked = walk.run();
            assert!(walked.holds(), "S = {bytes}: {walked:?}");
            assert_eq!(walked.cases, cases);
        }
    }
}

#[test]
fn the_walk_catches_every_seeded_bug_and_is_deterministic() {
    for mutant in check::MUTANTS {
        let open = |shape: Shape| mutant.open(shape);
        let found = [false, true].map(|trim| {
            let shape = Shape { buffer_size: size(7), trim };
            let walked = Walk::new(shape, &open).seed(3).run();
            assert_eq!(walked.violation, Walk::new(shape, &open).seed(3).run().violation);
            walked.violation
        });
        assert!(found.iter().any(Option::is_some), "{}", mutant.name);
    }
}

#[test]
fn the_walk_shrinks_a_case_of_a_large_buffer() {
    let bug = Mutant::find("many-extents-overtake").unwrap();
    let open = |shape: Shape| bug.open(shape);
    let walked = Walk::new(Shape::at_least(size(100_000)), &open).without_faults().run();
    let (invariant, smallest) = walked.violation.unwrap();
    assert_eq!(
        (invariant, smallest.to_string().as_str()),
        (Invariant::Order, "trim=0 writes=b1,z1+1")
    );
}

/// The puts of `BufWriter`: a model of another stream.
#[derive(Default)]
struct BufWriterPuts {
    size: usize,
    filled: usize,
}

impl Expectation for BufWriterPuts {
    fn begin(&mut self, shape: Shape) {
        (self.size, self.filled) = (shape.buffer_size.get(), 0);
    }
    fn puts(&mut self, operation: &Operation, puts: &mut Vec<usize>) {
        let mut write = |n: usize| {
            if self.filled + n > self.size && self.filled > 0 {
                puts.push(std::mem::take(&mut self.filled));
            }
            if n >= self.size {
                puts.push(n);
            } else {
                self.filled += n;
            }
        };
        match operation {
            Operation::Buffered(n) => write(*n),
            Operation::ZeroCopy(extents) => extents.iter().for_each(|n| write(*n)),
            Operation::Flush | Operation::Close => {
                puts.extend((self.filled > 0).then_some(self.filled));
                self.filled = 0;
            }
        }
    }
}

#[test]
fn another_stream_is_compared_with_a_model_of_its_own() {
    let shape = Shape::at_least(size(10));
    let mut model = BufWriterPuts::default();
    let invariants = [Invariant::Order, Invariant::NoEmpty];
    let walk = Walk::new(shape, &StdBuffer::open).checking(&invariants).without_faults();
    let walked = walk.against(&mut model).run();
    assert!(walked.holds(), "{walked:?}");
    // This crate's stream is another model: the walk finds the difference and
    // shrinks it.
    let mut ours = SpecifiedPuts::new(FlushRule::Strict);
    let walk = Walk::new(shape, &StdBuffer::open).checking(&invariants).without_faults();
    let walked = walk.against(&mut ours).run();
    assert_eq!(walked.departure.unwrap().to_string(), "trim=0 writes=b0,b10");
}

#[test]
fn a_fault_reaches_a_stream_that_owns_its_sink() {
    let shape = Shape::at_least(size(5));
    let replay = check::replay_subject(
        &case("trim=0 writes=b3,b9!2+4,b1,f"),
        shape,
        &StdBuffer::open,
        FlushRule::Strict,
    );
    assert!(replay.broken.contains(Invariant::FailStop), "{replay:?}");
    assert!(!replay.broken.contains(Invariant::ZeroCopy));
    assert_eq!(replay.puts, "3|9!4");
}

#[test]
fn the_replay_of_an_opaque_stream_contains_only_what_is_known() {
    let shape = Shape::exactly(size(5));
    let case = case("trim=1 writes=b3,b3,z6");
    let replay = check::replay_subject(&case, shape, &StdBuffer::open, FlushRule::Strict);
    assert_eq!(replay.line(), "trim=1 writes=b3,b3,z6 puts=3|3|6");
    let words: Vec<&str> = replay.frames.iter().map(|frame| frame.words.as_str()).collect();
    assert_eq!(words[0], "3 bytes written so far, 0 put, 3 wait inside");
    assert_eq!(words[1], "6 bytes written so far, 3 put, 3 wait inside");
    for frame in &replay.frames {
        assert!(!frame.before.known && !frame.after.known && frame.after.extents.is_empty());
        let text = frame.text(size(5));
        assert!(!text.contains("C=") && !text.contains("buffer"), "{text}");
    }
    // The specification would have put the first five bytes together.
    let first = replay.first_departure().unwrap();
    assert_eq!((first.index, first.departure.as_ref().unwrap().puts.as_slice()), (1, &[5][..]));
    assert_eq!(replay.frames.iter().filter(|frame| frame.departure.is_some()).count(), 1);
    let page = check::report_replay(&replay, "std's BufWriter, S = 5.");
    assert!(page.contains("invariant 2 (shape) is broken"), "{page}");
    assert!(page.contains("| specified | 5 |\n| observed | 3 |"), "{page}");
}

#[test]
fn traces_round_trip() {
    let mutant = Mutant::find("split-trusts-remnant").unwrap();
    let bug = check::replay(&case("trim=1 writes=b4,z1,b7!1+2"), size(5), &Variant::Mutant(mutant));
    let opaque = check::replay_subject(
        &case("trim=0 writes=b3,z2+0+9,f"),
        Shape::at_least(size(5)),
        &StdBuffer::open,
        FlushRule::Strict,
    );
    for replay in [bug, opaque] {
        let trace = Trace::new("a stream", FlushRule::Strict, replay);
        let text = trace.to_json_lines();
        assert_eq!(text.lines().count(), 1 + trace.replay.frames.len());
        assert_eq!(Trace::from_json_lines(&text).unwrap(), trace);
    }
}

#[test]
fn text_that_is_not_a_trace_is_refused_and_the_line_named() {
    let read = Trace::from_json_lines;
    assert_eq!(read(" \n"), Err(TraceError::Empty));
    assert_eq!(read("{\"trace\":2}").unwrap_err(), TraceError::Version(2));
    let head = "{\"trace\":1,\"buffer_size\":0,\"trim\":true}";
    assert_eq!(read(head).unwrap_err(), TraceError::BufferSize(0));
    let head = head.replace(":0", ":5");
    assert!(read(&head).unwrap().replay.frames.is_empty());
    let wrong = format!("{head}\n\n{{\"event\":\"q9\"}}\n");
    assert!(matches!(read(&wrong), Err(TraceError::Line { line: 3, .. })), "{:?}", read(&wrong));
    assert!(read("trim=1 writes=b1").unwrap_err().to_string().starts_with("line 1 of the trace"));
}

/// Runs a case on a recorded stream, with arbitrary bytes.
fn run_recorded(case: &Case, buffer_size: usize, limit: usize) -> FlightRecorder {
    let shape = Shape { buffer_size: size(buffer_size), trim: case.trim };
    let mut stream = FlightRecorder::new(Stream::new(shape), limit);
    let bytes = |n: usize| Bytes::from(vec![7; n]);
    for event in &case.events {
        let _ = match &event.operation {
            Operation::Buffered(n) => stream.write(&bytes(*n)),
            Operation::ZeroCopy(extents) => match extents.as_slice() {
                [n] => stream.write_owned(bytes(*n)),
                many => stream.write_extents(many.iter().map(|n| bytes(*n))),
            },
            Operation::Flush => stream.flush(),
            Operation::Close => stream.close(),
        };
        let mut nth = 0;
        while let Some(output) = stream.next_output() {
            let fails = match (&output, event.fault) {
                (Output::Put(_), Some(check::SinkFault::Put { nth: n, taken })) if n == nth => {
                    Some(taken)
                }
                (Output::Flush, Some(check::SinkFault::Flush)) => Some(0),
                (Output::Close, Some(check::SinkFault::Close)) => Some(0),
                _ => None,
            };
            nth += usize::from(matches!(output, Output::Put(_)));
            let failed = |taken| Outcome::Failed { taken };
            stream.completed(fails.map_or(Outcome::Done, failed));
        }
    }
    stream
}

#[test]
fn the_trace_of_a_flight_recorder_matches_the_replay_of_the_same_case() {
    for writes in
        ["b3,b1,b1,z1,b9,f,z2+0+9,c", "b4,z1,b7!1+2,b1,c", "b3,f!f,c", "b3,z2,c!c", "z20,b5,f"]
    {
        for trim in [0, 1] {
            let case = case(&format!("trim={trim} writes={writes}"));
            let stream = run_recorded(&case, 5, 1000);
            let trace = stream.trace("uploads");
            let replay = check::replay(&case, size(5), &Variant::Strict);
            let implied = !case.events.iter().any(|event| event.operation == Operation::Close);
            assert_eq!(trace.replay.first_departure(), None, "{case}");
            if !implied {
                assert_eq!(trace.replay.puts, replay.puts, "{case}");
            }
            let (is, should) = (trace.replay.frames.last().unwrap(), &replay.frames);
            let should = should.iter().rfind(|frame| !frame.implied).unwrap();
            assert_eq!((&is.after, is.taken), (&should.after, should.taken), "{case}");
            assert_eq!(trace.specified().unwrap().puts, trace.replay.puts, "{case}");
            let text = trace.to_json_lines();
            assert_eq!(Trace::from_json_lines(&text).unwrap(), trace);
        }
    }
}

#[test]
fn the_trace_of_a_full_ring_begins_at_the_state_of_the_oldest_note() {
    let case = case(&format!("trim=1 writes={}", ["b3", "z4", "b9", "f"].repeat(300).join(",")));
    let stream = run_recorded(&case, 5, 50);
    let trace = stream.trace("a long one");
    let frames = trace.replay.frames.len();
    assert!((12..=64).contains(&frames), "{frames} steps are remembered");
    assert_eq!(trace.replay.first_departure(), None);
    assert_eq!(trace.specified().unwrap().puts, trace.replay.puts);
}

#[test]
fn the_trace_contains_a_put_without_outcome_and_omits_refused_calls() {
    let mut stream = FlightRecorder::new(Stream::new(Shape::exactly(size(5))), 100);
    stream.write(b"abc").unwrap();
    stream.write_extents([]).unwrap();
    stream.write_owned(Bytes::from_static(b"0123456789")).unwrap();
    let _hanging = stream.next_output().unwrap();
    assert!(stream.write(b"d").is_err());
    assert!(stream.write_extents([Bytes::from_static(b"e")]).is_err());
    let trace = stream.trace("a put that hangs");
    assert_eq!(trace.replay.line(), "trim=1 writes=b3,z10 puts=3+2|5");
    assert_eq!(trace.replay.first_departure(), None);
    while stream.next_output().is_some() {
        stream.completed(Outcome::Done);
    }
    stream.completed(Outcome::Done);
    stream.next_output().unwrap();
    stream.completed(Outcome::Done);
    stream.write(b"fg").unwrap();
    let trace = stream.trace("it went on");
    assert_eq!(trace.replay.line(), "trim=1 writes=b3,z10,b2 puts=3+2|5");
    assert_eq!(trace.replay.first_departure(), None);
}

#[test]
fn the_trace_shows_where_the_numbers_depart_from_the_specification() {
    struct Miscounts;
    impl Rules for Miscounts {
        fn pending_after_seal(pending: usize, _: usize) -> usize {
            pending
        }
    }
    let stream = Stream::<Miscounts>::with_rules(Shape::at_least(size(5)));
    let mut stream = FlightRecorder::new(stream, 100);
    stream.write(b"ab").unwrap();
    stream.write_owned(Bytes::from_static(b"c")).unwrap();
    stream.write(b"d").unwrap();
    stream.write(b"e").unwrap();
    let trace = stream.trace("a wrong sum");
    let departed = trace.replay.first_departure().unwrap();
    assert_eq!(departed.event.to_string(), "z1");
    assert_eq!(
        (departed.departure.as_ref().unwrap().after.pending, departed.after.state.pending),
        (3, 1)
    );
}

#[test]
fn a_trace_of_large_buffers_and_many_puts_holds_numbers_only() {
    let case = Case {
        trim: true,
        events: vec![check::Event::buffered(3), check::Event::zero_copy(1000 << 20)],
    };
    let shape = Shape::exactly(size(1 << 20));
    let replay = check::specified(&case, shape, FlushRule::Strict);
    assert_eq!(replay.frames[1].outputs.len(), 1000);
    let trace = Trace::new("large", FlushRule::Strict, replay);
    let text = trace.to_json_lines();
    assert_eq!(Trace::from_json_lines(&text).unwrap().specified().unwrap().puts, trace.replay.puts);
}

#[test]
fn a_trace_of_any_numbers_is_compared_in_bounded_memory_or_not_at_all() {
    let most = usize::MAX;
    for trim in [0, 1] {
        let case = case(&format!("trim={trim} writes=b3,z4,b9,f"));
        let replay = check::replay(&case, size(5), &Variant::Strict);
        let text = Trace::new("any numbers", FlushRule::Strict, replay).to_json_lines();
        let is_compared = |text: &str, from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            Trace::from_json_lines(&changed).unwrap().specified().is_some()
        };
        for from in ["\"event\":\"b3\"", "\"event\":\"z4\""] {
            let to = from.replace(['3', '4'], &most.to_string());
            assert_eq!(is_compared(&text, from, &to), trim == 0, "{from}");
        }
        let start = "{\"capacity\":0,\"filled\":0,\"pending\":0}";
        let any = start.replace('0', &most.to_string());
        assert_eq!(is_compared(&text, start, &any), trim == 0);
    }
}
