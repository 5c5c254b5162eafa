//! Digest lists prove every record of their pack, and anything forged is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code"
)]

use bytes::Bytes;
use sealpack_core::Error;
use sealpack_core::error::Untrusted;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{ContentHasher, Trailer, record_digest};
use sealpack_core::trust::{
    Anchor, AuthenticatedList, BLOCK, DigestListBuilder, ListHeader, ListOpened, ListOpening,
    ListShape, TrustedList,
};
use sha2::{Digest, Sha256};

const SIZES: [u32; 16] =
    [0, 1, 2, 127, 128, 129, 255, 256, 257, 300, 384, 385, 640, 1000, 1153, 5000];

fn digests(records: u32) -> Vec<Hash> {
    (0..records).map(|i| record_digest([&i.to_le_bytes()[..]]).unwrap()).collect()
}

/// A list of this many records of two items: its header and its file.
fn list(records: u32) -> (ListHeader, Vec<u8>) {
    let trailer = Trailer {
        format_id: 7,
        record_count: records,
        total_items: 2 * records,
        items_per_record: 2,
        index_size: 4,
        app_data_size: 3,
        content_hash: None,
        app_data_crc: 0,
        record_checksum: false,
    };
    let digests = digests(records);
    let mut builder = DigestListBuilder::new();
    digests.iter().for_each(|digest| builder.push(digest).unwrap());
    let list = builder.finish(&trailer, b"app").unwrap();
    let mut file = list.header().encode().to_vec();
    for block in 0..list.shape().blocks() {
        let records = list.shape().records(block);
        file.extend(digests[records.start as usize..records.end as usize].concat());
        file.extend(list.path(block));
    }
    (list.header().clone(), file)
}

/// Opens a list in memory; also returns how many bytes were requested.
fn open(file: &[u8], anchor: Anchor) -> Result<(AuthenticatedList, u64), Error> {
    let mut opening = ListOpening::new(anchor);
    let mut requested = 0;
    loop {
        let range = opening.range();
        requested += range.end - range.start;
        let end = (range.end as usize).min(file.len());
        let bytes = Bytes::copy_from_slice(&file[(range.start as usize).min(end)..end]);
        match opening.supply(bytes)? {
            ListOpened::More(next) => opening = next,
            ListOpened::Ready(list) => return Ok((list, requested)),
        }
    }
}

/// Binds a list to a pack that agrees with its header. Only the pack's trailer
/// and app data matter here.
fn bind_to_its_pack(authenticated: AuthenticatedList, header: &ListHeader) -> TrustedList {
    let mut pending = authenticated.bind(&pack(header)).unwrap();
    let digests = digests(header.record_count);
    while let Some(record) = pending.wanted() {
        let (_, file) = list(header.record_count);
        let shape = header.shape();
        let block = shape.block_of(record);
        let proven = pending.list().prove(block, slice(&file, shape, block)).unwrap();
        pending.confirm(&proven, &digests[record as usize]).unwrap();
    }
    pending.finish().unwrap()
}

fn slice(file: &[u8], shape: ListShape, block: u32) -> Bytes {
    let range = shape.range(block);
    Bytes::copy_from_slice(&file[range.start as usize..range.end as usize])
}

fn pack(header: &ListHeader) -> sealpack_core::read::Pack {
    use sealpack_core::format::IndexEncoder;
    use sealpack_core::read::{Opening, PackOpened};
    let mut index = IndexEncoder::new();
    (0..header.record_count).for_each(|_| index.push(0).unwrap());
    let index = index.finish();
    let trailer = Trailer {
        format_id: header.format_id,
        record_count: header.record_count,
        total_items: header.total_items,
        items_per_record: header.items_per_record,
        index_size: u32::try_from(index.len()).unwrap(),
        app_data_size: 3,
        content_hash: None,
        app_data_crc: sealpack_core::wire::crc::crc32c(b"app"),
        record_checksum: false,
    };
    let file = [&index[..], b"app", &trailer.encode()].concat();
    let opening = Opening::new(file.len() as u64).unwrap();
    match opening.supply(file.into()).unwrap() {
        PackOpened::Ready(pack) => pack,
        PackOpened::More(_) => unreachable!("the first read contains the whole file"),
    }
}

