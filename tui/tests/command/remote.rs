//! Packs that are named by a URL, from a web server.

#![cfg(feature = "remote")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Place, has};
use crate::web::{ServerBehavior, Web};

/// A pack of 40,000 lines, larger than the read that opens it.
fn log(place: &Place, codec: &str) -> Vec<u8> {
    let line = |i: u32| format!("line {i} {}\n", i.wrapping_mul(2_654_435_761));
    let text: String = (0..40_000).map(line).collect();
    place.feed(&format!("pack --lines - -o p --force --codec {codec}"), text.as_bytes()).fine();
    fs::read(place.path("p")).unwrap()
}

#[test]
fn every_command_that_reads_takes_a_url() {
    let place = Place::new();
    let web = Web::new(ServerBehavior::Normal);
    web.put("/a/log.pack", log(&place, "zstd"));
    let url = web.url("/a/log.pack");
    let info = place.run(&format!("info {url} --json")).fine().json();
    has(&info, &json!({ "path": url, "total_items": 40_000 }));
    let both = |args: &str| {
        let local = place.run(&args.replace("PACK", "p")).fine().out().to_vec();
        let remote = place.run(&args.replace("PACK", &url)).fine().out().to_vec();
        assert!(local == remote, "{args}");
    };
    both("get PACK 31415");
    both("get PACK 5 39999 5 20000 --lines");
    both("cat PACK --lines");
    both("cat PACK --framed --range 100..200");
    both("ls PACK");
    let verified = place.run(&format!("verify {url} --json")).fine().json();
    has(&verified, &json!({ "path": url, "ok": true }));
}

#[test]
fn commands_that_use_names_take_a_url() {
    let place = crate::named::tree();
    let web = Web::new(ServerBehavior::Normal);
    web.put("/tree.pack", fs::read(place.path("p")).unwrap());
    let url = web.url("/tree.pack");
    for args in
        ["ls PACK --long", "ls PACK -0 src", "get PACK src/lib.rs", "cat PACK **/*.rs --names"]
    {
        let local = place.run(&args.replace("PACK", "p")).fine().out().to_vec();
        let remote = place.run(&args.replace("PACK", &url)).fine().out().to_vec();
        assert!(local == remote && !local.is_empty(), "{args}");
    }
    let unpacked = place.run(&format!("unpack {url} -C out --json")).fine().json();
    has(&unpacked, &json!({ "path": url, "files": 6 }));
    assert_eq!(fs::read(place.path("out/src/sub/mod.rs")).unwrap(), b"fn sub() {}\n");
}

#[test]
fn names_in_a_file_next_to_a_pack_are_read_from_a_web_server() {
    let place = crate::named::tree();
    place.run("repack p -o big.pack --names-in-pack 0").fine();
    let web = Web::new(ServerBehavior::Normal);
    let bytes = |name: &str| fs::read(place.path(name)).unwrap();
    let listed = place.run("ls p").fine().out().to_vec();
    // Paths that a client would escape in another way, a query, and a pack that is itself
    // named like a names file.
    for path in ["/big.pack", "/a%20b/%7e(c)+d.pack?key=1%2F2", "/x.names"] {
        let file = path.split('?').next().unwrap();
        web.put(file, bytes("big.pack"));
        let url = web.url(path);
        place.run(&format!("ls {url}")).failed(3, &[".names", "no such object"]);
        web.put(&format!("{file}.names"), bytes("big.pack.names"));
        web.requests();
        assert!(place.run(&format!("ls {url}")).fine().out() == listed, "{path}");
        let (with_names, query) = match path.split_once('?') {
            Some((file, query)) => (format!("{file}.names"), format!("?{query}")),
            None => (format!("{path}.names"), String::new()),
        };
        let requests = web.requests();
        let expected = format!("GET {with_names}{query} bytes=");
        assert!(requests.iter().any(|request| request.starts_with(&expected)), "{requests:?}");
        assert_eq!(place.run(&format!("get {url} src/lib.rs")).fine().out(), b"pub mod sub;\n");
    }
    place.run("set create set.json big.pack").fine();
    web.put("/set.json", bytes("set.json"));
    let of_set = place.run(&format!("ls {}", web.url("/set.json"))).fine();
    assert!(of_set.out() == place.run("ls set.json").fine().out());
}

