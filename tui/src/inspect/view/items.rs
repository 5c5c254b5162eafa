//! The items of a record, and the one that the cursor is on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget};

use crate::inspect::layout::Parts;
use crate::inspect::model::{App, Look};
use crate::terminal::text::{count, cut, grouped, harmless, width};

/// Draws both.
pub fn render(app: &App, parts: &Parts, buffer: &mut Buffer) {
    render_list(app, parts, buffer);
    render_item(app, parts, buffer);
}

fn render_list(app: &App, parts: &Parts, buffer: &mut Buffer) {
    let (area, heading) = (parts.list, parts.heading);
    let Some(record) = app.record_place() else { return };
    let columns = usize::from(area.width);
    let title = cut(&format!("record {}", grouped(record.number.into())), columns);
    buffer.set_string(heading.x, heading.y, title, app.palette.strong());
    let items = app.loaded().and_then(|loaded| loaded.items.as_ref().ok());
    for (y, row) in (area.y..area.bottom()).zip(app.items.view()) {
        let slot = u32::try_from(row).unwrap_or(u32::MAX);
        let position = grouped(u64::from(record.first_item) + row);
        let size = items.and_then(|items| items.range(slot)).map(|r| r.end - r.start);
        let size = size.map_or_else(|| "·".into(), grouped);
        let gap = columns.saturating_sub(width(&position) + width(&size) + 2);
        let text = format!(" {position}{}{size} ", " ".repeat(gap));
        let style = match (row == app.items.at, app.in_item) {
            (false, _) => app.palette.plain(),
            (true, false) => app.palette.selected(),
            (true, true) => app.palette.strong(),
        };
        buffer.set_stringn(area.x, y, text, columns, style);
    }
}

fn render_item(app: &App, parts: &Parts, buffer: &mut Buffer) {
    let area = parts.beside;
    let style = if app.in_item { app.palette.strong() } else { app.palette.faint() };
    let block = Block::new().borders(Borders::LEFT).border_style(style);
    block.render(area, buffer);
    let heading = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
    let content = parts.content();
    let Some(loaded) = app.loaded() else {
        buffer.set_string(heading.x, heading.y, "reading …", app.palette.faint());
        return;
    };
    let bytes = app.bytes().unwrap_or_default();
    let title = match &loaded.items {
        Ok(_) => format!(
            "item {} · {} · {}",
            grouped(app.position().into()),
            count(bytes.len() as u64, "byte"),
            look(app)
        ),
        Err(what) => format!("✗ {what} · as stored, {}", count(bytes.len() as u64, "byte")),
    };
    let style = if loaded.items.is_ok() { app.palette.strong() } else { app.palette.bad() };
    buffer.set_stringn(
        heading.x,
        heading.y,
        cut(&title, heading.width.into()),
        heading.width.into(),
        style,
    );
    if bytes.is_empty() {
        return Line::styled("no bytes", app.palette.faint()).render(content, buffer);
    }
    match app.look() {
        Look::Hex => render_hex(app, &bytes, content, buffer),
        Look::Text => render_text(app, content, buffer),
    }
}

fn look(app: &App) -> &'static str {
    match (app.look(), &app.content.text) {
        (Look::Hex, _) => "hex",
        (Look::Text, Some(text)) if text.json => "JSON, set out",
        (Look::Text, Some(text)) if text.is_cut => "text, its first MiB",
        (Look::Text, _) => "text",
    }
}

fn render_text(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(text) = &app.content.text else {
        return Line::styled("…", app.palette.faint()).render(area, buffer);
    };
    let view = app.content.rows.view();
    let first = usize::try_from(view.start).unwrap_or(usize::MAX);
    for (y, row) in (area.y..area.bottom()).zip(text.rows.iter().skip(first)) {
        let line = Rect { y, height: 1, ..area };
        marked(app, &row.text).render(line, buffer);
    }
}

/// A line of text with what is searched for marked in it.
fn marked(app: &App, text: &str) -> Line<'static> {
    let needle = app.needle.as_ref().and_then(|n| String::from_utf8(n.bytes.clone()).ok());
    let Some(needle) = needle else { return Line::raw(text.to_string()) };
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(needle.as_str()) {
        spans.push(Span::raw(before.to_string()));
        spans.push(Span::styled(needle.clone(), app.palette.found()));
        rest = behind;
    }
    spans.push(Span::raw(rest.to_string()));
    Line::from(spans)
}

fn digits(length: usize) -> usize {
    format!("{:x}", length.saturating_sub(1)).len().max(4)
}

/// The bytes that a row of hex has, on so many columns.
pub fn bytes_a_row(length: usize, columns: u16) -> u64 {
    let room = u64::from(columns).saturating_sub(digits(length) as u64 + 3);
    [32, 16, 8].into_iter().find(|bytes| bytes * 4 + bytes / 8 <= room).unwrap_or(4)
}

fn render_hex(app: &App, bytes: &[u8], area: Rect, buffer: &mut Buffer) {
    let a_row = usize::try_from(bytes_a_row(bytes.len(), area.width)).unwrap_or(4);
    let first = usize::try_from(app.content.rows.view().start).unwrap_or(usize::MAX);
    let hit = app.hit.filter(|hit| hit.position == app.position());
    let length = app.needle.as_ref().map_or(0, |needle| needle.bytes.len());
    let is_hit = |at: usize| hit.is_some_and(|hit| (hit.at..hit.at + length).contains(&at));
    let rows = bytes.chunks(a_row).enumerate().skip(first);
    for (y, (row, chunk)) in (area.y..area.bottom()).zip(rows) {
        let start = row * a_row;
        let mut x = area.x;
        let mut put = |text: &str, style: Style| {
            let room = usize::from(area.right().saturating_sub(x));
            x = buffer.set_stringn(x, y, text, room, style).0;
        };
        put(&format!("{start:0digits$x}  ", digits = digits(bytes.len())), app.palette.faint());
        for slot in 0..a_row {
            let style = match chunk.get(slot) {
                Some(_) if is_hit(start + slot) => app.palette.found(),
                _ => app.palette.plain(),
            };
            let text = chunk.get(slot).map_or("  ".into(), |byte| format!("{byte:02x}"));
            put(&text, style);
            put(if slot % 8 == 7 { "  " } else { " " }, app.palette.plain());
        }
        for (slot, byte) in chunk.iter().enumerate() {
            let char = if byte.is_ascii() { harmless(char::from(*byte)) } else { '·' };
            let style =
                if is_hit(start + slot) { app.palette.found() } else { app.palette.plain() };
            put(&char.to_string(), style);
        }
    }
}
