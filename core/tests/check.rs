//! Runs the checker over its complete sets of cases, and tests the checker itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests panic")]

use bytes::Bytes;
use sealpack_core::check::{
    self, Case, Enumeration, Exploration, Failed, FlushRule, Form, Invariant, MUTANTS, Matrix,
    Mutant, Order, Proof, Recorder, Sample, Space, Subject, Tally, Variant, World,
};
use sealpack_core::stream::{BufferSize, Shape};

fn size(bytes: usize) -> BufferSize {
    BufferSize::new(bytes).unwrap()
}

fn case(text: &str) -> Case {
    text.parse().unwrap()
}

fn enumerate(space: &Space, rule: FlushRule) -> Tally {
    let open = match rule {
        FlushRule::Strict => check::strict,
        FlushRule::Reference => check::reference,
    };
    Enumeration::new(space, &open).against(rule).run()
}

/// Checks that the digests are the recorded ones.
fn assert_digests(space: &Space, rule: FlushRule, tally: &Tally) {
    let digests = [check::hex(&tally.digest_a), check::hex(&tally.digest_b)];
    assert_eq!(digests, space.known_digests(rule).unwrap());
}

fn prove(buffer_size: usize, trim: bool) -> Proof {
    let shape = Shape { buffer_size: size(buffer_size), trim };
    Exploration::new(shape, &check::strict).run()
}

// The digests cover the puts of each of the 1,675,860 cases; `departures` covers
// the state of the stream after each of their 6.6 million events.
#[test]
fn every_case_of_set_1_keeps_the_invariants_and_puts_what_is_specified() {
    let tally = enumerate(&Space::set_1(), FlushRule::Strict);
    assert_eq!((tally.cases, tally.violations, tally.departures), (1_675_860, 0, 0));
    assert_digests(&Space::set_1(), FlushRule::Strict, &tally);
    assert_eq!(Space::set_1().cases(), Some(tally.cases));
}

#[test]
fn set_1_under_the_flush_rule_of_the_reference_has_the_puts_of_the_reference() {
    let tally = enumerate(&Space::set_1(), FlushRule::Reference);
    assert_digests(&Space::set_1(), FlushRule::Reference, &tally);
    // In this many cases the last put is above S: the reason for the strict rule.
    assert_eq!((tally.violations, tally.departures), (22_449, 0));
    assert_eq!(tally.broken().iter().collect::<Vec<_>>(), [Invariant::Bound]);
}

#[test]
fn set_2_with_flushes_is_as_recorded_under_both_rules() {
    let strict = enumerate(&Space::set_2(), FlushRule::Strict);
    assert_eq!((strict.cases, strict.violations), (108_480, 0));
    assert_digests(&Space::set_2(), FlushRule::Strict, &strict);
    let reference = enumerate(&Space::set_2(), FlushRule::Reference);
    assert_eq!((reference.cases, reference.violations), (108_480, 2_026));
    assert_digests(&Space::set_2(), FlushRule::Reference, &reference);
}

#[test]
fn set_3_with_lists_of_extents_is_as_recorded_under_both_rules() {
    let strict = enumerate(&Space::set_3(), FlushRule::Strict);
    assert_eq!((strict.cases, strict.violations, strict.departures), (666_678, 0, 0));
    assert_digests(&Space::set_3(), FlushRule::Strict, &strict);
    assert_eq!(Space::set_3().cases(), Some(strict.cases));
    let reference = enumerate(&Space::set_3(), FlushRule::Reference);
    assert_eq!((reference.cases, reference.violations, reference.departures), (666_678, 1_674, 0));
    assert_digests(&Space::set_3(), FlushRule::Reference, &reference);
}

#[test]
fn reference_cases_replay_identically() {
    let first = include_str!("data/stream-reference-first.txt").lines();
    let random = include_str!("data/stream-reference-random.txt").lines();
    let random = random.map(|line| line.split_once('\t').unwrap().1);
    let mut world = World::new(&check::reference);
    let mut lines = 0;
    for line in first.chain(random) {
        let (case, puts) = Case::parse_line(line).unwrap();
        world.run(Shape { buffer_size: size(5), trim: case.trim }, &case.events);
        assert_eq!(world.puts(Form::B), puts.unwrap(), "{case}");
        lines += 1;
    }
    assert_eq!(lines, 7_000);
}

