//! The read side as plans: core says which bytes it wants, whoever drives it
//! fetches them, from a file, a `Blob`, an HTTP server or an object store.
//!
//! ```text
//! file size ──> Opening ──> tail range ──(perhaps one more)──> Pack
//! position ───> Directory::place ──> record range ──> unseal ──> item
//! positions ──> plan ──> merged ranges ──> unseal, each record once
//! records ────> Examiner (any thread) ──> Verification ──> Report
//! ```
//!
//! The one loop that opens a pack, here over bytes in memory:
//!
//! ```
//! use bytes::Bytes;
//! use sealpack_core::codec::Plain;
//! use sealpack_core::read::{Opened, Opening, ReadLimits, unseal};
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
//!         Opened::More(next) => opening = next,
//!         Opened::Ready(pack) => break pack,
//!     }
//! };
//! let place = pack.directory.place(1)?;
//! let stored = place.record.range.clone();
//! let stored = file.slice(stored.start as usize..stored.end as usize);
//! let record = unseal(&pack.directory, &place.record, stored, &Plain, &ReadLimits::default())?;
//! assert_eq!(record.item(place.slot).unwrap(), b"two"[..]);
//! # Ok::<(), sealpack_core::Error>(())
//! ```

mod detect;
mod directory;
mod open;
mod plan;
mod unseal;
mod verify;

pub use detect::Detection;
pub use directory::{Directory, Place, RecordPlace};
pub use open::{DEFAULT_TAIL, Opened, Opening, Pack, Tail};
pub use plan::{Merge, PlannedRead, PlannedRecord, plan, plan_ascending, plan_records};
pub use unseal::{ItemLookup, Record, RecordItems, unseal};
pub use verify::{
    Damage, Examination, Examiner, Layer, LayerName, Report, Sound, Verdict, Verification,
};

/// What a reader is willing to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The most bytes that one record may decode to. Where records are single
    /// items the file does not say how large they are, so this is what stops
    /// a small frame that yields a large item.
    pub decoded_record: u64,
}

impl Default for ReadLimits {
    /// 2^32 bytes on a 64-bit machine, which holds the largest item; half the
    /// address space on a 32-bit one.
    fn default() -> Self {
        Self { decoded_record: (isize::MAX as u64).min(1 << 32) }
    }
}
