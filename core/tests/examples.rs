//! The examples work as described.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::num::NonZero;
use std::ops::Range;

use bytes::Bytes;
use sealpack_core::stream::{BufferSize, Put, StreamRefusal};
use sealpack_core::write::{Assembly, PackShape, RecordBuilder, Sealer};

#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/read_ranges.rs"]
mod read_ranges;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/stream_to_sink.rs"]
mod stream_to_sink;

use stream_to_sink::SendPuts;

/// A pack of the numbers below `count`, ten in a record.
fn pack_of_numbers(count: u32) -> Bytes {
    let shape = PackShape { items_per_record: NonZero::new(10).unwrap(), ..PackShape::default() };
    let (mut builder, mut sealer) = (RecordBuilder::new(&shape, true), Sealer::plain(&shape));
    let mut assembly = Assembly::new(&shape);
    (0..count).for_each(|number| builder.push(number.to_string().as_bytes()).unwrap());
    builder.finish();
    let mut file = Vec::new();
    while let Some(draft) = builder.next_draft() {
        let sealed = sealer.seal(draft).unwrap();
        assembly.push(&sealed).unwrap();
        sealed.extents.iter().for_each(|extent| file.extend_from_slice(extent));
    }
    let ending = assembly.finish(b"").unwrap();
    file.extend_from_slice(&ending.index);
    file.extend_from_slice(&ending.trailer.encode());
    file.into()
}

#[test]
fn an_item_is_read_with_one_range_to_open_the_pack_and_one_for_its_record() {
    let file = pack_of_numbers(200_000);
    let mut fetched = 0;
    let mut fetch = |range: Range<u64>| {
        fetched += 1;
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        Ok(file.slice(range))
    };
    let pack = read_ranges::open(file.len() as u64, &mut fetch).unwrap();
    assert_eq!(read_ranges::item(&pack, 42, &mut fetch).unwrap(), b"42"[..]);
    assert_eq!(read_ranges::item(&pack, 199_999, &mut fetch).unwrap(), b"199999"[..]);
    assert!(read_ranges::item(&pack, 200_000, &mut fetch).is_err());
    assert_eq!(fetched, 2, "the last record was read together with the end of the file");
}

/// Keeps what it receives, and takes at most `room` bytes.
struct Received {
    puts: Vec<usize>,
    bytes: Vec<u8>,
    room: usize,
}

impl SendPuts for Received {
    fn send(&mut self, put: &Put) -> usize {
        let taken = put.len().min(self.room - self.bytes.len());
        let bytes: Vec<u8> = put.extents().flatten().copied().collect();
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.puts.push(taken);
        taken
    }
}

#[test]
fn a_custom_sink_receives_puts_of_one_size_and_ends_the_stream_when_it_is_full() {
    let size = BufferSize::new(4096).unwrap();
    let large = Bytes::from(vec![7; 10_000]);
    let mut sink = Received { puts: Vec::new(), bytes: Vec::new(), room: usize::MAX };
    stream_to_sink::write(b"a header", large.clone(), size, &mut sink).unwrap();
    assert_eq!(sink.puts, [4096, 4096, 1816]);
    assert_eq!(sink.bytes, [b"a header", &large[..]].concat());

    let mut full = Received { puts: Vec::new(), bytes: Vec::new(), room: 5000 };
    let refused = stream_to_sink::write(b"a header", large, size, &mut full);
    assert_eq!((refused, full.bytes.len()), (Err(StreamRefusal::Failed), 5000));
}
