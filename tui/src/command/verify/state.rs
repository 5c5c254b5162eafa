//! The results of earlier runs: a file from which an interrupted verification resumes.
//!
//! ```text
//! {"sealpack_verify_state":2}
//! {"place":"/srv/a.pack","version":"81 bytes, …","question":{…},"ok":true,"result":{…}}
//! …
//! ```
//!
//! Each pack has one line, which is appended and synced when the pack is verified. A
//! result is reused only for the same options, the same version of the pack and the
//! same place.
//!
//! Several runs may share a file: each line is appended under a lock. Only when most of
//! its lines are outdated, the whole file is replaced (`StagedFile`); a run that finds a
//! new file at the path continues with that one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sealpack::{ErrorKind, StagedFile};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::read_args::VerifyQuestion;
use crate::identity::is_at;
use crate::outcome::{Failure, Input};
use crate::printable;
use crate::report;

/// The version of the format. It increases whenever the fields that identify a pack or
/// its verification change.
const VERSION: u64 = 2;

/// The first line.
const HEADER: &str = "{\"sealpack_verify_state\":2}\n";

/// The file is rewritten when its outdated lines exceed its current ones by more than
/// this number.
const MAX_OUTDATED: usize = 1000;

/// The maximum wait for the lock; another run needs it only to append a line.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A line of the file: the result of a pack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateEntry {
    /// Identifies the place of the pack.
    pub place: String,
    /// The version that was verified.
    pub version: String,
    /// The options that the result depends on.
    pub question: VerifyQuestion,
    /// Whether the pack was sound.
    pub ok: bool,
    /// The object of `--json`.
    pub result: Value,
}

/// A state file, open at its end.
pub struct StateFile {
    path: PathBuf,
    file: File,
    done: BTreeMap<(String, VerifyQuestion), StateEntry>,
}

impl StateFile {
    /// Opens a state file, or creates one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file of another kind, which is not changed;
    /// [`Failure::File`] and [`Failure::Pack`] if it cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (file, bytes) = attach(path)?;
        // A symbolic link is kept: its target is the file.
        let path = fs::canonicalize(path).map_err(failed(path, "cannot find"))?;
        let mut state = Self { path, file, done: BTreeMap::new() };
        let lines = state.read(&bytes);
        let compacted = match lines > 2 * state.done.len() + MAX_OUTDATED {
            true => state.compact(),
            false => Ok(()),
        };
        unlock(&state.file);
        compacted.map(|()| state)
    }

    /// Returns the canonical path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the recorded result of this version of a pack.
    pub fn find(
        &self,
        place: &str,
        version: &str,
        question: &VerifyQuestion,
    ) -> Option<&StateEntry> {
        let done = self.done.get(&(place.to_string(), question.clone()))?;
        (done.version == version).then_some(done)
    }

    /// Records a result. When this returns, the result is on disk.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn record(&mut self, done: StateEntry) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(&done).unwrap_or_default();
        line.push(b'\n');
        lock(&self.path, &self.file)?;
        if !is_at(&self.path, &self.file) {
            unlock(&self.file);
            self.file = attach(&self.path)?.0;
        }
        let written = append(&mut self.file, &line);
        unlock(&self.file);
        written.map_err(failed(&self.path, "cannot write"))?;
        self.done.insert((done.place.clone(), done.question.clone()), done);
        Ok(())
    }

    /// Reads the lines after the header. The last line of each pack counts; a line that
    /// cannot be parsed was cut short by a crash. Returns the number of lines.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let lines = bytes.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty());
        let mut count = 0;
        for line in lines {
            count += 1;
            if let Ok(done) = serde_json::from_slice::<StateEntry>(line) {
                self.done.insert((done.place.clone(), done.question.clone()), done);
            }
        }
        count
    }

    /// Replaces the locked file with one that has a line for each pack.
    fn compact(&mut self) -> Result<(), Failure> {
        let mut bytes = HEADER.as_bytes().to_vec();
        for done in self.done.values() {
            serde_json::to_writer(&mut bytes, done).unwrap_or_default();
            bytes.push(b'\n');
        }
        publish_file(&self.path, true, &bytes)?;
        let (file, _) = attach(&self.path)?;
        unlock(&self.file);
        self.file = file;
        Ok(())
    }
}

/// Opens the file at a path and locks it, or creates it. Also
/// returns its bytes, which begin with the header.
fn attach(path: &Path) -> Result<(File, Vec<u8>), Failure> {
    loop {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                let not_a_file = "not a regular file, so it cannot store results";
                return Err(Failure::usage(format!("{}: {not_a_file}", printable::path(path))));
            }
            Ok(_) => {}
            Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
                let dangling = "a symbolic link to a missing file";
                return Err(Failure::usage(format!("{}: {dangling}", printable::path(path))));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match publish_file(path, false, HEADER.as_bytes()) {
                    // Another run has created it meanwhile.
                    Err(Failure::Pack(error)) if matches!(error.kind(), ErrorKind::Exists) => {}
                    created => created?,
                }
            }
            Err(error) => return Err(failed(path, "cannot open")(error)),
        }
        let file = OpenOptions::new().read(true).append(true).open(path);
        let mut file = file.map_err(failed(path, "cannot open"))?;
        lock(path, &file)?;
        // Another run may have replaced it before the lock was free.
        if is_at(path, &file) {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed(path, "cannot read"))?;
            check(path, &bytes)?;
            if bytes.len() < HEADER.len() {
                // Its creation was interrupted, or it was truncated.
                let written = file.set_len(0).and_then(|()| append(&mut file, HEADER.as_bytes()));
                written.map_err(failed(path, "cannot write"))?;
            }
            return Ok((file, bytes));
        }
    }
}

