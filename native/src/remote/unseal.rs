//! Checks, decodes and authenticates records that were fetched, on threads where that
//! delays no other task.

use std::panic::resume_unwind;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::record_digest;
use sealpack_core::read::{PlannedRecord, Record, RecordPlace};
use tokio::task::spawn_blocking;

use super::error::aborted;
use super::reader::RemoteReaderInner;
use crate::error::{ErrorKind, IoOperation};

/// Plain records up to this size are checked on the thread that receives them.
const MAX_INLINE_CHECK: usize = 256 << 10;

/// A single record that decodes to this size or less is decoded on the thread that receives
/// it: that takes less than 100 µs, and passing it to another thread takes about as long.
const MAX_INLINE_DECODE: u64 = 64 << 10;

/// A record, and its bytes as stored.
pub(super) type StoredRecord = (PlannedRecord, Bytes);

/// What was made of a decoded record that is not yet authenticated: the record itself, or
/// what the caller made of it.
pub(super) struct Unsealed<T> {
    pub(super) made: T,
    /// Computed on the thread that decoded the record, which delays no other task; `None`
    /// if the reader trusts no hash.
    pub(super) digest: Option<Hash>,
}

/// A record that was read, and what was made of it, or why nothing was.
pub(super) type RecordOutcome<T> = (PlannedRecord, Result<T, ErrorKind>);

/// The outcomes of the records of a batch, in order.
pub(super) type Outcomes<T> = Vec<RecordOutcome<T>>;

impl RemoteReaderInner {
    /// Checks, decodes and authenticates records that were read, on a blocking thread if
    /// that may take long. An error in one record does not affect the others.
    pub(super) async fn unseal_all(
        self: &Arc<Self>,
        records: Vec<StoredRecord>,
    ) -> Result<Outcomes<Record>, ErrorKind> {
        let stored: usize = records.iter().map(|(_, stored)| stored.len()).sum();
        let unsealed = if self.opened.decoders.is_plain() && stored <= MAX_INLINE_CHECK {
            self.unseal_blocking(records)
        } else {
            let inner = Arc::clone(self);
            self.on_blocking_thread(move || inner.unseal_blocking(records)).await?
        };
        self.authenticate_all(unsealed).await
    }

    /// As [`unseal_all`](Self::unseal_all), for a record that the caller needs next: while
    /// a scan decodes several in parallel, here the caller's thread would only wait.
    pub(super) async fn unseal_one(
        self: &Arc<Self>,
        place: RecordPlace,
        stored: Bytes,
    ) -> Result<Record, ErrorKind> {
        let records = vec![(PlannedRecord { place, wanted: Vec::new() }, stored)];
        let mut records = match self.is_small_frame(&records) {
            true => self.authenticate_all(self.unseal_blocking(records)).await?,
            false => self.unseal_all(records).await?,
        };
        let no_record = || aborted().during(IoOperation::Opening);
        records.pop().map(|(_, record)| record).ok_or_else(no_record)?
    }

    /// Returns whether records are zstd frames that are small, also when decoded. The
    /// caller's own decoder may take any time, whatever the size.
    fn is_small_frame(&self, records: &[StoredRecord]) -> bool {
        let stored = records.iter().map(|(_, stored)| stored.len() as u64).sum::<u64>();
        let is_small = |size| size <= MAX_INLINE_DECODE;
        self.opened.decoders.is_zstd()
            && is_small(stored)
            && self.stated_decoded_size(records).is_some_and(is_small)
    }

    /// Replaces what was made of each record that does not have the trusted digest by the
    /// error.
    ///
    /// # Errors
    /// If a request for digests fails: that is no damage of a record.
    pub(super) async fn authenticate_all<T>(
        &self,
        unsealed: Outcomes<Unsealed<T>>,
    ) -> Result<Outcomes<T>, ErrorKind> {
        let mut authenticated = Vec::with_capacity(unsealed.len());
        for (planned, unsealed) in unsealed {
            let made = match unsealed {
                Ok(unsealed) => self.authenticate(planned.place.number, unsealed).await,
                Err(kind) => Err(kind),
            };
            match made {
                Err(kind) if is_of_store(&kind) => return Err(kind),
                made => authenticated.push((planned, made)),
            }
        }
        Ok(authenticated)
    }

    /// Returns what was made of a record, if the record has the trusted digest.
    async fn authenticate<T>(&self, number: u32, unsealed: Unsealed<T>) -> Result<T, ErrorKind> {
        if let Some(trusted) = self.trusted.get() {
            // No digest is all zeros, so a missing one is refused.
            trusted.check(number, &unsealed.digest.unwrap_or_default()).await?;
        }
        Ok(unsealed.made)
    }

    /// Runs work that may take long on a blocking thread, where it delays no other task.
    pub(super) async fn on_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorKind> {
        // Panics of the caller's decoders are caught (`panics.rs`), but not those of the
        // caller's work on records, which go on in the caller's task.
        spawn_blocking(work).await.map_err(|failed| match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is being shut down.
            Err(_) => aborted().during(IoOperation::Threading),
        })
    }

    /// Returns the digest of a record with these items, if the reader trusts a hash.
    pub(super) fn digest_to_check<'a>(
        &self,
        items: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Hash>, ErrorKind> {
        Ok(self.trusted.get().map(|_| record_digest(items)).transpose()?)
    }

    fn unseal_blocking(&self, records: Vec<StoredRecord>) -> Outcomes<Unsealed<Record>> {
        let unsealed = |place: &RecordPlace, stored| {
            let record = self.opened.unseal(place, stored, &self.opened.decoders)?;
            let digest = self.digest_to_check(record.slices())?;
            Ok(Unsealed { made: record, digest })
        };
        let records = records.into_iter().map(|(planned, stored)| {
            let unsealed = unsealed(&planned.place, stored);
            (planned, unsealed)
        });
        records.collect()
    }
}

/// Returns whether an error is that of a request, for the pack or for its digest list.
fn is_of_store(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Io { .. } => true,
        ErrorKind::DigestList(error) => is_of_store(error.kind()),
        _ => false,
    }
}
