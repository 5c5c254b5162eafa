//! CRC-32C with tables of 1 KiB: eight bytes an iteration, a nibble a lookup.

/// The polynomial, reflected.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// `TABLES[j][n]`: the CRC of the nibble `n` followed by `j` zero nibbles.
const TABLES: [[u32; 16]; 16] = tables();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where an index out of bounds is an error"
)]
const fn tables() -> [[u32; 16]; 16] {
    let mut tables = [[0; 16]; 16];
    let mut nibble = 0;
    while nibble < 16 {
        #[allow(clippy::cast_possible_truncation, reason = "below 16")]
        let mut crc = nibble as u32;
        let mut zeros = 0;
        while zeros < 16 {
            let mut bit = 0;
            while bit < 4 {
                crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
                bit += 1;
            }
            tables[zeros][nibble] = crc;
            zeros += 1;
        }
        nibble += 1;
    }
    tables
}

fn lookup(table: &[u32; 16], nibble: u64) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "masked to four bits")]
    let nibble = (nibble & 15) as usize;
    table.get(nibble).copied().unwrap_or_default()
}

/// Extends `crc`, the checksum of earlier bytes, by `bytes`.
pub(super) fn extend(crc: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut crc = !crc;
    for word in words {
        let word = u64::from_le_bytes(*word) ^ u64::from(crc);
        let nibbles = (0..16).map(|at| word >> (4 * at));
        crc = TABLES.iter().rev().zip(nibbles).fold(0, |crc, (table, n)| crc ^ lookup(table, n));
    }
    let [one, two, ..] = &TABLES;
    for byte in rest {
        let byte = u64::from(*byte) ^ u64::from(crc);
        crc = crc >> 8 ^ lookup(two, byte) ^ lookup(one, byte >> 4);
    }
    !crc
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    #[test]
    fn narrow_tables_agree_with_the_crate_at_every_length_and_alignment() {
        let mut state = 7u32;
        let bytes: Vec<u8> = core::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        })
        .take(if cfg!(miri) { 40 } else { 400 })
        .collect();
        for start in 0..9 {
            for end in start..bytes.len() {
                let (crc, part) = (state.rotate_left(3), &bytes[start..end]);
                assert_eq!(super::extend(crc, part), crc32c::crc32c_append(crc, part));
            }
        }
    }
}
