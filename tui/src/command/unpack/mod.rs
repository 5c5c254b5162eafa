//! `sealpack unpack`: writes the items of a pack to files at the paths that their names give.

mod summary;
mod to_tar;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sealpack::Unpacker;

use self::summary::UnpackSummary;
use super::name_pattern::NamePatterns;
use super::named_items::{names_of, no_names, report_unmatched};
use super::pack_sequence::{PackSequence, SequencePart};
use super::read_args::ReadArgs;
use crate::interrupt::Interrupt;
use crate::outcome::{CommandOutcome, Failure, Input, Status};
use crate::progress::ProgressMeter;
use crate::{printable, report};

/// Write the items of a pack to files; the name of each item is its path
///
/// Files are written only below DIR. An item is left out and reported, and the exit status is 1, if
/// its name is absolute, contains `..`, or leads through a symbolic link, if it is also the name of a
/// folder, or if the file exists. All other items are written. A leading `./` is removed. Of several
/// items with the same name the first is written; with --force the last, as tar does.
///
/// Each file appears whole or not at all: it is renamed to its path only when it is on the disk. If the
/// command is killed, a folder DIR/.unpack.XXXXXX.tmp may remain, which can be deleted. A pack stores
/// neither modes nor times nor empty folders.
///
/// A PATTERN selects names as for `sealpack ls`. The packs of a set are unpacked like one pack: of
/// several items with the same name, the first one in the set is written.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct UnpackArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Only items whose names match one of these
    #[arg(value_name = "PATTERN")]
    patterns: Vec<OsString>,
    /// The folder to write to; it is created if it does not exist
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Replace existing files; folders, pipes and devices are never replaced
    #[arg(long)]
    force: bool,
    /// Also write items without names, each to a file named by its position
    #[arg(long)]
    positions: bool,
    /// Leave out names that some systems cannot store: device names of Windows,
    /// reserved characters, names that are not UTF-8 or differ only in case
    #[arg(long)]
    portable: bool,
    /// Do not wait for the disk: after a crash of the system, files may be
    /// incomplete
    #[arg(long)]
    no_sync: bool,
    /// Write a tar archive instead of files; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["directory", "no_sync"])]
    to_tar: Option<PathBuf>,
    /// Print one JSON object instead of the summary, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack unpack src.pack -C src                   every file
  sealpack unpack src.pack -C src 'docs/**' Cargo.toml
                                                    some of them
  sealpack unpack src.pack --to-tar - | ssh host tar -x
  sealpack unpack log.pack -C lines --positions     items without names
  sealpack unpack set.json -C src                   every pack of a set
  sealpack unpack s3://bucket/src.pack -C src --trust $ROOT";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: the pack cannot be read, or the folder cannot be written to.
pub fn run(args: &UnpackArgs) -> Result<CommandOutcome, Failure> {
    let mut patterns = NamePatterns::parse(&args.patterns)?;
    let packs = PackSequence::open(&args.reading, &args.file)?;
    if let PackSequence::Pack(reader) = &packs {
        args.reading.chosen_codec(reader, args.json)?;
    }
    let (unpacker, nameless) = args.plan(&packs, &mut patterns)?;
    let started = Instant::now();
    let report = match &args.to_tar {
        Some(to) => to_tar::write(args, to, unpacker, &packs)?,
        None => args.write_files(unpacker, &packs)?,
    };
    let summary = UnpackSummary::new(args, &report, nameless, started.elapsed());
    let is_complete = report.refused.is_empty() && nameless == 0;
    summary.report_refused();
    match (args.json, &args.to_tar) {
        (true, _) => report::print_json(&summary)?,
        (false, None) => report::print(|to| summary.print(to))?,
        // Standard output may be the archive.
        (false, Some(_)) => {}
    }
    match report_unmatched(&patterns) {
        CommandOutcome::Fine if !is_complete => Ok(CommandOutcome::Reported(Status::Broken)),
        outcome => Ok(outcome),
    }
}

