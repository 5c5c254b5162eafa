//! Draws the machine: its buffer, its queue, its puts. For a seeded bug there are two
//! pictures; the other one shows the machine as specified.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use sealpack_core::check::{ExtentKind, Frame as Step, FrameExtent, Replay, SinkCall};

use super::history;
use crate::step::model::Stepper;
use crate::terminal::palette::Palette;
use crate::terminal::panel::fitted;
use crate::terminal::text::{cut, width};

/// Draws the machine.
pub fn render(app: &Stepper, area: Rect, buffer: &mut Buffer) {
    let Some(replay) = app.replay() else { return };
    let area = history::render(app, area, buffer);
    let Some(twin) = app.twin() else {
        return Panel { app, replay, other: None, heading: None }.render(area, buffer);
    };
    let [left, gap, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(2), Constraint::Fill(1)])
            .areas(area);
    let heading = if app.setup.trace.is_some() { "in the trace" } else { "with the bug" };
    Panel { app, replay, other: Some(twin), heading: Some(heading) }.render(left, buffer);
    Panel { app, replay: twin, other: Some(replay), heading: Some("as specified") }
        .render(right, buffer);
    for y in gap.y..gap.bottom() {
        buffer.set_string(gap.x, y, "│", app.palette.faint());
    }
}

struct Panel<'a> {
    app: &'a Stepper,
    replay: &'a Replay,
    /// The machine to compare with.
    other: Option<&'a Replay>,
    heading: Option<&'a str>,
}

/// The maximum number of columns per byte.
const WIDEST: usize = 3;
/// The largest number of letters in a run: more than any screen shows.
const MAX_RUN: usize = 2000;
/// The number of columns for the names at the left.
const NAMES: usize = 8;

