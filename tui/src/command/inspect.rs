//! `sealpack inspect`: shows a pack at a terminal.

use std::path::PathBuf;

use super::location::PackSource;
use super::read_args::ReadArgs;
use crate::inspect::{self, ViewCommand};
use crate::outcome::{CommandOutcome, Failure};
use crate::terminal::NoTerminal;

/// Look inside a pack, at a terminal
///
/// Shows records, items as text or hex, the trailer and a histogram; goes to a position, searches,
/// saves items and verifies. A damaged pack is shown as far as it can be read. `?` shows the keys.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct InspectArgs {
    /// The pack
    file: PathBuf,
    /// Show items through a program of yours, which reads one from its standard input: `jq .`,
    /// `protoc --decode_raw`. It is split into words as by a shell and run without one, for 5
    /// seconds at most
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
    let opened = {
        let PackSource { source, name, options, .. } =
            args.reading.location(&args.file)?.open(args.reading.options(&args.file)?)?;
        inspect::open(source, &name, &options)?
    };
    inspect::run(opened, &args.file, args.view.clone()).map_err(Failure::Terminal)?;
    Ok(CommandOutcome::Fine)
}
