//! `sealpack verify`.

use std::fs;

use serde_json::{Value, json};

use crate::run::{Place, fixtures, has};

const LAYERS: [&str; 8] = [
    "structure",
    "index",
    "app_data",
    "record_checksum",
    "decoding",
    "frame_checksum",
    "lengths",
    "content_hash",
];

/// A zstd pack of 100 lines, ten items per record, without content hash.
fn sound(place: &Place) -> Vec<u8> {
    let text: String = (0..100).map(|i| format!("line {i} of the text\n")).collect();
    let pack = "pack --lines - -o p --items-per-record 10 --no-content-hash --force";
    place.feed(pack, text.as_bytes()).fine();
    fs::read(place.path("p")).unwrap()
}

fn layers(object: &Value) -> Vec<&str> {
    assert_eq!(object["layers"].as_object().unwrap().len(), LAYERS.len());
    LAYERS.iter().map(|name| object["layers"][name].as_str().unwrap()).collect()
}

#[test]
fn missing_layers_of_a_sound_pack_are_not_reported_as_passed() {
    let place = Place::new();
    sound(&place);
    let object = place.run("verify p --json").fine().json();
    has(&object, &json!({ "ok": true, "error": null }));
    assert_eq!(
        layers(&object),
        [
            "passed",
            "passed",
            "not_present",
            "not_present",
            "passed",
            "passed",
            "passed",
            "not_present"
        ]
    );
    let words = place.run("verify p").fine().out_text();
    assert!(words.contains("p: sound"));
    assert_eq!(words.matches("not present, so not checked").count(), 3);
}

#[test]
fn every_damaged_record_is_listed() {
    let place = Place::new();
    let mut bytes = sound(&place);
    // A byte in the third record and one in the seventh.
    let end = place.run("info p --json").json()["records_size"].as_u64().unwrap();
    let at = |tenth: u64| usize::try_from(end * tenth / 100).unwrap();
    bytes[at(23)] ^= 1;
    bytes[at(65)] ^= 1;
    place.file("p", &bytes);
    let run = place.run("verify p --json");
    assert_eq!((run.code(), run.err().as_str()), (Some(1), ""));
    let object = run.json();
    has(&object, &json!({ "ok": false, "damaged_count": 2 }));
    let damaged = object["damaged_records"].as_array().unwrap();
    let place_of = |i: usize| (damaged[i]["record"].as_u64(), damaged[i]["first_item"].as_u64());
    assert_eq!((place_of(0), place_of(1)), ((Some(2), Some(20)), (Some(6), Some(60))));
    assert!(layers(&object).contains(&"failed"));
    assert!(object["error"].as_str().unwrap().contains("record"));
    let words = place.run("verify p");
    assert_eq!(words.code(), Some(1));
    for word in ["p: damaged", "2 of 10 records", "items 20 to 29", "items 60 to 69"] {
        assert!(words.out_text().contains(word), "{}", words.out_text());
    }
}

#[test]
fn a_pack_that_does_not_open_fails_in_the_damaged_layer() {
    let place = Place::new();
    for (name, layer, section) in [
        ("magic-crc-fixed", "structure", "trailer"),
        ("index-flip", "index", "index"),
        ("app-data-flip-rc", "app_data", "app_data"),
        ("trunc-to-0", "structure", "trailer"),
    ] {
        let path = fixtures().join("corrupt").join(format!("{name}.pack"));
        let run = place.run(&format!("verify --json {}", path.display()));
        assert_eq!((run.code(), run.err().as_str()), (Some(1), ""), "{name}");
        let object = run.json();
        has(&object, &json!({ "ok": false }));
        has(&object["layers"], &json!({ layer: "failed" }));
        assert_eq!(object["failures"][0]["section"], section);
        assert!(object["error"].as_str().unwrap().len() > 10);
        assert_eq!(layers(&object).iter().filter(|verdict| **verdict == "failed").count(), 1);
        let words = place.run(&format!("verify {}", path.display()));
        assert_eq!(words.code(), Some(1));
        assert!(words.out_text().contains("cannot be opened"));
    }
}

#[test]
fn app_data_passes_although_the_index_is_damaged() {
    let place = Place::new();
    place.file("app", "data");
    place.feed("pack - -o p --app-data app", b"item").fine();
    let mut bytes = fs::read(place.path("p")).unwrap();
    let index = bytes.len() - 76 - 4 - 3;
    bytes[index] ^= 1;
    place.file("p", bytes);
    let object = place.run("verify p --json").json();
    assert_eq!(layers(&object)[..3], ["passed", "failed", "passed"]);
}

