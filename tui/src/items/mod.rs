//! Items on their way into a pack and out of one.
//!
//! ```text
//! files, folders ── walk ──> inputs ── read: whole files, lines, frames ──> pack
//! pack ──> items ── write: as they are, lines, frames, JSON ──> standard output
//! ```
//!
//! *Lines*: an item is a line without its newline. A carriage return belongs
//! to the line; a last line needs no newline. *Frames*: an item is its length
//! (`u32`, little-endian), then its bytes.

pub mod read;
pub mod walk;
pub mod write;

/// The most bytes that an item has.
pub const MOST: u64 = u32::MAX as u64;
