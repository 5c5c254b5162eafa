//! `sealpack ls`: lists the items of a pack with their names.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::ops::Range;
use std::path::PathBuf;
use std::thread;

use sealpack::core::read::ItemLengths;
use sealpack::{Bytes, Names, Reader};
use serde::Serialize;

use super::location::PackLocation;
use super::name_pattern::NamePatterns;
use super::named_items::{names_of, no_names, report_unmatched};
use super::pack_sequence::{PackSequence, SequencePart};
use super::read_args::ReadArgs;
use crate::items::write::{JsonList, standard_output};
use crate::outcome::{CommandOutcome, Failure};
use crate::printable::{self, JsonName, JsonPath};

/// List the items of a pack: position, size in bytes, name
///
/// A PATTERN selects names as a shell selects files: * and ? match within a folder, ** matches
/// across folders. A pattern without wildcards is a name, or a folder with everything in it.
/// Names with a leading dot are not treated specially.
///
/// No items are read: their sizes are stored at the ends of the records. On a terminal, names with
/// unprintable characters are quoted for the shell; in a pipe, names are written unchanged.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct LsArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Only items whose names match one of these
    #[arg(value_name = "PATTERN")]
    patterns: Vec<OsString>,
    /// Also print each item's record, and its share of the record's bytes in the
    /// file, in proportion to its size
    #[arg(short, long)]
    long: bool,
    /// Print only names, one per line, without reading the sizes
    #[arg(short = '1', long, conflicts_with = "long")]
    names_only: bool,
    /// Print only names, each followed by a NUL byte, for `xargs -0`
    #[arg(short = '0', long, conflicts_with = "long")]
    null: bool,
    /// Print one JSON object with all items
    #[arg(long, conflicts_with_all = ["names_only", "null"])]
    json: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack ls src.pack                       everything
  sealpack ls src.pack '**/*.rs'             files of that name, in any folder
  sealpack ls src.pack docs                  everything in a folder
  sealpack ls src.pack --long | sort -nk2    by size
  sealpack ls src.pack -0 'logs/*' | xargs -0 -n1 sealpack get src.pack --name
  sealpack ls https://packs.example/src.pack --names-only";

/// The number of records whose sizes are read together: few at first, so that the first
/// lines appear immediately.
const FIRST_BATCH: u32 = 16;
const BATCH: u32 = 1024;

/// Size of the output buffer in bytes.
const BUFFER: usize = 256 << 10;

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack cannot be read.
pub fn run(args: &LsArgs) -> Result<CommandOutcome, Failure> {
    let mut patterns = NamePatterns::parse(&args.patterns)?;
    let packs = PackSequence::open(&args.reading, &args.file)?;
    if let PackSequence::Pack(reader) = &packs
        && args.needs_names()
        && reader.names()?.is_none()
    {
        return Err(no_names(&args.file));
    }
    let threads = match PackLocation::of(&args.file)? {
        PackLocation::File(_) => thread::available_parallelism().map_or(1, usize::from),
        #[cfg(feature = "remote")]
        PackLocation::Store(..) => super::location::REQUESTS,
    };
    SequenceListing { args, packs, threads }.print(&mut patterns)?;
    Ok(report_unmatched(&patterns))
}

impl LsArgs {
    fn needs_names(&self) -> bool {
        !self.patterns.is_empty() || self.names_only || self.null
    }
}

/// The packs that are being listed.
struct SequenceListing<'a> {
    args: &'a LsArgs,
    packs: PackSequence,
    threads: usize,
}

/// A pack that is being listed.
struct Listing<'a> {
    args: &'a LsArgs,
    reader: &'a Reader,
    names: Option<&'a Names>,
    /// The position of its first item.
    first: u64,
    threads: usize,
}

/// An item in JSON.
#[derive(Serialize)]
struct JsonListedItem<'a> {
    position: u64,
    size: u64,
    #[serde(flatten)]
    name: JsonName<'a>,
    #[serde(flatten)]
    stored: Option<StoredShare>,
}

/// The record of an item, and its share of the record.
#[derive(Clone, Copy, Serialize)]
struct StoredShare {
    record: u32,
    /// The item's share of the record's bytes in the file, by its size.
    stored: u64,
}

impl SequenceListing<'_> {
    fn print(&self, patterns: &mut NamePatterns) -> Result<(), Failure> {
        let to = standard_output().map_err(Failure::Output)?;
        let mut to = BufWriter::with_capacity(BUFFER, to);
        if self.args.json {
            let about = JsonPath::new(&self.args.file);
            let mut list = JsonList::new(to, &about).map_err(Failure::Output)?;
            self.each(|listing| {
                listing.list(patterns, |item, name| {
                    let ListedItem { position, size, .. } = item;
                    let stored = listing.stored(item);
                    list.push(&JsonListedItem { position, size, name: JsonName(name), stored })
                })
            })?;
            return list.finish().map_err(Failure::Output);
        }
        let format = ListingFormat {
            position_width: self.packs.item_count().to_string().len(),
            is_quoted: stdout().is_terminal(),
        };
        let mut written = 0;
        self.each(|listing| match self.args.names_only || self.args.null {
            true => listing.list_names(patterns, |name| match self.args.null {
                true => to.write_all(name).and_then(|()| to.write_all(b"\0")),
                false => format.name(&mut to, name),
            }),
            false => listing.list(patterns, |item, name| {
                format.line(&mut to, item, listing.stored(item), name)?;
                written += 1;
                // The first lines appear immediately.
                if written == FIRST_BATCH { to.flush() } else { Ok(()) }
            }),
        })?;
        to.flush().map_err(Failure::Output)
    }

    /// Calls `list` with each pack.
    fn each(
        &self,
        mut list: impl FnMut(&Listing<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (args, threads) = (self.args, self.threads);
        for part in self.packs.parts(0..self.packs.item_count()) {
            let SequencePart { reader, first, .. } = part?;
            let names = names_of(&reader)?;
            if names.is_none() && args.needs_names() {
                return Err(no_names(reader.path()));
            }
            let names = names.as_ref();
            list(&Listing { args, reader: &reader, names, first, threads })?;
        }
        Ok(())
    }
}

