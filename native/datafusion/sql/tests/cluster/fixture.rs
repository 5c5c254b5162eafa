//! The store with its packs, and the processes of the cluster.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use object_store::aws::AmazonS3;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use sealpack::{Writer, Zstd};
use tempfile::TempDir;

use super::child::{RunningProcess, Spawn as _, WAIT_LIMIT};
use super::proxy::SlowProxy;
use super::s3;
use super::start::{Server, ServerKind};

/// The packs of a store.
pub const PACKS: usize = 64;
/// The items of each pack.
pub const ITEMS: usize = 300;
/// One item in so many contains the word `rare`.
pub const RARE_EVERY: usize = 97;
/// Where the packs are.
pub const PREFIX: &str = "s3://bucket/packs/";

/// The text of an item.
pub fn item(pack: usize, position: usize) -> String {
    let kind = if (pack * ITEMS + position).is_multiple_of(RARE_EVERY) { "rare" } else { "common" };
    format!("pack {pack} item {position}: something {kind} happened on host {}", position % 7)
}

/// The number of items with the word `rare`.
pub fn rare_items() -> usize {
    (0..PACKS * ITEMS).filter(|number| number.is_multiple_of(RARE_EVERY)).count()
}

/// The bytes of a pack.
pub fn pack(number: usize, items: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pack");
    let options = Writer::options().items_per_record(32).codec(Zstd::level(1)).content_hash(true);
    let mut writer = options.create(&path).unwrap();
    (0..items).for_each(|position| writer.append(item(number, position).as_bytes()).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

/// The store, reached through a proxy.
pub struct Store {
    pub server: Server,
    pub proxy: SlowProxy,
    client: AmazonS3,
    runtime: tokio::runtime::Runtime,
}

impl Store {
    /// Starts a server, with the packs in it.
    pub fn with_packs(kind: ServerKind) -> Self {
        let server = Server::start(kind);
        let client = s3::client(&server);
        let proxy = SlowProxy::start(server.port);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = Self { server, proxy, client, runtime };
        for number in 0..PACKS {
            store.put(&format!("packs/{number:02}.pack"), pack(number, ITEMS));
        }
        store
    }

    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.runtime.block_on(self.client.put(&path.into(), bytes.into())).unwrap();
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        let read = async { self.client.get(&path.into()).await?.bytes().await };
        self.runtime.block_on(read).unwrap().to_vec()
    }

    pub fn delete(&self, path: &str) {
        self.runtime.block_on(self.client.delete(&path.into())).unwrap();
    }

    /// The objects below a prefix, with their bytes.
    pub fn list(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        use futures::TryStreamExt as _;
        let listed = self.client.list(Some(&prefix.into())).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed).unwrap();
        let paths = listed.into_iter().map(|object| object.location.to_string());
        paths.map(|path| (path.clone(), self.get(&path))).collect()
    }

    /// The settings by which processes reach the store through the proxy.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.server.environment().to_vec();
        settings[0].1 = format!("http://127.0.0.1:{}", self.proxy.port);
        settings
    }
}

/// A scheduler and its executors.
pub struct Cluster {
    pub store: Arc<Store>,
    pub executors: Vec<RunningProcess>,
    _scheduler: RunningProcess,
    address: String,
    logs: TempDir,
}

impl Cluster {
    /// Starts a scheduler and three executors.
    pub fn start(kind: ServerKind) -> Self {
        let store = Arc::new(Store::with_packs(kind));
        let logs = tempfile::tempdir().unwrap();
        let args = "scheduler --port 0 --executor-timeout 4 --min-executors 3";
        let (scheduler, line) = announced(&mut sealpack_sql(&store, args), &logs, "scheduler");
        let address = line.strip_prefix("scheduler: listening on ").unwrap().to_string();
        let mut cluster =
            Self { store, executors: Vec::new(), _scheduler: scheduler, address, logs };
        let executors: Vec<_> = (0..3).map(|_| cluster.start_executor()).collect();
        cluster.executors = executors;
        cluster
    }

    /// Starts another executor.
    pub fn start_executor(&self) -> RunningProcess {
        let args = format!(
            "executor --scheduler {} --port 0 --task-port 0 --cores 2 --heartbeat 1 --memory 512MB",
            self.address
        );
        let number = std::fs::read_dir(self.logs.path()).unwrap().count();
        let name = format!("executor-{number}");
        let mut command = sealpack_sql(&self.store, &args);
        let (executor, line) = announced(command.env("RUST_LOG", "warn"), &self.logs, &name);
        assert!(line.starts_with("executor: serving "), "{line}");
        executor
    }

    /// Starts a query on the cluster, whose result is CSV.
    pub fn query(&self, sql: &str) -> RunningProcess {
        let args = format!("--ballista {} --format csv {PREFIX}", self.address);
        sealpack_sql(&self.store, &args).args(["-c", sql]).start()
    }

    /// Runs a query.
    pub fn answer(&self, sql: &str) -> Answer {
        Answer::new(sql, self.query(sql).end())
    }

    /// The log of the scheduler.
    pub fn scheduler_log(&self) -> String {
        std::fs::read_to_string(self.logs.path().join("scheduler")).unwrap()
    }

    /// The logs of the processes, for the message of a failed test.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.logs.path()).unwrap().map(Result::unwrap) {
            let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(30).collect();
            text += &format!("== {}\n", entry.file_name().display());
            tail.iter().rev().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }
}

/// The result of a query.
pub struct Answer {
    sql: String,
    pub succeeded: bool,
    pub rows: Vec<String>,
    pub message: String,
}

impl Answer {
    pub fn new(sql: &str, output: Output) -> Self {
        let text = String::from_utf8(output.stdout).unwrap();
        Self {
            sql: sql.to_string(),
            succeeded: output.status.success(),
            // The first line is the header.
            rows: text.lines().skip(1).map(str::to_string).collect(),
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The rows of a query that must have succeeded.
    #[track_caller]
    pub fn rows(&self, cluster: &Cluster) -> &[String] {
        assert!(self.succeeded, "{}: {}\n{}", self.sql, self.message, cluster.logs());
        &self.rows
    }

    /// The only value of a query that must have succeeded.
    #[track_caller]
    pub fn value(&self, cluster: &Cluster) -> &str {
        let rows = self.rows(cluster);
        assert_eq!(rows.len(), 1, "{}: {rows:?}", self.sql);
        &rows[0]
    }

    /// The message of a query that must have failed, and printed nothing.
    #[track_caller]
    pub fn error(&self) -> &str {
        assert!(!self.succeeded, "{}: {:?}", self.sql, self.rows);
        assert!(self.rows.is_empty(), "{}: {:?}", self.sql, self.rows);
        &self.message
    }
}

/// The command, with the settings of a store.
pub fn sealpack_sql(store: &Store, args: &str) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_sealpack-sql")));
    command.args(args.split_whitespace()).envs(store.environment());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a process, and waits for the first line that it prints.
fn announced(command: &mut Command, logs: &TempDir, name: &str) -> (RunningProcess, String) {
    let path = logs.path().join(name);
    let log = std::fs::File::create(&path).unwrap();
    let mut process = command.stderr(log).start();
    let output = process.stdout();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            drop(sender.send(line));
        }
    });
    let line = receiver.recv_timeout(WAIT_LIMIT).unwrap_or_else(|_| {
        panic!("{name} does not start: {}", std::fs::read_to_string(&path).unwrap_or_default())
    });
    (process, line)
}
