//! Members that are missing, damaged or another pack than the one listed.

use std::fs;

use sealpack::core::error::Untrusted;
use sealpack::{
    Error, ErrorKind, IoOperation, PackSet, Plain, SetFault, SetManifest, Writer, digest_list_path,
};
use sealpack_tests::incompressible::item;

use super::{Packs, member, with_lists};

/// Three members of 50 items, with or without digest lists.
fn three_members(lists: bool) -> Packs {
    let options = move |_| Writer::options().codec(Plain).items_per_record(10).digest_list(lists);
    let packs = Packs::new(&[50, 50, 50], options);
    packs.publish();
    packs
}

/// Opens the set, and returns the error of every way of reading the second member. The
/// other members are read.
#[track_caller]
fn assert_second_fails(packs: &Packs) -> Error {
    let set = PackSet::open(packs.at("set.json")).unwrap();
    let error = set.get(75).unwrap_err();
    assert_eq!(error.path(), packs.at("1.pack"), "{error}");
    assert_eq!(set.get(10).unwrap(), packs.items[10][..]);
    assert_eq!(set.get(149).unwrap(), packs.items[149][..]);
    assert!(set.get_with(75, |_| panic!("an item")).is_err());
    let mut before = 0;
    let failed = set.get_many(&[149, 75, 3], |request, _| {
        assert_eq!(request, 2, "the first member's item comes first");
        before += 1;
    });
    assert_eq!(failed.unwrap_err().path(), packs.at("1.pack"));
    assert_eq!(before, 1);
    let mut items = set.iter().unwrap();
    let read = items.by_ref().take_while(Result::is_ok).count();
    assert!((50..100).contains(&read), "{read} items before the error");
    assert!(items.next().is_none(), "the iterator ends after an error");
    let report = set.verify();
    let sound: Vec<bool> = report.members.iter().map(|member| member.is_ok()).collect();
    assert_eq!(sound, [true, false, true]);
    error
}

#[test]
fn a_missing_member_is_an_error_with_its_path() {
    for lists in [true, false] {
        let packs = three_members(lists);
        fs::remove_file(packs.at("1.pack")).unwrap();
        let error = assert_second_fails(&packs);
        let ErrorKind::Io { operation: IoOperation::Opening, .. } = error.kind() else {
            panic!("{error}")
        };
    }
}

#[test]
fn another_pack_of_the_same_size_is_not_the_listed_member() {
    for lists in [true, false] {
        let packs = three_members(lists);
        let mut writer =
            Writer::options().codec(Plain).items_per_record(10).create(packs.at("new")).unwrap();
        for at in 50..100 {
            writer.append(&item(7000 + at, packs.items[at as usize].len())).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(
            fs::metadata(packs.at("new")).unwrap().len(),
            fs::metadata(packs.at("1.pack")).unwrap().len()
        );
        fs::rename(packs.at("new"), packs.at("1.pack")).unwrap();
        let error = assert_second_fails(&packs);
        match error.kind() {
            ErrorKind::Set(SetFault::MemberContentHash { .. }) => assert!(!lists),
            _ => assert!(lists && error.untrusted().is_some(), "{error}"),
        }
    }
}

#[test]
fn a_member_of_another_size_or_number_of_items_is_refused() {
    let packs = three_members(false);
    let whole = fs::read(packs.at("1.pack")).unwrap();
    for length in [0, 1, 75, 76, whole.len() / 2, whole.len() - 1] {
        fs::write(packs.at("1.pack"), &whole[..length]).unwrap();
        let error = assert_second_fails(&packs);
        assert!(matches!(error.kind(), ErrorKind::Set(SetFault::MemberSize { .. })), "{error}");
    }
    // The manifest has the right size and another number of items: its root is right.
    fs::write(packs.at("1.pack"), &whole).unwrap();
    let mut members = packs.manifest().members().to_vec();
    members[1].identity.items = 49;
    SetManifest::new(members).unwrap().publish(packs.at("set.json"), true).unwrap();
    let set = PackSet::open(packs.at("set.json")).unwrap();
    let error = set.get(60).unwrap_err();
    let ErrorKind::Set(SetFault::MemberItems { listed: 49, found: 50 }) = error.kind() else {
        panic!("{error}")
    };
}

#[test]
fn swapped_members_are_refused() {
    let packs = three_members(false);
    fs::rename(packs.at("1.pack"), packs.at("x")).unwrap();
    fs::copy(packs.at("0.pack"), packs.at("1.pack")).unwrap();
    let error = assert_second_fails(&packs);
    assert!(matches!(error.kind(), ErrorKind::Set(_)), "{error}");
}

/// A flipped bit of a plain item has no checksum of its own.
#[test]
fn with_a_digest_root_no_changed_item_is_returned_and_without_one_verify_finds_it() {
    for lists in [true, false] {
        let packs = three_members(lists);
        let mut bytes = fs::read(packs.at("1.pack")).unwrap();
        bytes[20] ^= 1;
        fs::write(packs.at("1.pack"), bytes).unwrap();
        let set = PackSet::open(packs.at("set.json")).unwrap();
        let read: Vec<bool> = (50..60).map(|at| set.get(at).is_ok()).collect();
        if lists {
            assert_eq!(read, [false; 10], "no item of the changed record is returned");
            let error = set.get(50).unwrap_err();
            assert!(matches!(error.untrusted(), Some(Untrusted::Record { .. })), "{error}");
        } else {
            assert_eq!(read, [true; 10]);
        }
        let report = set.verify();
        let sound: Vec<bool> = report.members.iter().map(|member| member.is_ok()).collect();
        assert_eq!(sound, [true, false, true]);
    }
}

#[test]
fn a_member_that_changes_after_it_was_closed_is_refused_when_it_is_opened_again() {
    let packs = three_members(false);
    let set = PackSet::options().max_open(1).open(packs.at("set.json")).unwrap();
    set.get(60).unwrap();
    set.get(0).unwrap();
    fs::copy(packs.at("sub/2.pack"), packs.at("1.pack")).unwrap();
    let error = set.get(60).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Set(_)), "{error}");
    assert_eq!(set.get(0).unwrap(), packs.items[0][..]);
    // The same for packs without a manifest.
    let listed = PackSet::options().max_open(1).open_packs(packs.paths()).unwrap();
    listed.get(0).unwrap();
    fs::copy(packs.at("0.pack"), packs.at("1.pack")).unwrap();
    assert!(matches!(listed.get(60).unwrap_err().kind(), ErrorKind::Set(_)));
}

