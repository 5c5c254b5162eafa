//! A record: the payload, the lengths of its items, a checksum (FORMAT.md,
//! *Record*).
//!
//! ```text
//! items per record > 1:   encoded payload | group of the item lengths | CRC
//! items per record = 1:   encoded payload | CRC, only with the record checksum
//! ```
//!
//! One flag determines for the whole file what the checksum covers: the group
//! of lengths alone or, with the *record checksum*, everything before it.

use alloc::vec::Vec;

use crate::error::Fault;
use crate::wire::group::{self, Group};
use crate::wire::{crc, cursor};

/// The layout of a file's records: what follows a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLayout {
    lengths: bool,
    record_checksum: bool,
}

impl RecordLayout {
    /// The layout that follows from two fields of the trailer.
    #[must_use]
    pub fn new(items_per_record: u32, record_checksum: bool) -> Self {
        Self { lengths: items_per_record > 1, record_checksum }
    }

    /// Whether a record stores its items' lengths (it does not if each record is
    /// a single item).
    #[must_use]
    pub fn has_lengths(self) -> bool {
        self.lengths
    }

    /// Whether a record's checksum covers its payload.
    #[must_use]
    pub fn has_record_checksum(self) -> bool {
        self.record_checksum
    }

    /// The maximum number of bytes after the payload of a record of `count`
    /// items.
    #[must_use]
    pub fn max_tail_size(self, count: u32) -> u64 {
        match (self.lengths, self.record_checksum) {
            (true, _) => group::max_size(count) + 4,
            (false, true) => 4,
            (false, false) => 0,
        }
    }

    /// Appends to `tail` what follows the encoded payload in this layout: the
    /// lengths and the checksum. The payload is read only for the record
    /// checksum.
    pub fn encode_tail<'a>(
        self,
        payload: impl IntoIterator<Item = &'a [u8]>,
        lengths: &[u32],
        tail: &mut Vec<u8>,
    ) {
        let start = tail.len();
        if self.lengths {
            group::encode(lengths, tail);
        }
        if !self.lengths && !self.record_checksum {
            return;
        }
        let mut crc = 0;
        if self.record_checksum {
            crc = payload.into_iter().fold(crc, crc::extend);
        }
        let crc = crc::extend(crc, tail.get(start..).unwrap_or_default());
        tail.extend_from_slice(&crc.to_le_bytes());
    }

    /// Splits a record of `count` items, after checking its checksum.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::Checksum`], or a fault of the group.
    #[inline]
    pub fn split(self, record: &[u8], count: u32) -> Result<RecordParts<'_>, Fault> {
        let (covered, stored) = if self.lengths || self.record_checksum {
            let (covered, stored) = cursor::split_last_u32(record)?;
            (covered, Some(stored))
        } else {
            (record, None)
        };
        if let (true, Some(stored)) = (self.record_checksum, stored) {
            check_crc(stored, covered)?;
        }
        if !self.lengths {
            return Ok(RecordParts { payload: covered, lengths: None });
        }
        let (group, payload) = Group::split_last(covered, count)?;
        if let (false, Some(stored)) = (self.record_checksum, stored) {
            check_crc(stored, covered.get(payload.len()..).unwrap_or_default())?;
        }
        Ok(RecordParts { payload, lengths: Some(group) })
    }
}

fn check_crc(stored: u32, covered: &[u8]) -> Result<(), Fault> {
    let computed = crc::crc32c(covered);
    if stored == computed { Ok(()) } else { Err(Fault::Checksum { stored, computed }) }
}

/// The parts of a record whose checksum matched.
#[derive(Clone, Copy, Debug)]
pub struct RecordParts<'a> {
    /// The payload as stored.
    pub payload: &'a [u8],
    /// The lengths of the items in the *decoded* payload; `None` if the record
    /// is a single item.
    pub lengths: Option<Group<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(layout: RecordLayout) -> Vec<u8> {
        let mut record = b"onethree".to_vec();
        let payload = record.clone();
        layout.encode_tail([&payload[..3], &payload[3..]], &[3, 5], &mut record);
        record
    }

    #[test]
    fn records_round_trip() {
        for (per_record, checksum, tail) in
            [(2, false, 10), (2, true, 10), (1, true, 4), (1, false, 0)]
        {
            let layout = RecordLayout::new(per_record, checksum);
            let record = record(layout);
            assert_eq!(record.len(), 8 + tail);
            assert!(tail as u64 <= layout.max_tail_size(2));
            let parts = layout.split(&record, 2).unwrap();
            assert_eq!(parts.payload, b"onethree");
            let lengths: Option<Vec<u32>> = parts.lengths.map(|group| group.iter().collect());
            assert_eq!(lengths, (per_record > 1).then(|| [3, 5].to_vec()));
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_exactly_where_the_checksum_covers_it() {
        for (per_record, checksum, covered_from) in [(2, false, 8), (2, true, 0), (1, true, 0)] {
            let layout = RecordLayout::new(per_record, checksum);
            let sound = record(layout);
            for at in 0..sound.len() {
                let mut damaged = sound.clone();
                damaged[at] ^= 0x10;
                assert_eq!(layout.split(&damaged, 2).is_err(), at >= covered_from, "byte {at}");
            }
        }
    }

    #[test]
    fn a_short_record_is_refused() {
        for per_record in [1, 2] {
            let layout = RecordLayout::new(per_record, true);
            for len in 0..4 {
                assert!(matches!(layout.split(&[0; 4][..len], 1), Err(Fault::Truncated { .. })));
            }
        }
    }
}
