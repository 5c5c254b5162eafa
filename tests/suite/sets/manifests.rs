//! Manifests: what is accepted, what is refused, and the root as FORMAT.md defines it.

use sealpack::{
    MemberChange, MemberNameFault, PackIdentity, PackSet, SetDiff, SetFault, SetManifest, SetMember,
};
use sealpack_tests::fixtures::hex;
use sealpack_tests::hostile::Random;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn identity(number: u8) -> PackIdentity {
    PackIdentity {
        items: 10 * u32::from(number),
        size: 1000 + u64::from(number),
        content_hash: (!number.is_multiple_of(3)).then_some([number; 32]),
        digest_root: (number % 3 != 1).then_some([number ^ 0xff; 32]),
    }
}

fn named(name: &str, number: u8) -> SetMember {
    SetMember { name: name.parse().unwrap(), identity: identity(number) }
}

fn example() -> SetManifest {
    let members = [named("a.pack", 1), named("ü/b c.pack", 2), named("z/\"q\".pack", 3)];
    SetManifest::new(members.to_vec()).unwrap()
}

/// The manifest as JSON, with the root of its members.
fn with_fitting_root(mut manifest: Value) -> String {
    let root = documented_root(manifest["members"].as_array().unwrap());
    manifest["root"] = json!(hex(&root));
    manifest.to_string()
}

/// The root as FORMAT.md describes it, from the text of the manifest.
fn documented_root(members: &[Value]) -> [u8; 32] {
    let bytes = |value: &Value| -> Option<Vec<u8>> {
        let digits = value.as_str()?.as_bytes();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        Some(digits.chunks(2).map(byte).collect())
    };
    let mut root = b"SLSR\x01".to_vec();
    root.extend(u32::try_from(members.len()).unwrap().to_le_bytes());
    for member in members {
        let (content, digests) = (bytes(&member["content_hash"]), bytes(&member["digest_root"]));
        let mut message = b"SLSM\x01".to_vec();
        message.push(u8::from(content.is_some()) + 2 * u8::from(digests.is_some()));
        message.extend(u32::try_from(member["items"].as_u64().unwrap()).unwrap().to_le_bytes());
        message.extend(member["size"].as_u64().unwrap().to_le_bytes());
        message.extend(content.unwrap_or(vec![0; 32]));
        message.extend(digests.unwrap_or(vec![0; 32]));
        message.extend(member["name"].as_str().unwrap().as_bytes());
        root.extend(Sha256::digest(&message));
    }
    Sha256::digest(&root).into()
}

fn value() -> Value {
    serde_json::from_str(&example().to_json()).unwrap()
}

#[track_caller]
fn refused(text: &str) -> SetFault {
    match SetManifest::parse(text.as_bytes()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(fault) => fault,
    }
}

#[test]
fn a_manifest_is_read_as_it_was_written_and_its_root_is_the_documented_one() {
    let manifest = example();
    assert_eq!(SetManifest::parse(manifest.to_json().as_bytes()).unwrap(), manifest);
    assert_eq!(manifest.root(), documented_root(value()["members"].as_array().unwrap()));
    assert_eq!(value()["root"], hex(&manifest.root()));
    let empty = SetManifest::new(Vec::new()).unwrap();
    assert_eq!(SetManifest::parse(empty.to_json().as_bytes()).unwrap(), empty);
    assert_eq!(empty.root(), documented_root(&[]));
    // Any layout of the JSON, and digits of either case.
    let pretty = serde_json::to_string_pretty(&value()).unwrap();
    assert_eq!(SetManifest::parse(pretty.as_bytes()).unwrap(), manifest);
    let mut upper = value();
    upper["root"] = json!(hex(&manifest.root()).to_uppercase());
    assert_eq!(SetManifest::parse(upper.to_string().as_bytes()).unwrap(), manifest);
}

#[test]
fn a_manifest_has_one_member_per_line() {
    let text = example().to_json();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4 + 3 + 2, "{text}");
    assert!(lines[4].starts_with("{\"name\":\"a.pack\",\"items\":10,\"size\":1001,"), "{text}");
}

