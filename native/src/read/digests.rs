//! Computes the digests of records, in order.

use std::convert::Infallible;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use sealpack_core::error::Misuse;
use sealpack_core::format::digest::Hash;
use sealpack_core::read::{Examiner, PlannedRead};

use super::reader::{Reader, ReaderInner};
use super::scan::Scan;
use super::views::records_of_read;
use super::workspace::{Workspace, WorkspaceDecoder};
use crate::digest::Lanes;
use crate::error::{Error, ErrorKind};
use crate::trust::{DigestListFile, DigestSpool, SealedDigests};

impl Reader {
    /// Returns the digest of each of these records, in order. It covers the whole items,
    /// even if the content hash was computed with an extract. Records are read and
    /// checked as in [`range`](Self::range).
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if the pack does not have all of these records.
    pub fn record_digests(&self, records: Range<u32>) -> Result<RecordDigests, Error> {
        let (last, count) = (records.end, self.directory().record_count());
        if last > count {
            let record = u64::from(last) - 1;
            let misuse = Misuse::RecordNumber { record, records: count };
            return Err(self.inner.error(sealpack_core::Error::Misuse(misuse).into()));
        }
        let scan =
            Scan::new(&self.inner, records, self.inner.opened.budget.merge, ReaderInner::digest);
        Ok(RecordDigests { inner: self.clone(), scan: Some(scan), batch: Vec::new().into_iter() })
    }

    /// Reads all of the pack and writes its digest list to `path`, where no file
    /// may exist.
    ///
    /// # Errors
    /// As [`DigestListFile::create`] and [`DigestListFile::write`].
    pub fn write_digests(&self, path: impl AsRef<Path>) -> Result<SealedDigests, Error> {
        let proceed = |_| ControlFlow::<Infallible>::Continue(());
        let ControlFlow::Continue(sealed) =
            DigestListFile::create(path, false)?.write(self, proceed)?;
        Ok(sealed)
    }
}

impl DigestListFile {
    /// Reads all of a pack, and writes its digest list. `progress` is called after
    /// every record with the number of records read so far, and may stop the
    /// reading; then no list appears.
    ///
    /// # Errors
    /// The error of the first damaged record; a content hash that differs from the
    /// stored one; [`ErrorKind::Io`].
    pub fn write<B>(
        self,
        reader: &Reader,
        mut progress: impl FnMut(u32) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, SealedDigests>, Error> {
        let mut spool = DigestSpool::new(self.folder());
        let records = 0..reader.directory().record_count();
        for (digest, done) in reader.record_digests(records)?.zip(1..) {
            spool.push(&[digest?]).map_err(|kind| self.error(kind))?;
            if let ControlFlow::Break(reason) = progress(done) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        let finished = self.finish_alone(spool, reader.trailer(), reader.extensions().raw());
        Ok(ControlFlow::Continue(finished?))
    }
}

/// The digests of a run of records, in order. The iterator ends after an error.
pub struct RecordDigests {
    inner: Reader,
    scan: Option<Scan<Vec<Result<Hash, ErrorKind>>>>,
    batch: std::vec::IntoIter<Result<Hash, ErrorKind>>,
}

impl Iterator for RecordDigests {
    type Item = Result<Hash, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match self.batch.next() {
                Some(digest) => digest,
                None => match self.scan.as_mut()?.next()? {
                    Ok(batch) => {
                        self.batch = batch.into_iter();
                        continue;
                    }
                    Err(kind) => Err(kind),
                },
            };
            return Some(next.map_err(|kind| {
                self.scan = None;
                self.batch = Vec::new().into_iter();
                self.inner.inner.error(kind)
            }));
        }
    }
}

impl FusedIterator for RecordDigests {}

impl fmt::Debug for RecordDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordDigests").field("reader", &self.inner).finish_non_exhaustive()
    }
}

impl ReaderInner {
    /// Computes the digests of the records of a read. Digests after a damaged record are
    /// not used.
    fn digest(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<Vec<Result<Hash, ErrorKind>>, ErrorKind> {
        let bytes = self.fetch_in(workspace, &read.range)?;
        let records = records_of_read(read, &bytes).map(|(record, stored)| (record.place, stored));
        let mut records = records.peekable();
        if let Some((first, stored)) = records.peek() {
            self.choose_codec(first, stored)?;
        }
        self.opened.decoders.refuse_unknown()?;
        let directory = &self.opened.pack.directory;
        let decoder = WorkspaceDecoder::new(&self.opened.decoders, workspace);
        let examiner = Examiner::new(directory, &decoder, self.opened.options.limits, None);
        let examined = examiner.with_digests().examine_all(records, &mut Lanes::default())?;
        let digest = |examination: &sealpack_core::read::Examination| {
            let digest = examination.outcome().map_err(Clone::clone)?.digest.unwrap_or_default();
            self.check_digest(examination.place().number, &digest)?;
            Ok(digest)
        };
        Ok(examined.iter().map(digest).collect())
    }
}
