//! Verifying a pack in layers, each with its own verdict.
//!
//! A pack without a content hash whose payloads carry no checksum can pass every
//! check and still contain a flipped bit. So a verification does not return yes
//! or no. It reports for each layer whether it passed, failed and where, or is
//! *not present*, and whether any layer protects the items' bytes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::report::{DamagedRecord, LayerName, LayerVerdict, Report, UncheckedRecord, Verdict};
use super::{Directory, Pack, ReadLimits, Record, RecordPlace, unseal};
use crate::codec::{Decode, FrameChecksum};
use crate::error::{DecodeError, Error, Fault, Limit, Section};
use crate::format::digest::{Extract, Hash, RecordHasher};
use crate::format::{ContentHasher, Dialect, DigestRecords};

/// The maximum number of damaged records that a report lists; further ones are
/// only counted.
const MAX_LISTED: usize = 10_000;

/// The maximum size of the decoded payloads that [`Examiner::examine_all`] keeps
/// before it computes their digests, in bytes.
const MAX_BATCH_BYTES: u64 = 32 << 20;

/// Checks single records, on any thread.
pub struct Examiner<'a> {
    directory: &'a Directory,
    decoder: &'a dyn Decode,
    limits: ReadLimits,
    extract: Option<Arc<dyn Extract>>,
    computes_digests: bool,
}

impl fmt::Debug for Examiner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examiner")
            .field("limits", &self.limits)
            .field("computes_digests", &self.computes_digests)
            .finish_non_exhaustive()
    }
}

/// The result of examining one record.
#[derive(Clone, Debug)]
pub struct Examination {
    place: RecordPlace,
    outcome: Result<SoundRecord, Error>,
}

/// What is known about a record that is sound in itself.
#[derive(Clone, Debug)]
pub struct SoundRecord {
    /// Whether the payload carried a checksum; if so, it matched.
    pub frame: FrameChecksum,
    /// The digest of the items, if it was computed: because the pack stores a
    /// content hash, or because the caller asked for it.
    pub digest: Option<Hash>,
    /// The decoded size of the record, in bytes.
    pub payload_size: u64,
}

impl<'a> Examiner<'a> {
    /// An examiner for the records of a pack. `extract` must be the one with
    /// which the content hash was computed, if any.
    #[must_use]
    pub fn new(
        directory: &'a Directory,
        decoder: &'a dyn Decode,
        limits: ReadLimits,
        extract: Option<Arc<dyn Extract>>,
    ) -> Self {
        let computes_digests = directory.trailer().content_hash.is_some();
        Self { directory, decoder, limits, extract, computes_digests }
    }

    /// Makes the examiner compute digests even if the pack stores no content
    /// hash.
    #[must_use]
    pub fn with_digests(mut self) -> Self {
        self.computes_digests = true;
        self
    }

    /// Checks a record: its checksum, its decoding, its lengths. Computes the
    /// digest of its items if the pack stores a content hash.
    #[must_use]
    pub fn examine(&self, place: &RecordPlace, stored: Bytes) -> Examination {
        let outcome = self.inspect(place, stored).and_then(|(mut sound, record)| {
            if self.computes_digests {
                sound.digest = Some(self.digest(place, &record)?);
            }
            Ok(sound)
        });
        Examination::new(place.clone(), outcome)
    }

    /// Checks several records and computes their digests in batches, which is
    /// faster with a `digester` that computes many at once. At most 32 MiB of
    /// payloads are in memory at a time, or an eighth of the memory limit, or a
    /// single larger payload.
    ///
    /// # Errors
    /// Any error of the digester.
    pub fn examine_all(
        &self,
        records: impl IntoIterator<Item = (RecordPlace, Bytes)>,
        digester: &mut dyn DigestRecords,
    ) -> Result<Vec<Examination>, Error> {
        let in_batches = self.computes_digests && self.extract.is_none();
        if !in_batches {
            let one = |(place, stored)| self.examine(&place, stored);
            return Ok(records.into_iter().map(one).collect());
        }
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        let max_batch_bytes = MAX_BATCH_BYTES.min(self.limits.memory / 8);
        let mut digests = Vec::new();
        let mut examined: Vec<Examination> = Vec::new();
        for (place, stored) in records {
            let outcome = self.inspect(&place, stored).map(|(sound, record)| {
                batch_bytes += sound.payload_size;
                batch.push(record);
                sound
            });
            examined.push(Examination::new(place, outcome));
            if batch_bytes >= max_batch_bytes {
                digest_all(&batch, digester, &mut digests)?;
                batch.clear();
                batch_bytes = 0;
            }
        }
        digest_all(&batch, digester, &mut digests)?;
        let sound_records =
            examined.iter_mut().filter_map(|examined| examined.outcome.as_mut().ok());
        for (sound, digest) in sound_records.zip(digests) {
            sound.digest = Some(digest);
        }
        Ok(examined)
    }

