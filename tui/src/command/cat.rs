//! `sealpack cat`: prints all items, or those of a range, one after another.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::str::FromStr;

use sealpack::{Bytes, Names};

use super::name_pattern::NamePatterns;
use super::named_items::{no_names, report_unmatched, required_names};
use super::pack_sequence::{PackSequence, SequencePart};
use super::read_args::{PackHeading, ReadArgs};
use crate::items::write::{ItemWriter, OutputFraming};
use crate::outcome::{CommandOutcome, Failure};
use crate::progress::ProgressMeter;

/// Write all items, or some of them, to standard output
///
/// A PATTERN selects items by name, as for `sealpack ls`; --range selects by position.
///
/// Without --lines, --framed or --json, the items are not separated. `cat --lines` restores the input of
/// `pack --lines` byte for byte, except that the last line always ends in a newline; `cat --framed`
/// restores the input of `pack --framed`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct CatArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Only items whose names match one of these
    #[arg(value_name = "PATTERN")]
    patterns: Vec<OsString>,
    /// Only the items at positions A to B-1; A.. means to the end, ..B means from 0
    #[arg(long, value_name = "A..B")]
    range: Option<PositionRange>,
    /// Write the name of each item before it, on a line `==> NAME <==`; with --json
    /// as the field `name`
    #[arg(long, conflicts_with = "framed")]
    names: bool,
    #[command(flatten)]
    framing: OutputFraming,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack cat log.pack --lines | grep error        every line
  sealpack cat log.pack --lines --range 1000..1010  ten of them
  sealpack cat src.pack '**/*.toml' --names         some files, with their names
  sealpack cat old.pack --framed | sealpack pack --framed - -o new.pack
                                                    pack the items again";

/// A range of positions; either end may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRange {
    start: u64,
    end: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub struct NotARange;

impl std::fmt::Display for NotARange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a range is A..B with A at most B: 10..20 is ten items, 10.. is position 10 and all later ones")
    }
}

impl std::error::Error for NotARange {}

impl FromStr for PositionRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (start, end) = text.split_once("..").ok_or(NotARange)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| NotARange);
        let start = if start.is_empty() { 0 } else { number(start)? };
        let end = if end.is_empty() { None } else { Some(number(end)?) };
        match end {
            Some(end) if end < start => Err(NotARange),
            _ => Ok(Self { start, end }),
        }
    }
}

impl PositionRange {
    /// Returns the range within `items` items.
    ///
    /// # Errors
    /// The position that does not exist.
    pub fn of_items(self, items: u64) -> Result<Range<u64>, u64> {
        // `end` may equal the number of items: it is one past the last position.
        let within = |position| if position <= items { Ok(position) } else { Err(position) };
        Ok(within(self.start)?..within(self.end.unwrap_or(items))?)
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, a range it does not have.
pub fn run(args: &CatArgs) -> Result<CommandOutcome, Failure> {
    let packs = PackSequence::open(&args.reading, &args.file)?;
    let range = match args.range {
        None => 0..packs.item_count(),
        Some(range) => range
            .of_items(packs.item_count())
            .map_err(|position| packs.no_item(&args.file, position))?,
    };
    let chosen = match &packs {
        PackSequence::Pack(reader) => args.reading.chosen_codec(reader, args.framing.is_json())?,
        // Each member may have a codec of its own.
        PackSequence::Set(_) => None,
    };
    let mut patterns = NamePatterns::parse(&args.patterns)?;
    let by_name = !patterns.is_empty() || args.names;
    if let (PackSequence::Pack(reader), true) = (&packs, by_name)
        && reader.names()?.is_none()
    {
        return Err(no_names(&args.file));
    }
    let mut to = ItemWriter::new(args.framing, &PackHeading::new(&args.file, chosen))?;
    if args.names {
        to = to.with_names();
    }
    // If the items go to the terminal, a progress bar would appear among them.
    let quiet = args.framing.is_json() || stdout().is_terminal();
    let total = range.end - range.start;
    let mut progress = ProgressMeter::items("reading", total, quiet);
    for part in packs.parts(range) {
        let part = part?;
        if by_name {
            let names = required_names(&part.reader)?;
            let matched = matching(&names, part.positions.clone(), &mut patterns)?;
            write_named(&part, &matched, &mut to, &mut progress)?;
            progress.add(part.positions.len() as u64 - matched.len() as u64);
        } else {
            write_range(part, &mut to, &mut progress)?;
        }
    }
    to.finish()?;
    Ok(report_unmatched(&patterns))
}

fn write_range(
    part: SequencePart,
    to: &mut ItemWriter,
    progress: &mut ProgressMeter,
) -> Result<(), Failure> {
    let SequencePart { reader, first, positions } = part;
    for (position, item) in positions.clone().zip(reader.range(positions)?) {
        to.write(first + u64::from(position), b"", &item?)?;
        progress.add(1);
    }
    Ok(())
}

/// Returns the items of a range whose names match, with their names.
fn matching(
    names: &Names,
    range: Range<u32>,
    patterns: &mut NamePatterns,
) -> Result<Vec<(u32, Bytes)>, Failure> {
    let mut matched = Vec::new();
    for named in names.range(range)? {
        let (position, name) = named?;
        if patterns.matches(&name) {
            matched.push((position, name));
        }
    }
    Ok(matched)
}

fn write_named(
    part: &SequencePart,
    items: &[(u32, Bytes)],
    to: &mut ItemWriter,
    progress: &mut ProgressMeter,
) -> Result<(), Failure> {
    /// The number of items that are read in one call; small, so that the first ones are
    /// written soon.
    const BATCH: usize = 4096;
    for batch in items.chunks(BATCH) {
        let positions: Vec<u32> = batch.iter().map(|(position, _)| *position).collect();
        // The positions are in ascending order, and items arrive in file order.
        let stopped = part.reader.get_many_with(&positions, |request, item| {
            let Some((position, name)) = batch.get(request) else {
                return ControlFlow::Continue(());
            };
            progress.add(1);
            match to.write(part.first + u64::from(*position), name, &item) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => ControlFlow::Break(failure),
            }
        })?;
        if let ControlFlow::Break(failure) = stopped {
            return Err(failure);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_be_open_at_either_end_but_not_reversed() {
        let of = |text: &str| text.parse::<PositionRange>().map(|positions| positions.of_items(10));
        assert_eq!(of("2..5").unwrap(), Ok(2..5));
        assert_eq!(of("2..").unwrap(), Ok(2..10));
        assert_eq!(of("..5").unwrap(), Ok(0..5));
        assert_eq!(of("..").unwrap(), Ok(0..10));
        assert_eq!(of("10..10").unwrap(), Ok(10..10));
        assert_eq!(of("3..11").unwrap(), Err(11));
        for text in ["5..2", "5", "a..b", "1...3", "1..=3", "-1..3"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
