//! An opened pack and its options, shared by the reader of files and the reader of
//! stores. Each of them fetches bytes in its own way and passes them to this
//! module.

use std::convert::Infallible;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sealpack_core::codec::Decode;
use sealpack_core::error::{DecodeError, Fault, Section};
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{ExtensionKind, RecordContent};
use sealpack_core::names::{NamesCompanion, StoredNames};
use sealpack_core::read::{
    CodecDetection, Examination, Examiner, FileTail, Merge, Pack, PlannedRead, Record, RecordPlace,
    Verification, split_record, unseal,
};

use super::budget::Budget;
use super::codec::Decoders;
use super::decode_memory::DecodeMemory;
use super::examined::RunningVerification;
use super::options::ReaderOptions;
use super::record_cache::CachedRecords;
use super::views::records_of_read;
use crate::dictionary::{Dictionary, FrameDictionary};
use crate::digest::Lanes;
use crate::error::ErrorKind;
use crate::names::{Names, names_file_error};

/// An opened pack, its decoders, and the options that it is read with.
pub(crate) struct OpenedPack {
    pub(crate) pack: Pack,
    pub(crate) decoders: Decoders,
    pub(crate) options: ReaderOptions,
    pub(crate) budget: Budget,
    pub(crate) cached: CachedRecords,
    /// The names, once they were requested.
    names: OnceLock<Option<Names>>,
}

/// Where the names of an opened pack are.
pub(crate) enum FoundNames {
    /// In memory; `None` if the items have none.
    Opened(Option<Names>),
    /// In a file next to the pack, which the reader has to fetch.
    Companion(NamesCompanion),
}

impl OpenedPack {
    /// Takes a pack that was opened from a file of `size` bytes.
    pub(crate) fn new(mut pack: Pack, size: u64, options: ReaderOptions, merge: Merge) -> Self {
        // A tail that is only part of the file is rarely used once the pack is open, and
        // would keep up to 256 KiB in memory. A tail that is a whole small file saves
        // every later read.
        if pack.tail.start > 0 {
            pack.tail = FileTail { start: size, bytes: Bytes::new() };
        }
        let stored = pack.app_data.section(ExtensionKind::DICTIONARY);
        let dictionary = FrameDictionary::new(stored, options.dictionary.clone());
        let decoders = Decoders::new(options.codec.clone(), dictionary);
        let budget = Budget::new(options.limits, merge);
        let cached = CachedRecords::new(options.cache.clone());
        Self { pack, decoders, options, budget, cached, names: OnceLock::new() }
    }

    /// Returns the names of the items if an earlier call returned them, otherwise where
    /// they are stored. Errors name `path`, the path of the pack.
    pub(crate) fn find_names(&self, path: &Arc<PathBuf>) -> Result<FoundNames, ErrorKind> {
        if let Some(names) = self.names.get() {
            return Ok(FoundNames::Opened(names.clone()));
        }
        let Some(section) = self.pack.app_data.section(ExtensionKind::NAMES) else {
            return Ok(FoundNames::Opened(None));
        };
        match StoredNames::parse(section, self.pack.directory.item_count())? {
            StoredNames::Section(names) => {
                let names = Names::new(Arc::clone(path), names);
                Ok(FoundNames::Opened(Some(self.keep_names(names))))
            }
            StoredNames::Companion(companion) => {
                self.options.limits.admit(companion.size)?;
                Ok(FoundNames::Companion(companion))
            }
        }
    }

    /// Opens the names that were read from the names file at `path`.
    pub(crate) fn open_names(
        &self,
        companion: &NamesCompanion,
        bytes: Bytes,
        path: PathBuf,
    ) -> Result<Names, ErrorKind> {
        match companion.open(bytes) {
            Ok(section) => Ok(self.keep_names(Names::new(Arc::new(path), section))),
            Err(error) => Err(names_file_error(path, error.into())),
        }
    }

