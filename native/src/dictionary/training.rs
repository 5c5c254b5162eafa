//! Trains a dictionary with the trainer of C zstd.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use sealpack_core::error::{Cause, DictionaryFault};
use sealpack_core::wire::crc;
use zstd::zstd_safe::{self, zstd_sys};

use super::Dictionary;
use crate::error::DictionaryError;

/// The default size of a dictionary in bytes.
const DEFAULT_SIZE: usize = 32 << 10;

/// The minimum size of a dictionary in bytes: one segment.
const MIN_SIZE: usize = 1 << 10;

/// The size in bytes of the segments of samples that the trainer selects.
const SEGMENT: u32 = 1 << 10;

/// The size in bytes of the substrings whose frequency decides which segments are
/// selected.
const SUBSTRING: u32 = 8;

/// The trainer counts substrings by hashes of this many bits.
const HASH_BITS: u32 = 20;

/// The compression level that the dictionary's entropy tables are made for. They can be
/// used with any level.
const LEVEL: i32 = 3;

/// The minimum size of a sample in bytes: the trainer ignores smaller ones.
const MIN_SAMPLE: usize = 8;

/// If all samples have more bytes than this, they are thinned out evenly: more samples
/// hardly improve a dictionary, and the training time grows with them.
const MAX_SAMPLES: usize = 16 << 20;

/// The maximum number of bytes of one sample that are used: a dictionary helps small
/// records.
const MAX_SAMPLE: usize = 64 << 10;

/// The first of the ids that take two bytes in a frame, and their number. The
/// specification of zstd reserves the ids below it.
const SHORT_IDS: u32 = 1 << 15;

/// How a dictionary is trained. The same samples give the same dictionary.
///
/// ```
/// use sealpack::DictionaryTraining;
///
/// let samples = (0..5000).map(|i| format!("{{\"id\": {}, \"price\": {}}}", i * 37, i * i));
/// let dictionary = DictionaryTraining::of_size(4 << 10)?.train(samples)?;
/// assert!(dictionary.bytes().len() <= 4 << 10);
/// # Ok::<(), sealpack::DictionaryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a training does nothing until it is given samples"]
pub struct DictionaryTraining {
    size: usize,
    is_shared: bool,
}

impl Default for DictionaryTraining {
    fn default() -> Self {
        Self { size: DEFAULT_SIZE, is_shared: false }
    }
}

impl DictionaryTraining {
    /// Sets the maximum size of the dictionary in bytes, from 1 KiB to 1 MiB. Default:
    /// 32 KiB. A larger dictionary makes records smaller, and the pack's app data larger,
    /// which every reader fetches when it opens the pack.
    ///
    /// # Errors
    /// [`DictionaryError::Size`].
    pub fn of_size(bytes: usize) -> Result<Self, DictionaryError> {
        match bytes {
            MIN_SIZE..=Dictionary::MAX_SIZE => Ok(Self { size: bytes, is_shared: false }),
            _ => Err(DictionaryError::Size { size: bytes as u64 }),
        }
    }

