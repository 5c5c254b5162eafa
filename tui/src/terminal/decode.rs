//! Decodes the bytes of a terminal into keys, mouse events and pasted text.
//!
//! The decoder never gets stuck: it drops an unfinished sequence after
//! [`InputDecoder::timeout`], and treats the bytes that follow as keys again. This is why the
//! project has its own decoder: a library that reads the terminal itself waits forever
//! for the end of a paste or of a control string, and does not notice that a terminal is
//! gone.

use std::time::Duration;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;
/// The end of a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// The maximum length of an escape sequence that the decoder waits for.
const MAX_SEQUENCE: usize = 64;
/// The maximum size of a paste; the decoder drops the rest of a longer one.
const MAX_PASTE: usize = 1 << 20;

/// Decodes the input of a terminal, which may arrive in pieces of any size.
#[derive(Debug, Default)]
pub struct InputDecoder {
    /// Bytes of an incomplete sequence.
    pending: Vec<u8>,
    /// The text of the paste that is being received.
    paste: Option<Vec<u8>>,
}

/// The token at the start of some bytes.
enum Token {
    /// More bytes are needed.
    Incomplete,
    /// A token of this many bytes, with its event if it has a meaning.
    Event(usize, Option<Event>),
    /// The start of a bracketed paste, which has this many bytes.
    PasteStart(usize),
}

impl InputDecoder {
    /// Takes bytes and adds the events that they complete.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let used = match self.paste.take() {
                Some(text) => self.take_paste(text, rest, events),
                None => match token(rest) {
                    Token::Incomplete => break,
                    Token::Event(used, event) => {
                        events.extend(event);
                        used
                    }
                    Token::PasteStart(used) => {
                        self.paste = Some(Vec::new());
                        used
                    }
                },
            };
            // The rest may be the start of the marker that ends the paste.
            if used == 0 && self.paste.is_some() {
                break;
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        self.pending = rest.to_vec();
    }

    /// Adds bytes to a paste, up to its end or to Ctrl-C; returns how many were used.
    fn take_paste(&mut self, mut text: Vec<u8>, bytes: &[u8], events: &mut Vec<Event>) -> usize {
        let end = memchr::memmem::find(bytes, PASTE_END);
        let interrupt = memchr::memchr(CTRL_C, bytes);
        let (length, used) = match (end, interrupt) {
            (Some(end), interrupt) if interrupt.is_none_or(|at| end < at) => {
                (end, end + PASTE_END.len())
            }
            // Terminals remove control characters from a paste, so this Ctrl-C was typed.
            (_, Some(at)) => (at, at),
            _ => {
                // The bytes may end with the first part of the end marker.
                let starts =
                    |kept: &usize| PASTE_END.starts_with(bytes.get(*kept..).unwrap_or(b"?"));
                let first = bytes.len().saturating_sub(PASTE_END.len() - 1);
                let length = (first..bytes.len()).find(starts).unwrap_or(bytes.len());
                append(&mut text, bytes.get(..length).unwrap_or_default());
                self.paste = Some(text);
                return length;
            }
        };
        append(&mut text, bytes.get(..length).unwrap_or_default());
        events.push(pasted(&text));
        used
    }

    /// Returns how long to wait for more bytes before [`expire`](Self::expire); `None` if
    /// nothing is incomplete.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        match (&self.paste, self.pending.is_empty()) {
            (Some(_), _) => Some(Duration::from_millis(300)),
            (None, false) => Some(Duration::from_millis(50)),
            (None, true) => None,
        }
    }

    /// Handles that no more bytes came: a lone ESC becomes the Escape key, a paste ends,
    /// and any other unfinished sequence is dropped.
    pub fn expire(&mut self, events: &mut Vec<Event>) {
        let pending = std::mem::take(&mut self.pending);
        match self.paste.take() {
            Some(text) => events.push(pasted(&text)),
            None => match pending.as_slice() {
                [ESC] => events.push(key(KeyCode::Esc, KeyModifiers::NONE)),
                [ESC, alt @ (b'[' | b'O')] => {
                    events.push(key(KeyCode::Char(char::from(*alt)), KeyModifiers::ALT));
                }
                _ => {}
            },
        }
    }
}

fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_PASTE.saturating_sub(text.len());
    text.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
}

fn pasted(text: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(text).into_owned())
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn token(bytes: &[u8]) -> Token {
    match bytes {
        [] | [ESC] => Token::Incomplete,
        // Ctrl-C is a key even if it follows ESC immediately.
        [ESC, ESC | CTRL_C, ..] => Token::Event(1, Some(key(KeyCode::Esc, KeyModifiers::NONE))),
        [ESC, b'[', ..] => control_sequence(bytes),
        [ESC, b'O'] => Token::Incomplete,
        [ESC, b'O', last, ..] => {
            Token::Event(3, cursor_key(*last).map(|code| key(code, KeyModifiers::NONE)))
        }
        [ESC, rest @ ..] => match typed(rest) {
            Token::Event(used, event) => Token::Event(used + 1, event.map(with_alt)),
            other => other,
        },
        _ => typed(bytes),
    }
}

