//! Ctrl-C leaves no temporary file.
//!
//! A process that a signal ends drops nothing, and the main thread may wait
//! for standard input or for the disk just then. So a thread waits for the
//! signals, removes the file, and ends the process as the signal would have:
//! a shell shows 130 for `SIGINT`, 143 for `SIGTERM`, and a loop in a script
//! ends too.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The files that are removed when a signal ends the process.
pub struct Interrupt {
    files: Arc<Mutex<Vec<PathBuf>>>,
}

impl Interrupt {
    /// Waits for `SIGINT`, `SIGTERM` and `SIGHUP`, but for those that whoever
    /// started this process has it ignore (`nohup`).
    pub fn new() -> io::Result<Self> {
        let files = Arc::default();
        listen(&files)?;
        Ok(Self { files })
    }

    /// Creates files that are to be removed. A signal waits for `create`, so
    /// that no file escapes.
    pub fn guard<T, E>(
        &self,
        create: impl FnOnce() -> Result<(T, Vec<PathBuf>), E>,
    ) -> Result<T, E> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (created, paths) = create()?;
        *files = paths;
        Ok(created)
    }
}

#[cfg(unix)]
fn listen(files: &Arc<Mutex<Vec<PathBuf>>>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ignored = ignored_signals();
    let listened_to =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(listened_to)?;
    let files = Arc::clone(files);
    let wait = move || {
        for signal in signals.forever() {
            for path in files.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                // Where it is not there any more, the pack has its name already.
                drop(std::fs::remove_file(path));
            }
            drop(emulate_default_handler(signal));
        }
    };
    std::thread::Builder::new().name("sealpack-signals".into()).spawn(wait).map(drop)
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
fn listen(_files: &Arc<Mutex<Vec<PathBuf>>>) -> io::Result<()> {
    Ok(())
}
