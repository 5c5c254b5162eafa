//! The names of a pack's items: an extension in the app data, or in a file next to
//! the pack (FORMAT.md, *Names*).
//!
//! ```text
//! | header | block table | sorted order (unless the names are sorted) | block 0 | block 1 | …
//!                                                                      '- compressed, about 64 KiB each -'
//! ```
//!
//! A name is any bytes but NUL, at most [`MAX_NAME`] of them; an empty name means
//! that the item has none. The names of a block are *front-coded*: each is stored
//! as the length that it shares with the one before, and the rest. Opening the names
//! decodes nothing. Looking up the name of a position decodes one block; finding a
//! name decodes one block for each step of a binary search.
//!
//! This module decompresses nothing itself: the driver passes a
//! [`Decode`](crate::codec::Decode). At most [`CACHED_BLOCKS`] decoded blocks are in
//! memory, each of at most [`MAX_EXPANDED`] bytes of names; a block of typical paths
//! takes a quarter of a mebibyte.

mod block;
mod build;
mod lookup;
mod section;

pub use block::NameBlock;
pub use build::NamesBuilder;
pub use lookup::{CACHED_BLOCKS, MAX_FOUND, NameLookup};
pub use section::{NamesCompanion, NamesSection, StoredNames};

/// The maximum length of a name in bytes.
pub const MAX_NAME: usize = 65_535;

/// The maximum size of a block before compression, in bytes.
pub const MAX_BLOCK: u32 = 256 << 10;

/// The maximum length of all names of a block together, in bytes.
pub const MAX_EXPANDED: usize = 4 << 20;
