//! The errors of this crate: an error of the core or of the system, always with the
//! path.
//!
//! The text of an error leaves out its cause, which is its `source`; the
//! alternate form (`{:#}`) adds every cause.

// The paths also hold where a test includes this file.
#[path = "error/dictionary.rs"]
mod dictionary;
#[path = "error/set.rs"]
mod set;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack_core::error::{Cause, Fault, Section, Untrusted};

pub use dictionary::DictionaryError;
pub use set::{MemberNameFault, SetFault};

/// An error of this crate: the file, and what went wrong.
#[derive(Clone, Debug)]
pub struct Error {
    path: Arc<PathBuf>,
    kind: ErrorKind,
}

/// What went wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An error of the format: damage, a limit, misuse, an encoder that failed.
    Pack(sealpack_core::Error),
    /// The system returned an error.
    Io {
        /// The operation that failed.
        operation: IoOperation,
        /// The system's error.
        error: Arc<io::Error>,
    },
    /// A file exists at this path, and the options do not allow overwriting it.
    Exists,
    /// The path is not a regular file.
    NotAFile,
    /// The digest list next to the pack failed: the inner error has its path and
    /// kind.
    DigestList(Arc<Error>),
    /// The manifest of a set, or a member of it, is not what it should be.
    Set(SetFault),
    /// The file with the names of the pack's items failed: the inner error has its
    /// path and kind.
    NamesFile(Arc<Error>),
    /// The options cannot be combined, or one has no valid value.
    Options(OptionsError),
    /// The codec could not make an encoder.
    Encoder(Cause),
    /// The format id is not a known one and the records are not zstd frames:
    /// choose a codec with [`ReaderOptions::codec`](crate::ReaderOptions::codec).
    UnknownCodec {
        /// The format id of the pack.
        format_id: u32,
    },
    /// The program cancelled the writer.
    Cancelled,
    /// The writer has ended; an earlier call returned the error.
    Ended,
    /// A source, a sink or a value of the program panicked.
    Panicked(Cause),
}

/// The operation during which the system returned an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoOperation {
    /// Opening a pack.
    Opening,
    /// Reading these bytes of a pack.
    Reading {
        /// The first byte.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// Creating the temporary file next to a new file.
    Creating,
    /// Testing, with the empty temporary file, whether the file system can rename
    /// without replacing.
    TestingRename,
    /// Testing whether the existing file may be replaced.
    TestingReplacement,
    /// Writing a pack.
    Writing,
    /// Writing a digest list, or keeping the digests for it.
    WritingDigests,
    /// Making a file durable.
    Syncing,
    /// Renaming a finished file to its final name.
    Publishing,
    /// Making the name durable. The file is whole and has its final name; after a
    /// crash of the system the name may be missing.
    SyncingFolder,
    /// Removing a file that must not exist without another one.
    Removing,
    /// Starting a thread.
    Threading,
}

/// Options that cannot be combined, or have no valid value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsError {
    /// Zero items per record.
    ItemsPerRecord,
    /// A record checksum in the older dialect, which does not support one.
    RecordChecksumInOlderDialect,
    /// A digest list for a pack without content hash: no digests are computed.
    DigestsWithoutContentHash,
    /// A digest list for a pack that is written to a stream: the list is a file next to
    /// its pack.
    DigestListOfStream,
    /// A digest list together with a hash extract: the list proves whole items, but an
    /// extract hashes other bytes.
    DigestsWithExtract,
    /// Records whose form differs from that of the new pack: codec, items per record
    /// or record checksum.
    RecordForm,
    /// A [kept content hash](crate::RecordCopy::keep_content_hash) for a pack that is not
    /// exactly the copied one: other items, no content hash, or a digest list, which
    /// needs the digests of all records.
    KeptContentHash,
}

impl Error {
    pub(crate) fn new(path: &Arc<PathBuf>, kind: ErrorKind) -> Self {
        Self { path: Arc::clone(path), kind }
    }

    /// Makes an error of a set: of its manifest, or of a member.
    pub(crate) fn of_set(path: &Path, fault: SetFault) -> Self {
        Self::new(&Arc::new(path.to_path_buf()), ErrorKind::Set(fault))
    }

    /// Returns the path of the file that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Returns what differs from the caller's trusted hash, in the pack or in its digest
    /// list, if this is such an error.
    #[must_use]
    pub fn untrusted(&self) -> Option<&Untrusted> {
        match &self.kind {
            ErrorKind::Pack(sealpack_core::Error::Untrusted(untrusted)) => Some(untrusted),
            ErrorKind::DigestList(error) => error.untrusted(),
            _ => None,
        }
    }

    /// Returns the damaged section and its fault, if the file is corrupt.
    #[must_use]
    pub fn corruption(&self) -> Option<(Section, &Fault)> {
        match &self.kind {
            ErrorKind::Pack(sealpack_core::Error::Corrupt { section, fault }) => {
                Some((*section, fault))
            }
            _ => None,
        }
    }
}

