//! `sealpack check`: the invariants of the output stream.

mod mutants;
mod proof;
mod replay;
mod sets;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use sealpack_core::check::{self, Broken, Case, FlushRule, Invariant, MUTANTS, Mutant, Variant};
use sealpack_core::stream::BufferSize;

use crate::outcome::{CommandOutcome, Failure};
use crate::report;
use crate::size::grouped;

/// Check the invariants of the output stream that writes every pack
///
/// Visits every state and every transition of the stream, which proves the seven
/// invariants for sequences of any length. Then runs every case of three small
/// sets and compares the digests of their puts.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// The stream's buffer size in bytes [default: 1, 2, 3, 4, 5, 8 and 16 for the
    /// proof; 5, 4 and 3 for sets 1, 2 and 3; 5 for a replay]
    #[arg(long, value_name = "S", value_parser = buffer_size)]
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
    if args.mutant.as_deref() == Some("all") {
        return mutants::run(args);
    }
    if let Some(set) = args.set {
        return sets::run(args, set, &variant);
    }
    args.world.belongs_to_a_set()?;
    proof::run(args, &variant)
}

impl CheckArgs {
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

fn buffer_size(text: &str) -> Result<BufferSize, String> {
    let bytes: usize = text.parse().map_err(|error| format!("{error}"))?;
    BufferSize::new(bytes).ok_or_else(|| format!("1 to {} bytes", BufferSize::MAX))
}

/// The invariants that were violated. Under the reference's flush rule, `Bound`
/// does not apply: the last put of a flush may be larger than S.
fn violated(broken: Broken, rule: FlushRule) -> impl Iterator<Item = Invariant> {
    let promised = move |i: &Invariant| rule == FlushRule::Strict || *i != Invariant::Bound;
    broken.iter().filter(promised)
}

/// The smallest case that violates an invariant.
fn smallest_failure<'c>(
    broken: Broken,
    rule: FlushRule,
    smallest: impl Fn(Invariant) -> Option<&'c Case>,
) -> Option<(Invariant, &'c Case)> {
    let cases = violated(broken, rule).filter_map(|i| Some((i, smallest(i)?)));
    cases.min_by_key(|(_, case)| case.weight())
}

/// Prints the explanation of a failure.
fn print_failure(
    failure: Option<(Invariant, &Case)>,
    size: BufferSize,
    variant: &Variant,
) -> Result<(), Failure> {
    let Some((invariant, case)) = failure else { return Ok(()) };
    let page = check::report(case, invariant, size, variant);
    report::print(|to| write!(to, "\n{page}"))
}
