//! `sealpack check --mutant all`: shows which invariant catches which seeded bug.

use std::time::Instant;

use sealpack_core::check::{Invariant, MUTANTS, Matrix, MutantRow, row};
use serde::Serialize;

use super::CheckArgs;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report;

#[derive(Serialize)]
struct MatrixReport<'m> {
    mutants: Vec<RowReport<'m>>,
    caught: usize,
    seconds: f64,
}

#[derive(Serialize)]
struct RowReport<'m> {
    name: &'m str,
    wrong: &'m str,
    rule: &'m str,
    caught: bool,
    by_enumeration: bool,
    by_proof: bool,
    /// The smallest case of all.
    smallest: Option<String>,
    /// The smallest case for each invariant that the bug breaks.
    breaks: Vec<BrokenInvariant>,
}

#[derive(Serialize)]
struct BrokenInvariant {
    invariant: &'static str,
    case: String,
}

pub fn run(args: &CheckArgs) -> Result<CommandOutcome, Failure> {
    let started = Instant::now();
    let count = u64::try_from(MUTANTS.len()).unwrap_or(u64::MAX);
    let mut progress = ProgressMeter::items("seeded bugs", count, args.json);
    let mut rows = Vec::new();
    for mutant in MUTANTS {
        rows.push(row(mutant));
        progress.add(1);
    }
    drop(progress);
    let matrix = Matrix(rows);
    let caught = matrix.0.iter().filter(|row| is_caught(row)).count();
    if args.json {
        let mutants = matrix.0.iter().map(row_report).collect();
        let seconds = started.elapsed().as_secs_f64();
        report::print_json(&MatrixReport { mutants, caught, seconds })?;
    } else {
        report::print(|to| {
            write!(to, "{matrix}")?;
            writeln!(
                to,
                "\n{caught} of {} seeded bugs are caught; S = 5; +t: with trim.",
                matrix.0.len()
            )
        })?;
    }
    Ok(if caught == matrix.0.len() {
        CommandOutcome::Fine
    } else {
        CommandOutcome::Reported(Status::Broken)
    })
}

fn is_caught(row: &MutantRow) -> bool {
    row.by_enumeration || row.by_proof
}

fn row_report(row: &MutantRow) -> RowReport<'static> {
    let cells = Invariant::ALL.into_iter().zip(&row.cells);
    let breaks = cells.filter_map(|(invariant, case)| {
        Some(BrokenInvariant { invariant: invariant.name(), case: case.as_ref()?.to_string() })
    });
    RowReport {
        name: row.mutant.name,
        wrong: row.mutant.wrong,
        rule: row.mutant.rule,
        caught: is_caught(row),
        by_enumeration: row.by_enumeration,
        by_proof: row.by_proof,
        smallest: row.smallest().map(|(_, case)| case.to_string()),
        breaks: breaks.collect(),
    }
}
