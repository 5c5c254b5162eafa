//! Verifying a pack in layers, each with a verdict of its own.
//!
//! A pack without content hash whose payloads carry no checksum can pass every
//! check there is and still hold a flipped bit. So a verification does not
//! answer yes or no: it says of each layer whether it passed, failed and
//! where, or is *not present*, and whether the items' bytes are protected by
//! any of them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Directory, Pack, ReadLimits, Record, RecordPlace, unseal};
use crate::codec::{Decode, FrameChecksum};
use crate::error::{DecodeError, Error, Fault, Section};
use crate::format::digest::{Extract, Hash, RecordHasher};
use crate::format::{ContentHasher, Dialect, DigestRecords};

/// The damaged records that a report lists; those beyond are only counted.
const MOST_LISTED: usize = 10_000;

/// Decoded payloads that [`Examiner::examine_all`] holds at a time, in bytes.
const MOST_HELD: u64 = 32 << 20;

/// The layers of a verification, in the order they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerName {
    /// The trailer, and the sections that it describes.
    Structure,
    /// The offset index.
    Index,
    /// The app data against its checksum.
    AppData,
    /// Each record against the checksum that covers its payload.
    RecordChecksum,
    /// Each record's payload, decoded.
    Decoding,
    /// The checksum within each encoded payload.
    FrameChecksum,
    /// The item lengths: their checksum, and that they add up to the payload.
    Lengths,
    /// The hash over all items.
    ContentHash,
}

impl LayerName {
    /// Every layer, in order.
    pub const ALL: [Self; 8] = [
        Self::Structure,
        Self::Index,
        Self::AppData,
        Self::RecordChecksum,
        Self::Decoding,
        Self::FrameChecksum,
        Self::Lengths,
        Self::ContentHash,
    ];

    /// A stable name, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Index => "index",
            Self::AppData => "app_data",
            Self::RecordChecksum => "record_checksum",
            Self::Decoding => "decoding",
            Self::FrameChecksum => "frame_checksum",
            Self::Lengths => "lengths",
            Self::ContentHash => "content_hash",
        }
    }

    /// The layer that a record's error belongs to.
    fn of(error: &Error, record_checksum: bool) -> Self {
        match error {
            Error::Corrupt { section: Section::ContentHash, .. } | Error::Untrusted(_) => {
                Self::ContentHash
            }
            Error::Corrupt { fault, .. } => match fault {
                Fault::Checksum { .. } if record_checksum => Self::RecordChecksum,
                Fault::Decode(DecodeError::FrameChecksum) => Self::FrameChecksum,
                Fault::Decode(_) => Self::Decoding,
                Fault::Extract(_) => Self::ContentHash,
                _ => Self::Lengths,
            },
            _ => Self::Decoding,
        }
    }
}

/// What a verification says of a layer.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything there is of it was checked and is sound.
    Passed,
    /// The first thing that is not.
    Failed(Error),
    /// The pack does not have it, so nothing was checked.
    NotPresent,
}

impl Verdict {
    /// A stable name, for JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotPresent => "not_present",
        }
    }
}

/// A layer and its verdict.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Which.
    pub name: LayerName,
    /// What is said of it.
    pub verdict: Verdict,
}

/// A damaged record.
#[derive(Clone, Debug)]
pub struct DamagedRecord {
    /// The record.
    pub record: RecordPlace,
    /// What is wrong with it.
    pub error: Error,
}

/// Checks single records, on any thread.
pub struct Examiner<'a> {
    directory: &'a Directory,
    decoder: &'a dyn Decode,
    limits: ReadLimits,
    extract: Option<Arc<dyn Extract>>,
    takes_digests: bool,
}

/// What an [`Examiner`] found of one record.
#[derive(Clone, Debug)]
pub struct Examination {
    place: RecordPlace,
    outcome: Result<SoundRecord, Error>,
}

/// What is known of a record that is sound in itself.
#[derive(Clone, Debug)]
pub struct SoundRecord {
    /// Whether the payload carried a checksum, which was then right.
    pub frame: FrameChecksum,
    /// The digest of the items, where it was taken: the pack stores a content
    /// hash, or the caller asked for it.
    pub digest: Option<Hash>,
    /// The decoded bytes of the record.
    pub payload_size: u64,
}

