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
use crate::items::walk::FoundInput;
use crate::outcome::{Failure, Input};
use crate::size::parse_size;

/// Approximately how many bytes of items a dictionary is trained with.
const SAMPLE: u64 = 8 << 20;

/// Files that are larger than this are left out of the sample: a dictionary is for small
/// items.
const MAX_SAMPLED: u64 = 1 << 20;

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
/// of all inputs if [`sample`](DictionaryCodec::sample) was called, otherwise from the
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

    /// Trains the dictionary, if one is to be trained, with files from all parts of the
    /// input; each file is an item. The first files of a folder are often not like the
    /// others.
    ///
    /// # Errors
    /// [`Failure::Dictionary`].
    pub fn sample(&self, inputs: &[FoundInput], items_per_record: u32) -> Result<(), Failure> {
        if self.zstd.wanted_sample() == 0 {
            return Ok(());
        }
        let sampled = sample(inputs, items_per_record);
        let records = sampled.iter().map(|it| RecordContent::listed(&it.bytes, &it.lengths));
        let first = FirstRecords { records: records.collect() };
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

/// A record of a sample: the bytes of its items, and their lengths.
#[derive(Default)]
struct SampledRecord {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
}

/// Reads about [`SAMPLE`] bytes of the inputs, as records from all parts of them. Leaves
/// out files that cannot be read: the packing reports them.
fn sample(inputs: &[FoundInput], items_per_record: u32) -> Vec<SampledRecord> {
    let per_record = usize::try_from(items_per_record).unwrap_or(usize::MAX).max(1);
    let records: Vec<&[FoundInput]> = inputs.chunks(per_record).collect();
    let mut sampled: Vec<SampledRecord> = Vec::new();
    let mut bytes = 0;
    // Each round takes the records halfway between those of the earlier rounds.
    let mut stride = records.len().next_power_of_two().max(1);
    let mut is_first = true;
    while bytes < SAMPLE && (is_first || stride > 0) {
        let (start, step) = if is_first { (0, stride) } else { (stride, 2 * stride) };
        for record in records.iter().skip(start).step_by(step.max(1)) {
            let read = read_record(record);
            bytes = bytes.saturating_add(read.bytes.len() as u64);
            sampled.push(read);
            if bytes >= SAMPLE {
                break;
            }
        }
        is_first = false;
        stride /= 2;
    }
    sampled
}

fn read_record(inputs: &[FoundInput]) -> SampledRecord {
    let mut record = SampledRecord::default();
    for found in inputs {
        let Input::Path(path) = &found.input else { continue };
        let is_sampled = |file: &fs::Metadata| file.is_file() && file.len() <= MAX_SAMPLED;
        if !fs::metadata(path).is_ok_and(|file| is_sampled(&file)) {
            continue;
        }
        let Ok(item) = fs::read(path) else { continue };
        let Ok(length) = u32::try_from(item.len()) else { continue };
        record.bytes.extend_from_slice(&item);
        record.lengths.push(length);
    }
    record
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

    #[test]
    fn a_sample_comes_from_all_parts_of_the_input() {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Vec<FoundInput> = (0..100)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                fs::write(&path, vec![number; 200 << 10]).unwrap();
                FoundInput { input: Input::Path(path), name: Vec::new() }
            })
            .collect();
        let sampled = sample(&inputs, 2);
        let mut firsts: Vec<u8> = sampled.iter().map(|record| record.bytes[0]).collect();
        let taken: u64 = sampled.iter().map(|record| record.bytes.len() as u64).sum();
        assert!((SAMPLE..SAMPLE + (400 << 10)).contains(&taken));
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), sampled.len(), "each record once");
        assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] <= 8), "{firsts:?}");
        assert!(firsts[0] == 0 && firsts[firsts.len() - 1] >= 90);
        // All of a small input is used.
        assert_eq!(sample(&inputs[..5], 1).len(), 5);
        assert!(sample(&[], 128).is_empty());
    }
}
