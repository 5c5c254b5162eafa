//! Writing a pack, as pure steps that can run on different threads.
//!
//! ```text
//!            items          drafts           sealed                bytes in file order
//! append ──> builder ──┬──> seal ──┬──> reorder ──> assembly ──> output stream ──> sink
//!                      ├──> seal ──┤    (by draft   (offsets,
//!                      └──> seal ──┘     number)     digests)
//! ```
//!
//! - [`RecordBuilder`] collects items into drafts of whole records;
//! - [`Sealer`] encodes and hashes a draft: the expensive step, one sealer a
//!   thread;
//! - [`ReorderBuffer`] puts the sealed drafts back into order;
//! - [`Assembly`] collects what the end of the file needs. Of its state only the
//!   packed index grows with the number of records.
//!
//! The driver writes [`SealedDraft::extents`] in order, and then the sections that
//! [`Assembly::finish`] returns:
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
mod draft;
mod reorder;
mod seal;

pub use assembly::{Assembly, FinalSections};
pub use builder::RecordBuilder;
pub use draft::{Draft, StoredRecords};
pub use reorder::ReorderBuffer;
pub use seal::{DraftDigester, SealedDraft, Sealer};

use alloc::sync::Arc;
use core::num::NonZero;

use crate::format::digest::Extract;
use crate::format::{DEFAULT_ITEMS_PER_RECORD, Dialect, RecordLayout};

/// The settings that all records of a pack share.
#[derive(Clone, Debug)]
pub struct PackShape {
    /// The number of items in every record but the last.
    pub items_per_record: NonZero<u32>,
    /// The caller's number for the kind and the encoding of the items.
    pub format_id: u32,
    /// Whether each record's checksum covers its payload.
    pub record_checksum: bool,
    /// What the content hash covers.
    pub content_hash: Hashing,
    /// The dialect, which determines whether the trailer holds the checksum of
    /// the app data. With the record checksum it always does, because the older
    /// dialect has no record checksum.
    pub dialect: Dialect,
}

/// What the content hash covers.
#[derive(Clone, Debug, Default)]
pub enum Hashing {
    /// Nothing: no hash is stored.
    None,
    /// The items.
    #[default]
    Items,
    /// What an extract returns for each item.
    Extracted(Arc<dyn Extract>),
}

impl Default for PackShape {
    /// 128 items a record, format id 0, a content hash, no record checksum, the
    /// newer dialect.
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
    pub fn layout(&self) -> RecordLayout {
        RecordLayout::new(self.items_per_record.get(), self.record_checksum)
    }
}
