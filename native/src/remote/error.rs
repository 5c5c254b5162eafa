//! Errors of object stores.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, IoOperation};

/// An error of a store, inside [`ErrorKind::Io`]: see [`Error::store`].
#[derive(Clone, Debug)]
pub struct StoreError {
    fault: StoreFault,
    source: Option<Arc<object_store::Error>>,
    /// The error of aborting the failed upload, if that failed too.
    abort_failure: Option<Arc<object_store::Error>>,
}

/// A server's refusal with a precise fault, for programs that implement their own
/// `HttpConnector` for a store. As the source of an `HttpError`, it determines the
/// fault of the [`StoreError`], and its text if the fault is [`StoreFault::Other`].
#[derive(Clone, Debug)]
pub struct ServerRefusal {
    fault: StoreFault,
    message: String,
}

impl ServerRefusal {
    /// Makes a refusal with this fault and this message.
    pub fn new(fault: StoreFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }

    /// Returns the fault that the error will have.
    #[must_use]
    pub fn fault(&self) -> StoreFault {
        self.fault
    }
}

impl fmt::Display for ServerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServerRefusal {}

/// The reason why a store did not perform a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// The object is no longer the version that was opened: it was replaced, or grew.
    Changed,
    /// The ETag differs from that of the version that was opened, but size and date are
    /// the same. Either the object was replaced within a second, or several servers
    /// behind one name have different ETags for one file: see
    /// [`Location::without_e_tags`](super::Location::without_e_tags).
    ETagChanged,
    /// The server compresses its responses (`Content-Encoding`), so a byte range of a
    /// response is not a range of the object.
    Encoded,
    /// The server sent more or fewer bytes than requested.
    WrongLength {
        /// The number of bytes requested.
        asked: u64,
        /// The number of bytes received.
        sent: u64,
    },
    /// There is no such object, or no such bucket.
    NotFound,
    /// There are no credentials, or the store does not accept them.
    Unauthenticated,
    /// The credentials do not allow the request. Some stores also answer like this
    /// for a missing object if the credentials do not allow listing.
    Denied,
    /// The store refuses requests whose date differs too much from its own: the
    /// clock of this machine or of the store is wrong.
    ClockSkew,
    /// The server does not support range requests.
    NoRanges,
    /// The server sent a web page instead of the file, perhaps a login page.
    WebPage,
    /// The store does not support conditional writes (`If-None-Match`).
    NoConditions,
    /// The store does not support the request at all, such as a write to a plain
    /// web server.
    Unsupported,
    /// An object of this name exists.
    Exists,
    /// The store refused the request because another one for the same name was in
    /// progress, and no object has that name.
    Conflict,
    /// The upload no longer exists in the store: it was aborted or completed by another
    /// program, or has expired.
    UploadGone,
    /// The response to a write was lost, and its outcome could not be determined.
    Unknown,
    /// The pack is larger than 10,000 parts, the most that a store takes.
    TooManyParts {
        /// The size of a part, in bytes.
        part_size: u64,
    },
    /// The runtime has no worker threads, so a blocking call would wait forever.
    NoWorkers,
    /// The upload was aborted, or the runtime shut down.
    Aborted,
    /// A task on the runtime panicked, perhaps in the store's client.
    Panicked,
    /// Any other error: the network, the server, the configuration.
    Other,
}

impl StoreError {
    pub(super) fn new(fault: StoreFault) -> Self {
        Self { fault, source: None, abort_failure: None }
    }

    /// Makes the error for a task that panicked with this message.
    pub(super) fn panicked(message: &str) -> Self {
        let source = object_store::Error::Generic { store: "task", source: message.into() };
        Self { source: Some(Arc::new(source)), ..Self::new(StoreFault::Panicked) }
    }