impl<'a> Examiner<'a> {
    /// An examiner of the records of a pack. `extract` is the one that the
    /// content hash was taken with, if any.
    #[must_use]
    pub fn new(
        directory: &'a Directory,
        decoder: &'a dyn Decode,
        limits: ReadLimits,
        extract: Option<Arc<dyn Extract>>,
    ) -> Self {
        let takes_digests = directory.trailer().content_hash.is_some();
        Self { directory, decoder, limits, extract, takes_digests }
    }

    /// The same examiner, which takes digests also where the pack stores no
    /// content hash.
    #[must_use]
    pub fn taking_digests(mut self) -> Self {
        self.takes_digests = true;
        self
    }

    /// Checks a record: its checksum, its decoding, its lengths; and takes the
    /// digest of its items where the pack stores a content hash.
    #[must_use]
    pub fn examine(&self, place: &RecordPlace, stored: Bytes) -> Examination {
        let outcome = self.inspect(place, stored).and_then(|(mut sound, record)| {
            if self.takes_digests {
                sound.digest = Some(self.digest(place, &record)?);
            }
            Ok(sound)
        });
        Examination::new(place.clone(), outcome)
    }

    /// Checks several records and takes their digests together, which is
    /// faster where `digester` takes many at once. Payloads of 32 MiB, or of an
    /// eighth of the memory limit, or a single larger one, are in memory at a
    /// time.
    ///
    /// # Errors
    /// What the digester says.
    pub fn examine_all(
        &self,
        records: impl IntoIterator<Item = (RecordPlace, Bytes)>,
        digester: &mut dyn DigestRecords,
    ) -> Result<Vec<Examination>, Error> {
        let together = self.takes_digests && self.extract.is_none();
        if !together {
            let one = |(place, stored)| self.examine(&place, stored);
            return Ok(records.into_iter().map(one).collect());
        }
        let mut held = Vec::new();
        let mut held_bytes = 0;
        let most_held = MOST_HELD.min(self.limits.memory / 8);
        let mut digests = Vec::new();
        let mut examined: Vec<Examination> = Vec::new();
        for (place, stored) in records {
            let outcome = self.inspect(&place, stored).map(|(sound, record)| {
                held_bytes += sound.payload_size;
                held.push(record);
                sound
            });
            examined.push(Examination::new(place, outcome));
            if held_bytes >= most_held {
                digest_all(&held, digester, &mut digests)?;
                held.clear();
                held_bytes = 0;
            }
        }
        digest_all(&held, digester, &mut digests)?;
        let sounds = examined.iter_mut().filter_map(|examined| examined.outcome.as_mut().ok());
        for (sound, digest) in sounds.zip(digests) {
            sound.digest = Some(digest);
        }
        Ok(examined)
    }

    /// As [`examine`](Self::examine), but for the digest: for a caller that
    /// has a faster SHA-256 than this crate, takes it of
    /// [`record_message`](crate::format::digest::record_message), and makes
    /// the [`Examination`] itself.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn inspect(
        &self,
        place: &RecordPlace,
        stored: Bytes,
    ) -> Result<(SoundRecord, Record), Error> {
        let frame = match stored.is_empty() {
            true => FrameChecksum::NotKept,
            false => self.decoder.checksum(&stored),
        };
        let record = unseal(self.directory, place, stored, self.decoder, &self.limits)?;
        // An empty payload is stored as nothing, whatever the codec.
        let payload_size = record.payload().len() as u64;
        let frame = if payload_size == 0 { FrameChecksum::NotKept } else { frame };
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
    /// What [`Examiner::inspect`] found, with the digest filled in.
    #[must_use]
    pub fn new(place: RecordPlace, outcome: Result<SoundRecord, Error>) -> Self {
        Self { place, outcome }
    }

    /// The record that was looked at.
    #[must_use]
    pub fn place(&self) -> &RecordPlace {
        &self.place
    }

    /// What was found.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn outcome(&self) -> Result<&SoundRecord, &Error> {
        self.outcome.as_ref()
    }

    /// Finds it wrong after all: sound in itself, and not what it should be.
    pub fn refuse(&mut self, error: Error) {
        self.outcome = Err(error);
    }

    /// What is wrong with it, if anything.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }
}