#[test]
fn a_missing_or_foreign_digest_list_is_an_error_of_its_member() {
    let packs = three_members(true);
    let list = digest_list_path(packs.at("1.pack"));
    fs::copy(digest_list_path(packs.at("0.pack")), &list).unwrap();
    let error = assert_second_fails(&packs);
    assert!(matches!(error.untrusted(), Some(Untrusted::List { .. })), "{error}");
    fs::remove_file(&list).unwrap();
    let error = assert_second_fails(&packs);
    let ErrorKind::DigestList(inner) = error.kind() else { panic!("{error}") };
    assert_eq!(inner.path(), list);
}

#[test]
fn a_trusted_root_authenticates_the_manifest_and_every_member() {
    let packs = three_members(true);
    let root = packs.manifest().root();
    let open = |root| PackSet::options().trust_root(root).open(packs.at("set.json"));
    let set = open(root).unwrap();
    assert!((0..150).all(|at| set.get(at).unwrap() == packs.items[usize::try_from(at).unwrap()]));
    let refused = open([1; 32]).unwrap_err();
    let ErrorKind::Set(SetFault::Untrusted { trusted, found }) = refused.kind() else {
        panic!("{refused}")
    };
    assert_eq!((*trusted, *found), ([1; 32], root));
    // Another member list has another root, although it is consistent.
    let mut members = packs.manifest().members().to_vec();
    members.swap(0, 1);
    SetManifest::new(members).unwrap().publish(packs.at("set.json"), true).unwrap();
    assert!(open(root).is_err());
}

/// The content hash authenticates single records only with the help of the list.
#[test]
fn under_a_trusted_root_a_member_with_a_content_hash_alone_needs_its_list() {
    let packs = three_members(false);
    let root = packs.manifest().root();
    let open = || PackSet::options().trust_root(root).open(packs.at("set.json")).unwrap();
    let error = open().get(0).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DigestList(_)), "{error}");
    assert!(open().verify().is_ok(), "reading all of it needs no list");
    for path in packs.paths() {
        sealpack::Reader::open(&path).unwrap().write_digests(digest_list_path(&path)).unwrap();
    }
    assert_eq!(open().get(70).unwrap(), packs.items[70][..]);
    let mut bytes = fs::read(packs.at("1.pack")).unwrap();
    bytes[20] ^= 1;
    fs::write(packs.at("1.pack"), bytes).unwrap();
    assert!(open().get(50).is_err());
}

#[test]
fn a_set_grows_by_a_new_manifest_and_open_sets_stay_as_they_are() {
    let packs = Packs::new(&[10, 10, 10], with_lists);
    let names = ["0.pack", "1.pack"];
    let of = |name: &&str| member(packs.folder.path(), name);
    let path = packs.at("set.json");
    SetManifest::new(names.iter().map(of).collect()).unwrap().publish(&path, false).unwrap();
    let before = PackSet::open(&path).unwrap();
    let mut members = SetManifest::open(&path).unwrap().members().to_vec();
    members.push(member(packs.folder.path(), "sub/2.pack"));
    let grown = SetManifest::new(members).unwrap();
    let refused = grown.publish(&path, false).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Exists), "{refused}");
    assert_eq!(SetManifest::open(&path).unwrap().item_count(), 20, "nothing was changed");
    grown.publish(&path, true).unwrap();
    let after = PackSet::open(&path).unwrap();
    assert_eq!((before.item_count(), after.item_count()), (20, 30));
    assert_eq!(before.get(19).unwrap(), after.get(19).unwrap());
    assert_eq!(after.get(29).unwrap(), packs.items[29][..]);
}
