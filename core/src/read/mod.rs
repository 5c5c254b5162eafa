//! Reading a pack, as plans: core states which bytes it wants, and the driver
//! fetches them from a file, a `Blob`, an HTTP server or an object store.
//!
//! ```text
//! file size ──> Opening ──> tail range ──(perhaps one more)──> Pack
//! position ───> Directory::place ──> record range ──> unseal ──> item
//! positions ──> plan ──> merged ranges ──> unseal, each record once
//! records ────> Examiner (any thread) ──> Verification ──> Report
//! ```
//!
//! The loop that opens a pack, here over bytes in memory:
//!
//! ```
//! use bytes::Bytes;
//! use sealpack_core::codec::PlainDecoder;
//! use sealpack_core::read::{PackOpened, Opening, ReadLimits, unseal};
//!
//! # use sealpack_core::write::{Assembly, PackShape, RecordBuilder, Sealer};
//! # let shape = PackShape::default();
//! # let mut builder = RecordBuilder::new(&shape, true);
//! # ["one", "two", "three"].iter().try_for_each(|item| builder.push(item.as_bytes()))?;
//! # builder.finish();
//! # let sealed = Sealer::plain(&shape).seal(builder.next_draft().unwrap())?;
//! # let mut assembly = Assembly::new(&shape);
//! # assembly.push(&sealed)?;
//! # let ending = assembly.finish(b"")?;
//! # let mut file = sealed.extents.concat();
//! # file.extend_from_slice(&ending.index);
//! # file.extend_from_slice(&ending.trailer.encode());
//! # let file = Bytes::from(file);
//! let mut opening = Opening::new(file.len() as u64)?;
//! let pack = loop {
//!     let range = opening.range();
//!     let bytes = file.slice(range.start as usize..range.end as usize); // or `.await`
//!     match opening.supply(bytes)? {
//!         PackOpened::More(next) => opening = next,
//!         PackOpened::Ready(pack) => break pack,
//!     }
//! };
//! let place = pack.directory.place(1)?;
//! let stored = place.record.range.clone();
//! let stored = file.slice(stored.start as usize..stored.end as usize);
//! let record = unseal(&pack.directory, &place.record, stored, &PlainDecoder, &ReadLimits::default())?;
//! assert_eq!(record.item(place.slot).unwrap(), b"two"[..]);
//! # Ok::<(), sealpack_core::Error>(())
//! ```

mod detect;
mod directory;
mod lengths;
mod open;
mod plan;
mod report;
mod unseal;
mod verify;

pub use detect::CodecDetection;
pub use directory::{Directory, ItemPlace, RecordPlace};
pub use lengths::ItemLengths;
pub use open::{DEFAULT_TAIL, FileTail, Opening, Pack, PackOpened};
pub use plan::{Merge, PlannedRead, PlannedRecord, plan, plan_ascending, plan_records};
pub use report::{DamagedRecord, LayerName, LayerVerdict, Report, UncheckedRecord, Verdict};
pub use unseal::{EncodedRecord, ItemLookup, Record, RecordItems, split_record, unseal};
pub use verify::{Examination, Examiner, SoundRecord, Verification};

use crate::error::{Error, Limit};
use crate::format::Trailer;

/// Limits of a reader. The default admits every pack that the machine can read;
/// set lower limits to open packs from untrusted sources.
///
/// ```
/// use sealpack_core::error::{Error, Limit};
/// use sealpack_core::read::{Opening, ReadLimits};
/// # let shape = sealpack_core::write::PackShape::default();
/// # let ending = sealpack_core::write::Assembly::new(&shape).finish(&[7; 5000])?;
/// # let file = [&ending.index[..], &[7; 5000], &ending.trailer.encode()].concat();
/// // 5,000 bytes of app data, and a memory limit of 16 KiB.
/// let limits = ReadLimits { memory: 16 << 10, ..ReadLimits::default() };
/// let opening = Opening::new(file.len() as u64)?.with_limits(limits);
/// let refused = opening.supply(file.into()).unwrap_err();
/// assert!(matches!(refused, Error::Limit(Limit::SingleAllocation { bytes: 5004, limit: 4096 })));
/// # Ok::<(), sealpack_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The maximum decoded size of a record, in bytes. If each record is a single
    /// item, the file does not state its size, so only this limit stops a small
    /// frame from yielding a large item.
    pub decoded_record: u64,
    /// The maximum number of items in a pack. Opening a pack that states more
    /// fails.
    pub items: u32,
    /// The maximum memory to hold while opening, scanning or verifying, in bytes.
    /// A single allocation may take at most a [quarter](Self::max_single) of it:
    /// index and app data together, a stored record, a decoded record.
    pub memory: u64,
}

impl ReadLimits {
    /// The maximum size of a single allocation, in bytes: a quarter of
    /// [`memory`](Self::memory), because a record is in memory together with the
    /// bytes it is decoded from and with earlier records.
    #[must_use]
    pub fn max_single(&self) -> u64 {
        self.memory / 4
    }

    /// The maximum decoded size of a record under both limits, in bytes.
    #[must_use]
    pub fn max_decoded(&self) -> u64 {
        self.decoded_record.min(self.max_single())
    }

    /// Refuses a single allocation above the limit.
    ///
    /// # Errors
    /// [`Limit::SingleAllocation`].
    pub fn admit(&self, bytes: u64) -> Result<(), Error> {
        match self.max_single() {
            limit if bytes > limit => Err(Error::Limit(Limit::SingleAllocation { bytes, limit })),
            _ => Ok(()),
        }
    }

    /// Refuses a pack above the limits before its sections are fetched.
    fn admit_sections(&self, trailer: &Trailer) -> Result<(), Error> {
        let (items, limit) = (trailer.total_items, self.items);
        if items > limit {
            return Err(Error::Limit(Limit::PackItems { items, limit }));
        }
        self.admit(u64::from(trailer.index_size) + u64::from(trailer.app_data_size))
    }
}

impl Default for ReadLimits {
    /// Decoded records of 2^32 bytes on a 64-bit machine, enough for the largest
    /// item, and of half the address space on a 32-bit machine; any number of
    /// items, any memory.
    fn default() -> Self {
        let decoded_record = (isize::MAX as u64).min(1 << 32);
        Self { decoded_record, items: u32::MAX, memory: u64::MAX }
    }
}
