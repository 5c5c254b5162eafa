//! The advice on the form of a pack.

use std::fs;

use serde_json::{Value, json};

use crate::run::{Place, frames, has};

/// A pseudo-random number, the same in every run.
fn scatter(number: u64) -> u64 {
    (number ^ 0x51_7c).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// JSON events of about 200 bytes: some kinds and accounts are far more frequent than others.
fn events(count: u64) -> Vec<Vec<u8>> {
    let event = |number: u64| {
        let account = |salt: u64| scatter(scatter(number + salt) % 1000 * (scatter(number) % 30));
        format!(
            "{{\"ledger\":{},\"tx\":\"{:016x}\",\"type\":\"{}\",\"from\":\"G{:020}\",\"to\":\"G{:020}\",\
             \"amount\":\"{}.0000000\",\"ok\":{}}}",
            50_000_000 + number / 90,
            scatter(number),
            ["transfer", "mint", "burn"][(scatter(number) % 3) as usize],
            account(1),
            account(2),
            scatter(number + 7) % 1_000_000,
            !scatter(number).is_multiple_of(29),
        )
    };
    (0..count).map(event).map(String::into_bytes).collect()
}

/// Pages of about 1 KB: words in markup.
fn pages(count: u64) -> Vec<Vec<u8>> {
    let page = |number: u64| {
        let words = 60 + scatter(number) % 60;
        let word = |at| {
            let random = scatter(number * 977 + at);
            let rank = (random % 700) * ((random >> 32) % 700) / 700;
            match at % 9 {
                0 => format!("<a href=\"/doc/{rank}.html\">item {rank}</a>"),
                _ => format!("w{:x}", scatter(rank) % 0x10_0000),
            }
        };
        let text = (0..words).map(word).collect::<Vec<_>>().join(" ");
        format!("<html><body class=\"page\"><p>{text}</p></body></html>")
    };
    (0..count).map(page).map(String::into_bytes).collect()
}

/// Items of 4 to 40 KB: text in some, bytes that cannot be compressed in others.
fn mixed(count: u64) -> Vec<Vec<u8>> {
    let item = |number: u64| {
        let length = 4000 + (scatter(number) % 36_000) as usize;
        if number % 5 == 3 {
            let mut random = number;
            let mut byte = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random.to_le_bytes()[7]
            };
            (0..length).map(|_| byte()).collect()
        } else {
            let page = pages_from(number * 100, length);
            page[..length].to_vec()
        }
    };
    (0..count).map(item).collect()
}

fn pages_from(first: u64, length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut number = first;
    while text.len() < length {
        let words = (0..100).map(|at| format!("w{:x} ", scatter(number * 100 + at) % 5000));
        text.extend(words.collect::<String>().into_bytes());
        number += 1;
    }
    text
}

fn size(place: &Place, name: &str) -> u64 {
    fs::metadata(place.path(name)).unwrap().len()
}

/// Packs as each choice and a few other forms say, and compares the sizes with the estimates.
#[track_caller]
fn is_exact(place: &Place, input: &str, plan: &Value) {
    let forms = plan["forms"].as_array().unwrap();
    let chosen = plan["choices"].as_array().unwrap().iter().map(|choice| choice["form"].as_u64());
    let chosen = chosen.map(|number| usize::try_from(number.unwrap()).unwrap());
    let mut numbers: Vec<usize> = chosen.collect();
    numbers.extend([0, 1, forms.len() / 2]);
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let form = &forms[number];
        let mut options = format!("--items-per-record {}", form["items_per_record"]);
        match form["level"].as_i64() {
            Some(level) => options += &format!(" --level {level}"),
            None => options += " --codec none",
        }
        if let Some(size) = form["dictionary"].as_u64() {
            options += &format!(" --dictionary {size}");
        }
        place.run(&format!("pack {input} -o out --force {options}")).fine();
        let (real, estimate) = (size(place, "out"), form["file_size"].as_u64().unwrap());
        let difference = real.abs_diff(estimate) as f64 / real as f64;
        assert!(difference < 0.1, "{input}: {estimate} instead of {real} bytes: {form}");
    }
}

fn plan(place: &Place, arguments: &str) -> Value {
    place.run(&format!("plan {arguments} --json")).fine().json()
}

