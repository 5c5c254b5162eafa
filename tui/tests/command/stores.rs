//! Packs in a store whose responses are lost, late or unusual.

#![cfg(all(unix, feature = "remote"))]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::child::Spawn as _;
use crate::run::{Place, Run};
use crate::s3::{S3, ServerQuirk};

/// A place with a small file, and one that takes three parts.
fn place() -> Place {
    let place = Place::new();
    place.file("small", "an item");
    place.file("large", incompressible(12 << 20));
    place
}

fn incompressible(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    };
    (0..size).map(|_| next()).collect()
}

const LARGE: &str = "pack large -o s3://bucket/a.pack --part-size 5MiB --codec none";
const SMALL: &str = "pack small -o s3://bucket/a.pack";

#[test]
fn a_write_whose_response_is_lost_succeeds() {
    let place = place();
    for quirk in [ServerQuirk::LosesResponses, ServerQuirk::FailsAfterPut, ServerQuirk::OmitsETag] {
        for args in [SMALL.into(), LARGE.into(), format!("{LARGE} --force")] {
            let s3 = S3::new(quirk);
            s3.run(&place, &args).fine();
            let dropping = S3::new(quirk).without_metadata();
            dropping.run(&place, &args).fine();
            assert!(s3.get("a.pack").is_some() && s3.get("a.pack") == dropping.get("a.pack"));
            assert_eq!(s3.open_uploads() + dropping.open_uploads(), 0);
            s3.run(&place, &format!("{SMALL} --force")).fine();
        }
        let s3 = S3::new(quirk);
        s3.run(&place, &format!("{SMALL} --with-digests")).fine();
        assert!(s3.get("a.pack").is_some() && s3.get("a.pack.digests").is_some());
        s3.run(&place, SMALL).failed(3, &["a.pack", "already", "--force"]);
    }
}

#[test]
fn conflicts_and_timeouts_are_tried_again() {
    let place = place();
    for quirk in [ServerQuirk::Conflicts, ServerQuirk::TimesOut] {
        for args in [SMALL, LARGE] {
            let s3 = S3::new(quirk);
            s3.run(&place, args).fine();
            assert!(s3.get("a.pack").is_some(), "{quirk:?}");
            assert_eq!(s3.open_uploads(), 0);
        }
    }
}

#[test]
fn another_writers_object_stays_and_is_named() {
    let place = place();
    let s3 = S3::new(ServerQuirk::AnotherWriterWins);
    s3.run(&place, LARGE).failed(3, &["a.pack", "already", "--force"]);
    assert_eq!(s3.get("a.pack").unwrap(), b"theirs");
    assert_eq!(s3.open_uploads(), 0);
}

#[test]
fn a_store_without_conditional_writes_is_checked_first_and_a_note_says_so() {
    let place = place();
    for args in [SMALL, LARGE] {
        let s3 = S3::new(ServerQuirk::RejectsConditions);
        let run = s3.run(&place, args);
        assert_eq!(run.code(), Some(0), "{}", run.err());
        assert!(run.err().contains("If-None-Match"), "{}", run.err());
        s3.run(&place, args).failed(3, &["already", "--force"]);
    }
}

#[test]
fn an_upload_that_cannot_be_aborted_is_named_with_the_command_that_removes_it() {
    let place = place();
    let s3 = S3::new(ServerQuirk::Expires);
    let words = ["ExpiredToken", "could not be aborted", "upload-1"];
    let run = s3.run(&place, LARGE).failed(3, &words);
    let command = format!(
        "aws s3api abort-multipart-upload --bucket bucket --key a.pack --upload-id upload-1 \
         --endpoint-url http://{}",
        s3.server.address()
    );
    assert!(run.err().contains(&command), "{}", run.err());
    assert_eq!(s3.open_uploads(), 1);
}

#[test]
fn a_wrong_clock_is_not_reported_as_missing_credentials() {
    let place = place();
    let s3 = S3::new(ServerQuirk::HasWrongClock);
    for args in ["info s3://bucket/a.pack", SMALL] {
        let run = s3.run(&place, args).failed(3, &["clock"]);
        assert!(!run.err().contains("AWS_ACCESS_KEY_ID"), "{}", run.err());
    }
}

