//! Small records with a dictionary, next to records of 128 items without one.

use std::path::Path;
use std::time::Instant;

use sealpack::{Dictionary, DictionaryTraining, Reader, Writer, Zstd};

use super::Arguments;
use super::inputs::{self, InputItems};
use super::report::ResultTable;

/// Items of a record, the size of the dictionary in KiB, and the level; 0 KiB is no
/// dictionary. The first form is what the others are compared with.
const FORMS: [(u32, usize, i32); 18] = [
    (128, 0, 3),
    (1, 0, 3),
    (4, 0, 3),
    (8, 0, 3),
    (16, 0, 3),
    (1, 32, 3),
    (4, 32, 3),
    (8, 32, 3),
    (16, 32, 3),
    (32, 32, 3),
    (8, 112, 3),
    (16, 112, 3),
    (8, 256, 3),
    (16, 256, 3),
    (8, 112, 2),
    (16, 112, 2),
    (8, 256, 2),
    (16, 256, 2),
];

/// Bytes of items from all parts of the input that a dictionary is trained with.
const SAMPLE: usize = 8 << 20;

/// Timed calls of `get` in a run.
const CALLS: usize = 4000;

/// What is measured of a form, in each run.
pub struct DictionaryForm {
    pub items_per_record: u32,
    pub dictionary_kib: usize,
    pub level: i32,
    pub file_size: u64,
    /// Bytes of items packed a second.
    pub write: Vec<f64>,
    /// Seconds of a `get`, on average.
    pub get: Vec<f64>,
    /// Seconds in which the bare library decodes the same records, on average.
    pub decode: Vec<f64>,
}

pub fn rows(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    type Input = fn(usize) -> InputItems;
    let inputs: [(&str, Input); 2] =
        [("dictionary-e", inputs::events), ("dictionary-j", inputs::json_events)];
    for (name, input) in inputs {
        if arguments.wants(name) {
            report.dictionaries(name, &measure(arguments, folder, &input(arguments.size)));
        }
    }
}

fn measure(arguments: &Arguments, folder: &Path, items: &InputItems) -> Vec<DictionaryForm> {
    let mut trained: Vec<(usize, Dictionary)> = Vec::new();
    for (_, kib, _) in FORMS {
        if kib > 0 && trained.iter().all(|(size, _)| *size != kib) {
            trained.push((kib, train(items, kib << 10)));
        }
    }
    let form = |(items_per_record, dictionary_kib, level)| DictionaryForm {
        items_per_record,
        dictionary_kib,
        level,
        file_size: 0,
        write: Vec::new(),
        get: Vec::new(),
        decode: Vec::new(),
    };
    let mut forms: Vec<DictionaryForm> = FORMS.into_iter().map(form).collect();
    for _ in 0..arguments.runs {
        for form in &mut forms {
            let dictionary = trained.iter().find(|(kib, _)| *kib == form.dictionary_kib);
            run(form, dictionary.map(|(_, dictionary)| dictionary), items, folder);
        }
    }
    forms
}

fn train(items: &InputItems, size: usize) -> Dictionary {
    let stride = (items.bytes.len() / SAMPLE).max(1);
    let training = DictionaryTraining::of_size(size).unwrap();
    training.train(items.slices().step_by(stride)).unwrap()
}

/// Writes and reads a pack once.
fn run(form: &mut DictionaryForm, dictionary: Option<&Dictionary>, items: &InputItems, to: &Path) {
    let path = to.join("dictionary.pack");
    let codec = Zstd::level(form.level);
    let codec = match dictionary {
        Some(dictionary) => codec.dictionary(dictionary.clone()),
        None => codec,
    };
    let options = Writer::options().codec(codec).items_per_record(form.items_per_record);
    let start = Instant::now();
    let mut writer = options.overwrite(true).create(&path).unwrap();
    items.slices().for_each(|item| writer.append(item).unwrap());
    form.file_size = writer.finish().unwrap().file_size;
    form.write.push(items.bytes.len() as f64 / start.elapsed().as_secs_f64());

    let reader = Reader::open(&path).unwrap();
    let count = items.lengths.len() as u64;
    let position = |n: u64| ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % count) as u32;
    let positions: Vec<u32> = (0..CALLS as u64).map(position).collect();
    reader.get(0).unwrap();
    let start = Instant::now();
    let bytes: usize = positions.iter().map(|&at| reader.get(at).unwrap().len()).sum();
    form.get.push(start.elapsed().as_secs_f64() / CALLS as f64);
    let expected: usize = positions.iter().map(|&at| items.lengths[at as usize] as usize).sum();
    assert_eq!(bytes, expected);
    form.decode.push(decode_alone(form, dictionary, items, &positions));
}

/// Decodes the records of these positions with the bare library. Returns the time of each,
/// on average.
fn decode_alone(
    form: &DictionaryForm,
    dictionary: Option<&Dictionary>,
    items: &InputItems,
    positions: &[u32],
) -> f64 {
    let bytes = dictionary.map_or(&[][..], |it| it.bytes());
    let mut compressor = zstd::bulk::Compressor::with_dictionary(form.level, bytes).unwrap();
    compressor.include_checksum(true).unwrap();
    let records = InputItems {
        bytes: items.bytes.clone(),
        lengths: items.lengths.clone(),
        per_record: form.items_per_record,
    };
    let payloads = records.payloads();
    let record = |&at: &u32| payloads[(at / form.items_per_record) as usize];
    let frame = |payload| compressor.compress(payload).unwrap();
    let frames: Vec<Vec<u8>> = positions.iter().map(record).map(frame).collect();
    let prepared = zstd::dict::DecoderDictionary::copy(bytes);
    let decompressor = match dictionary {
        Some(_) => zstd::bulk::Decompressor::with_prepared_dictionary(&prepared),
        None => zstd::bulk::Decompressor::new(),
    };
    let mut decompressor = decompressor.unwrap();
    let mut out = vec![0; payloads.iter().map(|payload| payload.len()).max().unwrap_or(0)];
    let start = Instant::now();
    let mut decoded = 0;
    for frame in &frames {
        decoded += decompressor.decompress_to_buffer(frame, &mut out[..]).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64() / positions.len() as f64;
    assert_eq!(decoded, positions.iter().map(|at| record(at).len()).sum::<usize>());
    seconds
}
