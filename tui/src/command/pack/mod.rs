//! `sealpack pack`: packs files, lines or frames.

mod form;
mod summary;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sealpack::core::Error as PackError;
use sealpack::core::error::Misuse;
use sealpack::core::format::Dialect;
use sealpack::{
    ErrorKind, Plain, StagedFile, Writer, WriterOptions, Zstd, digest_list_path, names_path,
};

use self::form::NewPackForm;
use self::summary::{PackingSummary, quotient};
use super::dictionary_args::NewDictionaryArgs;
use super::distinct::Files;
use super::plan::{self, PackPurpose};
use super::target::{Destination, Target, UploadArgs, WrittenPack, report_caveats, stage};
use super::write_args::{PackCodecArg, WriteArgs};
use crate::descriptors;
use crate::interrupt::Interrupt;
use crate::items::read::{self, Accept, InputFraming};
use crate::items::sample::ItemSource;
use crate::items::tar;
use crate::items::walk::{self, FoundInputs, OutputFiles};
use crate::outcome::{CommandOutcome, Failure, Input};
use crate::printable::{JsonPath, hex};
use crate::progress::ProgressMeter;
use crate::report;
use crate::size::parse_u32;

/// Pack files, lines or frames into one sealed file
///
/// Each INPUT becomes an item, or several: a file is an item; a folder gives an item for every file
/// below it, sorted by the bytes of its path; `-` is standard input. With --lines or --framed, each
/// INPUT is split into items. With --tar, every regular file of a tar archive is an item.
///
/// The pack stores the name of each file: its path relative to the folder if a single folder is
/// packed, otherwise its path as given, without / and .. at the front. --no-names stores none; lines
/// and frames have none. Names, content and order are stored; modes, times and empty folders are not.
///
/// Named symbolic links are followed. Skipped and counted are symbolic links below a folder (unless
/// --follow-links is given), the files being written, and temporary files of killed writers
/// (.NAME.XXXXXX.tmp). If a file cannot be read, or changes while it is read, no pack is written.
///
/// The pack, its digest list and the list of names are each written under a temporary name next to
/// FILE, synced and renamed, so an incomplete pack is never visible. An existing FILE is an error;
/// with --force it is replaced when the pack is complete, and the new file keeps its mode, and its
/// owner where allowed. All files that are read or written must be distinct.
///
/// FILE may be a URL: s3://bucket/name, gs://…, az://…. The pack is then sent in a multipart upload
/// without a local file, and becomes visible when the upload is complete.
///
/// With --for, the form of the pack is chosen for a purpose: a sample of the inputs is packed in each
/// form first, as `sealpack plan` does, whose help describes the rules.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct PackArgs {
    /// Files, folders, or - for standard input
    #[arg(required_unless_present = "tar", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The pack to write: a file, or s3://BUCKET/NAME, gs://…, az://…
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Each line is an item, without its newline. A carriage return is kept, and the
    /// last line needs no newline
    #[arg(long, conflicts_with = "framed")]
    lines: bool,
    /// Each item is its length (u32, little-endian) followed by its bytes
    #[arg(long)]
    framed: bool,
    /// Pack the regular files of this tar archive with their names; - is standard
    /// input. Other members are counted and left out
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "inputs", "lines", "framed", "names", "allow_changed", "follow_links",
    ])]
    tar: Option<PathBuf>,
    /// Do not store the names of the files in the pack
    #[arg(long)]
    no_names: bool,
    /// Also write the path of each item to this file, one per line: line 1 has the path
    /// of item 0. A newline in a path is written as \n, a backslash as \\. The file is
    /// published with the pack
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lines", "framed"])]
    names: Option<PathBuf>,
    /// Pack a file that changes while it is read with the bytes that were read, and
    /// count it, instead of ending with an error
    #[arg(long)]
    allow_changed: bool,
    /// Follow symbolic links below folders too
    #[arg(long)]
    follow_links: bool,
    /// Print one JSON object instead of the summary, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shape: FormatArgs,
    #[command(flatten)]
    writing: WriteArgs,
    #[command(flatten)]
    upload: UploadArgs,
}

