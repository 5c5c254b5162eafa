//! `sealpack check`: the invariants of the output stream.

mod mutants;
mod proof;
mod replay;
mod sets;
mod walk;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use sealpack_core::check::{
    self, Case, FlushRule, Invariant, InvariantSet, MUTANTS, Mutant, Variant,
};
use sealpack_core::stream::BufferSize;

use crate::outcome::{CommandOutcome, Failure};
use crate::report;
use crate::size::{grouped, parse_buffer_size};

/// Check the invariants of the output stream that writes every pack
///
/// Visits every state and every transition of the stream, which proves the seven
/// invariants for sequences of any length. Then runs every case of three small
/// sets and compares the digests of their puts.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// The stream's buffer size in bytes [default: 1, 2, 3, 4, 5, 8 and 16 for the
    /// proof; 5, 4 and 3 for sets 1, 2 and 3; 5 for a replay; 8192 for a walk]
    #[arg(long, value_name = "S", value_parser = parse_buffer_size)]
    buffer_size: Option<BufferSize>,

    /// Run only this set of cases, and print its digests
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3), conflicts_with = "replay")]
    set: Option<u8>,

    /// Run the stream with a seeded bug; `all` shows which invariant catches which
    /// bug
    #[arg(long, value_name = "NAME", value_parser = mutant_names(), hide_possible_values = true)]
    mutant: Option<String>,

    /// Run the cases of a file, one per line: `trim=1 writes=b4,z2+3,f`; `-` is
    /// standard input. Prints each case with its puts
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,

    /// How a flush with trim writes S bytes or more: strict, in puts of at most S
    /// bytes; reference, in one put as Seastar does, which is counted and violates
    /// no invariant
    #[arg(long, value_enum, default_value_t = Rule::Strict, conflicts_with = "mutant")]
    flush_rule: Rule,

    /// Run N random cases in each mode, with writes around the buffer size and faults;
    /// a failing case is shrunk as far as possible
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with_all = ["replay", "set", "sample"]
    )]
    walk: Option<u64>,

    /// End a walk after this many seconds
    #[arg(
        long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..),
        requires = "walk"
    )]
    time_limit: Option<u64>,

    /// The seed of a walk or a sample; each run prints its seed, to repeat the run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    #[command(flatten)]
    world: sets::SetArgs,

    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack check                             the proof and all sets
  sealpack check --buffer-size 16            the proof at S = 16
  sealpack check --set 1 --json              1,675,860 cases and their digests
  sealpack check --set 3                     writes of several extents
  sealpack check --walk 10000 --seed 7       random cases at S = 8192
  sealpack check --mutant all                which invariant catches which bug
  sealpack check --mutant split-trusts-remnant
  echo 'trim=1 writes=z4,b4,f' | sealpack check --replay - --buffer-size 5

A case: bN copies N bytes, zN hands N over (z2+3: two extents), f flushes, c
closes. A fault follows its event: with b7!2+3 the second put fails after
3 bytes; with f!f the sink's flush fails, with c!c its close.";

/// The flush rules by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rule {
    Strict,
    Reference,
}

/// Runs the check.
pub fn run(args: &CheckArgs) -> Result<CommandOutcome, Failure> {
    let variant = args.variant()?;
    if let Some(path) = &args.replay {
        return replay::run(args, path, &variant);
    }
    if args.seed.is_some() && args.walk.is_none() && !args.world.is_sampled() {
        return Err(Failure::usage("--seed needs --walk or --sample"));
    }
    if args.mutant.as_deref() == Some("all") {
        return mutants::run(args);
    }
    if let Some(cases) = args.walk {
        args.world.check_unused()?;
        return walk::run(args, cases, &variant);
    }
    if let Some(set) = args.set {
        return sets::run(args, set, &variant);
    }
    args.world.check_unused()?;
    proof::run(args, &variant)
}

impl CheckArgs {
    /// Returns the seed that was given, or one from the clock.
    fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs())
        })
    }

    fn variant(&self) -> Result<Variant, Failure> {
        match (self.mutant.as_deref(), self.flush_rule) {
            (None | Some("all"), Rule::Strict) => Ok(Variant::Strict),
            (None | Some("all"), Rule::Reference) => Ok(Variant::Reference),
            (Some(name), _) => Mutant::find(name)
                .map(Variant::Mutant)
                .ok_or_else(|| Failure::usage(format!("no seeded bug is called {name}"))),
        }
    }
}

fn mutant_names() -> PossibleValuesParser {
    PossibleValuesParser::new(MUTANTS.iter().map(|mutant| mutant.name).chain(["all"]))
}

/// Returns the invariants that were violated. Under the reference's flush rule `Bound` does
/// not apply, because the last put of a flush may be larger than S.
fn violated(broken: InvariantSet, rule: FlushRule) -> impl Iterator<Item = Invariant> {
    let applies = move |i: &Invariant| rule == FlushRule::Strict || *i != Invariant::Bound;
    broken.iter().filter(applies)
}

/// Returns the smallest case that violates an invariant.
fn smallest_failure<'c>(
    broken: InvariantSet,
    rule: FlushRule,
    smallest: impl Fn(Invariant) -> Option<&'c Case>,
) -> Option<(Invariant, &'c Case)> {
    let cases = violated(broken, rule).filter_map(|i| Some((i, smallest(i)?)));
    cases.min_by_key(|(_, case)| case.weight())
}

/// Describes the violations: broken invariants, or cases that break none but depart from
/// the specification.
fn describe(violations: u64, broken: &[&str]) -> String {
    let count = grouped(violations);
    if broken.is_empty() {
        format!("{count} departures from the specification")
    } else {
        format!("{count} violations: {}", broken.join(", "))
    }
}

/// Prints the explanation of a failure: of a broken invariant, or else of a departure
/// from the specification.
fn print_failure(
    failure: Option<(Invariant, &Case)>,
    departure: Option<&Case>,
    size: BufferSize,
    variant: &Variant,
) -> Result<(), Failure> {
    let page = match (failure, departure) {
        (Some((invariant, case)), _) => check::report(case, invariant, size, variant),
        (None, Some(case)) => check::report_departure(case, size, variant),
        (None, None) => return Ok(()),
    };
    report::print(|to| write!(to, "\n{page}"))
}
