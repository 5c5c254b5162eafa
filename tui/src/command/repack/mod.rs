//! `sealpack repack`: makes one pack of the items of other packs.

mod sources;
mod summary;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use sealpack::core::format::ExtensionKind;
use sealpack::core::format::known::{KnownCodec, known};
use sealpack::{
    Bytes, Plain, Reader, RecordCopy, Writer, WriterOptions, Zstd, digest_list_path, names_path,
};

use self::sources::{Part, SelectedPart, SourceHash, SourcePack, Sources};
use self::summary::RepackSummary;
use super::cat::PositionRange;
use super::dictionary_args::{self, DictionaryChoice, DictionaryCodec, NewDictionaryArgs};
use super::distinct::Files;
use super::location::PackLocation;
use super::name_filter::NameFilterArgs;
use super::position_runs::PositionRuns;
use super::target::{Destination, Target, UploadArgs, report_caveats};
use super::trust_args::TrustArgs;
use super::write_args::{PackCodecArg, WriteArgs};
use crate::interrupt::Interrupt;
use crate::items::walk;
use crate::outcome::{CommandOutcome, Failure, Input};
use crate::progress::ProgressMeter;
use crate::report;
use crate::size::parse_u32;

/// Make one pack of the items of other packs
///
/// The items of the packs follow each other in the order of the arguments. What no option changes
/// stays as it is in the first pack: items per record, codec, dictionary, format id, checksums,
/// content hash, app data. Items keep their names; --name and --exclude take only some of the items.
///
/// Records are copied without re-encoding if no option changes them. Every record is still decoded
/// and checked, and so is the content hash of every pack that is copied as a whole. With --unchecked,
/// a pack that is copied as a whole is not decoded, which takes about twice as long as cp.
///
/// The new pack appears whole or not at all. The packs that are read stay unchanged.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct RepackArgs {
    /// The packs to read: files or URLs; the manifest of a set (*.json) means all its packs
    #[arg(required = true, value_name = "PACK")]
    packs: Vec<PathBuf>,
    /// The pack to write: a file, or s3://BUCKET/NAME, gs://…, az://…
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only the items at positions A to B-1, counted through all packs; A.. means to
    /// the end, ..B means from 0
    #[arg(long, value_name = "A..B")]
    range: Option<PositionRange>,
    #[command(flatten)]
    selection: NameFilterArgs,
    /// Do not decode records that are copied; only their checksums are checked. A pack that
    /// is copied as a whole keeps the content hash that it states, which `verify` checks. A
    /// part of a pack, several packs and a digest list need a new hash of the items, so their
    /// records are decoded even so, unless there is --no-content-hash
    #[arg(long)]
    unchecked: bool,
    /// Print one JSON object instead of the summary, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    writing: WriteArgs,
    #[command(flatten)]
    upload: UploadArgs,
    #[command(flatten)]
    trusting: TrustArgs,
}

/// The changes from the first pack.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Changes from the first pack")]
struct ChangeArgs {
    /// Items per record: a larger number compresses better, a smaller one reads faster
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    items_per_record: Option<u32>,
    /// The codec of the new pack
    #[arg(long)]
    codec: Option<PackCodecArg>,
    /// The zstd level, 1 (fast) to 22 (small); every record is then re-encoded
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(-7..=22), allow_negative_numbers = true)]
    level: Option<i32>,
    /// The dictionary of the new pack, as `sealpack pack` takes it [default: the one of
    /// the first pack]
    #[arg(long, value_name = "auto|SIZE|FILE", value_parser = dictionary_args::choice())]
    dictionary: Option<DictionaryChoice>,
    /// The dictionary that packs share: old packs are read with it, and the new pack does
    /// not store it either
    #[arg(long, value_name = "FILE", conflicts_with = "dictionary")]
    shared_dictionary: Option<PathBuf>,
    /// Encode records without a dictionary
    #[arg(long, conflicts_with = "dictionary")]
    no_dictionary: bool,
    /// Store a SHA-256 of the items
    #[arg(long, overrides_with = "no_content_hash")]
    content_hash: bool,
    /// Store no SHA-256 of the items
    #[arg(long)]
    no_content_hash: bool,
    /// Let each record's checksum cover the whole record
    #[arg(long, overrides_with = "no_record_checksum")]
    record_checksum: bool,
    /// Let each record's checksum cover only the item lengths
    #[arg(long)]
    no_record_checksum: bool,
    /// Write a digest list, FILE.digests (see `sealpack digests`)
    #[arg(long, conflicts_with = "no_content_hash")]
    with_digests: bool,
    /// A number of your own for the format of the items, decimal or 0x hexadecimal
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    format_id: Option<u32>,
    /// Store this file's bytes as app data
    #[arg(long, value_name = "FILE", conflicts_with = "no_app_data")]
    app_data: Option<PathBuf>,
    /// Store no app data
    #[arg(long)]
    no_app_data: bool,
    /// Store no names of items
    #[arg(long)]
    no_names: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack repack old.pack -o small.pack --level 19
  sealpack repack log.pack -o fast.pack --items-per-record 8
  sealpack repack mon.pack tue.pack wed.pack -o week.pack
  sealpack repack set.json -o whole.pack
  sealpack repack log.pack -o part.pack --range 1000..2000
  sealpack repack src.pack -o docs.pack --name '**/*.md' --exclude drafts
  sealpack repack s3://bucket/a.pack -o a.pack --with-digests";

