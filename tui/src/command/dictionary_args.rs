//! `--dictionary`: the dictionary that the records of a pack are written or read with.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use sealpack::core::error::Cause;
use sealpack::core::format::RecordContent;
use sealpack::{
    Codec, Dictionary, DictionaryError, DictionaryTraining, EncoderFactory, FirstRecords,
    RecordDictionary, Zstd,
};

use super::distinct::Files;
use crate::items::sample::{InputSample, RUN_BYTES};
use crate::outcome::{Failure, Input};
use crate::size::parse_size;

/// Approximately how many of the first bytes of items a dictionary is trained with, if the
/// input cannot be sampled.
const SAMPLE: u64 = 8 << 20;

/// The dictionary of a new pack.
#[derive(clap::Args, Debug)]
pub struct NewDictionaryArgs {
    /// Encode records with a zstd dictionary that the pack stores. `auto` trains one of at
    /// most 32 KiB with a sample of the items, SIZE (such as 64KiB) one of at most that
    /// size; FILE names an existing one. A trained dictionary is left out if it saves little
    #[arg(long, value_name = "auto|SIZE|FILE", value_parser = choice())]
    pub dictionary: Option<DictionaryChoice>,
    /// Encode records with this dictionary, which the pack does not store. The pack can be
    /// read only with it: keep it (see `sealpack dictionary train`)
    #[arg(long, value_name = "FILE", conflicts_with = "dictionary")]
    pub shared_dictionary: Option<PathBuf>,
}

/// A value of `--dictionary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DictionaryChoice {
    /// A dictionary of the default size is trained.
    Auto,
    /// A dictionary of at most this size in bytes is trained.
    Size(u64),
    /// The file that contains the dictionary.
    File(PathBuf),
}

/// Returns the parser of the values of `--dictionary`.
pub fn choice() -> impl clap::builder::TypedValueParser<Value = DictionaryChoice> {
    OsStringValueParser::new().map(|value: OsString| match value.to_str() {
        Some("auto") => DictionaryChoice::Auto,
        Some(text) => match parse_size(text) {
            Ok(size) => DictionaryChoice::Size(size),
            Err(_) => DictionaryChoice::File(value.into()),
        },
        None => DictionaryChoice::File(value.into()),
    })
}

/// Reads a dictionary from a file.
///
/// # Errors
/// [`Failure::File`], [`Failure::Dictionary`].
pub fn load(path: &Path) -> Result<Dictionary, Failure> {
    let input = || Input::Path(path.to_path_buf());
    let failed = |error| Failure::File { path: input(), operation: "cannot read", error };
    let mut bytes = Vec::new();
    // Reading one byte more than the maximum shows that the file is too large.
    let limit = Dictionary::MAX_SIZE as u64 + 1;
    let file = fs::File::open(path).map_err(failed)?;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Dictionary::from_bytes(bytes).map_err(|error| refused(Some(path), error))
}

/// Returns the failure for an error about a dictionary, and the file that contains it, if
/// any.
pub fn refused(path: Option<&Path>, error: DictionaryError) -> Failure {
    Failure::Dictionary { path: path.map(|path| Input::Path(path.to_path_buf())), error }
}

/// Returns the training of a dictionary of at most `size` bytes.
///
/// # Errors
/// [`Failure::Dictionary`] if no dictionary may have this size.
pub fn training(size: u64) -> Result<DictionaryTraining, Failure> {
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    DictionaryTraining::of_size(bytes).map_err(|error| refused(None, error))
}

impl NewDictionaryArgs {
    /// Returns whether a dictionary was requested.
    pub fn is_given(&self) -> bool {
        self.dictionary.is_some() || self.shared_dictionary.is_some()
    }

    /// Adds the files that are read to `files`.
    pub fn add_files(&self, files: &mut Files) {
        let stored = match &self.dictionary {
            Some(DictionaryChoice::File(path)) => Some(path),
            _ => None,
        };
        for path in stored.into_iter().chain(&self.shared_dictionary) {
            files.read("the dictionary", path);
        }
    }

