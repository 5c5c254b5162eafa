//! `sealpack inspect`: shows a pack at a terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack::{Error, PackSet, ReaderOptions};

use super::location::{PackLocation, PackSource};
use super::pack_sequence::open_set;
use super::read_args::ReadArgs;
use crate::inspect::{self, ListedPack, OpenedFile, ViewCommand};
use crate::outcome::{CommandOutcome, Failure};
use crate::printable;
use crate::terminal::NoTerminal;

/// Browse a pack at a terminal
///
/// Shows the records, items as text or hex, the trailer and a histogram of sizes. Goes to a position,
/// searches, saves items and verifies. Shows all readable parts of a damaged pack. `?` shows the keys.
/// Of a set, it lists the packs; Enter opens one of them, and q returns to the list.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct InspectArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Show items through your own program, for example `jq .` or `protoc --decode_raw`. It reads an
    /// item from standard input, and runs for at most 5 seconds. COMMAND is split into words
    /// like a shell command, but no shell runs it
    #[arg(long, value_name = "COMMAND", value_parser = ViewCommand::parse)]
    view: Option<ViewCommand>,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack inspect log.pack
  ssh -t backup sealpack inspect events.pack    reads only what it shows
  sealpack inspect ledgers.pack --view 'stellar xdr decode'

Without a terminal: `sealpack info` and `sealpack verify`, both with --json.";

/// Opens the pack and runs the terminal program.
pub fn run(args: &InspectArgs) -> Result<CommandOutcome, Failure> {
    NoTerminal::check().map_err(|none| {
        Failure::usage(format!("{none}; `sealpack info` and `sealpack verify` work without one"))
    })?;
    if let Some(set) = open_set(&args.reading, &args.file)? {
        run_on_set(args, &set)?;
        return Ok(CommandOutcome::Fine);
    }
    let opened = {
        let PackSource { source, name, options, .. } =
            args.reading.location(&args.file)?.open(args.reading.options(&args.file)?)?;
        inspect::open(source, &name, &options)?
    };
    inspect::run(opened, &args.file, args.view.clone()).map_err(Failure::Terminal)?;
    Ok(CommandOutcome::Fine)
}

fn run_on_set(args: &InspectArgs, set: &PackSet) -> Result<(), Failure> {
    let members = set.members().iter();
    let members =
        members.map(|pack| ListedPack { path: pack.path.clone(), identity: pack.identity });
    let options = args.reading.untrusted_options()?;
    let no_etag = args.reading.ignores_e_tags();
    let opening = set.clone();
    let open = move |member: usize| open_member(&opening, member, &options, no_etag);
    let title = printable::path(&args.file).to_string();
    inspect::run_on_set(title, members.collect(), Arc::new(open), args.view.clone())
        .map_err(Failure::Terminal)?;
    Ok(())
}

/// Opens a member of a set. A damaged one is opened as far as it can be read.
fn open_member(
    set: &PackSet,
    member: usize,
    options: &ReaderOptions,
    ignores_e_tags: bool,
) -> Result<OpenedFile, String> {
    let error = match set.reader(member) {
        Ok(reader) => return Ok(OpenedFile::Pack(reader, Vec::new())),
        Err(error) => error,
    };
    // Nothing of a damaged pack is shown if the set authenticates its items.
    let pack = set.members().get(member).filter(|_| error.corruption().is_some());
    let is_authenticated =
        set.manifest().is_some() && pack.is_some_and(|pack| pack.identity.digest_root.is_some());
    match pack {
        Some(pack) if !is_authenticated => {
            open_damaged(&pack.path, options, ignores_e_tags).map_err(|failure| failure.to_string())
        }
        _ => Err(printable_error(&error)),
    }
}

fn open_damaged(
    path: &Path,
    options: &ReaderOptions,
    ignores_e_tags: bool,
) -> Result<OpenedFile, Failure> {
    let location = PackLocation::of(path)?.ignoring_e_tags(ignores_e_tags);
    let PackSource { source, name, options, .. } = location.open(options.clone())?;
    Ok(inspect::open(source, &name, &options)?)
}

fn printable_error(error: &Error) -> String {
    format!("{}: {}", printable::path(error.path()), printable::line(format!("{:#}", error.kind())))
}
