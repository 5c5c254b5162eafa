//! The threads that readers keep for their next call.
//!
//! Starting a thread takes as long as dozens of small reads, so no call starts one.
//! Readers with the same number of threads share them; they end with the last of these
//! readers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rayon_core::{ScopeFifo, ThreadPool, ThreadPoolBuilder};

/// All pools in use, each with its number of threads.
static POOLS: Mutex<Vec<(usize, Weak<ThreadPool>)>> = Mutex::new(Vec::new());

/// The threads of a reader, apart from the one that calls it. They start with the first
/// work.
#[derive(Default)]
pub(super) struct ReaderThreads {
    pool: OnceLock<Option<Arc<ThreadPool>>>,
}

impl ReaderThreads {
    /// Returns `count` threads; fewer, or `None`, if the system allows no more.
    fn pool(&self, count: usize) -> Option<&ThreadPool> {
        self.pool.get_or_init(|| shared_pool(count)).as_deref()
    }

    /// Runs `task` on one of `count` threads. Returns whether there is one. The task must
    /// not panic, and must not wait for other tasks: they may need its thread.
    pub(super) fn spawn(&self, count: usize, task: impl FnOnce() + Send + 'static) -> bool {
        let pool = self.pool(count);
        pool.inspect(|pool| pool.spawn_fifo(task)).is_some()
    }

    /// Calls `work` on this thread. The tasks that it starts on `count` threads may
    /// borrow; they end before this returns. A task's panic is continued on this
    /// thread. Without threads, `work` gets no scope.
    pub(super) fn scope<'scope>(
        &self,
        count: usize,
        work: impl FnOnce(Option<&ScopeFifo<'scope>>),
    ) {
        match self.pool(count) {
            Some(pool) => pool.in_place_scope_fifo(|scope| work(Some(scope))),
            None => work(None),
        }
    }
}

/// Returns the pool of this many threads that other readers use, or a new one.
fn shared_pool(count: usize) -> Option<Arc<ThreadPool>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.retain(|(_, pool)| pool.strong_count() > 0);
    let usable = |(threads, pool): &(usize, Weak<ThreadPool>)| {
        (*threads == count).then(|| pool.upgrade()).flatten()
    };
    if let Some(pool) = pools.iter().find_map(usable) {
        return Some(pool);
    }
    let start = |threads| {
        let builder = ThreadPoolBuilder::new().num_threads(threads);
        builder.thread_name(|_| "sealpack-read".into()).build().ok()
    };
    // If the system allows no more threads, fewer threads read; the caller's always does.
    let smaller = |threads: &usize| (*threads > 1).then_some(threads / 2);
    let pool = std::iter::successors((count > 0).then_some(count), smaller).find_map(start)?;
    let pool = Arc::new(pool);
    pools.push((count, Arc::downgrade(&pool)));
    Some(pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn readers_of_one_number_of_threads_share_them_and_others_do_not() {
        let (first, second, other) =
            (ReaderThreads::default(), ReaderThreads::default(), ReaderThreads::default());
        let address = |threads: &ReaderThreads, count| {
            std::ptr::from_ref(threads.pool(count).unwrap()).addr()
        };
        assert_eq!(address(&first, 3), address(&second, 3));
        assert_ne!(address(&first, 3), address(&other, 2));
        assert_eq!(first.pool(3).unwrap().current_num_threads(), 3);
    }

    #[test]
    fn tasks_run_and_a_reader_without_other_threads_gets_none() {
        let threads = ReaderThreads::default();
        let (sender, receiver) = mpsc::channel();
        assert!(threads.spawn(2, move || sender.send(7).unwrap()));
        assert_eq!(receiver.recv(), Ok(7));
        assert!(!ReaderThreads::default().spawn(0, || ()));
        let mut sum = 0;
        threads.scope(2, |scope| scope.unwrap().spawn_fifo(|_| sum += 1));
        assert_eq!(sum, 1);
    }
}
