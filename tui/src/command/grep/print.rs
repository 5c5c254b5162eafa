//! Formats matches.

use std::io::{self, Write};
use std::path::Path;

use clap::builder::styling::{AnsiColor, Style};
use grep_regex::RegexMatcher;
use memchr::memchr;
use sealpack::{Bytes, Names};
use serde::Serialize;

use super::lines::{self, SelectedLine};
use crate::outcome::Failure;
use crate::printable::{self, JsonName, JsonPath, hex};
use crate::report;

const PACK: Style = AnsiColor::Magenta.on_default();
const NUMBER: Style = AnsiColor::Green.on_default();
const MATCH: Style = AnsiColor::Red.on_default().bold();

/// How matches are printed.
#[derive(Clone, Copy, Debug)]
pub struct MatchFormat {
    /// What is printed of each match.
    pub printed: Printed,
    /// Whether several packs are searched, so that each line begins with its pack.
    pub several: bool,
    /// Whether binary items are searched as text.
    pub text: bool,
    /// Whether the lines that do not match are selected.
    pub inverted: bool,
    /// Whether the position of an item is printed even if it has a name.
    pub position: bool,
    /// Whether a NUL byte follows the name, instead of a colon.
    pub null: bool,
    /// Whether the output is a terminal, so that unprintable characters are escaped and
    /// names quoted.
    pub escaped: bool,
    /// Whether matches, names and numbers are coloured.
    pub colored: bool,
}

/// What is printed of matches.
#[derive(Clone, Copy, Debug)]
pub enum Printed {
    /// Nothing: matches are only counted.
    Nothing,
    /// The name of each matching item.
    Items,
    /// Each line, as JSON.
    Json,
    /// Each line, for people and pipes.
    Lines(LineFormat),
}

/// How lines are printed.
#[derive(Clone, Copy, Debug)]
pub struct LineFormat {
    /// Whether each line begins with its number.
    pub numbers: bool,
    /// Whether each line begins with its item.
    pub prefix: bool,
}

/// Why a line is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It was selected. A colon precedes it.
    Selected,
    /// It is near a selected line. A dash precedes it.
    Context,
}

/// An item that is searched.
#[derive(Clone, Copy, Debug)]
pub struct SearchedItem<'a> {
    /// Its position.
    pub position: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl SearchedItem<'_> {
    /// Returns the offset of the first NUL byte. An item that has one counts as binary.
    pub fn binary_offset(self) -> Option<usize> {
        memchr(0, self.bytes)
    }
}

#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(flatten)]
    pack: JsonPath,
    position: u32,
    /// Absent if the pack stores no names.
    #[serde(flatten)]
    name: Option<JsonName<'a>>,
    line_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// Start and end of each match in bytes of the line.
    matches: Vec<(usize, usize)>,
}

/// Formats the matches of one pack, in memory.
pub struct MatchPrinter<'a> {
    /// What was printed.
    pub output: Vec<u8>,
    matcher: &'a RegexMatcher,
    format: MatchFormat,
    pack: &'a Path,
    names: Option<&'a Names>,
    /// The position and the name of the item whose name was looked up last.
    named: Option<(u32, Bytes)>,
}

impl<'a> MatchPrinter<'a> {
    /// Makes a printer for this pack. Names are looked up only for items that are printed.
    pub fn new(
        matcher: &'a RegexMatcher,
        format: MatchFormat,
        pack: &'a Path,
        names: Option<&'a Names>,
    ) -> Self {
        Self { output: Vec::new(), matcher, format, pack, names, named: None }
    }

    /// Searches an item and prints its matches. Returns whether the item matches.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the name of the item cannot be read.
    pub fn item(&mut self, item: SearchedItem<'_>) -> Result<bool, Failure> {
        let mut result = Ok(());
        let matcher = self.matcher;
        let found = lines::select(matcher, self.format.inverted, item.bytes, |line| {
            match self.selected(item, line) {
                Ok(more) => more,
                Err(failure) => {
                    result = Err(failure);
                    false
                }
            }
        });
        result.map(|()| found)
    }

    /// Prints a selected line, or the item instead. Returns whether more lines are
    /// wanted.
    fn selected(
        &mut self,
        item: SearchedItem<'_>,
        line: SelectedLine<'_>,
    ) -> Result<bool, Failure> {
        let numbered = match self.format.printed {
            Printed::Nothing => return Ok(false),
            Printed::Items => {
                self.label(item, b"")?;
                self.output.push(if self.format.null { 0 } else { b'\n' });
                return Ok(false);
            }
            Printed::Json => return self.json(item, line).map(|()| true),
            Printed::Lines(numbered) => numbered,
        };
        match item.binary_offset() {
            Some(offset) if !self.format.text => self.binary(item, offset).map(|()| false),
            _ => self.line(item, line, numbered, LineKind::Selected).map(|()| true),
        }
    }

