//! Draws the list of records. Only the records in view are looked up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use sealpack::core::read::RecordPlace;

use crate::inspect::layout::InspectorLayout;
use crate::inspect::marks::Mark;
use crate::inspect::model::Inspector;
use crate::terminal::text::{cut, grouped, ratio, width};

/// The content of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Number,
    Offset,
    Hex,
    Stored,
    Decoded,
    Ratio,
    Items,
    First,
    State,
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Number => "record",
            Self::Offset => "offset",
            Self::Hex => "offset (hex)",
            Self::Stored => "stored",
            Self::Decoded => "decoded",
            Self::Ratio => "ratio",
            Self::Items => "items",
            Self::First => "first item",
            Self::State => "checks",
        }
    }
}

/// Columns in the order in which they are dropped if there is too little room.
const DISPENSABLE: [Column; 4] = [Column::Hex, Column::First, Column::Ratio, Column::Items];
const ALL: [Column; 9] = [
    Column::Number,
    Column::Offset,
    Column::Hex,
    Column::Stored,
    Column::Decoded,
    Column::Ratio,
    Column::Items,
    Column::First,
    Column::State,
];
const STATE: usize = 10;

/// Draws the list.
pub fn render(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    let area = parts.list;
    if app.records.len() == 0 {
        let text = "This pack has no records. 3 shows its trailer.";
        return Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buffer);
    }
    let columns = columns(app, area.width);
    let heading = row(&columns, |column| column.heading().to_string());
    buffer.set_stringn(
        parts.heading.x,
        parts.heading.y,
        cut(&heading, parts.heading.width.into()),
        parts.heading.width.into(),
        app.palette.strong(),
    );
    let view = app.records.view();
    let numbers = u32::try_from(view.start).unwrap_or(0)..u32::try_from(view.end).unwrap_or(0);
    for (y, place) in (area.y..area.bottom()).zip(app.reader.directory().records(numbers)) {
        render_row(app, &columns, &place, Rect { y, height: 1, ..area }, buffer);
    }
}

fn render_row(
    app: &Inspector,
    columns: &[(Column, usize)],
    place: &RecordPlace,
    area: Rect,
    buffer: &mut Buffer,
) {
    let text = cut(&row(columns, |column| value(app, column, place)), area.width.into());
    let selected = place.number == app.record();
    let style = if selected { app.palette.selected() } else { app.palette.plain() };
    let gap = " ".repeat(usize::from(area.width).saturating_sub(width(&text)));
    Line::styled(format!("{text}{gap}"), style).render(area, buffer);
    // The state is drawn at the end of the row, in its own style.
    let (word, state) = match app.marks.of(place.number) {
        Mark::Unknown => ("not read", app.palette.faint()),
        Mark::Sound => ("✓ sound", app.palette.good()),
        Mark::Damaged => ("✗ DAMAGED", app.palette.bad()),
    };
    let x = area.x + u16::try_from(width(&text)).unwrap_or(0);
    let state = if selected { style } else { state };
    let room = usize::from(area.right().saturating_sub(x));
    buffer.set_stringn(x, area.y, word, room, state);
}

/// Returns a row without its state.
fn row(columns: &[(Column, usize)], text: impl Fn(Column) -> String) -> String {
    let mut line = String::new();
    for (column, columns) in columns {
        match column {
            Column::State if text(*column) == column.heading() => line.push_str("checks"),
            Column::State => {}
            _ => {
                let text = text(*column);
                line.push_str(&" ".repeat(columns.saturating_sub(width(&text))));
                line.push_str(&text);
                line.push_str("  ");
            }
        }
    }
    line
}

fn value(app: &Inspector, column: Column, place: &RecordPlace) -> String {
    let decoded = app.decoded.get(&place.number);
    match column {
        Column::Number => grouped(place.number.into()),
        Column::Offset => grouped(place.range.start),
        Column::Hex => format!("{:#x}", place.range.start),
        Column::Stored => grouped(place.size()),
        Column::Decoded => decoded.map_or_else(|| "·".into(), |bytes| grouped(*bytes)),
        Column::Ratio => decoded.map_or_else(|| "·".into(), |bytes| ratio(*bytes, place.size())),
        Column::Items => grouped(place.item_count.into()),
        Column::First => grouped(place.first_item.into()),
        Column::State => String::new(),
    }
}

/// Returns the columns that fit, each as wide as the widest value that it can hold in
/// this pack.
fn columns(app: &Inspector, room: u16) -> Vec<(Column, usize)> {
    let directory = app.reader.directory();
    let widest = |column: Column| {
        let digits = |number: u64| width(&grouped(number));
        let needed = match column {
            Column::Number => digits(directory.record_count().into()),
            Column::Offset => digits(directory.records_end()),
            Column::Hex => format!("{:#x}", directory.records_end()).len(),
            Column::Stored => app.sizes.as_ref().map_or(7, |sizes| digits(sizes.largest)),
            Column::Decoded => 9,
            Column::Ratio => 6,
            Column::Items => digits(app.reader.trailer().items_per_record.into()),
            Column::First => digits(app.reader.item_count().into()),
            Column::State => STATE,
        };
        (column, needed.max(width(column.heading())))
    };
    let mut columns: Vec<(Column, usize)> = ALL.into_iter().map(widest).collect();
    for column in DISPENSABLE {
        let needed: usize = columns.iter().map(|(_, columns)| columns + 2).sum();
        if needed <= usize::from(room) + 2 {
            break;
        }
        columns.retain(|(kept, _)| *kept != column);
    }
    columns
}
