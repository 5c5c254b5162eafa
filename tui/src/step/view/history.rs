//! Draws all steps in a list, if there is room, with the numbers after each step.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use sealpack_core::check::{Frame as Step, SinkCall};

use super::is_wrong;
use crate::step::model::Stepper;
use crate::terminal::text::{cut, width};

/// Lines that the machine needs before the history gets any.
const MACHINE: u16 = 14;

/// Draws the steps at the bottom of an area; returns the rest of the area.
pub fn render(app: &Stepper, area: Rect, buffer: &mut Buffer) -> Rect {
    let steps = app.steps();
    let wanted = u16::try_from(steps.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(area.height.saturating_sub(MACHINE));
    // Two lines are the heading and an empty one.
    if height < 5 {
        return area;
    }
    let rest = Rect { height: area.height - height, ..area };
    let columns = usize::from(area.width);
    let heading = format!("{:>6}  {:<12} {:>4} {:>4} {:>4}  puts", "step", "event", "C", "E", "Z");
    buffer.set_stringn(area.x, rest.bottom(), heading, columns, app.palette.strong());
    let shown = usize::from(height - 2);
    let first = app.at.saturating_sub(shown / 2).min(steps.len().saturating_sub(shown));
    for (y, step) in (rest.bottom() + 1..area.bottom()).zip(steps.iter().skip(first).take(shown)) {
        let text = cut(&line(step), columns);
        let style = match (step.index == app.at, is_wrong(step)) {
            (true, _) => app.palette.selected(),
            (false, true) => app.palette.bad(),
            (false, false) => app.palette.plain(),
        };
        let gap = " ".repeat(columns.saturating_sub(width(&text)));
        buffer.set_stringn(area.x, y, format!("{text}{gap}"), columns, style);
    }
    rest
}

fn line(step: &Step) -> String {
    let state = &step.after.state;
    let calls = step.outputs.iter().map(|call| match call {
        SinkCall::Put { len, failed: None, .. } => len.to_string(),
        SinkCall::Put { len, failed: Some(taken), .. } => format!("{len}!{taken}"),
        SinkCall::Flush => "flush".into(),
        SinkCall::Close => "close".into(),
    });
    let calls: Vec<String> = calls.collect();
    let event = if step.implied { "close".into() } else { step.event.to_string() };
    let mut line = format!(
        "{:>6}  {:<12} {:>4} {:>4} {:>4}  {}",
        step.index + 1,
        cut(&event, 12),
        state.capacity,
        state.filled,
        state.pending,
        calls.join(" "),
    );
    for finding in &step.findings {
        line.push_str(&format!("  ✗ {}", finding.invariant));
    }
    line
}
