//! `sealpack inspect`: shows a pack at a terminal.

use std::path::PathBuf;

use super::location::PackSource;
use super::read_args::ReadArgs;
use crate::inspect::{self, ViewCommand};
use crate::outcome::{CommandOutcome, Failure};
use crate::terminal::NoTerminal;

/// Browse a pack at a terminal
///
/// Shows the records, items as text or hex, the trailer and a histogram of sizes. Goes to a position,
/// searches, saves items and verifies. Shows all readable parts of a damaged pack. `?` shows the keys.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct InspectArgs {
    /// The pack
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
    let opened = {
        let PackSource { source, name, options, .. } =
            args.reading.location(&args.file)?.open(args.reading.options(&args.file)?)?;
        inspect::open(source, &name, &options)?
    };
    inspect::run(opened, &args.file, args.view.clone()).map_err(Failure::Terminal)?;
    Ok(CommandOutcome::Fine)
}
