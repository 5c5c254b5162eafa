//! Prints lines around the selected ones: `-A`, `-B`, `-C`.
//!
//! An item with a name is a text of its own. Items without names are lines of one text,
//! so their context continues in the neighbouring items.

use std::collections::VecDeque;
use std::ops::Range;

use grep_regex::RegexMatcher;
use memchr::memchr_iter;
use sealpack::Bytes;

use super::lines::{self, SelectedLine};
use super::print::{LineFormat, LineKind, MatchPrinter, SearchedItem};
use crate::outcome::Failure;

/// How many lines of context are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextSize {
    /// Lines before a selected line.
    pub before: u32,
    /// Lines after a selected line.
    pub after: u32,
}

impl ContextSize {
    /// Returns whether no context is printed.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// How items are searched with context.
#[derive(Clone, Copy, Debug)]
pub struct ContextSearch<'a> {
    pub matcher: &'a RegexMatcher,
    pub inverted: bool,
    /// Whether binary items are searched as text.
    pub text: bool,
    pub size: ContextSize,
    pub format: LineFormat,
    /// Whether context continues in the neighbouring items.
    pub is_across: bool,
}

/// Lines of an item that were not printed so far.
#[derive(Clone, Debug)]
struct UnprintedLines {
    position: u32,
    item: Bytes,
    range: Range<usize>,
    /// The number of the first of these lines in the item.
    number: u64,
}

impl UnprintedLines {
    fn is_empty(&self) -> bool {
        // An empty item is one empty line.
        self.range.is_empty() && !self.item.is_empty()
    }

    fn bytes(&self) -> &[u8] {
        self.item.get(self.range.clone()).unwrap_or_default()
    }

    fn searched(&self) -> SearchedItem<'_> {
        SearchedItem { position: self.position, bytes: &self.item }
    }

    /// Returns the lines, with their numbers in the item.
    fn iter(&self) -> impl Iterator<Item = SelectedLine<'_>> {
        let (start, number) = (self.range.start, self.number - 1);
        lines::lines_of(self.bytes()).map(move |line| SelectedLine {
            number: line.number + number,
            start: line.start + start,
            bytes: line.bytes,
        })
    }

    /// Drops the lines before this byte.
    fn advance(&mut self, to: usize) {
        let passed = self.item.get(self.range.start..to).unwrap_or_default();
        self.number += memchr_iter(b'\n', passed).count() as u64;
        self.range.start = to;
    }
}

/// Prints selected lines with their context.
pub struct ContextPrinter<'a> {
    search: ContextSearch<'a>,
    printer: MatchPrinter<'a>,
    /// The positions whose lines are printed; others are only context.
    printed: Range<u32>,
    /// How many more lines must be printed after the last selected one.
    owed: usize,
    /// The latest unprinted lines, which may be the context of the next selected one.
    recent: VecDeque<UnprintedLines>,
    /// Whether lines are left out between the last printed line and `recent`.
    is_apart: bool,
    /// Whether the output begins with lines that do not follow the lines printed before.
    starts_apart: bool,
}

/// The line between lines that are not neighbours.
pub const SEPARATOR: &[u8] = b"--\n";

impl<'a> ContextPrinter<'a> {
    /// Makes a printer of the lines at these positions. If the context continues across
    /// items, the caller also passes the items around them.
    pub fn new(search: ContextSearch<'a>, printer: MatchPrinter<'a>, printed: Range<u32>) -> Self {
        Self {
            search,
            printer,
            printed,
            owed: 0,
            recent: VecDeque::new(),
            is_apart: true,
            starts_apart: false,
        }
    }

    /// Returns what was printed so far.
    pub fn output(&self) -> &[u8] {
        &self.printer.output
    }

    /// Returns what was printed, and whether a separator must precede it.
    pub fn finish(self) -> (Vec<u8>, bool) {
        (self.printer.output, self.starts_apart)
    }