/// The properties of the new pack.
#[derive(Clone, Copy, Debug)]
struct NewShape {
    codec: KnownCodec,
    format_id: u32,
    items_per_record: u32,
    record_checksum: bool,
    content_hash: bool,
}

impl RepackArgs {
    /// Returns the properties of the new pack: those of `first` with the changes.
    fn shape(&self, first: &SourcePack) -> Result<NewShape, Failure> {
        let (trailer, changes) = (first.reader.trailer(), &self.changes);
        let old = first.codec;
        let codec = changes.codec.map_or(old, KnownCodec::from);
        if codec == KnownCodec::None && changes.level.is_some() {
            return Err(Failure::usage("--level has no effect with --codec none"));
        }
        let is_default = known(trailer.format_id).is_some_and(|known| known.codec == old);
        let format_id = match changes.format_id {
            Some(format_id) => format_id,
            None if codec == old => trailer.format_id,
            None if is_default => codec.default_format_id(),
            None => {
                return Err(Failure::usage(format!(
                    "the codec changes, and format id {:#x} is one of your own: set that of the new pack \
                     with --format-id",
                    trailer.format_id
                )));
            }
        };
        let record_checksum = match (changes.record_checksum, changes.no_record_checksum) {
            (true, _) => true,
            (_, true) => false,
            _ => trailer.record_checksum,
        };
        let content_hash = match (changes.content_hash, changes.no_content_hash) {
            (true, _) => true,
            (_, true) => false,
            _ => trailer.content_hash.is_some() || changes.with_digests,
        };
        let items_per_record = changes.items_per_record.unwrap_or(trailer.items_per_record.max(1));
        Ok(NewShape { codec, format_id, items_per_record, record_checksum, content_hash })
    }

    fn options(
        &self,
        shape: NewShape,
        app_data: Bytes,
        first: &Reader,
    ) -> Result<WriterOptions, Failure> {
        let options = Writer::options()
            .items_per_record(shape.items_per_record)
            .content_hash(shape.content_hash)
            .record_checksum(shape.record_checksum)
            .digest_list(self.changes.with_digests)
            .app_data(app_data);
        let options = match shape.codec {
            KnownCodec::None => options.codec(Plain),
            _ => options.codec(self.zstd(first)?),
        };
        Ok(self.writing.apply(options.format_id(shape.format_id)))
    }

    /// Returns zstd with the dictionary of the new pack: that of the first pack unless an
    /// option changes it.
    fn zstd(&self, first: &Reader) -> Result<DictionaryCodec, Failure> {
        let changes = &self.changes;
        let zstd = changes.level.map_or_else(Zstd::default, Zstd::level);
        let stored = first.extensions().section(ExtensionKind::DICTIONARY).is_some();
        let kept = match &changes.dictionary {
            Some(_) => None,
            None if changes.no_dictionary => None,
            None if stored => first.dictionary()?,
            None => None,
        };
        if let Some(kept) = kept {
            return Ok(DictionaryCodec::of(zstd.dictionary(kept)));
        }
        let shared_dictionary = match changes.no_dictionary {
            true => None,
            false => changes.shared_dictionary.clone(),
        };
        let dictionary = changes.dictionary.clone();
        NewDictionaryArgs { dictionary, shared_dictionary }.codec(zstd)
    }

