//! A Ballista cluster: its two kinds of processes, and the connection of a client.

pub mod client;
pub mod executor;
pub mod scheduler;

pub use executor::ExecutorArgs;
pub use scheduler::SchedulerArgs;

use std::io::Write as _;
use std::net::IpAddr;

use crate::failure::Failure;

/// Prints a line on standard output at once, for scripts that wait for it.
fn announce(line: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    writeln!(output, "{line}").and_then(|()| output.flush()).map_err(Failure::Output)
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn stop_requested() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

/// The host that other processes use for an address: that of an unspecified one cannot be known.
fn advertised(host: Option<String>, bound: IpAddr) -> String {
    host.unwrap_or_else(|| {
        if bound.is_unspecified() { "localhost".to_string() } else { bound.to_string() }
    })
}
