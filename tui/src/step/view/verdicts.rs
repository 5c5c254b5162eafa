//! Draws the seven invariants at this step, and for each broken one where it broke.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use sealpack_core::check::{Frame as Step, Invariant};

use crate::step::model::Stepper;
use crate::terminal::panel::fitted;
use crate::terminal::text::{cut, width};

/// Draws the verdicts.
pub fn render(app: &Stepper, area: Rect, buffer: &mut Buffer) {
    let Some(step) = app.step() else { return };
    let mut lines = verdicts(app, step, usize::from(area.width));
    for finding in &step.findings {
        let text = format!("✗ {}: {}", finding.invariant, finding.words);
        lines.push(Line::styled(cut(&text, area.width.into()), app.palette.bad()));
    }
    if let Some(departure) = step.departure.as_ref().filter(|_| app.twin().is_none()) {
        let should = departure.after;
        let text = format!(
            "! the specification: C {} E {} Z {}",
            should.capacity, should.filled, should.pending
        );
        lines.push(Line::styled(text, app.palette.notable()));
    }
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        fitted(line, area.width).render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// Returns the first step before this one in which an invariant broke.
fn broke_before(app: &Stepper, invariant: Invariant) -> Option<usize> {
    let before = app.steps().iter().take(app.at);
    let mut broke =
        before.filter(|step| step.findings.iter().any(|found| found.invariant == invariant));
    broke.next().map(|step| step.index + 1)
}

fn verdicts(app: &Stepper, step: &Step, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Vec::new()];
    let mut taken = 0;
    for judgement in &step.verdict {
        let name = judgement.invariant.name();
        let (sign, style) = match (judgement.holds, broke_before(app, judgement.invariant)) {
            (false, _) => ("✗".to_string(), app.palette.bad()),
            (true, Some(step)) => (format!("✗ in {step}"), app.palette.notable()),
            (true, None) => ("✓".to_string(), app.palette.good()),
        };
        let needed = width(name) + width(&sign) + 3;
        if taken + needed > columns + 2 {
            lines.push(Vec::new());
            taken = 0;
        }
        taken += needed;
        if let Some(line) = lines.last_mut() {
            line.push(Span::raw(format!("{name} ")));
            line.push(Span::styled(sign, style));
            line.push(Span::raw("  "));
        }
    }
    lines.into_iter().map(Line::from).collect()
}