#[test]
fn an_item_takes_two_requests_including_the_opening() {
    let place = Place::new();
    for codec in ["zstd", "none"] {
        let web = Web::new(ServerBehavior::Normal);
        web.put("/log.pack", log(&place, codec));
        place.run(&format!("get {} 7", web.url("/log.pack"))).fine();
        let requests = web.requests();
        assert_eq!(requests.len(), 2, "{codec}: {requests:?}");
        assert!(requests[0].ends_with("bytes=-262144"), "{requests:?}");
    }
}

#[test]
fn a_signature_in_the_url_is_sent_and_not_printed() {
    let place = Place::new();
    let web = Web::new(ServerBehavior::Normal);
    web.put("/log.pack", log(&place, "zstd"));
    let url = web.url("/log.pack");
    let run = place.run(&format!("info {url}?X-Amz-Signature=0042"));
    assert!(!run.out_text().contains("0042"));
    run.fine();
    assert!(web.requests().iter().all(|request| request.contains("?X-Amz-Signature=0042")));
    place.run(&format!("info {url}x?X-Amz-Signature=0042")).failed(3, &["no such object"]);
}

#[test]
fn requests_that_fail_for_a_moment_are_sent_again() {
    let place = Place::new();
    let web = Web::new(ServerBehavior::Flaky);
    let pack = log(&place, "zstd");
    web.put("/log.pack", pack);
    let found = place.run(&format!("get {} 17", web.url("/log.pack"))).fine().out().to_vec();
    assert_eq!(found, place.run("get p 17").fine().out());
}

#[test]
fn errors_name_the_url_and_say_what_to_do() {
    let place = Place::new();
    let pack = log(&place, "zstd");
    let answers = [
        (ServerBehavior::NoRanges, &["does not support range requests", "download the file"][..]),
        (ServerBehavior::Forbidden, &["denies access", "signature in the URL has expired"]),
    ];
    for (behavior, words) in answers {
        let web = Web::new(behavior);
        web.put("/log.pack", pack.clone());
        let url = web.url("/log.pack");
        for command in ["info", "verify", "cat"] {
            place.run(&format!("{command} {url}")).failed(3, words).failed(3, &[&url]);
        }
    }
    let web = Web::new(ServerBehavior::Normal);
    let url = web.url("/none.pack");
    place.run(&format!("get {url} 1")).failed(3, &[&url, "no such object", "spelling of the name"]);
    web.put("/empty.pack", Vec::new());
    place.run(&format!("info {}", web.url("/empty.pack"))).failed(1, &["empty.pack"]);
    place.run("info s3:///pack").failed(2, &["names no bucket"]);
    place.run("info ftp://host/pack").failed(2, &["ftp://host/pack", "s3://"]);
}

#[test]
fn a_pack_is_not_written_to_a_web_server_or_to_a_prefix() {
    let place = Place::new();
    place.file("in", "text");
    let web = Web::new(ServerBehavior::Normal);
    let url = web.url("/new.pack");
    place
        .run(&format!("pack in -o {url}"))
        .failed(2, &[&url, "cannot be written to a web server", "s3://"]);
    place.run("pack in -o s3://bucket/folder/").failed(2, &["needs a name"]);
    place.run("pack in -o s3://bucket").failed(2, &["needs a name"]);
    place.run("pack in -o s3://b/p --sync-every 1M").failed(2, &["--sync-every"]);
    place.run("pack in -o s3://b/p --part-size 1M").failed(2, &["5MiB"]);
}

#[test]
fn a_file_may_be_named_by_a_url_too() {
    let place = Place::new();
    place.file("in", "an item");
    let url = format!("file://{}", place.path("new pack").display()).replace(' ', "%20");
    place.run(&format!("pack in -o {url}")).fine();
    assert_eq!(place.run(&format!("get {url} 0")).fine().out(), b"an item");
    assert!(Path::exists(&place.path("new pack")));
}

/// Three sound packs and a damaged one, below a folder, next to another file.
fn folder(place: &Place) {
    let pack = log(place, "zstd");
    for name in ["packs/a.pack", "packs/b.pack", "packs/deep/c.pack"] {
        place.file(name, &pack);
    }
    let mut damaged = pack;
    damaged[100] ^= 1;
    place.file("packs/deep/d.pack", &damaged);
    place.file("packs/readme.txt", "no pack");
}