/// The tree of RFC 9162 over the blocks, written like its definition.
fn definition(blocks: &[&[Hash]]) -> Hash {
    match blocks {
        [] => Sha256::digest([0]).into(),
        [block] => Sha256::digest([&[0][..], &block.concat()].concat()).into(),
        _ => {
            let split = blocks.len().next_power_of_two() / 2;
            let (left, right) = blocks.split_at(split);
            let (left, right) = (definition(left), definition(right));
            Sha256::digest([&[1][..], &left, &right].concat()).into()
        }
    }
}

#[test]
fn root_and_content_hash_match_their_definitions() {
    for records in SIZES {
        let (header, file) = list(records);
        let all = digests(records);
        let blocks: Vec<&[Hash]> = all.chunks(BLOCK as usize).collect();
        assert_eq!(header.top, definition(&blocks), "{records}");
        let mut content = ContentHasher::new();
        all.iter().for_each(|digest| content.record(digest));
        assert_eq!(header.content_hash, content.finish());
        assert_eq!(header.root()[..], Sha256::digest(&file[..120])[..]);
        assert_eq!(ListHeader::decode(&file).unwrap(), header);
        assert_eq!(file.len() as u64, header.shape().file_size());
    }
}

#[test]
fn every_record_is_proved_under_the_root_and_under_the_content_hash() {
    for records in SIZES {
        let (header, file) = list(records);
        for trusted in [
            Anchor::Root(header.root()),
            Anchor::ContentHash(header.content_hash),
            Anchor::Either(header.root()),
            Anchor::Either(header.content_hash),
        ] {
            let (authenticated, requested) = open(&file, trusted).unwrap();
            let by_root =
                matches!(trusted, Anchor::Root(_)) || trusted == Anchor::Either(header.root());
            assert_eq!(requested, if by_root { 124 } else { file.len() as u64 });
            let trusted = bind_to_its_pack(authenticated, &header);
            assert_eq!(trusted.covers_app_data(), by_root);
            for (record, digest) in (0..).zip(digests(records)) {
                let block = header.shape().block_of(record);
                let proven = trusted.prove(block, slice(&file, header.shape(), block)).unwrap();
                proven.check(record, &digest).unwrap();
                let other = proven.check(record, &[9; 32]).unwrap_err();
                assert!(matches!(other, Error::Untrusted(Untrusted::Record { .. })));
            }
        }
    }
}

#[test]
fn a_proof_with_any_bit_flipped_is_refused() {
    for records in [1, 129, 385, 1153] {
        let (header, file) = list(records);
        let (authenticated, _) = open(&file, Anchor::Root(header.root())).unwrap();
        let trusted = bind_to_its_pack(authenticated, &header);
        let shape = header.shape();
        for block in [0, shape.blocks() / 2, shape.blocks() - 1] {
            let range = shape.range(block);
            for bit in range.start * 8..range.end * 8 {
                let mut changed = file.clone();
                changed[bit as usize / 8] ^= 1 << (bit % 8);
                assert!(trusted.prove(block, slice(&changed, shape, block)).is_err(), "bit {bit}");
            }
        }
        for bit in 0..124 * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&changed, Anchor::Root(header.root())).is_err(), "bit {bit}");
            assert!(open(&changed, Anchor::ContentHash(header.content_hash)).is_err());
        }
    }
}

#[test]
fn under_a_content_hash_a_list_with_any_bit_flipped_is_refused() {
    let (header, file) = list(150);
    for bit in 0..file.len() * 8 {
        let mut changed = file.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = open(&changed, Anchor::ContentHash(header.content_hash));
        assert!(refused.is_err(), "bit {bit}");
    }
}

#[test]
fn a_block_proves_nothing_in_place_of_another() {
    let (header, file) = list(1000);
    let (authenticated, _) = open(&file, Anchor::Root(header.root())).unwrap();
    let trusted = bind_to_its_pack(authenticated, &header);
    let shape = header.shape();
    for (own, other) in (0..7).flat_map(|own| (0..7).map(move |other| (own, other))) {
        let proven = trusted.prove(own, slice(&file, shape, other));
        assert_eq!(proven.is_ok(), own == other, "{other} as {own}");
    }
}

