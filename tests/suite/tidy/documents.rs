//! The documents are true where a test can tell: every file that they name exists.

use super::root;

const DOCUMENTS: [&str; 12] = [
    "README.md",
    "ARCHITECTURE.md",
    "FORMAT.md",
    "SECURITY.md",
    "PERFORMANCE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "core/README.md",
    "native/README.md",
    "tui/README.md",
    "wasm/README.md",
    "tests/mutation/survivors.md",
];

/// The folders whose paths are checked: others are examples, such as `logs/2026`.
const FOLDERS: [&str; 6] = ["core/", "native/", "tui/", "wasm/", "tests/", "www/"];

/// The paths that a document names in backticks. `{a,b}` names one path for each part.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-{},".contains(c));
        if !is_path || !FOLDERS.iter().any(|folder| quoted.starts_with(folder)) {
            continue;
        }
        match quoted.split_once('{').and_then(|(before, rest)| {
            let (parts, after) = rest.split_once('}')?;
            Some((before, parts, after))
        }) {
            Some((before, parts, after)) => {
                found.extend(parts.split(',').map(|part| format!("{before}{part}{after}")));
            }
            None => found.push(quoted.to_string()),
        }
    }
    found
}

#[test]
fn every_path_in_a_document_exists() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        // Code blocks contain backticks of other languages.
        let prose = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
        for path in paths(&prose) {
            // SECURITY.md uses `x.rs` as a placeholder for any module.
            let is_placeholder = path.ends_with("/x.rs");
            if !is_placeholder && !root().join(&path).exists() {
                missing.push(format!("{document}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "named but missing:\n{}", missing.join("\n"));
}

#[test]
fn paths_are_found_in_backticks_and_expanded() {
    let text = "See `core/src/{a,b}.rs`, `tests/run rust`, `logs/2026` and `tui/src/size.rs`.";
    assert_eq!(paths(text), ["core/src/a.rs", "core/src/b.rs", "tui/src/size.rs"]);
}
