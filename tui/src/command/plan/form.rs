//! The forms that a pack can have.

use std::fmt;

use sealpack::DEFAULT_LEVEL;

/// The items of a record in the forms that are compared, if records of so many items are
/// smaller than a run of the sample.
const ITEMS_PER_RECORD: [u32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// The sizes of dictionaries in bytes.
const DICTIONARIES: [u64; 3] = [32 << 10, 112 << 10, 256 << 10];

/// Dictionaries are tried with records of at most so many bytes: larger ones gain little.
const MAX_RECORD_WITH_DICTIONARY: u64 = 48 << 10;

/// The level for packs that are as small as possible. It writes slowly.
const SLOW_LEVEL: i32 = 19;

/// The dictionary that is tried with the slow level.
const DICTIONARY_OF_SLOW_LEVEL: u64 = 112 << 10;

/// A level that often writes records with a dictionary as small as the default level does, and
/// faster.
const FAST_LEVEL: i32 = 2;

/// What determines the size and the speed of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackForm {
    /// Items of a record.
    pub items_per_record: u32,
    /// How records are encoded.
    pub encoding: Encoding,
}

/// How records are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// As zstd frames.
    Zstd {
        /// The level.
        level: i32,
        /// The maximum size of the dictionary in bytes, if there is one.
        dictionary: Option<u64>,
    },
}

impl PackForm {
    fn zstd(items_per_record: u32, level: i32, dictionary: Option<u64>) -> Self {
        Self { items_per_record, encoding: Encoding::Zstd { level, dictionary } }
    }

    /// Returns the level, if there is one.
    pub fn level(&self) -> Option<i32> {
        match self.encoding {
            Encoding::Zstd { level, .. } => Some(level),
            Encoding::Plain => None,
        }
    }

    /// Returns the maximum size of the dictionary in bytes, if there is one.
    pub fn dictionary(&self) -> Option<u64> {
        match self.encoding {
            Encoding::Zstd { dictionary, .. } => dictionary,
            Encoding::Plain => None,
        }
    }

    /// Returns the form that is encoded at the default level, and otherwise equal.
    pub fn at_default_level(&self) -> Self {
        Self::zstd(self.items_per_record, DEFAULT_LEVEL, self.dictionary())
    }

    /// Returns the form with this level, without a dictionary.
    pub fn without_dictionary(&self, level: i32) -> Self {
        Self::zstd(self.items_per_record, level, None)
    }

    /// Returns whether packing takes so long that only a part of the sample is packed.
    pub fn is_slow(&self) -> bool {
        self.level().is_some_and(|level| level > DEFAULT_LEVEL)
    }

    /// Returns the options of `sealpack pack` for this form.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec!["--items-per-record".into(), self.items_per_record.to_string()];
        match self.encoding {
            Encoding::Plain => options.extend(["--codec".into(), "none".into()]),
            Encoding::Zstd { level, dictionary } => {
                if level != DEFAULT_LEVEL {
                    options.extend(["--level".into(), level.to_string()]);
                }
                if let Some(size) = dictionary {
                    options.extend(["--dictionary".into(), KibiBytes(size).to_string()]);
                }
            }
        }
        options
    }
}

/// A size in binary units, as options take it: `32KiB`.
pub struct KibiBytes(pub u64);

impl fmt::Display for KibiBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}KiB", self.0 >> 10))
    }
}

/// Returns the forms to compare, for items of this mean size, in records of at most
/// `max_record` bytes. The first one is the base form.
pub fn forms(mean_item: u64, max_record: u64) -> Vec<PackForm> {
    let record = |items: u32| mean_item.saturating_mul(items.into());
    let fits = |items: &u32| *items == 1 || record(*items) <= max_record;
    let numbers = || ITEMS_PER_RECORD.into_iter().filter(fits);
    let largest = numbers().next_back().unwrap_or(1);
    let mut forms = vec![
        PackForm::zstd(largest, DEFAULT_LEVEL, None),
        PackForm { items_per_record: largest, encoding: Encoding::Plain },
    ];
    // Records of twice as many items are hardly different.
    let skipped: &[u32] = if largest > 16 { &[2, 64] } else { &[] };
    let numbers = numbers().rev().filter(|items| !skipped.contains(items) || *items == largest);
    for items in numbers {
        let gains = record(items) <= MAX_RECORD_WITH_DICTIONARY;
        for level in [DEFAULT_LEVEL, FAST_LEVEL, SLOW_LEVEL] {
            let is_tried =
                |size: &u64| gains && (level != SLOW_LEVEL || *size == DICTIONARY_OF_SLOW_LEVEL);
            let dictionaries = DICTIONARIES.into_iter().filter(is_tried).map(Some);
            let without = (level != FAST_LEVEL).then_some(None);
            let with = without.into_iter().chain(dictionaries);
            forms.extend(with.map(|dictionary| PackForm::zstd(items, level, dictionary)));
        }
    }
    // The base form occurs twice.
    let mut number = 0;
    forms.retain(|form| {
        number += 1;
        number == 1 || *form != PackForm::zstd(largest, DEFAULT_LEVEL, None)
    });
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_is_the_default_of_pack_where_items_are_small() {
        let forms = forms(250, 1 << 20);
        assert_eq!(forms[0], PackForm::zstd(128, 3, None));
        assert_eq!(forms[0].options(), ["--items-per-record", "128"]);
        let mut distinct = forms.clone();
        distinct.retain(|form| forms.iter().filter(|other| *other == form).count() == 1);
        assert_eq!(distinct.len(), forms.len());
        assert!(forms.contains(&PackForm::zstd(8, 3, Some(256 << 10))));
        assert!(forms.contains(&PackForm::zstd(16, 2, Some(32 << 10))));
        assert!(forms.contains(&PackForm::zstd(1, 19, Some(112 << 10))));
        let plain = forms.iter().find(|form| form.level().is_none()).unwrap();
        assert_eq!(plain.options(), ["--items-per-record", "128", "--codec", "none"]);
    }

    #[test]
    fn records_and_dictionaries_are_tried_only_where_they_can_gain() {
        let large = forms(100 << 10, 1 << 20);
        assert_eq!(large[0], PackForm::zstd(8, 3, None));
        assert!(large.iter().all(|form| form.dictionary().is_none()));
        let huge = forms(1 << 30, 1 << 20);
        assert!(huge.iter().all(|form| form.items_per_record == 1));
        assert!(forms(0, 1 << 20).iter().any(|form| form.items_per_record == 128));
    }

    #[test]
    fn options_name_the_level_and_the_dictionary() {
        let options = PackForm::zstd(4, 19, Some(112 << 10)).options();
        let expected = ["--items-per-record", "4", "--level", "19", "--dictionary", "112KiB"];
        assert_eq!(options, expected);
    }
}
