//! Threads that work on jobs while one thread takes the results, in order.
//!
//! Each job is one task of the reader's kept threads, so a scan that is not advanced
//! occupies none of them.

use std::sync::{Arc, Mutex, PoisonError};

use super::reader::ReaderInner;
use super::workspace::Workspace;
use crate::error::ErrorKind;
use crate::ordered::{Ordered, Turn, Window};
use crate::panics::catch_panic;

/// Jobs in flight for each thread: the one that it works on, and the next one.
const JOBS_PER_THREAD: usize = 2;

/// The work on a job.
pub(super) type CrewWork<J, T> = fn(&ReaderInner, J, &mut Workspace) -> Result<T, ErrorKind>;

/// Works on jobs `J`; its results `T` are taken in the order of the jobs.
pub(super) struct Crew<J, T> {
    shared: Arc<SharedJobs<J, T>>,
    /// Threads other than the caller's.
    threads: usize,
    workspace: Workspace,
}

type CrewJobs<J, T> = Ordered<J, Result<T, ErrorKind>, ErrorKind>;

/// What a crew's threads share.
struct SharedJobs<J, T> {
    inner: Arc<ReaderInner>,
    work: CrewWork<J, T>,
    jobs: Arc<CrewJobs<J, T>>,
    /// The workspaces of threads that do not work now.
    idle: Mutex<Vec<Workspace>>,
}

impl<J: Send + 'static, T: Send + 'static> Crew<J, T> {
    /// Makes a crew of this many threads, the caller's included.
    pub(super) fn new(inner: &Arc<ReaderInner>, threads: usize, work: CrewWork<J, T>) -> Self {
        let window = Window::of_jobs(JOBS_PER_THREAD * threads);
        let workspace = Workspace::new(&inner.opened.budget, threads > 1);
        let (jobs, idle) = (Arc::new(Ordered::new(window)), Mutex::default());
        let shared = Arc::new(SharedJobs { inner: Arc::clone(inner), work, jobs, idle });
        Self { shared, threads: threads.saturating_sub(1), workspace }
    }

    /// Returns whether there are threads other than the caller's.
    pub(super) fn is_parallel(&self) -> bool {
        self.threads > 0
    }

    /// Returns the workspace of the caller's thread.
    pub(super) fn workspace(&mut self) -> &mut Workspace {
        &mut self.workspace
    }

    /// Returns whether another job may be submitted.
    pub(super) fn has_room(&self) -> bool {
        self.shared.jobs.has_room()
    }

    /// Submits a job of this many bytes; there must be room for it.
    pub(super) fn submit(&mut self, job: J, bytes: u64) {
        if self.shared.jobs.submit(job, bytes).is_err() {
            return;
        }
        let aside = self.workspace.for_another_thread();
        let (jobs, shared) = (Arc::clone(&self.shared.jobs), Arc::downgrade(&self.shared));
        let task = move || {
            // A task that comes too late must not keep the reader's file open. Once it has
            // a job, the crew waits for it.
            let Some((ticket, job)) = jobs.take_waiting() else { return };
            if let Some(shared) = shared.upgrade() {
                let result = shared.perform(job, aside);
                drop(shared);
                jobs.finish(ticket, result);
            }
        };
        self.shared.inner.threads.spawn(self.threads, task);
    }

    /// Declares that no more jobs will come.
    pub(super) fn close(&self) {
        self.shared.jobs.close();
    }

    /// Returns the next result; `None` when there will be no more. This thread works too
    /// while the result is not ready.
    pub(super) fn next(&mut self) -> Option<Result<T, ErrorKind>> {
        loop {
            match self.shared.jobs.next_or_job() {
                Turn::Result(result) => return Some(result),
                Turn::Job(ticket, job) => {
                    let result = self.perform(job);
                    self.shared.jobs.deliver(ticket, result);
                }
                Turn::Done => return None,
            }
        }
    }

    /// Works on a job on this thread.
    pub(super) fn perform(&mut self, job: J) -> Result<T, ErrorKind> {
        let SharedJobs { inner, work, .. } = &*self.shared;
        panics_as_errors(|| work(inner, job, &mut self.workspace))
    }
}

impl<J, T> SharedJobs<J, T> {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Workspace>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a job, in an idle workspace, or else in `aside`.
    fn perform(&self, job: J, aside: Workspace) -> Result<T, ErrorKind> {
        let mut workspace = self.idle().pop().unwrap_or(aside);
        let result = panics_as_errors(|| (self.work)(&self.inner, job, &mut workspace));
        self.idle().push(workspace);
        result
    }
}

impl<J, T> Drop for Crew<J, T> {
    /// Waits for the threads that work on a job, so that none reads from the source
    /// afterwards.
    fn drop(&mut self) {
        self.shared.jobs.stop_and_wait();
        let decoders = &self.shared.inner.opened.decoders;
        self.workspace.close(decoders);
        self.shared.idle().drain(..).for_each(|mut workspace| workspace.close(decoders));
    }
}

/// Runs a worker's job. A panic, for example in the caller's source, becomes an error:
/// otherwise the thread that takes the results would wait forever.
pub(super) fn panics_as_errors<T>(
    work: impl FnOnce() -> Result<T, ErrorKind>,
) -> Result<T, ErrorKind> {
    catch_panic(work).unwrap_or_else(|cause| Err(ErrorKind::Panicked(cause)))
}
