//! Every small damage to a pack whose records need a dictionary: an item is the right one or
//! an error.

use sealpack::core::format::Dialect;
use sealpack::{DictionaryTraining, Reader, Writer, Zstd};

use crate::dictionary_fixtures::event;

const COUNT: u32 = 9;

/// Small packs that store a dictionary of 1 KiB.
fn packs() -> Vec<(Dialect, Vec<u8>)> {
    let training = DictionaryTraining::of_size(1 << 10).unwrap();
    let dictionary = training.train((0..2000).map(event)).unwrap();
    let pack = |dialect, items_per_record| {
        let codec = Zstd::level(3).dictionary(dictionary.clone());
        let options = Writer::options().codec(codec).dialect(dialect);
        let mut writer =
            options.items_per_record(items_per_record).threads(0).write_to(Vec::new()).unwrap();
        (0..COUNT).for_each(|number| writer.append(event(number).as_bytes()).unwrap());
        (dialect, writer.finish().unwrap().sink)
    };
    vec![
        pack(Dialect::AppDataCrc, 1),
        pack(Dialect::AppDataCrc, 4),
        pack(Dialect::NoAppDataCrc, 1),
        pack(Dialect::NoAppDataCrc, 4),
    ]
}

/// What became of damaged files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    /// Files that did not open.
    refused: u32,
    /// Files with an item that is an error.
    errors: u32,
    /// Files in which every item was unchanged.
    same: u32,
}

impl Outcomes {
    fn examine(&mut self, file: Vec<u8>, what: &dyn std::fmt::Debug) {
        let options = Reader::options().decoded_limit(1 << 20).threads(1);
        let Ok(reader) = options.open_source(file, "memory") else {
            self.refused += 1;
            return;
        };
        assert_eq!(reader.item_count(), COUNT, "{what:?}");
        let mut errors = 0;
        for number in 0..COUNT {
            match reader.get(number) {
                Ok(item) => assert_eq!(item, event(number), "{what:?}"),
                Err(error) => {
                    assert!(error.corruption().is_some(), "{what:?}: {error}");
                    errors += 1;
                }
            }
        }
        let report = reader.verify().unwrap();
        assert!(report.is_ok() <= (errors == 0), "{what:?}: verify misses an error");
        match errors {
            0 => self.same += 1,
            _ => self.errors += 1,
        }
    }
}

#[test]
fn a_changed_bit_never_yields_a_different_item() {
    let mut outcomes = Outcomes::default();
    let mut files = 0;
    for (dialect, sound) in packs() {
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut file = sound.clone();
                file[at] ^= 1 << bit;
                outcomes.examine(file, &(dialect, at, bit));
                files += 1;
            }
        }
    }
    // The older dialect has no checksum of the dictionary. There, the frames detect each
    // change of a byte that they need.
    assert_eq!(outcomes, Outcomes { refused: 19_456, errors: 13_569, same: 9_343 });
    assert_eq!(files, 19_456 + 13_569 + 9_343);
}

#[test]
fn every_truncation_of_a_pack_with_a_dictionary_is_refused() {
    for (_, sound) in packs() {
        for length in 0..sound.len() {
            let refused = Reader::options().open_source(sound[..length].to_vec(), "memory");
            assert!(refused.is_err(), "the first {length} bytes");
        }
    }
}
