//! Draws everything that is known about the file, as lines to scroll through.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use sealpack::core::format::{ExtensionKind, known};
use sealpack::core::names::StoredNames;
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{Reader, names_path};

use super::head::{self, layer_state};
use crate::inspect::layout::InspectorLayout;
use crate::inspect::model::Inspector;
use crate::printable;
use crate::terminal::hex;
use crate::terminal::panel::fitted;
use crate::terminal::text::{count, grouped, size, wrapped};

/// The maximum number of damaged records that are listed.
const MAX_LISTED: usize = 1000;
/// The maximum number of bytes of the app data that are shown.
const MAX_SHOWN: usize = 4096;

/// Draws the facts.
pub fn render(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    let lines = lines(app, parts.list.width);
    let first = u16::try_from(app.facts.view().start).unwrap_or(u16::MAX);
    buffer.set_string(parts.heading.x, parts.heading.y, "facts", app.palette.strong());
    let lines: Vec<Line<'_>> =
        lines.into_iter().map(|line| fitted(line, parts.list.width)).collect();
    Paragraph::new(lines).scroll((first, 0)).render(parts.list, buffer);
}

/// Returns the lines for a screen with this many columns.
pub fn lines(app: &Inspector, columns: u16) -> Vec<Line<'static>> {
    let mut page = FactsPage { app, columns: usize::from(columns), lines: Vec::new() };
    page.notes();
    page.verdicts();
    page.damaged();
    page.trailer();
    page.app_data();
    page.lines
}

struct FactsPage<'a> {
    app: &'a Inspector,
    columns: usize,
    lines: Vec<Line<'static>>,
}

