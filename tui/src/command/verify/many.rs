//! Verifies packs in parallel, reports them in order, and prints a summary.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::Serialize;
use serde_json::Value;

use super::packs::{OmittedCounts, PackToVerify, Packs, SearchOptions};
use super::state::{StateEntry, StateFile};
use super::{CpuShare, VerifyArgs, VerifyResult, json, verify};
use crate::command::read_args::VerifyQuestion;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::printable::{self, JsonPath};
use crate::progress::ProgressMeter;
use crate::report::{self, BAD, BOLD, GOOD};
use crate::size::Count;

/// Runs the verification.
///
/// # Errors
/// [`Failure::Output`], a prefix that cannot be listed, a state file that cannot
/// be written. A pack or folder that cannot be read is reported, and the others
/// are verified.
pub fn run(args: &VerifyArgs) -> Result<CommandOutcome, Failure> {
    let question = args.reading.question()?;
    let mut state = args.state.as_deref().map(StateFile::open).transpose()?;
    let search = SearchOptions { all: args.all, state: state.as_ref().map(StateFile::path) };
    let Packs { packs, walked, left_out } = Packs::find(&args.files, &args.reading, search)?;
    let mut summary = VerifySummary { left_out, ..VerifySummary::default() };
    let mut remaining = Vec::new();
    for pack in &packs {
        match known(pack, state.as_ref(), &question) {
            Some(done) => summary.report_again(pack, done, args)?,
            None => remaining.push(pack),
        }
    }
    let quiet = args.json || packs.len() == 1;
    let mut progress = ProgressMeter::packs("verifying", remaining.len() as u64, quiet);
    verify_each(&remaining, args, |pack, found| {
        progress.add(1);
        if let (Some(state), Some(done)) = (&mut state, found.to_record(pack, &question)) {
            state.record(done)?;
        }
        summary.report(&found, args)
    })?;
    drop(progress);
    if walked || state.is_some() {
        summary.print(args.json)?;
    }
    Ok(summary.outcome())
}

fn known<'a>(
    pack: &PackToVerify,
    state: Option<&'a StateFile>,
    question: &VerifyQuestion,
) -> Option<&'a StateEntry> {
    state?.find(&pack.place, pack.version.as_deref()?, question)
}

/// The result of a pack, with a bounded size.
struct PackSummary {
    text: Vec<u8>,
    json: Value,
    status: Option<Status>,
    version: Option<String>,
    unreadable: Option<Failure>,
}

impl PackSummary {
    fn of(pack: &PackToVerify, args: &VerifyArgs, share: CpuShare) -> Self {
        let (found, version) = verify(pack, args, share);
        let json = serde_json::to_value(json::object(&pack.path, &found)).unwrap_or_default();
        let status = found.status();
        let mut text = Vec::new();
        // Writing to a vector does not fail.
        let _ = match &found {
            VerifyResult::Verified(verified) => verified.print(&mut text),
            VerifyResult::Unopened(unopened) => unopened.print(&pack.path, &mut text),
            VerifyResult::Unreadable(_) => Ok(()),
        };
        let unreadable = match found {
            VerifyResult::Unreadable(failure) => Some(failure),
            _ => None,
        };
        Self { text, json, status, version, unreadable }
    }

    /// Returns the line for the state file, or `None` if the result must not be recorded: a
    /// file that could not be read may be readable in the next run, and damage found with a
    /// trusted hash may be that of the digest list, which may be replaced.
    fn to_record(&self, pack: &PackToVerify, question: &VerifyQuestion) -> Option<StateEntry> {
        let ok = self.status.is_none();
        if self.unreadable.is_some() || (!ok && question.trust.is_some()) {
            return None;
        }
        Some(StateEntry {
            place: pack.place.clone(),
            version: self.version.clone()?,
            question: question.clone(),
            ok,
            result: self.json.clone(),
        })
    }
}

