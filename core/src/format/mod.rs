//! The sections of a packfile, encoding and decoding together (FORMAT.md).
//!
//! ```text
//! | record 0 | record 1 | … | record N-1 | offset index | app data | trailer |
//! '-------------- record ---------------'---- index ---'          '-trailer-'
//! ```
//!
//! [`trailer`] describes the file, [`index`] locates a record, [`record`] splits
//! one into payload and item lengths, [`digest`] hashes the items, [`extensions`]
//! divides the app data.

pub mod content;
pub mod digest;
pub mod extensions;
pub mod index;
pub mod known;
pub mod record;
pub mod trailer;

pub use content::{DigestRecords, OneByOne, RecordContent};
pub use digest::{ContentHasher, record_digest};
pub use extensions::{AppData, AppDataParts, ExtensionKind, ExtensionSection};
pub use index::{IndexEncoder, OffsetIndex};
pub use record::{RecordLayout, RecordParts};
pub use trailer::{Dialect, Trailer};

use core::num::NonZero;

/// The maximum number of items, and the maximum size of an item, a record, the
/// index and the app data in bytes: the format stores them all as `u32`.
pub const MAX_U32: u32 = u32::MAX;

/// The number of records that a group of the offset index describes.
pub const INDEX_GROUP: u32 = 128;

/// The default number of items per record.
pub const DEFAULT_ITEMS_PER_RECORD: NonZero<u32> = NonZero::<u32>::MIN.saturating_add(127);
