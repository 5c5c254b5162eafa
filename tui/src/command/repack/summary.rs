//! The summary that `repack` prints when it has finished.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::sources::Sources;
use crate::command::target::WrittenPack;
use crate::printable::{JsonPath, hex};
use crate::report::BOLD;
use crate::size::{Bytes, Count};
use crate::terminal::text::count;

/// The result of the repacking.
#[derive(Serialize)]
pub struct RepackSummary {
    #[serde(flatten)]
    path: JsonPath,
    packs: usize,
    total_items: u32,
    record_count: u32,
    /// Records that were copied as they were stored; the others were encoded.
    copied_records: u32,
    items_per_record: u32,
    /// Bytes of the records of all packs that were read.
    bytes_in: u64,
    /// Bytes of the new pack.
    bytes_out: u64,
    seconds: f64,
    format_id: u32,
    record_checksum: bool,
    content_hash: Option<String>,
    /// The digest list and its root; null if no digest list was requested.
    #[serde(flatten)]
    digests: JsonPath,
    root: Option<String>,
    /// The file with the names; null if the pack has none next to it.
    #[serde(flatten)]
    names_file: JsonPath,
    #[serde(skip)]
    parts: Option<String>,
}

impl RepackSummary {
    /// Creates the summary of a pack that was written to `path`.
    pub fn new(
        path: &Path,
        sources: &Sources,
        sealed: WrittenPack,
        copied_records: u32,
        seconds: f64,
    ) -> Self {
        let WrittenPack { trailer, size, parts, digests, names_file, .. } = sealed;
        let list = digests.as_ref().map(|list| list.path.as_path());
        Self {
            path: JsonPath::new(path),
            packs: sources.len(),
            total_items: trailer.total_items,
            record_count: trailer.record_count,
            copied_records,
            items_per_record: trailer.items_per_record,
            bytes_in: sources.stored_bytes(),
            bytes_out: size,
            seconds,
            format_id: trailer.format_id,
            record_checksum: trailer.record_checksum,
            content_hash: trailer.content_hash.as_ref().map(|hash| hex(hash)),
            digests: JsonPath::named("digests", "digests_bytes", list),
            root: digests.map(|list| hex(&list.root)),
            names_file: JsonPath::named("names_file", "names_file_bytes", names_file.as_deref()),
            parts,
        }
    }

    /// Prints the summary as text.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", self.path)?;
        let mut row = |name: &str, value: String| writeln!(to, "  {name:<7} {value}");
        let records = count(self.record_count.into(), "record");
        row("items", format!("{} in {records}", Count(self.total_items.into())))?;
        let copied = Count(self.copied_records.into());
        row(
            "records",
            match self.record_count - self.copied_records {
                0 => "all copied without re-encoding".into(),
                encoded => format!("{copied} copied, {} re-encoded", Count(encoded.into())),
            },
        )?;
        row("in", format!("{}, {}", Bytes(self.bytes_in), count(self.packs as u64, "pack")))?;
        row("out", Bytes(self.bytes_out).to_string())?;
        if let Some(parts) = &self.parts {
            row("parts", parts.clone())?;
        }
        if self.names_file.path().is_some() {
            row("names", format!("in {}", self.names_file))?;
        }
        row("time", format!("{:.2} s", self.seconds))?;
        row("hash", self.content_hash.clone().unwrap_or_else(|| "none".into()))?;
        self.root.iter().try_for_each(|root| row("root", root.clone()))
    }
}
