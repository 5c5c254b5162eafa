//! `sealpack check --walk`: random cases at any buffer size.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use sealpack_core::check::{FlushRule, Invariant, SpecifiedPuts, Variant, Walk, WalkTally};
use sealpack_core::stream::{BufferSize, Shape};
use serde::Serialize;

use super::{CheckArgs, grouped, print_failure};
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report::{self, BAD, BOLD, GOOD};

/// The default buffer size, that of the stream that writes packs.
const BUFFER_SIZE: usize = 8192;

/// The result, as JSON.
#[derive(Serialize)]
struct WalkReport {
    buffer_size: usize,
    seed: u64,
    /// Cases run, in both modes.
    cases: u64,
    /// Whether all cases were run: false after a failure or at the time limit.
    complete: bool,
    violations: u64,
    broken: Vec<&'static str>,
    /// The smallest case that breaks an invariant.
    smallest: Option<String>,
    /// The smallest case that departs from the specification but breaks no invariant.
    departure: Option<String>,
    seconds: f64,
}

pub fn run(args: &CheckArgs, cases: u64, variant: &Variant) -> Result<CommandOutcome, Failure> {
    let started = Instant::now();
    let size = args.buffer_size.or(BufferSize::new(BUFFER_SIZE)).unwrap_or(BufferSize::SMALLEST);
    let seed = args.seed();
    let mut report = WalkReport {
        buffer_size: size.get(),
        seed,
        cases: 0,
        complete: true,
        violations: 0,
        broken: Vec::new(),
        smallest: None,
        departure: None,
        seconds: 0.0,
    };
    let deadline = args.time_limit.map(|seconds| started + Duration::from_secs(seconds));
    let total = cases.saturating_mul(2);
    let mut progress =
        ProgressMeter::items(format!("walk at S = {}", size.get()), total, args.json);
    let mut walked = WalkTally::default();
    for trim in [false, true] {
        let before = report.cases;
        let mut show = |done: u64| {
            progress.set(before.saturating_add(done));
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let shape = Shape { buffer_size: size, trim };
        walked = walk(shape, variant, seed, cases, &mut show);
        report.cases = before.saturating_add(walked.cases);
        report.complete &= walked.holds() && walked.cases == cases;
        if !report.complete {
            break;
        }
    }
    drop(progress);
    let failure = walked.violation.as_ref().map(|(invariant, case)| (*invariant, case));
    report.violations = u64::from(!walked.holds());
    report.broken = failure.iter().map(|(invariant, _)| invariant.name()).collect();
    report.smallest = failure.map(|(_, case)| case.to_string());
    report.departure = walked.departure.as_ref().map(ToString::to_string);
    report.seconds = started.elapsed().as_secs_f64();
    if args.json {
        report::print_json(&report)?;
    } else {
        print(&report)?;
        print_failure(failure, walked.departure.as_ref(), size, variant)?;
    }
    Ok(if walked.holds() { CommandOutcome::Fine } else { CommandOutcome::Reported(Status::Broken) })
}

fn walk(
    shape: Shape,
    variant: &Variant,
    seed: u64,
    cases: u64,
    show: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> WalkTally {
    let rule = variant.flush_rule();
    let applies = |invariant: &Invariant| match rule {
        FlushRule::Strict => true,
        FlushRule::Reference => *invariant != Invariant::Bound,
    };
    let invariants: Vec<Invariant> = Invariant::ALL.into_iter().filter(applies).collect();
    let open = |shape: Shape| variant.open(shape);
    let mut expected = SpecifiedPuts::new(rule);
    Walk::new(shape, &open)
        .seed(seed)
        .cases(cases)
        .checking(&invariants)
        .against(&mut expected)
        .with_progress(show)
        .run()
}

fn print(report: &WalkReport) -> Result<(), Failure> {
    report::print(|to| {
        let WalkReport { buffer_size, seed, .. } = report;
        let cases = grouped(report.cases);
        write!(to, "{BOLD}walk{BOLD:#}  S = {buffer_size}  {cases} cases, seed {seed}")?;
        match (report.violations, report.complete) {
            (0, true) => {
                writeln!(to, "  {GOOD}every invariant holds{GOOD:#}  {:.2} s", report.seconds)
            }
            (0, false) => {
                let held = "every invariant held until the time limit";
                writeln!(to, "  {GOOD}{held}{GOOD:#}  {:.2} s", report.seconds)
            }
            _ if report.broken.is_empty() => {
                writeln!(to, "  {BAD}a departure from the specification{BAD:#}")
            }
            _ => writeln!(to, "  {BAD}violated: {}{BAD:#}", report.broken.join(", ")),
        }
    })
}
