//! The state of each record: two bits, stored only for segments in which some record is
//! known.

use std::collections::BTreeMap;
use std::ops::Range;

/// The state of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The record was not checked.
    Unknown,
    /// The record was read, and all its own checks passed.
    Sound,
    /// A check of the record failed.
    Damaged,
}

/// Records in a chunk.
const CHUNK: u32 = 4096;
/// Bytes of a chunk: two bits per record.
const BYTES: usize = CHUNK as usize / 4;
/// The maximum number of damaged records whose damage is described.
const MAX_REASONS: usize = 10_000;

/// The marks of all records: no memory for a stretch of 4,096 unknown records, otherwise
/// a quarter of a byte per record.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    chunks: BTreeMap<u32, Box<[u8; BYTES]>>,
    damaged: BTreeMap<u32, Damage>,
}

/// The damage of a record, and where the record lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the record starts in the file.
    pub offset: u64,
    /// The error of the check.
    pub what: String,
}

impl Marks {
    /// Returns the state of a record.
    #[must_use]
    pub fn of(&self, record: u32) -> Mark {
        let (byte, shift) = place(record);
        let bits = self.chunks.get(&(record / CHUNK)).and_then(|chunk| chunk.get(byte));
        match bits.map_or(0, |bits| bits >> shift & 3) {
            0 => Mark::Unknown,
            1 => Mark::Sound,
            _ => Mark::Damaged,
        }
    }

    fn set(&mut self, record: u32, bits: u8) {
        let (byte, shift) = place(record);
        let chunk = self.chunks.entry(record / CHUNK).or_insert_with(|| Box::new([0; BYTES]));
        if let Some(place) = chunk.get_mut(byte) {
            *place = *place & !(3 << shift) | bits << shift;
        }
    }

    /// Marks a record that was read as sound, unless it is known to be damaged.
    pub fn sound(&mut self, record: u32) {
        if self.of(record) == Mark::Unknown {
            self.set(record, 1);
        }
    }

    /// Marks all records of a range as sound, except for those known to be damaged.
    pub fn sound_range(&mut self, records: Range<u32>) {
        const ALL_SOUND: u8 = 0b01_01_01_01;
        let mut record = records.start;
        while record < records.end {
            let (byte, _) = place(record);
            let four = record.is_multiple_of(4) && records.end - record >= 4;
            let chunk = self.chunks.entry(record / CHUNK).or_insert_with(|| Box::new([0; BYTES]));
            // A verification covers millions of records: four are marked at a time if
            // none of them is known.
            match chunk.get_mut(byte) {
                Some(bits) if four && *bits == 0 => {
                    *bits = ALL_SOUND;
                    record += 4;
                }
                _ => {
                    self.sound(record);
                    record += 1;
                }
            }
        }
    }

    /// Marks a record as damaged.
    pub fn damaged(&mut self, record: u32, damage: Damage) {
        self.set(record, 2);
        if self.damaged.len() < MAX_REASONS || self.damaged.contains_key(&record) {
            self.damaged.insert(record, damage);
        }
    }

    /// Returns the damage of a record.
    #[must_use]
    pub fn damage(&self, record: u32) -> Option<&Damage> {
        self.damaged.get(&record)
    }

    /// Returns the damaged records, in order; those beyond 10,000 are left out.
    pub fn all_damaged(&self) -> impl Iterator<Item = (u32, &Damage)> {
        self.damaged.iter().map(|(record, damage)| (*record, damage))
    }

    /// Returns the damaged record after or before this one, wrapping around.
    #[must_use]
    pub fn next_damaged(&self, record: u32, forward: bool) -> Option<u32> {
        let mut found = if forward {
            let after = self.damaged.range(record.saturating_add(1)..).next();
            after.or_else(|| self.damaged.iter().next())
        } else {
            let before = self.damaged.range(..record).next_back();
            before.or_else(|| self.damaged.iter().next_back())
        };
        found.take().map(|(record, _)| *record)
    }

    /// Returns the memory that the marks take, in bytes.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        self.chunks.len() * (BYTES + 24) + self.damaged.len() * 128
    }
}

fn place(record: u32) -> (usize, u32) {
    let within = record % CHUNK;
    ((within / 4) as usize, within % 4 * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_kept_for_its_record_alone() {
        let mut marks = Marks::default();
        let damage = Damage { offset: 7, what: "worn".into() };
        marks.damaged(4097, damage.clone());
        marks.sound_range(4090..4100);
        marks.sound(u32::MAX);
        assert_eq!(marks.of(4089), Mark::Unknown);
        assert_eq!(marks.of(4090), Mark::Sound);
        assert_eq!(marks.of(4097), Mark::Damaged);
        assert_eq!(marks.of(4100), Mark::Unknown);
        assert_eq!(marks.of(u32::MAX), Mark::Sound);
        assert_eq!(marks.damage(4097), Some(&damage));
    }

    #[test]
    fn damaged_records_are_found_in_both_directions_around_the_end() {
        let mut marks = Marks::default();
        for record in [3, 9, 20] {
            marks.damaged(record, Damage { offset: 0, what: String::new() });
        }
        assert_eq!(marks.next_damaged(3, true), Some(9));
        assert_eq!(marks.next_damaged(20, true), Some(3));
        assert_eq!(marks.next_damaged(9, false), Some(3));
        assert_eq!(marks.next_damaged(0, false), Some(20));
    }

    #[test]
    fn the_marks_of_ten_million_records_take_at_most_a_third_of_a_byte_each() {
        let mut marks = Marks::default();
        assert_eq!(marks.memory(), 0);
        marks.sound_range(0..10_000_000);
        assert!(marks.memory() < 10_000_000 / 3, "{}", marks.memory());
    }
}
