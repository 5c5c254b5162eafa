//! Any bytes as a record of an otherwise sound pack.

use sealpack::ReadCodec;
use sealpack::core::format::{IndexEncoder, RecordLayout, Trailer};

use super::repair::{Repairs, repair};
use super::{Input, agree, read_options};

/// Reads any bytes as the only record of a sound pack, with or without correcting
/// the record's checksum.
pub fn record(data: &[u8]) {
    let mut input = Input::new(data);
    let options = read_options(&mut input);
    let bits = input.byte();
    let per_record = input.pick(&[1, 2, 3, 128, 1 << 20, u32::MAX]);
    let items = match per_record {
        1 => 1,
        _ => 1 + input.number() % per_record.min(1 << 20),
    };
    let stored = input.rest();
    let mut index = IndexEncoder::new();
    index.push(u32::try_from(stored.len()).unwrap()).unwrap();
    let index = index.finish();
    let trailer = Trailer {
        format_id: u32::from(bits >> 6),
        record_count: 1,
        total_items: items,
        items_per_record: per_record,
        index_size: u32::try_from(index.len()).unwrap(),
        app_data_size: 0,
        content_hash: None,
        app_data_crc: 0,
        record_checksum: bits & 1 != 0,
    };
    let mut file = [stored, &index, &trailer.encode()].concat();
    if bits & 2 != 0 {
        repair(&mut file, Repairs { records: true, ..Repairs::default() }, &ReadCodec::Plain);
    }
    let reader = options.open_source(std::io::Cursor::new(file), "memory").unwrap();
    assert_eq!(reader.directory().layout(), RecordLayout::new(per_record, bits & 1 != 0));
    agree(&reader);
}
