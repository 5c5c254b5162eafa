//! `sealpack verify`: every check there is.

mod json;
mod unopened;

use std::convert::Infallible;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealpack::core::format::digest::Hash;
use sealpack::core::read::{LayerName, Report, Verdict};
use sealpack::{ChosenCodec, Reader};

use super::reading::{About, Reading};
use super::trusting::trusted_by;

use crate::outcome::{Failure, Outcome, Status};
use crate::progress::Progress;
use crate::report::{self, BAD, BOLD, DOUBTFUL, GOOD};
use crate::size::{Count, Decimal};
use unopened::Unopened;

/// Check everything that can be checked
///
/// Layer by layer: trailer and sections, offset index, app data, each record's checksum, its
/// decoding, the checksum within its frame, the item lengths, the content hash. Damage does not end
/// it: every damaged record is listed. A layer that a pack does not have was not checked, and the
/// report says so; where no layer covers the items' bytes, it says that too.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Verify {
    /// Packs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object for each FILE, on a line of its own, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  sealpack verify log.pack
  sealpack verify *.pack && echo all sound
  sealpack verify log.pack --json | jq '.layers, .damaged_records'
  sealpack verify log.pack --trust $HASH       and it is the one that is meant

Exit status: 0 every pack is sound; 1 one is corrupt; 3 none is, but one could
not be read.";

/// Damaged records that are listed in words; JSON has more.
const MOST_LISTED: usize = 20;

/// Runs it.
///
/// # Errors
/// [`Failure::Output`]. A pack that cannot be read is told and does not keep
/// the others from being verified.
pub fn run(args: &Verify) -> Result<Outcome, Failure> {
    let mut worst = None;
    for path in &args.files {
        let found = verify(path, args);
        match args.json {
            true => report::print_json(&json::object(path, &found))?,
            false => tell(path, &found)?,
        }
        worst = match (worst, found.status()) {
            (Some(Status::Broken), _) | (_, Some(Status::Broken)) => Some(Status::Broken),
            (worst, status) => status.or(worst),
        };
    }
    Ok(worst.map_or(Outcome::Fine, Outcome::Told))
}

/// What was found of a file.
pub enum Finding {
    /// The pack opened, and everything in it was looked at.
    Verified(Box<Verified>),
    /// It is no pack, or one whose end is damaged.
    Unopened(Unopened),
    /// It cannot be read at all.
    Unreadable(Failure),
}

/// A pack that was verified.
pub struct Verified {
    /// The pack.
    pub reader: Reader,
    /// How its records are decoded.
    pub chosen: Option<ChosenCodec>,
    /// What was found.
    pub report: Report,
    /// What the items were held to: root, content_hash.
    pub trusted_by: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
}

impl Finding {
    fn status(&self) -> Option<Status> {
        match self {
            Self::Verified(verified) if verified.report.is_ok() => None,
            Self::Verified(_) | Self::Unopened(_) => Some(Status::Broken),
            Self::Unreadable(failure) => Some(failure.status()),
        }
    }
}

fn verify(path: &Path, args: &Verify) -> Finding {
    match verify_opened(path, args) {
        Ok(verified) => Finding::Verified(Box::new(verified)),
        Err(failure) => match Unopened::new(path, &failure) {
            Some(unopened) => Finding::Unopened(unopened),
            None => Finding::Unreadable(failure),
        },
    }
}

fn verify_opened(path: &Path, args: &Verify) -> Result<Verified, Failure> {
    let started = Instant::now();
    let (reader, chosen, against) = open(path, args)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let total = reader.directory().records_end();
    let mut progress = Progress::bytes(name.unwrap_or_default(), Some(total), args.json);
    let report = reader.verify_against(against, |so_far| {
        progress.set(so_far.bytes);
        ControlFlow::<Infallible>::Continue(())
    })?;
    let report = match report {
        ControlFlow::Continue(report) => report,
        ControlFlow::Break(never) => match never {},
    };
    let trusted_by = trusted_by(&reader).or(against.map(|_| "content_hash"));
    Ok(Verified { reader, chosen, report, trusted_by, took: started.elapsed() })
}

