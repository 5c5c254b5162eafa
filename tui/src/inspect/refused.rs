//! Shows what is known about a file of which no record can be located.

use std::path::Path;
use std::time::Duration;

use crossterm::event::MouseEventKind;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use sealpack::core::Error;
use sealpack::core::error::{Fault, Section};

use super::keys::{InspectorAction, MOVING, REFUSED};
use super::open::{RawField, RefusedFile, raw_fields};
use crate::companion;
use crate::printable;
use crate::terminal::hex;
use crate::terminal::keys::{Table, action, help, hints};
use crate::terminal::list::{Cursor, Move};
use crate::terminal::palette::Palette;
use crate::terminal::panel::{Overlay, fitted, is_large_enough, too_small};
use crate::terminal::text::{count, cut, grouped, wrapped};
use crate::terminal::work::Outbox;
use crate::terminal::{Message, Perform, Program};

/// The state of the page, which includes its scroll position.
pub struct RefusedPage {
    refusal: RefusedFile,
    name: String,
    /// What the user can do.
    advice: &'static str,
    palette: Palette,
    size: Size,
    rows: Cursor,
    help: bool,
    has_ended: bool,
}

/// Performs no effects: the page has none.
pub struct NoEffects;

impl Perform<RefusedPage> for NoEffects {
    fn perform(&mut self, (): (), _: &Outbox<()>) {}
}

const TABLES: &[&Table<InspectorAction>] = &[&MOVING, &REFUSED];

impl RefusedPage {
    /// Creates the page about a file.
    #[must_use]
    pub fn new(refusal: RefusedFile, path: &Path, palette: Palette) -> Self {
        let name = Path::new(path.file_name().unwrap_or(path.as_os_str()));
        let advice = advice(&refusal.error, path);
        Self {
            refusal,
            advice,
            name: printable::path(name).to_string(),
            palette,
            size: Size::ZERO,
            rows: Cursor::default(),
            help: false,
            has_ended: false,
        }
    }

    fn lines(&self, columns: usize) -> Vec<Line<'static>> {
        let refusal = &self.refusal;
        let bad = |text: String| Line::styled(cut(&text, columns), self.palette.bad());
        let noted = refusal.notes.iter();
        let mut lines: Vec<Line<'static>> =
            noted.map(|note| bad(format!("✗ {}: {}", note.section, note.what))).collect();
        lines.push(bad(format!("✗ {}", refusal.error)));
        for line in wrapped(self.advice, columns.saturating_sub(2)) {
            lines.push(Line::raw(format!("  {line}")));
        }
        lines.push(Line::default());
        let fields = raw_fields(&refusal.end);
        if !fields.is_empty() {
            let title = "where the trailer should be, field by field";
            lines.push(Line::styled(title, self.palette.strong()));
            lines.extend(fields.iter().map(|field| self.field(field)));
            lines.push(Line::default());
        }
        let title = format!("the last {} of the file", count(refusal.end.len() as u64, "byte"));
        lines.push(Line::styled(title, self.palette.strong()));
        let start = refusal.file_size - refusal.end.len() as u64;
        lines.extend(hex::rows(&refusal.end, start, 8, columns).map(Line::raw));
        lines
    }

    fn field(&self, field: &RawField) -> Line<'static> {
        let number = field.bytes.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let text = match field.name {
            "content hash" => printable::hex(&field.bytes),
            "magic" => {
                let text: String = field.bytes.iter().copied().map(hex::char_of).collect();
                format!("{} “{text}”", hex::spaced(&field.bytes))
            }
            "flags" | "format id" | "CRC of app data" | "CRC of trailer" => format!("{number:#x}"),
            _ => grouped(number),
        };
        let suspect = match (&self.refusal.error, field.name) {
            (Error::Corrupt { section: Section::Trailer, fault }, name) => match fault {
                Fault::Magic { .. } | Fault::EarlyDialect => name == "magic",
                Fault::Version { .. } => name == "version",
                Fault::Checksum { .. } => name == "CRC of trailer",
                Fault::Flags { .. } => name == "flags",
                Fault::GroupSize { .. } => name == "index group size",
                Fault::Sections { .. } => matches!(name, "index size" | "app data size"),
                Fault::ItemCount { .. } => matches!(name, "records" | "items" | "items per record"),
                _ => false,
            },
            _ => false,
        };
        let (sign, style) = match suspect {
            true => ("✗", self.palette.bad()),
            false => (" ", self.palette.plain()),
        };
        Line::from(vec![
            Span::styled(sign, style),
            Span::raw(format!(" {:>2}  {:<18} ", field.at, field.name)),
            Span::styled(text, style),
        ])
    }

    fn fit(&mut self) {
        let lines = self.lines(usize::from(self.size.width)).len();
        self.rows.set_len(lines as u64);
        self.rows.set_height(self.size.height.saturating_sub(3));
    }

    fn act(&mut self, action: InspectorAction) {
        match action {
            InspectorAction::Quit if !self.help => self.has_ended = true,
            InspectorAction::Help => self.help = !self.help,
            InspectorAction::Quit | InspectorAction::Back => self.help = false,
            InspectorAction::Move(Move::Up) => self.rows.scroll(-1),
            InspectorAction::Move(Move::Down) => self.rows.scroll(1),
            InspectorAction::Move(step) => self.rows.step(step),
            _ => {}
        }
    }
}

