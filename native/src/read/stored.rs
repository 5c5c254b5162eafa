//! Reads records as they are stored, to copy them into another pack.

use std::ops::Range;

use sealpack_core::error::{Error as PackError, Misuse, Section};
use sealpack_core::read::{Examiner, PlannedRead};
use sealpack_core::write::StoredRecords;

use super::reader::{Reader, ReaderInner};
use super::scan::{Scan, Work};
use super::views::records_of_read;
use super::workspace::{Workspace, WorkspaceDecoder};
use crate::digest::Lanes;
use crate::error::{Error, ErrorKind};

/// Which checks are made on records that are read as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredCheck {
    /// The checksum of each, and that its dictionary is there.
    Checksum,
    /// Each record is decoded and checked, and its digest computed.
    Content,
}

/// Runs of stored records, in order. The iterator ends after an error.
pub(crate) struct StoredRuns {
    reader: Reader,
    scan: Option<Scan<StoredRecords>>,
}

impl Reader {
    /// Returns records as they are stored, in runs, read ahead on the threads of
    /// the reader.
    ///
    /// # Errors
    /// [`Misuse::RecordNumber`] if the pack does not have all of these records;
    /// [`Fault::Extension`](sealpack_core::error::Fault::Extension) if it has an
    /// unknown extension, which may change the meaning of its records.
    pub(crate) fn stored_runs(
        &self,
        records: Range<u32>,
        check: StoredCheck,
    ) -> Result<StoredRuns, Error> {
        let known = self.directory().refuse_unknown_extension();
        known.map_err(|error| self.inner.error(error.into()))?;
        let count = self.directory().record_count();
        if records.end > count {
            let record = u64::from(records.end) - 1;
            let misuse = Misuse::RecordNumber { record, records: count };
            return Err(self.inner.error(PackError::Misuse(misuse).into()));
        }
        let work: Work<StoredRecords> = match check {
            StoredCheck::Checksum => ReaderInner::stored_run,
            StoredCheck::Content => ReaderInner::checked_run,
        };
        let scan = Scan::new(&self.inner, records, self.inner.scan_merge(), work);
        Ok(StoredRuns { reader: self.clone(), scan: Some(scan) })
    }
}

impl Reader {
    /// Returns whether the content hash is checked with an extract.
    pub(crate) fn has_hash_extract(&self) -> bool {
        self.inner.opened.options.extract.is_some()
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        self.inner.error(kind)
    }
}

impl Iterator for StoredRuns {
    type Item = Result<StoredRecords, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.scan.as_mut()?.next()?;
        Some(next.map_err(|kind| {
            self.scan = None;
            self.reader.inner.error(kind)
        }))
    }
}

impl ReaderInner {
    fn stored_run(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<StoredRecords, ErrorKind> {
        let bytes = self.fetch_in(workspace, &read.range)?;
        let mut stored = StoredRecords { extents: vec![bytes.clone()], ..StoredRecords::default() };
        let layout = self.opened.pack.directory.layout();
        for (record, bytes) in records_of_read(read.clone(), &bytes) {
            let section = Section::Record(record.place.number);
            let split = layout.split(&bytes, record.place.item_count);
            split.map_err(|fault| fault.in_section(section))?;
            self.opened.decoders.refuse_missing_dictionary(&record.place, &bytes)?;
        }
        for record in &read.records {
            stored.sizes.push(size_of_record(record.place.size())?);
            stored.item_count += record.place.item_count;
            // The size of the items is known only after decoding; the stored size stands in.
            stored.payload_size += record.place.size();
        }
        Ok(stored)
    }

    fn checked_run(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<StoredRecords, ErrorKind> {
        let item_counts: Vec<u32> =
            read.records.iter().map(|record| record.place.item_count).collect();
        let bytes = self.fetch_in(workspace, &read.range)?;
        if let Some((first, stored)) = records_of_read(read.clone(), &bytes).next() {
            self.choose_codec(&first.place, &stored)?;
        }
        let decoder = WorkspaceDecoder::new(&self.opened.decoders, workspace);
        self.opened.decoders.refuse_unknown()?;
        let directory = &self.opened.pack.directory;
        let examiner = Examiner::new(directory, &decoder, self.opened.options.limits, None);
        let records = records_of_read(read, &bytes).map(|(record, stored)| (record.place, stored));
        let examined = examiner.with_digests().examine_all(records, &mut Lanes::default())?;
        let mut stored = StoredRecords { extents: vec![bytes], ..StoredRecords::default() };
        for (examination, items) in examined.iter().zip(item_counts) {
            let sound = examination.outcome().map_err(Clone::clone)?;
            let digest = sound.digest.unwrap_or_default();
            self.check_digest(examination.place().number, &digest)?;
            stored.sizes.push(size_of_record(examination.place().size())?);
            stored.digests.push(digest);
            stored.item_count += items;
            stored.payload_size += sound.payload_size;
        }
        Ok(stored)
    }
}

fn size_of_record(size: u64) -> Result<u32, ErrorKind> {
    let limit = sealpack_core::error::Limit::Record { size };
    u32::try_from(size).map_err(|_| PackError::Limit(limit).into())
}