#[test]
fn the_proof_holds_with_the_recorded_numbers_of_states_and_transitions() {
    // Buffer size, states, transitions; the diameter without trim and with it.
    for (s, states, transitions) in
        [(3, 30, 630), (5, 105, 3_465), (8, 360, 18_360), (16, 2_448, 242_352)]
    {
        assert_eq!(states, s * (s + 1) * (s + 2) / 2);
        assert_eq!(transitions, states * (2 * (3 * s + 1) + 1));
        for (trim, diameter) in [(false, 4), (true, 3)] {
            let proof = prove(usize::try_from(s).unwrap(), trim);
            assert!(proof.holds(), "{proof:?}");
            assert_eq!(
                (proof.states, proof.transitions, proof.diameter),
                (states, transitions, diameter)
            );
        }
    }
}

#[test]
fn the_proof_visits_every_layout_and_takes_lists_of_extents_from_each() {
    for (buffer_size, trim, layouts, further) in [
        (1, false, 3, 81),
        (1, true, 3, 81),
        (2, false, 12, 1_056),
        (2, true, 18, 1_338),
        (3, false, 55, 7_865),
        (3, true, 80, 9_640),
        (4, false, 221, 39_235),
        (4, true, 317, 48_355),
        // From here on a state represents all its layouts.
        (5, false, 105, 9_030),
        (5, true, 105, 9_030),
    ] {
        let proof = prove(buffer_size, trim);
        assert!(proof.holds(), "{proof:?}");
        let found = (proof.layouts, proof.further_transitions);
        assert_eq!(found, (layouts, further), "S = {buffer_size}, trim {trim}");
    }
}

// The stream copies up to 3, 7, 16 and 32 bytes, and more than that, in different
// ways.
#[test]
fn buffered_writes_of_every_length_are_proved_for_a_buffer_of_forty_bytes() {
    for trim in [false, true] {
        let shape = Shape { buffer_size: size(40), trim };
        let proof =
            Exploration::new(shape, &check::strict).of_buffered_writes().with_faults().run();
        assert!(proof.holds(), "{proof:?}");
        assert_eq!((proof.states, proof.transitions), (42, 42 * (3 * 40 + 2)));
    }
}

// Without empty writes, a whole empty buffer occurs only after a split run, so only
// with trim.
#[test]
fn without_empty_writes_no_state_has_a_whole_empty_buffer_except_with_trim() {
    let states = |trim| {
        let shape = Shape { buffer_size: size(5), trim };
        let proof = Exploration::new(shape, &check::strict).without_empty_writes().run();
        assert!(proof.holds());
        proof.states
    };
    assert_eq!((states(false), states(true)), (100, 105));
}

#[test]
fn writes_above_three_buffers_reach_no_further_states() {
    for trim in [false, true] {
        let shape = Shape { buffer_size: size(5), trim };
        let proof = Exploration::new(shape, &check::strict).with_writes_up_to(40).run();
        assert!(proof.holds(), "{proof:?}");
        assert_eq!(proof.states, 105);
    }
}

#[test]
fn whichever_output_fails_the_sink_gets_a_prefix_and_is_closed() {
    for buffer_size in [3, 4] {
        let space = Space {
            buffer_size: size(buffer_size),
            max_events: 3,
            max_write: 2 * buffer_size + 1,
            order: Order::Events,
        };
        let tally = Enumeration::new(&space, &check::strict).with_faults().run();
        assert!(tally.fault_cases > 10 * tally.cases, "{tally:?}");
        assert_eq!(tally.violations, 0, "{tally:?}");
    }
    for trim in [false, true] {
        let shape = Shape { buffer_size: size(5), trim };
        let proof = Exploration::new(shape, &check::strict).with_faults().run();
        assert!(proof.holds() && proof.fault_transitions > proof.transitions, "{proof:?}");
    }
}