impl Panel<'_> {
    fn palette(&self) -> Palette {
        self.app.palette
    }

    fn render(&self, area: Rect, buffer: &mut Buffer) {
        let Some(step) = self.replay.frames.get(self.app.at) else { return };
        let other = self.other.and_then(|other| other.frames.get(self.app.at));
        let columns = usize::from(area.width);
        let roomy = area.height >= 9;
        let mut lines: Vec<Line<'static>> = Vec::new();
        if let Some(heading) = self.heading {
            lines.push(Line::styled(heading.to_string(), self.palette().strong()));
        }
        let differs = |is: bool| if is { "≠" } else { " " };
        let is_other = other.is_some_and(|other| {
            let (ours, theirs) = (&step.after.state, &other.after.state);
            let known = step.after.known && other.after.known;
            known && (ours.capacity, ours.filled) != (theirs.capacity, theirs.filled)
        });
        lines.push(self.buffer_line(step, differs(is_other), columns));
        let is_other = other.is_some_and(|other| {
            step.after.extents != other.after.extents && step.after.known && other.after.known
                || step.after.state.pending != other.after.state.pending
        });
        lines.push(self.queue_line(step, differs(is_other), columns));
        if roomy || !step.after.extents.is_empty() {
            lines.push(self.extents_line(step, columns));
        }
        if roomy {
            lines.push(Line::default());
        }
        let is_other = other.is_some_and(|other| step.taken != other.taken);
        lines.push(self.sink_line(step, differs(is_other), columns));
        for (y, line) in (area.y..area.bottom()).zip(&lines) {
            fitted(line.clone(), area.width).render(Rect { y, height: 1, ..area }, buffer);
        }
        let used = u16::try_from(lines.len()).unwrap_or(area.height).min(area.height);
        let rest = Rect { y: area.y + used, height: area.height - used, ..area };
        self.render_puts(rest, buffer);
    }

    fn name(&self, differs: &str, name: &str) -> Vec<Span<'static>> {
        vec![
            Span::styled(differs.to_string(), self.palette().bad()),
            Span::raw(format!("{name:<columns$}", columns = NAMES - 1)),
        ]
    }

    /// Returns the scale on which a buffer of S bytes fits this many columns, next to the
    /// other text.
    fn scale(&self, columns: usize) -> Scale {
        let size = self.replay.shape.buffer_size.get();
        // The names and the brackets are followed by the numbers.
        let room = columns.saturating_sub(NAMES + 2 + 12).max(4);
        Scale::new(size, room.min(size.saturating_mul(WIDEST)))
    }

    fn buffer_line(&self, step: &Step, differs: &str, columns: usize) -> Line<'static> {
        let state = &step.after.state;
        let size = self.replay.shape.buffer_size.get();
        let mut spans = self.name(differs, "buffer");
        if !step.after.known {
            spans.push(Span::styled("not shown", self.palette().faint()));
            return Line::from(spans);
        }
        if !state.has_buffer {
            spans.push(Span::styled("none", self.palette().faint()));
            return Line::from(spans);
        }
        let scale = self.scale(columns);
        let within = state.filled.min(state.capacity);
        let given = scale.run('-', size.saturating_sub(state.capacity));
        let free = scale.run('·', state.capacity - within);
        spans.push(Span::raw("["));
        spans.push(Span::styled(given, self.palette().faint()));
        spans.push(Span::styled(scale.run('b', within), self.palette().copied()));
        spans.push(Span::raw(free));
        spans.push(Span::raw("]"));
        let over = scale.run('b', state.filled - within);
        spans.push(Span::styled(over, self.palette().bad()));
        spans.push(Span::raw(format!(" C {} E {}", state.capacity, state.filled)));
        Line::from(spans)
    }

    fn queue_line(&self, step: &Step, differs: &str, columns: usize) -> Line<'static> {
        let state = &step.after.state;
        let size = self.replay.shape.buffer_size.get();
        let scale = self.scale(columns);
        let mut spans = self.name(differs, "queue");
        if !step.after.known {
            spans.push(Span::raw(format!("{} bytes pending inside", state.pending)));
            return Line::from(spans);
        }
        spans.push(Span::raw("["));
        let mut taken = 0;
        for extent in &step.after.extents {
            taken = extent.len.saturating_add(taken);
            spans.push(self.extent(extent.kind, scale, extent.len));
        }
        spans.push(Span::raw(scale.run('·', size.saturating_sub(taken))));
        spans.push(Span::raw(format!("] Z {}", state.pending)));
        if state.real != state.pending {
            let real = format!(" but {} pending", state.real);
            spans.push(Span::styled(real, self.palette().bad()));
        }
        Line::from(spans)
    }

    fn extent(&self, kind: ExtentKind, scale: Scale, bytes: usize) -> Span<'static> {
        match kind {
            ExtentKind::Copied => Span::styled(scale.run('b', bytes), self.palette().copied()),
            ExtentKind::ZeroCopy => {
                Span::styled(scale.run('z', bytes), self.palette().handed_over())
            }
        }
    }

    /// Returns the extents that wait, by length and offset in the stream.
    fn extents_line(&self, step: &Step, columns: usize) -> Line<'static> {
        let extents: Vec<String> = step.after.extents.iter().map(text).collect();
        let text = match extents.is_empty() {
            _ if !step.after.known => String::new(),
            true => "nothing pending".to_string(),
            false => extents.join(" "),
        };
        let text = cut(&text, columns.saturating_sub(NAMES));
        let indent = " ".repeat(NAMES);
        Line::from(vec![Span::raw(indent), Span::styled(text, self.palette().faint())])
    }

    fn sink_line(&self, step: &Step, differs: &str, columns: usize) -> Line<'static> {
        let mut spans = self.name(differs, "sink");
        let (taken, written) = (step.taken, step.written);
        let text = format!("{taken} of {written} bytes");
        let promise =
            if self.replay.shape.trim { " · puts of S" } else { " · puts of S or more" };
        let fits = NAMES + width(&text) + width(promise) <= columns;
        spans.push(Span::raw(text));
        spans.extend(fits.then(|| Span::styled(promise, self.palette().faint())));
        Line::from(spans)
    }

    /// Draws the calls to the sink; only the last ones if there is no room for all.
    fn render_puts(&self, area: Rect, buffer: &mut Buffer) {
        let calls = self.replay.frames.iter().take(self.app.at + 1).flat_map(|step| {
            let here = step.index == self.app.at;
            step.outputs.iter().map(move |call| (here, call))
        });
        let mut nth = 0;
        let numbered = calls.map(|(here, call)| {
            nth += usize::from(matches!(call, SinkCall::Put { .. }));
            (nth, here, call)
        });
        let numbered: Vec<(usize, bool, &SinkCall)> = numbered.collect();
        let hidden = numbered.len().saturating_sub(area.height.into());
        for (y, (nth, here, call)) in (area.y..area.bottom()).zip(numbered.into_iter().skip(hidden))
        {
            let line = self.call(nth, call, here, usize::from(area.width));
            fitted(line, area.width).render(Rect { y, height: 1, ..area }, buffer);
        }
        if hidden > 0 {
            let above = format!("⋮{hidden}");
            let x = area.right().saturating_sub(u16::try_from(width(&above)).unwrap_or(0));
            buffer.set_string(x, area.y, above, self.palette().faint());
        }
    }

    fn call(&self, nth: usize, call: &SinkCall, here: bool, columns: usize) -> Line<'static> {
        let sign = Span::raw(if here { " ▸" } else { "  " });
        let style = if here { self.palette().strong() } else { self.palette().plain() };
        let word =
            |text: &str| Line::from(vec![sign.clone(), Span::styled(text.to_string(), style)]);
        let (extents, len, failed) = match call {
            SinkCall::Flush => return word("the sink is flushed"),
            SinkCall::Close => return word("the sink is closed"),
            SinkCall::Put { extents, len, failed } => (extents, *len, *failed),
        };
        let size = self.replay.shape.buffer_size.get();
        let relation = match len.cmp(&size) {
            std::cmp::Ordering::Less => "< S",
            std::cmp::Ordering::Equal => "= S",
            std::cmp::Ordering::Greater => "> S",
        };
        let mut spans = vec![sign, Span::styled(format!("{nth:>2} "), style)];
        let lengths: Vec<String> = extents.iter().map(|extent| extent.len.to_string()).collect();
        let lengths = match lengths.as_slice() {
            [_] => String::new(),
            many => format!("{} = ", many.join("+")),
        };
        let failed = failed.map(|taken| format!(" ✗ fails, {taken} taken"));
        let note = format!(" {lengths}{len} {relation}");
        let other_columns = width(&note) + failed.as_ref().map_or(0, |text| width(text)) + 6;
        let room = columns.saturating_sub(other_columns);
        // Use the scale of the buffer unless the put is too long for it.
        let scale = Some(self.scale(columns)).filter(|scale| scale.columns(len) <= room);
        let scale = scale.unwrap_or_else(|| Scale::new(len, room));
        if room >= 3 {
            for extent in extents {
                spans.push(self.extent(extent.kind, scale, extent.len));
            }
        }
        spans.push(Span::styled(note, style));
        spans.extend(failed.map(|text| Span::styled(text, self.palette().bad())));
        Line::from(spans)
    }
}

