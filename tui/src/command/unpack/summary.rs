//! The summary that `unpack` prints when it has finished.

use std::io::{self, Write};
use std::time::Duration;

use sealpack::{RefusedItem, UnpackReport};
use serde::Serialize;

use super::UnpackArgs;
use crate::printable::{self, JsonName, JsonPath};
use crate::report::{self, BOLD};
use crate::size::{Bytes, Count};
use crate::terminal::text::count;

/// The result of an unpacking.
#[derive(Serialize)]
pub(super) struct UnpackSummary<'a> {
    #[serde(flatten)]
    path: JsonPath,
    /// The folder or the archive.
    #[serde(flatten)]
    written_to: JsonPath,
    files: u64,
    bytes: u64,
    seconds: f64,
    bytes_per_second: f64,
    /// Items without a name.
    nameless_items: u64,
    refused: Vec<JsonRefusedItem<'a>>,
    /// Items that a later item of the same name replaced.
    replaced: Vec<JsonRefusedItem<'a>>,
}

#[derive(Serialize)]
struct JsonRefusedItem<'a> {
    position: u64,
    #[serde(flatten)]
    name: JsonName<'a>,
    reason: String,
    #[serde(skip)]
    is_resolved_by_force: bool,
}

impl<'a> UnpackSummary<'a> {
    pub(super) fn new(
        args: &UnpackArgs,
        report: &'a UnpackReport,
        nameless_items: u64,
        time: Duration,
    ) -> Self {
        let seconds = time.as_secs_f64();
        let item = |item: &'a RefusedItem| JsonRefusedItem {
            position: item.position,
            name: JsonName(&item.name),
            reason: printable::line(format!("{:#}", item.refusal)).to_string(),
            is_resolved_by_force: item.refusal.is_resolved_by_overwrite(),
        };
        let written_to = args.to_tar.as_ref().unwrap_or(&args.directory);
        Self {
            path: JsonPath::new(&args.file),
            written_to: JsonPath::named("written_to", "written_to_bytes", Some(written_to)),
            files: report.files,
            bytes: report.bytes,
            seconds,
            bytes_per_second: report.bytes as f64 / seconds.max(f64::MIN_POSITIVE),
            nameless_items,
            refused: report.refused.iter().map(item).collect(),
            replaced: report.replaced.iter().map(item).collect(),
        }
    }

    /// Prints each item that was left out to standard error, with advice.
    pub(super) fn report_refused(&self) {
        for JsonRefusedItem { position, name, reason, .. } in &self.refused {
            let name = printable::name(name.0);
            report::error(&format_args!("item {position}, {name}: {reason}"), None);
        }
        for JsonRefusedItem { position, name, reason, .. } in &self.replaced {
            let name = printable::name(name.0);
            report::note(&format_args!("item {position}, {name}: replaced, {reason}"));
        }
        if self.nameless_items > 0 {
            let verb = if self.nameless_items == 1 { "has" } else { "have" };
            report::error(
                &format_args!("{} {verb} no name", count(self.nameless_items, "item")),
                Some("--positions writes them to files that are named by their positions"),
            );
        }
        if self.refused.iter().any(|item| item.is_resolved_by_force) {
            report::note(&"--force replaces existing files");
        }
    }

    pub(super) fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", self.written_to)?;
        let mut row = |name: &str, value: String| writeln!(to, "  {name:<6} {value}");
        row("files", format!("{} from {}", Count(self.files), self.path))?;
        row("size", Bytes(self.bytes).to_string())?;
        let rate = self.bytes_per_second / 1e6;
        row("time", format!("{:.2} s, {rate:.0} MB/s", self.seconds))?;
        let left_out = self.refused.len() as u64 + self.nameless_items;
        if left_out > 0 {
            row("left out", count(left_out, "item"))?;
        }
        Ok(())
    }
}
