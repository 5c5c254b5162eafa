//! Draws the histogram of the record sizes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Widget};

use crate::inspect::model::Inspector;
use crate::terminal::text::{cut, grouped, size, width};

/// Draws the histogram over the whole body.
pub fn render(app: &Inspector, heading: Rect, area: Rect, buffer: &mut Buffer) {
    let title = "sizes of the stored records";
    buffer.set_string(heading.x, heading.y, title, app.palette.strong());
    render_bars(app, area, buffer);
}

/// Draws the histogram next to the records.
pub fn render_next_to_records(app: &Inspector, area: Rect, buffer: &mut Buffer) {
    let block = Block::new().borders(Borders::LEFT).border_style(app.palette.faint());
    block.render(area, buffer);
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    let heading = Rect { height: 1, ..inner };
    let bars = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    buffer.set_string(heading.x, heading.y, "sizes as stored", app.palette.strong());
    render_bars(app, bars, buffer);
}

fn render_bars(app: &Inspector, area: Rect, buffer: &mut Buffer) {
    let Some(sizes) = &app.sizes else {
        return Line::styled("counting …", app.palette.faint()).render(area, buffer);
    };
    if sizes.count == 0 {
        return Line::styled("no records", app.palette.faint()).render(area, buffer);
    }
    // The last line is the summary.
    let bars = sizes.bars(usize::from(area.height.saturating_sub(1)));
    let tallest = bars.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let label = bars.iter().map(|(_, count)| width(&grouped(*count))).max().unwrap_or(1);
    let room = usize::from(area.width).saturating_sub(12 + label + 2);
    let mut y = area.y;
    for (from, count) in &bars {
        let eighths = u128::from(*count) * (room as u128) * 8 / u128::from(tallest.max(1));
        let eighths = usize::try_from(eighths).unwrap_or(0).max(usize::from(*count > 0));
        let bar = bar(eighths);
        let gap = " ".repeat(room.saturating_sub(width(&bar)));
        let count = grouped(*count);
        let text = format!("{:>11} {bar}{gap} {count:>label$}", format!("≥ {}", size(*from)));
        buffer.set_stringn(area.x, y, text, area.width.into(), app.palette.plain());
        y += 1;
    }
    let mean = sizes.total / sizes.count;
    let summary =
        format!("{} to {}, {} on average", size(sizes.smallest), size(sizes.largest), size(mean));
    buffer.set_stringn(
        area.x,
        y,
        cut(&summary, area.width.into()),
        area.width.into(),
        app.palette.faint(),
    );
}

/// Returns a bar with a width of this many eighths of a column.
fn bar(eighths: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let rest = PARTS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}
