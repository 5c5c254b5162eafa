//! Runs of the writer in a real folder, in which some calls to the disk fail.

use std::fs;
use std::sync::Arc;

use sealpack::disk::System;
use sealpack::{Error, Writer, WriterOptions};
use sealpack_tests::incompressible::item;

use super::explore::NAME;
use super::faults::{Call, Fault, Faulty, errors};
use super::layer::Layered;

/// The contents of the files that a run replaces.
pub const OLD: &[u8] = b"an old file";

/// What a run writes.
pub struct Plan {
    /// The names of its files.
    pub files: &'static [&'static str],
    /// Completes the options.
    pub options: fn(WriterOptions) -> WriterOptions,
    /// The size of each of its 20 items in bytes.
    pub item_size: usize,
}

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub threads: usize,
    pub over_old_files: bool,
    pub finishes: bool,
}

/// The end of a run.
pub struct Ended {
    pub folder: tempfile::TempDir,
    /// The calls that the writer made.
    pub calls: Vec<Call>,
    pub result: Result<(), Error>,
}

impl Ended {
    /// The contents of a file, if it exists.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join(name)).ok()
    }

    /// The names of the files that are not those of the plan: temporary files.
    pub fn leftovers(&self, plan: &Plan) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !plan.files.contains(&name.as_str())).collect()
    }
}

/// Writes 20 items through the disk of `faulty`. Checks that every call after the first
/// error returns that error.
pub fn attempt(plan: &Plan, way: Way, faulty: Faulty) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    for name in plan.files.iter().filter(|_| way.over_old_files) {
        fs::write(folder.path().join(name), OLD).unwrap();
    }
    let faulty = Arc::new(faulty);
    let disk = Layered::new(Arc::clone(&faulty), System);
    let options = Writer::options().threads(way.threads).overwrite(way.over_old_files);
    let options = (plan.options)(options.items_per_record(4)).disk(disk);
    let result = options.create(folder.path().join(NAME)).and_then(|mut writer| {
        let mut first = None;
        for number in 0..20 {
            let error = writer.append(&item(number, plan.item_size)).err();
            if let (Some(first), Some(error)) = (&first, &error) {
                assert_eq!(error.to_string(), *first, "the next append returns the first error");
            }
            first = first.or(error.map(|error| error.to_string()));
        }
        if !way.finishes {
            drop(writer);
            return Ok(());
        }
        let finished = writer.finish().map(drop);
        if let (Some(first), Err(error)) = (&first, &finished) {
            assert_eq!(error.to_string(), *first, "finish returns the first error");
        }
        assert!(first.is_none() || finished.is_err(), "the first error is lost");
        finished
    });
    let calls = faulty.calls.lock().unwrap().clone();
    Ended { folder, calls, result }
}

/// Lets each call of a run fail once with each of its errors, in every way; `check` receives
/// the way, the number of the call, the error and the end. Returns the number of faults.
pub fn fail_each_call(plan: &Plan, ways: &[Way], check: impl Fn(Way, usize, i32, &Ended)) -> usize {
    let mut injected = 0;
    for &way in ways {
        let clean = attempt(plan, way, Faulty::default());
        clean.result.as_ref().unwrap();
        assert!(clean.leftovers(plan).is_empty(), "{way:?}");
        for (at, &call) in clean.calls.iter().enumerate() {
            for &errno in errors(call) {
                let faults = vec![(at, Fault::Errno(errno))];
                let ended = attempt(plan, way, Faulty { faults, ..Faulty::default() });
                // A writer that is dropped while its threads write may make fewer calls
                // than in the first run.
                let Some(&made) = ended.calls.get(at) else { continue };
                assert!(made == call || !way.finishes, "{way:?}: the calls are always the same");
                check(way, at, errno, &ended);
                injected += 1;
            }
        }
    }
    println!("{injected} faults");
    injected
}
