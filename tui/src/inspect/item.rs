//! Lays out an item as text: lines as wide as the screen, JSON indented.

use std::ops::Range;

use serde::de::IgnoredAny;
use unicode_width::UnicodeWidthChar;

use crate::terminal::text::{count, cut, harmless};

/// The maximum number of bytes of an item that are laid out at a time; scrolling
/// continues from there.
pub const MAX_WINDOW: usize = 1 << 20;
/// Consecutive windows share this many bytes, so that no byte is lost when a window
/// begins at the start of a line.
pub const OVERLAP: usize = 8 << 10;
/// The maximum size of an item whose JSON is indented, because indenting reads the whole
/// item.
pub const MAX_JSON: usize = 64 << 20;

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRow {
    /// The bytes of the item that the line shows.
    pub bytes: Range<usize>,
    /// The text of the line, in which nothing moves the cursor.
    pub text: String,
}

/// An item laid out as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its lines.
    pub rows: Vec<TextRow>,
    /// Whether the text is indented JSON.
    pub json: bool,
    /// The bytes of the item that the lines show.
    pub window: Range<usize>,
    /// The size of the item in bytes.
    pub total: usize,
}

impl Text {
    /// Returns whether the lines show the whole item.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.window == (0..self.total)
    }

    /// Returns the line that shows the byte at `at`.
    #[must_use]
    pub fn row_of(&self, at: usize) -> Option<usize> {
        let after = self.rows.partition_point(|row| row.bytes.start <= at);
        after.checked_sub(1)
    }
}