/// Options of the pack's contents.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "The pack")]
struct FormatArgs {
    /// Choose items per record, codec, level and dictionary for this purpose, with a sample
    /// of the inputs (see `sealpack plan`)
    #[arg(long = "for", value_name = "PURPOSE", conflicts_with_all = [
        "items_per_record", "codec", "level", "dictionary", "shared_dictionary",
    ])]
    purpose: Option<PackPurpose>,
    /// Items per record: a larger number compresses better, a smaller one reads faster
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u32).range(1..))]
    items_per_record: u32,
    /// How records are encoded
    #[arg(long, default_value = "zstd")]
    codec: PackCodecArg,
    /// The zstd level, 1 (fast) to 22 (small) [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(-7..=22), allow_negative_numbers = true)]
    level: Option<i32>,
    #[command(flatten)]
    dictionary: NewDictionaryArgs,
    /// Do not store the SHA-256 of the items
    #[arg(long)]
    no_content_hash: bool,
    /// Let each record's checksum cover the whole record, not only the item lengths
    #[arg(long)]
    record_checksum: bool,
    /// Also write the digest list, FILE.digests, whose root authenticates single
    /// items (see `sealpack digests`)
    #[arg(long, conflicts_with = "no_content_hash")]
    with_digests: bool,
    /// A number of your own for the format of the items, decimal or 0x hexadecimal
    /// [default: 1 for zstd, 0 for none]
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    format_id: Option<u32>,
    /// Store this file's bytes as app data
    #[arg(long, value_name = "FILE")]
    app_data: Option<PathBuf>,
    /// Write the older dialect, which has no checksum of app data and no
    /// --record-checksum
    #[arg(long, conflicts_with = "record_checksum")]
    no_app_data_checksum: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack pack /usr/share/doc -o doc.pack             every file below a folder
  tar -c photos | sealpack pack --tar - -o photos.pack
                                                       every file of an archive
  sealpack pack --lines big.log -o log.pack            every line
  journalctl | sealpack pack --lines - -o journal.pack
  prog | sealpack pack --framed - -o events.pack --items-per-record 128
  sealpack pack photos/ -o photos.pack --codec none --items-per-record 1
                                                       already compressed files
  sealpack pack logs/ -o s3://bucket/logs.pack         an upload
  sealpack pack --lines big.log -o log.pack --for balanced
                                                       in a measured form";

impl PackArgs {
    fn split(&self) -> InputFraming {
        match (self.lines, self.framed) {
            (true, _) => InputFraming::Lines,
            (_, true) => InputFraming::Frames,
            _ => InputFraming::Whole,
        }
    }

    /// Whether items can have names: lines and frames have none.
    fn stores_names(&self) -> bool {
        !(self.no_names || self.lines || self.framed)
    }

    fn source(&self) -> ItemSource {
        match self.tar {
            Some(_) => ItemSource::Tar,
            None => ItemSource::Split(self.split()),
        }
    }

    /// Returns the form that the options name, or the one that is best for a purpose.
    fn form(&self) -> Result<NewPackForm, Failure> {
        let shape = &self.shape;
        let chosen = match shape.purpose {
            Some(purpose) => {
                let output = Destination::of(&self.output)?;
                let found = self.find(output.file(), &[])?;
                let names = self.stores_names();
                plan::choose_form(&found, self.source(), names, purpose, self.json)?
            }
            None => None,
        };
        if let Some(chosen) = chosen {
            let (items_per_record, codec) = (chosen.items_per_record(), chosen.codec());
            return Ok(NewPackForm { items_per_record, codec, chosen: Some(chosen.options()) });
        }
        let codec = match (shape.codec, shape.level) {
            (PackCodecArg::Zstd, level) => {
                Some(shape.dictionary.codec(level.map_or_else(Zstd::default, Zstd::level))?)
            }
            (PackCodecArg::None, Some(_)) => {
                return Err(Failure::usage("--level has no effect with --codec none"));
            }
            (PackCodecArg::None, None) if shape.dictionary.is_given() => {
                return Err(Failure::usage("a dictionary has no effect with --codec none"));
            }
            (PackCodecArg::None, None) => None,
        };
        Ok(NewPackForm { items_per_record: shape.items_per_record, codec, chosen: None })
    }

