//! A damaged dictionary in a pack whose records need it.

use std::sync::OnceLock;

use sealpack::core::format::extensions::AppDataParts;
use sealpack::{Bytes, Dictionary, DictionaryTraining, Reader, Writer, Zstd};

use super::Input;
use super::agree::{agree, assert_damage_or_limit};

/// Edits a dictionary as the input says, and reads records that need it: the same items,
/// or errors, in whichever way they are read.
pub fn edited_dictionary(input: &mut Input<'_>) {
    let sound = sound_pack();
    let mut bytes = sound.dictionary.bytes().to_vec();
    for _ in 0..=input.byte() % 4 {
        let at = input.below(bytes.len());
        bytes[at] ^= input.byte();
    }
    if input.byte().is_multiple_of(8) {
        bytes.truncate(input.below(bytes.len()));
    }
    let dictionary = Some(Bytes::from(bytes));
    let parts = AppDataParts { dictionary, ..AppDataParts::default() };
    let app_data = parts.encode().unwrap();
    let trailer = sealpack::core::format::Trailer {
        app_data_size: u32::try_from(app_data.len()).unwrap(),
        app_data_crc: sealpack::core::wire::crc::crc32c(&app_data),
        ..sound.reader.trailer().clone()
    };
    let file = [&sound.front[..], &app_data, &trailer.encode()].concat();
    let options = Reader::options().threads(1);
    let reader = options.open_source(std::io::Cursor::new(file), "memory").unwrap();
    for (position, item) in (0..).zip(&sound.items) {
        match reader.get(position) {
            Ok(got) => assert_eq!(got, item),
            Err(error) => assert_damage_or_limit(&error),
        }
    }
    agree(&reader);
}

/// A sound pack that stores a dictionary.
struct SoundPack {
    items: Vec<String>,
    dictionary: Dictionary,
    /// The records and the index.
    front: Vec<u8>,
    reader: Reader,
}

fn sound_pack() -> &'static SoundPack {
    static PACK: OnceLock<SoundPack> = OnceLock::new();
    PACK.get_or_init(|| {
        let event = |number: u32| {
            let amount = number.wrapping_mul(0x9e37_79b9) >> 12;
            format!("{{\"type\":\"transfer\",\"amount\":\"{amount}\",\"ok\":true}}")
        };
        let training = DictionaryTraining::of_size(1 << 10).unwrap();
        let dictionary = training.train((0..2000).map(event)).unwrap();
        let codec = Zstd::level(3).dictionary(dictionary.clone());
        let options = Writer::options().codec(codec).items_per_record(2).threads(0);
        let items: Vec<String> = (0..7).map(|number| event(number * 31)).collect();
        let mut writer = options.write_to(Vec::new()).unwrap();
        items.iter().for_each(|item| writer.append(item.as_bytes()).unwrap());
        let pack = writer.finish().unwrap().sink;
        let source = std::io::Cursor::new(pack.clone());
        let reader = Reader::options().open_source(source, "memory").unwrap();
        let end = usize::try_from(reader.directory().records_end()).unwrap();
        let front = pack[..end + reader.trailer().index_size as usize].to_vec();
        SoundPack { items, dictionary, front, reader }
    })
}