impl UnpackArgs {
    /// Chooses the items to write. Also returns how many are left out because they have no
    /// name.
    fn plan(
        &self,
        packs: &PackSequence,
        patterns: &mut NamePatterns,
    ) -> Result<(Unpacker, u64), Failure> {
        let options = Unpacker::options()
            .overwrite(self.force)
            .portable(self.portable)
            .durable(!self.no_sync);
        let mut unpacker = options.build();
        let mut nameless = 0;
        let kept = self.kept_names(packs);
        for part in packs.parts(0..packs.item_count()) {
            nameless += self.plan_part(&part?, &kept, patterns, &mut unpacker)?;
        }
        Ok((unpacker, nameless))
    }

    /// Chooses the items of one pack. Returns how many were left out because they have no
    /// name.
    fn plan_part(
        &self,
        part: &SequencePart,
        kept: &[PathBuf],
        patterns: &mut NamePatterns,
        unpacker: &mut Unpacker,
    ) -> Result<u64, Failure> {
        let SequencePart { reader, first, .. } = part;
        let mut nameless = 0;
        let by_position = |unpacker: &mut Unpacker, position: u32| {
            let position = first + u64::from(position);
            unpacker.add(position, position.to_string().as_bytes());
        };
        match names_of(reader)? {
            Some(names) => {
                for named in names.iter() {
                    let (position, name) = named?;
                    if !name.is_empty() {
                        if patterns.matches(&name) {
                            let position = first + u64::from(position);
                            self.check_keeps_packs(kept, position, &name)?;
                            unpacker.add(position, &name);
                        }
                    } else if self.positions && patterns.is_empty() {
                        by_position(unpacker, position);
                    } else if patterns.is_empty() {
                        nameless += 1;
                    }
                }
            }
            None if self.positions && patterns.is_empty() => {
                (0..reader.item_count()).for_each(|at| by_position(unpacker, at));
            }
            None if patterns.is_empty() => {
                return Err(Failure::usage(format!(
                    "{}: the pack stores no names; --positions writes each item to a file that \
                     is named by its position",
                    printable::path(reader.path())
                )));
            }
            None => return Err(no_names(reader.path())),
        }
        Ok(nameless)
    }

    /// Returns the names with which an item would replace the pack itself, or the manifest
    /// or a pack of a set.
    fn kept_names(&self, packs: &PackSequence) -> Vec<PathBuf> {
        if !self.force || self.to_tar.is_some() {
            return Vec::new();
        }
        let Ok(folder) = fs::canonicalize(&self.directory) else { return Vec::new() };
        let members = match packs {
            PackSequence::Pack(_) => &[],
            PackSequence::Set(set) => set.members(),
        };
        let files = members.iter().map(|pack| &pack.path).chain([&self.file]);
        let name_of = |file: &PathBuf| {
            let file = fs::canonicalize(file).ok()?;
            Some(file.strip_prefix(&folder).ok()?.to_path_buf())
        };
        files.filter_map(name_of).collect()
    }

    /// Fails for an item that would replace a pack or manifest while it is read.
    fn check_keeps_packs(
        &self,
        kept: &[PathBuf],
        position: u64,
        name: &[u8],
    ) -> Result<(), Failure> {
        let name = name.strip_prefix(b"./").unwrap_or(name);
        let is_name = |kept: &&PathBuf| kept.as_os_str().as_encoded_bytes() == name;
        let Some(kept) = kept.iter().find(is_name) else { return Ok(()) };
        Err(Failure::usage(format!(
            "item {position} would replace the pack {}: unpack into another folder",
            printable::path(kept)
        )))
    }

    fn write_files(
        &self,
        unpacker: Unpacker,
        packs: &PackSequence,
    ) -> Result<sealpack::UnpackReport, Failure> {
        fs::create_dir_all(&self.directory).map_err(|error| Failure::File {
            path: Input::Path(self.directory.clone()),
            operation: "cannot create",
            error,
        })?;
        let progress = ProgressMeter::items("unpacking", unpacker.len() as u64, self.json);
        let progress = Mutex::new(progress);
        let interrupt = Interrupt::new().map_err(Failure::Signals)?;
        let staged = interrupt.guard(|| {
            let staged = unpacker.stage(&self.directory)?;
            let abort = staged.abort_handle();
            Ok::<_, sealpack::Error>((staged, move || abort.abort()))
        })?;
        let report = staged.run(packs.unpack_source(), |now| {
            progress.lock().unwrap_or_else(PoisonError::into_inner).set(now.items);
        })?;
        Ok(report)
    }
}
