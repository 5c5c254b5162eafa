//! A small S3 server in memory that loses responses or sends wrong ones.

#![cfg(feature = "remote")]

use std::collections::{BTreeMap, HashSet};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::child::Spawn as _;
use crate::http::{Reply, Request, Server, file, reply};
use crate::run::{Place, Run};

/// The faults of a store. A fault that happens once happens once for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerQuirk {
    None,
    /// The connection closes once after a put or a completion has succeeded.
    LosesResponses,
    /// A put that has succeeded returns 500 once.
    FailsAfterPut,
    /// A conditional write conflicts with another one once.
    Conflicts,
    /// A put or a part returns 400 RequestTimeout once.
    TimesOut,
    /// Another writer's object appears after the upload has begun.
    AnotherWriterWins,
    /// `If-None-Match` is not implemented.
    RejectsConditions,
    /// Responses to puts have no ETag.
    OmitsETag,
    /// Listings have ETags without quotes.
    ListsUnquoted,
    /// The clock is wrong.
    HasWrongClock,
    /// Credentials expire within an upload.
    Expires,
    /// Parts and aborts get no response.
    Stalls,
}

#[derive(Default)]
struct Object {
    bytes: Vec<u8>,
    metadata: Vec<(String, String)>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, (Object, BTreeMap<usize, Vec<u8>>)>,
    begun: usize,
    happened: HashSet<String>,
    keeps_metadata: bool,
}

/// A store with the bucket `bucket`.
pub struct S3 {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl S3 {
    pub fn new(quirk: ServerQuirk) -> Self {
        let state = Arc::new(Mutex::new(State { keeps_metadata: true, ..State::default() }));
        let own = Arc::clone(&state);
        let server = Server::new(move |request| own.lock().unwrap().answer(request, quirk));
        Self { server, state }
    }

    /// The same, as stores that drop metadata.
    pub fn without_metadata(self) -> Self {
        self.state.lock().unwrap().keeps_metadata = false;
        self
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        let object = Object { bytes: bytes.to_vec(), ..Object::default() };
        self.state.lock().unwrap().objects.insert(key.into(), object);
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().objects.get(key).map(|object| object.bytes.clone())
    }

    pub fn open_uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    pub fn command(&self, place: &Place, args: &str) -> Command {
        let mut command = place.command(args.split_whitespace());
        command
            .env("AWS_ENDPOINT", format!("http://{}", self.server.address()))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    }

    pub fn run(&self, place: &Place, args: &str) -> Run {
        Run { output: self.command(place, args).run() }
    }
}

fn e_tag(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("\"{sum:016x}\"")
}

fn error(to: &Request, status: &str, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    reply(to, status, &[], body.as_bytes())
}

impl State {
    fn once(&mut self, key: &str) -> bool {
        self.happened.insert(key.into())
    }

    fn answer(&mut self, request: &Request, quirk: ServerQuirk) -> Reply {
        if quirk == ServerQuirk::HasWrongClock {
            return error(request, "403 Forbidden", "RequestTimeTooSkewed");
        }
        let key = request.path().strip_prefix("/bucket").unwrap();
        let key = key.strip_prefix('/').unwrap_or_default().to_string();
        let conditional = request.header("if-none-match").is_some();
        if conditional && quirk == ServerQuirk::RejectsConditions {
            return error(request, "501 Not Implemented", "NotImplemented");
        }
        if conditional && quirk == ServerQuirk::Conflicts && self.once(&key) {
            return error(request, "409 Conflict", "ConditionalRequestConflict");
        }
        match (request.method.as_str(), request.query("uploadId")) {
            ("PUT", Some(id)) => self.put_part(request, id, quirk),
            ("PUT", None) => self.put(request, &key, quirk),
            ("POST", None) => self.begin(request, key, quirk),
            ("POST", Some(id)) => self.complete(request, &key, id, quirk),
            ("DELETE", Some(_)) if quirk == ServerQuirk::Stalls => Reply::Silence,
            ("DELETE", Some(_)) if quirk == ServerQuirk::Expires => {
                error(request, "400 Bad Request", "ExpiredToken")
            }
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                reply(request, "204 No Content", &[], b"")
            }
            ("GET", None) if key.is_empty() => self.list(request, quirk),
            ("GET" | "HEAD", None) => self.get(request, &key),
            _ => panic!("{request:?}"),
        }
    }

    fn is_taken(&self, request: &Request, key: &str) -> bool {
        request.header("if-none-match").is_some() && self.objects.contains_key(key)
    }