#[test]
fn a_header_with_false_fields_and_a_valid_checksum_is_refused() {
    let (header, file) = list(300);
    let changed = |change: &dyn Fn(&mut ListHeader)| {
        let mut other = header.clone();
        change(&mut other);
        [&other.encode()[..], &file[124..]].concat()
    };
    let changes: [&dyn Fn(&mut ListHeader); 6] = [
        &|h| h.format_id += 1,
        &|h| h.total_items -= 1,
        &|h| (h.items_per_record, h.total_items) = (1, 300),
        &|h| h.app_data_hash[0] ^= 1,
        &|h| h.top[0] ^= 1,
        &|h| h.content_hash[0] ^= 1,
    ];
    for change in changes {
        let refused = open(&changed(change), Anchor::Root(header.root())).unwrap_err();
        assert!(matches!(refused, Error::Untrusted(Untrusted::List { .. })), "{refused}");
    }
    // Fewer records, with matching blocks.
    let (fewer, file) = list(299);
    let forged = ListHeader { content_hash: header.content_hash, ..fewer };
    let file = [&forged.encode()[..], &file[124..]].concat();
    let refused = open(&file, Anchor::ContentHash(header.content_hash)).unwrap_err();
    assert!(matches!(refused, Error::Untrusted(Untrusted::ContentHash { .. })), "{refused}");
}

#[test]
fn under_a_content_hash_both_witnesses_must_be_confirmed() {
    let (header, file) = list(300);
    let (authenticated, _) = open(&file, Anchor::ContentHash(header.content_hash)).unwrap();
    let mut pending = authenticated.bind(&pack(&header)).unwrap();
    assert!(pending.clone().finish().is_err());
    let shape = header.shape();
    for (block, record) in [(0, 0), (2, 299)] {
        assert_eq!(pending.wanted(), Some(record));
        let proven = pending.list().prove(block, slice(&file, shape, block)).unwrap();
        assert!(pending.confirm(&proven, &[0; 32]).is_err());
        assert_eq!(pending.wanted(), Some(record), "a refused witness is still wanted");
        pending.confirm(&proven, &digests(300)[record as usize]).unwrap();
    }
    pending.finish().unwrap();
}

#[test]
fn a_list_of_another_pack_is_refused_with_the_differing_field() {
    let (header, file) = list(300);
    for change in [
        |h: &mut ListHeader| h.format_id += 1,
        |h: &mut ListHeader| h.total_items -= 1,
        |h: &mut ListHeader| (h.items_per_record, h.total_items) = (3, 900),
        |h: &mut ListHeader| (h.record_count, h.total_items) = (299, 598),
    ] {
        let mut other = header.clone();
        change(&mut other);
        for trusted in [Anchor::Root(header.root()), Anchor::ContentHash(header.content_hash)] {
            let (authenticated, _) = open(&file, trusted).unwrap();
            let refused = authenticated.bind(&pack(&other)).unwrap_err();
            assert!(matches!(refused, Error::Untrusted(Untrusted::Trailer { .. })), "{refused}");
        }
    }
}

#[test]
fn a_list_of_billions_of_records_is_read_a_megabyte_at_a_time() {
    let (header, _) = list(1);
    let claims =
        ListHeader { record_count: u32::MAX, total_items: u32::MAX, items_per_record: 1, ..header };
    let shape = claims.shape();
    assert_eq!((shape.blocks(), shape.depth()), (1 << 25, 25));
    assert_eq!(shape.range(shape.blocks() - 1).end, shape.file_size());
    assert!(shape.range(u32::MAX).is_empty() && shape.records(u32::MAX).is_empty());
    let opening = ListOpening::new(Anchor::ContentHash(claims.content_hash));
    let header = Bytes::copy_from_slice(&claims.encode());
    let ListOpened::More(next) = opening.supply(header).unwrap() else { unreachable!() };
    let wanted = next.range();
    assert!(wanted.end - wanted.start <= (1 << 20) + (128 + 25) * 32);
    let zeros = Bytes::from(vec![0; (wanted.end - wanted.start) as usize]);
    let refused = next.supply(zeros).unwrap_err();
    assert!(matches!(refused, Error::Untrusted(Untrusted::Block { first_record: 0, .. })));
}
