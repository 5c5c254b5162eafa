//! Seeded bugs, and the test that must detect each.
//!
//! Production code has no switch that breaks it. A seeded bug is an edit of the
//! source: it is applied to a copy of the workspace, and the test that it names must
//! then fail. That is slow (the first builds everything, each of the others the
//! libraries), so only `tests/run mutants` does it; the ordinary tests check only
//! that the edits still apply. So a seeded bug breaks the code that ships, not a copy
//! of it. It also reveals duplicate checks: removing one of two fails no test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A seeded bug: edits of some files, and the test that must fail.
struct Mutant {
    name: &'static str,
    edits: &'static [Edit],
    /// `cargo test` arguments, up to the name of the test.
    test: &'static [&'static str],
}

struct Edit {
    file: &'static str,
    /// This text must occur exactly once.
    find: &'static str,
    replace: &'static str,
}

const fn edit(file: &'static str, find: &'static str, replace: &'static str) -> Edit {
    Edit { file, find, replace }
}

const SUITE: &str = "suite";
const DISK: &str = "disk";
const SWEEP: &str = "sweeps::a_changed_byte_never_yields_a_different_protected_item";
const BROKEN: &str = "broken::every_broken_pack_is_refused_or_read_as_the_reference_reads_it";
const FORGED: &str = "trusted::forged::twenty_thousand_forgeries_yield_authentic_items_or_errors";
const TRAILER: &str = "core/src/format/trailer.rs";
const INDEX: &str = "core/src/format/index.rs";
const RECORD: &str = "core/src/format/record.rs";
const UNSEAL: &str = "core/src/read/unseal.rs";
const VERIFY: &str = "core/src/read/verify.rs";
const REPORT: &str = "core/src/read/report.rs";
const ZSTD: &str = "native/src/zstd/decode.rs";
const PROOF: &str = "core/src/trust/proof.rs";
const ANCHOR: &str = "core/src/trust/anchor.rs";
const PUBLISH: &str = "native/src/publish/publication.rs";

const MANY: &str =
    "many::every_request_gets_its_item_with_any_number_of_threads_and_reads_in_flight";
