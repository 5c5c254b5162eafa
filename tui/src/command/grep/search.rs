//! Searches the items of one pack, in chunks.

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::vec;

use grep_regex::RegexMatcher;
use sealpack::{Names, Reader};

use super::context::{ContextPrinter, ContextSearch, ContextSize};
use super::print::{LineFormat, MatchFormat, MatchPrinter, Printed, SearchedItem};
use crate::command::position_runs::{PositionRuns, grouped_by_records};
use crate::outcome::Failure;

/// Approximately how many stored bytes a chunk has: large enough that threads rarely wait
/// for the lock, small enough that the first matches appear immediately.
const CHUNK: u64 = 1 << 20;

/// The search of a pack: what is searched for, and how matches are printed.
#[derive(Clone, Copy, Debug)]
pub struct PackSearch<'a> {
    /// The pattern.
    pub matcher: &'a RegexMatcher,
    /// The output.
    pub format: MatchFormat,
    /// The lines around each match.
    pub context: ContextSize,
    /// The search of a pack ends after this many matching items.
    pub limit: u64,
}

/// A pack that is searched.
pub struct OpenPack {
    /// Its name in the output.
    pub path: PathBuf,
    /// Reads its items, on the thread of the worker.
    pub reader: Reader,
    /// The names of its items, if it stores any.
    pub names: Option<Names>,
    /// The items to search, in ascending order.
    pub runs: Vec<Range<u32>>,
}

/// The items that one worker searches at a time, as runs of positions in ascending order.
pub type Chunk = Vec<Range<u32>>;

/// What was found in a chunk.
#[derive(Debug, Default)]
pub struct SearchedChunk {
    /// The formatted matches.
    pub output: Vec<u8>,
    /// Whether a separator must precede them.
    pub starts_apart: bool,
    /// The end of each matching item's part of `output`.
    ends: Vec<usize>,
    /// The number of items that were searched.
    pub searched: u32,
    /// The failure that ended the search of the chunk.
    pub failure: Option<Failure>,
}

impl SearchedChunk {
    /// Returns the number of matching items.
    pub fn found(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Keeps the first `items` matching items.
    pub fn truncate(&mut self, items: u64) {
        let Ok(items) = usize::try_from(items) else { return };
        if items < self.ends.len() {
            self.ends.truncate(items);
            self.output.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }
}

/// Divides the items of a pack into chunks of whole records.
pub struct Chunks {
    runs: vec::IntoIter<Range<u32>>,
    current: Range<u32>,
    items_per_record: u32,
    /// The number of items in a chunk, a multiple of `items_per_record`.
    step: u32,
}

impl Chunks {
    /// Makes the chunks of a pack.
    pub fn new(pack: &OpenPack, context: ContextSize) -> Self {
        let trailer = pack.reader.trailer();
        let items_per_record = trailer.items_per_record.max(1);
        let records = u64::from(trailer.total_items).div_ceil(u64::from(items_per_record)).max(1);
        let mut records_of_chunk = (CHUNK / (pack.reader.file_size() / records).max(1)).max(1);
        if pack.is_text() {
            // The items around a chunk are read as well.
            let around = u64::from(context.before) + u64::from(context.after);
            records_of_chunk = records_of_chunk.max(4 * around / u64::from(items_per_record));
        }
        let step = records_of_chunk.saturating_mul(items_per_record.into());
        let max_step = u32::MAX - u32::MAX % items_per_record;
        Self {
            runs: pack.runs.clone().into_iter(),
            current: 0..0,
            items_per_record,
            step: u32::try_from(step).unwrap_or(max_step).min(max_step),
        }
    }
}

impl Iterator for Chunks {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let mut chunk = Vec::new();
        let mut left = self.step;
        while left > 0 {
            if self.current.is_empty() {
                let Some(run) = self.runs.next() else { break };
                self.current = run;
                continue;
            }
            let start = self.current.start;
            // A chunk ends between records.
            let end = start.saturating_add(left);
            let end = end - end % self.items_per_record;
            let end = if end > start { end } else { start.saturating_add(left) };
            let end = end.min(self.current.end);
            self.current.start = end;
            left -= (end - start).min(left);
            if !self.current.is_empty() {
                left = 0;
            }
            chunk.push(start..end);
        }
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl OpenPack {
    /// Returns whether its items are searched as the lines of one text, since they have no
    /// names.
    pub fn is_text(&self) -> bool {
        self.names.is_none()
    }

    /// Returns the number of items to search.
    pub fn item_count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.end - run.start)).sum()
    }

