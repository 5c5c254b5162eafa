//! Runs the binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::child::Spawn as _;

/// The result of a run.
pub struct Run {
    pub output: Output,
}

impl Run {
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub fn out(&self) -> &[u8] {
        &self.output.stdout
    }

    pub fn out_text(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub fn err(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// Asserts status 0 and an empty standard error.
    #[track_caller]
    pub fn fine(self) -> Self {
        assert_eq!((self.code(), self.err().as_str()), (Some(0), ""));
        self
    }

    /// Asserts the status, and that standard error contains all of these words.
    #[track_caller]
    pub fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code(), Some(code), "{}", self.err());
        for word in words {
            assert!(self.err().contains(word), "no `{word}` in: {}", self.err());
        }
        self
    }

    /// Standard output as one JSON object.
    #[track_caller]
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_slice(self.out()).unwrap();
        assert!(value.is_object());
        value
    }
}

/// A temporary folder that the command runs in.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and creates its folders.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpack"));
        command.current_dir(self.folder.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command with these arguments, split at spaces.
    pub fn run(&self, args: &str) -> Run {
        Run { output: self.command(args.split_whitespace()).run() }
    }

    /// Runs a script of the shell, in which `$SEALPACK` is the command. No core
    /// file is left.
    pub fn script(&self, script: &str) -> Run {
        let mut command = Command::new("sh");
        command.current_dir(self.folder.path()).env("SEALPACK", env!("CARGO_BIN_EXE_sealpack"));
        command.args(["-c", &format!("ulimit -c 0; {script}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Run { output: command.run() }
    }

    /// Runs the command with these arguments and this standard input.
    pub fn feed(&self, args: &str, input: &[u8]) -> Run {
        let mut command = self.command(args.split_whitespace());
        Run { output: command.stdin(Stdio::piped()).start().feed(input) }
    }
}

/// The folder of the reference's files.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// Items in the form of `--framed`.
pub fn frames<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut frames = Vec::new();
    for item in items {
        let item = item.as_ref();
        frames.extend_from_slice(&u32::try_from(item.len()).unwrap().to_le_bytes());
        frames.extend_from_slice(item);
    }
    frames
}

/// Asserts that an object has these keys with these values.
#[track_caller]
pub fn has(object: &Value, expected: &Value) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&object[key], value, "{key}");
    }
}