impl ErrorKind {
    pub(crate) fn io(operation: IoOperation, error: io::Error) -> Self {
        Self::Io { operation, error: Arc::new(error) }
    }

    /// Returns the error that caused this one, if its text does not name it.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pack(error) => std::error::Error::source(error),
            Self::Io { error, .. } => Some(error.as_ref()),
            Self::Set(fault) => std::error::Error::source(fault),
            Self::DigestList(error) | Self::NamesFile(error) => error.kind.source(),
            Self::Encoder(cause) | Self::Panicked(cause) => Some(cause.get()),
            _ => None,
        }
    }

    /// Writes the text without the errors that caused this one.
    fn write_short(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(error) => write!(f, "{error}"),
            Self::Io { operation, .. } => write!(f, "{operation}"),
            Self::Exists => f.write_str("the file already exists"),
            Self::NotAFile => f.write_str("not a regular file"),
            Self::DigestList(error) => write!(f, "its digest list {error}"),
            Self::Set(fault) => write!(f, "{fault}"),
            Self::NamesFile(error) => write!(f, "its names file {error}"),
            Self::Options(error) => write!(f, "{error}"),
            Self::Encoder(_) => f.write_str("the codec cannot make an encoder"),
            Self::UnknownCodec { format_id } => write!(
                f,
                "no codec is known for format id {format_id}, and the records are not zstd frames"
            ),
            Self::Panicked(_) => f.write_str("code supplied by the program failed"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Ended => f.write_str("the writer has stopped after an earlier error"),
        }
    }
}

impl From<sealpack_core::Error> for ErrorKind {
    fn from(error: sealpack_core::Error) -> Self {
        Self::Pack(error)
    }
}

/// The alternate form (`{:#}`) adds the errors that caused this one.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        self.kind.fmt(f)
    }
}

/// The alternate form (`{:#}`) adds the errors that caused this one.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_short(f)?;
        if !f.alternate() {
            return Ok(());
        }
        let mut next = self.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for IoOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening => f.write_str("cannot open"),
            Self::Reading { offset, length } => {
                write!(f, "cannot read {length} bytes at {offset}")
            }
            Self::Creating => f.write_str("cannot create a file in this folder"),
            Self::TestingRename => f.write_str(
                "this file system cannot rename a file without replacing an existing one",
            ),
            Self::TestingReplacement => f.write_str("the existing file cannot be replaced"),
            Self::Writing => f.write_str("cannot write"),
            Self::WritingDigests => f.write_str("cannot write the digests of the records"),
            Self::Syncing => f.write_str("fsync failed"),
            Self::SyncingFolder => {
                f.write_str("the file is in place, but the fsync of its folder failed")
            }
            Self::Publishing => f.write_str("cannot rename the finished file to its final name"),
            Self::Removing => f.write_str("cannot remove the file"),
            Self::Threading => f.write_str("cannot start a thread"),
        }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ItemsPerRecord => f.write_str("items per record must be at least 1"),
            Self::RecordChecksumInOlderDialect => {
                f.write_str("the dialect without app data checksum has no record checksum")
            }
            Self::DigestsWithoutContentHash => f.write_str(
                "a digest list needs the digests of the content hash: store a content hash too",
            ),
            Self::DigestListOfStream => f.write_str(
                "a digest list is a file next to its pack: a pack in a stream cannot have one",
            ),
            Self::RecordForm => f.write_str(
                "these records cannot be copied without re-encoding: the packs differ in codec, \
                 dictionary, items per record or record checksum",
            ),
            Self::KeptContentHash => f.write_str(
                "a content hash can only be kept in a pack that consists of exactly the items of \
                 the pack it comes from, and has no digest list",
            ),
            Self::DigestsWithExtract => f.write_str(
                "a digest list proves whole items, but a hash extract hashes only a part of them",
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

/// A system error keeps its kind; any other error gets the kind that fits best,
/// with this error inside.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(io_kind(&error.kind), error)
    }
}

fn io_kind(kind: &ErrorKind) -> io::ErrorKind {
    use sealpack_core::Error as PackError;
    match kind {
        ErrorKind::Io { error, .. } => error.kind(),
        ErrorKind::Exists => io::ErrorKind::AlreadyExists,
        ErrorKind::NotAFile | ErrorKind::Options(_) => io::ErrorKind::InvalidInput,
        ErrorKind::DigestList(error) => io_kind(&error.kind),
        ErrorKind::Set(fault) if fault.is_misuse() => io::ErrorKind::InvalidInput,
        ErrorKind::Set(_) => io::ErrorKind::InvalidData,
        ErrorKind::Pack(PackError::Corrupt { .. } | PackError::Untrusted(_)) => {
            io::ErrorKind::InvalidData
        }
        ErrorKind::Pack(PackError::Misuse(_)) => io::ErrorKind::InvalidInput,
        ErrorKind::UnknownCodec { .. } => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    }
}
