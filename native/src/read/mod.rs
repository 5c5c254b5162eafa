//! Reading packs: one item, many, a range, all of it.
//!
//! ```text
//! Reader ── open ──> core's Opening over a source ──> directory, kept
//!        ── get ──────> reader.rs   one record, or the part of it that is needed
//!        ── item_lengths ─> lengths.rs   the end of the record
//!        ── get_many ─> batch.rs    merged reads, decoded in parallel
//!        ── get_many_unordered ─> unordered.rs   in runs, each thread calls the caller
//!        ── for_each, get_with ─> lent.rs   items as slices, without a view of each
//!        ── range ────> scan.rs     whole records ahead of the caller, in order
//!        ── verify ───> verify.rs   the same, examined and not handed out
//!        ── record_digests ─> digests.rs   the same, only their digests
//!        ── stored_runs ──> stored.rs  the same, as they are stored
//! records kept ────────> record_cache.rs   for the calls that read one item or record
//! memory limit ────────> budget.rs   how much of it each of them may take
//! ```

mod batch;
mod budget;
mod codec;
mod digests;
mod examined;
mod lengths;
mod lent;
mod opened;
mod options;
mod positions;
mod reader;
mod record_cache;
mod scan;
mod stored;
mod unordered;
mod verify;
mod views;
mod workspace;

pub use codec::{ChosenCodec, DecidedBy, ReadCodec};
pub use digests::RecordDigests;
pub use examined::VerifyProgress;
pub use options::ReaderOptions;
pub use reader::Reader;
pub use record_cache::{CacheStats, RecordCache};
pub use scan::Items;

pub(crate) use stored::StoredCheck;

/// Used by the reader of stores too.
#[cfg(feature = "remote")]
pub(crate) use self::{
    budget::Budget,
    examined::{refuse_untrusted, sound_records},
    opened::{FoundNames, OpenedPack},
    positions::positions_in,
    views::{cut, items_of},
};
