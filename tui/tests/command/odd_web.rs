//! Web servers with unusual responses, some of which violate HTTP.

#![cfg(feature = "remote")]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::child::Spawn as _;
use crate::http::{Reply, Request, Server, file, reply};
use crate::run::{Place, Run};
use crate::s3::DATE;

/// A pack larger than the read that opens it.
fn pack(place: &Place) -> Vec<u8> {
    let line = |i: u32| format!("line {i} {}\n", i.wrapping_mul(2_654_435_761));
    let text: String = (0..60_000).map(line).collect();
    place.feed("pack --lines - -o p --force --codec none", text.as_bytes()).fine();
    fs::read(place.path("p")).unwrap()
}

/// A server that answers every request for a pack with `answer`.
fn server(
    place: &Place,
    answer: impl Fn(&Request, &[u8]) -> Reply + Send + Sync + 'static,
) -> Server {
    let pack = pack(place);
    Server::new(move |request| answer(request, &pack))
}

type Answer = fn(&Request, &[u8]) -> Reply;

const E_TAG: (&str, &str) = ("etag", "\"e\"");

/// A response to a range request with custom headers.
fn ranged(request: &Request, pack: &[u8], head: impl Fn(usize, usize, usize) -> String) -> Reply {
    let Some(range) = request.range(pack.len()) else { return file(request, &[E_TAG], pack) };
    let head = head(range.start, range.end - 1, pack.len());
    Reply::Last([head.as_bytes(), &pack[range]].concat())
}

