//! The names that `sealpack pack` stores, and where the command shows extensions.

use std::fs;

use sealpack::Reader;
use serde_json::json;

use crate::run::{Place, has};

/// The names in the pack `p`; `None` if it has none.
fn names(place: &Place) -> Option<Vec<String>> {
    let names = Reader::open(place.path("p")).unwrap().names().unwrap()?;
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    Some(names.iter().map(|named| text(&named.unwrap().1)).collect())
}

#[test]
fn a_folder_is_packed_with_relative_names_in_the_order_of_their_bytes() {
    let place = Place::new();
    // `a-b` sorts before `a/x`: `-` is smaller than `/`.
    for (name, bytes) in [("in/c", "4"), ("in/a/x", "3"), ("in/a-b", "2")] {
        place.file(name, bytes);
    }
    let summary = place.run("pack in -o p --json").fine().json();
    has(&summary, &json!({ "total_items": 3, "named_items": 3 }));
    assert_eq!(names(&place).unwrap(), ["a-b", "a/x", "c"]);
    assert_eq!(place.run("cat p").fine().out(), b"234");
    let reader = Reader::open(place.path("p")).unwrap();
    let found = reader.names().unwrap().unwrap();
    assert!(found.is_sorted());
    assert_eq!(found.find(b"a/x").unwrap(), [1]);
    // The folder itself leaves no trace, however it is written.
    let same = fs::read(place.path("p")).unwrap();
    for folder in ["in/", "./in", "in/.", "in/a/.."] {
        place.run(&format!("pack {folder} -o p --force")).fine();
        assert!(fs::read(place.path("p")).unwrap() == same, "{folder}");
    }
}

#[test]
fn several_inputs_are_named_by_their_paths() {
    let place = Place::new();
    place.file("in/b", "1");
    place.file("in/a/x", "0");
    place.file("one", "2");
    place.run("pack in one -o p").fine();
    assert_eq!(names(&place).unwrap(), ["in/a/x", "in/b", "one"]);
    place.run("pack one in/../in -o p --force").fine();
    assert_eq!(names(&place).unwrap(), ["one", "in/in/a/x", "in/in/b"]);
    let absolute = place.path("one");
    place.run(&format!("pack ./one {} -o p --force", absolute.display())).fine();
    let expected = absolute.display().to_string();
    assert_eq!(names(&place).unwrap(), ["one", expected.trim_start_matches('/')]);
}

#[test]
fn lines_frames_and_standard_input_have_no_names() {
    let place = Place::new();
    place.feed("pack --lines - -o p", b"1\n2\n").fine();
    assert_eq!(names(&place), None);
    place.feed("pack --framed - -o p --force", b"\x01\0\0\0a").fine();
    assert_eq!(names(&place), None);
    place.file("a", "1\n");
    place.run("pack --lines a -o p --force").fine();
    assert_eq!(names(&place), None);
    let summary = place.feed("pack a - -o p --force --json", b"2").fine().json();
    has(&summary, &json!({ "total_items": 2, "named_items": 1 }));
    assert_eq!(names(&place).unwrap(), ["a", ""]);
}

#[test]
fn without_names_a_pack_is_the_one_of_a_writer_without_names() {
    let place = Place::new();
    place.file("in/a", "1");
    place.file("in/b", "2");
    place.file("app", "mine");
    place.run("pack in -o p --no-names --app-data app").fine();
    assert_eq!(names(&place), None);
    let mut writer = sealpack::Writer::options().app_data("mine").write_to(Vec::new()).unwrap();
    writer.append(b"1").unwrap();
    writer.append(b"2").unwrap();
    assert!(fs::read(place.path("p")).unwrap() == writer.finish().unwrap().sink);
    // With names, the application's data is still its own.
    place.run("pack in -o p --force --app-data app").fine();
    assert_eq!(place.run("info p --app-data").fine().out(), b"mine");
}

