//! Patterns for the names of items, like those of a shell for files.

use std::ffi::OsString;

use globset::{Candidate, GlobBuilder, GlobMatcher};

use crate::outcome::Failure;
use crate::printable;

/// A set of patterns. A name matches if it matches any of them.
#[derive(Debug)]
pub struct NamePatterns {
    patterns: Vec<NamePattern>,
}

#[derive(Debug)]
struct NamePattern {
    text: Vec<u8>,
    form: PatternForm,
    has_matched: bool,
}

#[derive(Debug)]
enum PatternForm {
    /// A name, or a folder with everything in it.
    Literal(Vec<u8>),
    Glob(Box<GlobMatcher>),
}

impl NamePatterns {
    /// Parses patterns. `*` and `?` match within a component, `**` across components. A
    /// pattern without any of `*?[{\` is a name or a folder; one that ends in `/` is a
    /// folder.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn parse(patterns: &[OsString]) -> Result<Self, Failure> {
        let parse = |pattern: &OsString| NamePattern::parse(pattern.as_encoded_bytes());
        Ok(Self { patterns: patterns.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// Returns whether there is no pattern, so that every item matches.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether a name matches a pattern, or there is none.
    pub fn matches(&mut self, name: &[u8]) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        if name.is_empty() {
            return false;
        }
        let candidate = Candidate::from_bytes(name);
        let mut matched = false;
        for pattern in &mut self.patterns {
            if pattern.form.matches(name, &candidate) {
                pattern.has_matched = true;
                matched = true;
            }
        }
        matched
    }

    /// Returns the patterns that have matched no name so far.
    pub fn unmatched(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().filter(|pattern| !pattern.has_matched).map(|pattern| &pattern.text[..])
    }
}

impl NamePattern {
    fn parse(text: &[u8]) -> Result<Self, Failure> {
        let pattern = text.strip_prefix(b"./").unwrap_or(text);
        let folder = pattern.strip_suffix(b"/");
        let form = if pattern.iter().any(|byte| b"*?[{\\".contains(byte)) {
            let refused = |why: &dyn std::fmt::Display| {
                Failure::usage(format!("the pattern {}: {why}", printable::name(text)))
            };
            let glob = std::str::from_utf8(folder.unwrap_or(pattern))
                .map_err(|_| refused(&"a pattern with wildcards must be UTF-8"))?;
            let glob = if folder.is_some() { format!("{glob}/**") } else { glob.into() };
            let glob =
                GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
            PatternForm::Glob(Box::new(
                glob.map_err(|error| refused(error.kind()))?.compile_matcher(),
            ))
        } else {
            PatternForm::Literal(folder.unwrap_or(pattern).to_vec())
        };
        Ok(Self { text: text.to_vec(), form, has_matched: false })
    }
}

impl PatternForm {
    fn matches(&self, name: &[u8], candidate: &Candidate<'_>) -> bool {
        match self {
            Self::Literal(literal) => name
                .strip_prefix(literal.as_slice())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
            Self::Glob(glob) => glob.is_match_candidate(candidate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = [
        "a.rs",
        ".hidden",
        "src/lib.rs",
        "src/sub/mod.rs",
        "src/sub/x.txt",
        "srcs/a",
        "[a]",
        "a\nb",
        "tests/lib.rs",
    ];

    fn matched(pattern: &str) -> Vec<&'static str> {
        let mut patterns = NamePatterns::parse(&[pattern.into()]).unwrap();
        NAMES.into_iter().filter(|name| patterns.matches(name.as_bytes())).collect()
    }

    #[test]
    fn patterns_match_as_a_shell_expands_them() {
        for (pattern, expected) in [
            ("*.rs", &["a.rs"][..]),
            ("*", &["a.rs", ".hidden", "[a]", "a\nb"]),
            ("*/*.rs", &["src/lib.rs", "tests/lib.rs"]),
            ("**/*.rs", &["a.rs", "src/lib.rs", "src/sub/mod.rs", "tests/lib.rs"]),
            ("src/**", &["src/lib.rs", "src/sub/mod.rs", "src/sub/x.txt"]),
            ("s?c/[l-m]ib.rs", &["src/lib.rs"]),
            ("{src,tests}/lib.rs", &["src/lib.rs", "tests/lib.rs"]),
            ("\\[a\\]", &["[a]"]),
            ("s*/sub/", &["src/sub/mod.rs", "src/sub/x.txt"]),
            ("nothing*", &[]),
        ] {
            assert_eq!(matched(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_without_wildcards_is_a_name_or_a_folder_with_everything_in_it() {
        assert_eq!(matched("src"), ["src/lib.rs", "src/sub/mod.rs", "src/sub/x.txt"]);
        assert_eq!(matched("src/sub/"), ["src/sub/mod.rs", "src/sub/x.txt"]);
        assert_eq!(matched("./src/lib.rs"), ["src/lib.rs"]);
        assert!(matched("lib.rs").is_empty() && matched("sr").is_empty());
    }

    #[test]
    fn names_that_are_not_utf_8_match_byte_by_byte() {
        let mut patterns = NamePatterns::parse(&["a?b/*".into(), "none*".into()]).unwrap();
        assert!(patterns.matches(b"a\xffb/\xfe\x80"));
        assert!(!patterns.matches(b"a\xff\xffb/x/y"));
        assert!(!patterns.matches(b""));
        assert_eq!(patterns.unmatched().collect::<Vec<_>>(), [b"none*"]);
        assert!(NamePatterns::parse(&["a[".into()]).is_err());
    }
}
