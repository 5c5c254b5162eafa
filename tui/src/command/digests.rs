//! `sealpack digests`: writes the digest list of a pack.

use std::convert::Infallible;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sealpack::core::format::digest::Hash;
use sealpack::core::trust::{DigestListBuilder, ListHeader};
use sealpack::{DigestListFile, PackSet, Reader, SealedDigests, digest_list_path};
use serde::Serialize;

use super::distinct::Files;
use super::location::PackLocation;
use super::pack_sequence::open_set;
use super::read_args::{PackHeading, ReadArgs};
use super::target::report_caveats;
use crate::interrupt::Interrupt;
use crate::outcome::{CommandOutcome, Failure};
use crate::printable::{self, JsonPath, hex};
use crate::progress::ProgressMeter;
use crate::report::{self, BOLD};
use crate::size::{Bytes, Count};

/// Write the digest list of a pack, which authenticates single items
///
/// Reads the whole pack. The list takes a little over 32 bytes per record. Its root, 32 bytes,
/// authenticates every item and its position, the format id and the app data. Send the root to the
/// readers over a channel that they trust; the pack and the list need no trusted storage. To read an
/// item, a reader fetches a few kilobytes of the list.
///
/// The list is written completely or not at all. `sealpack pack --with-digests` writes it with the pack.
///
/// For the manifest of a set, writes the list of each pack next to that pack. The set itself has no
/// list: `sealpack set create` stores the roots of these lists in the manifest, whose own root then
/// authenticates every item of the set.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct DigestsArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Where to write the list of a pack [default: FILE.digests]
    #[arg(short, long, value_name = "LIST", conflicts_with = "print")]
    output: Option<PathBuf>,
    /// Write no list: only print the root and the content hash
    #[arg(long)]
    print: bool,
    /// Replace LIST if it exists
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of text, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack digests log.pack                  write the list, print its root
  sealpack digests log.pack --json | jq -r .root
  sealpack get log.pack 41 --trust $ROOT     an authenticated item
  sealpack get copy.pack 41 --trust $ROOT --digests log.pack.digests
  sealpack digests set.json                  the list of each pack of a set";

/// The fields that are printed.
#[derive(Serialize)]
struct DigestsSummary {
    #[serde(flatten)]
    about: PackHeading,
    /// The path of the list; null if none was written.
    #[serde(flatten)]
    digests: JsonPath,
    root: String,
    content_hash: String,
    /// Whether the pack itself stores this content hash.
    content_hash_stored: bool,
    record_count: u32,
    /// The size of the list in bytes.
    file_size: u64,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read or is damaged, a list that cannot
/// be written.
pub fn run(args: &DigestsArgs) -> Result<CommandOutcome, Failure> {
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    match open_set(&args.reading, &args.file)? {
        Some(set) => args.run_on_set(&set, &interrupt)?,
        None => {
            let summary = args.summary(&args.file, args.reading.open(&args.file)?, &interrupt)?;
            match args.json {
                true => report::print_json(&summary)?,
                false => report::print(|to| summary.print(&args.file, to))?,
            }
        }
    }
    Ok(CommandOutcome::Fine)
}

/// The lists of a set's members, in their order.
#[derive(Serialize)]
struct SetDigestsSummary {
    #[serde(flatten)]
    path: JsonPath,
    members: Vec<DigestsSummary>,
}

impl DigestsArgs {
    fn run_on_set(&self, set: &PackSet, interrupt: &Interrupt) -> Result<(), Failure> {
        if self.output.is_some() {
            return Err(Failure::usage(
                "a set has no list of its own: without -o, the list of each pack is written \
                 next to the pack",
            ));
        }
        let mut members = Vec::new();
        for (member, pack) in set.members().iter().enumerate() {
            let summary = self.summary(&pack.path, set.reader(member)?, interrupt)?;
            match self.json {
                true => members.push(summary),
                false => report::print(|to| summary.print(&pack.path, to))?,
            }
        }
        let path = JsonPath::new(&self.file);
        match self.json {
            true => report::print_json(&SetDigestsSummary { path, members }),
            false => Ok(()),
        }
    }