    fn object(&self, request: &Request, bytes: &[u8]) -> Object {
        let metadata = match self.keeps_metadata {
            true => request.headers_of("x-amz-meta-"),
            false => Vec::new(),
        };
        Object { bytes: bytes.to_vec(), metadata }
    }

    fn put(&mut self, request: &Request, key: &str, quirk: ServerQuirk) -> Reply {
        if quirk == ServerQuirk::TimesOut && self.once(key) {
            return error(request, "400 Bad Request", "RequestTimeout");
        }
        if self.is_taken(request, key) {
            return error(request, "412 Precondition Failed", "PreconditionFailed");
        }
        self.objects.insert(key.into(), self.object(request, &request.body));
        match quirk {
            ServerQuirk::LosesResponses if self.once(key) => Reply::Last(Vec::new()),
            ServerQuirk::FailsAfterPut if self.once(key) => {
                error(request, "500 No", "InternalError")
            }
            ServerQuirk::OmitsETag => reply(request, "200 OK", &[], b""),
            _ => reply(request, "200 OK", &[("etag", &e_tag(&request.body))], b""),
        }
    }

    fn begin(&mut self, request: &Request, key: String, quirk: ServerQuirk) -> Reply {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), (self.object(request, b""), BTreeMap::new()));
        if quirk == ServerQuirk::AnotherWriterWins {
            self.objects.insert(key, Object { bytes: b"theirs".to_vec(), ..Object::default() });
        }
        let body = format!("<R><UploadId>{id}</UploadId></R>");
        reply(request, "200 OK", &[], body.as_bytes())
    }

    fn put_part(&mut self, request: &Request, id: &str, quirk: ServerQuirk) -> Reply {
        let number = request.query("partNumber").unwrap().parse().unwrap();
        match quirk {
            ServerQuirk::Stalls => return Reply::Silence,
            ServerQuirk::TimesOut if self.once(&request.target) => {
                return error(request, "400 Bad Request", "RequestTimeout");
            }
            ServerQuirk::Expires if number > 1 => {
                return error(request, "400 Bad Request", "ExpiredToken");
            }
            _ => {}
        }
        let Some((_, parts)) = self.uploads.get_mut(id) else {
            return error(request, "404 Not Found", "NoSuchUpload");
        };
        parts.insert(number, request.body.clone());
        reply(request, "200 OK", &[("etag", &e_tag(&request.body))], b"")
    }

    fn complete(&mut self, request: &Request, key: &str, id: &str, quirk: ServerQuirk) -> Reply {
        if !self.uploads.contains_key(id) {
            return error(request, "404 Not Found", "NoSuchUpload");
        }
        if self.is_taken(request, key) {
            return error(request, "412 Precondition Failed", "PreconditionFailed");
        }
        let (mut object, parts) = self.uploads.remove(id).unwrap();
        object.bytes = parts.into_values().flatten().collect();
        let body = format!("<R><ETag>{}</ETag></R>", e_tag(&object.bytes).replace('"', "&quot;"));
        self.objects.insert(key.into(), object);
        match quirk {
            ServerQuirk::LosesResponses if self.once(key) => Reply::Last(Vec::new()),
            _ => reply(request, "200 OK", &[], body.as_bytes()),
        }
    }

    fn get(&self, request: &Request, key: &str) -> Reply {
        let Some(object) = self.objects.get(key) else {
            return error(request, "404 Not Found", "NoSuchKey");
        };
        let e_tag = e_tag(&object.bytes);
        if request.header("if-match").is_some_and(|expected| expected != e_tag) {
            return error(request, "412 Precondition Failed", "PreconditionFailed");
        }
        let mut headers = vec![("etag", e_tag.as_str()), ("last-modified", DATE)];
        headers.extend(object.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        file(request, &headers, &object.bytes)
    }

    fn list(&self, request: &Request, quirk: ServerQuirk) -> Reply {
        let prefix = request.query("prefix").unwrap_or_default().replace("%2F", "/");
        let entries = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        let entry = |(key, object): (&String, &Object)| {
            let e_tag = match quirk {
                ServerQuirk::ListsUnquoted => e_tag(&object.bytes).replace('"', ""),
                _ => e_tag(&object.bytes).replace('"', "&quot;"),
            };
            let (key, size) = (key.replace('&', "&amp;"), object.bytes.len());
            format!(
                "<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified>\
                 <ETag>{e_tag}</ETag><Size>{size}</Size></Contents>"
            )
        };
        let entries: String = entries.map(entry).collect();
        let body = format!("<ListBucketResult><Name>bucket</Name>{entries}</ListBucketResult>");
        reply(request, "200 OK", &[], body.as_bytes())
    }
}

/// The date of every object.
pub const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
