//! Applies every small damage to small packs of every shape. What the format
//! protects never yields a different item, and what it does not protect is reported
//! as unprotected.

use std::io::Cursor;
use std::ops::Range;

use sealpack::core::format::Dialect;
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{Bytes, Error, Reader};
use sealpack_tests::hostile::{CodecChoice, LIMIT, Packing, Random};

/// Every shape: three codecs, one and three items per record, both checksum layouts,
/// with and without hash, both dialects (the older one has no record checksum).
fn packings() -> Vec<Packing> {
    let mut all = Vec::new();
    for codec in [CodecChoice::Plain, CodecChoice::Zstd, CodecChoice::Own] {
        for items_per_record in [1, 3] {
            for content_hash in [false, true] {
                for (record_checksum, dialect) in [
                    (false, Dialect::AppDataCrc),
                    (true, Dialect::AppDataCrc),
                    (false, Dialect::NoAppDataCrc),
                ] {
                    // The second record of three is as long as the first.
                    let items = ["first item", "", "third", "again item", "", "other", "last"];
                    all.push(Packing {
                        codec,
                        items_per_record,
                        record_checksum,
                        content_hash,
                        dialect,
                        app_data: b"app data".to_vec(),
                        items: items.map(|item| item.as_bytes().to_vec()).into(),
                    });
                }
            }
        }
    }
    all
}

fn open(packing: &Packing, file: Vec<u8>) -> Result<Reader, Error> {
    let options = Reader::options().codec(packing.codec.read()).decoded_limit(LIMIT).threads(1);
    options.open_source(Cursor::new(file), "memory")
}

/// The number of damaged files with each outcome.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    files: usize,
    /// Files that did not open.
    refused: usize,
    /// Files in which some item was an error, and all others were unchanged.
    errors: usize,
    /// Files in which every item was unchanged.
    same: usize,
    /// Files in which a different item was read, and a verification failed.
    found_by_verify: usize,
    /// Files in which a different item was read, and a verification reported that
    /// nothing protects it.
    reported_unprotected: usize,
}

impl Tally {
    /// Examines a damaged file. If `records_moved`, one may be at the offset of another
    /// of the same size, and only the content hash detects that: a record's checksum
    /// does not identify the record.
    fn examine(&mut self, packing: &Packing, file: Vec<u8>, records_moved: bool) {
        self.files += 1;
        let Ok(reader) = open(packing, file) else {
            self.refused += 1;
            return;
        };
        let count = reader.item_count() as usize;
        assert_eq!(count, packing.items.len(), "trailer and index are protected");
        let got: Vec<Result<Bytes, Error>> =
            (0..reader.item_count()).map(|p| reader.get(p)).collect();
        let other = got
            .iter()
            .zip(&packing.items)
            .any(|(got, item)| got.as_ref().is_ok_and(|got| got != item));
        let error = got.iter().any(Result::is_err);
        let report = reader.verify().unwrap();
        if other {
            let is_unprotected = packing.codec != CodecChoice::Zstd && !packing.record_checksum;
            if records_moved && !is_unprotected && packing.items_per_record == 1 {
                let is_an_item = |got: &Bytes| packing.items.iter().any(|item| got == item);
                assert!(got.iter().flatten().all(is_an_item), "{packing:?}: {got:?}");
            }
            assert!(
                is_unprotected || records_moved,
                "{packing:?}: a protected layout yielded a different item"
            );
            if packing.content_hash || error {
                assert!(!report.is_ok(), "{packing:?}: {report:?}");
                self.found_by_verify += 1;
            } else {
                assert!(records_moved || !report.items_are_protected(), "{packing:?}: {report:?}");
                let hash = report.verdict(LayerName::ContentHash);
                assert!(matches!(hash, Verdict::NotPresent));
                self.reported_unprotected += 1;
            }
        } else if error {
            assert!(!report.is_ok(), "{packing:?}: an item fails and verify does not");
            self.errors += 1;
        } else {
            self.same += 1;
        }
        let app_data = *reader.app_data() == packing.app_data;
        let is_unprotected = matches!(report.verdict(LayerName::AppData), Verdict::NotPresent);
        assert!(
            app_data || is_unprotected,
            "{packing:?}: different app data is not reported as unprotected"
        );
    }