    /// Searches the next item. Returns whether it matches.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the name of an item cannot be read.
    pub fn item(&mut self, position: u32, item: &Bytes) -> Result<bool, Failure> {
        if !self.search.is_across {
            self.interrupt();
        }
        let mut rest =
            UnprintedLines { position, item: item.clone(), range: 0..item.len(), number: 1 };
        let mut result = Ok(true);
        let ContextSearch { matcher, inverted, .. } = self.search;
        let is_matching = lines::select(matcher, inverted, item, |line| {
            result = self.selected(&mut rest, line);
            matches!(result, Ok(true))
        });
        if result? {
            self.pass(rest)?;
        }
        Ok(is_matching)
    }

    /// Ends a text: later lines are not context of earlier ones.
    fn interrupt(&mut self) {
        self.owed = 0;
        self.recent.clear();
        self.is_apart = true;
    }

    /// Prints a selected line and those before it. Returns whether the rest of the
    /// item is wanted.
    fn selected(
        &mut self,
        rest: &mut UnprintedLines,
        line: SelectedLine<'_>,
    ) -> Result<bool, Failure> {
        if let (Some(offset), false) = (rest.searched().binary_offset(), self.search.text) {
            self.interrupt();
            if self.printed.contains(&rest.position) {
                self.separate();
                self.printer.binary(rest.searched(), offset)?;
            }
            return Ok(false);
        }
        let before = UnprintedLines { range: rest.range.start..line.start, ..rest.clone() };
        // A selected empty item has no lines before its only one.
        if !before.range.is_empty() {
            self.pass(before)?;
        }
        self.print_before(rest.position)?;
        self.print(rest.searched(), line, LineKind::Selected)?;
        self.owed = self.search.size.after as usize;
        rest.range.start = (line.start + line.bytes.len() + 1).min(rest.item.len());
        rest.number = line.number + 1;
        // An empty item has no more lines.
        Ok(!rest.item.is_empty())
    }

    /// Handles lines that are not selected: prints those that belong to the last selected
    /// one, and keeps the others.
    fn pass(&mut self, mut lines: UnprintedLines) -> Result<(), Failure> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.owed > 0 {
            if self.is_binary(&lines) {
                self.interrupt();
                return Ok(());
            }
            let mut end = lines.range.start;
            let mut printed = 0;
            for line in lines.iter().take(self.owed) {
                self.print(lines.searched(), line, LineKind::Context)?;
                end = line.start + line.bytes.len() + 1;
                printed += 1;
            }
            self.owed -= printed;
            lines.advance(end.min(lines.range.end));
            if lines.range.is_empty() {
                return Ok(());
            }
        }
        self.recent.push_back(lines);
        // Each element has at least one line.
        while self.recent.len() > self.search.size.before as usize {
            self.recent.pop_front();
            self.is_apart = true;
        }
        Ok(())
    }

    fn is_binary(&self, lines: &UnprintedLines) -> bool {
        !self.search.text && lines.searched().binary_offset().is_some()
    }

    /// Prints the lines before a selected one of the item at `position`.
    fn print_before(&mut self, position: u32) -> Result<(), Failure> {
        let mut wanted = self.search.size.before as usize;
        let mut before = VecDeque::new();
        let mut is_apart = self.is_apart;
        while let Some(mut lines) = self.recent.pop_back() {
            if wanted == 0 || self.is_binary(&lines) {
                is_apart = true;
                break;
            }
            let (start, found) = lines::last_lines(lines.bytes(), wanted);
            is_apart |= start > 0;
            lines.advance(lines.range.start + start);
            wanted -= found;
            before.push_front(lines);
        }
        self.recent.clear();
        self.is_apart = false;
        let first = before.front().map_or(position, |lines| lines.position);
        if is_apart && self.printed.contains(&first) {
            self.separate();
        }
        for lines in before {
            for line in lines.iter() {
                self.print(lines.searched(), line, LineKind::Context)?;
            }
        }
        Ok(())
    }

    fn separate(&mut self) {
        let output = &mut self.printer.output;
        match output.is_empty() {
            true => self.starts_apart = true,
            false => output.extend_from_slice(SEPARATOR),
        }
    }

    fn print(
        &mut self,
        item: SearchedItem<'_>,
        line: SelectedLine<'_>,
        kind: LineKind,
    ) -> Result<(), Failure> {
        match self.printed.contains(&item.position) {
            true => self.printer.line(item, line, self.search.format, kind),
            false => Ok(()),
        }
    }
}
