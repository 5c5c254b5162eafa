//! The errors of others: of a codec, of the caller's extract.

use alloc::sync::Arc;
use core::fmt;

/// What an encoder, a decoder or an extract said; shared, so that the first
/// error can be told more than once.
#[derive(Clone)]
pub struct Cause(Repr);

/// TextCause are kept as words: where causes are never anything else, nothing of
/// an error's formatting is compiled.
#[derive(Clone)]
enum Repr {
    TextCause(TextCause),
    Error(Arc<dyn core::error::Error + Send + Sync>),
}

impl Cause {
    /// Takes any error.
    pub fn new(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Self(Repr::Error(Arc::new(error)))
    }

    /// Takes a sentence, for codecs whose errors are only words.
    #[must_use]
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self(Repr::TextCause(TextCause(text.into())))
    }

    /// The error as it was.
    #[must_use]
    pub fn get(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        match &self.0 {
            Repr::TextCause(words) => words,
            Repr::Error(error) => &**error,
        }
    }

    /// The sentence that [`text`](Self::text) was given; `None` of an error.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::TextCause(TextCause(text)) => Some(text),
            Repr::Error(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
struct TextCause(Arc<str>);

impl fmt::Display for TextCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for TextCause {}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.get(), f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.get(), f)
    }
}
