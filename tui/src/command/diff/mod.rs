//! `sealpack diff`: compares the items of two packs or sets.

mod by_name;
mod compare;
mod named_report;
mod report;
mod sequence_names;

use std::path::{Path, PathBuf};

use sealpack::{DigestListReader, Reader};

use super::location::PackLocation;
use super::pack_sequence::PackSequence;
use super::read_args::ReadArgs;
use super::trust_args::{self, List};
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::printable;
use crate::progress::ProgressMeter;
use crate::report as output;
use by_name::NamedDifferences;
use compare::{Differences, Method};
use named_report::NamedDiffReport;
use report::DiffReport;
use sequence_names::SequenceNames;

/// Show which items of two packs differ
///
/// If both packs store names, items of the same name are compared, whatever their positions: the
/// report lists what was added (+), removed (-), changed (~) or renamed (>), and counts items that
/// only have another position. Other packs, and all packs with --by-position, are compared position
/// by position.
///
/// Reads as little as possible. If the content hashes are equal, nothing differs. Two digest lists
/// (FILE.digests, a few kilobytes each) show which records differ. Without both lists it reads all
/// records and compares their digests. Packs with different numbers of items per record are compared
/// item by item. Differences in codec, format id and checksums are ignored; app data is compared.
///
/// A set is compared like one pack with the items of all its packs; it has no app data. If two
/// manifests list packs of the same content hash at the same positions, these packs are not read.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct DiffArgs {
    /// The first pack, or the manifest of a set of packs (*.json)
    a: PathBuf,
    /// The second pack or manifest
    b: PathBuf,
    /// Compare the items at each position, even if both packs store names
    #[arg(long)]
    by_position: bool,
    /// Ignore stored hashes and digest lists: read both packs completely
    #[arg(long)]
    read_all: bool,
    /// The digest list of A [default: A.digests, if it exists]
    #[arg(long, value_name = "LIST", conflicts_with = "read_all")]
    digests_a: Option<PathBuf>,
    /// The digest list of B [default: B.digests, if it exists]
    #[arg(long, value_name = "LIST", conflicts_with = "read_all")]
    digests_b: Option<PathBuf>,
    /// List at most N differences; all are counted [default: 20; 10000 with --json]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print nothing and stop at the first difference; the exit status is the result
    #[arg(short, long, conflicts_with_all = ["json", "limit"])]
    quiet: bool,
    /// Print one JSON object instead of text, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack diff monday.pack tuesday.pack
  sealpack diff -q here.pack /backup/here.pack && echo equal
  sealpack diff a.pack b.pack --json | jq '.items[].name'
  sealpack diff a.pack b.pack --by-position
  sealpack diff set.json whole.pack

Exit status: 0 items and app data are equal; 1 they differ; 2 wrong usage;
3 any other error, for example a pack that is damaged or cannot be read.";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack cannot be read.
pub fn run(args: &DiffArgs) -> Result<CommandOutcome, Failure> {
    match compare(args) {
        Ok(true) => Ok(CommandOutcome::Fine),
        Ok(false) => Ok(CommandOutcome::Reported(Status::Broken)),
        // Status 1 means that the packs differ.
        Err(failure) if failure.status() == Status::Broken => {
            failure.report();
            Ok(CommandOutcome::Reported(Status::Other))
        }
        Err(failure) => Err(failure),
    }
}

/// Compares the packs, and returns whether they are equal.
fn compare(args: &DiffArgs) -> Result<bool, Failure> {
    let silent = args.json || args.quiet;
    let (a, b) = (open(args, &args.a, silent)?, open(args, &args.b, silent)?);
    let method = method(args, &a, &b)?;
    let listed = args.limit.unwrap_or(if args.json { 10_000 } else { 20 });
    if !args.by_position
        && let Some(names) = SequenceNames::of(&a)?
        && let Some(names_of_b) = SequenceNames::of(&b)?
    {
        let found = NamedDifferences::new([&a, &b], [names, names_of_b], listed, args.quiet);
        return compare_by_name(args, found, &method);
    }
    let mut differences = Differences::new(&a, &b, listed, args.quiet);
    let mut progress = ProgressMeter::records("comparing", differences.steps(&method), silent);
    differences.find(&method, &mut progress)?;
    drop(progress);
    if !args.quiet {
        let report = DiffReport::new(&differences, &method);
        match args.json {
            true => output::print_json(&report)?,
            false => output::print(|to| report.print(to))?,
        }
    }
    Ok(differences.is_empty())
}

fn open(args: &DiffArgs, path: &Path, silent: bool) -> Result<PackSequence, Failure> {
    let packs = PackSequence::open(&args.reading, path)?;
    if let Some(pack) = packs.pack() {
        args.reading.chosen_codec(pack, silent)?;
    }
    Ok(packs)
}

/// Chooses the method that reads least.
fn method(args: &DiffArgs, a: &PackSequence, b: &PackSequence) -> Result<Method, Failure> {
    let (Some(pack_a), Some(pack_b)) = (a.pack(), b.pack()) else {
        if args.digests_a.is_some() || args.digests_b.is_some() {
            return Err(Failure::usage(
                "--digests-a and --digests-b have no effect on a set: compare two packs",
            ));
        }
        return Ok(Method::of_sets(a, b, args.read_all));
    };
    let lists = match args.read_all {
        true => None,
        false => {
            let of_a = list(pack_a, &args.a, args.digests_a.as_deref(), &args.reading)?;
            of_a.zip(list(pack_b, &args.b, args.digests_b.as_deref(), &args.reading)?)
        }
    };
    Ok(Method::choose(pack_a, pack_b, lists, args.read_all))
}

/// The same by name.
fn compare_by_name(
    args: &DiffArgs,
    mut found: NamedDifferences<'_>,
    method: &Method,
) -> Result<bool, Failure> {
    let [a, b] = found.packs;
    let items = a.item_count() + b.item_count();
    let mut progress = ProgressMeter::items("comparing", items, args.json || args.quiet);
    found.find(method, &mut progress)?;
    drop(progress);
    if !args.quiet {
        let report = NamedDiffReport::new(&found)?;
        match args.json {
            true => output::print_json(&report)?,
            false => output::print(|to| report.print(to))?,
        }
    }
    Ok(found.is_empty())
}

/// Returns the digest list of a pack: the one given by the user, or else the one next to the
/// pack if it belongs to the pack. When a pack is replaced, the old list may remain.
fn list(
    pack: &Reader,
    typed: &Path,
    named: Option<&Path>,
    reading: &ReadArgs,
) -> Result<Option<DigestListReader>, Failure> {
    let e_tags = |location: PackLocation| location.ignoring_e_tags(reading.ignores_e_tags());
    let list = match List::of(typed, named) {
        Ok(List::File(path)) if named.is_none() && !path.exists() => return Ok(None),
        Ok(List::File(path)) => DigestListReader::open(&path)?,
        Ok(List::Store(location)) => match trust_args::open(&e_tags(location)) {
            Ok((source, name)) => DigestListReader::open_source(source, name)?,
            Err(_) if named.is_none() => return Ok(None),
            Err(failure) => return Err(failure),
        },
        Err(_) if named.is_none() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    if list.fits(pack.trailer()) {
        return Ok(Some(list));
    }
    let (list, pack) = (printable::path(list.path()), printable::path(pack.path()));
    if named.is_some() {
        return Err(Failure::usage(format!("{list} is not the digest list of {pack}")));
    }
    output::note(&format_args!("{list} is not the digest list of {pack} and is ignored"));
    Ok(None)
}
