//! SHA-256 of sixteen messages at a time on AVX-512, one in each lane (FIPS 180-4,
//! 6.2).

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set1_epi32,
    _mm512_set4_epi32, _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use sealpack_core::Error;
use sealpack_core::format::RecordContent;
use sealpack_core::format::digest::Hash;

use super::message::{BLOCK, HashMessage, INITIAL, ROUND};

/// Messages that are hashed at once.
pub(super) const LANES: usize = 16;

/// One word of the state or of the message, for every lane.
type Words = [u32; LANES];

/// Returns whether this processor has the instructions that [`compress`] needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

/// Appends the digest of each record. Must only be called if [`is_available`].
pub(super) fn digests(records: &[RecordContent<'_>], digests: &mut Vec<Hash>) -> Result<(), Error> {
    let first = digests.len();
    digests.resize(first + records.len(), Hash::default());
    let queue = digests.iter_mut().skip(first).zip(records);
    let mut queue = queue.map(|(digest, record)| (digest, HashMessage::new(record.items())));
    let mut lanes: [_; LANES] = core::array::from_fn(|_| queue.next());
    let mut state = INITIAL.map(|word| [word; LANES]);
    let mut scratch = [[[0; BLOCK]; 1]; LANES];
    // Whether the last step took a block from within an item in every lane. Otherwise it is
    // not worth looking for a run of them: items are short, or one has just ended.
    let mut all_within = false;
    loop {
        if all_within && hash_run(&mut lanes, &mut state) {
            all_within = false;
            continue;
        }
        all_within = true;
        let mut blocks: [&[_]; LANES] = [&EMPTY; LANES];
        // A bit for each lane whose message ends with this block.
        let mut ending = 0u32;
        let mut busy = false;
        let each = lanes.iter_mut().zip(&mut scratch).zip(&mut blocks).enumerate();
        for (number, ((lane, scratch), block)) in each {
            let Some((_, message)) = lane else { continue };
            busy = true;
            *block = match message.next_blocks(1) {
                Some(whole) => whole,
                None => {
                    let [block] = scratch;
                    message.assemble(block)?;
                    ending |= u32::from(message.is_done()) << number;
                    all_within = false;
                    scratch
                }
            };
        }
        if !busy {
            return Ok(());
        }
        compress_blocks(&mut state, &blocks, 1);
        while ending != 0 {
            let number = ending.trailing_zeros() as usize;
            ending &= ending - 1;
            let Some(lane) = lanes.get_mut(number) else { continue };
            if let Some((digest, _)) = lane {
                **digest = finish(&state, number);
            }
            *lane = queue.next();
            begin(&mut state, number);
        }
    }
}

/// The most blocks of a lane that are hashed in one call of [`compress`].
const MAX_RUN: usize = 64;

/// The blocks of a lane that has no message.
static EMPTY: [[u8; BLOCK]; MAX_RUN] = [[0; BLOCK]; MAX_RUN];

/// Hashes the next blocks of each lane, if two or more lie within an item in every lane. Returns
/// whether it did.
fn hash_run<'a, D>(
    lanes: &mut [Option<(D, HashMessage<'a, impl Iterator<Item = &'a [u8]>>)>; LANES],
    state: &mut [Words; 8],
) -> bool {
    let busy = lanes.iter().flatten();
    let count = busy.map(|(_, message)| message.whole_blocks()).min().unwrap_or(0).min(MAX_RUN);
    if count < 2 {
        return false;
    }
    let mut runs: [&[_]; LANES] = [&EMPTY; LANES];
    for (lane, run) in lanes.iter_mut().zip(&mut runs) {
        if let Some(blocks) = lane.as_mut().and_then(|(_, message)| message.next_blocks(count)) {
            *run = blocks;
        }
    }
    compress_blocks(state, &runs, count);
    true
}

/// Hashes the first `count` blocks of each lane.
#[inline]
fn compress_blocks(state: &mut [Words; 8], blocks: &[&[[u8; BLOCK]]; LANES], count: usize) {
    // SAFETY: `digests` is called only if `is_available`: the processor has the
    // features that `compress` is compiled for.
    #[allow(unsafe_code, reason = "a function for some processors only")]
    unsafe {
        compress(state, blocks, count);
    }
}

fn begin(state: &mut [Words; 8], lane: usize) {
    for (words, initial) in state.iter_mut().zip(INITIAL) {
        if let Some(word) = words.get_mut(lane) {
            *word = initial;
        }
    }
}

