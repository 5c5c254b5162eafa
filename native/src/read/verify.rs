//! Verifies all layers of a pack, on several threads.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sealpack_core::format::digest::Hash;
use sealpack_core::read::{Examination, Merge, PlannedRead, Report};

use super::examined::{VerifyProgress, mark_untrusted, sound_records};
use super::reader::{Reader, ReaderInner};
use super::scan::Scan;
use super::workspace::{Workspace, WorkspaceDecoder};
use crate::error::{Error, ErrorKind};
use crate::trace::{event, span};

/// Bytes of plain records that one read fetches by default. Up to sixteen digests are
/// computed in parallel lanes, so with records of a hundred kilobytes a few megabytes are
/// needed to keep all lanes busy.
const PLAIN_READ_SIZE: u64 = 4 << 20;

impl Reader {
    /// Checks everything in the pack: each record's checksum, its decoding, the
    /// checksum within each frame, the item lengths, the content hash. Trailer, index
    /// and app data were already checked when the pack was opened.
    ///
    /// Damage does not end the verification: the report lists the damaged records,
    /// and which layers are *not present*, so were not checked.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the pack cannot be read.
    pub fn verify(&self) -> Result<Report, Error> {
        let ControlFlow::Continue(report) =
            self.verify_with(|_| ControlFlow::<Infallible>::Continue(()))?;
        Ok(report)
    }

    /// As [`verify`](Self::verify); `progress` is called after every read, and may
    /// stop the verification. The call then returns the value of its `Break`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_with<B>(
        &self,
        progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let content_hash = self.trusted().map(|list| list.header().content_hash);
        self.verify_against(content_hash, progress)
    }

    /// As [`verify_with`](Self::verify_with), against a content hash given by the
    /// caller. The content hash layer of the report then states whether the items have
    /// *that* hash, and is present even if the pack stores none.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_against<B>(
        &self,
        content_hash: Option<Hash>,
        mut progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let _span = span!("verify", path = %self.path().display());
        self.codec()?;
        let inner = &self.inner;
        let records = 0..self.directory().record_count();
        let merge = match inner.opened.budget.merge {
            merge
                if inner.opened.options.merge == Merge::default()
                    && inner.opened.decoders.is_plain() =>
            {
                Merge { max_read: inner.opened.budget.max_read(PLAIN_READ_SIZE), ..merge }
            }
            merge => merge,
        };
        let examine = if content_hash.is_some() {
            ReaderInner::examine_digests
        } else {
            ReaderInner::examine
        };
        let mut scan = Scan::new(inner, records, merge, examine);
        let mut verification = inner.opened.verification(content_hash);
        while let Some(examined) = scan.next() {
            let so_far = verification.push(examined.map_err(|kind| inner.error(kind))?);
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

impl ReaderInner {
    fn examine(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<Vec<Examination>, ErrorKind> {
        self.examine_with(read, workspace, false)
    }

    /// Computes digests even if the pack stores no content hash, and checks them
    /// against the trusted list.
    fn examine_digests(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<Vec<Examination>, ErrorKind> {
        let mut examined = self.examine_with(read, workspace, true)?;
        for (examination, digest) in sound_records(&mut examined) {
            let checked = self.check_digest(examination.place().number, &digest);
            mark_untrusted(examination, checked)?;
        }
        Ok(examined)
    }

    fn examine_with(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
        computes_digests: bool,
    ) -> Result<Vec<Examination>, ErrorKind> {
        let bytes = self.fetch_in(workspace, &read.range)?;
        let decoder = WorkspaceDecoder::new(&self.opened.decoders, workspace);
        self.opened.examine(read, &bytes, &decoder, computes_digests)
    }
}
