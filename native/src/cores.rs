//! How many threads a writer or a reader starts.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

/// More threads than this are never started, whatever the options ask for.
pub(crate) const MAX_THREADS: usize = 1024;

/// The number of threads that can run at once. The system answers from files,
/// which takes longer than opening a pack, so it is asked once.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}
