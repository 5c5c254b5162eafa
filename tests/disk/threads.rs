//! Counts the threads and open files of this process; a lock separates the tests that
//! count from those that start threads.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

static MAY_START: RwLock<()> = RwLock::new(());

/// The lock for a test that starts threads without counting them.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MAY_START.read().unwrap_or_else(PoisonError::into_inner)
}

/// The lock for a test that counts threads: no other test starts any meanwhile.
pub fn exclusive() -> RwLockWriteGuard<'static, ()> {
    MAY_START.write().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that no thread of a writer or a reader is left, and that no file below
/// `folder` is open. The system still lists a joined thread for a moment.
pub fn assert_nothing_is_left(folder: &Path, context: &dyn std::fmt::Debug) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !sealpack_threads().is_empty() {
        assert!(
            Instant::now() < deadline,
            "{context:?}: threads {:?} are left",
            sealpack_threads()
        );
        thread::sleep(Duration::from_micros(200));
    }
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let open = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let left: Vec<_> = open.filter(|path| path.starts_with(folder)).collect();
    assert!(left.is_empty(), "{context:?}: {left:?} are open");
}

fn sealpack_threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(|task| name(task.unwrap())).filter(|n| n.starts_with("sealpack-")).collect()
}
