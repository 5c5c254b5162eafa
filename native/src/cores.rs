//! The number of threads that a writer or a reader starts.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

/// The most threads that are ever started, whatever the options ask for.
pub(crate) const MAX_THREADS: usize = 1024;

/// Returns the number of threads that can run in parallel. The system reads it from
/// files, which takes longer than opening a pack, so the answer is cached.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}