#[test]
fn the_estimated_size_of_small_events_is_within_ten_percent() {
    let place = Place::new();
    place.file("events", events(40_000).join(&b'\n'));
    let plan = plan(&place, "--lines events --sample 1MiB");
    is_exact(&place, "--lines events", &plan);
}

#[test]
fn the_estimated_size_of_pages_is_within_ten_percent() {
    let place = Place::new();
    let items = pages(8000);
    place.file("pages", frames(&items));
    let plan = plan(&place, "--framed pages --sample 1MiB");
    has(&plan, &json!({"items": 8000}));
    is_exact(&place, "--framed pages", &plan);
}

#[test]
fn the_estimated_size_of_mixed_larger_files_is_within_ten_percent() {
    let place = Place::new();
    let items = mixed(400);
    let bytes: usize = items.iter().map(Vec::len).sum();
    for (number, item) in items.iter().enumerate() {
        place.file(&format!("files/{:02}/{number:04}", number / 50), item);
    }
    let plan = plan(&place, "files --sample 4MiB");
    has(&plan, &json!({"items": 400, "bytes": bytes}));
    is_exact(&place, "files", &plan);
}

#[test]
fn an_input_that_is_smaller_than_the_sample_is_estimated_exactly() {
    let place = Place::new();
    let items = events(1000);
    place.file("events", items.join(&b'\n'));
    for (number, item) in items.iter().enumerate() {
        place.file(&format!("files/{number:04}"), item);
    }
    let tar = "tar -C files -cf files.tar .";
    assert_eq!(place.script(tar).code(), Some(0));
    for input in ["--lines events", "files", "files/0001", "--no-names files", "--tar files.tar"] {
        let plan = plan(&place, input);
        has(&plan, &json!({"sample_is_whole": true, "sample_is_cut": false}));
        let forms = plan["forms"].as_array().unwrap();
        for form in forms.iter().filter(|form| form["dictionary"].is_null()) {
            let options = match form["level"].as_i64() {
                Some(level) => format!("--level {level}"),
                None => "--codec none".into(),
            };
            let per_record = &form["items_per_record"];
            let pack = format!("pack {input} -o out --force --items-per-record {per_record}");
            place.run(&format!("{pack} {options}")).fine();
            assert_eq!(form["file_size"], size(&place, "out"), "{input}: {form}");
        }
    }
    let piped = place.feed("plan --lines - --json", &fs::read(place.path("events")).unwrap());
    has(&piped.fine().json(), &json!({"items": 1000, "sample_is_whole": true}));
}

/// Events that are larger at the end of the input than at its beginning.
#[test]
fn a_sample_of_a_large_input_is_from_all_parts_of_it() {
    let place = Place::new();
    let mut items = events(40_000);
    let longer = |item: Vec<u8>| [&item[..], &b"-".repeat(item.len() * 2)].concat();
    items.extend(events(40_000).into_iter().map(longer));
    place.file("events", items.join(&b'\n'));
    place.file("frames", frames(&items));
    let bytes: usize = items.iter().map(Vec::len).sum();
    assert!(bytes > 16 << 20, "{bytes}");
    for input in ["--lines events", "--framed frames"] {
        let plan = plan(&place, &format!("{input} --sample 64KiB"));
        has(&plan, &json!({"sample_is_whole": false, "sample_is_cut": false}));
        let counts = [("items", items.len()), ("bytes", bytes)];
        for (key, exact) in counts {
            let estimate = plan[key].as_f64().unwrap() / exact as f64;
            assert!((0.95..1.05).contains(&estimate), "{input}, {key}: {estimate}");
        }
        assert!(plan["sampled_bytes"].as_u64().unwrap() <= 17 << 20);
    }
}

