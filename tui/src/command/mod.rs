//! The subcommands. Each module has the arguments (`clap::Args`) and a `run`.

mod cat;
mod check;
mod dictionary;
mod dictionary_args;
mod diff;
mod digests;
mod distinct;
mod generate;
mod get;
mod grep;
mod info;
mod inspect;
mod location;
mod ls;
mod name_filter;
mod name_pattern;
mod named_items;
mod pack;
mod pack_sequence;
mod place;
mod plan;
mod position_runs;
mod read_args;
mod repack;
mod set;
mod step;
mod target;
mod trust_args;
mod unpack;
mod verify;
mod write_args;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::outcome::{CommandOutcome, Failure};
use crate::{descriptors, interrupt, printable};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Pack many items into one sealed, immutable file, read any item by its position
/// with one read, and verify that the file is intact.
#[derive(Parser)]
#[command(name = "sealpack", version, styles = STYLES, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sealpack pack /usr/share/doc -o doc.pack     each file becomes an item
  sealpack pack --lines big.log -o log.pack    each line becomes an item
  sealpack ls doc.pack                         list the items
  sealpack get log.pack 41                     print the 42nd line
  sealpack get doc.pack bash/README            print a file by its name
  sealpack unpack doc.pack -C doc              write the files to a folder
  sealpack grep error log.pack                 print the lines that match
  sealpack verify *.pack                       run every check
  sealpack repack a.pack b.pack -o c.pack      join packs, or change their codec
  sealpack digests log.pack                    write its digest list
  sealpack plan --lines big.log                compare the forms of a pack
  sealpack dictionary train logs/ -o log.dict  a dictionary that packs share
  sealpack diff old.pack new.pack              show which items differ
  sealpack set create set.json *.pack          read many packs as one
  sealpack inspect log.pack                    browse a pack at a terminal
  sealpack step                                step through the output stream
  sealpack check                               prove the output stream

Exit status: 0 success; 1 a pack is corrupt, did not verify or does not match
the trusted hash, two packs differ, or an invariant is broken; 2 wrong usage;
3 any other error (a missing file, a full disk).
`sealpack COMMAND --help` has details and examples.";

#[derive(Subcommand)]
enum Command {
    Pack(pack::PackArgs),
    Info(info::InfoArgs),
    Ls(ls::LsArgs),
    Get(get::GetArgs),
    Cat(cat::CatArgs),
    Unpack(unpack::UnpackArgs),
    Grep(grep::GrepArgs),
    Verify(verify::VerifyArgs),
    Repack(repack::RepackArgs),
    Digests(digests::DigestsArgs),
    Plan(plan::PlanArgs),
    Dictionary(dictionary::DictionaryArgs),
    Diff(diff::DiffArgs),
    Set(set::PackSetArgs),
    Check(check::CheckArgs),
    Inspect(inspect::InspectArgs),
    Step(step::StepArgs),
    #[command(hide = true)]
    Generate(generate::GenerateArgs),
}

/// Parses the arguments and runs the subcommand.
pub fn main() -> ExitCode {
    // Check standard output before any work, so that no output is lost.
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

/// Makes the arguments in the parser's error printable. They may be file names that a shell
/// pattern expanded to.
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

fn run(command: &Command) -> Result<CommandOutcome, Failure> {
    match command {
        Command::Pack(args) => pack::run(args),
        Command::Info(args) => info::run(args),
        Command::Ls(args) => ls::run(args),
        Command::Get(args) => get::run(args),
        Command::Cat(args) => cat::run(args),
        Command::Unpack(args) => unpack::run(args),
        Command::Grep(args) => grep::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Repack(args) => repack::run(args),
        Command::Digests(args) => digests::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Dictionary(args) => dictionary::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Set(args) => set::run(args),
        Command::Check(args) => check::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Step(args) => step::run(args),
        Command::Generate(args) => generate::run(args, &mut Cli::command()),
    }
}
