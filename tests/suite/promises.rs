//! Checks that the tests that SECURITY.md names for its promises exist.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The text of every source at or below a path; `None` if there is none.
fn text_below(path: &Path) -> Option<String> {
    if path.is_file() {
        return fs::read_to_string(path).ok();
    }
    let mut text = String::new();
    for entry in fs::read_dir(path).ok()?.map(Result::unwrap) {
        text += &text_below(&entry.path()).unwrap_or_default();
    }
    Some(text)
}

/// The texts between backticks, in order.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a source has a test with this name. `…` stands for any end of the name,
/// and an empty name for any test.
fn has_test(text: &str, name: &str) -> bool {
    let (start, is_whole) = name.strip_suffix('…').map_or((name, true), |start| (start, false));
    text.match_indices("fn ").any(|(at, _)| {
        let found = text[at + 3..].split('(').next().unwrap();
        let before = text[..at].rsplit("\n\n").next().unwrap();
        let is_named = found == start || (!is_whole && found.starts_with(start));
        before.contains("test]") && (name.is_empty() || is_named)
    })
}

/// The source of the modules `a::b` in a folder.
fn module(folder: &Path, modules: &[&str]) -> Option<String> {
    let path = modules.iter().fold(folder.to_path_buf(), |path, module| path.join(module));
    text_below(&path.with_extension("rs")).or_else(|| text_below(&path.join("mod.rs")))
}

/// Resolves the names that a cell quotes, in order.
#[derive(Default)]
struct Names {
    /// The source in which a name without a module is searched.
    source: Option<String>,
    modules: String,
}

impl Names {
    /// Whether a test or file with this name exists.
    fn exists(&mut self, name: &str) -> bool {
        let tests = root().join("tests");
        let (folder, path) = match name.strip_prefix("disk ") {
            Some(path) => (tests.join("disk"), path),
            None => (tests.join("suite"), name),
        };
        if let Some((modules, test)) = path.rsplit_once("::") {
            if modules != "…" {
                self.modules = modules.to_owned();
            }
            let modules: Vec<&str> = self.modules.split("::").collect();
            return module(&folder, &modules).is_some_and(|text| has_test(&text, test));
        }
        if name.contains(['/', '.']) {
            let candidates = [root().join(name), tests.join(name)];
            self.source = candidates.iter().find_map(|path| text_below(path));
            return self.source.is_some();
        }
        let models = || text_below(&tests.join("interleavings/models")).unwrap();
        match &self.source {
            Some(text) => has_test(text, name),
            // The models have a harness of their own, with a table of names.
            None => models().contains(&format!("    (\"{name}\", ")),
        }
    }
}

/// The last cells of the rows of every table whose last column is `test`.
fn cells_of_tests(text: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut tests_are_last = None;
    for line in text.lines() {
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            tests_are_last = None;
            continue;
        };
        let last = row.rsplit(" | ").next().unwrap();
        match tests_are_last {
            None => tests_are_last = Some(last == "test"),
            Some(true) if !last.starts_with("---") => cells.push(last),
            Some(_) => {}
        }
    }
    cells
}

#[test]
fn every_promise_names_tests_that_exist() {
    let security = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let cells = cells_of_tests(&security);
    assert!(cells.len() > 50, "{} promises", cells.len());
    for cell in cells {
        let mut names = Names::default();
        let quoted: Vec<&str> = quoted(cell).collect();
        assert!(!quoted.is_empty(), "no test: {cell}");
        for name in quoted {
            assert!(names.exists(name), "{cell}: there is no {name}");
        }
    }
    // Also check everything elsewhere in the text that looks like a test name.
    let is_test = |name: &&str| {
        let of_a_module = name.split("::").next().unwrap();
        name.contains("::") && !of_a_module.contains(char::is_uppercase) && !name.contains('`')
    };
    let text = security.replace("`x::`", "").replace("`disk x::`", "");
    for name in quoted(&text).filter(is_test).filter(|name| !name.starts_with('…')) {
        assert!(Names::default().exists(name), "there is no {name}");
    }
}

#[test]
fn a_test_that_does_not_exist_is_not_found() {
    let exists = |name| Names::default().exists(name);
    assert!(exists("promises::a_test_that_does_not_exist_is_not_found"));
    assert!(exists("promises::a_test_that_…") && exists("disk kills::"));
    for missing in [
        "promises::a_test_that_does_not",
        "promises::exists",
        "promises::no_such_…",
        "nowhere::",
        "disk promises::",
        "tests/nothing.rs",
        "no_model_of_the_interleavings",
    ] {
        assert!(!exists(missing), "{missing}");
    }
}
