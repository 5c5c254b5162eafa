//! The errors of others: of a codec, of the caller's extract.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// What an encoder, a decoder or an extract said; shared, so that the first
/// error can be told more than once.
#[derive(Clone)]
pub struct Cause(Arc<dyn core::error::Error + Send + Sync>);

impl Cause {
    /// Takes any error.
    pub fn new(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// Takes a sentence, for codecs whose errors are only words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Text(text.into()))
    }

    /// The error as it was.
    #[must_use]
    pub fn get(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

#[derive(Debug)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Text {}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
