//! Twenty thousand forgeries, of which readers accept none.
//!
//! Each forgery is assembled with correct checksums, counts and index, so that only the
//! comparison with the trusted hash detects it.

use sealpack::core::format::digest::Hash;
use sealpack::core::format::{IndexEncoder, Trailer, record_digest};
use sealpack::core::read::Record;
use sealpack::core::trust::{DigestList, DigestListBuilder, ListHeader, ListShape};
use sealpack::core::wire::crc::crc32c;
use sealpack::{Error, Plain, Reader, Trust, Writer, WriterOptions, Zstd};
use sealpack_tests::hostile::Random;

use super::{ListedPack, numbered, open};

/// The parts of a pack and a list, which can be changed and assembled again.
#[derive(Clone)]
pub struct Forged {
    records: Vec<Vec<u8>>,
    trailer: Trailer,
    app_data: Vec<u8>,
    header: ListHeader,
    digests: Vec<Hash>,
    paths: Vec<Vec<u8>>,
}

impl Forged {
    pub fn of(listed: &ListedPack) -> Self {
        let pack = std::io::Cursor::new(listed.pack.clone());
        let reader = Reader::options().open_source(pack, "pack").unwrap();
        let records = (0..reader.directory().record_count())
            .map(|number| reader.stored_record(number).unwrap().to_vec())
            .collect();
        let header = ListHeader::decode(&listed.list).unwrap();
        let mut rest = &listed.list[DigestList::HEADER_SIZE..];
        let mut take = |hashes: usize| {
            let (front, after) = rest.split_at(hashes * 32);
            rest = after;
            front.to_vec()
        };
        let shape = header.shape();
        let (mut digests, mut paths) = (Vec::new(), Vec::new());
        for block in 0..shape.blocks() {
            let block = take(shape.records(block).len());
            digests.extend(block.chunks(32).map(|digest| Hash::try_from(digest).unwrap()));
            paths.push(take(shape.depth() as usize));
        }
        let (trailer, app_data) = (reader.trailer().clone(), reader.app_data().to_vec());
        Self { records, trailer, app_data, header, digests, paths }
    }

    /// Sets items per record and items, in the trailer and in the list's header.
    pub fn with_counts(mut self, per_record: u32, items: u32) -> Self {
        (self.trailer.items_per_record, self.trailer.total_items) = (per_record, items);
        (self.header.items_per_record, self.header.total_items) = (per_record, items);
        self
    }

    pub fn with_app_data(mut self, app_data: &[u8]) -> Self {
        self.app_data = app_data.to_vec();
        self
    }

    /// The bytes of the pack, with recomputed index and checksums.
    pub fn pack(&self) -> Vec<u8> {
        let mut index = IndexEncoder::new();
        for record in &self.records {
            index.push(u32::try_from(record.len()).unwrap()).unwrap();
        }
        let index = index.finish();
        let trailer = Trailer {
            record_count: u32::try_from(self.records.len()).unwrap(),
            index_size: u32::try_from(index.len()).unwrap(),
            app_data_size: u32::try_from(self.app_data.len()).unwrap(),
            app_data_crc: crc32c(&self.app_data),
            ..self.trailer.clone()
        };
        [&self.records.concat(), &index, &self.app_data, &trailer.encode()[..]].concat()
    }

    /// The bytes of the list, with a recomputed checksum.
    pub fn list(&self) -> Vec<u8> {
        let mut list = self.header.encode().to_vec();
        let blocks = self.digests.chunks(128).zip(&self.paths);
        blocks.for_each(|(digests, path)| list.extend([&digests.concat(), &path[..]].concat()));
        list
    }

    /// Replaces the list by one of the forged records, as a forger would. The content
    /// hash in its header stays the trusted one.
    fn with_new_list(mut self) -> Self {
        let plain = std::io::Cursor::new(self.pack());
        let Ok(reader) = Reader::options().open_source(plain, "forged") else { return self };
        let digest = |record: Record| record_digest(record.slices()).unwrap();
        let read = |number| reader.record(number).map(digest);
        let records = 0..reader.directory().record_count();
        let Ok(digests) = records.map(read).collect::<Result<Vec<_>, Error>>() else { return self };
        let mut builder = DigestListBuilder::new();
        digests.iter().for_each(|digest| builder.push(digest).unwrap());
        let trailer = Trailer { content_hash: None, ..reader.trailer().clone() };
        let list = builder.finish(&trailer, &self.app_data).unwrap();
        self.header =
            ListHeader { content_hash: self.header.content_hash, ..list.header().clone() };
        self.paths = (0..list.shape().blocks()).map(|block| list.path(block)).collect();
        self.digests = digests;
        self
    }
}

/// Random choices, the same in every run.
struct Randomizer(Random);

