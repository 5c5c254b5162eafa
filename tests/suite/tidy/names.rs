//! No two files of the packages define types with the same name. Definitions for several
//! systems count as one type: they are in one file, or in files named for the systems.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

/// By convention the error of a crate is `Error`; `sealpack::Error` contains the core's.
const ALLOWED: [&str; 1] = ["Error"];

const SYSTEMS: [&str; 3] = ["/unix.rs", "/linux.rs", "/other.rs"];

/// The types that a source laid out by rustfmt defines: those of inner modules,
/// and associated types, are indented.
fn defined(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split(' ').peekable();
        words.next_if(|word| word.starts_with("pub"));
        let kinds = ["struct", "enum", "trait", "union", "type"];
        words.next_if(|word| kinds.contains(word))?;
        words.next()?.split(|letter: char| !letter.is_alphanumeric()).next()
    })
}

/// The names that more than one file defines, with the files.
fn defined_twice(files: &[(String, String)]) -> Vec<(&str, BTreeSet<&str>)> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        for name in defined(text) {
            let system = SYSTEMS.iter().find_map(|system| path.strip_suffix(system));
            found.entry(name).or_default().insert(system.unwrap_or(path));
        }
    }
    let twice = found.into_iter();
    twice.filter(|(name, files)| files.len() > 1 && !ALLOWED.contains(name)).collect()
}

#[test]
fn a_type_name_stands_for_one_type() {
    let packages = ["core/src", "native/src", "tui/src", "wasm/src"];
    // The query engine is a workspace of its own.
    let engine = ["native/datafusion/src", "native/datafusion/sql/src"];
    for folders in [&packages[..], &engine] {
        let files = folders.iter().flat_map(|folder| sources(folder, &[".rs"]));
        let files: Vec<_> = files.filter(|(path, _)| !path.ends_with("tests.rs")).collect();
        let twice = defined_twice(&files);
        assert!(twice.is_empty(), "rename the less prominent of these: {twice:#?}");
    }
}

#[test]
fn names_defined_twice_are_found() {
    let file = |path: &str, text: &str| (path.to_string(), text.to_string());
    let files = [
        file("a.rs", "pub(super) struct Pack<'a> {\n}\nstruct Same(u8);\n"),
        file("b.rs", "enum Pack {\n}\nimpl X for Y {\n    type Same = u8;\n}\n"),
    ];
    let twice = defined_twice(&files);
    assert_eq!(twice, [("Pack", BTreeSet::from(["a.rs", "b.rs"]))]);
}