#[test]
fn items_without_any_check_are_reported() {
    let place = Place::new();
    place.feed("pack --lines - -o p --codec none --no-content-hash", b"1\n2\n").fine();
    assert!(place.run("verify p").fine().out_text().contains("no check covers the items"));
    assert_eq!(place.run("verify p --json").fine().json()["items_are_protected"], false);
}

#[test]
fn several_packs_print_one_object_per_line_and_end_with_the_worst_status() {
    let place = Place::new();
    let bytes = sound(&place);
    place.file("broken", &bytes[..bytes.len() - 1]);
    let run = place.run("verify missing broken p --json");
    assert_eq!((run.code(), run.err().as_str()), (Some(1), ""));
    let text = run.out_text();
    let objects: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ok: Vec<_> = objects.iter().map(|o| (o["path"].as_str(), o["ok"].as_bool())).collect();
    let all = [("missing", false), ("broken", false), ("p", true)];
    assert_eq!(ok, all.map(|(path, ok)| (Some(path), Some(ok))));
    assert_eq!(place.run("verify broken missing p --json").code(), Some(1));
    let words = place.run("verify missing p").failed(3, &["missing"]);
    assert!(words.out_text().contains("p: sound"));
}

#[cfg(unix)]
mod folders {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::child::Spawn as _;

    fn summary(text: &str) -> Value {
        serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap()["summary"].clone()
    }

    #[test]
    fn links_to_files_are_followed_and_links_to_folders_are_counted() {
        let place = Place::new();
        let bytes = sound(&place);
        place.file("broken", &bytes[..bytes.len() - 1]);
        fs::create_dir_all(place.path("v/deep")).unwrap();
        for (link, target) in [
            ("v/a.pack", "../p"),
            ("v/b.pack", "../broken"),
            ("v/c.pack", "nothing"),
            ("v/d.pack", "d.pack"),
            ("v/deep/up", "../../v"),
            ("v/not-a-name", "../p"),
        ] {
            symlink(target, place.path(link)).unwrap();
        }
        let made = Command::new("mkfifo").arg(place.path("v/pipe.pack")).run();
        assert!(made.status.success());
        let run = place.run("verify v").failed(1, &["v/c.pack", "v/d.pack"]);
        let text = run.out_text();
        assert!(text.contains("v/a.pack: sound") && text.contains("v/b.pack: cannot"), "{text}");
        let last = "4 packs: 1 sound, 1 damaged, 2 could not be read; 1 left out for their names \
                    (--all); 1 links to folders not followed; 1 pipes, sockets or devices left out";
        assert_eq!(text.lines().last(), Some(last));
        let counts = summary(&place.run("verify v --json").out_text());
        has(
            &counts,
            &json!({
                "packs": 4, "left_out": 1, "folder_links_left_out": 1, "special_files_left_out": 1,
            }),
        );
        // A folder that contains only links.
        fs::create_dir(place.path("links")).unwrap();
        symlink("../p", place.path("links/p.pack")).unwrap();
        assert!(place.run("verify links").fine().out_text().contains("1 pack: 1 sound"));
        fs::create_dir(place.path("up")).unwrap();
        symlink("..", place.path("up/p.pack")).unwrap();
        place.run("verify up").failed(2, &["links to folders are not followed"]);
        fs::create_dir(place.path("none")).unwrap();
        place.run("verify none --all").failed(2, &["no files here"]);
    }

    #[test]
    fn an_unreadable_folder_does_not_end_the_verification() {
        let place = Place::new();
        let bytes = sound(&place);
        for name in ["v/a.pack", "v/b/b.pack", "v/c.pack"] {
            place.file(name, &bytes);
        }
        for (folder, mode) in [("", 0o755), ("v/b", 0)] {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(place.path(folder), permissions).unwrap();
        }
        let run = |args: &str| {
            let mut command = place.command(args.split(' '));
            if fs::metadata(place.path("")).unwrap().uid() == 0 {
                command.uid(65_534).gid(65_534);
            }
            command.try_start().map(|started| crate::run::Run { output: started.end() })
        };
        let Ok(words) = run("verify v") else { return }; // That user cannot run the command.
        let words = words.failed(3, &["v/b: cannot read this folder", "ermission denied"]);
        assert!(!words.err().contains("packed"), "{}", words.err());
        let text = words.out_text();
        assert!(text.contains("v/a.pack: sound") && text.contains("v/c.pack: sound"), "{text}");
        assert!(text.ends_with("3 packs: 2 sound, 1 could not be read\n"), "{text}");
        let json = run("verify v --json").unwrap().failed(3, &[]).out_text();
        has(&summary(&json), &json!({ "sound": 2, "unreadable": 1 }));
        fs::set_permissions(place.path("v/b"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
