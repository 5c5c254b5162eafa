//! A process that writes packs is killed at random moments: SIGKILL drops and
//! flushes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use sealpack::{Reader, Writer};
use sealpack_tests::child::Spawn as _;
use sealpack_tests::hostile::Random;
use sealpack_tests::numbered;

/// The number of kills in an ordinary run; `SEALPACK_KILLS` sets another.
const KILLS: u64 = 300;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// How far a process got.
struct Progress {
    started: u64,
    done: u64,
}

/// Starts the process, waits until it starts pack `start`, waits a moment longer,
/// and kills it.
fn kill_one(folder: &Path, threads: u64, mode: &str, start: u64, after: Duration) -> Progress {
    let mut command = Command::new(env!("CARGO_BIN_EXE_write_in_a_loop"));
    command.arg(folder).args([threads.to_string().as_str(), mode]).stdout(Stdio::piped());
    let mut process = command.start();
    let mut lines = BufReader::new(process.stdout()).lines();
    let started = format!("start {start}");
    assert!(lines.by_ref().any(|line| line.unwrap() == started));
    thread::sleep(after);
    process.kill();
    let mut progress = Progress { started: start, done: start - 1 };
    for line in lines.map(Result::unwrap) {
        let (word, number) = line.split_once(' ').unwrap();
        let number = number.parse().unwrap();
        if word == "start" { progress.started = number } else { progress.done = number }
    }
    assert!(progress.started - progress.done <= 1);
    progress
}

/// The number of files in the folder that are not packs: temporary files, at most
/// one.
fn temporary_files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<String> = names.filter(|name| !name.ends_with(".pack")).collect();
    for name in &others {
        assert!(name.starts_with('.') && name.ends_with(".tmp"), "{name}");
        // If one verifies, then only its rename was missing.
        let path = folder.join(name);
        let verified = Reader::open(&path).and_then(|reader| reader.verify());
        if verified.is_ok_and(|report| report.is_ok()) {
            numbered::read(&path).unwrap();
        }
    }
    assert!(others.len() <= 1, "{others:?}");
    others.len()
}

#[test]
fn a_writer_killed_at_any_moment_leaves_whole_packs_and_every_reported_one() {
    let _threads = super::threads::shared();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = from_environment("SEALPACK_SEED").unwrap_or(now.subsec_nanos().into());
    let kills = from_environment("SEALPACK_KILLS").unwrap_or(KILLS);
    println!("SEALPACK_SEED={seed}");
    let mut random = Random::new(seed);
    let (mut mid_write, mut finished) = (0, 0);
    for round in 0..kills {
        let folder = tempfile::tempdir().unwrap();
        let (threads, overwrite) = (round % 3, round / 3 % 2 == 1);
        let name = folder.path().join("out.pack");
        if overwrite {
            numbered::write(Writer::options(), &name, 0).unwrap();
        }
        let (start, after) = (1 + random.below(3) as u64, random.below(8_000) as u64);
        let after = Duration::from_micros(after);
        let mode = if overwrite { "overwrite" } else { "create" };
        let progress = kill_one(folder.path(), threads, mode, start, after);
        let context = format!("SEALPACK_SEED={seed}, round {round}, {threads} threads, {mode}");
        let possible = progress.done..=progress.started;
        if overwrite {
            let number = numbered::read(&name).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert!(possible.contains(&number), "{context}: {number} is not in {possible:?}");
        } else {
            let found: BTreeSet<u64> = (1..=progress.started + 1)
                .filter(|number| folder.path().join(format!("{number}.pack")).exists())
                .inspect(|number| {
                    let path = folder.path().join(format!("{number}.pack"));
                    assert_eq!(numbered::read(&path).as_ref(), Ok(number), "{context}");
                })
                .collect();
            let reported_exist = (1..=progress.done).all(|number| found.contains(&number));
            assert!(
                reported_exist && found.iter().all(|n| *n <= progress.started),
                "{context}: {found:?}"
            );
        }
        mid_write += temporary_files(folder.path());
        finished += progress.done;
    }
    println!(
        "{kills} kills, {mid_write} of them while a pack was written; {finished} packs finished"
    );
    assert!(mid_write as u64 >= kills / 4, "{mid_write} kills met a pack being written");
    assert!(finished >= kills / 2, "{finished} packs were finished");
}
