//! Draws the inspector. Everything here draws from a shared reference.

mod facts;
mod head;
mod items;
mod records;
mod ribbon;
mod sizes;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::keys;
use super::layout::InspectorLayout;
use super::model::{Inspector, InspectorMode};
use crate::terminal::keys::{hints, render_help};
use crate::terminal::panel::{is_large_enough, too_small};

pub use facts::lines as facts_lines;
pub use items::bytes_per_row;
pub use ribbon::offset_at;

/// Draws the whole screen.
pub fn draw(app: &Inspector, frame: &mut Frame<'_>) {
    let area = frame.area();
    frame.render_widget(app, area);
}

impl Widget for &Inspector {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if !is_large_enough(area.as_size()) {
            return too_small(area, buffer);
        }
        let parts = InspectorLayout::of(self);
        head::render(self, &parts, buffer);
        ribbon::render(self, parts.ribbon, parts.legend, buffer);
        match self.mode() {
            InspectorMode::Records => {
                records::render(self, &parts, buffer);
                if !parts.side.is_empty() {
                    sizes::render_next_to_records(self, parts.side, buffer);
                }
            }
            InspectorMode::Items => items::render(self, &parts, buffer),
            InspectorMode::Facts => facts::render(self, &parts, buffer),
            InspectorMode::Sizes => sizes::render(self, parts.heading, parts.list, buffer),
        }
        status(self, parts.status).render(parts.status, buffer);
        let tables = keys::tables(self.mode());
        hints(tables, self.palette, parts.hints.width).render(parts.hints, buffer);
        if let Some(scroll) = self.help {
            render_help(keys::ALL, scroll, area, self.palette, buffer);
        }
    }
}

/// Returns the open question, else the work in flight, else the last news.
fn status(app: &Inspector, area: Rect) -> Line<'static> {
    let columns = usize::from(area.width);
    if let Some(prompt) = app.dialog.prompt() {
        return prompt.line(app.palette, area.width);
    }
    if let Some(task) = app.task {
        let name = if task.verifying { "verifying " } else { "searching " };
        let stop = " · Esc stops";
        let bar = task.progress.text(columns.saturating_sub(name.len() + stop.len()));
        return Line::from(vec![
            Span::styled(name, app.palette.strong()),
            Span::raw(bar),
            Span::styled(stop, app.palette.faint()),
        ]);
    }
    app.news.as_ref().map_or_else(Line::default, |news| news.line(app.palette, columns))
}