/// Returns advice on the error.
fn advice(error: &Error, path: &Path) -> &'static str {
    match error {
        Error::Corrupt { section, fault } => match (section, fault) {
            (_, Fault::EarlyDialect) => {
                "Its writer is older than the format that is known here; nothing is damaged."
            }
            (Section::Trailer, Fault::Magic { .. } | Fault::Truncated { .. }) => {
                if let Some(companion) = companion::kind_of(path) {
                    return companion.sentence;
                }
                "Is it a pack, and was it copied completely? The trailer is the last part of a \
                 pack: without it no record can be located."
            }
            (Section::Index, _) => {
                "Without its index no record can be located. The fields of the trailer below are \
                 sound: its checksum matches."
            }
            _ => "The fields contradict each other or the file: no record can be located.",
        },
        _ => "No record can be located.",
    }
}

impl Program for RefusedPage {
    type Answer = ();
    type Effect = ();

    fn update(&mut self, message: Message<()>) -> Option<()> {
        match message {
            Message::Resize(size) => {
                self.size = size;
                self.fit();
            }
            Message::Key(key) => {
                if let Some(action) = action(TABLES, &key) {
                    self.act(action);
                }
            }
            Message::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollUp => self.rows.scroll(-3),
                MouseEventKind::ScrollDown => self.rows.scroll(3),
                _ => {}
            },
            Message::Paste(_) | Message::Tick | Message::Answer(()) => {}
        }
        None
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        frame.render_widget(self, frame.area());
    }

    fn tick(&self) -> Option<Duration> {
        None
    }

    fn is_over(&self) -> bool {
        self.has_ended
    }
}

impl Widget for &RefusedPage {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if !is_large_enough(area.as_size()) {
            return too_small(area, buffer);
        }
        let [title, body, hint] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)])
                .areas(area);
        let what = format!("{} · cannot be opened ", count(self.refusal.file_size, "byte"));
        let width = usize::from(area.width);
        let name = cut(&format!(" {}", self.name), width.saturating_sub(what.len()));
        let gap = width.saturating_sub(crate::terminal::text::width(&name) + what.chars().count());
        let text = format!("{name}{}{what}", " ".repeat(gap));
        Line::styled(text, self.palette.title()).render(title, buffer);
        let first = u16::try_from(self.rows.view().start).unwrap_or(0);
        let lines = self.lines(width).into_iter();
        let lines: Vec<Line<'_>> = lines.map(|line| fitted(line, body.width)).collect();
        Paragraph::new(lines).scroll((first, 0)).render(body, buffer);
        hints(TABLES, self.palette, hint.width).render(hint, buffer);
        if self.help {
            let lines = help(TABLES, self.palette, area.width);
            let overlay = Overlay { title: "Keys", foot: "Esc closes", lines, scroll: 0 };
            overlay.render(area, self.palette, buffer);
        }
    }
}