/// Returns whether bytes look like text: their start is UTF-8, with few control
/// characters.
#[must_use]
pub fn looks_like_text(bytes: &[u8]) -> bool {
    const EXAMINED_BYTES: usize = 1024;
    let start = bytes.get(..EXAMINED_BYTES.min(bytes.len())).unwrap_or_default();
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character cut at the end of the inspected part is not an error.
        Err(error) if error.error_len().is_none() && bytes.len() > EXAMINED_BYTES => {
            let valid = start.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let odd = text.chars().filter(|char| char.is_control() && !"\n\r\t".contains(*char)).count();
    odd * 20 <= text.len()
}

/// Lays out bytes in lines of at most `columns`, with JSON indented if `pretty`. Only the
/// bytes of a window are laid out, which begins at `from` or at the line or character
/// after it. If the item continues before or after the window, a line says so.
#[must_use]
pub fn lay_out(bytes: &[u8], columns: u16, pretty: bool, from: usize) -> Text {
    let mut page = RowWrapper { rows: Vec::new(), columns: usize::from(columns.max(8)), row: None };
    let json = pretty && bytes.len() <= MAX_JSON && is_json(bytes);
    let start = window_start(bytes, from);
    let end = character_before(bytes, start.saturating_add(MAX_WINDOW).min(bytes.len()));
    let window = start..end.max(start);
    if start > 0 {
        page.note(start, &format!("… {} before: PgUp", count(start as u64, "byte")));
    }
    if json {
        indent_json(bytes, window.clone(), &mut page);
    } else {
        page.flow(bytes.get(window.clone()).unwrap_or_default(), start, 0);
    }
    page.end_line();
    if window.end < bytes.len() {
        let rest = (bytes.len() - window.end) as u64;
        page.note(window.end, &format!("… {} follow: PgDn", count(rest, "byte")));
    }
    Text { rows: page.rows, json, window, total: bytes.len() }
}

/// Returns where a window begins: after the first line break from `from` on if there is
/// one nearby, else at a character.
fn window_start(bytes: &[u8], from: usize) -> usize {
    const NEARBY: usize = OVERLAP / 2;
    // So close to the start, the window begins at the first byte.
    if from < OVERLAP {
        return 0;
    }
    let from = from.min(bytes.len());
    let rest = bytes.get(from..).unwrap_or_default();
    let nearby = rest.get(..NEARBY.min(rest.len())).unwrap_or_default();
    match memchr::memchr(b'\n', nearby) {
        Some(at) => from + at + 1,
        None => character_before(bytes, from),
    }
}

/// Returns the start of the UTF-8 character that contains `at`, or `at` if no character
/// does.
fn character_before(bytes: &[u8], at: usize) -> usize {
    let continues = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let first = (at.saturating_sub(3)..=at).rev().find(|at| !continues(at));
    first.unwrap_or(at)
}

/// Returns whether bytes are a JSON array or object. A single number or word needs no
/// other layout.
fn is_json(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

struct RowWrapper {
    rows: Vec<TextRow>,
    columns: usize,
    /// The line being filled, and its width in columns.
    row: Option<(TextRow, usize)>,
}

impl RowWrapper {
    fn end_line(&mut self) {
        self.rows.extend(self.row.take().map(|(row, _)| row));
    }

    /// Adds a line that shows no byte.
    fn note(&mut self, at: usize, text: &str) {
        self.end_line();
        self.rows.push(TextRow { bytes: at..at, text: cut(text, self.columns) });
    }

    fn put(&mut self, shown: char, bytes: Range<usize>, indent: usize) {
        let takes = shown.width().unwrap_or(1);
        if self.row.as_ref().is_some_and(|(_, taken)| taken + takes > self.columns) {
            self.end_line();
        }
        let new = || {
            let indent = indent.min(self.columns / 2);
            (TextRow { bytes: bytes.clone(), text: " ".repeat(indent) }, indent)
        };
        let (row, taken) = self.row.get_or_insert_with(new);
        row.text.push(shown);
        row.bytes.end = bytes.end;
        *taken += takes;
    }

    /// Adds text unchanged, in its own lines, broken where they are too long.
    fn flow(&mut self, bytes: &[u8], from: usize, indent: usize) {
        let mut at = from;
        for chunk in bytes.utf8_chunks() {
            for char in chunk.valid().chars() {
                let end = at + char.len_utf8();
                match char {
                    '\n' => {
                        let empty = TextRow { bytes: at..end, text: String::new() };
                        self.row.get_or_insert((empty, 0));
                        self.end_line();
                    }
                    '\r' => {}
                    '\t' => (0..4).for_each(|_| self.put(' ', at..end, indent)),
                    char => self.put(harmless(char), at..end, indent),
                }
                at = end;
            }
            for _ in chunk.invalid() {
                self.put('·', at..at + 1, indent);
                at += 1;
            }
        }
    }
}

/// Lays out the JSON of a window with one member or element per line. This adds only
/// white space and drops the original white space: numbers and strings stay as they were
/// written, and no key is lost.
fn indent_json(bytes: &[u8], window: Range<usize>, page: &mut RowWrapper) {
    let mut depth: usize = 0;
    let mut at = 0;
    let mut opened = false;
    while let Some(byte) = bytes.get(at).filter(|_| at < window.end) {
        let whole = at..token_end(bytes, at);
        at = whole.end;
        if whole.end <= window.start {
            // Before the window only the nesting depth matters.
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            continue;
        }
        let token = whole.start.max(window.start)..whole.end.min(window.end);
        let indent = depth * 2;
        match byte {
            byte if byte.is_ascii_whitespace() => {}
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !opened {
                    page.end_line();
                }
                page.put(char::from(*byte), token.clone(), depth * 2);
                opened = false;
            }
            _ => {
                if opened {
                    page.end_line();
                }
                opened = matches!(byte, b'{' | b'[');
                page.flow(bytes.get(token.clone()).unwrap_or_default(), token.start, indent);
                depth += usize::from(opened);
                match byte {
                    b',' => page.end_line(),
                    b':' => page.put(' ', token.clone(), indent),
                    _ => {}
                }
            }
        }
    }
}

/// Returns where the token that starts at `at` ends, in bytes that are known to be JSON.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = match rest.first() {
        Some(b'"') => {
            let mut escaped = false;
            let end = rest.iter().skip(1).position(|byte| {
                let closes = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                closes
            });
            end.map_or(rest.len(), |end| end + 2)
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') | None => 1,
        Some(byte) if byte.is_ascii_whitespace() => 1,
        Some(_) => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}[],:\"".contains(byte);
            rest.iter().position(ends).unwrap_or(rest.len())
        }
    };
    at + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], columns: u16, pretty: bool) -> Vec<String> {
        lay_out(bytes, columns, pretty, 0).rows.into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn indented_json_keeps_every_token() {
        let json = br#"{"a":1.10,"b":[true,"x,\"]"],"a":12345678901234567890,"e":{},"f":[]}"#;
        let indent_json = [
            "{",
            r#"  "a": 1.10,"#,
            r#"  "b": ["#,
            "    true,",
            r#"    "x,\"]""#,
            "  ],",
            r#"  "a": 12345678901234567890,"#,
            r#"  "e": {},"#,
            r#"  "f": []"#,
            "}",
        ];
        assert_eq!(lines(json, 60, true), indent_json);
        assert_eq!(lines(b"[1", 60, true), ["[1"]);
    }

    #[test]
    fn every_byte_has_a_line() {
        let bytes = "one\n\ntwo\u{1b}[1m three \u{e9}\t日本語 and more\n".as_bytes();
        let text = lay_out(bytes, 10, true, 0);
        for (at, byte) in bytes.iter().enumerate() {
            let row = &text.rows[text.row_of(at).unwrap()];
            assert!(row.bytes.contains(&at) || *byte == b'\n', "{at}: {row:?}");
        }
        assert!(text.rows.iter().all(|row| crate::terminal::text::width(&row.text) <= 10));
        assert!(!text.rows.iter().any(|row| row.text.contains('\u{1b}')));
    }

    #[test]
    fn binary_bytes_are_not_shown_as_text() {
        assert!(looks_like_text(b"{\"a\": 1}\n"));
        assert!(looks_like_text("é".repeat(1000).as_bytes()));
        assert!(looks_like_text(b""));
        assert!(!looks_like_text(&[0xff, 0xfe, 1, 2]));
        assert!(!looks_like_text(&[0; 64]));
    }

    #[test]
    fn windows_over_a_long_item_show_every_byte() {
        let line = "some words, and é at the end\n";
        let prose = line.repeat(3 * MAX_WINDOW / line.len());
        let solid = "日".repeat(MAX_WINDOW);
        let object = format!(r#"{{"a":[{}1],"b":{{}}}}"#, r#"{"k":"v, é"},"#.repeat(200_000));
        for bytes in [prose.as_bytes(), solid.as_bytes(), object.as_bytes()] {
            let (mut from, mut reached) = (0, 0);
            loop {
                let text = lay_out(bytes, 100, true, from);
                assert!(text.window.start <= reached && text.window.end > reached);
                assert_eq!(text.json, bytes == object.as_bytes());
                assert!(!text.rows.iter().any(|row| row.text.contains('·')));
                let says = |row: Option<&TextRow>| row.unwrap().text.starts_with('…');
                assert_eq!(says(text.rows.first()), text.window.start > 0);
                assert_eq!(says(text.rows.last()), text.window.end < bytes.len());
                reached = text.window.end;
                if reached == bytes.len() {
                    break;
                }
                from = reached - OVERLAP;
            }
        }
    }

    #[test]
    fn json_is_indented_in_a_window_as_in_the_whole() {
        let json = format!(r#"{{"a":[{}1],"b":{{"c":2}}}}"#, r#"{"k":"v"},"#.repeat(200_000));
        let tail = lay_out(json.as_bytes(), 60, true, json.len() - 30);
        let lines: Vec<&str> = tail.rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(
            lines[lines.len() - 6..],
            ["    1", "  ],", r#"  "b": {"#, r#"    "c": 2"#, "  }", "}"]
        );
        let start = lay_out(json.as_bytes(), 60, true, 0);
        assert_eq!(start.rows[2].text, "    {");
        assert!(!start.is_whole() && start.json);
    }
}
