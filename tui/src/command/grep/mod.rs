//! `sealpack grep`: searches the items of packs for a pattern.
//!
//! [`pattern`] makes the matcher, [`lines`] finds the matching lines of one item,
//! [`print`] formats them, and [`context`] adds the lines around them. [`search`] does
//! this for a chunk of a pack, [`queue`] for several packs on several threads.

mod context;
mod lines;
mod pattern;
mod print;
mod queue;
mod search;

use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

#[cfg(feature = "remote")]
use super::location::{PackLocation, REQUESTS};
use super::name_filter::{NameFilter, NameFilterArgs};
use super::named_items::{names_of, no_names, report_unmatched};
use super::pack_sequence::open_set_with;
use super::read_args::ReadArgs;
use crate::items::write::standard_output;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report;
use context::{ContextSize, SEPARATOR};
use pattern::PatternArgs;
use print::{LineFormat, MatchFormat, Printed};
use queue::{SearchOutput, SearchQueue, SearchedPack, Wanted};
use search::{OpenPack, PackSearch, SearchedChunk};

/// Size of the output buffer in bytes.
const BUFFER: usize = 256 << 10;

/// Search the items of packs for a pattern
///
/// Prints every matching line, preceded by the item's name, or by its position if the pack stores
/// no names. An item that was packed with --lines is one line. An item that is a whole file has
/// many; --line-number prints their numbers.
///
/// -A, -B and -C add lines of the same item. In a pack without names, whose items are usually the
/// lines of one text, they also add lines of the neighbouring items.
///
/// The manifest of a set (*.json) means all packs of the set.
///
/// The pattern is a regular expression in ripgrep's syntax. It never matches across lines. An item
/// with a NUL byte counts as binary: the command reports that it matches, and does not print its lines.
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
    /// Print only the name of each matching item, or its position if it has none
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
    /// Print positions even if items have names
    #[arg(long)]
    position: bool,
    /// Print the lines alone, without pack and item
    #[arg(short = 'I', long)]
    no_prefix: bool,
    /// Print a NUL byte after each name or position, for `xargs -0`
    #[arg(short = '0', long)]
    null: bool,
    #[command(flatten)]
    context: ContextArgs,
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
    names: NameFilterArgs,
    #[command(flatten)]
    reading: ReadArgs,
}

/// The arguments about lines around the matching ones.
#[derive(clap::Args, Debug)]
struct ContextArgs {
    /// Also print N lines after each matching line
    #[arg(short = 'A', long, value_name = "N", conflicts_with = "json")]
    after_context: Option<u32>,
    /// Also print N lines before each matching line
    #[arg(short = 'B', long, value_name = "N", conflicts_with = "json")]
    before_context: Option<u32>,
    /// Also print N lines before and after each matching line
    #[arg(short = 'C', long, value_name = "N", conflicts_with = "json")]
    context: Option<u32>,
}

const EXAMPLES: &str = "\
Examples:
  sealpack grep 'timed? out' log.pack        matching lines, after their item
  sealpack grep -F -c 'a.b(c)' *.pack        how many items contain this text
  sealpack grep -l -i todo src.pack          which items, in any case of letters
  sealpack grep -n main src.pack --name '**/*.rs'
                                             in some files, with line numbers
  sealpack grep -C 3 panicked log.pack       with three lines before and after
  sealpack grep -l0 TODO src.pack | xargs -0 sealpack get src.pack --json --name
                                             the items that match
  sealpack grep --json error https://packs.example/log.pack

Exit status: 0 a line matched; 1 no line matched; 2 an error: wrong usage, or a
pack that cannot be read completely.";

/// Runs the command.
///
/// # Errors
/// [`Failure`]: wrong usage, standard output cannot be written, or no thread starts. The
/// command reports all other errors itself, and then ends with status 2.
pub fn run(args: &GrepArgs) -> Result<CommandOutcome, Failure> {
    let (given, arguments) = args.split_arguments()?;
    let matcher = args.patterns.matcher(given)?;
    let mut results = SearchResults::default();
    let packs = args.packs(arguments, &mut results)?;
    let format = args.format(packs.len() > 1);
    let search =
        PackSearch { matcher: &matcher, format, context: args.context(), limit: args.limit() };
    let filter = args.names.parse()?.map(Mutex::new);
    let to = BufWriter::with_capacity(BUFFER, standard_output().map_err(Failure::Output)?);
    let mut output = GrepOutput { args, format, to, found: None, results };
    let queue = SearchQueue::new(&packs, search, args.workers(arguments));
    queue.run(|pack| args.open(pack, filter.as_ref()), &mut output)?;
    output.to.flush().map_err(Failure::Output)?;
    let SearchResults { has_matched, has_failed, .. } = output.results;
    if has_matched && args.quiet {
        return Ok(CommandOutcome::Fine);
    }
    // A pattern that matched no name may match one in a pack that could not be opened.
    if let (Some(filter), false) = (filter, has_failed) {
        let filter = filter.into_inner().unwrap_or_else(PoisonError::into_inner);
        if report_unmatched(filter.taken()) != CommandOutcome::Fine {
            return Ok(CommandOutcome::Reported(ERROR));
        }
    }
    Ok(match (has_failed, has_matched) {
        (true, _) => CommandOutcome::Reported(ERROR),
        (false, true) => CommandOutcome::Fine,
        (false, false) => CommandOutcome::Reported(Status::Broken),
    })
}

/// The status of any error: 2, as `grep` has it.
const ERROR: Status = Status::Usage;

/// What the search has found so far.
#[derive(Default)]
struct SearchResults {
    has_matched: bool,
    has_failed: bool,
    has_printed: bool,
}