#[test]
fn every_field_that_is_missing_wrong_or_unknown_is_refused() {
    let wrong =
        [json!(null), json!(-1), json!(1.5), json!("x"), json!([1]), json!({}), json!(true)];
    let huge = json!(18_446_744_073_709_551_615_u64);
    for field in ["sealpack_set", "root", "members"] {
        let mut missing = value();
        missing.as_object_mut().unwrap().remove(field);
        assert!(matches!(refused(&missing.to_string()), SetFault::Syntax(_)), "{field}");
        for wrong in wrong.iter().chain([&huge]) {
            let mut other = value();
            other[field] = wrong.clone();
            if field == "members" && *wrong == json!([1]) {
                continue;
            }
            refused(&other.to_string());
        }
    }
    for field in ["name", "items", "size"] {
        let mut missing = value();
        missing["members"][1].as_object_mut().unwrap().remove(field);
        assert!(matches!(refused(&missing.to_string()), SetFault::Syntax(_)), "{field}");
    }
    for field in ["name", "items", "size", "content_hash", "digest_root"] {
        for wrong in &wrong {
            let mut other = value();
            other["members"][1][field] = wrong.clone();
            refused(&other.to_string());
        }
    }
    let mut many = value();
    many["members"][0]["items"] = json!(1_u64 << 32);
    assert!(matches!(refused(&many.to_string()), SetFault::Syntax(_)));
    for (place, field) in [("", "colour"), ("/members/0", "sha256")] {
        let mut other = value();
        other.pointer_mut(place).unwrap()[field] = json!(1);
        let SetFault::Syntax(cause) = refused(&other.to_string()) else { panic!("{field}") };
        assert!(cause.get().to_string().contains(field), "{}", cause.get());
    }
    let twice = example().to_json().replacen("\"items\":10,", "\"items\":10,\"items\":10,", 1);
    assert!(matches!(refused(&twice), SetFault::Syntax(_)));
}

#[test]
fn a_manifest_of_a_newer_version_is_refused_by_its_version() {
    let newer = json!({ "sealpack_set": 2, "tree": {"deep": [[[1]]]}, "members": 3 });
    assert!(matches!(refused(&newer.to_string()), SetFault::Version(2)));
    for other in ["", "{}", "[]", "null", "1", "{\"sealpack_set\":1}", "\u{feff}{}", "SLCH"] {
        assert!(matches!(refused(other), SetFault::Syntax(_)), "{other}");
    }
    let deep = "[".repeat(1 << 20);
    assert!(matches!(refused(&deep), SetFault::Syntax(_)));
    let deep = format!("{{\"sealpack_set\":1,\"members\":{deep}");
    assert!(matches!(refused(&deep), SetFault::Syntax(_)));
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused_although_the_root_fits() {
    for (name, expected) in [
        ("../a.pack", MemberNameFault::Part),
        ("a/../../b", MemberNameFault::Part),
        ("/etc/passwd", MemberNameFault::Absolute),
        ("https://example.org/a.pack", MemberNameFault::Part),
        ("C:\\a.pack", MemberNameFault::Absolute),
        ("a\\..\\..\\b", MemberNameFault::Character),
        ("a\u{0}b", MemberNameFault::Character),
        ("", MemberNameFault::Empty),
        ("a/", MemberNameFault::Part),
    ] {
        let mut climbing = value();
        climbing["members"][1]["name"] = json!(name);
        let SetFault::Name { name: found, reason } = refused(&with_fitting_root(climbing)) else {
            panic!("{name}")
        };
        assert_eq!((found.as_str(), reason), (name, expected));
    }
}

#[test]
fn repeated_members_and_members_without_a_hash_are_refused() {
    let mut twice = value();
    twice["members"][1]["name"] = json!("a.pack");
    let SetFault::Repeated { name } = refused(&with_fitting_root(twice)) else { panic!() };
    assert_eq!(name, "a.pack");
    let mut bare = value();
    bare["members"][0].as_object_mut().unwrap().remove("content_hash");
    let SetFault::NoHash { name } = refused(&with_fitting_root(bare)) else { panic!() };
    assert_eq!(name, "a.pack");
    let too_many = (0..=SetManifest::MAX_MEMBERS).map(|number| named(&number.to_string(), 1));
    let fault = SetManifest::new(too_many.collect()).unwrap_err();
    assert!(matches!(fault, SetFault::MemberCount { members: 262_145, limit: 262_144 }));
}

#[test]
fn the_root_covers_every_field_and_the_order() {
    let right = example().root();
    let changes: [fn(&mut Value); 8] = [
        |it| it["members"][0]["items"] = json!(11),
        |it| it["members"][0]["size"] = json!(1),
        |it| it["members"][0]["name"] = json!("b.pack"),
        |it| it["members"][0]["content_hash"] = json!("00".repeat(32)),
        |it| it["members"][0]["digest_root"] = json!("00".repeat(32)),
        |it| it["members"].as_array_mut().unwrap().swap(0, 1),
        |it| drop(it["members"].as_array_mut().unwrap().pop()),
        |it| it["root"] = json!("00".repeat(32)),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = value();
        change(&mut changed);
        let SetFault::Root { stated, computed } = refused(&changed.to_string()) else {
            panic!("{number}")
        };
        assert_ne!(stated, computed);
        assert!(stated == right || computed == right);
    }
}

#[test]
fn truncated_and_changed_manifests_are_refused_or_equal() {
    let manifest = example();
    let text = manifest.to_json().into_bytes();
    let whole = text.trim_ascii_end().len();
    for length in 0..whole {
        assert!(SetManifest::parse(&text[..length]).is_err(), "{length}");
    }
    let mut random = Random::new(3);
    for _ in 0..5000 {
        let mut flipped = text.clone();
        let at = random.below(flipped.len());
        flipped[at] ^= 1 << random.below(8);
        if let Ok(parsed) = SetManifest::parse(&flipped) {
            // A digit of the other case, or another kind of white space.
            assert_eq!(parsed, manifest, "{}", String::from_utf8_lossy(&flipped));
        }
    }
}

#[test]
fn a_file_that_is_too_large_for_a_manifest_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.json");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let refused = PackSet::open(&path).unwrap_err();
    let sealpack::ErrorKind::Set(SetFault::ManifestSize { size, .. }) = refused.kind() else {
        panic!("{refused}")
    };
    assert_eq!(*size, 1 << 40);
    assert!(refused.to_string().contains("set.json"));
    assert!(PackSet::open(folder.path()).is_err(), "a folder");
}

