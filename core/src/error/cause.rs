//! Errors that come from outside core: from a codec or the caller's extract.

use alloc::sync::Arc;
use core::fmt;

/// The error of an encoder, a decoder or an extract. It is shared, so that the
/// first error can be returned more than once.
#[derive(Clone)]
pub struct Cause(Repr);

/// Text is kept as text: a build in which causes are always text then contains
/// no error formatting code.
#[derive(Clone)]
enum Repr {
    Text(TextCause),
    Error(Arc<dyn core::error::Error + Send + Sync>),
}

impl Cause {
    /// Wraps any error.
    pub fn new(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Self(Repr::Error(Arc::new(error)))
    }

    /// Wraps a message, for codecs whose errors are only text.
    #[must_use]
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self(Repr::Text(TextCause(text.into())))
    }

    /// The original error.
    #[must_use]
    pub fn get(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        match &self.0 {
            Repr::Text(text) => text,
            Repr::Error(error) => &**error,
        }
    }

    /// The message given to [`text`](Self::text); `None` for any other error.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(TextCause(text)) => Some(text),
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