    /// Returns the groups of a chunk's runs that are read together.
    fn groups<'a>(&self, runs: &'a [Range<u32>]) -> impl Iterator<Item = PositionRuns<'a>> {
        grouped_by_records(runs, self.reader.trailer().items_per_record)
    }
}

/// The reason why a search of items ends early.
enum Stop {
    Enough,
    Failed(Failure),
}

impl PackSearch<'_> {
    /// Searches a chunk.
    pub fn chunk(&self, pack: &OpenPack, matcher: &RegexMatcher, chunk: &Chunk) -> SearchedChunk {
        let mut found = SearchedChunk::default();
        let names = pack.names.as_ref();
        let mut printer = MatchPrinter::new(matcher, self.format, &pack.path, names);
        let searched = match self.format.printed {
            Printed::Lines(format) if !self.context.is_none() => {
                self.with_context(pack, matcher, chunk, format, printer, &mut found)
            }
            _ => {
                let searched = self.items(pack, chunk, &mut printer, &mut found);
                found.output = printer.output;
                searched
            }
        };
        found.failure = searched.err();
        found
    }

    fn items(
        &self,
        pack: &OpenPack,
        chunk: &Chunk,
        printer: &mut MatchPrinter<'_>,
        found: &mut SearchedChunk,
    ) -> Result<(), Failure> {
        for runs in pack.groups(chunk) {
            let mut wanted = runs.cursor();
            let stopped = pack.reader.for_each_with(runs.span(), |position, bytes| {
                if !wanted.contains(position) {
                    return ControlFlow::Continue(());
                }
                found.searched += 1;
                match printer.item(SearchedItem { position, bytes }) {
                    Ok(false) => return ControlFlow::Continue(()),
                    Ok(true) => found.ends.push(printer.output.len()),
                    Err(failure) => return ControlFlow::Break(Stop::Failed(failure)),
                }
                match found.found() >= self.limit {
                    true => ControlFlow::Break(Stop::Enough),
                    false => ControlFlow::Continue(()),
                }
            })?;
            match stopped {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Enough) => break,
                ControlFlow::Break(Stop::Failed(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    fn with_context<'a>(
        &self,
        pack: &'a OpenPack,
        matcher: &'a RegexMatcher,
        chunk: &Chunk,
        format: LineFormat,
        printer: MatchPrinter<'a>,
        found: &mut SearchedChunk,
    ) -> Result<(), Failure> {
        let (inverted, text, size) = (self.format.inverted, self.format.text, self.context);
        let is_across = pack.is_text();
        let search = ContextSearch { matcher, inverted, text, size, format, is_across };
        let start = chunk.first().map_or(0, |run| run.start);
        let own = start..chunk.last().map_or(start, |run| run.end);
        let mut printer = ContextPrinter::new(search, printer, own.clone());
        let searched = self.around(pack, chunk, &own, &mut printer, found);
        (found.output, found.starts_apart) = printer.finish();
        searched
    }

    /// Passes the items of a chunk to the printer. If the context continues across items,
    /// also passes the items around the chunk.
    fn around(
        &self,
        pack: &OpenPack,
        chunk: &Chunk,
        own: &Range<u32>,
        printer: &mut ContextPrinter<'_>,
        found: &mut SearchedChunk,
    ) -> Result<(), Failure> {
        let ContextSize { before, after } = self.context;
        let with_neighbours = own.start.saturating_sub(after.saturating_add(1))
            ..own.end.saturating_add(before).min(pack.reader.item_count());
        let widened = [with_neighbours];
        let runs = if pack.is_text() { &widened[..] } else { chunk };
        for runs in pack.groups(runs) {
            let mut wanted = runs.cursor();
            for (position, item) in runs.span().zip(pack.reader.range(runs.span())?) {
                // An unreadable item after this chunk is an error of the chunk that has it.
                let item = match item {
                    Err(_) if position >= own.end => break,
                    item => item?,
                };
                if !wanted.contains(position) {
                    continue;
                }
                let is_matching = printer.item(position, &item)?;
                if own.contains(&position) {
                    found.searched += 1;
                    if is_matching {
                        found.ends.push(printer.output().len());
                    }
                }
                if found.found() >= self.limit {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
