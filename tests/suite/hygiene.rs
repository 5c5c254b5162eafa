//! The lints that keep panics out, and what is exempt from them.

use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every source below a folder, as (path from the root, text).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            // The query engine's workspace keeps what it compiles below `native`.
            if !path.ends_with("/target") {
                found.extend(sources(&path));
            }
        } else if path.ends_with(".rs") {
            let text = read(&path);
            found.push((path, text));
        }
    }
    found
}

/// The values of a section of a manifest, with one `key = value` per line.
fn section(manifest: &str, name: &str) -> Vec<(String, String)> {
    let after = manifest.split(&format!("\n[{name}]\n")).nth(1).unwrap();
    let lines = after.lines().take_while(|line| !line.starts_with('['));
    let pairs = lines.filter_map(|line| line.split_once(" = "));
    pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn what_could_panic_is_denied_in_every_package() {
    let lints = section(&read("Cargo.toml"), "workspace.lints.clippy");
    for lint in [
        "expect_used",
        "indexing_slicing",
        "panic",
        "todo",
        "unimplemented",
        "unwrap_used",
        "cast_possible_truncation",
        "undocumented_unsafe_blocks",
    ] {
        assert!(lints.contains(&(lint.into(), "\"deny\"".into())), "{lint}");
    }
    let engine = read("native/datafusion/Cargo.toml");
    assert_eq!(section(&engine, "workspace.lints.clippy"), lints, "the engine's workspace");
    let packages = ["core", "native", "wasm", "tui", "tests", "native/datafusion"];
    for package in packages.into_iter().chain(["native/datafusion/sql"]) {
        let inherited = section(&read(&format!("{package}/Cargo.toml")), "lints");
        assert_eq!(inherited, [("workspace".into(), "true".into())], "{package}");
    }
}

/// The attributes of a source that exempt from lints, from the first bracket to
/// the last.
fn exemptions(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let words = [concat!("#[al", "low("), concat!("#![al", "low("), concat!("#[ex", "pect(")];
    let mut found = Vec::new();
    for word in words {
        for (at, _) in code.match_indices(word) {
            let end = code[at..].find(")]").unwrap();
            found.push(code[at..at + end].to_string());
        }
    }
    found
}

#[test]
fn every_lint_exemption_has_a_reason_and_those_for_panics_are_listed() {
    let panics = ["unwrap_used", "expect_used", "clippy::panic", "indexing_slicing"];
    let mut exempt = Vec::new();
    for folder in ["core", "native", "wasm", "tui", "tests/src", "tests/suite", "tests/benches"] {
        for (path, text) in sources(folder) {
            for attribute in exemptions(&text) {
                assert!(attribute.contains("reason = \""), "{path}: {attribute}");
                let ships = path.contains("/src/") && !path.starts_with("tests");
                if ships && panics.iter().any(|lint| attribute.contains(lint)) {
                    exempt.push(path.clone());
                }
            }
        }
    }
    exempt.sort();
    assert_eq!(
        exempt,
        [
            // Evaluated by the compiler.
            "core/src/wire/crc/narrow.rs",
            "core/src/wire/packed.rs",
            // Constant indices of fixed arrays.
            "native/src/digest/avx512.rs",
            "native/src/digest/avx512.rs",
            "native/src/digest/sha2_aarch64.rs",
            "native/src/digest/sha_ni.rs",
            // Tests, in files of their own.
            "tui/src/terminal/scripted.rs",
            "tui/src/terminal/tests.rs",
        ]
    );
}

#[test]
fn arithmetic_that_overflows_is_an_error_in_release_builds() {
    let release = section(&read("Cargo.toml"), "profile.release");
    assert!(release.contains(&("overflow-checks".into(), "true".into())));
}