    fn options(&self, form: &NewPackForm) -> Result<WriterOptions, Failure> {
        let shape = &self.shape;
        let mut options = Writer::options()
            .items_per_record(form.items_per_record)
            .content_hash(!shape.no_content_hash)
            .record_checksum(shape.record_checksum)
            .digest_list(shape.with_digests);
        options = match &form.codec {
            Some(zstd) => options.codec(zstd.clone()),
            None => options.codec(Plain),
        };
        if shape.no_app_data_checksum {
            options = options.dialect(Dialect::NoAppDataCrc);
        }
        if let Some(format_id) = shape.format_id {
            options = options.format_id(format_id);
        }
        if let Some(path) = &shape.app_data {
            let input = Input::Path(path.clone());
            options =
                options.app_data(fs::read(path).map_err(|error| Failure::Input { input, error })?);
        }
        Ok(self.writing.apply(options))
    }

    /// Checks combinations of arguments.
    fn check(&self) -> Result<(), Failure> {
        if walk::is_standard_input(&self.output) {
            return Err(Failure::usage(
                "a pack cannot be written to standard output: name a file with --output",
            ));
        }
        if self.tar.as_ref().is_some_and(|tar| tar.is_dir()) {
            return Err(Failure::usage(
                "--tar reads a tar archive: to pack a folder, give it as INPUT",
            ));
        }
        if self.inputs.iter().filter(|input| walk::is_standard_input(input)).count() > 1 {
            return Err(Failure::usage("standard input can be read only once: give `-` once"));
        }
        self.writing.check(&Destination::of(&self.output)?)?;
        self.files()?.check()
    }

    /// Returns every file that is read or written.
    fn files(&self) -> Result<Files, Failure> {
        let mut files = Files::default();
        for input in self.inputs.iter().chain(&self.tar) {
            if walk::is_standard_input(input) {
                drop(descriptors::standard_input()?);
                files.read_standard_input();
            } else if !input.is_dir() {
                files.read("an input", input);
            }
        }
        self.shape.dictionary.add_files(&mut files);
        if let Some(app_data) = &self.shape.app_data {
            files.read("the app data", app_data);
        }
        if let Some(output) = Destination::of(&self.output)?.file() {
            files.write("the pack", output);
            if self.shape.with_digests {
                files.write("its digest list", &digest_list_path(output));
            }
            if self.stores_names() {
                files.write("its names file", &names_path(output));
            }
        }
        if let Some(names) = &self.names {
            files.write("the list of names", names);
        }
        Ok(files)
    }

