//! No circle of files: of two files of a package at most one uses the other,
//! directly or through others. The file of a module (`x/mod.rs` or `x.rs`) and the
//! files of its submodules are the exception: they may share what that file defines.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Package, uses_of};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The files that can be reached from `start`; `start` itself if a path leads back to it.
fn reachable(uses: &Graph, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(file) = pending.pop() {
        for next in uses.get(file).into_iter().flatten() {
            if reached.insert(next.clone()) {
                pending.push(next);
            }
        }
    }
    reached
}

/// Sets of files of which each uses every other, directly or through others. Of a set
/// that consists of the file of a module and files below it, only the circles among the
/// latter.
fn circles(uses: &Graph) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|file| (file, reachable(uses, file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, from) in &reached {
        let mutual = from.iter().filter(|other| reached[other].contains(*file));
        let circle: BTreeSet<String> = mutual.cloned().collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found.into_iter().flat_map(|circle| without_mod_file(uses, circle)).collect()
}

/// The circles that remain of a circle without the file of a module that contains all its
/// other files.
fn without_mod_file(uses: &Graph, circle: BTreeSet<String>) -> Vec<BTreeSet<String>> {
    let mod_file = circle.iter().find(|file| {
        let inside = ["mod.rs", "lib.rs", "main.rs"].iter().find_map(|end| file.strip_suffix(end));
        let folder = match inside {
            Some(folder) => folder.to_string(),
            None => format!("{}/", file.trim_end_matches(".rs")),
        };
        circle.iter().all(|other| other == *file || other.starts_with(&folder))
    });
    let Some(mod_file) = mod_file else { return vec![circle] };
    let rest: Graph = circle
        .iter()
        .filter(|file| *file != mod_file)
        .map(|file| {
            let inside =
                uses[file].iter().filter(|other| circle.contains(*other) && *other != mod_file);
            (file.clone(), inside.cloned().collect())
        })
        .collect();
    circles(&rest)
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let engine = ["native/datafusion", "native/datafusion/sql"];
    for package in ["core", "native", "tui", "wasm"].into_iter().chain(engine) {
        let found = circles(&uses_of(package));
        assert!(found.is_empty(), "{package}: these files use each other: {found:?}");
    }
}

fn package(files: &[(&str, &str)]) -> Graph {
    let files: Vec<_> =
        files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    Package::new(&files).uses()
}

fn used_by(uses: &Graph, file: &str) -> Vec<String> {
    uses[file].iter().cloned().collect()
}

#[test]
fn a_path_is_followed_through_re_exports_to_the_file_of_the_item() {
    let uses = package(&[
        ("lib.rs", "mod a; mod b; pub use a::{Thing as Renamed, inner::Deep};"),
        ("a/mod.rs", "mod inner; mod other; pub use inner::Thing; pub struct Own;"),
        ("c.rs", "pub use crate::a::{Own, inner::Deep}; fn f() -> Deep;"),
        ("a/inner.rs", "pub struct Thing; pub struct Deep;"),
        ("a/other.rs", "use super::{Own, inner::{self, Deep}};"),
        ("b.rs", "fn f() -> crate::Renamed { crate::a::Own; \"crate::a::other\"; 'x' }"),
    ]);
    assert_eq!(used_by(&uses, "b.rs"), ["a/inner.rs", "a/mod.rs"]);
    assert_eq!(used_by(&uses, "a/other.rs"), ["a/inner.rs", "a/mod.rs"]);
    assert!(used_by(&uses, "lib.rs").is_empty(), "a re-export does not count as a use");
    assert_eq!(used_by(&uses, "c.rs"), ["a/inner.rs"], "unless the file uses the item itself");
}

#[test]
fn comments_strings_and_tests_do_not_count_as_uses() {
    let uses = package(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod c;"),
        ("a.rs", "// crate::b::X\n/* crate::b */ const S: &str = r#\"crate::b\"#; fn f<'a>() {}"),
        ("b.rs", "#[cfg(test)]\nmod tests { use crate::a::f; }\npub(in crate::a) struct X;"),
        ("c.rs", "use crate::a::f;"),
    ]);
    assert!(uses.values().all(BTreeSet::is_empty), "{uses:?}");
    assert!(!uses.contains_key("c.rs"));
}

#[test]
fn circles_are_found_and_a_mod_rs_with_its_files_does_not_count() {
    let shared = ("m/mod.rs", "mod x; mod y; pub struct Own; fn f() { x::f(); y::g() }");
    let separate = package(&[
        ("lib.rs", "mod m;"),
        shared,
        ("m/x.rs", "use super::Own; pub fn f() {}"),
        ("m/y.rs", "use super::{Own, x::f}; pub fn g() {}"),
    ]);
    assert!(circles(&separate).is_empty());
    let below_the_mod_file = package(&[
        ("lib.rs", "mod m;"),
        shared,
        ("m/x.rs", "use super::{Own, y}; pub fn f() {}"),
        ("m/y.rs", "use super::x::f; pub fn g() {}"),
    ]);
    assert_eq!(circles(&below_the_mod_file).len(), 1);
    let across = package(&[
        ("lib.rs", "mod m; mod n;"),
        shared,
        ("m/x.rs", "use crate::n::N; pub fn f() {}"),
        ("m/y.rs", "pub fn g() {}"),
        ("n.rs", "use crate::m::Own; pub struct N;"),
    ]);
    assert_eq!(circles(&across).len(), 1, "a circle through the mod.rs and another module");
}
