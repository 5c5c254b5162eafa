//! Results, errors and exit statuses of commands. Scripts rely on the exit status.
//!
//! | status | meaning |
//! | --- | --- |
//! | 0 | success |
//! | 1 | a pack is corrupt, did not verify, or does not match the trusted hash; two packs differ |
//! | 2 | wrong usage, for example a position outside the pack |
//! | 3 | any other error: a missing file, a full disk |
//!
//! A closed pipe (`sealpack cat x.pack | head`) ends the command silently by
//! `SIGPIPE`, as it ends `cat` and `sort`; a shell shows that as 141.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use sealpack::core::Error as PackError;
use sealpack::core::error::{DecodeError, Fault, Limit, Misuse};
use sealpack::{DictionaryError, ErrorKind};

use crate::printable;

/// The result of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Nothing is wrong.
    Fine,
    /// Something is wrong, and it was reported.
    Reported(Status),
}

impl From<CommandOutcome> for ExitCode {
    fn from(outcome: CommandOutcome) -> Self {
        match outcome {
            CommandOutcome::Fine => Self::SUCCESS,
            CommandOutcome::Reported(status) => Self::from(status as u8),
        }
    }
}

/// The exit statuses that are not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A pack is corrupt, did not verify, or does not match the trusted hash; or
    /// two packs differ.
    Broken = 1,
    /// Wrong usage.
    Usage = 2,
    /// Any other error.
    Other = 3,
}

/// The error of a command that failed.
#[derive(Debug)]
pub enum Failure {
    /// A pack could not be written or read.
    Pack(sealpack::Error),
    /// The pack that is being written refused an item.
    Item {
        /// The input that the item came from.
        input: Input,
        /// The reason.
        error: sealpack::core::Error,
    },
    /// The data of a pack is wrong. The error comes from the command's own checks, not from
    /// the reader.
    PackData {
        /// The pack.
        path: PathBuf,
        /// The error.
        error: PackError,
    },
    /// A pack has no item at the requested position.
    Position {
        /// The pack.
        path: PathBuf,
        /// The request.
        misuse: Misuse,
    },
    /// An item that is being packed cannot be read.
    Input {
        /// The input.
        input: Input,
        /// The system's error.
        error: io::Error,
    },
    /// A file or folder that is not an item of a pack cannot be used.
    File {
        /// The file.
        path: Input,
        /// The operation that failed, in words: `cannot read`.
        operation: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// A file was changed while it was packed.
    Changed {
        /// The file.
        input: Input,
        /// Its size when it was opened, in bytes.
        before: u64,
        /// Its size after it was read.
        after: u64,
    },
    /// The framing of an input ends within an item.
    Framing {
        /// The input.
        input: Input,
        /// The offset of the broken frame, in bytes.
        offset: u64,
        /// The size that the frame claims, its length field included, in bytes.
        claimed: u64,
        /// The bytes that remain in the input.
        found: u64,
    },
    /// A dictionary cannot be used or trained.
    Dictionary {
        /// The file that it is in, if any.
        path: Option<Input>,
        /// Why.
        error: DictionaryError,
    },
    /// Wrong usage that the argument parser cannot detect.
    Usage(Cow<'static, str>),
    /// An object whose key the client cannot express.
    #[cfg(feature = "remote")]
    Object {
        /// Its name.
        name: PathBuf,
        /// The reason.
        why: String,
    },
    /// The runtime for requests cannot be started, or a task on it panicked.
    #[cfg(feature = "remote")]
    Runtime(io::Error),
    /// The system allows no more threads.
    Threads(io::Error),
    /// The handler of the signals that end the process cannot be installed.
    Signals(io::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// The terminal of `inspect` or `step` failed, or was closed.
    Terminal(io::Error),
}

/// A source of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Standard,
    /// A file or a folder.
    Path(PathBuf),
    /// A member of a tar archive: the archive, and the name of the member.
    Member(Box<Input>, Vec<u8>),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard input"),
            Self::Path(path) => write!(f, "{}", printable::path(path)),
            Self::Member(archive, name) => {
                write!(f, "{archive}, member {}", printable::name(name))
            }
        }
    }
}

