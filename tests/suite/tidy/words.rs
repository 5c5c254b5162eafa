//! Plain words: phrases that make a reader stop are not used in names, comments,
//! texts and documents.

use std::fs;

use super::{PACKAGES, root, sources};

/// A phrase, and the words for it.
const PHRASES: [(&str, &str); 24] = [
    ("under way", "in flight"),
    ("underway", "in flight"),
    ("unless told", "default: N"),
    ("told", "reported, printed, returned"),
    ("whoever", "the component that does it"),
    ("somebody", "the component that does it"),
    ("nobody", "no caller, no thread, no one"),
    ("beside", "next to, alongside"),
    ("besides", "other than, also"),
    ("hold to", "authenticate, check against"),
    ("holds to", "authenticates, checks against"),
    ("held to", "authenticated, checked against"),
    ("lets go of", "drops, releases"),
    ("let go of", "dropped, released"),
    ("at the most", "at most"),
    ("at the least", "at least"),
    ("comes out", "is returned"),
    ("came out", "was returned"),
    ("let through", "accepted"),
    ("for ever", "forever"),
    ("the most bytes", "the maximum number of bytes"),
    ("what waits", "the waiting bytes"),
    ("amidst", "between, among"),
    ("as it stands", "unchanged"),
];

/// The words of a line, with a space around each: `in_flight` is two.
fn words(line: &str) -> String {
    let words = line.split(|letter: char| !letter.is_alphabetic() && letter != '\'');
    let words: Vec<_> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    format!(" {} ", words.join(" "))
}

/// The phrases of a text, with the numbers of their lines. A phrase may be broken
/// between two lines.
fn phrases(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let lines: Vec<_> = text.lines().map(words).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let next = lines.get(index + 1).map_or("", |next| next.as_str());
        let first_of_next = next.split_whitespace().next().unwrap_or_default();
        let joined = format!("{line}{first_of_next} ");
        for (phrase, better) in PHRASES {
            let phrase_with_spaces = format!(" {phrase} ");
            let is_new = phrase.contains(' ') || line.contains(&phrase_with_spaces);
            if joined.contains(&phrase_with_spaces) && is_new {
                found.push((index + 1, phrase, better));
            }
        }
    }
    found
}

/// The Markdown files next to the workspace's Cargo.toml, as (path, text).
fn documents_of_the_root() -> Vec<(String, String)> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let documents = entries.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    documents.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn names_comments_and_texts_are_in_plain_words() {
    assert!(documents_of_the_root().len() >= 7);
    let code = [".rs", ".js", ".mjs", ".ts", ".html", ".css", ".md", ".toml", ".sh", ".py"];
    let folders = PACKAGES.iter().chain(&["www"]);
    let mut files: Vec<_> = folders.flat_map(|folder| sources(folder, &code)).collect();
    files.extend(documents_of_the_root());
    files.retain(|(path, _)| !path.ends_with("tidy/words.rs") && !path.contains("/interface/"));
    let found: Vec<_> = files
        .iter()
        .flat_map(|(path, text)| {
            let found = phrases(text).into_iter();
            found.map(move |(line, phrase, better)| {
                format!("{path}:{line}: \"{phrase}\" (better: {better})")
            })
        })
        .collect();
    assert!(found.is_empty(), "{} phrases:\n{}", found.len(), found.join("\n"));
}

#[test]
fn phrases_are_found_in_names_and_across_lines() {
    assert_eq!(phrases("fn is_told() {}")[0].1, "told");
    assert_eq!(phrases("// the bytes are under\n// way")[0].1, "under way");
    assert_eq!(phrases("// at most, in flight; left behind, retold"), []);
}
