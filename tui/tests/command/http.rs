//! HTTP servers on loopback whose responses a test defines byte by byte.

#![cfg(feature = "remote")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// A parameter of the query, as it was sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == name).then_some(value)
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The headers whose names begin so.
    pub fn headers_of(&self, prefix: &str) -> Vec<(String, String)> {
        let headers = self.headers.iter();
        headers.filter(|(name, _)| name.to_lowercase().starts_with(prefix)).cloned().collect()
    }

    /// The bytes that `Range` asks for, of a file of this size.
    pub fn range(&self, size: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some(match (start.parse::<usize>(), end.parse::<usize>()) {
            (Ok(start), Ok(end)) => start..size.min(end + 1),
            (Ok(start), Err(_)) => start..size,
            (Err(_), last) => size.saturating_sub(last.unwrap())..size,
        })
    }
}

/// The response to a request.
pub enum Reply {
    /// Sends these bytes and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Last(Vec<u8>),
    /// Sends nothing for longer than any test takes.
    Silence,
}

/// A response with a `Content-Length`, without a body for `HEAD`.
pub fn reply(to: &Request, status: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| answer += &format!("{name}: {value}\r\n"));
    let mut answer = (answer + "\r\n").into_bytes();
    if to.method != "HEAD" {
        answer.extend_from_slice(body);
    }
    Reply::Bytes(answer)
}

/// The file, or the requested range of it.
pub fn file(to: &Request, headers: &[(&str, &str)], file: &[u8]) -> Reply {
    match to.range(file.len()) {
        None => reply(to, "200 OK", headers, file),
        Some(range) => {
            let (first, last) = (range.start, range.end - 1);
            let range_header = format!("bytes {first}-{last}/{}", file.len());
            let headers = [headers, &[("content-range", range_header.as_str())]].concat();
            reply(to, "206 Partial Content", &headers, &file[range])
        }
    }
}

/// A server that ends with the process.
pub struct Server {
    port: u16,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), log: Arc::default() };
        let (answer, log) = (Arc::new(answer), Arc::clone(&server.log));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || serve(&stream, answer.as_ref(), &log));
            }
        });
        server
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Request) -> Reply, log: &Mutex<Vec<Request>>) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some(request) = read(&mut reader) {
        log.lock().unwrap().push(request.clone());
        let sent = match answer(&request) {
            Reply::Bytes(bytes) => writer.write_all(&bytes),
            Reply::Last(bytes) => {
                let _ = writer.write_all(&bytes);
                return;
            }
            Reply::Silence => {
                thread::sleep(Duration::from_secs(600));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_string()),
        }
    }
    let mut words = lines.first()?.split(' ');
    let (method, target) = (words.next()?.into(), words.next()?.into());
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_string(), value.trim().to_string()))
    };
    let headers = lines.iter().skip(1).filter_map(header).collect();
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
