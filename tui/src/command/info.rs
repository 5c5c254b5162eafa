//! `sealpack info`: prints the properties of a pack.

use std::io::{self, Write};
use std::path::PathBuf;

use sealpack::core::codec::dictionary::{DictionaryId, ZstdDictionary};
use sealpack::core::codec::zstd_frame::FrameHeader;
use sealpack::core::format::known::{KnownCodec, known};
use sealpack::core::format::{Dialect, ExtensionKind, ExtensionSection};
use sealpack::{ChosenCodec, Reader};
use serde::Serialize;

use super::pack_sequence::open_set;
use super::read_args::{PackHeading, ReadArgs};
use super::set;
use super::trust_args::trusted_by;
use crate::items::write::standard_output;
use crate::outcome::{CommandOutcome, Failure};
use crate::printable;
use crate::printable::hex;
use crate::report::{self, BOLD, DOUBTFUL};
use crate::size::{Bytes, Count};

/// Show the properties of a pack: its trailer and what follows from it
///
/// Checks the trailer, the app data and the index against their checksums, and reads no records.
/// `sealpack verify` checks everything.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct InfoArgs {
    /// The pack, or the manifest of a set of packs (*.json)
    file: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Write the app data to standard output, and nothing else
    #[arg(long, conflicts_with = "json")]
    app_data: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack info log.pack
  sealpack info log.pack --json | jq .total_items
  sealpack info ledgers.pack --app-data | xxd       the application's data";

/// The largest first record that is read to see whether its frame has a checksum.
const MAX_RECORD_READ: u64 = 16 << 20;

/// The report, printed as JSON or as text.
#[derive(Serialize)]
struct PackInfo {
    #[serde(flatten)]
    about: PackHeading,
    file_size: u64,
    version: u8,
    dialect: &'static str,
    format_id: u32,
    known_as: Option<&'static str>,
    total_items: u32,
    record_count: u32,
    items_per_record: u32,
    records_size: u64,
    index_size: u32,
    app_data_size: u32,
    /// Whether a checksum covers the app data; null if there is none.
    app_data_checksum: Option<bool>,
    /// The sections of the app data, if it has extensions.
    extensions: Vec<ExtensionInfo>,
    content_hash: Option<String>,
    record_checksum: bool,
    /// What authenticates the items: root, content_hash; null without --trust.
    trusted_by: Option<&'static str>,
    /// Whether the first record's frame has a checksum; null if records are not
    /// frames.
    frame_checksum: Option<bool>,
    /// The id of the dictionary that the first record's frame needs.
    needed_dictionary: Option<u32>,
}

/// A section of the app data.
#[derive(Serialize)]
struct ExtensionInfo {
    kind: u32,
    /// The name of the kind; null if it is unknown.
    name: Option<&'static str>,
    /// Its size in bytes.
    size: u64,
    /// The id of a dictionary, by which frames name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
}

impl ExtensionInfo {
    fn of(section: &ExtensionSection) -> Self {
        let ExtensionSection { kind, bytes } = section;
        let id = (*kind == ExtensionKind::DICTIONARY)
            .then(|| ZstdDictionary::parse(bytes.clone()).ok())
            .flatten()
            .map(|dictionary| dictionary.id().get());
        Self { kind: kind.0, name: kind.name(), size: bytes.len() as u64, id }
    }

    /// Returns the name of the kind or, if it is unknown, whether the items can be read.
    fn label(&self) -> String {
        let kind = ExtensionKind(self.kind);
        match (self.name, self.id) {
            (Some(name), Some(id)) => format!("{name} {id}"),
            (Some(name), None) if kind == ExtensionKind::DICTIONARY => {
                format!("{name}, which is damaged")
            }
            (Some(name), None) => name.into(),
            (None, _) if kind.may_be_ignored() => format!("unknown extension {kind}, ignored"),
            (None, _) => format!("unknown extension {kind}: the items need a newer version"),
        }
    }
}

impl PackInfo {
    fn of(reader: &Reader, chosen: Option<ChosenCodec>) -> Result<Self, Failure> {
        let trailer = reader.trailer();
        let app_data_checksum = reader.dialect() == Dialect::AppDataCrc;
        let frame = first_frame(reader, chosen)?;
        Ok(Self {
            about: PackHeading::new(reader.path(), chosen),
            file_size: reader.file_size(),
            // A pack of any other version does not open.
            version: 1,
            dialect: reader.dialect().name(),
            format_id: trailer.format_id,
            known_as: known(trailer.format_id).map(|known| known.name),
            total_items: trailer.total_items,
            record_count: trailer.record_count,
            items_per_record: trailer.items_per_record,
            records_size: reader.directory().records_end(),
            index_size: trailer.index_size,
            app_data_size: trailer.app_data_size,
            app_data_checksum: (trailer.app_data_size > 0).then_some(app_data_checksum),
            extensions: reader
                .extensions()
                .sections()
                .map(|section| ExtensionInfo::of(&section))
                .collect(),
            content_hash: trailer.content_hash.map(|hash| hex(&hash)),
            record_checksum: trailer.record_checksum,
            trusted_by: trusted_by(reader),
            frame_checksum: frame.map(|header| header.checksum),
            needed_dictionary: frame.and_then(|header| header.dictionary).map(DictionaryId::get),
        })
    }

