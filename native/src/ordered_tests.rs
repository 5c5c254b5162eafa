use super::*;
use std::thread;

type Squares = Ordered<u64, u64, &'static str>;

fn squares(jobs: usize) -> Squares {
    Squares::new(Window::of_jobs(jobs))
}

fn work(squares: &Squares, batch_jobs: usize) {
    loop {
        let jobs = squares.take_many(Batch { jobs: batch_jobs, bytes: u64::MAX, lanes: 1 });
        if jobs.is_empty() {
            return;
        }
        jobs.into_iter().for_each(|(ticket, job)| squares.deliver(ticket, job * job));
    }
}

/// The number of jobs in tests that need many. Miri, which checks every access of
/// every thread, takes seconds for a hundred.
const MANY: u64 = if cfg!(miri) { 50 } else { 1000 };

#[test]
fn results_come_in_the_order_of_the_jobs_and_none_is_lost() {
    for workers in 1..=4 {
        for window in [1, 2, 7] {
            let squares = squares(window);
            thread::scope(|scope| {
                for worker in 0..workers {
                    let squares = &squares;
                    scope.spawn(move || work(squares, 1 + 2 * worker));
                }
                scope.spawn(|| {
                    for job in 0..MANY {
                        squares.submit(job, 1).unwrap();
                    }
                    squares.close();
                });
                for expected in 0..MANY {
                    assert_eq!(squares.next(), Some(expected * expected));
                }
                assert_eq!(squares.next(), None);
            });
        }
    }
}

#[test]
fn the_first_error_is_kept_and_every_thread_stops() {
    let squares = squares(2);
    thread::scope(|scope| {
        scope.spawn(|| work(&squares, 1));
        let consumer = scope.spawn(|| std::iter::from_fn(|| squares.next()).count());
        squares.submit(1, 1).unwrap();
        squares.fail("first");
        squares.fail("second");
        assert!(consumer.join().unwrap() <= 1);
    });
    assert_eq!(squares.failure(), Some("first"));
    assert_eq!(squares.submit(2, 1), Err(Stopped));
    assert_eq!(squares.take(), None);
    assert_eq!(squares.next(), None);
}

#[test]
fn at_most_one_window_of_jobs_is_in_flight() {
    let squares = squares(3);
    (0..3).for_each(|job| squares.submit(job, 100).unwrap());
    assert!(!squares.has_room());
    let (ticket, job) = squares.take().unwrap();
    squares.deliver(ticket, job);
    assert!(!squares.has_room(), "a result that was not taken counts");
    assert_eq!(squares.next(), Some(0));
    assert!(squares.has_room());
}

#[test]
fn more_small_jobs_fit_into_the_window_than_large_ones() {
    let small = Squares::new(Window { jobs: 2, bytes: 1000 });
    (0..10).for_each(|job| small.submit(job, 100).unwrap());
    assert!(!small.has_room());
    let large = Squares::new(Window { jobs: 2, bytes: 1000 });
    (0..2).for_each(|job| large.submit(job, 5000).unwrap());
    assert!(!large.has_room());
}

#[test]
fn the_thread_that_takes_results_may_do_all_jobs() {
    let squares = squares(4);
    let mut results = Vec::new();
    let mut jobs = 0..100;
    loop {
        while squares.has_room() {
            match jobs.next() {
                Some(job) => squares.submit(job, 1).unwrap(),
                None => {
                    squares.close();
                    break;
                }
            }
        }
        match squares.next_or_job() {
            Turn::Result(square) => results.push(square),
            Turn::Job(ticket, job) => squares.deliver(ticket, job * job),
            Turn::Done => break,
        }
    }
    assert_eq!(results, (0..100).map(|job| job * job).collect::<Vec<u64>>());
}

fn batch(jobs: usize, lanes: usize) -> Batch {
    Batch { jobs, bytes: u64::MAX, lanes }
}