const DEPTH: &str = "many::reads_of_a_source_that_fetches_ahead_are_announced_up_to_the_depth";
const REQUESTS: &str = "native/src/read/requests.rs";
const BATCH: &str = "native/src/read/batch.rs";

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a request gets the item of the one before it",
        edits: &[edit(
            REQUESTS,
            "            if slot >= next {\n",
            "            if slot > next {\n",
        )],
        test: &[SUITE, MANY],
    },
    Mutant {
        name: "items that were not read ahead are left out",
        edits: &[edit(BATCH, " && !left.is_empty() {", " && left.is_empty() {")],
        test: &[SUITE, MANY],
    },
    Mutant {
        name: "two runs have the same record",
        edits: &[edit("native/src/read/unordered.rs", "= align(run.start)..", "= run.start..")],
        test: &[SUITE, MANY],
    },
    Mutant {
        name: "reads are not announced",
        edits: &[edit(BATCH, "{ self.opened.options.io_depth } else { 1 }", "{ 1 } else { 1 }")],
        test: &[SUITE, DEPTH],
    },
    Mutant {
        name: "reads are announced without a limit",
        edits: &[edit(REQUESTS, "            && self.announced < self.depth\n", "")],
        test: &[SUITE, DEPTH],
    },
    Mutant {
        name: "a large record is read whole for one of its items",
        edits: &[edit(BATCH, "(COST_OF_READ) <= record.place.size()", "(COST_OF_READ) == 0")],
        test: &[SUITE, "many::a_large_plain_record_is_not_read_whole_for_one_of_its_items"],
    },
    Mutant {
        name: "reads in flight get no threads",
        edits: &[edit(BATCH, "options.threads.max(options.io_depth)", "options.threads")],
        test: &[
            SUITE,
            "many::a_source_that_cannot_announce_reads_gets_a_thread_for_each_read_in_flight",
        ],
    },
    Mutant {
        name: "each reader starts threads of its own",
        edits: &[edit(
            "native/src/read/threads.rs",
            "pools.iter().find_map(usable)",
            "pools.iter().take(0).find_map(usable)",
        )],
        test: &[SUITE, "many::calls_use_the_same_threads_again"],
    },
    Mutant {
        name: "the trailer's CRC is not compared",
        edits: &[edit(
            TRAILER,
            "        check_crc(bytes)?;\n",
            "        let _ = check_crc(bytes);\n",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "the index's CRC is not compared",
        edits: &[edit(
            INDEX,
            "if stored != computed {",
            "if stored != computed && record_count == u32::MAX {",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "the record sizes need not add up",
        edits: &[edit(INDEX, "if offset != 0 {", "if offset == u64::MAX {")],
        test: &[SUITE, "sweeps::extra_bytes_before_or_after_are_refused"],
    },
    Mutant {
        name: "bytes left over in the index are accepted",
        edits: &[edit(INDEX, "if !rest.is_empty() {", "if rest.len() == usize::MAX {")],
        test: &[SUITE, BROKEN],
    },
    Mutant {
        name: "a record's CRC is not compared",
        edits: &[edit(
            RECORD,
            "check_crc(stored, covered)?;",
            "let _ = check_crc(stored, covered);",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "the CRC of the item lengths is not compared",
        edits: &[edit(
            RECORD,
            "check_crc(stored, covered.get(payload.len()..).unwrap_or_default())?;",
            "let _ = check_crc(stored, covered.get(payload.len()..).unwrap_or_default());",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "the app data's CRC is not compared",
        edits: &[edit(
            TRAILER,
            "if stored == computed {\n            Ok(Dialect",
            "if stored == stored {\n            Ok(Dialect",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "a frame's checksum is ignored",
        edits: &[edit(
            ZSTD,
            "match self.decompress(frame, dictionary, out) {",
            "let mut bare = frame.to_vec();\n                if layout.header.checksum {\n                    bare[4] &= !4;\n                    bare.truncate(frame.len() - 4);\n                }\n                match self.0.decompress(out, &bare) {",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "content after a frame is accepted",
        edits: &[edit(
            "core/src/codec/zstd_frame.rs",
            "if !yields_nothing(after) ||",
            "if (!yields_nothing(after) && after.len() > 1 << 30) ||",
        )],
        test: &[SUITE, BROKEN],
    },
    Mutant {
        name: "the content hash is not compared",
        edits: &[edit(
            VERIFY,
            "} else if self.unchecked_count == 0 && computed != stored {",
            "} else if self.unchecked_count == 0 && self.examined == u32::MAX {",
        )],
        test: &[SUITE, SWEEP],
    },
    Mutant {
        name: "item lengths need not add up to the payload",
        edits: &[
            edit(UNSEAL, "            self.size.check(payload.as_ref().len() as u64)?;\n", ""),
            edit(
                "core/src/codec/mod.rs",
                "        size.check(encoded.len() as u64)?;\n",
                "        let _ = size;\n",
            ),
        ],
        test: &[SUITE, BROKEN],
    },
    Mutant {
        name: "items and records need not fit each other",
        edits: &[edit("core/src/read/open.rs", "    trailer.check_counts()?;\n", "")],
        test: &[SUITE, BROKEN],
    },
    Mutant {
        name: "a value of a group wraps around",
        edits: &[edit(
            "core/src/wire/group.rs",
            "        group.refuse_carry()?;\n",
            "        let _ = group.refuse_carry();\n",
        )],
        test: &[SUITE, "hostile::any_bytes_as_a_tail_are_refused_or_consistent"],
    },
    Mutant {
        name: "the size that a frame claims is allocated",
        edits: &[edit(ZSTD, "size.plausible(Some(max_output), frame.len())", "max_output")],
        test: &["allocation", "reading_a_broken_pack_takes_memory_in_proportion_to_its_size"],
    },
    Mutant {
        name: "a single item may decode to more than the limit",
        edits: &[edit(
            UNSEAL,
            "Size::AtMost(limit.min(MAX_U32.into()))",
            "Size::AtMost(MAX_U32.into())",
        )],
        test: &[SUITE, "reading::the_limit_on_a_decoded_record_is_enforced"],
    },
    Mutant {
        name: "the limit on the sections is not checked",
        edits: &[edit(
            "core/src/read/open.rs",
            "                self.limits.admit_sections(&trailer)?;\n",
            "",
        )],
        test: &[
            "allocation",
            "sections_and_records_of_a_sparse_file_cost_nothing_above_the_memory_limit",
        ],
    },
    Mutant {
        name: "reads ahead do not count against the memory limit",
        edits: &[edit(
            "native/src/read/budget.rs",
            "self.in_flight.is_empty() ||",
            "self.in_flight.len() < 1 << 20 ||",
        )],
        test: &["allocation", "a_reader_stays_within_its_memory_limit"],
    },
    Mutant {
        name: "unprotected items are reported as protected",
        edits: &[edit(
            REPORT,
            "            || self.payload_size == 0\n",
            "            || self.payload_size < u64::MAX\n",
        )],
        test: &[SUITE, "sweeps::sound_packs_report_whether_items_are_protected"],
    },
    Mutant {
        name: "a record's digest is not compared with the trusted one",
        edits: &[edit(
            PROOF,
            "if trusted == found => Ok",
            "if trusted == found || record < 9 => Ok",
        )],
        test: &[SUITE, FORGED],
    },
    Mutant {
        name: "a block of digests is accepted without proof",
        edits: &[edit(PROOF, "if found == trusted {", "if found == trusted || block < 9 {")],
        test: &[SUITE, FORGED],
    },
    Mutant {
        name: "under a content hash no record is a witness",
        edits: &[edit(
            ANCHOR,
            "if self.by_root { 0..0 }",
            "if self.by_root || header.record_count > 0 { 0..0 }",
        )],
        test: &[SUITE, "trusted::counts_in_the_trailer_cannot_move_items"],
    },
    Mutant {
        name: "the app data is not compared with the list's",
        edits: &[edit(ANCHOR, "if self.by_root && trusted", "if !self.by_root && trusted")],
        test: &[SUITE, "trusted::the_root_covers_the_app_data_and_the_content_hash_does_not"],
    },
    Mutant {
        name: "a list is kept although its pack does not appear",
        edits: &[edit(
            "native/src/publish/staged.rs",
            "if has_its_name(&kind) {",
            "if !has_its_name(&kind) {",
        )],
        test: &[
            DISK,
            "listed_faults::every_call_for_a_pack_with_its_list_fails_once_and_neither_is_left_without_the_other",
        ],
    },
    Mutant {
        name: "an interrupted write is not retried",
        edits: &[edit(
            "native/src/write/vectored.rs",
            "Err(error) if error.kind() == io::ErrorKind::Interrupted => {}\n",
            "",
        )],
        test: &[
            DISK,
            "faults::short_writes_and_interruptions_are_survived_and_the_pack_is_the_same",
        ],
    },
    Mutant {
        name: "a failed sync is not reported",
        edits: &[edit(
            PUBLISH,
            "        make_durable(file)?;\n",
            "        drop(make_durable(file));\n",
        )],
        test: &[
            DISK,
            "crash_points::after_a_failed_sync_no_pack_is_reported_and_no_second_sync_is_tried",
        ],
    },
    Mutant {
        name: "the folder is not synced",
        edits: &[edit(PUBLISH, "match self.folder.sync() {", "match Ok::<(), io::Error>(()) {")],
        test: &[DISK, "crash_points::after_a_crash_at_any_call_the_pack_is_absent_old_or_new"],
    },
];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The folder of the copy and its build: always the same one, so that runs do not
/// leave copies.
fn copy_folder(name: &str) -> PathBuf {
    root().join("target/mutants").join(name)
}

#[test]
fn every_seeded_bug_applies_and_names_a_test() {
    for mutant in MUTANTS {
        for edit in mutant.edits {
            let text = fs::read_to_string(root().join(edit.file)).unwrap();
            let count = text.matches(edit.find).count();
            assert_eq!(count, 1, "{}: {}: {:?}", mutant.name, edit.file, edit.find);
        }
        let [binary, test] = mutant.test else { panic!("{}", mutant.name) };
        let (module, name) = test.rsplit_once("::").unwrap_or((binary, test));
        let folder = if [SUITE, DISK].contains(binary) { *binary } else { "." };
        let [file, folder] = ["", "/mod"]
            .map(|rest| format!("tests/{folder}/{}{rest}.rs", module.replace("::", "/")));
        let text = fs::read_to_string(root().join(file));
        let text = text.or_else(|_| fs::read_to_string(root().join(folder))).unwrap();
        assert!(text.contains(&format!("fn {name}()")), "{}: no test {test}", mutant.name);
    }
}

/// Copies the files that a build of the libraries and these tests needs.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let skipped = ["target", "node_modules", ".git", "artifacts"];
        if skipped.iter().any(|skipped| name == *skipped) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Runs one test in the copy, and returns whether it passed. Panics if the build
/// fails.
fn passes(copy: &Path, test: &[&str]) -> bool {
    let [binary, test] = test else { panic!("a binary and a test") };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(copy)
        // A target folder of its own: cargo would confuse the two builds.
        .env("CARGO_TARGET_DIR", copy_folder("target"))
        .env("CARGO_INCREMENTAL", "1")
        .args(["test", "--locked", "-p", "sealpack-tests", "--test", binary, "--", "--exact", test])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("running 1 test"), "{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

/// All seeded bugs, or those whose names contain `SEALPACK_MUTANT`.
fn selected() -> Vec<&'static Mutant> {
    let part = std::env::var("SEALPACK_MUTANT").unwrap_or_default();
    MUTANTS.iter().filter(|mutant| mutant.name.contains(&part)).collect()
}

#[test]
#[ignore = "builds the libraries once for each variant: tests/run mutants"]
fn every_seeded_bug_is_detected() {
    let copy_folder = copy_folder("source");
    if copy_folder.exists() {
        fs::remove_dir_all(&copy_folder).unwrap();
    }
    copy(&root(), &copy_folder);
    let mut tests: Vec<_> = selected().iter().map(|mutant| mutant.test).collect();
    tests.sort_unstable();
    tests.dedup();
    for test in tests {
        assert!(passes(&copy_folder, test), "{test:?} fails without a bug");
    }
    let mut missed = Vec::new();
    for mutant in selected() {
        let paths: Vec<PathBuf> =
            mutant.edits.iter().map(|edit| copy_folder.join(edit.file)).collect();
        let sound: Vec<String> =
            paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        for ((edit, path), text) in mutant.edits.iter().zip(&paths).zip(&sound) {
            fs::write(path, text.replacen(edit.find, edit.replace, 1)).unwrap();
        }
        let start = Instant::now();
        let caught = !passes(&copy_folder, mutant.test);
        let caught_or_not = if caught { "caught" } else { "MISSED" };
        println!("{}: {caught_or_not}, {} s", mutant.name, start.elapsed().as_secs());
        if !caught {
            missed.push(mutant.name);
        }
        for (path, text) in paths.iter().zip(&sound) {
            fs::write(path, text).unwrap();
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