    /// Returns whether a check is known to cover every byte of every item.
    fn items_are_protected(&self) -> bool {
        self.content_hash.is_some() || self.record_checksum || self.frame_checksum == Some(true)
    }

    fn print(&self, reader: &Reader, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", printable::path(reader.path()))?;
        // A hash of 64 digits fits a line of 80.
        let mut row = |name: &str, value: &str| writeln!(to, "  {name:<12} {value}");
        row("items", &Count(self.total_items.into()).to_string())?;
        let records = Count(self.record_count.into());
        row(
            "records",
            &format!("{records} of {} items each", Count(self.items_per_record.into())),
        )?;
        row("file", &Bytes(self.file_size).to_string())?;
        row("  records", &Bytes(self.records_size).to_string())?;
        row("  index", &Bytes(self.index_size.into()).to_string())?;
        row("  app data", &self.app_data(reader))?;
        for extension in &self.extensions {
            row("", &format!("  {}: {}", extension.label(), Bytes(extension.size)))?;
        }
        let known_as = self.known_as.map(|name| format!(" ({name})")).unwrap_or_default();
        row("format id", &format!("{}{known_as}", format_id(self.format_id)))?;
        row("codec", &self.about.codec())?;
        if let Some(id) = self.needed_dictionary {
            let is_stored = self.extensions.iter().any(|extension| extension.id == Some(id));
            let from =
                if is_stored { "which the pack stores" } else { "which readers must be given" };
            row("dictionary", &format!("{id}, {from}"))?;
        }
        row("version", &format!("{}, dialect {}", self.version, self.dialect))?;
        row("content hash", self.content_hash.as_deref().unwrap_or("none"))?;
        row("checksums", &self.checksums())?;
        match self.trusted_by {
            Some("root") => {
                row("trusted", "trailer and app data match the root; items are checked when read")?;
            }
            Some(_) => {
                row("trusted", "the counts match the content hash; items are checked when read")?;
            }
            None => {}
        }
        if !self.items_are_protected() && self.total_items > 0 {
            let warning = "no check covers the items' bytes: a flipped bit is not detected";
            writeln!(to, "  {DOUBTFUL}{warning}{DOUBTFUL:#}")?;
        }
        Ok(())
    }

    /// Returns the names of the parts that checksums cover.
    fn checksums(&self) -> String {
        let mut covered = vec!["trailer", "index"];
        if self.app_data_checksum == Some(true) {
            covered.push("app data");
        }
        if self.record_checksum {
            covered.push("whole records");
        } else if self.items_per_record > 1 {
            covered.push("item lengths");
        }
        if self.frame_checksum == Some(true) {
            covered.push("zstd frames (the first has one)");
        }
        covered.join(", ")
    }

    fn app_data(&self, reader: &Reader) -> String {
        const MAX_SHOWN: usize = 16;
        let Some(covered) = self.app_data_checksum else { return "none".into() };
        let all = reader.app_data();
        let dots = if all.len() > MAX_SHOWN { "…" } else { "" };
        let start = hex(all.get(..MAX_SHOWN).unwrap_or(all));
        let colon = if all.is_empty() { "" } else { ": " };
        let covered = if covered { "" } else { ", not protected by a checksum" };
        format!("{}{colon}{start}{dots}{covered}", Bytes(self.app_data_size.into()))
    }
}

/// Formats a format id: decimal if it is small, otherwise hexadecimal.
fn format_id(id: u32) -> String {
    if id < 0x1_0000 { id.to_string() } else { format!("{id:#010X}").replace("0X", "0x") }
}

/// Returns the header of the first record that is not empty, if records are frames.
fn first_frame(
    reader: &Reader,
    chosen: Option<ChosenCodec>,
) -> Result<Option<FrameHeader>, Failure> {
    if chosen.and_then(|chosen| chosen.codec) != Some(KnownCodec::Zstd) {
        return Ok(None);
    }
    let mut records = reader.directory().records(0..reader.directory().record_count());
    let Some(first) = records.find(|record| record.size() > 0) else { return Ok(None) };
    if first.size() > MAX_RECORD_READ {
        return Ok(None);
    }
    let stored = reader.stored_record(first.number)?;
    Ok(FrameHeader::parse(&stored).ok())
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read.
pub fn run(args: &InfoArgs) -> Result<CommandOutcome, Failure> {
    if let Some(set) = open_set(&args.reading, &args.file)? {
        return match args.app_data {
            true => Err(Failure::usage("a set has no app data; name one of its packs")),
            false => set::info::print(&args.file, &set, args.json),
        };
    }
    if args.app_data {
        let reader = args.reading.open(&args.file)?;
        if reader.trusted().is_some_and(|list| !list.covers_app_data()) {
            return Err(Failure::usage(
                "a content hash does not authenticate app data: --trust the root of the digest list",
            ));
        }
        let written = standard_output().and_then(|mut to| to.write_all(reader.app_data()));
        return written.map(|()| CommandOutcome::Fine).map_err(Failure::Output);
    }
    // No note is needed: the report contains what decided the codec.
    let (reader, chosen) = args.reading.open_with_codec(&args.file, true)?;
    let facts = PackInfo::of(&reader, chosen)?;
    match args.json {
        true => report::print_json(&facts)?,
        false => report::print(|to| facts.print(&reader, to))?,
    }
    Ok(CommandOutcome::Fine)
}