    /// Trains a dictionary for several packs to share. Its id takes four bytes in each
    /// record instead of two, so that two dictionaries hardly ever have the same id.
    pub fn for_sharing(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Trains a dictionary with these samples: items like those that will be packed,
    /// chosen at random or evenly, together at least ten times as large as the dictionary.
    /// Keeps at most 16 MiB of samples in memory, and takes less than a second.
    ///
    /// # Errors
    /// [`DictionaryError::Samples`] if the samples are too few or have nothing in common.
    pub fn train<T: AsRef<[u8]>>(
        &self,
        samples: impl IntoIterator<Item = T>,
    ) -> Result<Dictionary, DictionaryError> {
        let mut collected = DictionarySamples::default();
        samples.into_iter().for_each(|sample| collected.add(sample.as_ref()));
        self.train_with(&collected)
    }

    /// As [`train`](Self::train), with samples that were collected one by one.
    ///
    /// # Errors
    /// As there.
    pub fn train_with(&self, samples: &DictionarySamples) -> Result<Dictionary, DictionaryError> {
        /// The trainer needs a few samples, and more bytes than a hash covers.
        const MIN_SAMPLES: usize = 5;
        let (count, bytes) = (samples.sizes.len(), samples.bytes.len());
        let too_few = || DictionaryError::Samples { count, bytes: bytes as u64 };
        if count < MIN_SAMPLES || bytes < self.size.min(4 * SEGMENT as usize) {
            return Err(too_few());
        }
        let mut trained = fast_cover(samples, self.size).map_err(|_| too_few())?;
        if !self.is_shared {
            shorten_id(&mut trained)?;
        }
        Dictionary::from_bytes(trained)
    }
}

/// Replaces the dictionary's id by one of two bytes, computed from its content.
fn shorten_id(dictionary: &mut [u8]) -> Result<(), DictionaryError> {
    let no_header = DictionaryError::Unusable(DictionaryFault::NotADictionary);
    let Some((header, content)) = dictionary.split_first_chunk_mut::<8>() else {
        return Err(no_header);
    };
    let id = SHORT_IDS + crc::crc32c(content) % SHORT_IDS;
    let [.., a, b, c, d] = header;
    [*a, *b, *c, *d] = id.to_le_bytes();
    Ok(())
}

/// Samples to train a dictionary with, at most 16 MiB. If more are added, those that are
/// kept come evenly from all of them.
#[derive(Clone, Default)]
pub struct DictionarySamples {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
    /// Samples offered so far.
    offered: u64,
    /// One of 2 to the power of this many offered samples is kept.
    thinned: u32,
}

impl fmt::Debug for DictionarySamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DictionarySamples")
            .field("count", &self.sizes.len())
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl DictionarySamples {
    /// Adds a sample: an item like those that will be packed. Of a large one, only the
    /// first 64 KiB are used.
    pub fn add(&mut self, sample: &[u8]) {
        let sample = sample.get(..MAX_SAMPLE).unwrap_or(sample);
        if sample.len() < MIN_SAMPLE {
            return;
        }
        if self.offered.trailing_zeros() >= self.thinned {
            self.bytes.extend_from_slice(sample);
            self.sizes.push(sample.len());
        }
        self.offered += 1;
        if self.bytes.len() > MAX_SAMPLES {
            self.thin();
        }
    }

    /// Drops every second sample.
    fn thin(&mut self) {
        let (mut from, mut to) = (0, 0);
        let mut kept = Vec::with_capacity(self.sizes.len() / 2 + 1);
        for (number, &size) in self.sizes.iter().enumerate() {
            if number % 2 == 0 {
                self.bytes.copy_within(from..from + size, to);
                kept.push(size);
                to += size;
            }
            from += size;
        }
        self.bytes.truncate(to);
        self.sizes = kept;
        self.thinned += 1;
    }
}

/// Trains a dictionary of at most `size` bytes with fixed parameters. The trainer that
/// searches for parameters takes ten times as long, and chooses badly if the samples are
/// small.
fn fast_cover(samples: &DictionarySamples, size: usize) -> Result<Vec<u8>, Cause> {
    /// The trainer sets a static variable (how much it prints), so only one may run.
    static TRAINER: Mutex<()> = Mutex::new(());
    let count = u32::try_from(samples.sizes.len()).map_err(Cause::new)?;
    let parameters = zstd_sys::ZDICT_fastCover_params_t {
        k: SEGMENT,
        d: SUBSTRING,
        f: HASH_BITS,
        steps: 0,
        nbThreads: 0,
        splitPoint: 0.0,
        accel: 1,
        shrinkDict: 0,
        shrinkDictMaxRegression: 0,
        zParams: zstd_sys::ZDICT_params_t {
            compressionLevel: LEVEL,
            notificationLevel: 0,
            dictID: 0,
        },
    };
    let mut dictionary = vec![0; size];
    let _alone = TRAINER.lock().unwrap_or_else(PoisonError::into_inner);
    #[allow(unsafe_code, reason = "no crate wraps this trainer")]
    // SAFETY: `dictionary` has `size` bytes to write to. The `count` values of `sizes` add
    // up to the length of `bytes`, because `DictionarySamples` changes both together. The
    // trainer keeps none of the pointers, and no other thread runs it.
    let written = unsafe {
        zstd_sys::ZDICT_trainFromBuffer_fastCover(
            dictionary.as_mut_ptr().cast(),
            dictionary.len(),
            samples.bytes.as_ptr().cast(),
            samples.sizes.as_ptr(),
            count,
            parameters,
        )
    };
    // An error code is larger than any size.
    if written > size {
        return Err(Cause::text(zstd_safe::get_error_name(written)));
    }
    dictionary.truncate(written);
    Ok(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(count: u32) -> impl Iterator<Item = String> {
        (0..count).map(|i| {
            let random = i.wrapping_mul(0x9e37_79b9) >> 7;
            format!("{{\"event\":\"transfer\",\"from\":{random},\"amount\":{}}}", random % 1000)
        })
    }

    #[test]
    fn the_same_samples_give_the_same_dictionary() {
        let train = || DictionaryTraining::of_size(2 << 10).unwrap().train(events(3000)).unwrap();
        let dictionary = train();
        assert_eq!(dictionary, train());
        assert!((SHORT_IDS..2 * SHORT_IDS).contains(&dictionary.id()));
        let shared = DictionaryTraining::of_size(2 << 10).unwrap().for_sharing();
        let shared = shared.train(events(3000)).unwrap();
        assert!(shared.id() >= SHORT_IDS && shared != dictionary);
        assert_eq!(shared.bytes()[8..], dictionary.bytes()[8..]);
    }

    #[test]
    fn samples_that_are_too_few_or_too_small_are_refused() {
        let train = |samples: Vec<Vec<u8>>| DictionaryTraining::default().train(samples);
        let few = vec![vec![7; 100_000]; 4];
        let tiny = vec![vec![7; 7]; 100_000];
        let little = vec![vec![7; 100]; 10];
        for samples in [vec![], few, tiny, little] {
            let refused = train(samples).unwrap_err();
            assert!(matches!(refused, DictionaryError::Samples { .. }), "{refused}");
        }
        for size in [0, 1023, (1 << 20) + 1] {
            let refused = DictionaryTraining::of_size(size);
            assert!(matches!(refused, Err(DictionaryError::Size { .. })));
        }
    }

    #[test]
    fn many_samples_are_thinned_out_evenly() {
        let mut samples = DictionarySamples::default();
        let count = 200_000u32;
        (0..count).for_each(|number| samples.add(&[&number.to_le_bytes()[..], &[0; 496]].concat()));
        assert!(samples.bytes.len() <= MAX_SAMPLES);
        assert_eq!(samples.bytes.len(), samples.sizes.iter().sum::<usize>());
        let stride = 1 << samples.thinned;
        let kept =
            samples.bytes.chunks(500).map(|it| u32::from_le_bytes(it[..4].try_into().unwrap()));
        assert!(kept.eq((0..count).step_by(stride)));
    }

    #[test]
    fn any_samples_train_a_dictionary_or_are_refused() {
        let mut random = 1u64;
        for round in 0..60usize {
            let samples: Vec<Vec<u8>> = (0..round * 9)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let length = usize::try_from(random >> 33).unwrap() % [9, 100, 5000][round % 3];
                    vec![random.to_le_bytes()[7] & [0, 1, 255][round % 3]; length]
                })
                .collect();
            let size = [1 << 10, 4 << 10, 1 << 20][round % 3];
            if let Ok(dictionary) = DictionaryTraining::of_size(size).unwrap().train(samples) {
                assert!(dictionary.bytes().len() <= size);
            }
        }
    }
}