#[test]
fn a_folder_is_walked_and_summed_up() {
    let place = Place::new();
    folder(&place);
    for jobs in [1, 3] {
        let run = place.run(&format!("verify packs --jobs {jobs}")).failed(1, &[]);
        let words = run.out_text();
        let packs = ["a.pack: sound", "b.pack: sound", "c.pack: sound", "d.pack: damaged"];
        let places: Vec<_> = packs.iter().map(|pack| words.find(pack).unwrap()).collect();
        assert!(places.is_sorted(), "in order: {words}");
        assert!(
            words.ends_with("4 packs: 3 sound, 1 damaged; 1 left out for their names (--all)\n")
        );
    }
    let lines = place.run("verify packs --json").failed(1, &[]).out_text();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let summary = json!({ "packs": 4, "sound": 3, "damaged": 1, "unreadable": 0, "left_out": 1 });
    has(&lines[4]["summary"], &summary);
    let all = place.run("verify packs --all").failed(1, &[]).out_text();
    assert!(all.contains("5 packs: 3 sound, 2 damaged"), "{all}");
    place.file("none/readme.txt", "no pack");
    place.run("verify none").failed(2, &["--all"]);
}

#[test]
fn verification_resumes_from_a_state_file_that_knows_versions() {
    let place = Place::new();
    folder(&place);
    let verify = || place.run("verify packs --state done --json").failed(1, &[]).out_text();
    let summary = |text: &str| -> Value {
        serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap()["summary"].clone()
    };
    let first = verify();
    has(&summary(&first), &json!({ "packs": 4, "damaged": 1, "done_before": 0 }));
    let second = verify();
    has(&summary(&second), &json!({ "packs": 4, "damaged": 1, "done_before": 4 }));
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(String::from).collect();
        lines.pop();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&first), sorted(&second), "findings are reported again");

    // The damaged pack was replaced, and another one was added.
    let pack = fs::read(place.path("packs/a.pack")).unwrap();
    place.file("packs/deep/d.pack", &pack);
    place.file("packs/e.pack", &pack);
    let third = place.run("verify packs --state done").fine().out_text();
    assert!(
        third
            .ends_with("5 packs: 5 sound; 3 verified before; 1 left out for their names (--all)\n")
    );
    assert!(third.contains("d.pack: sound") && !third.contains("a.pack"), "{third}");

    // A pack on a web server: its version is requested.
    let web = Web::new(ServerBehavior::Normal);
    web.put("/log.pack", pack);
    let args = format!("verify {} --state web", web.url("/log.pack"));
    place.run(&args).fine();
    web.requests();
    let again = place.run(&args).fine().out_text();
    assert!(again.contains("1 verified before"), "{again}");
    assert_eq!(web.requests().len(), 1, "a HEAD");
}

#[test]
fn a_pack_that_cannot_be_read_is_tried_again() {
    let place = Place::new();
    log(&place, "zstd");
    let first = place.run("verify p missing --state done").failed(3, &["missing"]).out_text();
    assert!(first.ends_with("2 packs: 1 sound, 1 could not be read\n"), "{first}");
    fs::copy(place.path("p"), place.path("missing")).unwrap();
    let second = place.run("verify p missing --state done").fine().out_text();
    assert!(second.ends_with("2 packs: 2 sound; 1 verified before\n"), "{second}");
}

#[test]
fn a_url_is_authenticated_without_local_files() {
    let place = Place::new();
    let web = Web::new(ServerBehavior::Normal);
    web.put("/log.pack", log(&place, "zstd"));
    let made = place.run("digests p --json").fine().json();
    web.put("/log.pack.digests", fs::read(place.path("p.digests")).unwrap());
    let (url, root) = (web.url("/log.pack"), made["root"].as_str().unwrap());
    let item = place.run("get p 31415").fine().out().to_vec();
    assert_eq!(place.run(&format!("get {url} 31415 --trust {root}")).fine().out(), item);
    let elsewhere = format!("get p 31415 --trust {root} --digests {url}.digests");
    assert_eq!(place.run(&elsewhere).fine().out(), item);
    let verified = place.run(&format!("verify {url} --json --trust {root}")).fine().json();
    has(&verified, &json!({ "ok": true, "trusted_by": "root" }));
    let report = place.run(&format!("diff {url} p --json")).fine().json();
    has(&report, &json!({ "same": true }));
    let other = "0".repeat(64);
    place.run(&format!("get {url} 31415 --trust {other}")).failed(1, &["trusted"]);
    place
        .run(&format!("get {url}?sig=1 7 --trust {root}"))
        .failed(2, &["name the list with --digests"]);
}