fn with_alt(event: Event) -> Event {
    match event {
        Event::Key(mut pressed) => {
            pressed.modifiers |= KeyModifiers::ALT;
            Event::Key(pressed)
        }
        other => other,
    }
}

/// Decodes a character, or a key that sends a control character.
fn typed(bytes: &[u8]) -> Token {
    let Some(first) = bytes.first() else { return Token::Incomplete };
    let (code, modifiers) = match first {
        b'\r' | b'\n' => (KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => (KeyCode::Tab, KeyModifiers::NONE),
        0x7f | 0x08 => (KeyCode::Backspace, KeyModifiers::NONE),
        0 => (KeyCode::Char(' '), KeyModifiers::CONTROL),
        letter @ 0x01..=0x1a => {
            (KeyCode::Char(char::from(letter - 1 + b'a')), KeyModifiers::CONTROL)
        }
        digit @ 0x1c..=0x1f => {
            (KeyCode::Char(char::from(digit - 0x1c + b'4')), KeyModifiers::CONTROL)
        }
        _ => return character(bytes),
    };
    Token::Event(1, Some(key(code, modifiers)))
}

fn character(bytes: &[u8]) -> Token {
    let start = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            let valid = start.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(error) => {
            return match error.error_len() {
                None => Token::Incomplete,
                Some(length) => Token::Event(length, None),
            };
        }
    };
    match text.chars().next() {
        Some(char) => {
            Token::Event(char.len_utf8(), Some(key(KeyCode::Char(char), KeyModifiers::NONE)))
        }
        None => Token::Event(1, None),
    }
}

/// Decodes `ESC [ parameters intermediates final` (ECMA-48) and two sequences that
/// deviate from that form.
fn control_sequence(bytes: &[u8]) -> Token {
    let body = bytes.get(2..).unwrap_or_default();
    match body {
        // The function keys of the Linux console: `ESC [ [ A`.
        [b'['] => return Token::Incomplete,
        [b'[', _, ..] => return Token::Event(4, None),
        // Mouse reports in the format before SGR: three bytes after the final byte.
        [b'M', rest @ ..] => {
            return match rest {
                [_, _, _, ..] => Token::Event(6, None),
                _ => Token::Incomplete,
            };
        }
        _ => {}
    }
    let is_inner = |byte: &&u8| matches!(byte, 0x20..=0x3f);
    let length = body.iter().take(MAX_SEQUENCE).take_while(is_inner).count();
    let used = length + 3;
    match body.get(length) {
        None => Token::Incomplete,
        Some(last @ 0x40..=0x7e) => {
            let parameters = body.get(..length).unwrap_or_default();
            match (parameters, last) {
                (b"200", b'~') => Token::PasteStart(used),
                _ => Token::Event(used, meaning(parameters, *last)),
            }
        }
        // The sequence contains a byte that starts something else, or it is too long.
        Some(_) => Token::Event(used - 1, None),
    }
}

fn cursor_key(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter,
        b'Z' => KeyCode::BackTab,
        _ => return None,
    })
}

/// Returns the event of a control sequence; `None` for one without a meaning to a
/// program.
fn meaning(parameters: &[u8], last: u8) -> Option<Event> {
    if let Some(mouse) = parameters.strip_prefix(b"<") {
        return mouse_event(mouse, last);
    }
    let numbers = numbers(parameters)?;
    let first = numbers.first().copied().unwrap_or(0);
    let modifiers = modifiers(numbers.get(1).copied().unwrap_or(0));
    let code = match (last, first) {
        (b'A'..=b'D' | b'F' | b'H' | b'Z', _) => cursor_key(last)?,
        (b'~', 1 | 7) => KeyCode::Home,
        (b'~', 3) => KeyCode::Delete,
        (b'~', 4 | 8) => KeyCode::End,
        (b'~', 5) => KeyCode::PageUp,
        (b'~', 6) => KeyCode::PageDown,
        // A character with modifiers, which a terminal sends if it is configured to.
        (b'u', _) => code_of(first)?,
        (b'~', 27) => code_of(numbers.get(2).copied()?)?,
        _ => return None,
    };
    Some(key(code, modifiers))
}

fn code_of(codepoint: u32) -> Option<KeyCode> {
    Some(match codepoint {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        other => KeyCode::Char(char::from_u32(other)?),
    })
}

fn modifiers(parameter: u32) -> KeyModifiers {
    let bits = parameter.saturating_sub(1);
    let pairs = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    let set = pairs.into_iter().filter(|(bit, _)| bits & bit != 0);
    set.fold(KeyModifiers::NONE, |all, (_, modifier)| all | modifier)
}

/// Parses numbers separated by `;`. A sub-parameter after `:` is ignored, and an empty
/// number is 0.
fn numbers(parameters: &[u8]) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(parameters).ok()?;
    let number = |part: &str| match part.split(':').next() {
        None | Some("") => Some(0),
        Some(digits) => digits.parse().ok(),
    };
    text.split(';').map(number).collect()
}

