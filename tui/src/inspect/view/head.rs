//! Draws the lines at the top: the name of the file, what it is, and the verdicts.

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use sealpack::DecidedBy;
use sealpack::core::error::Section;
use sealpack::core::format::Dialect;
use sealpack::core::format::known::{KnownCodec, known};
use sealpack::core::read::{LayerName, Verdict};

use crate::inspect::layout::InspectorLayout;
use crate::inspect::model::Inspector;
use crate::printable;
use crate::terminal::palette::Palette;
use crate::terminal::panel::fitted;
use crate::terminal::text::{count, cut, size, width};

/// Draws the lines.
pub fn render(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    title(app, parts.title.width).render(parts.title, buffer);
    Line::raw(cut(&identity(app), usize::from(parts.identity.width)))
        .render(parts.identity, buffer);
    let verdicts = verdicts(app, parts.verdicts.width);
    fitted(verdicts, parts.verdicts.width).render(parts.verdicts, buffer);
    if let Some(note) = app.notes().first() {
        render_note(app, &format!("{}: {}", note.section, note.what), parts.notes, buffer);
    }
}

fn render_note(app: &Inspector, note: &str, area: Rect, buffer: &mut Buffer) {
    let more = match app.notes().len() {
        1 => " · 3 shows details".to_string(),
        n => format!(" · and {} · 3 shows details", n - 1),
    };
    let room = usize::from(area.width).saturating_sub(width(&more) + 2);
    let line = Line::from(vec![
        Span::styled(format!("✗ {}", cut(note, room)), app.palette.bad()),
        Span::raw(more),
    ]);
    line.render(area, buffer);
}

fn title(app: &Inspector, columns: u16) -> Line<'static> {
    let columns = usize::from(columns);
    let file = app.reader.path().file_name().unwrap_or(app.reader.path().as_os_str());
    let file = printable::path(Path::new(file));
    let trailer = app.reader.trailer();
    let what = format!(
        "{} · {} in {} ",
        size(app.reader.file_size()),
        count(trailer.total_items.into(), "item"),
        count(trailer.record_count.into(), "record"),
    );
    let file = cut(&format!(" {file}"), columns.saturating_sub(width(&what) + 1));
    let gap = columns.saturating_sub(width(&file) + width(&what));
    Line::styled(format!("{file}{}{what}", " ".repeat(gap)), app.palette.title())
}

/// Returns what the file says about itself, on one line.
fn identity(app: &Inspector) -> String {
    let trailer = app.reader.trailer();
    let name = match known(trailer.format_id) {
        Some(known) => known.name.to_string(),
        None => "not known".to_string(),
    };
    let id = match trailer.format_id {
        id if id < 0x1_0000 => id.to_string(),
        id => format!("{id:#010X}").replacen("0X", "0x", 1),
    };
    let mut parts = vec![format!("format {id}, {name}"), codec(app)];
    if let Some(ratio) = packed_ratio(app) {
        parts.push(ratio);
    }
    parts.push(format!("{} a record", count(trailer.items_per_record.into(), "item")));
    parts.push(dialect(app).into());
    parts.join(" · ")
}

/// Returns the codec, and how it was determined if not by the format id.
pub fn codec(app: &Inspector) -> String {
    let chosen = match app.codec {
        None => return "codec …".into(),
        Some(None) => return "no codec".into(),
        Some(Some(chosen)) => chosen,
    };
    let name = chosen.codec.map_or("own codec", KnownCodec::name);
    match chosen.decided_by {
        DecidedBy::FirstRecord => format!("codec {name} (by its first record)"),
        DecidedBy::FormatId | DecidedBy::Caller => format!("codec {name}"),
    }
}

/// Returns the ratio of decoded to stored bytes, once all records were decoded.
fn packed_ratio(app: &Inspector) -> Option<String> {
    let report = app.report.as_ref().filter(|report| report.damaged_count == 0)?;
    let ratio =
        crate::terminal::text::ratio(report.payload_size, app.reader.directory().records_end());
    Some(format!("ratio {ratio}"))
}