impl Randomizer {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    fn small(&mut self, bound: usize) -> u32 {
        u32::try_from(self.below(bound)).unwrap()
    }

    fn swap<T>(&mut self, of: &mut [T]) {
        if !of.is_empty() {
            let (one, other) = (self.below(of.len()), self.below(of.len()));
            of.swap(one, other);
        }
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        if let Some(byte) = { bytes.len() }.checked_sub(1).map(|_| self.below(bytes.len())) {
            bytes[byte] ^= 1 << self.below(8);
        }
    }

    /// Truncates, extends, or removes or inserts bytes in the middle.
    fn resize(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.extend(vec![0; 1 + self.below(200)]),
            2 => drop(bytes.drain(at..(at + 1 + self.below(64)).min(bytes.len()))),
            _ => drop(bytes.splice(at..at, vec![0; 1 + self.below(64)])),
        }
    }
}

/// Changes a part of the pack, or copies it from `other`, a pack of the same shape.
fn change_pack(random: &mut Randomizer, forged: &mut Forged, other: &Forged) {
    let Forged { records, trailer, app_data, .. } = forged;
    match random.below(11) {
        0 | 1 => random.swap(records),
        2 => {
            if let (Some(foreign), true) = (random.pick(&other.records), !records.is_empty()) {
                let at = random.below(records.len());
                records[at].clone_from(foreign);
            }
        }
        3 => {
            let at = random.below(records.len() + 1);
            let record = random.pick(records).cloned().unwrap_or_default();
            records.insert(at, record);
            trailer.total_items += trailer.items_per_record;
        }
        4 if records.len() > 1 => {
            drop(records.remove(random.below(records.len())));
            trailer.total_items = trailer.total_items.saturating_sub(trailer.items_per_record);
        }
        5 => trailer.total_items = random.small(2 * trailer.total_items as usize + 2),
        6 => trailer.items_per_record = 1 + random.small(140),
        7 => trailer.record_checksum = !trailer.record_checksum,
        8 => trailer.format_id = random.small(3),
        9 => random.flip(app_data),
        _ => {
            if let Some(at) = records.len().checked_sub(1).map(|_| random.below(records.len())) {
                random.flip(&mut records[at]);
            }
        }
    }
}

/// Changes the counts so that the last record, unchanged, has other positions.
fn move_items(random: &mut Randomizer, forged: &mut Forged) {
    let records = forged.digests.len();
    let Trailer { items_per_record, total_items, .. } = forged.trailer;
    let before = u32::try_from(records.saturating_sub(1)).unwrap();
    let last = total_items.saturating_sub(before * items_per_record);
    let claimed = 1 + random.small(2 * items_per_record as usize);
    *forged = forged.clone().with_counts(claimed, before * claimed + last);
}

/// Changes a part of the list.
fn change_list(random: &mut Randomizer, forged: &mut Forged, other: &Forged) {
    let Forged { header, digests, paths, .. } = forged;
    match random.below(10) {
        0 | 1 => random.swap(digests),
        2 => {
            if let (Some(&foreign), true) = (random.pick(&other.digests), !digests.is_empty()) {
                let at = random.below(digests.len());
                digests[at] = foreign;
            }
        }
        3 => random.swap(paths),
        4 => {
            if let Some(at) = paths.len().checked_sub(1).map(|_| random.below(paths.len())) {
                random.flip(&mut paths[at]);
            }
        }
        5 => header.total_items = random.small(2 * header.total_items as usize + 2),
        6 => header.items_per_record = 1 + random.small(140),
        7 => header.record_count = random.small(2 * header.record_count as usize + 2),
        8 => header.top = other.header.top,
        _ => drop(digests.pop()),
    }
}

/// The bytes of a forgery.
fn forge(random: &mut Randomizer, original: &Forged, other: &Forged) -> (Vec<u8>, Vec<u8>) {
    let mut forged = original.clone();
    let kind = random.below(8);
    for _ in 0..=random.below(3) {
        match kind {
            0..=2 => change_pack(random, &mut forged, other),
            3 | 4 => change_list(random, &mut forged, other),
            5 => move_items(random, &mut forged),
            6 => {
                change_pack(random, &mut forged, other);
                change_list(random, &mut forged, other);
            }
            _ => forged.clone_from(other),
        }
    }
    match random.below(5) {
        0 => forged = forged.with_new_list(),
        // The digests of the forged records, with the original header.
        2 => {
            forged = forged.with_new_list();
            forged.header.clone_from(&original.header);
        }
        // The trailer agrees with the header.
        1 => {
            forged.trailer.total_items = forged.header.total_items;
            forged.trailer.items_per_record = forged.header.items_per_record;
        }
        _ => {}
    }
    if random.below(2) == 0 {
        forged.header.content_hash = original.header.content_hash;
        forged.trailer.content_hash = original.trailer.content_hash;
    }
    let (mut pack, mut list) = (forged.pack(), forged.list());
    match random.below(12) {
        0 => random.flip(&mut pack),
        1 => random.flip(&mut list),
        2 => random.resize(&mut pack),
        3 => random.resize(&mut list),
        _ => {}
    }
    (pack, list)
}