impl FactsPage<'_> {
    fn heading(&mut self, text: &'static str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        self.lines.push(Line::styled(text, self.app.palette.strong()));
    }

    fn words(&mut self, indent: usize, text: &str) {
        for line in wrapped(text, self.columns.saturating_sub(indent)) {
            self.lines.push(Line::raw(format!("{}{line}", " ".repeat(indent))));
        }
    }

    fn notes(&mut self) {
        if self.app.notes().is_empty() {
            return;
        }
        self.heading("cannot be trusted");
        for note in self.app.notes() {
            let what = format!("  ✗ {}: {}", note.section, note.what);
            self.lines.push(Line::styled(what, self.app.palette.bad()));
            self.words(4, &note.so);
        }
    }

    fn verdicts(&mut self) {
        self.heading("verdicts");
        for layer in LayerName::ALL {
            let layer_state = layer_state(self.app, layer);
            let name = layer.name().replace('_', " ");
            let mut spans = vec![
                Span::raw("  "),
                Span::styled(layer_state.sign(), layer_state.style(self.app.palette)),
                Span::raw(format!(" {name:<16}")),
            ];
            let error = self.app.report.as_ref().and_then(|report| match report.verdict(layer) {
                Verdict::Failed(error) | Verdict::NotChecked(error) => Some(format!("{error:#}")),
                _ => None,
            });
            spans.push(Span::raw(layer_state.word()));
            self.lines.push(Line::from(spans));
            if let Some(error) = error {
                self.words(4, &error);
            }
        }
        if let Some(report) = &self.app.report {
            if report.frames_without_checksum > 0 {
                let frames = count(report.frames_without_checksum.into(), "frame");
                self.words(4, &format!("{frames} without a checksum of their own"));
            }
            if !report.items_are_protected() {
                self.words(4, "no checksum covers the items' bytes: a flipped bit would not show");
            }
        }
    }

    fn damaged(&mut self) {
        let damaged: Vec<String> = self
            .app
            .marks
            .all_damaged()
            .take(MAX_LISTED)
            .map(|(record, damage)| {
                let (record, offset) = (grouped(record.into()), grouped(damage.offset));
                format!("✗ record {record} at {offset}: {}", damage.what)
            })
            .collect();
        if damaged.is_empty() {
            return;
        }
        self.heading("damaged records");
        for text in damaged {
            for (nth, line) in wrapped(&text, self.columns.saturating_sub(4)).iter().enumerate() {
                let indent = if nth == 0 { "  " } else { "    " };
                self.lines.push(Line::styled(format!("{indent}{line}"), self.app.palette.bad()));
            }
        }
    }

    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        let indent = 24.min(self.columns / 2);
        let name = format!("  {name}");
        let mut lines = wrapped(value.as_ref(), self.columns.saturating_sub(indent)).into_iter();
        let first = lines.next().unwrap_or_default();
        self.lines.push(Line::raw(format!("{name:<indent$}{first}")));
        for line in lines {
            self.lines.push(Line::raw(format!("{}{line}", " ".repeat(indent))));
        }
    }

    fn trailer(&mut self) {
        self.heading("trailer");
        let reader = &self.app.reader;
        let trailer = reader.trailer().clone();
        let id = trailer.format_id;
        let known = known::known(id).map_or("not known", |known| known.name);
        let bytes = |n: u64| format!("{} ({})", count(n, "byte"), size(n));
        let records_end = reader.directory().records_end();
        let file_size = reader.file_size();
        let memory = reader.directory().memory() as u64;
        self.field("version", head::dialect(self.app));
        self.field("format id", format!("{id} = {id:#x}, {known}"));
        self.field("codec", head::codec(self.app).trim_start_matches("codec "));
        self.field("items", grouped(trailer.total_items.into()));
        self.field("items per record", grouped(trailer.items_per_record.into()));
        self.field("records", grouped(trailer.record_count.into()));
        self.field("file", bytes(file_size));
        self.field("records, bytes", bytes(records_end));
        self.field(
            "index",
            format!("{}, {} in memory", bytes(trailer.index_size.into()), size(memory)),
        );
        self.field("app data", bytes(trailer.app_data_size.into()));
        if let Some(names) = names_of(&self.app.reader) {
            self.field("names", names);
        }
        if let Some(dictionary) = dictionary_of(&self.app.reader) {
            self.field("dictionary", dictionary);
        }
        let covers =
            if trailer.record_checksum { "covers the payload" } else { "covers the item lengths" };
        self.field(
            "record checksum",
            if trailer.layout().has_lengths() || trailer.record_checksum { covers } else { "none" },
        );
        let hash = trailer.content_hash.map(|hash| printable::hex(&hash));
        self.field("content hash", hash.unwrap_or_else(|| "none".into()));
    }

    fn app_data(&mut self) {
        let data = self.app.reader.app_data().clone();
        if data.is_empty() {
            return;
        }
        self.heading("app data");
        let shown = data.get(..MAX_SHOWN.min(data.len())).unwrap_or_default();
        self.lines.extend(hex::rows(shown, 0, 4, self.columns).map(Line::raw));
        if shown.len() < data.len() {
            self.words(2, &format!("… {} in all", count(data.len() as u64, "byte")));
        }
    }
}

/// Returns where the names are stored, and their compressed size, if the pack has names.
fn names_of(reader: &Reader) -> Option<String> {
    let section = reader.extensions().section(ExtensionKind::NAMES)?;
    let stored = u64::try_from(section.len()).unwrap_or(u64::MAX);
    Some(match StoredNames::parse(section, reader.item_count()) {
        Ok(StoredNames::Section(_)) => format!("{}, in the app data", size(stored)),
        Ok(StoredNames::Companion(file)) => {
            let path = names_path(reader.path());
            let name = path.file_name().map_or(path.as_path(), Path::new);
            format!("{}, in {}", size(file.size), printable::path(name))
        }
        Err(error) => format!("damaged: {error}"),
    })
}

/// Returns the id and the size of the dictionary that records are decoded with, if there
/// is one.
fn dictionary_of(reader: &Reader) -> Option<String> {
    match reader.dictionary() {
        Ok(None) => None,
        Ok(Some(dictionary)) => {
            let bytes = size(dictionary.bytes().len() as u64);
            Some(format!("{}, {bytes}", dictionary.id()))
        }
        Err(_) => Some("damaged".into()),
    }
}