    /// Checks the counts.
    fn assert_equals(&self, expected: Tally) {
        let others = self.refused + self.errors + self.same;
        assert_eq!(self.files, others + self.found_by_verify + self.reported_unprotected);
        assert_eq!(*self, expected);
    }
}

#[test]
fn a_changed_byte_never_yields_a_different_protected_item() {
    let mut tally = Tally::default();
    for packing in packings() {
        let sound = packing.file();
        for at in 0..sound.len() {
            let flips = (0..8).map(|bit| sound[at] ^ 1 << bit);
            let mut values: Vec<u8> = flips.chain([0, 255]).collect();
            values.sort_unstable();
            values.dedup();
            for value in values.into_iter().filter(|&value| value != sound[at]) {
                let mut file = sound.clone();
                file[at] = value;
                tally.examine(&packing, file, false);
            }
        }
    }
    tally.assert_equals(Tally {
        files: 58_000,
        refused: 31_718,
        errors: 19_862,
        same: 1_012,
        found_by_verify: 2_704,
        reported_unprotected: 2_704,
    });
}

#[test]
fn every_truncation_is_refused() {
    let mut tally = Tally::default();
    for packing in packings() {
        let sound = packing.file();
        (0..sound.len())
            .for_each(|length| tally.examine(&packing, sound[..length].to_vec(), false));
    }
    tally.assert_equals(Tally { files: 6_054, refused: 6_054, ..Tally::default() });
}

/// The ranges of a pack's sections: each record, index, app data, trailer.
fn sections(reader: &Reader) -> Vec<Range<usize>> {
    let to_usize = |at: u64| usize::try_from(at).unwrap();
    let directory = reader.directory();
    let records = directory.records(0..directory.record_count());
    let mut sections: Vec<_> =
        records.map(|place| to_usize(place.range.start)..to_usize(place.range.end)).collect();
    let index = to_usize(directory.records_end());
    let app_data = index + reader.trailer().index_size as usize;
    let trailer = app_data + reader.trailer().app_data_size as usize;
    sections.extend([index..app_data, app_data..trailer, trailer..trailer + 76]);
    sections
}

#[test]
fn swapped_sections_yield_no_other_items_except_swapped_records() {
    let mut tally = Tally::default();
    for packing in packings() {
        let sound = packing.file();
        let sections = sections(&open(&packing, sound.clone()).unwrap());
        for one in 0..sections.len() {
            for other in one + 1..sections.len() {
                let (a, b) = (sections[one].clone(), sections[other].clone());
                let records = other < sections.len() - 3;
                let between = &sound[a.end..b.start];
                let file =
                    [&sound[..a.start], &sound[b.clone()], between, &sound[a], &sound[b.end..]];
                tally.examine(&packing, file.concat(), records);
            }
        }
    }
    tally.assert_equals(Tally {
        files: 1_080,
        refused: 648,
        errors: 192,
        same: 66,
        found_by_verify: 91,
        reported_unprotected: 83,
    });
}

#[test]
fn extra_bytes_before_or_after_are_refused() {
    let mut tally = Tally::default();
    let mut random = Random::new(1);
    for packing in packings() {
        let sound = packing.file();
        for length in 1..=100 {
            let noise: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            let own_end = sound[sound.len() - length..].to_vec();
            for junk in [vec![0; length], vec![255; length], noise, own_end] {
                tally.examine(&packing, [&sound[..], &junk].concat(), false);
                tally.examine(&packing, [&junk, &sound[..]].concat(), false);
            }
        }
        tally.examine(&packing, [&sound[..], &sound].concat(), false);
    }
    tally.assert_equals(Tally { files: 28_836, refused: 28_836, ..Tally::default() });
}

#[test]
fn sound_packs_report_whether_items_are_protected() {
    for packing in packings() {
        let report = open(&packing, packing.file()).unwrap().verify().unwrap();
        assert!(report.is_ok(), "{packing:?}");
        let checksum = packing.record_checksum || packing.codec == CodecChoice::Zstd;
        assert_eq!(report.items_are_protected(), checksum || packing.content_hash, "{packing:?}");
        let app_data = matches!(report.verdict(LayerName::AppData), Verdict::Passed);
        assert_eq!(app_data, packing.dialect == Dialect::AppDataCrc);
    }
}
