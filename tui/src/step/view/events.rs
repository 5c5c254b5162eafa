//! Draws the events in a row, with the cursor on one and the result of each event below
//! it.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::{is_wrong, puts};
use crate::step::layout::StepperLayout;
use crate::step::model::Stepper;
use crate::terminal::text::{cut, width};

/// An event in the row: its step, its first column, its text.
struct Cell {
    step: usize,
    x: u16,
    text: String,
}

/// Returns the visible events: a window around the cursor.
fn cells(app: &Stepper, columns: u16) -> Vec<Cell> {
    let texts: Vec<String> = match app.steps() {
        [] => app.setup.case.events.iter().map(ToString::to_string).collect(),
        steps => steps
            .iter()
            .map(|step| if step.implied { "close".into() } else { step.event.to_string() })
            .collect(),
    };
    let columns_of = |text: &String| width(text) + 3;
    let room = usize::from(columns).saturating_sub(2);
    // The window grows from the cursor to both sides while there is room.
    let (mut first, mut last) =
        (app.at.min(texts.len()), app.at.saturating_add(1).min(texts.len()));
    let mut used: usize = texts.get(first..last).unwrap_or_default().iter().map(columns_of).sum();
    loop {
        let before = first.checked_sub(1).and_then(|i| texts.get(i)).map(columns_of);
        let after = texts.get(last).map(columns_of);
        match (before, after) {
            (Some(needed), _) if used + needed <= room => {
                first -= 1;
                used += needed;
            }
            (_, Some(needed)) if used + needed <= room => {
                last += 1;
                used += needed;
            }
            _ => break,
        }
    }
    let mut x = 1;
    let shown = texts.into_iter().enumerate().skip(first).take(last - first);
    let cells = shown.map(|(step, text)| {
        let cell = Cell { step, x, text };
        x = x.saturating_add(u16::try_from(width(&cell.text) + 3).unwrap_or(u16::MAX));
        cell
    });
    cells.collect()
}

/// Draws the row and the marks below it.
pub fn render(app: &Stepper, parts: &StepperLayout, buffer: &mut Buffer) {
    let (events, marks) = (parts.events, parts.marks);
    let cells = cells(app, events.width);
    let steps = app.steps();
    let difference = app.first_difference();
    if cells.first().is_some_and(|cell| cell.step > 0) {
        buffer.set_string(events.x, events.y, "‹", app.palette.faint());
    }
    for cell in &cells {
        let style = match (cell.step == app.at, steps.get(cell.step).is_some_and(|s| s.implied)) {
            (true, _) => app.palette.selected(),
            (false, true) => app.palette.faint(),
            (false, false) => app.palette.plain(),
        };
        let x = events.x + cell.x;
        let room = usize::from(events.right().saturating_sub(x));
        buffer.set_stringn(x, events.y, cut(&format!(" {} ", cell.text), room), room, style);
        let Some(step) = steps.get(cell.step) else { continue };
        let wrong = if difference == Some(cell.step) { "≠" } else { "" };
        let (mark, style) = match (step.holds(), is_wrong(step), puts(step)) {
            (false, _, _) => (format!("✗{wrong}"), app.palette.bad()),
            (true, true, _) => (format!("!{wrong}"), app.palette.notable()),
            (true, false, true) => (format!("↑{wrong}"), app.palette.plain()),
            (true, false, false) => (format!("·{wrong}"), app.palette.faint()),
        };
        buffer.set_stringn(x + 1, marks.y, mark, room.saturating_sub(1), style);
    }
    if cells.last().is_some_and(|cell| cell.step + 1 < steps.len()) {
        buffer.set_string(events.right().saturating_sub(1), events.y, "›", app.palette.faint());
    }
}

/// Returns the step whose event is at a position on the screen.
pub fn step_at(app: &Stepper, at: Position, parts: &StepperLayout) -> Option<usize> {
    let rows = [parts.events.y, parts.marks.y];
    let column = at.x.checked_sub(parts.events.x).filter(|_| rows.contains(&at.y))?;
    let cells = cells(app, parts.events.width);
    let hit = |cell: &&Cell| {
        let end = cell.x.saturating_add(u16::try_from(width(&cell.text) + 2).unwrap_or(u16::MAX));
        (cell.x..end).contains(&column)
    };
    cells.iter().find(hit).map(|cell| cell.step)
}
