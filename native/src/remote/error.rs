//! What a store refused, and why.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Doing, Error, ErrorKind};

/// What a store said, behind [`ErrorKind::Io`]: see [`Error::store`].
#[derive(Clone, Debug)]
pub struct StoreError {
    fault: StoreFault,
    source: Option<Arc<object_store::Error>>,
}

/// Why a store did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// The object is not the one that was opened: it was replaced, or grew.
    Changed,
    /// There is no such object, or no such bucket.
    NotFound,
    /// No credentials, or none that the store knows.
    Unauthenticated,
    /// The credentials do not allow it. Stores that hide what is not there
    /// from those who may not list answer so too.
    Denied,
    /// The server sends whole files only.
    NoRanges,
    /// The store cannot do it at all: a plain web server that is written to.
    Unsupported,
    /// There is an object of this name.
    Exists,
    /// The pack is larger than 10,000 parts, which is all that a store takes.
    TooManyParts {
        /// The size of a part, in bytes.
        part_size: u64,
    },
    /// The runtime has no threads of its own, so waiting for it would not end.
    NoWorkers,
    /// The upload was aborted, or the runtime shut down.
    Aborted,
    /// Something else: the network, the server, the configuration.
    Other,
}

impl StoreError {
    pub(super) fn new(fault: StoreFault) -> Self {
        Self { fault, source: None }
    }

    /// What a store says of reading.
    pub(super) fn reading(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let fault = match &error {
            E::Precondition { .. } | E::NotModified { .. } => StoreFault::Changed,
            E::NotSupported { .. } | E::NotImplemented { .. } => StoreFault::NoRanges,
            error => fault(error),
        };
        Self { fault, source: Some(Arc::new(error)) }
    }

    /// What a store says of writing.
    pub(super) fn writing(error: object_store::Error) -> Self {
        Self { fault: fault(&error), source: Some(Arc::new(error)) }
    }

    /// Why.
    #[must_use]
    pub fn fault(&self) -> StoreFault {
        self.fault
    }

    /// `text`, and the store's own code for it (`NoSuchBucket`,
    /// `SignatureDoesNotMatch`), where its answer has one. For people alone.
    fn fmt_with_code(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text)?;
        let said = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        let code = said.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        match code {
            Some((code, _)) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }

    pub(super) fn while_doing(self, doing: Doing) -> ErrorKind {
        if self.fault == StoreFault::Exists {
            return ErrorKind::Exists;
        }
        let kind = match self.fault {
            StoreFault::NotFound => io::ErrorKind::NotFound,
            StoreFault::Unauthenticated | StoreFault::Denied => io::ErrorKind::PermissionDenied,
            StoreFault::NoRanges | StoreFault::Unsupported => io::ErrorKind::Unsupported,
            StoreFault::Aborted => io::ErrorKind::ConnectionAborted,
            _ => io::ErrorKind::Other,
        };
        ErrorKind::io(doing, io::Error::new(kind, self))
    }
}

fn fault(error: &object_store::Error) -> StoreFault {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => StoreFault::NotFound,
        E::Unauthenticated { .. } => StoreFault::Unauthenticated,
        E::PermissionDenied { .. } => StoreFault::Denied,
        E::AlreadyExists { .. } | E::Precondition { .. } => StoreFault::Exists,
        E::NotSupported { .. } | E::NotImplemented { .. } => StoreFault::Unsupported,
        _ => StoreFault::Other,
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            StoreFault::Changed => f.write_str("the object has changed since it was opened"),
            StoreFault::NotFound => self.fmt_with_code("there is no such object", f),
            StoreFault::Unauthenticated => {
                self.fmt_with_code("the store wants other credentials", f)
            }
            StoreFault::Denied => self.fmt_with_code("the store does not allow it", f),
            StoreFault::NoRanges => f.write_str("the server sends whole files only"),
            StoreFault::Unsupported => f.write_str("the store cannot do this"),
            StoreFault::Exists => f.write_str("there is an object of this name already"),
            StoreFault::TooManyParts { part_size } => write!(
                f,
                "the pack is larger than {MOST_PARTS} parts of {part_size} bytes, \
                 which is all that a store takes"
            ),
            StoreFault::NoWorkers => f.write_str("the runtime has no worker threads"),
            StoreFault::Aborted => f.write_str("the upload was aborted"),
            StoreFault::Other => match &self.source {
                Some(source) => fmt_whole(source.as_ref(), f),
                None => f.write_str("the store does not answer as it should"),
            },
        }
    }
}

/// The most parts of an upload, in any of the stores.
pub(super) const MOST_PARTS: u32 = 10_000;

/// An error with what is behind it, unless it says so itself.
fn fmt_whole(error: &dyn std::error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let behind = error.to_string();
        if !text.contains(&behind) {
            text = format!("{text}: {behind}");
        }
        source = error.source();
    }
    f.write_str(&text)
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Error {
    /// What the object store said, where the error comes from one.
    #[must_use]
    pub fn store(&self) -> Option<&StoreError> {
        match self.kind() {
            ErrorKind::Io { error, .. } => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }
}

/// A task on a runtime that ended without an answer: the runtime is being shut
/// down.
pub(super) fn no_answer() -> StoreError {
    StoreError::new(StoreFault::Aborted)
}
