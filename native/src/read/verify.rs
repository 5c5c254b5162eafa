//! Verifying every layer that a pack has, on several threads.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sealpack_core::Error as PackError;
use sealpack_core::format::digest::Hash;
use sealpack_core::read::{
    Examination, Examiner, Merge, PlannedRead, Report, SoundRecord, Verification,
};

use super::batch::cut;
use super::reader::{Inner, Reader};
use super::scan::Scan;
use super::workspace::{In, Workspace};
use crate::digest::Lanes;
use crate::error::{Error, ErrorKind};

/// Bytes of plain records that are read together, unless told otherwise: digests
/// are taken sixteen at a time, so records of a hundred kilobytes need a few
/// megabytes to keep all lanes busy.
const TOGETHER: u64 = 4 << 20;

/// How far a verification has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Records looked at.
    pub records: u32,
    /// Bytes of the file that they take.
    pub bytes: u64,
    /// Damaged ones among them.
    pub damaged: u32,
}

impl VerifyProgress {
    /// Another record was looked at.
    pub(crate) fn count(&mut self, examination: &Examination) {
        self.records += 1;
        self.bytes += examination.place().size();
        self.damaged += u32::from(examination.error().is_some());
    }
}

impl Reader {
    /// Checks everything there is: each record's checksum, its decoding, the
    /// checksum within each frame, the item lengths, the content hash. That
    /// the pack is open says that trailer, index and app data are sound.
    ///
    /// Damage does not end it: the report lists the damaged records, and says
    /// which layers are *not present*, so were not checked.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the pack cannot be read.
    pub fn verify(&self) -> Result<Report, Error> {
        match self.verify_with(|_| ControlFlow::<Infallible>::Continue(()))? {
            ControlFlow::Continue(report) => Ok(report),
            ControlFlow::Break(never) => match never {},
        }
    }

    /// As [`verify`](Self::verify); `progress` is called after every read, and
    /// may end the verification, which then answers what it broke with.
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

    /// As [`verify_with`](Self::verify_with), against a content hash that the
    /// caller has from elsewhere: the layer of the content hash then says
    /// whether the items have *that* one, and is there although the pack may
    /// store none.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_against<B>(
        &self,
        content_hash: Option<Hash>,
        mut progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        self.codec()?;
        let inner = &self.inner;
        let records = 0..self.directory().record_count();
        let merge = match inner.budget.merge {
            merge if inner.options.merge == Merge::default() && inner.decoders.is_plain() => {
                Merge { max_read: inner.budget.read_of(TOGETHER), ..merge }
            }
            merge => merge,
        };
        let examine = if content_hash.is_some() { Inner::examine_digests } else { Inner::examine };
        let scan = Scan::new(inner, records, merge, examine);
        let mut scan = scan.map_err(|kind| inner.error(kind))?;
        let verification = Verification::new(&inner.pack);
        let mut verification = match content_hash {
            Some(content_hash) => verification.against(content_hash),
            None => verification,
        };
        let mut so_far = VerifyProgress::default();
        while let Some(examined) = scan.next() {
            for examination in examined.map_err(|kind| inner.error(kind))? {
                so_far.count(&examination);
                verification.push(examination);
            }
            if let ControlFlow::Break(reason) = progress(so_far) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        Ok(ControlFlow::Continue(verification.finish()))
    }
}

/// A record that is not what the caller trusts is damaged, like any other.
pub(crate) fn refuse_untrusted(
    examination: &mut Examination,
    checked: Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    match checked {
        Err(ErrorKind::Pack(error @ PackError::Untrusted(_))) => {
            examination.refuse(error);
            Ok(())
        }
        checked => checked,
    }
}

impl Inner {
    fn examine(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<Vec<Examination>, ErrorKind> {
        self.examine_with(read, workspace, false)
    }

    /// Takes digests also where the pack stores no hash of them, and holds
    /// them to what the caller trusts.
    fn examine_digests(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<Vec<Examination>, ErrorKind> {
        let mut examined = self.examine_with(read, workspace, true)?;
        for examination in &mut examined {
            let Ok(SoundRecord { digest: Some(digest), .. }) = examination.outcome() else {
                continue;
            };
            let checked = self.check_digest(examination.place().number, digest);
            refuse_untrusted(examination, checked)?;
        }
        Ok(examined)
    }

    fn examine_with(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
        takes_digests: bool,
    ) -> Result<Vec<Examination>, ErrorKind> {
        let bytes = self.fetch_in(workspace, &read.range)?;
        let extract = self.options.extract.clone();
        let decoder = In::new(&self.decoders, workspace);
        let limits = self.options.limits;
        let examiner = Examiner::new(&self.pack.directory, &decoder, limits, extract);
        let examiner = if takes_digests { examiner.taking_digests() } else { examiner };
        let records = cut(read, &bytes).map(|(record, stored)| (record.place, stored));
        Ok(examiner.examine_all(records, &mut Lanes)?)
    }
}
