//! The logs of a cluster's processes, on standard error.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record};

/// The variable that says how much is logged.
const VARIABLE: &str = "RUST_LOG";

struct StandardError;

/// Logs from now on: the level that `RUST_LOG` names (`off`, `error`, `warn`, `info`,
/// `debug`, `trace`), otherwise `info`.
pub fn start() {
    static LOGGER: StandardError = StandardError;
    let level = std::env::var(VARIABLE).ok().and_then(|level| level.trim().parse().ok());
    log::set_max_level(level.unwrap_or(LevelFilter::Info));
    // It fails if there is a logger already, which there is not.
    drop(log::set_logger(&LOGGER));
}

impl Log for StandardError {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (level, target) = (record.level(), record.target());
        let line = format!("{:.3} {level} {target}: {}\n", time.as_secs_f64(), record.args());
        // If standard error is gone, nothing can be reported.
        drop(std::io::stderr().write_all(line.as_bytes()));
    }

    fn flush(&self) {}
}