/// The results of the readers.
#[derive(Default)]
struct Tally {
    opened: u32,
    items: u32,
    refused: u32,
}

/// Reads in every way, and checks that each item is that of the original pack.
fn read_all(random: &mut Randomizer, reader: &Reader, items: &[Vec<u8>], tally: &mut Tally) {
    tally.opened += 1;
    assert_eq!(reader.item_count() as usize, items.len(), "the number of items is authentic");
    if items.is_empty() {
        return;
    }
    for _ in 0..4 {
        let position = random.below(items.len());
        match reader.get(u32::try_from(position).unwrap()) {
            Ok(item) => {
                assert_eq!(item, items[position][..], "item {position}");
                tally.items += 1;
            }
            Err(_) => tally.refused += 1,
        }
    }
    let positions: Vec<u32> = (0..3).map(|_| random.small(items.len())).collect();
    let take = |at: usize, item: sealpack::Bytes| {
        assert_eq!(item, items[positions[at] as usize][..]);
    };
    drop(reader.get_many(&positions, take));
    if random.below(8) == 0 {
        for (item, expected) in reader.iter().unwrap().zip(items) {
            let Ok(item) = item else { break };
            assert_eq!(item, expected[..]);
        }
        let sound = reader.verify().is_ok_and(|report| report.is_ok());
        let all: Option<Vec<_>> = reader.iter().unwrap().map(Result::ok).collect();
        assert_eq!(sound, all.is_some_and(|all| all == items), "verify and reading disagree");
    }
}

/// Makes forgeries, the same ones in every run.
pub struct Forger {
    pairs: Vec<(Forged, Forged, ListedPack)>,
    random: Randomizer,
}

impl Forger {
    pub fn new(seed: u64) -> Self {
        let shapes = [
            (Writer::options().codec(Plain).items_per_record(1), 300),
            (Writer::options().codec(Plain).items_per_record(3), 8),
            (Writer::options().codec(Plain).items_per_record(2), 301),
            (Writer::options().codec(Plain).items_per_record(5).record_checksum(true), 23),
            (Writer::options().codec(Zstd::level(1)).items_per_record(4), 40),
            (Writer::options().codec(Plain).items_per_record(16), 9),
        ];
        let pair = |(options, count): (WriterOptions, u32)| {
            let options = options.app_data(&b"app data"[..]).threads(0);
            let original = ListedPack::new(options.clone(), numbered(count, 0));
            let mut items = original.items.clone();
            // One item differs; everything else is the same.
            items[count as usize / 2][0] ^= 1;
            let other = ListedPack::new(options, items);
            (Forged::of(&original), Forged::of(&other), original)
        };
        Self {
            pairs: shapes.into_iter().map(pair).collect(),
            random: Randomizer(Random::new(seed)),
        }
    }

    /// The bytes of a forged pack and of its list, and the original that they imitate.
    pub fn forge(&mut self) -> (Vec<u8>, Vec<u8>, ListedPack) {
        let (original_parts, other, original) = &self.pairs[self.random.below(self.pairs.len())];
        let (pack, list) = forge(&mut self.random, original_parts, other);
        (pack, list, original.clone())
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }
}

#[test]
fn twenty_thousand_forgeries_yield_authentic_items_or_errors() {
    let mut forger = Forger::new(8);
    let mut tally = Tally::default();
    for turn in 0..20_000 {
        let (pack, list, original) = forger.forge();
        let by_root = turn % 2 == 0;
        let trust = match by_root {
            true => Trust::root(original.sealed.root),
            false => Trust::content_hash(original.sealed.content_hash),
        };
        let Ok(reader) = open(pack, list, trust) else { continue };
        assert!(!by_root || reader.app_data() == &b"app data"[..]);
        read_all(&mut forger.random, &reader, &original.items, &mut tally);
    }
    // Many forgeries pass opening: the test checks more than that.
    println!("{} opened, {} items, {} refused", tally.opened, tally.items, tally.refused);
    assert!(tally.opened > 2_000 && tally.items > 2_000 && tally.refused > 500);
}

#[test]
fn the_shape_of_a_list_gives_the_ranges_of_its_blocks() {
    for records in [0, 1, 128, 129, 1000] {
        let shape = ListShape::new(records);
        let mut at = DigestList::HEADER_SIZE as u64;
        for block in 0..shape.blocks() {
            assert_eq!(shape.range(block).start, at);
            at = shape.range(block).end;
        }
        assert_eq!(at, shape.file_size());
    }
}
