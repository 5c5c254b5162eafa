//! Converts the screen to ASCII, for terminals whose locale cannot show the Unicode
//! signs.

use std::env;

use ratatui::buffer::Buffer;

/// Returns whether the locale lacks UTF-8, judged by the variables that set the locale.
/// If none of them is set, the locale is POSIX, which lacks UTF-8.
#[must_use]
pub fn is_wanted() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let mut values =
        names.iter().filter_map(|name| env::var(name).ok()).filter(|value| !value.is_empty());
    cfg!(unix) && !values.next().is_some_and(|value| has_utf8(&value))
}

fn has_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Replaces every sign that is not ASCII with one that is.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let mut chars = cell.symbol().chars();
            let ascii = chars.next().map_or(' ', ascii);
            cell.set_char(ascii);
        }
    }
}

fn ascii(char: char) -> char {
    match char {
        '✓' => '+',
        '✗' | '×' => 'x',
        '≠' => '!',
        '–' | '─' => '-',
        '·' | '░' => '.',
        '…' => '~',
        '⋮' | '▒' => ':',
        '│' => '|',
        '╭' | '╮' | '╰' | '╯' => '+',
        '█' | '▉' | '▊' | '▋' | '▌' | '▍' | '▎' | '▏' => '#',
        '◆' => '*',
        '▸' | '▶' | '→' | '›' | '≥' => '>',
        '←' | '‹' | '⌫' => '<',
        '↑' => '^',
        '↓' => 'v',
        '“' | '”' => '"',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn every_sign_has_one_in_ascii() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "✓ a·“日本”…", Style::new());
        to_ascii(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text, "+ a.\"? ? \"~ ");
    }

    #[test]
    fn utf8_is_known_by_either_spelling() {
        assert!(has_utf8("en_US.UTF-8") && has_utf8("C.utf8"));
        assert!(!has_utf8("C") && !has_utf8("de_DE.ISO-8859-1"));
    }
}