    /// Finds the inputs, and leaves out the files that are being written.
    fn find(&self, output: Option<&Path>, temporary: &[&Path]) -> Result<FoundInputs, Failure> {
        let _progress = ProgressMeter::bytes("looking for files", None, self.json);
        let list = output.filter(|_| self.shape.with_digests).map(digest_list_path);
        let names = output.filter(|_| self.stores_names()).map(names_path);
        let outputs = [output, list.as_deref(), names.as_deref(), self.names.as_deref()];
        let outputs = outputs.into_iter().flatten();
        let outputs = OutputFiles::new(outputs.chain(temporary.iter().copied()));
        let inputs = self.tar.as_ref().map_or(self.inputs.as_slice(), std::slice::from_ref);
        walk::find(inputs, self.follow_links, &outputs)
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: an input that cannot be read, a pack that cannot be written.
pub fn run(args: &PackArgs) -> Result<CommandOutcome, Failure> {
    args.check()?;
    let form = args.form()?;
    let options = args.options(&form)?;
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let destination = Destination::of(&args.output)?;
    let replace = args.writing.force;
    let create =
        |input_size| destination.create(options, &args.upload, &interrupt, input_size, replace);
    let names = args.names.as_deref();
    let mut names = names.map(|path| stage(path, replace, &interrupt)).transpose()?;
    // A file is created before the search for inputs, which may take long, so that a file
    // that cannot be created is reported early. An upload needs the size of the inputs
    // first.
    let (mut found, target) = match destination.file() {
        Some(_) => {
            let target = create(None)?;
            let temporary = names.iter().map(StagedFile::temporary_path);
            let temporary: Vec<_> = target.temporary_paths().into_iter().chain(temporary).collect();
            (args.find(destination.file(), &temporary)?, target)
        }
        None => {
            let found = args.find(None, &[])?;
            let target = create(found.bytes)?;
            (found, target)
        }
    };
    if let Some(names) = &mut names {
        write_names(names, &found)?;
    }
    form.learn(args, &found)?;
    let progress = ProgressMeter::bytes("packing", found.bytes, args.json);
    let allow_changed = args.allow_changed;
    let mut packing = PackInProgress {
        target,
        progress,
        item_bytes: 0,
        stores_names: !args.no_names,
        named_items: 0,
        allow_changed,
        changed_files: 0,
    };
    for input in &found.inputs {
        match args.tar {
            Some(_) => found.skipped = tar::members(&input.input, &mut packing)?,
            None => read::items(input, args.split(), &mut packing)?,
        }
    }
    let summary = packing.finish(args, form, &found, names)?;
    match args.json {
        true => report::print_json(&summary)?,
        false => report::print(|to| summary.print(to))?,
    }
    Ok(CommandOutcome::Fine)
}

/// Writes the names before the items, so that a full disk is detected early.
fn write_names(to: &mut StagedFile, found: &FoundInputs) -> Result<(), Failure> {
    let written = to.write_all(&found.names());
    let path = || Input::Path(to.path().to_path_buf());
    written.map_err(|error| Failure::File { path: path(), operation: "cannot write", error })
}

/// A pack that is being written.
struct PackInProgress {
    target: Target,
    progress: ProgressMeter,
    item_bytes: u64,
    stores_names: bool,
    named_items: u32,
    allow_changed: bool,
    /// Files that were changed while they were packed.
    changed_files: u64,
}

impl Accept for PackInProgress {
    fn parts(&mut self, input: &Input, parts: &[&[u8]]) -> Result<(), Failure> {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        self.item_bytes += size as u64;
        self.target.append_parts(parts).map_err(|error| refused(input, error))
    }

    fn named(&mut self, input: &Input, name: &[u8], item: Vec<u8>) -> Result<(), Failure> {
        let name = if self.stores_names { name } else { b"" };
        self.named_items += u32::from(!name.is_empty());
        self.item_bytes += item.len() as u64;
        self.target.append_named_owned(name, item).map_err(|error| refused(input, error))
    }

    fn changed(&mut self, input: &Input, before: u64, after: u64) -> Result<(), Failure> {
        self.changed_files += 1;
        match self.allow_changed {
            true => Ok(()),
            false => Err(Failure::Changed { input: input.clone(), before, after }),
        }
    }

    fn read(&mut self, bytes: u64) {
        self.progress.add(bytes);
    }
}

/// Adds the input to the error about an item that is too large.
fn refused(input: &Input, error: sealpack::Error) -> Failure {
    match error.kind() {
        ErrorKind::Pack(refusal @ (PackError::Limit(_) | PackError::Misuse(Misuse::Nul))) => {
            Failure::Item { input: input.clone(), error: refusal.clone() }
        }
        _ => Failure::Pack(error),
    }
}

impl PackInProgress {
    fn finish(
        self,
        args: &PackArgs,
        form: NewPackForm,
        found: &FoundInputs,
        names: Option<StagedFile>,
    ) -> Result<PackingSummary, Failure> {
        let Self { target, progress, item_bytes, named_items, changed_files, .. } = self;
        progress.set_label("syncing");
        let WrittenPack { trailer, size: file_size, parts, digests, names_file, caveats } =
            target.finish(names)?;
        report_caveats(&args.output, &caveats);
        let seconds = progress.elapsed().as_secs_f64();
        let bytes_in = progress.done();
        Ok(PackingSummary {
            path: JsonPath::new(&args.output),
            total_items: trailer.total_items,
            named_items,
            record_count: trailer.record_count,
            items_per_record: trailer.items_per_record,
            bytes_in,
            item_bytes,
            bytes_out: file_size,
            ratio: (bytes_in > 0).then(|| quotient(bytes_in, file_size)),
            seconds,
            bytes_per_second: quotient(bytes_in, 1) / seconds.max(f64::MIN_POSITIVE),
            codec: form.codec_name(),
            chosen: form.chosen,
            format_id: trailer.format_id,
            record_checksum: trailer.record_checksum,
            content_hash: trailer.content_hash.map(|hash| hex(&hash)),
            digests: JsonPath::named(
                "digests",
                "digests_bytes",
                digests.as_ref().map(|list| list.path.as_path()),
            ),
            root: digests.map(|list| hex(&list.root)),
            names_file: JsonPath::named("names_file", "names_file_bytes", names_file.as_deref()),
            skipped: found.skipped,
            changed_files,
            parts,
            is_tar: args.tar.is_some(),
        })
    }
}
