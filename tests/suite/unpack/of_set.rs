//! Unpacking the packs of a set as one.

use std::fs;
use std::path::Path;

use sealpack::{
    ErrorKind, PackIdentity, PackSet, SetFault, SetManifest, SetMember, UnpackRefusal, Unpacker,
    Writer,
};

/// The items of a member, and their number.
const MEMBERS: [(&str, u32); 3] = [("a.pack", 5000), ("b.pack", 1), ("c.pack", 3000)];

fn item(position: u64) -> Vec<u8> {
    format!("item {position} ").repeat(1 + usize::try_from(position % 90).unwrap()).into_bytes()
}

fn make_set(folder: &Path) -> PackSet {
    let mut members = Vec::new();
    let mut position = 0;
    for (name, items) in MEMBERS {
        let path = folder.join(name);
        let mut writer = Writer::options().items_per_record(7).create(&path).unwrap();
        for _ in 0..items {
            writer.append(&item(position)).unwrap();
            position += 1;
        }
        writer.finish().unwrap();
        let identity = PackIdentity::of_file(&path).unwrap();
        members.push(SetMember { name: name.parse().unwrap(), identity });
    }
    SetManifest::new(members).unwrap().publish(folder.join("set.json"), false).unwrap();
    PackSet::options().max_open(1).open(folder.join("set.json")).unwrap()
}

#[test]
fn every_item_of_every_member_is_written_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let set = make_set(folder.path());
    for threads in [1, 4] {
        let to = tempfile::tempdir().unwrap();
        let mut unpacker = Unpacker::options().durable(false).threads(threads).build();
        for position in 0..set.item_count() {
            unpacker.add(position, format!("{}/{position}", position % 5).as_bytes());
        }
        let report = unpacker.unpack(&set, to.path()).unwrap();
        assert_eq!((report.files, report.refused.len()), (set.item_count(), 0));
        for position in 0..set.item_count() {
            let path = to.path().join((position % 5).to_string()).join(position.to_string());
            assert_eq!(fs::read(path).unwrap(), item(position), "{position}");
        }
    }
}

#[test]
fn a_damaged_record_of_one_member_costs_its_items_and_another_member_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let set = make_set(folder.path());
    let path = folder.path().join("c.pack");
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let to = tempfile::tempdir().unwrap();
    let unpacker = |last| {
        let mut unpacker = Unpacker::options().durable(false).build();
        (4990..=last).for_each(|position| unpacker.add(position, format!("{position}").as_bytes()));
        unpacker
    };
    let report = unpacker(5020).unpack(&set, to.path()).unwrap();
    let refused: Vec<u64> = report.refused.iter().map(|item| item.position).collect();
    assert_eq!(refused, (5001..5008).collect::<Vec<_>>());
    assert!(matches!(report.refused[0].refusal, UnpackRefusal::Unreadable(_)));
    assert_eq!(report.files, 31 - 7);
    let to = tempfile::tempdir().unwrap();
    let beyond = unpacker(8001).unpack(&set, to.path()).unwrap_err();
    let expected = ErrorKind::Set(SetFault::Position { position: 8001, items: 8001 });
    assert_eq!(beyond.kind().to_string(), expected.to_string());
    fs::copy(folder.path().join("b.pack"), &path).unwrap();
    let other = error_of_new_set(folder.path(), unpacker(5020));
    assert!(other.path().ends_with("c.pack"), "{other}");
    assert!(matches!(other.kind(), ErrorKind::Set(_)), "{other}");
}

/// Unpacks from a set that is opened anew; returns the error.
fn error_of_new_set(folder: &Path, unpacker: Unpacker) -> sealpack::Error {
    let set = PackSet::open(folder.join("set.json")).unwrap();
    unpacker.unpack(&set, tempfile::tempdir().unwrap().path()).unwrap_err()
}
