//! `sealpack set`: makes and compares manifests of sets.

mod create;
mod difference;
pub mod info;

use std::path::PathBuf;

use super::pack_sequence::{is_manifest, open_set};
use super::read_args::ReadArgs;
use super::verify::{self, VerifyArgs};
use crate::outcome::{CommandOutcome, Failure};
use crate::printable;

/// Read many packs as one: make, extend, verify and compare manifests
///
/// A set is several packs that are read as one sequence of items. Its manifest, a small JSON file next to
/// the packs, lists them with what identifies each, and has one root that authenticates all of them.
/// `get`, `cat`, `ls`, `info` and `verify` take the manifest where they take a pack; they recognize it by
/// its name, which ends in .json.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct PackSetArgs {
    #[command(subcommand)]
    command: SetCommand,
}

const EXAMPLES: &str = "\
Examples:
  sealpack set create logs/set.json logs/*.pack     make a set
  sealpack set add logs/set.json logs/new.pack      a pack joins it
  sealpack get logs/set.json 5000000000             an item of any of them
  sealpack cat logs/set.json --lines --range ..10
  sealpack set verify logs/set.json                 every check of every pack
  sealpack set diff logs/set.json https://packs.example/logs/set.json
                                                    what a mirror has to copy";

#[derive(clap::Subcommand, Debug)]
enum SetCommand {
    Create(create::CreateArgs),
    Add(create::AddArgs),
    Info(SetInfoArgs),
    Verify(VerifyArgs),
    Diff(difference::SetDiffArgs),
}

/// Show the members of a set
#[derive(clap::Args, Debug)]
#[command(after_long_help = INFO_EXAMPLES)]
struct SetInfoArgs {
    /// The manifest, a file or a URL
    manifest: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const INFO_EXAMPLES: &str = "\
Examples:
  sealpack set info logs/set.json
  sealpack set info logs/set.json --json | jq -r .root
  sealpack set info https://packs.example/logs/set.json --trust $ROOT";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a manifest or a pack that cannot be read, a manifest that cannot be
/// written.
pub fn run(args: &PackSetArgs) -> Result<CommandOutcome, Failure> {
    match &args.command {
        SetCommand::Create(args) => create::create(args),
        SetCommand::Add(args) => create::add(args),
        SetCommand::Info(args) => match open_set(&args.reading, &args.manifest)? {
            Some(set) => info::print(&args.manifest, &set, args.json),
            None => Err(no_manifest(&args.manifest)),
        },
        SetCommand::Verify(args) => {
            for manifest in &args.files {
                if !is_manifest(&args.reading().location(manifest)?) {
                    return Err(no_manifest(manifest));
                }
            }
            verify::run(args)
        }
        SetCommand::Diff(args) => difference::run(args),
    }
}

/// The name of a manifest has another ending.
fn no_manifest(path: &std::path::Path) -> Failure {
    Failure::usage(format!(
        "{}: not the manifest of a set, whose name ends in .json",
        printable::path(path)
    ))
}
