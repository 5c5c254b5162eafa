//! `sealpack unpack`: writes the items of a pack to files at the paths that their names give.

mod summary;
mod to_tar;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sealpack::{Reader, Unpacker};

use self::summary::UnpackSummary;
use super::name_pattern::NamePatterns;
use super::named_items::{names_of, no_names, report_unmatched};
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
/// A PATTERN selects names as for `sealpack ls`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct UnpackArgs {
    /// The pack
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
  sealpack unpack s3://bucket/src.pack -C src --trust $ROOT";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: the pack cannot be read, or the folder cannot be written to.
pub fn run(args: &UnpackArgs) -> Result<CommandOutcome, Failure> {
    let mut patterns = NamePatterns::parse(&args.patterns)?;
    let (reader, _) = args.reading.open_with_codec(&args.file, args.json)?;
    let (unpacker, nameless) = args.plan(&reader, &mut patterns)?;
    let started = Instant::now();
    let report = match &args.to_tar {
        Some(to) => to_tar::write(args, to, unpacker, &reader)?,
        None => args.write_files(unpacker, &reader)?,
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
        reader: &Reader,
        patterns: &mut NamePatterns,
    ) -> Result<(Unpacker, u64), Failure> {
        let options = Unpacker::options()
            .overwrite(self.force)
            .portable(self.portable)
            .durable(!self.no_sync);
        let mut unpacker = options.build();
        let mut nameless = 0;
        let pack_name = self.pack_name();
        let by_position = |unpacker: &mut Unpacker, position: u32| {
            unpacker.add(position, position.to_string().as_bytes());
        };
        match names_of(reader)? {
            Some(names) => {
                for named in names.iter() {
                    let (position, name) = named?;
                    if !name.is_empty() {
                        if patterns.matches(&name) {
                            self.check_keeps_pack(pack_name.as_deref(), position, &name)?;
                            unpacker.add(position, &name);
                        }
                    } else if self.positions && patterns.is_empty() {
                        by_position(&mut unpacker, position);
                    } else if patterns.is_empty() {
                        nameless += 1;
                    }
                }
            }
            None if self.positions && patterns.is_empty() => {
                (0..reader.item_count()).for_each(|at| by_position(&mut unpacker, at));
            }
            None if patterns.is_empty() => {
                return Err(Failure::usage(format!(
                    "{}: the pack stores no names; --positions writes each item to a file that \
                     is named by its position",
                    printable::path(&self.file)
                )));
            }
            None => return Err(no_names(&self.file)),
        }
        Ok((unpacker, nameless))
    }

    /// Returns the name that an item must not have, since it would replace the pack itself.
    fn pack_name(&self) -> Option<PathBuf> {
        let pack = fs::canonicalize(&self.file).ok().filter(|_| self.force)?;
        let folder = fs::canonicalize(&self.directory).ok()?;
        Some(pack.strip_prefix(folder).ok()?.to_path_buf())
    }

    /// Fails for an item that would replace the pack while it is read.
    fn check_keeps_pack(
        &self,
        pack_name: Option<&Path>,
        position: u32,
        name: &[u8],
    ) -> Result<(), Failure> {
        let Some(pack_name) = pack_name else { return Ok(()) };
        let pack_name = pack_name.as_os_str().as_encoded_bytes();
        if name.strip_prefix(b"./").unwrap_or(name) != pack_name || self.to_tar.is_some() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "item {position} would replace the pack {}: unpack into another folder",
            printable::path(&self.file)
        )))
    }

    fn write_files(
        &self,
        unpacker: Unpacker,
        reader: &Reader,
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
        let report = staged.run(reader, |now| {
            progress.lock().unwrap_or_else(PoisonError::into_inner).set(now.items);
        })?;
        Ok(report)
    }
}
