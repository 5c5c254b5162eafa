//! What was verified before: a file that a long verification goes on from.
//!
//! ```text
//! {"sealpack_verify_state":1}
//! {"path":"s3://bucket/a.pack","version":"\"5d41…\"","ok":true,"result":{…}}
//! …
//! ```
//!
//! A line a pack, written and synced when it is done. A line that a crash cut
//! short is dropped; on every start the file is written anew with one line a
//! pack and renamed into its place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outcome::{Failure, Input};
use crate::printable;

/// The first line.
const HEADER: &str = "{\"sealpack_verify_state\":1}";

/// What is known of a pack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// What people call it.
    pub path: String,
    /// The version that was verified.
    pub version: String,
    /// Whether it was sound.
    pub ok: bool,
    /// What `--json` said of it.
    pub result: Value,
}

/// The state of a verification.
pub struct State {
    path: PathBuf,
    file: File,
    done: BTreeMap<String, Done>,
}

impl State {
    /// Opens a state file, or begins one.
    ///
    /// # Errors
    /// [`Failure::Input`]; [`Failure::Usage`] for a file that is something
    /// else, which stays as it is.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::Input { input: Input::Path(path.to_path_buf()), error };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let not_a_state =
            || Failure::usage(format!("{}: not a state file of verify", printable::path(path)));
        let done = parse(&text).ok_or_else(not_a_state)?;
        let file = rewrite(path, &done).map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), file, done })
    }

    /// What was found of this version of a pack.
    pub fn find(&self, path: &Path, version: &str) -> Option<&Done> {
        let done = self.done.get(&printable::path(path).to_string())?;
        (done.version == version).then_some(done)
    }

    /// Notes that a pack is done: when this returns, the disk has it.
    ///
    /// # Errors
    /// [`Failure::Input`].
    pub fn note(&mut self, done: Done) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(&done).unwrap_or_default();
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        self.done.insert(done.path.clone(), done);
        let input = || Input::Path(self.path.clone());
        written.map_err(|error| Failure::Input { input: input(), error })
    }
}

/// The packs in a state file: the last line of each counts.
fn parse(text: &str) -> Option<BTreeMap<String, Done>> {
    let mut done = BTreeMap::new();
    // What follows the last newline was cut short.
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    let mut lines = whole.lines();
    match lines.next() {
        None if text.is_empty() || HEADER.starts_with(text) => return Some(done),
        Some(HEADER) => {}
        _ => return None,
    }
    for line in lines {
        let one: Done = serde_json::from_str(line).ok()?;
        done.insert(one.path.clone(), one);
    }
    Some(done)
}

/// Writes the file anew beside its place, renames it, and leaves it open at its
/// end.
fn rewrite(path: &Path, done: &BTreeMap<String, Done>) -> io::Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut text = format!("{HEADER}\n");
    for one in done.values() {
        text.push_str(&serde_json::to_string(one)?);
        text.push('\n');
    }
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(path: &str, version: &str) -> Done {
        Done { path: path.into(), version: version.into(), ok: true, result: Value::Null }
    }

    #[test]
    fn a_state_that_a_crash_cut_at_any_byte_is_gone_on_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut state = State::open(&path).unwrap();
        state.note(done("a", "1")).unwrap();
        state.note(done("b", "2")).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let mut state = State::open(&path).unwrap_or_else(|e| panic!("{length}: {e}"));
            let lines = whole[..length].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(state.find(Path::new("a"), "1").is_some(), lines >= 2, "{length}");
            assert_eq!(state.find(Path::new("b"), "2").is_some(), lines >= 3, "{length}");
            state.note(done("c", "3")).unwrap();
            assert!(State::open(&path).unwrap().find(Path::new("c"), "3").is_some());
        }
    }

    #[test]
    fn another_version_is_not_done_and_the_last_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut state = State::open(&path).unwrap();
        state.note(done("a", "1")).unwrap();
        state.note(done("a", "2")).unwrap();
        let state = State::open(&path).unwrap();
        assert!(state.find(Path::new("a"), "1").is_none());
        assert!(state.find(Path::new("a"), "2").is_some());
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["dear diary\n", "{}\n", "dear"] {
            fs::write(&path, text).unwrap();
            assert!(State::open(&path).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
