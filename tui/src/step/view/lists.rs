//! Draws the lists: scenarios, seeded bugs, failures.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use sealpack_core::check::MUTANTS;

use super::paragraph;
use crate::step::layout::StepperLayout;
use crate::step::model::{Stepper, StepperMode};
use crate::step::scenario::SCENARIOS;
use crate::terminal::text::{count, cut, grouped, width};

/// The letters of the rows of seeded bugs, without those that have another meaning in a
/// list.
const LETTERS: &str = "abcdefiopqrstuvwxyzABCDEFHIJK";

/// Returns the row that a key selects in the list of seeded bugs.
pub fn row_of_letter(key: &KeyEvent) -> Option<u64> {
    let KeyCode::Char(typed) = key.code else { return None };
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return None;
    }
    let row = letters().position(|letter| letter == typed)?;
    (row <= MUTANTS.len()).then_some(row as u64)
}

/// Returns the letter of a row of seeded bugs.
#[cfg(test)]
pub fn letter_of(row: usize) -> char {
    letters().nth(row).unwrap()
}

fn letters() -> impl Iterator<Item = char> {
    LETTERS.chars().filter(|letter| *letter != 'q')
}

/// Returns a row of the current list as text.
pub fn row_text(app: &Stepper, row: u64) -> String {
    let row = usize::try_from(row).unwrap_or(usize::MAX);
    match app.mode() {
        StepperMode::Scenarios => SCENARIOS.get(row).map_or(String::new(), |scenario| {
            format!("{:<52} {}", scenario.name, scenario.sentence)
        }),
        StepperMode::Mutants => {
            let letter = letters().nth(row).unwrap_or(' ');
            match MUTANTS.get(row) {
                Some(mutant) => format!("{letter}  {:<30} {}", mutant.name, mutant.wrong),
                None => format!("{letter}  all of them"),
            }
        }
        StepperMode::Failures => app.hunted.found.get(row).map_or(String::new(), |failure| {
            let events = count(failure.case.events.len() as u64, "event");
            let text = format!("{:<10} {events:<9} {}", failure.invariant.name(), failure.case);
            match app.hunted.single_mutant {
                true => text,
                false => format!("{text:<52} {}", failure.mutant.name),
            }
        }),
        StepperMode::Step => String::new(),
    }
}

/// Draws the current list.
pub fn render(app: &Stepper, parts: &StepperLayout, buffer: &mut Buffer) {
    let area = parts.list();
    let columns = usize::from(area.width);
    let heading = Rect { y: area.y.saturating_sub(2), height: 1, ..area };
    heading_line(app, columns).render(heading, buffer);
    for (y, row) in (area.y..area.bottom()).zip(app.list.view()) {
        let selected = row == app.list.at;
        let sign = if selected { "▸" } else { " " };
        let text = cut(&format!("{sign} {}", row_text(app, row)), columns);
        let gap = " ".repeat(columns.saturating_sub(width(&text)));
        let style = if selected { app.palette.selected() } else { app.palette.plain() };
        buffer.set_stringn(area.x, y, format!("{text}{gap}"), columns, style);
    }
    paragraph(&detail(app), parts.detail(), buffer, app.palette.plain());
    if app.mode() == StepperMode::Failures
        && app.hunted.found.is_empty()
        && app.hunted.result.is_some()
    {
        let text = "The checker found no failure.";
        buffer.set_stringn(area.x, area.y, cut(text, columns), columns, app.palette.plain());
    }
}

/// Returns the details of the selected row.
fn detail(app: &Stepper) -> String {
    let row = usize::try_from(app.list.at).unwrap_or(usize::MAX);
    match app.mode() {
        StepperMode::Scenarios => SCENARIOS.get(row).map(|s| format!("{}: {}", s.name, s.sentence)),
        StepperMode::Mutants => Some(match MUTANTS.get(row) {
            Some(mutant) => format!("{}: {}", mutant.name, mutant.wrong),
            None => "all of them, one after another, in cases of up to 3 events".into(),
        }),
        StepperMode::Failures => app.hunted.found.get(row).map(|failure| {
            let (mutant, invariant) = (failure.mutant, failure.invariant);
            format!("{}: {}. {}", mutant.name, mutant.wrong, invariant.statement())
        }),
        StepperMode::Step => None,
    }
    .unwrap_or_default()
}

fn heading_line(app: &Stepper, columns: usize) -> Line<'static> {
    let text = match app.mode() {
        StepperMode::Scenarios => "Scenarios: instructive cases".to_string(),
        StepperMode::Mutants => {
            "Seeded bugs: a letter picks one and searches for its failures".to_string()
        }
        StepperMode::Failures => {
            let found = count(app.hunted.found.len() as u64, "failure");
            let size = app.hunted.buffer_size;
            match (app.hunted.progress, app.hunted.result) {
                (Some(progress), _) => {
                    let found = format!("{found}, S = {size} ");
                    let bar = progress.text(columns.saturating_sub(width(&found) + 12));
                    format!("{found}{bar} · Esc stops")
                }
                (None, Some(result)) => {
                    let (failing, cases) = (grouped(result.failing), grouped(result.cases));
                    match result.ended_early {
                        false => {
                            format!(
                                "{failing} of {cases} cases with S = {size} fail; the shortest:"
                            )
                        }
                        true => {
                            format!(
                                "The first {failing} failures, in {cases} cases with S = {size}:"
                            )
                        }
                    }
                }
                (None, None) if app.hunted.found.is_empty() => {
                    "No search for failures yet: m picks a seeded bug".to_string()
                }
                (None, None) => format!("{found} with S = {size}; stopped"),
            }
        }
        StepperMode::Step => String::new(),
    };
    Line::styled(cut(&text, columns), app.palette.strong())
}
