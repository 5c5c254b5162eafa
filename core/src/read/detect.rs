//! Detects the codec of a pack when the caller does not name it. The driver
//! fetches a few magics, as it fetches everything else.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Directory, RecordPlace};
use crate::codec::zstd_frame::MAGIC;
use crate::format::known::{KnownCodec, known};

/// Detects how the records of a pack are encoded. A known format id decides,
/// provided that the records look like its codec; otherwise the first record's magic
/// decides.
///
/// One damaged magic must not make a reader treat a zstd pack as plain. So a
/// magic with one wrong byte still counts, and if the format id implies zstd, up
/// to three more records are sampled before the detection decides against it.
#[derive(Clone, Debug)]
pub struct CodecDetection {
    known: Option<KnownCodec>,
    /// The records still to be sampled, in order.
    samples: Vec<RecordPlace>,
    /// Whether no record of the pack has a payload.
    no_payload: bool,
}

const MAGIC_SIZE: u64 = 4;

/// The number of neighbouring records among which a sample is searched.
const NEAR: u32 = 64;

impl CodecDetection {
    /// Selects records with a payload as samples; a few lookups in a pack of any
    /// size.
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
            let mut near = directory.records(place..place.saturating_add(NEAR));
            let found = near.find(|place| place.size() > empty_size(directory, place));
            samples.extend(found.filter(|found| !samples.contains(found)));
        }
        let no_payload = samples.is_empty() && records <= NEAR;
        Self { known, samples, no_payload }
    }

    /// The range of the next magic to fetch; `None` once the codec is known.
    #[must_use]
    pub fn wanted(&self) -> Option<Range<u64>> {
        let Range { start, end } = self.samples.first()?.range;
        Some(start..end.min(start.saturating_add(MAGIC_SIZE)))
    }

    /// Takes the bytes of [`wanted`](Self::wanted), and returns the codec; `None`
    /// if it needs another sample.
    pub fn supply(&mut self, bytes: &[u8]) -> Option<KnownCodec> {
        if !self.samples.is_empty() {
            self.samples.remove(0);
        }
        match evidence_of(bytes) {
            KnownCodec::Zstd => Some(KnownCodec::Zstd),
            KnownCodec::None => self.samples.is_empty().then_some(KnownCodec::None),
        }
    }

    /// The codec that a stored record suggests by itself; `None` if it has no
    /// payload.
    #[must_use]
    pub fn evidence(
        directory: &Directory,
        place: &RecordPlace,
        stored: &[u8],
    ) -> Option<KnownCodec> {
        let whole = stored.len() as u64 == place.size();
        (whole && place.size() > empty_size(directory, place)).then(|| evidence_of(stored))
    }

    /// The codec if no sample has a payload: that of the format id. For an unknown
    /// id, [`KnownCodec::None`] if no record of the pack has a payload; otherwise
    /// `None`, because nothing in the pack says which codec it uses.
    #[must_use]
    pub fn fallback(&self) -> Option<KnownCodec> {
        self.known.or(self.no_payload.then_some(KnownCodec::None))
    }
}

/// A magic with one wrong byte still counts.
fn evidence_of(bytes: &[u8]) -> KnownCodec {
    let matching = MAGIC.to_le_bytes().iter().zip(bytes).filter(|(a, b)| a == b).count();
    if matching >= 3 { KnownCodec::Zstd } else { KnownCodec::None }
}

/// The size of a record whose payload is empty. A larger record has a payload:
/// lengths that take more than one bit each are not all 0. (A payload too short
/// for a magic is not a zstd frame.)
fn empty_size(directory: &Directory, place: &RecordPlace) -> u64 {
    let layout = directory.layout();
    let lengths =
        if layout.has_lengths() { u64::from(place.item_count.div_ceil(8)) + 5 + 4 } else { 0 };
    let checksum = if layout.has_record_checksum() { 4 } else { 0 };
    lengths.max(checksum)
}
