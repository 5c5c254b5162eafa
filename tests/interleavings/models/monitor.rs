//! `ordered.rs`: jobs go in, results come out in order, and the first error is
//! kept.

use std::sync::{Arc, Mutex};

use super::at_least;
use crate::ordered::{Batch, Ordered, Turn, Window};
use crate::sync::{AtomicUsize, Builder, CondvarMutant, JoinHandle, Ordering, with_mutant};
use crate::{explore, is_detected};

type Jobs = Ordered<u64, u64, &'static str>;

/// A worker that takes up to `max_jobs` jobs at a time.
fn worker(
    jobs: &Arc<Jobs>,
    max_jobs: usize,
    work_on: fn(&Jobs, u64) -> Option<u64>,
) -> JoinHandle<()> {
    let jobs = Arc::clone(jobs);
    let batch = Batch { jobs: max_jobs, bytes: u64::MAX, lanes: 1 };
    let work = move || {
        loop {
            let taken = jobs.take_many(batch);
            if taken.is_empty() {
                return;
            }
            for (ticket, job) in taken {
                if let Some(result) = work_on(&jobs, job) {
                    jobs.deliver(ticket, result);
                }
            }
        }
    };
    Builder::new().spawn(work).unwrap()
}

/// A worker's result, which identifies its job.
fn square(_: &Jobs, job: u64) -> Option<u64> {
    Some(job * job)
}

fn submitter(jobs: &Arc<Jobs>, count: u64) -> JoinHandle<()> {
    let jobs = Arc::clone(jobs);
    let work = move || {
        if (0..count).all(|job| jobs.submit(job, 1).is_ok()) {
            jobs.close();
        }
    };
    Builder::new().spawn(work).unwrap()
}

/// A submitter, workers, and the model's own thread, which takes one result after
/// another.
fn all_results_arrive(workers: usize, count: u64, window: usize, max_jobs: usize) {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(window)));
    let mut threads = vec![submitter(&jobs, count)];
    threads.extend((0..workers).map(|_| worker(&jobs, max_jobs, square)));
    for expected in 0..count {
        assert_eq!(jobs.next(), Some(expected * expected));
    }
    assert_eq!(jobs.next(), None);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(jobs.failure(), None);
}

pub(super) fn nothing_is_lost() -> String {
    let mut count = 0;
    for (workers, jobs, window, max_jobs, preemptions) in [
        (1, 3, 1, 1, 3),
        (1, 3, 2, 2, 2),
        (2, 2, 1, 1, 2),
        (2, 2, 2, 2, 1),
        (3, 2, 1, 1, 1),
        (3, 2, 2, 2, 1),
    ] {
        count += explore(preemptions, move || all_results_arrive(workers, jobs, window, max_jobs));
    }
    at_least(count, 100_000)
}

/// Takes results as the writer thread does: all that are ready, and at least `bytes`
/// bytes unless they are the last.
fn batches_arrive(workers: usize, count: u64, window: usize, bytes: u64) {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(window)));
    let mut threads = vec![submitter(&jobs, count)];
    threads.extend((0..workers).map(|number| worker(&jobs, 1 + number % 2, square)));
    let mut expected = 0;
    loop {
        let (tickets, results): (Vec<_>, Vec<_>) = jobs.next_all(bytes, 1).into_iter().unzip();
        if results.is_empty() {
            break;
        }
        for result in results {
            assert_eq!(result, expected * expected);
            expected += 1;
        }
        jobs.release(&tickets);
    }
    assert_eq!(expected, count, "all have arrived");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

pub(super) fn taken_together() -> String {
    let mut count = 0;
    for (workers, jobs, window, bytes, preemptions) in
        [(1, 3, 1, 2, 2), (1, 3, 2, 1, 3), (2, 2, 1, 2, 1), (2, 2, 3, 2, 2), (3, 2, 2, 1, 1)]
    {
        let model = move || batches_arrive(workers, jobs, window, bytes);
        count += explore(preemptions, model);
    }
    at_least(count, 25_000)
}

/// Every job fails with an error of its own, and then a second time.
fn fail(jobs: &Jobs, job: u64) -> Option<u64> {
    jobs.fail(if job == 0 { "zero" } else { "one" });
    let first = jobs.failure();
    assert!(first.is_some(), "a reported error stays");
    jobs.fail("a later one");
    assert_eq!(jobs.failure(), first);
    None
}

fn first_error(workers: usize, window: usize) {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(window)));
    let mut threads = vec![submitter(&jobs, 2)];
    threads.extend((0..workers).map(|_| worker(&jobs, 1, fail)));
    assert_eq!(jobs.next(), None);
    let first = jobs.failure().expect("the results ended early");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(jobs.failure(), Some(first), "the first error is kept");
    assert!(first == "zero" || (workers > 1 && first == "one"), "{first}");
    assert!(jobs.submit(9, 1).is_err() && jobs.take().is_none() && jobs.next().is_none());
}