    /// Computes the list of one pack, and writes it unless it is only printed.
    fn summary(
        &self,
        pack: &Path,
        reader: Reader,
        interrupt: &Interrupt,
    ) -> Result<DigestsSummary, Failure> {
        let chosen = self.reading.chosen_codec(&reader, self.json)?;
        let records = u64::from(reader.directory().record_count());
        let mut progress = ProgressMeter::records("computing digests", records, self.json);
        let mut summary = DigestsSummary {
            about: PackHeading::new(reader.path(), chosen),
            digests: list_path(None),
            root: String::new(),
            content_hash: String::new(),
            content_hash_stored: reader.trailer().content_hash.is_some(),
            record_count: reader.directory().record_count(),
            file_size: 0,
        };
        if self.print {
            let header = header(&reader, &mut progress)?;
            summary.set_hashes(header.root(), header.content_hash, header.shape().file_size());
        } else {
            let sealed = write(pack, &reader, self, interrupt, &mut progress)?;
            report_caveats(&sealed.path, &sealed.caveats);
            summary.digests = list_path(Some(&sealed.path));
            summary.set_hashes(sealed.root, sealed.content_hash, sealed.file_size);
        }
        Ok(summary)
    }
}

fn list_path(list: Option<&Path>) -> JsonPath {
    JsonPath::named("digests", "digests_bytes", list)
}

fn write(
    pack: &Path,
    reader: &Reader,
    args: &DigestsArgs,
    interrupt: &Interrupt,
    progress: &mut ProgressMeter,
) -> Result<SealedDigests, Failure> {
    let path = match &args.output {
        Some(path) => path.clone(),
        None if PackLocation::of(pack)?.is_file() => digest_list_path(pack),
        None => {
            return Err(Failure::usage(
                "the list of a pack in a store is a file: name it with -o FILE",
            ));
        }
    };
    let mut files = Files::default();
    files.read("the pack", pack);
    files.write("its digest list", &path);
    if let Some(trusted) = args.reading.trusting().list() {
        files.read("the list that authenticates it", trusted);
    }
    files.check()?;
    let list = interrupt.guard(|| {
        let list = DigestListFile::create(&path, args.force)?;
        let temporary = list.temporary_path().to_path_buf();
        // If the file is gone, it already has its final name.
        let cleanup = move || drop(std::fs::remove_file(temporary));
        Ok::<_, sealpack::Error>((list, cleanup))
    })?;
    let written = list.write(reader, |records| {
        progress.set(records.into());
        ControlFlow::<Infallible>::Continue(())
    })?;
    let ControlFlow::Continue(sealed) = written;
    Ok(sealed)
}

/// Computes the header that the list would have, without writing the list.
fn header(reader: &Reader, progress: &mut ProgressMeter) -> Result<ListHeader, Failure> {
    let refused = |error| Failure::PackData { path: reader.path().to_path_buf(), error };
    let mut builder = DigestListBuilder::new();
    for digest in reader.record_digests(0..reader.directory().record_count())? {
        builder.push(&digest?).map_err(refused)?;
        progress.add(1);
    }
    // The root covers the extensions too.
    let list = builder.finish(reader.trailer(), reader.extensions().raw()).map_err(refused)?;
    Ok(list.header().clone())
}

impl DigestsSummary {
    fn set_hashes(&mut self, root: Hash, content_hash: Hash, file_size: u64) {
        self.root = hex(&root);
        self.content_hash = hex(&content_hash);
        self.file_size = file_size;
    }

    fn print(&self, pack: &Path, to: &mut dyn Write) -> io::Result<()> {
        let name = printable::path(self.digests.path().unwrap_or(pack));
        writeln!(to, "{BOLD}{name}{BOLD:#}")?;
        let mut row = |name: &str, value: &str| writeln!(to, "  {name:<12} {value}");
        row("root", &self.root)?;
        row("content hash", &self.content_hash)?;
        row("digests", &Count(self.record_count.into()).to_string())?;
        match self.digests.path() {
            Some(_) => row("size", &Bytes(self.file_size).to_string()),
            None => Ok(()),
        }
    }
}