fn chunked(request: &Request, pack: &[u8]) -> Reply {
    let Some(range) = request.range(pack.len()) else { return file(request, &[E_TAG], pack) };
    let mut answer = format!(
        "HTTP/1.1 206 Partial Content\r\ntransfer-encoding: chunked\r\netag: \"e\"\r\n\
         content-range: bytes {}-{}/*\r\n\r\n",
        range.start,
        range.end - 1
    )
    .into_bytes();
    for chunk in pack[range].chunks(10_000) {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend_from_slice(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    Reply::Bytes(answer)
}

#[test]
fn every_response_that_http_allows_is_understood() {
    let place = Place::new();
    let legal: [Answer; 4] = [
        |request, pack| {
            ranged(request, pack, |first, last, _| {
                format!(
                    "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{last}/*\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n",
                    last + 1 - first
                )
            })
        },
        |request, pack| {
            ranged(request, pack, |first, last, size| {
                format!("HTTP/1.0 206 OK\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n")
            })
        },
        chunked,
        |request, pack| {
            let nonsense = [("etag", "\"\u{e9}\""), ("last-modified", "yesterday")];
            file(request, &nonsense, pack)
        },
    ];
    for (number, answer) in legal.into_iter().enumerate() {
        let server = server(&place, answer);
        let url = server.url("/a.pack");
        let found = place.run(&format!("get {url} 41 59999 7 --lines")).fine().out().to_vec();
        assert!(found == place.run("get p 41 59999 7 --lines").fine().out(), "{number}");
        place.run(&format!("verify {url}")).fine();
    }
}

#[test]
fn a_path_is_requested_unchanged() {
    let place = Place::new();
    let server = server(&place, |request, pack| file(request, &[E_TAG], pack));
    for path in ["/a//b.pack", "/a%2Fb.pack", "/a%20b.pack", "/x/", "/%C3%BC.pack?q=a%2Fb&c"] {
        place.run(&format!("info {}", server.url(path))).fine();
        let requests = server.requests();
        assert!(requests.iter().all(|request| request.target == path), "{path}: {requests:?}");
    }
    place.run(&format!("info {}", server.url("/a#1.pack"))).failed(2, &["%23"]);
}

#[test]
fn a_user_and_a_password_are_sent_and_never_shown() {
    let place = Place::new();
    let server = server(&place, |request, pack| match request.header("authorization") {
        Some("Basic dXNlcjpzM2NyZXQ=") => file(request, &[E_TAG], pack),
        _ => reply(request, "401 Unauthorized", &[("www-authenticate", "Basic")], b""),
    });
    let url = |login: &str| format!("http://{login}@{}/a.pack?sig=s3cret", server.address());
    let good = url("user:s3cret");
    for args in [
        format!("info {good}"),
        format!("info {good} --json"),
        format!("verify {good}"),
        format!("verify {good} --json --state done"),
        format!("get {good} 7"),
        format!("digests {good} --print"),
        format!("diff {good} {good}"),
    ] {
        let run = place.run(&args).fine();
        assert!(!run.out_text().contains("s3cret"), "{args}: {}", run.out_text());
    }
    assert!(!fs::read_to_string(place.path("done")).unwrap().contains("s3cret"));
    let bad = url("user:s3cret2");
    for args in [format!("info {bad}"), format!("verify {bad} --json"), format!("info {bad}#x")] {
        let run = place.run(&args);
        assert_ne!(run.code(), Some(0));
        assert!(!(run.out_text() + &run.err()).contains("s3cret"), "{}", run.err());
    }
}

#[test]
fn e_tags_that_differ_by_server_are_named_with_the_option_that_helps() {
    let place = Place::new();
    let count = AtomicUsize::new(0);
    let server = server(&place, move |request, pack| {
        let e_tag = format!("\"server {}\"", count.fetch_add(1, Ordering::SeqCst));
        file(request, &[("etag", &e_tag), ("last-modified", DATE)], pack)
    });
    let url = server.url("/a.pack");
    for command in ["verify", "cat"] {
        place.run(&format!("{command} {url}")).failed(3, &["ETag", "--no-etag"]);
        place.run(&format!("{command} {url} --no-etag")).fine();
    }
    place.run(&format!("get {url} 5 --no-etag")).fine();
}

#[test]
fn a_condition_that_fails_wrongly_is_not_reported_as_a_change() {
    let place = Place::new();
    let server = server(&place, |request, pack| match request.header("if-match") {
        Some(_) => reply(request, "412 Precondition Failed", &[], b""),
        None => file(request, &[E_TAG], pack),
    });
    place.run(&format!("verify {}", server.url("/a.pack"))).fine();
}

/// Errors say what is wrong and what helps; they say "replaced", "no such object" or
/// "download the file" only if that is true.
#[test]
fn unusable_responses_are_explained() {
    let place = Place::new();
    let answers: [(Answer, &[&str]); 5] = [
        (
            |request, _| {
                let page = [("content-type", "text/html; charset=utf-8")];
                reply(request, "200 OK", &page, b"<html>please log in</html>")
            },
            &["web page", "login"],
        ),
        (
            |request, _| reply(request, "405 Method Not Allowed", &[], b""),
            &["405 Method Not Allowed"],
        ),
        (
            |request, pack| {
                ranged(request, pack, |first, last, size| {
                    format!(
                        "HTTP/1.1 206 Partial Content\r\ncontent-encoding: gzip\r\netag: \"e\"\r\n\
                         content-range: bytes {first}-{last}/{size}\r\ncontent-length: 100\r\n\r\n"
                    )
                })
            },
            &["compress"],
        ),
        (
            |request, _| {
                reply(request, "400 Bad Request", &[], &b"\x1b[31mno\nline 2".repeat(9000))
            },
            &["400 Bad Request"],
        ),
        (|request, _| reply(request, "400 No", &[], &[0xff; 100]), &["the server answered 400"]),
    ];
    for (answer, words) in answers {
        let server = server(&place, answer);
        let run = place.run(&format!("cat {}", server.url("/a.pack"))).failed(3, words);
        let err = run.err();
        for wrong in ["replaced", "no such object", "download the file, and", "line 2", "\x1b"] {
            assert!(!err.contains(wrong), "{wrong} in: {err}");
        }
        assert!(err.len() < 1000 && err.lines().count() <= 2, "{err}");
    }
}

#[test]
fn a_web_server_is_not_written_to_and_no_work_is_done_for_it() {
    let place = Place::new();
    place.file("in", "text");
    let server = server(&place, |request, _| reply(request, "201 Created", &[], b""));
    for args in ["pack in -o", "pack missing -o", "pack in --force -o"] {
        let url = server.url("/new.pack");
        place
            .run(&format!("{args} {url}"))
            .failed(2, &[&url, "cannot be written to a web server", "s3://"]);
    }
    assert!(server.requests().is_empty());
}

/// A stack size that no machine can provide simulates a system that refuses threads.
#[test]
fn a_system_that_refuses_threads_is_an_error_and_no_panic() {
    let place = Place::new();
    let server = server(&place, |request, pack| file(request, &[E_TAG], pack));
    let mut command = place.command(["info", &server.url("/a.pack")]);
    let output = command.env("RUST_MIN_STACK", (1u64 << 46).to_string()).run();
    let run = Run { output }.failed(3, &["cannot send requests"]);
    assert!(!run.err().contains("panicked"), "{}", run.err());
}
