//! Reads items from inputs and writes items of a pack.
//!
//! ```text
//! files, folders ── walk ──> inputs ── read: whole files, lines, frames ──> pack
//! tar archive ── tar: regular files ──> pack
//! any of these ── sample: runs of items from all parts ──> plan, dictionary
//! pack ──> items ── write: unchanged, lines, frames, JSON ──> standard output
//! ```
//!
//! *Lines*: an item is a line without its newline. A carriage return is part of the line;
//! the last line needs no newline. *Frames*: an item is preceded by its length (`u32`,
//! little-endian).

pub mod read;
pub mod sample;
pub mod tar;
pub mod walk;
pub mod write;

/// The maximum size of an item in bytes.
pub const MAX_ITEM_SIZE: u64 = u32::MAX as u64;
