//! The arrows of ARCHITECTURE.md: the parts of a package use each other in one
//! direction. A part is a folder or a file below `src`.

use std::collections::BTreeMap;

use super::modules::uses_of;

type Arrows = &'static [(&'static str, &'static [&'static str])];

/// What each part may use. `lib.rs` and `main.rs` may use every part.
const CORE: Arrows = &[
    ("error", &[]),
    ("wire", &["error"]),
    ("codec", &["wire", "error"]),
    ("format", &["wire", "error"]),
    ("write", &["format", "codec", "wire", "error"]),
    ("read", &["format", "codec", "wire", "error"]),
    ("trust", &["read", "format", "wire", "error"]),
    ("names", &["format", "codec", "wire", "error"]),
    ("stream", &[]),
    ("check", &["stream"]),
];

const NATIVE: Arrows = &[
    ("error", &[]),
    ("panics", &[]),
    ("cores", &[]),
    ("digest", &[]),
    ("sync", &[]),
    ("trace", &[]),
    ("ordered", &["sync"]),
    ("runs", &["sync"]),
    ("dictionary", &["error"]),
    ("codec", &["dictionary", "error"]),
    ("zstd", &["codec", "dictionary", "error"]),
    ("source", &["panics", "trace", "error"]),
    ("names", &["source", "zstd", "codec", "error"]),
    ("publish", &["error"]),
    ("trust", &["source", "publish", "error"]),
    (
        "write",
        &[
            "names",
            "trust",
            "publish",
            "codec",
            "zstd",
            "dictionary",
            "panics",
            "cores",
            "digest",
            "ordered",
            "sync",
            "trace",
            "error",
        ],
    ),
    (
        "read",
        &[
            "names",
            "trust",
            "source",
            "zstd",
            "codec",
            "dictionary",
            "panics",
            "cores",
            "digest",
            "ordered",
            "runs",
            "trace",
            "error",
        ],
    ),
    ("record_copy", &["write", "read", "dictionary", "error"]),
    ("unpack", &["set", "read", "publish", "panics", "cores", "error"]),
    ("set", &["read", "trust", "source", "publish", "panics", "error"]),
    (
        "remote",
        &[
            "set",
            "write",
            "read",
            "names",
            "trust",
            "source",
            "dictionary",
            "panics",
            "error",
            "trace",
        ],
    ),
];

const TUI: Arrows = &[
    ("printable", &[]),
    ("companion", &[]),
    ("identity", &[]),
    ("size", &[]),
    ("outcome", &["printable"]),
    ("interrupt", &["outcome"]),
    ("report", &["outcome", "printable"]),
    ("progress", &["printable"]),
    ("descriptors", &["outcome"]),
    ("advice", &["companion", "stores", "report", "outcome"]),
    ("stores", &["outcome", "printable"]),
    ("items", &["descriptors", "identity", "report", "outcome", "printable"]),
    ("terminal", &["interrupt", "printable", "size"]),
    ("inspect", &["terminal", "companion", "printable", "size"]),
    ("step", &["terminal", "printable", "size"]),
    (
        "command",
        &[
            "inspect",
            "step",
            "items",
            "stores",
            "terminal",
            "advice",
            "descriptors",
            "identity",
            "interrupt",
            "outcome",
            "printable",
            "progress",
            "report",
            "size",
        ],
    ),
];

const WASM: Arrows = &[
    ("error", &[]),
    ("encode", &[]),
    ("decode", &[]),
    ("codec", &["decode", "error"]),
    ("build", &["encode", "error"]),
    ("trust", &["error"]),
    ("read", &["codec", "decode", "error"]),
    ("range", &["read", "error"]),
    ("verify", &["read", "error"]),
    ("names", &["error"]),
    ("lab", &["error"]),
];

/// The part of a file: `read` for `read/scan.rs`.
fn part_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn the_parts_of_a_package_use_each_other_in_one_direction() {
    for (package, arrows) in [("core", CORE), ("native", NATIVE), ("tui", TUI), ("wasm", WASM)] {
        let arrows: BTreeMap<&str, &[&str]> = arrows.iter().copied().collect();
        for (file, uses) in uses_of(package) {
            let part = part_of(&file);
            if ["lib", "main"].contains(&part) {
                continue;
            }
            let allowed = arrows.get(part);
            let allowed = allowed.unwrap_or_else(|| panic!("{package}: no arrows for {part}"));
            for used in &uses {
                let other = part_of(used);
                assert!(
                    other == part || allowed.contains(&other),
                    "{package}: {file} uses {used}, but {part} may only use {allowed:?}"
                );
            }
        }
    }
}
