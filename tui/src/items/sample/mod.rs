//! Samples of the items of some inputs.
//!
//! ```text
//! whole files        files at evenly spaced offsets of the input ──┐
//! lines of files     lines at evenly spaced offsets of the files ──┼─> runs ──> InputSample
//! frames, archives, pipes    every 2^n-th run of the first GiB   ──┘
//! ```
//!
//! A run consists of consecutive items, so that records can be made of it. Nothing is chosen
//! at random: equal inputs give equal samples. An input that is no larger than the sample is
//! used completely.

mod spread;
mod stream;

use sealpack::core::format::RecordContent;

use super::read::InputFraming;
use super::walk::FoundInput;
use crate::outcome::{Failure, Input};

/// The default size of a sample in bytes.
pub const DEFAULT_SAMPLE: u64 = 16 << 20;

/// The maximum number of items in a run.
const RUN_ITEMS: usize = 128;

/// The size at which a run is complete, in bytes. Of a larger item, only so much is used.
pub const RUN_BYTES: u64 = 1 << 20;

/// The maximum number of runs at evenly spaced offsets: each opens a file.
const MAX_RUNS: u64 = 1024;

/// How inputs are split into items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemSource {
    /// Each input is split in this way.
    Split(InputFraming),
    /// Each input is a tar archive.
    Tar,
}

/// A sample of the items of some inputs.
#[derive(Debug, Default)]
pub struct InputSample {
    /// Runs of consecutive items, in the order of the inputs.
    pub runs: Vec<SampledRun>,
    /// The number of items of the inputs: exact for whole files, otherwise an estimate.
    pub items: u64,
    /// The total size of the items in bytes, which may be an estimate too.
    pub bytes: u64,
    /// Whether the runs are all of the items.
    pub is_whole: bool,
    /// Whether only the beginning of the inputs was read.
    pub is_cut: bool,
}

/// Consecutive items of the inputs.
#[derive(Clone, Debug, Default)]
pub struct SampledRun {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
    names: Vec<Vec<u8>>,
    /// How many bytes of items of the inputs the run stands for.
    pub stands_for: u64,
}

impl SampledRun {
    /// Adds an item that consists of these parts.
    fn push(&mut self, name: &[u8], parts: &[&[u8]]) {
        let start = self.bytes.len();
        let mut left = usize::try_from(RUN_BYTES).unwrap_or(usize::MAX);
        for part in parts {
            let part = part.get(..left).unwrap_or(part);
            self.bytes.extend_from_slice(part);
            left -= part.len();
        }
        // At most `RUN_BYTES`.
        self.lengths.push(u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX));
        self.names.push(name.to_vec());
    }

    fn is_full(&self) -> bool {
        self.lengths.len() >= RUN_ITEMS || self.bytes.len() as u64 >= RUN_BYTES
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Returns the size of the items in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Returns each item with its name, which is empty if it has none.
    pub fn items(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.names.iter().zip(&self.lengths).map(move |(name, &length)| {
            let (item, after) = rest.split_at_checked(length as usize).unwrap_or((rest, &[]));
            rest = after;
            (name.as_slice(), item)
        })
    }

    /// Returns the items in records of so many.
    pub fn records(&self, per_record: u32) -> impl Iterator<Item = RecordContent<'_>> {
        let per_record = usize::try_from(per_record).unwrap_or(usize::MAX).max(1);
        let mut rest = self.bytes.as_slice();
        self.lengths.chunks(per_record).map(move |lengths| {
            let size = lengths.iter().map(|&length| length as usize).sum();
            let (record, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            rest = after;
            RecordContent::listed(record, lengths)
        })
    }
}

impl InputSample {
    /// Returns the number of sampled items.
    pub fn sampled_items(&self) -> u64 {
        self.runs.iter().map(|run| run.len() as u64).sum()
    }

    /// Returns the size of the sampled items in bytes.
    pub fn sampled_bytes(&self) -> u64 {
        self.runs.iter().map(SampledRun::size).sum()
    }
}

/// Samples about `limit` bytes of the items of these inputs. Calls `read` with the numbers
/// of bytes that were read.
///
/// # Errors
/// [`Failure::Input`], [`Failure::Framing`] and [`Failure::Item`], as packing would return
/// them.
pub fn sample(
    inputs: &[FoundInput],
    source: ItemSource,
    limit: u64,
    read: &mut dyn FnMut(u64),
) -> Result<InputSample, Failure> {
    match source {
        ItemSource::Split(InputFraming::Whole) => spread::files(inputs, limit, read),
        ItemSource::Split(InputFraming::Lines)
            if are_files(inputs) && total_size(inputs) > limit =>
        {
            spread::lines(inputs, limit, read)
        }
        _ => stream::sample(inputs, source, limit, read),
    }
}

/// Returns whether all inputs are files, which can be read more than once.
pub fn are_files(inputs: &[FoundInput]) -> bool {
    inputs.iter().all(|found| matches!(found.input, Input::Path(_)) && found.size.is_some())
}

fn total_size(inputs: &[FoundInput]) -> u64 {
    inputs.iter().filter_map(|found| found.size).fold(0, u64::saturating_add)
}

/// Computes `number * of / by`.
fn scaled(number: u64, of: u64, by: u64) -> u64 {
    let product = u128::from(number) * u128::from(of) / u128::from(by.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(inputs: &[FoundInput], limit: u64) -> InputSample {
        sample(inputs, ItemSource::Split(InputFraming::Whole), limit, &mut |_| ()).unwrap()
    }

    #[test]
    fn a_sample_of_files_is_from_all_parts_of_them_and_stands_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let size = 200 << 10;
        let inputs: Vec<FoundInput> = (0..100)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, vec![number; size]).unwrap();
                let (input, size) = (Input::Path(path), Some(size as u64));
                FoundInput { input, name: vec![number], size }
            })
            .collect();
        let sample = sampled(&inputs, 4 << 20);
        let firsts = sample.runs.iter().map(|run| run.items().next().unwrap());
        assert!(firsts.clone().all(|(name, item)| item == vec![name[0]; size]));
        assert_eq!(firsts.map(|(name, _)| name[0]).collect::<Vec<_>>(), [0, 25, 50, 75]);
        assert!(sample.runs.iter().all(|run| run.stands_for == 25 * size as u64));
        assert_eq!((sample.items, sample.bytes), (100, 100 * size as u64));
        assert!(!sample.is_whole && !sample.is_cut);

        let small = sampled(&inputs[..5], 4 << 20);
        assert!(small.is_whole);
        assert_eq!((small.sampled_items(), small.sampled_bytes()), (5, 5 * size as u64));
        assert_eq!(sampled(&[], 1 << 20).sampled_items(), 0);
    }
}
