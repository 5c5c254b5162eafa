//! `sealpack verify`: runs every check.

mod json;
mod many;
mod packs;
mod state;
mod unopened;

use std::convert::Infallible;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealpack::core::format::digest::Hash;
use sealpack::core::read::{LayerName, Report, Verdict};
use sealpack::{ChosenCodec, Reader};

use super::location::PackSource;
use super::read_args::{PackHeading, ReadArgs};
use super::trust_args::trusted_by;
use crate::outcome::{Failure, Status};
use crate::printable;
use crate::progress::ProgressMeter;
use crate::report::{BAD, BOLD, DOUBTFUL, GOOD};
use crate::size::{Count, Decimal};
use crate::terminal::text::count;
pub use many::run;
use packs::PackToVerify;
use unopened::UnopenedPack;

/// Run every check that a pack allows
///
/// Checks layer by layer: the trailer and the sections, the offset index, the app data, each record
/// (its checksum, its decoding, the checksum in its frame, the item lengths), and the content hash.
/// Lists every damaged record. Reports which layers the pack does not have, and whether no layer
/// covers the bytes of the items.
///
/// A folder stands for all files below it whose names end in .pack, and a URL that ends in a slash for
/// all such objects below that prefix. Links to files are followed; links to folders are only counted.
/// A folder that cannot be read is reported, and the others are verified. Several packs are verified in
/// parallel. The manifest of a set (*.json) stands for its members; each must also be the pack that the
/// manifest lists, and have the hash in it.
///
/// --state records each result, so that the same command resumes after an interruption. A result is
/// reused only for the same options (--codec, --trust, --digests) and the same version of the pack at
/// the same path or URL. A file's version is its size, modification time, change time and inode; an
/// object's is its ETag or date. Several runs may share the file.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Packs, folders of packs, manifests of sets, or URLs; s3://BUCKET/PREFIX/ stands for all packs
    /// below the prefix
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Print one JSON object per pack, one per line, and no progress; for a folder
    /// or a prefix, or with --state, followed by a line with a summary
    #[arg(long)]
    json: bool,
    /// Verify N packs in parallel
    #[arg(long, value_name = "N", default_value = "4", value_parser = jobs)]
    jobs: usize,
    /// Record results in this file, and skip packs with a recorded result
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Verify all files below a folder or a prefix, whatever their names, except
    /// the state file
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack verify log.pack
  sealpack verify *.pack && echo all sound
  sealpack verify log.pack --json | jq '.layers, .damaged_records'
  sealpack verify log.pack --trust $HASH       check it against a trusted hash
  sealpack verify s3://bucket/packs/ --state done.jsonl --jobs 8
                                               all packs below a prefix

Exit status: 0 every pack is sound; 1 at least one is corrupt; 3 none is
corrupt, but at least one could not be read.";

/// The text report lists at most this many damaged records; JSON has all.
const MAX_LISTED: usize = 20;

/// Parses `--jobs`.
fn jobs(text: &str) -> Result<usize, String> {
    const MAX: usize = 256;
    match text.parse() {
        Ok(jobs) if (1..=MAX).contains(&jobs) => Ok(jobs),
        _ => Err(format!("a number from 1 to {MAX}")),
    }
}

impl VerifyArgs {
    /// The arguments about reading.
    pub fn reading(&self) -> &ReadArgs {
        &self.reading
    }
}

/// The result of verifying a file.
pub enum VerifyResult {
    /// The pack opened, and every check ran.
    Verified(Box<VerifiedPack>),
    /// The file is not a pack, or its end is damaged.
    Unopened(UnopenedPack),
    /// The file cannot be read.
    Unreadable(Failure),
}

/// A pack that was verified.
pub struct VerifiedPack {
    /// The pack.
    pub reader: Reader,
    /// How its records are decoded.
    pub chosen: Option<ChosenCodec>,
    /// The results of the checks.
    pub report: Report,
    /// The kind of hash that the items were checked against: root or content_hash.
    pub trusted_by: Option<&'static str>,
    /// The time that the verification took.
    pub took: Duration,
}

impl VerifyResult {
    fn status(&self) -> Option<Status> {
        match self {
            Self::Verified(verified) if verified.report.is_ok() => None,
            Self::Verified(_) | Self::Unopened(_) => Some(Status::Broken),
            Self::Unreadable(failure) => Some(failure.status()),
        }
    }
}

/// Verifies one of several packs. Also returns the version of the pack, if it
/// did not change during the verification.
fn verify(
    pack: &PackToVerify,
    args: &VerifyArgs,
    share: CpuShare,
) -> (VerifyResult, Option<String>) {
    let mut version = pack.version.clone();
    let result = match verify_opened(pack, args, share, &mut version) {
        Ok(verified) => VerifyResult::Verified(Box::new(verified)),
        Err(failure) => match UnopenedPack::new(&pack.path, &failure) {
            Some(unopened) => VerifyResult::Unopened(unopened),
            None => VerifyResult::Unreadable(failure),
        },
    };
    (result, pack.unchanged_version(version))
}

fn verify_opened(
    pack: &PackToVerify,
    args: &VerifyArgs,
    share: CpuShare,
    version: &mut Option<String>,
) -> Result<VerifiedPack, Failure> {
    let started = Instant::now();
    let (reader, chosen, content_hash) = open(pack, args, share, version)?;
    let name = pack.path.file_name().map(|name| printable::path(Path::new(name)).to_string());
    let total = reader.directory().records_end();
    let quiet = args.json || share != CpuShare::All;
    let mut progress = ProgressMeter::bytes(name.unwrap_or_default(), Some(total), quiet);
    let report = reader.verify_against(content_hash, |so_far| {
        progress.set(so_far.bytes);
        ControlFlow::<Infallible>::Continue(())
    })?;
    let ControlFlow::Continue(report) = report;
    let trusted_by = trusted_by(&reader).or(content_hash.map(|_| "content_hash"));
    Ok(VerifiedPack { reader, chosen, report, trusted_by, took: started.elapsed() })
}

