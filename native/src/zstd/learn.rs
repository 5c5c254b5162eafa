//! A dictionary from the first records of a pack, if it is worth its size.

use sealpack_core::codec::Encode as _;
use sealpack_core::error::Cause;
use sealpack_core::format::RecordContent;

use super::encode::ZstdEncoder;
use crate::codec::FirstRecords;
use crate::dictionary::{Dictionary, DictionaryTraining};

/// One of this many records is left out of the training and used to measure the gain:
/// measured with its own samples, a dictionary seems better than it is.
const MEASURED: usize = 4;

/// Approximately how many bytes of items are encoded to measure the gain.
const MEASURED_BYTES: u64 = 2 << 20;

/// A dictionary must make the records smaller by this many percent.
const MIN_PERCENT: u64 = 3;

/// Trains a dictionary with the first records. Returns `None` if they are not enough, or
/// if the dictionary would save too little.
pub(super) fn dictionary(
    level: i32,
    training: &DictionaryTraining,
    first: &FirstRecords<'_>,
) -> Result<Option<Dictionary>, Cause> {
    let is_measured = |number: usize| number % MEASURED == MEASURED - 1;
    let numbered = || first.records.iter().enumerate();
    let others = numbered().filter(|(number, _)| !is_measured(*number));
    let samples = others.flat_map(|(_, record)| record.items());
    let Ok(dictionary) = training.train(samples) else { return Ok(None) };
    let measured = numbered().filter(|(number, _)| is_measured(*number));
    let measured = measured.map(|(_, record)| *record);
    let gain = measure(level, &dictionary, measured)?;
    let all = first.records.iter().map(|record| record.size() as u64).sum();
    Ok(gain.is_worth(dictionary.bytes().len() as u64, all).then_some(dictionary))
}

/// The sizes of some records in bytes, encoded without and with a dictionary.
#[derive(Clone, Copy, Debug, Default)]
struct DictionaryGain {
    /// Before encoding.
    items: u64,
    without: u64,
    with: u64,
}

impl DictionaryGain {
    /// Returns whether the pack becomes smaller with a dictionary of `size` bytes, if its
    /// first records have `all` bytes of items.
    fn is_worth(&self, size: u64, all: u64) -> bool {
        let scaled = |bytes: u64| {
            let scaled = u128::from(bytes) * u128::from(all) / u128::from(self.items.max(1));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let (without, with) = (scaled(self.without), scaled(self.with));
        without.saturating_sub(with) > (without / 100 * MIN_PERCENT).saturating_add(size)
    }
}

fn measure<'a>(
    level: i32,
    dictionary: &Dictionary,
    records: impl Iterator<Item = RecordContent<'a>>,
) -> Result<DictionaryGain, Cause> {
    let mut plain = ZstdEncoder::new(level, None)?;
    let mut with = ZstdEncoder::new(level, Some(dictionary))?;
    let mut gain = DictionaryGain::default();
    let mut out = Vec::new();
    let mut encoded = |encoder: &mut ZstdEncoder, payload: &[u8]| {
        out.clear();
        encoder.encode(payload, &mut out)?;
        Ok::<_, Cause>(out.len() as u64)
    };
    for record in records {
        if gain.items > MEASURED_BYTES {
            break;
        }
        let payload: Vec<u8> = record.items().flatten().copied().collect();
        if payload.is_empty() {
            continue;
        }
        gain.items += payload.len() as u64;
        gain.without += encoded(&mut plain, &payload)?;
        gain.with += encoded(&mut with, &payload)?;
    }
    Ok(gain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_pays_if_it_saves_its_size_and_three_percent() {
        let gain = DictionaryGain { items: 1000, without: 500, with: 400 };
        // All of the records: 500,000 bytes without, 400,000 with.
        assert!(gain.is_worth(84_000, 1_000_000));
        assert!(!gain.is_worth(85_001, 1_000_000));
        assert!(!DictionaryGain { items: 1000, without: 500, with: 490 }.is_worth(0, 1000));
        assert!(!DictionaryGain { items: 1000, without: 500, with: 900 }.is_worth(0, 1 << 30));
        assert!(!DictionaryGain::default().is_worth(0, 0));
    }
}
