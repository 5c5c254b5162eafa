//! Reads one item of a pack from a source that has only "fetch this range": what a
//! driver for a protocol of your own looks like. The pack must be stored without
//! compression; for others, pass a decoder of your own to `unseal`.
//!
//! `cargo run --example read_ranges -- FILE.pack POSITION`

use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::{env, fs};

use bytes::Bytes;
use sealpack_core::codec::PlainDecoder;
use sealpack_core::read::{Opening, Pack, PackOpened, ReadLimits, unseal};

/// Opens a pack of `size` bytes: mostly one call of `fetch`, at most two.
pub fn open(
    size: u64,
    fetch: &mut dyn FnMut(Range<u64>) -> io::Result<Bytes>,
) -> Result<Pack, Box<dyn Error>> {
    let mut opening = Opening::new(size)?;
    loop {
        let bytes = fetch(opening.range())?;
        match opening.supply(bytes)? {
            PackOpened::More(next) => opening = next,
            PackOpened::Ready(pack) => return Ok(pack),
        }
    }
}

/// Reads an item: one call of `fetch`, or none if opening has read its record already.
pub fn item(
    pack: &Pack,
    position: u32,
    fetch: &mut dyn FnMut(Range<u64>) -> io::Result<Bytes>,
) -> Result<Bytes, Box<dyn Error>> {
    let place = pack.directory.place(position)?;
    let stored = match pack.tail.get(&place.record.range) {
        Some(stored) => stored,
        None => fetch(place.record.range.clone())?,
    };
    let limits = ReadLimits::default();
    let record = unseal(&pack.directory, &place.record, stored, &PlainDecoder, &limits)?;
    record.into_item(place.slot).ok_or_else(|| "the record has fewer items".into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let [path, position] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "FILE.pack POSITION")?;
    let size = fs::metadata(&path)?.len();
    let mut file = File::open(&path)?;
    let mut fetch = |range: Range<u64>| {
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        (&file).take(range.end - range.start).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    };
    let pack = open(size, &mut fetch)?;
    let item = item(&pack, position.parse()?, &mut fetch)?;
    println!("{}", String::from_utf8_lossy(&item));
    Ok(())
}