/// Returns the dialect in words.
pub fn dialect(app: &Inspector) -> &'static str {
    match app.reader.dialect() {
        Dialect::AppDataCrc => "version 1",
        Dialect::NoAppDataCrc => "version 1 without app data CRC",
    }
}

/// The state of a layer before or after a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerState {
    /// The layer was checked and is sound.
    Passed,
    /// The layer was checked and is damaged.
    Failed,
    /// The pack does not have the layer.
    Absent,
    /// The layer was not checked yet.
    Unchecked,
}

impl LayerState {
    /// Returns the sign of the state.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Failed => "✗",
            Self::Absent => "–",
            Self::Unchecked => "?",
        }
    }

    /// Returns the word for the state.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Absent => "not present",
            Self::Unchecked => "not checked: v verifies",
        }
    }

    /// Returns the style of the state.
    pub fn style(self, palette: Palette) -> ratatui::style::Style {
        match self {
            Self::Passed => palette.good(),
            Self::Failed => palette.bad(),
            Self::Absent | Self::Unchecked => palette.faint(),
        }
    }
}

/// Returns the state of a layer.
pub fn layer_state(app: &Inspector, layer: LayerName) -> LayerState {
    let noted = |section| app.notes().iter().any(|note| note.section == section);
    let failed = match layer {
        LayerName::Structure => noted(Section::Trailer),
        LayerName::Index => noted(Section::Index),
        LayerName::AppData => noted(Section::AppData),
        _ => false,
    };
    if failed {
        return LayerState::Failed;
    }
    if let Some(report) = &app.report {
        return match report.verdict(layer) {
            Verdict::Passed => LayerState::Passed,
            Verdict::Failed(_) | Verdict::NotChecked(_) => LayerState::Failed,
            Verdict::NotPresent => LayerState::Absent,
        };
    }
    let trailer = app.reader.trailer();
    let present = match layer {
        LayerName::Structure | LayerName::Index => return LayerState::Passed,
        LayerName::AppData => {
            let checked = trailer.app_data_size > 0 && app.reader.dialect() == Dialect::AppDataCrc;
            return if checked { LayerState::Passed } else { LayerState::Absent };
        }
        LayerName::RecordChecksum => trailer.record_checksum,
        LayerName::Decoding | LayerName::FrameChecksum => trailer.record_count > 0,
        LayerName::Lengths => trailer.layout().has_lengths(),
        LayerName::ContentHash => trailer.content_hash.is_some(),
    };
    if present { LayerState::Unchecked } else { LayerState::Absent }
}

/// Names of the layers, from the longest to the shortest.
const NAMES: [[&str; 8]; 3] = [
    [
        "structure",
        "index",
        "app data",
        "record checksum",
        "decoding",
        "frame checksum",
        "lengths",
        "content hash",
    ],
    ["trailer", "index", "app data", "crc", "decode", "frame", "lengths", "hash"],
    ["trailer", "index", "app", "crc", "dec", "frame", "len", "hash"],
];

fn verdicts(app: &Inspector, columns: u16) -> Line<'static> {
    let needed = |names: &[&str; 8]| names.iter().map(|name| width(name) + 4).sum::<usize>() - 2;
    let fits = |names: &&[&str; 8]| needed(names) <= usize::from(columns);
    let [.., shortest] = &NAMES;
    let names = NAMES.iter().find(fits).unwrap_or(shortest);
    let separator = if fits(&names) { "  " } else { " " };
    let mut spans = Vec::new();
    for (layer, name) in LayerName::ALL.into_iter().zip(names) {
        let state = layer_state(app, layer);
        let style = state.style(app.palette);
        spans.push(Span::raw(*name));
        spans.push(Span::styled(format!(" {}", state.sign()), style));
        spans.push(Span::raw(separator));
    }
    Line::from(spans)
}
