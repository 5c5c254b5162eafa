//! Draws the file as a ribbon: the length of each part is its share of the file, and
//! damage is marked at its place.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::inspect::model::Inspector;
use crate::terminal::text::{cut, size, width};

/// A part of the file, and the number of columns it takes.
struct Segment {
    name: &'static str,
    sign: &'static str,
    bytes: u64,
    columns: u16,
}

const RECORDS: usize = 0;

/// Returns the parts, in the order of the file. A part that is not empty has at least one
/// column; the records give up the columns that the others need.
fn segments(app: &Inspector, columns: u16) -> Vec<Segment> {
    let trailer = app.reader.trailer();
    let records = app.reader.directory().records_end();
    let parts = [
        ("records", "▒", records),
        ("index", "i", trailer.index_size.into()),
        ("app data", "a", trailer.app_data_size.into()),
        ("trailer", "t", sealpack::core::format::trailer::SIZE as u64),
    ];
    let total: u64 = parts.iter().map(|(_, _, bytes)| bytes).sum();
    let mut left = columns;
    let mut segments: Vec<Segment> = parts
        .into_iter()
        .map(|(name, sign, bytes)| Segment { name, sign, bytes, columns: 0 })
        .collect();
    for segment in segments.iter_mut().skip(1).filter(|segment| segment.bytes > 0) {
        let share = u128::from(segment.bytes) * u128::from(columns) / u128::from(total.max(1));
        segment.columns = u16::try_from(share).unwrap_or(columns).max(1).min(left);
        left -= segment.columns;
    }
    if let Some(records) = segments.get_mut(RECORDS) {
        records.columns = left;
    }
    segments
}

/// Returns the column of the ribbon that contains a byte of the records.
fn column_of(offset: u64, records_end: u64, columns: u16) -> u16 {
    let column = u128::from(offset) * u128::from(columns) / u128::from(records_end.max(1));
    u16::try_from(column).unwrap_or(columns).min(columns.saturating_sub(1))
}

/// Returns the byte of the records that a column of the ribbon represents.
pub fn offset_at(app: &Inspector, x: u16, ribbon: Rect) -> Option<u64> {
    let columns = segments(app, ribbon.width).first()?.columns;
    let column = x.checked_sub(ribbon.x).filter(|column| *column < columns)?;
    let end = app.reader.directory().records_end();
    let offset = u128::from(column) * u128::from(end) / u128::from(columns);
    u64::try_from(offset).ok()
}

/// Draws the ribbon, and below it the meaning of its signs.
pub fn render(app: &Inspector, ribbon: Rect, legend: Rect, buffer: &mut Buffer) {
    let segments = segments(app, ribbon.width);
    let mut x = ribbon.x;
    for (nth, segment) in segments.iter().enumerate() {
        let text = segment.sign.repeat(usize::from(segment.columns));
        buffer.set_string(x, ribbon.y, text, app.palette.part(nth));
        x += segment.columns;
    }
    let directory = app.reader.directory();
    let columns = segments.first().map_or(0, |records| records.columns);
    let mut put = |offset: u64, sign: &str, style| {
        let x = ribbon.x + column_of(offset, directory.records_end(), columns);
        if let Some(cell) = buffer.cell_mut(Position { x, y: ribbon.y }).filter(|_| columns > 0) {
            cell.set_symbol(sign).set_style(style);
        }
    };
    if let Some(last) = app.verified.checked_sub(1).and_then(|last| directory.record(last).ok()) {
        let full = column_of(last.range.end, directory.records_end(), columns);
        let is_whole = app.verified == directory.record_count();
        let full = if is_whole { columns } else { full };
        for column in 0..u64::from(full) {
            let offset = u128::from(column) * u128::from(directory.records_end());
            let offset = offset.div_ceil(u128::from(columns.max(1)));
            put(u64::try_from(offset).unwrap_or(0), "█", app.palette.part(RECORDS));
        }
    }
    for (_, damage) in app.marks.all_damaged() {
        put(damage.offset, "✗", app.palette.bad());
    }
    if let Some(place) = app.record_place() {
        let damaged = app.marks.damage(place.number).is_some();
        let sign = if damaged { "✗" } else { "◆" };
        put(place.range.start, sign, app.palette.selected());
    }
    legend_line(app, &segments, legend.width).render(legend, buffer);
}

fn legend_line(app: &Inspector, segments: &[Segment], columns: u16) -> Line<'static> {
    // Findings come first: the sizes of the parts are also among the facts.
    let mut parts: Vec<(&str, Style, String)> = Vec::new();
    if app.marks.all_damaged().next().is_some() {
        parts.push(("✗", app.palette.bad(), "damaged".into()));
    }
    if app.verified > 0 {
        parts.push(("█", app.palette.part(RECORDS), "verified".into()));
    }
    if app.record_place().is_some() {
        parts.push(("◆", app.palette.plain(), "here".into()));
    }
    let present = segments.iter().enumerate().filter(|(_, segment)| segment.bytes > 0);
    for (nth, segment) in present {
        let text = format!("{} {}", segment.name, size(segment.bytes));
        parts.push((segment.sign, app.palette.part(nth), text));
    }
    let mut room = usize::from(columns);
    let mut spans = Vec::new();
    for (sign, style, text) in parts {
        let needed = width(&text) + 2;
        if needed > room {
            spans.push(Span::styled(cut("…", room), app.palette.faint()));
            break;
        }
        room = room.saturating_sub(needed + 3);
        spans.push(Span::styled(sign.to_string(), style));
        spans.push(Span::styled(format!(" {text}   "), app.palette.faint()));
    }
    Line::from(spans)
}