/// Checks that a file is a state file of this version, or the beginning of one.
fn check(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Header {
        sealpack_verify_state: u64,
    }
    let refused = |why: &str| Err(Failure::usage(format!("{}: {why}", printable::path(path))));
    if bytes.starts_with(HEADER.as_bytes()) || HEADER.as_bytes().starts_with(bytes) {
        return Ok(());
    }
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<Header>(first) {
        Ok(header) if header.sealpack_verify_state < VERSION => refused(
            "a state file of an older sealpack, which lacks the options of each result. \
             Remove it or name another file; then every pack is verified again",
        ),
        Ok(_) => refused("a state file of a newer sealpack. Name another file"),
        Err(_) => refused("not a state file of verify, so it was not changed. Name another file"),
    }
}

/// Publishes a file with these bytes.
fn publish_file(path: &Path, replace: bool, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = StagedFile::create(path, replace)?;
    file.write_all(bytes).map_err(failed(path, "cannot write"))?;
    for caveat in file.publish()?.caveats() {
        report::note(&format_args!("{}: {caveat}", printable::path(path)));
    }
    Ok(())
}

/// Appends a line. If the last line was cut short, it is ended first.
fn append(file: &mut File, line: &[u8]) -> io::Result<()> {
    let mut whole = Vec::with_capacity(line.len() + 1);
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        whole.extend((last != *b"\n").then_some(b'\n'));
    }
    whole.extend_from_slice(line);
    file.write_all(&whole)?;
    file.sync_data()
}

/// Locks a file against other runs.
fn lock(path: &Path, file: &File) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            // The file system has no locks. Each line is one write, which local file
            // systems append atomically.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(TryLockError::WouldBlock) => {
                let busy = io::Error::new(io::ErrorKind::TimedOut, "another process has locked it");
                return Err(failed(path, "cannot lock")(busy));
            }
        }
    }
}

fn unlock(file: &File) {
    // If this fails, closing the file releases the lock.
    drop(file.unlock());
}

fn failed(path: &Path, operation: &'static str) -> impl Fn(io::Error) -> Failure {
    let path = Input::Path(path.to_path_buf());
    move |error| Failure::File { path: path.clone(), operation, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(place: &str, version: &str) -> StateEntry {
        let question = VerifyQuestion::default();
        StateEntry {
            place: place.into(),
            version: version.into(),
            question,
            ok: true,
            result: Value::Null,
        }
    }

    fn is_recorded(path: &Path, place: &str, version: &str) -> bool {
        StateFile::open(path).unwrap().find(place, version, &VerifyQuestion::default()).is_some()
    }

    #[test]
    fn after_a_crash_at_any_byte_the_complete_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut state = StateFile::open(&path).unwrap();
        state.record(done("a", "1")).unwrap();
        state.record(done("b", "2")).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            // A line is complete once its last brace is written: the result is the last field.
            let lines = whole[..length].windows(2).filter(|two| two == b"}\n").count()
                + usize::from(whole[..length].ends_with(b"\"result\":null}"));
            assert_eq!(is_recorded(&path, "a", "1"), lines >= 2, "{length}");
            assert_eq!(is_recorded(&path, "b", "2"), lines >= 3, "{length}");
            StateFile::open(&path).unwrap().record(done("c", "3")).unwrap();
            assert!(is_recorded(&path, "c", "3"), "{length}");
            assert_eq!(is_recorded(&path, "a", "1"), lines >= 2, "{length}");
        }
    }

    #[test]
    fn a_result_is_reused_only_for_its_version_place_and_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        StateFile::open(&path).unwrap().record(done("a", "1")).unwrap();
        StateFile::open(&path).unwrap().record(done("a", "2")).unwrap();
        assert!(is_recorded(&path, "a", "2"));
        assert!(!is_recorded(&path, "a", "1") && !is_recorded(&path, "b", "2"));
        let other = VerifyQuestion { trust: Some("00".into()), ..VerifyQuestion::default() };
        assert!(StateFile::open(&path).unwrap().find("a", "2", &other).is_none());
    }

    #[test]
    fn a_file_of_another_kind_or_version_is_refused_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for (text, word) in [
            ("dear diary\n", "not a state file"),
            ("{}\n", "not a state file"),
            ("dear", "not a state file"),
            ("{\"sealpack_verify_state\":1}\n", "older"),
            ("{\"sealpack_verify_state\":3}\n{}\n", "newer"),
        ] {
            fs::write(&path, text).unwrap();
            let Err(refused) = StateFile::open(&path) else { panic!("{text}") };
            assert!(refused.to_string().contains(word), "{text}: {refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn outdated_lines_are_removed_and_a_running_process_switches_to_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut open = StateFile::open(&path).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        for version in 0..2 * MAX_OUTDATED {
            text +=
                &format!("{}\n", serde_json::to_string(&done("a", &version.to_string())).unwrap());
        }
        fs::write(&path, text).unwrap();
        assert!(is_recorded(&path, "a", &(2 * MAX_OUTDATED - 1).to_string()));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
        open.record(done("b", "1")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
        // The file was removed: later results go to a new one.
        fs::remove_file(&path).unwrap();
        open.record(done("c", "1")).unwrap();
        assert!(is_recorded(&path, "c", "1"));
    }
}
