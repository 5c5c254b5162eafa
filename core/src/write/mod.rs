//! The write side as pure steps, each able to run on another thread.
//!
//! ```text
//!            items          drafts           sealed                bytes in file order
//! append ──> builder ──┬──> seal ──┬──> reorder ──> assembly ──> output stream ──> sink
//!                      ├──> seal ──┤    (by draft   (offsets,
//!                      └──> seal ──┘     number)     digests)
//! ```
//!
//! - [`RecordBuilder`] gathers items into drafts of whole records;
//! - [`Sealer`] encodes and hashes a draft: the costly step, one a thread;
//! - [`ReorderBuffer`] puts what the sealers answer back into order;
//! - [`Assembly`] keeps what the end of the file needs, and nothing that grows
//!   with the records but the packed index.
//!
//! Whoever drives them writes [`Sealed::extents`] in order, then what
//! [`Assembly::finish`] answers:
//!
//! ```
//! use std::num::NonZero;
//! use sealpack_core::write::{Assembly, PackShape, RecordBuilder, Sealer};
//!
//! let shape = PackShape { items_per_record: NonZero::new(2).unwrap(), ..PackShape::default() };
//! let mut builder = RecordBuilder::new(&shape, true);
//! let mut sealer = Sealer::plain(&shape);
//! let mut assembly = Assembly::new(&shape);
//! let mut file = Vec::new();
//! for item in [&b"one"[..], b"two", b"three"] {
//!     builder.push(item)?;
//! }
//! builder.finish();
//! while let Some(draft) = builder.next_draft() {
//!     let sealed = sealer.seal(draft)?;
//!     assembly.push(&sealed)?;
//!     sealed.extents.iter().for_each(|extent| file.extend_from_slice(extent));
//! }
//! let ending = assembly.finish(b"app data")?;
//! for section in [&ending.index[..], b"app data", &ending.trailer.encode()] {
//!     file.extend_from_slice(section);
//! }
//! assert_eq!(&file[..6], b"onetwo");
//! # Ok::<(), sealpack_core::Error>(())
//! ```

mod assembly;
mod builder;
mod reorder;
mod seal;

pub use assembly::{Assembly, Ending};
pub use builder::{Draft, RecordBuilder};
pub use reorder::ReorderBuffer;
pub use seal::{DraftDigester, Sealed, Sealer};

use alloc::sync::Arc;
use core::num::NonZero;

use crate::format::digest::Extract;
use crate::format::{DEFAULT_ITEMS_PER_RECORD, Dialect, Layout};

/// What is the same for every record of a pack.
#[derive(Clone, Debug)]
pub struct PackShape {
    /// Items in every record but the last.
    pub items_per_record: NonZero<u32>,
    /// The caller's number for what the items are and how they are encoded.
    pub format_id: u32,
    /// Whether each record's checksum covers its payload.
    pub record_checksum: bool,
    /// What the content hash is taken over.
    pub content_hash: Hashing,
    /// Whether the trailer holds the checksum of the app data. With the record
    /// checksum it always does: the older dialect does not know that.
    pub dialect: Dialect,
}

/// What the content hash is taken over.
#[derive(Clone, Debug, Default)]
pub enum Hashing {
    /// No hash is stored.
    None,
    /// The items.
    #[default]
    Items,
    /// What an extract makes of each item.
    Extracted(Arc<dyn Extract>),
}

impl Default for PackShape {
    /// 128 items a record, format id 0, the content hash, no record checksum,
    /// the newer dialect.
    fn default() -> Self {
        Self {
            items_per_record: DEFAULT_ITEMS_PER_RECORD,
            format_id: 0,
            record_checksum: false,
            content_hash: Hashing::Items,
            dialect: Dialect::AppDataCrc,
        }
    }
}

impl PackShape {
    /// How the records are laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(self.items_per_record.get(), self.record_checksum)
    }
}
