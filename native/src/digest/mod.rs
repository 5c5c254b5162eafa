//! Record digests, many at once.
//!
//! One SHA-256 cannot be spread over a processor's lanes: each round waits for
//! the one before. The digests of different records can: sixteen at a time on
//! AVX-512, at twice the rate of the SHA instructions. A lane that is done takes
//! the next record, so records of different lengths cost nothing.
//!
//! ```text
//!  records ──> Lane: its message, cut into blocks ──┐
//!  …           Lane ────────────────────────────────┼──> compress 16 blocks ──> digests
//!              Lane ────────────────────────────────┘
//! ```
//!
//! Where there is no AVX-512, or too few records to fill lanes, it is one after
//! another with the crate `sha2`.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod message;

use sealpack_core::Error;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{DigestRecords, OneByOne, RecordContent};

/// Sixteen lanes with fewer messages are no faster than one with SHA
/// instructions.
#[cfg(target_arch = "x86_64")]
const WORTH: usize = 8;

/// Takes digests in the processor's lanes, where it has them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lanes;

impl DigestRecords for Lanes {
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        #[cfg(target_arch = "x86_64")]
        if records.len() >= WORTH && avx512::is_there() {
            return avx512::digests(records, digests);
        }
        OneByOne.digests(records, digests)
    }

    fn preferred_batch(&self) -> usize {
        #[cfg(target_arch = "x86_64")]
        if avx512::is_there() {
            return avx512::LANES;
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpack_core::format::record_digest;

    /// The lanes against `sha2`, over every number of records about the number
    /// of lanes, and lengths about the block and padding boundaries.
    #[test]
    fn lanes_and_one_by_one_give_the_same_digests() {
        // Miri has no such lanes, and takes minutes for megabytes.
        let (long, counts) = if cfg!(miri) { (500u32, 3) } else { (1_000_000, 9) };
        let bytes: Vec<u8> = (0..3 * long).map(|i| (i ^ i >> 7).to_le_bytes()[0]).collect();
        let mut cases: Vec<Vec<Vec<u32>>> = Vec::new();
        for records in &[0, 1, 2, 7, 15, 16, 17, 33, 200][..counts] {
            let lengths = |record: u32| match record % 5 {
                0 => vec![record * 37 % 130],
                1 => (50..70).map(|length| length + record % 3).collect(),
                2 => vec![0, 1000, record],
                3 => vec![51 + record % 10],
                _ => vec![4000, 64, 0, 55, 56, 57],
            };
            cases.push((0..*records).map(lengths).collect());
        }
        cases.push(vec![vec![0], vec![2 * long, long * 9 / 10], vec![2 * long], vec![5; 128]]);
        for lengths in cases {
            let sizes = lengths.iter().map(|list| list.iter().sum::<u32>() as usize);
            let records: Vec<RecordContent<'_>> = lengths
                .iter()
                .zip(sizes)
                .map(|(list, size)| RecordContent::listed(&bytes[list.len()..][..size], list))
                .collect();
            let mut digests = vec![[9; 32]];
            Lanes.digests(&records, &mut digests).unwrap();
            assert_eq!(digests.remove(0), [9; 32], "what was there stays");
            let expected: Vec<Hash> =
                records.iter().map(|record| record_digest(record.items()).unwrap()).collect();
            assert_eq!(digests, expected);
        }
    }
}
