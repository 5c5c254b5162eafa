//! Tests of the structure of the project: which modules may use which, how long files
//! and functions may be, and where `unsafe` may be used.

mod arrows;
mod circles;
mod documents;
mod javascript;
mod modules;
mod names;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file below `folder` with one of these endings, as (path, text).
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            let generated = ["target", "node_modules", "dist", "pkg", "fixtures"];
            if path.is_dir() && !name.starts_with('.') && !generated.contains(&name.as_str()) {
                walk(&path, endings, found);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    assert!(!found.is_empty(), "{folder} has no {endings:?}");
    found
}

const PACKAGES: [&str; 5] = ["core", "native", "wasm", "tui", "tests"];

#[test]
fn files_are_short_enough_to_be_read() {
    for (path, text) in PACKAGES.iter().flat_map(|package| sources(package, &[".rs"])) {
        let lines = text.lines().count();
        assert!(lines <= MAX_FILE_LINES, "{path}: {lines} lines");
    }
}

#[test]
fn functions_are_short_enough_to_be_read() {
    for (path, text) in PACKAGES.iter().flat_map(|package| sources(package, &[".rs"])) {
        for (name, lines) in functions(&text) {
            assert!(lines <= MAX_FUNCTION_LINES, "{path}: {name} has {lines} lines");
        }
    }
}

/// The functions of a source formatted by rustfmt, with their numbers of lines: a
/// function ends at the closing brace that is indented like its first line.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut open: Vec<(String, String, usize)> = Vec::new();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let words: Vec<&str> = code.split_whitespace().take(5).collect();
        if let Some(at) = words.iter().position(|&word| word == "fn")
            && words[..at].iter().all(|w| {
                w.starts_with("pub") || ["const", "async", "unsafe", "crate)", "super)"].contains(w)
            })
        {
            open.push((format!("{indent}}}"), words[at + 1].to_string(), number));
        }
        if let Some((closing, ..)) = open.last()
            && line == closing
        {
            let (_, name, start) = open.pop().unwrap();
            found.push((name, number - start + 1));
        } else if code.ends_with(';') && open.last().is_some_and(|(_, _, start)| *start == number) {
            open.pop();
        }
    }
    found
}

#[test]
fn the_lines_of_functions_are_counted() {
    let text = "fn a() {\n    1\n}\n\nimpl X {\n    pub fn b(\n        c: u8,\n    ) {\n    }\n}\n";
    assert_eq!(functions(text), [("a()".to_string(), 3), ("b(".to_string(), 4)]);
}

#[test]
fn packages_depend_on_each_other_in_one_direction() {
    let allowed = [
        ("core", &[][..]),
        ("native", &["sealpack-core"]),
        ("wasm", &["sealpack-core"]),
        ("tui", &["sealpack-core", "sealpack"]),
    ];
    for (package, allowed) in allowed {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.starts_with("sealpack")) {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(allowed.contains(&name), "{package} depends on {name}");
        }
    }
}

#[test]
fn core_is_without_std_without_unsafe_and_without_io() {
    const STD: &str = "#[cfg(feature = \"std\")]\nextern crate std;\n";
    let front = fs::read_to_string(root().join("core/src/lib.rs")).unwrap();
    assert!(front.contains("#![no_std]") && front.contains("#![forbid(unsafe_code)]"));
    for (path, text) in sources("core/src", &[".rs"]) {
        // Feature `std`: the checker's sink implements `std::io::Write`, for streams
        // that own what they write to.
        if path.ends_with("core/src/check/sink.rs") {
            continue;
        }
        let text = text.replace(STD, "");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(
                !line.contains("extern crate std") && !line.contains(" std::"),
                "{path}: {line}"
            );
        }
    }
}

