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
    cleanup: Arc<Mutex<Option<Cleanup>>>,
}

type Cleanup = Box<dyn FnOnce() + Send>;

impl Interrupt {
    /// Waits for `SIGINT`, `SIGTERM` and `SIGHUP`, but for those that whoever
    /// started this process has it ignore (`nohup`).
    pub fn new() -> io::Result<Self> {
        let cleanup = Arc::new(Mutex::new(None));
        listen(&cleanup)?;
        Ok(Self { cleanup })
    }

    /// Creates what is to be taken away again, and says how. A signal waits
    /// for `create`, so that nothing escapes.
    pub fn guard<T, E, C: FnOnce() + Send + 'static>(
        &self,
        create: impl FnOnce() -> Result<(T, C), E>,
    ) -> Result<T, E> {
        let mut guarded = self.cleanup.lock().unwrap_or_else(PoisonError::into_inner);
        let (created, cleanup) = create()?;
        *guarded = Some(Box::new(cleanup));
        Ok(created)
    }

    /// Says what is to be done from now on.
    #[cfg(feature = "remote")]
    pub fn clean_up(&self, cleanup: impl FnOnce() + Send + 'static) {
        *self.cleanup.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(cleanup));
    }
}

#[cfg(unix)]
fn listen(cleanup: &Arc<Mutex<Option<Cleanup>>>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored_signals();
    let listened_to =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(listened_to)?;
    let cleanup = Arc::clone(cleanup);
    let wait = move || {
        for signal in signals.forever() {
            let cleanup = cleanup.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Where the pack has its name already, this finds nothing to do.
            if let Some(clean_up) = cleanup {
                clean_up();
            }
            drop(emulate_default_handler(signal));
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
fn listen(_cleanup: &Arc<Mutex<Option<Cleanup>>>) -> io::Result<()> {
    Ok(())
}
