//! The servers: each test starts its own and stops it at the end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sealpack_tests::child::{RunningProcess, Spawn as _, wait_until};
use tempfile::TempDir;

/// The access key of the tests.
pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The secret of the access key.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The bucket of every server.
pub const BUCKET: &str = "bucket";

/// The program of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// Checks signatures; stores a bucket as a folder.
    S3sFs,
    /// Checks preconditions and part sizes; keeps everything in memory.
    Moto,
}

/// Both programs.
pub const SERVER_KINDS: [ServerKind; 2] = [ServerKind::S3sFs, ServerKind::Moto];

/// A server on loopback.
pub struct Server {
    pub kind: ServerKind,
    pub port: u16,
    _process: RunningProcess,
    folder: TempDir,
}

/// The folder into which `tests/run` installs the servers. It sets the variable for
/// packages that are elsewhere in the repository.
fn tools() -> PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools");
    std::env::var_os("SEALPACK_TOOLS").map_or_else(|| PathBuf::from(usual), PathBuf::from)
}

impl Server {
    pub fn start(kind: ServerKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = match kind {
            ServerKind::S3sFs => {
                std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
                let mut command = Command::new(tools().join("bin/s3s-fs"));
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--access-key", KEY, "--secret-key", SECRET]).arg(folder.path());
                command
            }
            ServerKind::Moto => {
                let mut command = Command::new(tools().join("moto/bin/moto_server"));
                command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                command
            }
        };
        // If this fails, the servers are missing: `tests/run remote` installs them.
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).start();
        let server = Self { kind, port, _process: process, folder };
        server.wait();
        if kind == ServerKind::Moto {
            server.request_unsigned(&format!("PUT /{BUCKET} HTTP/1.1"));
        }
        server
    }

    fn wait(&self) {
        let accepts = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        wait_until(&format!("{:?} to start", self.kind), accepts);
    }

    /// Sends an unsigned request without a body, and returns the complete response.
    fn request_unsigned(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = "host: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        write!(stream, "{request}\r\n{head}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The number of uploads that were neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        match self.kind {
            ServerKind::Moto => {
                let response = self.request_unsigned(&format!("GET /{BUCKET}?uploads HTTP/1.1"));
                assert!(response.contains("ListMultipartUploadsResult"), "{response}");
                response.matches("<UploadId>").count()
            }
            ServerKind::S3sFs => {
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
