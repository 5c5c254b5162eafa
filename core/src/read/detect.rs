//! Which codec a pack's records need, where nobody says: a driver fetches a
//! few magics, as it fetches everything else.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Directory, RecordPlace};
use crate::codec::zstd_frame::MAGIC;
use crate::format::known::{KnownCodec, known};

/// Finds out how the records of a pack are encoded where the caller did not
/// say. The format id decides where it is known and the records look like it;
/// else the first record's magic does.
///
/// One damaged magic must not turn a zstd pack into one that is read as it
/// is. So a magic counts with one byte of it wrong, and where the id says
/// zstd, three more records are asked before that is given up.
#[derive(Clone, Debug)]
pub struct CodecDetection {
    known: Option<KnownCodec>,
    /// The records to ask, the first one first.
    samples: Vec<RecordPlace>,
}

const MAGIC_SIZE: u64 = 4;

impl CodecDetection {
    /// Looks for records with a payload, in a pack of any size at no more than
    /// a few places.
    #[must_use]
    pub fn new(directory: &Directory) -> Self {
        let records = directory.record_count();
        let known = known(directory.trailer().format_id).map(|known| known.codec);
        let places = match known {
            Some(KnownCodec::Zstd) => {
                vec![0, records / 3, records / 3 * 2, records.saturating_sub(1)]
            }
            _ => vec![0],
        };
        let mut samples: Vec<RecordPlace> = Vec::new();
        for place in places {
            let near = directory.records(place..place.saturating_add(64));
            let found = { near }.find(|place| place.size() > least_tail(directory, place));
            samples.extend(found.filter(|found| !samples.contains(found)));
        }
        Self { known, samples }
    }

    /// Where the next magic to look at lies: `None` once the codec is known.
    #[must_use]
    pub fn wanted(&self) -> Option<Range<u64>> {
        let Range { start, end } = self.samples.first()?.range;
        Some(start..end.min(start.saturating_add(MAGIC_SIZE)))
    }

    /// The codec, given the bytes of [`wanted`](Self::wanted); `None` where
    /// another sample is to be looked at.
    pub fn supply(&mut self, bytes: &[u8]) -> Option<KnownCodec> {
        if !self.samples.is_empty() {
            self.samples.remove(0);
        }
        match evidence_of(bytes) {
            KnownCodec::Zstd => Some(KnownCodec::Zstd),
            KnownCodec::None => self.samples.is_empty().then_some(KnownCodec::None),
        }
    }

    /// What a record that was read says by itself: `None` where its payload is
    /// too short to say anything, or there is none.
    #[must_use]
    pub fn evidence(
        directory: &Directory,
        place: &RecordPlace,
        stored: &[u8],
    ) -> Option<KnownCodec> {
        let whole = stored.len() as u64 == place.size();
        (whole && place.size() > least_tail(directory, place)).then(|| evidence_of(stored))
    }

    /// The codec where no record has a payload to look at.
    #[must_use]
    pub fn fallback(&self) -> KnownCodec {
        self.known.unwrap_or(KnownCodec::None)
    }
}

/// A magic with one byte of it wrong is still one.
fn evidence_of(bytes: &[u8]) -> KnownCodec {
    let right = MAGIC.to_le_bytes().iter().zip(bytes).filter(|(a, b)| a == b).count();
    if right >= 3 { KnownCodec::Zstd } else { KnownCodec::None }
}

/// The bytes behind an empty payload, which says nothing. Any more, and there
/// is a payload: lengths that take more than a bit each are not all 0. (One
/// too short for a magic is no frame.)
fn least_tail(directory: &Directory, place: &RecordPlace) -> u64 {
    let layout = directory.layout();
    let lengths =
        if layout.has_lengths() { u64::from(place.item_count.div_ceil(8)) + 5 + 4 } else { 0 };
    let checksum = if layout.has_record_checksum() { 4 } else { 0 };
    lengths.max(checksum)
}
