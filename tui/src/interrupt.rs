//! Removes temporary files and uploads when a signal ends the process.
//!
//! A signal ends a process without running destructors, and the main thread may be waiting
//! for standard input or for the disk. So a separate thread waits for the signals, removes
//! the unfinished files and uploads, and then ends the process by the same signal: a shell
//! sees 130 for `SIGINT` and 143 for `SIGTERM`, and a loop in a script ends too.
//!
//! `SIGKILL`, a crash (`SIGSEGV`) or a failed allocation (`SIGABRT`) cannot be handled:
//! the temporary file `.NAME.XXXXXX.tmp` stays. `pack` skips such files.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::outcome::Failure;

/// The actions that run when a signal ends the process.
pub struct Interrupt {
    actions: Arc<Cleanups>,
}

#[derive(Default)]
struct Cleanups {
    /// Runs on the first signal.
    cleanup: Mutex<Option<Cleanup>>,
    /// Runs on a second signal that arrives while the first is still being handled.
    on_second_signal: Mutex<Option<Cleanup>>,
}

type Cleanup = Box<dyn FnOnce() + Send>;

impl Interrupt {
    /// Starts a thread that waits for the signals that end a process, except for those
    /// that the parent process made it ignore (`nohup`).
    pub fn new() -> io::Result<Self> {
        let actions = Arc::new(Cleanups::default());
        listen(&actions)?;
        Ok(Self { actions })
    }

    /// Calls `create`, which returns the created value and the action that removes it on
    /// a signal. A signal waits until `create` returns, so nothing is missed. Earlier
    /// actions still run.
    pub fn guard<T, E, C: FnOnce() + Send + 'static>(
        &self,
        create: impl FnOnce() -> Result<(T, C), E>,
    ) -> Result<T, E> {
        let mut guarded = lock(&self.actions.cleanup);
        let (created, cleanup) = create()?;
        *guarded = Some(one_after_another(guarded.take(), cleanup));
        Ok(created)
    }

    /// Adds `cleanup` after the actions that were registered before. It may take a while:
    /// a second signal ends the process at once, after `on_second_signal` has reported
    /// what remains.
    #[cfg(feature = "remote")]
    pub fn clean_up(
        &self,
        cleanup: impl FnOnce() + Send + 'static,
        on_second_signal: impl FnOnce() + Send + 'static,
    ) {
        *lock(&self.actions.on_second_signal) = Some(Box::new(on_second_signal));
        let mut guarded = lock(&self.actions.cleanup);
        *guarded = Some(one_after_another(guarded.take(), cleanup));
    }
}

fn lock(action: &Mutex<Option<Cleanup>>) -> MutexGuard<'_, Option<Cleanup>> {
    action.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one_after_another(before: Option<Cleanup>, next: impl FnOnce() + Send + 'static) -> Cleanup {
    Box::new(move || {
        if let Some(before) = before {
            before();
        }
        next();
    })
}

/// Makes exceeding the limit on file sizes (`ulimit -f`) an error of the write, which is
/// reported and leaves no file. By default `SIGXFSZ` ends the process.
///
/// # Errors
/// [`Failure::Signals`].
#[cfg(unix)]
pub fn survive_limits() -> Result<(), Failure> {
    use signal_hook::consts::SIGXFSZ;
    // The handler does nothing: the write then returns `EFBIG`.
    let registered = signal_hook::flag::register(SIGXFSZ, Arc::default());
    registered.map(drop).map_err(Failure::Signals)
}

/// This platform has no such limits.
#[cfg(not(unix))]
pub fn survive_limits() -> Result<(), Failure> {
    Ok(())
}

#[cfg(unix)]
fn listen(actions: &Arc<Cleanups>) -> io::Result<()> {
    use signal_hook::consts::{
        SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU,
    };
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored_signals();
    let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGUSR1, SIGUSR2, SIGALRM];
    let listened_to = ending.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(listened_to)?;
    // If the pack already has its final name, the clean-up finds nothing to remove.
    let end = |action: &Mutex<Option<Cleanup>>, signal| {
        let action = lock(action).take();
        if let Some(action) = action {
            action();
        }
        drop(emulate_default_handler(signal));
    };
    let actions = Arc::clone(actions);
    let wait = move || {
        let mut signals = signals.forever();
        let Some(first) = signals.next() else { return };
        let cleanups = Arc::clone(&actions);
        // The clean-up runs on its own thread, so that this thread can receive the next
        // signal.
        let cleaning = std::thread::Builder::new().spawn(move || end(&cleanups.cleanup, first));
        if cleaning.is_err() {
            end(&actions.cleanup, first);
        }
        if let Some(second) = signals.next() {
            end(&actions.on_second_signal, second);
        }
    };
    std::thread::Builder::new().name("sealpack-signals".into()).spawn(wait).map(drop)
}

/// Returns whether this process was started with the signal ignored.
#[cfg(unix)]
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    ignored_signals() >> (signal - 1) & 1 == 1
}

/// Returns the signals that this process was started to ignore, one bit each; 0 if the
/// system does not report them.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// On other platforms the system ends the process, and a temporary file may be left.
#[cfg(not(unix))]
fn listen(_actions: &Arc<Cleanups>) -> io::Result<()> {
    Ok(())
}
