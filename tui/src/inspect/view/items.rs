//! Draws the items of a record, and the item that the cursor is on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Widget};

use crate::inspect::item::{Text, looks_like_text};
use crate::inspect::layout::InspectorLayout;
use crate::inspect::model::{Inspector, ItemFormat};
use crate::terminal::hex;
use crate::terminal::text::{count, cut, cut_front, grouped, sanitised, width, wrapped};

/// Draws both areas.
pub fn render(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    render_list(app, parts, buffer);
    render_item(app, parts, buffer);
}

fn render_list(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    let (area, heading) = (parts.list, parts.heading);
    let Some(record) = app.record_place() else { return };
    let columns = usize::from(area.width);
    let title = cut(&format!("record {}", grouped(record.number.into())), columns);
    buffer.set_string(heading.x, heading.y, title, app.palette.strong());
    let items = app.loaded().and_then(|loaded| loaded.items.as_ref().ok());
    // Positions are padded and sizes are right-aligned, so that all previews start in the
    // same column.
    let last = u64::from(record.first_item) + app.items.len().saturating_sub(1);
    let positions = width(&grouped(last));
    for (y, row) in (area.y..area.bottom()).zip(app.items.view()) {
        let slot = u32::try_from(row).unwrap_or(u32::MAX);
        let position = grouped(u64::from(record.first_item) + row);
        let size = items.and_then(|items| items.range(slot)).map(|r| r.end - r.start);
        let size = size.map_or_else(|| "·".into(), grouped);
        let room = columns.saturating_sub(positions + width(&size) + 5);
        let name = app.names.printable(record.first_item.saturating_add(slot));
        let preview = match (name, items.and_then(|items| items.get(slot))) {
            _ if room < MIN_PREVIEW => String::new(),
            // The end of a path says more than its beginning.
            (Some(name), _) => cut_front(&sanitised(&name), room),
            (None, Some(item)) => preview(&item, room),
            (None, None) => String::new(),
        };
        let gap = columns.saturating_sub(positions + width(&preview) + width(&size) + 4);
        let text = format!(" {position:>positions$}  {preview}{}{size} ", " ".repeat(gap));
        let style = match (row == app.items.at, app.in_item) {
            (false, _) => app.palette.plain(),
            (true, false) => app.palette.selected(),
            (true, true) => app.palette.strong(),
        };
        buffer.set_stringn(area.x, y, text, columns, style);
    }
}

/// The minimum number of columns for a useful preview.
const MIN_PREVIEW: usize = 8;

