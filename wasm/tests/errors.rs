//! Error messages exist twice: in core, and in `js/errors.js`, since the module
//! throws numbers. `errors.json` lists core's message for one error of each
//! kind. This test compares core with it; the tests in Node compare JavaScript.
//!
//! `SEALPACK_UPDATE=1 cargo test -p sealpack-wasm --test errors` rewrites it.
#![cfg(not(target_family = "wasm"))]

use sealpack_core::Error;
use sealpack_core::error::{
    Cause, DecodeError, DictionaryFault, Fault, Limit, Misuse, NamesFault, Section, TrailerField,
    Untrusted,
};
use sealpack_wasm::error::{ErrorRow, numbers, text};

const BIG: u64 = (1 << 60) + 1; // more than a number of JavaScript holds exactly

fn faults() -> Vec<Fault> {
    vec![
        Fault::Truncated { needed: 76, found: BIG },
        Fault::Leftover { bytes: 3 },
        Fault::Magic { found: 0xab },
        Fault::EarlyDialect,
        Fault::Version { found: 2 },
        Fault::Checksum { stored: 1, computed: 0xfeed_0000 },
        Fault::ContentHash {
            stored: std::array::from_fn(|at| (at as u64).to_le_bytes()[0]),
            computed: std::array::from_fn(|at| 255 - (at as u64).to_le_bytes()[0]),
        },
        Fault::Flags { found: 9 },
        Fault::GroupSize { found: 64 },
        Fault::Width { found: 33 },
        Fault::Carry { min: 7, residual: u32::MAX },
        Fault::Sections { claimed: BIG, file: 80 },
        Fault::RecordCount { claimed: 5, at_most: 4 },
        Fault::ItemCount { items: 9, per_record: 4, records: 2 },
        Fault::Sum { expected: 10, found: 11 },
        Fault::Extract(Cause::text("no")),
        Fault::Extension { kind: 7 },
        Fault::Decode(DecodeError::NotAFrame),
        Fault::Decode(DecodeError::Truncated),
        Fault::Decode(DecodeError::Trailing { bytes: 4 }),
        Fault::Decode(DecodeError::Length { expected: 1, found: 2 }),
        Fault::Decode(DecodeError::AboveLimit { limit: 5, found: BIG }),
        Fault::Decode(DecodeError::FrameChecksum),
        Fault::Decode(DecodeError::NoContentSize { allowed: 44 }),
        Fault::Decode(DecodeError::MissingDictionary { id: 7, given: None }),
        Fault::Decode(DecodeError::MissingDictionary { id: 7, given: Some(9) }),
        Fault::Decode(DecodeError::Dictionary(DictionaryFault::TooLarge { size: BIG })),
        Fault::Decode(DecodeError::Dictionary(DictionaryFault::NotADictionary)),
        Fault::Decode(DecodeError::Dictionary(DictionaryFault::NoId)),
        Fault::Decode(DecodeError::Dictionary(DictionaryFault::Tables)),
        Fault::Decode(DecodeError::Dictionary(DictionaryFault::Differs { named: 7, stored: 9 })),
        Fault::Decode(DecodeError::Codec(Cause::text("a block is damaged"))),
    ]
}

fn names_faults() -> Vec<NamesFault> {
    vec![
        NamesFault::Count { names: 4, items: 5 },
        NamesFault::BlockOrder { block: 3 },
        NamesFault::BlockSize { block: 3, size: u32::MAX },
        NamesFault::Entry { position: 7 },
        NamesFault::BlockLeftover { position: 7 },
        NamesFault::Shared { position: 7 },
        NamesFault::NameLength { position: 7 },
        NamesFault::Nul { position: 7 },
        NamesFault::Expanded { position: 7 },
        NamesFault::Order { position: 7 },
        NamesFault::OrderEntry { rank: 2, position: 7 },
        NamesFault::Companion,
        NamesFault::CompanionSize { expected: BIG, found: 9 },
        NamesFault::CompanionHash,
    ]
}

/// A block of names that cannot be decoded has the row of its decoding error.
fn undecodable_names() -> Vec<Error> {
    let decoding = [
        DecodeError::Truncated,
        DecodeError::FrameChecksum,
        DecodeError::Codec(Cause::text("a block is damaged")),
    ];
    let fault = |error| Fault::Names(NamesFault::Decode { block: 3, error });
    decoding.map(|error| fault(error).in_section(Section::Names)).into()
}

fn errors() -> Vec<Error> {
    let sections = [
        Section::Trailer,
        Section::Index,
        Section::AppData,
        Section::Record(7),
        Section::ContentHash,
    ];
    let corrupt = faults().into_iter().zip(sections.into_iter().cycle());
    let limits = [
        Limit::Item { length: BIG },
        Limit::Items,
        Limit::Record { size: BIG },
        Limit::Index { size: BIG },
        Limit::AppData { length: BIG },
        Limit::File,
        Limit::Memory { bytes: BIG },
        Limit::Decoded { size: 9, limit: 8 },
        Limit::PackItems { items: 9, limit: 8 },
        Limit::SingleAllocation { bytes: BIG, limit: 8 },
    ];
    let misuses = [
        Misuse::Position { position: 9, items: 4 },
        Misuse::RecordNumber { record: 9, records: 4 },
        Misuse::Supplied { wanted: 9, given: 4 },
        Misuse::Range { start: 9, end: 4 },
        Misuse::Order { expected: 9, given: 4 },
    ];
    let (trusted, found) = ([0xa5; 32], std::array::from_fn(|at| (at as u64).to_le_bytes()[0]));
    let untrusted = [
        Untrusted::List { trusted, root: found },
        Untrusted::ContentHash { trusted, found },
        Untrusted::Trailer { field: TrailerField::TotalItems, trusted: 8, found: 9 },
        Untrusted::AppData { trusted, found },
        Untrusted::Block { first_record: 64, trusted, found },
        Untrusted::Record { record: 65, trusted, found },
    ];
    let encode = |record| Error::Encode { record, cause: Cause::text("too large") };
    corrupt
        .map(|(fault, section)| fault.in_section(section))
        .chain(limits.map(Error::Limit))
        .chain(misuses.map(Error::Misuse))
        .chain([encode(Some(3)), encode(None)])
        .chain(untrusted.map(Error::Untrusted))
        .chain(names_faults().into_iter().map(|it| Fault::Names(it).in_section(Section::Names)))
        .chain([Error::Limit(Limit::SameName { limit: 1 << 20 })])
        .collect()
}

#[test]
fn every_error_has_its_own_row_and_the_listed_message() {
    let mut rows: Vec<u64> = errors().iter().map(|error| numbers(error)[0]).collect();
    rows.dedup();
    assert_eq!(rows, (1..=ErrorRow::SameNameLimit as u64).collect::<Vec<_>>());

    let lines: Vec<String> = errors()
        .iter()
        .chain(&undecodable_names())
        .map(|error| {
            let numbers: Vec<String> = numbers(error).iter().map(|n| format!("\"{n}\"")).collect();
            let text = text(error).map_or("null".to_owned(), |text| format!("{text:?}"));
            format!("[[{}], {text}, {:?}]", numbers.join(", "), format!("{error:#}"))
        })
        .collect();
    let listed = format!("[\n  {}\n]\n", lines.join(",\n  "));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/errors.json");
    if std::env::var_os("SEALPACK_UPDATE").is_some() {
        std::fs::write(file, &listed).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), listed);
}