#[test]
fn the_same_input_gives_the_same_estimates() {
    let place = Place::new();
    place.file("events", events(20_000).join(&b'\n'));
    let sizes = || {
        let plan = plan(&place, "--lines events --sample 512KiB");
        let forms = plan["forms"].as_array().unwrap().clone();
        forms.into_iter().map(|form| form["file_size"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(), sizes());
}

/// The command that `plan` prints for a purpose.
fn command(plan: &Value, purpose: &str) -> String {
    let choices = plan["choices"].as_array().unwrap();
    let choice = choices.iter().find(|choice| choice["purpose"] == purpose).unwrap();
    choice["command"].as_str().unwrap().to_string()
}

#[test]
fn the_printed_commands_run_and_pack_for_takes_the_form_of_one() {
    let place = Place::new();
    place.file("an input", events(2500).join(&b'\n'));
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        crate::run::Run { output: crate::child::Spawn::run(&mut command) }
    };
    let printed = run(&["plan", "--lines", "an input"]).fine().out_text();
    let plan = run(&["plan", "--lines", "an input", "--json"]).fine().json();
    for purpose in ["archive", "balanced", "random-reads"] {
        assert!(printed.contains(&format!("\n{purpose}\n  sealpack pack ")), "{printed}");
        let command = command(&plan, purpose).replacen("sealpack", "$SEALPACK", 1);
        assert_eq!(place.script(&command.replace("FILE", "planned --force")).code(), Some(0));
        let packed = ["pack", "--lines", "an input", "-o", "out", "--force", "--for", purpose];
        let packed = run(&[&packed[..], &["--json"]].concat()).fine().json();
        let chosen = packed["chosen"].as_array().unwrap();
        assert_eq!(chosen[0], "--items-per-record");
        assert_eq!(chosen[1].as_str().unwrap(), packed["items_per_record"].to_string());
        let has_dictionary = chosen.iter().any(|word| word == "--dictionary");
        let info = place.run("info out --json").fine().json();
        assert_eq!(info["extensions"].as_array().unwrap().len(), usize::from(has_dictionary));
        place.run("verify out").fine();
    }
    let text = place.script("$SEALPACK pack --lines 'an input' -o out --force --for archive");
    assert!(text.fine().out_text().contains("\n  chosen --items-per-record"));
}

#[test]
fn pack_for_reads_inputs_twice_and_excludes_the_options_that_it_chooses() {
    let place = Place::new();
    place.file("events", events(100).join(&b'\n'));
    for option in ["--items-per-record 4", "--level 3", "--codec none", "--dictionary auto"] {
        let run = place.run(&format!("pack --lines events -o out --for archive {option}"));
        run.failed(2, &["cannot be used with"]);
    }
    let piped = place.feed("pack --lines - -o out --for balanced", b"a\nb\n");
    piped.failed(2, &["standard input", "twice"]);
    assert!(!place.path("out").exists());
    // Of nothing, nothing can be chosen: the options have their defaults.
    place.file("empty", "");
    let packed = place.run("pack --lines empty -o out --for balanced --json").fine().json();
    has(&packed, &json!({"total_items": 0, "chosen": null, "items_per_record": 128}));
}

#[test]
fn a_plan_without_items_or_of_an_unreadable_input_fails() {
    let place = Place::new();
    place.file("empty", "");
    place.run("plan --lines empty").failed(3, &["empty", "no items"]);
    place.run("plan gone").failed(3, &["gone"]);
    place.file("cut", b"\x09\0\0\0abc");
    place.run("plan --framed cut").failed(3, &["cut", "claims 13 bytes"]);
    place.feed("plan -", b"text").failed(2, &["--lines"]);
    place.run("plan --lines - -").failed(2, &["only once"]);
    place.run("plan . --sample 1KiB").failed(2, &["64KiB"]);
    place.run("plan --tar .").failed(2, &["as INPUT"]);
}

#[test]
fn large_and_odd_items_are_sampled_in_bounded_memory() {
    let place = Place::new();
    // A line of 40 MB, and a file with holes that claims 3 GB.
    let mut lines = vec![b'x'; 40 << 20];
    lines.extend(b"\nshort\n".repeat(1000));
    place.file("lines", lines);
    let holes = place.file("holes/large", "");
    fs::File::options().write(true).open(&holes).unwrap().set_len(3 << 30).unwrap();
    place.file("holes/small", "text");
    for input in ["--lines lines", "holes"] {
        let plan = plan(&place, &format!("{input} --sample 4MiB"));
        assert!(plan["sampled_bytes"].as_u64().unwrap() <= 18 << 20, "{input}");
        has(&plan, &json!({"sample_is_whole": false, "sample_is_cut": false}));
    }
}