/// The smallest cases of the specification's table, S = 5.
const TABLE: [(&str, &[&str]); 15] = [
    ("overflow-hands-over-allocation", &["z1,b1,b5"]),
    ("exhausted-remnant-counts", &["b1,b4,z1,b1", "b4,z1,b2"]),
    ("split-trusts-remnant", &["b4,z1,b7"]),
    ("extents-overtake", &["b1,z1"]),
    ("sealed-goes-first", &["z1,b1,z1"]),
    ("overflow-forgets-rest", &["z1,b1,b5"]),
    ("short-remnant-put", &["b4,z1,b2"]),
    ("start-not-moved", &["b1,z1,b1"]),
    ("fast-path-trusts-size", &["b1,z1,b5"]),
    ("large-ignores-pending", &["z1,b5"]),
    ("flush-puts-only-buffer", &["z1,b1"]),
    ("flush-puts-only-pending", &["z1,b1"]),
    ("sealed-not-counted", &["b1,z1"]),
    ("sum-not-reset", &["z6"]),
    ("threshold-above", &["z5"]),
];

#[test]
fn every_seeded_bug_is_caught_and_every_invariant_catches_one() {
    let matrix = Matrix::of_all();
    let golden = include_str!("data/seeded-bugs.md");
    assert_eq!(matrix.to_string(), golden, "the golden file is core/tests/data/seeded-bugs.md");

    for row in &matrix.0 {
        assert!(row.by_proof, "{}: an empty row", row.mutant.name);
    }
    for (column, invariant) in Invariant::ALL.iter().enumerate() {
        let caught = matrix.0.iter().any(|row| row.cells[column].is_some());
        assert!(caught, "{invariant}: an empty column");
    }
    for (name, cases) in TABLE {
        let row = matrix.0.iter().find(|row| row.mutant.name == name).unwrap();
        assert!(row.by_enumeration, "{name}: not caught by enumeration");
        let (_, smallest) = row.smallest().unwrap();
        for case in cases {
            let (events, bytes, ..) = self::case(&format!("trim=0 writes={case}")).weight();
            let (e, b, ..) = smallest.weight();
            assert!((e, b) <= (events, bytes), "{name}: {smallest} is larger than {case}");
        }
    }
}

#[test]
fn a_sample_catches_the_bugs_that_the_whole_set_catches() {
    let seed = 20_261_120;
    let sample = Sample { seed, one_in: 0 };
    for (name, _) in TABLE {
        let mutant = Mutant::find(name).unwrap();
        let open = |shape: Shape| mutant.open(shape);
        let space = Space::set_1();
        let tally = Enumeration::new(&space, &open).sampled(sample).until_the_first().run();
        assert!(tally.violations > 0, "{name} is not caught by the critical cases, seed {seed}");
    }
    let tally = Enumeration::new(&Space::set_1(), &check::strict)
        .sampled(Sample { seed, one_in: 1000 })
        .without_digests()
        .run();
    println!("seed {seed}: {} cases", tally.cases);
    assert_eq!(tally.violations, 0);
    assert!((10_000..50_000).contains(&tally.cases), "{}", tally.cases);
}

#[test]
fn shrinking_finds_a_smallest_failing_case_and_is_deterministic() {
    let mutant = Mutant::find("split-trusts-remnant").unwrap();
    let open = |shape: Shape| mutant.open(shape);
    let large = case("trim=1 writes=z2+0+3,b3,f,b4,z1,b14,b2,f,z3");
    let smallest = check::shrink(&large, Invariant::Rest, size(5), &open);
    assert_eq!(smallest, case("trim=1 writes=b4,z1,b7"));
    assert_eq!(check::shrink(&large, Invariant::Rest, size(5), &open), smallest);
    assert_eq!(check::shrink(&large, Invariant::Order, size(5), &open), large, "it keeps order");
}

/// The bugs that only a write of several extents reveals.
const OF_LISTS: [(&str, &str); 3] =
    [("many-extents-overtake", "b1,z1+1"), ("list-reversed", "z1+1"), ("list-counts-last", "z1+1")];