/// Verifies packs, `args.jobs` in parallel, and calls `report` with each result in order. If
/// the system allows fewer threads, fewer run in parallel.
fn verify_each(
    packs: &[&PackToVerify],
    args: &VerifyArgs,
    mut report: impl FnMut(&PackToVerify, PackSummary) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let [pack] = packs {
        return report(pack, PackSummary::of(pack, args, CpuShare::All));
    }
    let jobs = args.jobs.min(packs.len());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = match jobs {
        1 => CpuShare::All,
        _ => CpuShare::Threads(cores.div_ceil(jobs.max(1))),
    };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (results, finished) = mpsc::channel();
        let mut threads = 0;
        for _ in 0..jobs {
            let (results, next) = (results.clone(), &next);
            let work = move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(pack) = packs.get(number) else { return };
                    if results.send((number, PackSummary::of(pack, args, share))).is_err() {
                        return;
                    }
                }
            };
            let thread = thread::Builder::new().name("sealpack-verify".into());
            if thread.spawn_scoped(scope, work).is_err() {
                break;
            }
            threads += 1;
        }
        drop(results);
        if threads == 0 {
            return packs
                .iter()
                .try_for_each(|pack| report(pack, PackSummary::of(pack, args, share)));
        }
        let mut out_of_order = BTreeMap::new();
        let mut next_to_report = 0;
        for (number, found) in finished {
            out_of_order.insert(number, found);
            while let Some(found) = out_of_order.remove(&next_to_report) {
                if let Some(pack) = packs.get(next_to_report) {
                    // After an error the threads end after their current pack.
                    report(pack, found)
                        .inspect_err(|_| next.store(packs.len(), Ordering::Relaxed))?;
                }
                next_to_report += 1;
            }
        }
        Ok(())
    })
}

/// The counts of all packs.
#[derive(Debug, Default, Serialize)]
struct VerifySummary {
    packs: u64,
    sound: u64,
    damaged: u64,
    unreadable: u64,
    /// Packs whose result came from the state file.
    done_before: u64,
    #[serde(flatten)]
    left_out: OmittedCounts,
    #[serde(skip)]
    worst: Option<Status>,
}

impl VerifySummary {
    fn count(&mut self, status: Option<Status>) {
        self.packs += 1;
        *match status {
            None => &mut self.sound,
            Some(Status::Broken) => &mut self.damaged,
            Some(_) => &mut self.unreadable,
        } += 1;
        self.worst = match (self.worst, status) {
            (Some(Status::Broken), _) | (_, Some(Status::Broken)) => Some(Status::Broken),
            (worst, status) => status.or(worst),
        };
    }

    /// Prints the result of a pack.
    fn report(&mut self, found: &PackSummary, args: &VerifyArgs) -> Result<(), Failure> {
        self.count(found.status);
        match (&found.unreadable, args.json) {
            (_, true) => report::print_json(&found.json),
            (Some(failure), false) => {
                failure.report();
                Ok(())
            }
            (None, false) => report::print(|to| to.write_all(&found.text)),
        }
    }

    /// Prints the result of a pack from the state file, with the name that the pack has in
    /// this run.
    fn report_again(
        &mut self,
        pack: &PackToVerify,
        done: &StateEntry,
        args: &VerifyArgs,
    ) -> Result<(), Failure> {
        self.count((!done.ok).then_some(Status::Broken));
        self.done_before += 1;
        match (args.json, done.ok) {
            (true, _) => {
                let mut result = done.result.clone();
                let path = serde_json::to_value(JsonPath::new(&pack.path)).unwrap_or_default();
                if let (Value::Object(result), Value::Object(path)) = (&mut result, path) {
                    result.remove("path_bytes");
                    result.extend(path);
                }
                report::print_json(&result)
            }
            (false, true) => Ok(()),
            (false, false) => report::print(|to| {
                let path = printable::path(&pack.path);
                writeln!(to, "{BOLD}{path}{BOLD:#}: {BAD}damaged{BAD:#}, found before")
            }),
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct SummaryLine<'a> {
            summary: &'a VerifySummary,
        }
        match json {
            true => report::print_json(&SummaryLine { summary: self }),
            false => report::print(|to| self.print_words(to)),
        }
    }

    fn print_words(&self, to: &mut dyn Write) -> io::Result<()> {
        let packs = if self.packs == 1 { "pack" } else { "packs" };
        write!(to, "{} {packs}: {GOOD}{} sound{GOOD:#}", Count(self.packs), Count(self.sound))?;
        if self.damaged > 0 {
            write!(to, ", {BAD}{} damaged{BAD:#}", Count(self.damaged))?;
        }
        if self.unreadable > 0 {
            write!(to, ", {BAD}{} could not be read{BAD:#}", Count(self.unreadable))?;
        }
        if self.done_before > 0 {
            write!(to, "; {} verified before", Count(self.done_before))?;
        }
        let OmittedCounts { names, folder_links, special_files } = self.left_out;
        if names > 0 {
            write!(to, "; {} left out for their names (--all)", Count(names))?;
        }
        if folder_links > 0 {
            write!(to, "; {} links to folders not followed", Count(folder_links))?;
        }
        if special_files > 0 {
            write!(to, "; {} pipes, sockets or devices left out", Count(special_files))?;
        }
        writeln!(to)
    }

    fn outcome(&self) -> CommandOutcome {
        self.worst.map_or(CommandOutcome::Fine, CommandOutcome::Reported)
    }
}
