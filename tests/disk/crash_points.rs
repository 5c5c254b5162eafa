//! After a crash at any point the name holds nothing, the whole old pack, or the
//! whole new one.

use super::explore::{ENDINGS, Ending, Found, run, small_packs, whole};
use super::model::{Call, Habits};

/// The number of writes into which a pack is split: the numbers of their fates are
/// multiplied.
const WRITES: usize = 5;

/// A disk that takes a small pack in `WRITES` writes. It takes a large pack in two,
/// since verifying each of its states takes milliseconds.
fn habits(size: usize) -> Habits {
    let writes = if size < 10_000 { WRITES } else { 2 };
    Habits { most_taken: size.div_ceil(writes), ..Habits::default() }
}

#[test]
fn after_a_crash_at_any_call_the_name_holds_nothing_or_the_old_or_the_new_pack() {
    let _threads = super::threads::may_start();
    let mut all = Found::default();
    for ending in ENDINGS {
        let mut found = Found::default();
        for small in small_packs() {
            for threads in 0..=2 {
                let run = run(&small, ending, threads, habits(whole(&small).len()), |disk| disk);
                assert_eq!(run.promised, !matches!(ending, Ending::Drop | Ending::DropOverwrite));
                let mut here = Found::default();
                here.add(&run);
                assert_eq!(here.broken, 0, "{:?}", here.first_broken);
                found.points += here.points;
                found.states += here.states;
                found.nothing += here.nothing;
                found.old += here.old;
                found.new += here.new;
            }
        }
        println!("{ending:?}: {found:?}");
        let over = ending.is_over_an_old_pack();
        assert_eq!((found.nothing > 0, found.old > 0), (!over, over), "{ending:?}");
        assert_eq!(found.new > 0, ending.finishes(), "{ending:?}");
        all.points += found.points;
        all.states += found.states;
    }
    println!("{} crash points, {} states", all.points, all.states);
    // A smaller number means that the test no longer tries something.
    assert!(all.points >= 550, "{}", all.points);
    assert!(all.states >= 440_000, "{}", all.states);
}

#[test]
fn after_a_sync_that_failed_nothing_is_claimed_and_no_second_one_is_tried() {
    let _threads = super::threads::may_start();
    for small in small_packs() {
        for ending in [Ending::Create, Ending::CreateByLink, Ending::Overwrite] {
            let habits = Habits { failing_sync: Some(0), ..habits(whole(&small).len()) };
            let run = run(&small, ending, 1, habits, |disk| disk);
            assert!(!run.promised);
            let syncs = run.journal.iter().filter(|call| matches!(call, Call::Sync { .. }));
            assert_eq!(syncs.count(), 1, "a second sync would say nothing");
            let mut found = Found::default();
            found.add(&run);
            assert_eq!(found.broken, 0, "{:?}", found.first_broken);
            assert_eq!(found.new, 0, "the pack does not appear");
        }
    }
}

#[test]
fn a_writer_leaves_no_file_but_the_pack() {
    for small in small_packs() {
        for ending in ENDINGS {
            let run = run(&small, ending, 0, Habits::default(), |disk| disk);
            let expected = if run.promised { Some(&run.new) } else { run.old.as_ref() };
            assert_eq!(run.files.values().next(), expected);
            assert!(run.files.len() <= 1, "{:?}", run.files.keys());
        }
    }
}
