//! A histogram of the record sizes with a bounded number of bins.

use std::ops::ControlFlow;

use sealpack::core::read::Directory;

/// The number of bins per doubling of the size.
const BINS_PER_DOUBLING: u32 = 4;
/// Every size from 0 to 2^32-1 has a bin.
const BINS: usize = 32 * BINS_PER_DOUBLING as usize + 1;

/// The number of records of each size, in bins that grow with the size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    bins: Vec<u32>,
    /// The smallest record in bytes.
    pub smallest: u64,
    /// The largest record in bytes.
    pub largest: u64,
    /// The number of records.
    pub count: u64,
    /// The total size of the records in bytes.
    pub total: u64,
}

/// Returns the bin of a size: four per doubling, chosen by the two bits after the leading
/// one.
fn bin(size: u64) -> usize {
    let Some(log) = size.checked_ilog2() else { return 0 };
    let below = if log >= 2 { size >> (log - 2) & 3 } else { (size << (2 - log)) & 3 };
    let bin = u64::from(log * BINS_PER_DOUBLING) + below + 1;
    usize::try_from(bin).unwrap_or(BINS).min(BINS - 1)
}

/// Returns the smallest size in a bin.
fn smallest_of(bin: usize) -> u64 {
    let Some(bin) = bin.checked_sub(1) else { return 0 };
    let log = u32::try_from(bin).unwrap_or(0) / BINS_PER_DOUBLING;
    ((4 + bin as u64 % 4) << log).div_ceil(4)
}

impl Sizes {
    /// Counts the sizes of all records; `keep_going` is called from time to time and may stop
    /// the count.
    pub fn count(
        directory: &Directory,
        mut keep_going: impl FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Self> {
        let mut sizes =
            Self { bins: vec![0; BINS], smallest: u64::MAX, largest: 0, count: 0, total: 0 };
        for place in directory.records(0..directory.record_count()) {
            let size = place.size();
            if let Some(count) = sizes.bins.get_mut(bin(size)) {
                *count += 1;
            }
            sizes.smallest = sizes.smallest.min(size);
            sizes.largest = sizes.largest.max(size);
            sizes.count += 1;
            sizes.total += size;
            if sizes.count.is_multiple_of(1 << 16) {
                keep_going()?;
            }
        }
        ControlFlow::Continue(sizes)
    }

    /// Returns the histogram in at most `max_bars` bars: for each the smallest size and the
    /// number of records. Adjacent bins are merged if there are too many.
    #[must_use]
    pub fn bars(&self, max_bars: usize) -> Vec<(u64, u64)> {
        let used = |count: &u32| *count > 0;
        let Some(first) = self.bins.iter().position(used) else { return Vec::new() };
        let last = self.bins.iter().rposition(used).unwrap_or(first);
        let bins_per_bar = (last - first + 1).div_ceil(max_bars.max(1));
        let bins = self.bins.get(first..=last).unwrap_or_default();
        let bars = bins.chunks(bins_per_bar).enumerate().map(|(index, bins)| {
            let count = bins.iter().map(|count| u64::from(*count)).sum();
            (smallest_of(first + index * bins_per_bar), count)
        });
        bars.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_lies_in_the_bin_that_starts_at_or_below_it() {
        for size in (0..5000).chain([1 << 31, u64::from(u32::MAX)]) {
            let bin = bin(size);
            assert!(smallest_of(bin) <= size, "{size} in {bin} from {}", smallest_of(bin));
            assert!(
                bin + 1 == BINS
                    || size < smallest_of(bin + 1)
                    || smallest_of(bin + 1) <= smallest_of(bin),
                "{size} in {bin}"
            );
        }
        assert_eq!(bin(u64::from(u32::MAX)), BINS - 1);
    }

    #[test]
    fn bars_add_up_to_all_records_however_few_they_are() {
        let mut sizes = Sizes { bins: vec![0; BINS], smallest: 0, largest: 0, count: 0, total: 0 };
        for size in [0_u64, 1, 5, 5, 100, 1 << 20] {
            sizes.bins[bin(size)] += 1;
        }
        for max_bars in [1, 2, 7, 200] {
            let bars = sizes.bars(max_bars);
            assert!(bars.len() <= max_bars);
            assert_eq!(bars.iter().map(|(_, count)| count).sum::<u64>(), 6);
        }
    }
}