    /// Returns the codec of a new pack: `zstd` with the requested dictionary.
    ///
    /// # Errors
    /// Those of [`load`] and [`training`].
    pub fn codec(&self, zstd: Zstd) -> Result<DictionaryCodec, Failure> {
        if let Some(path) = &self.shared_dictionary {
            return Ok(DictionaryCodec::of(zstd.shared_dictionary(load(path)?)));
        }
        let with = zstd.clone();
        let with = match &self.dictionary {
            None => with,
            Some(DictionaryChoice::File(path)) => with.dictionary(load(path)?),
            Some(DictionaryChoice::Auto) => {
                with.learned_dictionary(DictionaryTraining::default(), SAMPLE)
            }
            Some(DictionaryChoice::Size(size)) => with.learned_dictionary(training(*size)?, SAMPLE),
        };
        Ok(DictionaryCodec { plain: zstd, ..DictionaryCodec::of(with) })
    }
}

/// zstd, with a dictionary if one was requested. One that is trained learns from a sample
/// of all inputs if [`learn_from`](DictionaryCodec::learn_from) was called, otherwise from the
/// first items.
#[derive(Clone)]
pub struct DictionaryCodec {
    /// zstd without a dictionary.
    plain: Zstd,
    /// zstd with the dictionary, or with the training of one.
    zstd: Zstd,
    /// The codec that has learned from a sample of all inputs.
    sampled: Arc<OnceLock<Arc<dyn EncoderFactory>>>,
}

impl DictionaryCodec {
    /// Returns zstd with the dictionary that it already has, if any.
    pub fn of(zstd: Zstd) -> Self {
        Self { plain: zstd.clone(), zstd, sampled: Arc::default() }
    }

    /// Returns whether a dictionary is to be trained.
    pub fn learns(&self) -> bool {
        self.zstd.wanted_sample() > 0
    }

    /// Trains the dictionary with a sample of all parts of the input: the first items are
    /// often not like the others.
    ///
    /// # Errors
    /// [`Failure::Dictionary`].
    pub fn learn_from(&self, sample: &InputSample, items_per_record: u32) -> Result<(), Failure> {
        let is_small =
            |record: &RecordContent<'_>| record.items().all(|item| (item.len() as u64) < RUN_BYTES);
        let records = sample.runs.iter().flat_map(|run| run.records(items_per_record));
        let first = FirstRecords { records: records.filter(is_small).collect() };
        let failed = |cause| refused(None, DictionaryError::Training(cause));
        let learned = self.zstd.learn(&first).map_err(failed)?;
        self.sampled.get_or_init(|| learned.unwrap_or_else(|| Arc::new(self.plain.clone())));
        Ok(())
    }
}

impl EncoderFactory for DictionaryCodec {
    fn encoder(&self) -> Result<Codec, Cause> {
        self.zstd.encoder()
    }

    fn format_id(&self) -> u32 {
        self.zstd.format_id()
    }

    fn needed_dictionary(&self) -> Option<RecordDictionary> {
        self.zstd.needed_dictionary()
    }

    fn wanted_sample(&self) -> u64 {
        self.zstd.wanted_sample()
    }

    fn learn(&self, records: &FirstRecords<'_>) -> Result<Option<Arc<dyn EncoderFactory>>, Cause> {
        match self.sampled.get() {
            Some(learned) => Ok(Some(Arc::clone(learned))),
            None => self.zstd.learn(records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_the_option_are_a_word_a_size_or_a_file() {
        let parse = |text: &str| {
            let command = clap::Command::new("pack");
            let parser = choice();
            parser.parse_ref(&command, None, text.as_ref()).unwrap()
        };
        assert_eq!(parse("auto"), DictionaryChoice::Auto);
        assert_eq!(parse("64KiB"), DictionaryChoice::Size(64 << 10));
        assert_eq!(parse("./64KiB"), DictionaryChoice::File("./64KiB".into()));
        assert_eq!(parse("events.dict"), DictionaryChoice::File("events.dict".into()));
    }
}
