//! Packs of every shape, in a folder and in a store in memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{ObjectStore, ObjectStoreExt as _};
use datafusion::prelude::{SessionConfig, SessionContext};
use sealpack::{
    DictionaryTraining, PackIdentity, Plain, SetManifest, SetMember, Writer, WriterOptions, Zstd,
};
use tempfile::TempDir;
use url::Url;

use crate::s3;
use crate::start::{BUCKET, Server};

/// Writes a pack of these items.
pub fn write(path: &Path, options: WriterOptions, items: &[Vec<u8>]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = options.create(path).unwrap();
    for item in items {
        writer.append(item).unwrap();
    }
    writer.finish().unwrap();
}

/// Items of different lengths, some of them empty.
pub fn lines(count: usize) -> Vec<Vec<u8>> {
    let line = |number: usize| match number % 10 {
        7 => Vec::new(),
        rest => format!("line {number}: {}", "abcdef ".repeat(rest)).into_bytes(),
    };
    (0..count).map(line).collect()
}

fn write_named(path: &Path, options: WriterOptions) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = options.items_per_record(4).create(path).unwrap();
    for number in 0..30 {
        let item = format!("content {number}");
        // Every sixth item has no name, and two share theirs.
        match number {
            number if number % 6 == 5 => writer.append(item.as_bytes()).unwrap(),
            12 => writer.append_named(b"dir/file-10", item.as_bytes()).unwrap(),
            number => {
                let name = format!("dir/file-{number:02}");
                writer.append_named(name.as_bytes(), item.as_bytes()).unwrap();
            }
        }
    }
    writer.finish().unwrap();
}

/// A folder with packs of every shape.
pub struct Packs {
    pub folder: TempDir,
}

impl Packs {
    /// A copy of packs that are written once.
    pub fn write() -> Self {
        static WRITTEN: LazyLock<Packs> = LazyLock::new(Packs::write_all);
        let folder = tempfile::tempdir().unwrap();
        copy_folder(WRITTEN.folder.path(), folder.path());
        Self { folder }
    }

    fn write_all() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join("shapes").join(name);
        let options = || Writer::options().threads(1);
        write(&at("plain.pack"), options().codec(Plain).items_per_record(8), &lines(100));
        write(&at("zstd.pack"), options().codec(Zstd::level(3)), &lines(1000));
        write(&at("single.pack"), options().codec(Zstd::level(3)).items_per_record(1), &lines(40));
        write(&at("single_plain.pack"), options().codec(Plain).items_per_record(1), &lines(40));
        write(&at("checksum.pack"), options().codec(Plain).record_checksum(true), &lines(300));
        write(&at("empty.pack"), options(), &[]);
        write(&at("blank.pack"), options(), &vec![Vec::new(); 50]);
        let training = DictionaryTraining::of_size(4096).unwrap();
        write(
            &at("dictionary.pack"),
            options().codec(Zstd::level(3).learned_dictionary(training, 32 << 10)),
            &lines(3000),
        );
        let large = vec![vec![b'a'; 5 << 20], b"small".to_vec(), vec![b'b'; 9 << 20]];
        write(&at("large.pack"), options().codec(Plain), &large);
        write_named(&at("named.pack"), options());
        write_named(&at("named_aside.pack"), options().max_names_in_pack(0));
        let bytes = vec![b"text".to_vec(), vec![0xff, 0xfe], b"more".to_vec()];
        write(&folder.path().join("binary/bytes.pack"), options(), &bytes);
        for (year, count) in [("2025", 10), ("2026", 20)] {
            let path = folder.path().join(format!("folders/year={year}/day=a%20b/x.pack"));
            write(&path, options(), &lines(count));
        }
        write_set(&folder.path().join("set"));
        Self { folder }
    }

    /// The shapes, by name.
    pub fn shapes(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(self.folder.path().join("shapes"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "pack"))
            .collect();
        paths.sort();
        paths
    }

    /// A session, and the URL of the folder.
    pub fn local(&self) -> (SessionContext, String) {
        let base = Url::from_directory_path(self.folder.path().canonicalize().unwrap()).unwrap();
        (session(), base.to_string())
    }

    /// A session with a copy of the folder in memory, and its URL.
    pub async fn in_memory(&self) -> (SessionContext, String) {
        let store = Arc::new(InMemory::new());
        copy(self.folder.path(), &ObjectPath::default(), store.as_ref()).await;
        let ctx = session();
        ctx.register_object_store(&Url::parse("memory://packs").unwrap(), store);
        (ctx, "memory://packs/".into())
    }

    /// A session with a copy of the folder in an S3 server, below this prefix, and its URL.
    pub async fn on_s3(&self, server: &Server, prefix: &str) -> (SessionContext, String) {
        let store = s3::client(server);
        copy(self.folder.path(), &ObjectPath::parse(prefix).unwrap(), &store).await;
        let ctx = session();
        let bucket = format!("s3://{BUCKET}");
        ctx.register_object_store(&Url::parse(&bucket).unwrap(), Arc::new(store));
        (ctx, format!("{bucket}/{prefix}/"))
    }
}

fn write_set(folder: &Path) {
    let mut members = Vec::new();
    // The set has its own order.
    for (name, count) in [("b.pack", 30), ("a.pack", 20)] {
        let path = folder.join(name);
        write(&path, Writer::options().digest_list(true), &lines(count));
        let identity = PackIdentity::of_file(&path).unwrap();
        members.push(SetMember { name: name.parse().unwrap(), identity });
    }
    SetManifest::new(members).unwrap().publish(folder.join("set.json"), false).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Copies a folder into a store.
pub async fn copy(folder: &Path, to: &ObjectPath, store: &dyn ObjectStore) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let target = ObjectPath::parse(format!("{to}/{name}").trim_start_matches('/')).unwrap();
        if path.is_dir() {
            Box::pin(copy(&path, &target, store)).await;
        } else {
            store.put(&target, std::fs::read(&path).unwrap().into()).await.unwrap();
        }
    }
}

/// A session with four partitions, which splits even small packs.
pub fn session() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(4)
        .with_repartition_file_min_size(64)
        .with_information_schema(true);
    let ctx = SessionContext::new_with_config(config);
    sealpack_datafusion::register(&ctx).unwrap();
    ctx
}
