//! Packfiles without I/O: the format, the output stream, and the checker that
//! proves the stream.
//!
//! This crate computes and decides. It never reads or writes a file, never
//! asks for the time, never starts a thread; it is `no_std` with `alloc`, and
//! without `unsafe`. What drives it, with threads and files or in a browser,
//! fetches the bytes it asks for and writes the bytes it answers.
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
//! one range of bytes, seldom two; and [`stream::Stream`], which takes small
//! and large writes in turn and puts them in pieces of one size.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`error`] | one [`Error`]: which section, which fault, as data |
//! | [`wire`] | a checked cursor, CRC-32C, the frame-of-reference group |
//! | [`format`] | trailer, offset index, record, content hash: encode beside decode |
//! | [`codec`] | what a platform brings: [`codec::Encode`], [`codec::Decode`] |
//! | [`mod@write`] | builder, seal, reorder, assembly |
//! | [`read`] | opening, directory, plans, unseal, verification in layers |
//! | [`trust`] | the digest list: items proved against a hash |
//! | [`stream`] | the output stream of mixed writes |
//! | `check` | its invariants, enumerated and proved (feature `check`) |
//!
//! The bytes are specified in `FORMAT.md` of the repository; comments name its
//! sections.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "check")]
pub mod check;
pub mod codec;
pub mod error;
pub mod format;
pub mod read;
pub mod stream;
pub mod trust;
pub mod wire;
pub mod write;

pub use error::Error;
