//! One table of keys per mode, which handles the keys, lists the hints and explains the
//! keys in the help.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::palette::Palette;
use super::panel::Overlay;
use super::text::{width, wrapped};

/// A key as it appears in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, as typed.
    Char(char),
    /// A character with Control.
    Ctrl(char),
    /// Any other key.
    Code(KeyCode),
}

impl Key {
    /// Returns whether an event is a press of this key. A key with Alt has no meaning.
    pub(super) fn is(self, event: &KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.modifiers.contains(KeyModifiers::ALT) {
            return false;
        }
        match (self, event.code) {
            (Self::Char(wanted), KeyCode::Char(typed)) => wanted == typed && !control,
            (Self::Ctrl(wanted), KeyCode::Char(typed)) => wanted == typed && control,
            (Self::Code(wanted), code) => wanted == code,
            _ => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(char) => write!(f, "{char}"),
            Self::Ctrl(char) => write!(f, "^{}", char.to_ascii_uppercase()),
            Self::Code(code) => f.write_str(match code {
                KeyCode::Up => "↑",
                KeyCode::Down => "↓",
                KeyCode::Left => "←",
                KeyCode::Right => "→",
                KeyCode::PageUp => "PgUp",
                KeyCode::PageDown => "PgDn",
                KeyCode::Enter => "Enter",
                KeyCode::Esc => "Esc",
                KeyCode::Tab => "Tab",
                KeyCode::Home => "Home",
                KeyCode::End => "End",
                KeyCode::Delete => "Del",
                KeyCode::Backspace => "⌫",
                _ => "?",
            }),
        }
    }
}

/// Stops the program in every mode, until the shell continues it. The main loop handles
/// it as a terminal would outside of raw mode.
pub const SUSPEND: Key = Key::Ctrl('z');
const SUSPEND_HELP: &str = "suspend the program; continue it with fg";

/// Keys that have the same action.
#[derive(Clone, Copy, Debug)]
pub struct Binding<A: 'static> {
    /// Any of these keys triggers the action; the first is shown in the hint.
    pub keys: &'static [Key],
    /// The action of the keys.
    pub action: A,
    /// A word for the line of hints, which lists the hints in the order of the table.
    pub hint: Option<&'static str>,
    /// A sentence for the help.
    pub help: &'static str,
}

/// A row of a [`Table`]: keys, action, hint, help.
macro_rules! bind {
    ([$($key:expr),+], $action:expr, $hint:expr, $help:literal) => {
        $crate::terminal::keys::Binding {
            keys: &[$($key),+],
            action: $action,
            hint: $hint,
            help: $help,
        }
    };
}
pub(crate) use bind;

/// The keys of one mode.
#[derive(Clone, Copy, Debug)]
pub struct Table<A: 'static> {
    /// The title of the mode in the help.
    pub title: &'static str,
    /// The bindings; the first one with a matching key applies.
    pub bindings: &'static [Binding<A>],
}

/// Returns the action of a key, given the tables that apply, in order of precedence.
pub fn action<A: Copy>(tables: &[&Table<A>], event: &KeyEvent) -> Option<A> {
    let bindings = tables.iter().flat_map(|table| table.bindings);
    let mut bound = bindings.filter(|binding| binding.keys.iter().any(|key| key.is(event)));
    bound.next().map(|binding| binding.action)
}

/// Returns the hints of a mode on one line, as many as fit. The first hint of the last
/// table comes first at any width: it shows how to open the help.
pub fn hints<A>(tables: &[&Table<A>], palette: Palette, columns: u16) -> Line<'static> {
    let mut shown: Vec<(String, &'static str)> = Vec::new();
    let hinted = |binding: &'static Binding<A>| {
        let key = binding.keys.first().map(ToString::to_string).unwrap_or_default();
        binding.hint.map(|hint| (key, hint))
    };
    if let Some(last) = tables.last() {
        shown.extend(last.bindings.iter().find_map(hinted));
    }
    for table in tables {
        for hint in table.bindings.iter().filter_map(hinted) {
            if !shown.contains(&hint) {
                shown.push(hint);
            }
        }
    }
    let mut room = usize::from(columns);
    let mut spans = Vec::new();
    let mut shown = shown.into_iter().peekable();
    while let Some((key, hint)) = shown.next() {
        let needed = width(&key) + width(hint) + 3;
        // The last hint needs no space after it; otherwise `…` needs a column.
        let is_last = shown.peek().is_none();
        if needed > room + if is_last { 2 } else { 0 } {
            spans.push(Span::raw("…"));
            break;
        }
        room = room.saturating_sub(needed);
        spans.push(Span::styled(key, palette.key()));
        spans.push(Span::raw(format!(" {hint}  ")));
    }
    Line::from(spans)
}

/// Returns all keys of all modes as lines of the help, for a screen with this many
/// columns.
pub fn help<A>(tables: &[&Table<A>], palette: Palette, screen: u16) -> Vec<Line<'static>> {
    /// Columns of the frame around the help.
    const FRAME: usize = 6;
    let room = usize::from(screen).saturating_sub(KEYS + 3 + FRAME);
    let mut lines = Vec::new();
    for table in tables {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(table.title, palette.strong()));
        for binding in table.bindings {
            lines.extend(explanation(binding.keys, binding.help, palette, room));
        }
    }
    lines.extend(explanation(&[SUSPEND], SUSPEND_HELP, palette, room));
    lines
}

/// Draws the help about all keys over the screen, scrolled down by `scroll` lines.
pub fn render_help<A>(
    tables: &[&Table<A>],
    scroll: u16,
    screen: Rect,
    palette: Palette,
    buffer: &mut Buffer,
) {
    let lines = help(tables, palette, screen.width);
    let overlay = Overlay { title: "Keys", foot: "↑↓ scroll · Esc closes", lines, scroll };
    overlay.render(screen, palette, buffer);
}

/// Columns for the keys in the help.
const KEYS: usize = 16;

/// Returns the lines of the help about keys with the same action.
fn explanation(keys: &[Key], help: &str, palette: Palette, room: usize) -> Vec<Line<'static>> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let keys = keys.join(" ");
    let padding = " ".repeat(KEYS.saturating_sub(width(&keys)));
    let mut help = wrapped(help, room).into_iter();
    let first = Line::from(vec![
        Span::raw("  "),
        Span::styled(keys, palette.key()),
        Span::raw(format!("{padding} {}", help.next().unwrap_or_default())),
    ]);
    let rest = help.map(|line| Line::raw(format!("{}{line}", " ".repeat(KEYS + 3))));
    std::iter::once(first).chain(rest).collect()
}

/// Returns a key that is bound twice in tables that apply together: its second binding
/// would be explained and never work.
#[cfg(test)]
pub fn bound_twice<A>(tables: &[&Table<A>]) -> Option<Key> {
    let mut seen: Vec<Key> = Vec::new();
    for key in tables.iter().flat_map(|table| table.bindings).flat_map(|binding| binding.keys) {
        if seen.contains(key) {
            return Some(*key);
        }
        seen.push(*key);
    }
    None
}