fn finish(state: &[Words; 8], lane: usize) -> Hash {
    let mut digest = Hash::default();
    for (bytes, words) in digest.chunks_mut(4).zip(state) {
        let word = words.get(lane).copied().unwrap_or_default();
        // SHA-256 writes its words big-endian.
        bytes.copy_from_slice(&word.swap_bytes().to_le_bytes());
    }
    digest
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load<const N: usize, T>(from: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == 64) };
    // SAFETY: the array has 64 bytes, and the load asks for no alignment.
    #[allow(unsafe_code, reason = "loads take a pointer")]
    unsafe {
        _mm512_loadu_si512(from.as_ptr().cast())
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn store(to: &mut Words, words: __m512i) {
    // SAFETY: the array has 64 bytes, and the store asks for no alignment.
    #[allow(unsafe_code, reason = "stores take a pointer")]
    unsafe {
        _mm512_storeu_si512(to.as_mut_ptr().cast(), words);
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// Returns word `i` of each lane's block `number` in register `i`: the blocks are the rows
/// of a 16 × 16 matrix, which is transposed.
#[allow(clippy::indexing_slicing, reason = "indices of fixed arrays, none of them from data")]
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn transpose(blocks: &[&[[u8; BLOCK]]; LANES], number: usize) -> [__m512i; 16] {
    // SHA-256 reads its words big-endian.
    let swap = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    let rows: [__m512i; 16] =
        core::array::from_fn(|at| _mm512_shuffle_epi8(load(&blocks[at][number]), swap));
    let pairs: [__m512i; 16] = core::array::from_fn(|at| {
        let (a, b) = (rows[at & !1], rows[at | 1]);
        if at & 1 == 0 { _mm512_unpacklo_epi32(a, b) } else { _mm512_unpackhi_epi32(a, b) }
    });
    let fours: [__m512i; 16] = core::array::from_fn(|at| {
        let half = (at & !3) | ((at >> 1) & 1);
        let (a, b) = (pairs[half], pairs[half + 2]);
        if at & 1 == 0 { _mm512_unpacklo_epi64(a, b) } else { _mm512_unpackhi_epi64(a, b) }
    });
    core::array::from_fn(|at| {
        let (column, quarter) = (at & 3, at >> 2);
        let rows = [0, 4, 8, 12].map(|row| fours[row + column]);
        let (low, high) = if quarter < 2 {
            (
                _mm512_shuffle_i32x4::<0x44>(rows[0], rows[1]),
                _mm512_shuffle_i32x4::<0x44>(rows[2], rows[3]),
            )
        } else {
            (
                _mm512_shuffle_i32x4::<0xee>(rows[0], rows[1]),
                _mm512_shuffle_i32x4::<0xee>(rows[2], rows[3]),
            )
        };
        if quarter & 1 == 0 {
            _mm512_shuffle_i32x4::<0x88>(low, high)
        } else {
            _mm512_shuffle_i32x4::<0xdd>(low, high)
        }
    })
}

/// Computes round `AT` of sixteen. `AT` is a constant, so that the state words rotate
/// through the registers without moves: after `AT` rounds, word `n` is in the place
/// of word `n - AT`. With `NEXT`, the word of the schedule is replaced by the one for
/// sixteen rounds later.
#[allow(clippy::indexing_slicing, reason = "indices of fixed arrays, none of them from data")]
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn round<const AT: usize, const NEXT: bool>(
    state: &mut [__m512i; 8],
    schedule: &mut [__m512i; 16],
    constants: &[u32; 16],
) {
    let [a, b, c, d, e, f, g, h] = core::array::from_fn(|n| state[(n + 16 - AT) & 7]);
    let sum1 = xor3(_mm512_ror_epi32::<6>(e), _mm512_ror_epi32::<11>(e), _mm512_ror_epi32::<25>(e));
    let choice = _mm512_ternarylogic_epi32::<0xca>(e, f, g);
    let constant = _mm512_set1_epi32(constants[AT].cast_signed());
    let word = schedule[AT];
    let t1 = add(add(add(h, sum1), add(choice, constant)), word);
    let sum0 = xor3(_mm512_ror_epi32::<2>(a), _mm512_ror_epi32::<13>(a), _mm512_ror_epi32::<22>(a));
    let majority = _mm512_ternarylogic_epi32::<0xe8>(a, b, c);
    state[(19 - AT) & 7] = add(d, t1);
    state[(23 - AT) & 7] = add(t1, add(sum0, majority));
    if NEXT {
        let (w1, w14) = (schedule[(AT + 1) & 15], schedule[(AT + 14) & 15]);
        let sigma0 =
            xor3(_mm512_ror_epi32::<7>(w1), _mm512_ror_epi32::<18>(w1), _mm512_srli_epi32::<3>(w1));
        let sigma1 = xor3(
            _mm512_ror_epi32::<17>(w14),
            _mm512_ror_epi32::<19>(w14),
            _mm512_srli_epi32::<10>(w14),
        );
        schedule[AT] = add(add(word, sigma0), add(schedule[(AT + 9) & 15], sigma1));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn sixteen_rounds<const NEXT: bool>(
    state: &mut [__m512i; 8],
    schedule: &mut [__m512i; 16],
    constants: &[u32; 16],
) {
    round::<0, NEXT>(state, schedule, constants);
    round::<1, NEXT>(state, schedule, constants);
    round::<2, NEXT>(state, schedule, constants);
    round::<3, NEXT>(state, schedule, constants);
    round::<4, NEXT>(state, schedule, constants);
    round::<5, NEXT>(state, schedule, constants);
    round::<6, NEXT>(state, schedule, constants);
    round::<7, NEXT>(state, schedule, constants);
    round::<8, NEXT>(state, schedule, constants);
    round::<9, NEXT>(state, schedule, constants);
    round::<10, NEXT>(state, schedule, constants);
    round::<11, NEXT>(state, schedule, constants);
    round::<12, NEXT>(state, schedule, constants);
    round::<13, NEXT>(state, schedule, constants);
    round::<14, NEXT>(state, schedule, constants);
    round::<15, NEXT>(state, schedule, constants);
}

/// Hashes the first `count` blocks of each lane; every lane must have as many.
#[target_feature(enable = "avx512f,avx512bw")]
fn compress(state: &mut [Words; 8], blocks: &[&[[u8; BLOCK]]; LANES], count: usize) {
    let mut words = state.each_ref().map(|words| load(words));
    let [scheduled @ .., last] = &ROUND;
    for number in 0..count {
        let before = words;
        let mut schedule = transpose(blocks, number);
        for constants in scheduled {
            sixteen_rounds::<true>(&mut words, &mut schedule, constants);
        }
        sixteen_rounds::<false>(&mut words, &mut schedule, last);
        words.iter_mut().zip(before).for_each(|(word, before)| *word = add(*word, before));
    }
    state.iter_mut().zip(words).for_each(|(state, words)| store(state, words));
}