#[test]
fn bugs_in_writes_of_several_extents_are_caught_by_set_3_its_sample_and_the_proof() {
    for (name, smallest) in OF_LISTS {
        let mutant = Mutant::find(name).unwrap();
        let open = |shape: Shape| mutant.open(shape);
        let space = Space::set_3();
        let tally = Enumeration::new(&space, &open).without_digests().run();
        let (_, case) = tally.smallest_of_all().unwrap();
        assert_eq!(case.to_string(), format!("trim=0 writes={smallest}"), "{name}");
        let critical = Sample { seed: 1, one_in: 0 };
        let tally = Enumeration::new(&space, &open).sampled(critical).until_the_first().run();
        assert_eq!(tally.violations, 1, "{name}");
        for buffer_size in [2, 16] {
            let proof = Exploration::new(Shape::at_least(size(buffer_size)), &open).run();
            assert!(proof.violations > 0, "{name} at S = {buffer_size}");
        }
        for single in [Space::set_1(), Space::set_2()] {
            let space = Space { max_events: 2, ..single };
            let tally = Enumeration::new(&space, &open).without_digests().run();
            assert_eq!(tally.violations, 0, "{name}: sets 1 and 2 have no lists");
        }
    }
}

#[test]
fn a_list_of_extents_is_shrunk_to_fewer_and_smaller_ones() {
    let mutant = Mutant::find("many-extents-overtake").unwrap();
    let open = |shape: Shape| mutant.open(shape);
    let large = case("trim=1 writes=z2,f,b3,z0+2+0+1+9,b4,f");
    let smallest = check::shrink(&large, Invariant::Order, size(5), &open);
    assert_eq!(smallest.to_string(), "trim=1 writes=b1,z1+1");
}

#[test]
fn a_report_names_the_invariant_the_case_the_step_and_the_command() {
    let mutant = Mutant::find("split-trusts-remnant").unwrap();
    let found = case("trim=1 writes=b2,f,b4,z1,b12");
    let page = check::report(&found, Invariant::Rest, size(5), &Variant::Mutant(mutant));
    for part in [
        "invariant 6 (rest) is broken",
        "`trim=1 writes=b4,z1,b7`",
        "the tail of 2 does not fit the remnant of 1: a fresh buffer, 1 byte abandoned",
        "| specified | 5 | 2 | 0 | 5 |",
        "| observed | 1 | 2 | 0 | 5 |",
        "E = 2 is past C = 1",
        "echo 'trim=1 writes=b4,z1,b7' | sealpack check --replay - --buffer-size 5 \
         --mutant split-trusts-remnant",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}

#[test]
fn puts_keep_the_extents_of_a_write_and_leave_out_empty_ones() {
    let puts = |text| check::replay(&case(text), size(5), &Variant::Strict).puts;
    assert_eq!(puts("trim=0 writes=b1,z2+0+3"), "1+2+3");
    assert_eq!(puts("trim=1 writes=b1,z2+0+3"), "1+2+2|1");
    assert_eq!(puts("trim=1 writes=z0,b0,z0+0"), "");
    assert_eq!(puts("trim=1 writes=b7!2,b3"), "5|5", "there is no second put to fail");
    assert_eq!(puts("trim=1 writes=b12!2+3,b3"), "5|5!3");
}

#[test]
fn a_frame_shows_the_decision_and_where_a_bug_departs() {
    let text = "trim=1 writes=b4,z1,b7";
    let faithful = check::replay(&case(text), size(5), &Variant::Strict);
    assert_eq!(faithful.frames.len(), 4, "the close at the end is a step");
    assert!(faithful.frames.iter().all(|frame| frame.holds() && frame.departure.is_none()));
    assert_eq!(faithful.frames[1].after.state.capacity, 1);

    let mutant = Mutant::find("split-trusts-remnant").unwrap();
    let wrong = check::replay(&case(text), size(5), &Variant::Mutant(mutant));
    let frame = wrong.first_departure().unwrap();
    assert_eq!((frame.index, frame.findings[0].invariant), (2, Invariant::Rest));
    assert_eq!(frame.departure.as_ref().unwrap().after.capacity, 5);
    assert_eq!(faithful.frames[2].words, frame.words, "the words are the specification's");
}

/// A stream that keeps everything until its close, and then swaps two bytes 256
/// apart.
#[derive(Default)]
struct Swapping {
    all: Vec<u8>,
    swaps: bool,
}

impl Subject for Swapping {
    fn write(&mut self, bytes: &[u8], _: &mut Recorder) -> Result<(), Failed> {
        self.all.extend_from_slice(bytes);
        Ok(())
    }
    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        extents.iter().try_for_each(|extent| self.write(extent, sink))
    }
    fn flush(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        sink.flush()
    }
    fn close(&mut self, sink: &mut Recorder) -> Result<(), Failed> {
        if self.swaps {
            self.all.swap(3, 259);
        }
        sink.put(&[Bytes::copy_from_slice(&self.all)]).map_err(|_| Failed)?;
        self.flush(sink)?;
        sink.close()
    }
}

