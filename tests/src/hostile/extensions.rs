//! Any bytes as the app data of a pack, as its names, and as edits of its dictionary.

use sealpack::core::codec::PlainDecoder;
use sealpack::core::format::extensions::{AppData, AppDataParts, ExtensionKind, MAGIC};
use sealpack::core::names::{NameLookup, NamesSection};
use sealpack::{Bytes, Names, Reader};

use super::agree::assert_damage_or_limit;
use super::dictionary::edited_dictionary;
use super::{CodecChoice, Input, Packing};

/// The maximum number of names that are looked up.
const MAX_LOOKUPS: u32 = 200;

/// Takes any bytes as app data, as an envelope and as names: parsing loses no byte, and
/// names are refused or consistent. If a reader accepts the app data, items can be read
/// by position.
pub fn extensions(data: &[u8]) {
    let mut input = Input::new(data);
    let (bits, items) = (input.byte(), input.number());
    let bytes = Bytes::copy_from_slice(input.rest());
    app_data(&bytes);
    // With uncompressed blocks the fuzzer reaches the code that reads the names.
    if let Ok(section) = NamesSection::parse(bytes.clone(), items) {
        plain_names(&section);
    }
    if bits & 2 != 0 {
        edited_dictionary(&mut Input::new(&bytes));
    }
    let items = items % 300;
    let app_data = match bits & 1 {
        0 => bytes.to_vec(),
        _ => {
            let parts = AppDataParts { names: Some(bytes), ..AppDataParts::default() };
            parts.encode().unwrap().to_vec()
        }
    };
    pack(items, app_data);
}

fn app_data(raw: &Bytes) {
    let parsed = AppData::parse(raw.clone());
    assert_eq!(parsed.raw(), raw);
    let sections: Vec<_> = parsed.sections().collect();
    let size: usize = sections.iter().map(|section| 8 + section.bytes.len()).sum();
    if sections.is_empty() {
        assert!(parsed.caller() == raw || raw == &MAGIC[..]);
    } else {
        assert_eq!(size + MAGIC.len(), raw.len());
        assert!(sections.windows(2).all(|pair| pair[0].kind < pair[1].kind));
        assert_eq!(*parsed.caller(), parsed.section(ExtensionKind::CALLER).unwrap_or_default());
    }
    // A reader returns the app data that the writer was given.
    let parts = AppDataParts { caller: raw.clone(), ..AppDataParts::default() };
    assert_eq!(AppData::parse(parts.encode().unwrap()).caller(), raw);
}

fn plain_names(section: &NamesSection) {
    let mut lookup = NameLookup::new(section.clone());
    let mut end = 0;
    for block in 0..section.block_count().min(MAX_LOOKUPS) {
        let positions = section.block_positions(block);
        assert!(positions.start == end && positions.end > end);
        end = positions.end;
        let Ok(names) = section.decode_block(block, &PlainDecoder) else { continue };
        assert_eq!(names.positions(), positions);
        for position in positions.take(20) {
            assert_eq!(section.block_of(position), Some(block));
            let name = lookup.name(position, &PlainDecoder).unwrap();
            assert_eq!(name, names.name(position));
            assert!(name.len() <= sealpack::core::names::MAX_NAME && !name.contains(&0));
            if let Ok(found) = lookup.find(&name, &PlainDecoder) {
                let has_name = |&at: &u32| lookup.name(at, &PlainDecoder).unwrap() == name;
                assert!(found.is_sorted() && found.iter().take(20).all(has_name));
                assert!(!name.is_empty() || found.is_empty());
            }
        }
    }
    assert!(lookup.name(section.count(), &PlainDecoder).is_err());
}

fn pack(items: u32, app_data: Vec<u8>) {
    let contents: Vec<Vec<u8>> = (0..items).map(|item| item.to_le_bytes().to_vec()).collect();
    let mut packing = Packing::of(CodecChoice::Plain, 16, contents);
    packing.app_data = app_data;
    let file = std::io::Cursor::new(packing.file());
    let reader = Reader::options().threads(1).open_source(file, "memory").unwrap();
    let is_readable = reader.extensions().refused().is_none();
    for position in 0..items.min(3) {
        match reader.get(position) {
            Ok(item) => assert!(is_readable && item == position.to_le_bytes()[..]),
            Err(error) => {
                assert!(!is_readable);
                assert_damage_or_limit(&error);
            }
        }
    }
    match reader.names() {
        Ok(Some(names)) => look_up(&names, items),
        Ok(None) => {}
        Err(error) => assert_damage_or_limit(&error),
    }
}

fn look_up(names: &Names, items: u32) {
    assert_eq!(names.len(), items);
    for named in names.iter().take(MAX_LOOKUPS as usize) {
        match named {
            Ok((position, name)) => {
                assert_eq!(names.get(position).unwrap(), name);
                match names.find(&name) {
                    Ok(found) => {
                        assert!(found.iter().all(|&at| names.get(at).unwrap() == name));
                    }
                    Err(error) => assert_damage_or_limit(&error),
                }
            }
            Err(error) => assert_damage_or_limit(&error),
        }
    }
}
