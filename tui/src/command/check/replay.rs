//! `sealpack check --replay`: runs the cases of a file and prints their puts.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sealpack_core::check::{self, Case, Form, Invariant, InvariantSet, Trace, Variant, World};
use sealpack_core::stream::{BufferSize, Shape};
use serde::Serialize;

use super::{CheckArgs, violated};
use crate::outcome::{CommandOutcome, Failure, Input, Status};
use crate::report;

/// The default buffer size, that of set 1.
const BUFFER_SIZE: usize = 5;

#[derive(Serialize)]
struct ReplayReport {
    cases: Vec<CaseReport>,
    violations: u64,
    mismatches: u64,
    /// The lines of a trace for `sealpack step --trace`: that of the first case that breaks
    /// an invariant, or else of the first case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct CaseReport {
    line: String,
    puts: String,
    broken: Vec<&'static str>,
}

/// The results so far.
#[derive(Default)]
struct ReplayTotals {
    violations: u64,
    /// Cases whose puts differ from those in their lines.
    mismatches: u64,
    first_failure: Option<(Invariant, Case)>,
    first_case: Option<Case>,
    reports: Vec<CaseReport>,
}

pub fn run(args: &CheckArgs, path: &Path, variant: &Variant) -> Result<CommandOutcome, Failure> {
    args.world.check_unused()?;
    let size = args.buffer_size.or(BufferSize::new(BUFFER_SIZE)).unwrap_or(BufferSize::SMALLEST);
    let (input, lines): (Input, Box<dyn BufRead>) = if path.as_os_str() == "-" {
        (Input::Standard, Box::new(io::stdin().lock()))
    } else {
        let input = Input::Path(path.to_owned());
        let file = File::open(path).map_err(|error| unreadable(&input, error))?;
        (input, Box::new(BufReader::new(file)))
    };
    let open = |shape: Shape| variant.open(shape);
    let mut world = World::new(&open);
    let mut found = ReplayTotals::default();
    let replay = |to: &mut dyn io::Write| -> Result<(), Failure> {
        for (number, line) in (1_u64..).zip(lines.lines()) {
            let line = line.map_err(|error| unreadable(&input, error))?;
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (case, claimed) = Case::parse_line(text)
                .map_err(|error| Failure::usage(format!("{input}: line {number}: {error}")))?;
            let broken = world.run(Shape { buffer_size: size, trim: case.trim }, &case.events);
            let puts = world.puts(Form::B);
            let line = check::line(case.trim, &case.events, &puts);
            if !args.json {
                writeln!(to, "{line}").map_err(Failure::Output)?;
            }
            if let Some(claimed) = claimed.filter(|claimed| *claimed != puts) {
                found.mismatches += 1;
                report::note(&format!(
                    "line {number} claims puts={claimed}, but the case puts {puts}"
                ));
            }
            found.add(case, broken, variant, args.json.then_some((line, puts)));
        }
        to.flush().map_err(Failure::Output)
    };
    let mut ended = Ok(());
    report::print(|to| {
        ended = replay(&mut io::BufWriter::new(to));
        Ok(())
    })?;
    ended?;
    found.report(args.json, size, variant)
}

fn trace(case: &Case, size: BufferSize, variant: &Variant) -> Vec<serde_json::Value> {
    let stream = match variant {
        Variant::Strict => "the stream that ships",
        Variant::Reference => "the stream with the reference's flush rule",
        Variant::Mutant(mutant) => mutant.name,
    };
    let replay = check::replay(case, size, variant);
    let text = Trace::new(stream, variant.flush_rule(), replay).to_json_lines();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn unreadable(input: &Input, error: io::Error) -> Failure {
    Failure::File { path: input.clone(), operation: "cannot read", error }
}

impl ReplayTotals {
    fn add(
        &mut self,
        case: Case,
        broken: InvariantSet,
        variant: &Variant,
        json: Option<(String, String)>,
    ) {
        let broken: Vec<_> = violated(broken, variant.flush_rule()).collect();
        self.violations += u64::from(!broken.is_empty());
        if let Some((line, puts)) = json {
            let broken = broken.iter().map(|invariant| invariant.name()).collect();
            self.reports.push(CaseReport { line, puts, broken });
        }
        if self.first_case.is_none() {
            self.first_case = Some(case.clone());
        }
        if let (None, Some(invariant)) = (&self.first_failure, broken.first()) {
            self.first_failure = Some((*invariant, case));
        }
    }

    /// Explains the first failure, on standard error, because standard output contains only
    /// the lines.
    fn report(
        self,
        json: bool,
        size: BufferSize,
        variant: &Variant,
    ) -> Result<CommandOutcome, Failure> {
        let ReplayTotals { violations, mismatches, first_failure, first_case, reports } = self;
        if json {
            let case = first_failure.map(|(_, case)| case).or(first_case);
            let trace = case.map(|case| trace(&case, size, variant)).unwrap_or_default();
            let cases = reports;
            report::print_json(&ReplayReport { cases, violations, mismatches, trace })?;
        } else if let Some((invariant, case)) = first_failure {
            report::explain(&format_args!("\n{}", check::report(&case, invariant, size, variant)));
        }
        Ok(if violations == 0 && mismatches == 0 {
            CommandOutcome::Fine
        } else {
            CommandOutcome::Reported(Status::Broken)
        })
    }
}