#[test]
fn a_listing_without_quotes_is_verified() {
    let place = place();
    place.run("pack small -o a.pack").fine();
    let s3 = S3::new(ServerQuirk::ListsUnquoted);
    s3.put("packs/a.pack", &fs::read(place.path("a.pack")).unwrap());
    let verified = s3.run(&place, "verify s3://bucket/packs/ --state done").fine().out_text();
    assert!(verified.contains("1 pack: 1 sound"), "{verified}");
    let again = s3.run(&place, "verify s3://bucket/packs/a.pack --state done").fine().out_text();
    assert!(again.contains("1 verified before"), "{again}");
}

#[test]
fn a_key_that_cannot_be_requested_is_reported_and_the_others_are_verified() {
    let place = place();
    place.run("pack small -o a.pack").fine();
    let pack = fs::read(place.path("a.pack")).unwrap();
    let s3 = S3::new(ServerQuirk::None);
    for key in ["p/x.pack", "p//y.pack", "p/../z.pack", "p/w.pack/", "p//left-out", "p/v.pack"] {
        s3.put(key, &pack);
    }
    let run = s3.run(&place, "verify s3://bucket/p/").failed(
        3,
        &[
            "s3://bucket/p//y.pack: this key cannot be requested",
            "s3://bucket/p/../z.pack: this key cannot be requested",
        ],
    );
    let words = run.out_text();
    assert!(words.contains("x.pack: sound") && words.contains("v.pack: sound"), "{words}");
    assert!(words.contains("4 packs: 2 sound, 2 could not be read; 2 left out"), "{words}");
    for key in ["p//y.pack", "p/../z.pack", "/x.pack"] {
        s3.server.requests();
        let url = format!("s3://bucket/{key}");
        s3.run(&place, &format!("info {url}")).failed(2, &[&url, "cannot be requested"]);
        assert!(s3.server.requests().is_empty(), "no other key is asked for");
    }
}

#[test]
fn a_second_signal_ends_an_upload_that_cannot_be_aborted_and_says_what_stays() {
    let place = place();
    for second in [Signal::SIGINT, Signal::SIGTERM] {
        let s3 = S3::new(ServerQuirk::Stalls);
        let child = s3.command(&place, LARGE).start();
        let started = Instant::now();
        let has_part = || s3.server.requests().iter().any(|sent| sent.method == "PUT");
        while !has_part() {
            assert!(started.elapsed() < Duration::from_secs(30), "no part was sent");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        let aborts = || s3.server.requests().iter().any(|sent| sent.method == "DELETE");
        while !aborts() {
            assert!(started.elapsed() < Duration::from_secs(30), "it is not aborted");
            std::thread::sleep(Duration::from_millis(20));
        }
        let signalled = Instant::now();
        kill(pid, second).unwrap();
        let run = Run { output: child.end() };
        assert!(signalled.elapsed() < Duration::from_secs(10), "at once");
        assert_eq!(run.output.status.signal(), Some(second as i32));
        assert!(run.err().contains("abort-multipart-upload"), "{}", run.err());
    }
}

#[test]
fn invalid_settings_are_named_before_any_request() {
    let place = place();
    let s3 = S3::new(ServerQuirk::None);
    let long = "x".repeat(70);
    for (name, value) in [
        ("AWS_ENDPOINT", "127.0.0.1:9000"),
        ("AWS_ENDPOINT", ""),
        ("AWS_REGION", "us-east-1\n"),
        ("AWS_ACCESS_KEY_ID", "key\n"),
        ("AWS_SECRET_ACCESS_KEY", "sec\nret"),
        ("AWS_SESSION_TOKEN", "to ken"),
        ("AWS_ALLOW_HTTP", "perhaps"),
        ("AWS_TIMEOUT", &long),
        ("HTTPS_PROXY", "http://"),
        ("AWS_PROXY_URL", "no proxy"),
    ] {
        for args in ["info s3://bucket/a.pack", "verify s3://bucket/", SMALL] {
            let output = s3.command(&place, args).env(name, value).run();
            let run = Run { output }.failed(2, &["s3://bucket"]);
            let about = if name == "AWS_ALLOW_HTTP" { "AWS_" } else { name };
            assert!(run.err().contains(about), "{name}: {}", run.err());
            assert!(!run.err().contains("panicked") && !run.err().contains("sec\nret"));
        }
    }
    let output = s3.command(&place, "info").arg("s3://a bucket/a.pack").run();
    Run { output }.failed(2, &["not a valid name of a bucket"]);
    assert!(s3.server.requests().is_empty());
}
