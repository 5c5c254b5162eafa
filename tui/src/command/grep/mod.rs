//! `sealpack grep`: searches the items of packs for a pattern.
//!
//! ```text
//! pack ── chunks of records ──> workers: decode, match, format ── in order ──> standard output
//! ```
//!
//! [`pattern`] makes the matcher, [`lines`] finds the matching lines of one item,
//! [`print`] formats them, [`search`] runs all of it on several threads.

mod lines;
mod pattern;
mod print;
mod search;

use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use super::read_args::ReadArgs;
use crate::items::write::standard_output;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report;
use pattern::PatternArgs;
use print::{LineFormat, MatchFormat, Printed};
use search::PackSearch;

/// Size of the output buffer in bytes.
const BUFFER: usize = 256 << 10;

/// Search the items of packs for a pattern
///
/// Prints every matching line, preceded by the item's position. An item that was packed with
/// --lines is one line; an item that is a whole file has many, and --line-number says which.
///
/// The pattern is a regular expression as ripgrep has them; it never matches across lines. An
/// item with a NUL byte is taken to be binary: it is reported, its lines are not printed.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
#[command(override_usage = "sealpack grep [OPTIONS] PATTERN PACK...
       sealpack grep [OPTIONS] -e PATTERN PACK...")]
pub struct GrepArgs {
    /// The pattern, unless -e gives one; then the packs: files or URLs
    #[arg(value_name = "PATTERN PACK", required = true, num_args = 1..)]
    arguments: Vec<PathBuf>,
    #[command(flatten)]
    patterns: PatternArgs,
    /// Print only the number of matching items
    #[arg(short, long, group = "output")]
    count: bool,
    /// Print only the position of each matching item
    #[arg(short = 'l', long, group = "output")]
    items_with_matches: bool,
    /// Print nothing; stop at the first match
    #[arg(short, long, group = "output")]
    quiet: bool,
    /// Print one JSON object for each matching line
    #[arg(long, group = "output")]
    json: bool,
    /// Print the number of the line within its item
    #[arg(short = 'n', long)]
    line_number: bool,
    /// Print the lines alone, without pack and position
    #[arg(short = 'I', long)]
    no_prefix: bool,
    /// Search binary items as if they were text
    #[arg(short = 'a', long)]
    text: bool,
    /// Stop after this many matching items of each pack
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_count: Option<u64>,
    /// Colour the matches
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack grep 'timed? out' log.pack        matching lines with positions
  sealpack grep -F -c 'a.b(c)' *.pack        how many items contain this text
  sealpack grep -l -i todo src.pack          which items, in any case of letters
  sealpack grep -n main src.pack             with the line number in the item
  sealpack grep --json error https://packs.example/log.pack

Exit status: 0 something matched; 1 nothing did, or a pack is corrupt;
2 wrong usage; 3 any other error.";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: wrong usage, or the last pack that could not be searched to its
/// end.
pub fn run(args: &GrepArgs) -> Result<CommandOutcome, Failure> {
    let (given, packs) = args.split_arguments()?;
    let matcher = args.patterns.matcher(given)?;
    let format = args.format(packs.len() > 1);
    let mut to = BufWriter::with_capacity(BUFFER, standard_output().map_err(Failure::Output)?);
    let mut matched = false;
    let mut failed = None;
    for pack in packs {
        let search = PackSearch { matcher: &matcher, format, limit: args.limit() };
        match args.search(pack, &search, &mut to) {
            Ok(items) => matched |= items > 0,
            // The other packs may be whole: report this one and go on.
            Err(failure @ (Failure::Output(_) | Failure::Usage(_))) => return Err(failure),
            Err(failure) => {
                if let Some(earlier) = failed.replace(failure) {
                    earlier.report();
                }
            }
        }
        if matched && args.quiet {
            return Ok(CommandOutcome::Fine);
        }
    }
    to.flush().map_err(Failure::Output)?;
    match failed {
        Some(failure) => Err(failure),
        None if matched => Ok(CommandOutcome::Fine),
        None => Ok(CommandOutcome::Reported(Status::Broken)),
    }
}

impl GrepArgs {
    /// The pattern that is an argument, if -e gives none, and the packs.
    fn split_arguments(&self) -> Result<(Option<&str>, &[PathBuf]), Failure> {
        if self.patterns.are_options() {
            return Ok((None, &self.arguments));
        }
        match self.arguments.split_first() {
            Some((_, [])) | None => {
                Err(Failure::usage("no pack to search: sealpack grep PATTERN PACK..."))
            }
            Some((pattern, packs)) => match pattern.to_str() {
                Some(pattern) => Ok((Some(pattern), packs)),
                None => Err(Failure::usage("the pattern is not UTF-8: write bytes as (?-u:\\xff)")),
            },
        }
    }

    fn limit(&self) -> u64 {
        if self.quiet { 1 } else { self.max_count.unwrap_or(u64::MAX) }
    }

    fn format(&self, several: bool) -> MatchFormat {
        let is_terminal = stdout().is_terminal();
        let colored = match self.color {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => report::stdout_has_colors(),
        };
        let printed = match () {
            () if self.quiet || self.count => Printed::Nothing,
            () if self.items_with_matches => Printed::Items,
            () if self.json => Printed::Json,
            () => Printed::Lines(LineFormat {
                numbers: self.line_number,
                prefix: !self.no_prefix,
                escaped: is_terminal,
                colored,
            }),
        };
        MatchFormat { printed, several, text: self.text, inverted: self.patterns.inverted }
    }

    /// Searches one pack. Returns the number of matching items.
    fn search(
        &self,
        pack: &Path,
        search: &PackSearch<'_>,
        to: &mut impl Write,
    ) -> Result<u64, Failure> {
        let location = self.reading.location(pack)?;
        let options = self.reading.options(pack)?;
        let workers = search::workers(&location);
        let opened = location.open(options)?;
        // Each worker reads and decodes by itself.
        let reader = opened.options.threads(1).open_source(opened.source, opened.name)?;
        let (reader, _) = self.reading.detect_codec(reader, self.json)?;
        let quiet = self.json || stdout().is_terminal();
        let mut progress = ProgressMeter::items("searching", u64::from(reader.item_count()), quiet);
        let found = search.run(&reader, pack, workers, |chunk| {
            to.write_all(&chunk.output).and_then(|()| to.flush()).map_err(Failure::Output)?;
            progress.add(u64::from(chunk.searched));
            Ok(())
        })?;
        if self.count {
            print::count(to, pack, found, search.format.several).map_err(Failure::Output)?;
        }
        Ok(found)
    }
}
