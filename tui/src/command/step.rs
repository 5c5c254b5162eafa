//! `sealpack step`: steps through the output stream at a terminal.

use std::fs;
use std::path::{Path, PathBuf};

use sealpack_core::check::{Case, Event, MUTANTS, Mutant, Trace, Variant};
use sealpack_core::stream::BufferSize;

use crate::outcome::{CommandOutcome, Failure, Input};
use crate::size::parse_buffer_size;
use crate::step::{self, Setup};
use crate::terminal::NoTerminal;

/// Step through the output stream at a terminal, one write at a time
///
/// After each write it shows the buffer, the pending bytes, the puts, the reason for the decision and
/// the seven invariants. The case can be edited while it runs, and a stream with a seeded bug is shown
/// next to the correct one. Without CASE it opens a scenario. `?` shows the keys.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct StepArgs {
    /// The events: `b4,z2+3,f` copies 4 bytes, hands over extents of 2 and 3 bytes, flushes
    #[arg(value_parser = Events::parse)]
    case: Option<Events>,
    /// Run the stream with a seeded bug; `sealpack check --mutant all` lists them
    #[arg(long, value_name = "NAME", value_parser = mutant)]
    mutant: Option<&'static Mutant>,
    /// The stream's buffer size in bytes
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_buffer_size)]
    buffer_size: BufferSize,
    /// Limit puts to the buffer size
    #[arg(long)]
    trim: bool,
    /// Step through a trace: JSON Lines, or the output of `sealpack check --replay --json`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["case", "mutant", "buffer_size", "trim"])]
    trace: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  sealpack step                        scenarios
  sealpack step b4,z1,b7 --trim        your own case
  sealpack step 'b3,z4!1+3,b4'         the first put fails after 3 bytes
  sealpack step b4,z1,b7 --trim --mutant split-trusts-remnant
  sealpack step --trace uploads.jsonl  a recorded stream, write by write";

/// The events of a case.
#[derive(Clone, Debug)]
struct Events(Vec<Event>);

impl Events {
    fn parse(text: &str) -> Result<Self, String> {
        Case::parse_events(text).map(Self).map_err(|error| error.to_string())
    }
}

fn mutant(name: &str) -> Result<&'static Mutant, String> {
    Mutant::find(name).ok_or_else(|| {
        let names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        format!("the seeded bugs are {}", names.join(", "))
    })
}

impl StepArgs {
    /// Returns the case of the arguments; `None` if there is none, which shows the scenarios.
    fn setup(&self) -> Result<Option<Setup>, Failure> {
        if let Some(path) = &self.trace {
            return read_trace(path).map(|trace| Some(Setup::of_trace(trace)));
        }
        let has_no_case = self.case.is_none() && self.mutant.is_none() && !self.trim;
        if has_no_case {
            return Ok(None);
        }
        // Without a case, use three writes that expose many of the bugs.
        let events = match &self.case {
            Some(events) => events.0.clone(),
            None => vec![Event::buffered(4), Event::zero_copy(1), Event::buffered(7)],
        };
        Ok(Some(Setup {
            buffer_size: self.buffer_size,
            case: Case { trim: self.trim, events },
            variant: self.mutant.map_or(Variant::Strict, Variant::Mutant),
            trace: None,
        }))
    }
}

/// Reads a trace from JSON Lines, or from the JSON object of `sealpack check --replay`.
fn read_trace(path: &Path) -> Result<Trace, Failure> {
    let input = Input::Path(path.to_owned());
    let text = fs::read_to_string(path).map_err(|error| Failure::File {
        path: input.clone(),
        operation: "cannot read",
        error,
    })?;
    #[derive(serde::Deserialize)]
    struct ReplayJson {
        trace: Vec<serde_json::Value>,
    }
    let text = match serde_json::from_str::<ReplayJson>(&text) {
        Ok(replayed) => replayed.trace.iter().map(|line| format!("{line}\n")).collect(),
        Err(_) => text,
    };
    Trace::from_json_lines(&text).map_err(|error| Failure::usage(format!("{input}: {error}")))
}

/// Runs the terminal program.
pub fn run(args: &StepArgs) -> Result<CommandOutcome, Failure> {
    let setup = args.setup()?;
    NoTerminal::check()
        .map_err(|none| Failure::usage(format!("{none}; `sealpack check` works without one")))?;
    step::run(setup).map_err(Failure::Terminal)?;
    Ok(CommandOutcome::Fine)
}