/// The number of bytes per column, or of columns per byte.
#[derive(Clone, Copy)]
struct Scale {
    bytes_per_column: usize,
    columns_per_byte: usize,
}

impl Scale {
    /// Creates a scale on which `bytes` take at most `columns`.
    fn new(bytes: usize, columns: usize) -> Self {
        Self {
            bytes_per_column: bytes.div_ceil(columns.max(1)).max(1),
            columns_per_byte: columns.checked_div(bytes).unwrap_or(1).clamp(1, WIDEST),
        }
    }

    fn columns(self, bytes: usize) -> usize {
        bytes.div_ceil(self.bytes_per_column).saturating_mul(self.columns_per_byte)
    }

    /// Returns a run of bytes: one letter per byte, or per column of several bytes.
    fn run(self, letter: char, bytes: usize) -> String {
        let one = match self.columns_per_byte {
            1 => letter.to_string(),
            2 => format!("{letter} "),
            _ => format!(" {letter} "),
        };
        // A wrong stream may hold more than a screen is wide.
        one.repeat(bytes.div_ceil(self.bytes_per_column).min(MAX_RUN))
    }
}

/// Formats an extent as `b4@0`: copied or handed over, its length, its offset in the
/// stream.
fn text(extent: &FrameExtent) -> String {
    let letter = match extent.kind {
        ExtentKind::Copied => 'b',
        ExtentKind::ZeroCopy => 'z',
    };
    format!("{letter}{}@{}", extent.len, extent.at)
}
