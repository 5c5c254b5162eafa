//! Writes, reads and verifies packfiles, with threads, C zstd and direct system
//! calls.
//!
//! A *pack* is an immutable file of many variable-length items. One read finds an
//! item by its position, and a SHA-256 protects the content of all items. Start with
//! [`Writer`] and [`Reader`]:
//!
//! ```
//! use sealpack::{Reader, Writer, Zstd};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("out.pack");
//! let mut writer = Writer::options().codec(Zstd::level(3)).create(&path)?;
//! writer.append(b"first")?;
//! writer.append(b"second")?;
//! writer.finish()?; // without `finish`, no file appears
//!
//! let reader = Reader::open(&path)?; // Send + Sync, shared by threads
//! assert_eq!(reader.get(1)?, b"second"[..]);
//! assert!(reader.verify()?.is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format, with every rule about its bytes, is in [`core`] (`sealpack-core`),
//! which does no I/O; this crate adds the threads, the codec and the files:
//!
//! - a pack appears whole or not at all (`publish/publication.rs`);
//! - memory is bounded by the options, not by the pack (`write/pipeline.rs`);
//! - the first error is returned and never lost (`ordered.rs`);
//! - no allocation trusts a size that only the file claims.
//!
//! With the feature `remote`, packs are read from and written to object stores: see
//! the module `remote`.

#![warn(missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod codec;
mod cores;
mod dictionary;
mod digest;
mod error;
mod names;
mod ordered;
mod panics;
mod publish;
mod read;
mod record_copy;
#[cfg(feature = "remote")]
pub mod remote;
mod runs;
mod set;
mod source;
mod sync;
mod trace;
mod trust;
mod unpack;
mod write;
mod zstd;

pub use bytes::Bytes;
/// The format itself, without I/O: trailer, records, plans, reports.
pub use sealpack_core as core;

pub use codec::{Codec, EncoderFactory, FirstRecords, Plain, RecordDictionary};
pub use dictionary::{Dictionary, DictionarySamples, DictionaryTraining};
pub use error::{
    DictionaryError, Error, ErrorKind, IoOperation, MemberNameFault, OptionsError, SetFault,
};
pub use names::{ItemNames, Names, names_path};
#[cfg(feature = "testing")]
pub use publish::disk;
pub use publish::{Caveat, PublishedFile, StagedFile, is_temporary_name};
pub use read::{
    CacheStats, ChosenCodec, DecidedBy, Items, ReadCodec, Reader, ReaderOptions, RecordCache,
    RecordDigests, VerifyProgress,
};
pub use record_copy::RecordCopy;
pub use set::{
    MemberChange, MemberName, MemberPack, MemberPosition, MemberReport, MemberSource, PackIdentity,
    PackSet, PackSetOptions, PackSetReport, SetDiff, SetItems, SetManifest, SetMember, SetProgress,
};
pub use source::{FileSource, ReadAt};
pub use trust::{
    DifferingRecords, DigestListFile, DigestListReader, SealedDigests, Trust, digest_list_path,
};
pub use unpack::{
    RefusedItem, StagedUnpack, UnpackAbort, UnpackOptions, UnpackProgress, UnpackRefusal,
    UnpackReport, UnpackSource, UnpackedPath, Unpacker,
};
#[cfg(feature = "async")]
pub use write::AsyncWriter;
pub use write::{
    SealedPack, SealedStream, StreamWriter, WriteMonitor, WriteProgress, Writer, WriterOptions,
};
pub use zstd::{DEFAULT_LEVEL, Zstd};

/// Options that are built and not used are a mistake that the compiler reports:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// sealpack::Writer::options().threads(2);
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// sealpack::Reader::options().threads(2);
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// sealpack::PackSet::options().max_open(2);
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// sealpack::Unpacker::options().overwrite(true);
/// ```
#[cfg(doctest)]
struct UnusedOptions;

/// Checks that the example of the crate's front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
