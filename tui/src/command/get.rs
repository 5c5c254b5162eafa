//! `sealpack get`: prints items by their positions or names.

use std::ffi::OsString;
use std::path::PathBuf;

use sealpack::core::error::Misuse;
use sealpack::{Bytes, PackSet, Reader};

use super::location::PackLocation;
use super::named_items::{position_in_set, position_of, required_names};
use super::pack_sequence::PackSequence;
use super::read_args::{PackHeading, ReadArgs};
use crate::items::write::{ItemWriter, OutputFraming};
use crate::outcome::{CommandOutcome, Failure};

/// Write items to standard output, by position or name
///
/// A number is a position, any other text is a name; with --name, numbers are names too.
/// `sealpack ls` lists both.
///
/// Reads each item with one read, whatever its position, and writes the items in the order of the
/// arguments. A single item is written without any framing; several need --lines, --framed or --json
/// to separate them.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct GetArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Positions, counted from 0, or names
    #[arg(required = true, value_name = "POSITION|NAME")]
    items: Vec<OsString>,
    /// Treat every argument as a name, even a number
    #[arg(long)]
    name: bool,
    #[command(flatten)]
    framing: OutputFraming,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack get photos.pack 17 > photo.jpg         one item, unchanged
  sealpack get log.pack 41 7 41 --lines           three lines
  sealpack get events.pack 0 128 --framed | prog  lengths before the items
  sealpack get events.pack 5 --json               position, size, text
  sealpack get log.pack 41 --trust $ROOT          an authenticated item";

/// The number of items that are buffered at a time, so that they are written in the
/// requested order.
const BATCH: usize = 256;

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, a position it does not have.
pub fn run(args: &GetArgs) -> Result<CommandOutcome, Failure> {
    if args.items.len() > 1 && args.framing.is_none() {
        return Err(Failure::usage(
            "several items need a separator: add --lines, --framed or --json",
        ));
    }
    let reader = match PackSequence::open(&args.reading, &args.file)? {
        PackSequence::Pack(reader) => *reader,
        PackSequence::Set(set) => return args.run_on_set(&set),
    };
    let positions = args.positions(&reader)?;
    let mut batches = positions.chunks(BATCH);
    // For a local file, determine the codec first: that may save reading most of a record.
    // For a pack in a store it would cost a round trip, and the first record that is read
    // shows the codec anyway.
    if PackLocation::of(&args.file)?.is_file() {
        reader.codec()?;
    }
    let first = fetch(&reader, batches.next().unwrap_or_default())?;
    let (reader, chosen) = args.reading.detect_codec(reader, args.framing.is_json())?;
    let about = PackHeading::new(&args.file, chosen);
    let mut to = ItemWriter::new(args.framing, &about)?;
    for (position, item) in first {
        to.write(position.into(), b"", &item)?;
    }
    for positions in batches {
        for (position, item) in fetch(&reader, positions)? {
            to.write(position.into(), b"", &item)?;
        }
    }
    to.finish().map(|()| CommandOutcome::Fine)
}

impl GetArgs {
    /// Prints items of a set.
    fn run_on_set(&self, set: &PackSet) -> Result<CommandOutcome, Failure> {
        let positions = self.items.iter().map(|item| match position(item) {
            Some(position) if !self.name => Ok(set.locate(position).map(|_| position)?),
            _ => position_in_set(set, item.as_encoded_bytes()),
        });
        let positions = positions.collect::<Result<Vec<u64>, Failure>>()?;
        let mut to = ItemWriter::new(self.framing, &PackHeading::new(&self.file, None))?;
        for batch in positions.chunks(BATCH) {
            let mut items = vec![Bytes::new(); batch.len()];
            set.get_many(batch, |request, item| {
                if let Some(place) = items.get_mut(request) {
                    *place = item;
                }
            })?;
            for (position, item) in batch.iter().zip(items) {
                to.write(*position, b"", &item)?;
            }
        }
        to.finish().map(|()| CommandOutcome::Fine)
    }

    /// Returns the position of the item that each argument names.
    fn positions(&self, reader: &Reader) -> Result<Vec<u32>, Failure> {
        let items = reader.item_count();
        let mut names = None;
        let mut position = |item: &OsString| {
            if let (false, Some(position)) = (self.name, position(item)) {
                return match u32::try_from(position) {
                    Ok(known) if known < items => Ok(known),
                    _ => Err(Failure::Position {
                        path: self.file.clone(),
                        misuse: Misuse::Position { position, items },
                    }),
                };
            }
            // Open the names once, and only if an argument is a name.
            let opened = match names.take() {
                Some(opened) => opened,
                None => required_names(reader)?,
            };
            let found = position_of(reader, &opened, item.as_encoded_bytes());
            names = Some(opened);
            found
        };
        self.items.iter().map(&mut position).collect()
    }
}

/// Parses an argument as a position, if it is a number.
fn position(item: &OsString) -> Option<u64> {
    let text = item.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

/// Returns the items at these positions, in the same order.
fn fetch(reader: &Reader, positions: &[u32]) -> Result<Vec<(u32, Bytes)>, Failure> {
    if let [position] = positions {
        return Ok(vec![(*position, reader.get(*position)?)]);
    }
    let mut items = vec![Bytes::new(); positions.len()];
    reader.get_many(positions, |request, item| {
        if let Some(place) = items.get_mut(request) {
            *place = item;
        }
    })?;
    Ok(positions.iter().copied().zip(items).collect())
}