/// Gathers examinations, in the order of the records, into a report.
#[derive(Debug)]
pub struct Verification {
    expected_hash: Option<Hash>,
    record_checksum: bool,
    has_lengths: bool,
    app_data: Verdict,
    hasher: ContentHasher,
    failed: Vec<Layer>,
    damaged: Vec<DamagedRecord>,
    damaged_count: u32,
    examined: u32,
    frames_with_checksum: u32,
    frames_without_checksum: u32,
    payload_size: u64,
}

impl Verification {
    /// Starts with an open pack: that it opened says that its structure, its
    /// index and its app data are sound.
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
            examined: 0,
            frames_with_checksum: 0,
            frames_without_checksum: 0,
            payload_size: 0,
        }
    }

    /// The same verification against a content hash that the caller trusts,
    /// whatever the trailer says.
    #[must_use]
    pub fn against(mut self, content_hash: Hash) -> Self {
        self.expected_hash = Some(content_hash);
        self
    }

    /// Takes what was found of the next record.
    pub fn push(&mut self, examination: Examination) {
        self.examined += 1;
        match examination.outcome {
            Ok(sound) => {
                self.payload_size += sound.payload_size;
                match sound.frame {
                    FrameChecksum::Present => self.frames_with_checksum += 1,
                    FrameChecksum::Absent => self.frames_without_checksum += 1,
                    FrameChecksum::NotKept => {}
                }
                if let Some(digest) = &sound.digest {
                    self.hasher.record(digest);
                }
            }
            Err(error) => {
                self.fail(LayerName::of(&error, self.record_checksum), &error);
                self.damaged_count += 1;
                if self.damaged.len() < MOST_LISTED {
                    self.damaged.push(DamagedRecord { record: examination.place, error });
                }
            }
        }
    }

    fn fail(&mut self, name: LayerName, error: &Error) {
        if !self.failed.iter().any(|layer| layer.name == name) {
            self.failed.push(Layer { name, verdict: Verdict::Failed(error.clone()) });
        }
    }

    /// The report, once every record was looked at.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if let Some(stored) = self.expected_hash {
            // A damaged record has no digest, so the hash cannot be the stored
            // one; the record's own error says more than the hash would.
            let computed = self.hasher.clone().finish();
            if let Some(DamagedRecord { error, .. }) = self.damaged.first().cloned() {
                self.fail(LayerName::ContentHash, &error);
            } else if computed != stored {
                let fault = Fault::ContentHash { stored, computed };
                self.fail(LayerName::ContentHash, &fault.in_section(Section::ContentHash));
            }
        }
        let layers = LayerName::ALL.map(|name| Layer { name, verdict: self.verdict(name) });
        Report {
            layers,
            damaged: self.damaged,
            damaged_count: self.damaged_count,
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
        if present { Verdict::Passed } else { Verdict::NotPresent }
    }
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Every layer, in order.
    pub layers: [Layer; 8],
    /// The damaged records, the first ten thousand of them.
    pub damaged: Vec<DamagedRecord>,
    /// How many records are damaged.
    pub damaged_count: u32,
    /// How many records were looked at.
    pub record_count: u32,
    /// Encoded payloads that could carry a checksum and do not.
    pub frames_without_checksum: u32,
    /// Decoded bytes of the records that are sound.
    pub payload_size: u64,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.layers.iter().any(|layer| matches!(layer.verdict, Verdict::Failed(_)))
    }

    /// The verdict on one layer.
    #[must_use]
    pub fn verdict(&self, name: LayerName) -> &Verdict {
        const MISSING: &Verdict = &Verdict::NotPresent;
        let layer = self.layers.iter().find(|layer| layer.name == name);
        layer.map_or(MISSING, |layer| &layer.verdict)
    }

    /// Whether some check covers every byte of every item. Where none does, a
    /// flipped bit in an item would not have been noticed.
    ///
    /// That records of the same size stand in the order they were written in
    /// is something that only the content hash says.
    #[must_use]
    pub fn items_are_protected(&self) -> bool {
        [LayerName::RecordChecksum, LayerName::FrameChecksum, LayerName::ContentHash]
            .into_iter()
            .any(|name| !matches!(self.verdict(name), Verdict::NotPresent))
            || self.payload_size == 0
    }
}
