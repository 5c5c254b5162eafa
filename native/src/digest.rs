//! Record digests, many at once.
//!
//! One SHA-256 cannot be spread over a processor's lanes: each round waits for
//! the one before. The digests of different records can, and are, sixteen at a
//! time where there is AVX-512 (twice the rate of the SHA instructions), by
//! whatever the crate `tape-sha256` finds best elsewhere.

use sealpack_core::error::{Error, Limit};
use sealpack_core::format::digest::{Hash, record_digest};
use sealpack_core::format::{DigestRecords, RecordContent};
use tape_sha256::{Message, hash_messages};

/// Records whose lengths differ much waste lanes, so more of them than there
/// are lanes are gathered and sorted: like goes with like.
const GROUP: usize = 16;

/// Bytes that are gathered at once, unless a single group has more.
const GATHERED: usize = 4 << 20;

/// A record of many items from this size on is not gathered but hashed where
/// it lies: a copy of it would cost memory for little.
const LARGE: usize = 1 << 20;

/// Takes digests in the processor's lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    /// Messages of records of many items: length, bytes, length, bytes, …
    gathered: Vec<u8>,
}

/// A record's message: a part of what was gathered, or the record's one item
/// behind its length, where it lies.
enum Planned<'a> {
    Done(Hash),
    Gathered { start: usize, end: usize },
    Single { length: [u8; 4], item: &'a [u8] },
}

impl DigestRecords for Lanes {
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fit = rest.iter().take_while(|record| {
                bytes += record.size();
                bytes <= GATHERED
            });
            let count = fit.count().max(GROUP).min(rest.len());
            let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            self.digest_together(now, digests)?;
            rest = later;
        }
        Ok(())
    }

    fn at_once(&self) -> usize {
        tape_sha256::lane_width()
    }
}

impl Lanes {
    fn digest_together(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|&at| records.get(at).map(RecordContent::size));
        self.gathered.clear();
        let mut planned = Vec::with_capacity(records.len());
        for record in order.iter().filter_map(|&at| records.get(at)) {
            planned.push(self.plan(record)?);
        }
        let messages: Vec<Message<'_>> = planned
            .iter()
            .map(|planned| match planned {
                Planned::Done(_) => Message::new(&[]),
                Planned::Gathered { start, end } => {
                    Message::new(self.gathered.get(*start..*end).unwrap_or_default())
                }
                Planned::Single { length, item } => Message::prefixed(length, item),
            })
            .collect();
        let mut sorted = vec![Hash::default(); messages.len()];
        hash_messages(&messages, &mut sorted);
        for (digest, planned) in sorted.iter_mut().zip(&planned) {
            if let Planned::Done(done) = planned {
                *digest = *done;
            }
        }
        let first = digests.len();
        digests.resize(first + sorted.len(), Hash::default());
        for (at, digest) in order.into_iter().zip(sorted) {
            if let Some(place) = digests.get_mut(first + at) {
                *place = digest;
            }
        }
        Ok(())
    }

    fn plan<'a>(&mut self, record: &RecordContent<'a>) -> Result<Planned<'a>, Error> {
        let length = |item: &[u8]| {
            let length = item.len() as u64;
            u32::try_from(length).map_err(|_| Error::Limit(Limit::Item { length }))
        };
        let mut items = record.items();
        if let (1, Some(item)) = (record.item_count(), items.next()) {
            return Ok(Planned::Single { length: length(item)?.to_le_bytes(), item });
        }
        if record.size() >= LARGE {
            return Ok(Planned::Done(record_digest(record.items())?));
        }
        let start = self.gathered.len();
        for item in record.items() {
            self.gathered.extend_from_slice(&length(item)?.to_le_bytes());
            self.gathered.extend_from_slice(item);
        }
        Ok(Planned::Gathered { start, end: self.gathered.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lanes against `sha2`, over every number of records about the number
    /// of lanes, and lengths about the block and padding boundaries.
    #[test]
    fn lanes_and_one_by_one_give_the_same_digests() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i ^ i >> 7).to_le_bytes()[0]).collect();
        let mut cases: Vec<Vec<Vec<u32>>> = Vec::new();
        for records in [0, 1, 2, 7, 15, 16, 17, 33, 200] {
            let lengths = |record: u32| match record % 5 {
                0 => vec![record * 37 % 130],
                1 => (50..70).map(|length| length + record % 3).collect(),
                2 => vec![0, 1000, record],
                3 => vec![51 + record % 10],
                _ => vec![4000, 64, 0, 55, 56, 57],
            };
            cases.push((0..records).map(lengths).collect());
        }
        cases.push(vec![vec![0], vec![2_000_000, 900_000], vec![2_000_000], vec![5; 128]]);
        for lengths in cases {
            let sizes = lengths.iter().map(|list| list.iter().sum::<u32>() as usize);
            let records: Vec<RecordContent<'_>> = lengths
                .iter()
                .zip(sizes)
                .map(|(list, size)| RecordContent::listed(&bytes[list.len()..][..size], list))
                .collect();
            let mut digests = vec![[9; 32]];
            Lanes::default().digests(&records, &mut digests).unwrap();
            assert_eq!(digests.remove(0), [9; 32], "what was there stays");
            let expected: Vec<Hash> =
                records.iter().map(|record| record_digest(record.items()).unwrap()).collect();
            assert_eq!(digests, expected);
        }
    }
}
