//! Record digests, several at once.
//!
//! A single SHA-256 cannot use all of a processor: each round waits for the one
//! before. The digests of different records are independent of each other, so
//! several are computed at once: four on the SHA instructions of x86-64, at twice the
//! rate of one, or on those of AArch64; sixteen in the lanes of AVX-512. A lane whose
//! record ends takes the next one, so no lane idles when records differ in length.
//!
//! ```text
//!  records ──> lane: its message, cut into blocks ──┐
//!  …           lane ────────────────────────────────┼──> compress a block of each ──> digests
//!              lane ────────────────────────────────┘
//! ```
//!
//! On other processors the crate `sha2` computes one digest after another.
//!
//! The processor's features decide which kernel runs. On an EPYC that has both
//! (Zen 4), the two are about equally fast on one thread once all lanes are full.
//! AVX-512 is preferred if there are enough records to fill its lanes, the SHA
//! instructions for fewer.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod interleaved;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod message;
#[cfg(target_arch = "aarch64")]
mod sha2_aarch64;
#[cfg(target_arch = "x86_64")]
mod sha_ni;

use sealpack_core::Error;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{DigestRecords, OneByOne, RecordContent};

#[cfg(target_arch = "x86_64")]
use sha_ni::ShaNi;
#[cfg(target_arch = "aarch64")]
use sha2_aarch64::ArmSha2;

/// With fewer records than this, sixteen lanes of AVX-512 are no faster than the SHA
/// instructions.
#[cfg(target_arch = "x86_64")]
const MIN_AVX512_RECORDS: usize = 8;

/// Computes digests several at a time, if the processor can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes(Kernel);

/// How a processor computes digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    /// AVX-512, and the SHA instructions for few records if the processor has them too.
    #[cfg(target_arch = "x86_64")]
    Avx512(Option<ShaNi>),
    #[cfg(target_arch = "x86_64")]
    ShaNi(ShaNi),
    #[cfg(target_arch = "aarch64")]
    ArmSha2(ArmSha2),
    OneByOne,
}

impl Default for Lanes {
    /// The fastest kernel that this processor has.
    fn default() -> Self {
        Self(Kernel::available().next().unwrap_or(Kernel::OneByOne))
    }
}

impl Kernel {
    /// The kernels that this processor has, the fastest first.
    fn available() -> impl Iterator<Item = Self> {
        let kernels: [Option<Self>; _] = [
            #[cfg(target_arch = "x86_64")]
            avx512::is_available().then(|| Self::Avx512(ShaNi::detect())),
            #[cfg(target_arch = "x86_64")]
            ShaNi::detect().map(Self::ShaNi),
            #[cfg(target_arch = "aarch64")]
            ArmSha2::detect().map(Self::ArmSha2),
            Some(Self::OneByOne),
        ];
        kernels.into_iter().flatten()
    }
}

impl DigestRecords for Lanes {
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::ShaNi(sha) => interleaved::digests(sha, records, digests),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(_) if records.len() >= MIN_AVX512_RECORDS => {
                avx512::digests(records, digests)
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(Some(sha)) => interleaved::digests(sha, records, digests),
            #[cfg(target_arch = "aarch64")]
            Kernel::ArmSha2(sha) => interleaved::digests(sha, records, digests),
            _ => OneByOne.digests(records, digests),
        }
    }

    fn preferred_batch(&self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::ShaNi(_) => interleaved::LANES,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512(_) => avx512::LANES,
            #[cfg(target_arch = "aarch64")]
            Kernel::ArmSha2(_) => interleaved::LANES,
            Kernel::OneByOne => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpack_core::format::record_digest;

    /// Checks every kernel of this processor against `sha2`: numbers of records near
    /// the number of lanes, lengths near the block and padding boundaries.
    #[test]
    fn every_kernel_computes_the_same_digests() {
        // Miri has no such kernels, and takes minutes for megabytes.
        let (long, counts) = if cfg!(miri) { (500u32, 3) } else { (1_000_000, 13) };
        let bytes: Vec<u8> = (0..3 * long).map(|i| (i ^ i >> 7).to_le_bytes()[0]).collect();
        let mut cases: Vec<Vec<Vec<u32>>> = Vec::new();
        for records in &[0, 1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 33, 200][..counts] {
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
        // Runs of blocks within an item in every lane, and items as small as a block.
        cases.push((0..20).map(|record| vec![long / 30 + 37 * record, 70, 64, 128]).collect());
        cases.push((0..20).map(|record| vec![64 + record; 40]).collect());
        for lengths in cases {
            let sizes = lengths.iter().map(|list| list.iter().sum::<u32>() as usize);
            let records: Vec<RecordContent<'_>> = lengths
                .iter()
                .zip(sizes)
                .map(|(list, size)| RecordContent::listed(&bytes[list.len()..][..size], list))
                .collect();
            let expected: Vec<Hash> =
                records.iter().map(|record| record_digest(record.items()).unwrap()).collect();
            for kernel in Kernel::available() {
                let mut digests = vec![[9; 32]];
                Lanes(kernel).digests(&records, &mut digests).unwrap();
                assert_eq!(digests.remove(0), [9; 32], "{kernel:?}: earlier digests stay");
                assert_eq!(digests, expected, "{kernel:?}");
            }
        }
    }
}
