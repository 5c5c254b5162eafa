//! Prints errors, each with advice on what the user can do about it.

use std::io;
use std::process::ExitCode;

use sealpack::core::Error as PackError;
use sealpack::core::error::{DecodeError, Fault, Limit, Section, Untrusted};
use sealpack::{DictionaryError, ErrorKind, IoOperation, SetFault};

use crate::companion;
use crate::outcome::Failure;
use crate::report;

impl Failure {
    /// Returns what the user can do about the error, if that is known.
    fn advice(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "remote")]
            Self::Pack(error) if error.store().is_some() => {
                crate::stores::advice(error.path(), error.store()?.fault())
            }
            Self::Pack(error) => match (error.kind(), error.corruption()) {
                (ErrorKind::Exists, _) => Some("use --force to replace it"),
                (_, Some((Section::Trailer, Fault::Magic { .. } | Fault::Truncated { .. }))) => {
                    let companion = companion::kind_of(error.path());
                    let hint = companion.map(|companion| companion.hint);
                    hint.or(Some("is this a pack, and was it copied completely?"))
                }
                (_, Some((_, Fault::Decode(DecodeError::MissingDictionary { .. })))) => Some(
                    "give the dictionary it was written with: --dictionary FILE (repack: --shared-dictionary)",
                ),
                (_, Some((Section::Record(_), _))) => {
                    Some("`sealpack verify` lists every damaged record")
                }
                (ErrorKind::DigestList(list), _) => advice_on_list(list),
                (ErrorKind::Set(fault), _) => advice_on_set(fault),
                (ErrorKind::NamesFile(file), _) => advice_on_names(file),
                (ErrorKind::Io { operation: IoOperation::Threading, .. }, _) => Some(NO_THREADS),
                (ErrorKind::Io { operation, error }, _) => advice_on_publishing(*operation, error),
                (ErrorKind::UnknownCodec { .. }, _) => {
                    Some("--codec none reads uncompressed records")
                }
                _ => None,
            },
            Self::Changed { .. } => {
                Some("pack a copy of it, or add --allow-changed to pack the bytes that were read")
            }
            Self::Item { error: PackError::Limit(Limit::Record { .. }), .. } => {
                Some("put fewer items into each record: --items-per-record")
            }
            Self::Input { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("nothing was packed: exclude the file, or make it readable")
            }
            Self::Dictionary { error: DictionaryError::Samples { .. }, .. } => {
                Some("train it with more items, or with items that are like each other")
            }
            Self::Signals(error) | Self::Threads(error)
                if error.kind() == io::ErrorKind::WouldBlock =>
            {
                Some(NO_THREADS)
            }
            Self::Framing { .. } => Some(
                "with --framed, each item is its length (u32, little-endian) followed by its bytes",
            ),
            _ => None,
        }
    }

    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the error with its advice, and returns the exit status. A closed
    /// pipe is not printed; it ends the process.
    pub fn report(&self) -> ExitCode {
        if self.is_closed_pipe() {
            end_by_closed_pipe();
        } else {
            report::error(self, self.advice());
        }
        ExitCode::from(self.status() as u8)
    }
}

const NO_THREADS: &str = "the system allows this user no more threads: see `ulimit -u`";

/// Returns advice on a file that cannot be renamed to its final name.
fn advice_on_publishing(operation: IoOperation, error: &io::Error) -> Option<&'static str> {
    match (operation, error.kind()) {
        (IoOperation::TestingRename, _)
        | (IoOperation::Publishing, io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Some("--force works here, but is safe only if no other program writes this file")
        }
        (
            IoOperation::TestingReplacement | IoOperation::Publishing,
            io::ErrorKind::ResourceBusy,
        ) => Some(
            "a file system is mounted on it: write to another name, and `cp` that file over it",
        ),
        (
            IoOperation::TestingReplacement | IoOperation::Publishing,
            io::ErrorKind::PermissionDenied,
        ) => Some(
            "it is immutable (lsattr), or belongs to another user in a sticky folder: choose \
             another name",
        ),
        _ => None,
    }
}

fn advice_on_set(fault: &SetFault) -> Option<&'static str> {
    match fault {
        SetFault::Syntax(_) => Some(
            "a manifest is written by `sealpack set create`; a pack's name must not end in .json",
        ),
        SetFault::Root { .. } => {
            Some("get the manifest again, or make it again: `sealpack set create`")
        }
        SetFault::Untrusted { .. } => Some("does the root belong to this version of the set?"),
        SetFault::MemberSize { .. }
        | SetFault::MemberItems { .. }
        | SetFault::MemberContentHash { .. } => {
            Some("get the pack again, or list it as it is now: `sealpack set add --replace`")
        }
        _ => None,
    }
}

fn advice_on_list(error: &sealpack::Error) -> Option<&'static str> {
    match (error.kind(), error.untrusted()) {
        (ErrorKind::Exists, _) => Some("use --force to replace it"),
        (ErrorKind::Io { operation, error }, _) if *operation != IoOperation::Opening => {
            advice_on_publishing(*operation, error)
        }
        (ErrorKind::Io { operation: IoOperation::Opening, .. }, _) => {
            Some("create one with `sealpack digests`, or name one with --digests")
        }
        (_, Some(Untrusted::List { .. })) => Some("do the list and the hash belong to this pack?"),
        _ => None,
    }
}

fn advice_on_names(error: &sealpack::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Exists => Some("use --force to replace it"),
        ErrorKind::Io { operation: IoOperation::Opening, .. } => {
            Some("copy it next to the pack; items can be read by position without it")
        }
        ErrorKind::Io { operation, error } => advice_on_publishing(*operation, error),
        _ => Some("is it the one that was written with this pack?"),
    }
}

/// Ends the process by `SIGPIPE`, as other Unix filters do when their output is closed.
fn end_by_closed_pipe() {
    #[cfg(unix)]
    {
        use signal_hook::{consts::SIGPIPE, low_level::emulate_default_handler};
        // If that fails, the exit status still reports it.
        drop(emulate_default_handler(SIGPIPE));
    }
}
