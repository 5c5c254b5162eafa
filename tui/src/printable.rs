//! Makes text from outside safe to print.
//!
//! File names, item names, URLs and messages of servers are chosen by others. Printed
//! unchanged, they can move the cursor, recolour or retitle the terminal, reverse the
//! reading direction, or add lines that look like this command's own. All such text that
//! the command prints for people passes through this module, on terminals and in pipes.
//!
//! - [`path`]: a file name or URL. A printable one is unchanged; any other is quoted for
//!   the shell (`$'a\nb.pack'`), so that it can be copied into a command line. No byte is
//!   lost.
//! - [`text`]: any other text, with unprintable characters escaped (`\x1b`).
//! - [`line`]: the same on one line of bounded length, for messages of servers.
//! - [`content`]: the bytes of an item on a terminal, with tabs unchanged.
//! - [`hex`]: any bytes as hexadecimal digits.
//!
//! All except [`content`] also remove passwords and signatures from URLs.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::ser::SerializeMap;

/// The maximum number of characters in a [`line`].
const MAX_LINE: usize = 300;

/// Returns two lower-case hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a file name or URL, quoted if it contains unprintable characters.
pub fn path(path: &Path) -> PrintablePath<'_> {
    PrintablePath(path)
}

/// Returns the name of an item, quoted like a file name.
pub fn name(name: &[u8]) -> PrintableName<'_> {
    PrintableName(name)
}

/// Returns text with unprintable characters escaped.
pub fn text<T: Display>(text: T) -> PrintableText<T> {
    PrintableText(text)
}

/// Returns text on one line, cut after 300 characters. Each run of white space, newlines
/// included, becomes one space.
pub fn line<T: Display>(text: T) -> PrintableLine<T> {
    PrintableLine(text)
}

/// Returns the bytes of an item for a terminal: unprintable characters except tabs, and
/// bytes that are not UTF-8, are escaped. URLs are not redacted, since the user requested
/// the content.
pub fn content(bytes: &[u8]) -> PrintableContent<'_> {
    PrintableContent(bytes)
}

/// See [`path`].
#[derive(Clone, Copy, Debug)]
pub struct PrintablePath<'a>(&'a Path);

impl Display for PrintablePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PrintableName(self.0.as_os_str().as_encoded_bytes()).fmt(f)
    }
}

/// See [`name`].
#[derive(Clone, Copy, Debug)]
pub struct PrintableName<'a>(&'a [u8]);

impl Display for PrintableName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0).map(redacted) {
            // A name that begins like a quoted one is quoted too, so that no two names are
            // printed alike.
            Ok(name) if !name.starts_with("$'") && is_printable(&name) => f.write_str(&name),
            Ok(name) => quote(name.as_bytes(), f),
            Err(_) => quote(self.0, f),
        }
    }
}

/// Writes `$'…'`, which bash, zsh, ksh and POSIX shells can parse.
fn quote(name: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("$'")?;
    for chunk in name.utf8_chunks() {
        for (char, printable) in with_printability(chunk.valid()) {
            match char {
                '\'' | '\\' => write!(f, "\\{char}")?,
                _ if printable => f.write_char(char)?,
                _ => f.write_str(&escape(char))?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('\'')
}

/// See [`text`].
#[derive(Clone, Copy, Debug)]
pub struct PrintableText<T>(T);

impl<T: Display> Display for PrintableText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        for (char, printable) in with_printability(&redacted(&text)) {
            match printable {
                true => f.write_char(char)?,
                false => f.write_str(&escape(char))?,
            }
        }
        Ok(())
    }
}

/// See [`line`].
#[derive(Clone, Copy, Debug)]
pub struct PrintableLine<T>(T);

impl<T: Display> Display for PrintableLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let mut words = text.split_ascii_whitespace();
        let mut joined = words.next().unwrap_or_default().to_string();
        for word in words {
            joined.push(' ');
            joined.push_str(word);
        }
        match joined.char_indices().nth(MAX_LINE) {
            Some((end, _)) => write!(f, "{}…", self::text(joined.get(..end).unwrap_or_default())),
            None => self::text(joined).fmt(f),
        }
    }
}

/// See [`content`].
#[derive(Clone, Copy, Debug)]
pub struct PrintableContent<'a>(&'a [u8]);

