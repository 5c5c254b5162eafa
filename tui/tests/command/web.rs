//! A web server on loopback with files in memory, ranges and a log of requests.

#![cfg(feature = "remote")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerBehavior {
    /// Sends ranges and an ETag, like common web servers.
    Normal,
    /// Sends only whole files, whatever the request.
    NoRanges,
    /// Refuses every request.
    Forbidden,
    /// Refuses each request with a long page that contains control characters.
    Hostile,
    /// Answers each request once with "try again".
    Flaky,
}

type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A server that ends with the process.
pub struct Web {
    port: u16,
    files: Files,
    log: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub fn new(behavior: ServerBehavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let web = Self { port, files: Files::default(), log: Arc::default() };
        let (files, log) = (Arc::clone(&web.files), Arc::clone(&web.log));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, log) = (Arc::clone(&files), Arc::clone(&log));
                thread::spawn(move || serve(stream, behavior, &files, &log));
            }
        });
        web
    }

    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(path.into(), bytes);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The requests since the last call: method, path with query, range.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// Answers the requests of a connection, one after another.
fn serve(stream: TcpStream, behavior: ServerBehavior, files: &Files, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut seen = 0;
    loop {
        let mut head = Vec::new();
        for line in reader.by_ref().lines() {
            match line {
                Ok(line) if line.is_empty() => break,
                Ok(line) => head.push(line),
                Err(_) => return,
            }
        }
        let Some(first) = head.first() else { return };
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap().to_string());
        let range = head.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("range").then(|| value.trim().to_string())
        });
        let range = range.filter(|_| behavior != ServerBehavior::NoRanges);
        let entry = format!("{method} {path} {}", range.as_deref().unwrap_or("-"));
        seen += 1;
        let again = behavior == ServerBehavior::Flaky && seen % 2 == 1;
        log.lock().unwrap().push(entry);
        let name = path.split('?').next().unwrap();
        let file = files.lock().unwrap().get(name).cloned();
        let answer = match file {
            _ if again => status("503 Service Unavailable"),
            _ if behavior == ServerBehavior::Forbidden => status("403 Forbidden"),
            _ if behavior == ServerBehavior::Hostile => hostile(),
            None => status("404 Not Found"),
            Some(file) => answer(&file, range.as_deref(), method == "HEAD"),
        };
        if writer.write_all(&answer).is_err() {
            return;
        }
    }
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn hostile() -> Vec<u8> {
    let page = format!(
        "<html>\r\n<b>no such thing</b>\u{1b}]0;pwned\u{7}\nx.pack: sound\n\u{202e}{}",
        "<br>\n".repeat(2000)
    );
    let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", page.len());
    (head + &page).into_bytes()
}

fn answer(file: &[u8], range: Option<&str>, head: bool) -> Vec<u8> {
    let size = file.len();
    let sum = file.iter().fold(7u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let tag = format!("etag: \"{sum:x}\"\r\n");
    let wanted = range.map(|range| {
        let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        match (start.parse::<usize>(), end.parse::<usize>()) {
            (Ok(start), Ok(end)) => start..size.min(end + 1),
            (Ok(start), Err(_)) => start..size,
            (Err(_), last) => size.saturating_sub(last.unwrap())..size,
        }
    });
    let (first, range) = match wanted {
        None => ("200 OK\r\n".to_string(), 0..size),
        Some(wanted) if wanted.is_empty() => return status("416 Range Not Satisfiable"),
        Some(wanted) => {
            let (start, last) = (wanted.start, wanted.end - 1);
            let line =
                format!("206 Partial Content\r\ncontent-range: bytes {start}-{last}/{size}\r\n");
            (line, wanted)
        }
    };
    let length = range.len();
    let mut answer = format!("HTTP/1.1 {first}{tag}content-length: {length}\r\n\r\n").into_bytes();
    if !head {
        answer.extend_from_slice(&file[range]);
    }
    answer
}