    /// As [`examine`](Self::examine), without the digest. A caller with a faster
    /// SHA-256 than this crate hashes the
    /// [`record_message`](crate::format::digest::record_message) and creates the
    /// [`Examination`] itself.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn inspect(
        &self,
        place: &RecordPlace,
        stored: Bytes,
    ) -> Result<(SoundRecord, Record), Error> {
        let frame = match stored.is_empty() {
            true => FrameChecksum::Unsupported,
            false => self.decoder.checksum(&stored),
        };
        let record = unseal(self.directory, place, stored, self.decoder, &self.limits)?;
        // An empty payload is stored as zero bytes with any codec.
        let payload_size = record.payload().len() as u64;
        let frame = if payload_size == 0 { FrameChecksum::Unsupported } else { frame };
        Ok((SoundRecord { frame, digest: None, payload_size }, record))
    }

    fn digest(&self, place: &RecordPlace, record: &Record) -> Result<Hash, Error> {
        let section = Section::Record(place.number);
        let mut hasher = RecordHasher::new();
        for item in record.slices() {
            match &self.extract {
                None => hasher.item(item)?,
                Some(extract) => {
                    let refused = |cause| Fault::Extract(cause).in_section(section);
                    hasher.item(&extract.extract(item).map_err(refused)?)?;
                }
            }
        }
        Ok(hasher.finish())
    }
}

fn digest_all(
    records: &[Record],
    digester: &mut dyn DigestRecords,
    digests: &mut Vec<Hash>,
) -> Result<(), Error> {
    let contents: Vec<_> = records.iter().map(Record::content).collect();
    digester.digests(&contents, digests)
}

impl Examination {
    /// An examination from the result of [`Examiner::inspect`], with the digest
    /// filled in.
    #[must_use]
    pub fn new(place: RecordPlace, outcome: Result<SoundRecord, Error>) -> Self {
        Self { place, outcome }
    }

    /// The examined record.
    #[must_use]
    pub fn place(&self) -> &RecordPlace {
        &self.place
    }

    /// The result.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn outcome(&self) -> Result<&SoundRecord, &Error> {
        self.outcome.as_ref()
    }

    /// Replaces the result by an error, for a record that is sound in itself but
    /// not the trusted one.
    pub fn refuse(&mut self, error: Error) {
        self.outcome = Err(error);
    }

    /// What is wrong with it, if anything.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }
}

/// Combines the examinations of all records, in their order, into a report.
#[derive(Debug)]
pub struct Verification {
    expected_hash: Option<Hash>,
    record_checksum: bool,
    has_lengths: bool,
    app_data: Verdict,
    hasher: ContentHasher,
    failed: Vec<LayerVerdict>,
    damaged: Vec<DamagedRecord>,
    damaged_count: u32,
    unchecked: Vec<UncheckedRecord>,
    unchecked_count: u32,
    examined: u32,
    frames_with_checksum: u32,
    frames_without_checksum: u32,
    payload_size: u64,
}

impl Verification {
    /// Starts the verification of an open pack. Opening it has already checked
    /// structure, index and app data.
    #[must_use]
    pub fn new(pack: &Pack) -> Self {
        let trailer = pack.directory.trailer();
        let app_data = match (trailer.app_data_size, pack.dialect) {
            (0, _) | (_, Dialect::NoAppDataCrc) => Verdict::NotPresent,
            (_, Dialect::AppDataCrc) => Verdict::Passed,
        };
        Self {
            expected_hash: trailer.content_hash,
            record_checksum: trailer.record_checksum,
            has_lengths: trailer.layout().has_lengths(),
            app_data,
            hasher: ContentHasher::new(),
            failed: Vec::new(),
            damaged: Vec::new(),
            damaged_count: 0,
            unchecked: Vec::new(),
            unchecked_count: 0,
            examined: 0,
            frames_with_checksum: 0,
            frames_without_checksum: 0,
            payload_size: 0,
        }
    }