#[test]
fn a_worker_waits_for_a_batch_only_while_more_jobs_can_arrive() {
    let taken = |jobs: u64, window, wanted, end: fn(&Squares)| {
        let squares = squares(window);
        thread::scope(|scope| {
            let worker = scope.spawn(|| squares.take_many(wanted).len());
            (0..jobs).for_each(|job| squares.submit(job, 1).unwrap());
            end(&squares);
            worker.join().unwrap()
        })
    };
    assert_eq!(taken(4, 100, batch(4, 1), |_| {}), 4, "the batch is full");
    assert_eq!(taken(3, 3, batch(4, 1), |_| {}), 3, "the window is full");
    assert_eq!(taken(3, 100, batch(4, 4), Squares::close), 3, "there will be no more");
    assert_eq!(taken(2, 100, Batch { bytes: 2, ..batch(9, 1) }, |_| {}), 2, "enough bytes");
    assert_eq!(taken(7, 100, batch(7, 4), |_| {}), 4, "a multiple of the lanes");
    assert_eq!(taken(0, 100, batch(7, 4), Squares::stop), 0, "it was stopped");
}

#[test]
fn results_are_taken_in_batches_and_count_until_they_are_released() {
    let squares = squares(4);
    (0..4).for_each(|job| squares.submit(job, 10).unwrap());
    let jobs: Vec<_> = (0..4).map(|_| squares.take().unwrap()).collect();
    thread::scope(|scope| {
        let writer = scope.spawn(|| squares.next_all(20, 1));
        for &(ticket, job) in [&jobs[1], &jobs[0], &jobs[2], &jobs[3]] {
            squares.deliver(ticket, job);
        }
        let results = writer.join().unwrap();
        assert!(results.len() >= 2, "{results:?}");
        assert!(results.iter().map(|&(_, job)| job).eq(0..results.len() as u64));
        assert!(!squares.has_room());
        let tickets: Vec<_> = results.into_iter().map(|(ticket, _)| ticket).collect();
        squares.release(&tickets);
        assert!(squares.has_room());
    });
}

#[test]
fn the_number_of_results_taken_is_a_multiple_of_the_lanes_until_the_end() {
    let squares = squares(7);
    (0..7).for_each(|job| squares.submit(job, 1).unwrap());
    while let Some((ticket, job)) = squares.take() {
        squares.deliver(ticket, job);
        if job == 6 {
            squares.close();
        }
    }
    let taken = || {
        squares.next_all(1, 3).into_iter().map(|(ticket, job)| {
            squares.release(&[ticket]);
            job
        })
    };
    assert!(taken().eq(0..6));
    assert!(taken().eq(6..7));
    assert!(taken().eq(0..0));
}

/// Batches larger and smaller than the window, with every number of lanes: no thread
/// waits forever.
#[test]
fn no_batch_or_window_size_causes_a_deadlock() {
    for workers in 1..=3 {
        for window in [1, 2, 5, 40] {
            for (wanted, lanes) in [(1, 1), (4, 1), (64, 1), (1, 3), (4, 16)] {
                let squares = squares(window);
                thread::scope(|scope| {
                    (0..workers).for_each(|_| drop(scope.spawn(|| work(&squares, wanted))));
                    scope.spawn(|| {
                        (0..MANY / 2).for_each(|job| squares.submit(job, 1).unwrap());
                        squares.close();
                    });
                    let mut expected = 0..MANY / 2;
                    loop {
                        let results = squares.next_all(7, lanes);
                        if results.is_empty() {
                            break;
                        }
                        let (tickets, squared): (Vec<_>, Vec<u64>) = results.into_iter().unzip();
                        assert!(
                            squared.iter().all(|&it| expected.next().map(|n| n * n) == Some(it))
                        );
                        squares.release(&tickets);
                    }
                    assert_eq!(expected.next(), None);
                });
            }
        }
    }
}
