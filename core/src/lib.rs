//! Packfiles without I/O: the format, the output stream, and the checker that
//! proves the stream.
//!
//! This crate computes and decides. It never reads or writes a file, never
//! reads a clock, never starts a thread; it is `no_std` with `alloc`, and has
//! no `unsafe`. Its driver, whether it uses threads and files or runs in a
//! browser, fetches the bytes that core asks for and writes the bytes that core
//! returns.
//!
//! ```text
//!  a pack:  | record 0 | record 1 | … | record N-1 | offset index | app data | trailer |
//!
//!  write:   item ─> record builder ─> draft ─> seal ─> reorder ─> assembly ─> output stream ─> sink
//!                                             (encode, hash:     (offsets,
//!                                              any thread)        digest)
//!
//!  read:    file size ─> tail range ─> trailer + index ─> an item's place ─> record range
//!                                                         ─> check, split, decode ─> item
//! ```
//!
//! Two types to read first: [`read::Opening`], which opens a pack by asking for
//! one range of bytes, rarely for two; and [`stream::Stream`], which accepts
//! small and large writes in any order and issues puts of one size.
//!
//! | module | contents |
//! | --- | --- |
//! | [`error`] | one [`Error`], as data: which section, which fault |
//! | [`wire`] | a checked cursor, CRC-32C, the frame-of-reference group |
//! | [`format`] | trailer, offset index, record, content hash, extensions: encoding and decoding together |
//! | [`codec`] | what a platform provides: [`codec::Encode`], [`codec::Decode`] |
//! | [`mod@write`] | builder, seal, reorder, assembly |
//! | [`read`] | opening, directory, plans, unseal, verification in layers |
//! | [`trust`] | the digest list: authenticates items against a trusted hash |
//! | [`names`] | the names of the items: positions by name, names by position |
//! | [`stream`] | the output stream of mixed writes |
//! | `check` | the stream's invariants, enumerated and proved (feature `check`) |
//!
//! `FORMAT.md` in the repository specifies the bytes; comments refer to its
//! sections.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "check")]
pub mod check;
pub mod codec;
pub mod error;
pub mod format;
pub mod names;
pub mod read;
pub mod stream;
pub mod trust;
pub mod wire;
pub mod write;

pub use error::Error;

/// Runs the example of the crate's front page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
