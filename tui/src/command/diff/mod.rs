//! `sealpack diff`: which records and items two packs differ in.

mod compare;
mod report;

use std::path::{Path, PathBuf};

use sealpack::{DigestListReader, Reader};

use super::location::Location;
use super::reading::Reading;
use super::trusting::{self, List};
use crate::outcome::{Failure, Outcome, Status};
use crate::printable;
use crate::progress::Progress;
use crate::report as output;
use compare::{Differences, Method};
use report::DiffReport;

/// Say which records and items two packs differ in
///
/// Items are compared by their positions, and read only where something says that they differ: equal
/// content hashes say that nothing does; two digest lists (FILE.digests) say which records do, at the
/// cost of a few kilobytes each; without both lists, the records of both packs are read and their
/// digests compared. Packs with different numbers of items per record are compared item by item.
/// Codec, format id and checksums do not count, app data does.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Diff {
    /// A pack
    a: PathBuf,
    /// Another
    b: PathBuf,
    /// Believe no stored hash and no digest list: read all of both
    #[arg(long)]
    read_all: bool,
    /// The digest list of A [default: A.digests, where it is there]
    #[arg(long, value_name = "LIST", conflicts_with = "read_all")]
    digests_a: Option<PathBuf>,
    /// The digest list of B [default: B.digests, where it is there]
    #[arg(long, value_name = "LIST", conflicts_with = "read_all")]
    digests_b: Option<PathBuf>,
    /// Items that are listed; all are counted [default: 20, with --json 10000]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Say nothing and stop at the first difference: only the status tells
    #[arg(short, long, conflicts_with_all = ["json", "limit"])]
    quiet: bool,
    /// One JSON object instead of words, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  sealpack diff monday.pack tuesday.pack
  sealpack diff -q here.pack /backup/here.pack && echo the same items
  sealpack diff a.pack b.pack --json | jq '.items[].position'

Exit status: 0 the same items and app data; 1 they differ; 2 wrong usage;
3 anything else, a pack that is damaged or cannot be read among it.";

/// Runs it.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read.
pub fn run(args: &Diff) -> Result<Outcome, Failure> {
    match compare(args) {
        Ok(true) => Ok(Outcome::Fine),
        Ok(false) => Ok(Outcome::Reported(Status::Broken)),
        // Status 1 is that of packs that differ.
        Err(failure) if failure.status() == Status::Broken => {
            failure.report();
            Ok(Outcome::Reported(Status::Other))
        }
        Err(failure) => Err(failure),
    }
}

/// Compares; whether they are the same.
fn compare(args: &Diff) -> Result<bool, Failure> {
    let silent = args.json || args.quiet;
    let (a, _) = args.reading.open_and_tell(&args.a, silent)?;
    let (b, _) = args.reading.open_and_tell(&args.b, silent)?;
    let lists = match args.read_all {
        true => None,
        false => {
            let of_a = list(&a, &args.a, args.digests_a.as_deref(), &args.reading)?;
            of_a.zip(list(&b, &args.b, args.digests_b.as_deref(), &args.reading)?)
        }
    };
    let method = Method::choose(&a, &b, lists, args.read_all);
    let listed = args.limit.unwrap_or(if args.json { 10_000 } else { 20 });
    let mut differences = Differences::new(&a, &b, listed, args.quiet);
    let mut progress = Progress::records("comparing", differences.steps(&method), silent);
    differences.find(&method, &mut progress)?;
    drop(progress);
    if !args.quiet {
        let report = DiffReport::new(&differences, &method);
        match args.json {
            true => output::print_json(&report)?,
            false => output::print(|to| report.print(to))?,
        }
    }
    Ok(differences.none())
}

/// The list of a pack: the one that is named, else the one beside it. One that
/// does not fit the pack is of another, or of the pack as it was.
fn list(
    pack: &Reader,
    typed: &Path,
    named: Option<&Path>,
    reading: &Reading,
) -> Result<Option<DigestListReader>, Failure> {
    let e_tags = |location: Location| location.ignoring_e_tags(reading.ignores_e_tags());
    let list = match List::of(typed, named) {
        Ok(List::File(path)) if named.is_none() && !path.exists() => return Ok(None),
        Ok(List::File(path)) => DigestListReader::open(&path)?,
        Ok(List::Store(location)) => match trusting::open(&e_tags(location)) {
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
    output::note(&format_args!("{list} is not the digest list of {pack}, and is not used"));
    Ok(None)
}