/// Opens a pack. What it is held to where it has no list, is the content hash
/// over all of it.
fn open(
    path: &Path,
    args: &Verify,
) -> Result<(Reader, Option<ChosenCodec>, Option<Hash>), Failure> {
    let (reader, chosen) = match args.reading.trusting().without_list(path) {
        None => args.reading.open_and_tell(path, args.json)?,
        Some(hash) => {
            let (reader, chosen) = args.reading.open_untrusted_and_tell(path, args.json)?;
            return Ok((reader, chosen, Some(hash)));
        }
    };
    let against = reader.trusted().map(|list| list.header().content_hash);
    Ok((reader, chosen, against))
}

fn tell(path: &Path, found: &Finding) -> Result<(), Failure> {
    match found {
        Finding::Verified(verified) => report::print(|to| verified.print(to)),
        Finding::Unopened(unopened) => report::print(|to| unopened.print(path, to)),
        Finding::Unreadable(failure) => {
            failure.tell();
            Ok(())
        }
    }
}

impl Verified {
    fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        let path = self.reader.path().display();
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
                "  {DOUBTFUL}no check covers the items' bytes: a flipped bit in one would not have been noticed{DOUBTFUL:#}"
            )?;
        }
        Ok(())
    }

    fn print_trust(&self, to: &mut dyn Write) -> io::Result<()> {
        match (self.report.is_ok(), self.trusted_by) {
            (true, Some("root")) => {
                writeln!(to, "  {GOOD}trusted{GOOD:#}: items, positions and app data have the root")
            }
            (true, Some(_)) => writeln!(
                to,
                "  {GOOD}trusted{GOOD:#}: items and positions have the content hash, which says nothing of app data"
            ),
            _ => Ok(()),
        }
    }

    fn print_total(&self, to: &mut dyn Write) -> io::Result<()> {
        let items = Count(self.reader.item_count().into());
        let records = Count(self.report.record_count.into());
        let seconds = self.took.as_secs_f64();
        let size = Decimal(self.report.payload_size);
        writeln!(to, "  {items} items in {records} records, {size} decoded, {seconds:.2} s")?;
        let codec = About::new(self.reader.path(), self.chosen).codec();
        writeln!(to, "  codec: {codec}")?;
        match self.report.frames_without_checksum {
            0 => Ok(()),
            frames => writeln!(to, "  {} frames carry no checksum", Count(frames.into())),
        }
    }

    fn print_damage(&self, to: &mut dyn Write) -> io::Result<()> {
        let report = &self.report;
        if report.damaged_count == 0 {
            return Ok(());
        }
        let (damaged, records) = (report.damaged_count, report.record_count);
        writeln!(
            to,
            "  {} of {} records are damaged:",
            Count(damaged.into()),
            Count(records.into())
        )?;
        for damage in report.damaged.iter().take(MOST_LISTED) {
            let positions = damage.record.positions();
            let (first, last) = (positions.start, positions.end.saturating_sub(1));
            let place = &damage.record.range;
            writeln!(
                to,
                "    {BAD}{}{BAD:#}\n      items {first} to {last}, file bytes {} to {}",
                damage.error, place.start, place.end
            )?;
        }
        match (damaged as usize).saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => writeln!(to, "    and {more} more: --json lists them"),
        }
    }
}

/// A layer and what is said of it.
fn print_layer(to: &mut dyn Write, name: LayerName, verdict: &Verdict) -> io::Result<()> {
    let name = in_words(name);
    match verdict {
        Verdict::Passed => writeln!(to, "  {name:<16} {GOOD}passed{GOOD:#}"),
        Verdict::Failed(error) => writeln!(to, "  {name:<16} {BAD}failed{BAD:#}: {error}"),
        Verdict::NotPresent => writeln!(to, "  {name:<16} not present, so not checked"),
    }
}

/// A layer's name for people.
pub fn in_words(name: LayerName) -> String {
    name.name().replace('_', " ")
}
