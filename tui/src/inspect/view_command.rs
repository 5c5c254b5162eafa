//! Shows an item through the user's own decoder: a program that reads the item from its
//! standard input and prints what to show. The inspector runs it without a shell, within
//! a time limit.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use sealpack::Bytes;

use crate::printable;
use crate::terminal::work::StopFlag;

/// The time limit of the program.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The maximum number of bytes of its output that are shown.
const MAX_OUTPUT: usize = 1 << 20;
/// The maximum number of bytes of its error messages that are read.
const MAX_ERRORS: usize = 4 << 10;
/// An item must stay in view for this long before a program is started for it.
const START_DELAY: Duration = Duration::from_millis(60);
/// The interval at which the inspector checks whether the item is still wanted.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewCommand {
    program: String,
    arguments: Vec<String>,
}

impl ViewCommand {
    /// Splits a command into words as a shell does, with its quotes and backslashes, but
    /// expands nothing.
    ///
    /// # Errors
    /// A sentence that says what cannot be split.
    pub fn parse(command: &str) -> Result<Self, String> {
        let words = shell_words::split(command).map_err(|_| "a quote is not closed")?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or("name a program, and its arguments")?;
        Ok(Self { program, arguments: words.collect() })
    }

    /// Returns the name of the program.
    #[must_use]
    pub fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }

    /// Returns what the program prints for an item, or a sentence that says why it
    /// failed; `None` if the item is no longer wanted.
    #[must_use]
    pub fn run(&self, item: Bytes, stop: &StopFlag) -> Option<Result<Bytes, String>> {
        let start = Instant::now();
        while start.elapsed() < START_DELAY {
            if stop.is_set() {
                return None;
            }
            thread::sleep(POLL_INTERVAL);
        }
        match self.start(item) {
            Ok(running) => running.output(self.name(), stop),
            Err(error) => Some(Err(format!("{}: {error}", self.program))),
        }
    }

    fn start(&self, item: Bytes) -> io::Result<RunningProgram> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // A process group of its own, so that every process that the program starts
            // ends with it.
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let (sender, pieces) = channel();
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = RunningProgram { child, pieces };
        if let Some(mut input) = input {
            // A program need not read the whole item.
            spawn(move || drop(input.write_all(&item)))?;
        }
        if let Some(output) = output {
            let sender = sender.clone();
            spawn(move || read(output, MAX_OUTPUT, &sender, ProgramOutput::Output))?;
        }
        if let Some(errors) = errors {
            spawn(move || read(errors, MAX_ERRORS, &sender, ProgramOutput::Errors))?;
        }
        Ok(running)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("sealpack-view".into()).spawn(work).map(drop)
}

/// The output of a program on one of its streams.
enum ProgramOutput {
    Output(Vec<u8>),
    Errors(Vec<u8>),
}

/// Reads a stream up to its end or one byte beyond the limit.
fn read(
    stream: impl Read,
    limit: usize,
    to: &Sender<ProgramOutput>,
    piece: impl FnOnce(Vec<u8>) -> ProgramOutput,
) {
    let mut bytes = Vec::new();
    let _ = stream.take(limit as u64 + 1).read_to_end(&mut bytes);
    let _ = to.send(piece(bytes));
}

/// A running program, which ends at the latest when this is dropped.
struct RunningProgram {
    child: Child,
    pieces: Receiver<ProgramOutput>,
}

impl RunningProgram {
    fn output(mut self, name: &str, stop: &StopFlag) -> Option<Result<Bytes, String>> {
        let end = Instant::now() + TIME_LIMIT;
        let late = || format!("{name} did not end within {} s", TIME_LIMIT.as_secs());
        let mut output = None;
        let mut errors = Vec::new();
        // Both streams end when the program and every process that it started have ended.
        loop {
            match self.pieces.recv_timeout(POLL_INTERVAL) {
                Ok(ProgramOutput::Output(mut bytes)) if bytes.len() > MAX_OUTPUT => {
                    bytes.truncate(MAX_OUTPUT);
                    bytes.extend_from_slice(b"\n\xe2\x80\xa6 more than 1 MiB is not shown");
                    return Some(Ok(bytes.into()));
                }
                Ok(ProgramOutput::Output(bytes)) => output = Some(bytes),
                Ok(ProgramOutput::Errors(bytes)) => errors = bytes,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if stop.is_set() {
                return None;
            }
            if Instant::now() > end {
                return Some(Err(late()));
            }
        }
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if stop.is_set() => return None,
                Ok(None) if Instant::now() > end => return Some(Err(late())),
                Ok(None) => thread::sleep(POLL_INTERVAL),
                Err(error) => return Some(Err(format!("{name}: {error}"))),
            }
        };
        if status.success() {
            return Some(Ok(output.unwrap_or_default().into()));
        }
        let errors = printable::line(String::from_utf8_lossy(&errors)).to_string();
        Some(Err(format!("{name}: {status}: {errors}").trim_end_matches(": ").to_string()))
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, killpg};
            use nix::unistd::Pid;
            // The group's number is not reused before the program was waited for.
            if let Ok(group) = i32::try_from(self.child.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn viewed(command: &str, item: &[u8]) -> Result<String, String> {
        let command = ViewCommand::parse(command).unwrap();
        let output = command.run(Bytes::copy_from_slice(item), &StopFlag::default()).unwrap();
        output.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn words_are_split_as_a_shell_does_and_nothing_is_expanded() {
        let command = ViewCommand::parse(r#"a 'b  c' "d\"e" f\ g $HOME *"#).unwrap();
        assert_eq!(command.program, "a");
        assert_eq!(command.arguments, ["b  c", "d\"e", "f g", "$HOME", "*"]);
        assert!(ViewCommand::parse("a 'b").unwrap_err().contains("quote"));
        assert!(ViewCommand::parse(" ").is_err());
    }

    #[test]
    fn the_program_reads_the_item_and_what_it_prints_is_shown() {
        assert_eq!(viewed("tr a-z A-Z", b"item").unwrap(), "ITEM");
        let large = vec![b'x'; 3 << 20];
        assert_eq!(viewed("head -c 3", &large).unwrap(), "xxx");
        assert!(viewed("cat", &large).unwrap().ends_with("more than 1 MiB is not shown"));
    }

    #[test]
    fn failures_are_sentences() {
        assert!(viewed("/no/such/program", b"").unwrap_err().contains("/no/such/program: No such"));
        let failed = viewed("sh -c 'echo bad\\; sad >&2; exit 4'", b"").unwrap_err();
        assert!(failed.contains("sh: exit status: 4: bad"), "{failed}");
        assert_eq!(viewed("sh -c 'exit 4'", b"").unwrap_err(), "sh: exit status: 4");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_all_its_children() {
        let started = Instant::now();
        let late = viewed("sh -c 'sleep 1000 & sleep 1000'", b"").unwrap_err();
        assert_eq!(late, "sh did not end within 5 s");
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn an_item_that_left_the_view_starts_no_program() {
        let stop = StopFlag::default();
        stop.set();
        let command = ViewCommand::parse("touch /tmp/never").unwrap();
        assert_eq!(command.run(Bytes::new(), &stop), None);
    }
}
