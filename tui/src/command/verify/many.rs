//! Many packs: side by side, told in order, summed up.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::Serialize;
use serde_json::Value;

use super::packs::{Pack, Packs};
use super::state::{Done, State};
use super::{Finding, Share, Verify, json, verify};
use crate::outcome::{Failure, Outcome, Status};
use crate::printable;
use crate::progress::Progress;
use crate::report::{self, BAD, BOLD, GOOD};
use crate::size::Count;

/// Runs it.
///
/// # Errors
/// [`Failure::Output`], an argument that cannot be looked below, a state file
/// that cannot be written. A pack that cannot be read is told and does not
/// keep the others from being verified.
pub fn run(args: &Verify) -> Result<Outcome, Failure> {
    let mut state = args.state.as_deref().map(State::open).transpose()?;
    let Packs { packs, walked, left_out } = Packs::find(&args.files, args.all, state.is_some())?;
    let mut summary = Summary { left_out, ..Summary::default() };
    let mut left = Vec::new();
    for pack in &packs {
        match known(pack, pack.version.as_deref(), state.as_ref()) {
            Some(done) => summary.tell_again(done, args)?,
            None => left.push(pack),
        }
    }
    let quiet = args.json || packs.len() == 1;
    let mut progress = Progress::packs("verifying", left.len() as u64, quiet);
    each(&left, args, |pack, told| {
        progress.add(1);
        summary.tell(pack, told, args, &mut state)
    })?;
    drop(progress);
    if walked || state.is_some() {
        summary.print(args.json)?;
    }
    Ok(summary.outcome())
}

fn known<'a>(pack: &Pack, version: Option<&str>, state: Option<&'a State>) -> Option<&'a Done> {
    state?.find(&pack.path, version?)
}

/// What is said of a pack: small, whatever the pack is.
struct Told {
    text: Vec<u8>,
    json: Value,
    status: Option<Status>,
    version: Option<String>,
    unreadable: Option<Failure>,
}

impl Told {
    fn of(pack: &Pack, args: &Verify, share: Share) -> Self {
        let (found, version) = verify(pack, args, share);
        let json = serde_json::to_value(json::object(&pack.path, &found)).unwrap_or_default();
        let status = found.status();
        let mut text = Vec::new();
        // A vector takes everything.
        let _ = match &found {
            Finding::Verified(verified) => verified.print(&mut text),
            Finding::Unopened(unopened) => unopened.print(&pack.path, &mut text),
            Finding::Unreadable(_) => Ok(()),
        };
        let unreadable = match found {
            Finding::Unreadable(failure) => Some(failure),
            _ => None,
        };
        Self { text, json, status, version, unreadable }
    }
}

/// Verifies packs, `args.jobs` at a time; `tell` is called with each, in
/// order.
fn each(
    packs: &[&Pack],
    args: &Verify,
    mut tell: impl FnMut(&Pack, Told) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let [pack] = packs {
        return tell(pack, Told::of(pack, args, Share::All));
    }
    let jobs = args.jobs.min(packs.len());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = match jobs {
        1 => Share::All,
        _ => Share::Threads(cores.div_ceil(jobs.max(1))),
    };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (results, told) = mpsc::channel();
        for _ in 0..jobs {
            let (results, next) = (results.clone(), &next);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(pack) = packs.get(number) else { return };
                    if results.send((number, Told::of(pack, args, share))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, one) in told {
            early.insert(number, one);
            while let Some(one) = early.remove(&due) {
                if let Some(pack) = packs.get(due) {
                    // Nobody listens any more: the others end with their pack.
                    tell(pack, one).inspect_err(|_| next.store(packs.len(), Ordering::Relaxed))?;
                }
                due += 1;
            }
        }
        Ok(())
    })
}

/// What was found of all.
#[derive(Debug, Default, Serialize)]
struct Summary {
    packs: u64,
    sound: u64,
    damaged: u64,
    unreadable: u64,
    /// Those of them that a state file knew.
    done_before: u64,
    /// Files and objects left out for their names.
    left_out: u64,
    #[serde(skip)]
    worst: Option<Status>,
}

impl Summary {
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

    /// Tells what was found, once the state has it.
    fn tell(
        &mut self,
        pack: &Pack,
        told: Told,
        args: &Verify,
        state: &mut Option<State>,
    ) -> Result<(), Failure> {
        self.count(told.status);
        // What could not be read may be there the next time.
        if let (Some(state), Some(version), None) = (state, &told.version, &told.unreadable) {
            let (path, version) = (printable::path(&pack.path).to_string(), version.clone());
            let ok = told.status.is_none();
            state.note(Done { path, version, ok, result: told.json.clone() })?;
        }
        match (&told.unreadable, args.json) {
            (_, true) => report::print_json(&told.json),
            (Some(failure), false) => {
                failure.report();
                Ok(())
            }
            (None, false) => report::print(|to| to.write_all(&told.text)),
        }
    }

    /// Tells what a state file knows of a pack.
    fn tell_again(&mut self, done: &Done, args: &Verify) -> Result<(), Failure> {
        self.count((!done.ok).then_some(Status::Broken));
        self.done_before += 1;
        match (args.json, done.ok) {
            (true, _) => report::print_json(&done.result),
            (false, true) => Ok(()),
            (false, false) => report::print(|to| {
                writeln!(
                    to,
                    "{BOLD}{}{BOLD:#}: {BAD}damaged{BAD:#}, found before",
                    printable::text(&done.path)
                )
            }),
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Line<'a> {
            summary: &'a Summary,
        }
        match json {
            true => report::print_json(&Line { summary: self }),
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
        if self.left_out > 0 {
            write!(to, "; {} left out for their names (--all)", Count(self.left_out))?;
        }
        writeln!(to)
    }

    fn outcome(&self) -> Outcome {
        self.worst.map_or(Outcome::Fine, Outcome::Reported)
    }
}