    fn json(&mut self, item: SearchedItem<'_>, line: SelectedLine<'_>) -> Result<(), Failure> {
        self.look_up(item.position)?;
        let text = std::str::from_utf8(line.bytes).ok();
        let object = JsonLine {
            pack: JsonPath::new(self.pack),
            position: item.position,
            name: self.named.as_ref().map(|(_, name)| JsonName(name)),
            line_number: line.number,
            text,
            hex: text.is_none().then(|| hex(line.bytes)),
            matches: lines::matches(self.matcher, line.bytes),
        };
        report::write_json(&mut self.output, &object).map_err(Failure::Output)?;
        self.output.push(b'\n');
        Ok(())
    }

    /// Looks up the name of an item, if the pack stores names.
    fn look_up(&mut self, position: u32) -> Result<(), Failure> {
        if let Some(names) = self.names
            && self.named.as_ref().is_none_or(|(of, _)| *of != position)
        {
            self.named = Some((position, names.get(position)?));
        }
        Ok(())
    }

    /// Prints where a match is: the pack, then the name or position, then `end`.
    fn label(&mut self, item: SearchedItem<'_>, end: &[u8]) -> Result<(), Failure> {
        if !self.format.position {
            self.look_up(item.position)?;
        }
        let name = self.named.as_ref().map_or(&b""[..], |(_, name)| name);
        let style = if self.format.colored { PACK } else { Style::new() };
        let to = &mut self.output;
        let pack = self.format.several.then_some(self.pack);
        let print = |to: &mut Vec<u8>| -> io::Result<()> {
            if let Some(pack) = pack {
                write!(to, "{style}{}{style:#}", printable::path(pack))?;
                to.push(b':');
            }
            write!(to, "{style}")?;
            match name {
                _ if self.format.position => write!(to, "{}", item.position)?,
                // An empty name means that the item has none.
                b"" => write!(to, "{}", item.position)?,
                name if self.format.escaped => write!(to, "{}", printable::name(name))?,
                name => to.extend_from_slice(name),
            }
            write!(to, "{style:#}")
        };
        print(to).map_err(Failure::Output)?;
        self.output.extend_from_slice(if self.format.null && !end.is_empty() {
            b"\0"
        } else {
            end
        });
        Ok(())
    }

    /// Reports a binary item that matches.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the name of the item cannot be read.
    pub fn binary(&mut self, item: SearchedItem<'_>, offset: usize) -> Result<(), Failure> {
        self.label(item, b":")?;
        let to = &mut self.output;
        writeln!(to, " binary item matches (NUL byte at offset {offset}; -a prints its lines)")
            .map_err(Failure::Output)
    }

    /// Prints a line of text.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the name of the item cannot be read.
    pub fn line(
        &mut self,
        item: SearchedItem<'_>,
        line: SelectedLine<'_>,
        format: LineFormat,
        kind: LineKind,
    ) -> Result<(), Failure> {
        let end: &[u8] = if kind == LineKind::Selected { b":" } else { b"-" };
        if format.prefix {
            self.label(item, end)?;
        }
        self.content(line, format, kind, end).map_err(Failure::Output)
    }

    fn content(
        &mut self,
        line: SelectedLine<'_>,
        format: LineFormat,
        kind: LineKind,
        end: &[u8],
    ) -> io::Result<()> {
        let MatchFormat { colored, inverted, escaped, .. } = self.format;
        if format.numbers {
            let style = if colored { NUMBER } else { Style::new() };
            write!(self.output, "{style}{}{style:#}", line.number)?;
            self.output.extend_from_slice(end);
        }
        let mut plain = 0;
        if colored && !inverted && kind == LineKind::Selected {
            for (start, end) in lines::matches(self.matcher, line.bytes) {
                part(&mut self.output, escaped, line.bytes.get(plain..start).unwrap_or_default())?;
                write!(self.output, "{MATCH}")?;
                part(&mut self.output, escaped, line.bytes.get(start..end).unwrap_or_default())?;
                write!(self.output, "{MATCH:#}")?;
                plain = end;
            }
        }
        part(&mut self.output, escaped, line.bytes.get(plain..).unwrap_or_default())?;
        self.output.push(b'\n');
        Ok(())
    }
}

/// Appends a part of a line.
fn part(to: &mut Vec<u8>, escaped: bool, bytes: &[u8]) -> io::Result<()> {
    if escaped {
        write!(to, "{}", printable::content(bytes))
    } else {
        to.extend_from_slice(bytes);
        Ok(())
    }
}

/// Prints the number of matching items of a pack.
///
/// # Errors
/// Those of `to`.
pub fn count(to: &mut impl Write, pack: &Path, items: u64, several: bool) -> io::Result<()> {
    if several {
        write!(to, "{}:", printable::path(pack))?;
    }
    writeln!(to, "{items}")
}