#[test]
fn positions_are_counted_in_64_bits() {
    let members = (0..3).map(|number| {
        let identity = PackIdentity { items: u32::MAX, ..identity(1) };
        SetMember { name: number.to_string().parse().unwrap(), identity }
    });
    let manifest = SetManifest::new(members.collect()).unwrap();
    let per_member = u64::from(u32::MAX);
    assert_eq!(manifest.item_count(), 3 * per_member);
    for (position, member, in_member) in [
        (0, 0, 0),
        (per_member - 1, 0, u32::MAX - 1),
        (per_member, 1, 0),
        (3 * per_member - 1, 2, u32::MAX - 1),
    ] {
        let place = manifest.locate(position).unwrap();
        assert_eq!((place.member, place.position), (member, in_member));
    }
    assert_eq!(manifest.locate(3 * per_member), None);
    assert_eq!(manifest.first_position(2), Some(2 * per_member));
}

#[test]
fn a_diff_says_what_a_mirror_has_to_copy() {
    let old = SetManifest::new(vec![named("a", 1), named("b", 2), named("c", 4)]).unwrap();
    let new = SetManifest::new(vec![named("c", 4), named("b", 3), named("d", 5)]).unwrap();
    let diff = SetDiff::between(&old, &new);
    let word = |change: &MemberChange<'_>| match change {
        MemberChange::Same(member) => format!("same {}", member.name),
        MemberChange::Added(member) => format!("added {}", member.name),
        MemberChange::Removed(member) => format!("removed {}", member.name),
        MemberChange::Changed { new, .. } => format!("changed {}", new.name),
    };
    let words: Vec<String> = diff.changes.iter().map(word).collect();
    assert_eq!(words, ["removed a", "changed b", "same c", "added d"]);
    assert!(diff.is_reordered && !diff.is_same());
    assert_eq!(diff.to_copy().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["b", "d"]);
    assert!(SetDiff::between(&old, &old).is_same());
}