/// `button ; column ; row`, counted from 1; `M` pressed, `m` released.
fn mouse_event(parameters: &[u8], last: u8) -> Option<Event> {
    let [button, column, row] = *numbers(parameters)?.as_slice() else { return None };
    let kind = match (button & !0b1_1100, last) {
        (0, b'M') => MouseEventKind::Down(MouseButton::Left),
        (0, b'm') => MouseEventKind::Up(MouseButton::Left),
        (64, b'M') => MouseEventKind::ScrollUp,
        (65, b'M') => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let cell = |number: u32| u16::try_from(number.saturating_sub(1)).ok();
    let (column, row) = (cell(column)?, cell(row)?);
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the events of bytes that arrive in pieces, with nothing after them.
    fn decoded(pieces: &[&[u8]]) -> Vec<Event> {
        let mut decoder = InputDecoder::default();
        let mut events = Vec::new();
        pieces.iter().for_each(|piece| decoder.feed(piece, &mut events));
        if decoder.timeout().is_some() {
            decoder.expire(&mut events);
        }
        assert_eq!(decoder.timeout(), None);
        events
    }

    fn plain(code: KeyCode) -> Event {
        key(code, KeyModifiers::NONE)
    }

    fn char(char: char) -> Event {
        plain(KeyCode::Char(char))
    }

    #[test]
    fn keys_are_decoded_however_they_are_split() {
        let bytes = "a\u{1b}[Bé日\u{1b}Oq\u{1b}[5~\u{3}\r\u{1b}[<65;10;20M\u{1b}[1;5C".as_bytes();
        let whole = decoded(&[bytes]);
        assert_eq!(whole.len(), 9, "{whole:?}");
        for size in 1..bytes.len() {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(decoded(&pieces), whole, "in pieces of {size}");
        }
        assert_eq!(whole[1], plain(KeyCode::Down));
        assert_eq!(whole[5], key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(whole[8], key(KeyCode::Right, KeyModifiers::CONTROL));
    }

    #[test]
    fn escape_is_a_key_only_where_nothing_follows() {
        assert_eq!(decoded(&[b"\x1b"]), [plain(KeyCode::Esc)]);
        assert_eq!(decoded(&[b"\x1b\x1b"]), [plain(KeyCode::Esc), plain(KeyCode::Esc)]);
        assert_eq!(decoded(&[b"\x1bq"]), [key(KeyCode::Char('q'), KeyModifiers::ALT)]);
        assert_eq!(decoded(&[b"\x1b", b"[A"]), [plain(KeyCode::Up)]);
        let interrupt = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(decoded(&[b"\x1b\x03"]), [plain(KeyCode::Esc), interrupt]);
    }

    #[test]
    fn pasted_text_is_one_event() {
        let bytes = b"\x1b[200~one\ntwo\x1b[201~q";
        let wanted = [Event::Paste("one\ntwo".into()), char('q')];
        for size in 1..=bytes.len() {
            assert_eq!(decoded(&bytes.chunks(size).collect::<Vec<_>>()), wanted, "{size}");
        }
    }

    #[test]
    fn an_unterminated_paste_ends_with_ctrl_c_or_silence() {
        let interrupt = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        let wanted = [Event::Paste("ab".into()), interrupt];
        assert_eq!(decoded(&[b"\x1b[200~ab\x03"]), wanted);
        assert_eq!(decoded(&[b"\x1b[200~ab", b"\x03"]), wanted);
        let mut decoder = InputDecoder::default();
        let mut events = Vec::new();
        decoder.feed(b"\x1b[200~ab", &mut events);
        decoder.expire(&mut events);
        decoder.feed(b"q", &mut events);
        assert_eq!(events, [Event::Paste("ab".into()), char('q')]);
    }

    #[test]
    fn a_huge_paste_is_bounded() {
        let bytes = [b"\x1b[200~".to_vec(), vec![b'a'; MAX_PASTE + 9], b"\x1b[201~q".to_vec()];
        let events = decoded(&[&bytes.concat()]);
        let [Event::Paste(text), last] = events.as_slice() else { panic!("{}", events.len()) };
        assert_eq!((text.len(), last), (MAX_PASTE, &char('q')));
    }

    /// Whatever bytes came first, a key that is typed later arrives.
    #[test]
    fn no_bytes_swallow_the_keys_that_follow() {
        let odd = [0x1b, b'[', b'O', b']', b'P', b'<', b'M', b';', b'2', b'0', b'~', 0xc3, 0xff, 0];
        let mut sequence = Vec::new();
        for number in 0..14_usize.pow(4) {
            sequence.clear();
            let mut rest = number;
            for _ in 0..4 {
                sequence.push(odd[rest % 14]);
                rest /= 14;
            }
            let mut decoder = InputDecoder::default();
            let mut events = Vec::new();
            decoder.feed(&sequence, &mut events);
            decoder.expire(&mut events);
            decoder.feed(b"q", &mut events);
            assert_eq!(events.last(), Some(&char('q')), "{sequence:?}");
        }
        let endless = [b"\x1b[".to_vec(), vec![b'1'; 5000]].concat();
        assert_eq!(decoded(&[&endless, b"q"]).last(), Some(&char('q')));
    }
}