#[test]
fn info_lists_the_extensions_with_their_sizes() {
    let place = Place::new();
    place.file("in/a", "1");
    place.file("app", "mine");
    place.run("pack in -o p --app-data app").fine();
    let info = place.run("info p --json").fine().json();
    let extensions = info["extensions"].as_array().unwrap();
    assert_eq!(extensions.len(), 2);
    has(&extensions[0], &json!({ "kind": 1, "name": "app data", "size": 4 }));
    has(&extensions[1], &json!({ "kind": 3, "name": "names" }));
    let sizes: u64 = extensions.iter().map(|it| it["size"].as_u64().unwrap() + 8).sum();
    assert_eq!(info["app_data_size"], sizes + 8);
    let text = place.run("info p").fine().out_text();
    assert!(text.contains("names") && text.contains("6d696e65"), "{text}");

    place.run("pack in -o p --force --no-names --app-data app").fine();
    let info = place.run("info p --json").fine().json();
    has(&info, &json!({ "extensions": [], "app_data_size": 4 }));
}

#[cfg(unix)]
#[test]
fn names_are_stored_byte_for_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let place = Place::new();
    let odd: Vec<Vec<u8>> = vec![
        b"\x01\n\\".to_vec(),
        b"new\nline".to_vec(),
        "\u{fc}\u{1F600}".as_bytes().to_vec(),
        vec![b'x'; 255],
        b"\xff\xfe".to_vec(),
    ];
    fs::create_dir(place.path("in")).unwrap();
    for name in &odd {
        fs::write(place.path("in").join(OsStr::from_bytes(name)), b"1").unwrap();
    }
    place.run("pack in -o p").fine();
    let found = Reader::open(place.path("p")).unwrap().names().unwrap().unwrap();
    let mut expected = odd.clone();
    expected.sort();
    assert_eq!(found.iter().map(|named| named.unwrap().1.to_vec()).collect::<Vec<_>>(), expected);
}

#[test]
fn large_names_go_to_a_file_next_to_the_pack_and_every_command_finds_them() {
    let place = Place::new();
    for number in 0..40 {
        place.file(&format!("in/file-{number}"), format!("content {number}"));
    }
    let summary = place.run("pack in -o in/p --names-in-pack 100 --json").fine().json();
    has(&summary, &json!({ "total_items": 40, "names_file": "in/p.names" }));
    assert!(place.path("in/p.names").exists());
    assert_eq!(place.run("get in/p file-7").fine().out(), b"content 7");
    assert_eq!(place.run("ls in/p").fine().out_text().lines().count(), 40);
    place.run("unpack in/p -C out").fine();
    assert_eq!(fs::read(place.path("out/file-39")).unwrap(), b"content 39");
    // The folder holds the pack and its names now: neither is packed again.
    let summary = place.run("pack in -o in/p --names-in-pack 100 --force --json").fine().json();
    has(&summary, &json!({ "total_items": 40 }));
    // Copied records keep their names; by default these fit into the pack.
    let summary = place.run("repack in/p -o q --json").fine().json();
    has(&summary, &json!({ "names_file": null }));
    let summary = place.run("repack in/p -o r --names-in-pack 0 --json").fine().json();
    has(&summary, &json!({ "names_file": "r.names" }));
    assert_eq!(place.run("get r file-7").fine().out(), b"content 7");
    fs::remove_file(place.path("r.names")).unwrap();
    place.run("get r file-7").failed(3, &["its names file", "r.names"]);
    assert_eq!(place.run("get r 7").fine().out(), b"content 15", "items stay readable by position");
    // The list of --names must not have the same path.
    place.run("pack in -o p --names p.names").failed(2, &["p.names"]);
}

#[test]
fn a_file_next_to_a_pack_in_place_of_it_is_refused_with_what_to_give() {
    let place = Place::new();
    place.file("in/a", "1");
    place.run("pack in -o p --names-in-pack 0 --with-digests").fine();
    for (file, hint) in [("p.names", "without .names"), ("p.digests", "without .digests")] {
        for command in ["info", "ls", "cat"] {
            place.run(&format!("{command} {file}")).failed(1, &["trailer", hint]);
        }
    }
}