// A checker whose values repeat every 256 bytes would not notice bytes that are
// misplaced by 256.
#[test]
fn bytes_256_apart_are_not_mistaken_for_each_other() {
    for (swaps, found) in [(false, false), (true, true)] {
        let open =
            move |_| -> Box<dyn Subject> { Box::new(Swapping { swaps, ..Swapping::default() }) };
        let shape = Shape::at_least(size(400));
        let broken = World::new(&open).run(shape, &case("trim=0 writes=b300").events);
        assert_eq!(broken.contains(Invariant::Order), found);
    }
}

#[test]
fn every_seeded_bug_is_found_by_its_name() {
    for mutant in MUTANTS {
        assert_eq!(Mutant::find(mutant.name).unwrap().wrong, mutant.wrong);
    }
    assert!(Mutant::find("faithful").is_none());
}

// Found by the fuzz target `stream`: the recorder counted the bytes that a closed
// stream had refused, and reported them as missing.
#[test]
fn bytes_that_a_closed_stream_refuses_are_not_reported_as_missing() {
    for line in ["trim=1 writes=c,b9", "trim=0 writes=b3,c,z9+1,f", "trim=1 writes=b250,c,b250,c"] {
        let replay = check::replay(&case(line), size(5), &Variant::Strict);
        for frame in &replay.frames {
            assert!(frame.holds() && frame.departure.is_none(), "{line}: {frame:?}");
        }
    }
}

// Found by the fuzz target `stream`: an empty extent between buffered bytes was
// mistaken for bytes that had been handed over.
#[test]
fn an_empty_extent_between_buffered_bytes_is_not_reported_as_copied() {
    for line in ["trim=1 writes=b2,z0,b3", "trim=0 writes=b10,z0+0,b40,f"] {
        let replay = check::replay(&case(line), size(40), &Variant::Strict);
        for frame in &replay.frames {
            assert!(frame.holds() && frame.departure.is_none(), "{line}: {frame:?}");
        }
    }
}

#[test]
fn a_frame_is_plain_data_that_serialises() {
    let replay = check::replay(&case("trim=1 writes=b4,z2+3!1+2"), size(5), &Variant::Strict);
    let frames = serde_json::to_value(&replay.frames).unwrap();
    let frame = &frames[1];
    assert_eq!(frame["event"], "z2+3!1+2");
    assert_eq!(frame["before"]["state"]["filled"], 4);
    assert_eq!(frame["decision"]["choice"]["kind"], "hand_over");
    assert_eq!(frame["outputs"][0]["kind"], "put");
    assert_eq!(frame["outputs"][0]["failed"], 2);
    assert_eq!(frame["outputs"][0]["extents"][1]["kind"], "zero_copy");
    assert_eq!(frame["verdict"][6]["invariant"], "fail_stop");
    assert_eq!(frame["verdict"][6]["holds"], true);
}

/// A bug can leave impossible numbers, such as `E` above `C`. What the specification
/// does from there is meaningless, but a replay must show it instead of panicking.
#[test]
fn a_replay_continues_from_impossible_numbers() {
    for mutant in MUTANTS {
        for next in ["f", "z1", "b1", "b9", "c", "z9,b9,f"] {
            for start in ["b1,z1,b5", "b4,z1,b7", "b4,z1,b1", "z1,b1,b5", "b1,z4!1,b4"] {
                for trim in [0, 1] {
                    let case = case(&format!("trim={trim} writes={start},{next}"));
                    check::replay(&case, size(5), &Variant::Mutant(mutant));
                }
            }
        }
    }
}
