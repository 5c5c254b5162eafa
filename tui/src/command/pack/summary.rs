//! The summary that `pack` prints when it has finished.

use std::io::{self, Write};

use serde::Serialize;

use crate::items::walk::SkippedCounts;
use crate::printable::JsonPath;
use crate::report::BOLD;
use crate::size::{Bytes, Count};
use crate::terminal::text::count;

/// The result of the packing.
#[derive(Serialize)]
pub(super) struct PackingSummary {
    #[serde(flatten)]
    pub(super) path: JsonPath,
    pub(super) total_items: u32,
    /// Items whose names the pack stores.
    pub(super) named_items: u32,
    pub(super) record_count: u32,
    pub(super) items_per_record: u32,
    /// Bytes of the inputs, including newlines and frame lengths.
    pub(super) bytes_in: u64,
    /// Bytes of the items.
    pub(super) item_bytes: u64,
    /// Bytes of the pack.
    pub(super) bytes_out: u64,
    /// Bytes in per byte out; null if the inputs are empty.
    pub(super) ratio: Option<f64>,
    pub(super) seconds: f64,
    pub(super) bytes_per_second: f64,
    pub(super) codec: &'static str,
    /// The options that were chosen for the purpose; null without --for.
    pub(super) chosen: Option<Vec<String>>,
    pub(super) format_id: u32,
    pub(super) record_checksum: bool,
    pub(super) content_hash: Option<String>,
    /// The digest list and its root; null if no digest list was requested.
    #[serde(flatten)]
    pub(super) digests: JsonPath,
    pub(super) root: Option<String>,
    /// The file with the names; null if the pack has none next to it.
    #[serde(flatten)]
    pub(super) names_file: JsonPath,
    pub(super) skipped: SkippedCounts,
    /// Files that changed while they were packed; only with --allow-changed.
    pub(super) changed_files: u64,
    #[serde(skip)]
    pub(super) parts: Option<String>,
    #[serde(skip)]
    pub(super) is_tar: bool,
}

/// Computes a ratio for display.
pub(super) fn quotient(of: u64, by: u64) -> f64 {
    of as f64 / by as f64
}

impl PackingSummary {
    pub(super) fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", self.path)?;
        let mut row = |name: &str, value: String| writeln!(to, "  {name:<6} {value}");
        let records = count(self.record_count.into(), "record");
        row("items", format!("{} in {records}", Count(self.total_items.into())))?;
        if let Some(chosen) = &self.chosen {
            row("chosen", chosen.join(" "))?;
        }
        row("in", Bytes(self.bytes_in).to_string())?;
        let ratio = self.ratio.map(|ratio| format!(", {ratio:.2} to 1")).unwrap_or_default();
        row("out", format!("{}{ratio}", Bytes(self.bytes_out)))?;
        if let Some(parts) = &self.parts {
            row("parts", parts.clone())?;
        }
        if self.names_file.path().is_some() {
            row("names", format!("in {}", self.names_file))?;
        }
        let rate = self.bytes_per_second / 1e6;
        row("time", format!("{:.2} s, {rate:.0} MB/s", self.seconds))?;
        row("hash", self.content_hash.clone().unwrap_or_else(|| "none".into()))?;
        if let Some(root) = &self.root {
            row("root", root.clone())?;
        }
        if self.changed_files > 0 {
            let files = count(self.changed_files, "file");
            row("changed", format!("{files} during packing: packed as they were read"))?;
        }
        let SkippedCounts {
            symbolic_links,
            special_files,
            output_files,
            temporary_files,
            folders,
            hard_links,
            unknown_members,
        } = self.skipped;
        let links = match self.is_tar {
            true => "symbolic links",
            false => "symbolic links: --follow-links packs what they point to",
        };
        for (count, what) in [
            (symbolic_links, links),
            (special_files, "pipes, sockets or devices"),
            (output_files, "being written: the pack itself, its list of names"),
            (temporary_files, "temporary files of killed writers: .NAME.XXXXXX.tmp"),
            (folders, "folders: only files are stored"),
            (hard_links, "hard links: their files are stored under another name"),
            (unknown_members, "members of an unknown type"),
        ] {
            if count > 0 {
                row("left out", format!("{} {what}", Count(count)))?;
            }
        }
        Ok(())
    }
}
