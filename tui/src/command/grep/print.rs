//! Formats what was found.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use clap::builder::styling::{AnsiColor, Style};
use grep_regex::RegexMatcher;
use memchr::memchr;
use serde::Serialize;

use super::lines::{self, SelectedLine};
use crate::items::write::hex;
use crate::printable::{self, JsonPath};
use crate::report;

const PACK: Style = AnsiColor::Magenta.on_default();
const NUMBER: Style = AnsiColor::Green.on_default();
const MATCH: Style = AnsiColor::Red.on_default().bold();

/// How matches are printed.
#[derive(Clone, Copy, Debug)]
pub struct MatchFormat {
    /// What of them.
    pub printed: Printed,
    /// Whether there are several packs, so that each line needs its pack.
    pub several: bool,
    /// Whether binary items are searched as text.
    pub text: bool,
    /// Whether the lines that do not match are selected.
    pub inverted: bool,
}

/// What is printed of matches.
#[derive(Clone, Copy, Debug)]
pub enum Printed {
    /// Nothing: they are counted.
    Nothing,
    /// The item, once.
    Items,
    /// Each line, as JSON.
    Json,
    /// Each line, for people and pipes.
    Lines(LineFormat),
}

/// How lines are printed.
#[derive(Clone, Copy, Debug)]
pub struct LineFormat {
    /// With their numbers.
    pub numbers: bool,
    /// With their item.
    pub prefix: bool,
    /// With unprintable characters escaped: they go to a terminal.
    pub escaped: bool,
    /// With colours.
    pub colored: bool,
}

/// An item that is searched.
#[derive(Clone, Copy, Debug)]
pub struct SearchedItem<'a> {
    /// Its pack.
    pub pack: &'a Path,
    /// Its position.
    pub position: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
}

#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(flatten)]
    pack: JsonPath,
    position: u32,
    line_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// Start and end of each match in bytes of the line.
    matches: Vec<(usize, usize)>,
}

/// Searches an item and appends its matches to `to`. Returns whether the item
/// matches.
///
/// # Errors
/// None of its own: those of writing to memory.
pub fn item(
    to: &mut Vec<u8>,
    matcher: &RegexMatcher,
    format: MatchFormat,
    item: SearchedItem<'_>,
) -> io::Result<bool> {
    let mut result = Ok(());
    let found = lines::select(matcher, format.inverted, item.bytes, |line| {
        let (more, written) = one(to, matcher, format, item, line);
        result = written;
        more && result.is_ok()
    });
    result.map(|()| found)
}

/// Appends one line, or the item instead. Returns whether more lines are wanted.
fn one(
    to: &mut Vec<u8>,
    matcher: &RegexMatcher,
    format: MatchFormat,
    item: SearchedItem<'_>,
    line: SelectedLine<'_>,
) -> (bool, io::Result<()>) {
    match format.printed {
        Printed::Nothing => (false, Ok(())),
        Printed::Items => {
            let pack = format.several.then_some(item.pack);
            (false, writeln!(to, "{}", Label { pack, position: item.position, colored: false }))
        }
        Printed::Json => (true, json(to, matcher, item, line)),
        Printed::Lines(lines) => match memchr(0, item.bytes) {
            Some(offset) if !format.text => (false, binary(to, format, lines, item, offset)),
            _ => (true, text(to, matcher, format, lines, item, line)),
        },
    }
}

fn json(
    to: &mut Vec<u8>,
    matcher: &RegexMatcher,
    item: SearchedItem<'_>,
    line: SelectedLine<'_>,
) -> io::Result<()> {
    let text = std::str::from_utf8(line.bytes).ok();
    let object = JsonLine {
        pack: JsonPath::new(item.pack),
        position: item.position,
        line_number: line.number,
        text,
        hex: text.is_none().then(|| hex(line.bytes)),
        matches: lines::matches(matcher, line.bytes),
    };
    report::write_json(&mut *to, &object)?;
    to.push(b'\n');
    Ok(())
}

/// Where a line was found.
struct Label<'a> {
    pack: Option<&'a Path>,
    position: u32,
    colored: bool,
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = if self.colored { PACK } else { Style::new() };
        if let Some(pack) = self.pack {
            write!(f, "{style}{}{style:#}:", printable::path(pack))?;
        }
        write!(f, "{style}{}{style:#}", self.position)
    }
}

fn label(format: MatchFormat, lines: LineFormat, item: SearchedItem<'_>) -> Label<'_> {
    let pack = format.several.then_some(item.pack);
    Label { pack, position: item.position, colored: lines.colored }
}

fn binary(
    to: &mut Vec<u8>,
    format: MatchFormat,
    lines: LineFormat,
    item: SearchedItem<'_>,
    offset: usize,
) -> io::Result<()> {
    let label = label(format, lines, item);
    writeln!(to, "{label}: binary item matches (NUL byte at offset {offset}; -a prints its lines)")
}

fn text(
    to: &mut Vec<u8>,
    matcher: &RegexMatcher,
    format: MatchFormat,
    lines: LineFormat,
    item: SearchedItem<'_>,
    line: SelectedLine<'_>,
) -> io::Result<()> {
    if lines.prefix {
        write!(to, "{}:", label(format, lines, item))?;
    }
    if lines.numbers {
        let style = if lines.colored { NUMBER } else { Style::new() };
        write!(to, "{style}{}{style:#}:", line.number)?;
    }
    let mut plain = 0;
    if lines.colored && !format.inverted {
        for (start, end) in lines::matches(matcher, line.bytes) {
            part(to, lines, line.bytes.get(plain..start).unwrap_or_default())?;
            write!(to, "{MATCH}")?;
            part(to, lines, line.bytes.get(start..end).unwrap_or_default())?;
            write!(to, "{MATCH:#}")?;
            plain = end;
        }
    }
    part(to, lines, line.bytes.get(plain..).unwrap_or_default())?;
    to.push(b'\n');
    Ok(())
}

/// Appends a part of a line.
fn part(to: &mut Vec<u8>, lines: LineFormat, bytes: &[u8]) -> io::Result<()> {
    if lines.escaped {
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