impl Display for PrintableContent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for (char, printable) in with_printability(chunk.valid()) {
                match printable || char == '\t' {
                    true => f.write_char(char)?,
                    false => f.write_str(&escape(char))?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Returns the escape sequence of an unprintable character, in the notation of `$'…'`.
fn escape(char: char) -> Cow<'static, str> {
    match char {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\0'..='\x7f' => format!("\\x{:02x}", u32::from(char)).into(),
        '\u{80}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(char)).into(),
        _ => format!("\\U{:08x}", u32::from(char)).into(),
    }
}

/// Returns whether a terminal shows every character of a text and interprets none.
pub fn is_printable(text: &str) -> bool {
    with_printability(text).all(|(_, printable)| printable)
}

/// Returns whether a terminal shows a character and does not interpret it, in any
/// context.
pub fn is_printable_char(char: char) -> bool {
    !(char.is_control() || turns_direction(char) || is_invisible(char) || is_joiner(char))
}

/// Returns the characters of a text, each with whether it is printable in its context.
fn with_printability(text: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut before = None;
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let char = chars.next()?;
        // Joiners are part of words in some scripts, and of emoji. Next to ASCII their only
        // effect is that two names look alike.
        let is_foreign = |char: &char| !char.is_ascii();
        let joins = is_joiner(char)
            && before.as_ref().is_some_and(is_foreign)
            && chars.peek().is_some_and(is_foreign);
        before = Some(char);
        Some((char, joins || is_printable_char(char)))
    })
}

/// Returns whether a character is a mark, embedding, override or isolate of bidirectional
/// text.
fn turns_direction(char: char) -> bool {
    matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Returns whether a character has no width or shape, or separates lines.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns whether a character is a zero-width joiner or non-joiner.
fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// Removes the secrets from URLs in a text: user and password become `***`, and so does
/// the query of an HTTP URL, which may contain a signature.
pub fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        kept.push_str(before);
        kept.push_str("://");
        let is_http = ["http", "https"].iter().any(|scheme| {
            let tail = before.len().checked_sub(scheme.len()).and_then(|at| before.get(at..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(scheme))
        });
        // A password may contain any character except these.
        let authority = after.find(['/', '?', '#', ' ', '\n', '"']).unwrap_or(after.len());
        let (authority, after) = after.split_at(authority);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                kept.push_str("***@");
                kept.push_str(host);
            }
            None => kept.push_str(authority),
        }
        let end = after.find([' ', '\n', '"', ')', '<']).unwrap_or(after.len());
        let (target, after) = after.split_at(end);
        match target.split_once('?') {
            Some((path, _)) if is_http => {
                kept.push_str(path);
                kept.push_str("?***");
            }
            _ => kept.push_str(target),
        }
        rest = after;
    }
    kept.push_str(rest);
    kept.into()
}

/// A path in JSON: `path`, and if that is not UTF-8 also `path_bytes`, its bytes in
/// hexadecimal. For `#[serde(flatten)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    key: &'static str,
    bytes_key: &'static str,
    path: Option<PathBuf>,
}

impl JsonPath {
    /// Uses the keys `path` and `path_bytes`.
    pub fn new(path: &Path) -> Self {
        Self::named("path", "path_bytes", Some(path))
    }

    /// Uses other keys. The value is null if there is no path.
    pub fn named(key: &'static str, bytes_key: &'static str, path: Option<&Path>) -> Self {
        Self { key, bytes_key, path: path.map(Path::to_path_buf) }
    }

    /// Returns the path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// Prints the path as [`path`] does.
impl Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().map_or(Ok(()), |path| self::path(path).fmt(f))
    }
}

impl Serialize for JsonPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let text = self.path.as_ref().map(|path| path.to_string_lossy());
        map.serialize_entry(self.key, &text.as_deref().map(redacted))?;
        if let Some(path) = self.path.as_ref().filter(|path| path.to_str().is_none()) {
            map.serialize_entry(self.bytes_key, &hex(path.as_os_str().as_encoded_bytes()))?;
        }
        map.end()
    }
}

