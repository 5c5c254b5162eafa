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
/// A set is several packs that are read as one sequence of items. Its manifest, a small JSON file next
/// to the packs, lists their names, sizes and hashes, and has a root that authenticates all of them.
/// `get`, `cat`, `ls`, `grep`, `info` and `verify` accept a manifest in place of a pack; they recognize
/// it by its name, which ends in .json.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct PackSetArgs {
    #[command(subcommand)]
    command: SetCommand,
}

const EXAMPLES: &str = "\
Examples:
  sealpack set create logs/set.json logs/*.pack     make a set
  sealpack set add logs/set.json logs/new.pack      add a pack at its end
  sealpack get logs/set.json 5000000000             one item, from any of the packs
  sealpack cat logs/set.json --lines --range ..10
  sealpack set verify logs/set.json                 every check of every pack
  sealpack set diff logs/set.json https://packs.example/logs/set.json
                                                    which packs a mirror has to copy";

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
/// [`Failure`]: a manifest or a pack cannot be read, or a manifest cannot be written.
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

/// Returns the failure for a path that does not end as the name of a manifest does.
fn no_manifest(path: &std::path::Path) -> Failure {
    Failure::usage(format!(
        "{}: not the manifest of a set, whose name ends in .json",
        printable::path(path)
    ))
}
