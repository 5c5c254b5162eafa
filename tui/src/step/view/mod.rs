//! Draws the stepper. Everything here draws from a shared reference.

mod events;
mod history;
mod lists;
mod machine;
mod verdicts;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use sealpack_core::check::{Frame as Step, MAX_SPECIFIED_PUTS, SinkCall, Variant};

use super::keys;
use super::layout::StepperLayout;
use super::model::{CaseOrigin, Stepper, StepperMode};
use super::scenario::SCENARIOS;
use crate::terminal::keys::{hints, render_help};
use crate::terminal::panel::{is_large_enough, too_small};
use crate::terminal::text::{cut, grouped, width, wrapped};

pub use events::step_at;
#[cfg(test)]
pub use lists::letter_of;
pub use lists::{row_of_letter, row_text};

/// Draws the whole screen.
pub fn draw(app: &Stepper, frame: &mut Frame<'_>) {
    let area = frame.area();
    frame.render_widget(app, area);
}

/// Returns whether a step puts anything.
pub fn puts(step: &Step) -> bool {
    step.outputs.iter().any(|output| matches!(output, SinkCall::Put { .. }))
}

/// Returns whether a step breaks an invariant or departs from the specification.
pub fn is_wrong(step: &Step) -> bool {
    !step.holds() || step.departure.is_some()
}

/// Returns the text about a step, for searching.
pub fn words(step: &Step) -> String {
    let mut words = format!("{} {}", step.event, step.words);
    for finding in &step.findings {
        words.push(' ');
        words.push_str(finding.invariant.name());
        words.push(' ');
        words.push_str(&finding.words);
    }
    words
}

impl Widget for &Stepper {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if !is_large_enough(area.as_size()) {
            return too_small(area, buffer);
        }
        let parts = StepperLayout::of(self);
        title(self, &parts, buffer);
        match self.mode() {
            StepperMode::Step => {
                about(self, parts.about, buffer);
                events::render(self, &parts, buffer);
                decision(self, parts.decision, buffer);
                machine::render(self, parts.machine, buffer);
                verdicts::render(self, parts.verdicts, buffer);
            }
            _ => lists::render(self, &parts, buffer),
        }
        status(self, parts.status).render(parts.status, buffer);
        let tables = keys::tables(self.mode());
        hints(tables, self.palette, parts.hints.width).render(parts.hints, buffer);
        if let Some(scroll) = self.help {
            render_help(keys::ALL, scroll, area, self.palette, buffer);
        }
    }
}

fn title(app: &Stepper, parts: &StepperLayout, buffer: &mut Buffer) {
    let columns = usize::from(parts.title.width);
    let size = app.setup.buffer_size.get();
    let trim = if app.setup.case.trim { "trim" } else { "no trim" };
    let stream = match app.setup.variant {
        _ if app.setup.trace.is_some() => "a trace".to_string(),
        Variant::Strict => "the stream that ships".to_string(),
        Variant::Reference => "the reference's flush".to_string(),
        Variant::Mutant(mutant) => format!("bug: {}", mutant.name),
    };
    let playing = if app.playing { "▶ " } else { "" };
    let step = match app.mode() {
        StepperMode::Step => {
            format!("{playing}step {} of {} ", app.at + 1, app.steps().len().max(1))
        }
        _ => String::new(),
    };
    let left = format!(" S = {size}, {trim} · {stream}");
    let left = cut(&left, columns.saturating_sub(width(&step) + 1));
    let gap = columns.saturating_sub(width(&left) + width(&step));
    let line = format!("{left}{}{step}", " ".repeat(gap));
    Line::styled(line, app.palette.title()).render(parts.title, buffer);
}

fn about(app: &Stepper, area: Rect, buffer: &mut Buffer) {
    let text = match &app.origin {
        CaseOrigin::Scenario(nth) => match SCENARIOS.get(*nth) {
            Some(scenario) if area.height == 1 => scenario.name.to_string(),
            Some(scenario) => format!("{}: {}", scenario.name, scenario.sentence),
            None => String::new(),
        },
        CaseOrigin::Failure(invariant) => match app.setup.mutant() {
            Some(mutant) => format!("{} breaks {}: {}", mutant.name, invariant, mutant.wrong),
            None => format!("breaks {invariant}"),
        },
        CaseOrigin::Own => match app.setup.mutant() {
            Some(mutant) => format!("a case of your own · {}: {}", mutant.name, mutant.wrong),
            None => match &app.setup.trace {
                Some(trace) if app.replay().is_some() && app.twin().is_none() => format!(
                    "recorded: {} · not compared with the specification, which may put more than \
                     {} times",
                    trace.stream,
                    grouped(MAX_SPECIFIED_PUTS as u64)
                ),
                Some(trace) => format!("recorded: {}", trace.stream),
                None => "a case of your own".to_string(),
            },
        },
    };
    paragraph(&text, area, buffer, app.palette.plain());
}

fn decision(app: &Stepper, area: Rect, buffer: &mut Buffer) {
    let Some(step) = app.step() else {
        buffer.set_string(area.x, area.y, "running …", app.palette.faint());
        return;
    };
    let close = if step.implied { " (the case ends)" } else { "" };
    let whose = if app.twin().is_some() { ", as specified" } else { "" };
    let text = format!("{}{close}{whose}: {}", step.event, step.words);
    paragraph(&text, area, buffer, app.palette.strong());
}

/// Draws text over the lines of an area; text that does not fit ends in `…`.
fn paragraph(text: &str, area: Rect, buffer: &mut Buffer, style: ratatui::style::Style) {
    let columns = usize::from(area.width);
    let lines = wrapped(text, columns);
    let shown = usize::from(area.height);
    for (y, (nth, line)) in (area.y..area.bottom()).zip(lines.iter().enumerate()) {
        let is_cut = nth + 1 == shown && lines.len() > shown;
        let line = if is_cut { cut(&format!("{line} …"), columns) } else { line.clone() };
        buffer.set_stringn(area.x, y, line, columns, style);
    }
}

fn status(app: &Stepper, area: Rect) -> Line<'static> {
    let columns = usize::from(area.width);
    if let Some(prompt) = app.dialog.prompt() {
        return prompt.line(app.palette, area.width);
    }
    app.news.as_ref().map_or_else(Line::default, |news| news.line(app.palette, columns))
}
