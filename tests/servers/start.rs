//! The servers: each test starts its own and stops it at the end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sealpack_tests::child::{Spawn as _, Started, wait_until};
use tempfile::TempDir;

/// The access key of the tests.
pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The secret of the access key.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The bucket of every server.
pub const BUCKET: &str = "bucket";

/// The kind of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Checks signatures; stores a bucket as a folder.
    S3sFs,
    /// Checks preconditions and part sizes; keeps everything in memory.
    Moto,
}

/// Both kinds.
pub const BOTH: [Kind; 2] = [Kind::S3sFs, Kind::Moto];

/// A server on loopback.
pub struct Server {
    pub kind: Kind,
    pub port: u16,
    _process: Started,
    folder: TempDir,
}

/// The folder into which `tests/run remote` installs the servers.
fn tools() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools"))
}

impl Server {
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = match kind {
            Kind::S3sFs => {
                std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
                let mut command = Command::new(tools().join("bin/s3s-fs"));
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--access-key", KEY, "--secret-key", SECRET]).arg(folder.path());
                command
            }
            Kind::Moto => {
                let mut command = Command::new(tools().join("moto/bin/moto_server"));
                command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                command
            }
        };
        // `tests/run remote` installs the servers.
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).start();
        let server = Self { kind, port, _process: process, folder };
        server.wait();
        if kind == Kind::Moto {
            server.raw(&format!("PUT /{BUCKET} HTTP/1.1"));
        }
        server
    }

    fn wait(&self) {
        let is_there = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        wait_until(&format!("{:?} to start", self.kind), is_there);
    }

    /// Sends an unsigned request without a body and returns the whole answer.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = "host: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        write!(stream, "{request}\r\n{head}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The number of uploads that were neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        match self.kind {
            Kind::Moto => {
                let answer = self.raw(&format!("GET /{BUCKET}?uploads HTTP/1.1"));
                assert!(answer.contains("ListMultipartUploadsResult"), "{answer}");
                answer.matches("<UploadId>").count()
            }
            Kind::S3sFs => {
                let names = std::fs::read_dir(self.folder.path()).unwrap();
                let is_part = |name: &str| name.contains("upload");
                names
                    .filter(|entry| is_part(&entry.as_ref().unwrap().file_name().to_string_lossy()))
                    .count()
            }
        }
    }

    /// The settings that the command needs to use the server.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }
}