    /// Verifies against a content hash that the caller trusts instead of the one
    /// in the trailer.
    #[must_use]
    pub fn against(mut self, content_hash: Hash) -> Self {
        self.expected_hash = Some(content_hash);
        self
    }

    /// Adds the examination of the next record.
    pub fn push(&mut self, examination: Examination) {
        self.examined += 1;
        match examination.outcome {
            Ok(sound) => {
                self.payload_size += sound.payload_size;
                match sound.frame {
                    FrameChecksum::Present => self.frames_with_checksum += 1,
                    FrameChecksum::Absent => self.frames_without_checksum += 1,
                    FrameChecksum::Unsupported => {}
                }
                if let Some(digest) = &sound.digest {
                    self.hasher.record(digest);
                }
            }
            Err(error) if leaves_unchecked(&error) => {
                self.unchecked_count += 1;
                if self.unchecked.len() < MAX_LISTED {
                    self.unchecked.push(UncheckedRecord { record: examination.place, error });
                }
            }
            Err(error) => {
                self.fail(LayerName::of(&error, self.record_checksum), &error);
                self.damaged_count += 1;
                if self.damaged.len() < MAX_LISTED {
                    self.damaged.push(DamagedRecord { record: examination.place, error });
                }
            }
        }
    }

    fn fail(&mut self, name: LayerName, error: &Error) {
        if !self.failed.iter().any(|layer| layer.name == name) {
            self.failed.push(LayerVerdict { name, verdict: Verdict::Failed(error.clone()) });
        }
    }

    /// The report. Call it after the examination of every record was added.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if let Some(stored) = self.expected_hash {
            // A damaged record has no digest, so the hash cannot match; the
            // record's own error is more specific.
            let computed = self.hasher.clone().finish();
            if let Some(DamagedRecord { error, .. }) = self.damaged.first().cloned() {
                self.fail(LayerName::ContentHash, &error);
            } else if self.unchecked_count == 0 && computed != stored {
                let fault = Fault::ContentHash { stored, computed };
                self.fail(LayerName::ContentHash, &fault.in_section(Section::ContentHash));
            }
        }
        let layers = LayerName::ALL.map(|name| LayerVerdict { name, verdict: self.verdict(name) });
        Report {
            layers,
            damaged: self.damaged,
            damaged_count: self.damaged_count,
            unchecked: self.unchecked,
            unchecked_count: self.unchecked_count,
            record_count: self.examined,
            frames_without_checksum: self.frames_without_checksum,
            payload_size: self.payload_size,
        }
    }

    fn verdict(&self, name: LayerName) -> Verdict {
        if let Some(layer) = self.failed.iter().find(|layer| layer.name == name) {
            return layer.verdict.clone();
        }
        let frames = self.frames_with_checksum + self.frames_without_checksum;
        let present = match name {
            LayerName::Structure | LayerName::Index => true,
            LayerName::AppData => return self.app_data.clone(),
            LayerName::RecordChecksum => self.record_checksum,
            LayerName::Decoding => frames > 0,
            LayerName::FrameChecksum => frames > 0 && self.frames_without_checksum == 0,
            LayerName::Lengths => self.has_lengths,
            LayerName::ContentHash => self.expected_hash.is_some(),
        };
        match self.unchecked.first() {
            Some(record) if name == LayerName::Decoding || present && name > LayerName::AppData => {
                Verdict::NotChecked(record.error.clone())
            }
            _ if present => Verdict::Passed,
            _ => Verdict::NotPresent,
        }
    }
}

/// Whether the error means that the record was not checked, rather than that it is
/// damaged: it exceeds a limit of the reader, the pack has an unknown extension, or a
/// dictionary is missing. No sound record decodes to more than the format allows.
fn leaves_unchecked(error: &Error) -> bool {
    match error {
        Error::Limit(Limit::Decoded { size, .. }) => *size <= 1 << 32,
        Error::Limit(Limit::SingleAllocation { .. })
        | Error::Corrupt { fault: Fault::Extension { .. }, .. }
        | Error::Corrupt { fault: Fault::Decode(DecodeError::MissingDictionary { .. }), .. } => {
            true
        }
        _ => false,
    }
}
