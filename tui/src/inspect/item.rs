//! An item as text: lines of the width of the screen, JSON set out.

use std::ops::Range;

use serde::de::IgnoredAny;
use unicode_width::UnicodeWidthChar;

use crate::terminal::text::harmless;

/// Text is laid out up to this many bytes of an item; as hex all of it can be
/// seen.
pub const MOST_AS_TEXT: usize = 1 << 20;

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The bytes of the item that it shows.
    pub bytes: Range<usize>,
    /// The line; nothing in it moves a cursor.
    pub text: String,
}

/// An item laid out as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its lines.
    pub rows: Vec<Row>,
    /// Whether it is JSON, set out.
    pub json: bool,
    /// Whether the item goes on behind the last line.
    pub is_cut: bool,
}

impl Text {
    /// The line that shows the byte at `at`.
    #[must_use]
    pub fn row_of(&self, at: usize) -> Option<usize> {
        let after = self.rows.partition_point(|row| row.bytes.start <= at);
        after.checked_sub(1)
    }
}

/// Whether bytes look like text: UTF-8 as far as they go, and few of them
/// control characters.
#[must_use]
pub fn looks_like_text(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 1024;
    let start = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character that the end of the look has cut is no fault.
        Err(error) if error.error_len().is_none() && bytes.len() > LOOKED_AT => {
            let valid = start.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let odd = text.chars().filter(|char| char.is_control() && !"\n\r\t".contains(*char)).count();
    odd * 20 <= text.len()
}

/// Lays bytes out in lines of at most `columns`, JSON set out if `pretty`.
#[must_use]
pub fn lay_out(bytes: &[u8], columns: u16, pretty: bool) -> Text {
    let shown = bytes.get(..MOST_AS_TEXT.min(bytes.len())).unwrap_or_default();
    let is_cut = shown.len() < bytes.len();
    let mut page = Page { rows: Vec::new(), columns: usize::from(columns.max(8)), row: None };
    let json = pretty && !is_cut && is_json(shown);
    if json {
        set_out(shown, &mut page);
    } else {
        page.flow(shown, 0, 0);
    }
    page.end_line();
    Text { rows: page.rows, json, is_cut }
}

/// Whether bytes are a JSON array or object. A bare number or word is not
/// worth another layout.
fn is_json(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

struct Page {
    rows: Vec<Row>,
    columns: usize,
    /// The line being filled, and the columns it takes.
    row: Option<(Row, usize)>,
}

impl Page {
    fn end_line(&mut self) {
        self.rows.extend(self.row.take().map(|(row, _)| row));
    }

    fn put(&mut self, shown: char, bytes: Range<usize>, indent: usize) {
        let takes = shown.width().unwrap_or(1);
        if self.row.as_ref().is_some_and(|(_, taken)| taken + takes > self.columns) {
            self.end_line();
        }
        let new = || {
            let indent = indent.min(self.columns / 2);
            (Row { bytes: bytes.clone(), text: " ".repeat(indent) }, indent)
        };
        let (row, taken) = self.row.get_or_insert_with(new);
        row.text.push(shown);
        row.bytes.end = bytes.end;
        *taken += takes;
    }

    /// Text as it is: its own lines, broken where they are too long.
    fn flow(&mut self, bytes: &[u8], from: usize, indent: usize) {
        let mut at = from;
        for chunk in bytes.utf8_chunks() {
            for char in chunk.valid().chars() {
                let end = at + char.len_utf8();
                match char {
                    '\n' => {
                        let empty = Row { bytes: at..end, text: String::new() };
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

/// Sets JSON out, a member or an element a line. The bytes are only moved
/// apart: numbers and strings stay as they were written, and no key is lost.
fn set_out(bytes: &[u8], page: &mut Page) {
    let mut depth: usize = 0;
    let mut at = 0;
    let mut opened = false;
    while let Some(byte) = bytes.get(at) {
        let token = at..token_end(bytes, at);
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
                page.flow(bytes.get(token.clone()).unwrap_or_default(), at, indent);
                depth += usize::from(opened);
                match byte {
                    b',' => page.end_line(),
                    b':' => page.put(' ', token.clone(), indent),
                    _ => {}
                }
            }
        }
        at = token.end;
    }
}

/// Where the token that starts at `at` ends, in bytes that are known to be
/// JSON.
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
        lay_out(bytes, columns, pretty).rows.into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn json_is_set_out_and_nothing_in_it_changes() {
        let json = br#"{"a":1.10,"b":[true,"x,\"]"],"a":12345678901234567890,"e":{},"f":[]}"#;
        let set_out = [
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
        assert_eq!(lines(json, 60, true), set_out);
        assert_eq!(lines(b"[1", 60, true), ["[1"]);
    }

    #[test]
    fn every_byte_has_a_line() {
        let bytes = "one\n\ntwo\u{1b}[1m three \u{e9}\t日本語 and more\n".as_bytes();
        let text = lay_out(bytes, 10, true);
        for (at, byte) in bytes.iter().enumerate() {
            let row = &text.rows[text.row_of(at).unwrap()];
            assert!(row.bytes.contains(&at) || *byte == b'\n', "{at}: {row:?}");
        }
        assert!(text.rows.iter().all(|row| crate::terminal::text::width(&row.text) <= 10));
        assert!(!text.rows.iter().any(|row| row.text.contains('\u{1b}')));
    }

    #[test]
    fn bytes_that_are_no_text_are_not_taken_for_it() {
        assert!(looks_like_text(b"{\"a\": 1}\n"));
        assert!(looks_like_text("é".repeat(1000).as_bytes()));
        assert!(looks_like_text(b""));
        assert!(!looks_like_text(&[0xff, 0xfe, 1, 2]));
        assert!(!looks_like_text(&[0; 64]));
    }

    #[test]
    fn a_long_item_is_laid_out_in_part_and_says_so() {
        let long = vec![b'a'; MOST_AS_TEXT + 1];
        let text = lay_out(&long, 100, true);
        assert!(text.is_cut);
        assert_eq!(text.rows.last().unwrap().bytes.end, MOST_AS_TEXT);
    }
}
