//! The examples work as described.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use sealpack::{Bytes, Reader, Writer};

#[cfg(all(feature = "async", feature = "remote"))]
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/async_upload.rs"]
mod async_upload;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/own_codec.rs"]
mod own_codec;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/own_sink.rs"]
mod own_sink;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/pack_folder.rs"]
mod pack_folder;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/shared_reader.rs"]
mod shared_reader;
#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/verify_progress.rs"]
mod verify_progress;

#[test]
fn a_folder_is_packed_with_its_files_sorted_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("files");
    fs::create_dir(&inside).unwrap();
    for name in ["b", "a", "c"] {
        fs::write(inside.join(name), name.repeat(100)).unwrap();
    }
    let out = folder.path().join("out.pack");
    let (sealed, files) = pack_folder::pack_folder(&inside, &out).unwrap();
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let reader = Reader::open(&sealed.path).unwrap();
    let items: Vec<Bytes> = (&reader).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(items, ["a", "b", "c"].map(|name| Bytes::from(name.repeat(100))));
}

/// A pack of the numbers below 1000.
fn pack_of_numbers(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("in.pack");
    let mut writer = Writer::options().create(&path).unwrap();
    (0..1000u32).for_each(|number| writer.append(&number.to_le_bytes()).unwrap());
    writer.finish().unwrap();
    path
}

#[test]
fn clones_of_one_reader_answer_requests() {
    let folder = tempfile::tempdir().unwrap();
    let reader = shared_reader::open(&pack_of_numbers(&folder)).unwrap();
    let answers = shared_reader::answer(&reader, &[7, 999, 1000]);
    assert_eq!(answers[0].as_ref().unwrap(), &7u32.to_le_bytes()[..]);
    assert_eq!(answers[1].as_ref().unwrap(), &999u32.to_le_bytes()[..]);
    assert!(answers[2].is_err());
}

#[test]
fn a_custom_codec_decodes_what_it_encoded() {
    let items = [vec![0; 1000], Vec::new(), b"aaabbb".to_vec()];
    let read = own_codec::round_trip(&items).unwrap();
    assert_eq!(read, items.map(Bytes::from));
}

#[test]
fn a_custom_sink_receives_every_byte() {
    use sha2::{Digest as _, Sha256};
    let (pack, bytes, hash) = own_sink::pack(&[b"first", b"second"], Vec::new()).unwrap();
    assert_eq!((pack.len() as u64, hash), (bytes, Sha256::digest(&pack).into()));
    let reader = Reader::options().open_source(pack, "memory").unwrap();
    assert_eq!(reader.get(1).unwrap(), b"second"[..]);
}

#[test]
fn a_verification_reports_progress_and_stops_at_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = pack_of_numbers(&folder);
    let mut records = 0;
    let report = verify_progress::verify(&path, |progress| records = progress.records).unwrap();
    assert!(report.unwrap().is_ok() && records == 8);
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(verify_progress::verify(&path, |_| ()).unwrap().is_none());
}

#[cfg(all(feature = "async", feature = "remote"))]
#[tokio::test(flavor = "multi_thread")]
async fn packs_go_through_a_connection_and_a_store() {
    let items: Vec<Bytes> = (0..5000u32).map(|n| n.to_le_bytes().repeat(40).into()).collect();
    assert_eq!(async_upload::through_a_connection(&items).await.unwrap(), items);
    let item = async_upload::through_a_store(items.clone(), 4321).await.unwrap();
    assert_eq!(item, items[4321]);
}
