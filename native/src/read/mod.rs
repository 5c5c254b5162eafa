//! Reading packs: one item, many items, a range, or all.
//!
//! ```text
//! Reader ── open ──> core's Opening over a source ──> the directory, in memory
//!        ── get ──────────────> reader.rs      one record, or the part of it that is needed
//!        ── item_lengths ─────> lengths.rs     the end of the record
//!        ── get_many ─────────> batch.rs       runs of positions (requests.rs), read in parallel
//!        ── get_many_unordered > unordered.rs  each thread passes its items to the caller
//!        ── for_each, get_with > lent.rs       items as slices of reused memory
//!        ── range ────────────> scan.rs        records in order, read ahead of the caller
//!        ── verify ───────────> verify.rs      a scan that examines the records
//!        ── record_digests ───> digests.rs     a scan that computes digests
//!        ── stored_runs ──────> stored.rs      a scan without decoding, for copies
//! jobs ── crew.rs, threads.rs ─> the kept threads that work on scans and runs
//! decoded records ────────────> record_cache.rs  for calls that read one item or record
//! memory limit ───────────────> budget.rs      the share of each of these
//! ```

mod batch;
mod budget;
mod codec;
mod crew;
mod decode_memory;
mod digests;
mod examined;
mod lengths;
mod lent;
mod opened;
mod options;
mod positions;
mod reader;
mod record_cache;
mod requests;
mod scan;
mod stored;
mod threads;
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

pub(crate) use positions::set_positions_in;
pub(crate) use stored::StoredCheck;

/// Used by the reader of stores too.
#[cfg(feature = "remote")]
pub(crate) use self::{
    budget::Budget,
    decode_memory::DecodeMemory,
    examined::{mark_untrusted, sound_records},
    opened::{FoundNames, OpenedPack},
    positions::positions_in,
    views::{records_of_read, requested_items, view},
    workspace::BufferPool,
};
