//! `sealpack get`: items by their positions.

use std::path::PathBuf;

use sealpack::core::error::Misuse;

use super::reading::{About, Reading};
use crate::items::write::{ItemWriter, OutputFraming};
use crate::outcome::{Failure, Outcome};

/// Write the items at these positions to standard output
///
/// An item costs one read, wherever it lies. Items come in the order they are asked for. One item is
/// written as it is; several need --lines, --framed or --json, so that they can be told apart.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Get {
    /// The pack
    file: PathBuf,
    /// Positions, counted from 0
    #[arg(required = true, value_name = "POSITION")]
    positions: Vec<u64>,
    #[command(flatten)]
    framing: OutputFraming,
    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  sealpack get photos.pack 17 > photo.jpg         one item, as it is
  sealpack get log.pack 41 7 41 --lines           three lines
  sealpack get events.pack 0 128 --framed | prog  lengths before the items
  sealpack get events.pack 5 --json               position, size, text
  sealpack get log.pack 41 --trust $ROOT          that very item, or an error";

/// Items that are held at once so that they come in the order asked for.
const BATCH: usize = 256;

/// Runs it.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, a position it does not have.
pub fn run(args: &Get) -> Result<Outcome, Failure> {
    if args.positions.len() > 1 && args.framing.is_none() {
        return Err(Failure::usage(
            "several items would run together: add --lines, --framed or --json",
        ));
    }
    let (reader, chosen) = args.reading.open_and_tell(&args.file, args.framing.is_json())?;
    let items = reader.item_count();
    let position = |&position: &u64| match u32::try_from(position) {
        Ok(known) if known < items => Ok(known),
        _ => Err(Failure::Position {
            path: args.file.clone(),
            misuse: Misuse::Position { position, items },
        }),
    };
    let positions = args.positions.iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let about = About::new(&args.file, chosen);
    let mut to = ItemWriter::new(args.framing, &about)?;
    if let [position] = positions.as_slice() {
        to.write(*position, &reader.get(*position)?)?;
        return to.finish().map(|()| Outcome::Fine);
    }
    for positions in positions.chunks(BATCH) {
        let mut items = vec![None; positions.len()];
        reader.get_many(positions, |request, item| {
            if let Some(place) = items.get_mut(request) {
                *place = Some(item);
            }
        })?;
        for (position, item) in positions.iter().zip(items) {
            to.write(*position, &item.unwrap_or_default())?;
        }
    }
    to.finish().map(|()| Outcome::Fine)
}
