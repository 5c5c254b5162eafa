//! A pack with the file of its names. After a crash at any point, and after any failed
//! call, each of the two files is whole, old or new, or absent; and a new pack has its
//! names.

use sealpack::{ErrorKind, Reader};

use super::attempt::{OLD, Plan, Setup, fail_each_call};
use super::explore::{CrashStates, NAME, SCENARIOS, WrittenFiles, pack_bytes, run, small_packs};
use super::faults::Call;
use super::listed::check_both;
use super::model::DiskOptions;
use super::threads;

const NAMES: &str = "out.pack.names";

#[test]
fn after_a_crash_at_any_call_pack_and_names_are_whole_and_a_new_pack_has_its_names() {
    let _threads = threads::shared();
    let (mut points, mut states) = (0, 0);
    for scenario in SCENARIOS {
        let mut found = CrashStates::default();
        // The first has no items, and so no names.
        for small in &small_packs()[1..4] {
            for threads in 0..=2 {
                let disk_options = DiskOptions {
                    max_write: pack_bytes(small).len().div_ceil(3),
                    ..DiskOptions::default()
                };
                let run = run(
                    small,
                    WrittenFiles::PackAndNames,
                    scenario,
                    threads,
                    disk_options,
                    |disk| disk,
                );
                assert_eq!(run.reported, scenario.finishes());
                assert!(run.new.contains_key(NAMES));
                found.add(&run, check_both);
                assert_eq!(found.first_broken, None);
            }
        }
        println!("{scenario:?}: {found:?}");
        let outcomes: Vec<_> = found.outcomes.keys().copied().collect();
        assert_eq!(outcomes, scenario.outcomes_with_a_file_next_to_the_pack(), "{scenario:?}");
        (points, states) = (points + found.points, states + found.states);
    }
    println!("{points} crash points, {states} states");
    // A smaller number means that the test has lost cases.
    assert!(points >= 400, "{points}");
    assert!(states >= 100_000, "{states}");
}

#[test]
fn every_call_for_a_pack_with_its_names_fails_once_and_neither_is_left_without_the_other() {
    const PLAN: Plan = Plan {
        files: &[NAME, NAMES],
        options: |options| options.max_names_in_pack(0),
        item_size: 20_000,
        is_named: true,
    };
    let setups = [(0, false, true), (2, true, true), (0, true, false), (2, false, false)];
    let setups = setups.map(|(threads, over_old_files, finishes)| Setup {
        threads,
        over_old_files,
        finishes,
    });
    let _alone = threads::exclusive();
    let (mut about_names, mut about_pack) = (0, 0);
    let counts = (&mut about_names, &mut about_pack);
    let counts = std::cell::RefCell::new(counts);
    let injected = fail_each_call(&PLAN, &setups, |setup, at, errno, outcome| {
        let call = outcome.calls[at];
        let is_about_names = match &outcome.result {
            Err(error) => {
                assert_eq!(error.path(), outcome.folder.path().join(NAME));
                let names = match error.kind() {
                    ErrorKind::NamesFile(error) => {
                        assert_eq!(error.path(), outcome.folder.path().join(NAMES));
                        Some(error)
                    }
                    _ => None,
                };
                let error = names.map_or(error, |error| error.as_ref());
                let ErrorKind::Io { error, .. } = error.kind() else { panic!("{error}") };
                assert_eq!(error.raw_os_error(), Some(errno));
                names.is_some()
            }
            // The writer has no way to report this.
            Ok(()) => {
                assert!(call == Call::Remove || !setup.finishes, "the error is returned");
                false
            }
        };
        let mut counts = counts.borrow_mut();
        *if is_about_names { &mut *counts.0 } else { &mut *counts.1 } += 1;
        let old = setup.over_old_files.then(|| OLD.to_vec());
        let (pack, names) = (outcome.file(NAME), outcome.file(NAMES));
        if call == Call::SyncFolder && !is_about_names && setup.finishes {
            // The pack has its name, but may lose it in a crash.
            let reader = Reader::open(outcome.folder.path().join(NAME)).unwrap();
            assert_eq!(reader.names().unwrap().unwrap().get(7).unwrap(), b"item 7"[..]);
            return;
        }
        assert_eq!(pack, old, "the pack is unchanged");
        let were_named = outcome.calls.iter().filter(|&&call| call == Call::Rename).count();
        let failed_to_rename = call == Call::Rename && is_about_names;
        if were_named == 0 || failed_to_rename {
            assert_eq!(names, old, "the names are unchanged");
        } else {
            assert_eq!(names, None, "names without their pack are removed");
        }
        assert_eq!(outcome.leftovers(&PLAN).len(), usize::from(call == Call::Remove));
        threads::assert_nothing_is_left(outcome.folder.path(), &(setup, call, errno));
    });
    println!("{injected} faults, {about_names} of the names, {about_pack} of the pack");
    assert!(injected >= 300 && about_names >= 50, "{injected}, {about_names}");
}
