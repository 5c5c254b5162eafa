//! Applies every small change to the output stream, and runs the proof on each.
//!
//!     cargo run --manifest-path tests/mutation/Cargo.toml
//!
//! The four files that move the bytes are parsed. Every operator, condition, number,
//! statement and return value in them is changed, one mutant each. All mutants are
//! compiled into one program, whose argument selects the active one. Only the proof runs
//! on each, no list of cases and no test. The mutants that it does not detect must be
//! exactly those that `survivors.md` explains to be equivalent.

mod mutate;

use mutate::{Mutant, mutate};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io};

/// The files whose every branch is mutated, in `core/src/stream`.
const FILES: [&str; 4] = ["machine.rs", "pending.rs", "queue.rs", "buffer.rs"];
/// The processor time after which a mutant counts as not ending, in seconds. The time on
/// the clock would depend on what else the machine does.
const LIMIT: u32 = 60;

const MANIFEST: &str = r#"[package]
name = "mutated"
version = "0.0.0"
edition = "2024"
[workspace]
[features]
default = ["check"]
check = []
serde = []
[dependencies]
bytes = { version = "1.12", default-features = false }
sha2 = { version = "0.11", default-features = false }
[profile.dev]
opt-level = 2
debug = false
"#;

const LIBRARY: &str = "#![allow(warnings)]
extern crate alloc;
pub static CHOSEN: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);
#[inline]
pub fn mutant(number: u32) -> bool {
    CHOSEN.load(core::sync::atomic::Ordering::Relaxed) == number
}
pub mod stream;
pub mod check;
";

/// Proves what `sealpack check` proves by default, the quickest part first.
const PROGRAM: &str = r#"
use mutated::check::{self, Exploration};
use mutated::stream::{BufferSize, Shape};
fn main() {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    mutated::CHOSEN.store(number, std::sync::atomic::Ordering::Relaxed);
    for (size, buffered) in [(1, false), (2, false), (3, false), (5, false), (40, true), (4, false)] {
        for trim in [false, true] {
            let shape = Shape { buffer_size: BufferSize::new(size).unwrap(), trim };
            let mut search = Exploration::new(shape, &check::strict).with_faults().until_the_first();
            if buffered {
                search = search.of_buffered_writes();
            }
            let proof = search.run();
            if !proof.holds() {
                match proof.smallest_of_all() {
                    Some((invariant, case)) => println!("{invariant} {case}"),
                    None => println!("model {}", proof.first_departure().unwrap()),
                }
                return;
            }
        }
    }
    println!("nothing");
}
"#;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core =
        env::var_os("SEALPACK_CORE").map_or_else(|| folder.join("../../core"), PathBuf::from);
    let build_folder = folder.join("target/mutated");
    let mutants = build(&core, &build_folder)?;
    let listed = listed(&fs::read_to_string(folder.join("survivors.md")).unwrap_or_default());
    let program = build_folder.join("target/debug/mutated");
    let mut caught: BTreeMap<String, u32> = BTreeMap::new();
    let mut survivors = Vec::new();
    if run_proof(&program, 0)? != "nothing" {
        return Err("the unchanged stream does not pass the proof".into());
    }
    for mutant in &mutants {
        let by = run_proof(&program, mutant.number)?;
        let detected_by = by.split(' ').next().unwrap_or_default().to_owned();
        if env::var_os("VERBOSE").is_some() {
            println!("{by:40} {}:{} {}", mutant.number, mutant.line, mutant.name);
        }
        if detected_by == "nothing" {
            survivors.push(mutant);
        } else {
            *caught.entry(detected_by).or_default() += 1;
        }
    }
    println!(
        "{} mutants: {} detected {caught:?}, {} not",
        mutants.len(),
        mutants.len() - survivors.len(),
        survivors.len()
    );
    let mut is_exact = true;
    for mutant in &survivors {
        if !listed.contains(&mutant.name) {
            is_exact = false;
            println!("not detected, and not in survivors.md: line {} {}", mutant.line, mutant.name);
        }
    }
    for name in &listed {
        if !survivors.iter().any(|mutant| mutant.name == *name) {
            is_exact = false;
            println!("in survivors.md, but detected: {name}");
        }
    }
    Ok(is_exact)
}

