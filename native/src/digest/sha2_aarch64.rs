//! SHA-256 on the SHA2 instructions of AArch64 (FIPS 180-4, 6.2).
//!
//! One instruction computes four rounds of half the state, and the next four wait for
//! it; rounds of other messages fill the gap.

use std::arch::aarch64::{
    uint8x16_t, uint32x4_t, vaddq_u32, vcombine_u64, vcreate_u64, vgetq_lane_u64,
    vreinterpretq_u8_u64, vreinterpretq_u32_u8, vreinterpretq_u32_u64, vreinterpretq_u64_u32,
    vrev32q_u8, vsha256h2q_u32, vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32,
};
use std::arch::is_aarch64_feature_detected;

use sealpack_core::format::digest::Hash;

use super::interleaved::Instructions;
use super::message::{BLOCK, INITIAL, ROUND};

/// The SHA2 instructions of AArch64, if [`detect`](Self::detect) found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArmSha2(());

impl ArmSha2 {
    /// Returns a value if this processor has the instructions that [`compress`] needs.
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("sha2").then_some(Self(()))
    }
}

impl Instructions for ArmSha2 {
    type State = [u32; 8];

    fn initial() -> [u32; 8] {
        INITIAL
    }

    fn digest(state: [u32; 8]) -> Hash {
        let mut digest = Hash::default();
        for (bytes, word) in digest.chunks_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    #[allow(unsafe_code, reason = "a function for some processors only")]
    #[inline]
    fn compress<const N: usize>(
        self,
        states: [[u32; 8]; N],
        blocks: [&[[u8; BLOCK]]; N],
    ) -> [[u32; 8]; N] {
        // SAFETY: `self` exists, so `detect` found the features that `compress` is
        // compiled for.
        unsafe { compress(states, blocks) }
    }
}

/// A state in registers, as the instructions take it: the first word in the lowest bits.
#[derive(Clone, Copy)]
struct StateHalves {
    abcd: uint32x4_t,
    efgh: uint32x4_t,
}

impl StateHalves {
    #[target_feature(enable = "neon")]
    #[inline]
    fn load([a, b, c, d, e, f, g, h]: [u32; 8]) -> Self {
        Self { abcd: words([a, b, c, d]), efgh: words([e, f, g, h]) }
    }

    #[target_feature(enable = "neon")]
    #[inline]
    fn store(self) -> [u32; 8] {
        let mut words = [0; 8];
        let halves = [self.abcd, self.efgh].map(|half| vreinterpretq_u64_u32(half));
        let pairs = halves.map(|half| [vgetq_lane_u64::<0>(half), vgetq_lane_u64::<1>(half)]);
        for (pair, both) in words.chunks_mut(2).zip(pairs.as_flattened()) {
            let (high, low) = ((both >> 32) as u32, (both & 0xffff_ffff) as u32);
            pair.copy_from_slice(&[low, high]);
        }
        words
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn words([a, b, c, d]: [u32; 4]) -> uint32x4_t {
    let pair = |low: u32, high: u32| vcreate_u64(u64::from(high) << 32 | u64::from(low));
    vreinterpretq_u32_u64(vcombine_u64(pair(a, b), pair(c, d)))
}

/// Hashes the blocks of each lane; all lanes have the same number.
#[target_feature(enable = "neon,sha2")]
fn compress<const N: usize>(states: [[u32; 8]; N], blocks: [&[[u8; BLOCK]]; N]) -> [[u32; 8]; N] {
    let [scheduled @ .., last] = &ROUND;
    let mut states = states.map(|state| StateHalves::load(state));
    let mut blocks = blocks.map(<[_]>::iter);
    loop {
        let before = states;
        let mut schedules = [[words([0; 4]); 4]; N];
        for (schedule, blocks) in schedules.iter_mut().zip(&mut blocks) {
            let Some(block) = blocks.next() else {
                return states.map(|registers| registers.store());
            };
            *schedule = load(block);
        }
        for constants in scheduled {
            sixteen_rounds::<N, true>(&mut states, &mut schedules, constants);
        }
        sixteen_rounds::<N, false>(&mut states, &mut schedules, last);
        for (state, before) in states.iter_mut().zip(before) {
            state.abcd = vaddq_u32(state.abcd, before.abcd);
            state.efgh = vaddq_u32(state.efgh, before.efgh);
        }
    }
}

/// Returns the sixteen words of a block; the first is in the lowest bits.
#[target_feature(enable = "neon")]
#[inline]
fn load(block: &[u8; BLOCK]) -> [uint32x4_t; 4] {
    let (halves, _) = block.as_chunks();
    let (quarters, _) = halves.as_chunks();
    let mut schedule = [words([0; 4]); 4];
    for (words, &[low, high]) in schedule.iter_mut().zip(quarters) {
        let half = |bytes| vcreate_u64(u64::from_le_bytes(bytes));
        let quarter: uint8x16_t = vreinterpretq_u8_u64(vcombine_u64(half(low), half(high)));
        // SHA-256 reads its words big-endian.
        *words = vreinterpretq_u32_u8(vrev32q_u8(quarter));
    }
    schedule
}

/// Computes sixteen rounds of each lane. With `NEXT`, every quarter of the schedule
/// is replaced by the one for sixteen rounds later.
#[target_feature(enable = "neon,sha2")]
#[inline]
fn sixteen_rounds<const N: usize, const NEXT: bool>(
    states: &mut [StateHalves; N],
    schedules: &mut [[uint32x4_t; 4]; N],
    constants: &[u32; 16],
) {
    four_rounds::<N, NEXT, 0>(states, schedules, constants);
    four_rounds::<N, NEXT, 1>(states, schedules, constants);
    four_rounds::<N, NEXT, 2>(states, schedules, constants);
    four_rounds::<N, NEXT, 3>(states, schedules, constants);
}

#[allow(clippy::indexing_slicing, reason = "indices of fixed arrays, none of them from data")]
#[target_feature(enable = "neon,sha2")]
#[inline]
fn four_rounds<const N: usize, const NEXT: bool, const AT: usize>(
    states: &mut [StateHalves; N],
    schedules: &mut [[uint32x4_t; 4]; N],
    constants: &[u32; 16],
) {
    let constants = words([0, 1, 2, 3].map(|n| constants[4 * AT + n]));
    for (StateHalves { abcd, efgh }, schedule) in states.iter_mut().zip(schedules.iter()) {
        let sum = vaddq_u32(schedule[AT], constants);
        let before = *abcd;
        *abcd = vsha256hq_u32(before, *efgh, sum);
        *efgh = vsha256h2q_u32(*efgh, before, sum);
    }
    if NEXT {
        for schedule in schedules {
            let [now, next, third, last] = [0, 1, 2, 3].map(|n| schedule[(AT + n) & 3]);
            schedule[AT] = vsha256su1q_u32(vsha256su0q_u32(now, next), third, last);
        }
    }
}
