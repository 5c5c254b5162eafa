//! Ctrl-C leaves no temporary file, and no upload.
//!
//! A process that a signal ends drops nothing, and the main thread may wait
//! for standard input or for the disk just then. So a thread waits for the
//! signals, takes away what was begun, and ends the process as the signal would have:
//! a shell shows 130 for `SIGINT`, 143 for `SIGTERM`, and a loop in a script
//! ends too.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// What is done when a signal ends the process.
pub struct Interrupt {
    actions: Arc<Actions>,
}

#[derive(Default)]
struct Actions {
    /// On the first signal.
    cleanup: Mutex<Option<Action>>,
    /// On another one while the first is still being acted on.
    left_behind: Mutex<Option<Action>>,
}

type Action = Box<dyn FnOnce() + Send>;

impl Interrupt {
    /// Waits for `SIGINT`, `SIGTERM` and `SIGHUP`, but for those that whoever
    /// started this process has it ignore (`nohup`).
    pub fn new() -> io::Result<Self> {
        let actions = Arc::new(Actions::default());
        listen(&actions)?;
        Ok(Self { actions })
    }

    /// Creates what is to be taken away again, and says how. A signal waits
    /// for `create`, so that nothing escapes.
    pub fn guard<T, E, C: FnOnce() + Send + 'static>(
        &self,
        create: impl FnOnce() -> Result<(T, C), E>,
    ) -> Result<T, E> {
        let mut guarded = self.actions.cleanup.lock().unwrap_or_else(PoisonError::into_inner);
        let (created, cleanup) = create()?;
        *guarded = Some(Box::new(cleanup));
        Ok(created)
    }

    /// Cleans up so from now on. That may take a while: a second signal ends the
    /// process at once, after `left_behind` has reported what stays.
    #[cfg(feature = "remote")]
    pub fn clean_up(
        &self,
        cleanup: impl FnOnce() + Send + 'static,
        left_behind: impl FnOnce() + Send + 'static,
    ) {
        let set = |action: &Mutex<Option<Action>>, to: Action| {
            *action.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
        };
        set(&self.actions.left_behind, Box::new(left_behind));
        set(&self.actions.cleanup, Box::new(cleanup));
    }
}

#[cfg(unix)]
fn listen(actions: &Arc<Actions>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored_signals();
    let listened_to =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(listened_to)?;
    // Where the pack has its name already, the clean-up finds nothing to do.
    let end = |action: &Mutex<Option<Action>>, signal| {
        let action = action.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(action) = action {
            action();
        }
        drop(emulate_default_handler(signal));
    };
    let actions = Arc::clone(actions);
    let wait = move || {
        let mut signals = signals.forever();
        let Some(first) = signals.next() else { return };
        let own = Arc::clone(&actions);
        // On a thread of its own, so that this one hears the next signal.
        let cleaning = std::thread::Builder::new().spawn(move || end(&own.cleanup, first));
        if cleaning.is_err() {
            end(&actions.cleanup, first);
        }
        if let Some(second) = signals.next() {
            end(&actions.left_behind, second);
        }
    };
    std::thread::Builder::new().name("sealpack-signals".into()).spawn(wait).map(drop)
}

/// Whether this process was started to ignore a signal.
#[cfg(unix)]
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    ignored_signals() >> (signal - 1) & 1 == 1
}

/// The signals that this process was started to ignore, a bit each; none
/// where the system does not tell.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Elsewhere the system ends the process, and a temporary file may be left.
#[cfg(not(unix))]
fn listen(_actions: &Arc<Actions>) -> io::Result<()> {
    Ok(())
}
