//! The subcommands, a module each: its arguments (`clap::Args`) and a `run`.

mod cat;
mod check;
mod diff;
mod digests;
mod distinct;
mod get;
mod info;
mod inspect;
mod location;
mod pack;
mod place;
mod reading;
mod step;
mod target;
mod trusting;
mod verify;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

use crate::outcome::{Failure, Outcome};
use crate::{descriptors, interrupt, printable};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Many items in one sealed, immutable file: pack them, find any of them by
/// its position with one read, and know that the file is whole.
#[derive(Parser)]
#[command(name = "sealpack", version, styles = STYLES, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sealpack pack /usr/share/doc -o doc.pack     each file an item
  sealpack pack --lines big.log -o log.pack    every line an item
  sealpack get log.pack 41                     the 42nd line
  sealpack verify *.pack                       every check there is
  sealpack digests log.pack                    what proves single items
  sealpack diff old.pack new.pack              which items differ
  sealpack inspect log.pack                    look inside, at a terminal
  sealpack step                                the output stream, write by write
  sealpack check                               the output stream, proved

Exit status: 0 fine; 1 a pack is corrupt, did not verify or is not the trusted
one, two packs differ, or an invariant is broken; 2 wrong usage; 3 anything else
(a file that is not there, a full disk).
`sealpack COMMAND --help` says more, with examples.";

#[derive(Subcommand)]
enum Command {
    Pack(pack::Pack),
    Info(info::Info),
    Get(get::Get),
    Cat(cat::Cat),
    Verify(verify::Verify),
    Digests(digests::Digests),
    Diff(diff::Diff),
    Check(check::Check),
    Inspect(inspect::Inspect),
    Step(step::Step),
}

/// Parses the arguments and runs what they ask for.
pub fn main() -> ExitCode {
    // Before any work: what a command prints must not get lost.
    if let Err(failure) = descriptors::standard_output().and_then(|()| interrupt::survive_limits())
    {
        return failure.report();
    }
    let cli = Cli::try_parse().unwrap_or_else(|error| printable_usage(error).exit());
    match run(&cli.command) {
        Ok(outcome) => outcome.into(),
        Err(failure) => failure.report(),
    }
}

/// The parser's error with the arguments in it made printable. A pattern of the
/// shell passes whatever file names there are.
fn printable_usage(mut error: clap::Error) -> clap::Error {
    let arguments: Vec<(ContextKind, Vec<String>)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, vec![text.clone()])),
            ContextValue::Strings(texts) => Some((kind, texts.clone())),
            _ => None,
        })
        .collect();
    let printed = |text: &String| printable::text(text).to_string();
    for (kind, texts) in arguments {
        let all: Vec<String> = texts.iter().map(printed).collect();
        if all == texts {
            continue;
        }
        // A suggestion repeats the argument.
        error.insert(ContextKind::Suggested, ContextValue::None);
        error.insert(
            kind,
            match <[String; 1]>::try_from(all) {
                Ok([text]) => ContextValue::String(text),
                Err(all) => ContextValue::Strings(all),
            },
        );
    }
    error
}

fn run(command: &Command) -> Result<Outcome, Failure> {
    match command {
        Command::Pack(args) => pack::run(args),
        Command::Info(args) => info::run(args),
        Command::Get(args) => get::run(args),
        Command::Cat(args) => cat::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Digests(args) => digests::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Check(args) => check::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Step(args) => step::run(args),
    }
}