/// The names in `survivors.md`: the lines that are list items in code.
fn listed(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("- ``")?.strip_suffix("``"));
    names.map(|name| name.trim().to_owned()).collect()
}

/// Builds all mutants as one program, without those that do not compile.
fn build(core: &Path, build_folder: &Path) -> Result<Vec<Mutant>, Box<dyn std::error::Error>> {
    let src = build_folder.join("src");
    for folder in ["stream", "check"] {
        let _ = fs::remove_dir_all(src.join(folder));
        copy(&core.join("src").join(folder), &src.join(folder))?;
    }
    fs::write(build_folder.join("Cargo.toml"), MANIFEST)?;
    fs::write(src.join("lib.rs"), LIBRARY)?;
    fs::write(src.join("main.rs"), PROGRAM)?;
    let mut skip: Vec<u32> = Vec::new();
    loop {
        let (mut all, mut next) = (Vec::new(), 1);
        for file in FILES {
            let source = fs::read_to_string(core.join("src/stream").join(file))?;
            let (text, mutants) = mutate(file, &source, next, &skip)?;
            next += 100_000;
            all.extend(mutants);
            fs::write(src.join("stream").join(file), text)?;
        }
        let build = Command::new("cargo")
            .args(["build", "--quiet", "--message-format=short"])
            .current_dir(build_folder)
            .output()?;
        if build.status.success() {
            distinguish(&mut all);
            return Ok(all);
        }
        let before = skip.len();
        skip.extend(not_compiling(&String::from_utf8_lossy(&build.stderr), &src)?);
        skip.sort_unstable();
        skip.dedup();
        if skip.len() == before {
            return Err(String::from_utf8_lossy(&build.stderr).into_owned().into());
        }
    }
}

/// Appends a number to the name of a change that occurs again in the same function.
fn distinguish(mutants: &mut [Mutant]) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for mutant in mutants {
        let count = counts.entry(mutant.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            mutant.name = format!("{} ({count})", mutant.name);
        }
    }
}

/// The mutants that do not compile: for each error of the compiler, the nearest mutant
/// before its position.
fn not_compiling(errors: &str, src: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for line in errors.lines().filter(|line| line.contains(": error")) {
        let mut parts = line.split(':');
        let (Some(file), Some(row), Some(column)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (Ok(row), Ok(column)) = (row.parse::<usize>(), column.parse::<usize>()) else {
            continue;
        };
        let Some(relative) = file.strip_prefix("src/") else { continue };
        let text = fs::read_to_string(src.join(relative))?;
        let mut before: String =
            text.lines().take(row - 1).map(|line| format!("{line}\n")).collect();
        before.extend(text.lines().nth(row - 1).unwrap_or_default().chars().take(column - 1));
        let call = "mutant(";
        if let Some(at) = before.rfind(call) {
            let digits: String =
                before[at + call.len()..].chars().take_while(char::is_ascii_digit).collect();
            found.extend(digits.parse::<u32>());
        }
    }
    Ok(found)
}

/// Runs the proof on a mutant. Returns what detects it: an invariant and its case,
/// `model`, `panic`, `time`, or `nothing`.
fn run_proof(program: &Path, number: u32) -> io::Result<String> {
    /// The signals that end a process at its limits of processor time.
    const OUT_OF_TIME: [i32; 2] = [9, 24];
    let script = format!("ulimit -t {LIMIT} && exec \"$0\" \"$1\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(program)
        .arg(number.to_string())
        .stderr(Stdio::null())
        .output()?;
    Ok(match output.status.signal() {
        Some(signal) if OUT_OF_TIME.contains(&signal) => "time".to_owned(),
        None if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "panic".to_owned(),
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