pub(super) fn the_first_error_wins() -> String {
    let mut count = 0;
    for (workers, preemptions) in [(1, 3), (2, 2), (3, 1)] {
        for window in [1, 3] {
            count += explore(preemptions, move || first_error(workers, window));
        }
    }
    at_least(count, 40_000)
}

/// Works like the readers' scans: one thread submits, and starts a task for each job. It
/// takes results, does a job itself while the next result is not ready, and stops after
/// it has taken `wanted` results.
fn scan(window: usize, wanted: u64) {
    const READS: u64 = 3;
    let jobs = Arc::new(Jobs::new(Window::of_jobs(window)));
    let performing = Arc::new(AtomicUsize::new(0));
    let task = || {
        let (jobs, performing) = (Arc::clone(&jobs), Arc::clone(&performing));
        let work = move || {
            let Some((ticket, job)) = jobs.take_waiting() else { return };
            performing.fetch_add(1, Ordering::Relaxed);
            let result = job * job;
            performing.fetch_sub(1, Ordering::Relaxed);
            jobs.finish(ticket, result);
        };
        Builder::new().spawn(work).unwrap()
    };
    let mut tasks = Vec::new();
    let (mut submitted, mut expected) = (0, 0);
    while expected < wanted {
        while jobs.has_room() {
            if submitted == READS {
                jobs.close();
                break;
            }
            jobs.submit(submitted, 1).unwrap();
            tasks.push(task());
            submitted += 1;
        }
        match jobs.next_or_job() {
            Turn::Result(result) => {
                assert_eq!(result, expected * expected);
                expected += 1;
            }
            Turn::Job(ticket, job) => jobs.deliver(ticket, job * job),
            Turn::Done => break,
        }
    }
    assert_eq!(expected, wanted.min(READS));
    jobs.stop_and_wait();
    assert_eq!(performing.load(Ordering::Relaxed), 0, "a thread works after the scan has ended");
    assert!(jobs.take_waiting().is_none());
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

pub(super) fn abandoned() -> String {
    let mut count = 0;
    for (window, preemptions) in [(1, 3), (2, 2), (3, 2)] {
        for wanted in 0..=4 {
            count += explore(preemptions, move || scan(window, wanted));
        }
    }
    at_least(count, 3_000)
}

/// Models with seeded bugs: in each, some interleaving fails.
pub(super) fn mutants() -> String {
    with_mutant(CondvarMutant::NotifyOneWakesNone, || {
        assert!(is_detected(2, || all_results_arrive(1, 2, 1, 1)), "a lost wake-up is detected");
    });
    with_mutant(CondvarMutant::NotifyAllWakesOne, || {
        assert!(
            is_detected(2, || all_results_arrive(2, 2, 2, 1)),
            "one wake-up instead of all is detected"
        );
    });
    let found = [
        ("a job that is not delivered", is_detected(2, undelivered)),
        ("workers that are not stopped", is_detected(2, not_stopped)),
        ("results that are not released", is_detected(2, not_released)),
        ("results in the order of arrival", is_detected(2, without_tickets)),
    ];
    for (what, found) in found {
        assert!(found, "{what}: not detected");
    }
    format!("{} of {0}", 2 + found.len())
}

/// A worker that ends without delivering its result.
fn undelivered() {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(2)));
    let threads = [submitter(&jobs, 2), worker(&jobs, 1, |_, job| (job == 0).then_some(0))];
    while jobs.next().is_some() {}
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A consumer that returns without stopping the workers.
fn not_stopped() {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(1)));
    let threads = [submitter(&jobs, 3), worker(&jobs, 1, square)];
    jobs.next();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A consumer that takes all results and never releases them.
fn not_released() {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(1)));
    let threads = [submitter(&jobs, 2), worker(&jobs, 1, square)];
    while !jobs.next_all(1, 1).is_empty() {}
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Workers that put their results in the order in which they finish.
fn without_tickets() {
    let jobs = Arc::new(Jobs::new(Window::of_jobs(3)));
    let arrived = Arc::<Mutex<Vec<u64>>>::default();
    (0..3).for_each(|job| jobs.submit(job, 1).unwrap());
    jobs.close();
    let take = |_| {
        let (jobs, arrived) = (Arc::clone(&jobs), Arc::clone(&arrived));
        let work = move || {
            while let Some((ticket, job)) = jobs.take() {
                jobs.deliver(ticket, job);
                arrived.lock().unwrap().push(job);
            }
        };
        Builder::new().spawn(work).unwrap()
    };
    let threads: Vec<_> = (0..2).map(take).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(arrived.lock().unwrap().is_sorted());
}
