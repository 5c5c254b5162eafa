//! C zstd: one frame per record, with content size and checksum, as the reference
//! writes them (FORMAT.md, *zstd records*), and dictionaries.

mod decode;
mod encode;
mod learn;

use std::sync::Arc;

use sealpack_core::error::Cause;
use sealpack_core::format::known::KnownCodec;
use zstd::zstd_safe::{self, ErrorCode};

use crate::codec::{Codec, EncoderFactory, FirstRecords, RecordDictionary};
use crate::dictionary::{Dictionary, DictionaryTraining};

pub(crate) use decode::{Context, ZstdDecoder};
use encode::ZstdEncoder;

/// The reference's compression level.
pub const DEFAULT_LEVEL: i32 = 3;

/// Stores records as zstd frames.
///
/// ```no_run
/// # fn main() -> Result<(), sealpack::Error> {
/// let options = sealpack::Writer::options().codec(sealpack::Zstd::level(19));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zstd {
    level: i32,
    dictionary: DictionaryUse,
}

/// Which dictionary records are encoded with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum DictionaryUse {
    None,
    Given {
        dictionary: Dictionary,
        is_stored: bool,
    },
    /// Trained with the first items of the pack, about `sample` bytes of them.
    Learned {
        training: DictionaryTraining,
        sample: u64,
    },
}

impl Default for Zstd {
    /// Level 3, no dictionary.
    fn default() -> Self {
        Self::level(DEFAULT_LEVEL)
    }
}

impl Zstd {
    /// Sets the level, from 1 (the fastest) to 22 (the smallest output); negative
    /// levels are faster still. Levels outside of zstd's range are clamped to it.
    #[must_use]
    pub fn level(level: i32) -> Self {
        Self { level, dictionary: DictionaryUse::None }
    }

    /// Encodes records with a dictionary, which the pack stores for its readers. Small
    /// records become as small as large ones, so that a pack of few items per record
    /// takes no more space, and reading one item decodes less. For records above about
    /// 32 KB, a dictionary gains little.
    #[must_use]
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self {
        self.dictionary = DictionaryUse::Given { dictionary, is_stored: true };
        self
    }

    /// As [`dictionary`](Self::dictionary), but the pack does not store it: for many
    /// small packs that share one. Readers need
    /// [`ReaderOptions::dictionary`](crate::ReaderOptions::dictionary). Keep the
    /// dictionary: without it the items are lost.
    #[must_use]
    pub fn shared_dictionary(mut self, dictionary: Dictionary) -> Self {
        self.dictionary = DictionaryUse::Given { dictionary, is_stored: false };
        self
    }

    /// Trains the dictionary with the first items of the pack, and stores it in the pack.
    /// About `sample` bytes of items wait in memory for it. A quarter of them are used to
    /// measure the gain: the pack gets no dictionary unless its records become smaller by
    /// more than 3 percent plus the size of the dictionary.
    ///
    /// If the first items are not like the others, train a [`Dictionary`] with items from
    /// all parts of the input instead.
    ///
    /// ```
    /// use sealpack::{DictionaryTraining, Reader, Writer, Zstd};
    ///
    /// let codec = Zstd::level(3).learned_dictionary(DictionaryTraining::default(), 8 << 20);
    /// let mut writer = Writer::options().codec(codec).items_per_record(1).write_to(Vec::new())?;
    /// for i in 0..20_000 {
    ///     writer.append(format!("{{\"event\": \"transfer\", \"amount\": {}}}", i * i).as_bytes())?;
    /// }
    /// let pack = writer.finish()?.sink;
    /// let reader = Reader::options().open_source(pack, "memory")?;
    /// assert!(reader.dictionary()?.is_some());
    /// # Ok::<(), sealpack::Error>(())
    /// ```
    #[must_use]
    pub fn learned_dictionary(mut self, training: DictionaryTraining, sample: u64) -> Self {
        self.dictionary = DictionaryUse::Learned { training, sample };
        self
    }
}

impl EncoderFactory for Zstd {
    fn encoder(&self) -> Result<Codec, Cause> {
        let dictionary = match &self.dictionary {
            DictionaryUse::Given { dictionary, .. } => Some(dictionary),
            DictionaryUse::None | DictionaryUse::Learned { .. } => None,
        };
        Ok(Codec::Encoder(Box::new(ZstdEncoder::new(self.level, dictionary)?)))
    }

    fn format_id(&self) -> u32 {
        KnownCodec::Zstd.default_format_id()
    }

    fn needed_dictionary(&self) -> Option<RecordDictionary> {
        match &self.dictionary {
            DictionaryUse::Given { dictionary, is_stored } => {
                Some(RecordDictionary { dictionary: dictionary.clone(), is_stored: *is_stored })
            }
            DictionaryUse::None | DictionaryUse::Learned { .. } => None,
        }
    }

    fn wanted_sample(&self) -> u64 {
        match self.dictionary {
            DictionaryUse::Learned { sample, .. } => sample,
            _ => 0,
        }
    }

    fn learn(&self, records: &FirstRecords<'_>) -> Result<Option<Arc<dyn EncoderFactory>>, Cause> {
        let DictionaryUse::Learned { training, .. } = &self.dictionary else { return Ok(None) };
        Ok(match learn::dictionary(self.level, training, records)? {
            Some(dictionary) => Some(Arc::new(Self::level(self.level).dictionary(dictionary))),
            None => None,
        })
    }
}

fn cause(code: ErrorCode) -> Cause {
    Cause::text(format!("zstd: {}", zstd_safe::get_error_name(code)))
}
