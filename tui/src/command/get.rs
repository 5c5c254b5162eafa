//! `sealpack get`: prints items by their positions.

use std::path::PathBuf;

use sealpack::core::error::Misuse;
use sealpack::{Bytes, Reader};

use super::location::PackLocation;
use super::read_args::{PackHeading, ReadArgs};
use crate::items::write::{ItemWriter, OutputFraming};
use crate::outcome::{CommandOutcome, Failure};

/// Write the items at these positions to standard output
///
/// Reads each item with one read, whatever its position, and writes the items in the order of the
/// arguments. A single item is written without any framing; several need --lines, --framed or --json
/// to separate them.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct GetArgs {
    /// The pack
    file: PathBuf,
    /// Positions, counted from 0
    #[arg(required = true, value_name = "POSITION")]
    positions: Vec<u64>,
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

/// Items that are buffered at a time, so that they are written in the requested order.
const BATCH: usize = 256;

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, a position it does not have.
pub fn run(args: &GetArgs) -> Result<CommandOutcome, Failure> {
    if args.positions.len() > 1 && args.framing.is_none() {
        return Err(Failure::usage(
            "several items need a separator: add --lines, --framed or --json",
        ));
    }
    let reader = args.reading.open(&args.file)?;
    let items = reader.item_count();
    let position = |&position: &u64| match u32::try_from(position) {
        Ok(known) if known < items => Ok(known),
        _ => Err(Failure::Position {
            path: args.file.clone(),
            misuse: Misuse::Position { position, items },
        }),
    };
    let positions = args.positions.iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let mut batches = positions.chunks(BATCH);
    // For a pack in a store the codec is not determined first: any record reveals it, and
    // each read is a round trip. For a local file, knowing the codec may save most of a
    // record.
    if PackLocation::of(&args.file)?.is_file() {
        reader.codec()?;
    }
    let first = fetch(&reader, batches.next().unwrap_or_default())?;
    let (reader, chosen) = args.reading.detect_codec(reader, args.framing.is_json())?;
    let about = PackHeading::new(&args.file, chosen);
    let mut to = ItemWriter::new(args.framing, &about)?;
    for (position, item) in first {
        to.write(position, &item)?;
    }
    for positions in batches {
        for (position, item) in fetch(&reader, positions)? {
            to.write(position, &item)?;
        }
    }
    to.finish().map(|()| CommandOutcome::Fine)
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
