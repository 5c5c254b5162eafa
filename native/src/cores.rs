//! The processor's cores: the default number of threads.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

/// The number of threads that can run at once. The system answers from files,
/// which takes longer than opening a pack, so it is asked once.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}
