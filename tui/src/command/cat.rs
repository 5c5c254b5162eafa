//! `sealpack cat`: prints all items, or those of a range, one after another.

use std::io::{IsTerminal, stdout};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use sealpack::core::error::Misuse;

use super::read_args::{PackHeading, ReadArgs};
use crate::items::write::{ItemWriter, OutputFraming};
use crate::outcome::{CommandOutcome, Failure};
use crate::progress::ProgressMeter;

/// Write all items, or a range of them, to standard output
///
/// Without --lines, --framed or --json nothing separates the items. `cat --lines` restores the input of
/// `pack --lines` byte for byte, except that the last line always ends in a newline; `cat --framed`
/// restores the input of `pack --framed`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct CatArgs {
    /// The pack
    file: PathBuf,
    /// Only the items at positions A to B-1; A.. has no end, ..B starts at 0
    #[arg(long, value_name = "A..B")]
    range: Option<PositionRange>,
    #[command(flatten)]
    framing: OutputFraming,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack cat log.pack --lines | grep error        every line
  sealpack cat log.pack --lines --range 1000..1010  ten of them
  sealpack cat old.pack --framed | sealpack pack --framed - -o new.pack
                                                    pack the items again";

/// A range of positions; either end may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PositionRange {
    start: u64,
    end: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct NotARange;

impl std::fmt::Display for NotARange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a range is A..B with A at most B: 10..20 is ten items, 10.. is position 10 and all after it")
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
    /// Returns the range within a pack of `items` items.
    fn of(self, items: u32) -> Result<Range<u32>, Misuse> {
        let missing = |position| Misuse::Position { position, items };
        // `end` may equal the number of items: it is one past the last position.
        let within = |position| match u32::try_from(position) {
            Ok(within) if within <= items => Ok(within),
            _ => Err(missing(position)),
        };
        Ok(within(self.start)?..self.end.map_or(Ok(items), within)?)
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, a range it does not have.
pub fn run(args: &CatArgs) -> Result<CommandOutcome, Failure> {
    let (reader, chosen) = args.reading.open_with_codec(&args.file, args.framing.is_json())?;
    let range = match args.range {
        None => 0..reader.item_count(),
        Some(positions) => positions
            .of(reader.item_count())
            .map_err(|misuse| Failure::Position { path: args.file.clone(), misuse })?,
    };
    let about = PackHeading::new(&args.file, chosen);
    let mut to = ItemWriter::new(args.framing, &about)?;
    // If the items go to the terminal, a progress bar would appear among them.
    let quiet = args.framing.is_json() || stdout().is_terminal();
    let mut progress = ProgressMeter::items("reading", u64::from(range.end - range.start), quiet);
    for (position, item) in range.clone().zip(reader.range(range)?) {
        let item = item?;
        to.write(position, &item)?;
        progress.add(1);
    }
    to.finish().map(|()| CommandOutcome::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_leave_an_end_open_and_may_not_be_upside_down() {
        let of = |text: &str| text.parse::<PositionRange>().map(|positions| positions.of(10));
        assert_eq!(of("2..5").unwrap(), Ok(2..5));
        assert_eq!(of("2..").unwrap(), Ok(2..10));
        assert_eq!(of("..5").unwrap(), Ok(0..5));
        assert_eq!(of("..").unwrap(), Ok(0..10));
        assert_eq!(of("10..10").unwrap(), Ok(10..10));
        assert_eq!(of("3..11").unwrap(), Err(Misuse::Position { position: 11, items: 10 }));
        for text in ["5..2", "5", "a..b", "1...3", "1..=3", "-1..3"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
