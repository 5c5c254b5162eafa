//! After a crash at any call the pack is absent, the whole old one, or the whole new
//! one.

use super::explore::{
    CrashStates, ENDINGS, Ending, Version, Written, check_pack, run, small_packs, whole,
};
use super::model::{Call, Habits};

/// The number of writes into which a pack is split. The number of states is the product
/// of the fates of all writes.
const WRITES: usize = 5;

/// A disk that takes a small pack in `WRITES` writes. It takes a large pack in two,
/// since verifying each of its states takes milliseconds.
fn habits(size: usize) -> Habits {
    let writes = if size < 10_000 { WRITES } else { 2 };
    Habits { most_taken: size.div_ceil(writes), ..Habits::default() }
}

#[test]
fn after_a_crash_at_any_call_the_pack_is_absent_old_or_new() {
    let _threads = super::threads::may_start();
    let mut all = CrashStates::default();
    for ending in ENDINGS {
        let mut found = CrashStates::default();
        for small in small_packs() {
            for threads in 0..=2 {
                let habits = habits(whole(&small).len());
                let run = run(&small, Written::Pack, ending, threads, habits, |disk| disk);
                assert_eq!(run.reported, ending.finishes());
                found.add(&run, check_pack);
                assert_eq!(found.first_broken, None);
            }
        }
        println!("{ending:?}: {found:?}");
        let before = if ending.is_over_an_old_pack() { Version::Old } else { Version::Absent };
        let expected = [before, Version::New];
        let outcomes: Vec<_> = found.outcomes.keys().copied().collect();
        assert_eq!(outcomes, expected[..if ending.finishes() { 2 } else { 1 }], "{ending:?}");
        all.absorb(found);
    }
    println!("{} crash points, {} states", all.points, all.states);
    // A smaller number means that the test has lost cases.
    assert!(all.points >= 550, "{}", all.points);
    assert!(all.states >= 440_000, "{}", all.states);
}

#[test]
fn after_a_failed_sync_no_pack_is_reported_and_no_second_sync_is_tried() {
    let _threads = super::threads::may_start();
    for small in small_packs() {
        for ending in [Ending::Create, Ending::CreateByLink, Ending::Overwrite] {
            let habits = Habits { failing_sync: Some(0), ..habits(whole(&small).len()) };
            let run = run(&small, Written::Pack, ending, 1, habits, |disk| disk);
            assert!(!run.reported);
            let syncs = run.journal.iter().filter(|call| matches!(call, Call::Sync { .. }));
            assert_eq!(syncs.count(), 1, "a second sync would say nothing");
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
        for ending in ENDINGS {
            let run = run(&small, Written::Pack, ending, 0, Habits::default(), |disk| disk);
            assert_eq!(run.files, if run.reported { run.new } else { run.old });
        }
    }
}