    fn keep_names(&self, names: Names) -> Names {
        let kept = self.names.get_or_init(|| Some(names.clone()));
        kept.clone().unwrap_or(names)
    }

    /// Returns the dictionary that frames are decoded with, if there is one.
    pub(crate) fn dictionary(&self) -> Result<Option<Dictionary>, ErrorKind> {
        let dictionary = self.decoders.zstd().dictionary().get();
        let unusable = |fault| Fault::Decode(DecodeError::Dictionary(fault));
        Ok(dictionary.map_err(|fault| unusable(fault).in_section(Section::AppData))?.cloned())
    }

    /// Returns the first record, if no record has decided the codec yet.
    pub(crate) fn record_for_codec_choice(&self) -> Option<RecordPlace> {
        if self.decoders.is_chosen() { None } else { self.pack.directory.record(0).ok() }
    }

    /// Chooses the codec by this record, if none of the sampled records had a payload but
    /// this one has.
    pub(crate) fn choose_codec_by_payload(&self, place: &RecordPlace, stored: &[u8]) {
        let directory = &self.pack.directory;
        let decides = || CodecDetection::evidence(directory, place, stored).is_some();
        if !self.decoders.is_chosen() && decides() {
            // There is no sample, so nothing is fetched.
            let fetch = |_: &Range<u64>| Ok::<_, Infallible>(Bytes::new());
            let Ok(()) = self.decoders.choose(directory, place, stored, fetch);
        }
    }

    /// Checks and decodes a record that was read.
    pub(crate) fn unseal(
        &self,
        place: &RecordPlace,
        stored: Bytes,
        decoder: &dyn Decode,
    ) -> Result<Record, ErrorKind> {
        self.choose_codec_by_payload(place, &stored);
        self.decoders.refuse_unknown()?;
        Ok(unseal(&self.pack.directory, place, stored, decoder, &self.options.limits)?)
    }

    /// As [`unseal`](Self::unseal), but for borrowed bytes: checks a record, and decodes it
    /// into `memory`.
    #[inline]
    pub(crate) fn unseal_lent<'a>(
        &self,
        place: &RecordPlace,
        stored: &'a [u8],
        memory: &'a mut DecodeMemory,
    ) -> Result<RecordContent<'a>, ErrorKind> {
        self.decoders.refuse_unknown()?;
        let record = split_record(&self.pack.directory, place, stored, &self.options.limits)?;
        let payload = match record.payload() {
            payload if payload.is_empty() || self.decoders.is_plain() => Ok(payload),
            payload => memory.decode(&self.decoders, payload, record.size()),
        };
        Ok(record.items(payload)?)
    }

    /// Examines the records of a read. With `computes_digests`, computes digests even if
    /// the pack stores no content hash.
    pub(crate) fn examine(
        &self,
        read: PlannedRead,
        bytes: &Bytes,
        decoder: &dyn Decode,
        computes_digests: bool,
    ) -> Result<Vec<Examination>, ErrorKind> {
        if !self.decoders.is_chosen() {
            for (record, stored) in records_of_read(read.clone(), bytes) {
                self.choose_codec_by_payload(&record.place, &stored);
            }
        }
        self.decoders.refuse_unknown()?;
        let (limits, extract) = (self.options.limits, self.options.extract.clone());
        let examiner = Examiner::new(&self.pack.directory, decoder, limits, extract);
        let examiner = if computes_digests { examiner.with_digests() } else { examiner };
        let records = records_of_read(read, bytes).map(|(record, stored)| (record.place, stored));
        Ok(examiner.examine_all(records, &mut Lanes::default())?)
    }

    /// Starts a verification, against `content_hash` if there is one, or else the stored
    /// hash.
    pub(crate) fn verification(&self, content_hash: Option<Hash>) -> RunningVerification {
        let verification = Verification::new(&self.pack);
        RunningVerification::new(match content_hash {
            Some(content_hash) => verification.against(content_hash),
            None => verification,
        })
    }
}