    fn app_data(&self, first: &Reader) -> Result<Bytes, Failure> {
        match &self.changes.app_data {
            Some(path) => {
                let failed = |error| Failure::Input { input: Input::Path(path.clone()), error };
                Ok(fs::read(path).map_err(failed)?.into())
            }
            None if self.changes.no_app_data => Ok(Bytes::new()),
            None => Ok(first.app_data().clone()),
        }
    }

    /// Checks combinations of arguments.
    fn check(&self) -> Result<(), Failure> {
        if walk::is_standard_input(&self.output) {
            return Err(Failure::usage(
                "a pack cannot be written to standard output: name a file with --output",
            ));
        }
        let mut files = Files::default();
        for pack in &self.packs {
            if PackLocation::of(pack)?.is_file() {
                files.read("a pack", pack);
            }
        }
        if let Some(DictionaryChoice::File(path)) = &self.changes.dictionary {
            files.read("the dictionary", path);
        }
        if let Some(path) = &self.changes.shared_dictionary {
            files.read("the shared dictionary", path);
        }
        if let Some(app_data) = &self.changes.app_data {
            files.read("the app data", app_data);
        }
        if let Some(output) = Destination::of(&self.output)?.file() {
            files.write("the new pack", output);
            if self.changes.with_digests {
                files.write("its digest list", &digest_list_path(output));
            }
            if !self.changes.no_names {
                files.write("its names file", &names_path(output));
            }
        }
        files.check()
    }