/// Prints the results.
struct GrepOutput<'a, W> {
    args: &'a GrepArgs,
    format: MatchFormat,
    to: W,
    /// The number of matching items in the pack whose results are being printed.
    found: Option<(u64, ProgressMeter)>,
    results: SearchResults,
}

impl<W: Write> SearchOutput for GrepOutput<'_, W> {
    fn begin(&mut self, pack: &OpenPack) {
        let quiet = self.args.json || self.format.escaped;
        self.found = Some((0, ProgressMeter::items("searching", pack.item_count(), quiet)));
    }

    fn chunk(&mut self, mut chunk: SearchedChunk) -> Result<Wanted, Failure> {
        let Some((found, progress)) = &mut self.found else { return Ok(Wanted::More) };
        chunk.truncate(self.args.limit().saturating_sub(*found));
        *found += chunk.found();
        self.results.has_matched |= *found > 0;
        if !chunk.output.is_empty() {
            let apart = chunk.starts_apart && self.results.has_printed;
            let separator = if apart { SEPARATOR } else { b"" };
            self.results.has_printed = true;
            let written = self.to.write_all(separator);
            let written = written.and_then(|()| self.to.write_all(&chunk.output));
            // Matches appear immediately.
            written.and_then(|()| self.to.flush()).map_err(Failure::Output)?;
        }
        progress.add(u64::from(chunk.searched));
        Ok(match () {
            () if self.args.quiet && self.results.has_matched => Wanted::Nothing,
            () if *found >= self.args.limit() => Wanted::NextPack,
            () => Wanted::More,
        })
    }

    fn end(&mut self, path: &Path, failure: Option<Failure>) -> Result<Wanted, Failure> {
        let found = self.found.take().map(|(found, _)| found);
        match (failure, found) {
            (Some(failure), _) => {
                // Report this pack, and continue with the others.
                failure.report();
                self.results.has_failed = true;
            }
            (None, Some(found)) if self.args.count => {
                print::count(&mut self.to, path, found, self.format.several)
                    .map_err(Failure::Output)?;
            }
            (None, _) => {}
        }
        Ok(Wanted::More)
    }
}

impl GrepArgs {
    /// Splits the arguments into the pattern, unless -e gives it, and the packs.
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

    /// Returns the packs that the arguments name; for a manifest, the members of its set.
    /// Reports each manifest that cannot be opened.
    fn packs(
        &self,
        arguments: &[PathBuf],
        results: &mut SearchResults,
    ) -> Result<Vec<SearchedPack>, Failure> {
        let mut packs = Vec::new();
        for argument in arguments {
            // Each worker reads and decodes by itself.
            match open_set_with(&self.reading, argument, |options| options.threads(1)) {
                Ok(None) => packs.push(SearchedPack::Argument(argument.clone())),
                Ok(Some(set)) => packs.extend((0..).zip(set.members()).map(|(number, member)| {
                    let (set, path) = (set.clone(), member.path.clone());
                    SearchedPack::Member { set, number, path }
                })),
                Err(usage @ Failure::Usage(_)) => return Err(usage),
                Err(failure) => {
                    failure.report();
                    results.has_failed = true;
                }
            }
        }
        Ok(packs)
    }

    fn limit(&self) -> u64 {
        if self.quiet { 1 } else { self.max_count.unwrap_or(u64::MAX) }
    }

    fn format(&self, several: bool) -> MatchFormat {
        let colored = match self.color {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => report::stdout_has_colors(),
        };
        let printed = match () {
            () if self.quiet || self.count => Printed::Nothing,
            () if self.items_with_matches => Printed::Items,
            () if self.json => Printed::Json,
            () => Printed::Lines(LineFormat { numbers: self.line_number, prefix: !self.no_prefix }),
        };
        MatchFormat {
            printed,
            several,
            text: self.text,
            inverted: self.patterns.inverted,
            position: self.position,
            null: self.null,
            escaped: stdout().is_terminal(),
            colored,
        }
    }

    fn context(&self) -> ContextSize {
        let ContextArgs { before_context, after_context, context } = self.context;
        ContextSize {
            before: before_context.or(context).unwrap_or(0),
            after: after_context.or(context).unwrap_or(0),
        }
    }

    /// Returns the number of threads that search: one for each core, or more if they wait
    /// for requests most of the time.
    fn workers(&self, packs: &[PathBuf]) -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        #[cfg(feature = "remote")]
        if packs.iter().any(|pack| PackLocation::of(pack).is_ok_and(|pack| !pack.is_file())) {
            return cores.max(REQUESTS);
        }
        let _ = packs;
        cores
    }

    /// Opens a pack and selects its items.
    fn open(
        &self,
        pack: &SearchedPack,
        filter: Option<&Mutex<NameFilter>>,
    ) -> Result<OpenPack, Failure> {
        let reader = match pack {
            SearchedPack::Member { set, number, .. } => set.reader(*number)?,
            SearchedPack::Argument(path) => {
                let opened = self.reading.location(path)?.open(self.reading.options(path)?)?;
                // Each worker reads and decodes by itself.
                opened.options.threads(1).open_source(opened.source, opened.name)?
            }
        };
        let (reader, _) = self.reading.detect_codec(reader, self.json)?;
        let names = names_of(&reader)?;
        let all = 0..reader.item_count();
        let runs = match (filter, &names) {
            (None, _) => vec![all],
            (Some(_), None) => return Err(no_names(reader.path())),
            (Some(filter), Some(names)) => {
                filter.lock().unwrap_or_else(PoisonError::into_inner).runs(names, all)?
            }
        };
        Ok(OpenPack { path: pack.path().to_path_buf(), reader, names, runs })
    }
}
