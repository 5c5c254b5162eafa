//! The screen in ASCII, for terminals whose locale does not have the signs of Unicode.

use std::env;

use ratatui::buffer::Buffer;

/// Whether the locale has no UTF-8, by the variables that decide it; without any of them it is
/// the POSIX locale, which has none.
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

/// Replaces every sign that is not ASCII by one that is.
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