impl Listing<'_> {
    fn stored(&self, item: ListedItem) -> Option<StoredShare> {
        self.args.long.then_some(StoredShare { record: item.record, stored: item.stored })
    }

    /// Calls `put` with each matching item and its name.
    fn list(
        &self,
        patterns: &mut NamePatterns,
        mut put: impl FnMut(ListedItem, &[u8]) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let per_record = self.reader.trailer().items_per_record.max(1);
        let records = self.reader.directory().record_count();
        let (mut next, mut size) = (0, FIRST_BATCH);
        while next < records {
            let batch = next..records.min(next.saturating_add(size));
            (next, size) = (batch.end, BATCH);
            let first = batch.start.saturating_mul(per_record);
            let end = batch.end.saturating_mul(per_record).min(self.reader.item_count());
            let matched = self.matched(first..end, patterns)?;
            let mut numbers: Vec<u32> =
                matched.iter().map(|(position, _)| position / per_record).collect();
            numbers.dedup();
            let lengths = self.lengths(&numbers)?;
            let mut matched = matched.iter().peekable();
            for (number, lengths) in numbers.into_iter().zip(&lengths) {
                let place = self
                    .reader
                    .directory()
                    .record(number)
                    .map_err(|error| Failure::PackData { path: self.args.file.clone(), error })?;
                let total: u64 = lengths.iter().sum();
                for (position, size) in place.positions().zip(lengths.iter()) {
                    if let Some((_, name)) = matched.next_if(|(wanted, _)| *wanted == position) {
                        let stored = share(place.size(), size, total);
                        let position = self.first + u64::from(position);
                        let item = ListedItem { position, size, record: number, stored };
                        put(item, name).map_err(Failure::Output)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Calls `put` with each matching name.
    fn list_names(
        &self,
        patterns: &mut NamePatterns,
        mut put: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Failure> {
        for named in self.names.iter().flat_map(|names| names.iter()) {
            let (_, name) = named?;
            if !name.is_empty() && patterns.matches(&name) {
                put(&name).map_err(Failure::Output)?;
            }
        }
        Ok(())
    }

    /// Returns the items of a range that match, with their names.
    fn matched(
        &self,
        positions: Range<u32>,
        patterns: &mut NamePatterns,
    ) -> Result<Vec<(u32, Bytes)>, Failure> {
        let Some(names) = self.names else {
            return Ok(positions.map(|position| (position, Bytes::new())).collect());
        };
        let mut matched = Vec::new();
        for named in names.range(positions)? {
            let (position, name) = named?;
            if patterns.matches(&name) {
                matched.push((position, name));
            }
        }
        Ok(matched)
    }

    /// Returns the lengths of the items of some records, read by several threads.
    fn lengths(&self, records: &[u32]) -> Result<Vec<ItemLengths>, Failure> {
        let read = |records: &[u32]| -> Result<Vec<ItemLengths>, sealpack::Error> {
            records.iter().map(|record| self.reader.item_lengths(*record)).collect()
        };
        let share = records.len().div_ceil(self.threads).max(1);
        let (first, others) = records.split_at(share.min(records.len()));
        thread::scope(|scope| {
            let start = |records| thread::Builder::new().spawn_scoped(scope, move || read(records));
            let others: Vec<_> = others.chunks(share).map(|some| (some, start(some))).collect();
            let mut lengths = read(first)?;
            for (records, started) in others {
                // If the system allows no more threads, this thread reads.
                let joined = started.ok().and_then(|thread| thread.join().ok());
                lengths.extend(joined.unwrap_or_else(|| read(records))?);
            }
            Ok(lengths)
        })
    }
}

/// An item that matched.
#[derive(Clone, Copy)]
struct ListedItem {
    position: u64,
    size: u64,
    record: u32,
    stored: u64,
}

/// Returns the share of `stored` bytes that belongs to `size` of `total` bytes.
fn share(stored: u64, size: u64, total: u64) -> u64 {
    let share = u128::from(stored) * u128::from(size) / u128::from(total.max(1));
    u64::try_from(share).unwrap_or(stored)
}

/// The layout of the lines.
#[derive(Clone, Copy)]
struct ListingFormat {
    position_width: usize,
    /// Whether names with unprintable characters are quoted.
    is_quoted: bool,
}

impl ListingFormat {
    fn line(
        self,
        to: &mut impl Write,
        item: ListedItem,
        stored: Option<StoredShare>,
        name: &[u8],
    ) -> io::Result<()> {
        let ListedItem { position, size, .. } = item;
        write!(to, "{position:>width$} {size:>12} ", width = self.position_width)?;
        if let Some(StoredShare { record, stored }) = stored {
            write!(to, "{record:>8} {stored:>12} ")?;
        }
        self.name(to, name)
    }

    fn name(self, to: &mut impl Write, name: &[u8]) -> io::Result<()> {
        if self.is_quoted {
            return writeln!(to, "{}", printable::name(name));
        }
        to.write_all(name)?;
        to.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_at_most_the_record() {
        assert_eq!(share(100, 1, 3) + share(100, 2, 3), 99);
        assert_eq!((share(100, 0, 0), share(u64::MAX, 7, 7)), (0, u64::MAX));
    }
}
