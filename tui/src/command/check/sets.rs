//! Runs every case of a set, and computes the digests of the puts.

use std::ops::ControlFlow;
use std::time::Instant;

use clap::Args;
use sealpack_core::check::{self, Enumeration, Invariant, Sample, Space, Tally, Variant};
use sealpack_core::stream::Shape;
use serde::Serialize;

use super::{CheckArgs, describe, grouped, print_failure, smallest_failure, violated};
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report::{self, BAD, BOLD, GOOD};

/// Options that change the size of a set.
#[derive(Args)]
#[command(next_help_heading = "With --set")]
pub struct SetArgs {
    /// The largest number of events in a case [default: 4 in sets 1 and 2, 3 in set 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    max_events: Option<u8>,

    /// The largest write in bytes [default: 15 in set 1, 7 in set 2, 6 in set 3]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_write: Option<u16>,

    /// Repeat each case with each of its puts, flushes and closes failing
    #[arg(long)]
    faults: bool,

    /// Run only the critical cases and one in N of the others; 0: only the critical
    /// ones
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
}

impl SetArgs {
    /// Returns whether only a sample is run.
    pub fn is_sampled(&self) -> bool {
        self.sample.is_some()
    }

    /// Fails if options of a set are given without `--set`.
    pub fn check_unused(&self) -> Result<(), Failure> {
        let SetArgs { max_events, max_write, faults, sample } = self;
        if max_events.is_some() || max_write.is_some() || *faults || sample.is_some() {
            return Err(Failure::usage(
                "--max-events, --max-write, --faults and --sample need --set",
            ));
        }
        Ok(())
    }
}

/// The result of a set, as JSON.
#[derive(Serialize)]
pub struct SetReport {
    set: u8,
    buffer_size: usize,
    cases: u64,
    fault_cases: u64,
    violations: u64,
    /// Cases in which a flush puts more than S, as the reference's flush rule allows.
    above_size: u64,
    digest_a: Option<String>,
    digest_b: Option<String>,
    /// Whether the digests are the specified ones; null if none are specified.
    as_specified: Option<bool>,
    seed: Option<u64>,
    broken: Vec<&'static str>,
    smallest: Option<String>,
    /// The first case that departs from the specification.
    departure: Option<String>,
    seconds: f64,
}

impl SetReport {
    /// Returns whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.violations == 0 && self.as_specified != Some(false)
    }
}

pub fn run(args: &CheckArgs, set: u8, variant: &Variant) -> Result<CommandOutcome, Failure> {
    let report = enumerate(args, set, variant)?;
    if args.json {
        report::print_json(&report)?;
    }
    Ok(if report.is_fine() {
        CommandOutcome::Fine
    } else {
        CommandOutcome::Reported(Status::Broken)
    })
}

/// Runs a set and, without `--json`, prints the result.
pub fn enumerate(args: &CheckArgs, set: u8, variant: &Variant) -> Result<SetReport, Failure> {
    let mut space = match set {
        1 => Space::set_1(),
        2 => Space::set_2(),
        _ => Space::set_3(),
    };
    // Without --set the option is the proof's.
    if let Some(size) = args.buffer_size {
        space.buffer_size = size;
    }
    space.max_events = args.world.max_events.map_or(space.max_events, usize::from);
    space.max_write = args.world.max_write.map_or(space.max_write, usize::from);
    let cases = space.cases().ok_or_else(|| {
        Failure::usage("the set would have more than 2^64 cases: lower --max-events")
    })?;

    let started = Instant::now();
    let sample = args.world.sample.map(|one_in| Sample { seed: args.seed(), one_in });
    let tally = walk(args, &space, cases, set, sample, variant);
    let rule = variant.flush_rule();
    let broken: Vec<Invariant> = violated(tally.broken(), rule).collect();
    let fine = broken.is_empty() && tally.departures == 0;
    let failure = smallest_failure(tally.broken(), rule, |i| tally.smallest(i));
    let digests =
        sample.is_none().then(|| [tally.digest_a, tally.digest_b].map(|d| check::hex(&d)));
    let known = space.known_digests(rule).filter(|_| !matches!(variant, Variant::Mutant(_)));
    let as_specified = known.zip(digests.as_ref()).map(|(known, computed)| computed == &known);
    let [digest_a, digest_b] = digests.map_or([None, None], |digests| digests.map(Some));
    let report = SetReport {
        set,
        buffer_size: space.buffer_size.get(),
        cases: tally.cases,
        fault_cases: tally.fault_cases,
        violations: if fine { 0 } else { tally.violations },
        above_size: if fine { tally.violations } else { 0 },
        digest_a,
        digest_b,
        as_specified,
        seed: sample.map(|sample| sample.seed),
        broken: broken.iter().map(|invariant| invariant.name()).collect(),
        smallest: failure.map(|(_, case)| case.to_string()),
        departure: tally.first_departure().map(ToString::to_string),
        seconds: started.elapsed().as_secs_f64(),
    };
    if !args.json {
        print(&report)?;
        print_failure(failure, tally.first_departure(), space.buffer_size, variant)?;
    }
    Ok(report)
}

fn walk(
    args: &CheckArgs,
    space: &Space,
    cases: u64,
    set: u8,
    sample: Option<Sample>,
    variant: &Variant,
) -> Tally {
    let mut progress = ProgressMeter::items(format!("set {set}"), cases, args.json);
    let mut show = |done| {
        progress.set(done);
        ControlFlow::Continue(())
    };
    let open = |shape: Shape| variant.open(shape);
    let mut enumeration = Enumeration::new(space, &open).with_progress(&mut show);
    if !matches!(variant, Variant::Mutant(_)) {
        enumeration = enumeration.against(variant.flush_rule());
    }
    if args.world.faults {
        enumeration = enumeration.with_faults();
    }
    if let Some(sample) = sample {
        enumeration = enumeration.sampled(sample).without_digests();
    }
    enumeration.run()
}

fn print(report: &SetReport) -> Result<(), Failure> {
    report::print(|to| {
        let SetReport { set, buffer_size, .. } = report;
        write!(to, "{BOLD}set {set}{BOLD:#}  S = {buffer_size}  {} cases", grouped(report.cases))?;
        if report.fault_cases > 0 {
            write!(to, ", {} with a fault", grouped(report.fault_cases))?;
        }
        if let Some(seed) = report.seed {
            write!(to, ", seed {seed}")?;
        }
        if report.violations == 0 {
            writeln!(to, "  {GOOD}every invariant holds{GOOD:#}  {:.2} s", report.seconds)?;
        } else {
            let violations = describe(report.violations, &report.broken);
            writeln!(to, "  {BAD}{violations}{BAD:#}")?;
        }
        if report.above_size > 0 {
            let count = grouped(report.above_size);
            writeln!(to, "       {count} cases put more than S in a flush, as this rule allows")?;
        }
        for (name, digest) in [("A", &report.digest_a), ("B", &report.digest_b)] {
            if let Some(digest) = digest {
                writeln!(to, "       {name} {digest}")?;
            }
        }
        match report.as_specified {
            Some(true) => writeln!(to, "       {GOOD}the digests are as specified{GOOD:#}"),
            Some(false) => {
                writeln!(to, "       {BAD}the digests differ from those specified{BAD:#}")
            }
            None => Ok(()),
        }
    })
}
