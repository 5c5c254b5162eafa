//! Verifies a pack: requests run in parallel, and records are examined while others
//! arrive.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use sealpack_core::format::digest::Hash;
use sealpack_core::read::{Examination, PlannedRead, Report};

use super::reader::{RemoteReader, RemoteReaderInner};
use super::room::RoomShare;
use super::scan::scan;
use crate::error::{Error, ErrorKind};
use crate::read::{VerifyProgress, mark_untrusted, sound_records};
use crate::trace::{event, in_span};

impl RemoteReader {
    /// Checks everything in the pack, as [`Reader::verify`](crate::Reader::verify)
    /// does.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn verify(&self) -> Result<Report, Error> {
        let ControlFlow::Continue(report) =
            self.verify_with(|_| ControlFlow::<std::convert::Infallible>::Continue(())).await?;
        Ok(report)
    }

    /// As [`verify`](Self::verify); `progress` is called after every read, and may
    /// stop the verification. The call then returns the value of its `Break`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_with<B>(
        &self,
        progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let content_hash = self.trusted().map(|list| list.header().content_hash);
        self.verify_against(content_hash, progress).await
    }

    /// As [`verify_with`](Self::verify_with), against a content hash that the caller has
    /// from elsewhere, as [`Reader::verify_against`](crate::Reader::verify_against).
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_against<B>(
        &self,
        content_hash: Option<Hash>,
        progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let examined = self.examine_all(content_hash, progress);
        in_span!(examined, "verify", path = %self.location().name().display()).await
    }

    async fn examine_all<B>(
        &self,
        content_hash: Option<Hash>,
        mut progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        self.codec().await?;
        let inner = &self.inner;
        let reads = scan(inner, 0..self.directory().record_count());
        let room = inner.room();
        let examined = stream::iter(reads).then(move |read| Box::pin(room.clone().take(read))).map(
            |(read, share)| {
                let computes_digests = content_hash.is_some();
                RemoteReaderInner::examine(Arc::clone(inner), read, share, computes_digests)
            },
        );
        let mut examined = std::pin::pin!(examined.buffered(inner.requests));
        let mut verification = inner.opened.verification(content_hash);
        while let Some(examinations) = examined.next().await {
            let so_far = verification.push(examinations.map_err(|kind| self.error(kind))?);
            if let ControlFlow::Break(reason) = progress(so_far) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        let report = verification.finish();
        event!(
            DEBUG,
            records = report.record_count,
            bytes = report.payload_size,
            damaged = report.damaged_count,
            "verified"
        );
        Ok(ControlFlow::Continue(report))
    }
}

impl RemoteReaderInner {
    /// Examines the records of a read. Its memory is released once the examinations are
    /// complete, since the records are then no longer in memory.
    async fn examine(
        inner: Arc<Self>,
        read: PlannedRead,
        share: RoomShare,
        computes_digests: bool,
    ) -> Result<Vec<Examination>, ErrorKind> {
        let bytes = inner.fetch_read(&read).await?;
        let own = Arc::clone(&inner);
        let examined = inner.on_blocking_thread(move || {
            let computes_digests = computes_digests || own.trusted.get().is_some();
            own.opened.examine(read, &bytes, &own.opened.decoders, computes_digests)
        });
        let mut examined = examined.await??;
        drop(share);
        let Some(trusted) = inner.trusted.get() else { return Ok(examined) };
        for (examination, digest) in sound_records(&mut examined) {
            let checked = trusted.check(examination.place().number, &digest).await;
            mark_untrusted(examination, checked)?;
        }
        Ok(examined)
    }
}
