//! Runs the functions that are fuzzed (`tests/fuzz`) on the corpora of the fuzz
//! targets, and on mutations of them that are the same in every run.

use std::fs;
use std::path::PathBuf;

use sealpack_tests::hostile::{Random, TARGETS, Target, mutate};

/// The number of mutations of each target. `options` creates a file for each.
fn mutations(target: &Target) -> usize {
    if target.name == "options" { 300 } else { 6000 }
}

fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus"));
    let entries = fs::read_dir(folder.join(target.name)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs a target, and names the input if it panics.
fn check(target: &Target, input: &[u8], what: &str) {
    let caught = std::panic::catch_unwind(|| (target.check)(input));
    if let Err(panic) = caught {
        eprintln!("{}, {what}: {input:?}", target.name);
        std::panic::resume_unwind(panic);
    }
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(target);
    assert!(corpus.len() >= 10, "{name}: a corpus of {}", corpus.len());
    for (path, input) in &corpus {
        check(target, input, &path.display().to_string());
    }
    let mut random = Random::new(7);
    for number in 0..mutations(target) {
        let (_, input) = &corpus[random.below(corpus.len())];
        let mut input = input.clone();
        mutate(&mut input, &mut random);
        check(target, &input, &format!("mutation {number}"));
    }
}

#[test]
fn any_bytes_as_a_tail_are_refused_or_consistent() {
    replay("tail");
}

#[test]
fn any_bytes_as_a_record_are_refused_or_read_the_same_in_every_way() {
    replay("record");
}

#[test]
fn any_bytes_as_a_file_are_refused_or_read_the_same_in_every_way() {
    replay("whole");
}

#[test]
fn a_damaged_pack_is_an_error_or_the_same_items() {
    replay("round_trip");
}

#[test]
fn any_operations_on_a_stream_keep_its_invariants() {
    replay("stream");
}

#[test]
fn any_options_are_a_typed_error_or_a_pack_that_reads_back() {
    replay("options");
}

#[test]
fn a_damaged_pack_with_corrected_checksums_is_refused_or_read_the_same_in_every_way() {
    replay("repaired");
}

#[test]
fn every_target_has_a_binary_and_every_corpus_a_target() {
    let fuzz = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"));
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} in Cargo.toml");
        let main = fuzz.join(format!("fuzz_targets/{name}.rs"));
        let main = fs::read_to_string(main).unwrap();
        assert!(main.contains(&format!("hostile::{name}(data)")), "{name}: {main}");
    }
    let mut corpora: Vec<String> = fs::read_dir(fuzz.join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    corpora.sort_unstable();
    assert_eq!(corpora, names);
}

#[test]
fn any_bytes_as_app_data_are_parsed_without_loss_and_names_are_refused_or_consistent() {
    replay("extensions");
}
