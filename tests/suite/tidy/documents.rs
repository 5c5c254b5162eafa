//! The documents are true where a test can tell: every file that they name exists, and
//! every link leads to a file and a heading.

use super::root;

const DOCUMENTS: [&str; 13] = [
    "README.md",
    "ARCHITECTURE.md",
    "FORMAT.md",
    "SECURITY.md",
    "PERFORMANCE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "core/README.md",
    "native/README.md",
    "native/datafusion/README.md",
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

/// The text outside of blocks of code and of code within lines.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    outside.split('`').step_by(2).collect::<Vec<_>>().join("")
}

/// The headings of a document, as anchors.
fn anchors(text: &str) -> Vec<String> {
    let outside = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    let titles = outside.lines().filter(|line| line.starts_with('#'));
    let anchor = |title: &str| {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        title.to_lowercase().chars().filter(kept).collect::<String>().trim().replace(' ', "-")
    };
    titles.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// Where the links of a text lead, without those to other hosts.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_string).collect()
}

/// Whether a link of a document leads to a file, and to a heading of it if it names one.
fn leads_somewhere(document: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let from = root().join(document);
    let path = if file.is_empty() { from } else { from.parent().unwrap().join(file) };
    let has_heading = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        anchors(&text).contains(&anchor.to_string())
    };
    path.exists() && (anchor.is_empty() || has_heading())
}

#[test]
fn every_link_in_a_document_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in DOCUMENTS.iter().chain(&[".github/SECURITY.md"]) {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for target in links(&prose(&text)) {
            if !leads_somewhere(document, &target) {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    assert!(leads_somewhere("FORMAT.md", "#digest-list"));
    assert!(leads_somewhere("tui/README.md", "../FORMAT.md#digest-list"));
    assert!(!leads_somewhere("FORMAT.md", "#no-such-heading"));
    assert!(!leads_somewhere("FORMAT.md", "no-such-file.md"));
}
