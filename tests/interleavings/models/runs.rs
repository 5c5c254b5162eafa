//! `runs.rs`: threads share jobs, several at a time and in no order.

use std::sync::Arc;

use super::at_least;
use crate::explore;
use crate::runs::Runs;
use crate::sync::{AtomicUsize, Builder, Ordering};

const JOBS: usize = 3;

/// Threads take runs; one of them may stop the work at its first job.
fn shared(stops: bool) {
    let runs = Arc::new(Runs::of_length(JOBS, 1));
    let taken = Arc::new(std::array::from_fn::<_, JOBS, _>(|_| AtomicUsize::new(0)));
    let work = |stops: bool| {
        let (runs, taken) = (Arc::clone(&runs), Arc::clone(&taken));
        move || {
            while let Some(run) = runs.take() {
                for job in run {
                    taken[job].fetch_add(1, Ordering::Relaxed);
                    if stops {
                        runs.stop();
                        assert!(runs.is_stopped() && runs.take().is_none(), "none after the stop");
                    }
                }
            }
        }
    };
    let other = Builder::new().spawn(work(false)).unwrap();
    work(stops)();
    other.join().unwrap();
    for job in taken.iter() {
        let times = job.load(Ordering::Relaxed);
        assert!(times == 1 || (stops && times == 0), "a job was taken {times} times, and not once");
    }
    assert!(runs.take().is_none());
}

pub(super) fn taken_once() -> String {
    at_least(explore(3, || shared(false)) + explore(3, || shared(true)), 20)
}