impl From<sealpack::Error> for Failure {
    fn from(error: sealpack::Error) -> Self {
        Self::Pack(error)
    }
}

impl Failure {
    /// Creates an error about wrong usage that the argument parser does not detect.
    pub fn usage(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Usage(message.into())
    }

    /// Returns the exit status.
    pub fn status(&self) -> Status {
        match self {
            Self::Pack(error) => status_of(error.kind()),
            Self::PackData { error, .. } => status_of_data(error),
            Self::Usage(_)
            | Self::Position { .. }
            | Self::Dictionary { error: DictionaryError::Size { .. }, .. } => Status::Usage,
            _ => Status::Other,
        }
    }
}

fn status_of(kind: &ErrorKind) -> Status {
    match kind {
        ErrorKind::Pack(error) => status_of_data(error),
        ErrorKind::DigestList(error) => status_of(error.kind()),
        ErrorKind::Set(fault) if fault.is_misuse() => Status::Usage,
        ErrorKind::Set(_) => Status::Broken,
        ErrorKind::Options(_) => Status::Usage,
        _ => Status::Other,
    }
}

fn status_of_data(error: &PackError) -> Status {
    match error {
        // The pack may be sound.
        PackError::Corrupt {
            fault: Fault::Decode(DecodeError::MissingDictionary { .. }), ..
        } => Status::Other,
        // A sound pack never exceeds the limits of a reader.
        PackError::Corrupt { .. }
        | PackError::Untrusted(_)
        | PackError::Limit(
            Limit::Decoded { .. } | Limit::PackItems { .. } | Limit::SingleAllocation { .. },
        ) => Status::Broken,
        PackError::Misuse(_) => Status::Usage,
        _ => Status::Other,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(error) => fmt_pack_error(error, f),
            Self::PackData { path, error } => write!(f, "{}: {error:#}", printable::path(path)),
            Self::Item { input, error } => write!(f, "{input}: {error:#}"),
            Self::Position { path, misuse } => write!(f, "{}: {misuse}", printable::path(path)),
            Self::Input { input, error } => write!(f, "{input}: {error}"),
            Self::Changed { input, before, after } if before == after => {
                write!(f, "{input}: the file was modified while it was packed")
            }
            Self::Changed { input, before, after } => write!(
                f,
                "{input}: the file changed while it was packed: {before} bytes before, {after} after"
            ),
            Self::File { path, operation, error } => write!(f, "{path}: {operation}: {error}"),
            Self::Framing { input, offset, claimed, found } => write!(
                f,
                "{input}: the item at byte {offset} claims {claimed} bytes, but only {found} are left"
            ),
            Self::Dictionary { path: Some(path), error } => write!(f, "{path}: {error}"),
            Self::Dictionary { path: None, error } => error.fmt(f),
            Self::Usage(message) => f.write_str(message),
            #[cfg(feature = "remote")]
            Self::Object { name, why } => write!(f, "{}: {why}", printable::path(name)),
            #[cfg(feature = "remote")]
            Self::Runtime(error) => write!(f, "cannot send requests: {error}"),
            Self::Threads(error) => write!(f, "cannot start a thread: {error}"),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::Terminal(error) => write!(f, "the terminal: {error}"),
        }
    }
}

/// Formats the error of a pack. A server's message becomes one short line.
fn fmt_pack_error(error: &sealpack::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}: ", printable::path(error.path()))?;
    match error.kind() {
        ErrorKind::DigestList(list) => {
            f.write_str("its digest list ")?;
            fmt_pack_error(list, f)
        }
        kind => write!(f, "{}", printable::line(format!("{kind:#}"))),
    }
}

impl std::error::Error for Failure {}