    /// Makes the error of a failed read.
    pub(super) fn reading(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let fault = match &error {
            E::Precondition { .. } | E::NotModified { .. } => StoreFault::Changed,
            E::NotSupported { .. } | E::NotImplemented { .. } => StoreFault::NoRanges,
            error => fault(error),
        };
        Self { source: Some(Arc::new(error)), ..Self::new(fault) }
    }

    /// Makes the error of a failed write.
    pub(super) fn writing(error: object_store::Error) -> Self {
        let fault = fault(&error);
        Self { source: Some(Arc::new(error)), ..Self::new(fault) }
    }

    /// Makes the error of completing an upload. If the store does not find the upload, it
    /// may already be completed.
    pub(super) fn completing(error: object_store::Error) -> Self {
        let error = Self::writing(error);
        let fault = match error.fault {
            StoreFault::NotFound => StoreFault::UploadGone,
            fault => fault,
        };
        Self { fault, ..error }
    }

    /// Returns whether it is certain that the store did not perform the write.
    pub(super) fn is_certainly_not_written(&self) -> bool {
        use StoreFault as F;
        let certain = [F::NotFound, F::Unauthenticated, F::Denied, F::ClockSkew, F::Unsupported];
        certain.contains(&self.fault) || matches!(self.fault, F::NoConditions | F::Aborted)
    }

    /// Turns [`StoreFault::Exists`] into [`StoreFault::Conflict`], because a look-up found
    /// that the name is free, or because it may be replaced.
    pub(super) fn exists_as_conflict(self) -> Self {
        let fault = match self.fault {
            StoreFault::Exists => StoreFault::Conflict,
            fault => fault,
        };
        Self { fault, ..self }
    }

    /// Turns the error into that of a write whose outcome could not be determined.
    pub(super) fn outcome_unknown(self) -> Self {
        Self { fault: StoreFault::Unknown, ..self }
    }

    /// Adds the error of aborting the upload.
    pub(super) fn with_abort_failure(self, refused: object_store::Error) -> Self {
        Self { abort_failure: Some(Arc::new(refused)), ..self }
    }

    /// Returns the error of the store's client, if there is one.
    #[must_use]
    pub fn client_error(&self) -> Option<&object_store::Error> {
        self.source.as_deref()
    }

    /// Returns why a failed upload could not be aborted either. Its parts then stay in the
    /// store, and cost money, until a lifecycle rule or an operator removes them.
    #[must_use]
    pub fn abort_failure(&self) -> Option<&object_store::Error> {
        self.abort_failure.as_deref()
    }

