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
    /// Whether the items have names.
    pub is_named: bool,
}

/// The setup of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub threads: usize,
    pub over_old_files: bool,
    pub finishes: bool,
}

/// The outcome of a run.
pub struct Outcome {
    pub folder: tempfile::TempDir,
    /// The calls that the writer made.
    pub calls: Vec<Call>,
    pub result: Result<(), Error>,
}

impl Outcome {
    /// The contents of a file, if it exists.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join(name)).ok()
    }

    /// The names of the temporary files: those that the plan does not name.
    pub fn leftovers(&self, plan: &Plan) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !plan.files.contains(&name.as_str())).collect()
    }
}

/// Writes 20 items through the disk of `faulty`. Checks that every call after the first
/// error returns that error.
pub fn attempt(plan: &Plan, setup: Setup, faulty: Faulty) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    for name in plan.files.iter().filter(|_| setup.over_old_files) {
        fs::write(folder.path().join(name), OLD).unwrap();
    }
    let faulty = Arc::new(faulty);
    let disk = Layered::new(Arc::clone(&faulty), System);
    let options = Writer::options().threads(setup.threads).overwrite(setup.over_old_files);
    let options = (plan.options)(options.items_per_record(4)).disk(disk);
    let result = options.create(folder.path().join(NAME)).and_then(|mut writer| {
        let mut first = None;
        for number in 0..20 {
            let item = item(number, plan.item_size);
            let appended = match plan.is_named {
                true => writer.append_named(format!("item {number}").as_bytes(), &item),
                false => writer.append(&item),
            };
            let error = appended.err();
            if let (Some(first), Some(error)) = (&first, &error) {
                assert_eq!(error.to_string(), *first, "the next append returns the first error");
            }
            first = first.or(error.map(|error| error.to_string()));
        }
        if !setup.finishes {
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
    Outcome { folder, calls, result }
}

/// Lets each call of a run fail once with each of its errors, in every setup; `check` receives
/// the setup, the number of the call, the error and the outcome. Returns the number of faults.
pub fn fail_each_call(
    plan: &Plan,
    setups: &[Setup],
    check: impl Fn(Setup, usize, i32, &Outcome),
) -> usize {
    let mut injected = 0;
    for &setup in setups {
        let clean = attempt(plan, setup, Faulty::default());
        clean.result.as_ref().unwrap();
        assert!(clean.leftovers(plan).is_empty(), "{setup:?}");
        for (at, &call) in clean.calls.iter().enumerate() {
            for &errno in errors(call) {
                let faults = vec![(at, Fault::Errno(errno))];
                let outcome = attempt(plan, setup, Faulty { faults, ..Faulty::default() });
                // A writer that is dropped while its threads write may make fewer calls
                // than in the run without faults.
                let Some(&made) = outcome.calls.get(at) else { continue };
                assert!(
                    made == call || !setup.finishes,
                    "{setup:?}: the calls are always the same"
                );
                check(setup, at, errno, &outcome);
                injected += 1;
            }
        }
    }
    println!("{injected} faults");
    injected
}
