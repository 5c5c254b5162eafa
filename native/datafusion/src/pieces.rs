//! Divides packs into partitions of equal bytes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Part of a pack: the records that start in a range of its bytes. It is resolved when the
/// pack is opened, so that planning needs only its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// The number of the pack in the plan.
    pub(crate) pack: usize,
    pub(crate) bytes: Range<u64>,
}

/// A pack to divide: its size, and which part of its bytes the query reads, roughly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackExtent {
    pub(crate) size: u64,
    /// About where the wanted records lie.
    pub(crate) wanted: Range<u64>,
    /// Whether so little of the pack is wanted that one partition reads all of it.
    pub(crate) is_whole: bool,
}

impl PackExtent {
    fn weight(&self) -> u64 {
        self.wanted.end.saturating_sub(self.wanted.start).max(1)
    }
}

/// Divides packs into at most `partitions` lists of pieces with about the same number of
/// bytes, in the order of the packs. A pack is only split into pieces of at least
/// `min_piece` bytes.
pub(crate) fn divide(packs: &[PackExtent], partitions: usize, min_piece: u64) -> Vec<Vec<Piece>> {
    let total: u64 = packs.iter().fold(0, |sum, pack| sum.saturating_add(pack.weight()));
    let by_size = usize::try_from(total / min_piece.max(1)).unwrap_or(usize::MAX);
    let count = partitions.min(by_size.max(packs.len())).max(1);
    let share = total.div_ceil(count as u64).max(1);
    let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
    // The bytes that the last of the parts still takes.
    let mut room = share;
    for (pack, extent) in packs.iter().enumerate() {
        let mut start = 0;
        let mut from = extent.wanted.start;
        let end = extent.wanted.end.max(from);
        while start < extent.size || start == 0 {
            let left = end.saturating_sub(from).max(1);
            let is_rest_too_small = left.saturating_sub(room) < min_piece;
            let takes_rest = left <= room || extent.is_whole || is_rest_too_small;
            let next = if takes_rest { extent.size.max(1) } else { from.saturating_add(room) };
            if let Some(part) = parts.last_mut() {
                part.push(Piece { pack, bytes: start..next });
            }
            room = room.saturating_sub(if takes_rest { left } else { room });
            (start, from) = (next, next);
            if room == 0 && parts.len() < count {
                parts.push(Vec::new());
                room = share;
            } else if room == 0 {
                room = u64::MAX;
            }
            if start >= extent.size {
                break;
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(size: u64) -> PackExtent {
        PackExtent { size, wanted: 0..size, is_whole: false }
    }

    /// Checks that the pieces of each pack cover it once, in order.
    fn check(packs: &[PackExtent], parts: &[Vec<Piece>]) {
        let pieces: Vec<&Piece> = parts.iter().flatten().collect();
        for (number, pack) in packs.iter().enumerate() {
            let mut end = 0;
            for piece in pieces.iter().filter(|piece| piece.pack == number) {
                assert_eq!(piece.bytes.start, end, "{parts:?}");
                end = piece.bytes.end;
            }
            assert!(end >= pack.size, "{parts:?}");
        }
        assert!(pieces.is_sorted_by_key(|piece| piece.pack));
    }

    #[test]
    fn partitions_have_equal_bytes() {
        let packs = [pack(700), pack(10), pack(290)];
        let parts = divide(&packs, 4, 1);
        check(&packs, &parts);
        let bytes = |part: &Vec<Piece>| -> u64 {
            part.iter().map(|piece| piece.bytes.end - piece.bytes.start).sum()
        };
        assert_eq!(parts.iter().map(bytes).collect::<Vec<_>>(), [250; 4]);
    }

    #[test]
    fn every_pack_is_covered_once() {
        for sizes in [vec![0, 0], vec![1], vec![5, 1000, 1], vec![64; 64], vec![1, 0, 90_000]] {
            for partitions in [1, 2, 3, 16, 100] {
                for min_piece in [1, 100, 1 << 20] {
                    let packs: Vec<PackExtent> = sizes.iter().copied().map(pack).collect();
                    let parts = divide(&packs, partitions, min_piece);
                    check(&packs, &parts);
                    assert!(parts.len() <= partitions);
                }
            }
        }
    }

    #[test]
    fn small_packs_are_not_split_but_shared_out() {
        let packs = vec![pack(64); 64];
        let parts = divide(&packs, 16, 1 << 20);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4; 16]);
        let whole = PackExtent { is_whole: true, ..pack(1 << 30) };
        assert_eq!(divide(&[whole], 16, 1).len(), 1);
    }
}
