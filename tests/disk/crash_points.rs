//! After a crash at any call there is no pack, the complete old one, or the complete new
//! one.

use super::explore::{
    CrashStates, SCENARIOS, Scenario, Version, WrittenFiles, check_pack, pack_bytes, run,
    small_packs,
};
use super::model::{Call, DiskOptions};

/// The number of writes into which a pack is split. The number of states is the product
/// of the fates of all writes.
const WRITES: usize = 5;

/// A disk that accepts a small pack in `WRITES` writes, and a large pack in two, since
/// verifying each of its states takes milliseconds.
fn disk_options(size: usize) -> DiskOptions {
    let writes = if size < 10_000 { WRITES } else { 2 };
    DiskOptions { max_write: size.div_ceil(writes), ..DiskOptions::default() }
}

#[test]
fn after_a_crash_at_any_call_the_pack_is_absent_old_or_new() {
    let _threads = super::threads::shared();
    let mut all = CrashStates::default();
    for scenario in SCENARIOS {
        let mut found = CrashStates::default();
        for small in small_packs() {
            for threads in 0..=2 {
                let disk_options = disk_options(pack_bytes(&small).len());
                let run =
                    run(&small, WrittenFiles::Pack, scenario, threads, disk_options, |disk| disk);
                assert_eq!(run.reported, scenario.finishes());
                found.add(&run, check_pack);
                assert_eq!(found.first_broken, None);
            }
        }
        println!("{scenario:?}: {found:?}");
        let before = if scenario.overwrites() { Version::Old } else { Version::Absent };
        let expected = [before, Version::New];
        let outcomes: Vec<_> = found.outcomes.keys().copied().collect();
        assert_eq!(outcomes, expected[..if scenario.finishes() { 2 } else { 1 }], "{scenario:?}");
        all.absorb(found);
    }
    println!("{} crash points, {} states", all.points, all.states);
    // A smaller number means that the test has lost cases.
    assert!(all.points >= 550, "{}", all.points);
    assert!(all.states >= 440_000, "{}", all.states);
}

#[test]
fn after_a_failed_sync_no_pack_is_reported_and_no_second_sync_is_tried() {
    let _threads = super::threads::shared();
    for small in small_packs() {
        for scenario in [Scenario::Create, Scenario::CreateByLink, Scenario::Overwrite] {
            let disk_options =
                DiskOptions { failing_sync: Some(0), ..disk_options(pack_bytes(&small).len()) };
            let run = run(&small, WrittenFiles::Pack, scenario, 1, disk_options, |disk| disk);
            assert!(!run.reported);
            let syncs = run.journal.iter().filter(|call| matches!(call, Call::Sync { .. }));
            assert_eq!(syncs.count(), 1, "a second sync proves nothing");
            let mut found = CrashStates::default();
            found.add(&run, check_pack);
            assert_eq!(found.first_broken, None);
            assert!(!found.outcomes.contains_key(&Version::New), "the pack must not appear");
        }
    }
}

#[test]
fn a_writer_leaves_no_file_but_the_pack() {
    for small in small_packs() {
        for scenario in SCENARIOS {
            let run =
                run(&small, WrittenFiles::Pack, scenario, 0, DiskOptions::default(), |disk| disk);
            assert_eq!(run.files, if run.reported { run.new } else { run.old });
        }
    }
}
