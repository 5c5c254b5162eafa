//! Runs an external program that packs and reads for the same table.
//!
//! The program stays in memory between the runs, so that it is as warm as sealpack.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::inputs::InputItems;
use super::measure::Measurement;

/// Writes the items in the form that the external program reads.
pub fn write_items(items: &InputItems, path: &Path) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for item in items.slices() {
        file.write_all(&u32::try_from(item.len()).unwrap().to_le_bytes()).unwrap();
        file.write_all(item).unwrap();
    }
    file.flush().unwrap();
}

/// A started program, which runs once for each line that it is sent.
pub struct ExternalProgram {
    line: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What the program reports of a run.
pub struct ExternalRun {
    pub measurement: Measurement,
    /// The bytes of the items that it wrote or read.
    pub bytes: u64,
}

impl ExternalProgram {
    /// Starts `command` with these arguments.
    pub fn start(command: &str, arguments: &[&str]) -> Self {
        let line = format!("{command} {}", arguments.join(" "));
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {line}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { line, child, input, output }
    }

    /// Does its work this many times.
    pub fn run(&mut self, times: usize) -> ExternalRun {
        writeln!(self.input.as_mut().unwrap(), "{times}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let result: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{}: a JSON line, not {line:?}", self.line));
        let number = |field: &str| {
            result[field].as_f64().unwrap_or_else(|| panic!("{}: no {field}", self.line))
        };
        let (seconds, cpu) = (number("seconds"), number("cpu_seconds"));
        let measurement = Measurement { seconds, cpu, caller_cpu: cpu, memory: None };
        ExternalRun { measurement, bytes: number("bytes") as u64 }
    }
}

impl Drop for ExternalProgram {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// What an external program does for one row.
pub struct ExternalWork<'a> {
    pub program: ExternalProgram,
    /// How many times it does its work in a run.
    pub times: usize,
    /// The bytes of the items that it then has written or read.
    pub bytes: u64,
    /// Called before and after each run; not timed.
    pub before: Box<dyn FnMut() + 'a>,
    pub after: Box<dyn FnMut() + 'a>,
}

impl ExternalWork<'_> {
    pub fn measure(&mut self) -> Measurement {
        (self.before)();
        let run = self.program.run(self.times);
        assert_eq!(run.bytes, self.bytes, "{}: the bytes of its items", self.program.line);
        (self.after)();
        run.measurement
    }
}
