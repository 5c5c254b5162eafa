//! `sealpack check`.

use crate::run::Place;

#[test]
fn a_replay_prints_only_each_case_with_its_puts() {
    let place = Place::new();
    let cases = "trim=1 writes=z4,b4,f\n\ntrim=0 writes=b1,z2+0+3\ntrim=1 writes=b12!2+3,b1\n";
    let run = place.feed("check --replay - --buffer-size 5", cases.as_bytes()).fine();
    assert_eq!(
        run.out_text(),
        "trim=1 writes=z4,b4,f puts=4+1|3\n\
         trim=0 writes=b1,z2+0+3 puts=1+2+3\n\
         trim=1 writes=b12!2+3,b1 puts=5|5!3\n"
    );
    let reference = "check --replay - --buffer-size 5 --flush-rule reference";
    let run = place.feed(reference, b"trim=1 writes=z4,b4,f").fine();
    assert_eq!(run.out_text(), "trim=1 writes=z4,b4,f puts=4+4\n");
}

#[test]
fn a_malformed_line_is_wrong_usage_and_is_named() {
    let place = Place::new();
    let cases = b"trim=1 writes=b1\ntrim=1 writes=b1,q2\n";
    place.feed("check --replay -", cases).failed(2, &["line 2", "event 2"]);
    place.run("check --replay not-there").failed(3, &["not-there"]);
    place.run("check --max-events 3").failed(2, &["--set"]);
    place.run("check --buffer-size 0").failed(2, &["1 to"]);
}

#[test]
fn a_line_with_wrong_puts_fails_and_is_named() {
    let place = Place::new();
    let run = place.feed("check --replay - --buffer-size 5", b"trim=0 writes=b5 puts=4|1\n");
    run.failed(1, &["line 1", "4|1"]);
}

#[test]
fn a_seeded_bug_ends_with_status_1_and_an_explanation() {
    let place = Place::new();
    let run = place.run("check --mutant split-trusts-remnant --buffer-size 5");
    assert_eq!(run.code(), Some(1));
    assert!(run.out_text().contains("invariant 6 (rest) is broken"), "{}", run.out_text());
    let replay = "check --replay - --buffer-size 5 --mutant split-trusts-remnant";
    place.feed(replay, b"trim=1 writes=b4,z1,b7\n").failed(1, &["invariant 6 (rest) is broken"]);
}

#[test]
fn proof_and_set_have_their_documented_json_keys() {
    let place = Place::new();
    let proof = place.run("check --buffer-size 5 --json").fine().json();
    assert_eq!((&proof["states"], &proof["transitions"]), (&105.into(), &3465.into()));
    assert_eq!(proof["violations"], 0);
    assert!(proof["seconds"].is_f64());
    let set = place.run("check --set 2 --json").fine().json();
    assert_eq!((&set["cases"], &set["violations"]), (&108_480.into(), &0.into()));
    let digest = "dc8a0a353db3bf0a2e62f60c6984803e29d3de05b72fb2aeb1c17cbb7114ebc5";
    assert_eq!(set["digest_a"], digest);
    assert_eq!(set["as_specified"], true);
    let set = place.run("check --set 2 --flush-rule reference --json").fine().json();
    assert_eq!((&set["violations"], &set["above_size"]), (&0.into(), &2026.into()));
}

#[test]
fn a_sample_prints_its_seed_and_can_be_repeated() {
    let place = Place::new();
    let sample = "check --set 2 --max-events 3 --sample 10 --seed 42 --json";
    let (first, second) = (place.run(sample).fine().json(), place.run(sample).fine().json());
    assert_eq!(first["seed"], 42);
    assert_eq!(first["cases"], second["cases"]);
}

#[test]
fn a_replay_as_json_has_a_trace_that_step_reads() {
    let place = Place::new();
    let cases = b"trim=0 writes=b1\ntrim=1 writes=b4,z1,b7\n";
    let replay = place.feed("check --replay - --json --buffer-size 5", cases).fine().json();
    assert_eq!(
        (&replay["trace"][0]["trace"], &replay["trace"][0]["buffer_size"]),
        (&1.into(), &5.into())
    );
    assert_eq!(replay["trace"][1]["event"], "b1");
    let bug = "check --replay - --json --buffer-size 5 --mutant split-trusts-remnant";
    let replay = place.feed(bug, cases).json();
    assert_eq!(replay["trace"][3]["event"], "b7", "the first case that breaks an invariant");
    place.run("step --trace not-there").failed(3, &["not-there"]);
    place.file("other.jsonl", "{\"trace\":9}\n");
    place.run("step --trace other.jsonl").failed(2, &["other.jsonl", "version 9"]);
}

#[test]
fn a_walk_finds_nothing_and_can_be_repeated_by_its_seed() {
    let place = Place::new();
    let walk = "check --walk 20 --seed 7 --buffer-size 100 --json";
    let (first, second) = (place.run(walk).fine().json(), place.run(walk).fine().json());
    assert_eq!((&first["cases"], &first["seed"]), (&40.into(), &7.into()));
    assert_eq!((&first["violations"], &first["complete"]), (&0.into(), &true.into()));
    assert_eq!(first["cases"], second["cases"]);
    place.run("check --seed 7").failed(2, &["--walk or --sample"]);
    place.run("check --walk 5 --set 1").failed(2, &["--set"]);
    place.run("check --time-limit 5").failed(2, &["--walk"]);
}

#[test]
fn a_walk_ends_at_its_time_limit_and_says_so() {
    let place = Place::new();
    let walk = "check --walk 1000000000 --time-limit 1 --buffer-size 4096";
    let run = place.run(walk).fine();
    assert!(run.out_text().contains("held until the time limit"), "{}", run.out_text());
}

#[test]
fn the_failure_of_a_walk_is_a_case_that_a_replay_takes() {
    let place = Place::new();
    let bug = "--buffer-size 100 --mutant extents-overtake";
    let walk = place.run(&format!("check --walk 1000 --seed 1 --json {bug}"));
    assert_eq!(walk.code(), Some(1));
    let case = walk.json()["smallest"].as_str().unwrap().to_owned();
    place
        .feed(&format!("check --replay - {bug}"), case.as_bytes())
        .failed(1, &["(order) is broken"]);
    let text = place.run(&format!("check --walk 1000 --seed 1 {bug}"));
    assert!(text.out_text().contains("sealpack check --replay -"), "{}", text.out_text());
}
