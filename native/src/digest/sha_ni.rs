//! SHA-256 on the SHA instructions of x86-64 (FIPS 180-4, 6.2).
//!
//! A round waits about four cycles for the round before it, while the processor could
//! start another one every second cycle: four interleaved messages take half the time of
//! four in sequence.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si64, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_unpackhi_epi64,
};

use sealpack_core::format::digest::Hash;

use super::interleaved::Instructions;
use super::message::{BLOCK, INITIAL, ROUND};

/// The SHA instructions of x86-64, if [`detect`](Self::detect) found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShaNi(());

impl ShaNi {
    /// Returns a value if this processor has the instructions that [`compress`] needs.
    pub(super) fn detect() -> Option<Self> {
        let is_available = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        is_available.then_some(Self(()))
    }
}

impl Instructions for ShaNi {
    type State = HashState;

    fn initial() -> HashState {
        HashState::initial()
    }

    fn digest(state: HashState) -> Hash {
        state.digest()
    }

    #[allow(unsafe_code, reason = "a function for some processors only")]
    #[inline]
    fn compress<const N: usize>(
        self,
        states: [HashState; N],
        blocks: [&[[u8; BLOCK]]; N],
    ) -> [HashState; N] {
        // SAFETY: `self` exists, so `detect` found the features that `compress` is
        // compiled for.
        unsafe { compress(states, blocks) }
    }
}

/// The eight words of a state, in pairs, in the order of the registers.
#[derive(Clone, Copy)]
pub(super) struct HashState {
    ab: u64,
    ef: u64,
    cd: u64,
    gh: u64,
}

impl HashState {
    fn initial() -> Self {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let [a, b, c, d, e, f, g, h] = INITIAL;
        Self { ab: pair(a, b), ef: pair(e, f), cd: pair(c, d), gh: pair(g, h) }
    }

    fn digest(self) -> Hash {
        let mut digest = Hash::default();
        for (bytes, pair) in digest.chunks_mut(8).zip([self.ab, self.cd, self.ef, self.gh]) {
            // SHA-256 writes its words big-endian.
            bytes.copy_from_slice(&pair.swap_bytes().to_le_bytes());
        }
        digest
    }
}

/// A state in registers, as the instructions take it.
#[derive(Clone, Copy)]
struct Registers {
    /// From the highest word to the lowest.
    abef: __m128i,
    /// From the highest word to the lowest.
    cdgh: __m128i,
}

impl Registers {
    #[target_feature(enable = "sse2")]
    #[inline]
    fn load(HashState { ab, ef, cd, gh }: HashState) -> Self {
        Self { abef: register(ab, ef), cdgh: register(cd, gh) }
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn store(self) -> HashState {
        let low = |words| _mm_cvtsi128_si64(words).cast_unsigned();
        let high = |words| low(_mm_unpackhi_epi64(words, words));
        HashState {
            ab: high(self.abef),
            ef: low(self.abef),
            cd: high(self.cdgh),
            gh: low(self.cdgh),
        }
    }
}

#[target_feature(enable = "sse2")]
#[inline]
fn register(high: u64, low: u64) -> __m128i {
    _mm_set_epi64x(high.cast_signed(), low.cast_signed())
}

/// Hashes the blocks of each lane; all lanes have the same number.
///
/// Not unrolled beyond sixteen rounds: the compiler would then do all rounds of
/// one lane before those of the next.
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress<const N: usize>(states: [HashState; N], blocks: [&[[u8; BLOCK]]; N]) -> [HashState; N] {
    let [scheduled @ .., last] = &ROUND;
    let mut states = states.map(|state| Registers::load(state));
    let mut blocks = blocks.map(<[_]>::iter);
    loop {
        let before = states;
        let mut schedules = [[register(0, 0); 4]; N];
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
            state.abef = _mm_add_epi32(state.abef, before.abef);
            state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
        }
    }
}

/// Returns the sixteen words of a block; the first is in the lowest bits.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn load(block: &[u8; BLOCK]) -> [__m128i; 4] {
    // SHA-256 reads its words big-endian.
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (halves, _) = block.as_chunks();
    let (quarters, _) = halves.as_chunks();
    let mut words = [swap; 4];
    for (words, &[low, high]) in words.iter_mut().zip(quarters) {
        let quarter = register(u64::from_le_bytes(high), u64::from_le_bytes(low));
        *words = _mm_shuffle_epi8(quarter, swap);
    }
    words
}

/// Computes sixteen rounds of each lane. With `NEXT`, every quarter of the schedule
/// is replaced by the one for sixteen rounds later.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn sixteen_rounds<const N: usize, const NEXT: bool>(
    states: &mut [Registers; N],
    schedules: &mut [[__m128i; 4]; N],
    constants: &[u32; 16],
) {
    four_rounds::<N, NEXT, 0>(states, schedules, constants);
    four_rounds::<N, NEXT, 1>(states, schedules, constants);
    four_rounds::<N, NEXT, 2>(states, schedules, constants);
    four_rounds::<N, NEXT, 3>(states, schedules, constants);
}

#[allow(clippy::indexing_slicing, reason = "indices of fixed arrays, none of them from data")]
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn four_rounds<const N: usize, const NEXT: bool, const AT: usize>(
    states: &mut [Registers; N],
    schedules: &mut [[__m128i; 4]; N],
    constants: &[u32; 16],
) {
    let constant = |at: usize| constants[4 * AT + at].cast_signed();
    let constants = _mm_set_epi32(constant(3), constant(2), constant(1), constant(0));
    for (Registers { abef, cdgh }, schedule) in states.iter_mut().zip(schedules.iter()) {
        // Each instruction does two rounds, with the two lower words.
        let first = _mm_add_epi32(schedule[AT], constants);
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, first);
        let second = _mm_shuffle_epi32::<0x0e>(first);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, second);
    }
    if NEXT {
        for schedule in schedules {
            let [now, next, third, last] = [0, 1, 2, 3].map(|n| schedule[(AT + n) & 3]);
            let seven_before = _mm_alignr_epi8::<4>(last, third);
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(now, next), seven_before);
            schedule[AT] = _mm_sha256msg2_epu32(sum, last);
        }
    }
}