    /// Returns whether the new pack keeps the content hash of the only old one unchecked.
    fn keeps_hash(&self, shape: NewShape, first: &SourcePack, taken: &[SelectedPart<'_>]) -> bool {
        let has_hash = shape.content_hash && first.reader.trailer().content_hash.is_some();
        self.unchecked
            && has_hash
            && !self.changes.with_digests
            && matches!(taken, [only] if only.is_whole() && std::ptr::eq(only.part.source, first))
    }

    /// Opens the packs.
    fn sources(&self) -> Result<Sources, Failure> {
        let shared = self.changes.shared_dictionary.as_deref();
        let shared = shared.map(dictionary_args::load).transpose()?;
        let open = |pack| SourcePack::open(pack, &self.trusting, shared.as_ref());
        let opened = self.packs.iter().map(|pack| open(pack));
        let opened = opened.collect::<Result<Vec<_>, _>>()?;
        Sources::new(opened.into_iter().flatten().collect(), self.range)
    }

    /// Checks that the new pack is no member of a set that is read.
    fn check_members(&self, sources: &Sources) -> Result<(), Failure> {
        let mut files = Files::default();
        for pack in sources.packs() {
            if PackLocation::of(&pack.path)?.is_file() {
                files.read("a pack", &pack.path);
            }
        }
        if let Some(output) = Destination::of(&self.output)?.file() {
            files.write("the new pack", output);
        }
        files.check()
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack cannot be read or is damaged, or the new pack cannot be written.
pub fn run(args: &RepackArgs) -> Result<CommandOutcome, Failure> {
    args.check()?;
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let sources = args.sources()?;
    args.check_members(&sources)?;
    let selected = sources.selected(args.selection.parse()?)?;
    let first = sources.first()?;
    let shape = args.shape(first)?;
    let options = args.options(shape, args.app_data(&first.reader)?, &first.reader)?;
    sources.note_other_app_data(args.changes.app_data.is_some() || args.changes.no_app_data);
    let destination = Destination::of(&args.output)?;
    args.writing.check(&destination)?;
    let size = Some(sources.stored_bytes());
    let target = destination.create(options, &args.upload, &interrupt, size, args.writing.force)?;
    let progress = ProgressMeter::bytes("repacking", size, args.json);
    // With a level, every record is encoded anew.
    let copies = args.changes.level.is_none();
    let mut repacking = Repacking {
        target,
        progress,
        copies,
        unchecked: args.unchecked,
        keeps_hash: args.keeps_hash(shape, first, &selected),
        names: !args.changes.no_names,
        copied_records: 0,
    };
    for part in &selected {
        repacking.append(part)?;
    }
    let summary = repacking.finish(args, &sources)?;
    match args.json {
        true => report::print_json(&summary)?,
        false => report::print(|to| summary.print(to))?,
    }
    Ok(CommandOutcome::Fine)
}

/// The pack that is being written, and how.
struct Repacking {
    target: Target,
    progress: ProgressMeter,
    copies: bool,
    unchecked: bool,
    /// Whether the new pack keeps the content hash of the only old one.
    keeps_hash: bool,
    names: bool,
    copied_records: u32,
}

impl Repacking {
    /// Appends the items of a part: whole records where they can be copied, the rest
    /// item by item.
    fn append(&mut self, selected: &SelectedPart<'_>) -> Result<(), Failure> {
        let mut next = self.target.item_count();
        for (runs, part) in selected.groups() {
            match part {
                Some(part) => self.append_records(&part)?,
                None => self.append_some(&selected.part, runs)?,
            }
        }
        let reader = &selected.part.source.reader;
        let names = if self.names { reader.names()? } else { None };
        let Some(names) = names else { return Ok(()) };
        for run in &selected.runs {
            for named in names.range(run.clone())? {
                let (_, name) = named?;
                if !name.is_empty() {
                    self.target.name_item(next, &name)?;
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// Appends the items of these runs. Each of their records is read once.
    fn append_some(&mut self, part: &Part<'_>, runs: PositionRuns<'_>) -> Result<(), Failure> {
        let positions = runs.span();
        let items = u64::from(positions.end - positions.start).max(1);
        let bytes_per_item = part.stored_bytes_of(&positions) / items;
        let mut taken = runs.cursor();
        for (position, item) in positions.clone().zip(part.source.reader.range(positions)?) {
            let item = item?;
            if taken.contains(position) {
                self.target.append_owned(item)?;
            }
            self.progress.add(bytes_per_item);
        }
        Ok(())
    }

    fn append_records(&mut self, part: &Part<'_>) -> Result<(), Failure> {
        let mut positions = part.positions.clone();
        let mut is_whole = part.is_whole();
        if self.copies
            && let Target::File(file) = &mut self.target
            && let Some(records) = part.records_after(file.writer.item_count())
        {
            let writer = &mut file.writer;
            let copy = RecordCopy::new(&part.source.reader).records(records.clone());
            let copy = if self.unchecked { copy.unchecked() } else { copy };
            let copy = if self.keeps_hash { copy.keep_content_hash() } else { copy };
            if copy.fits(writer)? {
                let progress = &mut self.progress;
                let copied = copy.append_to(writer, |bytes| {
                    progress.add(bytes);
                    ControlFlow::<()>::Continue(())
                })?;
                debug_assert!(copied.is_continue(), "the callback never stops");
                self.copied_records += records.end - records.start;
                positions.start = part.position_after(&records);
                // A copy of all records has checked the content hash.
                is_whole = false;
            }
        }
        self.append_items(part, positions, is_whole)
    }

    fn append_items(
        &mut self,
        part: &Part<'_>,
        positions: std::ops::Range<u32>,
        is_whole: bool,
    ) -> Result<(), Failure> {
        let reader = &part.source.reader;
        let items = u64::from(positions.end - positions.start).max(1);
        let bytes_per_item = part.stored_bytes_of(&positions) / items;
        let mut hash = is_whole.then(|| SourceHash::new(reader)).flatten();
        for item in reader.range(positions)? {
            let item = item?;
            if let Some(hash) = &mut hash {
                hash.item(&item).map_err(|error| part.source.failure(error))?;
            }
            self.target.append_owned(item)?;
            self.progress.add(bytes_per_item);
        }
        hash.map_or(Ok(()), |hash| hash.finish().map_err(|error| part.source.failure(error)))
    }

    fn finish(self, args: &RepackArgs, sources: &Sources) -> Result<RepackSummary, Failure> {
        let Self { target, progress, copied_records, .. } = self;
        progress.set_label("syncing");
        let sealed = target.finish(None)?;
        report_caveats(&args.output, &sealed.caveats);
        let seconds = progress.elapsed().as_secs_f64();
        Ok(RepackSummary::new(&args.output, sources, sealed, copied_records, seconds))
    }
}
