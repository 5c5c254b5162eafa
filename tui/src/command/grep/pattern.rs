//! The pattern arguments, and the matcher that they make.

use grep_regex::{RegexMatcher, RegexMatcherBuilder};

use crate::outcome::Failure;

/// The arguments that say what matches.
#[derive(clap::Args, Debug)]
pub struct PatternArgs {
    /// A pattern; may be given several times: a line matches if any of them does
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN", allow_hyphen_values = true)]
    regexps: Vec<String>,
    /// The pattern is text, not a regular expression
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Ignore the case of letters
    #[arg(short, long, conflicts_with = "smart_case")]
    ignore_case: bool,
    /// Ignore the case of letters unless the pattern has an upper-case one
    #[arg(short = 'S', long)]
    smart_case: bool,
    /// Match whole words only
    #[arg(short, long)]
    word_regexp: bool,
    /// Match whole lines only
    #[arg(short = 'x', long)]
    line_regexp: bool,
    /// Select the lines that do not match
    #[arg(short = 'v', long = "invert-match")]
    pub inverted: bool,
}

impl PatternArgs {
    /// Returns whether the patterns are given with -e.
    pub fn are_options(&self) -> bool {
        !self.regexps.is_empty()
    }

    /// Makes the matcher of these patterns, or of `argument` if there are none. It
    /// never matches a newline.
    ///
    /// # Errors
    /// [`Failure::Usage`] if a pattern is not a regular expression.
    pub fn matcher(&self, argument: Option<&str>) -> Result<RegexMatcher, Failure> {
        let given = self.regexps.iter().map(String::as_str);
        let patterns: Vec<&str> = given.chain(argument).collect();
        RegexMatcherBuilder::new()
            .case_insensitive(self.ignore_case)
            .case_smart(self.smart_case)
            .fixed_strings(self.fixed_strings)
            .word(self.word_regexp)
            .whole_line(self.line_regexp)
            .multi_line(true)
            .line_terminator(Some(b'\n'))
            .build_many(&patterns)
            .map_err(|error| {
                let advice = if self.fixed_strings { "" } else { "\n-F searches for it as text" };
                Failure::usage(format!("the pattern: {error}{advice}"))
            })
    }
}