/// Opens a pack. Also returns the content hash to check the whole pack against: the trusted
/// one if there is no digest list, otherwise that of the list.
fn open(
    pack: &PackToVerify,
    args: &VerifyArgs,
    share: CpuShare,
    version: &mut Option<String>,
) -> Result<(Reader, Option<ChosenCodec>, Option<Hash>), Failure> {
    if let Some((set, member)) = pack.as_member() {
        let (reader, against) = set.open_to_verify(member)?;
        let (reader, chosen) = args.reading.detect_codec(reader, args.json)?;
        return Ok((reader, chosen, against));
    }
    let hash = args.reading.trusting().without_list(&pack.path)?;
    let mut options = match hash {
        None => args.reading.options(&pack.path)?,
        Some(_) => args.reading.untrusted_options()?,
    };
    if let CpuShare::Threads(threads) = share {
        options = options.threads(threads);
    }
    let PackSource { source, name, options, version: opened } =
        pack.open(&args.reading, options)?;
    *version = opened;
    let reader = options.open_source(source, name)?;
    let (reader, chosen) = args.reading.detect_codec(reader, args.json)?;
    let content_hash = hash.or_else(|| reader.trusted().map(|list| list.header().content_hash));
    Ok((reader, chosen, content_hash))
}

/// The part of the processors that the verification of a pack may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CpuShare {
    /// All cores, with a progress bar.
    All,
    /// This many threads.
    Threads(usize),
}

impl VerifiedPack {
    fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        let path = printable::path(self.reader.path());
        let report = &self.report;
        match report.is_ok() {
            true => writeln!(to, "{BOLD}{path}{BOLD:#}: {GOOD}sound{GOOD:#}")?,
            false => writeln!(to, "{BOLD}{path}{BOLD:#}: {BAD}damaged{BAD:#}")?,
        }
        for layer in &report.layers {
            print_layer(to, layer.name, &layer.verdict)?;
        }
        self.print_damage(to)?;
        self.print_total(to)?;
        self.print_trust(to)?;
        if !report.items_are_protected() {
            writeln!(
                to,
                "  {DOUBTFUL}no check covers the items' bytes: a flipped bit would not have been detected{DOUBTFUL:#}"
            )?;
        }
        Ok(())
    }

    fn print_trust(&self, to: &mut dyn Write) -> io::Result<()> {
        match (self.report.is_ok(), self.trusted_by) {
            (true, Some("root")) => {
                writeln!(
                    to,
                    "  {GOOD}trusted{GOOD:#}: items, positions and app data match the root"
                )
            }
            (true, Some(_)) => writeln!(
                to,
                "  {GOOD}trusted{GOOD:#}: items and positions match the content hash, which does not cover app data"
            ),
            _ => Ok(()),
        }
    }

    fn print_total(&self, to: &mut dyn Write) -> io::Result<()> {
        let items = count(self.reader.item_count().into(), "item");
        let records = count(self.report.record_count.into(), "record");
        let seconds = self.took.as_secs_f64();
        let size = Decimal(self.report.payload_size);
        writeln!(to, "  {items} in {records}, {size} decoded, {seconds:.2} s")?;
        let codec = PackHeading::new(self.reader.path(), self.chosen).codec();
        writeln!(to, "  codec: {codec}")?;
        match self.report.frames_without_checksum {
            0 => Ok(()),
            1 => writeln!(to, "  1 frame has no checksum"),
            frames => writeln!(to, "  {} frames have no checksum", Count(frames.into())),
        }
    }

    fn print_damage(&self, to: &mut dyn Write) -> io::Result<()> {
        let report = &self.report;
        if report.damaged_count == 0 {
            return Ok(());
        }
        let (damaged, records) = (report.damaged_count, report.record_count);
        let verb = if damaged == 1 { "is" } else { "are" };
        let records = count(records.into(), "record");
        writeln!(to, "  {} of {records} {verb} damaged:", Count(damaged.into()))?;
        for damage in report.damaged.iter().take(MAX_LISTED) {
            let positions = damage.record.positions();
            let (first, last) = (positions.start, positions.end.saturating_sub(1));
            let place = &damage.record.range;
            writeln!(
                to,
                "    {BAD}{}{BAD:#}\n      items {first} to {last}, file bytes {} to {}",
                printable::text(format!("{:#}", damage.error)),
                place.start,
                place.end
            )?;
        }
        match (damaged as usize).saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            more => writeln!(to, "    and {more} more (--json lists all)"),
        }
    }
}

/// Prints the verdict of a layer.
fn print_layer(to: &mut dyn Write, name: LayerName, verdict: &Verdict) -> io::Result<()> {
    let name = in_words(name);
    match verdict {
        Verdict::Passed => writeln!(to, "  {name:<16} {GOOD}passed{GOOD:#}"),
        Verdict::Failed(error) => {
            let error = printable::text(format!("{error:#}"));
            writeln!(to, "  {name:<16} {BAD}failed{BAD:#}: {error}")
        }
        Verdict::NotChecked(limit) => {
            writeln!(to, "  {name:<16} {BAD}not checked{BAD:#}: {}", printable::text(limit))
        }
        Verdict::NotPresent => writeln!(to, "  {name:<16} not present, so not checked"),
    }
}

/// Returns the name of a layer in words.
pub fn in_words(name: LayerName) -> String {
    name.name().replace('_', " ")
}
