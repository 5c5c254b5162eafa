//! The threads and open files of this process, and which tests may start any.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

static STARTING: RwLock<()> = RwLock::new(());

/// For a test that starts threads without counting them.
pub fn may_start() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that counts threads: no other test starts any meanwhile.
pub fn counted() -> RwLockWriteGuard<'static, ()> {
    STARTING.write().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that no thread of a writer or a reader is left, and that no file below
/// `folder` is open. The system still lists a joined thread for a moment.
pub fn assert_nothing_is_left(folder: &Path, context: &dyn std::fmt::Debug) {
    let given_up = Instant::now() + Duration::from_secs(5);
    while !ours().is_empty() {
        assert!(Instant::now() < given_up, "{context:?}: threads {:?} are left", ours());
        thread::sleep(Duration::from_micros(200));
    }
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let open = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let left: Vec<_> = open.filter(|path| path.starts_with(folder)).collect();
    assert!(left.is_empty(), "{context:?}: {left:?} are open");
}

fn ours() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(|task| name(task.unwrap())).filter(|n| n.starts_with("sealpack-")).collect()
}