/// Counts blocks, functions and implementations. A new one needs its reason here too.
#[test]
fn unsafe_code_is_only_where_a_reason_is_given() {
    let justified = [
        // sync_file_range, for which no crate has a safe wrapper.
        ("native/src/publish/writeback/linux.rs", 1),
        // fcntl before the standard library has started.
        ("tui/src/descriptors.rs", 1),
        // AVX-512: loads and stores, and a call if the processor has it.
        ("native/src/digest/avx512.rs", 3),
        // SHA instructions: a call if the processor has them.
        ("native/src/digest/sha_ni.rs", 1),
        ("native/src/digest/sha2_aarch64.rs", 1),
        // The trainer of C zstd with fixed parameters, which no crate wraps.
        ("native/src/dictionary/training.rs", 1),
        // Allocators that count.
        ("core/benches/stream/main.rs", 6),
        ("tests/allocation.rs", 5),
    ];
    let word = concat!("uns", "afe");
    let kinds = ["{", "fn", "impl", "extern"].map(|kind| format!("{word} {kind}"));
    let mut seen = 0;
    for (path, text) in PACKAGES.iter().flat_map(|package| sources(package, &[".rs"])) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let count: usize = code
            .map(|line| kinds.iter().map(|kind| line.matches(kind).count()).sum::<usize>())
            .sum();
        let expected = justified.iter().find(|(file, _)| path.ends_with(file));
        assert_eq!(count, expected.map_or(0, |(_, count)| *count), "{path}");
        seen += usize::from(count > 0);
    }
    assert_eq!(seen, justified.len(), "the list names a file that has no such code");
}

#[test]
fn no_file_has_a_catch_all_name() {
    for (path, _) in PACKAGES.iter().flat_map(|package| sources(package, &[".rs"])) {
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().to_lowercase();
        for catch_all in ["util", "utils", "common", "helper", "helpers", "misc", "manager"] {
            assert_ne!(name, catch_all, "{path}");
        }
    }
}

/// Names, URLs and responses of servers are printed through `printable`; all output goes
/// through `report`, `terminal` or, for items, `items/write`.
#[test]
fn foreign_text_is_printed_through_one_module_only() {
    let raw = [".display()", "to_string_lossy", "into_string_lossy"];
    let streams = ["println!", "print!(", "io::stderr()", "stdout()", "anstream::"];
    for (path, text) in sources("tui/src", &[".rs"]) {
        let name = path.split_once("tui/src/").map_or("", |(_, name)| name);
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let is_raw = raw.iter().any(|call| line.contains(call));
            let allowed = name == "printable.rs" || name.ends_with("/tests.rs");
            assert!(!is_raw || allowed, "{path}: {line}");
            let is_stream = streams.iter().any(|stream| line.contains(stream));
            let allowed = ["report.rs", "items/write.rs", "descriptors.rs"].contains(&name)
                || name.starts_with("terminal/")
                || line.contains("is_terminal()")
                || line.contains("CopyToClipboard");
            assert!(!is_stream || allowed, "{path}: {line}");
        }
    }
}

/// One mechanism publishes files: nothing else in the library and the command
/// creates, renames or links one.
#[test]
fn files_are_published_in_one_place() {
    let published = [
        "fs::rename",
        "hard_link(",
        "fs::symlink(",
        "fs::write(",
        "fs::copy",
        "create_new(",
        " File::create(",
        "OpenOptions",
        "File::options()",
        "tempfile::",
    ];
    let justified = [
        // Where everything is published.
        "native/src/publish/",
        // A spool file without a name, for digests that exceed their memory limit.
        "native/src/trust/collect.rs",
        // Appends to a state file, which it has created with the mechanism.
        "tui/src/command/verify/state.rs",
    ];
    for (path, text) in ["native/src", "tui/src"].iter().flat_map(|part| sources(part, &[".rs"])) {
        let is_justified = justified.iter().any(|justified| path.contains(justified));
        if is_justified || path.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for call in published {
                assert!(!line.contains(call), "{path}: {line}");
            }
        }
    }
}

/// No test waits for a process without a limit.
#[test]
fn tests_start_processes_with_a_limit() {
    let unlimited = [".wait_with_output()", ".output()", ".status().unwrap()", ".wait().unwrap()"];
    for (path, text) in
        ["tui/tests", "tests/disk", "tests/servers"].iter().flat_map(|part| sources(part, &[".rs"]))
    {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for call in unlimited {
                assert!(!line.contains(call), "{path}: {line}; `child::Spawn` has a limit");
            }
        }
    }
}
