//! Any options result in a typed error, or in a pack that can be read back.

use std::path::PathBuf;
use std::sync::OnceLock;

use sealpack::Zstd;
use sealpack::core::format::Dialect;
use sealpack::core::read::Merge;
use sealpack::{Bytes, ErrorKind, Plain, ReadCodec, Reader, ReaderOptions, Writer, WriterOptions};

use super::Input;

/// Writes a few items with options chosen by the input, and reads them with other
/// options.
pub fn options(data: &[u8]) {
    let mut input = Input::new(data);
    let zstd = input.flag();
    let (writer, app_data) = writer_options(&mut input, zstd);
    let reader = reader_options(&mut input, zstd);
    let path = scratch();
    let mut writer = match writer.overwrite(true).create(path) {
        Ok(writer) => writer,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Options(_)), "{error}");
            return;
        }
    };
    let items: Vec<&[u8]> = (0..input.byte() % 50).map(|_| input.take(19)).collect();
    items.iter().for_each(|item| writer.append(item).unwrap());
    let sealed = writer.finish().unwrap();
    assert_eq!(sealed.trailer.total_items as usize, items.len());
    // A limit may prevent opening or reading, but never changes an item.
    let Ok(reader) = reader.open(path) else { return };
    assert_eq!(reader.app_data(), &app_data);
    if let Ok(all) = reader.iter().and_then(Iterator::collect::<Result<Vec<Bytes>, _>>) {
        assert_eq!(all, items);
    }
    let positions: Vec<u32> = (0..reader.item_count()).rev().collect();
    let same = |request: usize, item: Bytes| assert_eq!(item, items[positions[request] as usize]);
    drop(reader.get_many(&positions, same));
    for (position, item) in (0..).zip(&items) {
        if let Ok(got) = reader.get(position) {
            assert_eq!(got, *item);
        }
    }
    if let Ok(report) = reader.verify()
        && report.damaged_count == 0
        && report.unchecked_count == 0
    {
        assert!(report.is_ok(), "{report:?}");
    }
}

fn writer_options(input: &mut Input<'_>, zstd: bool) -> (WriterOptions, Bytes) {
    let bits = input.byte();
    let app_data = Bytes::copy_from_slice(input.take(usize::from(bits >> 4)));
    let options = Writer::options()
        .items_per_record(input.number() >> (input.byte() % 32))
        .content_hash(bits & 1 != 0)
        .record_checksum(bits & 2 != 0)
        .dialect(if bits & 4 != 0 { Dialect::NoAppDataCrc } else { Dialect::AppDataCrc })
        .threads(usize::from(input.byte() % 4))
        .writeback_every(u64::from(input.number()) << (input.byte() % 33))
        .app_data(app_data.clone());
    let options = match bits & 8 != 0 {
        true => options.format_id(input.number()),
        false => options,
    };
    let options = match zstd {
        true => options.codec(Zstd::level(input.number().cast_signed() >> (input.byte() % 32))),
        false => options.codec(Plain),
    };
    (options, app_data)
}

fn reader_options(input: &mut Input<'_>, zstd: bool) -> ReaderOptions {
    let mut wide = || u64::from(input.number()) << (input.byte() % 33);
    let (gap, max_read, limit) = (wide(), wide(), wide());
    let bits = input.byte();
    let options = Reader::options()
        .codec(if zstd { ReadCodec::Zstd } else { ReadCodec::Plain })
        .merge(Merge { gap, max_read })
        .decoded_limit(limit)
        .threads(usize::from(bits % 4));
    match bits & 0x80 != 0 {
        true => options.memory_limit(input.number().into()).items_limit(input.byte().into()),
        false => options,
    }
}

/// A file path of this process, in memory if the system has such a folder.
fn scratch() -> &'static PathBuf {
    static SCRATCH: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SCRATCH.get_or_init(|| {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = folder.path().join("options.pack");
        (folder, path)
    });
    path
}