    /// Returns the store's error, if the error comes from a store.
    pub(super) fn find_in(kind: &ErrorKind) -> Option<&Self> {
        match kind {
            ErrorKind::Io { error, .. } => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// Returns the reason.
    #[must_use]
    pub fn fault(&self) -> StoreFault {
        self.fault
    }

    /// Writes `text`, and the store's error code (`NoSuchBucket`,
    /// `SignatureDoesNotMatch`) if the response contains one. For people only.
    fn fmt_with_code(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text)?;
        let response = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        let code = response.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        match code {
            Some((code, _)) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }

    pub(super) fn during(self, operation: IoOperation) -> ErrorKind {
        if self.fault == StoreFault::Exists {
            return ErrorKind::Exists;
        }
        let kind = match self.fault {
            StoreFault::NotFound => io::ErrorKind::NotFound,
            StoreFault::Unauthenticated | StoreFault::Denied | StoreFault::ClockSkew => {
                io::ErrorKind::PermissionDenied
            }
            StoreFault::NoRanges | StoreFault::Unsupported => io::ErrorKind::Unsupported,
            StoreFault::Aborted => io::ErrorKind::ConnectionAborted,
            _ => io::ErrorKind::Other,
        };
        ErrorKind::io(operation, io::Error::new(kind, self))
    }
}

fn fault(error: &object_store::Error) -> StoreFault {
    use object_store::Error as E;
    if let Some(refusal) = sources(error).find_map(|error| error.downcast_ref::<ServerRefusal>()) {
        return refusal.fault;
    }
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
        self.fmt_fault(f)?;
        match &self.abort_failure {
            Some(error) => {
                let why = innermost(error.as_ref());
                write!(f, "; the parts of its upload remain because it could not be aborted: {why}")
            }
            None => Ok(()),
        }
    }
}

impl StoreError {
    fn fmt_fault(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            StoreFault::Changed => f.write_str("the object has changed since it was opened"),
            StoreFault::ETagChanged => f.write_str(
                "the object's ETag has changed since it was opened, but its size and date have not",
            ),
            StoreFault::Encoded => {
                f.write_str("the server compresses its responses, so byte ranges of the object cannot be read")
            }
            StoreFault::WrongLength { asked, sent } => {
                write!(f, "the server sent {sent} bytes instead of {asked}")
            }
            StoreFault::NotFound => self.fmt_with_code("there is no such object", f),
            StoreFault::Unauthenticated => {
                self.fmt_with_code("the store does not accept the credentials", f)
            }
            StoreFault::Denied => self.fmt_with_code("the store denies access", f),
            StoreFault::ClockSkew => f.write_str(
                "the store refuses the date of the request: its clock differs from that of this machine",
            ),
            StoreFault::WebPage => f.write_str("the server sent a web page instead of the file"),
            StoreFault::NoConditions => {
                f.write_str("the store does not support conditional writes (If-None-Match)")
            }
            StoreFault::NoRanges => f.write_str("the server does not support range requests"),
            StoreFault::Unsupported => f.write_str("the store does not support this operation"),
            StoreFault::Exists => f.write_str("the object already exists"),
            StoreFault::Conflict => f.write_str("another request for this name was in progress"),
            StoreFault::UploadGone => {
                self.fmt_with_code("the upload no longer exists in the store", f)
            }
            StoreFault::Unknown => {
                write!(f, "it is not known whether the object was written: {}", self.reason())
            }
            StoreFault::TooManyParts { part_size } => write!(
                f,
                "the pack is larger than {MAX_PARTS} parts of {part_size} bytes, \
                 the most that a store accepts"
            ),
            StoreFault::NoWorkers => f.write_str("the runtime has no worker threads"),
            StoreFault::Aborted => f.write_str("the upload was aborted"),
            StoreFault::Panicked => write!(f, "a task panicked: {}", self.reason()),
            StoreFault::Other => f.write_str(&self.reason()),
        }
    }

    /// Returns what went wrong, in the words of the client or the server.
    fn reason(&self) -> String {
        let source = self.source.as_ref().map(|source| innermost(source.as_ref()));
        source.unwrap_or_else(|| "the store gave an unexpected response".into())
    }
}

/// The most parts of an upload, in any of the stores.
pub(super) const MAX_PARTS: u32 = 10_000;

/// Returns an error and the chain of its sources.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns the text of the innermost source; or that of an outer one which repeats it,
/// up to `object_store`'s own text.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let texts: Vec<String> = sources(error).map(ToString::to_string).collect();
    let mut texts = texts.into_iter().skip(usize::from(error.source().is_some())).rev();
    let mut text = texts.next().unwrap_or_default();
    for outer in texts {
        if !outer.contains(&text) || outer.starts_with("Error performing") {
            break;
        }
        text = outer;
    }
    one_line(&text)
}

/// Returns the beginning of a server's text, on one line.
fn one_line(text: &str) -> String {
    const MAX: usize = 300;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// No source: the text already contains the error of the store's client.
impl std::error::Error for StoreError {}

impl Error {
    /// Returns the object store's error, if the error comes from a store.
    #[must_use]
    pub fn store(&self) -> Option<&StoreError> {
        StoreError::find_in(self.kind())
    }
}

/// Makes the error of an upload that was aborted, or of a task that ended without a
/// result because the runtime was shut down.
pub(super) fn aborted() -> StoreError {
    StoreError::new(StoreFault::Aborted)
}
