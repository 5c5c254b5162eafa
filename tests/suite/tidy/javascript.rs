//! The rules for JavaScript: short files, short functions, one meaning of each type name.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_FILE_LINES, MAX_FUNCTION_LINES, sources};

const CODE: [&str; 3] = [".js", ".mjs", ".ts"];

fn javascript() -> Vec<(String, String)> {
    ["wasm", "www", "tests/browser"].iter().flat_map(|folder| sources(folder, &CODE)).collect()
}

/// Whether a line begins the body of a function, a method or an arrow function.
fn begins_function(code: &str) -> bool {
    if !code.ends_with('{') {
        return false;
    }
    let mut words = code
        .split(' ')
        .skip_while(|word| ["export", "default", "async", "static", "get", "set"].contains(word));
    let first = words.next().unwrap_or_default();
    let name = first.split('(').next().unwrap_or_default();
    let keywords = ["if", "for", "while", "switch", "catch", "class", "return", "}"];
    let is_method = code.ends_with(") {") && first.contains('(') && !keywords.contains(&name);
    code.ends_with("=> {") || first.starts_with("function") || is_method
}

/// The functions of a source, with their numbers of lines: a function ends at the closing
/// brace that is indented like its first line.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let closing = format!("{}}}", &line[..line.len() - code.len()]);
        if begins_function(code) {
            let rest = &lines[start + 1..];
            let length = rest.iter().position(|line| line.starts_with(&closing));
            found.push((code, length.unwrap_or(rest.len()) + 2));
        }
    }
    found
}

/// The classes and `@typedef`s of a source.
fn types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let code = line.trim_start_matches("export ");
        let named = match code.split_once("@typedef {") {
            Some((_, definition)) => definition.rsplit_once('}').map(|(_, name)| name.trim()),
            None => code.strip_prefix("class "),
        };
        named?.split(|letter: char| !letter.is_alphanumeric()).find(|name| !name.is_empty())
    })
}

#[test]
fn javascript_files_are_short_enough_to_be_read() {
    for (path, text) in javascript() {
        let lines = text.lines().count();
        assert!(lines <= MAX_FILE_LINES, "{path}: {lines} lines");
    }
}

#[test]
fn javascript_functions_are_short_enough_to_be_read() {
    for (path, text) in javascript() {
        for (name, lines) in functions(&text) {
            assert!(lines <= MAX_FUNCTION_LINES, "{path}: {name} has {lines} lines");
        }
    }
}

/// Declarations (`.d.ts`) are left out: they repeat the names of the code.
#[test]
fn a_javascript_type_name_stands_for_one_type() {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in ["wasm/js", "www/js"].iter().flat_map(|folder| sources(folder, &[".js"])) {
        for name in types(&text) {
            files.entry(name.to_string()).or_default().insert(path.clone());
        }
    }
    files.retain(|_, files| files.len() > 1);
    assert!(files.is_empty(), "rename the less prominent of these: {files:#?}");
}

#[test]
fn the_lines_of_javascript_functions_are_counted() {
    let text = "export async function a(b) {\n  if (b) {\n  }\n}\nclass C {\n  #d() {\n  }\n}\n\
        test(\"e\", () => {\n  f();\n});\nconst g = { h: 1 };\n";
    let lengths: Vec<_> = functions(text).into_iter().map(|(_, lines)| lines).collect();
    assert_eq!(lengths, [4, 2, 3]);
}

#[test]
fn javascript_types_are_found() {
    let text = "/** @typedef {{ a: number }} Point */\n * @typedef {object} Line\n\
        export class Shape {\nclass Circle extends Shape {\n";
    assert_eq!(types(text).collect::<Vec<_>>(), ["Point", "Line", "Shape", "Circle"]);
}