/// The name of an item in JSON: `name`, which is null if the item has none, and if the
/// name is not UTF-8 also `name_bytes`, its bytes in hexadecimal. For
/// `#[serde(flatten)]`.
#[derive(Clone, Copy, Debug)]
pub struct JsonName<'a>(pub &'a [u8]);

impl Serialize for JsonName<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let text = String::from_utf8_lossy(self.0);
        map.serialize_entry("name", &(!self.0.is_empty()).then_some(&text))?;
        if let Cow::Owned(_) = text {
            map.serialize_entry("name_bytes", &hex(self.0))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> String {
        path(Path::new(name)).to_string()
    }

    #[test]
    fn printable_names_are_unchanged() {
        for name in [
            "a.pack",
            "a b.pack",
            "C:\\packs\\a.pack",
            "it's \"quoted\"",
            "größe",
            "日本語.pack",
            "👩\u{200d}🔬.pack",
            "می\u{200c}خواهم",
            "s3://bucket/what?.pack",
            "x$'y",
        ] {
            assert_eq!(shown(name), name);
            assert_eq!(text(name).to_string(), name);
        }
    }

    #[test]
    fn other_names_are_quoted_for_the_shell() {
        for (name, quoted) in [
            ("a\nb: sound", r"$'a\nb: sound'"),
            ("\u{1b}]0;pwned\u{7}a", r"$'\x1b]0;pwned\x07a'"),
            ("\u{9b}2J", r"$'\u009b2J'"),
            ("\u{202e}kcap.a", r"$'\u202ekcap.a'"),
            ("a\u{200b}b", r"$'a\u200bb'"),
            ("a\u{200d}b", r"$'a\u200db'"),
            ("\u{e0041}", r"$'\U000e0041'"),
            ("it's\t\\", r"$'it\'s\t\\'"),
            ("$'a'", r"$'$\'a\''"),
        ] {
            assert_eq!(shown(name), quoted);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf_8_keeps_its_bytes() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let name = Path::new(OsStr::from_bytes(b"\xffa\xc3\xa9\n"));
        assert_eq!(path(name).to_string(), "$'\\xffaé\\n'");
        let json = serde_json::to_string(&JsonPath::new(name)).unwrap();
        assert_eq!(json, r#"{"path":"�aé\n","path_bytes":"ff61c3a90a"}"#);
        let json = serde_json::to_string(&JsonPath::new(Path::new("é"))).unwrap();
        assert_eq!(json, r#"{"path":"é"}"#);
        let none = JsonPath::named("digests", "digests_bytes", None);
        assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"digests":null}"#);
    }

    #[test]
    fn every_character_is_either_printable_or_escaped_with_printable_ones() {
        for char in ('\0'..=char::MAX).filter(|char| !is_printable_char(*char)) {
            assert!(escape(char).chars().all(|c| c.is_ascii_graphic()), "{char:?}");
            let escaped = text(char).to_string();
            assert_eq!(text(&escaped).to_string(), escaped, "{char:?}: escaped twice");
        }
    }

    #[test]
    fn a_servers_message_becomes_one_short_line() {
        let body = format!("<html>\r\n  <b>\u{1b}[31mno</b>\n{}", "x".repeat(5000));
        let line = line(body).to_string();
        assert!(line.starts_with("<html> <b>\\x1b[31mno</b> xxx"), "{line}");
        assert!(line.ends_with("x…"));
        assert!(line.chars().count() < 310);
    }

    #[test]
    fn passwords_and_signatures_are_never_printed() {
        for (url, printed) in [
            ("http://user:pa@ss@host/a.pack", "http://***@host/a.pack"),
            ("https://TOKEN@host:1/a", "https://***@host:1/a"),
            ("http://u:p@host", "http://***@host"),
            ("HTTPS://host/a?X-Amz-Signature=0", "HTTPS://host/a?***"),
            ("s3://bucket/what?.pack", "s3://bucket/what?.pack"),
            ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
            (
                "no (http://u:p@h/a?b=c) \"https://x:y@z\" yes",
                "no (http://***@h/a?***) \"https://***@z\" yes",
            ),
            ("://", "://"),
        ] {
            assert_eq!(text(url).to_string(), printed);
        }
        assert_eq!(shown("http://user:pass@host/a\n"), r"$'http://***@host/a\n'");
    }
}
