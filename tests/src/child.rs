//! Processes that tests start. Every wait for one has a limit, and no process
//! inherits signals that the test's own parent ignores (`nohup`, many CI runners).
//!
//! Tests of other packages include this file by its path, so it uses nothing else
//! of this package.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a test waits for anything.
pub const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// Starts and runs processes.
pub trait Spawn {
    /// Starts a process, if the program exists. Dropping the value kills the
    /// process.
    fn try_start(&mut self) -> io::Result<RunningProcess>;

    /// Starts a process.
    #[track_caller]
    fn start(&mut self) -> RunningProcess {
        self.try_start().unwrap_or_else(|error| panic!("the process does not start: {error}"))
    }

    /// Runs a process to its end.
    fn run(&mut self) -> Output {
        self.start().end()
    }
}

impl Spawn for Command {
    fn try_start(&mut self) -> io::Result<RunningProcess> {
        reset_ignored_signals();
        let name = format!("{self:?}");
        Ok(RunningProcess { child: self.spawn()?, name, limit: WAIT_LIMIT })
    }
}

/// A running process.
pub struct RunningProcess {
    child: Child,
    name: String,
    limit: Duration,
}

impl RunningProcess {
    /// Sets the limit of each wait.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the process is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, if that is a pipe; dropping it closes the pipe.
    #[track_caller]
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("standard input is piped")
    }

    /// Its standard output, if that is a pipe.
    #[track_caller]
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("standard output is piped")
    }

    /// Its standard error, if that is a pipe.
    #[track_caller]
    pub fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("standard error is piped")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), id]).run();
        assert!(sent.status.success(), "{}: no signal {signal}", self.name);
    }

    /// Kills it, and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait("it to end after SIGKILL");
    }

    /// Feeds these bytes to the process, then waits for its end. The process may
    /// end without having read them.
    #[track_caller]
    pub fn feed(mut self, input: &[u8]) -> Output {
        let mut stdin = self.stdin();
        let input = input.to_vec();
        let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = self.end();
        feeding.join().unwrap();
        output
    }

    /// Closes its standard input and waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Output {
        drop(self.child.stdin.take());
        let stdout = self.child.stdout.take().map(read);
        let stderr = self.child.stderr.take().map(read);
        // Unlike the wait for the status, which polls, these wake up at once.
        let stdout = self.bytes(stdout, "its standard output to end");
        let stderr = self.bytes(stderr, "its standard error to end");
        let status = self.wait("it to end");
        Output { status, stdout, stderr }
    }

    #[track_caller]
    fn bytes(&mut self, from: Option<Receiver<Vec<u8>>>, what: &str) -> Vec<u8> {
        let Some(from) = from else { return Vec::new() };
        from.recv_timeout(self.limit).unwrap_or_else(|_| self.fail(what))
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self, what: &str) -> ExitStatus {
        let started = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if started.elapsed() > self.limit {
                self.fail(what);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn fail(&mut self, what: &str) -> ! {
        drop(self.child.kill());
        panic!("{}: gave up waiting for {what} after {} s", self.name, self.limit.as_secs());
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill());
            // After SIGKILL this wait returns.
            drop(self.child.wait());
        }
    }
}

/// Reads everything on a thread: a full pipe would block the process.
fn read(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(from.read_to_end(&mut bytes));
        drop(sender.send(bytes));
    });
    receiver
}

/// Waits until `done` returns true.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(
            started.elapsed() < WAIT_LIMIT,
            "gave up waiting for {what} after {} s",
            WAIT_LIMIT.as_secs()
        );
        thread::sleep(Duration::from_millis(2));
    }
}

/// Replaces each ignored signal by a handler that does nothing: a process inherits
/// ignored signals, but not handlers.
fn reset_ignored_signals() {
    static RESET: Once = Once::new();
    RESET.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        use signal_hook::consts::{
            SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ,
        };
        for signal in
            [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ]
        {
            if mask >> (signal - 1) & 1 == 1 {
                drop(signal_hook::flag::register(signal, std::sync::Arc::default()));
            }
        }
    });
}
