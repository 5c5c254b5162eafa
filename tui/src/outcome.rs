//! How a command ends: the exit status is a contract with scripts.
//!
//! | status | meaning |
//! | --- | --- |
//! | 0 | fine |
//! | 1 | a pack is corrupt, did not verify, or is not the trusted one; two packs differ |
//! | 2 | wrong usage, a position outside the pack among it |
//! | 3 | anything else: a file that is not there, a full disk |
//!
//! A closed pipe (`sealpack cat x.pack | head`) ends the command as it ends
//! `cat` and `sort`: silently, by `SIGPIPE`, which a shell shows as 141.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use sealpack::ErrorKind;
use sealpack::core::Error as PackError;
use sealpack::core::error::{Limit, Misuse};

use crate::printable;

/// What a command found, where it could do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Fine,
    /// Something is wrong, and it was reported.
    Reported(Status),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::SUCCESS,
            Outcome::Reported(status) => Self::from(status as u8),
        }
    }
}

/// The exit statuses that are not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A pack is corrupt, did not verify, or is not the one that is trusted; or
    /// two packs differ.
    Broken = 1,
    /// Wrong usage.
    Usage = 2,
    /// Anything else.
    Other = 3,
}

/// Why a command could not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// A pack could not be written or read.
    Pack(sealpack::Error),
    /// An item was refused by the pack that is being written.
    Item {
        /// Where the item came from.
        input: Input,
        /// Why.
        error: sealpack::core::Error,
    },
    /// What a pack holds is not as it should be, found out beside its reader.
    PackData {
        /// The pack.
        path: PathBuf,
        /// What is wrong.
        error: PackError,
    },
    /// A pack does not have such an item.
    Position {
        /// The pack.
        path: PathBuf,
        /// What was asked for.
        misuse: Misuse,
    },
    /// An item that is being packed cannot be read.
    Input {
        /// What.
        input: Input,
        /// What the system said.
        error: io::Error,
    },
    /// A file or folder that is no item of a pack cannot be used.
    File {
        /// Which one.
        path: Input,
        /// What failed, in words: `cannot read`.
        operation: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// A file was changed while it was packed.
    Changed {
        /// Which one.
        input: Input,
        /// Its size when it was opened, in bytes.
        before: u64,
        /// Its size when it had been read.
        after: u64,
    },
    /// The framing of an input ends within an item.
    Framing {
        /// Which input.
        input: Input,
        /// The byte that the broken frame starts at.
        offset: u64,
        /// Bytes that the frame claims to have, its length included.
        claimed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The arguments cannot be right, which only the files could tell.
    Usage(Cow<'static, str>),
    /// An object that cannot be asked for.
    #[cfg(feature = "remote")]
    Object {
        /// Its name.
        name: PathBuf,
        /// Why.
        why: String,
    },
    /// The runtime that requests run on does not start, or a task on it
    /// panicked.
    #[cfg(feature = "remote")]
    Runtime(io::Error),
    /// The signals that may end the process cannot be waited for.
    Signals(io::Error),
    /// Standard output or the terminal does not take what is written.
    Output(io::Error),
    /// The terminal that a program runs on failed, or was closed.
    Terminal(io::Error),
}

/// Where items come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Standard,
    /// A file or a folder.
    Path(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard input"),
            Self::Path(path) => write!(f, "{}", printable::path(path)),
        }
    }
}

impl From<sealpack::Error> for Failure {
    fn from(error: sealpack::Error) -> Self {
        Self::Pack(error)
    }
}

impl Failure {
    /// Wrong usage that the parser of the arguments could not see.
    pub fn usage(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Usage(message.into())
    }

    /// The exit status.
    pub fn status(&self) -> Status {
        match self {
            Self::Pack(error) => status_of(error.kind()),
            Self::PackData { error, .. } => status_of_data(error),
            Self::Usage(_) | Self::Position { .. } => Status::Usage,
            _ => Status::Other,
        }
    }
}

fn status_of(kind: &ErrorKind) -> Status {
    match kind {
        ErrorKind::Pack(error) => status_of_data(error),
        ErrorKind::DigestList(error) => status_of(error.kind()),
        ErrorKind::Options(_) => Status::Usage,
        _ => Status::Other,
    }
}

fn status_of_data(error: &PackError) -> Status {
    match error {
        // No sound pack decodes to more than a reader takes.
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
                write!(f, "{input}: it was modified while it was packed")
            }
            Self::Changed { input, before, after } => write!(
                f,
                "{input}: it changed while it was packed: {before} bytes before, {after} after"
            ),
            Self::File { path, operation, error } => write!(f, "{path}: {operation}: {error}"),
            Self::Framing { input, offset, claimed, found } => write!(
                f,
                "{input}: the item at byte {offset} takes {claimed} bytes, {found} are there"
            ),
            Self::Usage(message) => f.write_str(message),
            #[cfg(feature = "remote")]
            Self::Object { name, why } => write!(f, "{}: {why}", printable::path(name)),
            #[cfg(feature = "remote")]
            Self::Runtime(error) => write!(f, "cannot send requests: {error}"),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::Terminal(error) => write!(f, "the terminal: {error}"),
        }
    }
}

/// A pack's error: what a server answered becomes one short line.
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