/// Returns a preview of an item without a name in a few columns: its text, or its first
/// bytes in hex.
fn preview(item: &[u8], columns: usize) -> String {
    // More bytes than columns, because a character may take several bytes and white space
    // is collapsed.
    let start = item.get(..item.len().min(columns * 8)).unwrap_or_default();
    let is_cut = start.len() < item.len();
    let text = if looks_like_text(item) {
        let text: String = start.utf8_chunks().map(|chunk| chunk.valid()).collect();
        sanitised(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        hex::spaced(start.get(..columns.min(start.len())).unwrap_or_default())
    };
    cut(&if is_cut { format!("{text}…") } else { text }, columns)
}

fn render_item(app: &Inspector, parts: &InspectorLayout, buffer: &mut Buffer) {
    let area = parts.side;
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
        Ok(_) => item_title(app, bytes.len() as u64, heading.width.into()),
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
    let nothing = match (app.item_format(), &app.content.viewed) {
        (ItemFormat::View, Some(Err(why))) => {
            let text = format!("✗ {why}");
            let lines = wrapped(&sanitised(&text), content.width.into());
            let lines: Vec<Line<'_>> =
                lines.into_iter().map(|line| Line::styled(line, app.palette.bad())).collect();
            return Paragraph::new(lines).render(content, buffer);
        }
        (ItemFormat::View, Some(Ok(viewed))) => viewed.is_empty().then_some("nothing was printed"),
        (ItemFormat::View, None) => Some("…"),
        _ => bytes.is_empty().then_some("no bytes"),
    };
    if let Some(nothing) = nothing {
        return Line::styled(nothing, app.palette.faint()).render(content, buffer);
    }
    match app.item_format() {
        ItemFormat::Hex => render_hex(app, &bytes, content, buffer),
        ItemFormat::Text | ItemFormat::View => render_text(app, content, buffer),
    }
}

/// Returns the title of an item in some columns: with its name, if there is room for a
/// useful part of it.
fn item_title(app: &Inspector, size: u64, columns: usize) -> String {
    let item = format!("item {}", grouped(app.position().into()));
    let what = format!("{} · {}", count(size, "byte"), format_label(app));
    let Some(name) = app.names.printable(app.position()) else {
        return format!("{item} · {what}");
    };
    let name = sanitised(&name);
    let room = columns.saturating_sub(width(&item) + width(&what) + 6);
    match room >= MIN_PREVIEW.min(width(&name)) {
        true => format!("{item} · {} · {what}", cut_front(&name, room)),
        // The name matters more than how the item is shown.
        false => cut_front(&name, columns),
    }
}

fn format_label(app: &Inspector) -> String {
    let name = match (app.item_format(), &app.view_command) {
        (ItemFormat::Hex, _) => return "hex".into(),
        (ItemFormat::View, Some(command)) => sanitised(command.name()),
        _ => "text".into(),
    };
    match (&app.content.text, app.item_format()) {
        (Some(text), format) if text.json => {
            let name = if format == ItemFormat::View { format!("{name}, ") } else { String::new() };
            format!("{name}JSON, indented{}", window(text))
        }
        (Some(text), _) => format!("{name}{}", window(text)),
        (None, _) => name,
    }
}

/// Returns the range of bytes that a text shows, if it does not show the whole item.
fn window(text: &Text) -> String {
    match text.is_whole() {
        true => String::new(),
        false => {
            let (start, end) = (grouped(text.window.start as u64), grouped(text.window.end as u64));
            format!(", bytes {start} to {end}")
        }
    }
}

fn render_text(app: &Inspector, area: Rect, buffer: &mut Buffer) {
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

/// Returns a line of text with the search hits marked.
fn marked(app: &Inspector, text: &str) -> Line<'static> {
    let Some(needle) = app.needle.as_ref().filter(|needle| !needle.is_of_names) else {
        return Line::raw(text.to_string());
    };
    let mut spans = Vec::new();
    let mut end = 0;
    for hit in needle.hits(text.as_bytes()) {
        // A hit in bytes may begin or end within a character.
        if let (Some(before), Some(found)) = (text.get(end..hit.start), text.get(hit.clone())) {
            spans.push(Span::raw(before.to_string()));
            spans.push(Span::styled(found.to_string(), app.palette.found()));
            end = hit.end;
        }
    }
    spans.push(Span::raw(text.get(end..).unwrap_or_default().to_string()));
    Line::from(spans)
}

fn digits(length: usize) -> usize {
    format!("{:x}", length.saturating_sub(1)).len().max(4)
}

/// Returns how many bytes a row of hex shows in this many columns.
pub fn bytes_per_row(length: usize, columns: u16) -> u64 {
    let room = u64::from(columns).saturating_sub(digits(length) as u64 + 3);
    [32, 16, 8].into_iter().find(|bytes| bytes * 4 + bytes / 8 <= room).unwrap_or(4)
}

fn render_hex(app: &Inspector, bytes: &[u8], area: Rect, buffer: &mut Buffer) {
    let per_row = usize::try_from(bytes_per_row(bytes.len(), area.width)).unwrap_or(4);
    let first = usize::try_from(app.content.rows.view().start).unwrap_or(usize::MAX);
    let hit = app.hit.filter(|hit| hit.position == app.position());
    let is_hit = |at: usize| hit.is_some_and(|hit| (hit.at..hit.at + hit.length).contains(&at));
    let rows = bytes.chunks(per_row).enumerate().skip(first);
    for (y, (row, chunk)) in (area.y..area.bottom()).zip(rows) {
        let start = row * per_row;
        let mut x = area.x;
        let mut put = |text: &str, style: Style| {
            let room = usize::from(area.right().saturating_sub(x));
            x = buffer.set_stringn(x, y, text, room, style).0;
        };
        put(&format!("{start:0digits$x}  ", digits = digits(bytes.len())), app.palette.faint());
        for slot in 0..per_row {
            let style = match chunk.get(slot) {
                Some(_) if is_hit(start + slot) => app.palette.found(),
                _ => app.palette.plain(),
            };
            let text = chunk.get(slot).map_or("  ".into(), |byte| format!("{byte:02x}"));
            put(&text, style);
            put(if slot % 8 == 7 { "  " } else { " " }, app.palette.plain());
        }
        for (slot, byte) in chunk.iter().enumerate() {
            let char = hex::char_of(*byte);
            let style =
                if is_hit(start + slot) { app.palette.found() } else { app.palette.plain() };
            put(&char.to_string(), style);
        }
    }
}
